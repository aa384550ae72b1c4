"""The warp against areas of polygons: what shapely intersects, pixel by pixel."""

import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Transformer
from rasterio.warp import Resampling, reproject

from kilomoist.grids import (
    EASE_CRS,
    M01,
    SINUSOIDAL_CRS,
    Grid,
    Window,
    ease_from_geographic,
    longitude_edges,
    tile_grid,
)
from kilomoist.predictors.footprints import sum_footprints, window_under

TO_SINUSOIDAL = Transformer.from_crs(EASE_CRS, SINUSOIDAL_CRS, always_xy=True)
POINTS_PER_SIDE = 40


def window_at(longitude: float, latitude: float, side: int = 14) -> Window:
    row, column = M01.locate(*ease_from_geographic(longitude, latitude))
    return Window(int(row), int(column), side, side)


def polygon_mean(layer: np.ndarray, source: Grid, target: Window) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covered share of every pixel: its outline, densified, brought to the sinusoidal grid by PROJ."""
    means, shares = np.full(target.shape, np.nan), np.zeros(target.shape)
    x, y = M01.x_edges(target), M01.y_edges(target)
    for row, column in np.ndindex(target.shape):
        square = shapely.box(x[column], y[row + 1], x[column + 1], y[row])
        square = shapely.segmentize(square, M01.side / POINTS_PER_SIDE)
        polygon = shapely.transform(square, lambda points: np.column_stack(TO_SINUSOIDAL.transform(*points.T)))
        left, bottom, right, top = polygon.bounds
        first_row, first_column = (int(index) for index in source.locate(left, top))
        last_row, last_column = (int(index) for index in source.locate(right, bottom))
        weight = total = 0.0
        for i in range(max(first_row, 0), min(last_row, source.rows - 1) + 1):
            for j in range(max(first_column, 0), min(last_column, source.columns - 1) + 1):
                west, north = source.left + j * source.side, source.top - i * source.side
                if np.isfinite(layer[i, j]):
                    pixel = shapely.box(west, north - source.side, west + source.side, north)
                    area = polygon.intersection(pixel).area
                    weight += area
                    total += area * layer[i, j]
        shares[row, column] = weight / polygon.area
        if weight:
            means[row, column] = total / weight
    return means, shares


def warp(layer: np.ndarray, source: Grid, target: Window) -> tuple[np.ndarray, np.ndarray]:
    (total,), (share,) = sum_footprints(layer[None], source, target)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / share, share


@pytest.mark.parametrize(
    ("longitude", "latitude", "tile", "pixels"),
    [
        # Sheared: from row to row the sides of a pixel move by λ·sin φ columns, 1.3 at 105° E, 47° N.
        (105.0, 47.0, "h25v04", 1200),
        (105.0, 47.0, "h25v04", 2400),
        (-85.0, 35.0, "h11v05", 1200),
        (140.0, -25.0, "h30v11", 1200),
        # Not sheared near the grid's central meridian.
        (0.4, 47.0, "h18v04", 1200),
        (0.4, 47.0, "h18v04", 2400),
        # At the equator.
        (100.5, 0.2, "h28v08", 1200),
    ],
)
def test_means_are_those_over_polygons(longitude: float, latitude: float, tile: str, pixels: int) -> None:
    """White noise of deviation 1 has no neighbours alike: nothing forgives a misplaced edge."""
    source, target = tile_grid(tile, pixels), window_at(longitude, latitude)
    layer = np.random.default_rng(1).standard_normal((pixels, pixels))
    means, shares = warp(layer, source, target)
    expected, expected_shares = polygon_mean(layer, source, target)
    np.testing.assert_allclose(expected_shares, 1, rtol=0, atol=1e-9)
    np.testing.assert_allclose(shares, 1, rtol=0, atol=1e-9)
    assert np.sqrt(np.mean((means - expected) ** 2)) < 1e-3
    assert np.abs(means - expected).max() < 5e-3
    assert np.corrcoef(means.ravel(), expected.ravel())[0, 1] > 0.997


@pytest.mark.parametrize(
    ("longitude", "latitude", "tile", "pixels"),
    [(105.0, 47.0, "h25v04", 1200), (105.0, 47.0, "h25v04", 2400), (0.4, 47.0, "h18v04", 1200)],
)
def test_means_and_shares_with_gaps(longitude: float, latitude: float, tile: str, pixels: int) -> None:
    source, target = tile_grid(tile, pixels), window_at(longitude, latitude)
    layer = np.random.default_rng(1).standard_normal((pixels, pixels))
    layer[np.random.default_rng(2).random(layer.shape) < 0.4] = np.nan
    means, shares = warp(layer, source, target)
    expected, expected_shares = polygon_mean(layer, source, target)
    assert expected_shares.min() < 0.5 < expected_shares.max()
    assert np.abs(shares - expected_shares).max() < 1e-3
    # A smaller part of the pixel makes a misplaced edge weigh more.
    half = expected_shares >= 0.5
    assert np.abs(means - expected)[half].max() < 2e-3


def test_means_across_the_central_meridian() -> None:
    """At 0° E, where nothing is sheared, two tiles meet: the sums of both make the means."""
    target = window_at(-0.07, 47.0)
    assert longitude_edges(target)[0] < -0.05 < 0.05 < longitude_edges(target)[-1]
    total, share, expected, expected_share = np.zeros((4, *target.shape))
    for seed, tile in enumerate(("h17v04", "h18v04")):
        source = tile_grid(tile, 1200)
        layer = np.random.default_rng(seed).standard_normal((1200, 1200))
        of_tile = sum_footprints(layer[None], source, target)
        total, share = total + of_tile[0][0], share + of_tile[1][0]
        mean, covered = polygon_mean(layer, source, target)
        assert 0.1 < covered.mean() < 0.9
        expected, expected_share = expected + np.nan_to_num(mean) * covered, expected_share + covered
    np.testing.assert_allclose(expected_share, 1, rtol=0, atol=1e-9)
    np.testing.assert_allclose(share, 1, rtol=0, atol=1e-9)
    assert np.sqrt(np.mean((total - expected) ** 2)) < 1e-3
    assert np.abs(total - expected).max() < 5e-3


def test_covered_share_is_the_area_of_the_polygon() -> None:
    """At a tile's border, without any gap in the layer: shares of both tiles say which part each covers."""
    # h24v04 and h25v04 meet at x = 7 · 1111950 m, which is 103.5° E at 47.5° N.
    target = window_at(103.4, 47.55, 16)
    shares = []
    for tile in ("h24v04", "h25v04"):
        source = tile_grid(tile, 1200)
        layer = np.ones((1200, 1200))
        shares.append(warp(layer, source, target)[1])
        expected = polygon_mean(layer, source, target)[1]
        assert 0.01 < expected.mean() < 0.99
        assert np.abs(shares[-1] - expected).max() < 0.03
    np.testing.assert_allclose(shares[0] + shares[1], 1, rtol=0, atol=1e-9)
    assert ((shares[0] > 0.01) & (shares[0] < 0.99)).any()


def test_sums_of_two_tiles_one_below_the_other_add_up() -> None:
    upper, lower = tile_grid("h18v03", 1200), tile_grid("h18v04", 1200)
    target = window_at(3.0, 50.1, 30)
    layer = np.full((1, 1200, 1200), 7.5)
    sums, shares = (
        sum(parts) for parts in zip(*(sum_footprints(layer, tile, target) for tile in (upper, lower)), strict=True)
    )
    np.testing.assert_allclose(shares, 1, rtol=0, atol=1e-9)
    np.testing.assert_allclose(sums, 7.5, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("tile", "longitude", "latitude"), [("h25v04", 105.0, 47.0), ("h18v04", 0.4, 47.0)])
def test_a_constant_stays_the_constant(tile: str, longitude: float, latitude: float) -> None:
    layer = np.full((1200, 1200), 301.27)
    layer[np.random.default_rng(3).random(layer.shape) < 0.5] = np.nan
    means, shares = warp(layer, tile_grid(tile, 1200), window_at(longitude, latitude, 60))
    assert (shares > 0).mean() > 0.9
    assert shares.max() <= 1 + 1e-9
    np.testing.assert_allclose(means[shares > 1e-2], 301.27, rtol=1e-8)
    assert shares.min() > -1e-9


def test_missing_values_and_infinities_never_enter() -> None:
    """Where a neighbour is missing, the pixel is that of a layer in which only the valid part exists."""
    source, target = tile_grid("h25v04", 1200), window_at(105.0, 47.0, 40)
    clean = np.random.default_rng(4).uniform(280, 320, (1200, 1200))
    gaps = np.random.default_rng(5).random(clean.shape) < 0.3
    poisoned = np.where(gaps, np.nan, clean)
    infinite = np.where(gaps, np.where(np.random.default_rng(6).random(clean.shape) < 0.5, np.inf, -np.inf), clean)
    means, shares = warp(poisoned, source, target)
    again, shares_again = warp(infinite, source, target)
    np.testing.assert_array_equal(means, again)
    np.testing.assert_array_equal(shares, shares_again)
    assert means[shares > 1e-6].min() >= 280 - 1e-6
    assert means[shares > 1e-6].max() <= 320 + 1e-6


@pytest.mark.parametrize(
    ("tile", "value"), [("h25v04", np.nan), ("h18v04", 1), ("h25v06", 1), ("h24v08", 1), ("h25v03", 1)]
)
def test_an_empty_layer_and_a_tile_far_away_cover_nothing(tile: str, value: float) -> None:
    assert not np.any(sum_footprints(np.full((2, 1200, 1200), value), tile_grid(tile, 1200), window_at(105.0, 47.0)))


def test_a_linear_field_is_reproduced() -> None:
    """Linear in sinusoidal x and y: a pixel's mean is the value at the centre of its area."""
    source, target = tile_grid("h25v04", 2400), window_at(105.0, 47.0, 20)
    x, y = np.meshgrid(source.x_centres(source.window), source.y_centres(source.window))
    layer = (x - source.left + 2 * (source.top - y)) / 1000
    means, _ = warp(layer, source, target)
    centre_x, centre_y = np.meshgrid(M01.x_centres(target), M01.y_centres(target))
    x, y = TO_SINUSOIDAL.transform(centre_x, centre_y)
    error = means - (x - source.left + 2 * (source.top - y)) / 1000
    # In km of ground: within an eighth of a source pixel (463 m), with slopes of 1 and 2.
    assert np.abs(error).max() < 3 * 0.463 / 8
    assert abs(error.mean()) < 0.005


def test_total_over_a_region_is_conserved() -> None:
    """Every source pixel far inside the window gives all of its area away, no more and no less."""
    source, target = tile_grid("h25v04", 1200), window_at(104.6, 47.2, 60)
    x, y = M01.x_centres(target), M01.y_centres(target)
    rows, columns = source.locate(*TO_SINUSOIDAL.transform(np.full(2, x[30]), y[[29, 30]]))
    layer = np.zeros((1200, 1200))
    layer[rows[0] - 5 : rows[0] + 5, columns[0] - 5 : columns[0] + 5] = np.random.default_rng(7).random((10, 10))
    sums, _ = sum_footprints(layer[None], source, target)
    # Both grids keep areas, one of the sphere and one of the ellipsoid: pixel by pixel within half a percent.
    assert sums.sum() * M01.side**2 == pytest.approx(layer.sum() * source.side**2, rel=5e-3)


@pytest.mark.parametrize(
    ("tile", "whole"),
    [
        ("h25v04", Window(1800, 27200, 150, 90)),
        # Over the tile's sides, and so high that rows are handled in several groups.
        ("h25v04", Window(1836, 25794, 260, 2304)),
        # From west to east the shear grows from 0.95 to 1.02 columns a row.
        ("h23v04", Window(2170, 24800, 20, 600)),
    ],
)
def test_part_and_whole_give_the_same(tile: str, whole: Window) -> None:
    """A map does not depend on the blocks that it is made in."""
    source = tile_grid(tile, 1200)
    layer = np.random.default_rng(8).standard_normal((1, 1200, 1200))
    sums, shares = sum_footprints(layer, source, whole)
    for part in (
        Window(whole.row, whole.column, 7, whole.columns // 3),
        Window(whole.row + 5, whole.column + whole.columns // 2, whole.rows - 5, whole.columns // 4),
        Window(whole.row + whole.rows - 1, whole.column, 1, 1),
    ):
        part_sums, part_shares = sum_footprints(layer, source, part)
        cut = (slice(None), *part.within(whole))
        np.testing.assert_array_equal(part_shares, shares[cut])
        np.testing.assert_array_equal(part_sums, sums[cut])
        under = window_under(source, part) or Window(0, 0, 0, 0)
        of_rows = sum_footprints(layer[:, under.row : under.row + under.rows], source, part, under.row)
        np.testing.assert_array_equal(of_rows, (part_sums, part_shares))


def test_windows_under_a_window_are_those_that_enter() -> None:
    """Without them nothing is seen, and a tile beside, above or below a window has none."""
    source, target = tile_grid("h25v04", 1200), Window(1900, 27400, 63, 90)
    under = window_under(source, target)
    layer = np.ones((1, 1200, 1200))
    layer[(0, *under.within(source.window))] = np.nan
    assert np.abs(sum_footprints(layer, source, target)[1]).max() < 1e-9  # differences of sums
    assert under.rows < 120
    assert under.columns < 200
    for tile in ("h23v04", "h27v04", "h25v03", "h25v05"):
        assert window_under(tile_grid(tile, 1200), target) is None, tile
        assert not sum_footprints(np.ones((1, 1200, 1200)), tile_grid(tile, 1200), target)[1].any()


def test_several_layers_are_independent() -> None:
    source, target = tile_grid("h25v04", 1200), window_at(105.0, 47.0, 25)
    layers = np.random.default_rng(9).standard_normal((3, 1200, 1200))
    layers[1, ::3] = np.nan
    sums, shares = sum_footprints(layers, source, target)
    for number in range(3):
        alone = sum_footprints(layers[number : number + 1], source, target)
        np.testing.assert_array_equal(sums[number], alone[0][0])
        np.testing.assert_array_equal(shares[number], alone[1][0])


def test_float32_layers_are_summed_in_double_precision() -> None:
    source, target = tile_grid("h25v04", 1200), window_at(105.0, 47.0, 25)
    layer = np.random.default_rng(10).uniform(280, 320, (1200, 1200)).astype(np.float32)
    single, _ = warp(layer, source, target)
    double, _ = warp(layer.astype(float), source, target)
    np.testing.assert_allclose(single, double, rtol=0, atol=1e-8)


def test_averages_of_gdal_are_worse_where_the_grid_is_sheared() -> None:
    source, target = tile_grid("h25v04", 1200), window_at(105.0, 47.0)
    layer = np.random.default_rng(11).standard_normal((1200, 1200))
    expected, _ = polygon_mean(layer, source, target)
    ours, _ = warp(layer, source, target)
    theirs = np.full(target.shape, np.nan)
    reproject(
        layer,
        theirs,
        src_transform=rasterio.Affine(*source.transform()),
        src_crs=SINUSOIDAL_CRS,
        dst_transform=rasterio.Affine(*M01.transform(target)),
        dst_crs=EASE_CRS,
        resampling=Resampling.average,
        dst_nodata=np.nan,
    )
    ours_error, their_error = (float(np.sqrt(np.mean((each - expected) ** 2))) for each in (ours, theirs))
    assert their_error > 0.2
    assert ours_error < their_error / 10


def test_the_window_lies_where_its_degrees_say() -> None:
    assert longitude_edges(window_at(105.0, 47.0))[0] == pytest.approx(105.0, abs=0.011)
