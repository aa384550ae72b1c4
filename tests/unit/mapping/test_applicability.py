"""The area of applicability against the paper's equations, written down once more in plain loops."""

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from kilomoist.learning.models import Model
from kilomoist.mapping import applicability as area
from kilomoist.mapping.applicability import Applicability, applicability

TABLE = np.array([[1.0, 10.0], [2.0, 30.0], [3.0, 20.0], [4.0, 60.0], [6.0, 50.0], [9.0, 40.0]])
FOLDS = np.array([0, 0, 1, 1, 2, 2])
WEIGHTS = np.array([3.0, 1.0])
NEW = np.array([[1.0, 10.0], [5.0, 55.0], [20.0, 0.0], [2.5, 25.0]])


def by_hand(x: np.ndarray, folds: np.ndarray, weights: np.ndarray, new: np.ndarray) -> tuple[float, float, list[float]]:
    """The mean distance, the threshold and the index of new rows.

    Meyer and Pebesma (2021), equations 1 to 4; threshold and divisors as in R: sd() divides by n - 1, and
    quantile() of type 7 interpolates between order statistics at 1 + (n - 1)·p.
    """
    n, predictors = x.shape
    scaled, asked = np.zeros(x.shape), np.zeros(new.shape)
    for column in range(predictors):
        mean = sum(x[:, column]) / n
        deviation = (sum((value - mean) ** 2 for value in x[:, column]) / (n - 1)) ** 0.5
        if deviation > 1e-12:
            scaled[:, column] = [(value - mean) / deviation * weights[column] for value in x[:, column]]
            asked[:, column] = [(value - mean) / deviation * weights[column] for value in new[:, column]]

    def distance(row: np.ndarray, other: np.ndarray) -> float:
        return sum((a - b) ** 2 for a, b in zip(row, other, strict=True)) ** 0.5

    # CAST: the mean over all others of each row, and the mean of these.
    means = [sum(distance(scaled[i], scaled[j]) for j in range(n) if j != i) / (n - 1) for i in range(n)]
    mean = sum(means) / n
    one_fold = len(set(folds.tolist())) == 1
    index = [
        min(distance(scaled[i], scaled[j]) for j in range(n) if j != i and (one_fold or folds[j] != folds[i])) / mean
        for i in range(n)
    ]
    ordered = sorted(index)

    def quantile(p: float) -> float:
        low, part = divmod((n - 1) * p, 1)
        return ordered[int(low)] + part * (ordered[min(int(low) + 1, n - 1)] - ordered[int(low)])

    third = quantile(0.75)
    threshold = min(third + 1.5 * (third - quantile(0.25)), ordered[-1])
    return mean, threshold, [min(distance(row, other) for other in scaled) / mean for row in asked]


def assert_by_hand(x: np.ndarray, folds: np.ndarray, weights: np.ndarray, new: np.ndarray, seed: int) -> Applicability:
    mean, threshold, expected = by_hand(x, folds, weights, new)
    known = applicability(x, folds, weights, seed)
    assert known.mean_distance == pytest.approx(mean)
    assert known.threshold == pytest.approx(threshold)
    np.testing.assert_allclose(known.dissimilarity(new), expected)
    return known


def test_values_are_those_of_the_paper() -> None:
    known = assert_by_hand(TABLE, FOLDS, WEIGHTS, NEW, 1)
    assert known.dissimilarity(NEW)[0] == 0  # a training row
    assert (known.dissimilarity(NEW) > known.threshold).tolist() == [False, False, True, False]


def test_numbers_of_a_table_that_is_small_enough_to_compute_on_paper() -> None:
    """0, 1 and 5: mean 2, standard deviation √7; distances 1, 4, 5 of a mean of 10/3, all in units of √7."""
    x = np.array([[0.0], [1.0], [5.0]])
    known = applicability(x, np.array([0, 1, 2]), np.array([7.0]), 1)
    assert known.mean_distance == pytest.approx(7 / 7**0.5 * 10 / 3)
    # The rows' own index: 0.3, 0.3 and 1.2; quartiles 0.3 and 0.75, so that the whisker would be 1.425.
    assert known.threshold == pytest.approx(1.2)
    np.testing.assert_allclose(known.dissimilarity(np.array([[2.0], [7.0], [-3.0], [5.0]])), [0.3, 0.6, 0.9, 0])


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(4, 30),
    predictors=st.integers(1, 4),
    folds=st.integers(1, 4),
    digits=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_values_equal_plain_loops(seed: int, rows: int, predictors: int, folds: int, digits: int) -> None:
    """Coarse rounding makes duplicates; a predictor may be constant and another of the weight 0."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, predictors)).round(digits)
    x[:2, 0] = [0, 1]  # at least this predictor varies
    weights = random.uniform(0.1, 5, predictors)
    if predictors > 1:
        weights[1] = 0
    if predictors > 2:
        x[:, 2] = 0.1
    fold = np.append(np.arange(folds), random.integers(0, folds, rows - folds))
    assert_by_hand(x, fold, weights, 2 * random.normal(size=(20, predictors)), seed)


def test_duplicates_in_another_fold_lie_at_no_distance() -> None:
    x = np.repeat(TABLE, 2, axis=0)
    known = applicability(x, np.tile([0, 1], 6), WEIGHTS, 1)
    assert known.threshold == 0
    assert (known.dissimilarity(NEW[:2]) > 0).tolist() == [False, True]


@pytest.mark.parametrize("weights", [[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
def test_without_variance_nothing_is_far(weights: list[float]) -> None:
    """What did not vary was not learned from; only its range tells."""
    known = applicability(np.full((8, 2), 0.1, np.float32), np.arange(8) % 2, np.array(weights), 1)
    new = np.array([[0.1, 0.1], [5.0, 0.1]], np.float32)
    assert known.dissimilarity(new).tolist() == [0, 0]
    assert known.threshold == 0
    assert known.outside_range(new).tolist() == [False, True]


def test_predictors_that_do_not_count_change_nothing() -> None:
    alone = applicability(TABLE[:, :1], FOLDS, WEIGHTS[:1], 1)
    with_constant = applicability(np.insert(TABLE[:, :1], 1, 0.3, axis=1), FOLDS, np.array([3.0, 9.0]), 1)
    weightless = applicability(TABLE, FOLDS, np.array([3.0, 0.0]), 1)
    for other, new in ((with_constant, np.insert(NEW[:, :1], 1, 77.0, axis=1)), (weightless, NEW)):
        assert (other.mean_distance, other.threshold) == (alone.mean_distance, alone.threshold)
        np.testing.assert_array_equal(other.dissimilarity(new), alone.dissimilarity(NEW[:, :1]))
    assert weightless.outside_range(NEW).tolist() == [False, False, True, False]  # by both predictors


def test_range_takes_its_own_ends_as_inside() -> None:
    known = applicability(TABLE, FOLDS, WEIGHTS, 1)
    asked = np.array([[1.0, 10.0], [9.0, 60.0], [0.999, 30.0], [5.0, 60.1], [5.0, 9.9]])
    assert known.outside_range(asked).tolist() == [False, False, True, True, True]


def test_scale_of_weights_and_units_of_predictors_do_not_matter() -> None:
    known = applicability(TABLE, FOLDS, WEIGHTS, 1)
    table, new = (values * [1000, 0.01] + [273.15, -5] for values in (TABLE, NEW))
    other = applicability(table, FOLDS, 50 * WEIGHTS, 1)
    assert other.threshold == pytest.approx(known.threshold)
    np.testing.assert_allclose(other.dissimilarity(new), known.dissimilarity(NEW), atol=1e-9)


def test_mean_distance_of_many_rows_is_sampled() -> None:
    """Of so many as are compared it is exact."""
    for rows, error in ((area.MEAN_ROWS, 1e-9), (area.MEAN_ROWS + 1000, 0.003)):
        x, folds = np.random.default_rng(3).normal(size=(rows, 3)), np.arange(rows) % 5
        found, again, other = (applicability(x, folds, np.ones(3), seed).mean_distance for seed in (1, 1, 2))
        assert found == again
        assert (found == other) == (rows == area.MEAN_ROWS)
        assert found == pytest.approx(pdist(x / x.std(axis=0, ddof=1)).mean(), rel=error)


def test_chunks_change_nothing_and_bound_memory() -> None:
    random = np.random.default_rng(4)
    x, new = random.normal(size=(3000, 3)).astype(np.float32), random.normal(size=(1_200_000, 3)).astype(np.float32)
    known = applicability(x, np.arange(3000) % 5, np.ones(3), 1)
    peaks = []
    for rows in (600_000, 1_200_000):
        tracemalloc.start()
        whole = known.dissimilarity(new[:rows])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    parts = [known.dissimilarity(part) for part in np.array_split(new, 100)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    # Twice the rows take the memory of their result alone: a matrix of distances would grow by 14 GB.
    assert peaks[1] - peaks[0] < 1.3 * 600_000 * whole.itemsize


def test_a_verdict_has_a_value_where_no_predictor_is_missing() -> None:
    known = applicability(TABLE, FOLDS, WEIGHTS, 1)
    predictors = np.append(NEW, [[np.nan, 10], [1, np.nan]], axis=0).T.reshape(2, 2, 3)
    verdict = area.verdict_on(known, predictors)
    for name, expected in (("dissimilarity", known.dissimilarity(NEW)), ("outside_range", known.outside_range(NEW))):
        np.testing.assert_allclose(verdict[name].ravel(), [*expected, np.nan, np.nan], rtol=1e-6)
        np.testing.assert_array_equal(area.verdict_on(None, predictors)[name].ravel(), [0, 0, 0, 0, np.nan, np.nan])


def test_what_was_learned_comes_back_in_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(3).normal(size=(200, 2)).astype(np.float32)
    known = applicability(x, np.arange(200) % 5, np.array([1.0, 2.0]), 1)
    facts = {"predictors": ["ndvi", "lst_day"], "tags": {"weights": ""}, "learned": []}
    area.write_applicability(tmp_path / "one.npz", known, facts)
    monkeypatch.setattr("time.localtime", lambda *_: (1999, 1, 1, 0, 0, 0, 4, 1, 0))
    monkeypatch.setattr("time.time", lambda: 915_148_800.0)
    area.write_applicability(tmp_path / "other.npz", known, facts)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()
    found, told = area.read_applicability(tmp_path / "one.npz")
    assert told == facts
    assert isinstance(found, Applicability)
    assert (found.threshold, found.mean_distance) == (known.threshold, known.mean_distance)
    new = np.random.default_rng(4).normal(size=(50, 2))
    np.testing.assert_array_equal(found.dissimilarity(new), known.dissimilarity(new))
    np.testing.assert_array_equal(found.outside_range(new), known.outside_range(new))
    area.write_applicability(tmp_path / "none.npz", None, facts)
    assert area.read_applicability(tmp_path / "none.npz") == (None, facts)


def test_many_equal_rows_do_not_slow_the_search() -> None:
    """A tree keeps equal points in one leaf, which is then searched one by one: here 10⁹ comparisons."""
    x = np.zeros((20_000, 1))
    x[:10] = np.arange(10)[:, None]
    known = applicability(x, np.arange(20_000) % 5, np.ones(1), 1)
    assert isinstance(known, Applicability)
    assert len(known.rows) == 10
    new = np.full((50_000, 1), 0.25)
    np.testing.assert_allclose(known.dissimilarity(new), known.dissimilarity(new[:1])[0])


def importance(percent: list[float]) -> pd.DataFrame:
    rows = [("detail", name, "predictor", value) for name, value in zip(("lst_day", "ndvi"), percent, strict=True)]
    others = [("detail", "ndvi + evi", "group", 90.0), ("absolute", "ndvi", "predictor", 12.0)]
    return pd.DataFrame([*others, *rows], columns=["method", "predictor", "entry", "permutation_percent"])


@pytest.mark.parametrize(
    ("percent", "method", "expected"),
    [
        ([30.0, 70.0], "detail", [70.0, 30.0]),
        ([100.0, -2.0], "detail", [0.0, 100.0]),
        ([0.0, 0.0], "detail", [1.0, 1.0]),  # no predictor helped
        ([np.nan, np.nan], "detail", [1.0, 1.0]),
        ([30.0, 70.0], "absolute", [1.0, 1.0]),  # the table does not tell of lst_day
    ],
)
def test_weights_are_importances_of_the_maps_method(percent: list[float], method: str, expected: list[float]) -> None:
    assert area.weights_of(importance(percent), method, ["ndvi", "lst_day"]).tolist() == expected
    assert area.weights_of(importance(percent)[:0], method, ["ndvi"]).tolist() == [1]


@pytest.mark.parametrize(
    ("method", "alpha", "estimator", "used"),
    [
        ("absolute", 1, "fitted", True),
        ("detail", 0.2, "fitted", True),
        ("detail", 0, "fitted", False),
        ("detail", 0, None, False),
    ],
)
def test_a_map_without_detail_uses_no_predictor(method: str, alpha: float, estimator: str | None, used: bool) -> None:
    assert Model(method, "linear", ("ndvi",), 1, alpha, 10, 40, estimator).uses_predictors == used
