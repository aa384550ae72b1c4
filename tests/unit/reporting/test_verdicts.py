"""The verdict in words: better, equal, worse, or not to be told, by numbers alone."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from kilomoist.evaluation.assessments import Scored, difference_table, score_table, write_scores
from kilomoist.evaluation.scores import ESTIMATES
from kilomoist.names import LABELS, MAP_ONE_SCALE_UP, map_names, protocol_label
from kilomoist.reporting import verdicts
from kilomoist.reporting.verdicts import briefly, sentence, verdict_of, verdict_table
from kilomoist.texts import TEXTS

TAGS = {"method": "detail", "alpha": "0.8000", "reconciled": "yes", "source": "archive"}
PLACES = np.argwhere(np.ones((24, 24), bool)) * [0.1, 0.1] + [98.0, 46.0]
TRUE = 0.2 + 0.03 * np.random.default_rng(1).standard_normal(len(PLACES))


@pytest.mark.parametrize(
    ("gain", "low", "high", "verdict"),
    [
        (0.3, 0.2, 0.4, "better"),
        (0.03, 0.01, 0.2, "better"),
        (-0.3, -0.4, -0.2, "worse"),
        (0.0, -0.04, 0.03, "equal"),
        (0.0, 0.0, 0.0, "equal"),
        (0.02, 0.01, 0.04, "equal"),  # sure to be better, by what is not worth a word
        (-0.1, -0.3, 0.02, "not better"),
        (0.1, -0.1, 0.3, "cannot be told"),
        (0.9, math.nan, math.nan, "cannot be told"),
    ],
)
def test_verdict_follows_from_the_interval(gain: float, low: float, high: float, verdict: str) -> None:
    assert verdict_of(gain, low, high)[0] == verdict


def noisy(deviation: float, seed: int) -> NDArray:
    return TRUE + deviation * np.random.default_rng(seed).standard_normal(len(TRUE))


def judged(tmp_path: Any, deviation: float, rows: int = len(TRUE), same: bool = False) -> pd.DataFrame:
    """Verdicts one scale up on a map with errors of this deviation, where SMAP's have 0.02 and, reconciled, 0.015."""
    nulls = {"copied": noisy(0.03, 3), "bilinear": noisy(0.02, 4), "bilinear_reconciled": noisy(0.015, 5)}
    own = nulls["bilinear_reconciled"] if same else noisy(deviation, 6)
    estimates = {"detail": noisy(0.02, 7), "detail_reconciled": own} | nulls
    known = {name: values[:rows] for name, values in estimates.items()}
    scored = Scored(TRUE[:rows], known, PLACES[:rows], 1000.0, 1)
    labels = {name: protocol_label("one_scale_up", name, "detail", True) for name in ESTIMATES}
    paths = [tmp_path / f"{name}.csv" for name in ("scores", "intervals", "differences")]
    write_scores(score_table("one_scale_up", scored, "linear", labels), *paths[:2])
    pairs = difference_table("one_scale_up", scored, ["bilinear_reconciled", "bilinear", "copied"], labels)
    pd.DataFrame(pairs).to_csv(paths[2], index=False)
    return verdict_table(verdicts.one_scale_up(pd.read_csv(paths[0]), pd.read_csv(paths[2])), TAGS)


@pytest.mark.parametrize(
    ("deviation", "rows", "wanted"),
    [
        (0.008, len(TRUE), ["better", "better"]),
        (0.015, len(TRUE), ["better", "cannot be told"]),
        (0.04, len(TRUE), ["worse", "worse"]),
        (0.008, 8, ["cannot be told", "cannot be told"]),
    ],
)
def test_maps_are_judged_against_bilinear_and_the_best_null_model(
    tmp_path: Any, deviation: float, rows: int, wanted: list[str]
) -> None:
    table = judged(tmp_path, deviation, rows)
    assert table["verdict"].tolist() == wanted
    assert (table["map"] == MAP_ONE_SCALE_UP).all()
    assert (table["n"] == rows).all()
    assert table["reference"].tolist() == [
        "SMAP, bilinear, one scale up",
        "SMAP, bilinear, reconciled, one scale up",
    ]
    for row in table.itertuples():
        assert row.gain == pytest.approx(1 - (row.rmse_map / row.rmse_reference) ** 2)
        if rows > 8:
            assert row.low < row.gain < row.high
            assert f"({row.rmse_map:.4f} instead of {row.rmse_reference:.4f} m³/m³; 95 % interval: " in row.sentence
        else:
            assert math.isnan(row.low)
            assert "8 values here are worth fewer than 10 independent ones" in row.sentence


def test_a_map_that_is_the_null_model_is_no_better(tmp_path: Any) -> None:
    """α = 0: the very same values, and a sentence that says why."""
    table = judged(tmp_path, 0.0, same=True)
    last = table.iloc[1]
    assert (last["gain"], last["low"], last["high"], last["verdict"]) == (0, 0, 0, "equal")
    told = verdict_table([dict(last) | {"n": 1}], TAGS | {"alpha": "0.0000"})["sentence"].iloc[0]
    assert "neither better nor worse than “SMAP, bilinear, reconciled” by an amount that matters" in told
    assert "its RMSE is the same" in told
    assert told.endswith("The map uses no predictor: it is SMAP, interpolated.")


def test_what_could_not_be_scored_says_why() -> None:
    scores = pd.DataFrame({"protocol": ["one_scale_up"], "method": ["absolute"], "model": ["linear"], "rmse": [np.nan]})
    scores["note"] = "3 complete cells of 36 km, 20 are needed to learn"
    (row,) = verdict_table(verdicts.one_scale_up(scores, pd.DataFrame()), TAGS).to_dict("records")
    assert row["verdict"] == "cannot be told"
    assert row["sentence"].endswith("cannot be told: 3 complete cells of 36 km, 20 are needed to learn.")


def field_scores(rmse: float) -> pd.DataFrame:
    errors = {"coarse": 0.05, "fine": rmse, "bilinear": 0.048, "bilinear_reconciled": 0.049, "absolute": 0.05}
    return pd.DataFrame([map_names(name, "detail") | {"n": 40, "rmse": value} for name, value in errors.items()])


def field_pairs(low: float, high: float) -> pd.DataFrame:
    rows = [
        map_names("fine", "detail") | map_names(name, "detail", "reference") | {"skill_low": low, "skill_high": high}
        for name in ("coarse", "bilinear", "bilinear_reconciled")
    ]
    return pd.DataFrame(rows)


def test_points_scatter_and_small_gains_at_them_are_no_equality() -> None:
    """An error of which most is the points' own differs by few percent between any two maps."""
    (row,) = verdict_table(verdicts.at_points(field_scores(0.047), field_pairs(-0.01, 0.04)), TAGS).to_dict("records")
    assert (row["reference"], row["map"], row["n"]) == ("SMAP, bilinear", "map, 1 km", 40)
    assert row["verdict"] == "cannot be told"
    assert "Both errors hold what a point differs by from its pixel." in row["sentence"]
    (better,) = verdicts.at_points(field_scores(0.047), field_pairs(0.01, 0.04))
    assert better["verdict"] == "better"
    (none,) = verdict_table(verdicts.at_points(field_scores(0.047)[:0], pd.DataFrame()), TAGS).to_dict("records")
    assert none["verdict"] == "cannot be told"
    assert none["sentence"].endswith("no field point of this month lies where all maps have a value.")


def test_points_that_made_the_map_do_not_test_it_alone() -> None:
    tags = TAGS | {"reconciled": "as far as measured at field points: SMAP has weight 0.800, …"}
    rows = verdicts.at_points(field_scores(0.02), field_pairs(0.5, 0.9))
    assert "this is no independent test" in verdict_table(rows, tags)["sentence"].iloc[0]
    assert "independent test" not in verdict_table(rows, TAGS)["sentence"].iloc[0]


@pytest.mark.parametrize(("rmse", "wanted"), [(0.005, "better"), (0.01005, "equal"), (0.02, "worse")])
def test_a_known_truth_needs_no_interval(rmse: float, wanted: str) -> None:
    errors = {"soil_moisture.tif": rmse, "copied": 0.012, "bilinear": 0.01, "bilinear_reconciled": 0.011}
    truth = pd.DataFrame([{"map": name, "label": LABELS[name], "n": 900, "rmse": e} for name, e in errors.items()])
    rows = verdicts.against_truth(pd.concat([truth.assign(support="1 km"), truth.assign(support="within cells")]))
    (row,) = verdict_table(rows, TAGS | {"source": "simulated"}).to_dict("records")
    assert row["verdict"] == wanted
    assert math.isnan(row["low"])
    assert "interval" not in row["sentence"]


@pytest.mark.parametrize(
    ("said", "low", "high", "wanted"),
    [
        ("use the map", 0.1, 0.3, "better"),
        ("use SMAP", -0.3, -0.1, "worse"),
        ("use SMAP", -0.3, 0.03, "not better"),
        ("cannot be told", 0.02, 0.3, "cannot be told"),  # low is above 0, and below what is worth a map
    ],
)
def test_the_prediction_is_not_contradicted(said: str, low: float, high: float, wanted: str) -> None:
    gain = {"gain": (low + high) / 2, "low": low, "high": high, "verdict": said, "reasons": "…"}
    row = verdicts.predicted(gain | {"rmse_map": 0.01, "rmse_bilinear": 0.012})
    assert row["verdict"] == wanted
    assert "70 % interval" in verdict_table([row], TAGS)["sentence"].iloc[0]


def test_no_prediction_says_why() -> None:
    row = verdicts.predicted({"gain": math.nan, "reasons": "160 complete cells of 18 km, 400 are needed"})
    assert (
        verdict_table([row], TAGS)["sentence"]
        .iloc[0]
        .endswith("cannot be told: 160 complete cells of 18 km, 400 are needed.")
    )


def test_a_line_says_a_word_of_each_comparison_with_interpolated_smap() -> None:
    rows = [("one scale up", "better"), ("one scale up", "worse"), ("field points", "cannot be told")]
    told = briefly(pd.DataFrame(rows, columns=["comparison", "verdict"]))
    assert told == "Better than “SMAP, bilinear”? one scale up: better; at field points: cannot be told."


def test_words_never_praise() -> None:
    """Every text of a sentence is data, and says what the numbers say."""
    texts = [english for key, (english, _) in TEXTS.items() if key.startswith("verdict.")]
    assert len(texts) > 20
    praise = ("excellent", "great", "good", "reliable", "accurate", "significant", "high quality", "successful")
    assert not [text for text in texts for word in praise if word in text.lower()]
    row = {"comparison": "field points", "reference": "SMAP, bilinear", "n": 9, "confidence": 0.95, "reason": ""}
    row |= {"rmse_map": 0.04, "rmse_reference": 0.02, "gain": -3.0, "low": -5.0, "high": -1.0}
    assert sentence(row | {"verdict": "worse", "remark": ""}) == (
        "At field points, the map is worse than “SMAP, bilinear”: its RMSE is 100 % larger "
        "(0.0400 instead of 0.0200 m³/m³; 95 % interval: 145 % larger to 41 % larger)."
    )


def test_percent_is_of_the_rmse_that_stands_beside_it() -> None:
    errors = {"coarse": 0.012, "fine": 0.0074, "bilinear": 0.0085, "bilinear_reconciled": 0.012, "absolute": 0.012}
    scores = pd.DataFrame([map_names(name, "detail") | {"n": 40, "rmse": value} for name, value in errors.items()])
    told = verdict_table(verdicts.at_points(scores, field_pairs(0.19, 0.36)), TAGS)["sentence"].iloc[0]
    assert "its RMSE is 13 % smaller (0.0074 instead of 0.0085 m³/m³; 95 % interval: 10 % smaller to 20 %" in told


def test_a_reference_without_error_is_not_taken_for_too_few_values() -> None:
    errors = {"soil_moisture.tif": 0.01, "copied": 0.0, "bilinear": 0.0, "bilinear_reconciled": 0.0}
    truth = pd.DataFrame([{"map": name, "label": LABELS[name], "n": 900, "rmse": e} for name, e in errors.items()])
    rows = verdicts.against_truth(truth.assign(support="1 km"))
    assert {row["reason"] for row in rows} == {"no error"}
    assert "“SMAP, bilinear” has no error here" in verdict_table(rows, TAGS)["sentence"].iloc[0]


def test_simulated_data_are_named_where_the_row_is_alone() -> None:
    rows = verdicts.at_points(field_scores(0.02), field_pairs(0.5, 0.9))
    table = verdict_table(rows, TAGS | {"source": "simulated"})
    assert table["sentence"].iloc[0].endswith("The data are simulated.")
    assert "simulated" not in sentence(table.iloc[0])


def test_what_absolute_had_seen_one_scale_up_is_said(tmp_path: Path) -> None:
    row = judged(tmp_path, 0.008).iloc[0].to_dict()
    (seen,) = verdict_table([row], TAGS | {"method": "absolute"}).to_dict("records")
    assert seen["remark"] == "seen in training"
    assert "it had seen all of them" in seen["sentence"]
    assert "seen" not in row["sentence"]
