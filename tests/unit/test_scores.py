"""Scores against scipy and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from kilomoist.models import Model, Settings, fit
from kilomoist.scores import correlations, describe, importance, score


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
    assert found["r"] == pytest.approx(r, abs=1e-12)
    assert found["p"] == pytest.approx(p, rel=1e-6, abs=1e-300)
    assert found["r2"] == pytest.approx(r2_score(y, z), rel=1e-9, abs=1e-9)
    assert found["rmse"] == pytest.approx(np.sqrt(mean_squared_error(y, z)), rel=1e-9)
    assert found["bias"] == pytest.approx((z - y).mean(), abs=1e-12)
    assert found["mae"] == pytest.approx(mean_absolute_error(y, z), rel=1e-9)
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
    assert score(observed, observed[::-1])["r2"] == pytest.approx(-3)
    assert score(observed, observed[::-1])["r"] == pytest.approx(-1)
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


def test_correlations_of_every_pair() -> None:
    random = np.random.default_rng(1)
    table = pd.DataFrame(random.normal(size=(50, 3)), columns=["target", "ndvi", "lst_day"])
    table.loc[3, "ndvi"] = np.nan
    found = correlations(table, ["target", "ndvi", "lst_day"])
    assert list(found) == ["first", "second", "r", "p", "n"]
    pairs = [("target", "ndvi"), ("target", "lst_day"), ("ndvi", "lst_day")]
    assert list(zip(found["first"], found["second"], strict=True)) == pairs
    assert found["n"].tolist() == [49, 50, 49]
    for row in found.itertuples():
        both = table[[row.first, row.second]].dropna()
        assert (row.r, row.p) == pytest.approx(tuple(pearsonr(both[row.first], both[row.second])))


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees", "linear"])
def test_importances_are_shares(kind: str) -> None:
    random = np.random.default_rng(2)
    x = random.normal(size=(500, 3)).astype(np.float32)
    y = x[:, 1] + 0.3 * x[:, 0]
    model = Model("absolute", kind, ("a", "b", "c"), 3, 1.0, 500, 0, fit(Settings(kind, 20, 1, 3), x, y))
    found = importance(model, x, y, 7)
    assert list(found) == ["method", "predictor", "impurity_percent", "permutation_percent"]
    assert found["predictor"].tolist() == ["a", "b", "c"]
    assert found["permutation_percent"].sum() == pytest.approx(100)
    assert (found["permutation_percent"] >= 0).all()
    assert found["permutation_percent"].argmax() == 1
    if kind == "linear":
        assert found["impurity_percent"].isna().all()
    else:
        assert found["impurity_percent"].sum() == pytest.approx(100)
        assert found["impurity_percent"].argmax() == 1
    pd.testing.assert_frame_equal(found, importance(model, x, y, 7))


def test_permutation_importance_of_a_sum() -> None:
    """Shuffling x adds twice the variance of its coefficient times x: 4 : 1 here."""
    random = np.random.default_rng(3)
    x = random.normal(size=(20_000, 2))
    y = 2 * x[:, 0] + x[:, 1]
    model = Model("absolute", "linear", ("a", "b"), 1, 1.0, len(y), 0, LinearRegression().fit(x, y))
    found = importance(model, x, y, 1)["permutation_percent"].to_numpy()
    np.testing.assert_allclose(found, [80, 20], atol=1)


def test_importances_of_a_model_that_ignores_everything() -> None:
    """Nothing shuffled changes anything: there are no shares, and no warning."""
    x, y = np.random.default_rng(4).normal(size=(60, 2)), np.full(60, 0.2)
    model = Model("absolute", "linear", ("a", "b"), 1, 1.0, 60, 0, LinearRegression().fit(x, y))
    assert importance(model, x, y, 1)["permutation_percent"].isna().all()


def test_maps_are_described() -> None:
    values = np.r_[np.arange(101) / 100, np.nan].reshape(2, 51)
    expected = {"n": 101, "minimum": 0, "maximum": 1, "mean": 0.5}
    expected |= {f"p{share:02d}": share / 100 for share in (1, 5, 25, 50, 75, 95, 99)}
    found = describe(values)
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)
    assert describe(values.astype(np.float32)) == pytest.approx(expected, abs=1e-6)


def test_an_empty_map_is_described() -> None:
    found = describe(np.full((3, 3), np.nan))
    assert found.pop("n") == 0
    assert np.isnan(list(found.values())).all()
