"""Field points within cells of 9 km and in time, by hand and on simulated points."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from kilomoist.evaluation.field_months import ALL_POINTS, field_months
from kilomoist.evaluation.within_cells import COLUMNS, deviations_within_cells, within_cells
from kilomoist.names import RANKED

PLACES = ["r00900c00900", "r00908c00905", "r00909c00900", "r00917c00908", "r00910c00901", "r04000c04000"]
"""Two pixels in one cell, three in the one south of it, and one alone."""
OBSERVED = [0.1, 0.2, 0.1, 0.2, 0.6, 0.3]


def pixels(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"pixel": PLACES, "id": list("abcdef"), "observed": OBSERVED} | columns)


def test_deviations_are_from_the_mean_of_the_others() -> None:
    table = deviations_within_cells(pixels(coarse=[0.2, 0.2, 0.1, 0.1, 0.1, 0.3]), ["observed", "coarse"])
    assert table[["row", "column"]].to_numpy().tolist() == [[100, 100]] * 2 + [[101, 100]] * 3
    np.testing.assert_allclose(table["observed"], [-0.1, 0.1, -0.3, -0.15, 0.45], atol=1e-12)
    assert (table["coarse"] == 0).all()


def test_scores_within_cells_by_hand() -> None:
    """Half of the first cell's deviation and none of the second's: MSE 0.0050 and 0.315 of 0.02 and 0.315."""
    frame = pixels(coarse=0.2, fine=[0.15, 0.2, 0.3, 0.3, 0.3, 0.9], other=np.asarray(OBSERVED) + 0.1)
    found = within_cells(frame, ["coarse", "fine", "other"], 1)
    assert set(found["fine"]) == set(COLUMNS)
    assert (found["fine"]["n"], found["fine"]["cells"]) == (5, 2)
    assert found["fine"]["skill"] == pytest.approx(1 - (0.005 + 0.315) / (0.02 + 0.315))
    assert found["fine"]["map_deviation"] == pytest.approx(np.sqrt(0.005 / 5))
    assert found["coarse"]["skill"] == 0
    assert np.isnan(found["coarse"]["r"])
    assert found["other"]["skill"] == pytest.approx(1)
    assert found["other"]["r"] == pytest.approx(1)
    assert np.isnan(found["fine"]["skill_low"]), "two cells have no interval"


def test_a_relative_map_has_a_rank_correlation_alone_within_cells() -> None:
    """Percent that grow with the deviations, but not by a line: their ranks are the same."""
    index = 100 * np.asarray([0.1, 0.2, 0.1, 0.11, 0.9, 0.3])
    name = f"SWI{RANKED}"
    found = within_cells(pixels(fine=OBSERVED, **{name: index}), ["fine", name], 1)
    deviations = deviations_within_cells(pixels(**{name: index}), ["observed", name])
    assert found[name]["r"] == pytest.approx(spearmanr(deviations["observed"], deviations[name]).statistic)
    assert (found[name]["n"], found[name]["cells"]) == (5, 2)
    assert np.isnan([found[name][column] for column in ("skill", "skill_low", "skill_high", "map_deviation")]).all()
    assert found["fine"]["skill"] == pytest.approx(1)


@pytest.mark.parametrize("rows", [[], [0], [0, 2, 5]])
def test_without_two_pixels_in_a_cell_nothing_is_scored(rows: list[int]) -> None:
    found = within_cells(pixels(fine=0.2).iloc[rows], ["fine"], 1)["fine"]
    assert (found["n"], found["cells"]) == (0, 0)
    assert np.isnan([found[name] for name in COLUMNS if name not in ("n", "cells")]).all()


def test_interval_within_cells_holds_the_true_skill() -> None:
    """Simulated: a map that tells half of the variance of independent deviations, in 100 cells; 20 draws.

    z = d + e with equal variances and a map that says d: in deviations from the mean of the others the skill is 0.5.
    """
    random, held = np.random.default_rng(7), []
    row, column = np.divmod(np.arange(200) // 2, 10)
    names = [f"r{9 * r + k + 2700:05d}c{9 * c:05d}" for k, r, c in zip(np.arange(200) % 2, row, column, strict=True)]
    for draw in range(20):
        detail, error = 0.03 * random.standard_normal((2, 200))
        frame = pd.DataFrame({"pixel": names, "observed": 0.2 + detail + error, "fine": 0.2 + detail})
        found = within_cells(frame, ["fine"], draw)["fine"]
        held.append(found["skill_low"] <= 0.5 <= found["skill_high"])
        assert found["r_low"] < found["r"] < found["r_high"]
    assert np.mean(held) >= 0.8


def month(number: int, **columns: object) -> pd.DataFrame:
    return pixels(**{"observed": np.asarray(OBSERVED) + 0.1 * number} | columns)


def test_scores_in_time_by_hand() -> None:
    """A map with a bias of its own at each point, then one whose course is the other way round."""
    bias = np.array([0.0, 0.01, 0.02, 0.03, 0.04, 0.05])
    courses = [month(k, fine=np.asarray(OBSERVED) + 0.1 * k + bias, coarse=0.3 - 0.1 * k) for k in (0, 1, 3)]
    table = field_months(pd.concat(courses), ["coarse", "fine"]).set_index(["map", "pixel"])
    assert len(table) == 14
    summary, first = table.loc[("fine", ALL_POINTS)], table.loc[("fine", PLACES[1])]
    assert (summary["points"], summary["n"], first["n"]) == (6, 18, 3)
    np.testing.assert_allclose(first[["r", "ubrmse", "bias"]].astype(float), [1, 0, 0.01], atol=1e-9)
    assert summary["bias"] == pytest.approx(0.025)
    assert (summary["bias_25"], summary["bias_75"]) == pytest.approx((0.0125, 0.0375))
    assert (summary["anomaly_r"], summary["anomaly_rmse"]) == pytest.approx((1, 0))
    other = table.loc[("coarse", ALL_POINTS)]
    assert (other["r"], other["anomaly_r"]) == pytest.approx((-1, -1))
    # Anomalies are ∓ (−4, −1, 5) / 30, the map's error in them twice that.
    assert other["anomaly_rmse"] == pytest.approx(2 * np.sqrt((16 + 1 + 25) / 900 / 3))
    assert other["ubrmse"] == pytest.approx(2 * np.sqrt((16 + 1 + 25) / 900 / 3))


def test_a_relative_map_has_a_rank_correlation_alone_in_time() -> None:
    """A point's percent that go up with it, but not by a line, and another map beside."""
    name = f"SWI{RANKED}"
    months = [month(k, fine=0.2 + 0.1 * k, **{name: 10.0 * 2**k}) for k in (0, 1, 3)]
    table = field_months(pd.concat(months), ["fine", name]).set_index(["map", "pixel"])
    for pixel in (ALL_POINTS, PLACES[0]):
        row = table.loc[(name, pixel)]
        assert row["r"] == pytest.approx(1)
        assert row[["ubrmse", "bias", "anomaly_r", "anomaly_rmse"]].isna().all()
    assert table.loc[("fine", ALL_POINTS), "anomaly_r"] == pytest.approx(1)


def test_points_count_with_three_months_of_the_same_points() -> None:
    """The fifth pixel lacks a month, and the sixth holds another point in one."""
    months = [month(0, fine=0.2), month(1, fine=0.2).drop(index=4), month(2, fine=0.2)]
    months[2].loc[5, "id"] = "f; g"
    table = field_months(pd.concat(months), ["fine"])
    assert table["pixel"].tolist() == [ALL_POINTS, *PLACES[:4]]
    assert np.isnan(table["r"].astype(float)).all(), "a map that does not change has no r"
    none = field_months(pd.concat([month(0, fine=0.2), month(1, fine=0.2)]), ["fine"])
    assert none["pixel"].tolist() == [ALL_POINTS]
    assert none[["points", "n"]].to_numpy().tolist() == [[0, 0]]
    assert len(field_months(month(0, fine=0.2)[:0], ["fine"])) == 1
