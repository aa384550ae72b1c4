"""Regions across 180°: one piece, seen as their two halves are, without a seam between them."""

from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from rasterio.warp import reproject
from shapely.affinity import translate

from kilomoist import grids
from kilomoist.cells import coarsen
from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, M01, M09, Box, Window, cells_covering, ease_from_geographic, tile_grid
from kilomoist.learning.training_folds import FOLD_SIDE, spatial_folds
from kilomoist.predictors.footprints import sum_footprints
from kilomoist.predictors.samples import collect, schema
from kilomoist.predictors.stacks import TileComposite, stack_predictors
from kilomoist.rasters import read_window, write_raster
from kilomoist.regions import blocks_of, on_globe, pixels_inside, region_area, tiles_of
from kilomoist.reporting.figures.maps import draw_both_maps
from kilomoist.reporting.matching import ComparedMap, match_points

TURN = 360
FIJI: Box = (178.6, -17.4, -178.6, -16.3)
CHUKOTKA: Box = (178.5, 64.5, -178.5, 66.8)
# Any box across 180° that is not wider than half the globe.
boxes = st.builds(
    lambda west, east, south, height: (180 - west, south, east - 180, min(south + height, 85.0)),
    st.floats(0.05, 20),
    st.floats(0.05, 20),
    st.floats(-85, 84.5),
    st.floats(0.1, 12),
)


def halves(box: Box) -> tuple[Box, Box]:
    west, south, east, north = box
    return (west, south, 180.0, north), (-180.0, south, east, north)


def write(path: Path, geometries: list[shapely.Geometry], crs: str = "EPSG:4326") -> Path:
    geopandas.GeoDataFrame(geometry=geometries, crs="EPSG:4326").to_crs(crs).to_file(path)
    return path


# Grids


@given(longitude=st.floats(-180, 180), latitude=st.floats(-85, 85), turns=st.integers(-1, 1))
def test_x_goes_on_beyond_the_grid(longitude: float, latitude: float, turns: int) -> None:
    x, y = ease_from_geographic(longitude, latitude)
    further, same = ease_from_geographic(longitude + TURN * turns, latitude)
    # At ±180 itself rounding of the sum decides on which side a longitude lies, but not where.
    assert further - x == pytest.approx(turns * 34735060.890323, abs=1e-5)
    assert same == y
    back, _ = grids.geographic_from_ease(further, y)
    assert (back - longitude + 180) % TURN == pytest.approx(180, abs=1e-9)
    assert abs(back) < 180 + 1e-9


@given(grid=st.sampled_from([M09, M01]), column=st.integers(-40_000, 80_000), columns=st.integers(1, 50_000))
def test_parts_on_the_globe_make_the_window(grid: grids.Grid, column: int, columns: int) -> None:
    window = Window(7, column, 2, columns)
    found = np.full(columns, -1)
    for part, place in grid.on_globe(window):
        assert (part.row, part.rows) == (7, 2)
        assert 0 <= part.column < part.column + part.columns <= grid.columns
        assert (found[place] == -1).all()
        found[place] = np.arange(part.column, part.column + part.columns)
    np.testing.assert_array_equal(found, np.arange(column, column + columns) % grid.columns)


def test_a_window_on_the_globe_is_its_only_part() -> None:
    for window in (M01.window, Window(3, 34_703, 1, 1), Window(0, 0, 5, 5)):
        assert list(M01.on_globe(window)) == [(window, slice(0, window.columns))]


@given(box=boxes)
def test_cells_of_a_box_are_those_of_its_halves_side_by_side(box: Box) -> None:
    whole = cells_covering(region_area(box, None).bounds)
    east, west = (cells_covering(half) for half in halves(box))
    assert east.column + east.columns == M09.columns
    assert west.column == 0
    assert whole == Window(east.row, east.column, east.rows, east.columns + west.columns)
    assert (west.row, west.rows) == (whole.row, whole.rows)


def test_the_globe_from_edge_to_edge_and_its_outermost_cells() -> None:
    assert cells_covering((-180, -85, 180, 85)) == M09.window
    assert cells_covering((179.95, 0, 180, 1)).column == 3855
    assert cells_covering((-180, 0, -179.95, 1)).column == 0
    assert cells_covering(region_area((180, 0, -170, 1), None).bounds) == cells_covering((-180, 0, -170, 1))
    assert cells_covering(region_area((170, 0, -180, 1), None).bounds) == cells_covering((170, 0, 180, 1))


def test_longitudes_as_people_write_them() -> None:
    assert [grids.signed_longitude(value) for value in (170, 180, -180, 180.5, 190, 359, 0)] == [
        *(170, 180, 180, -179.5, -170, -1, 0),
    ]


def test_coarse_cells_of_a_window_across_180_are_those_of_the_globe() -> None:
    assert M09.columns % FOLD_SIDE == 0
    globe = np.random.default_rng(1).random((8, M09.columns))
    expected, _ = coarsen(globe, Window(400, 0, *globe.shape), grids.COARSE_SIDE, 1)
    window = Window(400, 3846, 8, 22)  # begins and ends within coarse cells
    found, coarse = coarsen(np.roll(globe, -3846, axis=1)[:, :22], window, grids.COARSE_SIDE, 1)
    columns = np.arange(coarse.column, coarse.column + coarse.columns)
    whole = np.isfinite(found).all(axis=0)
    assert whole.sum() == 5
    np.testing.assert_allclose(found[:, whole], expected[:, columns[whole] % 964])
    row, column = (index.ravel() for index in np.mgrid[400:432, 3792:3920])
    folds = spatial_folds(row, column)
    for square in np.unique(column // FOLD_SIDE):
        assert len(np.unique(folds[(row < 416) & (column // FOLD_SIDE == square)])) == 1
    assert set(np.unique(column // FOLD_SIDE) % 241) == {237, 238, 239, 240, 0, 1, 2, 3}


# Regions


def test_a_box_across_180_is_one_piece() -> None:
    assert region_area((170, 50, -170, 60), None).equals(shapely.box(170, 50, 190, 60))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4269", "EPSG:3460", "EPSG:3832", "EPSG:3576"])
def test_outlines_are_one_piece_in_whatever_crs_they_were_drawn(tmp_path: Path, crs: str) -> None:
    """In degrees from 0 to 360, in NAD83, in Fiji's own grid, in Mercator around 150° E, seen from the pole."""
    box = shapely.box(178, -18, 182, -16) if crs != "EPSG:3576" else shapely.box(178, 64, 182, 66)
    area = region_area(None, write(tmp_path / "outline.gpkg", [box.segmentize(0.05)], crs))
    assert area.symmetric_difference(box).area < 0.01
    assert area.bounds == pytest.approx(box.bounds, abs=0.01)


def test_polygons_at_both_sides_are_brought_together(tmp_path: Path) -> None:
    """As files have them, cut at 180°: the cut is not a border of the region any more."""
    cut = [shapely.box(177, -18, 180, -16), shapely.box(-180, -18, -179, -16), shapely.box(-179.5, -20, -178.5, -19)]
    path = write(tmp_path / "fiji.gpkg", cut)
    area = region_area(None, path)
    assert area.bounds == (177, -20, 181.5, -16)
    assert area.equals(shapely.MultiPolygon([shapely.box(177, -18, 181, -16), shapely.box(180.5, -20, 181.5, -19)]))
    # Cut by boxes: across 180°, and at either side, where nothing is to be counted on.
    assert region_area((178, -17, -179.5, -15), path).equals(shapely.box(178, -17, 180.5, -16))
    assert region_area((177.5, -17, 180, -15), path).bounds == (177.5, -17, 180, -16)
    assert region_area((-180, -17, -179.5, -15), path).bounds == (-180, -17, -179.5, -16)
    assert region_area((180, -17, -179.5, -15), path).bounds == (-180, -17, -179.5, -16)
    with pytest.raises(InputError, match="share no area"):
        region_area((170, -17, -179.5, -15), write(tmp_path / "far.gpkg", [shapely.box(10, 0, 20, 10)]))


def test_what_would_not_get_narrower_is_left(tmp_path: Path) -> None:
    for polygons in (
        [shapely.box(-180, 60, 180, 70)],
        [shapely.box(-170, 60, -10, 70), shapely.box(-5, 40, 90, 50)],
        [shapely.box(-100, 0, -20, 10), shapely.box(20, 0, 81, 10)],
        [shapely.box(0, 0, 170, 10)],
        [shapely.box(-179, 0, 0, 10)],
    ):
        assert region_area(None, write(tmp_path / "outline.gpkg", polygons)).equals(shapely.MultiPolygon(polygons))


def test_longitudes_beyond_a_turn_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"from 350° to 370° longitude: longitudes lie between -360 and 360 degrees"):
        region_area(None, write(tmp_path / "far.gpkg", [shapely.box(350, 60, 370, 70)]), "far")


@settings(max_examples=25, deadline=None)
@given(box=boxes)
def test_tiles_of_a_box_are_those_of_its_halves(box: Box) -> None:
    together = {tile for half in halves(box) for tile in tiles_of(shapely.box(*half))}
    area = region_area(box, None)
    assert tiles_of(area) == sorted(together)
    for turn in (-TURN, TURN):
        moved = translate(area, turn)
        if moved.bounds[0] >= -360 and moved.bounds[2] <= 360:
            assert tiles_of(moved) == sorted(together)


@settings(max_examples=25, deadline=None)
@given(box=boxes, turn=st.sampled_from([-1, 0, 1]))
def test_pixels_do_not_depend_on_how_longitudes_are_counted(box: Box, turn: int) -> None:
    area = region_area(box, None)
    corner = cells_covering(area.bounds)
    cells = Window(corner.row, M09.columns - 3, 4, 6)  # around 180°
    moved = Window(cells.row, cells.column + turn * M09.columns, 4, 6)
    inside = pixels_inside(area, moved)
    east, west = (
        pixels_inside(shapely.box(*half), Window(cells.row, column, 4, 3))
        for half, column in zip(halves(box), (M09.columns - 3, 0), strict=True)
    )
    np.testing.assert_array_equal(inside, np.hstack([east, west]))
    np.testing.assert_array_equal(pixels_inside(on_globe(area), moved), inside)


def test_pixels_have_the_area_of_the_outline(tmp_path: Path) -> None:
    triangle = shapely.Polygon([(178.9, -17.5), (181.3, -17.2), (180.2, -15.8)])
    cut = [triangle.intersection(shapely.box(170, -20, 180, 0))]
    cut.append(translate(triangle.intersection(shapely.box(180, -20, 190, 0)), -TURN))
    area = region_area(None, write(tmp_path / "triangle.gpkg", cut))
    cells = cells_covering(area.bounds)
    expected, _ = Geod(ellps="WGS84").geometry_area_perimeter(triangle.segmentize(0.02))
    inside = pixels_inside(area, cells)
    assert inside.sum() * M01.side**2 == pytest.approx(abs(expected), rel=2e-3)
    parts = np.zeros_like(inside)
    for block in blocks_of(cells, 8).values():
        parts[block.refined(CELL_SIDE).within(cells.refined(CELL_SIDE))] = pixels_inside(area, block)
    np.testing.assert_array_equal(parts, inside)


# Tiles


@pytest.mark.parametrize("tile", ["h35v08", "h00v10", "h25v02", "h10v02", "h19v00", "h14v17", "h25v04"])
def test_pixels_on_the_earth(tile: str) -> None:
    grid = tile_grid(tile, 1200)
    x, y = np.meshgrid(grid.x_centres(grid.window), grid.y_centres(grid.window))
    # The Earth's edge is where PROJ puts ±180°.
    edge, _ = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(
        np.full(1200, 180.0), np.degrees(y[:, 0] / 6371007.181)
    )
    np.testing.assert_array_equal(grids.on_earth(grid), np.abs(x) <= edge[:, None])
    assert grids.on_earth(grid).all() == (tile == "h25v04")


def linear(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """About one unit a km, with longitudes that go on beyond 180."""
    return 50 * (np.where(longitude < 0, longitude + TURN, longitude) - 180) + 100 * latitude


def composite(folder: Path, tile: str) -> TileComposite:
    """The linear field on a tile, and what granules have beyond the Earth: nothing, which a composite takes for sea."""
    grid = tile_grid(tile, 1200)
    longitude, latitude = grids.geographic_from_sinusoidal(
        *np.meshgrid(grid.x_centres(grid.window), grid.y_centres(grid.window))
    )
    there = np.abs(longitude) <= 180
    bands = {"ndvi": np.where(there, linear(longitude, latitude), np.nan), "ndvi_days": np.where(there, 31, 0)}
    bands |= {"water": ~there, "snow": np.zeros(there.shape)}
    path = folder / f"{tile}.tif"
    write_raster(path, {name: band.astype(np.float32) for name, band in bands.items()}, grid, grid.window, {})
    return TileComposite("MOD13A2.061", tile, path)


@pytest.mark.parametrize("box", [FIJI, CHUKOTKA], ids=["Fiji", "Chukotka"])
def test_a_linear_field_has_no_seam(tmp_path: Path, box: Box) -> None:
    """Recovered at 1 km on both sides, as well at 180° as elsewhere, and never from the other end of the Earth."""
    area = region_area(box, None)
    composites = [composite(tmp_path, tile) for tile in tiles_of(area)]
    assert len(composites) == 2
    cells = Window(cells_covering(area.bounds).row, M09.columns - 4, 6, 8)
    stack = stack_predictors(composites, ["ndvi"], cells, 3)
    pixels = cells.refined(CELL_SIDE)
    back = Transformer.from_crs("EPSG:6933", "EPSG:4326", always_xy=True)
    longitude, latitude = back.transform(*np.meshgrid(M01.x_centres(pixels), M01.y_centres(pixels)))
    error = stack["ndvi"] - linear(longitude, latitude)
    # The edge of tiles follows the Earth's in steps, of three pixels a row at 65° N: what is missing reaches so far.
    seam = slice(32, 40)
    missing = np.isnan(error)
    assert not np.delete(missing, seam, axis=1).any()
    assert not stack["water"][~missing].any()
    assert missing[:, 35:37].mean() < (0.25 if box == CHUKOTKA else 0.001)
    assert missing.mean() < 0.01
    assert np.nanmax(np.abs(np.delete(error, seam, axis=1))) < 0.2
    # Up to half of a pixel, of 0.5 × 2 km there, may be missing: the rest has its middle elsewhere.
    assert np.nanmax(np.abs(error)) < (1.2 if box == CHUKOTKA else 0.5)
    # The halves by themselves, with their own tile: what a region that ends at 180° gets.
    east = stack_predictors([composites[1]], ["ndvi"], Window(cells.row, cells.column, 6, 4), 3)
    west = stack_predictors([composites[0]], ["ndvi"], Window(cells.row, 0, 6, 4), 3)
    np.testing.assert_array_equal(stack["ndvi"], np.hstack([east["ndvi"], west["ndvi"]]))


def test_every_pixel_of_the_earth_is_covered_once() -> None:
    """Around 180° two full tiles, cut at the Earth's edge, cover everything and nothing twice."""
    row, _ = M01.locate(*ease_from_geographic(0, 65.3))
    shares = []
    for tile, column in (("h25v02", M01.columns - 30), ("h10v02", 0)):
        shares.append(sum_footprints(np.ones((1, 1200, 1200)), tile_grid(tile, 1200), Window(int(row), column, 20, 30)))
    for sums, share in shares:
        np.testing.assert_allclose(sums, 1, atol=1e-9)
        np.testing.assert_allclose(share, 1, atol=1e-9)


# Rasters


def test_global_data_are_taken_at_both_ends(tmp_path: Path) -> None:
    """SMAP's mean is global, a block lies across 180° or beyond it."""
    globe = np.random.default_rng(2).random(M09.window.shape).astype(np.float32)
    write_raster(tmp_path / "globe.tif", {"fields": globe, "soil_moisture": -globe}, M09, M09.window, {})
    for column in (3800, 3840, 3856, 3860):
        found = read_window(tmp_path / "globe.tif", "fields", M09, Window(500, column, 9, 30))
        np.testing.assert_array_equal(found, np.roll(globe, -column, axis=1)[500:509, :30])
        assert found.dtype == np.float32


def test_gdal_finds_both_sides_of_a_map(tmp_path: Path) -> None:
    """Its x goes on beyond the grid's edge, and who brings it to degrees loses nothing."""
    pixels = cells_covering(region_area(FIJI, None).bounds).refined(CELL_SIDE)
    column = np.broadcast_to(np.arange(pixels.columns, dtype=np.float32), pixels.shape)
    write_raster(tmp_path / "map.tif", {"soil_moisture": column}, M01, pixels, {}, cloud_optimized=True)
    with rasterio.open(tmp_path / "map.tif") as file:
        assert file.bounds.left < 17367530 < file.bounds.right
        assert file.transform.c == pytest.approx(M01.left + pixels.column * M01.side, abs=1e-6)
        values, places = file.read(1), {"src_transform": file.transform, "src_crs": file.crs}
    for west in (178.7, -181.3):
        degrees = np.full((80, 260), np.nan, np.float32)
        reproject(
            values,
            degrees,
            **places,
            dst_transform=rasterio.Affine(0.01, 0, west, 0, -0.01, -16.4),
            dst_crs="EPSG:4326",
            dst_nodata=np.nan,
        )
        longitude = 178.7 + (np.arange(260) + 0.5) * 0.01
        expected = np.floor((ease_from_geographic(longitude, longitude * 0)[0] - M01.x_edges(pixels)[0]) / M01.side)
        np.testing.assert_allclose(degrees, np.broadcast_to(expected, degrees.shape), atol=1)


# What people see


def bands(window: Window) -> dict[str, np.ndarray]:
    names = ["ndvi", "valid_fraction", "valid_fraction_ndvi", "target"]
    return {name: np.random.default_rng(3).random(window.shape) for name in names}


def test_samples_have_longitudes_within_180() -> None:
    window = cells_covering(region_area(FIJI, None).bounds)
    frame = collect(bands(window), window, ["ndvi"], 0).assign(split="train")
    schema(["ndvi"]).validate(frame)
    assert frame["col"].min() < M09.columns < frame["col"].max()
    beyond = frame["col"] >= M09.columns
    assert (frame["lon"][beyond] < -178.5).all()
    assert (frame["lon"][~beyond] > 178.5).all()
    x, _ = ease_from_geographic(frame["lon"], frame["lat"])
    np.testing.assert_array_equal(M09.locate(x, x)[1], frame["col"] % M09.columns)


def write_maps(folder: Path, box: Box) -> tuple[Path, Path]:
    """Both maps: the longitude, less 180, as hundredths."""
    cells = cells_covering(region_area(box, None).bounds)
    paths = folder / "coarse.tif", folder / "fine.tif"
    for path, grid, window in zip(paths, (M09, M01), (cells, cells.refined(CELL_SIDE)), strict=True):
        east = (M01.x_edges(cells.refined(CELL_SIDE))[0] + (np.arange(window.columns) + 0.5) * grid.side) / 96486.28
        values = np.broadcast_to((east - 180) / 100 + 0.1, window.shape).astype(np.float32)
        write_raster(path, {"soil_moisture": values}, grid, window, {}, cloud_optimized=True)
    return paths


def test_field_points_at_both_sides_lie_in_the_region(tmp_path: Path) -> None:
    paths = write_maps(tmp_path, FIJI)
    longitude = [178.7, 179.99, -179.99, -178.7, 180.0, -180.0, 178.0, -178.0, 0.0]
    measured = {"latitude": -17.0, "soil_moisture": 0.1, "measurements": 1}
    points = pd.DataFrame({"id": list("abcdefghi"), "longitude": longitude, **measured})
    own = {name: ComparedMap(path) for name, path in zip(("coarse", "fine"), paths, strict=True)}
    matched = match_points(points, own, "points.csv")[0]
    assert list(matched["id"]) == ["a", "b; e", "c; f", "d"]
    expected = (np.where(matched["longitude"] < 0, matched["longitude"] + TURN, matched["longitude"]) - 180) / 100 + 0.1
    np.testing.assert_allclose(matched["fine"], expected, atol=1.1e-4)
    np.testing.assert_allclose(matched["longitude"], [178.7, 179.99, -179.99, -178.7], atol=0.0053)


@pytest.mark.parametrize("with_outline", [False, True])
def test_maps_are_drawn_in_one_piece(tmp_path: Path, with_outline: bool) -> None:
    outline = None
    if with_outline:
        cut = [shapely.box(178.8, -17.3, 180, -16.4), shapely.box(-180, -17.3, -178.8, -16.4)]
        outline = write(tmp_path / "outline.gpkg", cut)
    figure = draw_both_maps(tmp_path / "maps.png", *write_maps(tmp_path, FIJI), "taveuni", (outline, FIJI, None))
    for axes in figure.axes[:2]:
        left, right = axes.get_xlim()
        assert 290 < right - left < 320  # 2.8° at 17° S are 298 km
        values = np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
        columns = np.nanmean(values, axis=0)
        columns = columns[np.isfinite(columns)]
        assert columns.size > 0.95 * values.shape[1]
        assert (np.diff(columns) > -1e-6).all()
        assert columns[[0, -1]] == pytest.approx([0.086, 0.114], abs=1e-3)
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert {"179°E", "180°", "179°W"} <= set(labels)
        area = axes.collections[0].get_paths()[0].get_extents()
        width = 2.4 if with_outline else 2.8
        assert area.width == pytest.approx(width * 106.5, rel=0.01)
        # No line at 180°, which is x = 0: borders are those of the region.
        (border,) = [path for path in axes.collections[1].get_paths() if len(path.vertices)]
        inner = np.abs(border.vertices[:, 1] - border.vertices[:, 1].mean()) < 40
        assert (np.abs(border.vertices[inner, 0]) > 100).all()
