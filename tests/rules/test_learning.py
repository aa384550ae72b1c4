"""Rules of models.smk on the cells of a small region."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
from rule_bench import CONFIG, RUN, Bench
from small_region import USE, fitted, sample_table, write_cells, write_sample_table

from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.learners import LearnerSettings, predict_mean
from kilomoist.learning.models import load
from kilomoist.learning.tuning import TuningOptions


def prepare(bench: Bench, method: str) -> Path:
    bench.config = CONFIG | {"model": CONFIG["model"] | {"method": method}}
    write_cells(bench.path(f"{RUN}/cells.tif"))
    write_sample_table(bench.path(f"{RUN}/samples.parquet"))
    return bench.path(f"{RUN}/model.skops")


def test_train_model_absolute(bench: Bench) -> None:
    """The study's model: the forest that the library fits to the training rows."""
    path = prepare(bench, "absolute")
    log = bench.run("train_model", f"{RUN}/model.skops", f"{RUN}/tables/model_search.csv")
    model, expected = load(path), fitted("absolute")
    for field in fields(model):
        if field.name not in ("estimator", "source"):
            assert getattr(model, field.name) == getattr(expected, field.name), field.name
    x = sample_table()[USE].to_numpy(np.float32)
    np.testing.assert_array_equal(predict_mean(model.estimator, x), predict_mean(expected.estimator, x))
    assert model.source == "archive"
    assert model.training_rows == (sample_table()["split"] == "train").sum()
    search = pd.read_csv(bench.folder / f"{RUN}/tables/model_search.csv")
    assert list(search) == ["trees", "min_leaf", "alpha", "rmse", "chosen"]
    assert search["min_leaf"].tolist() == [5]
    assert "Method absolute, min_leaf 5" in log


def test_train_model_detail_says_when_there_is_too_little(bench: Bench) -> None:
    path = prepare(bench, "detail")
    log = bench.run("train_model", f"{RUN}/model.skops", f"{RUN}/tables/model_search.csv")
    model = load(path)
    assert (model.method, model.alpha, model.estimator) == ("detail", 0, None)
    assert f"Only {model.coarse_cells} coarse cells of 36 km, 30 are needed to learn detail" in log


def test_train_model_trains_the_other_method_too(bench: Bench) -> None:
    """What the map is compared with: the study's model where the map is made by `detail`."""
    prepare(bench, "detail")
    bench.run("train_model", f"{RUN}/alternative.skops", f"{RUN}/tables/alternative_search.csv")
    alternative = load(bench.folder / f"{RUN}/alternative.skops")
    assert alternative.method == "absolute"
    x = sample_table()[USE].to_numpy(np.float32)
    np.testing.assert_array_equal(predict_mean(alternative.estimator, x), predict_mean(fitted("absolute").estimator, x))


def test_train_model_detail_of_another_ratio(bench: Bench) -> None:
    prepare(bench, "detail")
    bench.config = CONFIG | {"model": CONFIG["model"] | {"detail_ratio": 2}}
    log = bench.run("train_model", f"{RUN}/model.skops", f"{RUN}/tables/model_search.csv")
    model = load(bench.folder / f"{RUN}/model.skops")
    assert model.ratio == 2
    assert model.coarse_cells > 10
    assert f"Only {model.coarse_cells} coarse cells of 18 km, 30 are needed" in log


def test_train_model_with_a_trend(bench: Bench) -> None:
    prepare(bench, "absolute")
    bench.config = CONFIG | {"model": CONFIG["model"] | {"method": "absolute", "trend": "linear"}}
    bench.run("train_model", f"{RUN}/model.skops", f"{RUN}/tables/model_search.csv")
    model, samples = load(bench.folder / f"{RUN}/model.skops"), sample_table()
    assert (model.trend, model.predictors) == ("linear", tuple(USE))
    expected, _ = fit_absolute(
        samples, USE, LearnerSettings("random_forest", 10, 2021, trend="linear"), TuningOptions(5)
    )
    x = samples[USE].to_numpy(np.float32)
    np.testing.assert_array_equal(predict_mean(model.estimator, x), predict_mean(expected.estimator, x))
