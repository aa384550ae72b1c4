"""Simulated SPL3SMP_E: passes of a month with gaps between swaths and noise, and granules of them in HDF5.

Groups, datasets, types, fills and quality bits are those of real granules, as far as they are known (`products`); of
their some 60 datasets only soil moisture and its flags are there, and how real ones are cut in chunks is not known.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.calendars import month_range, slots
from kilomoist.granules.ease_grid import write_field
from kilomoist.grids import M09, Window, geographic_from_ease
from kilomoist.product_types import Product
from kilomoist.simulation.deflate import LEVEL
from kilomoist.simulation.scenes import Scene
from kilomoist.simulation.smap import compress_field, month_course, new_granule

ORBITS, REPEAT, INCLINATION, SWATH = 117, 8, 98.1, 1000.0
"""SMAP's orbits in the days after which they repeat, their inclination in degrees, and the swath's width in km (SMAP
Handbook, JPL 400-1567)."""
DOUBTFUL, SKIPPED = 0.06, 0.04
"""Shares of the retrievals that are not recommended, and wrong, and that are not attempted: assumed."""
DOUBTFUL_ERROR = 0.15
"""m³/m³ by which retrievals that are not recommended are too wet: enough to be noticed in a mean."""
_KM_A_DEGREE = 111.2
_FILLS: dict[str, Any] = {"f": np.float32(-9999), "u": np.uint16(65534)}
"""By the kind of number."""
_RECOMMENDED, _THAW_UNKNOWN, _NOT_RECOMMENDED, _NOT_ATTEMPTED = 0, 8, 1, 7


def in_swath(longitude: NDArray, latitude: NDArray, day: int, ascending: bool) -> NDArray[np.bool_]:
    """Whether places (degrees) lie in a swath of a day's passes that ascend (18 h) or descend (6 h).

    Ground tracks are as far apart as the Earth turns in an orbit, on each day shifted against the last; they lean as a
    great circle of that inclination does. `day` counts from anywhere.
    """
    apart = 360 * REPEAT / ORBITS
    lean = np.degrees(np.arcsin(np.clip(np.tan(np.radians(latitude)) / np.tan(np.radians(180 - INCLINATION)), -1, 1)))
    shift = day * (ORBITS / REPEAT % 1) * apart + (apart / 3 if ascending else 0)
    offset = (longitude + (lean if ascending else -lean) + shift) % apart
    distance = np.minimum(offset, apart - offset) * np.cos(np.radians(latitude)) * _KM_A_DEGREE
    return distance < SWATH / 2


def retrievals(scene: Scene, mean: NDArray, product: Product, month: str) -> dict[str, NDArray]:
    """Stored numbers of the datasets of a month's granules: (days, rows, columns) of the scene's cells.

    Soil moisture wets and dries over the month, and each retrieval has a white error of the product's `random_error`.
    Both are shifted so that the retrievals that count, of recommended quality, have the mean of the cell (m³/m³), and
    are made smaller in cells that they would take beyond physical bounds: what is left is the rounding to float32. A
    twentieth or so is not recommended and too wet, or was not attempted.
    """
    days, begin = len(slots(product, month)), month_range(month)[0].toordinal()
    longitude, latitude = geographic_from_ease(
        *np.meshgrid(M09.x_centres(scene.window), M09.y_centres(scene.window), indexing="xy")
    )
    swaths = [
        [in_swath(longitude, latitude, begin + day, ascending) for day in range(days)] for ascending in (False, True)
    ]
    seen, land = np.array(swaths), np.isfinite(mean)
    random = scene.random("passes", month, product.name)
    chance = random.random(seen.shape)
    doubtful = seen & land & (chance < DOUBTFUL)
    skipped = seen & (~land | (chance >= 1 - SKIPPED))
    counted = seen & ~doubtful & ~skipped
    departure = product.random_error * random.standard_normal(seen.shape)
    departure += mean * 0.3 * month_course(scene, product, month)[:, None, None]
    number = np.maximum(counted.sum(axis=(0, 1)), 1)
    departure = np.where(counted, departure - np.where(counted, departure, 0).sum(axis=(0, 1)) / number, 0)
    low, high = product.layers["soil_moisture"].valid
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.fmin((low - mean) / departure.min(axis=(0, 1)), (high - mean) / departure.max(axis=(0, 1)))
    values = mean + departure * np.clip(np.nan_to_num(room), 0, 1)
    values = np.clip(np.where(doubtful, mean + DOUBTFUL_ERROR, values), low, high)
    flags = np.full(seen.shape, _FILLS["u"])
    flags[counted] = np.where(chance[counted] < 0.2, _THAW_UNKNOWN, _RECOMMENDED)
    flags[doubtful], flags[skipped] = _NOT_RECOMMENDED, _NOT_ATTEMPTED
    stored = np.where(counted | doubtful, values, _FILLS["f"]).astype(np.float32)
    names = (
        (layer.dataset, condition.dataset)
        for layer in product.layers.values()
        for (condition,) in layer.quality["good"]
    )
    return {
        name: array
        for (values_name, flags_name), *both in zip(names, stored, flags, strict=True)
        for name, array in zip((values_name, flags_name), both, strict=True)
    }


def compress_passes(window: Window, fields: Mapping[str, NDArray]) -> dict[str, bytes]:
    """Compressed global fields by the names of datasets: numbers on the cells of `window`, fill elsewhere."""
    return {name: compress_field(window, field, _FILLS[field.dtype.kind]) for name, field in fields.items()}


def write_passes_granule(path: str | Path, product: Product, time: datetime, fields: Mapping[str, bytes]) -> None:
    """Write an HDF5 granule of SPL3SMP_E with the fields that `compress_passes` made."""
    flags = {
        condition.dataset
        for layer in product.layers.values()
        for alternative in layer.quality["good"]
        for condition in alternative
    }
    with new_granule(path, product, time) as granule:
        for name, field in fields.items():
            kind = np.dtype("<u2" if name in flags else "<f4")
            described = {"_FillValue": _FILLS[kind.kind]} | ({} if name in flags else {"units": "cm3/cm3"})
            stored = {"dtype": kind, "chunks": M09.window.shape, "compression_opts": LEVEL}
            write_field(granule, name, {(0, 0): field}, described, **stored)
