"""Small archives of granules with known content, for tests of rules and of the whole workflow."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.calendars import slots
from kilomoist.errors import InputError
from kilomoist.granules.tiles import read_datasets
from kilomoist.grids import M09, Window
from kilomoist.predictors.composites import Bands, average_rows
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.passes import compress_passes, write_passes_granule
from kilomoist.simulation.smap import compress_target, write_target_granule
from kilomoist.simulation.tiles import write_tiled_granule

TILE = "h24v04"
MONTH = "2021-08"
LST: Product = PRODUCTS["MOD11A1.061"]
INDEX: Product = PRODUCTS["MOD13A2.061"]
"""The 1 km twin of MOD13A1: a quarter of its pixels."""
TARGET: Product = PRODUCTS["SPL4SMGP.008"]
ANALYSIS: Product = PRODUCTS["SPL4SMAU.008"]
PASSES: Product = PRODUCTS["SPL3SMP_E.006"]


def average_tile(*given: Any) -> Bands:
    """The composite of a whole tile, of what is given to `average_rows`."""
    parts = [bands for _, bands, _ in average_rows(*given)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def day(number: int) -> datetime:
    return datetime(2021, 8, number)


def temperature(
    folder: Path, number: int, kelvin: float | NDArray, quality: int | NDArray = 0, tile: str = TILE
) -> Path:
    """One day's granule: LST by day, and its QC everywhere."""
    shape = (LST.pixels, LST.pixels)
    arrays = {
        "LST_Day_1km": np.broadcast_to(np.rint(np.asarray(kelvin) / 0.02), shape).astype(np.uint16),
        "QC_Day": np.broadcast_to(quality, shape).astype(np.uint8),
    }
    path = folder / granule_file_name(LST, day(number), tile)
    write_tiled_granule(path, LST, tile, day(number), arrays)
    return path


def vegetation(folder: Path, first: datetime, arrays: Mapping[str, int | NDArray], tile: str = TILE) -> Path:
    """One period's granule of MOD13A2, from stored numbers by the end of the dataset's name."""
    shape = (INDEX.pixels, INDEX.pixels)
    types = {"NDVI": np.int16, "EVI": np.int16, "VI Quality": np.uint16, "pixel reliability": np.int8}
    stored = {
        f"1 km 16 days {name}": np.broadcast_to(value, shape).astype(types[name]) for name, value in arrays.items()
    }
    path = folder / granule_file_name(INDEX, first, tile)
    write_tiled_granule(path, INDEX, tile, first, stored)
    return path


def field(folder: Path, time: datetime, moisture: NDArray, window: Window, product: Product = TARGET) -> Path:
    """One field of soil moisture on the cells of a window."""
    path = folder / granule_file_name(product, time, None)
    write_target_granule(path, product, time, compress_target(window, moisture.astype(np.float32)))
    return path


def passes(folder: Path, number: int, window: Window, am: tuple[Any, Any], pm: tuple[Any, Any]) -> Path:
    """A day's granule of SPL3SMP_E: soil moisture and flags of both passes on the cells of a window, fill elsewhere."""
    group = "Soil_Moisture_Retrieval_Data_"
    names = ("AM/soil_moisture", "AM/retrieval_qual_flag", "PM/soil_moisture_pm", "PM/retrieval_qual_flag_pm")
    fields = {
        group + name: np.broadcast_to(values, window.shape).astype(np.uint16 if "flag" in name else np.float32)
        for name, values in zip(names, (*am, *pm), strict=True)
    }
    path = folder / granule_file_name(PASSES, day(number), None)
    write_passes_granule(path, PASSES, day(number), compress_passes(window, fields))
    return path


def empty_archive(folder: Path, products: Mapping[str, list[str | None]], month: str = MONTH) -> None:
    """Granules with the right names and nothing in them, of every slot of a month: enough for a plan."""
    for name, tiles in products.items():
        for tile in tiles:
            for slot in slots(PRODUCTS[name], month):
                path = folder / name / granule_file_name(PRODUCTS[name], slot.time, tile)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()


def uniform_archive(folder: Path, days: int = 3, **lst: Any) -> Path:
    """A few days of LST on one tile and one field of soil moisture over the globe's land and sea alike."""
    for number in range(1, days + 1):
        temperature(folder, number, **({"kelvin": 300.0} | lst))
    field(folder, slots(TARGET, MONTH)[0].time, np.full(M09.window.shape, 0.2), M09.window)
    return folder


def read_all(path: Path, product: Product) -> dict[str, NDArray]:
    """All datasets of a tiled granule that its product needs."""
    return read_datasets(path, product, product.datasets_of(product.layers))


def refusal(path: Path, product: Product, content: bytes, expected: Mapping[str, NDArray]) -> str:
    """Sentence about a damaged granule; empty where it gives the expected numbers nevertheless, which others fail."""
    path.write_bytes(content)
    try:
        found = read_all(path, product)
    except InputError as error:
        return str(error)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    return ""
