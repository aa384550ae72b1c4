"""Bad input, as a user meets it: exit code 1, one sentence, no traceback, and nothing lost; and absent granules."""

import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from granule_archives import INDEX, LST, TARGET, TILE, day, empty_archive, temperature, uniform_archive, vegetation
from pyhdf.SD import SD, SDC
from workflow_runs import DEMO, MONTH, SMALL, files, link, planned, snakemake, succeed

from kilomoist.grids import M09
from kilomoist.rasters import mosaic, read_run, write_raster
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.modis import write_tiled_granule


def here(box: list[float], **keys: str) -> dict[str, Any]:
    return {"regions": [{"name": "here", "bbox": box, **keys}]}


BOX = [98.5, 47.0, 100.0, 48.0]
ARCHIVE: dict[str, Any] = here(BOX) | {
    "source": "archive",
    "archive": "granules",
    "predictors": {"use": ["lst_day"]},
    "quality": {"minimum_target_share": 0},
}
WITH_INDEX = ARCHIVE | {"predictors": {"vegetation": INDEX.name}}
TARGET_MEAN = f"results/composites/archive/{TARGET.name}/{MONTH}.tif"
COMPOSITE = f"results/composites/archive/{LST.name}/{TILE}/{MONTH}.tif"
LOG = f"results/logs/composite_tile/archive/{TILE}/{MONTH}.log"
OUTLINES = {
    "missing": "does not exist",
    "empty": "holds no feature",
    "points": "holds no polygon but Point",
    "no-crs": "has no CRS",
    "elsewhere": "share no area",
    "text": "cannot be read as a vector file",
}


def outline(path: Path, kind: str) -> str:
    """Write a vector file that cannot be an outline."""
    path.mkdir(exist_ok=True)
    if kind == "missing":
        return str(path / "missing.gpkg")
    if kind == "text":
        (path / "text.gpkg").write_text("not a vector file")
        return str(path / "text.gpkg")
    shape = {"points": shapely.Point(99, 47.5), "elsewhere": shapely.box(10, 10, 11, 11)}.get(kind, shapely.box(*BOX))
    frame = geopandas.GeoDataFrame(
        geometry=[] if kind == "empty" else [shape], crs=None if kind == "no-crs" else "EPSG:4326"
    )
    frame.to_file(path / f"{kind}.gpkg", engine="pyogrio", **({"geometry_type": "Polygon"} if kind == "empty" else {}))
    return str(path / f"{kind}.gpkg")


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown key": ({"model": {"tree": 100}}, ["`model.tree` is not a key", "did you mean `model.trees`?"]),
    "wrong type": ({"model": {"trees": "many"}}, ['`model.trees` is "many"', "whole number"]),
    "before SMAP": ({"months": ["2014-08"]}, ["2014-08", "2015-04"]),
    "swapped": (here([47.0, 98.5, 48.0, 100.0]), ["latitude and longitude are swapped"]),
    "west > east": (here([100.0, 47.0, 98.5, 48.0]), ["358.5° wide", "west and east look swapped"]),
    "no archive": ({"archive": "no such folder"}, ["no such folder"]),
    "archive not read": ({"source": "simulated"}, ["does not read it"]),
    "outside the scene": ({"source": "simulated", "archive": None} | here([10, 47, 12, 49]), ["simulated scene"]),
}


@pytest.mark.parametrize(("change", "told"), WRONG.values(), ids=WRONG)
def test_configuration(tmp_path: Path, change: dict, told: list[str]) -> None:
    sentence = snakemake(tmp_path, config=ARCHIVE | change).sentence()
    assert all(part in sentence for part in told), sentence
    assert files(tmp_path, "results") == set()


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
@pytest.mark.parametrize("kind", OUTLINES)
def test_outline(tmp_path: Path, kind: str) -> None:
    (tmp_path / "granules").mkdir()
    config = ARCHIVE | here(BOX, outline=outline(tmp_path / "outlines", kind))
    sentence = snakemake(tmp_path, config=config).sentence()
    assert OUTLINES[kind] in sentence or (kind == "missing" and "there is no such file" in sentence), sentence
    assert kind in sentence


def spoil(path: Path, kind: str) -> None:
    """Make a granule what granules on disks sometimes are."""
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:-20_000])
    elif kind == "web page":
        path.write_text("<!DOCTYPE html><html><title>Earthdata Login</title></html>")
    elif kind == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        granule, kelvin = SD(str(path), SDC.WRITE | SDC.CREATE), np.zeros((LST.pixels, LST.pixels), np.uint16)
        granule.create("LST_Day_1km", SDC.UINT16, kelvin.shape).set(kelvin)
        granule.end()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("truncated", "is cut off or damaged"),
        ("web page", "is a web page (perhaps of a login)"),
        ("empty", "is an empty file"),
        ("without QC", "has no dataset 'QC_Day'"),
    ],
)
def test_granule(tmp_path: Path, kind: str, told: str) -> None:
    """The file is named, in the log too; granules stay as they are."""
    archive = tmp_path / "granules"
    temperature(archive, 1, 300.0)
    bad = temperature(archive, 2, 300.0)
    spoil(bad, kind)
    empty_archive(archive, {TARGET.name: [None]})
    before = files(tmp_path, "granules")
    sentence = snakemake(tmp_path, COMPOSITE, config=ARCHIVE).sentence()
    assert told in sentence
    assert bad.name in sentence
    assert sentence in (tmp_path / LOG).read_text()
    assert files(tmp_path, "granules") == before
    assert not (tmp_path / COMPOSITE).exists()


def test_target_granule_that_is_a_web_page(tmp_path: Path) -> None:
    archive = uniform_archive(tmp_path / "granules", days=1)
    (bad,) = archive.glob("*.h5")
    spoil(bad, "web page")
    sentence = snakemake(tmp_path, TARGET_MEAN, config=ARCHIVE).sentence()
    assert bad.name in sentence
    assert "is a web page" in sentence


def test_months_of_more_than_a_year_are_told(tmp_path: Path) -> None:
    """Maps of real granules are made, but LST of other years is of another hour."""
    told = "`months` span more than a year"
    config = SMALL | {"source": "earthdata"}
    for months, expected in ((["2021-08", "2020-08"], True), (["2020-08", "2021-07"], False)):
        assert (told in snakemake(tmp_path, "--list-rules", config=config | {"months": months}).output) == expected
    assert told not in snakemake(tmp_path, "--list-rules", config=SMALL | {"months": ["2020-08", "2021-08"]}).output


def test_too_few_target_fields(tmp_path: Path) -> None:
    uniform_archive(tmp_path / "granules", days=1)
    config = ARCHIVE | {"quality": {"minimum_target_share": 0.9}}
    sentence = snakemake(tmp_path, TARGET_MEAN, config=config).sentence()
    assert f"{TARGET.name} has 1 of 248 fields of {MONTH}" in sentence
    assert "quality.minimum_target_share asks for 0.9" in sentence


def test_all_pixels_cloudy(tmp_path: Path) -> None:
    """What was finished before stays."""
    uniform_archive(tmp_path / "granules", kelvin=0.0, quality=2)
    sentence = snakemake(tmp_path, config=ARCHIVE).sentence()
    assert sentence.startswith("The region has no pixel with all predictors in this month")
    assert "lst_day 0.0%" in sentence
    assert "cloudy" in sentence
    assert (tmp_path / COMPOSITE).exists()
    assert list((tmp_path / f"results/here/{MONTH}/blocks").glob("*/cells.tif"))
    assert not (tmp_path / f"results/here/{MONTH}/samples.parquet").exists()


def test_region_without_target(demo: Path, tmp_path: Path) -> None:
    """SMAP has no cell at sea: the demo's cells without their target, and the rule that notices alone."""
    folder = tmp_path / "sea"
    link(demo, folder)
    path = folder / DEMO / "blocks/r000c000/cells.tif"
    bands, window = mosaic([path], M09)
    write_raster(path, bands | {"target": np.full(window.shape, np.nan)}, M09, window, read_run(path))
    samples = f"{DEMO}/samples.parquet"
    sentence = snakemake(folder, samples, "--forcerun", "collect_samples", config=SMALL).sentence()
    assert sentence.startswith("The region has no cell with a value of the target")


def test_too_few_cells(demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    link(demo, folder)
    config = SMALL | {"regions": [{"name": "tiny", "bbox": [99, 47, 99.4, 47.4]}]}
    sentence = snakemake(folder, f"results/tiny/{MONTH}/samples.parquet", config=config).sentence()
    assert "cells of 9 km can train a model, 50 are needed" in sentence
    assert (folder / DEMO / "soil_moisture.tif").exists()


def test_missing_and_repeated_granules_are_counted(tmp_path: Path) -> None:
    archive = uniform_archive(tmp_path / "granules/deep/er")
    # An older production of a day that is there, unreadable: it must not even be opened.
    older = archive / granule_file_name(LST, day(2), TILE).replace(".2021234", ".2021100")
    assert older.name.count(".2021100") == 1
    older.write_text("not a granule")
    vegetation(archive, day(13), {"NDVI": 5000, "EVI": 3000, "VI Quality": 0, "pixel reliability": 0})
    succeed(tmp_path, f"results/here/{MONTH}/tables/full/granules.parquet", config=WITH_INDEX)
    table = pd.read_parquet(tmp_path / f"results/here/{MONTH}/tables/full/granules.parquet").set_index("product")
    assert list(table.loc[LST.name, ["expected", "found"]]) == [31, 3]
    assert table.loc[LST.name, "absent"].split() == [f"2021{number}" for number in range(216, 244)]
    assert list(table.loc[INDEX.name, ["expected", "found"]]) == [3, 1]
    assert table.loc[INDEX.name, "absent"].split() == ["2021209", "2021241"]
    assert list(table.loc[TARGET.name, ["expected", "found"]]) == [248, 1]


def test_a_tile_without_any_granule_is_counted_too(tmp_path: Path) -> None:
    """Two tiles, one of them absent from the archive: its composite is empty, and the run goes on."""
    temperature(tmp_path / "granules", 1, 300.0)
    empty_archive(tmp_path / "granules", {TARGET.name: [None]})
    config = ARCHIVE | {"regions": [{"name": "two-tiles", "bbox": [98, 49.5, 99, 50.5]}]}
    composites = [f"results/composites/archive/{LST.name}/{tile}/{MONTH}.tif" for tile in ("h24v03", TILE)]
    assert {file.path for file in planned(tmp_path, config) if file.path in composites} == set(composites)
    succeed(tmp_path, *composites, config=config)
    with rasterio.open(tmp_path / composites[0]) as file:
        assert not file.read(file.descriptions.index("lst_day_days") + 1).any()
    log = (tmp_path / LOG.replace(TILE, "h24v03")).read_text()
    assert f"{LST.name} has no granule of {MONTH} on h24v03: its composite is empty." in log


def test_files_that_nearly_count_are_named_before_any_job(tmp_path: Path) -> None:
    empty_archive(tmp_path / "granules", {LST.name: [TILE], TARGET.name: [None]})
    for path in (tmp_path / "granules").rglob("SMAP*"):
        path.rename(path.with_name(path.name.replace(".h5", "_regridded_subsetted.nc4")))
    done = snakemake(tmp_path, config=ARCHIVE)
    assert done.code == 1
    problem, looks = (line for line in done.output.splitlines() if line.startswith("Error: "))
    assert f"holds no granule of {TARGET.name} for {MONTH}, expected 248" in problem
    assert looks.startswith(
        f"Error: 248 files look like {TARGET.name} but end in _regridded_subsetted.nc4, for example "
    )
    assert looks.endswith("/SMAP_L4_SM_gph_20210801T013000_Vv8010_001_regridded_subsetted.nc4.")


COMPOSITES_ALONE = ("--until", "composite_tile", "average_target")


def test_a_month_without_granules_is_left_out_of_several(tmp_path: Path) -> None:
    """The others are made, and the run ends well."""
    uniform_archive(tmp_path / "granules", days=1)
    config = ARCHIVE | {"months": ["2021-07", MONTH]}
    assert not {file.path for file in planned(tmp_path, config) if "2021-07" in file.path or "months.csv" in file.path}
    said = succeed(tmp_path, *COMPOSITES_ALONE, config=config).output
    assert "here, 2021-07 is left out (missing_months): archive granules holds no granule of MOD11A1.061" in said
    assert f"here, {MONTH}: MOD11A1.061 on h24v04 lacks 30 of 31 days: 2021-08-02 to 2021-08-31." in said
    assert "here, 2021-07 was left out: archive granules holds no granule of MOD11A1.061" in said
    assert re.search(r"About \d+% of the time is over", said)
    assert (tmp_path / TARGET_MEAN).exists()
    assert "holds no granule" in snakemake(tmp_path, config=config | {"missing_months": "stop"}).output


def test_of_a_region_without_a_month_nothing_is_exported(tmp_path: Path) -> None:
    uniform_archive(tmp_path / "granules", days=1)
    regions = [*ARCHIVE["regions"], {"name": "there", "bbox": [18.5, 47.0, 20.0, 48.0]}]  # no granule on its tiles
    export = {"formats": ["zarr", "stac"]}
    config = ARCHIVE | {"regions": regions, "missing_months": "skip", "export": export}
    made = {file.path for file in planned(tmp_path, config)}
    assert {"results/here/exports/collection.json", "results/here/exports/soil_moisture.zarr"} <= made
    assert not {path for path in made if path.startswith("results/there")}


def test_a_month_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    """It is named at the end with its reason and log, and without the paths of all its granules."""
    archive = uniform_archive(tmp_path / "granules", days=1)
    empty_archive(archive, {TARGET.name: [None]}, "2021-07")
    first, shape = datetime(2021, 7, 1), (LST.pixels, LST.pixels)
    arrays = {"LST_Day_1km": np.full(shape, 15000, np.uint16), "QC_Day": np.zeros(shape, np.uint8)}
    write_tiled_granule(archive / granule_file_name(LST, first, TILE), LST, TILE, first, arrays)
    tables = [f"results/here/{month}/tables/full/granules.parquet" for month in ("2021-07", MONTH)]
    done = snakemake(tmp_path, *tables, config=ARCHIVE | {"months": ["2021-07", MONTH]})
    assert done.code == 1
    assert [(tmp_path / table).exists() for table in tables] == [False, True]
    failed, made = done.output[done.output.index("region  month") :].splitlines()[1:3]
    assert failed.startswith("here    2021-07  failed  granules/")
    log = TARGET_MEAN.replace("composites", "logs/average_target").replace(f"{MONTH}.tif", "2021-07.log")
    assert f"is an empty file, but a granule of {TARGET.name} is HDF5" in failed
    assert failed.endswith(f"({log})")
    assert made == f"here    {MONTH}  done"
    (shown,) = (line for line in done.output.splitlines() if line.startswith("    input: "))
    assert shown.endswith("_Vv8010_001.h5, and 245 more")


@pytest.mark.parametrize("absent", [LST.name, INDEX.name, TARGET.name])
def test_no_granule_of_a_product_ends_before_any_job(tmp_path: Path, absent: str) -> None:
    products = {LST.name: [TILE], INDEX.name: [TILE], TARGET.name: [None]}
    empty_archive(tmp_path / "granules", {name: tiles for name, tiles in products.items() if name != absent})
    sentence = snakemake(tmp_path, config=WITH_INDEX).sentence()
    assert f"holds no granule of {absent} for {MONTH}" in sentence
    assert "archive granules" in sentence
    if absent != TARGET.name:
        assert "on the tiles h24v04 of region here" in sentence
    assert files(tmp_path, "results") == set()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("percent", "it looks like percent: set `points.units` to percent"),
        ("columns", "lack the column soil_moisture"),
        ("swapped", "they look swapped"),
        ("outside", "points lies in region steppe"),
    ],
)
def test_field_points(demo: Path, tmp_path: Path, kind: str, told: str) -> None:
    points = pd.read_csv(demo / "resources/simulated/small-2021/truth" / MONTH / "field_points.csv")
    if kind == "percent":
        points["soil_moisture"] *= 100
    elif kind == "columns":
        points = points.rename(columns={"soil_moisture": "moisture"})
    elif kind == "swapped":
        points = points.rename(columns={"longitude": "latitude", "latitude": "longitude"})
    else:
        points["longitude"] -= 50
    folder = tmp_path / "points"
    link(demo, folder)
    points.to_csv(folder / "points.csv", index=False)

    def times() -> dict[str, int]:
        return {name: (folder / name).stat().st_mtime_ns for name in files(folder, DEMO) if "field" not in name}

    before, config = times(), SMALL | {"field_points": "points.csv"}
    sentence = snakemake(folder, f"{DEMO}/tables/full/field_validation.parquet", config=config).sentence()
    assert told in sentence
    assert "points.csv" in sentence
    assert times() == before


@pytest.mark.parametrize("locked", ["results", f"results/composites/archive/{LST.name}/{TILE}"])
def test_results_cannot_be_written(tmp_path: Path, locked: str) -> None:
    """Snakemake notices the first, the job the second. Root obeys permissions only without its capability not to."""
    prefix = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root writes anywhere, and setpriv is not there to prevent it")
        prefix = ["setpriv", "--bounding-set=-dac_override"]
    temperature(tmp_path / "granules", 1, 300.0)
    empty_archive(tmp_path / "granules", {TARGET.name: [None]})
    kept = tmp_path / locked / "2021-07.tif"
    kept.parent.mkdir(parents=True)
    kept.touch()
    kept.parent.chmod(0o555)
    done = snakemake(tmp_path, COMPOSITE, config=ARCHIVE, prefix=prefix)
    kept.parent.chmod(0o755)
    assert kept.exists()
    assert done.code == 1, done.output
    assert "Traceback" not in done.output, done.output
    assert locked in done.output
    assert "Permission denied" in done.output
    if locked != "results":
        assert "make its folder writable" in done.sentence()
