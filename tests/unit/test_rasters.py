"""GeoTIFFs as other programs see them."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import rasterio
from little_room import little_room
from pyproj import CRS
from rio_cogeo.cogeo import cog_validate

from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, M01, M09, Window, tile_grid
from kilomoist.rasters import (
    TILE,
    Mosaic,
    chunks_of,
    mosaic,
    raster_chunks,
    read_header,
    read_raster,
    read_statistics,
    read_window,
    write_raster,
)

WINDOW = Window(1900, 26900, 300, 410)
OVERVIEWED = Window(1900, 26900, 700, 900)
TAGS = {"source": "simulated", "month": "2021-08"}
COLOURS = {value: (value, 255 - value, 7) for value in range(256)}


def bands(shape: tuple[int, int] = WINDOW.shape) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    values = random.uniform(0, 0.6, shape).astype(np.float32)
    values[random.random(shape) < 0.1] = np.nan
    return {"soil_moisture": values, "lower": values - np.float32(0.1)}


def flags(window: Window = WINDOW) -> dict[str, np.ndarray]:
    return {"quality": np.random.default_rng(2).choice(np.array([0, 4, 128], np.uint8), window.shape)}


def write_parts(folder: Path) -> dict[Path, Window]:
    """`bands()` in rasters of at most 128 × 128 pixels, and the window of each."""
    parts = {
        folder / f"{row}-{column}.tif": Window(1900 + row, 26900 + column, min(128, 300 - row), min(128, 410 - column))
        for row in range(0, 300, 128)
        for column in range(0, 410, 128)
    }
    for path, part in parts.items():
        write_raster(path, {name: array[part.within(WINDOW)] for name, array in bands().items()}, M01, part, {})
    return parts


def same(found: dict[str, np.ndarray], window: Window) -> None:
    """Assert that bands are those of `bands()` over a window."""
    assert list(found) == list(bands())
    for name, array in bands().items():
        np.testing.assert_array_equal(found[name], array[window.within(WINDOW)])
        assert found[name].dtype == np.float32


def check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Assert what any reader finds."""
    with rasterio.open(path) as file:
        assert CRS(file.crs) == CRS("EPSG:6933")
        assert file.transform == rasterio.Affine(
            M01.side, 0, M01.left + 26900 * M01.side, 0, -M01.side, M01.top - 1900 * M01.side
        )
        assert file.shape == WINDOW.shape
        assert file.descriptions == tuple(arrays)
        assert {key: file.tags()[key] for key in TAGS} == TAGS
        for number, array in enumerate(arrays.values(), start=1):
            np.testing.assert_array_equal(file.read(number), array)
            assert file.dtypes[number - 1] == array.dtype


@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_maps_as_other_programs_see_them(tmp_path: Path, cloud_optimized: bool) -> None:
    path = tmp_path / "map.tif"
    units = {"soil_moisture": "m3 m-3"}
    write_raster(path, bands(), M01, WINDOW, TAGS, units, cloud_optimized)
    check(path, bands())
    with rasterio.open(path) as file:
        assert np.isnan(file.nodata)
        assert file.units == ("m3 m-3", None)
        assert (file.read_masks(1) > 0).sum() == np.isfinite(bands()["soil_moisture"]).sum()
    found, tags = read_raster(path)
    same(found, WINDOW)
    assert tags.items() >= TAGS.items()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_flags_have_colours_in_overviews_too(tmp_path: Path, cloud_optimized: bool) -> None:
    path = tmp_path / "flags.tif"
    with raster_chunks(path, M01, OVERVIEWED, TAGS, cloud_optimized=cloud_optimized, colours=COLOURS) as raster:
        raster.write(flags(OVERVIEWED), OVERVIEWED)
    found, tags = read_raster(path)
    assert tags.items() >= TAGS.items()
    for level in [{}, {"OVERVIEW_LEVEL": 0}] if cloud_optimized else [{}]:
        with rasterio.open(path, **level) as file:
            assert file.colorinterp == (rasterio.enums.ColorInterp.palette,)
            assert file.colormap(1) == {value: (*colour, 255) for value, colour in COLOURS.items()}
            assert file.nodata is None
    np.testing.assert_array_equal(found["quality"], flags(OVERVIEWED)["quality"])


def test_maps_are_cloud_optimized(tmp_path: Path) -> None:
    for name, arrays in (("map", bands(OVERVIEWED.shape)), ("flags", flags(OVERVIEWED))):
        path = tmp_path / f"{name}.tif"
        write_raster(path, arrays, M01, OVERVIEWED, TAGS, cloud_optimized=True)
        valid, errors, warnings = cog_validate(path, strict=True)
        assert (valid, errors, warnings) == (True, [], [])
        with rasterio.open(path) as file:
            assert file.overviews(1)
            overview = file.read(1, out_shape=tuple(-(-length // 2) for length in OVERVIEWED.shape))
            # Flags are chosen, not averaged.
            assert name == "map" or set(np.unique(overview)) <= {0, 4, 128}
            assert file.nodata is None or np.isnan(file.nodata)


def test_flags_have_no_nodata(tmp_path: Path) -> None:
    write_raster(tmp_path / "flags.tif", flags(), M01, WINDOW, TAGS, cloud_optimized=True)
    check(tmp_path / "flags.tif", flags())
    with rasterio.open(tmp_path / "flags.tif") as file:
        assert file.nodata is None
        assert (file.read_masks(1) == 255).all()


def test_tiles_are_in_the_sinusoidal_grid(tmp_path: Path) -> None:
    grid = tile_grid("h25v04", 1200)
    write_raster(tmp_path / "tile.tif", {"lst_day": np.zeros((1200, 1200), np.float32)}, grid, grid.window, {})
    with rasterio.open(tmp_path / "tile.tif") as file:
        assert CRS(file.crs).coordinate_operation.method_name == "Sinusoidal"
        assert CRS(file.crs).ellipsoid.semi_major_metre == pytest.approx(6371007.181)
        assert CRS(file.crs).ellipsoid.semi_minor_metre == pytest.approx(6371007.181)
        assert file.bounds == pytest.approx((7783653.637667, 4447802.078667, 8895604.157333, 5559752.598333), abs=0.01)


@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_the_same_bytes_again(tmp_path: Path, cloud_optimized: bool) -> None:
    for name in ("a.tif", "b.tif"):
        write_raster(tmp_path / name, bands(), M01, WINDOW, TAGS, cloud_optimized=cloud_optimized)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_windows_are_cut_from_the_globe(tmp_path: Path) -> None:
    whole = np.arange(1624 * 3856, dtype=np.float32).reshape(1624, 3856)
    write_raster(tmp_path / "globe.tif", {"other": -whole, "soil_moisture": whole}, M09, M09.window, {})
    for window in (Window(169, 2867, 104, 346), Window(0, 0, 1, 1), Window(1620, 3850, 4, 6)):
        found = read_window(tmp_path / "globe.tif", "soil_moisture", M09, window)
        np.testing.assert_array_equal(found, whole[window.within(M09.window)])
    with pytest.raises(InputError, match=r"is not a raster of this workflow .*does not lie inside"):
        read_window(tmp_path / "globe.tif", "soil_moisture", M09, Window(1620, 3850, 5, 6))
    write_raster(tmp_path / "map.tif", bands(), M01, WINDOW, {})  # of a part of the globe
    inner = Window(1950, 27000, 7, 9)
    expected = bands()["lower"][inner.within(WINDOW)]
    np.testing.assert_array_equal(read_window(tmp_path / "map.tif", "lower", M01, inner), expected)


def test_parts_make_the_whole(tmp_path: Path) -> None:
    parts = write_parts(tmp_path)
    paths, fourth = list(parts), list(parts.values())[3]
    for order in (paths, paths[::-1]):
        found, window = mosaic(order, M01)
        assert window == WINDOW
        same(found, WINDOW)
    alone, window = mosaic(paths[3:4], M01)
    assert window == fourth
    same(alone, fourth)
    # Where a part is missing there is no value.
    gap, window = mosaic([*paths[:3], *paths[4:]], M01)
    assert window == WINDOW
    assert np.isnan(gap["lower"][fourth.within(WINDOW)]).all()


@pytest.mark.parametrize("grid", [M09, M01])
def test_places_at_the_ends_of_the_globe_are_found(tmp_path: Path, grid: object) -> None:
    for number, window in enumerate((Window(0, 0, 2, 3), Window(grid.rows - 2, grid.columns - 3, 2, 3))):
        write_raster(tmp_path / f"{number}.tif", {"a": np.zeros((2, 3))}, grid, window, {})
        assert mosaic([tmp_path / f"{number}.tif"], grid)[1] == window


# Parts


CELLS_HERE = Window(1900 // 9, 26900 // 9, 40, 300)
LARGE = CELLS_HERE.refined(9)


def test_parts_of_cells_cover_each_once_and_fill_tiles() -> None:
    seen = np.zeros(CELLS_HERE.shape, int)
    for part in chunks_of(CELLS_HERE):
        seen[part.within(CELLS_HERE)] += 1
        assert (part.column - CELLS_HERE.column) * CELL_SIDE % TILE == 0
    assert (seen == 1).all()


@pytest.mark.parametrize("cloud_optimized", [False, True])
@pytest.mark.parametrize("kind", ["map", "flags"])
def test_written_by_parts_like_the_whole(tmp_path: Path, kind: str, cloud_optimized: bool) -> None:
    """Values, overviews, place, nodata, units, colours and tags; of a COG, which is copied, all bytes."""
    arrays = bands(LARGE.shape) if kind == "map" else flags(LARGE)
    colours = COLOURS if kind == "flags" else None
    options = {"units": {"lower": "m3 m-3"}, "cloud_optimized": cloud_optimized, "colours": colours}
    with raster_chunks(tmp_path / "whole.tif", M01, LARGE, TAGS | {"later": "1"}, **options) as raster:
        raster.write(arrays, LARGE)
    with raster_chunks(tmp_path / "parts.tif", M01, LARGE, TAGS, **options) as raster:
        for cells in chunks_of(CELLS_HERE):
            part = cells.refined(CELL_SIDE)
            raster.write({name: array[part.within(LARGE)] for name, array in arrays.items()}, part)
        raster.tags["later"] = "1"
    if cloud_optimized:
        assert cog_validate(tmp_path / "parts.tif", quiet=True)[0]
        assert (tmp_path / "parts.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()
    with rasterio.open(tmp_path / "whole.tif") as whole, rasterio.open(tmp_path / "parts.tif") as parts:
        np.testing.assert_array_equal(parts.read(), whole.read())
        for attribute in ("profile", "bounds", "descriptions", "units", "colorinterp"):
            assert str(getattr(parts, attribute)) == str(getattr(whole, attribute)), attribute
        assert parts.overviews(1) == whole.overviews(1)
        assert parts.tags() == whole.tags()
        if colours:
            assert parts.colormap(1) == whole.colormap(1)
    assert len(list(tmp_path.iterdir())) == 2


def test_where_no_part_was_written_there_is_no_value(tmp_path: Path) -> None:
    part = Window(LARGE.row, LARGE.column, 9, 9)
    with raster_chunks(tmp_path / "map.tif", M01, LARGE, {}) as raster:
        raster.write({"a": np.zeros((9, 9), np.float32)}, part)
    found = read_raster(tmp_path / "map.tif")[0]["a"]
    assert (found[:9, :9] == 0).all()
    assert np.isfinite(found).sum() == 81


def test_windows_are_cut_from_many_rasters(tmp_path: Path) -> None:
    """Any window across rasters, in any order, is what the rasters put together hold there."""
    with Mosaic(list(write_parts(tmp_path)), M01) as whole:
        assert whole.window == WINDOW
        for part in (Window(1910, 26910, 20, 20), Window(2000, 27000, 200, 310), Window(1910, 26910, 20, 20), WINDOW):
            same(whole.read(part), part)
        assert list(whole.read(WINDOW, ["lower"])) == ["lower"]
        beyond = whole.read(Window(2190, 27300, 20, 20))["lower"]
        assert np.isnan(beyond[10:]).all()
        np.testing.assert_array_equal(beyond[:10, :10], bands()["lower"][290:, 400:])


# Damage


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    write_raster(tmp_path / "whole.tif", bands(), M01, WINDOW, {})
    whole = (tmp_path / "whole.tif").read_bytes()
    path = tmp_path / "broken.tif"
    reads = (read_raster, lambda path: mosaic([path], M01), lambda path: read_window(path, "lower", M01, WINDOW))
    for content in (b"", b"<html>404</html>", whole[: len(whole) // 2]):
        path.write_bytes(content)
        for read in reads:
            with pytest.raises(InputError, match="is not a raster of this workflow") as caught:
                read(path)
            assert str(path) in str(caught.value)


@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_nothing_is_left_after_an_error(tmp_path: Path, cloud_optimized: bool) -> None:
    path = tmp_path / "map.tif"
    path.write_text("before")
    wrong = {"soil_moisture": np.zeros(WINDOW.shape), "lower": np.zeros((2, 2))}
    with pytest.raises(ValueError, match=r"band lower has shape \(2, 2\), its window \(300, 410\)"):
        write_raster(path, wrong, M01, WINDOW, {}, cloud_optimized=cloud_optimized)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("cloud_optimized", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99, 1.0])
def test_a_raster_without_room_never_appears(tmp_path: Path, share: float, cloud_optimized: bool) -> None:
    """Most of it is written when it is closed, and of that rasterio tells nothing."""
    path = tmp_path / "map.tif"
    cells = Window(200, 2900, 40, 40)
    pixels = cells.refined(CELL_SIDE)

    def write() -> None:
        random = np.random.default_rng(1)
        with raster_chunks(path, M01, pixels, TAGS, cloud_optimized=cloud_optimized) as raster:
            for part in chunks_of(cells):
                here = part.refined(CELL_SIDE)
                raster.write({name: random.random(here.shape) for name in ("a", "b")}, here)

    write()
    size = path.stat().st_size
    path.unlink()
    sentence = r"map\.tif cannot be written \(.*\); .*: make its folder writable, make room, or use another --directory"
    with little_room(int(share * size) - 1 if share else 100), pytest.raises(InputError, match=sentence):
        write()
    assert list(tmp_path.iterdir()) == []


def test_room_that_is_missing_for_a_while_is_noticed(tmp_path: Path) -> None:
    """Tiles that are written later find room where the earlier ones should be."""
    path = tmp_path / "map.tif"
    window = Window(1900, 26900, 4 * TILE, TILE)
    random = np.random.default_rng(1)

    def write() -> None:
        with rasterio.Env(GDAL_CACHEMAX=0), raster_chunks(path, M01, window, TAGS) as raster:
            for number in range(4):
                with little_room(1000) if number == 1 else nullcontext():
                    part = Window(1900 + number * TILE, 26900, TILE, TILE)
                    raster.write({"a": random.random((TILE, TILE))}, part)

    with pytest.raises(InputError, match=r"map\.tif cannot be written"):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("chunked", [False, True])
def test_maps_tell_their_statistics(tmp_path: Path, chunked: bool) -> None:
    """Exactly, and of what is finite, as GDAL would compute them; so that no viewer has to, or guesses."""
    path = tmp_path / "map.tif"
    cells = WINDOW if not chunked else Window(211, 2988, 34, 46)
    window = cells if not chunked else cells.refined(CELL_SIDE)
    arrays = bands(window.shape)
    with raster_chunks(path, M01, window, TAGS, cloud_optimized=True) as raster:
        for chunk in [part.refined(CELL_SIDE) for part in chunks_of(cells)] if chunked else [window]:
            raster.write({name: array[chunk.within(window)] for name, array in arrays.items()}, chunk)
    with rasterio.open(path) as file:
        for number, array in enumerate(arrays.values(), start=1):
            said = {name: float(text) for name, text in file.tags(number).items()}
            finite = array[np.isfinite(array)].astype(float)
            assert np.float32(said.pop("STATISTICS_MINIMUM")) == array[np.isfinite(array)].min()
            assert np.float32(said.pop("STATISTICS_MAXIMUM")) == array[np.isfinite(array)].max()
            assert said.pop("STATISTICS_MEAN") == pytest.approx(finite.mean(), rel=1e-8)
            assert said.pop("STATISTICS_STDDEV") == pytest.approx(finite.std(), rel=1e-8)
            assert said.pop("STATISTICS_VALID_PERCENT") == pytest.approx(100 * finite.size / array.size, rel=1e-8)
            assert not said
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_map_for_people_has_no_statistics(tmp_path: Path) -> None:
    nothing = {"soil_moisture": np.full(WINDOW.shape, np.nan, np.float32)}
    for name, arrays, cloud_optimized in (
        ("between", bands(), False),
        ("flags", flags(), True),
        ("empty", nothing, True),
    ):
        write_raster(tmp_path / f"{name}.tif", arrays, M01, WINDOW, TAGS, cloud_optimized=cloud_optimized)
        with rasterio.open(tmp_path / f"{name}.tif") as file:
            assert not file.tags(1), name


def test_what_a_damaged_raster_of_ours_lacks_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with rasterio.open(path, "w", driver="GTiff", width=9, height=9, count=1, dtype="float32") as file:
        file.update_tags(1, STATISTICS_MEAN="0.2f")
    for read, told in (
        (read_header, "has no CRS"),
        (read_statistics, "is not a raster of this workflow"),
        (lambda path: read_raster(path, ["soil_moisture"]), "has none of the bands soil_moisture"),
    ):
        with pytest.raises(InputError, match=rf"a\.tif {told}.*: delete it and run snakemake again\."):
            read(path)
