"""Models: what they predict, and that what is kept on disk is exactly that and nothing else."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Iterator
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
from threadpoolctl import threadpool_limits

from kilomoist import configuration
from kilomoist.errors import InputError
from kilomoist.models import KINDS, Model, Settings, fit, impurity_importance, load, predict_mean, save

ROOT = Path(__file__).parents[2]
NAMES = ("ndvi", "evi", "lst_day")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """OpenMP's threads wait actively for each other, which takes seconds where other tests need the processors."""
    with threadpool_limits(1, "openmp"):
        yield


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    x = random.normal(size=(count, 3)).astype(np.float32)
    return x, 0.2 + 0.05 * x[:, 0] - 0.02 * x[:, 1] ** 2 + random.gamma(1, 0.03, count)


def settings(kind: str, trees: int = 20) -> Settings:
    return Settings(kind, trees, 2021, 5)


def model(kind: str = "random_forest", **changes: object) -> Model:
    estimator = fit(settings(kind), *rows())
    made = Model("detail", kind, NAMES, 5, 0.625, 400, 77, estimator)
    return replace(made, **changes)


def test_kinds_are_those_of_the_configuration() -> None:
    assert tuple(KINDS) == get_args(configuration.Model.model_fields["kind"].annotation)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_comes_back_as_it_was(tmp_path: Path, kind: str) -> None:
    made = model(kind)
    save(tmp_path / "model.skops", made)
    found = load(tmp_path / "model.skops")
    x = np.random.default_rng(2).normal(size=(300, 3)).astype(np.float32)
    np.testing.assert_array_equal(predict_mean(found.estimator, x), predict_mean(made.estimator, x))
    np.testing.assert_array_equal(impurity_importance(found.estimator, 3), impurity_importance(made.estimator, 3))
    assert type(found.estimator) is type(made.estimator)
    assert replace(found, estimator=None) == replace(made, estimator=None)


def test_quantiles_survive_too(tmp_path: Path) -> None:
    made = model("random_forest")
    save(tmp_path / "model.skops", made)
    found = load(tmp_path / "model.skops")
    assert isinstance(made.estimator, RandomForestQuantileRegressor)
    assert isinstance(found.estimator, RandomForestQuantileRegressor)
    x = rows()[0][:20]
    quantiles = found.estimator.predict(x, quantiles=[0.05, 0.5, 0.95])
    np.testing.assert_array_equal(quantiles, made.estimator.predict(x, quantiles=[0.05, 0.5, 0.95]))
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_a_model_that_learned_nothing_comes_back(tmp_path: Path) -> None:
    made = Model("detail", "random_forest", NAMES, 1, 0.0, 0, 12, None)
    save(tmp_path / "model.skops", made)
    assert load(tmp_path / "model.skops") == made


SAVING = """
import sys
import numpy as np
padding = [bytearray(int(sys.argv[3])) for _ in range(50)]  # other addresses
from kilomoist.models import Model, Settings, fit, save
random = np.random.default_rng(1)
x = random.normal(size=(400, 3)).astype(np.float32)
y = x[:, 0] + random.normal(size=400)
kinds = ("random_forest", "extra_trees", "hist_gradient_boosting", "linear")
for kind in kinds:
    estimator = fit(Settings(kind, 4, 2021, 5), x, y, int(sys.argv[2]))
    save(f"{sys.argv[1]}/{kind}.skops", Model("absolute", kind, ("a", "b", "c"), 5, 1.0, 400, 0, estimator))
"""


def test_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    running = []
    for number, threads in enumerate(("1", "2")):
        folder = tmp_path / threads
        folder.mkdir()
        command = [sys.executable, "-c", SAVING, str(folder), threads, str(1 + 7919 * number)]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "workflow/scripts"),
            "PYTHONHASHSEED": str(number),
            "OMP_NUM_THREADS": threads,
        }
        running.append(subprocess.Popen(command, env=environment))
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    for kind in KINDS:
        one, two = (tmp_path / threads / f"{kind}.skops" for threads in ("1", "2"))
        assert one.read_bytes() == two.read_bytes(), kind


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_do_not_depend_on_threads(kind: str) -> None:
    x, y = rows()
    one, four = (fit(settings(kind), x, y, threads) for threads in (1, 4))
    np.testing.assert_array_equal(predict_mean(one, x), predict_mean(four, x))
    assert getattr(four, "n_jobs", 1) in (1, None)


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_decide(kind: str) -> None:
    x, y = rows()
    one, same = (predict_mean(fit(settings(kind), x, y), x) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    other = predict_mean(fit(replace(settings(kind), seed=7), x, y), x)
    random = kind in ("random_forest", "extra_trees")
    assert (not np.array_equal(one, other)) == random


def test_the_mean_is_predicted_and_not_the_median() -> None:
    x, y = rows()  # errors are skewed
    forest = fit(settings("random_forest"), x, y)
    reference = RandomForestRegressor(n_estimators=20, min_samples_leaf=5, random_state=2021).fit(x, y)
    np.testing.assert_allclose(predict_mean(forest, x), reference.predict(x), rtol=0, atol=1e-12)
    median = np.median(np.abs(forest.predict(x) - predict_mean(forest, x)))
    assert median > 0.001
    assert predict_mean(forest, x).mean() == pytest.approx(y.mean(), abs=0.002)


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_has_the_mean_has_the_same(kind: str) -> None:
    x, y = rows()
    whole, plain = (fit(settings(kind), x, y, only_mean=only) for only in (False, True))
    np.testing.assert_array_equal(predict_mean(whole, x), predict_mean(plain, x))


def test_min_leaf_and_trees_arrive() -> None:
    x, y = rows()
    for kind, count in (("random_forest", "n_estimators"), ("extra_trees", "n_estimators")):
        estimator = fit(replace(settings(kind, 7), min_leaf=100), x, y)
        assert getattr(estimator, count) == len(estimator.estimators_) == 7
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


# Files that are no models


def broken(path: Path) -> dict[str, bytes]:
    """Contents that `load` must refuse, by what is wrong."""
    save(path, model("linear"))
    whole = path.read_bytes()
    without_schema, other_content = io.BytesIO(), skops.io.dumps({"weights": [1, 2, 3]})
    with zipfile.ZipFile(without_schema, "w") as archive:
        archive.writestr("something.txt", "else")
    return {
        "cut off": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"<!DOCTYPE html><html>404</html>",
        "a pickle": pickle.dumps(LinearRegression()),
        "another archive": without_schema.getvalue(),
        "another object": other_content,
        "a list": skops.io.dumps([1, 2]),
        "an estimator": skops.io.dumps(LinearRegression()),
        "a flipped byte": bytes(
            byte ^ 0xFF if number == len(whole) // 3 else byte for number, byte in enumerate(whole)
        ),
    }


@pytest.mark.parametrize(
    "what",
    [
        "cut off",
        "empty",
        "text",
        "a pickle",
        "another archive",
        "another object",
        "a list",
        "an estimator",
    ],
)
def test_other_files_are_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(broken(tmp_path / "whole.skops")[what])
    with pytest.raises(InputError, match="is not a model of this workflow") as caught:
        load(path)
    assert str(path) in str(caught.value)


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
