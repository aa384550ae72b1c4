"""The grids: constants, coordinates against pyproj, windows, tiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from kilomoist import grids
from kilomoist.grids import CELL_SIDE, M01, M09, Window, ease_from_geographic, geographic_from_ease, tile_grid

longitudes = st.floats(-180, 180, allow_nan=False)
latitudes = st.floats(-85, 85, allow_nan=False)
windows = st.builds(Window, *[st.integers(0, 500)] * 2, *[st.integers(1, 60)] * 2)


# EASE-Grid 2.0: numbers from NSIDC's definition, computed outside this project


@pytest.mark.parametrize(
    ("bbox", "rows", "columns"),
    [
        ((87.7, 41.55, 119.95, 52.15), (169, 273), (2867, 3213)),  # Mongolia
        ((-9.55, 35.95, 3.35, 43.85), (248, 335), (1825, 1964)),  # Iberia
        ((-103.01, 33.60, -94.42, 40.01), (289, 363), (824, 917)),  # Kansas and Oklahoma
    ],
)
def test_cells_that_cover_a_box(bbox: grids.Box, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    assert grids.cells_covering(bbox) == Window(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])


def test_the_globe_is_covered_from_edge_to_edge() -> None:
    first = Window(0, 0, 1, 1)
    longitude, latitude = geographic_from_ease(M09.x_centres(first), M09.y_centres(first))
    assert (longitude[0], latitude[0]) == pytest.approx((-179.95331950207586, 84.65641879712118), abs=1e-9)
    assert M09.x_edges(M09.window)[[0, -1]] == pytest.approx([-17367530.4451614, 17367530.4451614], abs=1e-3)
    assert M09.y_edges(M09.window)[[0, -1]] == pytest.approx([7314540.8306386, -7314540.8306386], abs=1e-3)
    assert geographic_from_ease(0, M09.top)[1] == pytest.approx(85.04456640737645, abs=1e-9)
    assert ease_from_geographic(180, 0)[0] == pytest.approx(17367530.445161372, abs=1e-6)
    assert M09.window.shape == (1624, 3856)
    assert M01.window.shape == (14616, 34704)
    assert M01.side == pytest.approx(1000.89502334956, abs=1e-10)


@given(row=st.integers(0, 1623), column=st.integers(0, 3855))
def test_nine_by_nine_pixels_fill_a_cell(row: int, column: int) -> None:
    cell = Window(row, column, 1, 1)
    pixels = cell.refined(CELL_SIDE)
    np.testing.assert_allclose(M01.x_edges(pixels)[[0, -1]], M09.x_edges(cell), rtol=0, atol=1e-6)
    np.testing.assert_allclose(M01.y_edges(pixels)[[0, -1]], M09.y_edges(cell), rtol=0, atol=1e-6)
    # The middle one of nine pixels lies at the cell's centre.
    assert M01.x_centres(pixels)[4] == pytest.approx(M09.x_centres(cell)[0], abs=1e-6)
    assert M01.y_centres(pixels)[4] == pytest.approx(M09.y_centres(cell)[0], abs=1e-6)


@given(longitude=longitudes, latitude=latitudes)
def test_ease_is_the_closed_form_of_its_definition(longitude: float, latitude: float) -> None:
    a, f, standard = 6378137.0, 1 / 298.257223563, np.radians(30)
    e2 = f * (2 - f)
    e, sine = np.sqrt(e2), np.sin(np.radians(latitude))
    scale = np.cos(standard) / np.sqrt(1 - e2 * np.sin(standard) ** 2)
    q = (1 - e2) * (sine / (1 - e2 * sine**2) - np.log((1 - e * sine) / (1 + e * sine)) / (2 * e))
    x, y = ease_from_geographic(longitude, latitude)
    assert x == pytest.approx(a * scale * np.radians(longitude), abs=1e-6)
    assert y == pytest.approx(a * q / (2 * scale), abs=1e-6)
    # A centimetre, of PROJ's series.
    assert geographic_from_ease(x, y) == pytest.approx((longitude, latitude), abs=1e-7)


@given(row=st.integers(0, M01.rows - 1), column=st.integers(0, M01.columns - 1))
def test_centres_lie_in_their_pixels(row: int, column: int) -> None:
    window = Window(row, column, 1, 1)
    found = M01.locate(M01.x_centres(window), M01.y_centres(window))
    assert [index.item() for index in found] == [row, column]


def test_pixels_have_the_same_area_everywhere() -> None:
    geod = Geod(ellps="WGS84")
    for row in (1500, 5000, 7300, 13000):
        window = Window(row, 26000, 1, 1)
        (west, east), (north, south) = grids.longitude_edges(window), grids.latitude_edges(window)
        across = np.linspace(west, east, 50)
        ring = (np.r_[across, across[::-1]], np.r_[np.full(50, south), np.full(50, north)])
        area, _ = geod.polygon_area_perimeter(*ring)
        assert area == pytest.approx(M01.side**2, rel=1e-6)


def test_edges_in_degrees_are_those_of_pyproj() -> None:
    window = Window(2000, 27000, 5, 7)
    to_degrees = Transformer.from_crs(grids.EASE_CRS, "EPSG:4326", always_xy=True)
    x, y = M01.x_edges(window), M01.y_edges(window)
    expected = to_degrees.transform(np.repeat(x, len(y)), np.tile(y, len(x)))
    np.testing.assert_allclose(np.repeat(grids.longitude_edges(window), len(y)), expected[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(np.tile(grids.latitude_edges(window), len(x)), expected[1], rtol=0, atol=1e-10)


def test_affine_coefficients_lead_to_centres() -> None:
    window = Window(169, 2867, 104, 346)
    a, b, c, d, e, f = M09.transform(window)
    assert (b, d, a, e) == (0, 0, M09.side, -M09.side)
    np.testing.assert_allclose(c + a * (np.arange(346) + 0.5), M09.x_centres(window), rtol=1e-15)
    np.testing.assert_allclose(f + e * (np.arange(104) + 0.5), M09.y_centres(window), rtol=1e-15)
    assert M09.transform() == (M09.side, 0, M09.left, 0, -M09.side, M09.top)


# Sinusoidal


@given(longitude=longitudes, latitude=st.floats(-89, 89))
def test_sinusoidal_is_that_of_proj(longitude: float, latitude: float) -> None:
    forward = Transformer.from_crs("EPSG:4326", grids.SINUSOIDAL_CRS, always_xy=True)
    x, y = grids.sinusoidal_from_geographic(longitude, latitude)
    assert (x, y) == pytest.approx(forward.transform(longitude, latitude), abs=1e-6)
    assert grids.geographic_from_sinusoidal(x, y) == pytest.approx((longitude, latitude), abs=1e-9)


@pytest.mark.parametrize(
    ("tile", "left", "top", "right", "bottom"),
    [
        # StructMetadata of MOD11A1.A2024025.h10v06.061 and MOD13Q1.A2023353.h17v06.061, accurate to a millimetre.
        ("h10v06", -8895604.158132, 3335851.5593, -7783653.638366, 2223901.039533),
        ("h17v06", -1111950.519667, 3335851.559, 0.0, 2223901.039333),
        ("h25v04", 7783653.637667, 5559752.598333, 8895604.157333, 4447802.078667),
    ],
)
@pytest.mark.parametrize("pixels", [1200, 2400])
def test_corners_of_tiles(tile: str, left: float, top: float, right: float, bottom: float, pixels: int) -> None:
    grid = tile_grid(tile, pixels)
    x, y = grid.x_edges(grid.window)[[0, -1]], grid.y_edges(grid.window)[[0, -1]]
    assert (*x, *y) == pytest.approx((left, right, top, bottom), abs=0.01)
    assert grid.side == pytest.approx(463.3127165 * 2400 / pixels, abs=1e-6)


@pytest.mark.parametrize(
    ("tile", "longitude", "latitude"),
    # Ulaanbaatar, Madrid, Wichita, Cape Town, the equator east of Greenwich, Auckland.
    [
        ("h25v04", 106.9, 47.9),
        ("h17v04", -3.7, 40.4),
        ("h10v05", -97.3, 37.7),
        ("h19v12", 18.4, -33.9),
        ("h18v08", 0.1, 0.1),
        ("h31v12", 174.8, -36.9),
    ],
)
def test_points_lie_in_their_tiles(tile: str, longitude: float, latitude: float) -> None:
    grid = tile_grid(tile, 1200)
    assert all(0 <= index < 1200 for index in grid.locate(*grids.sinusoidal_from_geographic(longitude, latitude)))


def test_tiles_join() -> None:
    middle, right, below = (tile_grid(tile, 1200) for tile in ("h18v08", "h19v08", "h18v09"))
    assert middle.left + grids.TILE_SIDE == pytest.approx(right.left, abs=1e-6)
    assert middle.top - grids.TILE_SIDE == pytest.approx(below.top, abs=1e-6)
    assert (middle.left, below.top) == (0, 0)


@pytest.mark.parametrize("name", ["h36v00", "h00v18", "h1v1", "H25V04", "h25v04.", "", "h25v4"])
def test_names_of_no_tile(name: str) -> None:
    with pytest.raises(ValueError, match="is not a tile of the MODIS sinusoidal grid"):
        grids.tile_indices(name)


# Windows


@given(window=windows, factor=st.integers(1, 12))
def test_refined_and_coarsened_undo_each_other(window: Window, factor: int) -> None:
    fine = window.refined(factor)
    assert fine.coarsened(factor) == window
    assert fine.rows * fine.columns == window.rows * window.columns * factor**2


@given(window=windows, factor=st.integers(2, 9), which=st.sampled_from(["row", "column", "rows", "columns"]))
def test_windows_of_broken_cells_are_refused(window: Window, factor: int, which: str) -> None:
    fine = window.refined(factor)
    shifted = Window(**{**fine.__dict__, which: getattr(fine, which) + 1})
    with pytest.raises(ValueError, match="whole cells"):
        shifted.coarsened(factor)


@given(outer=windows, data=st.data())
def test_a_window_cuts_itself_out_of_another(outer: Window, data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, outer.rows)), data.draw(st.integers(1, outer.columns))
    row = data.draw(st.integers(outer.row, outer.row + outer.rows - rows))
    column = data.draw(st.integers(outer.column, outer.column + outer.columns - columns))
    # Each element of the array says where it lies on the grid.
    indices = np.mgrid[outer.row : outer.row + outer.rows, outer.column : outer.column + outer.columns]
    cut = indices[(slice(None), *Window(row, column, rows, columns).within(outer))]
    assert cut.shape[1:] == (rows, columns)
    assert tuple(cut[:, 0, 0]) == (row, column)
    assert tuple(cut[:, -1, -1]) == (row + rows - 1, column + columns - 1)


def test_pieces_of_a_window_have_one_shape_but_the_last() -> None:
    assert list(Window(100, 200, 20, 30).pieces(16, 20)) == [
        Window(100, 200, 16, 20),
        Window(100, 220, 16, 10),
        Window(116, 200, 4, 20),
        Window(116, 220, 4, 10),
    ]


@pytest.mark.parametrize(
    "window", [Window(9, 10, 5, 5), Window(10, 9, 5, 5), Window(10, 10, 6, 5), Window(10, 10, 5, 6)]
)
def test_a_window_that_reaches_out_of_another_is_refused(window: Window) -> None:
    with pytest.raises(ValueError, match="does not lie inside"):
        window.within(Window(10, 10, 5, 5))
