"""Models: what they predict, and that what is kept on disk is exactly that and nothing else."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import skops.io
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from quantile_forest import RandomForestQuantileRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from kilomoist.configuration import keys
from kilomoist.errors import InputError
from kilomoist.learning.learners import (
    KINDS,
    QUANTILE_TREES,
    LearnerSettings,
    Trended,
    first_trees,
    fit,
    impurity_importance,
    predict_mean,
    predict_quantiles,
)
from kilomoist.learning.models import Model, load, save

ROOT = Path(__file__).parents[3]
NAMES = ("ndvi", "evi", "lst_day")
TRENDS = [(kind, trend) for kind in KINDS for trend in ("none", "linear") if (kind, trend) != ("linear", "linear")]


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    x = random.normal(size=(count, 3)).astype(np.float32)
    return x, 0.2 + 0.05 * x[:, 0] - 0.02 * x[:, 1] ** 2 + random.gamma(1, 0.03, count)


def settings(kind: str, trees: int = 20) -> LearnerSettings:
    return LearnerSettings(kind, trees, 2021, 5)


def model(kind: str = "random_forest", trend: str = "none") -> Model:
    estimator = fit(replace(settings(kind), trend=trend), *rows())
    return Model("detail", kind, NAMES, 5, 0.625, 400, 77, estimator, trend=trend, ratio=3)


def come_back(path: Path, made: Model) -> Model:
    save(path / "model.skops", made)
    return load(path / "model.skops")


def test_kinds_are_those_of_the_configuration() -> None:
    assert tuple(KINDS) == get_args(keys.ModelKeys.model_fields["kind"].annotation)


@pytest.mark.parametrize(("kind", "trend"), TRENDS)
def test_a_model_comes_back_as_it_was(tmp_path: Path, kind: str, trend: str) -> None:
    made = model(kind, trend)
    found = come_back(tmp_path, made)
    x = np.random.default_rng(2).normal(size=(300, 3)).astype(np.float32)
    np.testing.assert_array_equal(predict_mean(found.estimator, x), predict_mean(made.estimator, x))
    np.testing.assert_array_equal(impurity_importance(found.estimator, 3), impurity_importance(made.estimator, 3))
    assert type(found.estimator) is type(made.estimator)
    assert isinstance(found.estimator, Trended) == (trend == "linear")
    assert replace(found, estimator=None) == replace(made, estimator=None)


@pytest.mark.parametrize("trend", ["none", "linear"])
def test_quantiles_survive_too(tmp_path: Path, trend: str) -> None:
    made = model("random_forest", trend)
    found = come_back(tmp_path, made)
    x = rows()[0][:20]
    quantiles, again = (predict_quantiles(each.estimator, x, [0.05, 0.5, 0.95]) for each in (made, found))
    assert quantiles is not None
    assert again is not None
    np.testing.assert_array_equal(again, quantiles)
    assert quantiles.shape == (20, 3)
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_a_model_that_learned_nothing_comes_back(tmp_path: Path) -> None:
    made = Model("detail", "random_forest", NAMES, 1, 0.0, 0, 12, None)
    assert come_back(tmp_path, made) == made


SAVING = """
import sys
import numpy as np
padding = [bytearray(int(sys.argv[3])) for _ in range(50)]  # other addresses
from kilomoist.learning.learners import LearnerSettings, fit
from kilomoist.learning.models import Model, save
random = np.random.default_rng(1)
x = random.normal(size=(12000, 3)).astype(np.float32)
y = x[:, 0] + random.normal(size=12000)
for name in sys.argv[4:]:
    kind, trend = name.split("-")
    estimator = fit(LearnerSettings(kind, 4, 2021, 5, trend=trend), x, y, int(sys.argv[2]))
    save(f"{sys.argv[1]}/{name}.skops", Model("absolute", kind, ("a", "b", "c"), 5, 1.0, 400, 0, estimator))
"""


def test_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    running, names = [], [f"{kind}-{trend}" for kind, trend in TRENDS]
    for number, threads in enumerate(("1", "2")):
        folder = tmp_path / threads
        folder.mkdir()
        command = [sys.executable, "-c", SAVING, str(folder), threads, str(1 + 7919 * number), *names]
        environment = {"PYTHONPATH": str(ROOT / "workflow/scripts"), "PYTHONHASHSEED": str(number)}
        environment |= {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        running.append(subprocess.Popen(command, env=os.environ | environment))
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    for name in names:
        first, second = (tmp_path / threads / f"{name}.skops" for threads in ("1", "2"))
        assert first.read_bytes() == second.read_bytes(), name


def test_a_job_reads_models_without_all_estimators(tmp_path: Path) -> None:
    """In a process that, as those of jobs, has not imported skops before."""
    paths = [tmp_path / f"{kind}_{trend}.skops" for kind, trend in TRENDS]
    for path, (kind, trend) in zip(paths, TRENDS, strict=True):
        save(path, model(kind, trend))
    code = """if True:
        import sys
        from kilomoist.learning.models import load, save
        for path in sys.argv[1:]:
            save(path + ".again", load(path))
        print(*sorted({"pytest", "sklearn.gaussian_process"} & sys.modules.keys()))
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    command = [sys.executable, "-c", code, *paths]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
    for path in paths:
        assert replace(load(f"{path}.again"), estimator=None) == replace(load(path), estimator=None)


@pytest.mark.parametrize(("kind", "trend"), TRENDS)
def test_predictions_do_not_depend_on_threads(kind: str, trend: str) -> None:
    x, y = rows()
    alone, four = (fit(replace(settings(kind), trend=trend), x, y, threads) for threads in (1, 4))
    np.testing.assert_array_equal(predict_mean(alone, x), predict_mean(four, x))
    assert getattr(getattr(four, "residual", four), "n_jobs", 1) in (1, None)


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_decide(kind: str) -> None:
    x, y = rows()
    first, same, other = (predict_mean(fit(replace(settings(kind), seed=seed), x, y), x) for seed in (2021, 2021, 7))
    np.testing.assert_array_equal(first, same)
    assert (not np.array_equal(first, other)) == (kind in ("random_forest", "extra_trees"))


def test_the_mean_is_predicted_and_not_the_median() -> None:
    x, y = rows()  # errors are skewed
    forest = fit(settings("random_forest"), x, y)
    reference = RandomForestRegressor(n_estimators=20, min_samples_leaf=5, random_state=2021).fit(x, y)
    np.testing.assert_allclose(predict_mean(forest, x), reference.predict(x), rtol=0, atol=1e-12)
    median = np.median(np.abs(forest.predict(x) - predict_mean(forest, x)))
    assert median > 0.001
    assert predict_mean(forest, x).mean() == pytest.approx(y.mean(), abs=0.002)


@pytest.mark.parametrize(("kind", "trend"), TRENDS)
def test_what_only_has_the_mean_has_the_same(kind: str, trend: str) -> None:
    x, y = rows()
    whole, plain = (fit(replace(settings(kind), trend=trend), x, y, only_mean=only) for only in (False, True))
    np.testing.assert_array_equal(predict_mean(whole, x), predict_mean(plain, x))


def test_min_leaf_and_trees_arrive() -> None:
    x, y = rows()
    for kind in ("random_forest", "extra_trees"):
        estimator = fit(replace(settings(kind, 7), min_leaf=100), x, y)
        assert estimator.n_estimators == len(estimator.estimators_) == 7
        for tree in estimator.estimators_:
            leaves = tree.tree_.children_left == -1
            assert leaves.sum() <= 4
            assert tree.tree_.weighted_n_node_samples[leaves].min() >= 50
    boosted = fit(replace(settings("hist_gradient_boosting", 7), min_leaf=150), x, y)
    assert boosted.n_iter_ == 7
    assert len(np.unique(predict_mean(fit(replace(settings("random_forest"), min_leaf=400), x, y), x))) == 1


def test_linear_model_is_least_squares() -> None:
    x, y = rows()
    design = np.column_stack([np.ones(len(x)), x.astype(float)])
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    np.testing.assert_allclose(predict_mean(fit(settings("linear"), x, y), x), design @ coefficients, atol=1e-6)


def test_importance_is_of_the_predictor_that_matters() -> None:
    x, _ = rows()
    shares = impurity_importance(fit(settings("random_forest"), x, x[:, 1].astype(float)), 3)
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 1
    assert np.isnan(impurity_importance(fit(settings("linear"), x, x[:, 1].astype(float)), 3)).all()


# Trends


def test_a_trend_goes_on_where_a_forest_is_flat() -> None:
    x = np.random.default_rng(3).uniform(0.2, 0.6, (500, 2)).astype(np.float32)
    y = 0.1 + 0.3 * x[:, 0] - 0.1 * x[:, 1] + 0.01 * np.sin(40 * x[:, 0])
    beyond = np.column_stack([np.linspace(0.7, 2, 9), np.full(9, 0.4)]).astype(np.float32)
    plain, trended = (fit(replace(settings("random_forest"), trend=trend), x, y) for trend in ("none", "linear"))
    assert np.ptp(predict_mean(plain, beyond)) == 0
    np.testing.assert_allclose(np.diff(predict_mean(trended, beyond)), 0.3 * 1.3 / 8, rtol=0.05)
    # Where rows are, the forest knows the waves that no line can follow.
    assert np.sqrt(np.mean((predict_mean(trended, x) - y) ** 2)) < 0.004


def test_the_trend_is_robust_and_the_forest_learns_what_it_leaves() -> None:
    """A tenth of the rows errs grossly: least squares follow them, the trend does not."""
    random = np.random.default_rng(4)
    x = random.normal(size=(400, 3)) * [1, 0.1, 8] + [0, 0.5, 300]
    line = 0.2 + 0.03 * x[:, 0] - 0.2 * x[:, 1] + 0.001 * (x[:, 2] - 300)
    y = line + np.where(x[:, 0] > 1.3, 0.5, 0.0) + 1e-4 * random.normal(size=400)
    trended = fit(replace(settings("random_forest"), trend="linear"), x, y)
    np.testing.assert_allclose(trended.trend(x), line, rtol=0, atol=2e-4)
    squares = LinearRegression().fit(x, y)
    assert abs(squares.coef_[0] - 0.03) > 0.05
    rest = fit(settings("random_forest"), x, y - trended.trend(x))
    np.testing.assert_array_equal(predict_mean(trended, x), trended.trend(x) + predict_mean(rest, x))
    np.testing.assert_array_equal(impurity_importance(trended, 3), impurity_importance(rest, 3))


def test_rows_of_a_trend_do_not_depend_on_each_other() -> None:
    """So that blocks of a map are the parts of the whole."""
    x, y = rows()
    trended = fit(replace(settings("random_forest"), trend="linear"), x, y)
    whole = predict_mean(trended, x)
    np.testing.assert_array_equal(np.concatenate([predict_mean(trended, x[:7]), predict_mean(trended, x[7:])]), whole)
    np.testing.assert_array_equal(predict_mean(trended, x[::-1]), whole[::-1])


def test_trends_of_constants_and_of_what_is_exactly_linear() -> None:
    x, y = rows()
    x[:, 2] = 7.0
    for target in (np.full(len(y), 0.3), x[:, 0].astype(float), y):
        predicted = predict_mean(fit(replace(settings("random_forest"), trend="linear"), x, target), x)
        assert np.isfinite(predicted).all()
        assert np.sqrt(np.mean((predicted - target) ** 2)) <= target.std()
    exact = fit(replace(settings("extra_trees"), trend="linear"), x, 2 * x[:, 1])
    assert exact.slopes_[1] == pytest.approx(2, rel=1e-4)


def test_quantiles_are_those_of_the_residual_and_the_trend() -> None:
    x, y = rows()
    trended = fit(replace(settings("random_forest"), trend="linear"), x, y)
    rest = fit(settings("random_forest"), x, y - trended.trend(x))
    for quantiles in ([0.5], [0.1, 0.9]):
        expected = np.column_stack([rest.predict(x, quantiles=quantile) for quantile in quantiles])
        np.testing.assert_allclose(predict_quantiles(rest, x, quantiles), expected)
        shifted = predict_quantiles(trended, x, quantiles)
        np.testing.assert_allclose(shifted, expected + trended.trend(x)[:, None], atol=1e-12)


@pytest.mark.parametrize("trend", ["none", "linear"])
def test_the_first_trees_of_a_forest_are_a_smaller_forest(trend: str) -> None:
    """Trees are drawn one after the other, so that fewer of the same seed are the first of many."""
    x, y = rows()
    many, few = (fit(replace(settings("random_forest"), trend=trend, trees=trees), x, y) for trees in (9, 4))
    first = first_trees(many, 4)
    np.testing.assert_array_equal(predict_mean(first, x), predict_mean(few, x))
    assert predict_quantiles(first, x, [0.1, 0.9]).shape == (len(x), 2)
    whole = predict_mean(many, x)
    assert not np.array_equal(predict_mean(first, x), whole)
    np.testing.assert_array_equal(predict_mean(first_trees(many, 20), x), whole)


@pytest.mark.parametrize("trend", ["none", "linear"])
def test_a_forest_grows_as_at_once_and_its_first_trees_tell_quantiles(tmp_path: Path, trend: str) -> None:
    """Beside forests of the libraries themselves, of all its trees and of the first."""
    x, y = rows()
    estimator = fit(replace(settings("random_forest", QUANTILE_TREES + 13), trend=trend), x, y)
    found = come_back(tmp_path, replace(model(trend=trend), estimator=estimator)).estimator
    line = found.trend(x) if trend == "linear" else np.zeros(len(x))
    own = {"min_samples_leaf": 5, "random_state": 2021}
    whole = RandomForestRegressor(QUANTILE_TREES + 13, **own).fit(x, y - line)
    first = RandomForestQuantileRegressor(QUANTILE_TREES, **own).fit(x, y - line)
    np.testing.assert_array_equal(predict_mean(found, x), line + whole.predict(x))
    quantiles = line[:, None] + first.predict(x, quantiles=[0.05, 0.95])
    np.testing.assert_array_equal(predict_quantiles(found, x, [0.05, 0.95]), quantiles)


def test_quantiles_of_many_rows_are_those_of_each() -> None:
    x, y = rows()
    forest = fit(settings("random_forest"), x, y)
    many = np.random.default_rng(5).choice(x, 21_000)
    one_by_one = np.vstack([forest.predict(part, quantiles=[0.1, 0.9]) for part in np.array_split(many, 3)])
    np.testing.assert_array_equal(predict_quantiles(forest, many, [0.1, 0.9]), one_by_one)


@pytest.mark.parametrize(("kind", "trend"), [(kind, trend) for kind, trend in TRENDS if kind != "random_forest"])
def test_other_kinds_have_no_quantiles(kind: str, trend: str) -> None:
    x, y = rows()
    assert predict_quantiles(fit(replace(settings(kind), trend=trend), x, y), x, [0.1, 0.9]) is None


# Files that are no models


def broken(path: Path) -> dict[str, bytes]:
    """Contents that `load` must refuse, by what is wrong."""
    save(path, model("linear"))
    whole = path.read_bytes()
    without_schema = io.BytesIO()
    with zipfile.ZipFile(without_schema, "w") as archive:
        archive.writestr("something.txt", "else")
    return {
        "cut off": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"<!DOCTYPE html><html>404</html>",
        "a pickle": pickle.dumps(LinearRegression()),
        "another archive": without_schema.getvalue(),
        "another object": skops.io.dumps({"weights": [1, 2, 3]}),
        "a list": skops.io.dumps([1, 2]),
        "an estimator": skops.io.dumps(LinearRegression()),
    }


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    for what, content in broken(tmp_path / "whole.skops").items():
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"{path} is not a model of this workflow"):
            pytest.fail(f"{what} is taken for {load(path)}")


@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_model_is_refused_or_the_same(tmp_path: Path, place: float, change: int) -> None:
    """One byte after the other of the entries, which are most of a model; their checksums are in the file."""
    path, made = tmp_path / "model.skops", model("linear")
    save(path, made)
    content = bytearray(path.read_bytes())
    entries = content.index(b"PK\x01\x02")
    content[int(place * entries)] ^= change
    path.write_bytes(content)
    try:
        found = load(path)
    except InputError:
        return
    assert replace(found, estimator=None) == replace(made, estimator=None)
    x, _ = rows(20)
    np.testing.assert_array_equal(predict_mean(found.estimator, x), predict_mean(made.estimator, x))


class Planted:
    """A type that no model of this project holds."""


def test_types_that_no_model_needs_are_not_trusted(tmp_path: Path) -> None:
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.preprocessing import FunctionTransformer

    x, y = rows(50)
    path = tmp_path / "model.skops"
    for estimator in (Planted(), FunctionTransformer(os.system), KNeighborsRegressor(algorithm="kd_tree").fit(x, y)):
        save(path, Model("absolute", "linear", NAMES, 1, 1.0, 50, 0, estimator))
        with pytest.raises(InputError, match="is not a model of this workflow"):
            load(path)


def test_a_model_of_the_time_before_the_packages_loads(tmp_path: Path) -> None:
    """Written at ee3a89a, where the trend's class lay in `kilomoist.models` and models had `subgrid`."""
    old = ROOT / "tests/fixtures/model-ee3a89a.skops"
    model = load(old)
    assert (model.method, model.kind, model.trend) == ("absolute", "random_forest", "linear")
    assert model.predictors == ("ndvi", "lst_day")
    x = np.array([[0.2, 0.4], [0.9, 0.1], [2.0, -1.0]], np.float32)
    predicted_then = [0.14776544522495486, 0.27904820587419327, 0.44116946801972484]  # by ee3a89a itself
    np.testing.assert_allclose(predict_mean(model.estimator, x), predicted_then, rtol=1e-12)
    assert come_back(tmp_path, model).predictors == model.predictors
