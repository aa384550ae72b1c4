"""The experiment one scale up, where SMAP is known: 36 km cells to learn from, 9 km cells to map."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import Values, aligned, coarsen
from kilomoist.grids import COARSE_SIDE, Window
from kilomoist.learning.details import Cells

MIN_TRAINING_ROWS = 20
"""Rows below which nothing is trained in a fold or one level up."""


@dataclass(frozen=True)
class CoarseExperiment:
    """Coarse cells of 36 km to learn from, and the 9 km cells below them to map."""

    above: Cells
    samples: pd.DataFrame
    """Complete coarse cells as training rows."""
    window: Window
    """Of the cells below, whole coarse cells."""
    stack: Values
    """(predictors, *window.shape): the cells' predictors, NaN where `valid` is False."""
    truth: Values
    """The cells' target."""
    valid: NDArray[np.bool_]
    """Complete cells in a coarse cell with a value."""

    @property
    def can_learn(self) -> bool:
        """True where there are enough coarse cells."""
        return len(self.samples) >= MIN_TRAINING_ROWS


def coarse_experiment(cells: Cells, use: Sequence[str], minimum_fraction: float) -> CoarseExperiment:
    """The experiment that maps a region's 9 km cells and learns from their means."""
    layers = (cells.target, *cells.predictors)
    means = [coarsen(layer, cells.window, COARSE_SIDE, minimum_fraction) for layer in layers]
    (target, coarse), predictors = means[0], np.stack([layer for layer, _ in means[1:]])
    above = Cells(target, predictors, coarse)
    stack, truth = (aligned(layers, cells.window, COARSE_SIDE)[0] for layers in (cells.predictors, cells.target))
    known = np.isfinite(np.kron(target, np.ones((COARSE_SIDE, COARSE_SIDE))))
    valid = np.isfinite(stack).all(axis=0) & np.isfinite(truth) & known
    stack[:, ~valid] = np.nan
    row, column = np.nonzero(above.complete())
    columns = {"row": row + coarse.row, "col": column + coarse.column, "target": target[row, column]}
    samples = pd.DataFrame(columns | dict(zip(use, predictors[:, row, column], strict=True)) | {"split": "train"})
    return CoarseExperiment(above, samples, coarse.refined(COARSE_SIDE), stack, truth, valid)
