"""Exports of a whole run: made when asked for, by rules of their own, and opened by who is meant to open them."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray
from cf_conventions import problems
from matplotlib.image import imread
from stac import validate
from workflow_runs import DEMO, MONTH, SMALL, files, link, planned, rules, snakemake, succeed, values

from kilomoist.publishing.dictionary import TABLES
from kilomoist.rasters import read_tags

FORMATS = ["netcdf", "zarr", "stac", "raster", "zones", "points", "png"]
SETTINGS = {
    "crs": "EPSG:32647",
    "resolution": 1000,
    "zones": {"path": "soums.gpkg", "name": "NAME"},
    "points": "wells.csv",
}
EXPORTS = f"{DEMO}/exports"
VECTORS = [f"{EXPORTS}/figures/maps.{suffix}" for suffix in ("svg", "pdf")]
"""One of each of the jobs that draw all figures."""


def config(*formats: str, **settings: Any) -> dict[str, Any]:
    return SMALL | {"export": {"formats": list(formats)} | settings}


@pytest.fixture(scope="module")
def exported(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run to which exports were added: no other rule may run."""
    folder = tmp_path_factory.mktemp("exports") / "run"
    link(demo, folder)
    names = {"NAME": ["Тариат", "Чулуут"]}
    boxes = [shapely.box(98.2, 46.7, 99, 47.5), shapely.box(99, 46.7, 100, 47.5)]
    geopandas.GeoDataFrame(names, geometry=boxes, crs=4326).to_crs(32647).to_file(folder / "soums.gpkg")
    (folder / "wells.csv").write_text("id,longitude,latitude\nB1,99.5,47.2\nB2,12,47\n")
    asked = config(*FORMATS, **SETTINGS)
    assert all(rule.startswith("export_") for rule in rules(planned(folder, asked)))
    succeed(folder, "--", "all", *VECTORS, config=asked, cores=2)
    return folder


def test_exports_are_made_when_they_are_asked_for(demo: Path, exported: Path) -> None:
    assert files(demo, EXPORTS) == set()
    made = files(exported, EXPORTS)
    rasters = {f"{EXPORTS}/raster/{name}.tif" for name in ("soil_moisture", "interval", "quality")}
    names = ("soil_moisture.nc", "item.json", "zones.csv", "zones.geojson", "points.csv", "slide.png")
    drawn = [Path(path).stem for path in files(demo, f"{DEMO}/figures")]
    figures = {f"{EXPORTS}/figures/{name}.{suffix}" for suffix in ("svg", "pdf") for name in drawn}
    assert made == {*(f"{EXPORTS}/{name}" for name in names), *rasters, *figures}
    assert planned(exported, config(*FORMATS, **SETTINGS)) == set()
    assert planned(exported, config("svg")) == set()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"formats": ["zones"]},
            "`export.formats` has zones, but `export.zones` is null: give a vector file of polygons",
        ),
        (
            {"formats": ["raster"], "crs": "UTM"},
            "`export.crs` is UTM, which PROJ does not know: expected a code such as",
        ),
        (
            {"formats": ["points"], "points": "far.csv"},
            "`export.points` far.csv: none of 1 places lies in steppe: give",
        ),
    ],
)
def test_what_a_format_lacks_is_told_before_the_first_job(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    (tmp_path / "far.csv").write_text("id,longitude,latitude\nfar,1,1\n")
    failed = snakemake(tmp_path, config=SMALL | {"export": settings})
    assert failed.sentence().startswith(said)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("name", ["zones", "points"])
def test_the_dictionary_knows_exported_tables(exported: Path, name: str) -> None:
    known, table = TABLES[name], pd.read_csv(exported / EXPORTS / f"{name}.csv")
    assert {known.column(title) for title in table} == set(known.columns)
    assert [title for title in table if title in known.columns] == [title for title in known.columns if title in table]


def test_netcdf_is_what_cf_asks_for(exported: Path, tmp_path: Path) -> None:
    path = exported / EXPORTS / "soil_moisture.nc"
    assert problems(path, tmp_path / "report.json")["high_priorities"] == []
    with xarray.open_dataset(path) as found:
        np.testing.assert_array_equal(found["soil_moisture"][0], values(exported / DEMO / "soil_moisture.tif"))
        assert found.attrs["title"].startswith("SIMULATED")


def test_zarr_opens_in_xarray(exported: Path) -> None:
    with xarray.open_zarr(exported / "results/steppe/exports/soil_moisture.zarr", chunks=None) as found:
        assert found["time"].dt.strftime("%Y-%m").item() == MONTH
        np.testing.assert_array_equal(found["quality"][0], values(exported / DEMO / "quality.tif", "quality"))


def test_stac_finds_every_public_file(exported: Path) -> None:
    collection = validate(exported / "results/steppe/exports/collection.json")
    (item,) = collection.get_items()
    paths = {Path(asset.get_absolute_href()) for asset in item.assets.values()}
    assert all(path.exists() for path in paths)
    named = {path.relative_to(exported / DEMO).as_posix() for path in paths}
    public = {"soil_moisture.tif", "interval.tif", "predictors.tif", "provenance.json", "model.skops"}
    assert public | {"tables/scores.csv", "figures/maps.png", "exports/soil_moisture.nc", "exports/zones.csv"} <= named


def test_zones_and_points_hold_the_map_s_values(exported: Path) -> None:
    table = pd.read_csv(exported / EXPORTS / "zones.csv")
    assert table["zone"].tolist() == ["Тариат", "Чулуут"]
    drawn = geopandas.read_file(exported / EXPORTS / "zones.geojson")
    pd.testing.assert_frame_equal(pd.DataFrame(drawn.drop(columns="geometry"))[list(table)], table, check_dtype=False)
    with rasterio.open(exported / DEMO / "soil_moisture.tif") as file:
        projected = drawn.to_crs(file.crs)
        for zone, expected in zip(projected.geometry, table["soil_moisture"], strict=True):
            inside = rasterio.features.geometry_mask([zone], file.shape, file.transform, invert=True)
            assert np.nanmean(file.read(1)[inside]) == pytest.approx(expected, abs=1e-3)
        (well,) = geopandas.GeoSeries.from_xy([99.5], [47.2], crs=4326).to_crs(file.crs)
        ((value,),) = file.sample([(well.x, well.y)])
    points = pd.read_csv(exported / EXPORTS / "points.csv").set_index("id")
    assert points["soil_moisture"]["B1"] == pytest.approx(value, abs=6e-5)
    assert points["note"]["B2"] == "outside of the mapped region"


def test_a_raster_in_another_crs_says_what_it_is(exported: Path) -> None:
    path = exported / EXPORTS / "raster/soil_moisture.tif"
    with rasterio.open(path) as file:
        assert (file.crs.to_epsg(), file.res) == (32647, (1000, 1000))
    ours, theirs = read_tags(path), read_tags(exported / DEMO / "soil_moisture.tif")
    assert ours.items() >= theirs.items()


def test_a_slide_and_figures_are_pictures(exported: Path, tmp_path: Path) -> None:
    assert imread(exported / EXPORTS / "slide.png").shape[:2] == (1080, 1920)
    svg, pdf = (exported / path for path in VECTORS)
    assert ET.parse(svg).getroot().tag.endswith("svg")  # noqa: S314 - it is our own
    if shutil.which("pdftoppm"):
        subprocess.run(["pdftoppm", "-r", "50", "-png", str(pdf), str(tmp_path / "page")], check=True)
        (page,) = tmp_path.glob("page*.png")
        assert imread(page)[..., :3].std() > 0.02


@pytest.mark.skipif(not shutil.which("gdalinfo"), reason="there is no gdalinfo")
@pytest.mark.parametrize(
    "name",
    [
        f"NETCDF:{EXPORTS}/soil_moisture.nc:soil_moisture",
        'ZARR:"results/steppe/exports/soil_moisture.zarr":/soil_moisture:0',
        f"{EXPORTS}/raster/soil_moisture.tif",
    ],
)
def test_another_gdal_opens_them_where_they_are(exported: Path, name: str) -> None:
    """Debian's, older than that of rasterio's wheel."""
    told = subprocess.run(["gdalinfo", name], cwd=exported, capture_output=True, text=True, check=True).stdout
    assert 'ID["EPSG",32647]' in told if "raster/" in name else 'ID["EPSG",6933]' in told
    assert "NoData Value=nan" in told


@pytest.mark.skipif(not shutil.which("Rscript"), reason="there is no R")
def test_terra_opens_them(exported: Path) -> None:
    mean = np.nanmean(values(exported / DEMO / "soil_moisture.tif").astype(float))
    code = f"""
    if (!requireNamespace("terra", quietly = TRUE)) quit(status = 3)
    library(terra)
    map <- rast("{EXPORTS}/soil_moisture.nc", subds = "soil_moisture")
    cat(crs(map, describe = TRUE)$code, global(map, "mean", na.rm = TRUE)[[1]], as.character(time(map)), "\n")
    stack <- rast('ZARR:"results/steppe/exports/soil_moisture.zarr":/soil_moisture:0')
    cat(crs(stack, describe = TRUE)$code, global(stack, "mean", na.rm = TRUE)[[1]], "\n")
    cat(crs(rast("{EXPORTS}/raster/quality.tif"), describe = TRUE)$code, "\n")
    cat(nrow(vect("{EXPORTS}/zones.geojson")), "\n")
    """
    done = subprocess.run(["Rscript", "-e", code], cwd=exported, capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("R has no terra")
    netcdf, zarr, raster, zones = (line.split() for line in done.stdout.splitlines())
    assert netcdf[0] == zarr[0] == "6933"
    assert [float(netcdf[1]), float(zarr[1])] == pytest.approx([mean, mean], rel=1e-5)
    assert netcdf[2] == f"{MONTH}-01"
    assert (raster, zones) == (["32647"], ["2"])


@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="there is no system Python")
def test_qgis_reads_the_crs(exported: Path) -> None:
    code = """
import sys
from qgis.core import QgsApplication, QgsRasterLayer
application = QgsApplication([], False); application.initQgis()
layer = QgsRasterLayer(sys.argv[1], "map")
print(layer.isValid(), layer.crs().authid(), layer.width())
"""
    probe = ["/usr/bin/python3", "-c", "import qgis.core"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("there is no QGIS")
    name = f"NETCDF:{EXPORTS}/soil_moisture.nc:soil_moisture"
    command = ["env", "-u", "PYTHONPATH", "QT_QPA_PLATFORM=offscreen", "/usr/bin/python3", "-c", code, name]
    told = subprocess.run(command, cwd=exported, capture_output=True, text=True, check=False).stdout
    assert told.split()[:3] == ["True", "EPSG:6933", "297"]
