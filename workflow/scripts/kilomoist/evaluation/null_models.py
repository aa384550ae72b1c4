"""Null models: what a map or a model must beat."""

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, interpolate
from kilomoist.grids import Window
from kilomoist.learning import learners
from kilomoist.learning.learners import LearnerSettings
from kilomoist.reconciliation import reconcile


def null_models(
    target: NDArray, cells: Window, valid: NDArray[np.bool_], factor: int, minimum_fraction: float
) -> dict[str, Values]:
    """What a map must beat, on the valid pixels: `copied`, `bilinear` and `bilinear_reconciled` cell values."""
    copied = np.kron(target, np.ones((factor, factor)))
    bilinear = np.where(valid, interpolate(target, cells, cells.refined(factor), factor), np.nan)
    return {
        "copied": np.where(valid, copied, np.nan),
        "bilinear": bilinear,
        "bilinear_reconciled": reconcile(bilinear, target, factor, cells, minimum_fraction)[0],
    }


def null_estimates(x: NDArray, y: NDArray, of: NDArray) -> dict[str, Values]:
    """What needs no forest: the mean of the training rows, and a linear model of them."""
    linear = learners.fit(LearnerSettings("linear", 1, 0), x, y)
    return {"mean": np.full(len(of), y.mean()), "linear": learners.predict_mean(linear, of)}
