"""Maps in percent of saturation, against scipy and scikit-learn."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from kilomoist.evaluation.assessments import Scored
from kilomoist.evaluation.relative_maps import linearly_matched, rank_scores, without_line


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An index with ties, soil moisture, and places 10 km apart."""
    random = np.random.default_rng(seed)
    index = random.integers(0, 20, count) * 5.0
    observed = 0.1 + 0.002 * index + 0.05 * random.standard_normal(count)
    places = np.stack([100 + 0.13 * (np.arange(count) % 20), 47 + 0.09 * (np.arange(count) // 20)], axis=1)
    return index, observed, places


@pytest.mark.parametrize("count", [3, 4, 17])
def test_each_pixel_is_matched_by_the_line_through_the_others(count: int) -> None:
    index, observed, _ = drawn(count, count)
    expected = cross_val_predict(LinearRegression(), index[:, None], observed, cv=LeaveOneOut())
    np.testing.assert_allclose(linearly_matched(index, observed), expected, atol=1e-12)
    np.testing.assert_allclose(linearly_matched(0.5 * index + 3, observed), expected, atol=1e-12)


def test_where_the_others_have_one_index_their_mean_is_said() -> None:
    matched = linearly_matched(np.array([50.0, 50.0, 80.0]), np.array([0.1, 0.2, 0.3]))
    np.testing.assert_allclose(matched, [0.2, 0.1, 0.15])
    with pytest.raises(ValueError, match="2 pixels"):
        linearly_matched(np.array([1.0, 2.0]), np.array([0.1, 0.2]))


def test_rank_scores_are_spearman_s() -> None:
    index, observed, places = drawn(200, 1)
    found = rank_scores(Scored(observed, {}, places, 20_000.0, 1), index)
    expected = spearmanr(observed, index)
    assert found["n"] == 200
    assert found["r"] == pytest.approx(expected.statistic)
    assert found["p"] == pytest.approx(expected.pvalue, rel=1e-6)
    assert found["r_low"] < found["r"] < found["r_high"]
    assert not {"rmse", "bias", "ubrmse", "mae", "r2"} & set(found), "percent are no m³/m³"
    assert rank_scores(Scored(observed[:0], {}, places[:0], 20_000.0, 1), index[:0])["n"] == 0


def test_what_the_line_makes_is_no_score() -> None:
    row = {
        "map": "SWI, linearly matched",
        "n": 5,
        "r": 1.0,
        "r_low": 0.9,
        "p": 0.1,
        "bias": 0.0,
        "rmse": 0.1,
        "r2": 0.5,
    }
    assert without_line(row) == {"map": "SWI, linearly matched", "n": 5, "rmse": 0.1, "r2": 0.5}
    assert without_line(row | {"map": "1 km"}) == row | {"map": "1 km"}
    test = {"map": "SWI, linearly matched", "rmse_difference": 0.1, "p_rmse": 0.2, "r_difference": 0.1, "p_r": 0.3}
    assert set(without_line(test)) == {"map", "rmse_difference", "p_rmse"}
