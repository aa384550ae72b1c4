"""The maps that a map is compared with: both methods, reconciled and not, and null models."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import fill_nearest, interpolate, repeated
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.learning.details import Cells
from kilomoist.rasters import chunks_of
from kilomoist.reconciliation import Reconciliation

BANDS = (
    *("absolute", "absolute_reconciled", "absolute_9km", "detail", "detail_reconciled"),
    *("mean", "copied", "bilinear", "bilinear_reconciled"),
)
"""Every map that is compared, in the order of the file."""


def compared_maps(
    methods: Mapping[str, Callable[[Window], NDArray]],
    samples: pd.DataFrame,
    cells: Cells,
    study: NDArray,
    minimum_fraction: float,
    folder: str | Path,
) -> Iterator[tuple[Window, dict[str, NDArray[np.float32]]]]:
    """Chunks of pixels and their `BANDS` in m³/m³, all of them over the pixels where both methods have a value.

    `methods` give the unreconciled map of `absolute` and of `detail` over a window of pixels. Each is asked once, and
    what it says kept in a temporary file in `folder`: a map is reconciled when all of it is known. `study` is what
    `absolute` says of the cells, (rows, columns): SMAP without its own part, before any downscaling.
    """
    window, target = cells.window, fill_nearest(cells.target)
    measured = {name: Reconciliation(window, CELL_SIDE) for name in (*methods, "bilinear")}

    def with_bilinear(maps: Mapping[str, NDArray], pixels: Window) -> dict[str, NDArray[np.float64]]:
        valid = np.isfinite([*maps.values()]).all(axis=0)
        bilinear = np.where(valid, interpolate(target, window, pixels, CELL_SIDE), np.nan)
        return {name: values.astype(float) for name, values in maps.items()} | {"bilinear": bilinear}

    with TemporaryFile(dir=folder) as kept:
        for chunk in chunks_of(window):
            pixels = chunk.refined(CELL_SIDE)
            maps = {name: method(pixels) for name, method in methods.items()}
            for values in maps.values():
                np.save(kept, values)
            for name, values in with_bilinear(maps, pixels).items():
                measured[name].measure(values, chunk)
        corrections = {name: one.solve(cells.target, minimum_fraction)[0] for name, one in measured.items()}
        measured.clear()
        mean = samples.loc[samples["split"] == "train", "target"].mean()
        kept.seek(0)
        for chunk in chunks_of(window):
            pixels = chunk.refined(CELL_SIDE)
            maps = with_bilinear({name: np.load(kept) for name in methods}, pixels)
            copied, studied = (repeated(values[chunk.within(window)], CELL_SIDE) for values in (cells.target, study))
            for name, values in (("mean", mean), ("copied", copied), ("absolute_9km", studied)):
                maps[name] = np.where(np.isfinite(maps["bilinear"]), values, np.nan)
            for name, correction in corrections.items():
                maps[f"{name}_reconciled"] = maps[name] + interpolate(correction, window, pixels, CELL_SIDE)
            yield pixels, {name: maps[name].astype(np.float32) for name in BANDS}
