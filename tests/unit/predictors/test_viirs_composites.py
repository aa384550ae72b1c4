"""Composites of VIIRS against sums that are written out by hand, and against a real granule."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from granule_archives import average_tile

from kilomoist.calendars import Slot, slots
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.simulation.tiles import write_tiled_granule

Real = Callable[[str], Path]
SIDE, MONTH = 12, "2021-08"
VI = replace(PRODUCTS["VNP13A1.002"], pixels=SIDE)
LAND, INLAND_WATER, PASSED = 1 << 11, 5 << 11, 1 << 11 | 5 << 2
VEGETATION = ("NDVI", "pixel reliability", "VI Quality")


def month_of(folder: Path, product: Product, pixels: dict[int, list[tuple[int, ...]]]) -> list[tuple[Path, Slot]]:
    """Granules of the month's slots, of nine days at the most, with numbers at some columns of the first row.

    The numbers are NDVI, reliability and VI Quality, or LST and QC, in turn; elsewhere nothing is processed.
    """
    granules = []
    for number, slot in enumerate(slots(product, MONTH)[:9]):
        if product.role == "vegetation":
            names = [f"500 m 16 days {name}" for name in VEGETATION]
            types, fills = ("i2", "i1", "u2"), (-13000, -1, 65535)
        else:
            names, types, fills = ["LST_1KM", "QC"], ("u2", "u2"), (0, 3)
        arrays = {name: np.full((SIDE, SIDE), fill, kind) for name, fill, kind in zip(names, fills, types, strict=True)}
        for column, numbers in pixels.items():
            for name, value in zip(names, numbers[number % len(numbers)], strict=True):
                arrays[name][0, column] = value
        path = folder / f"{number}.h5"
        write_tiled_granule(path, product, "h25v04", slot.time, arrays)
        granules.append((path, slot))
    return granules


@pytest.mark.parametrize("name", ["VNP13A1.002", "VJ113A1.002"])
def test_overlapping_periods_share_the_days_of_a_month(tmp_path: Path, name: str) -> None:
    """Six periods stand for 2, 6, 8, 8, 5.5 and 1.5 of the 31 days."""
    seen = [2000, 3000, 4000, 5000, 6000, 7000]
    always = [(value, rank % 4, LAND) for rank, value in enumerate(seen)]
    cloudy = [(value, 9 if number in (1, 4) else 0, LAND) for number, value in enumerate(seen)]
    product = replace(PRODUCTS[name], pixels=SIDE)
    bands = average_tile(month_of(tmp_path, product, {0: always, 1: cloudy}), product, "good", ["ndvi"])
    mean = (0.4 + 1.8 + 3.2 + 4.0 + 3.3 + 1.05) / 31
    assert bands["ndvi_days"][0, :2].tolist() == [31, 19.5]
    assert bands["ndvi"][0, 0] == pytest.approx(mean, abs=1e-6)
    assert bands["ndvi"][0, 1] == pytest.approx((0.4 + 3.2 + 4.0 + 1.05) / 19.5, abs=1e-6)
    # The first and the third pair of periods are one half; neighbours, which may show one observation, stay together.
    assert bands["ndvi_odd_days"][0, 0] == 2 + 6 + 5.5 + 1.5
    assert bands["ndvi_odd"][0, 0] == pytest.approx((0.4 + 1.8 + 3.3 + 1.05) / 15, abs=1e-6)
    assert np.isnan(bands["ndvi"][1]).all()


def test_neither_fill_is_a_value_whatever_its_quality(tmp_path: Path) -> None:
    pixels = {column: [(value, 0, LAND)] for column, value in enumerate((-15000, -13000, -10001, -10000, 10000, 10001))}
    bands = average_tile(month_of(tmp_path, VI, pixels), VI, "fair", ["ndvi"])
    assert np.isfinite(bands["ndvi"][0]).tolist() == [False] * 3 + [True] * 2 + [False] * 7
    assert bands["ndvi"][0, 3:5].tolist() == [-1, 1]
    assert not bands["ndvi_days"][0, [0, 1, 2, 5]].any()


def test_ranks_that_count_and_what_they_tell_of_water_and_snow(tmp_path: Path) -> None:
    """One pixel for each rank from 0 to 11, all of NDVI 0.5 and useful to 0101."""
    granules = month_of(tmp_path, VI, {rank: [(5000, rank, PASSED)] for rank in range(SIDE)})
    for level, last in (("good", 3), ("fair", 4)):
        bands = average_tile(granules, VI, level, ["ndvi"])
        assert bands["ndvi_days"][0].tolist() == [31 * (rank <= last) for rank in range(SIDE)]
        assert bands["snow"][0].tolist() == [rank == 8 for rank in range(SIDE)]
        assert not bands["water"][0].any()
    water = {
        0: [(-15000, -4, 65535), (3000, 0, LAND)],  # ocean in every other period
        1: [(1000, 2, INLAND_WATER)],
        2: [(-13000, -1, 65535), (3000, 0, LAND)],  # what was not processed says nothing
        3: [(1000, 0, 4 << 11)],  # mixed land and water is land
    }
    bands = average_tile(month_of(tmp_path, VI, water), VI, "good", ["ndvi"])
    assert bands["water"][0, :4].tolist() == [0.5, 1, 0, 0]
    assert bands["snow"][0, :4].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["VNP21A1D.002", "VJ121A1N.002"])
def test_temperature_is_averaged_over_valid_days(tmp_path: Path, name: str) -> None:
    product = replace(PRODUCTS[name], pixels=SIDE)
    best, worst, other, near = 3 << 14, 0, 3 << 14 | 1, 3 << 14 | 2 << 4 | 1
    pixels = {
        0: [(15000, best), (15100, best), (15200, worst)],  # 300, 302 K, and an error above 2 K
        1: [(15000, other), (15500, near), (0, best)],
        2: [(15000, best), (7499, best), (15000, 2)],
    }
    granules = month_of(tmp_path, product, pixels)
    (band,) = product.layers
    good, fair = (average_tile(granules, product, level, [band]) for level in ("good", "fair"))
    # Of nine days each kind is seen on three.
    assert good[f"{band}_days"][0, :3].tolist() == [6, 0, 3]
    assert good[band][0, 0] == pytest.approx((300 + 302) / 2, abs=1e-4)
    assert fair[f"{band}_days"][0, :3].tolist() == [6, 3, 3]
    assert fair[band][0, 1:3] == pytest.approx([300, 300], abs=1e-4)
    assert set(good) == {f"{band}{kind}" for kind in ("", "_days", "_odd", "_odd_days")}


def test_the_infrared_index_is_of_bands_i2_and_m11(tmp_path: Path) -> None:
    arrays = {
        f"500 m 16 days {name}": np.full((SIDE, SIDE), value, kind)
        for name, value, kind in (
            ("NIR reflectance", 3000, "i2"),
            ("SWIR3 reflectance", 1000, "i2"),
            ("SWIR1 reflectance", 2500, "i2"),
            ("pixel reliability", 0, "i1"),
            ("VI Quality", LAND, "u2"),
        )
    }
    arrays["500 m 16 days SWIR3 reflectance"][0, 0] = -1000
    write_tiled_granule(tmp_path / "a.h5", VI, "h25v04", slots(VI, MONTH)[0].time, arrays)
    bands = average_tile([(tmp_path / "a.h5", slots(VI, MONTH)[0])], VI, "good", ["ndii7"])
    assert np.isnan(bands["ndii7"][0, 0])
    assert np.unique(bands["ndii7"][0, 1:]).tolist() == [0.5]


def test_real_vegetation(real: Real) -> None:
    """VNP13A2 on the coast of the Gulf of Guinea: two fills and ocean, and means of what is good, by h5py alone."""
    path, product = real("VNP13A2*.h5"), PRODUCTS["VNP13A2.002"]
    (slot,) = (slot for slot in slots(product, "2025-01") if f"{slot.time:%j}" == "009")
    assert slot.days == 8  # of 9 to 24 January
    with h5py.File(path) as file:
        fields = file["HDFEOS/GRIDS/VIIRS_Grid_16Day_VI_1km/Data Fields"]
        ndvi, ranks, bits, near, middle = (
            fields[f"1 km 16 days {name}"][()].astype(int)
            for name in ("NDVI", "pixel reliability", "VI Quality", "NIR reflectance", "SWIR3 reflectance")
        )
    bands = average_tile([(path, slot)], product, "good", ["ndvi", "ndii7"])
    good = (ranks >= 0) & (ranks <= 3)
    assert good.sum() == 205 + 935 + 2050 + 342
    np.testing.assert_allclose(bands["ndvi"], np.where(good, ndvi / 10000, np.nan), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(bands["ndvi_days"], 8.0 * good)
    assert np.nanmean(bands["ndvi"]) == pytest.approx(ndvi[good].mean() / 10000, rel=1e-5)
    assert (ndvi == -15000).sum() == (ranks == -4).sum() > 1_400_000
    assert not bands["ndvi_days"][ndvi < -10000].any()
    # Ocean where the rank says so, and where the land/water flag does beside a value: shallow inland water (3).
    assert (bands["water"][ranks == -4] == 1).all()
    np.testing.assert_array_equal(bands["water"][ranks >= 0], np.isin(bits >> 11 & 7, [0, 3, 5, 7])[ranks >= 0])
    seen = np.isfinite(bands["ndii7"])
    np.testing.assert_array_equal(seen, good & (near >= 0) & (middle >= 0) & (near <= 10000) & (middle <= 10000))
    np.testing.assert_allclose(bands["ndii7"][seen], ((near - middle) / (near + middle))[seen], atol=5.1e-5)
