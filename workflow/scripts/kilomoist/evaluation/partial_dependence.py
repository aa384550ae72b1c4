"""Partial dependence of predictions on each predictor."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from kilomoist.learning.learners import predict_mean
from kilomoist.learning.models import Model
from kilomoist.learning.training_rows import TrainingRows

DEPENDENCE_VALUES = 40
"""Values of a predictor at which its partial dependence is taken."""
DEPENDENCE_ROWS = 500
"""Most training rows over which predictions are averaged for it."""
DEPENDENCE_MARGIN = 0.1
"""Share of the training rows' range by which these values go on beyond it on either side."""


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
