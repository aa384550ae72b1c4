"""Effective resolution of a map: down to which wavelengths it varies as its predictors do."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, fill_nearest
from kilomoist.grids import M01, Window
from kilomoist.rasters import Mosaic

SIDE = 256
"""Pixels along a side of the windows whose spectra are averaged."""
ALONG = 4
"""Windows along a side of the region, at most: memory and time do not grow with it."""
LONGEST = 72
"""Pixels of the longest wavelength; a ring of the spectrum is 1 / LONGEST cycles a pixel wide."""
BAND = slice(2, 4)
"""Rings of 36 to 18 pixels, at which both spectra are 1: there the map follows the cells of 9 km."""
MIN_FILLED = 0.5
"""Share of a window's pixels with a value."""


def effective_resolution(path: str | Path, predictors: str | Path, use: Sequence[str]) -> float:
    """Half the wavelength (km of the grid) at which a map's power spectrum falls to half of its predictors'.

    Both are radial means over windows of `SIDE` pixels, spread over the region, divided by their mean at wavelengths of
    18 to 36 km; the predictors' is the mean of those in `use`. 1 where it never falls so far, at most 18; NaN where the
    region is narrower than `LONGEST` pixels, has no well-filled window, or map or predictors do not vary.
    """
    spectra = np.zeros((1 + len(use), LONGEST // 2))
    with Mosaic([path], M01) as whole, Mosaic([predictors], M01) as stack:
        for window in _spread_windows(whole.window):
            fields = np.stack([whole.read(window)["soil_moisture"], *stack.stack(window, use)]).astype(float)
            complete = np.isfinite(fields).all(0)
            if complete.mean() >= MIN_FILLED:
                spectra += [radial_spectrum(np.where(complete, field, np.nan)) for field in fields]
    return half_power_resolution(spectra[0], spectra[1:])


def radial_spectrum(field: NDArray) -> Values:
    """Power of a field by rings of wavenumber, from 0 to 1/2 cycles a pixel; gaps get the nearest value.

    A Hann window keeps what differs between opposite edges out of the short wavelengths (Harris 1978, doi
    10.1109/PROC.1978.10837).
    """
    filled = fill_nearest(field)
    taper = np.outer(*(np.hanning(side + 2)[1:-1] for side in filled.shape))
    filled -= filled[0, 0]  # what does not vary is exactly 0
    power = np.abs(np.fft.fft2((filled - filled.mean()) * taper)) ** 2
    wavenumber = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in filled.shape), indexing="ij"))
    ring = (wavenumber * LONGEST).astype(int).ravel()
    return (np.bincount(ring, power.ravel()) / np.bincount(ring))[: LONGEST // 2]


def half_power_resolution(spectrum: Values, others: Values) -> float:
    """Half the longest wavelength (pixels) at which a spectrum falls to half of the mean of `others` (n, rings).

    Each is divided by its mean over `BAND` before.
    """
    level, levels = spectrum[BAND].mean(), others[:, BAND].mean(axis=1)
    varied = levels > 0
    if not level or not varied.any():
        return np.nan
    ratio = (spectrum / level / (others[varied] / levels[varied, None]).mean(axis=0))[BAND.start :]
    below = np.flatnonzero(ratio < 0.5)
    if not below.size:
        return 1.0
    if below[0] == 0:
        return LONGEST / BAND.start / 2
    upper = ratio[below[0] - 1]
    ring = BAND.start + below[0] - 0.5 + (upper - 0.5) / (upper - ratio[below[0]])
    return float(LONGEST / ring / 2)


def _spread_windows(region: Window) -> Iterator[Window]:
    """At most `ALONG` × `ALONG` windows of one size; none of a region narrower than `LONGEST` pixels."""
    if min(region.shape) < LONGEST:
        return
    rows, columns = (min(side, SIDE) for side in region.shape)
    for row in _starts(region.rows, rows):
        for column in _starts(region.columns, columns):
            yield Window(region.row + row, region.column + column, rows, columns)


def _starts(length: int, side: int) -> list[int]:
    return [int(start) for start in np.linspace(0, length - side, min(length // side, ALONG))]
