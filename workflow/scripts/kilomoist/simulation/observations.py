"""Simulated observations of MODIS and VIIRS: temperature and vegetation indices of a tile, clouds and quality bits.

Every product sees the same surface, with clouds and errors of its own, and tells of them in its own quality words.
Days are as warm for VIIRS as for Terra; Aqua, which looks at another hour, has a weather of its own.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import interpolate
from kilomoist.grids import CELL_SIDE, SPHERE_RADIUS, Grid, ease_from_geographic
from kilomoist.product_types import Product
from kilomoist.simulation.landscapes import greenness, middle_of, season
from kilomoist.simulation.scenes import FINER, PIXEL_KM, Fields, Landscape, Scene

NDVI_NOISE, LST_NOISE = 0.06, 1.8
"""Standard deviation of the white noise of a month's composite at 1 km: index without unit, K."""
KEPT = 0.67
"""Share of the noise's deviation that is left where pixels of a tile are averaged over those of 1 km."""
_TERRA = "MOD11A1.061"
"""The product whose days VIIRS meets as warm."""


class Footprints:
    """Means of the landscape's points over a tile's pixels, by `samples`² points in each; in `rows`, the scene's."""

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
        self.inside = np.asarray(inside.reshape(shape).all(axis=(1, 3)))
        # As `index`, at each pixel's centre, of the fields at 1 km: dozens of them are looked up in a month.
        row, column = np.divmod(self.index[samples**2 // 2].astype(np.intp), points.columns)
        self.nearest = row // FINER * scene.pixels.columns + column // FINER

    def mean(self, field: NDArray) -> NDArray[np.float32]:
        """Mean of a field over each pixel, NaN outside the scene."""
        padded = np.append(field.ravel(), np.float32(np.nan))
        total = np.zeros(self.inside.shape, np.float32)
        for index in self.index:
            total += padded[index]
        return total / np.float32(len(self.index))

    def centre(self, pixels: NDArray) -> NDArray:
        """Value of a field at 1 km near each pixel's centre; outside the scene NaN, of a mask False."""
        return np.append(pixels, pixels.dtype.type(0 if pixels.dtype == bool else np.nan)).take(self.nearest)

    def whole(self, numbers: NDArray, unseen: int) -> NDArray:
        """Numbers of the scene's rows in an array of the whole tile, `unseen` elsewhere."""
        array = np.full((self.tile.rows, self.tile.columns), unseen, numbers.dtype)
        array[self.rows] = numbers
        return array


def _clouds(scene: Scene, cover: float, *purpose: str | float) -> NDArray[np.bool_]:
    """Clouds at 1 km that cover about this share of the scene."""
    field = scene.noise(scene.pixels.shape, PIXEL_KM, 300, 6, "clouds", *purpose)
    return field > np.quantile(field, 1 - cover)


def _within(mask: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Pixels from which at most so many steps, along rows and columns, lead to one of a mask."""
    for _ in range(steps):
        near = mask.copy()
        near[1:] |= mask[:-1]
        near[:-1] |= mask[1:]
        near[:, 1:] |= mask[:, :-1]
        near[:, :-1] |= mask[:, 1:]
        mask = near
    return mask


def _temperature(kind: Landscape, fields: Fields, when: datetime, night: bool) -> NDArray[np.float32]:
    """Mean clear-sky surface temperature (K) of a month at the scene's points."""
    height = (fields["elevation"] - 1500) / 1000
    cold = 20 * (1 - season(when))
    if night:
        ground = 285.5 - kind.lapse_night * height + 0.6 * fields["wetness"] + 0.5 * fields["albedo"] - cold
        return ground.astype(np.float32)
    wet = fields["wetness"] + 0.5 * fields["soil"]
    land = 310 - kind.lapse_day * height - 3.0 * wet - 0.8 * fields["plants"] + 2.6 * fields["albedo"] - cold
    return np.where(fields["lake"] > 0, 291 - cold, land).astype(np.float32)


def _snow(fields: Fields, when: datetime) -> NDArray[np.float32]:
    """1 where snow lies at the scene's points: above a line that comes down in winter."""
    line = 3000 + 1800 * season(when) * (season(when) < 0.5) + 600 * (season(when) >= 0.5) * season(when)
    return (fields["elevation"] > line).astype(np.float32)


def _vegetation_index(fields: Fields, kind: Landscape, when: datetime) -> NDArray[np.float32]:
    """NDVI of the scene's points at a time."""
    land = 0.10 + 0.72 / (1 + np.exp(-1.15 * (greenness(fields, kind, when) - 0.15)))
    return np.where(fields["lake"] > 0, -0.08, land).astype(np.float32)


@dataclass(frozen=True)
class _Temperatures:
    """Observations of one half of a day on the scene's rows of a tile."""

    kelvin: NDArray
    inside: NDArray[np.bool_]
    """Where the scene is."""
    seen: NDArray[np.bool_]
    """Inside and without clouds."""
    uncertain: NDArray[np.bool_]
    """Within 4 km of a cloud."""
    error: NDArray
    """K, without that of a noisy scene."""

    @property
    def stored(self) -> NDArray[np.uint16]:
        return np.where(self.seen, np.rint(self.kelvin / 0.02), 0).astype(np.uint16)


class TemperatureView:
    """Observations of a daily temperature product of a scene on a tile in a month."""

    def __init__(self, scene: Scene, fields: Fields, tile: Grid, month: str) -> None:
        self.scene = scene
        self.footprints = Footprints(scene, tile, 3)
        self.means = {
            name: self.footprints.mean(_temperature(scene.kind, fields, middle_of(month), night=name == "Night"))
            for name in ("Day", "Night")
        }
        self.difference: NDArray | float = 0.0
        if scene.viirs.temperature:
            index = self.footprints.mean(_vegetation_index(fields, scene.kind, middle_of(month)))
            self.difference = scene.viirs.temperature * (1 - np.clip(index, 0, 1) / 2)

    def day(self, product: Product, when: datetime) -> dict[str, NDArray]:
        """Stored numbers of the datasets of a day's granule.

        Clouds and weather differ each day: the whole scene is warmer or colder, and each pixel by 0.8 K at random.
        Within 4 km of a cloud quality is `other` and the error larger and negative. In a noisy scene observations have
        a white error more, of which a month's composite at 1 km keeps `LST_NOISE`.
        """
        arrays: dict[str, tuple[NDArray, int]] = {}
        for layer in product.layers:
            name = layer.removeprefix("lst_").capitalize()
            random, observed = self._observe(product, when, name)
            if product.format == "HDF4":
                arrays[f"LST_{name}_1km"] = observed.stored, 0
                arrays[f"QC_{name}"] = _mod11_quality(random, observed), 3
            else:
                arrays["LST_1KM"], arrays["QC"] = (observed.stored, 0), (_vnp21_quality(random, observed), 3)
        return {name: self.footprints.whole(*numbers) for name, numbers in arrays.items()}

    def _observe(self, product: Product, when: datetime, name: str) -> tuple[np.random.Generator, _Temperatures]:
        """Observations of a half of a day, `Day` or `Night`, and the random generator of what follows from them."""
        scene, mean = self.scene, self.means[name]
        label = (product.name, when.isoformat())
        day = (_TERRA if _of_viirs(product) else product.name, when.isoformat())
        random = scene.random("temperature", name, self.footprints.tile.top, self.footprints.tile.left, *label)
        overcast = scene.kind.overcast + 0.4 * scene.random("overcast", name, *label).random()
        clouds = _clouds(scene, overcast, name, *label)
        weather = scene.noise(scene.window.shape, PIXEL_KM * CELL_SIDE, 600, 150, "weather", name, *day)
        smooth = interpolate(weather, scene.window, scene.pixels, CELL_SIDE)
        warmth = scene.random("air", name, *day).normal(0, 1.5) + 1.2 * smooth
        cloudy = self.footprints.centre(clouds)
        uncertain = self.footprints.centre(_within(clouds, 4)) & ~cloudy
        error = 0.8 * random.standard_normal(mean.shape, dtype=np.float32)
        error -= uncertain * np.abs(random.normal(0, 1.5, mean.shape))
        kelvin = mean + self.footprints.centre(warmth.astype(np.float32)) + error
        if _of_viirs(product):
            kelvin = kelvin + self.difference
        if scene.noisy:
            deviation = LST_NOISE / KEPT * scene.kind.days**0.5
            kelvin = kelvin + self.footprints.centre(scene.white(deviation, name, *label))
        inside = self.footprints.inside
        return random, _Temperatures(kelvin, inside, inside & ~cloudy, uncertain, error)


def _of_viirs(product: Product) -> bool:
    return product.format == "HDF5"


def _mod11_quality(random: np.random.Generator, observed: _Temperatures) -> NDArray[np.uint8]:
    """QC of MOD11."""
    # Emissivity error up to 0.02 and LST error up to 1, 2 or 3 K, as often as in a real granule of 2021.
    other = random.choice(np.array([17, 65, 81, 129], np.uint8), observed.error.shape, p=[0.02, 0.92, 0.04, 0.02])
    produced = np.where(observed.uncertain, other, 0)
    return np.where(observed.seen, produced, np.where(observed.inside, 2, 3)).astype(np.uint8)


def _vnp21_quality(random: np.random.Generator, observed: _Temperatures) -> NDArray[np.uint16]:
    """QC of VNP21: other quality where the error is above 1.5 K, and near clouds, where it says thin cirrus or that."""
    accuracy = 3 - np.digitize(np.abs(observed.error), [1, 1.5, 2])  # 11 up to 1 K, 00 above 2 K
    near = random.integers(1, 3, observed.error.shape)
    cloud = np.select([observed.seen & observed.uncertain, observed.seen], [near, 0], 3)
    mandatory = np.select([~observed.inside, ~observed.seen, (cloud > 0) | (accuracy < 2)], [3, 2, 1], 0)
    # Emissivity to 0.015 and a usual number of iterations, opacity and contrast, as nothing is made of them.
    produced = mandatory | cloud << 4 | 1 << 6 | 1 << 8 | 1 << 10 | 2 << 12 | accuracy << 14
    return np.select([~observed.inside, ~observed.seen], [3, mandatory | cloud << 4], produced).astype(np.uint16)


@dataclass(frozen=True)
class _Vegetation:
    """Observations of a 16-day period on the scene's rows of a tile."""

    inside: NDArray[np.bool_]
    """Where the scene is."""
    lake: NDArray
    """Share of water."""
    cloudy: NDArray[np.bool_]
    snow: NDArray[np.bool_]
    marginal: NDArray[np.bool_]


def vegetation_period(
    scene: Scene, fields: Fields, footprints: Footprints, product: Product, when: datetime
) -> dict[str, NDArray]:
    """Stored numbers of the datasets of a 16-day granule.

    Greenness follows wetness, the season, height and `plants`; EVI saturates later than NDVI. Each pixel has an error
    of its own in each period. Some pixels are marginal (usefulness from lower to useless), cloudy, or under snow;
    lakes have low indices with a quality that does not betray them, but the land/water flag does; in VNP13 they are
    fill. In a noisy scene NDVI has a white error more, which EVI follows, and of which a month's composite at 1 km
    keeps `NDVI_NOISE`. Reflectances are such that `ndii7` follows NDVI and, less, wetness and `albedo`, with errors of
    its own.
    """
    kind, label = scene.kind, (product.name, when.isoformat())
    noise = NDVI_NOISE / KEPT * (kind.periods * 16 / product.every) ** 0.5
    random = scene.random("vegetation", footprints.tile.top, footprints.tile.left, *label)
    inside, shape = footprints.inside, footprints.inside.shape
    lake = footprints.mean(fields["lake"])
    ndvi = footprints.mean(_vegetation_index(fields, kind, when))
    if _of_viirs(product):
        ndvi += scene.viirs.index * (1 - ndvi)
    ndvi += 0.012 * random.standard_normal(shape, dtype=np.float32)
    if scene.noisy:
        ndvi += footprints.centre(scene.white(noise, *label))
        ndvi = np.clip(ndvi, -0.2, 1)
    evi = 0.02 + 0.62 * np.clip(ndvi, 0, 1) ** 1.15 * (1 + 0.1 * footprints.mean(fields["canopy"]))
    evi += 0.008 * random.standard_normal(shape, dtype=np.float32)

    cloudy = footprints.centre(_clouds(scene, kind.cloudy_period, *label)) & inside
    snow = (footprints.mean(_snow(fields, when)) > 0.5) & inside & ~cloudy
    hazy = _clouds(scene, kind.marginal_period, "marginal", *label)
    marginal = footprints.centre(hazy) & inside & ~(cloudy | snow)
    ndvi = np.where(cloudy, 0.5 * ndvi, np.where(snow, 0.02, ndvi - 0.03 * marginal))
    evi = np.where(cloudy, 0.6 * evi, np.where(snow, 0.03, evi - 0.02 * marginal))

    # Bright, stony soil hides the water that `ndii7` sees: of one NDVI it varies by 0.1 and more in real granules.
    infrared = 0.85 * ndvi - 0.35 + footprints.mean(0.05 * fields["wetness"] - 0.08 * fields["albedo"])
    own = scene.random("infrared", footprints.tile.top, footprints.tile.left, *label)
    infrared += 0.02 * own.standard_normal(shape, dtype=np.float32)
    if scene.noisy:
        infrared += footprints.centre(scene.white(noise, "infrared", *label))
    infrared = np.clip(infrared, -0.9, 0.9)
    nir = 0.18 + 0.25 * np.clip(ndvi, 0, 1)
    mir = np.clip(nir * (1 - infrared) / (1 + infrared), 0, 1)

    observed = _Vegetation(inside, lake, cloudy, snow, marginal)
    quality = _vnp13_quality if _of_viirs(product) else _mod13_quality
    reliability, bits = quality(random, observed)
    # VNP13 has a fill of its own, and no reflectance, where there is water.
    water = reliability == -4
    arrays: dict[str, tuple[NDArray, int]] = {}
    for name, values in {"ndvi": ndvi, "evi": evi, "nir": nir, "mir": mir}.items():
        layer = product.layers[name]
        fills = np.ravel(layer.attributes["_FillValue"])
        stored = np.select([~inside, water], [fills[-1], fills[0]], np.rint(10000 * values)).astype(np.int16)
        arrays[layer.dataset] = stored, fills[-1]
    prefix = product.layers["ndvi"].dataset.removesuffix(" NDVI")
    arrays |= {f"{prefix} VI Quality": (bits, 65535), f"{prefix} pixel reliability": (reliability, -1)}
    return {name: footprints.whole(*numbers) for name, numbers in arrays.items()}


def _mod13_quality(random: np.random.Generator, observed: _Vegetation) -> tuple[NDArray[np.int8], NDArray[np.uint16]]:
    """Pixel reliability and VI Quality of MOD13."""
    inside, cloudy, snow, marginal = observed.inside, observed.cloudy, observed.snow, observed.marginal
    reliability = np.select([~inside, cloudy, snow, marginal], [-1, 3, 2, 1], 0).astype(np.int8)
    modland = np.select([~inside, cloudy, snow | marginal], [3, 2, 1], 0)
    usefulness = np.select(
        [~inside, cloudy, snow, marginal],
        [15, random.integers(8, 13, inside.shape), 6, random.integers(2, 9, inside.shape)],
        random.integers(0, 2, inside.shape),
    )
    bits = modland | usefulness << 2 | 1 << 6 | cloudy << 10 | _land_water(observed) << 11 | snow << 14
    return reliability, np.where(inside, bits, 65535).astype(np.uint16)


def _vnp13_quality(random: np.random.Generator, observed: _Vegetation) -> tuple[NDArray[np.int8], NDArray[np.uint16]]:
    """Pixel reliability and VI Quality of VNP13.

    Good pixels have ranks from 0 to 3 and marginal ones from 4 (pass) to 7 (shadow); usefulness is that which is
    commonest with a rank in a real granule of 2025. Lakes are filled, as the sea is, with all bits set but those of
    land and water.
    """
    inside, water = observed.inside, observed.inside & (observed.lake > 0.9)
    ranks = np.where(observed.marginal, random.integers(4, 8, inside.shape), random.integers(0, 4, inside.shape))
    reliability = np.select([~inside, water, observed.cloudy, observed.snow], [-1, -4, 9, 8], ranks).astype(np.int8)
    modland = np.select([reliability == 9, reliability >= 3], [2, 1], 0)
    usefulness = np.array([0, 0, 1, 1, 2, 2, 4, 6, 6, 6])[np.maximum(reliability, 0)]
    marks = observed.cloudy << 10 | observed.snow << 14 | (reliability == 7) << 15
    bits = modland | usefulness << 2 | 1 << 6 | marks
    surface = _land_water(observed) << 11
    bits = np.select([~inside, water], [65535, 65535 & ~(7 << 11) | surface], bits | surface)
    return reliability, bits.astype(np.uint16)


def _land_water(observed: _Vegetation) -> NDArray[np.int_]:
    """Land/water flag: deep inland water, shallow inland water, shorelines, land."""
    return np.select([observed.lake > 0.9, observed.lake > 0.5, observed.lake > 0], [5, 3, 2], 1)
