"""Effective resolution: fields whose spectra are known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kilomoist.cells import block_mean, interpolate
from kilomoist.grids import M01, Window
from kilomoist.mapping.resolution import effective_resolution
from kilomoist.rasters import write_raster

CELLS = Window(200, 3000, 32, 60)
PIXELS = CELLS.refined(9)
USE = ("ndvi", "lst_day")


def rough_field(seed: int, slope: float = 0.0, shape: tuple[int, int] = PIXELS.shape) -> np.ndarray:
    """Gaussian noise whose amplitude falls with wavenumber to the power `slope` (0: white)."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    return filtered(noise, lambda wavenumber: np.maximum(wavenumber, 1 / 500) ** -slope)


def filtered(field: np.ndarray, response: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A field whose amplitudes are multiplied by a function of wavenumber in cycles a pixel."""
    wavenumber = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in field.shape), indexing="ij"))
    return np.fft.ifft2(np.fft.fft2(field) * response(wavenumber)).real


def bilinear(field: np.ndarray) -> np.ndarray:
    return interpolate(block_mean(field, 9)[0], CELLS, PIXELS, 9)


def resolution(folder: Path, moisture: np.ndarray, *predictors: np.ndarray, window: Window = PIXELS) -> float:
    bands = dict(zip(USE, (field.astype(np.float32) for field in predictors), strict=True))
    write_raster(folder / "map.tif", {"soil_moisture": moisture.astype(np.float32)}, M01, window, {})
    write_raster(folder / "predictors.tif", bands, M01, window, {})
    return effective_resolution(folder / "map.tif", folder / "predictors.tif", USE)


@pytest.mark.parametrize("slope", [0.0, 1.5])
@pytest.mark.parametrize("wavelength", [4.0, 8.0, 16.0])
def test_a_field_cut_off_at_a_wavelength_resolves_half_of_it(tmp_path: Path, slope: float, wavelength: float) -> None:
    first, second = rough_field(1, slope), rough_field(2, slope)
    moisture = 0.2 + 0.01 * filtered(first - second, lambda wavenumber: wavenumber < 1 / wavelength)
    assert resolution(tmp_path, moisture, first, 40 * second) == pytest.approx(wavelength / 2, rel=0.12)


@pytest.mark.parametrize("slope", [0.0, 1.5])
def test_a_map_as_rough_as_its_predictors_resolves_pixels(tmp_path: Path, slope: float) -> None:
    first, second = rough_field(1, slope), rough_field(2, slope)
    moisture = 0.2 - 0.01 * first
    moisture[:40, :70] = np.nan  # gaps are in both
    assert resolution(tmp_path, moisture, first, 300 + second) == 1


def test_interpolated_cells_resolve_no_less_than_cells(tmp_path: Path) -> None:
    first, second = rough_field(1, 1.5), rough_field(2, 1.5)
    assert 9 < resolution(tmp_path, bilinear(first), first, second) < 18


def test_a_predictor_without_variance_does_not_count(tmp_path: Path) -> None:
    first = rough_field(1, 1.0)
    assert resolution(tmp_path, first, first, np.full(PIXELS.shape, 0.3)) == 1


@pytest.mark.parametrize("case", ["narrow", "empty", "flat"])
def test_nothing_is_said_where_no_spectrum_is(tmp_path: Path, case: str) -> None:
    window = Window(PIXELS.row, PIXELS.column, 63, 180) if case == "narrow" else PIXELS
    first = rough_field(1, shape=window.shape)
    moisture = {"narrow": first, "empty": np.where(first > 1, first, np.nan), "flat": np.full(window.shape, 0.2)}[case]
    assert np.isnan(resolution(tmp_path, moisture, first, first, window=window))
