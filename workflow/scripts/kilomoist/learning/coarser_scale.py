"""The experiment one scale up, where SMAP is known: 36 km cells to learn from, 9 km cells to map."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import Values, aligned, interpolate, repeated
from kilomoist.grids import COARSE_SIDE, Window
from kilomoist.learning.details import Cells
from kilomoist.reconciliation import reconcile

MIN_TRAINING_ROWS = 20
"""Rows below which nothing is trained in a fold or one level up."""


def coarse_experiment(cells: Cells, use: Sequence[str], minimum_fraction: float) -> tuple[Cells, Cells, pd.DataFrame]:
    """Coarse cells of 36 km to learn from, the 9 km cells below them to map, and the complete former as training rows.

    The cells below are those of `cells` that are complete and lie in a coarse cell with a target; all else is missing.
    """
    above = cells.coarsened(COARSE_SIDE, minimum_fraction)
    truth, stack = (aligned(layers, cells.window, COARSE_SIDE)[0] for layers in (cells.target, cells.predictors))
    below = Cells(truth, stack, above.window.refined(COARSE_SIDE))
    known = repeated(np.isfinite(above.target), COARSE_SIDE)
    missing = ~(below.complete() & known)
    truth[missing] = stack[:, missing] = np.nan
    row, column = np.nonzero(above.complete())
    places = {"row": row + above.window.row, "col": column + above.window.column, "target": above.target[row, column]}
    values = dict(zip(use, above.predictors[:, row, column], strict=True))
    return above, below, pd.DataFrame(places | values | {"split": "train"})


def null_models(
    target: NDArray, cells: Window, valid: NDArray[np.bool_], factor: int, minimum_fraction: float
) -> dict[str, Values]:
    """Null models of a map, on the valid pixels: `copied`, `bilinear` and `bilinear_reconciled` cell values."""
    copied = np.where(valid, repeated(target, factor), np.nan)
    bilinear = np.where(valid, interpolate(target, cells, cells.refined(factor), factor), np.nan)
    reconciled, _ = reconcile(bilinear, target, factor, cells, minimum_fraction)
    return {"copied": copied, "bilinear": bilinear, "bilinear_reconciled": reconciled}
