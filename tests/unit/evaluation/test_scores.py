"""Scores against scipy and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from kilomoist.evaluation.scores import Pairs, score
from kilomoist.statistics import describe, describe_chunks


@given(seed=st.integers(0, 10_000), count=st.integers(3, 200), noise=st.floats(0.01, 3), bias=st.floats(-1, 1))
def test_scores_are_those_of_other_libraries(seed: int, count: int, noise: float, bias: float) -> None:
    random = np.random.default_rng(seed)
    observed = random.normal(0.2, 0.05, count)
    estimated = observed + bias + random.normal(0, 0.05 * noise, count)
    gaps = random.random(count) < 0.1
    with_gaps = np.where(gaps, np.nan, estimated)
    found = score(observed, with_gaps)
    y, z = observed[~gaps], estimated[~gaps]
    assert found["n"] == len(y)
    if len(y) < 3:
        return
    r, p = pearsonr(y, z)
    assert (found["r"], found["bias"]) == pytest.approx((r, (z - y).mean()), abs=1e-12)
    assert found["p"] == pytest.approx(p, rel=1e-6, abs=1e-300)
    assert found["r2"] == pytest.approx(r2_score(y, z), rel=1e-9, abs=1e-9)
    expected = np.sqrt(mean_squared_error(y, z)), mean_absolute_error(y, z)
    assert (found["rmse"], found["mae"]) == pytest.approx(expected, rel=1e-9)
    assert found["rmse"] ** 2 == pytest.approx(found["ubrmse"] ** 2 + found["bias"] ** 2, rel=1e-9)


def test_scores_of_four_numbers() -> None:
    found = score(np.array([1.0, 2, 3, 4]), np.array([2.0, 2, 3, 5]))
    # Errors 1, 0, 0, 1; deviations of the observed -1.5, -0.5, 0.5, 1.5.
    assert found["rmse"] == pytest.approx(np.sqrt(0.5))
    assert found["bias"] == found["mae"] == 0.5
    assert found["ubrmse"] == pytest.approx(0.5)
    assert found["r2"] == pytest.approx(1 - 2 / 5)
    # Covariance 5, variances 5 and 6.
    assert found["r"] == pytest.approx(5 / np.sqrt(30))
    assert list(found) == ["n", "r", "p", "r2", "rmse", "ubrmse", "bias", "mae"]


def test_worse_than_the_mean_is_below_zero() -> None:
    observed = np.array([0.1, 0.2, 0.3])
    reverse = score(observed, observed[::-1])
    assert (reverse["r2"], reverse["r"]) == pytest.approx((-3, -1))
    assert score(observed, observed + 1)["r2"] < -100
    assert score(observed, observed)["r2"] == 1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pairs_have_no_correlation(count: int) -> None:
    found = score(np.arange(count, dtype=float), np.arange(count) + 0.5)
    assert found["n"] == count
    assert all(np.isnan(found[name]) for name in ("r", "p", "r2"))
    assert np.isnan(found["rmse"]) == (count == 0)
    if count:
        assert [found[name] for name in ("rmse", "ubrmse", "bias", "mae")] == [0.5, 0.0, 0.5, 0.5]


@pytest.mark.filterwarnings("error")
def test_constants_have_no_correlation() -> None:
    constant, line = np.full(5, 0.1), np.linspace(0.1, 0.3, 5)
    assert np.isnan([score(constant, line)[name] for name in ("r", "p", "r2")]).all()
    found = score(line, constant)
    assert np.isnan([found["r"], found["p"]]).all()
    assert found["r2"] == pytest.approx(-2)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((line - 0.1) ** 2)))


def test_infinities_do_not_count() -> None:
    assert score(np.array([0.1, np.inf, 0.3, 0.2]), np.array([0.1, 0.2, -np.inf, 0.2]))["n"] == 2


def test_maps_are_described() -> None:
    values = np.r_[np.arange(101) / 100, np.nan].reshape(2, 51)
    expected = {"n": 101, "minimum": 0, "maximum": 1, "mean": 0.5}
    expected |= {f"p{share:02d}": share / 100 for share in (1, 5, 25, 50, 75, 95, 99)}
    found = describe(values)
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)
    assert isinstance(found["n"], int)
    assert describe(values.astype(np.float32)) == pytest.approx(expected, abs=1e-6)


def test_an_empty_map_is_described() -> None:
    found = describe(np.full((3, 3), np.nan))
    assert found.pop("n") == 0
    assert np.isnan(list(found.values())).all()


# Part by part


@given(seed=st.integers(0, 10_000), count=st.integers(0, 300), shift=st.floats(-1e3, 1e3))
def test_pairs_of_parts_score_like_the_whole(seed: int, count: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    observed = shift + random.normal(0.2, 0.05, count)
    estimated = np.where(random.random(count) < 0.1, np.nan, observed + random.normal(0.01, 0.02, count))
    pairs = Pairs()
    for part in np.array_split(np.arange(count), 5):
        pairs.add(observed[part], estimated[part])
    assert pairs.score() == pytest.approx(score(observed, estimated), rel=1e-7, abs=1e-12, nan_ok=True)


@given(seed=st.integers(0, 10_000), count=st.integers(0, 400), digits=st.integers(1, 6), shift=st.floats(-0.5, 0.5))
def test_parts_of_a_map_are_described_like_the_whole(seed: int, count: int, digits: int, shift: float) -> None:
    """Percentiles to the last bit, with ties, gaps and numbers below 0."""
    random = np.random.default_rng(seed)
    values = (random.normal(0.25, 0.1, count).round(digits) + shift).astype(np.float32)
    values[random.random(count) < 0.1] = np.nan
    found, expected = describe_chunks(lambda: np.array_split(values, 3)), describe(values)
    assert list(found) == list(expected)
    assert found.pop("mean") == pytest.approx(expected.pop("mean"), rel=1e-12, nan_ok=True)
    assert found == pytest.approx(expected, rel=0, abs=0, nan_ok=True)
