"""Needs of a run: geometry, granules, composites, and what its jobs must know."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kilomoist.configuration.keys import Configuration
from kilomoist.configuration.schema import load
from kilomoist.grids import Window
from kilomoist.planning import needs
from kilomoist.products import PRODUCTS

LST, INDEX, TARGET = PRODUCTS["MOD11A1.061"], PRODUCTS["MOD13A1.061"], PRODUCTS["SPL4SMGP.008"]
HERE = {"name": "here", "bbox": [98.5, 47.0, 99.5, 48.0]}
THERE = {"name": "there", "bbox": [101.5, 47.0, 104.5, 48.0]}
BLOCKS = [Window(0, 0, 10, 100), Window(0, 100, 10, 300)]
"""4 thousand cells, 3 of them in the larger block."""


def configured(**keys: Any) -> Configuration:
    return load({"regions": [HERE]} | keys)


def test_a_region_is_cut_into_tiles_and_blocks() -> None:
    (region,) = load({}).regions
    assert needs.area(region).bounds == (96, 45, 104, 50)
    assert needs.tiles(region) == ["h24v04", "h25v04"]
    blocks = needs.blocks(region, 64)
    assert list(blocks) == ["r000c000", "r000c001"]
    assert [(block.rows, block.columns) for block in blocks.values()] == [(49, 43), (49, 43)]
    assert len(needs.blocks(region, 256)) == 1


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (["lst_day"], [LST.name]),
        (["evi"], [INDEX.name]),
        (["lst_range", "ndvi"], [INDEX.name, LST.name]),
        (["soil"], []),
    ],
)
def test_only_products_of_predictors_in_use_are_read(tmp_path: Path, use: list[str], expected: list[str]) -> None:
    (tmp_path / "soil.tif").touch()
    configuration = configured(predictors={"use": use, "layers": {"soil": str(tmp_path / "soil.tif")}})
    assert needs.predictor_products(configuration) == expected
    assert [product.name for product in needs.products(configuration)] == [*expected, TARGET.name]


def test_a_range_of_viirs_needs_the_night_too() -> None:
    """The night is read for the composite of the day, and has one of its own where it is a predictor itself."""
    day, night = "VNP21A1D.002", "VNP21A1N.002"
    for use, composed in ((["lst_day"], [day]), (["lst_range"], [day]), (["lst_range", "lst_night"], [day, night])):
        configuration = configured(predictors={"use": use, "temperature": [day, night]})
        read = [*composed, *([night] if night not in composed and "lst_range" in use else [])]
        assert needs.predictor_products(configuration) == composed
        assert [product.name for product in needs.products(configuration)] == [*read, TARGET.name]


def test_receipts_name_place_and_first_day() -> None:
    assert needs.receipts(INDEX, "h24v04", "2021-08") == [
        f"resources/receipts/MOD13A1.061/h24v04/2021-{day}.json" for day in ("07-28", "08-13", "08-29")
    ]
    fields = needs.receipts(TARGET, None, "2021-02")
    assert len(fields) == 28 * 8
    assert fields[:2] == [f"resources/receipts/SPL4SMGP.008/{time}/2021-02-01.json" for time in ("0130", "0430")]


def test_a_granule_is_needed_once_whatever_regions_and_months_share_it() -> None:
    configuration = configured(source="earthdata", regions=[HERE, THERE], months=["2021-07", "2021-08"])
    needed = needs.all_receipts(configuration)
    assert len(set(needed)) == len(needed)
    # A period of 16 days from 28 July, on both tiles; days of both months on either tile; eight fields a day.
    assert sum("/2021-07-28" in path and "MOD13A1" in path for path in needed) == 2
    assert [sum(f"MOD11A1.061/{tile}" in path for path in needed) for tile in ("h24v04", "h25v04")] == [31 + 31] * 2
    assert sum("SPL4SMGP.008" in path for path in needed) == 8 * (31 + 31)
    assert needs.composite_keys(configuration, configuration.regions[1]) == [
        (product.name, tile) for product in (INDEX, LST) for tile in ("h24v04", "h25v04")
    ]
    assert needs.all_receipts(configured(regions=[HERE, THERE])) == []


def test_catalogues_list_granules_by_tile_and_the_month_of_their_first_day() -> None:
    assert needs.catalogue(LST.name, "h24v04", "2021-08-03") == "resources/catalogue/MOD11A1.061/h24v04/2021-08.csv"
    assert needs.catalogue(TARGET.name, "0130", "2021-08-03") == "resources/catalogue/SPL4SMGP.008/global/2021-08.csv"
    catalogues = needs.catalogues(configured(source="earthdata", months=["2021-08"]))
    assert catalogues == [
        "resources/catalogue/MOD13A1.061/h24v04/2021-07.csv",
        "resources/catalogue/MOD13A1.061/h24v04/2021-08.csv",
        "resources/catalogue/MOD11A1.061/h24v04/2021-08.csv",
        "resources/catalogue/SPL4SMGP.008/global/2021-08.csv",
    ]
    assert needs.catalogues(configured()) == []


def test_an_archive_gives_the_granules_that_it_has() -> None:
    archive = {
        (LST.name, "h24v04", datetime(2021, 8, 3)): Path("a/third.hdf"),
        (LST.name, "h24v04", datetime(2021, 8, 1)): Path("first.hdf"),
        (LST.name, "h24v04", datetime(2021, 9, 1)): Path("of another month.hdf"),
        (LST.name, "h25v04", datetime(2021, 8, 1)): Path("of another tile.hdf"),
        (TARGET.name, None, datetime(2021, 8, 1, 1, 30)): Path("field.h5"),
    }
    assert needs.archived_granules(archive, LST, "h24v04", "2021-08") == ["first.hdf", "a/third.hdf"]
    assert needs.archived_granules(archive, TARGET, None, "2021-08") == ["field.h5"]
    assert needs.archived_granules({}, TARGET, None, "2021-08") == []


def test_daily_granules_are_simulated_by_month_and_others_one_by_one() -> None:
    assert needs.simulated_granules(LST, "h24v04", "2021-08") == ["MOD11A1.061/h24v04/2021-08"]
    assert needs.simulated_granules(TARGET, None, "2021-08") == ["SPL4SMGP.008/2021-08"]
    periods = needs.simulated_granules(INDEX, "h24v04", "2021-08")
    assert [path[: path.index(".061.2021")] for path in periods] == [
        f"MOD13A1.061/h24v04/MOD13A1.A2021{day}.h24v04" for day in (209, 225, 241)
    ]


def test_quantities_stand_in_the_order_of_their_product() -> None:
    configuration = configured(predictors={"use": ["lst_range", "evi", "lst_day"]})
    assert needs.quantities(configuration, LST) == ["lst_day", "lst_range"]
    assert needs.quantities(configuration, INDEX) == ["evi"]


def test_units_of_bands(tmp_path: Path) -> None:
    (tmp_path / "a.tif").touch()
    layers = {"elevation": str(tmp_path / "a.tif"), "soil": str(tmp_path / "a.tif")}
    configuration = configured(predictors={"use": ["lst_day", "slope", "elevation", "soil"], "layers": layers})
    units = needs.units(configuration)
    of_predictors = {"lst_day": "K", "slope": "degrees", "elevation": "m", "soil": "as stored"}
    of_days = {"lst_day_days": "days", "lst_night_days": "days", "lst_range_days": "days"}
    assert units == of_predictors | of_days | {"water": "1", "snow": "1"}


@pytest.mark.parametrize(("month", "half"), [("2021-02", 14.0), ("2021-08", 15.5)])
def test_few_days_are_twice_the_minimum_of_temperatures_and_half_a_month_of_vegetation(month: str, half: float) -> None:
    configuration = configured(predictors={"use": ["lst_day", "ndvi"]}, quality={"minimum_days": 4})
    assert needs.few_days(configuration, month) == {"lst_day": 8.0, "ndvi": half}


def test_pixels_are_divided_by_the_first_vegetation_index_in_use() -> None:
    assert needs.vegetation_index(configured(predictors={"use": ["lst_day", "evi", "ndvi"]})) == "evi"
    assert needs.vegetation_index(configured(predictors={"use": ["lst_day"]})) is None


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"source": "earthdata"}, 0.06),
        ({"source": "earthdata", "target_error": 0}, 0),
        ({"source": "earthdata", "target": "SPL3SMP_E.006"}, 0.05),
        ({"scene": {"error": 0.02}}, 0.02),
        ({"scene": {"error": 0.02}, "target_error": 0.03}, 0.03),
    ],
)
def test_error_of_the_target(keys: dict[str, Any], expected: float) -> None:
    assert needs.target_error(configured(**keys)) == expected


@pytest.mark.parametrize(
    ("method", "protocols", "scored"),
    [
        ("detail", [], ["model", "alternative"]),
        ("absolute", [], ["model"]),
        ("absolute", ["degrade_restore"], ["model", "alternative"]),
    ],
)
def test_the_other_method_is_scored_where_there_is_something_to_score(
    method: str, protocols: list[str], scored: list[str]
) -> None:
    configuration = configured(model={"method": method}, evaluation={"protocols": protocols})
    assert needs.scored_models(configuration) == scored


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, False),
        ({"model": {"method": "detail"}}, True),
        ({"map": {"interval": 0.9}}, True),
        ({"map": {"interval": None, "comparison": True}}, True),
        ({"source": "simulated", "archive": None}, True),
        ({"field_points": "points.csv"}, True),
    ],
)
def test_halves_are_kept_where_something_rests_on_them(tmp_path: Path, keys: dict[str, Any], expected: bool) -> None:
    (tmp_path / "points.csv").touch()
    keys = {name: str(tmp_path / value) if name == "field_points" else value for name, value in keys.items()}
    bare = {"source": "archive", "archive": str(tmp_path), "model": {"method": "absolute"}, "map": {"interval": None}}
    assert needs.halves(configured(**bare | keys)) is expected


def test_one_run_knows_nothing_of_the_others() -> None:
    configuration = configured(regions=[HERE, THERE], months=["2021-08", "2021-06", "2021-07"])
    own = needs.own_configuration(configuration, "there", "2021-07")
    assert [region["name"] for region in own["regions"]] == ["there"]
    assert own["months"] == ["2021-07"]
    assert load(own).model == configuration.model
    assert not own.keys() & {"export", "report"}  # neither changes a map, and provenance stays


def test_files_of_field_points(tmp_path: Path) -> None:
    assert needs.field_point_files(configured()) == []
    (tmp_path / "points.csv").touch()
    one = configured(field_points=str(tmp_path / "points.csv"))
    assert needs.field_point_files(one) == [str(tmp_path / "points.csv")]
    stations = tmp_path / "ismn/network/station"
    stations.mkdir(parents=True)
    for depth in ("0.050000_0.050000", "0.500000_0.500000"):
        (stations / f"net_net_station_sm_{depth}_sensor_20210101_20211231.stm").touch()
    archive = configured(field_points=str(tmp_path / "ismn"))
    assert [Path(path).name.split("_")[4] for path in needs.field_point_files(archive)] == ["0.050000"]


def test_compared_maps_are_those_of_the_month(tmp_path: Path) -> None:
    (tmp_path / "map-2021-08.tif").touch()
    keys = {"name": "other", "path": f"{tmp_path}/map-{{month}}.tif", "scale": 0.01}
    found = needs.compared(configured(compare=[keys]), "2021-08")
    assert found == [
        keys
        | {
            "path": f"{tmp_path}/map-2021-08.tif",
            **dict.fromkeys(("variable", "band", "offset")),
            "files": [f"{tmp_path}/map-2021-08.tif"],
            "relative": False,
        }
    ]


@pytest.mark.parametrize(
    ("slopes", "expected"),
    [({}, 100), ({"of_region": 10}, 140), ({"of_block": 10}, 130), ({"of_region": 1, "of_block": 2}, 110)],
)
def test_a_job_takes_more_for_each_thousand_cells_of_its_region_and_its_largest_block(
    slopes: dict[str, float], expected: float
) -> None:
    assert needs.measured(100, BLOCKS, **slopes) == expected
    assert needs.measured(100) == 100


def test_what_is_asked_for_has_a_margin_suffices_for_a_start_and_grows_with_the_attempt() -> None:
    assert needs.memory(300, 1) == needs.SNAKEMAKE_MB + 450
    assert needs.memory(300, 3) == 3 * needs.memory(300, 1)
    assert [needs.minutes(600, attempt) for attempt in (1, 2)] == [50, 100]
    assert [needs.minutes(2, attempt) for attempt in (1, 2)] == [needs.MIN_MINUTES, 2 * needs.MIN_MINUTES]
