"""Spatial folds of training rows, which are cells of M09, and out-of-fold predictions."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kilomoist.grids import COARSE_SIDE

FOLDS = 5
FOLD_SIDE = 4 * COARSE_SIDE
"""Cells along a side of the squares of `spatial_folds`: 144 km at 9 km."""


def fill_folds(block: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """Fold of each row (n,), with blocks kept together: the largest block left goes to the emptiest fold."""
    names, index, size = np.unique(block, return_inverse=True, return_counts=True)
    filled = np.zeros(folds, int)
    fold_of = np.zeros(len(names), int)
    for number in np.argsort(-size, kind="stable"):
        fold_of[number] = filled.argmin()
        filled[fold_of[number]] += size[number]
    return fold_of[index]


def block_numbers(row: NDArray, column: NDArray, rows: int, columns: int) -> NDArray[np.int64]:
    """Number of each cell's block of `rows` × `columns` cells of the global grid."""
    return (row // rows) * 100_000 + column // columns


def spatial_folds(row: NDArray, column: NDArray) -> NDArray[np.int64]:
    """Fold of each cell, by squares of the global grid, or coarse cells where squares are too few; of like size."""
    square = block_numbers(row, column, FOLD_SIDE, FOLD_SIDE)
    if len(np.unique(square)) < FOLDS:
        square = block_numbers(row, column, COARSE_SIDE, COARSE_SIDE)
    return fill_folds(square, FOLDS)


def out_of_fold(
    folds: NDArray[np.int64], predict: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray]
) -> NDArray[np.float64]:
    """Out-of-fold predictions (n,) by `predict`, of the indices of all other folds' rows and those of the fold's."""
    predicted = np.full(len(folds), np.nan)
    for fold in np.unique(folds):
        test = np.flatnonzero(folds == fold)
        predicted[test] = predict(np.flatnonzero(folds != fold), test)
    return predicted
