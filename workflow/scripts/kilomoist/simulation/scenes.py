"""Simulated scenes: random landscapes with known soil moisture at 1 km, which SMAP, MODIS and VIIRS observe.

Nothing is measured, but correlations and ranges at 9 km are tuned to those of the Mongolian study. The landscape's grid
is three times finer than 1 km, so that no sensor's footprint is a pixel of the truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
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
    """Relief of a kind of landscape, what follows from it, and its clouds; by default those of the steppe."""

    height: float = 1500
    """Mean elevation, m."""
    massif: float = 450
    """Standard deviation of the elevation of whole mountain ranges, m."""
    ridges: float = 260
    """Standard deviation of the elevation of single ridges, m, in a massif of mean elevation."""
    growth: float = 0.4
    """Ridges are exp(growth) times as high where the massif is one deviation higher."""
    wet_massif: float = 0.2
    """Wetness that a massif of one deviation has more: it catches the rain."""
    wet_valleys: float = 0.2
    """Wetness that valleys of one deviation have more."""
    dry_ridges: float = 0
    """Wetness that ridges of one deviation have less: water runs off."""
    lapse_day: float = 4.5
    lapse_night: float = 4
    """Lapse rates of surface temperature, K/km."""
    green_height: float = 1500
    """Elevation that plants like best, m."""
    green_fall: float = 0.25
    """Greenness that is lost at 1 km above or below it."""
    overcast: float = 0.35
    """Smallest cloud cover of a day, as a share of the scene; the largest is 0.4 more."""
    cloudy_period: float = 0.06
    marginal_period: float = 0.18
    """Shares of the scene where a vegetation period is cloudy, and where it is marginal."""
    days: float = 11
    periods: float = 1.75
    """Good observations that a pixel can expect of temperature and of vegetation in a month."""


LANDSCAPES = {
    "steppe": Landscape(),
    # Wet massifs are cold and so are dry ridges: what LST says of 9 km it does not say of 1 km, unless height is known.
    "mountains": Landscape(
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
    "cloudy": Landscape(overcast=0.55, cloudy_period=0.15, marginal_period=0.25, days=5.5, periods=1.5),
}
"""Landscapes that a scene can have."""


@dataclass(frozen=True)
class SensorDifference:
    """What VIIRS sees more than MODIS of the same surface; vegetation hides some of it."""

    index: float = 0
    """NDVI of bare ground; it falls linearly to 0 at NDVI 1."""
    temperature: float = 0
    """K of bare ground, by day and by night; it falls linearly with NDVI to half of it at NDVI 1."""


@dataclass(frozen=True)
class Scene:
    """A scene's window of cells, the seed of all that is random in it, its landscape, and how MODIS and VIIRS see it:
    whether with noise, and with which difference."""

    window: Window
    seed: int
    kind: Landscape = LANDSCAPES["steppe"]
    noisy: bool = False
    viirs: SensorDifference = SensorDifference()

    @property
    def pixels(self) -> Window:
        return self.window.refined(CELL_SIDE)

    @property
    def points(self) -> Grid:
        """The landscape's grid, cut to the scene."""
        _, _, left, _, _, top = M01.transform(self.pixels)
        return Grid(M01.crs, left, top, M01.side / FINER, *self.pixels.refined(FINER).shape)

    def random(self, *purpose: str | float) -> np.random.Generator:
        """A random generator for each purpose, so that the order of jobs does not matter."""
        return np.random.default_rng([self.seed, *(crc32(str(part).encode()) for part in purpose)])

    def noise(
        self, shape: tuple[int, int], spacing: float, longest: float, shortest: float, *purpose: str | float
    ) -> NDArray[np.float32]:
        """A smooth random field of mean 0 and standard deviation 1: wavelengths in a range, variance ∝ k⁻³ per mode.

        Wavelengths and `spacing` of the points are in km. Power falls off smoothly at both ends of the range.
        """
        spectrum = np.fft.rfft2(self.random(*purpose).standard_normal(shape, dtype=np.float32))
        field = np.fft.irfft2(spectrum * _amplitudes(shape, spacing, longest, shortest), shape)
        return ((field - field.mean()) / field.std()).astype(np.float32)

    def white(self, deviation: float, *purpose: str | float) -> NDArray[np.float32]:
        """White noise over the scene's pixels."""
        return deviation * self.random("white", *purpose).standard_normal(self.pixels.shape, dtype=np.float32)


@lru_cache(2)  # clouds and weather of a month's days
def _amplitudes(shape: tuple[int, int], spacing: float, longest: float, shortest: float) -> NDArray[np.float64]:
    """Amplitudes of the modes of a field of `Scene.noise`, as `numpy.fft.rfft2` orders them."""
    k = np.hypot(np.fft.fftfreq(shape[0], spacing)[:, None], np.fft.rfftfreq(shape[1], spacing)[None])
    with np.errstate(divide="ignore"):
        steep = np.where(k > 0, k**-1.5, 0)
    return steep * np.exp(-((k * shortest) ** 2)) * (1 - np.exp(-((k * longest) ** 2)))


def make_scene(
    extent: Box, seed: int, landscape: str = "steppe", noise: bool = False, viirs: Mapping[str, float] | None = None
) -> Scene:
    """The scene that covers an extent (west, south, east, north in degrees) with whole cells."""
    return Scene(cells_covering(extent), seed, LANDSCAPES[landscape], noise, SensorDifference(**(viirs or {})))
