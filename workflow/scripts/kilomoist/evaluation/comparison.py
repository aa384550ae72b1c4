"""The maps that a map is compared with: both methods, reconciled and not, and null models."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter

from kilomoist.cells import fill_nearest, interpolate, repeated
from kilomoist.grids import CELL_SIDE, M09, Window, ease_from_geographic
from kilomoist.learning.details import Cells
from kilomoist.rasters import chunks_of
from kilomoist.reconciliation import Reconciliation

BANDS = (
    *("absolute", "absolute_reconciled", "absolute_9km", "detail", "detail_reconciled"),
    *("mean", "copied", "bilinear", "bilinear_reconciled"),
)
"""Every map that is compared, in the order of the file."""


REACH = 4
"""Cells around a cell that reconciling it needs: what lies beyond changes its correction by less than a thousandth of
its own change, for a whole cell takes over a sixth of its neighbour's (`solve_correction` inverts a mean whose weights
along an axis are 10/81, 61/81, 10/81)."""


def cells_holding(longitude: ArrayLike, latitude: ArrayLike, window: Window) -> NDArray[np.bool_]:
    """Cells of a window that hold one of the places (degrees); (rows, columns)."""
    row, column = M09.locate(*ease_from_geographic(longitude, latitude))
    row, column = row - window.row, (column - window.column) % M09.columns  # a window may go on across 180°
    inside = (row >= 0) & (row < window.rows) & (column < window.columns)
    held = np.zeros(window.shape, bool)
    held[row[inside], column[inside]] = True
    return held


def compared_maps(
    methods: Mapping[str, Callable[[Window, NDArray[np.bool_]], NDArray]],
    samples: pd.DataFrame,
    cells: Cells,
    study: NDArray,
    minimum_fraction: float,
    folder: str | Path,
    wanted: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[Window, dict[str, NDArray[np.float32]]]]:
    """Chunks of pixels and their `BANDS` in m³/m³, all of them over the pixels where both methods have a value.

    `methods` give the unreconciled map of `absolute` and of `detail` over a window of pixels, as far as a mask of them
    asks for it. Each is asked once, and what it says kept in a temporary file in `folder`: a map is reconciled when all
    of it is known. `study` is what `absolute` says of the cells, (rows, columns): SMAP without its own part, before any
    downscaling. Only the `wanted` cells (by default all) have values; for them those within `REACH` are mapped too.
    """
    window, target = cells.window, fill_nearest(cells.target)
    wanted = np.ones(window.shape, bool) if wanted is None else wanted
    asked = maximum_filter(wanted, 2 * REACH + 1)
    chunks = [chunk for chunk in chunks_of(window) if asked[chunk.within(window)].any()] or [next(chunks_of(window))]
    measured = {name: Reconciliation(window, CELL_SIDE) for name in (*methods, "bilinear")}

    def with_bilinear(maps: Mapping[str, NDArray], pixels: Window) -> dict[str, NDArray[np.float64]]:
        valid = np.isfinite([*maps.values()]).all(axis=0)
        bilinear = np.where(valid, interpolate(target, window, pixels, CELL_SIDE), np.nan)
        return {name: values.astype(float) for name, values in maps.items()} | {"bilinear": bilinear}

    with TemporaryFile(dir=folder) as kept:
        for chunk in chunks:
            pixels, here = chunk.refined(CELL_SIDE), repeated(asked[chunk.within(window)], CELL_SIDE)
            maps = {name: np.where(here, method(pixels, here), np.nan) for name, method in methods.items()}
            for values in maps.values():
                np.save(kept, values)
            for name, values in with_bilinear(maps, pixels).items():
                measured[name].measure(values, chunk)
        corrections = {name: one.solve(cells.target, minimum_fraction)[0] for name, one in measured.items()}
        measured.clear()
        mean = samples.loc[samples["split"] == "train", "target"].mean()
        kept.seek(0)
        for chunk in chunks:
            pixels, here = chunk.refined(CELL_SIDE), repeated(wanted[chunk.within(window)], CELL_SIDE)
            maps = with_bilinear({name: np.load(kept) for name in methods}, pixels)
            copied, studied = (repeated(values[chunk.within(window)], CELL_SIDE) for values in (cells.target, study))
            for name, values in (("mean", mean), ("copied", copied), ("absolute_9km", studied)):
                maps[name] = np.where(np.isfinite(maps["bilinear"]), values, np.nan)
            for name, correction in corrections.items():
                maps[f"{name}_reconciled"] = maps[name] + interpolate(correction, window, pixels, CELL_SIDE)
            yield pixels, {name: np.where(here, maps[name], np.nan).astype(np.float32) for name in BANDS}
