"""Models that would lead a prediction astray are refused when they are read."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutations import damaged
from witnesses import SHARED, with_witnesses

from kilomoist.errors import InputError
from kilomoist.learning.learners import LearnerSettings, fit, predict_mean, predict_quantiles
from kilomoist.learning.models import Model, load, save

NAMES = ("ndvi", "evi", "lst_day")
CASES = 40


def model(kind: str = "random_forest", trend: str = "none") -> Model:
    random = np.random.default_rng(1)
    x = random.normal(size=(120, 3)).astype(np.float32)
    settings = LearnerSettings(kind, 3, 2021, 5, trend=trend)
    return Model("detail", kind, NAMES, 5, 0.5, 120, 77, fit(settings, x, x[:, 0] / 10), trend=trend, ratio=3)


def tree(made: Model) -> tuple[Any, dict[str, Any]]:
    """The first tree of a forest, and its state, to be changed and set again."""
    found = made.estimator.estimators_[0].tree_
    return found, found.__getstate__()


def change_node(made: Model, node: int, **fields: float) -> None:
    """Change fields of a node of a forest's first tree; −1 is the last, which is a leaf."""
    found, state = tree(made)
    for name, value in fields.items():
        state["nodes"][name][node] = value
    found.__setstate__(state)


def change_value(made: Model) -> None:
    found, state = tree(made)
    state["values"][-1] = np.nan
    found.__setstate__(state)


def leave_out_tree(made: Model) -> None:
    made.estimator.estimators_.pop()


def take_other_tree(made: Model) -> None:
    made.estimator.estimators_[0] = model("extra_trees").estimator.estimators_[0]


def change_leaf_rows(made: Model) -> None:
    np.asarray(made.estimator.forest_.y_train_leaves)[0, -1] = 121


def keep_rows_of_one_tree(made: Model) -> None:
    forest = made.estimator.forest_
    kept = np.array(forest.y_train_leaves)[:1]
    made.estimator.forest_ = type(forest)(np.array(forest.y_train), kept, np.array(forest.y_bound_leaves))


def change_row(made: Model) -> None:
    forest = made.estimator.forest_
    values = np.array(forest.y_train)
    values[0, 5] = np.inf
    made.estimator.forest_ = type(forest)(values, np.array(forest.y_train_leaves), np.array(forest.y_bound_leaves))


FORESTS: dict[str, Callable[[Model], None]] = {
    "a circle": lambda made: change_node(made, 0, right_child=0),
    "a node that two ways lead to": lambda made: change_node(made, 0, right_child=1),
    "a child beyond the tree": lambda made: change_node(made, 0, right_child=10**6),
    "a child before the tree": lambda made: change_node(made, 0, left_child=-7),
    "one child": lambda made: change_node(made, 0, left_child=-1),
    "a predictor that is not there": lambda made: change_node(made, 0, feature=3),
    "no predictor": lambda made: change_node(made, 0, feature=-2),
    "a threshold that is no number": lambda made: change_node(made, 0, threshold=np.nan),
    "an impurity that is no number": lambda made: change_node(made, 0, impurity=np.inf),
    "a value that is no number": change_value,
    "a tree too few": leave_out_tree,
    "a tree of another kind": take_other_tree,
    "a row that is not there": change_leaf_rows,
    "rows of fewer trees": keep_rows_of_one_tree,
    "a row that is no number": change_row,
    "other leaves": lambda made: made.estimator.set_params(max_samples_leaf=2),
    "threads": lambda made: made.estimator.set_params(n_jobs=64),
}


def change_boosted(made: Model, **fields: float) -> None:
    for name, value in fields.items():
        made.estimator._predictors[0][0].nodes[name][0] = value


BOOSTED: dict[str, Callable[[Model], None]] = {
    "a circle": lambda made: change_boosted(made, left=0),
    "a child beyond the tree": lambda made: change_boosted(made, right=10**6),
    "a predictor that is not there": lambda made: change_boosted(made, feature_idx=3),
    "a category": lambda made: change_boosted(made, is_categorical=1),
    "a leaf at the root": lambda made: change_boosted(made, is_leaf=1),
    "a tree too few": lambda made: made.estimator._predictors.pop(),
    "categories": lambda made: setattr(made.estimator, "is_categorical_", np.ones(3, bool)),
}
LINEAR: dict[str, Callable[[Model], None]] = {
    "a slope too few": lambda made: setattr(made.estimator, "coef_", np.zeros(2)),
    "a slope that is no number": lambda made: setattr(made.estimator, "coef_", np.array([1.0, np.nan, 0.0])),
    "text": lambda made: setattr(made.estimator, "intercept_", "0"),
}
TRENDED: dict[str, Callable[[Model], None]] = {
    "a slope too few": lambda made: setattr(made.estimator, "slopes_", np.zeros(2)),
    "no number": lambda made: setattr(made.estimator, "intercept_", float("nan")),
    "a trend of a trend": lambda made: setattr(made.estimator, "residual", model(trend="linear").estimator),
    "another model of residuals": lambda made: setattr(made.estimator, "residual", model("linear").estimator),
}
ALL = [
    pytest.param(change, kind, trend, id=f"{kind}, {trend}: {name}")
    for kind, trend, changes in (
        ("random_forest", "none", FORESTS),
        ("hist_gradient_boosting", "none", BOOSTED),
        ("linear", "none", LINEAR),
        ("random_forest", "linear", TRENDED),
    )
    for name, change in changes.items()
]


@pytest.mark.parametrize(("change", "kind", "trend"), ALL)
def test_a_model_that_leads_astray_is_refused(
    tmp_path: Path, change: Callable[[Model], None], kind: str, trend: str
) -> None:
    made = model(kind, trend)
    save(tmp_path / "sound.skops", made)
    load(tmp_path / "sound.skops")
    change(made)
    save(tmp_path / "model.skops", made)
    with pytest.raises(
        InputError, match=r"model\.skops is not a model of this workflow \(.*delete it and run snakemake"
    ):
        load(tmp_path / "model.skops")


@pytest.mark.parametrize(
    "said",
    [
        *({"method": "other"}, {"kind": "other"}, {"trend": "other"}, {"alpha": 2.0}, {"alpha": float("nan")}),
        *({"min_leaf": -1}, {"ratio": 2.5}, {"source": 3}, {"predictors": ("ndvi",)}, {"options": {"max_features": 9}}),
    ],
)
def test_a_model_says_what_models_say(tmp_path: Path, said: dict[str, Any]) -> None:
    save(tmp_path / "model.skops", replace(model(), **said))
    with pytest.raises(InputError, match="is not a model of this workflow"):
        load(tmp_path / "model.skops")


def rewritten(content: bytes, **files: Callable[[bytes], bytes]) -> bytes:
    """An archive with files, by the beginning of their names, that were changed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name in source.namelist():
            stem = name.split(".")[0]
            file.writestr(name, files.get(stem, bytes)(source.read(name)))
    return target.getvalue()


def changed_tree(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    """A change of what a schema says of a forest's first tree, before its arrays are there."""

    def changed(schema: bytes) -> bytes:
        content = json.loads(schema)
        trees = content["content"]["estimator"]["content"]["content"]["estimators_"]["content"]
        change(trees[0]["content"]["content"]["tree_"])
        return json.dumps(content).encode()

    return changed


@changed_tree
def several_outputs(tree: dict[str, Any]) -> None:
    tree["__reduce__"]["args"]["content"][2]["content"] = "1000000000"


@changed_tree
def no_node(tree: dict[str, Any]) -> None:
    tree["content"]["content"]["node_count"]["content"] = "0"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (several_outputs, "a tree has several outputs"),
        (no_node, "a tree has another shape"),
        (
            lambda schema: schema.replace(b"DecisionTreeRegressor", b"KDTree").replace(b"tree._classes", b"neighbors"),
            "it",
        ),
        (lambda _: b'{"content": %s}' % (b"[" * 900 + b"]" * 900), "its schema is no model's"),
        (lambda _: b'{"content": "%s"}' % (b"0" * 10**7), "it is much larger than its file"),
    ],
)
def test_what_would_not_end_well_when_it_is_made_again_is_refused_before(
    tmp_path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    path = tmp_path / "model.skops"
    save(path, model())
    path.write_bytes(rewritten(path.read_bytes(), schema=change))
    with pytest.raises(InputError, match=f"is not a model of this workflow .ValueError: {said}"):
        load(path)


@with_witnesses
@pytest.mark.parametrize("name", ["model-signal11-262", "model-hang"])
def test_models_that_ended_or_never_ended_a_prediction(name: str) -> None:
    with pytest.raises(InputError, match="is not a model of this workflow"):
        load(SHARED / f"faults/{name}.skops")


@pytest.mark.parametrize("kind", ["random_forest", "hist_gradient_boosting"])
def test_damaged_arrays_are_refused_or_predict(tmp_path: Path, kind: str) -> None:
    """Behind check sums that are right."""
    path, draw, read = tmp_path / "model.skops", random.Random(1), 0
    save(path, model(kind))
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name.split(".")[0] for name in archive.namelist()]
    for _ in range(CASES):
        path.write_bytes(rewritten(content, **{draw.choice(names): lambda entry: damaged(entry, draw)}))
        try:
            estimator = load(path).estimator
        except InputError:
            continue
        if estimator is not None:
            predict_mean(estimator, np.ones((5, 3), np.float32))
            predict_quantiles(estimator, np.ones((5, 3), np.float32), [0.1])
            read += 1
    assert 0 < read < CASES
