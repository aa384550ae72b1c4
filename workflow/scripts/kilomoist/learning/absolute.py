"""The method `absolute`, the study's: soil moisture from the predictors themselves, y9 = f(x9)."""

from dataclasses import replace

import numpy as np
import pandas as pd

from kilomoist.learning import learners
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.tuning import Assessed, Tuned, TuningOptions, choose, predict_out_of_fold


def tune_absolute(
    samples: pd.DataFrame, use: list[str], settings: LearnerSettings, tuning: TuningOptions, threads: int = 1
) -> Tuned:
    """Settings that learn y9 = f(x9) best out of fold, on spatial folds of the rows of the training split.

    The soil moisture `predicted` (m³/m³) is that of all samples: those of the test split, which no model sees, lie in
    the folds too.
    """
    x, y = samples[use].to_numpy(np.float32), samples["target"].to_numpy()
    trained = (samples["split"] == "train").to_numpy()
    folds = spatial_folds(samples["row"].to_numpy(), samples["col"].to_numpy())

    def assess(candidate: LearnerSettings) -> Assessed:
        predicted = predict_out_of_fold(candidate, x, y, folds, threads, trained)
        return Assessed(float(np.sqrt(np.mean((predicted - y)[trained] ** 2))), 1.0, predicted)

    return choose(settings, tuning, assess)


def fit_absolute(
    samples: pd.DataFrame, use: list[str], settings: LearnerSettings, tuning: TuningOptions, threads: int = 1
) -> tuple[Model, Tuned]:
    """A model of y9 = f(x9) from the rows of the training split, and how its settings were chosen on them."""
    tuned = tune_absolute(samples, use, settings, tuning, threads)
    train, chosen = samples[samples["split"] == "train"], tuned.settings
    estimator = learners.fit(chosen, train[use].to_numpy(np.float32), train["target"].to_numpy(), threads)
    model = Model("absolute", chosen.kind, tuple(use), chosen.min_leaf, 1.0, len(train), 0, estimator)
    return replace(model, options=chosen.options, trend=chosen.trend), tuned
