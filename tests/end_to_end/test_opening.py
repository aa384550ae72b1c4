"""What opens a run: xarray through the library, QGIS, R's terra."""

import json
import pickle
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import rioxarray  # noqa: F401 - gives datasets their `rio`
import xarray
from matplotlib.image import imread
from workflow_runs import DEMO, ROOT, terra_is_there, values

import kilomoist
from kilomoist.errors import InputError
from kilomoist.publishing.styles import FAR, FARTHER
from kilomoist.quality_flags import FLAGS

MOISTURE = "volume_fraction_of_condensed_water_in_soil"
INTERVAL = "lower", "upper", "conditional_lower", "conditional_upper"
QGIS = "/usr/bin/python3"
"""The Python that Debian's QGIS is built for."""
RASTERS = (
    *("soil_moisture", "interval", "quality", "quality_class", "applicability"),
    *("soil_moisture_9km", "target_weight_9km", "predictors"),
)


@pytest.fixture(scope="module")
def run(demo: Path) -> xarray.Dataset:
    return kilomoist.open_run(demo / DEMO)


def test_a_run_holds_its_rasters(demo: Path, run: xarray.Dataset) -> None:
    assert set(run) == {
        *("soil_moisture", *INTERVAL, "dissimilarity", "quality", *FLAGS),
        *("soil_moisture_9km", "target_weight_9km"),
    }
    for name in ("soil_moisture", "soil_moisture_9km"):
        np.testing.assert_array_equal(run[name], values(demo / DEMO / f"{name}.tif"))
    for name in INTERVAL:
        np.testing.assert_array_equal(run[name], values(demo / DEMO / "interval.tif", name))
    flags = values(demo / DEMO / "quality.tif", "quality")
    for name, flag in FLAGS.items():
        assert run[name].dtype == bool
        np.testing.assert_array_equal(run[name], flags & (1 << flag.bit) > 0)
    assert run.no_value.any()
    assert run.water_or_snow.any()


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning:rioxarray")
def test_a_run_says_what_it_is(demo: Path, run: xarray.Dataset) -> None:
    """Names and units as CF has them, and places as the rasters have them."""
    for name in ("soil_moisture", *INTERVAL, "soil_moisture_9km"):
        assert (run[name].attrs["standard_name"], run[name].attrs["units"]) == (MOISTURE, "m3 m-3")
    assert {run[name].attrs["interval"] for name in INTERVAL} == {"0.9"}
    for name, variable in run.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["grid_mapping"] == "spatial_ref", name
    assert run.quality.flag_meanings.split() == list(FLAGS)
    assert run.quality.flag_masks.tolist() == [1 << flag.bit for flag in FLAGS.values()]
    assert run.attrs.items() >= {"source": "simulated", "region": "steppe", "target": "SPL4SMGP.008"}.items()
    assert run.time == np.datetime64("2021-08-01")
    for name, suffix in (("soil_moisture", ""), ("soil_moisture_9km", "_9km")):
        placed = run[name].rename({f"{axis}{suffix}": axis for axis in "xy"} if suffix else {})
        with rasterio.open(demo / DEMO / f"{name}.tif") as file:
            assert placed.rio.crs == file.crs
            np.testing.assert_allclose(placed.rio.transform(), file.transform, rtol=1e-12)
            x, y = file.xy(3, 5)
            longitude, latitude = rasterio.warp.transform(file.crs, "EPSG:4326", [x], [y])
        place = placed[3, 5]
        np.testing.assert_allclose([place.x, place.y], [x, y], rtol=1e-12)
        lon, lat = place[f"lon{suffix}"], place[f"lat{suffix}"]
        np.testing.assert_allclose([lon, lat], [*longitude, *latitude], atol=1e-9)
    assert run.soil_moisture.rio.reproject("EPSG:4326").count() > 0


@pytest.mark.parametrize(
    "part",
    [
        (slice(None, None, -3), slice(5, 100, 7)),
        (slice(20, 3, -2), slice(-9, None)),
        (5, slice(None)),
        (-1, 0),
        (slice(3, 3), slice(None)),
        ([7, 3, 3], slice(None)),
        ([7, 3], [1, 200]),
        (slice(500, 900), slice(None)),
    ],
)
def test_a_part_is_what_it_is_of_the_whole(demo: Path, run: xarray.Dataset, part: tuple) -> None:
    moisture, flags = (values(demo / DEMO / f"{name}.tif", name) for name in ("soil_moisture", "quality"))
    for name, whole in (("soil_moisture", moisture), ("few_observations", flags & 4 > 0)):
        wanted = whole[np.ix_(*part)] if all(isinstance(places, list) for places in part) else whole[part]
        np.testing.assert_array_equal(run[name][part], wanted)


def test_a_run_is_read_when_asked_for(demo: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(demo / DEMO, tmp_path / "run")
    run = kilomoist.open_run(folder)
    kept = pickle.loads(pickle.dumps(run))  # noqa: S301
    (folder / "quality.tif").unlink()
    assert run.soil_moisture.count() > 0  # nothing of flags was needed
    with pytest.raises(InputError, match=r"quality\.tif"):
        kept.frozen.load()


def test_a_run_without_intervals_has_none(demo: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(demo / DEMO, tmp_path / "run")
    (folder / "interval.tif").unlink()
    assert not set(INTERVAL) & set(kilomoist.open_run(str(folder)))


def test_a_run_becomes_netcdf_and_comes_back(run: xarray.Dataset, tmp_path: Path) -> None:
    run.to_netcdf(tmp_path / "run.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "run.nc", engine="h5netcdf") as kept:
        xarray.testing.assert_equal(kept, run)


def test_a_folder_that_is_no_run_is_told(demo: Path, tmp_path: Path) -> None:
    region = demo / Path(DEMO).parent
    for folder, advice in (
        (region, demo / DEMO),
        (demo / "results", demo / DEMO),
        (tmp_path, "results/khangai/2021-08"),
        (tmp_path / "nowhere", "results/khangai/2021-08"),
    ):
        with pytest.raises(InputError) as told:
            kilomoist.open_run(folder)
        assert str(told.value) == (
            f"{folder} is no folder of a run (it has no soil_moisture.tif): open that of a region and month, "
            f"such as {advice}."
        )


def test_a_file_that_is_missing_is_told(demo: Path, tmp_path: Path) -> None:
    shutil.copy2(demo / DEMO / "soil_moisture.tif", tmp_path)
    with pytest.raises(InputError, match=r"applicability\.tif is missing, which every run has: run snakemake again"):
        kilomoist.open_run(tmp_path)


# What files say of themselves


@pytest.mark.parametrize("name", RASTERS)
def test_a_raster_says_what_it_is(demo: Path, name: str) -> None:
    with rasterio.open(demo / DEMO / f"{name}.tif") as file:
        tags, bands = file.tags(), [file.tags(number) for number in file.indexes]
        units, numbers = file.units, file.read()
    assert tags["title"].startswith("SIMULATED: ")
    assert tags["origin"].startswith("SIMULATED: ")
    assert "doi.org" not in tags["references"]
    assert tags["products"].startswith("SIMULATED: SPL4SMGP.008 of 2021-08-01 to 2021-08-31; MOD13A1.061 of ")
    assert tags["software"].startswith(f"kilomoist {kilomoist.__version__} (")
    assert tags["depth"] == "0 to 5 cm"
    if not name.startswith("quality"):  # numbers with units; flags have neither
        assert all(units)
        for said, band in zip(bands, numbers, strict=True):
            finite = band[np.isfinite(band)]
            assert np.float32(said["STATISTICS_MINIMUM"]) == finite.min()
            assert np.float32(said["STATISTICS_MAXIMUM"]) == finite.max()


def test_samples_and_provenance_say_what_they_are(demo: Path) -> None:
    samples = pd.read_parquet(demo / DEMO / "samples.parquet").attrs
    record = json.loads((demo / DEMO / "provenance.json").read_text())
    for said in (samples, record["description"]):
        assert said["title"].startswith("SIMULATED: ")
        assert {"products", "origin", "license", "references", "software", "region", "month"} <= set(said)
    assert record["software"]["kilomoist"] == kilomoist.__version__
    units = {"lon": "degrees_east", "lat": "degrees_north", "target": "m3 m-3", "ndvi": "1", "evi": "1", "lst_day": "K"}
    assert samples["units"] == units


def test_what_lies_between_says_no_more_than_it_did(demo: Path) -> None:
    """Texts that change with a release belong to what people open."""
    for path in [demo / DEMO / "cells.tif", demo / DEMO / "correction.tif", *(demo / DEMO / "blocks").rglob("*.tif")]:
        with rasterio.open(path) as file:
            assert not {"title", "software", "references", "license"} & set(file.tags()), path


# GDAL and QGIS


def test_gdal_knows_the_categories_of_quality(demo: Path) -> None:
    if not shutil.which("gdalinfo"):
        pytest.skip("GDAL's programs are not installed")
    told, merged = (
        json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for command in (
            ["gdalinfo", "-json", str(demo / DEMO / f"{name}.tif")] for name in ("quality", "quality_class")
        )
    )
    table = told["rat"]["row"]
    flags = values(demo / DEMO / "quality.tif", "quality")
    found, counts = np.unique(flags, return_counts=True)
    assert [row["f"][:2] for row in table] == [list(pair) for pair in zip(found.tolist(), counts.tolist(), strict=True)]
    classes = {row["f"][0]: row["f"][2:4] for row in table}
    assert classes[0] == ["no flag", "no flag"]
    assert classes[4] == ["few observations", "few observations"]
    assert classes[8 + 4] == ["water, snow or ice in the pixel", "water, snow or ice in the pixel, few observations"]
    colours = told["bands"][0]["colorTable"]["entries"]
    assert all(row["f"][4:] == colours[row["f"][0]][:3] for row in table)
    numbers = Counter[str]()
    for row in table:
        numbers[row["f"][2]] += row["f"][1]
    assert {row["f"][2]: row["f"][1] for row in merged["rat"]["row"]} == numbers


@pytest.fixture(scope="module")
def layers(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What QGIS shows of a copy of the run's rasters, and the folder of its pictures."""
    there = [QGIS, "-c", "import qgis.core"]
    if not Path(QGIS).exists() or subprocess.run(there, capture_output=True, check=False).returncode:
        pytest.skip("QGIS is not installed")
    folder, pictures = (tmp_path_factory.mktemp(name) for name in ("run", "pictures"))
    for path in (path for name in RASTERS for path in (demo / DEMO).glob(f"{name}.*")):
        shutil.copy2(path, folder)
    command = [QGIS, str(ROOT / "tests/qgis_layers.py"), str(folder), str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    left = {path.name for path in folder.iterdir() if path.suffix == ".xml"}
    assert left == {
        "quality.tif.aux.xml",
        "quality_class.tif.aux.xml",
    }  # QGIS found statistics in the files, and computed none
    return json.loads(done.stdout.splitlines()[-1]), pictures


def test_qgis_opens_every_raster_in_its_style(layers: tuple[dict[str, Any], Path]) -> None:
    told, pictures = layers
    assert set(told) == set(RASTERS)
    for name, layer in told.items():
        assert layer["valid"], name
        assert layer["crs"] == "EPSG:6933", name
        assert layer["renderer"] == ("paletted" if name.startswith("quality") else "singlebandpseudocolor"), name
        assert layer["notes"].startswith("SIMULATED: "), name
        red, green, blue = np.moveaxis(imread(pictures / f"{name}.png")[..., :3], -1, 0)
        coloured = (red != green) | (green != blue)
        assert coloured.mean() > 0.7, name
    moisture = told["soil_moisture"]["legend"]
    assert moisture == ["Band 1: soil_moisture (Gray)", "0.06 m³/m³", "0.24 m³/m³"]
    assert told["soil_moisture_9km"]["legend"] == moisture
    assert told["interval"]["legend"] == ["Band 1: lower (Gray)", *moisture[1:]]
    assert told["target_weight_9km"]["legend"][1:] == ["0.00", "1.00"]


def test_qgis_says_flags_and_applicability_in_words(demo: Path, layers: tuple[dict[str, Any], Path]) -> None:
    told, _ = layers
    _, *said = told["quality"]["legend"]
    pure = ["no flag", "few observations", "cell not reconciled", "outside the training range"]
    pure += ["outside the area of applicability", "water, snow or ice in the pixel", "no value"]
    assert said[:7] == pure
    assert told["quality_class"]["legend"][1:] == pure
    assert all(text.split("; also ")[0] in pure for text in said)
    assert len(set(said)) == len(said) == len(np.unique(values(demo / DEMO / "quality.tif", "quality")))
    inside, nearer, outside, far = told["applicability"]["legend"][1:]
    with rasterio.open(demo / DEMO / "applicability.tif") as file:
        threshold = float(file.tags()["threshold"])
    assert inside.startswith("inside: like the training rows")
    assert f"{threshold:.2g}, the threshold" in nearer
    assert outside.startswith("outside")
    assert far.startswith("far outside")


def test_qgis_draws_the_classes_of_applicability_and_quality(demo: Path, layers: tuple[dict[str, Any], Path]) -> None:
    """Its pictures have a pixel for each of the raster's: colours are those of the file's own values."""
    _, pictures = layers
    drawn = {
        name: np.round(255 * imread(pictures / f"{name}.png")[..., :3]).astype(int)
        for name in ("applicability", "quality", "quality_class")
    }
    with rasterio.open(demo / DEMO / "quality.tif") as file:
        palette = np.array([file.colormap(1)[value][:3] for value in range(256)])
        flags = file.read(1)
    np.testing.assert_array_equal(drawn["quality"], palette[flags])
    np.testing.assert_array_equal(drawn["quality_class"], palette[flags])
    outside = [(drawn["applicability"] == tuple(bytes.fromhex(colour[1:]))).all(-1) for colour in (FAR, FARTHER)]
    np.testing.assert_array_equal(np.any(outside, axis=0), flags & 2 > 0)


# R


def test_terra_opens_every_raster(demo: Path) -> None:
    """Names, coordinate reference system, values, and categories of the flags."""
    if not terra_is_there():
        pytest.skip("R's terra is not installed")
    words = """
    suppressMessages(library(terra))
    for (name in commandArgs(TRUE)) {
      raster <- rast(paste0(name, ".tif"))
      writeLines(c(paste(names(raster), collapse = " "), crs(raster, describe = TRUE)$code))
      middle <- raster[nrow(raster) %/% 2, ncol(raster) %/% 2 - 2]
      writeLines(paste(sapply(middle, as.character), collapse = " "))
    }
    quality <- rast("quality.tif")
    writeLines(paste(cats(quality)[[1]]$Value, cats(quality)[[1]]$Class, cats(quality)[[1]]$Flags, sep = "|"))
    """
    command = ["Rscript", "-e", words, *RASTERS]
    done = subprocess.run(command, cwd=demo / DEMO, capture_output=True, text=True, check=True)
    lines = iter(done.stdout.splitlines())
    for name in RASTERS:
        with rasterio.open(demo / DEMO / f"{name}.tif") as file:
            row, column = file.height // 2 - 1, file.width // 2 - 3
            expected = file.read()[:, row, column]
            bands = list(file.descriptions)
        assert next(lines).split() == (["Class"] if name.startswith("quality") else bands)
        assert next(lines) == "6933"
        read = next(lines)
        if name.startswith("quality"):
            assert read == "no flag"
            assert expected == 0
        else:
            np.testing.assert_allclose([float(text) for text in read.split()], expected, rtol=1e-5)
    table = [line.split("|") for line in lines]
    assert ["12", "water, snow or ice in the pixel", "water, snow or ice in the pixel, few observations"] in table
    assert [int(value) for value, *_ in table] == np.unique(values(demo / DEMO / "quality.tif", "quality")).tolist()
