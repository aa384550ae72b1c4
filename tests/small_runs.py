"""The folder of a run of few pixels, as the workflow leaves it, of which every value is known."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.grids import M01, M09, Window
from kilomoist.metadata import describe
from kilomoist.rasters import write_raster

CELLS = Window(200, 3000, 3, 4)
"""Near 100° E, 49° N."""
ACROSS = Window(200, M09.columns - 2, 3, 4)
"""Across 180°."""
M3 = "m3 m-3"
PRODUCTS = ("MOD13A1.061", "MOD11A1.061", "SPL4SMGP.008")


def tags(month: str, source: str = "archive") -> dict[str, str]:
    made = {"method": "detail", "model": "random_forest", "alpha": "0.5", "reconciled": "yes"}
    return {"source": source, "region": "plain", "month": month, "target": "SPL4SMGP.008", **made}


def moisture(cells: Window = CELLS, month: str = "2021-08") -> NDArray[np.float32]:
    """The map: a number of its own for each pixel, NaN in the north-west corner."""
    shape = cells.refined(9).shape
    values = 0.1 + np.arange(shape[0] * shape[1]).reshape(shape) / 1e4 + int(month[-2:]) / 1e3
    values[:2, :2] = np.nan
    return values.astype(np.float32)


def flags(cells: Window = CELLS) -> NDArray[np.uint8]:
    """No value in the corner, few observations in the western half, frozen in the first row too."""
    found = np.zeros(cells.refined(9).shape, np.uint8)
    found[:, : found.shape[1] // 2] = 4
    found[0] |= 32
    found[:2, :2] = 128
    return found


def write_run(folder: Path, month: str = "2021-08", cells: Window = CELLS, **said: str) -> Path:
    """Write the rasters of a run into `folder`, with tags as the workflow writes them, and those that are `said`."""
    pixels, own = cells.refined(9), tags(month) | said
    fine = moisture(cells, month)
    coarse = np.nanmean(fine.reshape(cells.rows, 9, cells.columns, 9), axis=(1, 3))
    ends = {"lower": -0.03, "upper": 0.05, "conditional_lower": -0.01, "conditional_upper": 0.02}
    of_pixels: dict[str, tuple[dict[str, NDArray[Any]], dict[str, str]]] = {
        "soil_moisture": ({"soil_moisture": fine}, {}),
        "interval": ({name: fine + np.float32(off) for name, off in ends.items()}, {"interval": "0.9"}),
        "quality": ({"quality": flags(cells)}, {}),
        "applicability": ({"dissimilarity": fine}, {"threshold": f"0.{month[-2:]}"}),
    }
    for name, (bands, more) in of_pixels.items():
        units = dict.fromkeys(bands, M3) if name in ("soil_moisture", "interval") else {}
        write_raster(
            folder / f"{name}.tif",
            bands,
            M01,
            pixels,
            describe(own | more, name, PRODUCTS),
            units,
            cloud_optimized=True,
        )
    cells_of = {"soil_moisture_9km": ("soil_moisture", coarse, M3), "target_weight_9km": ("target_weight", coarse, "1")}
    for name, (band, values, unit) in cells_of.items():
        write_raster(
            folder / f"{name}.tif",
            {band: values},
            M09,
            cells,
            describe(own, name, PRODUCTS),
            {band: unit},
            cloud_optimized=True,
        )
    return folder
