"""Intermediate files of a region of a few cells with known content, written by the library's own functions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from granule_archives import MONTH, TARGET
from numpy.typing import NDArray
from rule_bench import REGION, RUN

from kilomoist.grids import M01, M09, Window, cells_covering, latitude_edges, longitude_edges
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model, save
from kilomoist.learning.predictions import model_tags
from kilomoist.learning.tuning import TuningOptions
from kilomoist.predictors.samples import collect, split_randomly, write_samples
from kilomoist.predictors.stacks import aggregate
from kilomoist.rasters import write_raster
from kilomoist.regions import blocks_of, region_area

BOX = (98.5, 47.0, 99.4, 47.8)
USE = ["ndvi", "evi", "lst_day"]
CELLS: Window = cells_covering(region_area(BOX, None).bounds)
BLOCKS: dict[str, Window] = blocks_of(CELLS, 8)
LARGE_BOX = (98.5, 47.0, 101.0, 49.2)
"""Goes on to the north and east of `BOX`, with enough cells to calibrate intervals on."""
LARGE: Window = cells_covering(region_area(LARGE_BOX, None).bounds)
TAGS = {"source": "archive", "region": REGION, "month": MONTH, "target": TARGET.name}
"""What files of the run say of it."""
DAYS = {"ndvi": 31.0, "evi": 31.0, "lst_day": 12.0}


def places(cells: Window) -> tuple[NDArray, NDArray]:
    """Longitude and latitude of the pixels of a window of cells."""
    pixels = cells.refined(9)
    east, north = longitude_edges(pixels), latitude_edges(pixels)
    return np.meshgrid((east[1:] + east[:-1]) / 2, (north[1:] + north[:-1]) / 2)


def stack(cells: Window) -> dict[str, NDArray[np.float32]]:
    """Predictors of a window: smooth functions of the place, the same in whatever window a pixel is asked for.

    The south-west corner has no temperature, a strip few days of it, and a lake lies in the middle.
    """
    longitude, latitude = places(cells)
    east, north = longitude - BOX[0], latitude - BOX[1]
    ndvi = 0.4 + 0.3 * np.sin(9 * east) * np.cos(8 * north)
    lst = 305 - 8 * north + 2 * np.sin(14 * east)
    lst = np.where((east < 0.2) & (north < 0.2), np.nan, lst)
    bands = {"ndvi": ndvi, "evi": 0.6 * ndvi + 0.02 * np.cos(20 * east), "lst_day": lst}
    bands |= {f"{name}_days": np.full(ndvi.shape, days) for name, days in DAYS.items()}
    bands["lst_day_days"] = np.where(east > 0.8, 4.0, bands["lst_day_days"])
    bands["water"] = np.where(np.hypot(east - 0.4, north - 0.4) < 0.05, 0.3, 0.0)
    bands["snow"] = np.zeros(ndvi.shape)
    return {name: band.astype(np.float32) for name, band in bands.items()}


def predictors(cells: Window) -> NDArray[np.float32]:
    """Those in `USE`, (predictors, rows, columns)."""
    bands = stack(cells)
    return np.stack([bands[name] for name in USE])


def moisture(cells: Window) -> NDArray[np.float64]:
    """The target's cells: what the predictors say, and a little that they do not."""
    bands = stack(cells)
    means = {name: bands[name].reshape(cells.rows, 9, cells.columns, 9).mean(axis=(1, 3)) for name in ("ndvi", "evi")}
    place = np.arange(cells.column, cells.column + cells.columns) - CELLS.column
    return 0.1 + 0.2 * means["ndvi"].astype(float) + 0.001 * place


def cell_bands(cells: Window) -> dict[str, NDArray[np.float64]]:
    inside = np.ones(cells.refined(9).shape, bool)
    return {"target": moisture(cells)} | aggregate(stack(cells), USE, inside)


def write_stack(path: Path, cells: Window) -> None:
    write_raster(path, stack(cells), M01, cells.refined(9), TAGS)


RAW: NDArray[np.float32] = np.where(
    np.isfinite(stack(CELLS)["lst_day"]), 0.2 + 0.1 * stack(CELLS)["ndvi"], np.nan
).astype(np.float32)
"""A map that is not reconciled."""


def write_raw(path: Callable[[str], Path], run: str) -> None:
    """The map's blocks, made by `detail`, where `path` makes folders."""
    tags = TAGS | model_tags(fitted("detail"))
    for name, window in BLOCKS.items():
        part = RAW[window.refined(9).within(CELLS.refined(9))]
        write_raster(path(f"{run}/blocks/{name}/raw_map.tif"), {"soil_moisture": part}, M01, window.refined(9), tags)


def write_stacks(path: Callable[[str], Path], run: str, blocks: Mapping[str, Window] = BLOCKS) -> None:
    for name, window in blocks.items():
        write_stack(path(f"{run}/blocks/{name}/predictors.tif"), window)


def write_cells(path: Path, cells: Window = CELLS) -> None:
    write_raster(path, cell_bands(cells), M09, cells, TAGS)


def sample_table(cells: Window = CELLS) -> pd.DataFrame:
    frame = collect(cell_bands(cells), cells, USE, 0.5)
    frame["split"] = split_randomly(len(frame), 0.2, 2021)
    frame.attrs = TAGS
    return frame


def write_sample_table(path: Path, cells: Window = CELLS) -> None:
    write_samples(path, sample_table(cells), USE)


def fitted(method: str) -> Model:
    """A model of ten trees; the region is too small to learn detail, so `detail` gets the other's forest and α ½."""
    model, _ = fit_absolute(sample_table(), USE, LearnerSettings("random_forest", 10, 2021), TuningOptions(5))
    return model if method == "absolute" else replace(model, method="detail", alpha=0.5, coarse_cells=40)


def write_model(path: Path, method: str = "absolute") -> None:
    save(path, fitted(method))


RELIABILITY = [0.5, 1.0, 0.25]
"""Of each predictor in `USE`."""


def write_reliability(path: Path) -> None:
    pd.DataFrame({"predictor": USE, "reliability": RELIABILITY}).to_parquet(path)


def write_trained(path: Callable[[str], Path], method: str = "absolute", cells: Window = CELLS) -> None:
    """What jobs that map need: cells, samples, a model and the predictors' reliability."""
    write_cells(path(f"{RUN}/cells.tif"), cells)
    write_sample_table(path(f"{RUN}/samples.parquet"), cells)
    write_model(path(f"{RUN}/model.skops"), method)
    write_reliability(path(f"{RUN}/tables/full/agreement.parquet"))


def region_cells(cells: Window = CELLS) -> Cells:
    return Cells.of_samples(sample_table(cells), moisture(cells), USE, cells)
