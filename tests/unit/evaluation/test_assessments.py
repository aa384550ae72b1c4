"""Assessments against direct calls of what they are made of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from random_fields import fields
from scipy.stats import pearsonr

from kilomoist.evaluation.assessments import HOW_FOUND, Scored, score_table, write_scores
from kilomoist.evaluation.bootstrap import SCORES, ScoredRows
from kilomoist.evaluation.effective_size import associations, williams
from kilomoist.evaluation.scores import score
from kilomoist.evaluation.study import correlations
from kilomoist.evaluation.variograms import lags_of, variogram
from kilomoist.names import LABELS

SEED = 3
SIDE = 40
PLACES = np.argwhere(np.ones((SIDE, SIDE), bool)) * 0.08 + [100, 47]
"""(rows, 2): longitude and latitude of a square of cells."""


def two_estimates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A smooth field, and two estimates of it, with rough errors and with smooth ones."""
    y, rough, smooth = (
        next(fields("exponential", SIDE, reach, seed)).ravel() for reach, seed in ((8, 1), (2, 2), (8, 3))
    )
    return y, y + 1.5 * rough, 0.6 * y + smooth


def range_of(values: np.ndarray) -> float:
    return variogram(values, lags_of(*PLACES.T, SEED)).autocorrelation_range


def influence_on_r(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    y, z = (y - y.mean()) / y.std(), (z - z.mean()) / z.std()
    return y * z - np.mean(y * z) * (y**2 + z**2) / 2


def test_intervals_take_the_range_of_what_each_score_sums_up() -> None:
    y, z, _ = two_estimates()
    found = Scored(y, {"one": z}, PLACES, 1.0, SEED).confidence_intervals("one")
    missed = 1 - score(y, z)["r2"]
    errors, associated = range_of(z - y), range_of(influence_on_r(y, z))
    explained = range_of((z - y) ** 2 - missed * (y - y.mean()) ** 2)
    longer = max(associated, explained)
    assert longer > 1.5 * errors
    assert (found["errors_km"], found["r_km"]) == pytest.approx((errors / 1000, longer / 1000))
    rows = ScoredRows(y, {"one": z}, PLACES, geographic=True, seed=SEED)
    for name in SCORES:
        row = rows.intervals("one", longer if name in ("r", "r2") else errors)[name]
        assert np.isfinite([row.lower, row.upper]).all(), name
        assert (found[f"{name}_low"], found[f"{name}_high"]) == pytest.approx((row.lower, row.upper)), name
        assert found["r_blocks" if name in ("r", "r2") else "errors_blocks"] == pytest.approx(row.blocks), name
    alone = associations({"y": y, "z": z}, PLACES, geographic=True)["y", "z"]
    assert (found["effective_n"], found["p_effective"]) == pytest.approx((alone.effective_n, alone.p))


def test_tables_tell_why_there_is_no_interval() -> None:
    """Errors that are alike over half of the region leave fewer than ten blocks."""
    y, z, _ = two_estimates()
    drift = z + 20 * (PLACES - PLACES.mean(axis=0)).sum(axis=1)
    scored = Scored(y, {"one": z, "drift": drift}, PLACES, 1.0, SEED)
    found, differing = scored.confidence_intervals("drift"), scored.difference("drift", "one")
    assert found["errors_blocks"] < 10
    assert np.isnan([found["rmse_low"], found["rmse_high"]]).all()
    assert differing["rmse_difference_blocks"] < 10
    assert np.isnan([differing["rmse_difference_low"], differing["p_rmse"]]).all()


@pytest.mark.parametrize("names", [("one", "two"), ("two", "one")])
def test_difference_takes_the_range_of_what_each_difference_sums_up(names: tuple[str, str]) -> None:
    y, *both = two_estimates()
    estimates = dict(zip(("one", "two"), both, strict=True))
    first, second = (estimates[name] for name in names)
    found = Scored(y, estimates, PLACES, 1.0, SEED).difference(*names)
    ranges = {
        "rmse": range_of((first - y) ** 2 - (second - y) ** 2),
        "r": range_of(influence_on_r(y, first) - influence_on_r(y, second)),
    }
    assert max(ranges.values()) > 1.2 * min(ranges.values())
    rows = ScoredRows(y, {"first": first, "second": second}, PLACES, geographic=True, seed=SEED)
    for name, length in ranges.items():
        row = rows.difference("first", "second", length)[name]
        wanted = row.value, row.lower, row.upper, row.blocks
        assert np.isfinite(wanted).all(), name
        columns = [f"{name}_difference{end}" for end in ("", "_low", "_high", "_blocks")]
        assert [found[column] for column in columns] == pytest.approx(wanted), name
        if name == "rmse":
            assert found["p_rmse"] == pytest.approx(row.p)
            skilled = rows.difference("first", "second", length)["skill"]
            assert skilled.value == pytest.approx(1 - np.mean((first - y) ** 2) / np.mean((second - y) ** 2))
            ends = [found[f"skill{end}"] for end in ("", "_low", "_high")]
            assert ends == pytest.approx([skilled.value, skilled.lower, skilled.upper])
            assert skilled.lower < skilled.value < skilled.upper
    alone = associations({"y": y, "first": first, "second": second}, PLACES, geographic=True)
    sizes = [alone["y", name].effective_n for name in ("first", "second")]
    assert max(sizes) > 1.2 * min(sizes)
    r = [score(*pair)["r"] for pair in ((y, first), (y, second), (first, second))]
    assert found["r_between"] == pytest.approx(r[2])
    assert found["effective_n"] == pytest.approx(min(sizes))
    assert found["p_r"] == pytest.approx(williams(*r, min(sizes))[1])


def test_p_of_williams_is_conservative_where_errors_are_rougher_than_fields() -> None:
    """Rows are worth little in smooth fields, but errors without any range tell the two estimates apart."""
    stream, random = fields("exponential", SIDE, 10, 4), np.random.default_rng(4)
    told = {"p_r": 0, "independent": 0, "interval": 0}
    for _ in range(10):
        y = next(stream).ravel()
        one, worse = y + 0.5 * random.normal(size=y.size), y + 0.57 * random.normal(size=y.size)
        found = Scored(y, {"one": one, "worse": worse}, PLACES, 1.0, SEED).difference("one", "worse")
        told["interval"] += found["r_difference_low"] > 0
        told["p_r"] += found["p_r"] < 0.05
        r = [score(*pair)["r"] for pair in ((y, one), (y, worse), (one, worse))]
        told["independent"] += williams(*r, len(y))[1] < 0.05
    assert told["p_r"] <= 1
    assert told["independent"] == 10
    assert told["interval"] >= 9


def test_correlations_of_every_pair() -> None:
    """p for independent rows as other libraries have it, and what rows are worth by a test of each pair by itself."""
    names = ["target", "ndvi", "lst_day"]
    stream = fields("exponential", SIDE, 8, 1)
    table = pd.DataFrame({name: next(stream).ravel() for name in names}).assign(lon=PLACES[:, 0], lat=PLACES[:, 1])
    table["lst_day"] -= table["ndvi"]
    table.loc[3, "ndvi"] = np.nan
    found = correlations(table, names)
    assert list(found) == ["first", "second", "r", "p", "n", "effective_n", "p_effective"]
    pairs = [("target", "ndvi"), ("target", "lst_day"), ("ndvi", "lst_day")]
    assert list(zip(found["first"], found["second"], strict=True)) == pairs
    assert found["n"].tolist() == [SIDE**2 - 1] * 3  # the same rows for all
    rows = table.dropna()
    for row in found.itertuples():
        x, y = rows[row.first].to_numpy(), rows[row.second].to_numpy()
        assert (row.r, row.p) == pytest.approx(tuple(pearsonr(x, y)))
        alone = associations({"x": x, "y": y}, rows[["lon", "lat"]].to_numpy(), geographic=True)["x", "y"]
        assert (row.effective_n, row.p_effective) == pytest.approx((alone.effective_n, alone.p))
        assert row.effective_n < 300
        assert row.p_effective > row.p


def test_a_constant_has_no_correlations_and_takes_none_from_others() -> None:
    random = np.random.default_rng(2)
    table = pd.DataFrame(random.normal(size=(60, 2)), columns=["target", "ndvi"]).assign(evi=0.3)
    table[["lon", "lat"]] = PLACES[:60]
    found = correlations(table, ["target", "ndvi", "evi"])
    assert found["r"].isna().tolist() == found["effective_n"].isna().tolist() == [False, True, True]


def test_scores_stand_beside_their_ends_and_how_they_were_found_apart(tmp_path: Path) -> None:
    y, z, other = two_estimates()
    scored = Scored(y, {"absolute": z, "mean": other}, PLACES, 1.0, SEED, "of two")
    empty = Scored(y[:0], {}, PLACES[:0], 1.0, SEED, "too few rows")
    paths = tmp_path / "scores.csv", tmp_path / "intervals.csv"
    rows = [score_table(name, of, "linear", LABELS) for name, of in (("blocks", empty), ("random", scored))]
    write_scores(rows[0] + rows[1], *paths)
    scores, intervals = map(pd.read_csv, paths)
    with_ends = [f"{name}{end}" for name in SCORES for end in ("", "_low", "_high")]
    assert list(scores) == ["protocol", "method", "model", "label", "n", *with_ends, "skill_mean", "note"]
    assert list(intervals) == ["protocol", "method", "model", "label", *HOW_FOUND]
    assert scores["protocol"].tolist() == intervals["protocol"].tolist() == ["blocks", "random", "random"]
    assert scores["note"].tolist() == ["too few rows", "of two", "of two"]
    assert scores.loc[0, ["n", "r", "rmse_low"]].isna().all()
    assert len(scores.merge(intervals)) == 3  # what figures read
    assert scores.loc[1, "rmse"] == pytest.approx(score(y, z)["rmse"])
    assert intervals.loc[1, "r_km"] == pytest.approx(scored.confidence_intervals("absolute")["r_km"])
