"""Rules of models.smk on the cells of a small region."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rule_bench import CONFIG, RUN, Bench
from small_region import USE, fitted, sample_table, write_cells, write_model, write_sample_table

from kilomoist.models import load, predict_mean
from kilomoist.scores import score

TABLES = [f"{RUN}/tables/{name}.csv" for name in ("correlation", "importance", "scores", "predictions")]


def prepare(bench: Bench, method: str) -> Path:
    bench.config = CONFIG | {"model": CONFIG["model"] | {"method": method}}
    write_cells(bench.path(f"{RUN}/cells.tif"))
    write_sample_table(bench.path(f"{RUN}/samples.parquet"))
    return bench.path(f"{RUN}/model.skops")


def test_train_model_absolute(bench: Bench) -> None:
    """The study's model: the forest that the library fits to the training rows."""
    path = prepare(bench, "absolute")
    log = bench.run("train_model", f"{RUN}/model.skops", f"{RUN}/tables/leaf_search.csv")
    model, expected = load(path), fitted("absolute")
    for field in fields(model):
        if field.name not in ("estimator", "source"):
            assert getattr(model, field.name) == getattr(expected, field.name), field.name
    x = sample_table()[USE].to_numpy(np.float32)
    np.testing.assert_array_equal(predict_mean(model.estimator, x), predict_mean(expected.estimator, x))
    assert model.source == "archive"
    assert model.training_rows == (sample_table()["split"] == "train").sum()
    search = pd.read_csv(bench.folder / f"{RUN}/tables/leaf_search.csv")
    assert list(search) == ["min_leaf", "alpha", "rmse", "chosen"]
    assert search["min_leaf"].tolist() == [5]
    assert "Method absolute, min_leaf 5" in log


def test_train_model_detail_says_when_there_is_too_little(bench: Bench) -> None:
    path = prepare(bench, "detail")
    log = bench.run("train_model", f"{RUN}/model.skops", f"{RUN}/tables/leaf_search.csv")
    model = load(path)
    assert (model.method, model.alpha, model.estimator) == ("detail", 0, None)
    assert f"Only {model.coarse_cells} coarse cells of 36 km, 30 are needed to learn detail" in log


@pytest.mark.parametrize("method", ["absolute", "detail"])
def test_evaluate_model(bench: Bench, method: str) -> None:
    write_model(prepare(bench, method), method)
    bench.run("evaluate_model", *TABLES)
    correlation, importance, scores, predictions = (pd.read_csv(bench.folder / table) for table in TABLES)
    samples = sample_table()
    r = correlation.set_index(["first", "second"])["r"]
    assert len(r) == 6
    assert r["target", "ndvi"] == pytest.approx(np.corrcoef(samples["target"], samples["ndvi"])[0, 1])
    assert (correlation["n"] == len(samples)).all()
    # The study's model is always scored; the map's own is looked into beside it.
    assert importance["method"].unique().tolist() == (["absolute"] if method == "absolute" else ["absolute", "detail"])
    assert importance["predictor"].tolist() == USE * (1 if method == "absolute" else 2)
    assert (scores["method"] == "absolute").all()
    assert (scores["model"] == "random_forest").all()
    assert predictions["split"].tolist() == samples["split"].tolist()
    np.testing.assert_allclose(predictions["observed"], samples["target"])
    for number, (protocol, split) in enumerate((("train", "train"), ("random", "test"))):
        rows = predictions[predictions["split"] == split]
        expected = score(rows["observed"].to_numpy(), rows["predicted"].to_numpy())
        assert scores.loc[number, "protocol"] == protocol
        assert scores.loc[number, "n"] == len(rows)
        for name in ("r", "r2", "rmse", "ubrmse", "bias"):
            assert scores.loc[number, name] == pytest.approx(expected[name]), (protocol, name)


def test_evaluate_model_without_detail(bench: Bench) -> None:
    """A region too small to learn detail still has the study's tables."""
    path = prepare(bench, "detail")
    from dataclasses import replace

    from kilomoist.models import save

    save(path, replace(fitted("detail"), alpha=0.0, estimator=None))
    bench.run("evaluate_model", *TABLES)
    assert pd.read_csv(bench.folder / TABLES[1])["method"].unique().tolist() == ["absolute"]
