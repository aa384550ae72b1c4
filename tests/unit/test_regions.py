"""Regions: outlines, the cells, tiles and blocks they need, and which pixels lie inside."""

import math
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, M01, Box, Window, cells_covering, tile_grid
from kilomoist.regions import blocks_of, pixels_inside, region_area, tiles_of

Real = Callable[[str], Path]
KHANGAI = (96.0, 45.0, 104.0, 50.0)
TRIANGLE = shapely.Polygon([(97, 46), (101, 46), (99, 49)])


def write(path: Path, geometries: list[shapely.Geometry], crs: str | None = "EPSG:4326") -> Path:
    geopandas.GeoDataFrame(geometry=geometries, crs=crs).to_file(path)
    return path


# Areas


def test_a_box_and_an_outline_share_their_intersection(tmp_path: Path) -> None:
    path = write(tmp_path / "outline.gpkg", [TRIANGLE])
    assert region_area(KHANGAI, None).bounds == KHANGAI
    assert region_area(None, path).area == pytest.approx(6)
    assert region_area((97, 46, 99, 49), path).area == pytest.approx(3)


def test_a_box_beside_its_outline_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "outline.gpkg", [TRIANGLE])
    for box in ((0.0, 0.0, 1.0, 1.0), (95.0, 45.0, 101.0, 46.0)):  # far away; a common border
        with pytest.raises(InputError, match=r"region here: bbox \[.*\] and outline .* share no area"):
            region_area(box, path, "here")


def test_an_outline_beyond_the_grid_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "antarctica.gpkg", [shapely.box(-180, -90, 180, -65)])
    with pytest.raises(InputError, match=r"region south reaches from -90° to -65° latitude, the grid ends at ±85°"):
        region_area(None, path, "south")


# Tiles


@pytest.mark.parametrize("outline", ["mongolia_50m.geojson", "mongolia_110m.geojson"])
def test_tiles_of_mongolia(real: Real, outline: str) -> None:
    """Of a coarse outline too."""
    country = region_area((87.7, 41.55, 119.95, 52.15), real(outline))
    assert tiles_of(country) == ["h23v03", "h23v04", "h24v03", "h24v04", "h25v03", "h25v04", "h26v04"]


def test_cells_of_mongolia(real: Real) -> None:
    outline = region_area((87.7, 41.55, 119.95, 52.15), real("mongolia_50m.geojson"))
    window = cells_covering(outline.bounds)
    assert 169 <= window.row < window.row + window.rows <= 273
    assert 2867 <= window.column < window.column + window.columns <= 3213
    inside = pixels_inside(outline, window)
    # Official area 1,564,116 km²; the outline at 1:50m and Geod's area of it agree with the pixels'.
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(outline)
    assert inside.sum() * M01.side**2 == pytest.approx(abs(area), rel=1e-4)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (KHANGAI, ["h24v04", "h25v04"]),
        ((-92, 33.5, -75, 40), ["h10v05", "h11v05", "h12v05"]),
        ((10, 10, 20, 20), ["h18v07", "h19v07"]),
        ((0.01, 0.01, 9.9, 9.9), ["h18v08"]),
        ((-0.1, -0.1, 0.1, 0.1), ["h17v08", "h17v09", "h18v08", "h18v09"]),
        ((170, -10, 180, 10), ["h34v08", "h34v09", "h35v08", "h35v09"]),
        ((175, -5, 180, 5), ["h35v08", "h35v09"]),
        ((-180, -5, -175, 5), ["h00v08", "h00v09"]),
        # Across 180°: Fiji, Chukotka, and boxes where it is at x = 31.3 and 15.7 degrees of the sphere's equator, so
        # that some tiles are hardly on the Earth.
        ((178.6, -17.4, -178.6, -16.3), ["h00v10", "h35v10"]),
        ((178.5, 64.5, -178.5, 66.8), ["h10v02", "h25v02"]),
        ((170, 80, 180, 85), ["h19v00", "h20v00", "h21v00"]),
        ((170, -85, -170, -80), ["h14v17", "h15v17", "h16v17", "h19v17", "h20v17", "h21v17"]),
    ],
)
def test_tiles_of_boxes_are_those_that_points_fall_into(box: Box, expected: list[str]) -> None:
    west, south, east, north = box
    eastward = np.linspace(west, east + 360 * (east < west), 900)[1:-1]
    longitude, latitude = np.meshgrid((eastward + 180) % 360 - 180, np.linspace(south, north, 700)[1:-1])
    forward = Transformer.from_crs("EPSG:4326", tile_grid("h18v08", 1200).crs, always_xy=True)
    x, y = forward.transform(longitude.ravel(), latitude.ravel())
    side = 1111950.5196666666
    h, v = np.floor(x / side).astype(int) + 18, 8 - np.floor(y / side).astype(int)
    assert tiles_of(region_area(box, None)) == expected
    assert expected == sorted({f"h{i:02d}v{j:02d}" for i, j in set(zip(h, v, strict=True))})


def test_a_box_that_ends_at_a_tile_needs_no_neighbour() -> None:
    assert tiles_of(shapely.box(0, 0, 10, 10)) == ["h18v08"]


# Blocks


@given(
    cells=st.builds(Window, st.integers(0, 300), st.integers(0, 300), st.integers(1, 60), st.integers(1, 60)),
    side=st.integers(8, 40),
)
def test_blocks_cover_every_cell_once(cells: Window, side: int) -> None:
    counted = np.zeros(cells.shape, int)
    for block in blocks_of(cells, side).values():
        counted[block.within(cells)] += 1
        assert block.rows <= side
        assert block.columns <= side
    assert (counted == 1).all()


@given(
    cells=st.builds(Window, st.integers(0, 300), st.integers(0, 300), st.integers(1, 60), st.integers(1, 60)),
    side=st.integers(8, 40),
)
def test_blocks_differ_by_no_more_than_a_row_and_a_column(cells: Window, side: int) -> None:
    blocks = blocks_of(cells, side)
    assert len(blocks) == math.ceil(cells.rows / side) * math.ceil(cells.columns / side)
    for lengths in ({block.rows for block in blocks.values()}, {block.columns for block in blocks.values()}):
        assert max(lengths) - min(lengths) <= 1


def test_names_of_blocks() -> None:
    blocks = blocks_of(Window(169, 2867, 104, 346), 256)
    assert blocks == {"r000c000": Window(169, 2867, 104, 173), "r000c001": Window(169, 3040, 104, 173)}


# Pixels


@settings(max_examples=10, deadline=None)
@given(west=st.floats(90, 110), south=st.floats(40, 50), width=st.floats(0.05, 0.6), height=st.floats(0.05, 0.4))
def test_pixels_of_a_box_are_those_whose_centre_lies_in_it(
    west: float, south: float, width: float, height: float
) -> None:
    box = shapely.box(west, south, west + width, south + height)
    cells = cells_covering(box.bounds)
    window = cells.refined(CELL_SIDE)
    to_degrees = Transformer.from_crs("EPSG:6933", "EPSG:4326", always_xy=True)
    x, y = np.meshgrid(M01.x_centres(window), M01.y_centres(window))
    longitude, latitude = to_degrees.transform(x, y)
    expected = (longitude > west) & (longitude < west + width) & (latitude > south) & (latitude < south + height)
    np.testing.assert_array_equal(pixels_inside(box, cells), expected)
    # The window is as small as it can be: the box reaches into its outer cells.
    place = rasterio.Affine(9008.055210146, 0, M01.x_edges(window)[0], 0, -9008.055210146, M01.y_edges(window)[0])
    outline = shapely.transform(box, lambda points: np.column_stack(_forward(points)))
    outer = rasterio.features.geometry_mask([outline], cells.shape, place, all_touched=True, invert=True)
    assert all(edge.any() for edge in (outer[0], outer[-1], outer[:, 0], outer[:, -1]))


def _forward(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return Transformer.from_crs("EPSG:4326", "EPSG:6933", always_xy=True).transform(points[:, 0], points[:, 1])


def test_holes_and_blocks_of_an_outline() -> None:
    """A region's blocks together hold the pixels of the whole, and a hole holds none."""
    ring = TRIANGLE.difference(shapely.Point(99, 47).buffer(0.4))
    cells = cells_covering(ring.bounds)
    whole = pixels_inside(ring, cells)
    parts = np.zeros_like(whole)
    for block in blocks_of(cells, 11).values():
        parts[block.refined(CELL_SIDE).within(cells.refined(CELL_SIDE))] = pixels_inside(ring, block)
    np.testing.assert_array_equal(parts, whole)
    row, column = (index.item() for index in M01.locate(*_forward(np.array([[99.0, 47.0]]))))
    pixels = cells.refined(CELL_SIDE)
    assert not whole[row - pixels.row - 20 : row - pixels.row + 20, column - pixels.column].any()


def test_a_block_outside_of_the_outline_is_empty() -> None:
    assert not pixels_inside(TRIANGLE, Window(100, 100, 3, 3)).any()
