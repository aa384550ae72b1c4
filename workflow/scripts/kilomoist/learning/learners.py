"""Learners by name: building, fitting, prediction."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from quantile_forest import RandomForestQuantileRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import HuberRegressor, LinearRegression
from threadpoolctl import ThreadpoolController

_FORESTS = (RandomForestRegressor, ExtraTreesRegressor, RandomForestQuantileRegressor)
QUANTILE_TREES = 50
"""Trees of a forest that tell its quantiles, the first: docs/trust.md shows that more say the same."""
_MANY_ROWS = 20_000
"""Rows below which ordering them does not pay before a forest predicts them; about as many tell their ranks."""
_LEAVES_AT_ONCE = 16_384
"""Rows whose leaves in all trees stay in the processor's cache together."""


@dataclass(frozen=True)
class LearnerSettings:
    """Settings of a learner."""

    kind: str
    trees: int
    seed: int
    min_leaf: int = 1
    """Fewest training rows in a leaf."""
    options: Mapping[str, float] = field(default_factory=dict)
    """Other parameters of scikit-learn's class, by the names of its kind's `space`."""
    trend: str = "none"
    """`linear`: the model is fitted to the residuals of a robust linear trend (`Trended`); else `none`."""
    quantiles: bool = True
    """False: a `random_forest` does not keep what quantiles need, which takes time and memory."""


@dataclass(frozen=True)
class Kind:
    """Entry of the registry."""

    build: Callable[[LearnerSettings], RegressorMixin]
    """Makes an unfitted estimator."""
    trusted: tuple[str, ...] = ()
    """Types beyond skops' own list that a saved model of this kind holds."""
    build_mean: Callable[[LearnerSettings], RegressorMixin] | None = None
    """Makes an estimator of the same mean, without quantiles, that is faster to fit."""
    space: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Values of options that a search compares, each with each and with the leaf sizes."""
    has_leaves: bool = True
    """True: `min_leaf` applies."""


def _forest(forest: type[RegressorMixin]) -> Callable[[LearnerSettings], RegressorMixin]:
    """Builder of a class of forests."""

    def build(settings: LearnerSettings) -> RegressorMixin:
        own = {"n_estimators": settings.trees, "min_samples_leaf": settings.min_leaf, "random_state": settings.seed}
        return forest(**own, **settings.options)

    return build


_SHARES = {"max_features": (1 / 3, 2 / 3, 1.0)}
"""Shares of the predictors among which a forest looks for each split: fewer make trees more different."""
_TREE = "sklearn.tree._tree.Tree"
KINDS: dict[str, Kind] = {
    "random_forest": Kind(
        _forest(RandomForestQuantileRegressor),
        (
            *(_TREE, "quantile_forest._quantile_forest.RandomForestQuantileRegressor"),
            "quantile_forest._quantile_forest_fast.QuantileForest",
        ),
        build_mean=_forest(RandomForestRegressor),
        space=_SHARES,
    ),
    "extra_trees": Kind(_forest(ExtraTreesRegressor), (_TREE,), space=_SHARES),
    "hist_gradient_boosting": Kind(
        lambda settings: HistGradientBoostingRegressor(
            max_iter=settings.trees,
            min_samples_leaf=settings.min_leaf,
            early_stopping=False,
            random_state=settings.seed,
            **settings.options,
        ),
        ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
        space={"max_leaf_nodes": (3, 7, 31)},
    ),
    "linear": Kind(lambda _: LinearRegression(), has_leaves=False),
}


class Trended(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A robust linear trend and a model of its residuals; where a forest is flat, the trend goes on.

    The trend of standardised predictors minimises Huber's loss, linear beyond 1.35 robust deviations, over slopes,
    intercept and that deviation together (Huber 1981, Robust Statistics, ch. 7.7, doi 10.1002/0471725250): few unusual
    rows do not turn it, and unlike RANSAC or Theil and Sen's estimator it draws nothing by chance.
    """

    def __init__(self, residual: RegressorMixin) -> None:
        self.residual = residual

    def fit(self, x: NDArray, y: NDArray) -> "Trended":
        """Fit the trend to `x` (rows, predictors) and `y` (rows,), and `residual` to its residuals."""
        values, target = np.asarray(x, float), np.asarray(y, float)
        self.centre_, scale = values.mean(axis=0), values.std(axis=0)
        scale[scale == 0] = 1.0
        middle, spread = target.mean(), target.std() or 1.0
        robust = HuberRegressor(alpha=0.0, max_iter=1000)
        trend = robust.fit((values - self.centre_) / scale, (target - middle) / spread)
        self.slopes_ = trend.coef_ / scale * spread
        self.intercept_ = float(middle + trend.intercept_ * spread)
        _fit(self.residual, x, target - self.trend(x))
        return self

    def trend(self, x: NDArray) -> NDArray[np.float64]:
        """Trend (rows,) at `x` (rows, predictors); added column by column, so that no row depends on others."""
        result = np.full(len(x), self.intercept_)
        for column, (slope, centre) in enumerate(zip(self.slopes_, self.centre_, strict=True)):
            result += slope * (x[:, column].astype(float) - centre)
        return result


@cache
def _thread_pools() -> ThreadpoolController:
    """Thread pools of the libraries that learn and predict: to look for them takes as long as to fit some trees."""
    return ThreadpoolController()


def fit(settings: LearnerSettings, x: NDArray, y: NDArray, threads: int = 1, only_mean: bool = False) -> RegressorMixin:
    """Fit a learner, the same with any `threads`; `only_mean` fits a learner of the same mean in less time."""
    kind = KINDS[settings.kind]
    estimator = ((kind.build_mean if only_mean or not settings.quantiles else None) or kind.build)(settings)
    whole = Trended(estimator) if settings.trend == "linear" else estimator
    if hasattr(estimator, "n_jobs"):
        estimator.set_params(n_jobs=threads)
    of_pools = {"openmp": threads, "blas": 1}  # more threads of BLAS would add in another order
    with _thread_pools().limit(limits=of_pools):
        _fit(whole, x, y)
    if hasattr(estimator, "n_jobs"):
        # With several threads a forest adds its trees in the order in which they finish: other last bits each time.
        estimator.set_params(n_jobs=1)
    if isinstance(estimator, HistGradientBoostingRegressor):
        estimator._bin_mapper.n_threads = 1  # kept with the model, though it says nothing about it
    return whole


def _fit(estimator: RegressorMixin, x: NDArray, y: NDArray) -> None:
    """Fit an estimator; only the first `QUANTILE_TREES` of a forest learn what quantiles need."""
    if not isinstance(estimator, RandomForestQuantileRegressor):
        estimator.fit(x, y)
        return
    trees = estimator.n_estimators
    estimator.set_params(n_estimators=min(trees, QUANTILE_TREES)).fit(x, y)
    if trees > QUANTILE_TREES:  # the others are those that it would have grown at once
        RandomForestRegressor.fit(estimator.set_params(n_estimators=trees, warm_start=True), x, y)
        estimator.set_params(warm_start=False)


def predict_mean(estimator: RegressorMixin, x: NDArray) -> NDArray[np.float64]:
    """Mean that a model predicts, (rows,); a quantile forest's own `predict` would give the median."""
    if isinstance(estimator, Trended):
        return estimator.trend(x) + predict_mean(estimator.residual, x)
    mean = RandomForestRegressor if isinstance(estimator, RandomForestQuantileRegressor) else type(estimator)
    with _thread_pools().limit(limits=1):
        if not isinstance(estimator, _FORESTS) or len(x) < _MANY_ROWS:
            return mean.predict(estimator, x)
        order, result = _neighbours_first(x), np.empty(len(x))
        result[order] = mean.predict(estimator, x[order])
        return result


def _neighbours_first(x: NDArray) -> NDArray[np.int64]:
    """Order (rows,) of rows (rows, predictors) by Morton's curve through the ranks of their predictors.

    Rows with like predictors follow each other and take the same ways through a tree, whose nodes are in the
    processor's cache then: a large map is predicted more than twice as fast, and no value differs (Morton 1966, A
    computer oriented geodetic data base, IBM).
    """
    bits = min(8, 63 // x.shape[1])  # of each rank
    shares = np.linspace(0, 1, 2**bits + 1)[1:-1]
    code = np.zeros(len(x), np.uint64)
    for number, column in enumerate(x.T):
        edges = np.quantile(column[:: max(len(x) // _MANY_ROWS, 1)], shares)
        rank = np.searchsorted(edges, column).astype(np.uint64)
        for bit in range(bits):
            code |= ((rank >> np.uint64(bit)) & np.uint64(1)) << np.uint64(bit * x.shape[1] + number)
    return np.argsort(code, kind="stable")


def predict_quantiles(estimator: RegressorMixin, x: NDArray, quantiles: Sequence[float]) -> NDArray[np.float64] | None:
    """Quantiles (rows, len(quantiles)) that a `random_forest` predicts, unless fitted with `only_mean`; else None.

    The first `QUANTILE_TREES` are asked. With a trend they are the quantiles of its residuals, shifted by it.
    """
    if isinstance(estimator, Trended):
        of_residual = predict_quantiles(estimator.residual, x, quantiles)
        return None if of_residual is None else estimator.trend(x)[:, None] + of_residual
    if not isinstance(estimator, RandomForestQuantileRegressor):
        return None
    few = first_trees(estimator, QUANTILE_TREES)
    order = _neighbours_first(x) if len(x) >= _MANY_ROWS else np.arange(len(x))
    result = np.empty((len(x), len(quantiles)))
    with _thread_pools().limit(limits=1):
        for start in range(0, len(x), _LEAVES_AT_ONCE):
            rows = order[start : start + _LEAVES_AT_ONCE]
            result[rows] = few.predict(x[rows], quantiles=list(quantiles)).reshape(len(rows), len(quantiles))
    return result


def first_trees(estimator: RegressorMixin, number: int) -> RegressorMixin:
    """A model with the first `number` trees of its forest alone; one without a forest, or so many trees, as it is."""
    few = copy(estimator)
    if isinstance(few, Trended):
        few.residual = first_trees(few.residual, number)
    elif isinstance(few, _FORESTS) and few.n_estimators > number:
        few.estimators_, few.n_estimators = few.estimators_[:number], number
    return few


def impurity_importance(estimator: RegressorMixin, predictors: int) -> NDArray[np.float64]:
    """Share of the impurity that each predictor's splits remove, with a trend of its residuals; NaN without splits."""
    if isinstance(estimator, Trended):
        return impurity_importance(estimator.residual, predictors)
    return getattr(estimator, "feature_importances_", np.full(predictors, np.nan))
