"""Reliability of the predictors' detail: recovered where signal and noise are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from kilomoist.cells import block_mean, interpolate
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.coarser_scale import null_models
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import Cells
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
)
from kilomoist.reconciliation import reconcile

CELLS = Window(200, 3000, 16, 16)
SHAPE = CELLS.refined(CELL_SIDE).shape
EVERY = np.ones(CELLS.shape, bool)
OBSERVATIONS = 12


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
