"""Estimates of what was not seen: protocols, null models, skill."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from kilomoist.cells import coarsen, interpolate
from kilomoist.errors import InputError
from kilomoist.evaluation.assessments import Scored, difference_table, score_table
from kilomoist.evaluation.cross_validation import fold_estimates
from kilomoist.evaluation.months import MAX_ROWS, month_estimates
from kilomoist.evaluation.restoration import restored_estimates
from kilomoist.evaluation.scores import ESTIMATES
from kilomoist.evaluation.study import split_estimates
from kilomoist.evaluation.truth import cell_anomaly, truth_table
from kilomoist.grids import Window
from kilomoist.learning.absolute import tune_absolute
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings, fit, predict_mean
from kilomoist.learning.training_folds import out_of_fold
from kilomoist.learning.tuning import TuningOptions
from kilomoist.names import LABELS

USE = ["a", "b"]
SETTINGS = LearnerSettings("random_forest", 20, 1, 5)


def smooth(seed: int, shape: tuple[int, int], width: float) -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), width)
    return field / field.std()


def region(rows: int, columns: int) -> Cells:
    """Soil moisture that follows a smooth and a rougher predictor, and something that no predictor knows."""
    shape = (rows, columns)
    a, b, hidden = smooth(1, shape, 8), smooth(2, shape, 2), smooth(3, shape, 12)
    target = 0.2 + 0.03 * a + 0.02 * b + 0.02 * hidden
    return Cells(target, np.stack([a, b]), Window(204, 2900, rows, columns))


def rows_of(cells: Cells) -> pd.DataFrame:
    row, column = np.indices(cells.target.shape).reshape(2, -1)
    places = {"row": row + cells.window.row, "col": column + cells.window.column, "lon": 99.0, "lat": 47.0}
    layers = dict(zip(["target", *USE], [cells.target.ravel(), *map(np.ravel, cells.predictors)], strict=True))
    return pd.DataFrame(places | layers | {"split": np.where(np.arange(row.size) % 5, "train", "test")})


def estimates_of(table: pd.DataFrame) -> list[str]:
    """Names of the estimates that a table of rows has."""
    return [name for name in ESTIMATES if name in table]


def test_split_estimates_have_null_models_of_the_training_rows() -> None:
    samples = rows_of(region(12, 12))
    absolute = np.linspace(0, 1, len(samples))
    tables = split_estimates(samples, USE, absolute)
    train, test = (samples[samples["split"] == split] for split in ("train", "test"))
    assert (len(tables["train"]), len(tables["random"])) == (len(train), len(test))
    np.testing.assert_allclose(tables["random"]["mean"], train["target"].mean())
    linear = LinearRegression().fit(train[USE].to_numpy(), train["target"])
    np.testing.assert_allclose(tables["random"]["linear"], linear.predict(test[USE].to_numpy()))
    np.testing.assert_array_equal(tables["random"]["absolute"], absolute[(samples["split"] == "test").to_numpy()])


def test_what_is_searched_has_not_seen_the_fold() -> None:
    """Each fold is estimated with the options that a search of the other folds' rows alone finds."""
    samples = rows_of(region(20, 20))
    x, y = samples[USE].to_numpy(np.float32), samples["target"].to_numpy()
    tuning, settings = TuningOptions("auto", search=True), replace(SETTINGS, trees=5)

    def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        chosen = tune_absolute(samples.iloc[train].assign(split="train"), USE, settings, tuning).settings
        return predict_mean(fit(chosen, x[train], y[train], only_mean=True), x[test])

    folds = np.arange(len(samples)) // 200
    table = fold_estimates(samples, USE, settings, folds, tuning)
    np.testing.assert_array_equal(table["absolute"], out_of_fold(folds, predict))


def test_cross_validation_has_not_seen_what_it_estimates() -> None:
    """With all rows of one value in one fold, no model of the others can tell that value."""
    samples = rows_of(region(20, 20))
    folds = np.arange(len(samples)) % 4
    samples["target"] = 0.1 * 3.0**folds
    table = fold_estimates(samples, USE, SETTINGS, folds)
    for fold in range(4):
        others = np.mean([0.1 * 3.0**other for other in range(4) if other != fold])
        np.testing.assert_allclose(table.loc[folds == fold, "mean"], others)
    # The smallest and the largest value cannot be reached by means of the others.
    assert (table.loc[folds == 0, "absolute"] > 0.29).all()
    assert (table.loc[folds == 3, "absolute"] < 0.91).all()
    assert estimates_of(table) == ["absolute", "mean", "linear"]


def test_a_fold_without_enough_other_rows_has_no_estimate() -> None:
    samples = rows_of(region(6, 6))
    folds = (np.arange(36) >= 30).astype(int)
    table = fold_estimates(samples, USE, SETTINGS, folds)
    assert table.loc[folds == 0, "absolute"].isna().all()
    assert table.loc[folds == 1, "absolute"].notna().all()


def months() -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """August of a region, and two other months: the season moves a predictor and the target, some cells are cloudy."""
    whole = rows_of(region(20, 20))
    july, august, september = (
        whole.assign(a=whole["a"] + number, target=whole["target"] + 0.02 * number)[number:].reset_index(drop=True)
        for number in range(3)
    )
    return august, {"2021-07": july, "2021-09": september}


def test_a_left_out_month_is_estimated_by_all_rows_of_the_others() -> None:
    samples, others = months()
    table, note = month_estimates(samples, others, USE, SETTINGS, TuningOptions(5))
    assert note == "trained on 798 rows of 2021-07, 2021-09; min_leaf 5"
    assert estimates_of(table) == ["absolute", "mean", "linear"]
    for name, column in (("row", "row"), ("col", "col"), ("target", "observed")):
        np.testing.assert_array_equal(table[column], samples[name])
    rows = pd.concat(others.values())
    np.testing.assert_allclose(table["mean"], rows["target"].sum() / (400 + 398))
    linear = LinearRegression().fit(rows[USE].to_numpy(), rows["target"])
    np.testing.assert_allclose(table["linear"], linear.predict(samples[USE].to_numpy()))
    forest = RandomForestRegressor(n_estimators=20, min_samples_leaf=5, random_state=1)
    forest.fit(rows[USE].to_numpy(np.float32), rows["target"])
    np.testing.assert_allclose(table["absolute"], forest.predict(samples[USE].to_numpy(np.float32)))


def test_a_left_out_month_is_not_seen() -> None:
    """Neither models nor what is tuned change with the month's target; those of the others do count."""
    samples, others = months()
    estimates, tuning = ["absolute", "mean", "linear"], TuningOptions("auto", search=True)
    settings = replace(SETTINGS, trees=5)
    table, note = month_estimates(samples, others, USE, settings, tuning)
    poisoned = samples.assign(target=np.random.default_rng(1).uniform(0.8, 0.9, len(samples)))
    again, same_note = month_estimates(poisoned, others, USE, settings, tuning)
    pd.testing.assert_frame_equal(again[estimates], table[estimates])
    assert same_note == note
    assert re.search("; min_leaf .*, max_features ", note)
    others["2021-07"] = others["2021-07"].assign(target=0.85)
    moved, _ = month_estimates(samples, others, USE, settings, TuningOptions(5))
    assert (moved["mean"] > table["mean"] + 0.2).all()


def test_months_are_learned_from_a_bounded_number_of_rows() -> None:
    """Of all months alike, and the same rows each time."""
    samples, others = months()
    others = {name: pd.concat([month] * 30) for name, month in others.items()}
    settings = replace(SETTINGS, trees=2)
    table, note = month_estimates(samples, others, USE, settings, TuningOptions(5))
    assert note == f"trained on {MAX_ROWS} rows of 2021-07, 2021-09; min_leaf 5"
    again, _ = month_estimates(samples, others, USE, settings, TuningOptions(5))
    pd.testing.assert_frame_equal(again, table)
    july, september = (month["target"].mean() for month in others.values())
    np.testing.assert_allclose(table["mean"], (july + september) / 2, atol=0.05 * abs(september - july))


def test_one_month_has_no_other_to_learn_from() -> None:
    with pytest.raises(InputError, match="no other month"):
        month_estimates(months()[0], {}, USE, SETTINGS, TuningOptions(5))


def test_degrade_and_restore_a_region_of_many_coarse_cells() -> None:
    """96 × 96 cells: 36 cells of 144 km are enough to learn detail. Useful predictors beat interpolation."""
    cells = region(96, 96)
    table, note = restored_estimates(cells, USE, SETTINGS, TuningOptions(5), 0.5)
    assert note == ""
    assert estimates_of(table) == list(ESTIMATES)
    assert len(table) == 96 * 96
    observed = table["observed"].to_numpy()
    error = {name: float(np.sqrt(np.mean((table[name] - observed) ** 2))) for name in estimates_of(table)}
    assert error["detail_reconciled"] < error["bilinear_reconciled"] < error["copied"]
    assert error["mean"] == pytest.approx(cells.target.std(), rel=0.01)
    # What was learned and interpolated is the 36 km mean, written down once more.
    target, coarse = coarsen(cells.target, cells.window, 4, 0.5)
    bilinear = interpolate(target, coarse, coarse.refined(4), 4)
    row, column = table["row"] - coarse.row * 4, table["col"] - coarse.column * 4
    np.testing.assert_allclose(table["bilinear"], bilinear[row, column])
    blocks = table.assign(r=table["row"] // 4, c=table["col"] // 4).groupby(["r", "c"])
    np.testing.assert_allclose(blocks["detail_reconciled"].mean(), blocks["observed"].mean(), atol=1e-8)


def test_degrade_and_restore_says_what_it_cannot_learn() -> None:
    for ratio, side in ((4, 144), (2, 72), (3, 108), ("auto", 72)):
        tuning = TuningOptions(5, detail_ratio=ratio)
        table, note = restored_estimates(region(24, 24), USE, SETTINGS, tuning, 0.5)
        assert note.startswith("detail: ")
        assert f"complete cells of {side} km, too few" in note
        assert "detail" not in table
        assert "absolute" in table
    table, note = restored_estimates(region(12, 12), USE, SETTINGS, TuningOptions(5), 0.5)
    assert table.empty
    assert note == "9 complete cells of 36 km, 20 are needed to learn"


def test_cells_without_predictors_are_left_out() -> None:
    cells = region(96, 96)
    cells.predictors[0, :8] = np.nan
    table, _ = restored_estimates(cells, USE, SETTINGS, TuningOptions(5), 0.5)
    assert len(table) == 88 * 96
    assert table["row"].min() == cells.window.row + 8


def test_skill_is_what_the_errors_say() -> None:
    y = np.array([0.1, 0.2, 0.3, 0.4])
    table = pd.DataFrame({"observed": y, "absolute": y + 0.01, "mean": 0.25, "linear": y + 0.02, "lon": 99 + y})
    table["lat"] = 47.0
    rows = pd.DataFrame(score_table("blocks", Scored.of(table, 20_000.0, 1), "extra_trees", LABELS))
    assert rows["model"].tolist() == ["extra_trees", "mean", "linear"]
    np.testing.assert_allclose(rows["skill_linear"], [0.75, 1 - 0.0125 / 0.0004, 0])
    np.testing.assert_allclose(rows["skill_mean"], [1 - 0.0001 / 0.0125, 0, 1 - 0.0004 / 0.0125])
    empty = pd.DataFrame()
    empty.attrs["note"] = "too few blocks"
    (row,) = score_table("blocks", Scored.of(empty, 20_000.0, 1), "linear", LABELS)
    assert row == {"protocol": "blocks", "note": "too few blocks"}


def test_estimates_are_compared_on_the_same_rows() -> None:
    y = np.linspace(0.1, 0.4, 10)
    table = pd.DataFrame({"observed": y, "absolute": y, "mean": 0.25, "linear": y, "lon": 99 + y, "lat": 47.0})
    table.loc[:4, "absolute"] = np.nan
    scored = Scored.of(table, 20_000.0, 1)
    assert pd.DataFrame(score_table("blocks", scored, "linear", LABELS))["n"].tolist() == [5, 5, 5]
    differences = pd.DataFrame(difference_table("blocks", scored, ["linear"], LABELS))
    assert differences["estimate"].tolist() == ["absolute", "mean"]
    assert differences["n"].tolist() == [5, 5]
    np.testing.assert_allclose(differences["rmse_difference"], [0, np.sqrt(np.mean((y[5:] - 0.25) ** 2))])
    assert difference_table("blocks", scored, ["bilinear_reconciled"], LABELS) == []


def test_estimates_without_a_common_row_have_no_scores() -> None:
    table = pd.DataFrame({"observed": [0.1, 0.2], "absolute": np.nan, "linear": 0.2, "lon": 99.0, "lat": 47.0})
    scored = Scored.of(table, 20_000.0, 1)
    assert score_table("blocks", scored, "linear", LABELS) == [{"protocol": "blocks", "note": ""}]
    assert difference_table("blocks", scored, ["linear"], LABELS) == []


def test_truth_within_cells() -> None:
    """A map that is right but for its cell means is right within cells; a copied value says nothing there."""
    random = np.random.default_rng(5)
    truth = random.uniform(0.1, 0.3, (18, 27))
    truth[0, 0] = np.nan
    shifted = truth + np.kron([[0.01, 0.02, 0.03], [0, 0.05, -0.02]], np.ones((9, 9)))
    copied = np.kron(random.uniform(0.1, 0.3, (2, 3)), np.ones((9, 9)))
    maps = {"map": shifted, "copied": copied}
    table = truth_table([(maps, truth)]).set_index(["support", "map"])
    halves = [({name: values[rows] for name, values in maps.items()}, truth[rows]) for rows in (np.s_[:9], np.s_[9:])]
    pd.testing.assert_frame_equal(truth_table(halves).set_index(["support", "map"]), table, rtol=1e-12, atol=1e-15)
    assert table.loc[("within cells", "map"), "rmse"] == pytest.approx(0, abs=1e-12)
    assert table.loc[("within cells", "map"), "skill_copied"] == pytest.approx(1)
    assert table.loc[("within cells", "copied"), "rmse"] == pytest.approx(np.nanstd(cell_anomaly(truth)))
    assert np.isnan(table.loc[("within cells", "copied"), "r"])
    assert "p" not in table  # of pixels as if they were independent
    assert (table["n"] == 18 * 27 - 1).all()
    assert table.loc[("1 km", "map"), "rmse"] == pytest.approx(np.sqrt(np.nanmean((shifted - truth) ** 2)))
