"""Soundness of models from files: compiled code follows the arrays of trees without looking where they lead.

A tampered or damaged array ends the process, or never ends; scikit-learn and skops do not check it. All that a
prediction reads is checked here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from quantile_forest import RandomForestQuantileRegressor
from sklearn.base import RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.linear_model import LinearRegression
from sklearn.tree._tree import Tree

from kilomoist.learning.learners import KINDS, QUANTILE_TREES, LearnerSettings, Trended, predict_mean, predict_quantiles

_LOADERS = {
    *("DictNode", "ListNode", "TupleNode", "JsonNode", "TypeNode", "ObjectNode", "NdArrayNode"),
    *("RandomGeneratorNode", "LossNode", "TreeNode", "QuantileForestNode"),
}
"""Ways of skops to make an object again that our models need."""
_MODULES = {
    *(
        "builtins",
        "numpy",
        "numpy.random._generator",
        "sklearn._loss._loss",
        "sklearn._loss.link",
        "sklearn._loss.loss",
    ),
    *("sklearn.ensemble._forest", "sklearn.linear_model._base", "sklearn.tree._classes", "sklearn.tree._tree"),
    *(f"sklearn.ensemble._hist_gradient_boosting.{name}" for name in ("binning", "gradient_boosting", "predictor")),
    *("quantile_forest._quantile_forest", "quantile_forest._quantile_forest_fast", Trended.__module__),
}
"""Modules whose types our models hold."""
_CHARACTERS = 12
"""Fewest characters to a bracket or comma of a schema, which have 19 in ours: others fill the memory when read."""
_FREE = {"n_estimators", "max_iter", "n_jobs", "random_state"}
"""Parameters of learners that may be others than a new one's: trees and threads are looked at apart."""


def check_size(schema: bytes) -> None:
    """Raise ValueError for a schema of skops that would take much more memory than it is long."""
    if _CHARACTERS * sum(map(schema.count, (b"{", b"[", b","))) > len(schema):
        raise ValueError("its schema is no model's")


def check_schema(schema: Any) -> None:
    """Raise ValueError for a schema of skops (as read from JSON) with types that no model of ours holds.

    A tree's own constructor believes how many outputs it has.
    """
    nodes = [schema]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes += node
        elif isinstance(node, dict):
            nodes += node.values()
            if node.keys() & {"__loader__", "__class__"}:
                loader, module = node.get("__loader__"), node.get("__module__")
                if loader not in _LOADERS or module not in _MODULES:
                    raise ValueError(f"it holds {module}.{node.get('__class__')}, by {loader}")
                if loader == "TreeNode" and node["__reduce__"]["args"]["content"][2]["content"] != "1":
                    raise ValueError("a tree has several outputs")


def check_estimator(estimator: RegressorMixin, settings: LearnerSettings, predictors: int) -> None:
    """Raise ValueError, or what a library raises, unless an estimator is one that `settings` make, and can predict.

    The number of its trees, seed and threads may be others.
    """
    learner = estimator
    if settings.trend == "linear":
        _require(type(estimator) is Trended, "it has no trend")
        _check_numbers(estimator.centre_, (predictors,))
        _check_numbers(estimator.slopes_, (predictors,))
        _check_numbers(np.asarray(estimator.intercept_), ())
        learner = estimator.residual
    _check_parameters(learner, settings)
    _require(learner.n_features_in_ == predictors, "it was fitted to other predictors")
    if isinstance(learner, LinearRegression):
        _check_numbers(learner.coef_, (predictors,))
        _check_numbers(np.asarray(learner.intercept_), ())
    elif isinstance(learner, HistGradientBoostingRegressor):
        _check_boosting(learner, predictors)
    else:
        _check_forest(learner, predictors)
    row = np.zeros((1, predictors), np.float32)
    _check_numbers(predict_mean(estimator, row), (1,))
    predict_quantiles(estimator, row, [0.5])


def _check_parameters(learner: RegressorMixin, settings: LearnerSettings) -> None:
    """Raise ValueError unless a learner is of the class, and has the parameters, of one that `settings` build."""
    kind = KINDS[settings.kind]
    made = [build(settings) for build in (kind.build, kind.build_mean) if build]
    same = [each for each in made if type(each) is type(learner)]
    _require(len(same) == 1, f"its learner is a {type(learner).__name__}")
    own, expected = (each.get_params(deep=False) for each in (learner, same[0]))
    others = [name for name in expected if name not in _FREE and own[name] != expected[name]]
    _require(not others, f"its learner has another {', '.join(others)}")
    _require(own.get("n_jobs") in (None, 1), "it predicts with several threads")


def _check_forest(forest: RegressorMixin, predictors: int) -> None:
    """Raise ValueError for a forest with a tree that leads astray, or with quantiles of rows that are not there."""
    trees = [each.tree_ for each in forest.estimators_ if type(each) is type(forest.estimator)]
    _require(len(trees) == len(forest.estimators_) == forest.n_estimators > 0, "it has other trees")
    _require(all(each.n_features_in_ == predictors for each in forest.estimators_), "its trees have other predictors")
    _require(forest.n_outputs_ == 1 and all(each.n_outputs_ == 1 for each in forest.estimators_), "it has many outputs")
    leaves = [_check_tree(tree, predictors) for tree in trees]
    if not isinstance(forest, RandomForestQuantileRegressor):
        return
    values, rows = np.asarray(forest.forest_.y_train), np.asarray(forest.forest_.y_train_leaves)
    told = len(trees) if len(rows) == len(trees) else QUANTILE_TREES  # all trees had them once
    most = max(tree.node_count for tree in trees[:told])
    _check_numbers(values, (1, values.shape[1]))
    _require(rows.shape == (told, most, 1, 1), "its leaves have rows of other trees")
    for own, leaf in zip(rows[:, :, 0, 0], leaves[:told], strict=True):
        of_leaves = own[: len(leaf)][leaf]
        _require(
            bool(((of_leaves >= 0) & (of_leaves <= values.shape[1])).all()), "its leaves have rows that are not there"
        )


def _check_tree(tree: Tree, predictors: int) -> NDArray[np.bool_]:
    """Mask of the leaves among a tree's nodes, (nodes,). Raises ValueError for a tree that leads astray."""
    _require(type(tree) is Tree, "a tree is none")
    shape = tree.n_outputs, tree.max_n_classes, tree.n_features
    _require(shape == (1, 1, predictors) and 0 < tree.node_count <= tree.capacity, "a tree has another shape")
    state = tree.__getstate__()
    nodes = state["nodes"]
    leaf = nodes["left_child"] == -1
    _require(bool((leaf == (nodes["right_child"] == -1)).all()), "a node has one child")
    _check_paths(nodes["left_child"], nodes["right_child"], leaf, nodes["feature"], predictors)
    for name in ("threshold", "impurity", "weighted_n_node_samples"):
        _check_numbers(nodes[name], leaf.shape)
    _check_numbers(state["values"], (*leaf.shape, 1, 1))
    return leaf


def _check_boosting(learner: HistGradientBoostingRegressor, predictors: int) -> None:
    """Raise ValueError for boosted trees that lead astray, or with categories, of which our predictors have none."""
    _check_numbers(learner._baseline_prediction, (1, 1))
    plain = learner._preprocessor is None and learner.is_categorical_ is None
    _require(plain and not np.any(learner._bin_mapper.is_categorical_), "it has categories")
    _require(len(learner._bin_mapper.is_categorical_) == learner._n_features == predictors, "it has other predictors")
    _require(len(learner._predictors) == learner.max_iter > 0, "it has other trees")
    for (tree,) in learner._predictors:
        nodes = tree.nodes
        _require(nodes.dtype == PREDICTOR_RECORD_DTYPE and len(nodes) > 0, "a tree has another shape")
        _require(
            not nodes["is_categorical"].any() and not np.isnan(nodes["num_threshold"]).any(), "a tree has no numbers"
        )
        _check_paths(nodes["left"], nodes["right"], nodes["is_leaf"] != 0, nodes["feature_idx"], predictors)
        _check_numbers(nodes["value"], nodes.shape)


def _check_paths(left: NDArray, right: NDArray, leaf: NDArray[np.bool_], feature: NDArray, predictors: int) -> None:
    """Raise ValueError unless from the first of the nodes (nodes,) one way leads to each, and all end in leaves."""
    parents = np.flatnonzero(~leaf)
    reached = np.zeros(len(leaf), bool)
    reached[:1] = True
    for children in (left[parents].astype(np.int64), right[parents].astype(np.int64)):
        # A child comes after its parent, so that there is no circle.
        _require(bool((children > parents).all() and (children < len(leaf)).all()), "a tree leads astray")
        reached[children] = True
    # All are reached by as many ways as there are nodes: each by one.
    _require(2 * len(parents) == len(leaf) - 1 and bool(reached.all()), "a tree leads astray")
    known = (feature[parents] >= 0) & (feature[parents] < predictors)
    _require(bool(known.all()), "a tree asks for a predictor that is not there")


def _check_numbers(values: NDArray, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless an array holds finite floating-point numbers in a shape."""
    _require(values.shape == shape and values.dtype.kind == "f" and bool(np.isfinite(values).all()), "a number is none")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)
