"""Importances of predictors in places that models have not seen, collinearity, and partial dependence.

Every method is looked at in its own space (`learned_rows`): `absolute` learns from values, `detail` from deviations
from the next coarser scale. Predictors that one product measures tell much the same; where several of them are used,
they are looked at together too (`product_groups`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from threadpoolctl import threadpool_limits

from kilomoist.learning.learners import LearnerSettings, impurity_importance, predict_mean
from kilomoist.learning.models import Model
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.training_rows import TrainingRows
from kilomoist.learning.tuning import fit_small
from kilomoist.products import PRODUCTS, TERRAIN

PERMUTATIONS = 10
"""Most times that each predictor is shuffled in each fold."""
PERMUTED_ROWS = 10_000
"""Shuffled rows that tell enough of a fold: of larger folds as many shuffles as it takes."""
DEPENDENCE_VALUES = 40
"""Values of a predictor at which its partial dependence is taken."""
DEPENDENCE_ROWS = 500
"""Most training rows over which predictions are averaged for it."""
DEPENDENCE_MARGIN = 0.1
"""Share of the training rows' range by which these values go on beyond it on either side."""
_COLLINEAR = 1e-12
"""Share of a predictor's variance that, when the others leave less of it unexplained, is rounding."""


def product_groups(use: Sequence[str], products: Sequence[str]) -> list[list[str]]:
    """Predictors in use that `products` of one role measure, or that elevation tells, where there are several."""
    roles: dict[str, set[str]] = {}
    for product in (PRODUCTS[name] for name in products):
        roles.setdefault(product.role, set()).update(product.quantities)
    origins = [*roles.values(), {"elevation", *TERRAIN}]
    groups = [[name for name in use if name in origin] for origin in origins]
    return [names for names in groups if len(names) > 1]


def variance_inflation(x: NDArray) -> NDArray[np.float64]:
    """Variance inflation factor 1 / (1 − R²) of each column of (rows, predictors), R² of its regression on the others.

    1 says that the others tell nothing of it, infinity that they tell all; a constant has none (NaN). What is too
    much depends on the use: 4 and 10 are rules of thumb (O'Brien 2007, doi 10.1007/s11135-006-9018-6).
    """
    varies = np.ptp(x, axis=0) > 0
    standard = np.asarray(x, float) - np.mean(x, axis=0, dtype=float)
    standard[:, varies] /= standard[:, varies].std(axis=0)
    result = np.full(x.shape[1], np.nan)
    with threadpool_limits(1):  # more threads would add in another order
        for number in np.flatnonzero(varies):
            one, others = standard[:, number], np.delete(standard, number, axis=1)
            unexplained = float(np.mean((one - others @ np.linalg.lstsq(others, one)[0]) ** 2))
            result[number] = 1 / unexplained if unexplained > _COLLINEAR else np.inf
    return result


def permutation_errors(
    settings: LearnerSettings, rows: TrainingRows, shuffled: Sequence[Sequence[int]], threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean squared errors in each fold held out: as it is (folds,), and with columns shuffled (folds, len(shuffled)).

    Folds are the squares by which leaf sizes are chosen (`spatial_folds`), models those that are compared there. Each
    entry of `shuffled` names columns that are shuffled together, among the rows of the fold, until `PERMUTED_ROWS`
    were, `PERMUTATIONS` times at the most; the error is the mean over these (Breiman 2001, doi
    10.1023/A:1010933404324; several columns: Gregorutti et al. 2015, doi 10.1016/j.csda.2015.04.002).
    """
    random, shuffles = np.random.default_rng(settings.seed), np.random.default_rng(settings.seed)
    folds = spatial_folds(rows.row, rows.column)
    names = np.unique(folds)
    before, after = np.empty(len(names)), np.empty((len(names), len(shuffled)))
    for index, fold in enumerate(names):
        estimator = fit_small(settings, rows.x, rows.y, np.flatnonzero(folds != fold), random, threads)
        x, y = rows.x[folds == fold], rows.y[folds == fold]
        before[index] = np.mean((predict_mean(estimator, x) - y) ** 2)
        times = min(PERMUTATIONS, -(-PERMUTED_ROWS // len(x)))
        for number, columns in enumerate(shuffled):
            copies = np.tile(x, (times, 1, 1))
            for copy in copies:
                copy[:, columns] = shuffles.permutation(copy[:, columns])
            predicted = predict_mean(estimator, copies.reshape(-1, x.shape[1])).reshape(times, -1)
            after[index, number] = np.mean((predicted - y) ** 2)
    return before, after


def importance_table(
    model: Model, rows: TrainingRows, settings: LearnerSettings, groups: Sequence[Sequence[str]], threads: int
) -> pd.DataFrame:
    """Importance of each predictor, and of each group of predictors that are shuffled together.

    `settings` are those of `model`, with which models are fitted anew for each fold. So all rows are fair to use, the
    test rows of `absolute` too. Of `detail` it is the learned detail itself that is looked at, before α and
    reconciliation.

    Columns: method; predictor, with the names of a group joined by ` + `; entry, `predictor` or `group`;
    impurity_percent, the share of the impurity that splits remove in the fitted model, of a group the sum (NaN without
    splits); permutation_percent, the share of the growth of the mean squared error; rmse, in the folds held out, and
    rmse_growth, what shuffling adds to it (m³/m³, means over the folds); rmse_growth_sd, its standard deviation over
    them; vif (`variance_inflation`, NaN for groups). Shares of predictors are among predictors, shares of groups among
    groups, where what is in no group is a group of its own; negative growth counts as 0 in both.
    """
    use = list(model.predictors)
    names = [[name] for name in use] + [list(group) for group in groups]
    before, after = permutation_errors(settings, rows, [[use.index(name) for name in each] for each in names], threads)
    growth = (after - before[:, None]).mean(axis=0)
    rmse, rmse_growth = np.sqrt(before), np.sqrt(after) - np.sqrt(before)[:, None]
    grouped = {name for group in groups for name in group}
    in_groups = np.array([len(each) > 1 or each[0] not in grouped for each in names])
    single = np.arange(len(names)) < len(use)
    impurity = dict(zip(use, 100 * impurity_importance(model.estimator, len(use)), strict=True))
    return pd.DataFrame(
        {
            "method": model.method,
            "predictor": [" + ".join(each) for each in names],
            "entry": np.where(single, "predictor", "group"),
            "impurity_percent": [sum(impurity[name] for name in each) for each in names],
            "permutation_percent": np.where(single, _percent(growth, single), _percent(growth, in_groups)),
            "rmse": rmse.mean(),
            "rmse_growth": rmse_growth.mean(axis=0),
            "rmse_growth_sd": rmse_growth.std(axis=0, ddof=1),
            "vif": np.append(variance_inflation(rows.x), np.full(len(groups), np.nan)),
        }
    )


def _percent(growth: NDArray, counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Shares of what is above 0 in the sum of those that are counted; NaN where nothing grows."""
    positive = np.maximum(growth, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100 * positive / positive[counted].sum()


def partial_dependence(estimator: RegressorMixin, x: NDArray, column: int, values: NDArray) -> NDArray[np.float64]:
    """Mean prediction over the rows of `x` (rows, predictors) when one column is set to each of `values`, (values,).

    The other columns stay as they are (Friedman 2001, doi 10.1214/aos/1013203451, eq. 53): where predictors vary
    together, rows come into being that are nowhere.
    """
    points = np.tile(x, (len(values), 1, 1))
    points[:, :, column] = values[:, None]
    return predict_mean(estimator, points.reshape(-1, x.shape[1])).reshape(len(values), -1).mean(axis=1)


def dependence_table(model: Model, rows: TrainingRows, units: Mapping[str, str], seed: int) -> pd.DataFrame:
    """Partial dependence of a fitted model on each predictor, from below to above the range of its training rows.

    Columns: method, predictor, unit, value (of the predictor), prediction (m³/m³; of `detail` the learned detail,
    before α), and minimum, p05, p95, maximum of the predictor in the rows that the model was trained on. Predictions
    are averaged over at most `DEPENDENCE_ROWS` of these, drawn with `seed`.
    """
    x = rows.x[rows.trained]
    chosen = np.random.default_rng(seed).permutation(len(x))[:DEPENDENCE_ROWS]
    tables = []
    for column, name in enumerate(model.predictors):
        minimum, p05, p95, maximum = map(float, np.percentile(x[:, column].astype(float), (0, 5, 95, 100)))
        beyond = DEPENDENCE_MARGIN * (maximum - minimum)
        values = np.linspace(minimum - beyond, maximum + beyond, DEPENDENCE_VALUES)
        table = pd.DataFrame({"method": model.method, "predictor": name, "unit": units[name], "value": values})
        table["prediction"] = partial_dependence(model.estimator, x[chosen], column, values)
        tables.append(table.assign(minimum=minimum, p05=p05, p95=p95, maximum=maximum))
    return pd.concat(tables, ignore_index=True)
