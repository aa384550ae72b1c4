"""Simulated SMAP: cell means with their error, 3-hourly fields, and SPL4SMGP and SPL4SMAU granules of them in HDF5.

Soil moisture, of the 40 fields of SPL4SMGP the only, x, y, time and what a granule says that it is have the form of
real granules (SMAP L4_SM Product Specification Document, NASA GMAO Office Note 11). Every file says that it is
simulated in its global attribute `kilomoist`, and the same input gives the same bytes.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from kilomoist.calendars import slots
from kilomoist.cells import block_mean
from kilomoist.files import replaced
from kilomoist.granules.ease_grid import describe, write_ease_grid, write_field
from kilomoist.granules.simulated import MARK
from kilomoist.granules.smap import TIME_EPOCH
from kilomoist.grids import CELL_SIDE, M09, Window
from kilomoist.product_types import Product
from kilomoist.simulation.deflate import LEVEL, deflate_among
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.landscapes import greenness, middle_of
from kilomoist.simulation.scenes import FINER, Fields, Scene

_FILL = np.float32(-9999)
_LONG_NAMES = {"SPL4SMGP": "Top layer soil moisture (0-5 cm)", "SPL4SMAU": "Analysis surface soil moisture (0-5 cm)"}
_TIME_UNITS = "seconds since 2000-01-01 11:58:55.816"
"""As the files have them, though their numbers count from `TIME_EPOCH`, 64.184 s later."""


def target_mean(true: NDArray) -> NDArray[np.float64]:
    """Monthly soil moisture of the cells: mean over each, NaN where most of it is water."""
    mean, count = block_mean(true, CELL_SIDE)
    return np.where(count * 2 > CELL_SIDE**2, mean, np.nan)


@dataclass(frozen=True)
class TargetError:
    """SMAP's monthly error in a scene; what has no share of its variance is random."""

    deviation: float = 0
    """Standard deviation over the scene, m³/m³."""
    with_predictors: float = 0
    """Share of the variance that goes with vegetation and soil."""
    static: float = 0
    """Share of the variance that is another bias of each cell, the same in all months."""
    range: float = 36
    """Km; beyond this distance the static and the random part are independent."""


def vegetation_and_soil(scene: Scene, fields: Fields, month: str) -> NDArray[np.float64]:
    """Pattern of the cells that goes with the predictors: greenness, and with half its weight soil; no unit.

    The model of SMAP L4 is fed with maps of vegetation and soil, whose errors are larger where there is more of either.
    """
    side = CELL_SIDE * FINER
    green, soil = (
        _standardised(block_mean(field, side)[0])
        for field in (greenness(fields, scene.kind, middle_of(month)), fields["soil"])
    )
    return green + 0.5 * soil


def erring(
    scene: Scene, mean: NDArray, month: str, error: TargetError, fields: Fields, bounds: tuple[float, float]
) -> NDArray[np.float64]:
    """Monthly soil moisture (m³/m³) of the cells with SMAP's error, within physical bounds.

    The error has the standard deviation and the mean 0 over the scene. Its parts are uncorrelated there, so that their
    shares hold exactly. `fields` of the landscape are read for a part that goes with them alone. Another deviation is
    the same field in another size.
    """
    parts = [(error.with_predictors, lambda: vegetation_and_soil(scene, fields, month))]
    parts += [(error.static, lambda: _random_field(scene, error.range, "bias of the target"))]
    random = 1 - error.with_predictors - error.static
    parts += [(random, lambda: _random_field(scene, error.range, "error of the target", month))]
    made: list[NDArray] = []
    found = np.zeros(scene.window.shape)
    for share, make in parts:
        if share > 0:
            field = make()
            for other in made:
                field = field - (field * other).mean() * other
            made.append(_standardised(field))
            found += _standardised(field, error.deviation * math.sqrt(share))
    return np.clip(mean + found, *bounds)


def _standardised(field: NDArray, deviation: float = 1.0) -> NDArray[np.float64]:
    return deviation * (field - field.mean()) / field.std()


def _random_field(scene: Scene, reach: float, *purpose: str) -> NDArray[np.float64]:
    """Random field over the scene's cells with a spherical covariance of range `reach` (km).

    Made on a torus so much larger than the scene that its opposite sides are independent (Dietrich and Newsam 1997, doi
    10.1137/S1064827592240555).
    """
    cells = reach / CELL_SIDE
    rows, columns = (2 * math.ceil(cells) + length for length in scene.window.shape)
    away = np.hypot(np.fft.fftfreq(rows, 1 / rows)[:, None], np.fft.fftfreq(columns, 1 / columns)[None]) / cells
    covariance = np.where(away < 1, 1 - 1.5 * away + 0.5 * away**3, 0)
    # Positive but for rounding, because the covariance ends before it meets itself around the torus.
    power = np.maximum(np.fft.fft2(covariance).real, 0)
    white = np.fft.fft2(scene.random(*purpose).standard_normal((rows, columns)))
    return np.fft.ifft2(white * np.sqrt(power)).real[: scene.window.rows, : scene.window.columns]


def month_course(scene: Scene, product: Product, month: str) -> NDArray[np.float64]:
    """Course of wetting and drying over a product's granules of a month: mean 0, at most 1 away from it."""
    times = len(slots(product, month))
    course = scene.random("rain", month, product.name).standard_normal(times).cumsum()
    course -= np.linspace(course[0], course[-1], times)
    course -= course.mean()
    course /= np.abs(course).max()
    return course


def target_field(scene: Scene, mean: NDArray, product: Product, month: str, number: int) -> NDArray[np.float32]:
    """A 3-hourly field: the monthly mean and a course of wetting and drying whose mean over the month is 0."""
    return (mean * (1 + 0.3 * month_course(scene, product, month)[number])).astype(np.float32)


def compress_target(window: Window, values: NDArray[np.float32]) -> bytes:
    """The compressed global field of soil moisture: `values` (m³/m³) on the cells of `window`, fill elsewhere.

    NaN becomes fill. Compression is most of the work of writing a SMAP granule, and threads can share it.
    """
    return compress_field(window, np.where(np.isnan(values), _FILL, values), _FILL)


def compress_field(window: Window, values: NDArray, fill: np.generic) -> bytes:
    """The compressed global field of `values` on the cells of `window` and `fill`, whose type it has, elsewhere."""
    field = np.full(M09.window.shape, fill)
    rows, columns = window.within(M09.window)
    field[rows, columns] = values
    return deflate_among(field, rows)


@contextmanager
def new_granule(path: str | Path, product: Product, time: datetime) -> Iterator[h5py.File]:
    """An HDF5 file that says which granule it is, and appears at `path` when it is complete."""
    content = BytesIO()  # HDF5 ends the process when it cannot close a file for want of room
    # "v110" is the newest format that HDF5 1.10 to 1.14 read; what h5py writes as "latest" only HDF5 2 does.
    with h5py.File(content, "w", libver=("earliest", "v110")) as granule:
        name = granule_file_name(product, time, None)
        describe(granule, {"Filename": name, MARK: "simulated"})
        identification = {"fileName": name, "shortName": product.short_name, "ECSVersionID": product.version}
        describe(granule.create_group("Metadata/DatasetIdentification"), identification)
        yield granule
    with replaced(path) as partial:
        partial.write_bytes(content.getbuffer())


def write_target_granule(path: str | Path, product: Product, time: datetime, field: bytes) -> None:
    """Write an HDF5 granule of SPL4SMGP or SPL4SMAU with the field that `compress_target` made."""
    with new_granule(path, product, time) as granule:
        write_ease_grid(granule)
        seconds = (time - TIME_EPOCH).total_seconds()
        describe(granule.create_dataset("time", data=[seconds]), {"long_name": "Time", "units": _TIME_UNITS})
        described = {
            "long_name": _LONG_NAMES[product.short_name],
            "units": "m3 m-3",
            "valid_min": np.float32(0),
            "valid_max": np.float32(0.9),
            **dict.fromkeys(("_FillValue", "missing_value", "fmissing_value"), _FILL),
            "grid_mapping": "EASE2_global_projection",
        }
        stored = {"dtype": "<f4", "chunks": M09.window.shape, "compression_opts": LEVEL}
        write_field(granule, product.layers["soil_moisture"].dataset, {(0, 0): field}, described, **stored)
