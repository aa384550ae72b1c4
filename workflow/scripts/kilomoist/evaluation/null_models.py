"""Null models of maps: what the target's cells say without any predictor."""

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, interpolate
from kilomoist.grids import Window
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
