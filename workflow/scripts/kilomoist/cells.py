"""Change of scale between nested grids: block means, coarse cells and bilinear interpolation.

A factor is the whole number between two grids: pixels in cells (9), cells in coarse cells (4), which are aligned with
the global grid whatever the region.
"""

import numpy as np
from numpy.typing import NDArray

from kilomoist.grids import Window

Values = NDArray[np.float64]


def block_mean(values: NDArray, factor: int) -> tuple[Values, NDArray[np.int64]]:
    """Mean of the finite values in each block of `factor` × `factor`, and their number.

    `values` is (…, rows × factor, columns × factor); results are (…, rows, columns), NaN where nothing is finite.
    """
    *leading, rows, columns = values.shape
    blocks = values.reshape(*leading, rows // factor, factor, columns // factor, factor)
    finite = np.isfinite(blocks)
    count = finite.sum(axis=(-3, -1))
    total = np.where(finite, blocks, 0.0).sum(axis=(-3, -1), dtype=float)
    with np.errstate(invalid="ignore"):
        return total / count, count


def repeated(values: NDArray, factor: int) -> NDArray:
    """Values of cells at each of the `factor` × `factor` finer cells that nest in them."""
    return values.repeat(factor, axis=-2).repeat(factor, axis=-1)


def aligned(values: NDArray, window: Window, factor: int) -> tuple[Values, Window]:
    """Values over a window, padded with NaN to whole cells of the `factor` times coarser grid; that window."""
    row, column = window.row // factor, window.column // factor
    end_row, end_column = -(-(window.row + window.rows) // factor), -(-(window.column + window.columns) // factor)
    coarse = Window(row, column, end_row - row, end_column - column)
    padded = np.full((*values.shape[:-2], *coarse.refined(factor).shape), np.nan)
    padded[(..., *window.within(coarse.refined(factor)))] = values
    return padded, coarse


def coarsen(values: NDArray, window: Window, factor: int, minimum_fraction: float) -> tuple[Values, Window]:
    """Means over the coarser cells of which `minimum_fraction` of `factor`² cells have a value, and their window."""
    padded, coarse = aligned(values, window, factor)
    mean, count = block_mean(padded, factor)
    mean[count < minimum_fraction * factor**2] = np.nan
    return mean, coarse


def fill_nearest(values: NDArray) -> Values:
    """Nearest finite value, by distance in cells, where a value is missing; all NaN stays all NaN."""
    missing = ~np.isfinite(values)
    if missing.all() or not missing.any():
        return np.array(values, float)
    from scipy.ndimage import distance_transform_edt  # takes longer than most that is interpolated

    nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return np.asarray(values, float)[tuple(nearest)]


def _weights(start: int, length: int, coarse_start: int, coarse_length: int, factor: int) -> tuple[Values, NDArray]:
    """Along an axis: weight of the upper of the two coarse cells around each fine cell, and index of the lower."""
    position = np.clip((start + np.arange(length) + 0.5) / factor - 0.5 - coarse_start, 0, coarse_length - 1)
    lower = np.minimum(position.astype(int), max(coarse_length - 2, 0))
    return position - lower, lower


def interpolate(values: NDArray, coarse: Window, fine: Window, factor: int) -> Values:
    """B(·): bilinear interpolation of the values of coarse cells to the centres of `factor` times finer cells.

    Missing coarse values are those of the nearest valid cell, and edge values continue outward. Any window `fine` of a
    map interpolates exactly like the whole.
    """
    filled = fill_nearest(values)
    row_weight, row = _weights(fine.row, fine.rows, coarse.row, coarse.rows, factor)
    column_weight, column = _weights(fine.column, fine.columns, coarse.column, coarse.columns, factor)
    next_row, next_column = np.minimum(row + 1, coarse.rows - 1), np.minimum(column + 1, coarse.columns - 1)
    seen = slice(column[0], next_column[-1] + 1)  # the region may be much wider
    upper, lower = filled[row, seen], filled[next_row, seen]
    along_rows = upper + row_weight[:, None] * (lower - upper)
    left, right = along_rows[:, column - seen.start], along_rows[:, next_column - seen.start]
    return left + column_weight * (right - left)
