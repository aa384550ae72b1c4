"""The method `absolute`, the study's: soil moisture from the predictors themselves, y9 = f(x9)."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.learning import learners
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.tuning import TuningOptions, choose, compared_row, predict_out_of_fold


def tune_absolute(
    rows: pd.DataFrame, use: list[str], settings: LearnerSettings, tuning: TuningOptions, threads: int = 1
) -> tuple[LearnerSettings, pd.DataFrame]:
    """Settings that learn y9 = f(x9) best out of fold, on spatial folds of the rows; and the table of candidates.

    Where there is nothing to choose nothing is fitted, and the RMSE is NaN.
    """
    only, *others = tuning.candidates(settings)
    if not others:
        return only, pd.DataFrame([compared_row(only, np.nan, 1.0, True)])
    x, y = rows[use].to_numpy(np.float32), rows["target"].to_numpy()
    folds = spatial_folds(rows["row"].to_numpy(), rows["col"].to_numpy())

    def error(candidate: LearnerSettings) -> tuple[float, float]:
        predicted = predict_out_of_fold(candidate, x, y, folds, threads)
        return float(np.sqrt(np.mean((predicted - y) ** 2))), 1.0

    chosen, _, table = choose(settings, tuning, error)
    return chosen, table


def estimate_out_of_fold(
    samples: pd.DataFrame, use: list[str], settings: LearnerSettings, tuning: TuningOptions, threads: int = 1
) -> NDArray[np.float64]:
    """Soil moisture of every sample out of fold, on spatial folds of all of them, m³/m³, (rows,)."""
    chosen, _ = tune_absolute(samples, use, settings, tuning, threads)
    folds = spatial_folds(samples["row"].to_numpy(), samples["col"].to_numpy())
    x, y = samples[use].to_numpy(np.float32), samples["target"].to_numpy()
    return predict_out_of_fold(chosen, x, y, folds, threads)


def fit_absolute(
    samples: pd.DataFrame, use: list[str], settings: LearnerSettings, tuning: TuningOptions, threads: int = 1
) -> tuple[Model, pd.DataFrame]:
    """A model of y9 = f(x9) from the rows of the training split; and the table of candidates compared on them."""
    train = samples[samples["split"] == "train"]
    settings, table = tune_absolute(train, use, settings, tuning, threads)
    estimator = learners.fit(settings, train[use].to_numpy(np.float32), train["target"].to_numpy(), threads)
    model = Model("absolute", settings.kind, tuple(use), settings.min_leaf, 1.0, len(train), 0, estimator)
    return replace(model, options=settings.options, trend=settings.trend), table
