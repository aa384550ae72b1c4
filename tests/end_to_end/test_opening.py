"""What opens a run: xarray through the library, QGIS, R's terra."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401 - gives datasets their `rio`
import xarray
from workflow_runs import DEMO, values

import kilomoist
from kilomoist.errors import InputError
from kilomoist.quality_flags import FLAGS

MOISTURE = "volume_fraction_of_condensed_water_in_soil"
INTERVAL = "lower", "upper", "conditional_lower", "conditional_upper"


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
    assert run.soil_moisture.rio.reproject("EPSG:4326").notnull().any()


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
    assert run.soil_moisture.notnull().any()  # nothing of flags was needed
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
