"""Requirements of a run's inputs before its first job, and warnings of its user."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import Affine

from kilomoist.calendars import slots
from kilomoist.configuration.keys import Configuration
from kilomoist.configuration.schema import load
from kilomoist.errors import InputError
from kilomoist.planning import requirements
from kilomoist.products import PRODUCTS

LST, TARGET = PRODUCTS["MOD11A1.061"], PRODUCTS["SPL4SMGP.008"]
HERE = {"name": "here", "bbox": [98.5, 47.0, 99.5, 48.0]}
THERE = {"name": "there", "bbox": [101.5, 47.0, 104.5, 48.0]}
SIMULATED = "The granules of here are simulated (source: simulated): nothing is measured there."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an empty folder as an archive."""
    (tmp_path / "archive").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(**keys: Any) -> Configuration:
    return load({"regions": [HERE]} | keys)


def archived(**keys: Any) -> Configuration:
    return configured(source="archive", archive="archive", predictors={"use": ["lst_day"]}, **keys)


def raster(path: str, west: float = 98.0, east: float = 103.0) -> str:
    side = 0.1
    shape = {"count": 1, "height": 30, "width": round((east - west) / side), "dtype": "float32"}
    where = {"crs": "EPSG:4326", "transform": Affine(side, 0, west, 0, -side, 49)}
    with rasterio.open(path, "w", driver="GTiff", **shape, **where) as file:
        file.write(np.ones((30, shape["width"]), np.float32), 1)
    return path


def points(path: str, longitude: float) -> str:
    row = {"id": "a", "longitude": longitude, "latitude": 47.5, "soil_moisture": 0.2}
    pd.DataFrame([row]).to_csv(path, index=False)
    return path


def complaint(configuration: Configuration) -> str:
    with pytest.raises(InputError) as caught:
        requirements.check_inputs(configuration)
    return str(caught.value)


# Warnings


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({}, []),
        ({"regions": [HERE]}, [SIMULATED]),
        ({"regions": [HERE], "source": "earthdata"}, []),
        ({"model": {"subgrid": False}}, ["`model.subgrid` does nothing any more"]),
        ({"map": {"reconcile": "warranted"}}, ["`map.reconcile` is warranted, but the target's error is 0"]),
        ({"map": {"reconcile": "warranted"}, "target_error": 0.02}, []),
        ({"map": {"reconcile": "warranted"}, "source": "earthdata"}, []),
        ({"source": "earthdata", "months": ["2021-08", "2020-08"]}, ["`months` span more than a year"]),
        ({"source": "earthdata", "months": ["2020-08", "2021-07"]}, []),
        ({"months": ["2020-08", "2021-08"]}, []),
    ],
)
def test_what_a_user_might_not_expect_is_told(raw: dict[str, Any], told: list[str]) -> None:
    warnings = requirements.warnings_of(load(raw), raw)
    assert len(warnings) == len(told)
    assert all(part in sentence for part, sentence in zip(told, warnings, strict=True)), warnings


def test_layers_that_are_not_read_are_told() -> None:
    raw = {"predictors": {"use": ["ndvi", "soil"], "layers": {name: raster("a.tif") for name in ("soil", "b", "a")}}}
    told = requirements.warnings_of(load(raw), raw)
    assert [sentence.split()[0] for sentence in told] == ["`predictors.layers.a`", "`predictors.layers.b`"]
    assert "`predictors.use` does not have a" in told[0]


# Granules of an archive


def held(product: Any, tile: str | None, *left_out: int, month: str = "2021-08") -> dict[Any, Path]:
    """All of a month's granules but those of some numbers."""
    times = [slot.time for slot in slots(product, month) if slot.number not in left_out]
    return {(product.name, tile, time): Path("granule") for time in times}


def test_granules_and_tiles_that_are_missing_are_counted() -> None:
    archive = held(LST, "h24v04", 3, 4) | held(TARGET, None)
    assert requirements.granule_warnings(archived(), archive) == [
        "here, 2021-08: 29 of 31 granules of MOD11A1.061 are there."
    ]
    archive = held(LST, "h24v04") | held(TARGET, None, 0)
    assert requirements.granule_warnings(archived(regions=[THERE]), archive) == [
        "there, 2021-08: 31 of 62 granules of MOD11A1.061 are there.",
        "there, 2021-08: 247 of 248 granules of SPL4SMGP.008 are there.",
    ]


def test_a_month_without_any_granule_of_a_product_cannot_be_mapped() -> None:
    archive = held(LST, "h24v04") | held(TARGET, None)
    with pytest.raises(InputError) as caught:
        requirements.granule_warnings(archived(months=["2021-07", "2021-08"]), archive)
    first, second = str(caught.value).split("\n")
    assert "archive holds no granule of MOD11A1.061 for 2021-07 on the tiles h24v04 of region here" in first
    assert "expected 31 a tile: add them, or name another archive, month or product" in first
    assert "archive holds no granule of SPL4SMGP.008 for 2021-07, expected 248: add them" in second


def test_granules_from_elsewhere_are_not_looked_for() -> None:
    for source in ("simulated", "earthdata"):
        assert requirements.granule_warnings(configured(source=source), {}) == []


# The simulated scene


def test_an_outline_must_lie_in_the_simulated_scene() -> None:
    shape = shapely.box(103, 46, 106, 48)
    geopandas.GeoDataFrame(geometry=[shape], crs="EPSG:4326").to_file("outline.gpkg", engine="pyogrio")
    keys = {"regions": [HERE, {"name": "far", "outline": "outline.gpkg"}]}
    sentence = complaint(load(keys))
    assert sentence.startswith("`regions[1]` (far) reaches from 103 to 106° E and 46 to 48° N, but the simulated ")
    assert "the simulated scene `full` covers [95.5, 44.5, 104.5, 50.5]" in sentence
    assert sentence.endswith("take a region inside it, or `source: archive` with granules of your region.")
    assert requirements.check_inputs(load(keys | {"source": "earthdata"})) == []


@pytest.mark.parametrize(
    ("box", "told"),
    [
        ([178, -18, -178, -16], "178 to -178° E and -18 to -16° N"),
        ([100, 45, -170, 50], "100 to -170° E and 45 to 50° N"),
        ([-92, 33.5, -75, 40], "-92 to -75° E and 33.5 to 40° N"),
    ],
)
def test_every_box_must_lie_in_the_simulated_scene(box: list[float], told: str) -> None:
    first, second = complaint(configured(regions=[HERE | {"bbox": box}, THERE], scene={"extent": "small"})).split("\n")
    assert first.startswith(f"`regions[0]` (here) reaches from {told}, but the simulated scene `small` covers ")
    assert second.startswith("`regions[1]` (there) reaches from 101.5 to 104.5° E ")


# Layers


def test_layers_in_use_must_cover_every_region() -> None:
    layers = {"soil": raster("soil.tif", east=100.0), "unused": "soil.tif"}
    keys = {"predictors": {"use": ["ndvi", "soil"], "layers": layers}}
    requirements.check_inputs(configured(**keys))
    sentence = complaint(configured(**keys, regions=[HERE, THERE]))
    assert "`predictors.layers.soil` is soil.tif" in sentence
    assert "does not reach over all of region there" in sentence
    Path("soil.tif").write_text("not a raster")
    assert "cannot be read as a raster" in complaint(configured(**keys))
    requirements.check_inputs(configured(predictors={"layers": layers}))


def test_layers_need_not_cover_the_box_of_a_country() -> None:
    layers = {"soil": raster("soil.tif", east=100.0)}
    country = {"name": "mongolia", "bbox": [98.5, 47.0, 119.0, 48.0], "country": "MNG"}
    keys = {"source": "earthdata", "predictors": {"use": ["soil"], "layers": layers}}
    requirements.check_inputs(configured(**keys, regions=[country]))


# Field points and maps that are compared at them


def test_regions_with_field_points() -> None:
    both = {"regions": [HERE, THERE], "source": "earthdata"}
    assert requirements.check_inputs(load(both)) == []
    assert requirements.check_inputs(load(both | {"source": "simulated"})) == ["here", "there"]
    some = load(both | {"field_points": points("points.csv", 102.0)})
    assert requirements.check_inputs(some) == ["there"]
    assert requirements.point_warnings(some, ["there"]) == ["No field point lies in here: nothing is compared there."]
    assert requirements.point_warnings(some, ["there", "here"]) == []
    assert requirements.point_warnings(load(both), []) == []
    assert "points.csv" in complaint(load(both | {"field_points": points("points.csv", 20.0)}))


def test_how_points_are_read_is_told() -> None:
    Path("points.csv").write_text("id;longitude;latitude;soil_moisture\nA;102,5;47,5;0,2\n")
    configuration = load({"regions": [HERE, THERE], "source": "earthdata", "field_points": "points.csv"})
    assert requirements.check_inputs(configuration) == ["there"]
    assert requirements.point_warnings(configuration, ["here", "there"]) == [
        "Field points points.csv are read as: separator ;, decimal comma, UTF-8."
    ]


def test_compared_maps_must_be_there_and_readable_for_every_month() -> None:
    keys = {"months": ["2021-07", "2021-08"], "compare": [{"name": "other", "path": "map-{month}.tif"}]}
    for month in keys["months"]:
        raster(f"map-{month}.tif")
    assert requirements.check_inputs(configured(**keys)) == ["here"]
    Path("map-2021-08.tif").write_text("not a raster")
    assert "map-2021-08.tif cannot be read as a raster" in complaint(configured(**keys))
