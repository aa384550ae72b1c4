"""Reliability of the predictors' detail: recovered where signal and noise are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from kilomoist.cells import block_mean, interpolate
from kilomoist.evaluation.restoration import null_models
from kilomoist.grids import CELL_SIDE, M01, TILE_SIDE, Window, ease_from_geographic, tile_grid
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import Cells, read_reliability
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.predictions import predict_map
from kilomoist.learning.tuning import TuningOptions
from kilomoist.predictors.half_months import (
    MAX_WINDOWS,
    MIN_PIXELS,
    WINDOW_SIDE,
    choose_windows,
    detail_moments,
    estimate_reliability,
    reliability_table,
    warp_halves,
)
from kilomoist.predictors.stacks import TileComposite, stack_predictors
from kilomoist.rasters import write_raster
from kilomoist.reconciliation import reconcile

CELLS = Window(200, 3000, 16, 16)
SHAPE = CELLS.refined(CELL_SIDE).shape
EVERY = np.ones(CELLS.shape, bool)
OBSERVATIONS = 12


def cells_at(longitude: float, latitude: float, rows: int, columns: int) -> Window:
    row, column = M01.locate(*ease_from_geographic(longitude, latitude))
    return Window(int(row) // CELL_SIDE, int(column) // CELL_SIDE, rows, columns)


def smooth(random: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    field = gaussian_filter(random.standard_normal(shape), scale, mode="reflect")
    return field / field.std()


def halve(values: np.ndarray, weights: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The weighted mean of valid observations (observations, rows, columns), and of those of every other turn."""
    turn = np.arange(len(values))[:, None, None] % 2 == 0
    every = [valid, valid & turn, valid & ~turn]
    with np.errstate(invalid="ignore"):
        means = [
            (values * weights[:, None, None] * chosen).sum(axis=0) / (weights[:, None, None] * chosen).sum(axis=0)
            for chosen in every
        ]
    return np.where(np.isfinite(means).all(axis=0), means, np.nan)


def observed(signal: np.ndarray, noise: float, share: float = 1.0, seed: int = 1) -> np.ndarray:
    """Halves of observations of a signal with white noise, of which a share is valid; the last stands for few days."""
    random = np.random.default_rng(seed)
    values = signal + noise * random.standard_normal((OBSERVATIONS, *signal.shape))
    weights = np.where(np.arange(OBSERVATIONS) == OBSERVATIONS - 1, 3.0, 16.0)
    return halve(values, weights, random.random(values.shape) < share)


def detail_of(field: np.ndarray) -> np.ndarray:
    """value − B(cell mean) in the inner cells, written out."""
    cells = Window(0, 0, *(side // CELL_SIDE for side in field.shape))
    detail = field - interpolate(block_mean(field, CELL_SIDE)[0], cells, cells.refined(CELL_SIDE), CELL_SIDE)
    return detail[CELL_SIDE:-CELL_SIDE, CELL_SIDE:-CELL_SIDE]


# Reliability


@pytest.mark.parametrize("noise", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("share", [1.0, 0.5], ids=["all", "clouds"])
def test_reliability_is_that_of_known_variances(noise: float, share: float) -> None:
    """Expected from the signal and the composite's own noise, which the estimate does not see."""
    signal = 300 + 5 * smooth(np.random.default_rng(5), SHAPE, 2)
    halves = observed(signal, noise, share)
    assert (np.isnan(halves[0]).any()) == (share < 1)
    row = estimate_reliability("ndvi", detail_moments(halves, EVERY, 0.5))
    own = np.where(np.isfinite(halves[0]), signal, np.nan)
    wanted, left = detail_of(own), detail_of(halves[0] - own)
    signal_variance, noise_variance = np.nanmean(wanted**2), np.nanmean(left**2)
    assert row["n"] == np.isfinite(wanted).sum()
    total = signal_variance + noise_variance
    assert row["signal_variance"] == pytest.approx(signal_variance, abs=0.02 * total)
    assert row["noise_variance"] == pytest.approx(noise_variance, abs=0.02 * total)
    assert row["reliability"] == pytest.approx(signal_variance / total, abs=0.02)
    assert row["note"] == ""


def test_slopes_across_cells_are_no_detail() -> None:
    """B restores them, so they must not make the rest look reliable: noise on a slope has no reliability."""
    slope = np.add.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1])) / 5.0
    row = estimate_reliability("ndvi", detail_moments(observed(slope, 1.0), EVERY, 0.5))
    assert row["reliability"] < 0.03
    # Deviations from the cell's mean would hold the slope: its variance within a cell is 2 · 80/12 / 25.
    assert row["signal_variance"] < 0.01 < 2 * 80 / 12 / 25


def test_weather_of_whole_days_is_no_noise_of_pixels() -> None:
    """Days are warmer or colder as a whole, and clouds hide other days of other pixels.

    Halves of whole days tell what that does to a month's mean. Halves of each pixel's own observations swap days
    between neighbours, and called all of this signal noise.
    """
    random = np.random.default_rng(3)
    signal = smooth(random, SHAPE, 2.0)
    values = signal + 3 * random.standard_normal((OBSERVATIONS, 1, 1)) * np.ones(SHAPE)
    valid = np.stack([smooth(random, SHAPE, 4.0) for _ in range(OBSERVATIONS)]) < 0.3
    halves = halve(values, np.ones(OBSERVATIONS), valid)
    true, found = detail_of(signal), detail_of(halves[0])
    here = np.isfinite(found)
    best = float(true[here] @ found[here] / (found[here] @ found[here]))
    row = estimate_reliability("ndvi", detail_moments(halves, EVERY, 0.5))
    assert row["reliability"] == pytest.approx(best, abs=0.05)


def test_noise_alone_has_no_reliability_and_what_repeats_has_all() -> None:
    noise = estimate_reliability("ndvi", detail_moments(observed(np.zeros(SHAPE), 1.0), EVERY, 0.5))
    assert 0 <= noise["reliability"] < 0.03
    assert abs(float(noise["r_halves"])) < 0.03
    signal = smooth(np.random.default_rng(3), SHAPE, 2)
    exact = estimate_reliability("ndvi", detail_moments(observed(signal, 0.0, 0.5), EVERY, 0.5))
    assert exact["reliability"] == pytest.approx(1, abs=1e-9)
    assert exact["noise_variance"] == pytest.approx(0, abs=1e-9)


def test_halves_that_contradict_each_other_have_no_reliability() -> None:
    signal = smooth(np.random.default_rng(3), SHAPE, 1)
    row = estimate_reliability("ndvi", detail_moments(np.stack([0.1 * signal, signal, -signal]), EVERY, 0.5))
    assert row["reliability"] == 0
    assert row["r_halves"] == pytest.approx(-1)


def test_halves_of_equal_variance_have_spearman_and_browns_reliability() -> None:
    halves = np.random.default_rng(2).standard_normal((3, *SHAPE))
    halves[2] = 0.6 * halves[1] + 0.8 * halves[2]
    halves[0] = (halves[1] + halves[2]) / 2
    row = estimate_reliability("ndvi", detail_moments(halves, EVERY, 0.5))
    assert row["reliability"] == pytest.approx(2 * 0.6 / 1.6, abs=0.02)


def test_only_usable_cells_inside_a_window_count() -> None:
    usable = np.zeros(CELLS.shape, bool)
    usable[0, :] = usable[5, 5] = usable[6, 6] = True
    halves = observed(smooth(np.random.default_rng(3), SHAPE, 2), 1.0)
    halves[:, 54:63, 54:63][:, :5] = np.nan  # more than half of one of the two
    assert detail_moments(halves, usable, 0.5)[0] == 81
    assert detail_moments(halves, usable, 0.4)[0] == 81 + 4 * 9


def test_too_few_pixels_say_nothing() -> None:
    usable = np.zeros(CELLS.shape, bool)
    usable[3:6, 3:7] = True  # 972 pixels
    assert usable.sum() * 81 < MIN_PIXELS
    row = estimate_reliability("ndvi", detail_moments(observed(np.zeros(SHAPE), 1.0), usable, 0.5))
    assert (row["reliability"], row["n"]) == (1.0, 972)
    assert np.isnan(row["noise_variance"])
    assert str(row["note"]).startswith(f"fewer than {MIN_PIXELS} pixels")
    flat = estimate_reliability("ndvi", detail_moments(np.full((3, *SHAPE), 7.0), EVERY, 0.5))
    assert (flat["reliability"], flat["note"]) == (1.0, "no detail in its composites")


# Windows


def test_windows_are_bounded_and_spread() -> None:
    cells = Window(100, 200, 160, 320)
    usable = np.ones(cells.shape, bool)
    usable[:, :160] = False
    found = choose_windows(usable, cells, 3)
    assert len(found) == MAX_WINDOWS == len(set(found))
    assert found == choose_windows(usable, cells, 3)
    assert {window.shape for window in found} == {(WINDOW_SIDE, WINDOW_SIDE)}
    assert all(window.column >= 360 for window in found)
    assert len({window.row for window in found}) == 10  # of all rows of windows
    assert len({tuple(choose_windows(usable, cells, seed)) for seed in range(20)}) > 1


def test_small_regions_are_compared_whole() -> None:
    cells = Window(100, 200, 20, 30)
    usable = np.ones(cells.shape, bool)
    usable[:16, :16] = False
    assert choose_windows(usable, cells, 1) == [
        Window(100, 216, 16, 14),
        Window(116, 200, 4, 16),
        Window(116, 216, 4, 14),
    ]
    assert choose_windows(np.ones((2, 2), bool), Window(100, 200, 2, 2), 1) == []


# From composites


def composite(folder: Path, tile: str, value: np.ndarray, odd: np.ndarray, days: np.ndarray) -> TileComposite:
    """A composite of LST, whose odd half has half of the days or a day more."""
    bands = {"lst_day": value, "lst_day_days": days, "lst_day_odd": odd, "lst_day_odd_days": np.ceil(days / 2)}
    grid = tile_grid(tile, 1200)
    path = folder / f"{tile}.tif"
    write_raster(path, {name: band.astype(np.float32) for name, band in bands.items()}, grid, grid.window, {})
    return TileComposite("MOD11A1.061", tile, path)


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
        made.append(composite(folder, tile, mean, np.where(days > 0, odd, np.nan), days))
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
    from_two, from_one = (
        warp_halves(composites, ["lst_day"], ACROSS, 0)["lst_day"][0],
        stack_predictors(composites, ["lst_day"], ACROSS, 0)["lst_day"],
    )
    assert np.isfinite(both).sum() < np.isfinite(from_two).sum() < np.isfinite(from_one).sum()


def test_water_does_not_enter(tmp_path: Path) -> None:
    shape = (2400, 2400)
    random = np.random.default_rng(1)
    odd, even = random.uniform(0.2, 0.6, (2, *shape))
    water = (random.random(shape) < 0.3).astype(float)
    bands = {"ndvi": (15 * odd + 16 * even) / 31, "ndvi_days": np.full(shape, 31.0), "ndvi_odd": odd}
    bands |= {"ndvi_odd_days": np.full(shape, 15.0), "water": water, "snow": np.zeros(shape)}
    grid = tile_grid("h25v04", 2400)
    path = tmp_path / "a.tif"
    write_raster(path, {name: band.astype(np.float32) for name, band in bands.items()}, grid, grid.window, {})
    here = cells_at(104.5, 47.0, 3, 3)
    composites = [TileComposite("MOD13A1.061", "h25v04", path)]
    both, odd_here, even_here = warp_halves(composites, ["ndvi"], here, 3)["ndvi"]
    np.testing.assert_allclose(both, stack_predictors(composites, ["ndvi"], here, 3)["ndvi"], rtol=1e-5)
    np.testing.assert_allclose((15 * odd_here + 16 * even_here) / 31, both, rtol=1e-5)


def test_tables_have_a_row_for_every_predictor(tmp_path: Path) -> None:
    """Noise, a predictor without halves, and a predictor that no composite has."""
    composites = tiles(tmp_path, 6, 12)
    bands = {"ndvi": np.full((2400, 2400), 0.5, np.float32), "ndvi_days": np.full((2400, 2400), 31, np.float32)}
    grid = tile_grid("h24v04", 2400)
    write_raster(tmp_path / "b.tif", bands, grid, grid.window, {})
    composites.append(TileComposite("MOD13A1.061", "h24v04", tmp_path / "b.tif"))
    cells = cells_at(103.0, 47.8, 12, 12)
    use = ["ndvi", "lst_day", "elevation"]
    table = reliability_table(composites, use, np.ones(cells.shape, bool), cells, 3, 0.5, 1)
    assert list(table) == [
        *("predictor", "reliability", "signal_variance", "noise_variance", "r_halves", "n", "note"),
    ]
    assert table["predictor"].tolist() == use
    assert table["n"].tolist() == [0, 10 * 10 * 81, 0]
    assert table["reliability"].tolist() == [1.0, pytest.approx(0, abs=0.05), 1.0]
    assert [note.split(":")[0] for note in table["note"]] == [
        *("fewer than 1000 pixels have two halves", "", "not observed again and again"),
    ]
    table.to_csv(tmp_path / "agreement.csv", index=False)
    assert read_reliability(tmp_path / "agreement.csv", use[::-1]) == table["reliability"].tolist()[::-1]


def test_regions_across_180_are_compared_on_both_sides(tmp_path: Path) -> None:
    """Tiles on both sides of 180°, whose parts of a window lie where the window goes on beyond the grid's edge."""
    random = np.random.default_rng(1)
    composites = []
    for tile in ("h35v10", "h00v10"):
        odd, even = random.uniform(280, 320, (2, 1200, 1200))
        composites.append(composite(tmp_path, tile, (odd + even) / 2, odd, np.full((1200, 1200), 4.0)))
    row, column = M01.locate(*ease_from_geographic(179.99, -17.0))
    cells = Window(int(row) // CELL_SIDE, int(column) // CELL_SIDE - 2, 3, 6)
    assert cells.column + cells.columns > 3856 > cells.column
    both = warp_halves(composites, ["lst_day"], cells, 0)["lst_day"][0]
    expected = stack_predictors(composites, ["lst_day"], cells, 0)["lst_day"]
    assert np.isfinite(expected[:, :18]).all()
    assert np.isfinite(expected[:, 30:]).all()
    away = np.r_[0:24, 30:54]  # the tiles' own ends at 180° are left to the stack
    np.testing.assert_allclose(both[:, away], expected[:, away], rtol=1e-6)
    assert tile_grid("h00v10", 1200).left == pytest.approx(-18 * TILE_SIDE)


# In maps


@pytest.mark.parametrize("kind", ["linear", "random_forest"])
def test_noise_that_cells_do_not_see_is_kept_out_of_the_map(kind: str) -> None:
    """Simulated: with white noise at 1 km the detail map loses against interpolation, and wins when it is shrunk."""
    cells = Window(200, 3000, 32, 40)
    pixels = cells.refined(CELL_SIDE)
    random = np.random.default_rng(4)
    pattern = smooth(random, pixels.shape, 30) + 0.5 * smooth(random, pixels.shape, 8)
    pattern += 0.25 * smooth(random, pixels.shape, 2)
    soil = 0.3 * smooth(random, pixels.shape, 3)  # what no predictor knows
    truth = 0.2 + 0.03 * (pattern + soil)
    noises = 0.6 * random.standard_normal((2, *pixels.shape))
    halves = pattern + np.stack([noises.mean(axis=0), *noises])
    stack = halves[:1]
    target = block_mean(truth, CELL_SIDE)[0]
    region = Cells(target, block_mean(stack, CELL_SIDE)[0], cells)
    model, _ = fit_detail(region, ["x"], LearnerSettings(kind, 50, 2021), TuningOptions("auto"), 0.5)
    assert model.alpha > 0.9  # one level up all is well
    moments = detail_moments(halves, np.ones(cells.shape, bool), 0.5)
    reliability = float(estimate_reliability("ndvi", moments)["reliability"])
    assert 0.15 < reliability < 0.3

    def rmse(mapped: np.ndarray) -> float:
        return float(np.sqrt(np.mean((reconcile(mapped, target, CELL_SIDE, cells, 0.5)[0] - truth) ** 2)))

    bare = rmse(null_models(target, cells, np.isfinite(truth), CELL_SIDE, 0.5)["bilinear"])
    plain, shrunk = (
        rmse(predict_map(model, stack, pixels, region, CELL_SIDE, shares)) for shares in ((), (reliability,))
    )
    assert plain > 1.1 * bare
    assert shrunk < bare


def test_the_study_s_method_takes_predictors_as_they_are() -> None:
    pixels = CELLS.refined(CELL_SIDE)
    values = np.random.default_rng(4).random((1, *pixels.shape))
    region = Cells(block_mean(values[0], CELL_SIDE)[0], block_mean(values, CELL_SIDE)[0], CELLS)
    samples = pd.DataFrame({"x": region.predictors.ravel(), "target": region.target.ravel(), "split": "train"})
    samples["row"], samples["col"] = (index.ravel() for index in np.indices(CELLS.shape))
    model, _ = fit_absolute(samples, ["x"], LearnerSettings("linear", 30, 2021), TuningOptions(1))
    plain, shrunk = (predict_map(model, values, pixels, region, CELL_SIDE, shares) for shares in ((), (0.2,)))
    np.testing.assert_array_equal(plain, shrunk)
