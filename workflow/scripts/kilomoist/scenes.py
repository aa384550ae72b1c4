"""Simulated scenes: a landscape with known soil moisture at 1 km, and what SMAP and MODIS would see of it.

Nothing here is measured. The landscape is random, but tuned so that at 9 km its correlations and ranges resemble those
of the Mongolian study. It lies on a grid three times finer than the 1 km pixels, so that no sensor's footprint is a
pixel of the truth. SMAP's monthly mean is the mean of the truth over each cell, and what `erring` adds to it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.calendars import month_range, slots
from kilomoist.cells import block_mean, interpolate
from kilomoist.files import replaced
from kilomoist.grids import (
    CELL_SIDE,
    M01,
    SPHERE_RADIUS,
    Grid,
    Window,
    cells_covering,
    ease_from_geographic,
)
from kilomoist.products import Product

FINER = 3
"""Landscape points along a side of a pixel."""
PIXEL_KM = 1.0
FIELD_POINTS = 153
"""As many as the study had."""
FIELD_ERROR = 0.07
"""m³/m³: what a single point differs from its pixel by, its own error included. Makes r at points like the study's."""
MARGIN = 0.5
"""Degrees between the border of the scene and its field points."""

ERROR_RANGE = 4
"""Cells, 36 km: beyond this distance SMAP's errors are independent."""
NDVI_NOISE, LST_NOISE = 0.06, 1.8
"""Standard deviation of the white noise of a month's composite at 1 km: index without unit, K."""
KEPT = 0.67
"""Share of the noise's deviation that is left where pixels of a tile are averaged over those of 1 km."""

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


def make_scene(
    extent: tuple[float, float, float, float], seed: int, landscape: str = "steppe", noisy: bool = False
) -> Scene:
    """The scene that covers an extent (west, south, east, north in degrees) with whole cells."""
    return Scene(cells_covering(extent), seed, LANDSCAPES[landscape], noisy)


def landscape(scene: Scene) -> Fields:
    """What does not change with time, on the scene's points: elevation (m), lake (0 or 1), and
    what soil, plants and temperature follow.

    Moisture follows `wetness` and `soil`; vegetation follows `wetness` and `plants`, and EVI also `canopy`; surface
    temperature follows `wetness`, `soil`, `plants` and `albedo`. All of these are without unit.
    """
    kind = scene.kind
    shape, spacing = (scene.points.rows, scene.points.columns), PIXEL_KM / FINER

    def noise(longest: float, shortest: float, name: str) -> NDArray[np.float32]:
        return scene.noise(shape, spacing, longest, shortest, name)

    massif, ridges = noise(500, 120, "massif"), noise(90, 4, "ridges")
    elevation = kind.height + kind.massif * massif + kind.ridges * ridges * np.exp(kind.growth * massif)
    valleys = noise(25, 1.5, "valleys") - 0.5 * ridges
    valleys /= valleys.std()
    north = np.linspace(1, -1, shape[0], dtype=np.float32)[:, None]
    wetness = 0.6 * north + 0.75 * noise(600, 100, "climate") + kind.wet_massif * massif + kind.wet_valleys * valleys
    wetness = wetness - kind.dry_ridges * ridges
    lake = (noise(60, 5, "basins") - 0.35 * ridges > 2.35).astype(np.float32)
    return {
        "elevation": np.maximum(elevation, 500),
        "wetness": wetness,
        "soil": 0.5 * noise(250, 15, "soil") + 0.16 * noise(30, 1, "ground"),
        "plants": 0.9 * noise(400, 40, "land use") + 0.3 * noise(40, 2, "pasture"),
        "canopy": 0.9 * noise(250, 20, "canopy") + 0.4 * noise(20, 1, "leaves"),
        "albedo": 0.9 * noise(300, 20, "rock") + 0.3 * noise(20, 1, "stones"),
        "lake": lake,
    }


def elevation_map(fields: Fields) -> NDArray[np.float32]:
    """Elevation (m) at 1 km, mean of a pixel's points."""
    return block_mean(fields["elevation"], FINER)[0].astype(np.float32)


def write_landscape(path: str | Path, fields: Fields) -> None:
    """Keep a landscape for the jobs that look at it."""
    with replaced(path) as partial, open(partial, "wb") as file:
        np.savez(file, allow_pickle=False, **fields)


def read_landscape(path: str | Path) -> Fields:
    """Read what `write_landscape` wrote."""
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def season(day: datetime) -> float:
    """1 in the middle of July, −1 in the middle of January."""
    return float(np.cos(2 * np.pi * (day.timetuple().tm_yday - 196) / 365.25))


def moisture(fields: Fields, when: datetime) -> NDArray[np.float32]:
    """Soil moisture (m³/m³) of land at the scene's points: dry steppe to wet forest; the month sets the level."""
    level = fields["wetness"] + fields["soil"] - 0.4 + 0.15 * season(when)
    return (0.045 + 0.235 / (1 + np.exp(-0.95 * level))).astype(np.float32)


def truth(fields: Fields, month: str) -> NDArray[np.float32]:
    """Monthly soil moisture at 1 km: mean of a pixel's land points, NaN where water covers half of it or more."""
    land = np.where(fields["lake"] > 0, np.nan, moisture(fields, _middle(month)))
    mean, count = block_mean(land, FINER)
    return np.where(count * 2 > FINER**2, mean, np.nan).astype(np.float32)


def target_mean(true: NDArray) -> NDArray[np.float64]:
    """What SMAP sees of a month: the mean over each cell, NaN where most of it is water."""
    mean, count = block_mean(true, CELL_SIDE)
    return np.where(count * 2 > CELL_SIDE**2, mean, np.nan)


def erring(scene: Scene, mean: NDArray, month: str, error: float, bounds: tuple[float, float]) -> NDArray[np.float64]:
    """A month's mean over the cells with SMAP's error of a standard deviation (m³/m³), kept within physical bounds.

    The error is a random field of the month with the spherical covariance of range `ERROR_RANGE`, made on a torus that
    is so much larger than the scene that its opposite sides are independent (Dietrich and Newsam 1997, doi
    10.1137/S1064827592240555); its mean over the scene is 0. Another error is the same field in another size.
    """
    rows, columns = (2 * ERROR_RANGE + length for length in scene.window.shape)
    away = np.hypot(np.fft.fftfreq(rows, 1 / rows)[:, None], np.fft.fftfreq(columns, 1 / columns)[None]) / ERROR_RANGE
    covariance = np.where(away < 1, 1 - 1.5 * away + 0.5 * away**3, 0)
    # All are positive but for rounding, because the covariance ends before it meets itself around the torus.
    power = np.maximum(np.fft.fft2(covariance).real, 0)
    white = np.fft.fft2(scene.random("error of the target", month).standard_normal((rows, columns)))
    field = np.fft.ifft2(white * np.sqrt(power)).real[: scene.window.rows, : scene.window.columns]
    return np.clip(mean + error * (field - field.mean()) / field.std(), *bounds)


def target_field(scene: Scene, mean: NDArray, product: Product, month: str, number: int) -> NDArray[np.float32]:
    """One 3-hourly field: the monthly mean and a course of wetting and drying whose own mean over the month is 0."""
    times = len(slots(product, month))
    course = scene.random("rain", month, product.name).standard_normal(times).cumsum()
    course -= np.linspace(course[0], course[-1], times)
    course -= course.mean()
    course /= np.abs(course).max()
    return (mean * (1 + 0.3 * course[number])).astype(np.float32)


def field_points(scene: Scene, true: NDArray, month: str, extent: tuple[float, float, float, float]) -> pd.DataFrame:
    """Simulated samples of the upper 5 cm at random places: id, longitude, latitude, date, depth_cm, soil_moisture."""
    random = scene.random("field points", month)
    begin, end = month_range(month)
    west, south, east, north = extent
    rows: list[dict] = []
    while len(rows) < FIELD_POINTS:
        longitude = round(random.uniform(west + MARGIN, east - MARGIN), 5)
        latitude = round(random.uniform(south + MARGIN, north - MARGIN), 5)
        row, column = M01.locate(*ease_from_geographic(longitude, latitude))
        value = true[row - scene.pixels.row, column - scene.pixels.column]
        day = int(random.integers((end - begin).days))
        measured = float(value + FIELD_ERROR * random.standard_normal())
        if np.isfinite(value):
            rows.append(
                {
                    "id": f"S{len(rows) + 1:03d}",
                    "longitude": longitude,
                    "latitude": latitude,
                    "date": begin.replace(day=day + 1).isoformat(),
                    "depth_cm": 5,
                    "soil_moisture": round(min(max(measured, 0.01), 0.6), 4),
                }
            )
    return pd.DataFrame(rows)


def _middle(month: str) -> datetime:
    begin, _ = month_range(month)
    return datetime(begin.year, begin.month, 15)


class Footprints:
    """Means of the landscape's points over the pixels of a tile, by `samples`² points in each.

    Everything is computed on the band of the tile's rows that the scene reaches, (rows, columns) below.
    """

    def __init__(self, scene: Scene, tile: Grid, samples: int) -> None:
        points = scene.points
        per_radian = float(ease_from_geographic(180.0, 0.0)[0]) / np.pi
        offsets = (np.arange(tile.rows * samples) + 0.5) / samples
        latitudes = (tile.top - offsets * tile.side) / SPHERE_RADIUS
        y = ease_from_geographic(np.zeros(len(latitudes)), np.degrees(latitudes))[1]
        row = np.floor((points.top - y) / points.side).astype(np.int32)
        reached = np.flatnonzero(((row >= 0) & (row < points.rows)).reshape(-1, samples).all(axis=1))
        first, last = (reached[0], reached[-1] + 1) if reached.size else (0, 0)
        band = slice(first * samples, last * samples)
        x = (tile.left + offsets * tile.side) / (SPHERE_RADIUS * np.cos(latitudes[band]))[:, None] * per_radian
        column = np.floor((x - points.left) / points.side).astype(np.int32)
        inside = (column >= 0) & (column < points.columns)
        # The number after the last point's stands for everything outside the scene.
        flat = np.where(inside, row[band, None] * points.columns + column, points.rows * points.columns)
        shape = (last - first, samples, tile.columns, samples)
        self.tile, self.rows = tile, slice(first, last)
        self.index = flat.astype(np.int32).reshape(shape).transpose(1, 3, 0, 2).reshape(samples**2, *shape[::2])
        self.inside = inside.reshape(shape).all(axis=(1, 3))

    def mean(self, field: NDArray) -> NDArray[np.float32]:
        """Mean of a field over each pixel's footprint, NaN outside the scene."""
        padded = np.append(field.ravel(), np.float32(np.nan))
        total = np.zeros(self.inside.shape, np.float32)
        for index in self.index:
            total += padded[index]
        return total / np.float32(len(self.index))

    def centre(self, pixels: NDArray) -> NDArray:
        """Value of a field at 1 km near each footprint's centre, NaN outside the scene."""
        padded = np.append(pixels.ravel(), np.float32(np.nan))
        middle = self.index[len(self.index) // 2]
        columns = pixels.shape[1]
        row, column = np.divmod(middle, columns * FINER)
        outside = middle == pixels.size * FINER**2
        return padded[np.where(outside, pixels.size, row // FINER * columns + column // FINER)]

    def whole(self, numbers: NDArray, unseen: int) -> NDArray:
        """Numbers of the band in an array of the whole tile, `unseen` elsewhere."""
        array = np.full((self.tile.rows, self.tile.columns), unseen, numbers.dtype)
        array[self.rows] = numbers
        return array


def _clouds(scene: Scene, cover: float, *purpose: str | float) -> NDArray[np.bool_]:
    """Clouds at 1 km that cover about this share of the scene."""
    field = scene.noise(scene.pixels.shape, PIXEL_KM, 300, 6, "clouds", *purpose)
    return field > np.quantile(field, 1 - cover)


def _temperature(kind: Landscape, fields: Fields, when: datetime, night: bool) -> NDArray[np.float32]:
    """Mean clear-sky surface temperature (K) of a month at the scene's points."""
    height = (fields["elevation"] - 1500) / 1000
    cold = 20 * (1 - season(when))
    if night:
        return (285.5 - kind.lapse_night * height + 0.6 * fields["wetness"] + 0.5 * fields["albedo"] - cold).astype(
            np.float32
        )
    wet = fields["wetness"] + 0.5 * fields["soil"]
    land = 310 - kind.lapse_day * height - 3.0 * wet - 0.8 * fields["plants"] + 2.6 * fields["albedo"] - cold
    return np.where(fields["lake"] > 0, 291 - cold, land).astype(np.float32)


def _snow(fields: Fields, when: datetime) -> NDArray[np.float32]:
    """1 where snow lies at the scene's points: above a line that comes down in winter."""
    line = 3000 + 1800 * season(when) * (season(when) < 0.5) + 600 * (season(when) >= 0.5) * season(when)
    return (fields["elevation"] > line).astype(np.float32)


class TemperatureView:
    """What MOD11A1 or MYD11A1 sees of a scene on one tile in a month, day by day."""

    def __init__(self, scene: Scene, fields: Fields, tile: Grid, month: str) -> None:
        self.scene = scene
        self.footprints = Footprints(scene, tile, 3)
        self.means = {
            name: self.footprints.mean(_temperature(scene.kind, fields, _middle(month), night=name == "Night"))
            for name in ("Day", "Night")
        }

    def day(self, product: Product, when: datetime) -> dict[str, NDArray]:
        """Stored numbers of the datasets of one day's granule.

        Clouds and weather move from day to day: the whole scene is warmer or colder, and each pixel by 0.8 K at
        random. Within 4 km of a cloud quality is `other` and the error larger and negative. In a noisy scene each
        observation has a white error more, of which a month's composite at 1 km keeps `LST_NOISE`.
        """
        from scipy.ndimage import binary_dilation

        scene, inside = self.scene, self.footprints.inside
        label = (product.name, when.isoformat())
        arrays: dict[str, tuple[NDArray, int]] = {}
        for name, mean in self.means.items():
            random = scene.random("temperature", name, self.footprints.tile.top, self.footprints.tile.left, *label)
            overcast = scene.kind.overcast + 0.4 * scene.random("overcast", name, *label).random()
            clouds = _clouds(scene, overcast, name, *label)
            edge = binary_dilation(clouds, iterations=4) & ~clouds
            weather = scene.noise(scene.window.shape, PIXEL_KM * CELL_SIDE, 600, 150, "weather", name, *label)
            warmth = scene.random("air", name, *label).normal(0, 1.5) + 1.2 * interpolate(
                weather, scene.window, scene.pixels, CELL_SIDE
            )
            cloudy = self.footprints.centre(clouds.astype(np.float32)) > 0
            uncertain = self.footprints.centre(edge.astype(np.float32)) > 0
            error = 0.8 * random.standard_normal(mean.shape, dtype=np.float32)
            error -= uncertain * np.abs(random.normal(0, 1.5, mean.shape))
            kelvin = mean + self.footprints.centre(warmth.astype(np.float32)) + error
            if scene.noisy:
                deviation = LST_NOISE / KEPT * scene.kind.days**0.5
                kelvin = kelvin + self.footprints.centre(scene.white(deviation, name, *label))
            seen = inside & ~cloudy
            # Emissivity error up to 0.02 and LST error up to 1, 2 or 3 K, as often as in a real granule of 2021.
            other = random.choice(np.array([17, 65, 81, 129], np.uint8), mean.shape, p=[0.02, 0.92, 0.04, 0.02])
            quality = np.where(seen, np.where(uncertain, other, 0), np.where(inside, 2, 3)).astype(np.uint8)
            arrays[f"LST_{name}_1km"] = np.where(seen, np.rint(kelvin / 0.02), 0).astype(np.uint16), 0
            arrays[f"QC_{name}"] = quality, 3
            hour = 105 if name == "Day" else 218
            arrays[f"{name}_view_time"] = np.where(seen, hour + random.integers(-8, 9), 255).astype(np.uint8), 255
            arrays[f"{name}_view_angl"] = np.where(seen, 65 + random.integers(-55, 56), 255).astype(np.uint8), 255
            arrays[f"Clear_{name.lower()}_cov"] = np.where(seen, 2000, 0).astype(np.uint16), 0
        for name, emissivity in (("Emis_31", 0.974), ("Emis_32", 0.976)):
            arrays[name] = np.where(inside, round((emissivity - 0.49) / 0.002), 0).astype(np.uint8), 0
        return {name: self.footprints.whole(*numbers) for name, numbers in arrays.items()}


def vegetation_period(
    scene: Scene, fields: Fields, footprints: Footprints, product: Product, when: datetime
) -> dict[str, NDArray]:
    """Stored numbers of the datasets of one 16-day granule.

    Greenness follows wetness, the season, height and `plants`; EVI saturates later than NDVI. Each pixel has an error
    of its own in each period. Some pixels are marginal (usefulness from lower to useless), cloudy, or under snow;
    lakes have low indices with a quality that does not betray them, but the land/water flag does. In a noisy scene
    NDVI has a white error more, which EVI follows, and of which a month's composite at 1 km keeps `NDVI_NOISE`.
    """
    kind = scene.kind
    prefix = product.layers["ndvi"].dataset.removesuffix(" NDVI")
    label = (product.name, when.isoformat())
    tile = footprints.tile
    random = scene.random("vegetation", tile.top, tile.left, *label)
    shape = footprints.inside.shape
    green = (
        1.0 * fields["wetness"]
        + 0.62 * fields["plants"]
        - kind.green_fall * ((fields["elevation"] - kind.green_height) / 1000) ** 2
    )
    green = green + 1.1 * (season(when) - 1)
    land = 0.10 + 0.72 / (1 + np.exp(-1.15 * (green - 0.15)))
    lake = footprints.mean(fields["lake"])
    ndvi = footprints.mean(np.where(fields["lake"] > 0, -0.08, land).astype(np.float32))
    ndvi += 0.012 * random.standard_normal(shape, dtype=np.float32)
    if scene.noisy:
        ndvi += footprints.centre(scene.white(NDVI_NOISE / KEPT * kind.periods**0.5, *label))
        ndvi = np.clip(ndvi, -0.2, 1)
    evi = 0.02 + 0.62 * np.clip(ndvi, 0, 1) ** 1.15 * (1 + 0.1 * footprints.mean(fields["canopy"]))
    evi += 0.008 * random.standard_normal(shape, dtype=np.float32)

    inside = footprints.inside
    cloudy = (footprints.centre(_clouds(scene, kind.cloudy_period, *label).astype(np.float32)) > 0) & inside
    snow = (footprints.mean(_snow(fields, when)) > 0.5) & inside & ~cloudy
    marginal = (
        footprints.centre(_clouds(scene, kind.marginal_period, "marginal", *label).astype(np.float32)) > 0
    ) & inside
    marginal &= ~(cloudy | snow)
    ndvi = np.where(cloudy, 0.5 * ndvi, np.where(snow, 0.02, ndvi - 0.03 * marginal))
    evi = np.where(cloudy, 0.6 * evi, np.where(snow, 0.03, evi - 0.02 * marginal))

    reliability = np.select([~inside, cloudy, snow, marginal], [-1, 3, 2, 1], 0).astype(np.int8)
    modland = np.select([~inside, cloudy, snow | marginal], [3, 2, 1], 0)
    usefulness = np.select(
        [~inside, cloudy, snow, marginal],
        [15, random.integers(8, 13, shape), 6, random.integers(2, 9, shape)],
        random.integers(0, 2, shape),
    )
    surface = np.select([lake > 0.9, lake > 0.5, lake > 0], [5, 3, 2], 1)
    bits = modland | usefulness << 2 | 1 << 6 | cloudy << 10 | surface << 11 | snow << 14
    days_of_year = datetime(when.year, 12, 31).timetuple().tm_yday
    composite_day = when.timetuple().tm_yday + random.integers(0, 16, shape)
    day = np.where(inside, (composite_day - 1) % days_of_year + 1, -1).astype(np.int16)
    arrays: dict[str, tuple[NDArray, int]] = {
        "NDVI": (np.where(inside, np.rint(10000 * ndvi), -3000).astype(np.int16), -3000),
        "EVI": (np.where(inside, np.rint(10000 * evi), -3000).astype(np.int16), -3000),
        "VI Quality": (np.where(inside, bits, 65535).astype(np.uint16), 65535),
        "pixel reliability": (reliability, -1),
        "composite day of the year": (day, -1),
    }
    return {f"{prefix} {name}": footprints.whole(*numbers) for name, numbers in arrays.items()}
