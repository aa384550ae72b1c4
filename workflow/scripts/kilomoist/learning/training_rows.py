"""Training rows of each method, in the space in which it learns."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.grids import COARSE_SIDE
from kilomoist.learning.details import Cells, detail_rows


@dataclass(frozen=True)
class TrainingRows:
    """Training rows of a method, a row a cell: `x` is (rows, predictors), all else (rows,)."""

    x: NDArray[np.float32]
    y: NDArray[np.float64]
    """m³/m³"""
    row: NDArray[np.int64]
    """In M09, as `column`."""
    column: NDArray[np.int64]
    trained: NDArray[np.bool_]
    """Mask of those on which the run's own model was trained."""


def learned_rows(
    method: str, samples: pd.DataFrame, cells: Cells, use: list[str], minimum_fraction: float, ratio: int = COARSE_SIDE
) -> TrainingRows:
    """All rows of a method in its own space: values of the samples, or details of the complete cells at a `ratio`."""
    if method == "absolute":
        x, y = samples[use].to_numpy(np.float32), samples["target"].to_numpy()
        trained = (samples["split"] == "train").to_numpy()
        return TrainingRows(x, y, samples["row"].to_numpy(), samples["col"].to_numpy(), trained)
    x, y = detail_rows(cells, minimum_fraction, ratio)
    row, column = np.nonzero(cells.complete())
    return TrainingRows(x, y, row + cells.window.row, column + cells.window.column, np.ones(len(y), bool))
