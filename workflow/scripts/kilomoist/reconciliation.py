"""Reconciliation of a map with its cells: a smooth correction, after which the mean over a cell is the cell's value."""

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, block_mean, interpolate
from kilomoist.grids import Window

_SETTLED = 1e-9
"""m³/m³: a mean this close to its target is not corrected any further."""
_MAX_STEPS = 500


def interpolated_mean_weights(valid: NDArray[np.bool_], factor: int) -> Values:
    """Weights of c in a cell and its eight neighbours in the mean of B(c) over the cell's valid pixels.

    `valid` is (rows × factor, columns × factor), the result (3, 3, rows, columns): it sums to 1 over the first two axes
    where a cell has valid pixels, else to 0.
    """
    position = (np.arange(factor) + 0.5) / factor - 0.5
    spread = np.stack([np.maximum(-position, 0), 1 - np.abs(position), np.maximum(position, 0)])
    rows, columns = valid.shape[0] // factor, valid.shape[1] // factor
    blocks = valid.reshape(rows, factor, columns, factor).astype(float)
    total = np.einsum("ai,rick,bk->abrc", spread, blocks, spread, optimize=True)
    count = blocks.sum(axis=(1, 3))
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def solve_correction(difference: NDArray, weights: Values) -> Values:
    """Cell values c whose interpolation B(c) has the mean `difference` over each cell's valid pixels, (rows, columns).

    In cells that are not reconciled `difference` is NaN, and c that of the nearest other cell. `weights` are those of
    `interpolated_mean_weights`. Iterates c ← c + (difference − mean of B(c)); over fully covered cells the residual
    shrinks to at most 3/4 in a step, for B keeps 1/4 of any pattern.
    """
    from scipy.ndimage import distance_transform_edt

    wanted = np.isfinite(difference)
    if not wanted.any():
        return np.zeros(difference.shape)
    nearest = tuple(distance_transform_edt(~wanted, return_distances=False, return_indices=True))
    target = np.where(wanted, difference, 0.0)
    correction = target[nearest]
    rows, columns = difference.shape
    best, smallest = correction, np.inf
    for _ in range(_MAX_STEPS):
        padded = np.pad(correction, 1, mode="edge")
        mean = sum(weights[i, j] * padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3))
        left = np.where(wanted, target - mean, 0.0)
        if np.abs(left).max() < smallest:
            best, smallest = correction, np.abs(left).max()
        if smallest < _SETTLED:
            break
        correction = (correction + left)[nearest]
    return best


def settle(values: NDArray, target: NDArray, factor: int, bounds: tuple[float, float]) -> Values:
    """Values shifted by a constant in each cell so that, clipped to `bounds`, their mean is exactly `target`.

    `values` is (rows × factor, columns × factor), NaN where there is none; `target` is (rows, columns), NaN in cells
    that are only clipped. The last step of a reconciliation: only where a bound was touched is there more than rounding
    to correct. The mean of clipped values grows with the shift, which bisection finds.
    """
    (rows, columns), (low, high) = target.shape, bounds
    blocks = np.array(values, float).reshape(rows, factor, columns, factor).transpose(0, 2, 1, 3)
    result = np.clip(blocks, low, high)
    finite = np.isfinite(blocks)
    count = finite.sum(axis=(2, 3))
    with np.errstate(invalid="ignore"):
        clipped_mean = np.where(finite, result, 0.0).sum(axis=(2, 3)) / count
        wanted = np.abs(clipped_mean - target) > _SETTLED
    filled = np.where(finite, blocks, 0.0)[wanted]
    inside, number = finite[wanted], count[wanted]
    goal = np.clip(target[wanted], low, high)
    least = (low - high) - np.abs(filled).max(initial=0.0)
    lower, upper = np.full(goal.shape, least), np.full(goal.shape, -least)
    for _ in range(60):
        middle = (lower + upper) / 2
        shifted = np.where(inside, np.clip(filled + middle[:, None, None], low, high), 0.0)
        below = shifted.sum(axis=(1, 2)) / number < goal
        lower, upper = np.where(below, middle, lower), np.where(below, upper, middle)
    shift = ((lower + upper) / 2)[:, None, None]
    result[wanted] = np.where(inside, np.clip(filled + shift, low, high), np.nan)
    return result.transpose(0, 2, 1, 3).reshape(values.shape)


class Reconciliation:
    """Reconciliation of a map: measured by chunks (per cell its mean, pixels and weights of B), solved at once."""

    def __init__(self, cells: Window, factor: int) -> None:
        self._cells, self._factor = cells, factor
        self._mean, self._count = np.full(cells.shape, np.nan), np.zeros(cells.shape)
        self._weights = np.zeros((3, 3, *cells.shape))

    def measure(self, values: NDArray, chunk: Window) -> None:
        """Take in the map's values over a window of cells, (rows × factor, columns × factor)."""
        here = chunk.within(self._cells)
        self._mean[here], self._count[here] = block_mean(values, self._factor)
        self._weights[(..., *here)] = interpolated_mean_weights(np.isfinite(values), self._factor)

    def solve(self, target: NDArray, minimum_fraction: float) -> tuple[Values, NDArray[np.bool_]]:
        """Correction whose interpolation is added to the map; reconciled cells, of enough pixels and with a target."""
        wanted = np.isfinite(target) & (self._count >= max(1, minimum_fraction * self._factor**2))
        return solve_correction(np.where(wanted, target - self._mean, np.nan), self._weights), wanted


def reconcile(
    values: NDArray, target: NDArray, factor: int, cells: Window, minimum_fraction: float
) -> tuple[Values, NDArray[np.bool_]]:
    """A whole map with the smooth field added that makes the mean over each cell `target`, and the reconciled cells.

    `values` is (rows × factor, columns × factor), NaN where there is none; `target` over `cells`. Nothing is clipped.
    """
    whole = Reconciliation(cells, factor)
    whole.measure(values, cells)
    correction, wanted = whole.solve(target, minimum_fraction)
    return values + interpolate(correction, cells, cells.refined(factor), factor), wanted
