"""Simulated scenes: known truth, sensors that see it, and the same bytes for the same seed."""

import itertools
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.stats import pearsonr

from kilomoist import grids
from kilomoist.calendars import slots
from kilomoist.cells import block_mean
from kilomoist.configuration import keys
from kilomoist.configuration.types import SCENE_EXTENTS
from kilomoist.evaluation.variograms import lags_of, variogram
from kilomoist.granules.quality import meets
from kilomoist.grids import CELL_SIDE, M01, SINUSOIDAL_CRS, cells_covering, ease_from_geographic, tile_grid
from kilomoist.predictors.footprints import sum_footprints
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.regions import tiles_of
from kilomoist.simulation import observations
from kilomoist.simulation.field_points import FIELD_POINTS, field_points
from kilomoist.simulation.landscapes import (
    elevation_map,
    greenness,
    landscape,
    read_landscape,
    season,
    truth,
    write_landscape,
)
from kilomoist.simulation.observations import Footprints, TemperatureView, vegetation_period
from kilomoist.simulation.scenes import FINER, LANDSCAPES, Fields, Scene, make_scene
from kilomoist.simulation.smap import TargetError, erring, target_field, target_mean, vegetation_and_soil

# About 160 km, a part of the full scene that has lakes; most of it lies on tile h24v04.
EXTENT = (97.0, 46.0, 99.0, 48.0)
MONTH = "2021-08"
DAY = datetime(2021, 8, 13)
LST, VI, SMAP = (PRODUCTS[name] for name in ("MOD11A1.061", "MOD13A2.061", "SPL4SMGP.008"))
VIIRS_VI = PRODUCTS["VNP13A2.002"]
TILE = "h24v04"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(EXTENT, 2021)


@pytest.fixture(scope="module")
def fields(scene: Scene) -> Fields:
    made = landscape(scene)
    # A lake in any case: of 12 km, and a pond of three points, a third of a pixel.
    made["lake"][200:236, 200:236] = 1
    made["lake"][300:301, 300:303] = 1
    return made


@pytest.fixture(scope="module")
def true(fields: Fields) -> np.ndarray:
    return truth(fields, MONTH)


@pytest.fixture(scope="module")
def view(scene: Scene, fields: Fields) -> TemperatureView:
    return TemperatureView(scene, fields, tile_grid(TILE, 1200), MONTH)


# Seeds


def test_the_same_seed_makes_the_same_scene(scene: Scene) -> None:
    first, again, other = (landscape(Scene(scene.window, seed)) for seed in (5, 5, 6))
    np.testing.assert_equal(list(first.items()), list(again.items()))
    for name in first.keys() - {"lake"}:
        assert abs(pearsonr(first[name].ravel(), other[name].ravel())[0]) < 0.95


def test_purposes_have_random_numbers_of_their_own(scene: Scene) -> None:
    first, same, other = (scene.random("rain", number).random(5) for number in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, Scene(scene.window, 7).random("rain", 1).random(5))


def test_granules_are_the_same_in_any_order(scene: Scene, fields: Fields, view: TemperatureView) -> None:
    first = view.day(LST, DAY)
    view.day(LST, datetime(2021, 8, 14))
    again = TemperatureView(scene, fields, tile_grid(TILE, 1200), MONTH).day(LST, DAY)
    np.testing.assert_equal(list(first.items()), list(again.items()))


# Truth


def test_a_scene_covers_its_extent_with_whole_cells(scene: Scene) -> None:
    assert scene.window == cells_covering(EXTENT)
    assert scene.points.rows == scene.pixels.rows * FINER == scene.window.rows * 27
    assert scene.points.left == pytest.approx(M01.x_edges(scene.pixels)[0], abs=1e-6)
    assert scene.points.side * FINER == pytest.approx(M01.side, abs=1e-9)


def test_both_extents_are_large_enough() -> None:
    full, small = (cells_covering(SCENE_EXTENTS[name]) for name in ("full", "small"))
    assert full.rows * full.columns >= 200 * 16
    assert small.rows * small.columns >= 30 * 16


def test_truth_is_physical_and_missing_on_lakes(true: np.ndarray, fields: Fields, scene: Scene) -> None:
    assert (true.shape, true.dtype) == (scene.pixels.shape, np.float32)
    assert 0.02 < np.nanmin(true) < np.nanmax(true) < 0.5
    water = block_mean(fields["lake"], FINER)[0]
    # Nine points a pixel: water has none to nine of them.
    np.testing.assert_array_equal(np.isnan(true), water >= 0.5)
    assert np.isnan(true[70:75, 70:75]).all()
    assert np.isfinite(true[100, 100])  # the pond takes a third
    assert np.isfinite(true).mean() > 0.8


def test_months_differ_by_their_season(fields: Fields) -> None:
    wet, dry = truth(fields, "2021-07"), truth(fields, "2021-01")
    assert np.nanmean(wet) > np.nanmean(dry) + 0.005
    assert season(datetime(2021, 7, 15)) == pytest.approx(1, abs=0.001)
    assert season(datetime(2021, 1, 14)) == pytest.approx(-1, abs=0.001)


def test_truth_varies_within_cells_but_mostly_between(true: np.ndarray) -> None:
    """As in nature; else the scene would be made for the method."""
    means, count = block_mean(true, CELL_SIDE)
    between = np.nanvar(means[count > 40])
    assert 0.5 * np.nanvar(true) < between < 0.99 * np.nanvar(true)


# SMAP


@pytest.mark.parametrize(("product", "month"), [("SPL4SMGP.008", "2021-02"), ("SPL4SMAU.008", "2021-08")])
def test_the_mean_of_all_fields_is_the_mean_of_the_truth(
    scene: Scene, true: np.ndarray, product: str, month: str
) -> None:
    mean = target_mean(true)
    times = len(slots(PRODUCTS[product], month))
    total = np.zeros(mean.shape)
    steps = []
    for number in range(times):
        field = target_field(scene, mean, PRODUCTS[product], month, number)
        assert field.dtype == np.float32
        assert np.nanmin(field) > 0
        total += field
        steps.append(float(np.nanmean(field)))
    expected, count = block_mean(true, CELL_SIDE)
    land = count > 40
    np.testing.assert_array_equal(np.isfinite(total), land)
    np.testing.assert_allclose((total / times)[land], expected[land], rtol=0, atol=1e-6)
    assert np.ptp(steps) > 0.02  # it rains


# Field points


def test_field_points_lie_on_land_and_measure_it(scene: Scene, true: np.ndarray) -> None:
    points = field_points(scene, true, MONTH, EXTENT)
    assert len(points) == FIELD_POINTS == 153
    assert points["id"].is_unique
    assert points["longitude"].between(EXTENT[0] + 0.5, EXTENT[2] - 0.5).all()
    assert points["latitude"].between(EXTENT[1] + 0.5, EXTENT[3] - 0.5).all()
    assert points["date"].str.fullmatch(r"2021-08-\d\d").all()
    assert points["date"].nunique() > 15
    assert points["soil_moisture"].between(0, 0.6).all()
    row, column = M01.locate(*ease_from_geographic(points["longitude"], points["latitude"]))
    value = true[row - scene.pixels.row, column - scene.pixels.column]
    assert np.isfinite(value).all()
    error = points["soil_moisture"] - value
    assert error.std() == pytest.approx(0.055, abs=0.015)
    again = field_points(scene, true, MONTH, EXTENT)
    assert points.equals(again)
    assert not points.equals(field_points(Scene(scene.window, 9), true, MONTH, EXTENT))


def test_a_landscape_comes_back(fields: Fields, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_landscape(tmp_path / name, fields)
    found = read_landscape(tmp_path / "a.npz")
    np.testing.assert_equal(list(found.items()), list(fields.items()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


# What MODIS sees


@pytest.mark.parametrize(("pixels", "samples"), [(1200, 3), (2400, 2)])
def test_footprints_look_where_the_pixels_lie(scene: Scene, pixels: int, samples: int) -> None:
    """Fields that hold the coordinates of the landscape's points, in km from the scene's corner."""
    grid = tile_grid(TILE, pixels)
    footprints = Footprints(scene, grid, samples)
    points = scene.points
    x, y = points.x_centres(points.window), points.y_centres(points.window)
    east, south = np.meshgrid((x - points.left) / 1000, (points.top - y) / 1000)
    inside = footprints.whole(footprints.inside, False)
    assert inside.sum() > (pixels / 1200) ** 2 * 10_000
    found_x, found_y = (footprints.whole(footprints.mean(km.astype(np.float32)), np.nan) for km in (east, south))
    np.testing.assert_array_equal(np.isfinite(found_x), inside)
    centres = np.meshgrid(grid.x_centres(grid.window), grid.y_centres(grid.window))
    to_ease = Transformer.from_crs(SINUSOIDAL_CRS, M01.crs, always_xy=True)
    expected_x, expected_y = to_ease.transform(*(centre[inside] for centre in centres))
    beside = found_x[inside] - (expected_x - points.left) / 1000, found_y[inside] - (points.top - expected_y) / 1000
    # A sample lies at most half a point (a sixth of a km) beside the point that it is taken from; they average out.
    assert np.abs(beside).max() < 0.2
    assert abs(beside[0].mean()) < 0.01


def test_a_tile_beside_the_scene_sees_nothing(scene: Scene, fields: Fields) -> None:
    for tile in ("h10v05", "h26v04", "h24v06"):
        day = TemperatureView(scene, fields, tile_grid(tile, 1200), MONTH).day(LST, DAY)
        assert not day["LST_Day_1km"].any()
        assert (day["QC_Day"] == 3).all()
        assert day["LST_Day_1km"].shape == (1200, 1200)


def test_tiles_of_the_scene_see_all_of_it(scene: Scene) -> None:
    area = 0.0
    for tile in tiles_of(shapely.box(*EXTENT)):
        grid = tile_grid(tile, 1200)
        area += Footprints(scene, grid, 3).inside.sum() * grid.side**2
    assert area == pytest.approx(scene.pixels.rows * scene.pixels.columns * M01.side**2, rel=0.02)


def test_temperature_granules_are_consistent(view: TemperatureView) -> None:
    day = view.day(LST, DAY)
    for name in ("Day", "Night"):
        stored, quality = day[f"LST_{name}_1km"], day[f"QC_{name}"]
        assert (stored.dtype, quality.dtype) == (np.uint16, np.uint8)
        # QC never says 0 on a pixel without temperature, nor `not produced` on one with it.
        produced = quality % 4 < 2
        np.testing.assert_array_equal(produced, stored > 0)
        assert stored[produced].min() >= 7500
        assert set(np.unique(quality)) <= {0, 2, 3, 17, 65, 81, 129}
        seen = (stored > 0).sum() / (quality != 3).sum()
        assert 0.1 < seen < 0.8
    kelvin = day["LST_Day_1km"][day["LST_Day_1km"] > 0] * 0.02
    assert 280 < kelvin.min() < kelvin.max() < 330
    night = day["LST_Night_1km"][day["LST_Night_1km"] > 0] * 0.02
    assert night.mean() < kelvin.mean() - 10


def test_clouds_move_and_the_month_shows_the_mean(view: TemperatureView) -> None:
    total, count = np.zeros((1200, 1200)), np.zeros((1200, 1200))
    masks = []
    for number in range(1, 11):
        day = view.day(LST, datetime(2021, 8, number))
        good = meets(LST.layers["lst_day"].quality["good"], {"QC_Day": day["QC_Day"]})
        masks.append(good[view.footprints.rows][view.footprints.inside])
        total += np.where(good, day["LST_Day_1km"] * 0.02, 0)
        count += good
    assert np.mean([pearsonr(mask, following)[0] for mask, following in itertools.pairwise(masks)]) < 0.5
    well = (count >= 5)[view.footprints.rows] & view.footprints.inside
    assert well.sum() > 1000
    error = (total[view.footprints.rows][well] / count[view.footprints.rows][well]) - view.means["Day"][well]
    assert abs(error.mean()) < 2.5
    assert error.std() < 1.5


def test_vegetation_granules_are_consistent(scene: Scene, fields: Fields) -> None:
    footprints = Footprints(scene, tile_grid(TILE, 1200), 2)
    arrays = vegetation_period(scene, fields, footprints, VI, datetime(2021, 7, 28))
    prefix = "1 km 16 days"
    ndvi, evi = arrays[f"{prefix} NDVI"], arrays[f"{prefix} EVI"]
    reliability, bits = arrays[f"{prefix} pixel reliability"], arrays[f"{prefix} VI Quality"]
    inside = footprints.whole(footprints.inside, False)
    np.testing.assert_array_equal(reliability != -1, inside)
    assert (bits[~inside] == 65535).all()
    for index in (ndvi, evi):
        np.testing.assert_array_equal(index != -3000, inside)
        assert index.dtype == np.int16
        assert -2000 <= index[inside].min() <= index[inside].max() <= 10000
    good, fair = (meets(VI.layers["ndvi"].quality[level], arrays) for level in ("good", "fair"))
    assert good.sum() < fair.sum() < inside.sum()
    assert 0.6 < good.sum() / inside.sum() < 0.95
    assert pearsonr(ndvi[good], evi[good])[0] > 0.8
    near, middle = (arrays[f"{prefix} {name} reflectance"].astype(float) for name in ("NIR", "MIR"))
    for reflectance in (near, middle):
        np.testing.assert_array_equal(reflectance != -1000, inside)
        assert 0 < reflectance[inside].min() <= reflectance[inside].max() <= 10000
    # In two real granules (`test_real_infrared_index`) r is 0.47 and 0.80.
    assert 0.4 < pearsonr(ndvi[good], ((near - middle) / (near + middle))[good])[0] < 0.97
    # Lakes look like nothing but water: low NDVI of good quality, which the land/water flag gives away.
    lake = footprints.whole(footprints.mean(fields["lake"]), 0)
    water = meets(VI.water, arrays) & inside
    np.testing.assert_array_equal(water, inside & (lake > 0.5))
    assert ndvi[inside & (lake > 0.99) & good].max() < 500
    assert (good & water).any()
    np.testing.assert_equal(vegetation_period(scene, fields, footprints, VI, datetime(2021, 7, 28)), arrays)


def test_winter_is_cold_and_snowy(scene: Scene, fields: Fields) -> None:
    footprints = Footprints(scene, tile_grid(TILE, 1200), 2)
    summer, winter = (
        vegetation_period(scene, fields, footprints, VI, datetime(2021, *when))["1 km 16 days pixel reliability"]
        for when in ((7, 28), (1, 1))
    )
    assert (winter == 2).mean() > (summer == 2).mean()
    grid = tile_grid(TILE, 1200)
    january, august = (TemperatureView(scene, fields, grid, month).means["Day"] for month in ("2021-01", MONTH))
    assert np.nanmean(january) < np.nanmean(august) - 20
    assert np.nanmin(january) > 200


@pytest.mark.parametrize("kind", LANDSCAPES)
def test_moisture_is_seen_by_both_sensors(kind: str) -> None:
    """Wet land is greener and cooler, and neither tells everything."""
    scene = make_scene(EXTENT, 2021, kind)
    fields = landscape(scene)
    view = TemperatureView(scene, fields, tile_grid(TILE, 1200), MONTH)
    moisture = view.footprints.centre(truth(fields, MONTH))
    arrays = vegetation_period(scene, fields, view.footprints, VI, DAY)
    good = meets(VI.layers["ndvi"].quality["good"], arrays)[view.footprints.rows] & np.isfinite(moisture)
    ndvi = arrays["1 km 16 days NDVI"][view.footprints.rows]
    assert 0.3 < pearsonr(moisture[good], ndvi[good])[0] < 0.95
    assert -0.95 < pearsonr(moisture[good], view.means["Day"][good])[0] < -0.3


# What VIIRS sees of the same surface


@pytest.mark.parametrize("name", ["VNP21A1D.002", "VNP21A1N.002", "VJ121A1D.002", "VJ121A1N.002"])
def test_viirs_sees_half_a_day(view: TemperatureView, name: str) -> None:
    product = PRODUCTS[name]
    day = view.day(product, DAY)
    assert {title: array.dtype for title, array in day.items()} == {"LST_1KM": np.uint16, "QC": np.uint16}
    stored, quality = day["LST_1KM"], day["QC"].astype(int)
    mandatory, cloud, accuracy = quality & 3, quality >> 4 & 3, quality >> 14
    np.testing.assert_array_equal(mandatory < 2, stored > 0)
    np.testing.assert_array_equal(cloud == 3, mandatory == 2)
    inside = view.footprints.whole(view.footprints.inside, False)
    np.testing.assert_array_equal(mandatory == 3, ~inside)
    # Near a cloud the value is not good, and there is thin cirrus as often as a cloud beside it.
    assert (mandatory[(cloud == 1) | (cloud == 2)] == 1).all()
    assert 0.8 < (cloud == 1).sum() / (cloud == 2).sum() < 1.25
    mean = view.footprints.whole(view.means["Day" if name.endswith("D.002") else "Night"], np.nan)
    error = 0.02 * stored - mean
    (layer,) = product.layers.values()
    good, fair = (meets(layer.quality[level], day) & layer.holds(stored) for level in ("good", "fair"))
    assert good.sum() < fair.sum() < (stored > 0).sum()
    # Beside the next pixel, which has the same weather, errors are larger where the bits say so.
    beside, both = error - np.roll(error, 1, axis=1), (stored > 0) & (np.roll(stored, 1, axis=1) > 0)
    best, worst = (np.std(beside[both & (accuracy == bits)]) for bits in (3, 0))
    assert best < 0.8 * worst
    assert np.std(beside[both & good]) < 0.8 * worst
    assert abs(error[good].mean()) < 5


def test_viirs_and_modis_have_clouds_of_their_own(view: TemperatureView) -> None:
    seen = [
        view.day(PRODUCTS[name], DAY)[title][view.footprints.rows][view.footprints.inside] > 0
        for name, title in (
            ("MOD11A1.061", "LST_Day_1km"),
            ("VNP21A1D.002", "LST_1KM"),
            ("VJ121A1D.002", "LST_1KM"),
        )
    ]
    for one, other in itertools.combinations(seen, 2):
        assert abs(pearsonr(one, other)[0]) < 0.5


def test_viirs_meets_the_weather_that_terra_meets(view: TemperatureView) -> None:
    """Where both see the ground on one day they differ by their errors of 0.8 K, by day and by night."""
    for half, product in (("Day", "VNP21A1D.002"), ("Night", "VJ121A1N.002")):
        theirs, ours = view.day(LST, DAY), view.day(PRODUCTS[product], DAY)
        (layer,) = PRODUCTS[product].layers.values()
        both = meets(LST.layers[f"lst_{half.lower()}"].quality["good"], theirs) & (theirs[f"LST_{half}_1km"] > 0)
        both &= meets(layer.quality["good"], ours) & (ours["LST_1KM"] > 0)
        difference = 0.02 * (ours["LST_1KM"].astype(float) - theirs[f"LST_{half}_1km"])[both]
        assert both.sum() > 300
        assert abs(difference.mean()) < 0.15
        assert 0.8 < difference.std() < 1.25


def test_viirs_vegetation_granules_are_consistent(scene: Scene, fields: Fields) -> None:
    footprints = Footprints(scene, tile_grid(TILE, 1200), 2)
    arrays = vegetation_period(scene, fields, footprints, VIIRS_VI, datetime(2021, 7, 28))
    ndvi, evi, near, middle, ranks, bits = (
        arrays[f"1 km 16 days {name}"]
        for name in ("NDVI", "EVI", "NIR reflectance", "SWIR3 reflectance", "pixel reliability", "VI Quality")
    )
    assert (ndvi.dtype, ranks.dtype, bits.dtype) == (np.int16, np.int8, np.uint16)
    inside = footprints.whole(footprints.inside, False)
    lake = footprints.whole(footprints.mean(fields["lake"]), 0)
    np.testing.assert_array_equal(ranks == -1, ~inside)
    np.testing.assert_array_equal(ranks == -4, inside & (lake > 0.9))
    for array, water, land in ((ndvi, -15000, -13000), (evi, -15000, -13000), (near, -1000, -1000)):
        assert (array[ranks == -4] == water).all()
        assert (array[ranks == -1] == land).all()
        assert array[ranks >= 0].min() >= -2000
    # Every rank that a period can have, good and marginal ones about as often as each other.
    assert set(np.unique(ranks)) >= {-4, -1, *range(8), 9}
    for group in (range(4), range(4, 8)):
        counts = [(ranks == rank).sum() for rank in group]
        assert max(counts) < 1.2 * min(counts)
    # As in the real granule: shadow says so in bit 15, snow in 14, clouds in 10, and usefulness falls with the rank.
    np.testing.assert_array_equal((bits >> 15 == 1) & (ranks >= 0), ranks == 7)
    np.testing.assert_array_equal((bits >> 14 & 1 == 1) & (ranks >= 0), ranks == 8)
    np.testing.assert_array_equal((bits >> 10 & 1 == 1) & (ranks >= 0), ranks == 9)
    assert (np.diff([(bits[ranks == rank] >> 2 & 15).mean() for rank in range(8)]) >= 0).all()
    np.testing.assert_array_equal(meets(VIIRS_VI.water, arrays), inside & (lake > 0.5))
    good, fair = (meets(VIIRS_VI.layers["ndvi"].quality[level], arrays) for level in ("good", "fair"))
    assert 0.6 < good.sum() / inside.sum() < 0.95
    assert good.sum() < fair.sum()
    modis = vegetation_period(scene, fields, footprints, VI, datetime(2021, 7, 28))
    both = good & meets(VI.layers["ndvi"].quality["good"], modis)
    # The same surface: what differs is the error of each, 0.012.
    assert np.std(0.0001 * (ndvi[both].astype(float) - modis["1 km 16 days NDVI"][both])) < 0.02
    index = ((near - middle) / (near + middle).clip(1))[good]
    assert 0.4 < pearsonr(ndvi[good], index)[0] < 0.97


def test_viirs_sees_more_than_modis_as_asked() -> None:
    plain, other = (
        make_scene(STRIP, 2021, viirs=difference) for difference in (None, {"index": 0.04, "temperature": 2.0})
    )
    fields, grid = landscape(plain), tile_grid(TILE, 1200)
    footprints = Footprints(plain, grid, 2)
    rows, inside = footprints.rows, footprints.inside

    def differences(product: str, layer: str, *arrays: dict[str, NDArray]) -> NDArray[np.float64]:
        """Of what two scenes show, in steps of storage, where both see the ground; quality is the same."""
        stored = PRODUCTS[product].layers[layer]
        without, with_difference = (array[stored.dataset][rows][inside] for array in arrays)
        for name in arrays[0].keys() - {layer.dataset for layer in PRODUCTS[product].layers.values()}:
            np.testing.assert_array_equal(arrays[0][name], arrays[1][name])
        held = stored.holds(without)
        return np.where(held, with_difference.astype(float) - without, np.nan)

    views = [TemperatureView(scene, fields, grid, MONTH) for scene in (plain, other)]
    cover = vegetation_period(plain, fields, footprints, VI, datetime(2021, 8, 13))["1 km 16 days NDVI"]
    green = 0.0001 * cover[rows][inside]  # with an error of 0.012, and clouds
    for product, layer in (("VNP21A1D.002", "lst_day"), ("VJ121A1N.002", "lst_night")):
        warmer = 0.02 * differences(product, layer, *(view.day(PRODUCTS[product], DAY) for view in views))
        assert 1.0 < np.nanmin(warmer) < np.nanmax(warmer) <= 2.02
        clear = np.isfinite(warmer) & (green > 0.1)
        assert pearsonr(warmer[clear], green[clear])[0] < -0.8
        assert np.nanmean(warmer) == pytest.approx(2 - np.mean(green[clear]), abs=0.06)
    for product in ("MOD11A1.061", "MYD11A1.061"):
        assert np.nanmax(np.abs(differences(product, "lst_day", *(v.day(PRODUCTS[product], DAY) for v in views)))) == 0
    seen = {
        product: [vegetation_period(scene, fields, footprints, PRODUCTS[product], DAY) for scene in (plain, other)]
        for product in ("VNP13A2.002", "MOD13A2.061")
    }
    for layer in ("ndvi", "evi", "nir", "mir"):
        assert np.nanmax(np.abs(differences("MOD13A2.061", layer, *seen["MOD13A2.061"]))) == 0
    more = 0.0001 * differences("VNP13A2.002", "ndvi", *seen["VNP13A2.002"])
    good = meets(VIIRS_VI.layers["ndvi"].quality["good"], seen["VNP13A2.002"][0])[rows][inside]
    own = 0.0001 * seen["VNP13A2.002"][0]["1 km 16 days NDVI"][rows][inside]
    # Of the NDVI that is seen without the difference, but for the pixel's own error.
    np.testing.assert_allclose(more[good], (0.04 * (1 - own))[good], atol=0.04 * 0.06 + 0.0001)
    assert np.nanmean(differences("VNP13A2.002", "evi", *seen["VNP13A2.002"])[good]) > 50


# Landscapes, noise and error


def test_the_configuration_knows_every_landscape() -> None:
    assert tuple(LANDSCAPES) == get_args(keys.SceneKeys.model_fields["landscape"].annotation)
    default = keys.SceneKeys()
    assert make_scene(EXTENT, 2021, default.landscape, default.noise, default.viirs.model_dump()) == make_scene(
        EXTENT, 2021
    )


def test_the_steppe_is_what_it_was_before_there_were_other_landscapes(scene: Scene, view: TemperatureView) -> None:
    """By the formulas that the scene had then, written out with their numbers; equal to the last bit."""
    found = landscape(scene)

    def noise(longest: float, shortest: float, name: str) -> NDArray[np.float32]:
        return scene.noise((scene.points.rows, scene.points.columns), 1 / 3, longest, shortest, name)

    massif, ridges = noise(500, 120, "massif"), noise(90, 4, "ridges")
    elevation = np.maximum(1500 + 450 * massif + 260 * ridges * np.exp(0.4 * massif), 500)
    valleys = noise(25, 1.5, "valleys") - 0.5 * ridges
    valleys /= valleys.std()
    north = np.linspace(1, -1, scene.points.rows, dtype=np.float32)[:, None]
    wetness = 0.6 * north + 0.75 * noise(600, 100, "climate") + 0.2 * massif + 0.2 * valleys
    np.testing.assert_array_equal(found["elevation"], elevation)
    np.testing.assert_array_equal(found["wetness"], wetness)
    cold, height = 20 * (1 - season(datetime(2021, 8, 15))), (elevation - 1500) / 1000
    night = (285.5 - 4.0 * height + 0.6 * wetness + 0.5 * found["albedo"] - cold).astype(np.float32)
    np.testing.assert_array_equal(view.means["Night"], view.footprints.mean(night))


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ({}, "full-2021"),
        ({"extent": "small", "seed": 7}, "small-7"),
        ({"landscape": "mountains", "noise": True, "error": 0.02}, "full-mountains-noise-error0.02-2021"),
        ({"landscape": "cloudy", "error": 0}, "full-cloudy-2021"),
        ({"error": 0.1}, "full-error0.1-2021"),
        ({"viirs": {"index": 0, "temperature": 0.0}}, "full-2021"),
        ({"viirs": {"index": 0.03}, "noise": True}, "full-noise-viirs_index0.03-2021"),
        (
            {"viirs": {"index": -0.02, "temperature": 1}, "error": 0.02},
            "full-error0.02-viirs_index-0.02-viirs_temperature1-2021",
        ),
        ({"error": 0.0200000001}, "full-error0.0200000001-2021"),
        ({"error": {"deviation": 0.02}}, "full-error0.02-2021"),
        ({"error": {"with_predictors": 0.5}}, "full-2021"),
        (
            {"error": {"deviation": 0.04, "with_predictors": 0.5, "static": 0.25, "range": 72}},
            "full-error0.04-predictors0.5-static0.25-range72-2021",
        ),
    ],
)
def test_everything_that_shapes_a_scene_names_it(shape: dict, name: str) -> None:
    assert keys.SceneKeys(**shape).name == name


def within_cells(fine: NDArray) -> NDArray[np.float64]:
    """Deviations from the mean of each cell, as a list."""
    means = block_mean(fine, CELL_SIDE)[0]
    return (fine - np.kron(means, np.ones((CELL_SIDE, CELL_SIDE)))).ravel()


def test_height_tells_in_the_mountains_what_temperature_does_not() -> None:
    """Between cells cold land is wet, as in the steppe; within them cold land is high, and high land is dry."""
    r = {}
    for kind in ("steppe", "mountains"):
        scene = make_scene(EXTENT, 2021, kind)
        fields = landscape(scene)
        view = TemperatureView(scene, fields, tile_grid(TILE, 1200), MONTH)
        height = elevation_map(fields)
        assert (height.shape, height.dtype) == (scene.pixels.shape, np.float32)
        np.testing.assert_allclose(height[2, 5], fields["elevation"][6:9, 15:18].mean(), rtol=1e-6)
        kelvin, seen = view.means["Day"], view.footprints.centre(height)
        here = np.isfinite(kelvin) & np.isfinite(seen)
        moisture, relief = within_cells(truth(fields, MONTH)), within_cells(height)
        land = np.isfinite(moisture)
        r[kind] = {
            "height": pearsonr(moisture[land], relief[land])[0],
            "kelvin": pearsonr(kelvin[here], seen[here])[0],
            "relief": relief.std(),
        }
    assert r["mountains"]["height"] < -0.25
    assert abs(r["steppe"]["height"]) < 0.2
    assert r["mountains"]["kelvin"] < -0.6
    assert r["mountains"]["relief"] > 1.3 * r["steppe"]["relief"]


# A strip of 7 × 13 cells, in which a month is quickly seen.
STRIP = (97.5, 46.5, 98.7, 47.1)
Month = Callable[[str, bool], tuple[NDArray, NDArray]]


@pytest.fixture(scope="module")
def lst_month() -> Month:
    """Mean and days of the good LST of a month, on the band of the tile, of a landscape with or without noise."""

    @cache
    def see(kind: str, noisy: bool) -> tuple[NDArray, NDArray]:
        scene = make_scene(STRIP, 2021, kind, noisy)
        view = TemperatureView(scene, landscape(scene), tile_grid(TILE, 1200), MONTH)
        total, days = np.zeros((1200, 1200)), np.zeros((1200, 1200))
        for slot in slots(LST, MONTH):
            day = view.day(LST, slot.time)
            good = meets(LST.layers["lst_day"].quality["good"], day)
            total += np.where(good, 0.02 * day["LST_Day_1km"], 0)
            days += good
        with np.errstate(invalid="ignore"):
            return total / days, np.where(view.footprints.whole(view.footprints.inside, False), days, np.nan)

    return see


def at_one_km(noise: NDArray) -> NDArray[np.float64]:
    """Noise of a tile on the scene's pixels that lie in it wholly, NaN elsewhere."""
    pixels = cells_covering(STRIP).refined(CELL_SIDE)
    sums, shares = sum_footprints(noise[None], tile_grid(TILE, 1200), pixels)
    return np.where(shares[0] > 0.999, sums[0] / shares[0].clip(1e-9), np.nan)


def test_white_noise_of_temperature_averages_out(lst_month: Month) -> None:
    (quiet, days), (noisy, same) = lst_month("steppe", False), lst_month("steppe", True)
    np.testing.assert_array_equal(days, same)  # clouds are the same
    noise = at_one_km(noisy - quiet)
    deviation = np.nanstd(noise)
    # So narrow a scene has more edges of clouds, and fewer good days.
    expected = observations.LST_NOISE * (LANDSCAPES["steppe"].days / np.nanmean(days)) ** 0.5
    assert deviation == pytest.approx(expected, rel=0.12)
    means, count = block_mean(noise, CELL_SIDE)
    assert np.nanstd(means[count > 60]) < 0.25 * deviation
    # Pixels of 1 km share those of the tile with their neighbours, but not with pixels 3 km away.
    for pixels, others in ((noise[:, 3:], noise[:, :-3]), (noise[3:], noise[:-3])):
        both = np.isfinite(pixels) & np.isfinite(others)
        assert abs(pearsonr(pixels[both], others[both])[0]) < 0.05


def test_noise_is_new_in_each_observation() -> None:
    """In two days on which the same pixel is seen, and by day and night."""
    quiet, noisy = (
        TemperatureView(scene, landscape(scene), tile_grid(TILE, 1200), MONTH)
        for scene in (make_scene(STRIP, 2021), make_scene(STRIP, 2021, noise=True))
    )

    def noise(day: int, name: str) -> NDArray[np.float64]:
        with_noise, without = (view.day(LST, datetime(2021, 8, day))[f"LST_{name}_1km"] for view in (noisy, quiet))
        return np.where(without > 0, 0.02 * (with_noise.astype(float) - without), np.nan)

    first = noise(3, "Day")
    deviation = observations.LST_NOISE / observations.KEPT * LANDSCAPES["steppe"].days ** 0.5
    assert np.nanstd(first) == pytest.approx(deviation, rel=0.05)
    for other in (noise(4, "Day"), noise(3, "Night")):
        both = np.isfinite(first) & np.isfinite(other)
        assert both.sum() > 500
        assert abs(pearsonr(first[both], other[both])[0]) < 0.1


@pytest.mark.parametrize("product", [VI, VIIRS_VI], ids=["MODIS", "VIIRS"])
def test_white_noise_of_vegetation_averages_out_and_both_indices_have_it(product: Product) -> None:
    """A month of VIIRS has twice the periods, each with as much more noise."""
    sums = {(name, noisy): np.zeros((2, 1200, 1200)) for name in ("ndvi", "evi") for noisy in (False, True)}
    for noisy in (False, True):
        scene = make_scene(STRIP, 2021, noise=noisy)
        fields, footprints = landscape(scene), Footprints(scene, tile_grid(TILE, 1200), 2)
        for slot in slots(product, MONTH):
            arrays = vegetation_period(scene, fields, footprints, product, slot.time)
            for name in ("ndvi", "evi"):
                layer = product.layers[name]
                good = meets(layer.quality["good"], arrays)
                assert arrays[layer.dataset][good].min() >= -2000
                sums[name, noisy] += slot.days * np.where(good, [1e-4 * arrays[layer.dataset], good], 0)
    noise = {}
    for name in ("ndvi", "evi"):
        with np.errstate(invalid="ignore"):
            quiet, noisy = (total / days for total, days in (sums[name, False], sums[name, True]))
        noise[name] = at_one_km(noisy - quiet)
    deviation = np.nanstd(noise["ndvi"])
    assert deviation == pytest.approx(observations.NDVI_NOISE, rel=0.15)
    means, count = block_mean(noise["ndvi"], CELL_SIDE)
    assert np.nanstd(means[count > 60]) < 0.25 * deviation
    both = np.isfinite(noise["ndvi"])
    assert pearsonr(noise["ndvi"][both], noise["evi"][both])[0] > 0.95
    assert 0.4 < np.nanstd(noise["evi"]) / deviation < 0.8


def test_clouds_take_some_pixels_and_leave_most(lst_month: Month) -> None:
    clear, cloudy = (lst_month(kind, False)[1] for kind in ("steppe", "cloudy"))
    seen = np.isfinite(clear)
    minimum = keys.QualityKeys().minimum_days
    assert (clear[seen] >= minimum).mean() > 0.98
    assert 0.75 < (cloudy[seen] >= minimum).mean() < 0.97
    assert cloudy[seen].mean() < 0.6 * clear[seen].mean()


FULL = make_scene(SCENE_EXTENTS["full"], 2021)


WIDE = (-9.0, 9.0)
OLD = [0.005393899949434183, -0.009182143439431785, -0.015286964875034418]


@cache
def full_fields() -> Fields:
    return landscape(FULL)


def error_field(error: TargetError, month: str = MONTH, scene: Scene = FULL) -> NDArray:
    """The error alone, (rows, columns)."""
    fields = full_fields() if error.with_predictors else {}
    return erring(scene, np.zeros(scene.window.shape), month, error, fields, WIDE)


def shared(one: NDArray, other: NDArray) -> float:
    """Share of the variance that two fields have in common."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1] ** 2)


def test_smap_errs_as_much_as_it_is_asked_to() -> None:
    mean = np.full(FULL.window.shape, 0.5)
    mean[3, 4] = np.nan
    np.testing.assert_array_equal(erring(FULL, mean, MONTH, TargetError(), {}, WIDE), mean)
    small, large = (erring(FULL, mean, MONTH, TargetError(error), {}, WIDE) - mean for error in (0.02, 0.04))
    assert np.isnan(small[3, 4])
    assert np.nanstd(small) == pytest.approx(0.02, rel=0.001)
    assert np.nanmean(small) == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(large, 2 * small, atol=1e-12)
    np.testing.assert_array_equal(erring(FULL, mean, MONTH, TargetError(0.02), {}, WIDE) - mean, small)
    first = error_field(TargetError(0.02))
    others = error_field(TargetError(0.02), "2021-09"), error_field(TargetError(0.02), scene=Scene(FULL.window, 1))
    assert max(shared(first, other) for other in others) < 0.02
    near = erring(FULL, np.full(FULL.window.shape, 0.01), MONTH, TargetError(0.1), {}, (0.0, 0.1))
    assert (near.min(), near.max()) == (0.0, 0.1)


def test_a_number_means_the_error_that_it_always_meant() -> None:
    """Values of the scene full-error0.02-2021 as revision cff8180 made them, which knew numbers alone."""
    found = error_field(TargetError(0.02))
    np.testing.assert_allclose(found[[0, 20, 40], [0, 30, 60]], OLD, rtol=1e-12)


def test_parts_of_an_error_have_their_shares() -> None:
    """Of the variance, which they add up to; what goes with the predictors and the bias are the same in every month."""
    error = TargetError(0.04, with_predictors=0.5, static=0.3)
    august, september = (error_field(error, month) for month in (MONTH, "2021-09"))
    for field in (august, september):
        assert field.std() == pytest.approx(0.04, rel=1e-9)
        assert field.mean() == pytest.approx(0, abs=1e-12)
        pattern = vegetation_and_soil(FULL, full_fields(), MONTH)
        assert shared(field, pattern) == pytest.approx(0.5, abs=0.001)
    assert np.corrcoef(august.ravel(), september.ravel())[0, 1] == pytest.approx(0.8, abs=0.03)
    static = [error_field(TargetError(0.04, static=1), month) for month in (MONTH, "2021-09")]
    np.testing.assert_array_equal(*static)
    assert shared(static[0], error_field(TargetError(0.04))) < 0.02


def test_an_error_with_predictors_can_be_learned_from_them() -> None:
    """From what MODIS would see of the same scene, greenness at 9 km: as a forest would learn it."""
    field = error_field(TargetError(0.04, with_predictors=1))
    green = block_mean(greenness(full_fields(), FULL.kind, datetime(2021, 8, 15)), FINER * CELL_SIDE)[0]
    assert shared(field, green) > 0.7
    assert shared(error_field(TargetError(0.04)), green) < 0.02


def test_errors_of_smap_reach_36_km() -> None:
    """Of the grid, whose kilometres are of equal area: one coarse cell."""
    edges = grids.longitude_edges(FULL.pixels), grids.latitude_edges(FULL.pixels)
    longitude, latitude = ((along[9::9] + along[:-9:9]) / 2 for along in edges)
    places = [place.ravel() for place in np.meshgrid(longitude, latitude)]
    ranges, neighbours, beyond = [], [], []
    for number in range(1, 6):
        field = error_field(TargetError(1.0), f"2021-{number:02d}")
        ranges.append(variogram(field.ravel(), lags_of(*places, 1)).autocorrelation_range)
        neighbours.append(np.corrcoef(field[1:].ravel(), field[:-1].ravel())[0, 1])
        beyond.append(np.corrcoef(field[4:].ravel(), field[:-4].ravel())[0, 1])
    assert np.median(ranges) == pytest.approx(36_000, rel=0.2)
    # Of the spherical covariance at a quarter of its range and at the range.
    assert np.mean(neighbours) == pytest.approx(1 - 1.5 / 4 + 0.5 / 64, abs=0.05)
    assert abs(np.mean(beyond)) < 0.1
    far = [error_field(TargetError(1.0, range=108), f"2021-{number:02d}") for number in range(1, 6)]
    wide = [variogram(field.ravel(), lags_of(*places, 1)).autocorrelation_range for field in far]
    assert np.median(wide) == pytest.approx(108_000, rel=0.3)
