"""The experiment one scale up: 36 km cells to learn from, 9 km cells to map, where SMAP is known."""

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
    """Everything one level up: coarse cells of 36 km to learn from, and the 9 km cells below them to map."""

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
        """Whether there are enough coarse cells."""
        return len(self.samples) >= MIN_TRAINING_ROWS


def coarse_experiment(cells: Cells, use: Sequence[str], minimum_fraction: float) -> CoarseExperiment:
    """A region's 9 km cells as what is mapped, and their means as what is learned from."""
    target, coarse = coarsen(cells.target, cells.window, COARSE_SIDE, minimum_fraction)
    predictors = np.stack(
        [coarsen(layer, cells.window, COARSE_SIDE, minimum_fraction)[0] for layer in cells.predictors]
    )
    above = Cells(target, predictors, coarse)
    stack, truth = (aligned(layers, cells.window, COARSE_SIDE)[0] for layers in (cells.predictors, cells.target))
    known = np.isfinite(np.kron(target, np.ones((COARSE_SIDE, COARSE_SIDE))))
    valid = np.isfinite(stack).all(axis=0) & np.isfinite(truth) & known
    stack[:, ~valid] = np.nan
    samples = _rows_of(above, list(use))
    return CoarseExperiment(above, samples, coarse.refined(COARSE_SIDE), stack, truth, valid)


def _rows_of(cells: Cells, use: list[str]) -> pd.DataFrame:
    """Complete cells as training rows, all of them in the training split."""
    row, column = np.nonzero(cells.complete())
    return pd.DataFrame(
        {
            "row": row + cells.window.row,
            "col": column + cells.window.column,
            "target": cells.target[row, column],
            **dict(zip(use, cells.predictors[:, row, column], strict=True)),
            "split": "train",
        }
    )
