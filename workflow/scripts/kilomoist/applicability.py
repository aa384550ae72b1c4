"""The area of applicability of a model: how far pixels lie from what it was trained on, in the space that it sees.

The dissimilarity index and its threshold are those of Meyer and Pebesma (2021, doi 10.1111/2041-210X.13650), as their
R package CAST computes them (`trainDI`, `aoa`). What follows from the place of a row alone, the folds, is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.models import Model

MEAN_ROWS = 5000
"""Training rows up to which the mean distance between them is exact; of more rows, so many are drawn with the seed, and
their distances to all others are averaged."""
WHISKER = 1.5
"""Interquartile ranges above the third quartile at which the threshold lies (Tukey 1977, Exploratory Data Analysis)."""
_ROWS_AT_ONCE = 1 << 18
_DISTANCES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Applicability:
    """What a model's training rows tell of other rows (n, predictors)."""

    centre: NDArray[np.float64]
    """(predictors,): mean of the training rows."""
    scale: NDArray[np.float64]
    """(predictors,): weight / standard deviation; 0 for predictors that do not count."""
    lowest: NDArray
    """(predictors,): minimum of the training rows."""
    highest: NDArray
    """(predictors,): their maximum."""
    mean_distance: float
    """Between training rows, in standardised and weighted predictors; 0 where no predictor counts."""
    threshold: float
    """The dissimilarity index up to which a row lies inside the area of applicability."""
    tree: Any
    """scipy's k-d tree of the training rows, or None where no predictor counts."""

    def dissimilarity(self, x: NDArray) -> NDArray[np.float64]:
        """Distance of each row to the nearest training row, divided by the mean distance between these; (n,)."""
        result = np.zeros(len(x))
        if self.mean_distance > 0:
            for start in range(0, len(x), _ROWS_AT_ONCE):
                part = slice(start, start + _ROWS_AT_ONCE)
                result[part] = self.tree.query(_standardised(x[part], self.centre, self.scale))[0]
            result /= self.mean_distance
        return result

    def outside_range(self, x: NDArray) -> NDArray[np.bool_]:
        """Rows of which any predictor lies below or above all training rows; (n,)."""
        return np.any((x < self.lowest) | (x > self.highest), axis=1)


def applicability(x: NDArray, folds: NDArray[np.int64], weights: NDArray, seed: int) -> Applicability:
    """Learn from training rows x (n, predictors), their folds (n,) of a cross-validation and weights (predictors,).

    Predictors are standardised by the mean and standard deviation (n − 1) of the training rows and multiplied by their
    weights. The dissimilarity index is the Euclidean distance to the nearest training row, divided by the mean distance
    between all pairs of training rows. The threshold is Q3 + 1.5·(Q3 − Q1) of the training rows' own index, for which
    the nearest row of another fold is taken, or their maximum where that is less. With one fold alone it is the nearest
    other row.

    A predictor that does not vary among the training rows has taught nothing and does not count, nor does one of the
    weight 0: how far a pixel lies from them in these only `outside_range` tells. R CAST stops at the former.
    """
    from scipy.spatial import cKDTree

    lowest, highest = x.min(axis=0), x.max(axis=0)
    centre, deviation = x.mean(axis=0, dtype=float), x.std(axis=0, ddof=1, dtype=float)
    counts = (highest > lowest) & (weights > 0)
    scale = np.divide(weights, deviation, out=np.zeros(len(counts)), where=counts)
    if not counts.any():
        return Applicability(centre, scale, lowest, highest, 0.0, 0.0, None)
    rows = _standardised(x, centre, scale)
    mean_distance = _mean_distance(rows, seed)
    index = _distance_to_other_folds(rows, folds) / mean_distance
    first, third = np.quantile(index, [0.25, 0.75])
    threshold = min(third + WHISKER * (third - first), index.max())
    tree = cKDTree(np.unique(rows, axis=0))  # a leaf of many equal rows would be searched one by one
    return Applicability(centre, scale, lowest, highest, mean_distance, float(threshold), tree)


def weights_of(importance: pd.DataFrame, method: str, predictors: Sequence[str]) -> NDArray[np.float64]:
    """Weights (predictors,) of a method: permutation importance on blocks held out, of `tables/importance.csv`.

    All 1, as in CAST, where the table does not tell, or where no predictor helped.
    """
    rows = importance[(importance["method"] == method) & (importance["entry"] == "predictor")]
    percent = rows.set_index("predictor")["permutation_percent"].reindex(predictors).to_numpy(float)
    known = np.isfinite(percent).all() and percent.max() > 0
    return np.maximum(percent, 0.0) if known else np.ones(len(predictors))


def uses_predictors(model: Model) -> bool:
    """Whether a map depends on its predictors: `detail` with α = 0 does not, and nothing is outside then."""
    return model.estimator is not None and model.alpha > 0


def _standardised(x: NDArray, centre: NDArray, scale: NDArray) -> NDArray[np.float64]:
    """Those columns of x that count, standardised and weighted."""
    counts = scale > 0
    return (x[:, counts] - centre[counts]) * scale[counts]


def _mean_distance(rows: NDArray, seed: int) -> float:
    """Mean distance from `MEAN_ROWS` of the rows, or all if there are not so many, to all others."""
    from scipy.spatial.distance import cdist

    chosen = rows
    if len(rows) > MEAN_ROWS:
        chosen = rows[np.sort(np.random.default_rng(seed).choice(len(rows), MEAN_ROWS, replace=False))]
    step = max(_DISTANCES_AT_ONCE // len(rows), 1)
    total = sum(cdist(chosen[start : start + step], rows).sum() for start in range(0, len(chosen), step))
    return float(total / (len(chosen) * (len(rows) - 1)))  # a row has no distance to itself


def _distance_to_other_folds(rows: NDArray, folds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distance of each row to the nearest one that is in another fold, (n,)."""
    from scipy.spatial import cKDTree

    names = np.unique(folds)
    if len(names) == 1:
        return cKDTree(rows).query(rows, k=2)[0][:, 1]
    nearest = np.empty(len(rows))
    for name in names:
        own = folds == name
        nearest[own] = cKDTree(np.unique(rows[~own], axis=0)).query(rows[own])[0]
    return nearest
