"""Composites against sums that are written out by hand, and against real granules."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
import pytest
from granule_archives import average_tile
from pyhdf.SD import SD

from kilomoist.calendars import Slot
from kilomoist.errors import InputError
from kilomoist.grids import M09, Window
from kilomoist.predictors.inventories import choose_granules, require_share, write_inventory
from kilomoist.predictors.target_mean import average_fields
from kilomoist.product_types import Condition, Product
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.tiles import write_tiled_granule

Real = Callable[[str], Path]
SIDE = 12
LST = replace(PRODUCTS["MOD11A1.061"], pixels=SIDE)
VI = replace(PRODUCTS["MOD13A1.061"], pixels=SIDE)
SMAP = PRODUCTS["SPL4SMGP.008"]
DAY = datetime(2021, 8, 1)
KINDS = ("", "_days", "_odd", "_odd_days")
"""Of bands of a quantity."""


def temperature(path: Path, pixels: dict[tuple[int, int], tuple[int, ...]]) -> Path:
    """A granule with stored temperature and quality of the day, and of the night, at some pixels; nothing elsewhere."""
    names = ("LST_Day_1km", "QC_Day", "LST_Night_1km", "QC_Night")
    arrays = {name: np.zeros((SIDE, SIDE), np.uint16 if "LST" in name else np.uint8) for name in names}
    for place, numbers in pixels.items():
        for name, number in zip(names, numbers, strict=False):
            arrays[name][place] = number
    write_tiled_granule(path, LST, "h25v04", DAY, arrays)
    return path


def vegetation(path: Path, pixels: dict[tuple[int, int], tuple[int, int, int]]) -> Path:
    """A granule with stored NDVI, reliability and quality at some pixels; not processed elsewhere."""
    ndvi, rank = np.full((SIDE, SIDE), -3000, np.int16), np.full((SIDE, SIDE), -1, np.int8)
    bits = np.full((SIDE, SIDE), 65535, np.uint16)
    for place, numbers in pixels.items():
        ndvi[place], rank[place], bits[place] = numbers
    names = ("500m 16 days NDVI", "500m 16 days pixel reliability", "500m 16 days VI Quality")
    write_tiled_granule(path, VI, "h25v04", DAY, dict(zip(names, (ndvi, rank, bits), strict=True)))
    return path


def target(path: Path, window: Window, values: np.ndarray) -> Path:
    """A cut of a SMAP granule, as a subsetter writes it."""
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = M09.x_centres(window), M09.y_centres(window)
        file["Geophysical_Data/sm_surface"] = np.where(np.isnan(values), -9999, values).astype(np.float32)
    return path


def in_turn(*granules: tuple[Path, float]) -> list[tuple[Path, Slot]]:
    """Granules with the days that they stand for, as the first of a month."""
    return [(path, Slot(DAY, days, number)) for number, (path, days) in enumerate(granules)]


# Temperature


def test_temperature_is_averaged_over_valid_days(tmp_path: Path) -> None:
    days = [
        temperature(tmp_path / "a.hdf", {(0, 0): (15000, 0), (0, 1): (14000, 0), (0, 2): (15000, 65)}),
        temperature(tmp_path / "b.hdf", {(0, 0): (15100, 0), (0, 1): (14500, 2), (0, 2): (15200, 0)}),
        temperature(tmp_path / "c.hdf", {(0, 0): (15350, 0), (0, 1): (0, 0), (0, 2): (15500, 129)}),
    ]
    granules = in_turn(*((path, 1.0) for path in days))
    bands = average_tile(granules, LST, "good")
    assert list(bands) == [f"{name}{kind}" for name in ("lst_day", "lst_night", "lst_range") for kind in KINDS]
    kelvin = np.array([300.0, 302.0, 307.0])
    assert bands["lst_day"][0, 0] == pytest.approx(kelvin.mean(), abs=1e-4)
    # A day with a temperature but cloudy, and a day of good quality but without temperature, do not count.
    assert [bands[f"lst_day{name}"][0, 1] for name in ("", "_days")] == [280.0, 1.0]
    assert (bands["lst_day"][0, 2], bands["lst_day_days"][0, 2]) == (304.0, 1.0)
    fair = average_tile(granules, LST, "fair")
    assert fair["lst_day"][0, 2] == pytest.approx(302.0, abs=1e-4)
    assert fair["lst_day_days"][0, 2] == 2
    # Without any valid day there is no mean, and 0 days.
    assert np.isnan(bands["lst_day"][5, 5])
    assert bands["lst_day_days"][5, 5] == 0
    assert np.isnan(bands["lst_night"]).all()
    assert all(band.dtype == np.float32 and band.shape == (SIDE, SIDE) for band in bands.values())


def test_the_range_of_temperature_is_of_days_that_have_both(tmp_path: Path) -> None:
    """Of four days one has no night, one a cloudy day; a night may be warmer than its day."""
    days = [
        temperature(tmp_path / "a.hdf", {(0, 0): (15500, 0, 14000, 0), (0, 1): (14000, 0, 14100, 0)}),
        temperature(tmp_path / "b.hdf", {(0, 0): (15600, 0, 14200, 0), (0, 1): (14000, 0, 0, 0)}),
        temperature(tmp_path / "c.hdf", {(0, 0): (16000, 0, 0, 2)}),
        temperature(tmp_path / "d.hdf", {(0, 0): (15000, 2, 13000, 0), (0, 2): (15000, 0, 14000, 65)}),
    ]
    granules = in_turn(*((path, 1.0) for path in days))
    bands = average_tile(granules, LST, "good")
    assert bands["lst_range"][0, 0] == pytest.approx((30 + 28) / 2, abs=1e-4)
    assert [bands[f"{name}_days"][0, 0] for name in ("lst_day", "lst_night", "lst_range")] == [3, 3, 2]
    # That is not the difference of the means, which are of other days.
    assert bands["lst_day"][0, 0] - bands["lst_night"][0, 0] == pytest.approx(314 - 824 / 3, abs=1e-3)
    assert (bands["lst_range"][0, 1], bands["lst_range_days"][0, 1]) == (pytest.approx(-2, abs=1e-4), 1)
    assert np.isnan(bands["lst_range"][0, 2])
    assert bands["lst_range_days"][0, 2] == 0
    # Its halves are of its own days: the first of the two, and the one that there is.
    assert bands["lst_range_odd"][0, :2] == pytest.approx([30, -2], abs=1e-4)
    assert bands["lst_range_odd_days"][0, :3].tolist() == [1, 1, 0]
    assert average_tile(granules, LST, "fair")["lst_range"][0, 2] == pytest.approx(20, abs=1e-4)


@pytest.mark.parametrize(("use", "needed"), [(["lst_day"], False), (["lst_range"], True), (["lst_night"], True)])
@pytest.mark.parametrize("missing", ["LST_Night_1km", "QC_Night"])
def test_only_what_is_in_use_is_read_and_averaged(tmp_path: Path, use: list[str], needed: bool, missing: str) -> None:
    """Of a product whose granules lack a dataset of the night."""
    granules = in_turn((temperature(tmp_path / "a.hdf", {(0, 0): (15500, 0, 14000, 0)}), 1.0))
    whole = average_tile(granules, LST, "good")
    bands = average_tile(granules, LST, "good", use)
    assert set(bands) == {f"{name}{suffix}" for name in use for suffix in KINDS}
    for name, band in bands.items():
        np.testing.assert_array_equal(band, whole[name])
    night = LST.layers["lst_night"]
    if missing == night.dataset:
        other = replace(night, dataset="absent")
    else:
        other = replace(night, quality={level: ((Condition("absent", (0,)),),) for level in night.quality})
    lacking = replace(LST, layers=LST.layers | {"lst_night": other})
    if needed:
        with pytest.raises(InputError, match="no dataset 'absent'"):
            average_tile(granules, lacking, "good", use)
    else:
        assert set(average_tile(granules, lacking, "good", use)) == set(bands)


def test_temperatures_outside_of_the_valid_range_are_fill(tmp_path: Path) -> None:
    path = temperature(tmp_path / "a.hdf", {(0, 0): (7499, 0), (0, 1): (7500, 0), (0, 2): (65535, 0)})
    mean = average_tile(in_turn((path, 1.0)), LST, "good")["lst_day"]
    assert np.isnan(mean[0, 0])
    assert mean[0, 1:3] == pytest.approx([150.0, 1310.7])


def test_a_month_of_the_same_number_has_that_mean(tmp_path: Path) -> None:
    path = temperature(tmp_path / "a.hdf", {(0, 0): (15001, 0)})
    bands = average_tile(in_turn(*[(path, 1.0)] * 31), LST, "good")
    assert bands["lst_day"][0, 0] == np.float32(300.02)


def test_no_granule_makes_an_empty_composite() -> None:
    bands = average_tile([], VI, "good", ["ndvi"])
    assert list(bands) == [*(f"ndvi{suffix}" for suffix in KINDS), "water", "snow"]
    assert np.isnan(bands["ndvi"]).all()
    assert not np.any([bands["ndvi_days"], bands["water"]])


# Vegetation


def land(surface: int = 1, snow: int = 0) -> int:
    return surface << 11 | snow << 14


def test_vegetation_is_weighted_by_days(tmp_path: Path) -> None:
    first = vegetation(tmp_path / "a.hdf", {(0, 0): (2000, 0, land()), (0, 1): (9000, 3, land())})
    second = vegetation(tmp_path / "b.hdf", {(0, 0): (5000, 0, land()), (0, 1): (3000, 0, land())})
    third = vegetation(tmp_path / "c.hdf", {(0, 0): (8000, 0, land()), (0, 1): (-2000, 0, land())})
    bands = average_tile(in_turn((first, 12.0), (second, 16.0), (third, 3.0)), VI, "good")
    weights, values = np.array([12.0, 16.0, 3.0]), np.array([0.2, 0.5, 0.8])
    assert bands["ndvi"][0, 0] == pytest.approx((weights * values).sum() / 31, abs=1e-6)
    assert bands["ndvi_days"][0, 0] == 31
    # The cloudy period is left out; the smallest number that is valid, -0.2, counts.
    assert bands["ndvi"][0, 1] == pytest.approx((16 * 0.3 - 3 * 0.2) / 19, abs=1e-6)
    assert bands["ndvi_days"][0, 1] == 19


def test_fill_of_vegetation_is_no_value_whatever_its_quality(tmp_path: Path) -> None:
    path = vegetation(tmp_path / "a.hdf", {(0, 0): (-3000, 0, land()), (0, 1): (-2001, 0, land())})
    bands = average_tile(in_turn((path, 16.0)), VI, "good")
    assert np.isnan(bands["ndvi"][0, :2]).all()
    assert not bands["ndvi_days"][0, :2].any()


def test_water_and_snow_are_shares_of_observations(tmp_path: Path) -> None:
    first = vegetation(
        tmp_path / "a.hdf", {(0, 0): (100, 0, land(5)), (0, 1): (100, 2, land()), (0, 2): (100, 0, land(2))}
    )
    second = vegetation(
        tmp_path / "b.hdf", {(0, 0): (100, 0, land(3)), (0, 1): (100, 0, land()), (0, 2): (100, 1, land(4, 1))}
    )
    bands = average_tile(in_turn((first, 12.0), (second, 16.0)), VI, "good")
    assert bands["water"][0, :3].tolist() == [1, 0, 0]  # lakes; shorelines and ephemeral water are land
    assert bands["snow"][0, :3].tolist() == [0, 0.5, 0.5]
    # A pixel that was never processed (65535: all bits set, the snow bit too) is not snow.
    assert bands["snow"][5, 5] == 0


def test_periods_that_were_not_processed_say_nothing_about_water(tmp_path: Path) -> None:
    """65535 is the fill of VI Quality; its bits 11 to 13 would say deep ocean."""
    seen = vegetation(tmp_path / "a.hdf", {(0, 0): (3000, 0, land())})
    missed = vegetation(tmp_path / "b.hdf", {})
    bands = average_tile(in_turn((seen, 12.0), (missed, 16.0), (missed, 3.0)), VI, "good")
    assert bands["ndvi"][0, 0] == np.float32(0.3)
    assert bands["water"][0, 0] == 0


# Halves


@pytest.mark.parametrize("seed", [1, 2])
def test_halves_are_of_every_other_slot(tmp_path: Path, seed: int) -> None:
    """The odd half against sums written out; the even half that follows from it holds all others, and no odd one.

    A granule that is absent (here the second) leaves the others in their halves, so that those of two tiles agree.
    """
    random = np.random.default_rng(seed)
    stored = random.integers(7500, 65536, (5, SIDE, SIDE))
    valid = random.random((5, SIDE, SIDE)) < 0.6
    weights, numbers = np.array([12.0, 16.0, 3.0, 1.0, 7.0]), np.array([0, 2, 3, 4, 5])
    granules = []
    for index, number in enumerate(numbers):
        places = {
            (int(row), int(column)): (int(stored[index, row, column]), 0) for row, column in np.argwhere(valid[index])
        }
        granules.append((temperature(tmp_path / f"{number}.hdf", places), Slot(DAY, weights[index], int(number))))
    bands = {name: band.astype(float) for name, band in average_tile(granules, LST, "good").items()}
    mean, days, odd, odd_days = (bands[f"lst_day{kind}"] for kind in ("", "_days", "_odd", "_odd_days"))
    with np.errstate(invalid="ignore"):
        even = (mean * days - np.nan_to_num(odd) * odd_days) / (days - odd_days)
    for place in np.ndindex(SIDE, SIDE):
        seen = valid[(slice(None), *place)]
        for turn, found, found_days in ((0, odd, odd_days), (1, even, days - odd_days)):
            half = np.flatnonzero(seen & (numbers % 2 == turn))
            assert found_days[place] == weights[half].sum()
            if len(half):
                expected = 0.02 * weights[half] @ stored[(half, *place)] / weights[half].sum()
                assert found[place] == pytest.approx(expected, rel=2e-5)
            else:
                assert np.isnan(found[place])
    whole = average_tile(granules, LST, "good", ["lst_day"], None, None, False)
    assert list(whole) == ["lst_day", "lst_day_days"]
    np.testing.assert_array_equal(whole["lst_day"], bands["lst_day"].astype(np.float32))
    np.testing.assert_array_equal(whole["lst_day_days"], days)


# Which granules


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    names = [
        "2021/MOD13A1.A2021209.h25v04.061.2021230000000.hdf",
        "2021/old/MOD13A1.A2021209.h25v04.061.2021229000000.hdf",
        "2021/MOD13A1.A2021225.h25v04.061.2021250000000.hdf",
        "2021/MOD13A1.A2021225.h24v04.061.2021250000000.hdf",
        "2021/MOD13A1.A2021193.h25v04.061.2021230000000.hdf",
        "2021/readme.txt",
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_granules_of_a_month_are_chosen_with_their_days(archive: Path) -> None:
    product = PRODUCTS["MOD13A1.061"]
    chosen, absent = choose_granules([archive], product, "h25v04", "2021-08")
    assert [(path.name, slot.days, slot.number) for path, slot in chosen] == [
        ("MOD13A1.A2021209.h25v04.061.2021230000000.hdf", 12.0, 0),
        ("MOD13A1.A2021225.h25v04.061.2021250000000.hdf", 16.0, 1),
    ]
    assert absent == ["2021241"]
    assert choose_granules([path for path, _ in chosen], product, "h25v04", "2021-08") == (chosen, absent)
    assert choose_granules([archive], product, "h26v04", "2021-08") == ([], ["2021209", "2021225", "2021241"])
    assert choose_granules([], product, "h25v04", "2021-08") == ([], ["2021209", "2021225", "2021241"])


def test_inventories_say_what_was_used(archive: Path, tmp_path: Path) -> None:
    product = PRODUCTS["MOD13A1.061"]
    chosen, absent = choose_granules([archive], product, "h25v04", "2021-08")
    used = {path: None for path, _ in chosen}
    write_inventory(
        tmp_path / "inventory.json", product, "h25v04", "2021-08", used, absent, {"observations": {"ndvi": 3}}
    )
    inventory = json.loads((tmp_path / "inventory.json").read_text())
    assert [granule["name"] for granule in inventory["granules"]] == [path.name for path, _ in chosen]
    for granule, (path, _) in zip(inventory["granules"], chosen, strict=True):
        assert granule["size"] == path.stat().st_size
        assert granule["sha256"] == sha256(path.read_bytes()).hexdigest()
    del inventory["granules"]
    said = {"product": "MOD13A1.061", "tile": "h25v04", "month": "2021-08", "absent": ["2021241"]}
    assert inventory == said | {"observations": {"ndvi": 3}}


# Target


def test_fields_are_averaged_where_they_have_values(tmp_path: Path) -> None:
    window, other = Window(200, 2900, 3, 4), Window(201, 2902, 3, 4)
    random = np.random.default_rng(1)
    first, second, third = (random.uniform(0.05, 0.95, (3, 4)).astype(np.float32) for _ in range(3))
    first[0, 0] = second[0, 0] = np.nan
    first[1, 1] = np.nan
    given = {"a.h5": (window, first), "b.h5": (window, second), "c.h5": (other, third)}
    paths = [target(tmp_path / name, *field) for name, field in given.items()]
    bands = average_fields(paths, SMAP)
    assert bands["soil_moisture"].shape == bands["fields"].shape == (1624, 3856)
    here = window.within(M09.window)
    full = np.full((3, *M09.window.shape), np.nan, np.float32)
    full[0][here], full[1][here], full[2][other.within(M09.window)] = first, second, third
    around = (slice(195, 210), slice(2895, 2910))
    cut = full[(slice(None), *around)]
    count = np.isfinite(cut).sum(axis=0)
    np.testing.assert_array_equal(bands["fields"][around], count)
    covered = count > 0
    np.testing.assert_allclose(bands["soil_moisture"][around][covered], np.nanmean(cut[:, covered], axis=0), rtol=1e-6)
    assert np.isnan(bands["soil_moisture"]).sum() == full[0].size - covered.sum()
    assert bands["fields"].sum() == count.sum()
    assert np.isnan(bands["soil_moisture"][200, 2900])


def test_peat_is_wetter_than_the_files_allow(tmp_path: Path) -> None:
    """`valid_max` is 0.9 in the files; peat holds up to 0.93."""
    window = Window(200, 2900, 1, 4)
    path = target(tmp_path / "a.h5", window, np.array([[0.93, 1.01, -0.01, 0.0]]))
    mean = average_fields([path], SMAP)["soil_moisture"][window.within(M09.window)]
    np.testing.assert_array_equal(mean, np.array([[0.93, np.nan, np.nan, 0.0]], np.float32))


@pytest.mark.parametrize(("found", "share", "enough"), [(223, 0.9, False), (224, 0.9, True), (0, 0, True)])
def test_smallest_share_of_fields(found: int, share: float, enough: bool) -> None:
    if enough:
        assert require_share(found, 248, share, "SPL4SMGP.008", "2021-08") is None
        return
    with pytest.raises(InputError, match=r"SPL4SMGP.008 has 223 of 248 fields of 2021-08.*asks for 0.9"):
        require_share(found, 248, share, "SPL4SMGP.008", "2021-08")


# Infrared index


def test_the_infrared_index_is_of_observations_that_have_both_reflectances(tmp_path: Path) -> None:
    """Of two periods; as NDVI, without clouds; fills, sums of 0 and numbers beyond the valid ones are no values."""
    stored = {
        "NIR": [[3000, 3000, 0, -1000, 10001], [2000, 3000, 3000, 3000, 3000]],
        "MIR": [[1000, 1000, 0, 1000, 1000], [2500, -1000, 3000, 0, 10000]],
    }
    granules = []
    for period in range(2):
        arrays = {
            f"500m 16 days {name}": np.full((SIDE, SIDE), -1000, np.int16)
            for name in ("NIR reflectance", "MIR reflectance")
        }
        arrays["500m 16 days pixel reliability"] = np.zeros((SIDE, SIDE), np.int8)
        arrays["500m 16 days VI Quality"] = np.full((SIDE, SIDE), land(), np.uint16)
        for name, numbers in stored.items():
            arrays[f"500m 16 days {name} reflectance"][0, :5] = numbers[period]
        arrays["500m 16 days pixel reliability"][0, 0] = 3 * period  # the second is cloudy there
        write_tiled_granule(tmp_path / f"{period}.hdf", VI, "h25v04", DAY, arrays)
        granules.append((tmp_path / f"{period}.hdf", 10.0 + 5 * period))
    bands = average_tile(in_turn(*granules), VI, "good", ["ndii7"])
    assert list(bands)[:4] == [f"ndii7{kind}" for kind in KINDS]
    assert bands["ndii7"][0, :5] == pytest.approx([0.5, 0.5, 0, 1, round(-7 / 13, 4)], abs=1e-6)
    assert bands["ndii7_days"][0, :5].tolist() == [10, 10, 15, 15, 15]
    assert bands["ndii7_odd_days"][0, :5].tolist() == [10, 10, 0, 0, 0]
    assert np.isnan(bands["ndii7"][1]).all()


# Real granules


def kelvin(path: Path, time: str) -> np.ndarray:
    granule = SD(str(path))
    stored, quality = granule.select(f"LST_{time}_1km").get(), granule.select(f"QC_{time}").get()
    return np.where((stored > 0) & (quality % 4 == 0), stored * 0.02, np.nan)


def test_real_temperature(real: Real) -> None:
    path = real("MOD11A1.A2021227*")
    bands = average_tile(in_turn((path, 1.0)), PRODUCTS["MOD11A1.061"], "good")
    expected = kelvin(path, "Day")
    np.testing.assert_allclose(bands["lst_day"], expected, rtol=1e-6)
    np.testing.assert_array_equal(bands["lst_day_days"], np.isfinite(expected))
    # The month's first slot is odd.
    np.testing.assert_array_equal(bands["lst_day_odd"], bands["lst_day"])
    np.testing.assert_array_equal(bands["lst_day_odd_days"], bands["lst_day_days"])
    # The file's own accounts: 4.4 % of the pixels have a day temperature, of any quality.
    fair = average_tile(in_turn((path, 1.0)), PRODUCTS["MOD11A1.061"], "fair")
    assert (SD(str(path)).select("LST_Day_1km").get() > 0).mean() == pytest.approx(0.044, abs=0.001)
    assert np.isfinite(expected).mean() < np.isfinite(fair["lst_day"]).mean() <= 0.0445
    assert 270 < np.nanmin(bands["lst_day"]) < np.nanmax(bands["lst_day"]) < 330


def test_real_night_and_range(real: Real) -> None:
    path = real("MOD11A1.A2021227*")
    bands = average_tile(in_turn((path, 1.0)), PRODUCTS["MOD11A1.061"], "good", ["lst_night", "lst_range"])
    night = kelvin(path, "Night")
    assert np.isfinite(night).sum() > 1000
    np.testing.assert_allclose(bands["lst_night"], night, rtol=1e-6)
    both = kelvin(path, "Day") - night
    assert 100 < np.isfinite(both).sum() < np.isfinite(night).sum()
    np.testing.assert_allclose(bands["lst_range"], both, atol=1e-4)
    np.testing.assert_array_equal(bands["lst_range_days"], np.isfinite(both))
    assert np.nanmedian(both) > 0


def test_range_of_a_product_by_day_and_one_by_night(tmp_path: Path) -> None:
    """By hand: 310 − 280 and 312 − 290 K are 30 and 22; a cloud by night, or no granule of it, takes the day away."""
    by_day, by_night = PRODUCTS["VNP21A1D.002"], PRODUCTS["VNP21A1N.002"]
    clear, accurate = 0, 3 << 14

    def granule(product: Product, number: int, values: list[float], words: list[int]) -> Path:
        shape = (product.pixels, product.pixels)
        kelvin, quality = np.zeros(shape), np.full(shape, 2, np.uint16)
        kelvin[0, : len(values)], quality[0, : len(values)] = values, words
        time = datetime(2021, 8, number)
        path = tmp_path / granule_file_name(product, time, "h24v04")
        arrays = {"LST_1KM": np.rint(kelvin / 0.02).astype(np.uint16), "QC": quality}
        write_tiled_granule(path, product, "h24v04", time, arrays)
        return path

    good, cloudy = clear | accurate, 3 << 4 | accurate
    days = [granule(by_day, number, [value, value], [good, good]) for number, value in ((1, 310), (2, 312), (3, 320))]
    nights = [granule(by_night, 1, [280, 280], [good, cloudy]), granule(by_night, 2, [290, 290], [good, good])]
    found = in_turn(*((path, 1.0) for path in days))
    partners = {slot: path for (_, slot), path in zip(found, nights, strict=False)}
    bands = average_tile(found, by_day, "good", ["lst_day", "lst_range"], partners)
    np.testing.assert_allclose(bands["lst_day"][0, :3], [314, 314, np.nan])
    np.testing.assert_allclose(bands["lst_range"][0, :3], [26, 22, np.nan], atol=1e-4)
    assert bands["lst_range_days"][0, :3].tolist() == [2, 1, 0]
    assert "lst_night" not in bands
    alone = average_tile(found, by_day, "good", ["lst_range"])
    assert not alone["lst_range_days"].any()


@pytest.mark.parametrize("pattern", ["MOD13A2.A2021225*", "MOD13A2.A2025113*"])
def test_real_vegetation(real: Real, pattern: str) -> None:
    path = real(pattern)
    product = PRODUCTS["MOD13A2.061"]
    bands = average_tile(in_turn((path, 16.0)), product, "good")
    granule, names = SD(str(path)), ("NDVI", "pixel reliability", "VI Quality")
    ndvi, reliability, bits = (granule.select(f"1 km 16 days {name}").get() for name in names)
    expected = np.where((ndvi >= -2000) & (reliability == 0), ndvi / 10000, np.nan)
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(bands["ndvi"], expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(bands["ndvi_days"], 16.0 * np.isfinite(expected))
    np.testing.assert_array_equal(bands["water"] > 0, np.isin(bits // 2048 % 8, [0, 3, 5, 6, 7]))


def test_real_target(real: Real) -> None:
    path = real("SMAP_L4_SM_aup*")
    bands = average_fields([path], PRODUCTS["SPL4SMAU.004"])
    with h5py.File(path) as file:
        stored = file["Analysis_Data/sm_surface_analysis"][()]
    # Rows 40 to 547, columns 87 to 1209.
    here = bands["soil_moisture"][40:548, 87:1210]
    np.testing.assert_array_equal(here, np.where(stored == -9999, np.nan, stored))
    assert bands["fields"].sum() == (stored != -9999).sum()
    assert granule_file_name(SMAP, DAY, None).startswith("SMAP_L4_SM_gph_20210801T000000")


@pytest.mark.parametrize("pattern", ["MOD13A2.A2021225*", "MOD13A2.A2025113*"])
def test_real_infrared_index(real: Real, pattern: str) -> None:
    path = real(pattern)
    bands = average_tile(in_turn((path, 16.0)), PRODUCTS["MOD13A2.061"], "good", ["ndvi", "ndii7"])
    granule = SD(str(path))
    near, middle = (granule.select(f"1 km 16 days {name} reflectance").get() / 10000 for name in ("NIR", "MIR"))
    good = (granule.select("1 km 16 days pixel reliability").get() == 0) & (near >= 0) & (middle >= 0)
    assert good.sum() > 100
    np.testing.assert_array_equal(np.isfinite(bands["ndii7"]), good & (near <= 1) & (middle <= 1))
    seen = np.isfinite(bands["ndii7"])
    np.testing.assert_allclose(bands["ndii7"][seen], ((near - middle) / (near + middle))[seen], atol=5.1e-5)
    # Leaves hold water: greener is wetter.
    assert np.corrcoef(bands["ndvi"][seen], bands["ndii7"][seen])[0, 1] > 0.4
