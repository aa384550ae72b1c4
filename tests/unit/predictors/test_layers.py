"""Layers of the user's on the 1 km pixels, against weights from pyproj and shapely; slopes of planes on the ground."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_origin
from witnesses import SHARED, with_witnesses

from kilomoist.errors import InputError
from kilomoist.grids import EASE_CRS, M01, Window, cells_covering, latitude_edges, longitude_edges
from kilomoist.predictors.layers import StaticLayer, check_layer, stack_layers, terrain, warp_layer
from kilomoist.regions import region_area
from kilomoist.user_rasters import LIMITS, NINES, undeclared_fill

BOX = (98.5, 47.0, 99.1, 47.4)
CELLS = cells_covering(BOX)
PIXELS = CELLS.refined(9)
LONGITUDE = longitude_edges(PIXELS)[:-1] + np.diff(longitude_edges(PIXELS)) / 2
"""Of the pixels' centres."""
AROUND = (98.0, 46.5, 99.6, 47.9)
"""West, south, east, north of rasters with room around the box."""


def raster(
    path: Path,
    value: Callable[[NDArray, NDArray], NDArray],
    *,
    crs: str | None = "EPSG:4326",
    bounds: tuple[float, float, float, float] = AROUND,
    side: float = 1 / 120,
    bands: int = 1,
    dtype: str = "float32",
    **profile: Any,
) -> StaticLayer:
    """A raster of a function of its own coordinates, at the centres of its pixels."""
    west, south, east, north = bounds
    rows, columns = round((north - south) / side), round((east - west) / side)
    x, y = west + side * (np.arange(columns) + 0.5), north - side * (np.arange(rows) + 0.5)
    values = value(*np.meshgrid(x, y)).astype(dtype)
    shape = {"count": bands, "height": rows, "width": columns, "dtype": dtype}
    with rasterio.open(
        path, "w", driver="GTiff", crs=crs, transform=from_origin(west, north, side, side), **shape, **profile
    ) as file:
        for band in range(1, bands + 1):
            file.write(values, band)
    return StaticLayer("elevation", path, "average")


def on_pixels(layer: StaticLayer, cells: Window = CELLS, use: str = "elevation") -> NDArray[np.float32]:
    return stack_layers([layer], [use], cells, cells)[use]


def overlaps(edges: NDArray, start: float, side: float, count: int) -> NDArray[np.float64]:
    """Length of what intervals between `edges` share with each of `count` intervals of a length, (edges - 1, count)."""
    low, high = np.sort([edges[:-1], edges[1:]], axis=0)[:, :, None]
    left = start + side * np.arange(count)
    return np.clip(np.minimum(high, left + side) - np.maximum(low, left), 0, None)


@pytest.mark.parametrize("side", [1 / 120, 1 / 333, 0.0091])
def test_a_finer_raster_is_averaged_by_area(tmp_path: Path, side: float) -> None:
    random = np.random.default_rng(1)
    layer = raster(tmp_path / "a.tif", lambda x, _: random.normal(size=x.shape), side=side)
    with rasterio.open(layer.path) as file:
        values = file.read(1).astype(float)
    # A pixel of EASE-Grid 2.0 is a range of longitudes and of latitudes.
    along = overlaps(longitude_edges(PIXELS), AROUND[0], side, values.shape[1])
    down = overlaps(-latitude_edges(PIXELS), -AROUND[3], side, values.shape[0])
    expected = down @ values @ along.T / (down.sum(axis=1)[:, None] * along.sum(axis=1))
    np.testing.assert_allclose(on_pixels(layer), expected, atol=1e-5)


def test_a_raster_in_utm_is_averaged_over_the_pixels_polygons(tmp_path: Path) -> None:
    """To within what the grid's turn by half a degree makes of the box around a pixel."""
    utm = {"crs": "EPSG:32647", "bounds": (440000, 5180000, 520000, 5270000), "side": 100}
    layer = raster(tmp_path / "a.tif", lambda x, y: 1000 + 300 * np.sin(x / 1500) * np.cos(y / 2000), **utm)
    found = on_pixels(layer)
    to_utm = Transformer.from_crs(EASE_CRS, "EPSG:32647", always_xy=True)
    with rasterio.open(layer.path) as file:
        values, place = file.read(1).astype(float), file.transform
    for row, column in ((3, 4), (20, 30), (35, 50)):
        (left, right), (top, bottom) = M01.x_edges(PIXELS)[column : column + 2], M01.y_edges(PIXELS)[row : row + 2]
        x, y = to_utm.transform([left, right, right, left], [top, top, bottom, bottom])
        polygon = shapely.Polygon(np.column_stack([x, y]))
        west, south, east, north = polygon.bounds
        first, last = int((place.f - north) // 100), int((place.f - south) // 100)
        start, end = int((west - place.c) // 100), int((east - place.c) // 100)
        rows, columns = np.mgrid[first : last + 1, start : end + 1]
        squares = shapely.box(
            place.c + 100 * columns, place.f - 100 * (rows + 1), place.c + 100 * (columns + 1), place.f - 100 * rows
        )
        weights = shapely.area(shapely.intersection(squares, polygon))
        expected = (weights * values[rows, columns]).sum() / weights.sum()
        assert found[row, column] == pytest.approx(expected, abs=1)


def test_a_coarser_raster_is_interpolated(tmp_path: Path) -> None:
    layer = raster(tmp_path / "a.tif", lambda x, y: 10 * x - 7 * y, side=0.1)
    latitude = latitude_edges(PIXELS)[:-1] + np.diff(latitude_edges(PIXELS)) / 2
    np.testing.assert_allclose(on_pixels(layer), 10 * LONGITUDE - 7 * latitude[:, None], atol=2e-3)


def test_scale_and_offset_of_the_file_count(tmp_path: Path) -> None:
    layer = raster(tmp_path / "a.tif", lambda x, _: np.full(x.shape, 120), dtype="int16")
    with rasterio.open(layer.path, "r+") as file:
        file.scales, file.offsets = (10.0,), (5.0,)
    assert (on_pixels(layer) == 1205).all()


def test_classes_are_those_that_cover_most(tmp_path: Path) -> None:
    """Of stripes along meridians, two of class 7 and one of class 200, in rasters finer than a pixel."""
    classes = {"side": 1 / 480, "dtype": "uint8"}
    stripes = raster(tmp_path / "a.tif", lambda x, _: np.where(np.round(x * 480 - 0.5) % 3 == 0, 200, 7), **classes)
    layer = StaticLayer("soil", stripes.path, "mode")
    assert (on_pixels(layer, use="soil") == 7).all()
    # A mean would be of no class.
    averaged = on_pixels(stripes)
    assert 20 < averaged.min() <= averaged.max() < 180


@pytest.mark.parametrize("resampling", ["average", "mode"])
@pytest.mark.parametrize("side", [1 / 240, 0.1])
def test_a_pixel_of_which_more_than_half_is_missing_has_no_value(tmp_path: Path, resampling: Any, side: float) -> None:
    border = 98.8  # an edge of source pixels of both sizes
    made = raster(tmp_path / "a.tif", lambda x, _: np.where(x < border, -1, 3), nodata=-1, side=side)
    layer = StaticLayer("soil", made.path, resampling)
    found = on_pixels(layer, use="soil")
    assert (found[:, border + 1e-3 < LONGITUDE] == 3).all()
    assert np.isnan(found[:, border - 1e-3 > LONGITUDE]).all()


def test_blocks_agree_with_the_whole(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    utm = {"crs": "EPSG:32647", "bounds": (400000, 5150000, 560000, 5300000), "side": 90}
    layer = raster(tmp_path / "a.tif", lambda x, _: random.normal(1000, 50, x.shape), **utm)
    use = ["elevation", "slope", "northness", "eastness"]
    whole = stack_layers([layer], use, CELLS, CELLS)
    cut = CELLS.columns // 2
    left = Window(CELLS.row, CELLS.column, CELLS.rows, cut)
    right = Window(CELLS.row, CELLS.column + cut, CELLS.rows, CELLS.columns - cut)
    for name in use:
        parts = [stack_layers([layer], use, part, CELLS)[name] for part in (left, right)]
        assert np.hstack(parts).tobytes() == whole[name].tobytes(), name


def test_across_180_degrees(tmp_path: Path) -> None:
    """A raster of the globe, and one in UTM zone 1, which goes on beyond 180°."""
    cells = cells_covering((179.8, -17.2, 180.3, -16.8))
    globe = raster(
        tmp_path / "a.tif", lambda x, y: np.abs(x) + y, bounds=(-180, -20, 180, -10), side=0.05, dtype="float64"
    )
    found = on_pixels(globe, cells)
    to_degrees = Transformer.from_crs(EASE_CRS, "EPSG:4326", always_xy=True)
    pixels = cells.refined(9)
    x = M01.x_centres(pixels)
    x = np.where(x > -M01.left, x + 2 * M01.left, x)
    longitude, latitude = to_degrees.transform(*np.meshgrid(x, M01.y_centres(pixels)))
    # Interpolation does not see the other side.
    clear = np.abs(longitude) < 179.97
    np.testing.assert_allclose(found[clear], (np.abs(longitude) + latitude)[clear], atol=2e-3)
    assert np.isfinite(found).all()
    utm = raster(
        tmp_path / "b.tif", lambda x, y: x + 0.5 * y, crs="EPSG:32701", bounds=(100000, 8.05e6, 300000, 8.2e6), side=200
    )
    check_layer(utm, "taveuni", region_area((179.8, -17.2, -179.7, -16.8), None))
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32701", always_xy=True).transform(longitude, latitude)
    np.testing.assert_allclose(on_pixels(utm, cells), x + 0.5 * y, atol=30)


# Terrain


@pytest.mark.parametrize(("east", "north"), [(0.1, 0.0), (0.0, -0.2), (-0.05, 0.3)])
def test_slope_of_a_plane_on_the_ground_at_47_north(east: float, north: float) -> None:
    """Distances by pyproj's geodesics: a pixel there is 0.79 km wide and 1.27 km high."""
    window = PIXELS
    around = Window(window.row - 1, window.column - 1, window.rows + 2, window.columns + 2)
    longitude, latitude = Transformer.from_crs(EASE_CRS, "EPSG:4326", always_xy=True).transform(
        *np.meshgrid(M01.x_centres(around), M01.y_centres(around))
    )
    geod = Geod(ellps="WGS84")
    middle = around.rows // 2
    _, _, width = geod.inv(longitude[middle, 0], latitude[middle, 0], longitude[middle, 1], latitude[middle, 1])
    from_middle = np.full(around.rows, longitude[0, 0]), np.full(around.rows, latitude[middle, 0])
    _, _, height = geod.inv(*from_middle, longitude[:, 0], latitude[:, 0])
    assert 780 < width < 800
    northward = np.sign(latitude[:, 0] - latitude[middle, 0]) * height
    plane = 1000 + east * width * np.arange(around.columns) + north * northward[:, None]
    found = terrain(plane, window)
    steep, row = np.hypot(east, north), middle - 1
    np.testing.assert_allclose(found["slope"][row], np.degrees(np.arctan(steep)), rtol=1e-4)
    for name, part in (("northness", north), ("eastness", east)):
        np.testing.assert_allclose(found[name][row], -part / np.hypot(1, steep), rtol=1e-4, atol=1e-4)
    # Along the edge of what is known the plane goes on.
    plane[0], plane[:, 0] = np.nan, np.nan
    np.testing.assert_allclose(terrain(plane, window)["slope"][row], found["slope"][row], rtol=1e-4)


def test_flat_ground_faces_nowhere_and_what_is_unknown_has_no_slope() -> None:
    window = Window(PIXELS.row, PIXELS.column, 3, 3)
    flat = np.full((5, 5), 700.0)
    flat[3, 3] = np.nan
    found = terrain(flat, window)
    assert np.isnan(found["slope"][2, 2])
    zeros = {name: np.count_nonzero(band == 0) for name, band in found.items()}
    assert zeros == {"slope": 8, "northness": 8, "eastness": 8}


def test_slope_follows_the_layer(tmp_path: Path) -> None:
    """A valley along a meridian: both flanks are as steep, and face each other."""
    layer = raster(tmp_path / "a.tif", lambda x, _: 20000 * np.abs(x - 98.8), side=1 / 1200)
    bands = stack_layers([layer], ["slope", "elevation", "eastness"], CELLS, CELLS)
    assert list(bands) == ["slope", "elevation", "eastness"]
    west, east = LONGITUDE < 98.77, LONGITUDE > 98.83
    # 20 km per degree of longitude, which has 111.3 km · cos 47.2° here.
    expected = np.degrees(np.arctan(20 / (111.32 * np.cos(np.radians(47.2)))))
    np.testing.assert_allclose(bands["slope"][:, west | east], expected, rtol=0.01)
    assert (bands["eastness"][:, west] > 0.2).all()
    assert (bands["eastness"][:, east] < -0.2).all()


# What is refused


def hills(x: NDArray, y: NDArray) -> NDArray:
    return 1000 + 100 * np.sin(9 * x) * np.cos(9 * y)


def test_a_sound_layer_is_accepted(tmp_path: Path) -> None:
    layer, cut = raster(tmp_path / "a.tif", hills), raster(tmp_path / "b.tif", hills, bounds=BOX, side=0.01)
    for sound in (layer, cut):
        check_layer(sound, "here", region_area(BOX, None))
    assert np.isfinite(on_pixels(layer)).all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"crs": None},
            "which has no CRS: assign the one it was made in, for example by gdal_edit.py -a_srs EPSG:4326",
        ),
        ({"bands": 3}, "which has 3 bands where one is expected: say which by `band`, 1 to 3."),
        (
            {"bounds": (98.0, 46.5, 98.9, 47.9)},
            (
                "which does not reach over all of region here (98.5 to 99.1° E, 47 to 47.4° N) but from 98 to 98.9° E "
                "and 46.5 to 47.9° N: take a raster that covers the region, or a smaller region."
            ),
        ),
        ({"crs": "EPSG:32647", "bounds": (0, 0, 1e3, 1e3), "side": 10}, "which does not reach over all of region here"),
    ],
    ids=["no CRS", "bands", "part", "elsewhere"],
)
@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_files_that_cannot_be_used(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    layer = raster(tmp_path / "dem.tif", hills, **options)
    with pytest.raises(InputError) as caught:
        check_layer(layer, "here", region_area(BOX, None))
    assert str(caught.value).startswith(f"`predictors.layers.elevation` is {layer.path}, {told}")


def test_a_raster_that_lies_nowhere_is_refused(tmp_path: Path) -> None:
    """Without a geotransform its pixels' numbers would pass for degrees, and might even cover the region."""
    path = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 200, "width": 200, "dtype": "float32", "crs": "EPSG:4326"}
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(path, "w", **profile) as file:
        file.write(np.ones((200, 200), np.float32), 1)
    with pytest.raises(InputError) as caught:
        check_layer(StaticLayer("elevation", path, "average"), "here", region_area(BOX, None))
    assert str(caught.value) == (
        f"`predictors.layers.elevation` is {path}, which does not say where it lies (it has no geotransform): "
        f"give its corners, for example by gdal_edit.py -a_ullr WEST NORTH EAST SOUTH {path}."
    )


def test_what_is_no_raster(tmp_path: Path) -> None:
    path = tmp_path / "dem.tif"
    path.write_text("not a raster")
    with pytest.raises(InputError, match=rf"is {path}, which cannot be read as a raster \(.*\): try it with gdalinfo"):
        check_layer(StaticLayer("elevation", path, "average"))
    with pytest.raises(InputError, match=rf"is {tmp_path}, which is a folder: give one file"):
        check_layer(StaticLayer("elevation", tmp_path, "average"))


@pytest.mark.parametrize(
    ("fill", "profile", "said"),
    [
        (-9999, {}, "which holds -9999 but says no nodata value: "),
        (32767, {"dtype": "int16"}, "which holds 32767 but says no nodata value: "),
        (-9999, {"nodata": -32768}, "which holds -9999 but says the nodata value -32768: "),
        (-3.4028235e38, {}, "which holds -3.40282e+38 but says no nodata value: "),
    ],
)
def test_fill_that_the_file_does_not_name(tmp_path: Path, fill: float, profile: dict[str, Any], said: str) -> None:
    layer = raster(tmp_path / "dem.tif", lambda x, y: np.where(x < 98.7, fill, hills(x, y)), **profile)
    with pytest.raises(InputError) as caught:
        on_pixels(layer)
    assert said in str(caught.value)
    assert "gdal_edit.py -a_nodata" in str(caught.value)


# Longitudes from 0 to 360°, rotated rasters


WEST = (-120.6, 39.9, -120.2, 40.3)


@with_witnesses
def test_a_layer_from_0_to_360_degrees_for_a_region_in_the_west() -> None:
    layer = StaticLayer("clay", SHARED / "files/layers/l360.tif", "average")
    check_layer(layer, "west", region_area(WEST, None))
    assert (on_pixels(layer, cells_covering(WEST), "clay") == 30).all()


@pytest.mark.parametrize("box", [WEST, (-0.3, 51.0, 0.3, 51.4), (179.8, -17.2, -179.7, -16.8)])
@pytest.mark.parametrize("side", [0.05, 0.01])
def test_longitudes_from_0_give_what_those_from_180_west_give(tmp_path: Path, box: Any, side: float) -> None:
    """In the west, across 0° and across 180°, where pixels of the one raster end."""
    area, (_, south, _, north) = region_area(box, None), box
    cells = cells_covering(area.bounds)

    def value(x: NDArray, y: NDArray) -> NDArray:
        return np.sin(np.radians(x) * 40) + y

    west, east = (
        raster(tmp_path / f"{left}.tif", value, bounds=(left, south - 0.5, left + 360, north + 0.5), side=side)
        for left in (-180, 0)
    )
    expected, found = on_pixels(west, cells), on_pixels(east, cells)
    check_layer(east, "here", area)
    pixels = cells.refined(9)
    longitude = (longitude_edges(pixels)[:-1] + 180) % 360 - 180
    clear = np.abs(longitude) < 179.9
    np.testing.assert_allclose(found[:, clear], expected[:, clear], atol=1e-5)
    assert np.isfinite(found).all()


def test_a_layer_of_a_part_of_the_globe_from_0(tmp_path: Path) -> None:
    layer = raster(tmp_path / "a.tif", lambda x, _: x - 360, bounds=(238, 39, 241, 41), dtype="float64")
    check_layer(layer, "west", region_area(WEST, None))
    cells = cells_covering(WEST)
    edges = longitude_edges(cells.refined(9))
    found = on_pixels(layer, cells)
    np.testing.assert_allclose(found, np.broadcast_to((edges[:-1] + edges[1:]) / 2, found.shape), atol=2e-3)
    with pytest.raises(InputError, match="does not reach over all of region here"):
        check_layer(layer, "here", region_area(BOX, None))


def test_a_rotated_raster(tmp_path: Path) -> None:
    """By 30°, a plane in degrees, of which means and interpolation know the answer."""
    place = Affine.translation(97.5, 47.2) @ Affine.rotation(30) @ Affine.scale(0.005, -0.005)
    columns, rows = np.meshgrid(np.arange(400) + 0.5, np.arange(400) + 0.5)
    x, y = place @ (columns, rows)
    profile = {"driver": "GTiff", "height": 400, "width": 400, "count": 1, "dtype": "float64", "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / "a.tif", "w", transform=place, **profile) as file:
        file.write(10 * x - 7 * y, 1)
    layer = StaticLayer("clay", tmp_path / "a.tif", "average")
    check_layer(layer, "here", region_area(BOX, None))
    latitude = latitude_edges(PIXELS)[:-1] + np.diff(latitude_edges(PIXELS)) / 2
    found = on_pixels(layer, use="clay")
    np.testing.assert_allclose(found, 10 * LONGITUDE - 7 * latitude[:, None], atol=0.03)


# Variables, bands, scales


def netcdf(path: Path, names: str, times: int = 0) -> Path:
    """Variables on longitudes and latitudes, as xarray writes them, of longitude + 100 · time + 1000 · place."""
    longitude, latitude = 98 + 0.02 * (np.arange(80) + 0.5), 47.9 - 0.02 * (np.arange(70) + 0.5)
    values = np.broadcast_to(longitude, (max(times, 1), 70, 80)) + 100.0 * np.arange(max(times, 1))[:, None, None]
    axes = (*(["time"] if times else []), "lat", "lon")
    variables = {
        name: (axes, (values if times else values[0]) + 1000 * place, {"_FillValue": -1.0})
        for place, name in enumerate(names)
    }
    data = xr.Dataset(variables, {"lat": latitude, "lon": longitude})
    data["lat"].attrs["units"], data["lon"].attrs["units"] = "degrees_north", "degrees_east"
    data.to_netcdf(path, engine="scipy")
    return path


def test_variables_and_times_of_netcdf(tmp_path: Path) -> None:
    area = region_area(BOX, None)
    one = StaticLayer("clay", netcdf(tmp_path / "one.nc", "a"), "average")
    several = netcdf(tmp_path / "several.nc", "abc", times=3)
    chosen = StaticLayer("clay", several, "average", variable="b", band=3)
    for layer, added in ((one, 0), (chosen, 1200)):
        check_layer(layer, "here", area)
        np.testing.assert_allclose(on_pixels(layer, use="clay")[0], LONGITUDE + added, atol=1e-3)
    for keys, told in (
        ({}, "several.nc, which has the variables a, b, c: give one of them as `variable`."),
        ({"variable": "d"}, "several.nc, which has the variables a, b, c: d is none of them."),
        ({"variable": "b"}, "several.nc, which has 3 bands where one is expected: say which by `band`, 1 to 3."),
        ({"variable": "b", "band": 4}, "several.nc, which has 3 bands and no band 4: correct `band`."),
    ):
        with pytest.raises(InputError) as caught:
            check_layer(StaticLayer("clay", several, "average", **keys))
        assert str(caught.value).endswith(told)
    with pytest.raises(InputError, match=r"one.nc, which has no raster named z .*: correct `variable`"):
        check_layer(StaticLayer("clay", one.path, "average", variable="z"))


def test_variables_of_hdf5_lie_nowhere(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/x"], file["y"] = np.ones((9, 9)), np.ones((9, 9))
    layer = StaticLayer("clay", tmp_path / "a.h5", "average")
    with pytest.raises(InputError, match=r"a.h5, which has the variables group/x, y: give one of them as `variable`."):
        check_layer(layer)
    with pytest.raises(InputError, match=r"a.h5, which does not say where it lies"):
        check_layer(StaticLayer("clay", layer.path, "average", variable="group/x"))


def test_files_without_variables(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", hills).path
    with pytest.raises(InputError, match=r"a.tif, which is a GTiff file, which has no variables: leave `variable` out"):
        check_layer(StaticLayer("clay", path, "average", variable="z"))
    (tmp_path / "a.hdf").write_bytes(b"\x0e\x03\x13\x01" + bytes(100))
    with pytest.raises(InputError, match=r"a.hdf, which is an HDF4 file, .* make a GeoTIFF of it"):
        check_layer(StaticLayer("clay", tmp_path / "a.hdf", "average"))


def test_scale_and_offset_of_the_user_count(tmp_path: Path) -> None:
    made = raster(tmp_path / "a.tif", lambda x, _: np.full(x.shape, 120), dtype="int16")
    with rasterio.open(made.path, "r+") as file:
        file.scales, file.offsets = (10.0,), (5.0,)
    for keys, expected in (({"scale": 2.0}, 245), ({"offset": -1.0}, 1199), ({"scale": 0.5, "offset": 0.0}, 60)):
        assert (on_pixels(StaticLayer("elevation", made.path, "average", **keys)) == expected).all()


# Fills that files do not declare, by kind


@with_witnesses
@pytest.mark.parametrize(
    ("name", "number"), [("esri", "-3.402823061e+38"), ("1e20", "1.000000020e+20"), ("u255", "255")]
)
def test_specimens_of_undeclared_fills(name: str, number: str) -> None:
    """Before the first job, and in it."""
    layer = StaticLayer("clay", SHARED / f"files/layers/{name}.tif", "average")
    for look in (
        lambda: check_layer(layer, "here", region_area((99.2, 46.2, 100.8, 47.8), None)),
        lambda: on_pixels(layer, cells_covering((99.2, 46.2, 100.8, 47.8)), "clay"),
    ):
        with pytest.raises(InputError, match="says no nodata value") as caught:
            look()
        declared = str(caught.value).split("-a_nodata ")[1].split()[0]
        assert np.float32(declared) == np.float32(number)


def numbers(count: int = 10000) -> NDArray[np.float64]:
    return np.random.default_rng(7).uniform(0, 1, (100, count // 100))


FILLED: list[tuple[str, str, float, Callable[[NDArray], NDArray]]] = [
    ("one pixel of netCDF's default", "float32", 9.969209968386869e36, lambda u: 300 + 9 * u),
    ("CMOR", "float32", 1e20, lambda u: 300 + 9 * u),
    ("infinite but for rounding", "float64", -1.797e308, lambda u: u),
    ("percent in bytes", "uint8", 255, lambda u: 100 * u),
    ("NDVI times 200 in bytes", "uint8", 255, lambda u: 20 + 180 * u),
    ("a code below 255", "uint8", 254, lambda u: 100 * u),
    ("signed bytes", "int8", -128, lambda u: 100 * u),
    ("clay in percent", "float32", -999, lambda u: 60 * u),
    ("pH", "float32", -99, lambda u: 4 + 5 * u),
    ("moisture", "float32", 9999, lambda u: 0.5 * u),
    ("any number far away", "float32", 55555, lambda u: 60 * u),
    ("constant but for the fill", "float32", -999, lambda u: 30 + 0 * u),
]


@pytest.mark.parametrize(("name", "dtype", "fill", "value"), FILLED, ids=[name for name, *_ in FILLED])
def test_kinds_of_undeclared_fills(
    tmp_path: Path, name: str, dtype: str, fill: float, value: Callable[[NDArray], NDArray]
) -> None:
    few = numbers() < (0.0003 if name.startswith("one pixel") else 0.2)
    layer = grid(tmp_path / "a.tif", np.where(few, fill, value(numbers()[::-1])).astype(dtype))
    with pytest.raises(InputError, match="says no nodata value: if that stands for missing values"):
        check_layer(layer, "here", region_area(BOX, None))
    grid(layer.path, np.where(few, fill, value(numbers()[::-1])).astype(dtype), nodata=fill)
    check_layer(layer, "here", region_area(BOX, None))


def grid(path: Path, values: NDArray, **profile: Any) -> StaticLayer:
    """Values over the box, whatever their number."""
    rows, columns = values.shape
    place = from_origin(98.5, 47.4, 0.6 / columns, 0.4 / rows)
    shape = {"height": rows, "width": columns, "count": 1, "dtype": values.dtype, "crs": "EPSG:4326"}
    with rasterio.open(path, "w", driver="GTiff", transform=place, **shape, **profile) as file:
        file.write(values, 1)
    return StaticLayer("clay", path, "average")


HONEST: list[tuple[str, str, Callable[[NDArray], NDArray]]] = [
    ("a lake among mountains", "int16", lambda u: np.where(u < 0.4, 1645, 1645 + 1800 * u)),
    ("the sea at 0", "float32", lambda u: np.where(u < 0.6, 0, 3000 * u)),
    ("a salt lake below the sea", "float32", lambda u: np.where(u < 0.4, -430, 800 * u - 400)),
    ("no snow but on few peaks", "uint8", lambda u: np.where(u < 0.97, 0, 80 + 20 * u)),
    ("a town among fields", "float32", lambda u: np.where(u < 0.9, 100, 3 * u)),
    ("a mask", "uint8", lambda u: u < 0.3),
    ("a mask of 0 and 255", "uint8", lambda u: 255 * (u < 0.3)),
    ("NDVI", "float32", lambda u: u - 0.2),
    ("NDVI in integers", "int16", lambda u: 10000 * u - 2000),
    ("depth to bedrock, mostly rock", "float32", lambda u: np.where(u < 0.8, 0, 200 * u)),
    ("depth cut off at 50 m", "float32", lambda u: np.minimum(100 * u, 50)),
    ("people a km²", "float32", lambda u: np.where(u < 0.9, 0, np.exp(12 * u - 3))),
    ("a hillshade with white slopes", "uint8", lambda u: np.minimum(400 * u, 255)),
    ("degrees of frost", "float32", lambda u: 40 * u - 60),
    ("kelvin", "uint16", lambda u: 13000 + 3000 * u),
    ("one number", "float32", lambda u: 7 + 0 * u),
    ("soil types", "uint8", lambda u: 1 + 12 * u),
    ("soil types in steps of ten", "uint8", lambda u: 10 * np.floor(1 + 22 * u)),
]


@pytest.mark.parametrize(("dtype", "value"), [case[1:] for case in HONEST], ids=[name for name, *_ in HONEST])
def test_honest_rasters_are_not_refused(tmp_path: Path, dtype: str, value: Callable[[NDArray], NDArray]) -> None:
    layer = grid(tmp_path / "a.tif", value(numbers()).astype(dtype))
    check_layer(layer, "here", region_area(BOX, None))
    on_pixels(layer, use="clay")


@pytest.mark.parametrize("codes", [(1, 2, 255), (7, 200), (1, 99, 999), (0, 10, 220)])
def test_classes_are_names_of_which_none_is_far(tmp_path: Path, codes: tuple[int, ...]) -> None:
    """But −9999 and the limits of integers are no classes."""
    values = np.array(codes)[(numbers() * len(codes)).astype(int)]
    layer = grid(tmp_path / "a.tif", values.astype("uint8" if max(codes) < 256 else "int32"))
    check_layer(StaticLayer("soil", layer.path, "mode"), "here", region_area(BOX, None))
    grid(layer.path, np.where(values == codes[0], -9999, values).astype("int16"))
    with pytest.raises(InputError, match="holds -9999 but says no nodata value"):
        check_layer(StaticLayer("soil", layer.path, "mode"), "here", region_area(BOX, None))


@given(st.integers(2, 200), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_values_without_a_gap_are_never_a_fill(count: int, low: float, span: float, random: Any) -> None:
    steps = low + span * np.arange(count) / count
    stored = np.array([random.choice(steps) for _ in range(300)] + list(steps))
    if not set(stored) & (LIMITS | NINES):
        assert count < 4 or undeclared_fill(stored, "float64", False) is None


# Damaged rasters


@with_witnesses
@pytest.mark.parametrize("path", sorted((SHARED / "faults/exceptions").glob("layer--*")), ids=lambda path: path.name)
def test_specimens_of_damaged_layers(path: Path) -> None:
    with pytest.raises(InputError):
        check_layer(StaticLayer("clay", path, "average"), "here", region_area(BOX, None))
    with pytest.raises(InputError):
        on_pixels(StaticLayer("clay", path, "average"), use="clay")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"transform": Affine(1e307, 0, 97, 0, -0.1, 50)}, "a geotransform that leads nowhere on the Earth"),
        ({"transform": Affine(3e-310, 0, 97, 0, -1e-309, 50)}, "a geotransform that leads nowhere on the Earth"),
        ({"transform": Affine(1e-290, 0, 97, 0, -0.1, 50)}, "a geotransform that leads nowhere on the Earth"),
        ({"transform": Affine(0.1, 0.1, 97, 0.1, 0.1, 50)}, "a geotransform that leads nowhere on the Earth"),
        ({"transform": Affine(100, 0, 4e5, 0, -100, 5e6)}, "a geotransform that leads nowhere on the Earth"),
        ({"crs": 'LOCAL_CS["x",UNIT["metre",1]]'}, "a CRS that leads to no longitude and latitude"),
        ({"dtype": "complex64"}, "which holds complex numbers"),
    ],
)
@pytest.mark.parametrize("look", [check_layer, lambda layer: on_pixels(layer, use="clay")])
def test_rasters_that_lie_nowhere_or_hold_no_quantity(
    tmp_path: Path, changes: dict[str, Any], told: str, look: Callable[[StaticLayer], Any]
) -> None:
    profile = {"driver": "GTiff", "height": 50, "width": 60, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    profile |= {"transform": from_origin(97, 50, 0.1, 0.1)}
    with rasterio.open(tmp_path / "a.tif", "w", **(profile | changes)) as file:
        file.write(np.ones((50, 60), file.dtypes[0]), 1)
    with pytest.raises(InputError, match=told):
        look(StaticLayer("clay", tmp_path / "a.tif", "average"))


@pytest.mark.filterwarnings("ignore")
@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_rasters_are_read_or_refused(tmp_path: Path, data: Any) -> None:
    path, whole = tmp_path / "a.tif", tmp_path / "whole.tif"
    if not whole.exists():
        grid(whole, numbers(2000).astype("float32"))
    path.write_bytes(data.draw(mutated(whole.read_bytes())))
    layer, few = StaticLayer("clay", path, "average"), Window(CELLS.row, CELLS.column, 1, 1)
    reads_or_refuses(lambda: check_layer(layer, "here", region_area(BOX, None)))
    reads_or_refuses(lambda: warp_layer(layer, few.refined(9), CELLS))
