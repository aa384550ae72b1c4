"""Rules of learning.smk on the cells of a small region."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from rule_bench import CONFIG, RUN, Bench
from small_region import CELLS, USE, fitted, sample_table, write_cells, write_sample_table

from kilomoist.learning.absolute import fit_absolute, tune_absolute
from kilomoist.learning.learners import LearnerSettings, predict_mean
from kilomoist.learning.models import Model, load
from kilomoist.learning.tuning import TuningOptions
from kilomoist.rasters import read_raster


def trained(bench: Bench, rule: str, name: str = "model", **keys: object) -> tuple[Model, str]:
    """A model that is trained with some keys of `model` set, and the log."""
    bench.config = CONFIG | {"model": CONFIG["model"] | keys}
    write_cells(bench.path(f"{RUN}/cells.tif"))
    write_sample_table(bench.path(f"{RUN}/samples.parquet"))
    outputs = [f"{RUN}/{name}.skops", f"{RUN}/tables/full/{name}_search.parquet"]
    outputs += [f"{RUN}/estimated_cells.tif"] if rule == "train_absolute" else []
    log = bench.run(rule, *outputs)
    return load(bench.folder / f"{RUN}/{name}.skops"), log


def assert_same_predictions(model: Model, expected: Model) -> None:
    x = sample_table()[USE].to_numpy(np.float32)
    np.testing.assert_array_equal(predict_mean(model.estimator, x), predict_mean(expected.estimator, x))


def test_train_absolute(bench: Bench) -> None:
    """The study's model: the forest that the library fits to the training rows; and every sample out of fold."""
    (model, log), expected = trained(bench, "train_absolute", method="absolute"), fitted("absolute")
    for field in fields(model):
        if field.name not in ("estimator", "source"):
            assert getattr(model, field.name) == getattr(expected, field.name), field.name
    assert_same_predictions(model, expected)
    assert model.source == "archive"
    assert model.training_rows == (sample_table()["split"] == "train").sum()
    search = pd.read_parquet(bench.folder / f"{RUN}/tables/full/model_search.parquet")
    assert list(search) == ["trees", "min_leaf", "alpha", "rmse", "chosen"]
    assert search["min_leaf"].tolist() == [5]
    assert "min_leaf 5, " in log
    bands, _ = read_raster(bench.folder / f"{RUN}/estimated_cells.tif")
    samples, settings = sample_table(), LearnerSettings("random_forest", 10, 2021)
    estimated = tune_absolute(samples, USE, settings, TuningOptions(5)).predicted
    np.testing.assert_allclose(bands["estimated"][samples["row"] - CELLS.row, samples["col"] - CELLS.column], estimated)
    assert np.isfinite(bands["estimated"]).sum() == len(samples)


@pytest.mark.parametrize(("keys", "ratio", "least"), [({}, 4, 0), ({"detail_ratio": 2}, 2, 11)])
def test_train_detail_says_when_there_is_too_little(bench: Bench, keys: dict, ratio: int, least: int) -> None:
    model, log = trained(bench, "train_detail", method="detail", **keys)
    assert (model.method, model.alpha, model.estimator, model.ratio) == ("detail", 0, None, ratio)
    assert model.coarse_cells >= least
    assert f"Only {model.coarse_cells} coarse cells of {9 * ratio} km, 30 are needed to learn detail" in log


def test_the_other_method_is_trained_too(bench: Bench) -> None:
    """What the map is compared with: the study's model where the map is made by `detail`."""
    model, _ = trained(bench, "train_absolute", "alternative", method="detail")
    assert model.method == "absolute"
    assert_same_predictions(model, fitted("absolute"))


@pytest.mark.parametrize(("name", "method", "trees"), [("alternative", "detail", 50), ("model", "absolute", 60)])
def test_the_other_method_has_no_more_trees_than_folds_have(bench: Bench, name: str, method: str, trees: int) -> None:
    """It is only compared with the map's model, which has all that are asked for."""
    model, _ = trained(bench, "train_absolute", name, method=method, trees=60)
    assert model.estimator.n_estimators == trees


def test_train_absolute_with_a_trend(bench: Bench) -> None:
    model, _ = trained(bench, "train_absolute", method="absolute", trend="linear")
    assert (model.trend, model.predictors) == ("linear", tuple(USE))
    settings = LearnerSettings("random_forest", 10, 2021, trend="linear")
    assert_same_predictions(model, fit_absolute(sample_table(), USE, settings, TuningOptions(5))[0])
