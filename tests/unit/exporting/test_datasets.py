"""A run as netCDF and Zarr: what the CF checker, xarray and GDAL make of them."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401 - gives datasets their `rio`
import xarray
from cf_conventions import problems
from rasterio.crs import CRS
from small_region import places
from small_runs import ACROSS, CELLS, flags, moisture, write_run

from kilomoist.exporting.datasets import write_netcdf, write_zarr
from kilomoist.grids import M01
from kilomoist.quality_flags import FLAGS

MONTHS = ("2020-12", "2021-01", "2021-08")
MAPS = ("soil_moisture", "lower", "upper", "conditional_lower", "conditional_upper", "dissimilarity", "quality")
EVERY = {*MAPS, "soil_moisture_9km", "target_weight_9km"}


@pytest.fixture(scope="module")
def netcdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_netcdf(folder / "run.nc", write_run(folder))
    return folder / "run.nc"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("months")
    write_zarr(folder / "months.zarr", [write_run(folder / month, month) for month in MONTHS])
    return folder / "months.zarr"


def test_the_cf_checker_finds_no_error(netcdf: Path, tmp_path: Path) -> None:
    found = problems(netcdf, tmp_path / "report.json")
    assert found["high_priorities"] == []
    # Which is said of every scalar coordinate that has bounds, as CF 7.1 asks for.
    (other,) = found["medium_priorities"] + found["low_priorities"]
    assert other.startswith("Boundary variable depth_bnds specified by depth")


def test_the_cf_checker_finds_errors(netcdf: Path, tmp_path: Path) -> None:
    """It is not silent because it does not look."""
    broken = tmp_path / "broken.nc"
    broken.write_bytes(netcdf.read_bytes())
    with h5py.File(broken, "r+") as file:
        file["soil_moisture"].attrs["standard_name"] = "wetness"
        file["lower"].attrs["units"] = "kg"
    said = "\n".join(problems(broken, tmp_path / "report.json")["high_priorities"])
    assert "standard_name wetness is not defined" in said
    assert "kg" in said


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning:rioxarray")
def test_xarray_reads_values_crs_and_bounds(netcdf: Path) -> None:
    with xarray.open_dataset(netcdf, decode_coords="all") as found:
        assert set(found) == EVERY
        assert found["soil_moisture"].dims == ("time", "y", "x")
        np.testing.assert_array_equal(found["soil_moisture"][0], moisture())
        np.testing.assert_array_equal(found["quality"][0], flags())
        assert found["quality"].dtype == np.uint8
        cells = found["soil_moisture_9km"][0].values
        np.testing.assert_array_equal(cells, np.kron(cells[4::9, 4::9], np.ones((9, 9), np.float32)))
        assert found["time"].values == [np.datetime64("2021-08-01")]
        assert found["time_bnds"].values.tolist() == [
            [np.datetime64(day, "ns").astype(int) for day in ("2021-08-01", "2021-09-01")]
        ]
        assert found["depth_bnds"].values.tolist() == [0, 0.05]
        assert found["depth"] == 0.025
        assert found.rio.crs == CRS.from_epsg(6933)
        np.testing.assert_allclose(found.rio.transform()[:6], M01.transform(CELLS.refined(9)), rtol=1e-12)
        said = found["soil_moisture"].attrs
        assert (said["standard_name"], said["units"]) == ("volume_fraction_of_condensed_water_in_soil", "m3 m-3")
        assert said["cell_methods"] == "area: mean depth: mean time: mean"
        assert set(said["ancillary_variables"].split()) == EVERY - {"soil_moisture"}
        flagged = dict(zip(found["quality"].flag_meanings.split(), found["quality"].flag_masks, strict=True))
        assert flagged == {name: 1 << flag.bit for name, flag in FLAGS.items()}
        assert found.attrs["Conventions"] == "CF-1.11"
        assert {"title", "institution", "source", "history", "references", "license"} <= found.attrs.keys()
        assert "10.5067/MODIS/MOD11A1.061" in found.attrs["references"]
        assert found["lat"].values[0, 0] == pytest.approx(places(CELLS)[1][0, 0], abs=1e-6)


def test_gdal_reads_the_crs_of_netcdf(netcdf: Path) -> None:
    with rasterio.open(f"netcdf:{netcdf}:soil_moisture") as file:
        assert file.crs == CRS.from_epsg(6933)
        np.testing.assert_allclose(file.transform[:6], M01.transform(CELLS.refined(9)), rtol=1e-9)
        np.testing.assert_array_equal(file.read(1), moisture())


def test_nothing_tells_when_it_was_made(netcdf: Path, tmp_path: Path) -> None:
    write_netcdf(tmp_path / "again.nc", write_run(tmp_path))
    assert (tmp_path / "again.nc").read_bytes() == netcdf.read_bytes()


def test_what_is_simulated_says_so(tmp_path: Path) -> None:
    write_netcdf(tmp_path / "run.nc", write_run(tmp_path, source="simulated"))
    with xarray.open_dataset(tmp_path / "run.nc") as found:
        assert "simulated" in found.attrs["title"].lower()
        assert "simulated" in found.attrs["source"].lower()


def test_a_run_without_intervals(tmp_path: Path) -> None:
    (write_run(tmp_path) / "interval.tif").unlink()
    write_netcdf(tmp_path / "run.nc", tmp_path)
    with xarray.open_dataset(tmp_path / "run.nc") as found:
        assert set(found) - {"crs", "time_bnds", "depth_bnds"} == EVERY - set(MAPS[1:5])
        assert "lower" not in found["soil_moisture"].attrs["ancillary_variables"]


def test_a_run_across_180_degrees(tmp_path: Path) -> None:
    write_netcdf(tmp_path / "run.nc", write_run(tmp_path, cells=ACROSS))
    assert problems(tmp_path / "run.nc", tmp_path / "report.json")["high_priorities"] == []
    with xarray.open_dataset(tmp_path / "run.nc") as found:
        assert found["crs"].attrs["longitude_of_central_meridian"] == 180
        assert set(np.sign(found["lon"].values[0])) == {1, -1}


# Zarr


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning:rioxarray")
def test_xarray_reads_the_months_of_a_store(store: Path) -> None:
    with xarray.open_zarr(store, chunks=None, consolidated=True, decode_coords="all") as found:
        assert set(found) == EVERY
        assert found["time"].values.astype("datetime64[M]").astype(str).tolist() == list(MONTHS)
        assert (
            np.diff(found["time_bnds"].values.astype("datetime64[D]"), axis=1).ravel().astype(int).tolist() == [31] * 3
        )
        for number, month in enumerate(MONTHS):
            np.testing.assert_array_equal(found["soil_moisture"][number], moisture(month=month))
        assert found.rio.crs == CRS.from_epsg(6933)
        assert found.attrs.items() >= {"region": "plain", "Conventions": "CF-1.11"}.items()
        assert "month" not in found.attrs
        assert "threshold" not in found["dissimilarity"].attrs


def test_gdal_reads_a_store(store: Path) -> None:
    with rasterio.open(f'ZARR:"{store}":/soil_moisture:2') as file:
        assert file.crs == CRS.from_epsg(6933)
        np.testing.assert_array_equal(file.read(1), moisture(month=MONTHS[2]))


def test_a_store_is_whole_or_not_there(tmp_path: Path) -> None:
    """And takes the place of an older one; its bytes do not tell when it was made."""
    folder = write_run(tmp_path / "run")
    write_zarr(tmp_path / "run.zarr", [folder])
    first = contents(tmp_path / "run.zarr")
    (tmp_path / "run.zarr/left").touch()
    with pytest.raises(Exception, match=r"soil_moisture\.tif"):
        write_zarr(tmp_path / "run.zarr", [folder, tmp_path / "absent"])
    assert contents(tmp_path / "run.zarr") == first | {"left": b""}
    write_zarr(tmp_path / "run.zarr", [folder])
    assert contents(tmp_path / "run.zarr") == first
    assert list(tmp_path.glob(".partial-*")) == []


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
