"""The products: their names and their quality bits against arithmetic that is written down independently."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kilomoist.granules.quality import meets
from kilomoist.product_types import GranuleName, Product, Quality
from kilomoist.products import PRODUCTS, parse_name, products_of

VI, VI_1KM, LST = PRODUCTS["MOD13A1.061"], PRODUCTS["MOD13A2.061"], PRODUCTS["MOD11A1.061"]


# Names


@pytest.mark.parametrize(
    ("name", "product", "time", "tile", "produced"),
    [
        ("MOD13A1.A2022017.h12v11.061.2022034232214.hdf", "MOD13A1.061", "2022-01-17", "h12v11", "2022034232214"),
        ("MOD13A1.A2025257.h10v05.061.2025275114423.hdf", "MOD13A1.061", "2025-09-14", "h10v05", "2025275114423"),
        ("MYD13A1.A2022009.h25v02.061.2022028071925.hdf", "MYD13A1.061", "2022-01-09", "h25v02", "2022028071925"),
        ("MOD13A2.A2021225.h11v06.061.2021320163717.hdf", "MOD13A2.061", "2021-08-13", "h11v06", "2021320163717"),
        ("MOD11A1.A2021227.h11v05.061.2021228105320.hdf", "MOD11A1.061", "2021-08-15", "h11v05", "2021228105320"),
        ("VNP13A1.A2023193.h03v06.002.2023242141854.h5", "VNP13A1.002", "2023-07-12", "h03v06", "2023242141854"),
        ("VNP13A2.A2025009.h18v09.002.2025031192612.h5", "VNP13A2.002", "2025-01-09", "h18v09", "2025031192612"),
        ("VNP21A1D.A2024217.h19v05.002.2024221202133.h5", "VNP21A1D.002", "2024-08-04", "h19v05", "2024221202133"),
        ("SMAP_L4_SM_gph_20211114T223000_Vv8010_001.h5", "SPL4SMGP.008", "2021-11-14T22:30", None, "Vv8010_001"),
        ("SMAP_L4_SM_gph_20190915T193000_Vv7032_001.h5", "SPL4SMGP.007", "2019-09-15T19:30", None, "Vv7032_001"),
        ("SMAP_L4_SM_aup_20200128T150000_Vv4030_001.h5", "SPL4SMAU.004", "2020-01-28T15:00", None, "Vv4030_001"),
        ("SMAP_L3_SM_P_E_20241102_R19240_002.h5", "SPL3SMP_E.006", "2024-11-02", None, "R19240_002"),
        ("SMAP_L3_SM_P_E_20150331_R19240_001.h5", "SPL3SMP_E.006", "2015-03-31", None, "R19240_001"),
        ("SMAP_L3_SM_P_E_20210815_R18290_001.h5", "SPL3SMP_E.005", "2021-08-15", None, "R18290_001"),
    ],
)
def test_names_that_nasa_gave(name: str, product: str, time: str, tile: str | None, produced: str) -> None:
    found = [granule for granule in (parse_name(name, each) for each in PRODUCTS.values()) if granule]
    assert found == [GranuleName(product, datetime.fromisoformat(time), tile, produced)]


@pytest.mark.parametrize(
    "name",
    [
        "MOD13A1.A2021400.h25v04.061.2021420163717.hdf",  # day 400
        "MOD13A1.A2021366.h25v04.061.2021420163717.hdf",  # 2021 has 365 days
        "MOD13A1.A2021225.h25v04.006.2021320163717.hdf",  # another collection
        "MOD13A1.A2021225.h25v04.061.2021320163717.hdf.xml",
        "BROWSE.MOD13A1.A2021225.h25v04.061.2021320163717.hdf",
        "MOD13A1.A2021225.h25v04.061.hdf",
        "VNP13A1.A2021225.h25v04.001.2021245163717.h5",  # version 1
        "VNP21A1D.A2021225.h25v04.002.2021228163717.hdf",
        "VNP21A2.A2021225.h25v04.002.2021245163717.h5",  # of 8 days
        "VNP21A1.A2021225.h25v04.002.2021228163717.h5",  # neither day nor night
        "VJ213A1.A2021225.h25v04.002.2021245163717.h5",  # of NOAA-21
        "VNP13A2.A2025009.h18v09.002.2025031192612.h5.xml",
        "SMAP_L4_SM_gph_20211114T253000_Vv8010_001.h5",  # hour 25
        "SMAP_L4_SM_lmc_00000000T000000_Vv8010_001.h5",
        "SMAP_L4_SM_gph_20211114T223000_Vv9010_001.h5",  # a version that is not known
        "SMAP_L4_SM_gph_20211114T223000_Vv8010_001.h5.part",
        "SMAP_L3_SM_P_E_20241132_R19240_002.h5",  # 32 November
        "SMAP_L3_SM_P_E_20201230_R17000_001.h5",  # version 4
        "SMAP_L3_SM_P_20241102_R19240_002.h5",  # 36 km
        "SMAP_L3_SM_P_E_20241102_R19240_002.h5.xml",
        "SMAP_L3_SM_P_E_20200711_R19240_001_subsetted.nc4",  # without a place on the grid
    ],
)
def test_names_of_something_else(name: str) -> None:
    assert [parse_name(name, product) for product in PRODUCTS.values()] == [None] * len(PRODUCTS)


def test_the_newest_production_compares_as_the_largest() -> None:
    times = ("2021228105320", "2021365000000", "2022001000000")
    granules = (parse_name(f"MOD11A1.A2021227.h11v05.061.{time}.hdf", LST) for time in times)
    assert [granule.produced for granule in granules if granule] == sorted(times)


def test_successors_go_on_with_all_that_a_product_measures() -> None:
    """MODIS goes on as VIIRS of Suomi NPP, which goes on as that of NOAA-20; with pixels of the same size."""
    ends = {name for name, product in PRODUCTS.items() if not product.successors}
    assert ends == {*(name for name in PRODUCTS if name.startswith("VJ1")), *products_of("target")}
    for product in PRODUCTS.values():
        followers = [PRODUCTS[name] for name in product.successors]
        measured = {name for follower in followers for name in follower.quantities}
        assert measured >= product.quantities.keys() - product.differences.keys() or not followers
        assert {(other.role, other.pixels) for other in followers} <= {(product.role, product.pixels)}


def test_roles() -> None:
    of_modis = ("MOD13A1.061", "MYD13A1.061", "MOD13A2.061", "MYD13A2.061")
    assert products_of("vegetation") == (*of_modis, "VNP13A1.002", "VJ113A1.002", "VNP13A2.002", "VJ113A2.002")
    of_viirs = ("VNP21A1D.002", "VNP21A1N.002", "VJ121A1D.002", "VJ121A1N.002")
    assert products_of("temperature") == ("MOD11A1.061", "MYD11A1.061", *of_viirs)
    assert set(products_of("target")) == {
        *(f"SPL4SMGP.00{version}" for version in (6, 7, 8)),
        *(f"SPL4SMAU.00{version}" for version in (4, 5, 6, 7, 8)),
        *("SPL3SMP_E.005", "SPL3SMP_E.006"),
    }


@pytest.mark.parametrize("sensor", ["VNP", "VJ1"])
def test_names_of_both_satellites_of_viirs(sensor: str) -> None:
    """S-NPP's and NOAA-20's are named alike, and each is its own product's alone."""
    for name in ("13A1", "13A2", "21A1D", "21A1N"):
        file = f"{sensor}{name}.A2021225.h25v04.002.2021245163717.h5"
        found = [granule.product for granule in (parse_name(file, each) for each in PRODUCTS.values()) if granule]
        assert found == [f"{sensor}{name}.002"]


VEGETATION = ("NDVI", "EVI", "NIR reflectance", "MIR reflectance", "pixel reliability", "VI Quality")


@pytest.mark.parametrize(
    ("product", "datasets"),
    [
        ("MOD13A1.061", [f"500m 16 days {name}" for name in VEGETATION]),
        ("MOD11A1.061", ["LST_Day_1km", "LST_Night_1km", "QC_Day", "QC_Night"]),
        *(
            (
                f"{sensor}13A{resolution[0]}.002",
                [f"{resolution[1]} 16 days {name}".replace("MIR", "SWIR3") for name in VEGETATION],
            )
            for sensor in ("VNP", "VJ1")
            for resolution in ((1, "500 m"), (2, "1 km"))
        ),
        *((f"{sensor}21A1{half}.002", ["LST_1KM", "QC"]) for sensor in ("VNP", "VJ1") for half in "DN"),
        ("SPL4SMGP.008", ["Geophysical_Data/sm_surface"]),
        ("SPL4SMAU.008", ["Analysis_Data/sm_surface_analysis"]),
        (
            "SPL3SMP_E.006",
            [
                "Soil_Moisture_Retrieval_Data_AM/soil_moisture",
                "Soil_Moisture_Retrieval_Data_PM/soil_moisture_pm",
                "Soil_Moisture_Retrieval_Data_AM/retrieval_qual_flag",
                "Soil_Moisture_Retrieval_Data_PM/retrieval_qual_flag_pm",
            ],
        ),
    ],
)
def test_only_the_datasets_that_masks_and_values_need_are_read(product: str, datasets: list[str]) -> None:
    assert PRODUCTS[product].datasets_of(PRODUCTS[product].layers) == tuple(datasets)


# Passes


@pytest.mark.parametrize("name", ["SPL3SMP_E.005", "SPL3SMP_E.006"])
@pytest.mark.parametrize("field", ["soil_moisture", "soil_moisture_pm"])
def test_quality_of_passes(name: str, field: str) -> None:
    """Of the 16 words of four bits 0 and 8 count, as bit 3 is about freeze and thaw alone; the fill does not."""
    layer = PRODUCTS[name].layers[field]
    ((flag,),) = layer.quality["good"]
    stored = np.array([*range(16), 65534], np.uint16)
    counted = meets(layer.quality["good"], {flag.dataset: stored})
    assert stored[counted].tolist() == [0, 8]
    assert flag.dataset.rpartition("/")[0] == layer.dataset.rpartition("/")[0]
    every = np.arange(65536, dtype=np.uint16)
    recommended = [format(number, "016b")[-3:] == "000" for number in range(65536)]
    np.testing.assert_array_equal(meets(layer.quality["good"], {flag.dataset: every}), recommended)


@pytest.mark.parametrize(
    ("stored", "held"),
    [(-9999, False), (-0.001, False), (0, True), (0.02, True), (0.93, True), (1, True), (1.01, False)],
)
def test_range_and_fill_of_passes(stored: float, held: bool) -> None:
    for name in ("SPL3SMP_E.005", "SPL3SMP_E.006"):
        for layer in PRODUCTS[name].layers.values():
            assert (layer.scale, bool(layer.holds(np.array([stored], np.float32))[0])) == (1, held)


def test_error_of_a_monthly_mean() -> None:
    """Of independent errors a mean of n keeps 1 / √n: √(0.053² + 0.04² / 20); of remembered ones more."""
    assert PRODUCTS["SPL3SMP_E.006"].error == round((0.053**2 + 0.04**2 / 20) ** 0.5, 2) == 0.05
    assert PRODUCTS["SPL4SMGP.008"].error == 0.06


# Temperature


@pytest.mark.parametrize(
    ("stored", "good", "fair"),
    [
        (0, True, True),
        (2, False, False),  # cloud
        (3, False, False),  # not produced for another reason
        (17, False, True),  # other quality, error up to 1 K
        (65, False, True),  # error up to 2 K
        (81, False, True),  # error up to 2 K, emissivity error up to 0.02
        (129, False, False),  # error up to 3 K
        (145, False, False),
        (193, False, False),  # error above 3 K
    ],
)
@pytest.mark.parametrize("time", ["Day", "Night"])
def test_quality_of_temperature(stored: int, good: bool, fair: bool, time: str) -> None:
    numbers = {f"QC_{time}": np.array([stored], np.uint8)}
    quality = LST.layers[f"lst_{time.lower()}"].quality
    assert [bool(meets(quality[level], numbers)[0]) for level in ("good", "fair")] == [good, fair]


def test_every_quality_number_of_temperature() -> None:
    stored = np.arange(256, dtype=np.uint8)
    quality = LST.layers["lst_day"].quality
    good = [format(number, "08b")[6:] == "00" for number in range(256)]
    fair = [format(number, "08b")[6:] == "01" and format(number, "08b")[:2] in ("00", "01") for number in range(256)]
    np.testing.assert_array_equal(meets(quality["good"], {"QC_Day": stored}), good)
    np.testing.assert_array_equal(meets(quality["fair"], {"QC_Day": stored}), np.logical_or(good, fair))


# Vegetation


def bits(usefulness: int = 0, surface: int = 1, snow: int = 0, shadow: int = 0, mixed: int = 0) -> int:
    """A number of VI Quality, written as text from the highest bit to the lowest."""
    return int(f"{shadow:01b}{snow:01b}{surface:03b}{mixed:01b}00{1:02b}{usefulness:04b}{1:02b}", 2)


@pytest.mark.parametrize(
    ("reliability", "number", "good", "fair"),
    [
        (0, bits(), True, True),
        (0, bits(usefulness=12, snow=1, shadow=1), True, True),  # reliability 0 is enough
        (1, bits(usefulness=0), False, True),
        (1, bits(usefulness=5), False, True),
        (1, bits(usefulness=6), False, False),
        (1, bits(usefulness=15), False, False),
        (1, bits(usefulness=5, snow=1), False, False),
        (1, bits(usefulness=5, shadow=1), False, False),
        (1, bits(usefulness=5, mixed=1, surface=7), False, True),
        (2, bits(), False, False),
        (3, bits(), False, False),
        (-1, 65535, False, False),
    ],
)
@pytest.mark.parametrize("product", [VI, VI_1KM])
def test_quality_of_vegetation(product: object, reliability: int, number: int, good: bool, fair: bool) -> None:
    prefix = "500m" if product is VI else "1 km"
    numbers = {
        f"{prefix} 16 days pixel reliability": np.array([[reliability]], np.int8),
        f"{prefix} 16 days VI Quality": np.array([[number]], np.uint16),
    }
    for layer in product.layers.values():
        accepted = [meets(layer.quality[level], numbers).item() for level in ("good", "fair")]
        assert accepted == [good, fair]


@given(
    reliability=arrays(np.int8, 40, elements=st.integers(-1, 3)),
    quality=arrays(np.uint16, 40, elements=st.integers(0, 65535)),
)
def test_bits_by_division(reliability: np.ndarray, quality: np.ndarray) -> None:
    """Any bits, taken apart by whole-number division of Python's own integers."""
    numbers = {"500m 16 days pixel reliability": reliability, "500m 16 days VI Quality": quality}
    fair, water, snow = [], [], []
    for rank, number in zip(reliability.tolist(), quality.tolist(), strict=True):
        useful = number // 4 % 16 <= 5
        fair.append(rank == 0 or (rank == 1 and useful and number // 16384 % 2 == 0 and number // 32768 == 0))
        water.append(number // 2048 % 8 in (0, 3, 5, 6, 7))
        snow.append(rank == 2 or (rank in (0, 1) and number // 16384 % 2 == 1))
    np.testing.assert_array_equal(meets(VI.layers["evi"].quality["fair"], numbers), fair)
    np.testing.assert_array_equal(meets(VI.water, numbers), water)
    np.testing.assert_array_equal(meets(VI.snow, numbers), snow)


# VIIRS

VIIRS_VI = [PRODUCTS[f"{sensor}13A{number}.002"] for sensor in ("VNP", "VJ1") for number in (1, 2)]
VIIRS_LST = [PRODUCTS[f"{sensor}21A1{half}.002"] for sensor in ("VNP", "VJ1") for half in "DN"]
WORDS = np.arange(1 << 16, dtype=np.uint16)
TEXTS = [format(number, "016b") for number in range(1 << 16)]
"""Every word of 16 bits, and its bits as text, from the highest to the lowest."""
USEFUL = np.array([int(text[10:14], 2) <= 5 and text[:2] == "00" for text in TEXTS])
SNOWY = np.array([text[1] == "1" for text in TEXTS])
WATERY = np.array([text[2:5] in ("000", "011", "101", "111") for text in TEXTS])
"""Words of VI Quality: useful to 0101 without shadow and snow; possible snow; ocean, shallow or deep inland water, but
not coasts (010) nor what is partly land (100, 110)."""


@pytest.mark.parametrize("product", VIIRS_VI, ids=lambda product: product.name)
def test_scale_range_and_fills_of_vegetation_of_viirs(product: Product) -> None:
    """Numbers of the real VNP13A2, whose 500 m twin differs in names and pixels alone."""
    fine = "A1" in product.name
    prefix, suffix, pixels = ("500 m", "500m", 2400) if fine else ("1 km", "1km", 1200)
    assert (product.pixels, product.grid_name) == (pixels, f"VIIRS_Grid_16Day_VI_{suffix}")
    assert (product.calendar, product.first, product.every) == ("16-day", 1, 8)
    assert (product.role, product.format, product.version) == ("vegetation", "HDF5", "002")
    assert product.quantities == {"ndvi": "1", "evi": "1", "ndii7": "1"}
    for name, layer in product.layers.items():
        assert layer.dataset.startswith(f"{prefix} 16 days ")
        assert layer.scale == 0.0001
        values = [-15000, -13000, -10001, -10000, -1000, -1, 0, 10000, 10001, 32767]
        held = layer.holds(np.array(values, np.int16)).tolist()
        smallest = -10000 if name in ("ndvi", "evi") else 0
        assert held == [smallest <= value <= 10000 for value in values]
        assert layer.attributes["_FillValue"] == ((-15000, -13000) if name in ("ndvi", "evi") else -1000)


@pytest.mark.parametrize("product", VIIRS_LST, ids=lambda product: product.name)
def test_scale_range_and_fill_of_temperature_of_viirs(product: Product) -> None:
    """Numbers of LAADS' file specification; the only layer is that of its half of the day, and by day the range too."""
    assert (product.pixels, product.grid_name) == (1200, "VIIRS_Grid_Daily_1km_LST21")
    assert (product.calendar, product.role, product.format) == ("daily", "temperature", "HDF5")
    (name, layer) = next(iter(product.layers.items()))
    assert name == ("lst_day" if product.name.endswith("D.002") else "lst_night")
    assert product.quantities == {name: "K"} | ({"lst_range": "K"} if name == "lst_day" else {})
    assert (layer.dataset, layer.scale, layer.attributes["_FillValue"]) == ("LST_1KM", 0.02, 0)
    assert layer.holds(np.array([0, 7499, 7500, 65535], np.uint16)).tolist() == [False, False, True, True]


@pytest.mark.parametrize("product", VIIRS_LST, ids=lambda product: product.name)
def test_every_quality_word_of_temperature_of_viirs(product: Product) -> None:
    """Of 65,536; the accuracy of the highest bits is the worst (above 2 K) at 00, where MOD11's is the best."""
    usable = [text[10:12] == "00" and text[:2] != "00" for text in TEXTS]
    good = [text[14:] == "00" and fine for text, fine in zip(TEXTS, usable, strict=True)]
    fair = [text[14:] in ("00", "01") and fine for text, fine in zip(TEXTS, usable, strict=True)]
    assert (sum(good), sum(fair)) == (3 * 2**10, 3 * 2**11)
    (layer,) = product.layers.values()
    np.testing.assert_array_equal(meets(layer.quality["good"], {"QC": WORDS}), good)
    np.testing.assert_array_equal(meets(layer.quality["fair"], {"QC": WORDS}), fair)


@pytest.mark.parametrize(
    ("word", "good", "fair"),
    [
        ("11 00 00 00 00 00 00 00", True, True),  # below 1 K
        ("01 00 00 00 00 00 00 00", True, True),  # 1.5 to 2 K
        ("00 00 00 00 00 00 00 00", False, False),  # above 2 K; an empty file's fill too
        ("11 00 00 00 00 00 00 01", False, True),
        ("11 00 00 00 00 01 00 00", False, False),  # thin cirrus
        ("11 00 00 00 00 10 00 01", False, False),  # within 2 pixels of a cloud
        ("11 00 00 00 00 11 00 10", False, False),  # cloud
        ("11 00 00 00 00 00 00 11", False, False),  # not produced for another reason
        (
            "10 11 10 01 11 00 10 00",
            True,
            True,
        ),  # emissivity, contrast, opacity, iterations, calibration as they may be
    ],
)
def test_quality_of_temperature_of_viirs(word: str, good: bool, fair: bool) -> None:
    quality = PRODUCTS["VNP21A1D.002"].layers["lst_day"].quality
    numbers = {"QC": np.array([int(word.replace(" ", ""), 2)], np.uint16)}
    assert [bool(meets(quality[level], numbers)[0]) for level in ("good", "fair")] == [good, fair]


@pytest.mark.parametrize("product", VIIRS_VI, ids=lambda product: product.name)
@pytest.mark.parametrize("rank", range(-4, 12))
def test_every_quality_word_of_vegetation_of_viirs(product: Product, rank: int) -> None:
    """Of 65,536 words of VI Quality beside every rank of reliability."""
    prefix = product.layers["ndvi"].dataset.removesuffix(" NDVI")
    numbers = {
        f"{prefix} pixel reliability": np.full(WORDS.shape, rank, np.int8),
        f"{prefix} VI Quality": WORDS,
    }
    good = 0 <= rank <= 3
    expected = {
        "good": good,
        "fair": good | (rank == 4) & USEFUL,
        "water": (rank == -4) | (rank >= 0) & WATERY,
        "snow": (rank == 8) | (0 <= rank <= 6) & SNOWY,
        "silent": rank == -1,
    }
    layers = product.layers.values()
    for level in ("good", "fair"):
        for quality in {layer.quality[level] for layer in layers}:
            assert (meets(quality, numbers) == expected[level]).all()
    for name in ("water", "snow", "silent"):
        assert (meets(getattr(product, name), numbers) == expected[name]).all()


def test_ranks_and_surfaces_are_those_that_a_real_granule_explains(real: Callable[[str], Path]) -> None:
    """By the legends in the file: what a rank or a code of land and water is called there."""
    product = PRODUCTS["VNP13A2.002"]
    with h5py.File(real("VNP13A2*.h5")) as file:
        fields = file[f"HDFEOS/GRIDS/{product.grid_name}/Data Fields"]
        ranks, bits = (
            fields[f"1 km 16 days {name}"].attrs["Legend"][0].decode() for name in ("pixel reliability", "VI Quality")
        )
    named = {int(rank): name.strip() for rank, name in re.findall(r"\[ *(-?\d+)\]:(.*)", ranks)}
    assert sorted(named) == [-4, -1, *range(12)]
    surfaces = dict(re.findall(r"([01]{3}): (.*?) \n", bits.partition("Land/Water")[2]))
    assert len(surfaces) == 8

    def accepted(quality: Quality, surface: str, snow: int = 0) -> set[str]:
        """Names of the ranks that hold with a code of land and water, and else good bits."""
        word = np.full(len(named), int(f"0{snow}{surface}0{0:010b}", 2), np.uint16)
        numbers = {"1 km 16 days pixel reliability": np.array(list(named), np.int8), "1 km 16 days VI Quality": word}
        return {name for name, holds in zip(named.values(), meets(quality, numbers), strict=True) if holds}

    good = {"Excellent", "Good", "Acceptable", "Marginal"}
    assert accepted(product.layers["ndvi"].quality["good"], "001") == good
    assert accepted(product.layers["ndvi"].quality["fair"], "001") == good | {"Pass"}
    assert accepted(product.silent, "001") == {"NODATA"}
    assert accepted(product.snow, "001") == {"Snow/Ice"}
    for code, name in surfaces.items():
        water = ("ocean" in name.lower() or "inland water" in name) and "coast" not in name
        assert accepted(product.water, code) == (set(named.values()) - {"NODATA"} if water else {"Water"}), name


def test_a_quality_without_alternatives_holds_nowhere() -> None:
    assert not meets((), {"anything": np.zeros((2, 3))}).any()
    assert meets((), {"anything": np.zeros((2, 3))}).shape == (2, 3)
