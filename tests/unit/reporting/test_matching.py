"""Other people's maps at field points: how they are packed, named and placed, and what is refused."""

import re
import socket
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import h5py
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from rasterio.shutil import copy
from rasterio.transform import Affine, from_origin
from witnesses import SHARED, with_witnesses

from kilomoist.errors import InputError
from kilomoist.reporting.matching import ComparedMap, check_raster, match_points, read_at
from kilomoist.user_rasters import opened_raster


def at(longitude: Any, latitude: Any) -> pd.DataFrame:
    return pd.DataFrame({"longitude": np.asarray(longitude, float), "latitude": np.asarray(latitude, float)})


def written(path: Path, values: np.ndarray, place: Affine, crs: str = "EPSG:4326", **profile: Any) -> Path:
    shape = {"count": 1, "height": values.shape[0], "width": values.shape[1], "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", transform=place, crs=crs, **shape, **profile) as file:
        file.write(values, 1)
    return path


def packed(path: Path, stored: Any, scale: float = 1, offset: float = 0, unit: str = "") -> Path:
    """A raster of 0.1° whose corner is at 99° E and 48° N."""
    written(path, np.array([[stored, stored]]), from_origin(99, 48, 0.1, 0.1))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (scale,), (offset,)
        if unit:
            file.units = (unit,)
    return path


def matched(path: Path, **how: Any) -> float:
    """A map's value at one point, beside itself."""
    points = at([99.05], [47.95]).assign(id="a", soil_moisture=0.2, measurements=1)
    own = written(path.with_name("own.tif"), np.full((1, 1), 0.25), from_origin(98, 49, 2, 2))
    maps = {"fine": ComparedMap(own), "NASA": ComparedMap(path, name="NASA", **how)}
    return match_points(points, maps, "p.csv")[0]["NASA"][0]


# Scale and offset


@with_witnesses
@pytest.mark.parametrize(("name", "expected"), [("off", 0.21), ("era", 0.21), ("i", 0.21), ("z", 0.0)])
def test_specimens_of_packed_maps(name: str, expected: float) -> None:
    """By the file's own scale and offset; where these are, soil moisture goes from 0.21 to 0.24."""
    path = SHARED / f"files/compare/{name}.tif"
    found = read_at(path, at([99.05, 99.15, 99.05, 99.15], [47.95, 47.95, 47.85, 47.85]))
    assert found[0] == pytest.approx(expected, abs=1e-4)
    if name in ("off", "era"):
        assert found == pytest.approx([0.21, 0.22, 0.23, 0.24], abs=1e-4)


def test_keys_take_the_place_of_scale_and_offset(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tif", np.int16(11000), 1e-5, 0.1)
    assert matched(path) == pytest.approx(0.21)
    assert matched(path, scale=2e-5) == pytest.approx(0.32)
    assert matched(path, offset=0.0) == pytest.approx(0.11)
    assert matched(path, scale=2e-5, offset=0.05) == pytest.approx(0.27)


def test_numbers_of_a_file_without_scale_are_as_they_are_stored(tmp_path: Path) -> None:
    value = np.float32(0.1234567)
    path = packed(tmp_path / "a.tif", value)
    assert read_at(path, at([99.05], [47.95]))[0] == float(value)


@pytest.mark.parametrize(
    ("stored", "file", "how", "told"),
    [
        (np.float32(25), {"unit": "%"}, {}, "goes from 25 to 25 .* correct `scale` \\(0.01 from percent\\).* unit %"),
        (np.int16(-4000), {"scale": 1e-4}, {}, "goes from -0.4 .* and `offset`: the stored numbers go from -4000 to"),
        (np.int16(11000), {"scale": 1e-5, "offset": 0.1}, {"scale": 1.0}, "own scale is 1e-05, its offset 0.1"),
        (np.int16(-9999), {}, {"scale": 0.01}, "declare its fill value as nodata .* holds -9999 but says no nodata"),
        (np.float32(1e20), {}, {}, "declare its fill value as nodata .* holds 1e\\+20 but says no nodata value"),
        (np.float32(-3.4e38), {}, {}, "declare its fill value as nodata"),
    ],
)
def test_advice_for_values_that_are_no_soil_moisture(
    tmp_path: Path, stored: Any, file: dict[str, Any], how: dict[str, Any], told: str
) -> None:
    path = packed(tmp_path / "a.tif", stored, **file)
    with pytest.raises(InputError, match=rf"`compare`: NASA \(.*a.tif, band 1\) {told}|.*{told}"):
        matched(path, **how)


# Variables and times of netCDF and HDF5


def netcdf(path: Path, names: str, times: int = 0) -> Path:
    """Variables of 1 + their place + 10 · time, on longitudes and latitudes, as xarray writes them."""
    axes = (*(["time"] if times else []), "lat", "lon")
    values = np.ones((3, 4)) + 10.0 * np.arange(times)[:, None, None] if times else np.ones((3, 4))
    variables = {name: (axes, values + place) for place, name in enumerate(names)}
    data = xr.Dataset(variables, {"lat": 47.95 - 0.1 * np.arange(3), "lon": 99.05 + 0.1 * np.arange(4)})
    data["lat"].attrs["units"], data["lon"].attrs["units"] = "degrees_north", "degrees_east"
    data.to_netcdf(path, engine="scipy")
    return path


def test_variables_and_times(tmp_path: Path) -> None:
    path, point = netcdf(tmp_path / "a map.nc", "xyz", 3), at([99.15], [47.86])
    for variable, band, expected in (("x", 1, 1), ("y", 3, 22), ("z", 2, 13)):
        check_raster(path, band, variable)
        assert read_at(path, point, band, variable=variable) == expected
    for keys, told in (
        ((None, None), "has the variables x, y, z: give one of them as `variable`."),
        ((1, "w"), "has the variables x, y, z: w is none of them."),
        ((None, "y"), "has 3 bands where one is expected: say which by `band`, 1 to 3."),
    ):
        with pytest.raises(InputError) as caught:
            check_raster(path, *keys)
        assert str(caught.value) == f"{path} {told}"
    assert read_at(netcdf(tmp_path / "b.nc", "x"), point, None) == 1


# Where they lie


def test_a_rotated_map(tmp_path: Path) -> None:
    place = Affine.translation(99, 47) @ Affine.rotation(25) @ Affine.scale(0.01, -0.01)
    values = np.arange(10000.0).reshape(100, 100)
    x, y = place @ (np.array([3.5, 77.5, 99.9]), np.array([50.5, 2.5, 99.9]))
    found = read_at(written(tmp_path / "a.tif", values, place), at(x, y))
    np.testing.assert_array_equal(found, [5003, 277, 9999])


def test_a_map_across_180_counted_on_from_there(tmp_path: Path) -> None:
    values = np.arange(40.0)[None]
    path = written(tmp_path / "a.tif", values, from_origin(178, -16, 0.1, 0.1))
    np.testing.assert_array_equal(read_at(path, at([179.95, -179.95, -178.05, 0], [-16.05] * 4)), [19, 20, 39, np.nan])


@with_witnesses
@pytest.mark.parametrize("path", sorted((SHARED / "faults/exceptions").glob("compare--*")), ids=lambda path: path.name)
def test_specimens_of_damaged_maps(path: Path) -> None:
    for read in (check_raster, lambda path: read_at(path, at([99.05], [47.95]))):
        with pytest.raises(InputError):
            read(path)


@pytest.mark.filterwarnings("ignore")
@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_maps_are_read_or_refused(tmp_path: Path, data: Any) -> None:
    path, whole = tmp_path / "a.tif", tmp_path / "whole.tif"
    if not whole.exists():
        written(whole, np.ones((3, 4), np.float32), from_origin(99, 48, 0.1, 0.1))
    path.write_bytes(data.draw(mutated(whole.read_bytes())))
    reads_or_refuses(lambda: check_raster(path))
    reads_or_refuses(lambda: read_at(path, at([99.05], [47.95])))


@pytest.mark.parametrize("place", [12, 52])
def test_a_file_that_ends_gdal_is_refused(tmp_path: Path, place: int) -> None:
    """A classic netCDF that counts its dimensions or variables in billions: GDAL 3.10 dies of it, and Python too."""
    path = tmp_path / "a.nc"
    axes = {"lat": [3.0, 2.0, 1.0], "lon": [99.0, 100.0, 101.0, 102.0]}
    units = {"lat": "degrees_north", "lon": "degrees_east"}
    coordinates = {name: (name, values, {"units": units[name]}) for name, values in axes.items()}
    xr.Dataset({"sm": (("lat", "lon"), np.ones((3, 4), "f4"))}, coordinates).to_netcdf(path, engine="scipy")
    assert read_at(path, at([99.0], [3.0])).tolist() == [1.0]
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + b"\x7f" + whole[place + 1 :])
    with pytest.raises(InputError, match=r"a\.nc (is a damaged netCDF or HDF5 file|cannot be read as a raster)"):
        check_raster(path)


def test_an_hdf5_file_that_ends_gdal_is_refused(tmp_path: Path) -> None:
    """Its heap of names ends beyond the file: GDAL 3.10's library dies of it."""
    path = tmp_path / "a.nc"
    with h5py.File(path, "w") as file:
        axes = {"lat": 50 - np.arange(50) * 0.1, "lon": 97 + np.arange(60) * 0.1}
        for name, values in axes.items():
            file.create_dataset(name, data=values)
        for name in axes:
            file[name].make_scale(name)
        file["lat"].attrs["units"], file["lon"].attrs["units"] = "degrees_north", "degrees_east"
        stored = file.create_dataset("sm", data=np.ones((50, 60), "f4"), chunks=(10, 10), compression="gzip")
        for number, name in enumerate(axes):
            stored.dims[number].attach_scale(file[name])
    check_raster(path, None, "sm")
    whole = path.read_bytes()
    path.write_bytes(whole[:2985] + b"\x82" + whole[2986:])
    with pytest.raises(InputError, match=r"a\.nc (is a damaged netCDF or HDF5 file|cannot be read as a raster)"):
        check_raster(path, None, "sm")


@pytest.mark.parametrize(
    "source", ["/vsicurl/http://{}/a.tif", "http://{}/a.tif", "/vsis3/bucket/a.tif", "<GDAL_WMS></GDAL_WMS>"]
)
def test_files_that_refer_to_a_network_are_refused(tmp_path: Path, source: str) -> None:
    base = written(tmp_path / "base.tif", np.ones((3, 4), np.float32), from_origin(99, 48, 0.1, 0.1))
    copy(base, tmp_path / "a.vrt", driver="VRT")
    assert read_at(tmp_path / "a.vrt", at([99.05], [47.95])).tolist() == [1]
    local = (tmp_path / "a.vrt").read_text()
    (tmp_path / "a.vrt").write_text(re.sub(r">[^<>]*base\.tif<", f">{escape(source)}<", local))
    with pytest.raises(InputError, match=r"a\.vrt refers to a network \(.*\): fetch what it stands for"):
        read_at(tmp_path / "a.vrt", at([99.05], [47.95]))


def test_nothing_is_fetched_for_a_file_that_refers_to_such_a_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        base = written(tmp_path / "base.tif", np.ones((3, 4), np.float32), from_origin(99, 48, 0.1, 0.1))
        copy(base, tmp_path / "inner.vrt", driver="VRT")
        local = (tmp_path / "inner.vrt").read_text()
        (tmp_path / "a.vrt").write_text(local.replace("base.tif", "inner.vrt"))
        assert read_at(tmp_path / "a.vrt", at([99.05], [47.95])).tolist() == [1]
        far = f'relativeToVRT="0">/vsicurl/http://127.0.0.1:{server.getsockname()[1]}/a.tif<'
        (tmp_path / "inner.vrt").write_text(re.sub(r'relativeToVRT="1">[^<>]*base\.tif<', far, local))
        with pytest.raises(InputError, match="cannot be read as a raster"):
            read_at(tmp_path / "a.vrt", at([99.05], [47.95]))
        with pytest.raises(TimeoutError):
            server.accept()


def test_blocks_that_fill_the_memory_are_refused(tmp_path: Path) -> None:
    """A file of a few hundred bytes."""
    path, side = tmp_path / "a.tif", 2**14
    blocks = {"tiled": True, "blockxsize": side, "blockysize": side, "SPARSE_OK": "TRUE"}
    shape = {"height": side, "width": side, "count": 1, "dtype": "uint8", "transform": from_origin(99, 48, 1e-5, 1e-5)}
    with rasterio.open(path, "w", driver="GTiff", crs="EPSG:4326", **shape, **blocks):
        pass
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match="has blocks of 16,384 × 16,384 pixels, 268 MB each, expected at most 256 MB"):
        check_raster(path)


def test_more_than_is_read_at_once_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", np.ones((3, 4), np.float32), from_origin(99, 48, 0.1, 0.1))
    with (
        opened_raster(path, "a.tif") as raster,
        pytest.raises(InputError, match="has more than 30 million pixels in a"),
    ):
        raster.read(0, 10_000, 0, 10_000)


@pytest.mark.parametrize("raised", [MemoryError("no room"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")])
def test_whatever_gdal_raises_is_told(tmp_path: Path, raised: Exception) -> None:
    path = written(tmp_path / "a.tif", np.ones((3, 4), np.float32), from_origin(99, 48, 0.1, 0.1))
    with pytest.raises(InputError, match=r"a\.tif cannot be read as a raster"), opened_raster(path, "a.tif"):
        raise raised
