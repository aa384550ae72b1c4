"""Simulated SMAP: cell means of the true soil moisture, their error, and 3-hourly fields."""

import numpy as np
from numpy.typing import NDArray

from kilomoist.calendars import slots
from kilomoist.cells import block_mean
from kilomoist.grids import CELL_SIDE
from kilomoist.products import Product
from kilomoist.simulation.scenes import Scene

ERROR_RANGE = 4
"""Cells, 36 km: beyond this distance SMAP's errors are independent."""


def target_mean(true: NDArray) -> NDArray[np.float64]:
    """Monthly soil moisture of the cells: mean over each, NaN where most of it is water."""
    mean, count = block_mean(true, CELL_SIDE)
    return np.where(count * 2 > CELL_SIDE**2, mean, np.nan)


def erring(scene: Scene, mean: NDArray, month: str, error: float, bounds: tuple[float, float]) -> NDArray[np.float64]:
    """Monthly soil moisture of the cells with SMAP's error of a standard deviation (m³/m³), within physical bounds.

    The error is a random field of the month with a spherical covariance of range `ERROR_RANGE` and mean 0, made on a
    torus so much larger than the scene that its opposite sides are independent (Dietrich and Newsam 1997, doi
    10.1137/S1064827592240555). Another error is the same field in another size.
    """
    rows, columns = (2 * ERROR_RANGE + length for length in scene.window.shape)
    away = np.hypot(np.fft.fftfreq(rows, 1 / rows)[:, None], np.fft.fftfreq(columns, 1 / columns)[None]) / ERROR_RANGE
    covariance = np.where(away < 1, 1 - 1.5 * away + 0.5 * away**3, 0)
    # Positive but for rounding, because the covariance ends before it meets itself around the torus.
    power = np.maximum(np.fft.fft2(covariance).real, 0)
    white = np.fft.fft2(scene.random("error of the target", month).standard_normal((rows, columns)))
    field = np.fft.ifft2(white * np.sqrt(power)).real[: scene.window.rows, : scene.window.columns]
    return np.clip(mean + error * (field - field.mean()) / field.std(), *bounds)


def target_field(scene: Scene, mean: NDArray, product: Product, month: str, number: int) -> NDArray[np.float32]:
    """A 3-hourly field: the monthly mean and a course of wetting and drying whose mean over the month is 0."""
    times = len(slots(product, month))
    course = scene.random("rain", month, product.name).standard_normal(times).cumsum()
    course -= np.linspace(course[0], course[-1], times)
    course -= course.mean()
    course /= np.abs(course).max()
    return (mean * (1 + 0.3 * course[number])).astype(np.float32)
