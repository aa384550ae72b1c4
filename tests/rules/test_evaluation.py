"""Rules of evaluation.smk on the cells of a small region."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rule_bench import CONFIG, REGION, RUN, Bench, make_bench
from small_region import (
    CELLS,
    RAW,
    RELIABILITY,
    USE,
    fitted,
    moisture,
    places,
    predictors,
    region_cells,
    sample_table,
    write_cells,
    write_raw,
    write_sample_table,
    write_stacks,
    write_trained,
)
from workflow_runs import block_mean, succeed

from kilomoist.evaluation.assessments import Scored, score_table
from kilomoist.evaluation.cross_validation import fold_estimates, random_folds
from kilomoist.evaluation.importances import importance_table
from kilomoist.evaluation.scores import score
from kilomoist.files import read_json, write_json
from kilomoist.grids import M01
from kilomoist.learning.coarser_scale import null_models
from kilomoist.learning.learners import LearnerSettings, predict_mean
from kilomoist.learning.models import load, save
from kilomoist.learning.predictions import predict_map
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.training_rows import learned_rows
from kilomoist.mapping.applicability import applicability, read_applicability, weights_of
from kilomoist.names import LABELS
from kilomoist.predictors.samples import write_samples
from kilomoist.rasters import read_raster, write_raster

RANKED = [f"{RUN}/tables/full/{name}.parquet" for name in ("importance", "partial_dependence")]
PREDICTIONS, APPLICABILITY = f"{RUN}/tables/full/predictions.parquet", f"{RUN}/applicability.npz"
EVALUATED = [*RANKED, PREDICTIONS, APPLICABILITY]
STUDY = [f"{RUN}/protocols/{name}.parquet" for name in ("train", "random")]
SCORED = [f"{RUN}/tables/full/{name}.parquet" for name in ("scores", "differences", "correlation", "score_intervals")]
PROTOCOLS = ("one_scale_up", "train", "random", "random_folds", "blocks", "knndm", "degrade_restore")
MONTH_LABELS = LABELS | {"absolute": "study's map, 9 km"}


def write_range(bench: Bench, autocorrelation_range: float = 20_000.0, run: str = RUN) -> None:
    write_json(bench.path(f"{run}/protocols/range.json"), {"autocorrelation_range": autocorrelation_range})


def prepare(bench: Bench, method: str, alpha: float = 0.5) -> None:
    """Both models: the map's method and the other."""
    bench.config = CONFIG | {"model": CONFIG["model"] | {"method": method}}
    write_trained(bench.path)
    detail = replace(fitted("detail"), alpha=alpha, **({} if alpha else {"estimator": None}))
    by_method = {"absolute": fitted("absolute"), "detail": detail}
    save(bench.path(f"{RUN}/model.skops"), by_method.pop(method))
    save(bench.path(f"{RUN}/alternative.skops"), *by_method.values())


def estimates_of(bench: Bench, *protocols: str) -> tuple[list[pd.DataFrame], str]:
    """What protocols estimate, which alone are asked for, and the log."""
    bench.config |= {"evaluation": {"protocols": list(protocols)}}
    tuned = {"trees": [10], "min_leaf": [5], "alpha": [1.0], "rmse": [0.01], "chosen": [True]}
    name = "model" if bench.config["model"].get("method") == "absolute" else "alternative"
    pd.DataFrame(tuned).to_parquet(bench.path(f"{RUN}/tables/full/{name}_search.parquet"))
    paths = [f"{RUN}/protocols/{protocol}.parquet" for protocol in protocols]
    log = bench.run("run_protocols", *paths)
    return [pd.read_parquet(bench.folder / path) for path in paths], log


@pytest.mark.parametrize("method", ["absolute", "detail"])
def test_evaluate_model(bench: Bench, method: str) -> None:
    """Both models are looked at, whichever makes the map, with the options that each was given."""
    prepare(bench, method)
    options = {"max_features": 1 / 3}
    for path in (bench.path(f"{RUN}/{name}.skops") for name in ("model", "alternative")):
        model = load(path)
        save(path, replace(model, options=options, estimator=model.estimator.set_params(**options)))
    log = bench.run("evaluate_model", *EVALUATED)
    predictions, samples = pd.read_parquet(bench.folder / PREDICTIONS), sample_table()
    assert predictions["split"].tolist() == samples["split"].tolist()
    np.testing.assert_allclose(predictions["observed"], samples["target"])
    predicted = predict_mean(fitted("absolute").estimator, samples[USE].to_numpy(np.float32))
    np.testing.assert_allclose(predictions["predicted"], predicted)
    importance, dependence = (pd.read_parquet(bench.folder / table) for table in RANKED)
    assert importance["method"].unique().tolist() == ["absolute", "detail"]
    assert importance["predictor"].tolist() == [*USE, "ndvi + evi"] * 2
    assert importance["entry"].tolist() == ["predictor", "predictor", "predictor", "group"] * 2
    rows = learned_rows("absolute", samples, region_cells(), USE, 0.5)
    settings = LearnerSettings("random_forest", 10, 2021, 5, options)
    expected = importance_table(fitted("absolute"), rows, settings, [["ndvi", "evi"]], 1)
    pd.testing.assert_frame_equal(importance[:4], expected)
    assert f"{importance['vif'][0]:.6f}" in log
    ranges = dependence.groupby(["method", "predictor", "unit"])[["value", "minimum", "maximum"]].agg(["min", "max"])
    assert set(ranges.index) == {
        (name, *predictor)
        for name in ("absolute", "detail")
        for predictor in (("ndvi", "1"), ("evi", "1"), ("lst_day", "K"))
    }
    train = samples.loc[samples["split"] == "train", "lst_day"].astype(np.float32)
    temperature = ranges.loc["absolute", "lst_day", "K"]
    assert temperature["minimum", "min"] == pytest.approx(train.min())
    assert temperature["value", "min"] < train.min() < train.max() < temperature["value", "max"]
    # Temperatures near 300 K, and deviations from their neighbourhood.
    assert temperature["minimum", "min"] > 250
    assert ranges.loc["detail", "lst_day", "K"]["maximum", "max"] < 20
    # What the jobs of blocks are told is of the model that makes the map.
    known, facts = read_applicability(bench.folder / APPLICABILITY)
    weights = weights_of(importance, method, USE)
    own = learned_rows(method, samples, region_cells(), USE, 0.5)
    folds = spatial_folds(own.row[own.trained], own.column[own.trained])
    wanted = applicability(own.x[own.trained], folds, weights, 2021)
    assert known is not None
    assert (known.threshold, known.mean_distance) == pytest.approx((wanted.threshold, wanted.mean_distance))
    np.testing.assert_array_equal(known.rows, wanted.rows)
    assert facts["tags"]["method"] == method
    assert f"Threshold {known.threshold:.6f}" in log


def test_evaluate_model_without_detail(bench: Bench) -> None:
    """A region too small to learn detail still has the study's tables."""
    prepare(bench, "detail", alpha=0.0)
    bench.run("evaluate_model", *EVALUATED)
    for table in RANKED:
        assert pd.read_parquet(bench.folder / table)["method"].unique().tolist() == ["absolute"]
    known, facts = read_applicability(bench.folder / APPLICABILITY)
    assert known is None
    assert facts["tags"]["note"].startswith("alpha is 0")


def test_degrade_restore_says_when_there_is_too_little(bench: Bench) -> None:
    """10 × 11 cells hold hardly a coarse one."""
    prepare(bench, "detail")
    write_range(bench)
    (table,), log = estimates_of(bench, "degrade_restore")
    assert table.empty
    assert "complete cells of 36 km, 20 are needed to learn" in table.attrs["note"]
    assert table.attrs["note"] in log


RESTORED = pd.DataFrame({"observed": [0.1], "lon": [98.0], "lat": [46.0], "copied": [np.nan], "detail": [0.1]})


@pytest.mark.parametrize(
    ("method", "reconcile", "restored", "note", "why"),
    [
        ("detail", False, pd.DataFrame(), "no cell has the target and every predictor", None),
        ("absolute", True, pd.DataFrame(), "3 complete cells of 36 km, 20 are needed to learn", None),
        ("detail", True, RESTORED, "restored from 36 km in 5 spatial folds", "no cell has a value in every map"),
    ],
)
def test_the_map_has_a_row_though_nothing_could_be_scored(
    bench: Bench, method: str, reconcile: bool, restored: pd.DataFrame, note: str, why: str | None
) -> None:
    """With the reason, and the name of the map: the default map once had no row on ordinary regions."""
    bench.config = CONFIG | {
        "model": CONFIG["model"] | {"method": method},
        "map": CONFIG["map"] | {"reconcile": reconcile},
        "evaluation": {"protocols": []},
    }
    samples, nothing = sample_table(), restored.copy()
    nothing.attrs |= {"note": note, "side": 36}
    nothing.to_parquet(bench.path(f"{RUN}/protocols/one_scale_up.parquet"))
    write_sample_table(bench.path(f"{RUN}/samples.parquet"))
    estimates = {"observed": samples["target"], "predicted": samples["target"] + 0.01, "split": samples["split"]}
    pd.DataFrame(estimates).to_parquet(bench.path(PREDICTIONS))
    write_range(bench)
    bench.run("score_protocols", *SCORED, *STUDY)
    first = pd.read_parquet(bench.folder / SCORED[0]).iloc[0]
    assert first["protocol"] == "one_scale_up"
    assert first["method"] == (f"{method}, reconciled" if reconcile else method)
    assert first["label"] == "map, one scale up"
    assert first["note"].startswith(why or note)
    assert np.isnan(first["rmse"])


def test_score_protocols(bench: Bench) -> None:
    """Scores of each estimate, skill against the null models, and a row that says why there is no number."""
    samples = sample_table()
    y = samples["target"].to_numpy()
    predicted = 0.9 * y + 0.02
    estimates = {"absolute": predicted, "mean": np.full(len(y), y.mean()), "linear": 0.5 * y + 0.1}
    table = samples[["row", "col", "lon", "lat"]].assign(observed=y, **estimates)
    for name in PROTOCOLS[3:-1]:
        table.to_parquet(bench.path(f"{RUN}/protocols/{name}.parquet"))
    nothing = pd.DataFrame()
    nothing.attrs["note"] = "too small"
    nothing.to_parquet(bench.path(f"{RUN}/protocols/degrade_restore.parquet"))
    rows = {"detail": y + 0.02, "detail_reconciled": y + 0.01, "copied": y + 0.04}
    rows |= {"bilinear": y + 0.03, "bilinear_reconciled": y + 0.02}
    restored = samples[["row", "col", "lon", "lat"]].assign(observed=y, **rows)
    restored.attrs |= {"note": "restored", "side": 18}
    restored.to_parquet(bench.path(f"{RUN}/protocols/one_scale_up.parquet"))
    write_sample_table(bench.path(f"{RUN}/samples.parquet"))
    pd.DataFrame({"observed": y, "predicted": predicted, "split": samples["split"]}).to_parquet(bench.path(PREDICTIONS))
    write_range(bench)
    bench.run("score_protocols", *SCORED, *STUDY)
    scores = pd.read_parquet(bench.folder / SCORED[0])
    train, test = samples[samples["split"] == "train"], samples[samples["split"] == "test"]
    numbers = [len(y)] * 5 + [len(train)] * 3 + [len(test)] * 3 + [len(y)] * 9
    assert scores["n"].tolist()[:-1] == numbers  # counts, though one row has none
    scores["n"] = scores["n"].astype(float)
    assert scores["protocol"].tolist()[5:] == [*(name for name in PROTOCOLS[1:-1] for _ in range(3)), "degrade_restore"]
    assert scores["method"].tolist()[5:8] == ["absolute", "null model", "null model"]
    assert scores["model"].tolist()[5:8] == ["random_forest", "mean", "linear"]
    # The delivered map has the first row, and every name.
    assert scores["label"].tolist()[:8] == [
        *("map, one scale up", "map before reconciliation, one scale up", "SMAP, 18 km"),
        *("SMAP, bilinear, one scale up", "SMAP, bilinear, reconciled, one scale up"),
        *("study's map, 9 km", "mean of the training rows", "linear model"),
    ]
    own = scores.iloc[0]
    assert (own["method"], own["model"]) == ("detail, reconciled", "random_forest")
    assert own["skill_bilinear"] == pytest.approx(1 - (0.01 / 0.03) ** 2)
    first = scores.set_index(["protocol", "method"]).loc[("blocks", "absolute")]
    expected = score(y, predicted)
    for name in ("n", "r", "r2", "rmse", "ubrmse", "bias"):
        assert first[name] == pytest.approx(expected[name]), name
    errors = {name: np.mean((values - y) ** 2) for name, values in estimates.items()}
    assert first["skill_mean"] == pytest.approx(1 - errors["absolute"] / errors["mean"])
    assert first["skill_linear"] == pytest.approx(1 - errors["absolute"] / errors["linear"])
    intervals = pd.read_parquet(bench.folder / SCORED[3]).set_index(["protocol", "method"]).loc[("blocks", "absolute")]
    assert intervals["p"] == pytest.approx(expected["p"])
    assert intervals["errors_km"] > 0
    last = scores.iloc[-1]
    assert last["note"] == "too small"
    assert np.isnan(last["rmse"])
    differences = pd.read_parquet(bench.folder / SCORED[1])
    up = differences[differences["protocol"] == "one_scale_up"]
    (pair,) = up[(up["label"] == "map, one scale up") & (up["reference"] == "bilinear")].to_dict("records")
    assert (pair["estimate"], pair["reference_label"]) == ("detail_reconciled", "SMAP, bilinear, one scale up")
    assert pair["skill"] == pytest.approx(1 - (0.01 / 0.03) ** 2)
    assert len(up) == 4 + 3 + 2  # each pair once
    differences = differences[differences["protocol"] != "one_scale_up"]
    assert set(differences["reference"]) == {"linear"}
    one = differences[differences["protocol"] == "blocks"].set_index("estimate").loc["absolute"]
    assert one["rmse_difference"] == pytest.approx(np.sqrt(errors["absolute"]) - np.sqrt(errors["linear"]))
    # The study's own protocols, beside null models of the training rows.
    for path, rows in zip(STUDY, (train, test), strict=True):
        found = pd.read_parquet(bench.folder / path)
        np.testing.assert_array_equal(found["row"], rows["row"])
        np.testing.assert_allclose(found["absolute"], predicted[rows.index])
        np.testing.assert_allclose(found["mean"], train["target"].mean())
    correlation = pd.read_parquet(bench.folder / SCORED[2])
    r = correlation.set_index(["first", "second"])["r"]
    assert len(r) == 6
    assert r["target", "ndvi"] == pytest.approx(np.corrcoef(samples["target"], samples["ndvi"])[0, 1])
    assert (correlation["n"] == len(samples)).all()
    assert (correlation["effective_n"] > 1).all()
    assert correlation["p_effective"].between(0, 1).all()


@pytest.mark.parametrize("method", ["absolute", "detail"])
def test_compare_maps(bench: Bench, method: str) -> None:
    """The map's own method from its blocks, the other predicted, both reconciled; and the null models."""
    prepare(bench, method)
    write_raw(bench.path, RUN)
    write_stacks(bench.path, RUN)
    bench.run("compare_maps", f"{RUN}/comparison.tif")
    maps, _ = read_raster(bench.folder / f"{RUN}/comparison.tif")
    other = "detail" if method == "absolute" else "absolute"
    np.testing.assert_allclose(maps[method], RAW, atol=1e-7)
    expected = predict_map(fitted(other), predictors(CELLS), CELLS.refined(9), region_cells(), 9, RELIABILITY)
    np.testing.assert_allclose(maps[other], expected, atol=1e-6)
    target = moisture(CELLS)
    for name in (method, other):
        mean, count = block_mean(maps[f"{name}_reconciled"])
        assert np.abs(mean - target)[count >= 40.5].max() < 1e-6
    cells = region_cells().filled()
    study = predict_map(fitted("absolute"), cells.predictors, CELLS, cells, 1)
    studied = np.where(np.isfinite(RAW), np.kron(study, np.ones((9, 9))), np.nan)
    np.testing.assert_allclose(maps["absolute_9km"], studied, atol=1e-6)
    samples = sample_table()
    mean = samples.loc[samples["split"] == "train", "target"].mean()
    nulls = null_models(target, CELLS, np.isfinite(RAW), 9, 0.5) | {"mean": np.where(np.isfinite(RAW), mean, np.nan)}
    for name, values in nulls.items():
        np.testing.assert_allclose(maps[name], values, atol=1e-6)


def test_maps_are_compared_in_cells_with_field_points_alone(bench: Bench) -> None:
    """But with `map.comparison`."""
    prepare(bench, "detail")
    write_raw(bench.path, RUN)
    write_stacks(bench.path, RUN)
    longitude, latitude = (degrees[40, 40] for degrees in places(CELLS))  # in the cell of row and column 4
    point = {"id": "a", "longitude": longitude, "latitude": latitude, "date": "2021-08-15", "soil_moisture": 0.2}
    pd.DataFrame([point]).to_csv(bench.folder / "points.csv", index=False)
    bench.config |= {"field_points": "points.csv"}
    path = f"{RUN}/comparison.tif"
    bench.run("compare_maps", path)
    maps, _ = read_raster(bench.folder / path)
    for name, values in maps.items():
        rows, columns = np.nonzero(np.isfinite(values))
        assert {*zip(rows // 9, columns // 9, strict=True)} == {(4, 4)}, name
    bench.config |= {"map": CONFIG["map"] | {"comparison": True}}
    succeed(bench.folder, "--allowed-rules", "compare_maps", "--", path, config=bench.config)
    everywhere, _ = read_raster(bench.folder / path)
    for name, values in everywhere.items():
        np.testing.assert_array_equal(np.isfinite(values), np.isfinite(RAW), err_msg=name)
        here = np.isfinite(maps[name])
        np.testing.assert_allclose(values[here], maps[name][here], atol=1e-4, err_msg=name)


def test_estimate_range(bench: Bench) -> None:
    prepare(bench, "detail")
    outputs = [f"{RUN}/protocols/range.json", f"{RUN}/tables/full/variogram.parquet"]
    log = bench.run("estimate_range", *outputs)
    found, lags = read_json(bench.folder / outputs[0]), pd.read_parquet(bench.folder / outputs[1])
    assert 5_000 < found["autocorrelation_range"] < 80_000
    assert f"range {found['autocorrelation_range'] / 1000:.0f} km" in log
    assert list(lags) == ["lag_m", "semivariance", "pairs", "fitted"]


def test_rows_of_folds_are_estimated_by_models_of_the_others(bench: Bench) -> None:
    """Each protocol as if it were alone, with the leaf that was chosen for the study's model."""
    prepare(bench, "detail")
    write_range(bench)
    names, samples = ("random_folds", "blocks", "knndm"), sample_table()
    tables, log = estimates_of(bench, *names)
    settings = LearnerSettings("random_forest", 10, 2021, 5)
    for name, table in zip(names, tables, strict=True):
        assert f"{name}: {table.attrs['note']}" in log
        expected = fold_estimates(samples, USE, settings, table["fold"].to_numpy())
        pd.testing.assert_frame_equal(table, expected, check_dtype=False)
        assert set(table["fold"]) == set(range(5))
        for fold in range(5):
            others = samples.loc[(table["fold"] != fold).to_numpy(), "target"].mean()
            np.testing.assert_allclose(table.loc[table["fold"] == fold, "mean"], others)
    # Where kNNDM chooses chance, its folds are those of `random_folds`, under a note of its own.
    by_chance = random_folds(len(samples), 5, 2021)
    np.testing.assert_array_equal(tables[0]["fold"], by_chance)
    np.testing.assert_array_equal(tables[2]["fold"], by_chance)
    assert tables[2].attrs["note"].startswith("5 folds of chance")


def test_a_protocol_says_that_there_are_too_few_blocks(bench: Bench) -> None:
    prepare(bench, "detail")
    write_range(bench, 60_000.0)
    (table,), _ = estimates_of(bench, "blocks")
    assert table.empty
    assert "as long as the range of 60 km, and 5 folds need" in table.attrs["note"]


# Months

MONTHS = ["2021-07", "2021-08", "2021-09"]
LEFT_OUT = {month: f"results/{REGION}/months/{month}.parquet" for month in MONTHS}
MONTH_SCORES, MONTH_INTERVALS = (
    f"results/{REGION}/tables/full/{name}.parquet" for name in ("months", "month_intervals")
)


def write_month(bench: Bench, month: str, autocorrelation_range: float = 20_000.0) -> pd.DataFrame:
    """Samples and range of a month; each month is wetter than the one before."""
    table = sample_table()
    table["target"] += 0.02 * MONTHS.index(month)
    write_samples(bench.path(f"results/{REGION}/{month}/samples.parquet"), table, USE)
    write_range(bench, autocorrelation_range, f"results/{REGION}/{month}")
    return table


def test_months_are_left_out_and_a_month_more_changes_that_alone(tmp_path: Path) -> None:
    """Two months, whose order does not matter, then three: all are estimated anew, and nothing else is."""
    bench = make_bench(tmp_path, MONTHS)
    first, second, third = MONTHS
    bench.config |= {"months": [second, first]}
    samples = {month: write_month(bench, month) for month in (first, second)}
    log = bench.run("leave_month_out", LEFT_OUT[first])
    table = pd.read_parquet(bench.folder / LEFT_OUT[first])
    assert table.attrs["note"] == f"trained on {len(samples[second])} rows of {second}; min_leaf 5"
    assert table.attrs["note"] in log
    np.testing.assert_allclose(table["observed"], samples[first]["target"])
    np.testing.assert_allclose(table["mean"], samples[second]["target"].mean())

    def make_scores(months: list[str], *options: str) -> str:
        words = [*options, "--allowed-rules", "leave_month_out", "score_months", "--", MONTH_SCORES]
        return succeed(bench.folder, *words, config=bench.config | {"months": months}).output

    make_scores([second, first])
    assert pd.read_parquet(bench.folder / MONTH_SCORES)["month"].tolist() == [first] * 3 + [second] * 3
    assert "Nothing to be done" in make_scores([first, second], "--dry-run")
    write_month(bench, third)
    said = make_scores([third, first, second], "--dry-run")
    assert all(f"Estimate {REGION}, {month}, from its other months" in said for month in MONTHS)
    assert f"Score the months of {REGION} that were left out" in said


def test_score_months(tmp_path: Path) -> None:
    """The scores of every month in the order of time, with the range of the month itself."""
    bench = make_bench(tmp_path, MONTHS[:2])
    bench.config |= {"months": [MONTHS[1], MONTHS[0]]}
    expected: list[dict[str, Any]] = []
    for month, autocorrelation_range in zip(MONTHS[:2], (20_000.0, 30_000.0), strict=True):
        samples = write_month(bench, month, autocorrelation_range)
        y = samples["target"].to_numpy()
        table = samples[["row", "col", "lon", "lat"]].assign(observed=y, absolute=0.9 * y + 0.02, mean=0.1)
        table["linear"] = 0.5 * y + 0.1
        table.attrs["note"] = f"without {month}"
        table.to_parquet(bench.path(LEFT_OUT[month]))
        expected += score_table(
            month, Scored.of(table, autocorrelation_range, 2021), "random_forest", MONTH_LABELS, of="month"
        )
    bench.run("score_months", MONTH_SCORES, MONTH_INTERVALS)
    found, intervals = (pd.read_parquet(bench.folder / path) for path in (MONTH_SCORES, MONTH_INTERVALS))
    assert list(found)[:5] == ["month", "method", "model", "label", "n"]
    both = found.merge(intervals)
    pd.testing.assert_frame_equal(both, pd.DataFrame(expected)[list(both)], check_dtype=False)
    assert found["month"].tolist() == [MONTHS[0]] * 3 + [MONTHS[1]] * 3
    assert found["model"].tolist() == ["random_forest", "mean", "linear"] * 2
    y = sample_table()["target"].to_numpy() + 0.02
    assert found["rmse"][3] == pytest.approx(np.sqrt(np.mean((0.02 - 0.1 * y) ** 2)))
    assert found["skill_mean"][3] == pytest.approx(1 - np.mean((0.02 - 0.1 * y) ** 2) / np.mean((0.1 - y) ** 2))


@pytest.mark.parametrize("target_error", [0.0, 0.06])
def test_measure_coverage(bench: Bench, target_error: float) -> None:
    """Of the rows one scale up by fold and class, of both intervals; nothing is simulated here: the file has widths."""
    bench.config = CONFIG | {"target_error": target_error, "map": CONFIG["map"] | {"reconcile": True}}
    write_stacks(bench.path, RUN)
    errors = pd.DataFrame({"observed": [0.1, 0.2, 0.3, 0.4], "lower": [0.0, 0.1, 0.31, 0.3], "upper": 0.5})
    errors = errors.assign(fold=[0, 0, 1, 1], ndvi=[0.1, 0.3, 0.3, 0.7], estimated=0.35)
    errors.to_parquet(bench.path(f"{RUN}/protocols/intervals.parquet"))
    ends = {"lower": RAW - np.float32(0.1), "upper": RAW + np.float32(0.1)}
    ends |= {f"conditional_{name}": (end + RAW) / 2 for name, end in ends.items()}
    write_raster(bench.path(f"{RUN}/interval.tif"), ends, M01, CELLS.refined(9), {})
    write_cells(bench.path(f"{RUN}/cells.tif"))
    bench.run("measure_coverage", f"{RUN}/tables/full/coverage.parquet")
    table = pd.read_parquet(bench.folder / f"{RUN}/tables/full/coverage.parquet")
    assert (table["nominal"] == 0.9).all()
    assert list(dict.fromkeys(zip(table["support"], table["interval"], strict=True))) == [
        (support, kind) for support in ("9 km, one scale up", "1 km") for kind in ("total", "conditional")
    ]
    up, file = (table[table["support"] == name].set_index(["interval", "group"]) for name in table["support"].unique())
    shares = {"all": 0.75, "fold 0": 1.0, "fold 1": 0.5, "ndvi below 0.2": 1.0, "ndvi 0.2 to 0.4": 0.5}
    shares["ndvi 0.6 and above"] = 1.0
    assert up.loc["conditional", "coverage"].to_dict() == shares
    if target_error:
        assert (up.loc["total", "coverage"] == 1).all()
        assert (up.loc["total", "width"] > up.loc["conditional", "width"] + 0.01).all()
    else:
        pd.testing.assert_frame_equal(up.loc["total"], up.loc["conditional"])
    assert file[["coverage", "score"]].isna().all(axis=None)
    widths = [file.loc[(kind, "all"), "width"] for kind in ("total", "conditional")]
    assert widths == pytest.approx([0.2, 0.1], abs=1e-4)
    assert file.loc[("total", "all"), "n"] == np.isfinite(RAW).sum()


def test_predict_gain(bench: Bench) -> None:
    """A region of 10 × 11 cells has too few of 18 km: that is what its row says."""
    bench.config = CONFIG | {
        "model": CONFIG["model"] | {"method": "detail"},
        "map": CONFIG["map"] | {"reconcile": True},
    }
    write_trained(bench.path, "detail")
    log = bench.run("predict_gain", f"{RUN}/tables/full/gain.parquet")
    (row,) = pd.read_parquet(bench.folder / f"{RUN}/tables/full/gain.parquet").to_dict("records")
    assert row["verdict"] == "cannot be told"
    assert "cells of 18 km" in row["reasons"]
    assert np.isnan(row["gain"])
    assert "cannot be told" in log
