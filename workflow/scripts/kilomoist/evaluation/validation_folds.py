"""Folds for validation: by chance and by blocks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kilomoist.evaluation.distances import chord_length, geocentric
from kilomoist.grids import COARSE_SIDE, M09
from kilomoist.learning.training_folds import block_numbers, fill_folds


def random_folds(n: int, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold 0 … `folds` − 1 of each of `n` rows by chance; sizes differ by one at most."""
    return np.random.default_rng(seed).permutation(n) % folds


class TooFewBlocksError(Exception):
    """One sentence that says why a region cannot be divided into blocks."""


@dataclass(frozen=True)
class Blocks:
    """Folds of blocks of the global grid."""

    folds: NDArray[np.int64]
    """(n,)"""
    rows: int
    """Cells along the sides of a block from north to south."""
    columns: int
    """Cells along the sides of a block from west to east."""
    number: int
    """Blocks that hold at least one row."""


def block_sides(latitude: NDArray, autocorrelation_range: float) -> tuple[int, int]:
    """Rows and columns of the smallest blocks of whole coarse cells whose sides are nowhere shorter than the range (m).

    `latitude` are those of all cells in degrees. A cell is narrowest where it is farthest from the equator and lowest
    where it is nearest to it. Along a parallel of radius p = N·cos φ (see `geocentric`), the chord of the turn Δλ is
    2·p·sin(Δλ / 2); because the projection keeps areas, a cell of the width w has the height side² / w.
    """
    cell_turn = 2 * np.pi / M09.columns
    farthest, nearest = np.abs(latitude).max(), np.abs(latitude).min()
    parallel, low_parallel = np.hypot(*geocentric(0, [farthest, nearest])[:, :2].T)
    columns = 2 * np.arcsin(min(float(chord_length(autocorrelation_range)) / (2 * parallel), 1)) / cell_turn
    rows = autocorrelation_range / (M09.side**2 / (low_parallel * cell_turn))
    whole = [max(int(np.ceil(count / COARSE_SIDE)), 1) * COARSE_SIDE for count in (rows, columns)]
    return whole[0], whole[1]


def block_folds(row: NDArray, column: NDArray, latitude: NDArray, autocorrelation_range: float, folds: int) -> Blocks:
    """Folds of like size, made of blocks at least `autocorrelation_range` (m) long and wide, which stay together.

    `row`, `column` (n,) are those of the global grid, on which blocks are counted, so that they do not depend on where
    the region begins; `latitude` (n,) in degrees decides how many cells a block has (`block_sides`: one size for all,
    for the latitudes farthest from and nearest to the equator). Blocks are cut only by the region's border and by the
    edges of the grid.

    Rows on both sides of a border between two blocks are still neighbours: blocks as long as the range leave out most
    of what is alike, not all (Roberts et al. 2017, doi 10.1111/ecog.02881, who advise no less than this length).

    Raises `TooFewBlocksError` when fewer blocks than folds hold rows.
    """
    rows, columns = block_sides(latitude, autocorrelation_range)
    block = block_numbers(row, column, rows, columns)
    number = len(np.unique(block))
    if number < folds:
        raise TooFewBlocksError(
            f"The region has {number} blocks of {rows} × {columns} cells, as long as the range of "
            f"{autocorrelation_range / 1000:.0f} km, and {folds} folds need as many."
        )
    return Blocks(fill_folds(block, folds), rows, columns, number)
