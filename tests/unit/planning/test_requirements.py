"""Requirements of a run's inputs before its first job, and warnings of its user."""

import itertools
import json
from datetime import datetime
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
from kilomoist.earthdata.catalogues import Entry, write_catalogue
from kilomoist.errors import InputError
from kilomoist.planning import requirements
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name

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
        _ = requirements.check_inputs(configuration), requirements.raster_warnings(configuration)
    return str(caught.value)


# Warnings


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({}, []),
        ({"regions": [HERE]}, [SIMULATED]),
        ({"regions": [HERE], "source": "earthdata"}, []),
        ({"model": {"subgrid": False}}, ["`model.subgrid` does nothing any more"]),
        ({"map": {"reconcile": "warranted"}}, []),
        ({"map": {"reconcile": "warranted"}, "target_error": 0.02}, []),
        ({"map": {"reconcile": "warranted"}, "source": "earthdata"}, []),
        ({"source": "earthdata", "months": ["2021-08", "2020-08"]}, ["`months` span more than a year"]),
        ({"source": "earthdata", "months": ["2020-08", "2021-07"]}, []),
        ({"source": "earthdata", "months": ["2021-08", "2020-08"], "predictors": {"temperature": "VNP21A1D.002"}}, []),
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


def warnings(configuration: Configuration, archive: dict[Any, Path]) -> list[str]:
    return requirements.granule_warnings(configuration, archive, requirements.shortages(configuration, archive))


def test_granules_and_tiles_that_are_missing_are_named() -> None:
    archive = held(LST, "h24v04", 3, 6, 4, 30) | held(TARGET, None)
    assert warnings(archived(), archive) == [
        "here, 2021-08: MOD11A1.061 on h24v04 lacks 4 of 31 days: 2021-08-04 to 2021-08-05, 2021-08-07, 2021-08-31."
    ]
    archive = held(LST, "h24v04") | held(TARGET, None, 0, 1)
    assert warnings(archived(regions=[THERE]), archive) == [
        "there, 2021-08: no MOD11A1.061 on h25v04.",
        "there, 2021-08: SPL4SMGP.008 lacks 2 of 248 fields: 2021-08-01 01:30 to 2021-08-01 04:30.",
    ]
    every_other = held(LST, "h24v04", *range(0, 31, 2)) | held(TARGET, None)
    (told,) = warnings(archived(), every_other)
    assert told.endswith(
        "lacks 16 of 31 days: 2021-08-01, 2021-08-03, 2021-08-05, 2021-08-07, 2021-08-09, 2021-08-11 and 10 more spans."
    )
    assert warnings(archived(), held(LST, "h24v04") | held(TARGET, None)) == []


def test_a_month_without_any_granule_of_a_product_cannot_be_mapped() -> None:
    archive = held(LST, "h24v04") | held(TARGET, None)
    for keys in ({"months": ["2021-07"]}, {"months": ["2021-07", "2021-08"], "missing_months": "stop"}):
        with pytest.raises(InputError) as caught:
            warnings(archived(**keys), archive)
        first, second = str(caught.value).split("\n")
        assert "archive holds no granule of MOD11A1.061 for 2021-07 on the tiles h24v04 of region here" in first
        assert "expected 31 a tile: add them, or name another archive, month or product" in first
        assert "archive holds no granule of SPL4SMGP.008 for 2021-07, expected 248: add them" in second


def test_a_month_with_too_few_fields_of_the_target_cannot_be_mapped() -> None:
    archive = held(LST, "h24v04") | held(TARGET, None, *range(25))
    with pytest.raises(InputError, match=r"SPL4SMGP.008 has 223 of 248 fields of 2021-08.*asks for 0.9"):
        warnings(archived(), archive)
    assert len(warnings(archived(quality={"minimum_target_share": 0.8}), archive)) == 1


def test_a_month_without_radiometer_has_too_few_passes() -> None:
    """SMAP was off until 23 July 2019: its passes end there, where its model goes on."""
    passes = PRODUCTS["SPL3SMP_E.006"]
    archive = held(LST, "h24v04", month="2019-07") | held(passes, None, *range(23), month="2019-07")
    with pytest.raises(InputError, match=r"SPL3SMP_E.006 has 8 of 31 fields of 2019-07.*asks for 0.9"):
        warnings(archived(target=passes.name, months=["2019-07"]), archive)


@pytest.mark.parametrize(
    ("missing_months", "months", "expected"),
    [
        ("auto", ["2021-08", "2021-07"], {("here", "2021-07")}),
        ("skip", ["2021-08", "2021-07"], {("here", "2021-07")}),
        ("stop", ["2021-08", "2021-07"], set()),
        # With nothing left there is nothing to skip for.
        ("auto", ["2021-07"], set()),
        ("skip", ["2021-07", "2021-06"], set()),
    ],
)
def test_months_that_cannot_be_made_are_left_out(missing_months: str, months: list[str], expected: set) -> None:
    configuration = archived(months=months, missing_months=missing_months)
    archive = held(LST, "h24v04") | held(TARGET, None) | held(TARGET, None, month="2021-07")
    short = requirements.shortages(configuration, archive)
    assert set(requirements.left_out(configuration, short)) == expected
    if expected:
        (told,) = requirements.granule_warnings(configuration, archive, short)
        assert told.startswith(
            "here, 2021-07 is left out (missing_months): archive archive holds no granule of MOD11A1"
        )


def test_a_month_is_left_out_of_one_region_alone() -> None:
    configuration = archived(regions=[HERE, THERE], missing_months="skip")
    archive = held(LST, "h25v04") | held(TARGET, None)
    short = requirements.shortages(configuration, archive)
    assert set(requirements.left_out(configuration, short)) == {("here", "2021-08")}


AQUA = PRODUCTS["MYD11A1.061"]
BOTH = {"use": ["lst_day"], "temperature": [LST.name, AQUA.name]}


def series(**keys: Any) -> tuple[Configuration, requirements.Archive]:
    """Terra and Aqua in July and August, of which Terra ends in July."""
    archive = (
        held(LST, "h24v04", month="2021-07")
        | held(AQUA, "h24v04", month="2021-07")
        | held(AQUA, "h24v04", month="2021-08")
    )
    archive |= held(TARGET, None, month="2021-07") | held(TARGET, None, month="2021-08")
    months = keys.pop("months", ["2021-07", "2021-08"])
    return configured(source="archive", archive="archive", months=months, predictors=BOTH | keys), archive


def check_products(configuration: Configuration, archive: requirements.Archive) -> None:
    short = requirements.shortages(configuration, archive)
    assert short == {}  # Aqua measures all that Terra is used for
    if mixed := requirements.mixed_products(configuration, archive, short):
        requirements.check_runs(mixed, mixed)


def test_months_of_other_products_are_refused_unless_they_are_bridged() -> None:
    with pytest.raises(InputError) as caught:
        check_products(*series())
    assert str(caught.value) == (
        "here, 2021-08 has no, or less than half of the, granules of MOD11A1.061, which 2021-07 has: maps of the two "
        "would show the change of products as a change of soil; take products that all months have, or "
        "`predictors.bridge: true`, which takes their difference away, or, if they have come since, snakemake "
        "--forcerun list_granules."
    )
    check_products(*series(bridge=True))
    check_products(*series(months=["2021-07"]))
    check_products(*series(months=["2021-08"]))
    configuration, archive = series()
    scrap = {key: path for key, path in held(LST, "h24v04").items() if key[2].day < 4}
    with pytest.raises(InputError, match="2021-08 has no, or less than half of the, granules of MOD11A1"):
        check_products(configuration, archive | scrap)


def test_months_without_an_overlap_are_refused_with_those_that_would_do() -> None:
    configuration, archive = series(bridge=True, months=["2021-06", "2021-08"])
    archive |= held(LST, "h24v04", month="2021-06") | held(TARGET, None, month="2021-06")
    with pytest.raises(InputError) as caught:
        check_products(configuration, archive)
    assert str(caught.value) == (
        "`predictors.bridge`: how MYD11A1.061 differs from MOD11A1.061 cannot be told, because none of the months "
        "2021-06, 2021-08 has granules of both and 1000 pixels that both see: add 2021-07 to `months`."
    )


def test_months_that_were_made_from_other_products_are_told() -> None:
    folder = Path("results/here/2020-08")
    folder.mkdir(parents=True)
    made = [{"product": name, "granules": [1]} for name in (LST.name, TARGET.name)]
    (folder / "provenance.json").write_text(json.dumps({"granules": made}))
    assert requirements.warnings_of(archived(), {}) == []
    both = configured(source="archive", archive="archive", predictors=BOTH)
    assert requirements.warnings_of(both, {}) == []  # Terra is in this run too
    (told,) = requirements.warnings_of(
        configured(source="archive", archive="archive", predictors=BOTH | {"temperature": AQUA.name}), {}
    )
    assert told.startswith("results/here/2020-08 was made from MOD11A1.061 where this run takes MYD11A1.061: ")
    (folder / "provenance.json").write_text("{}")
    assert requirements.warnings_of(archived(), {}) == []


def test_the_night_of_viirs_is_missed_where_nothing_else_has_the_range() -> None:
    day, night = PRODUCTS["VNP21A1D.002"], PRODUCTS["VNP21A1N.002"]
    target = held(TARGET, None)

    def short(archive: requirements.Archive, *temperature: str) -> str:
        keys = {"use": ["lst_range"], "temperature": list(temperature), "bridge": True}
        configuration = configured(source="archive", archive="archive", predictors=keys)
        return "\n".join(requirements.shortages(configuration, archive | target).values())

    assert "no granule of VNP21A1N.002" in short(held(day, "h24v04"), day.name)
    assert short(held(day, "h24v04") | held(night, "h24v04"), day.name) == ""
    assert short(held(LST, "h24v04"), LST.name, day.name) == ""


def test_files_that_nearly_count_are_told_where_granules_are_missing() -> None:
    for day in range(213, 244):
        Path(f"archive/MOD11A1.A2021{day}.h24v04.006.2021250000000.hdf").touch()
        Path(f"archive/MOD11A1.A2021{day}.h30v04.006.2021250000000.hdf").touch()
        Path(f"archive/MOD11A1.A2021{day}.h24v04.061.2021250000000.hdf.xml").touch()
    version = (
        "look like MOD11A1.061 but are of version 006, and version 061 is wanted, for example archive/MOD11A1.A20212"
    )
    with pytest.raises(InputError) as caught:
        warnings(archived(), held(TARGET, None))
    problem, older, companions = str(caught.value).split("\n")
    assert "holds no granule of MOD11A1.061" in problem
    assert older.startswith(f"31 files {version}13.h24v04.006.")
    assert companions.startswith("31 files look like MOD11A1.061 but are only what goes with a granule, for example ")
    # Files of days that are there explain nothing.
    lack, older, companions = warnings(archived(), held(LST, "h24v04", 3, 4) | held(TARGET, None))
    assert lack.endswith("lacks 2 of 31 days: 2021-08-04 to 2021-08-05.")
    assert older.startswith(f"2 files {version}16.h24v04.006.")
    assert companions.startswith("2 files ")
    assert warnings(archived(), held(LST, "h24v04") | held(TARGET, None)) == []


def test_granules_of_another_product_in_use_are_not_taken_for_what_is_missing() -> None:
    for day in range(213, 244):
        Path(f"archive/MYD11A1.A2021{day}.h24v04.061.2021250000000.hdf").touch()
    configuration, archive = series(months=["2021-08"])
    assert warnings(configuration, archive) == ["here, 2021-08: no MOD11A1.061 on h24v04."]
    alone = configured(source="archive", archive="archive", predictors={"use": ["lst_day"]})
    told = warnings(alone, held(LST, "h24v04", 3) | held(TARGET, None))
    assert "1 file looks like MOD11A1.061 but is of MYD11A1, another product" in told[1]


def listed(product: Any, extent: str, month: str, days: list[str], places: list[str]) -> None:
    """A catalogue that lists granules of some days and places."""
    entries = []
    for day, place in itertools.product(days, places):
        time = datetime.fromisoformat(f"{month}-{day}" if product.tiled else f"{month}-{day}T{place}")
        name = granule_file_name(product, time, place if product.tiled else None)
        entries.append(Entry(name, f"{month}-{day}", place, f"https://nasa.gov/{name}", "", 0, "", "", ""))
    path = Path(f"resources/catalogue/{product.name}/{extent}/{month}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_catalogue(path, entries)


def test_what_catalogues_lack_is_known_once_they_are_there() -> None:
    keys = {"source": "earthdata", "predictors": {"use": ["lst_day"]}}
    configuration = configured(months=["2021-07", "2021-08"], **keys)
    assert requirements.shortages(configuration, {}) == {}
    listed(LST, "h24v04", "2021-07", [], [])
    listed(LST, "h24v04", "2021-08", ["03"], ["h24v04"])
    listed(TARGET, "global", "2021-08", ["03"], ["0130"])
    short = requirements.shortages(configuration, {})
    assert short[("here", "2021-07")] == (
        "NASA's catalogue has no granule of MOD11A1.061 for 2021-07 on the tiles h24v04 of region here: take another "
        "month or product, such as VNP21A1D.002, or, if they have come since, snakemake --forcerun "
        "list_granules."
    )
    assert short[("here", "2021-08")].startswith("SPL4SMGP.008 has 1 of 248 fields of 2021-08")
    # All that is there is too little: `plan` and a new search must go on, so that nothing is raised.
    assert requirements.left_out(configuration, short) == {}
    assert requirements.granule_warnings(configuration, {}, short) == sorted(short.values())
    requirements.check_runs([("here", "2021-06")], short)
    with pytest.raises(InputError, match=r"no granule of MOD11A1.061 for 2021-07"):
        requirements.check_runs([("here", "2021-06"), ("here", "2021-07")], short)
    one = {("here", "2021-07"): short[("here", "2021-07")]}
    assert requirements.granule_warnings(configuration, {}, one)[0].startswith("here, 2021-07 is left out")


@pytest.mark.parametrize(
    ("product", "use", "named"),
    [
        ("MOD13A1.061", "ndvi", ", such as VNP13A1.002,"),
        ("MYD13A2.061", "ndvi", ", such as VNP13A2.002,"),
        ("MYD11A1.061", "lst_night", ", such as VNP21A1N.002,"),
        ("VNP13A2.002", "evi", ", such as VJ113A2.002,"),
        ("VNP21A1N.002", "lst_night", ", such as VJ121A1N.002,"),
        ("VJ121A1D.002", "lst_day", ""),
        ("SPL4SMGP.008", "lst_day", ""),
    ],
)
def test_where_a_product_ends_those_that_go_on_are_named(product: str, use: str, named: str) -> None:
    role = PRODUCTS[product].role
    keys = {"target": product} if role == "target" else {"predictors": {role: product, "use": [use]}}
    configuration = configured(months=["2021-08"], source="earthdata", **keys)
    place = "h24v04" if PRODUCTS[product].tiled else "global"
    for month in ("2021-07", "2021-08"):
        listed(PRODUCTS[product], place, month, [], [])
    (told,) = requirements.shortages(configuration, {}).values()
    assert f"no granule of {product} for 2021-08" in told
    assert f": take another month or product{named} or, if they have come since" in told


def test_granules_from_elsewhere_are_not_looked_for() -> None:
    for source in ("simulated", "earthdata"):
        assert warnings(configured(source=source), {}) == []


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
    assert requirements.raster_warnings(configured(**keys)) == []
    sentence = complaint(configured(**keys, regions=[HERE, THERE]))
    assert "`predictors.layers.soil` is soil.tif" in sentence
    assert "does not reach over all of region there" in sentence
    Path("soil.tif").write_text("not a raster")
    assert "cannot be read as a raster" in complaint(configured(**keys))
    assert requirements.raster_warnings(configured(predictors={"layers": layers})) == []


def test_layers_need_not_cover_the_box_of_a_country() -> None:
    layers = {"soil": raster("soil.tif", east=100.0)}
    country = {"name": "mongolia", "bbox": [98.5, 47.0, 119.0, 48.0], "country": "MNG"}
    keys = {"source": "earthdata", "predictors": {"use": ["soil"], "layers": layers}}
    assert requirements.raster_warnings(configured(**keys, regions=[country])) == []


# Field points and maps that are compared at them


def zones(path: str, west: float, east: float) -> str:
    frame = geopandas.GeoDataFrame({"NAME": ["a"]}, geometry=[shapely.box(west, 47.2, east, 47.6)], crs=4326)
    frame.to_file(path)
    return path


def exporting(*formats: str, **settings: Any) -> Configuration:
    return configured(export={"formats": list(formats)} | settings, source="archive", archive="archive")


def test_exports_that_can_be_made_are_not_told() -> None:
    settings = {"crs": "EPSG:32647", "zones": zones("zones.gpkg", 98.6, 99), "points": points("points.csv", 99.2)}
    assert requirements.export_warnings(exporting("raster", "zones", "points", "netcdf", **settings)) == []


def test_a_region_without_zones_or_points_is_told_beside_one_with_some() -> None:
    settings = {"zones": zones("zones.gpkg", 98.6, 99), "points": points("points.csv", 99.2)}
    both = exporting("zones", "points", **settings).model_copy(
        update={"regions": load({"regions": [HERE, THERE]}).regions}
    )
    assert requirements.export_warnings(both) == [
        "`export.zones` zones.gpkg: none of 1 zones lies in there: what is exported there has no values.",
        "`export.points` points.csv: none of 1 places lies in there: what is exported there has no values.",
    ]


def test_settings_of_exports_that_nothing_reads_are_told() -> None:
    assert requirements.export_warnings(exporting("png", crs="EPSG:32647", resolution=500)) == [
        f"`export.{name}` is not read, because `export.formats` does not have raster." for name in ("crs", "resolution")
    ]


@pytest.mark.parametrize(
    ("formats", "settings", "said"),
    [
        ("raster", {"crs": "EPSG:4326", "resolution": 1000}, "`export.resolution` is 1000, but `export.crs` (WGS 84)"),
        ("zones", {"zones": "far.gpkg"}, "`export.zones` far.gpkg: none of 1 zones lies in here: give some there, or "),
        (
            "zones",
            {"zones": {"path": "far.gpkg", "name": "x"}},
            "export.zones far.gpkg has no field x: name one of NAME",
        ),
        (
            "points",
            {"points": "far.csv"},
            "`export.points` far.csv: none of 1 places lies in here: give some there, or ",
        ),
    ],
)
def test_exports_that_cannot_be_made_are_told(formats: str, settings: dict[str, Any], said: str) -> None:
    zones("far.gpkg", 10, 11)
    points("far.csv", 10)
    with pytest.raises(InputError) as caught:
        requirements.export_warnings(exporting(formats, **settings))
    assert str(caught.value).startswith(said)


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
    assert requirements.raster_warnings(configured(**keys)) == []
    Path("map-2021-08.tif").write_text("not a raster")
    assert "map-2021-08.tif cannot be read as a raster" in complaint(configured(**keys))


def test_scales_that_take_the_place_of_a_file_s_own_are_told() -> None:
    with rasterio.open(raster("packed.tif"), "r+") as file:
        file.scales, file.offsets = (0.01,), (0.1,)
    compared = {"name": "other", "path": "packed.tif"}
    for own in ({}, {"scale": 0.01}, {"scale": 0.01, "offset": 0.1}):
        assert requirements.raster_warnings(configured(compare=[compared | own])) == []
    assert requirements.raster_warnings(configured(compare=[compared | {"scale": 0.02}])) == [
        "`compare: other` (packed.tif): scale 0.02 and offset 0.1 count, not the file's own, 0.01 and 0.1."
    ]
    keys = {"use": ["soil"], "layers": {"soil": {"path": "packed.tif", "offset": 0}}}
    (told,) = requirements.raster_warnings(configured(predictors=keys))
    assert told.startswith("`predictors.layers.soil` (packed.tif): scale 0.01 and offset 0 count")


def test_what_was_guessed_of_an_outline_is_told(tmp_path: Path) -> None:
    path = tmp_path / "fiji.geojson"
    ring = [[178, -18], [-178, -18], [-178, -16], [178, -16], [178, -18]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    keys = {"source": "archive", "archive": str(tmp_path), "regions": [{"name": "fiji", "outline": str(path)}]}
    (warning,) = requirements.warnings_of(load(keys), keys)
    assert f"outline {path} has sides from 178° to -178° longitude: taken as across 180°, the short way" in warning


def outlined(*shapes: shapely.Geometry, **keys: Any) -> list[str]:
    """Warnings of a region with an outline of some polygons."""
    geopandas.GeoDataFrame(geometry=list(shapes), crs="EPSG:4326").to_file(f"{len(shapes)}.gpkg", layer="study")
    region = {"name": "isles", "outline": {"path": f"{len(shapes)}.gpkg", "layer": "study"}, **keys}
    return requirements.warnings_of(archived(regions=[region]), {})


def test_small_polygons_far_from_the_others_are_told() -> None:
    land, near, far = (shapely.box(x, 46, x + side, 46 + side) for x, side in ((98, 2), (100.1, 0.1), (110, 0.1)))
    assert outlined(land, near) == []
    (told,) = outlined(land, near, far)
    assert told.startswith("region isles has 2 small polygons, for example at 110° E, 46° N, by which it spans ")
    assert "they are kept" in told
    assert outlined(land, near, far, bbox=[97, 45, 101, 49]) == []
    # As large as the others, none is an island.
    assert outlined(land, near, shapely.box(110, 46, 112, 48), far.buffer(1)) == []
