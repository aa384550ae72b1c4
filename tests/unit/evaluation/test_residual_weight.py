"""Residual weight, on simulated cells and points whose errors are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from kilomoist.evaluation.residual_weight import MIN_PIXELS, ResidualWeight, fieller, in_words, residual_weight
from kilomoist.grids import M01, M09, Window, geographic_from_ease
from kilomoist.learning.absolute import tune_absolute
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.merging import measured_weighing, taken

WINDOW = Window(200, 2900, 48, 48)
POINTS = 153
NOISE = 0.05
"""m³/m³: standard deviation of a point from its cell."""
FIELDS = ["observed", "estimated", "target"]


def smooth(random: np.random.Generator, width: float) -> np.ndarray:
    field = gaussian_filter(random.standard_normal(WINDOW.shape), width)
    return (field - field.mean()) / field.std()


def scene(seed: int, error: float) -> tuple[pd.DataFrame, float]:
    """Points in pixels, and the weight that the scene's cells have by its definition, their true means as z.

    Soil moisture follows a predictor and something that no predictor tells, 0.03 m³/m³ each; SMAP errs by `error`, over
    a few cells alike. What the predictor tells is learned from SMAP out of fold.
    """
    random = np.random.default_rng(seed)
    predictor, hidden, wrong = smooth(random, 3), smooth(random, 2), smooth(random, 1)
    true = (0.2 + 0.03 * predictor + 0.03 * hidden).reshape(-1)
    row, column = (index.reshape(-1) for index in np.indices(WINDOW.shape))
    cells = pd.DataFrame({"row": row + WINDOW.row, "col": column + WINDOW.column, "a": predictor.reshape(-1)})
    cells["target"] = true + error * wrong.reshape(-1)
    settings = LearnerSettings("linear", 1, 1)
    cells["split"] = "train"
    cells["estimated"] = tune_absolute(cells, ["a"], settings, TuningOptions(1)).predicted
    x = np.stack([np.ones(len(cells)), cells["estimated"], cells["target"] - cells["estimated"]], axis=1)
    _, b, w = np.linalg.lstsq(x, true)[0]
    drawn = random.integers(len(cells), size=POINTS)
    points = cells.iloc[drawn].assign(observed=true[drawn] + NOISE * random.standard_normal(POINTS))
    at = points[["row", "col"]].to_numpy().T * 9 + random.integers(9, size=(2, POINTS))
    x_centre, y_centre = M01.left + (at[1] + 0.5) * M01.side, M01.top - (at[0] + 0.5) * M01.side
    points["longitude"], points["latitude"] = geographic_from_ease(x_centre, y_centre)
    return points.reset_index(drop=True), w / b


def weigh(points: pd.DataFrame) -> ResidualWeight:
    fields = {name: points[name].to_numpy() for name in FIELDS}
    places = points[["longitude", "latitude"]].to_numpy()
    return residual_weight(fields, places, points["row"].to_numpy() * M09.columns + points["col"], 30_000.0)


@pytest.mark.parametrize(("error", "expected"), [(0.0, 1.0), (0.03, 0.5), (0.06, 0.2)])
def test_the_weight_of_a_simulated_scene_is_recovered_within_its_interval(error: float, expected: float) -> None:
    """An exact SMAP is kept; one that errs by as much as its model does, 0.03, has half of the weight."""
    covered, widths = [], []
    for seed in range(10):
        points, wanted = scene(seed, error)
        found = weigh(points)
        assert wanted == pytest.approx(expected, abs=0.12)
        assert (found.pixels, found.cells) == (POINTS, points[["row", "col"]].drop_duplicates().shape[0])
        if not np.isnan(found.low):  # too few blocks where what is left of points is alike over much of the region
            assert found.low < found.weight < found.high
            covered.append(found.low <= wanted <= found.high)
            widths.append(found.high - found.low)
    assert len(covered) >= 7
    assert sum(covered) >= len(covered) - 3  # at 90 % more are missed by chance in 1 % of such tests
    assert 0.1 < np.median(widths) < 1


def test_coefficients_are_those_of_least_squares_whatever_the_order() -> None:
    points, _ = scene(1, 0.03)
    found = weigh(points)
    x = np.stack([np.ones(POINTS), points["estimated"], points["target"] - points["estimated"]], axis=1)
    expected = np.linalg.lstsq(x, points["observed"])[0]
    np.testing.assert_allclose([found.a, found.b, found.w], expected, rtol=1e-8)
    assert found.weight == pytest.approx(expected[2] / expected[1])
    assert weigh(points.iloc[::-1]) == found
    assert set(found.row()) == {"a", "b", "w", "weight", "low", "high", "pixels", "cells", "blocks", "says"}


@pytest.mark.parametrize("number", [0, 1, MIN_PIXELS - 1])
def test_few_points_have_no_weight(number: int) -> None:
    found = weigh(scene(1, 0.03)[0].iloc[:number])
    assert found.says == f"cannot be told: {number} pixels with points, {MIN_PIXELS} are needed"
    assert np.isnan([found.weight, found.low, found.high]).all()
    assert taken(found.weight, found.low, found.high) is None


def test_points_in_one_place_are_too_few_blocks() -> None:
    points = scene(1, 0.03)[0].assign(longitude=99.0, latitude=47.0)
    found = weigh(points)
    assert found.says == "cannot be told: the points are worth 1.0 blocks, 10 are needed"
    assert np.isnan([found.low, found.high]).all()
    assert taken(found.weight, found.low, found.high) is None


@pytest.mark.parametrize("same", ["estimated", "target"])
def test_what_is_the_same_at_all_points_has_no_weight(same: str) -> None:
    points, _ = scene(1, 0.03)
    points["estimated"] = 0.2 if same == "estimated" else points["target"]
    assert weigh(points).says == "cannot be told: SMAP, or what its model says, is the same at all points"


def test_a_mean_that_tells_nothing_leaves_the_weight_undetermined() -> None:
    points, _ = scene(1, 0.03)
    points["observed"] = 0.2 + NOISE * np.random.default_rng(1).standard_normal(POINTS)
    found = weigh(points)
    assert (found.low, found.high) == (-np.inf, np.inf)
    assert found.says.startswith("undetermined")
    assert taken(found.weight, found.low, found.high) is None


def test_the_interval_of_a_ratio_is_fiellers() -> None:
    """For a b that is exact it is that of w, divided by b: t of 90 % with many degrees of freedom is 1.645."""
    assert fieller(2.0, 1.0, np.diag([0.0, 0.04]), 1e9) == pytest.approx((0.5 - 0.16449, 0.5 + 0.16449), abs=1e-4)
    low, high = fieller(1.0, 0.5, np.array([[0.01, 0.002], [0.002, 0.04]]), 20)
    for end in (low, high):  # where w − θ·b is t standard errors from 0
        error = np.sqrt(0.04 - 2 * end * 0.002 + end**2 * 0.01)
        assert abs(0.5 - end) / error == pytest.approx(1.7247, abs=1e-4)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        *[(-0.1, 1.1, "cannot be told"), (-0.1, 0.9, "absolute"), (-0.5, -0.1, "absolute"), (0.1, 0.9, "measured")],
        *[(0.1, 1.1, "true"), (1.1, 1.5, "true"), (-np.inf, np.inf, "undetermined")],
    ],
)
def test_words_follow_the_interval(low: float, high: float, word: str) -> None:
    assert word in in_words(low, high)


@pytest.mark.parametrize(
    ("weight", "low", "high", "expected"),
    [(0.4, 0.2, 0.65, 0.4), (-0.1, -0.3, 0.1, 0.0), (1.1, 0.9, 1.3, 1.0), (0.4, 0.1, 0.7, None)],
)
def test_a_weight_is_taken_within_0_and_1_where_its_interval_is_narrow(
    weight: float, low: float, high: float, expected: float | None
) -> None:
    assert taken(weight, low, high) == expected


@pytest.mark.parametrize(
    ("weight", "low", "high", "share"),
    [(0.0, -0.3, 0.2, 0.4), (1.0, 0.8, 1.2, 0.4), (0.4, 0.2, 0.6, 0.5), (0.0, -0.5, -0.1, 0.0)],
)
def test_the_error_of_a_measured_mean_is_the_largest_of_the_weights_interval(
    weight: float, low: float, high: float, share: float
) -> None:
    """d·√(w·(1 − w)) with d = 0.1 and w the end or the middle of the interval that is nearest to one half."""
    found = measured_weighing(np.array([0.1, 0.3]), np.full(2, 0.2), weight, low, high)
    assert found.weight == weight
    assert found.error == pytest.approx(0.1 * share)
