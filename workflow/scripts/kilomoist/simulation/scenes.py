"""Simulated scenes: a landscape with known soil moisture at 1 km, and what SMAP and MODIS would see of it.

Nothing here is measured. The landscape is random, but tuned so that at 9 km its correlations and ranges resemble those
of the Mongolian study. It lies on a grid three times finer than the 1 km pixels, so that no sensor's footprint is a
pixel of the truth. SMAP's monthly mean is the mean of the truth over each cell, and what `erring` adds to it.
"""

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from kilomoist.grids import CELL_SIDE, M01, Box, Grid, Window, cells_covering

FINER = 3
"""Landscape points along a side of a pixel."""
PIXEL_KM = 1.0

Fields = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Landscape:
    """What makes a kind of landscape: its relief, what follows from it, its clouds."""

    height: float
    """Mean elevation, m."""
    massif: float
    """Standard deviation of the elevation of whole mountain ranges, m."""
    ridges: float
    """Standard deviation of the elevation of single ridges, m, in a massif of mean elevation."""
    growth: float
    """Ridges are exp(growth) times as high where the massif is one deviation higher."""
    wet_massif: float
    """Wetness that a massif of one deviation has more: it catches the rain."""
    wet_valleys: float
    """Wetness that valleys of one deviation have more."""
    dry_ridges: float
    """Wetness that ridges of one deviation have less: water runs off."""
    lapse_day: float
    lapse_night: float
    """Fall of surface temperature with height, K/km."""
    green_height: float
    """Elevation that plants like best, m."""
    green_fall: float
    """Greenness that is lost at 1 km above or below it."""
    overcast: float
    """Least share of the scene that clouds cover on a day; the greatest is 0.4 more."""
    cloudy_period: float
    marginal_period: float
    """Shares of the scene where a vegetation period is cloudy, and where it is marginal."""
    days: float
    periods: float
    """Good observations that a pixel can expect of temperature and of vegetation in a month."""


_STEPPE = Landscape(
    height=1500,
    massif=450,
    ridges=260,
    growth=0.4,
    wet_massif=0.2,
    wet_valleys=0.2,
    dry_ridges=0,
    lapse_day=4.5,
    lapse_night=4,
    green_height=1500,
    green_fall=0.25,
    overcast=0.35,
    cloudy_period=0.06,
    marginal_period=0.18,
    days=11,
    periods=1.75,
)
LANDSCAPES: dict[str, Landscape] = {
    "steppe": _STEPPE,
    # Wet massifs are cold and so are dry ridges: what LST says of 9 km it does not say of 1 km, unless height is known.
    "mountains": replace(
        _STEPPE,
        height=1900,
        massif=600,
        ridges=400,
        growth=0.3,
        wet_massif=0.5,
        wet_valleys=0.25,
        dry_ridges=0.15,
        lapse_day=6.5,
        lapse_night=5,
        green_height=1600,
        green_fall=0.5,
    ),
    "cloudy": replace(_STEPPE, overcast=0.55, cloudy_period=0.15, marginal_period=0.25, days=5.5, periods=1.5),
}
"""Every landscape that a scene can have."""


@dataclass(frozen=True)
class Scene:
    """Where a scene lies, in cells, the seed of everything random in it, its landscape, and whether MODIS is noisy."""

    window: Window
    seed: int
    kind: Landscape = LANDSCAPES["steppe"]
    noisy: bool = False

    @property
    def pixels(self) -> Window:
        return self.window.refined(CELL_SIDE)

    @property
    def points(self) -> Grid:
        """The landscape's grid, cut to the scene."""
        x0, y0 = M01.x_edges(self.pixels)[0], M01.y_edges(self.pixels)[0]
        rows, columns = self.pixels.refined(FINER).shape
        return Grid(M01.crs, float(x0), float(y0), M01.side / FINER, rows, columns)

    def random(self, *purpose: str | float) -> np.random.Generator:
        """A generator of its own for each purpose, so that the order of jobs does not matter."""
        return np.random.default_rng([self.seed, *(crc32(str(part).encode()) for part in purpose)])

    def noise(
        self, shape: tuple[int, int], spacing: float, longest: float, shortest: float, *purpose: str | float
    ) -> NDArray[np.float32]:
        """A smooth random field with mean 0 and deviation 1: wavelengths (km) in a range, variance ∝ k⁻³ per mode.

        `spacing` is the distance of points in km. Power falls off smoothly at both ends of the range.
        """
        spectrum = np.fft.rfft2(self.random(*purpose).standard_normal(shape, dtype=np.float32))
        k = np.hypot(np.fft.fftfreq(shape[0], spacing)[:, None], np.fft.rfftfreq(shape[1], spacing)[None])
        with np.errstate(divide="ignore"):
            amplitude = (
                np.where(k > 0, k**-1.5, 0) * np.exp(-((k * shortest) ** 2)) * (1 - np.exp(-((k * longest) ** 2)))
            )
        field = np.fft.irfft2(spectrum * amplitude, shape)
        return ((field - field.mean()) / field.std()).astype(np.float32)

    def white(self, deviation: float, *purpose: str | float) -> NDArray[np.float32]:
        """White noise at 1 km, over the scene's pixels."""
        return deviation * self.random("white", *purpose).standard_normal(self.pixels.shape, dtype=np.float32)


def make_scene(extent: Box, seed: int, landscape: str = "steppe", noise: bool = False) -> Scene:
    """The scene that covers an extent (west, south, east, north in degrees) with whole cells."""
    return Scene(cells_covering(extent), seed, LANDSCAPES[landscape], noise)
