"""Predictors at 1 km from composites of tiles, their halves, and their cells."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer

from kilomoist.grids import (
    CELL_SIDE,
    EASE_CRS,
    M01,
    M09,
    SINUSOIDAL_CRS,
    TILE_SIDE,
    Window,
    ease_from_geographic,
    tile_grid,
)
from kilomoist.learning.details import read_reliability
from kilomoist.predictors.footprints import sum_footprints
from kilomoist.predictors.half_months import reliability_table, warp_halves
from kilomoist.predictors.stacks import TileComposite, aggregate, stack_chunks, stack_predictors
from kilomoist.rasters import write_raster


def cells_at(longitude: float, latitude: float, rows: int, columns: int) -> Window:
    row, column = M01.locate(*ease_from_geographic(longitude, latitude))
    return Window(int(row) // CELL_SIDE, int(column) // CELL_SIDE, rows, columns)


HERE = cells_at(104.5, 47.0, 2, 3)


def composite(folder: Path, product: str, tile: str, bands: Mapping[str, np.ndarray]) -> TileComposite:
    pixels = next(iter(bands.values())).shape[0]
    grid = tile_grid(tile, pixels)
    path = folder / f"{product}-{tile}.tif"
    write_raster(path, {name: band.astype(np.float32) for name, band in bands.items()}, grid, grid.window, {})
    return TileComposite(product, tile, path)


def temperature(folder: Path, tile: str, value: np.ndarray, days: np.ndarray) -> TileComposite:
    bands = {"lst_day": value, "lst_day_days": days}
    return composite(folder, "MOD11A1.061", tile, bands)


def vegetation(folder: Path, tile: str, water: np.ndarray, snow: np.ndarray) -> TileComposite:
    """At 500 m, with an NDVI of 0.5 and an EVI of 0.3 everywhere."""
    shape = (2400, 2400)
    bands = {"ndvi": np.full(shape, 0.5), "evi": np.full(shape, 0.3)}
    bands |= {f"{name}_days": np.full(shape, 31.0) for name in ("ndvi", "evi")}
    return composite(folder, "MOD13A1.061", tile, bands | {"water": water, "snow": snow})


def test_means_and_days_are_those_of_the_footprints(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    value = random.uniform(280, 320, (1200, 1200)).astype(np.float32)
    days = random.integers(0, 10, (1200, 1200)).astype(np.float32)
    stack = stack_predictors([temperature(tmp_path, "h25v04", value, days)], ["lst_day"], HERE, 3)
    assert list(stack) == ["lst_day", "lst_day_days"]
    enough = days >= 3
    layers = np.where(enough, np.stack([value, days]), np.nan)
    sums, shares = sum_footprints(layers, tile_grid("h25v04", 1200), HERE.refined(9))
    covered = shares[0] >= 0.5
    assert 0.5 < covered.mean() < 1
    for number, name in enumerate(stack):
        assert stack[name].dtype == np.float32
        np.testing.assert_array_equal(np.isfinite(stack[name]), covered)
        np.testing.assert_allclose(stack[name][covered], (sums / shares)[number][covered], rtol=1e-6)
    assert np.nanmin(stack["lst_day_days"]) >= 3


def test_two_tiles_make_one_seamless_field(tmp_path: Path) -> None:
    """A field that is linear in sinusoidal x, on both sides of a border of tiles, with a gap in neither."""
    cells = cells_at(103.3, 47.6, 3, 4)
    tiles = []
    for tile in ("h24v04", "h25v04"):
        x = tile_grid(tile, 1200).x_centres(tile_grid(tile, 1200).window)
        value = np.broadcast_to((x - 7.7e6) / 1000, (1200, 1200))
        tiles.append(temperature(tmp_path, tile, value, np.full((1200, 1200), 5.0)))
    both = stack_predictors(tiles, ["lst_day"], cells, 3)
    turned = stack_predictors(tiles[::-1], ["lst_day"], cells, 3)
    np.testing.assert_allclose(both["lst_day"], turned["lst_day"], rtol=1e-6)
    pixels = cells.refined(9)
    x, y = np.meshgrid(M01.x_centres(pixels), M01.y_centres(pixels))
    expected = (Transformer.from_crs(EASE_CRS, SINUSOIDAL_CRS, always_xy=True).transform(x, y)[0] - 7.7e6) / 1000
    assert np.abs(both["lst_day"] - expected).max() < 0.25  # km, a quarter of a pixel
    for number in range(2):
        alone = stack_predictors(tiles[number : number + 1], ["lst_day"], cells, 3)["lst_day"]
        assert 0 < np.isfinite(alone).mean() < 1
    # Without its other half, a pixel at the border counts where half of it is covered.
    halves = [stack_predictors([tile], ["lst_day"], cells, 3)["lst_day"] for tile in tiles]
    assert np.isfinite(halves).any(axis=0).all()


def test_parts_of_cells_make_the_whole(tmp_path: Path) -> None:
    """Bands and bits, over two tiles, one of which some parts do not touch."""
    random, cells = np.random.default_rng(3), cells_at(103.3, 47.6, 3, 40)
    tiles = [vegetation(tmp_path, tile, *random.random((2, 2400, 2400))) for tile in ("h24v04", "h25v04")]
    whole = stack_predictors(tiles, ["ndvi"], cells, 3)
    for part in (Window(cells.row + 1, cells.column, 2, 3), Window(cells.row, cells.column + 7, 1, 33)):
        found = stack_predictors(tiles, ["ndvi"], part, 3)
        here = part.refined(9).within(cells.refined(9))
        np.testing.assert_equal(list(found.items()), [(name, band[here]) for name, band in whole.items()])


def test_lakes_have_no_value_and_are_told(tmp_path: Path) -> None:
    water, snow = np.zeros((2400, 2400)), np.zeros((2400, 2400))
    pixels = HERE.refined(9)
    source = tile_grid("h25v04", 2400)
    x, y = M01.x_centres(pixels), M01.y_centres(pixels)
    forward = Transformer.from_crs(EASE_CRS, SINUSOIDAL_CRS, always_xy=True)
    row, column = (int(index) for index in source.locate(*forward.transform(x[13], y[8])))
    water[row - 12 : row + 13, column - 12 : column + 13] = 1.0  # 12 km of lake
    snow[row - 12 : row + 13] = 0.25
    stack = stack_predictors([vegetation(tmp_path, "h25v04", water, snow)], ["ndvi", "evi"], HERE, 3)
    assert list(stack) == ["ndvi", "evi", "ndvi_days", "evi_days", "water", "snow"]
    assert np.isnan(stack["ndvi"][8, 13])
    assert (stack["water"][8, 13], stack["snow"][8, 13]) == (1, pytest.approx(0.25))
    # A pixel has a value where at least half of it is land, and then the land's.
    np.testing.assert_array_equal(np.isfinite(stack["ndvi"]), stack["water"] <= 0.5)
    assert 0.2 < np.isnan(stack["evi"]).mean() < 0.9
    np.testing.assert_allclose(stack["evi"][np.isfinite(stack["evi"])], 0.3, rtol=1e-6)


def test_rarely_wet_pixels_are_land(tmp_path: Path) -> None:
    """Water in at most half of a pixel's observations: taken as land, and its share is told."""
    composites = [vegetation(tmp_path, "h25v04", np.full((2400, 2400), 0.5), np.zeros((2400, 2400)))]
    stack = stack_predictors(composites, ["ndvi"], HERE, 3)
    np.testing.assert_allclose(stack["ndvi"], 0.5, rtol=1e-6)
    np.testing.assert_allclose(stack["water"], 0.5, rtol=1e-6)


def test_predictors_that_no_tile_has_are_empty(tmp_path: Path) -> None:
    tile = temperature(tmp_path, "h25v04", np.full((1200, 1200), 300.0), np.full((1200, 1200), 9.0))
    stack = stack_predictors([tile], ["ndvi", "lst_day"], HERE, 3)
    assert np.isnan([stack["ndvi"], stack["ndvi_days"]]).all()
    assert np.isfinite(stack["lst_day"]).all()
    assert all(band.shape == (18, 27) for band in stack.values())
    for tiles, cells in (([], HERE), ([tile], cells_at(20.0, -30.0, 1, 1))):
        assert np.isnan(stack_predictors(tiles, ["lst_day"], cells, 3)["lst_day"]).all()


@pytest.mark.parametrize("lands", [[], [(30, 40, 5, 9)], [(3, 0, 2, 3), (36, 50, 20, 4)]])
def test_pixels_beside_the_region_change_none_inside(tmp_path: Path, lands: list[tuple[int, int, int, int]]) -> None:
    """Bands of a region's chunks, whatever part of a chunk is its, are those of whole chunks, cut; none is missing."""
    block = cells_at(103.3, 47.6, 40, 9)
    composites = tiles(tmp_path, 2, 6)
    inside = np.zeros(block.refined(CELL_SIDE).shape, bool)
    for row, column, rows, columns in lands:
        inside[row : row + rows, column : column + columns] = True
    path, moisture = tmp_path / "target.tif", np.full(block.shape, 0.2, np.float32)
    write_raster(path, {"soil_moisture": moisture}, M09, block, {})
    whole = stack_predictors(composites, ["lst_day"], block, 3)
    found = list(stack_chunks(composites, {}, path, ["lst_day"], 3, inside, block))
    assert [chunk.rows for chunk, *_ in found] == [28, 12]
    for chunk, stack, cells in found:
        here = chunk.refined(CELL_SIDE).within(block.refined(CELL_SIDE))
        assert list(stack) == ["lst_day", "lst_day_days"]
        for name, band in stack.items():
            np.testing.assert_array_equal(band, np.where(inside[here], whole[name][here], np.nan))
        expected = aggregate(stack, ["lst_day"], inside[here])
        for name, values in expected.items():
            np.testing.assert_array_equal(cells[name], values)


def test_cells_average_the_pixels_that_have_everything() -> None:
    random = np.random.default_rng(2)
    shape = (18, 27)
    stack = {
        name: np.where(random.random(shape) < 0.8, random.normal(size=shape), np.nan).astype(np.float32)
        for name in ("ndvi", "lst_day", "water")
    }
    stack["ndvi"][:9, :9] = np.nan
    inside = random.random(shape) < 0.9
    bands = aggregate(stack, ["ndvi", "lst_day"], inside)
    shares = ["valid_fraction", "valid_fraction_ndvi", "valid_fraction_lst_day", "region_fraction"]
    assert list(bands) == ["ndvi", "lst_day", *shares]
    for row, column in np.ndindex(2, 3):
        block = (slice(9 * row, 9 * row + 9), slice(9 * column, 9 * column + 9))
        each = [np.isfinite(stack[name][block]) & inside[block] for name in ("ndvi", "lst_day")]
        both = each[0] & each[1]
        for share, mask in zip(shares, (both, *each, inside[block]), strict=True):
            assert bands[share][row, column] == mask.sum() / 81, share
        for name in ("ndvi", "lst_day"):
            if both.any():
                expected = stack[name][block][both].astype(float).mean()
                assert bands[name][row, column] == pytest.approx(expected, abs=1e-12)
            else:
                assert np.isnan(bands[name][row, column])


# Halves of the observations


def halved(folder: Path, tile: str, value: np.ndarray, odd: np.ndarray, days: np.ndarray) -> TileComposite:
    """A composite of LST, whose odd half has half of the days or a day more."""
    bands = {"lst_day": value, "lst_day_days": days, "lst_day_odd": odd, "lst_day_odd_days": np.ceil(days / 2)}
    return composite(folder, "MOD11A1.061", tile, bands)


def tiles(folder: Path, fewest: int, most: int) -> list[TileComposite]:
    """Two neighbouring tiles of random observations."""
    made = []
    for number, tile in enumerate(("h24v04", "h25v04")):
        random = np.random.default_rng(number)
        days = random.integers(fewest, most, (1200, 1200))
        odd, even = random.uniform(280, 320, (2, 1200, 1200))
        odd_days = np.ceil(days / 2)
        with np.errstate(invalid="ignore"):
            mean = (odd * odd_days + even * (days - odd_days)) / days
        made.append(halved(folder, tile, mean, np.where(days > 0, odd, np.nan), days))
    return made


ACROSS = cells_at(103.3, 47.6, 4, 4)
"""Cells on both sides of the border of the two tiles."""


def test_halves_are_warped_as_predictors_are(tmp_path: Path) -> None:
    """Where all pixels of the tiles have both halves, the composite is the predictor, and the halves' mean."""
    composites = tiles(tmp_path, 4, 5)
    stack = stack_predictors(composites, ["lst_day"], ACROSS, 3)
    halves = warp_halves(composites, ["ndvi", "lst_day"], ACROSS, 3)
    assert list(halves) == ["lst_day"]
    both, odd, even = halves["lst_day"]
    np.testing.assert_allclose(both, stack["lst_day"], rtol=1e-6)
    np.testing.assert_allclose((odd + even) / 2, both, rtol=1e-6)
    assert np.abs(odd - even).mean() > 1


def test_pixels_of_one_half_do_not_enter(tmp_path: Path) -> None:
    """Of 0 to 3 days: what has too few for a predictor, or one alone, is missing in all three."""
    composites = tiles(tmp_path, 0, 4)
    stack = stack_predictors(composites, ["lst_day"], ACROSS, 3)
    both, odd, even = warp_halves(composites, ["lst_day"], ACROSS, 3)["lst_day"]
    np.testing.assert_array_equal(np.isfinite(both), np.isfinite(stack["lst_day"]))
    assert 0 < np.isfinite(both).mean() < 1
    np.testing.assert_allclose((2 * odd + even) / 3, both, rtol=1e-6)
    from_two = warp_halves(composites, ["lst_day"], ACROSS, 0)["lst_day"][0]
    from_one = stack_predictors(composites, ["lst_day"], ACROSS, 0)["lst_day"]
    assert np.isfinite(both).sum() < np.isfinite(from_two).sum() < np.isfinite(from_one).sum()


def test_water_does_not_enter(tmp_path: Path) -> None:
    shape = (2400, 2400)
    random = np.random.default_rng(1)
    odd, even = random.uniform(0.2, 0.6, (2, *shape))
    water = (random.random(shape) < 0.3).astype(float)
    bands = {"ndvi": (15 * odd + 16 * even) / 31, "ndvi_days": np.full(shape, 31.0), "ndvi_odd": odd}
    bands |= {"ndvi_odd_days": np.full(shape, 15.0), "water": water, "snow": np.zeros(shape)}
    here, composites = cells_at(104.5, 47.0, 3, 3), [composite(tmp_path, "MOD13A1.061", "h25v04", bands)]
    both, odd_here, even_here = warp_halves(composites, ["ndvi"], here, 3)["ndvi"]
    np.testing.assert_allclose(both, stack_predictors(composites, ["ndvi"], here, 3)["ndvi"], rtol=1e-5)
    np.testing.assert_allclose((15 * odd_here + 16 * even_here) / 31, both, rtol=1e-5)


def test_tables_have_a_row_for_every_predictor(tmp_path: Path) -> None:
    """Noise, a predictor without halves, and a predictor that no composite has."""
    composites = tiles(tmp_path, 6, 12)
    bands = {"ndvi": np.full((2400, 2400), 0.5), "ndvi_days": np.full((2400, 2400), 31)}
    composites.append(composite(tmp_path, "MOD13A1.061", "h24v04", bands))
    cells = cells_at(103.0, 47.8, 12, 12)
    use = ["ndvi", "lst_day", "elevation"]
    table = reliability_table(composites, use, np.ones(cells.shape, bool), cells, 3, 0.5, 1)
    columns = ("predictor", "reliability", "signal_variance", "noise_variance", "r_halves", "n", "note")
    assert tuple(table) == columns
    assert table["predictor"].tolist() == use
    assert table["n"].tolist() == [0, 10 * 10 * 81, 0]
    assert table["reliability"].tolist() == [1.0, pytest.approx(0, abs=0.05), 1.0]
    notes = ["fewer than 1000 pixels have two halves", "", "not observed again and again"]
    assert [note.split(":")[0] for note in table["note"]] == notes
    table.to_parquet(tmp_path / "agreement.parquet")
    assert read_reliability(tmp_path / "agreement.parquet", use[::-1]) == table["reliability"].tolist()[::-1]


def test_regions_across_180_are_compared_on_both_sides(tmp_path: Path) -> None:
    """Tiles on both sides of 180°, whose parts of a window lie where the window goes on beyond the grid's edge."""
    random = np.random.default_rng(1)
    composites = []
    for tile in ("h35v10", "h00v10"):
        odd, even = random.uniform(280, 320, (2, 1200, 1200))
        composites.append(halved(tmp_path, tile, (odd + even) / 2, odd, np.full((1200, 1200), 4.0)))
    east = cells_at(179.99, -17.0, 3, 6)
    cells = replace(east, column=east.column - 2)
    assert cells.column + cells.columns > 3856 > cells.column
    both = warp_halves(composites, ["lst_day"], cells, 0)["lst_day"][0]
    expected = stack_predictors(composites, ["lst_day"], cells, 0)["lst_day"]
    assert np.isfinite(expected[:, :18]).all()
    assert np.isfinite(expected[:, 30:]).all()
    away = np.r_[0:24, 30:54]  # the tiles' own ends at 180° are left to the stack
    np.testing.assert_allclose(both[:, away], expected[:, away], rtol=1e-6)
    assert tile_grid("h00v10", 1200).left == pytest.approx(-18 * TILE_SIDE)
