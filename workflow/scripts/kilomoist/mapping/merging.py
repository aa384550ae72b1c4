"""Merging of the target with what a model says of its cells, by their errors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kilomoist.cells import Values
from kilomoist.learning.absolute import tune_absolute
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.tuning import TuningOptions, predict_out_of_fold

MIN_OWN_ERROR = 0.1
"""Share of the mean square of target − model that must be left to the model, or `target_error` contradicts the data: no
model is taken for three times as good as the target that it learned from."""


@dataclass(frozen=True)
class MergedTarget:
    """Weighted mean of the target's cells and what a model says of them."""

    analysis: Values
    """Weighted mean, m³/m³, (rows, columns)."""
    weight: float
    """Of the target; the model has the rest."""
    error: float
    """Standard error of `analysis`, m³/m³."""
    difference: float
    """Root mean square difference of target and model, m³/m³."""
    contradicted: bool
    """True where the differences are too small for the target's error that was said."""


def merged_target(
    cells: Cells,
    samples: pd.DataFrame,
    use: Sequence[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    target_error: float,
    threads: int = 1,
) -> MergedTarget:
    """Mean of target and model with the smallest error: f + w·(y9 − f), (rows, columns).

    f is what `absolute` says of a cell out of fold, on spatial folds of all samples. With its error variance m², what
    the mean square d² of y9 − f has beyond target_error², the mean of both with the smallest error has w = m² / (m² +
    target_error²), if both err independently; its standard error is √w·target_error. Where d² leaves m² less than
    `MIN_OWN_ERROR` of it, target_error is too large for these data and nobody knows whose the errors are: with w = ½
    the mean's standard error is d / 2 whoever errs (docs/trust.md). Cells without predictors keep y9.
    """
    x, y = samples[list(use)].to_numpy(np.float32), samples["target"].to_numpy()
    chosen, _ = tune_absolute(samples, list(use), settings, tuning, threads)
    folds = spatial_folds(samples["row"].to_numpy(), samples["col"].to_numpy())
    estimated = predict_out_of_fold(chosen, x, y, folds, threads)
    square = float(np.mean((y - estimated) ** 2))
    own = square - target_error**2
    contradicted = own < MIN_OWN_ERROR * square
    if contradicted:
        weight, error = 0.5, math.sqrt(square) / 2
    else:
        weight = own / square if square else 1.0
        error = math.sqrt(weight) * target_error
    analysis, row, column = np.array(cells.target, float), samples["row"], samples["col"]
    analysis[row - cells.window.row, column - cells.window.column] = estimated + weight * (y - estimated)
    return MergedTarget(analysis, weight, error, math.sqrt(square), contradicted)
