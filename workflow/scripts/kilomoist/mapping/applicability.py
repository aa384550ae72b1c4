"""Area of applicability of a model: dissimilarity of pixels from its training rows, in the space that it sees.

The dissimilarity index and its threshold are those of Meyer and Pebesma (2021, doi 10.1111/2041-210X.13650), as their
R package CAST computes them (`trainDI`, `aoa`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from kilomoist.files import check_expansion, own_file, replaced
from kilomoist.learning.training_folds import out_of_fold, spatial_folds
from kilomoist.mapping.shifts import learned_range

if TYPE_CHECKING:
    import pandas as pd

    from kilomoist.learning.models import Model
    from kilomoist.learning.training_rows import TrainingRows

MEAN_ROWS = 5000
"""Training rows up to which their mean distance is exact; of more, so many are drawn with the seed."""
WHISKER = 1.5
"""Interquartile ranges above the third quartile at which the threshold lies (Tukey 1977, Exploratory Data Analysis)."""
_ROWS_AT_ONCE = 1 << 18
_DISTANCES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Applicability:
    """A model's training rows, as the dissimilarity index compares other rows (n, predictors) with them."""

    centre: NDArray[np.float64]
    """(predictors,): mean of the training rows."""
    scale: NDArray[np.float64]
    """(predictors,): weight / standard deviation; 0 for predictors that do not count."""
    lowest: NDArray
    highest: NDArray
    """Both (predictors,): range of the training rows."""
    mean_distance: float
    """Between training rows, in standardised and weighted predictors; 0 where no predictor counts."""
    threshold: float
    """Dissimilarity index up to which a row lies inside the area of applicability."""
    rows: NDArray[np.float64]
    """(n, predictors that count): the training rows, standardised and weighted, each once."""

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.rows)

    def dissimilarity(self, x: NDArray) -> NDArray[np.float64]:
        """Distance of each row to the nearest training row, divided by the mean distance between these; (n,)."""
        result = np.zeros(len(x))
        if self.mean_distance > 0:
            for start in range(0, len(x), _ROWS_AT_ONCE):
                part = slice(start, start + _ROWS_AT_ONCE)
                result[part] = self._tree.query(_standardised(x[part], self.centre, self.scale))[0]
            result /= self.mean_distance
        return result

    def outside_range(self, x: NDArray) -> NDArray[np.bool_]:
        """Rows of which any predictor lies below or above all training rows; (n,)."""
        return np.any((x < self.lowest) | (x > self.highest), axis=1)


def verdict_on(known: Applicability | None, predictors: NDArray) -> dict[str, NDArray[np.float32]]:
    """Bands `dissimilarity` and `outside_range` (1 or 0) of pixels, NaN where a predictor is missing.

    `predictors` are (predictors, rows, columns) in the space that the model sees; where it uses none (None), all is 0.
    """
    valid = np.isfinite(predictors).all(axis=0)
    x = predictors[:, valid].T
    index, outside = np.full((2, *valid.shape), np.nan, np.float32)
    index[valid], outside[valid] = (known.dissimilarity(x), known.outside_range(x)) if known else (0, 0)
    return {"dissimilarity": index, "outside_range": outside}


def applicability(x: NDArray, folds: NDArray[np.int64], weights: NDArray, seed: int) -> Applicability:
    """Reference from training rows x (n, predictors), their folds (n,) in cross-validation and weights (predictors,).

    Predictors are standardised by the mean and standard deviation (n − 1) of the training rows and multiplied by their
    weights. The dissimilarity index is the Euclidean distance to the nearest training row, divided by the mean distance
    between all pairs of them. The threshold is Q3 + 1.5·(Q3 − Q1) of the training rows' own index, by the nearest row
    of another fold (with a single fold, the nearest other row), or their maximum where that is less.

    Predictors that do not vary among the training rows, or weigh 0, do not count: only `outside_range` tells of them. R
    CAST stops at the former.
    """
    lowest, highest = x.min(axis=0), x.max(axis=0)
    centre, deviation = x.mean(axis=0, dtype=float), x.std(axis=0, ddof=1, dtype=float)
    counts = (highest > lowest) & (weights > 0)
    scale = np.divide(weights, deviation, out=np.zeros(len(counts)), where=counts)
    if not counts.any():
        return Applicability(centre, scale, lowest, highest, 0.0, 0.0, np.empty((0, 0)))
    rows = _standardised(x, centre, scale)
    mean_distance = _mean_distance(rows, seed)

    def nearest(others: NDArray, own: NDArray) -> NDArray:
        return cKDTree(np.unique(rows[others], axis=0)).query(rows[own])[0]

    one_fold = folds.min() == folds.max()
    distance = cKDTree(rows).query(rows, k=2)[0][:, 1] if one_fold else out_of_fold(folds, nearest)
    index = distance / mean_distance
    first, third = np.quantile(index, [0.25, 0.75])
    threshold = min(third + WHISKER * (third - first), index.max())
    once = np.unique(rows, axis=0)  # a leaf of many equal rows would be searched one by one
    return Applicability(centre, scale, lowest, highest, mean_distance, float(threshold), once)


def learn_applicability(
    model: "Model", rows: Mapping[str, "TrainingRows"], importance: "pd.DataFrame", use: Sequence[str], seed: int
) -> tuple[Applicability | None, dict[str, Any]]:
    """Applicability of a model, None where its map uses no predictor, and the facts that blocks are told beside.

    `rows` are those that each method learned from, `importance` is `tables/importance.csv`. The facts: `predictors`;
    `tags` of a verdict; `learned`, each `shifts.learned_range` of the predictors' values, and for `detail` deviations.
    """
    values = rows["absolute"]
    learned = values.x[values.trained] if model.method == "absolute" else values.x
    ranges = [learned_range("value", name, learned[:, number]) for number, name in enumerate(use)]
    tags, known = model.tags, None
    if model.uses_predictors:
        own = rows[model.method]
        if model.method == "detail":
            ranges += [learned_range("deviation", name, own.x[:, number]) for number, name in enumerate(use)]
        weights = weights_of(importance, model.method, use)
        folds = spatial_folds(own.row[own.trained], own.column[own.trained])
        known = applicability(own.x[own.trained], folds, weights, seed)
        tags |= {"threshold": f"{known.threshold:.6f}", "mean_distance": f"{known.mean_distance:.6g}"}
        tags["weights"] = ", ".join(f"{name} {weight:.4g}" for name, weight in zip(use, weights, strict=True))
    else:
        tags |= {"threshold": "0", "note": "alpha is 0: the map uses no predictor, and nothing is outside"}
    return known, {"predictors": list(use), "tags": tags, "learned": ranges}


def write_applicability(path: str | Path, known: Applicability | None, facts: Mapping[str, Any]) -> None:
    """Keep a model's applicability and plain facts for the jobs of blocks; the same input gives the same bytes."""
    arrays = {field.name: getattr(known, field.name) for field in fields(known)} if known else {}
    with replaced(path) as partial:
        np.savez_compressed(partial, facts=json.dumps(facts), **arrays)


def read_applicability(path: str | Path) -> tuple[Applicability | None, dict[str, Any]]:
    """Read what `write_applicability` wrote. Raises `InputError` for anything else."""
    with own_file(path, "the applicability of a model"):
        with np.load(path) as file:
            check_expansion(file.zip, Path(path).stat().st_size)
            found = {name: file[name][()] for name in file.files}  # numbers, not arrays of no dimension
        facts = json.loads(str(found.pop("facts")))
        if not facts.keys() >= {"predictors", "tags", "learned"}:
            raise ValueError(f"its facts are {', '.join(facts)}")
        return _checked(Applicability(**found)) if found else None, facts


def _checked(known: Applicability) -> Applicability:
    """An applicability from a file. Raises ValueError for arrays that do not belong together or are no numbers."""
    predictors = (len(known.centre),)
    shapes = {known.centre.shape, known.scale.shape, known.lowest.shape, known.highest.shape}
    numbers = [np.asarray(getattr(known, field.name)) for field in fields(known)]
    largest = np.finfo(np.float32).max  # what single precision does not hold, its products in double would not be
    finite = all(each.dtype.kind == "f" and (np.abs(each) <= largest).all() for each in numbers)
    counted = np.count_nonzero(known.scale > 0)
    if shapes != {predictors} or not finite or known.rows.ndim != 2 or known.rows.shape[1] != counted:
        raise ValueError("its arrays do not belong together")
    return known


def weights_of(importance: "pd.DataFrame", method: str, predictors: Sequence[str]) -> NDArray[np.float64]:
    """Weights (predictors,) of a method: permutation importance on blocks held out, of `tables/importance.csv`.

    All 1, as in CAST, where the table does not tell, or where no predictor helped.
    """
    rows = importance[(importance["method"] == method) & (importance["entry"] == "predictor")]
    percent = rows.set_index("predictor")["permutation_percent"].reindex(predictors).to_numpy(float)
    known = np.isfinite(percent).all() and percent.max() > 0
    return np.maximum(percent, 0.0) if known else np.ones(len(predictors))


def _standardised(x: NDArray, centre: NDArray, scale: NDArray) -> NDArray[np.float64]:
    """Columns of x that count, standardised and weighted."""
    counts = scale > 0
    return (x[:, counts] - centre[counts]) * scale[counts]


def _mean_distance(rows: NDArray, seed: int) -> float:
    """Mean distance from `MEAN_ROWS` of the rows, or from all if they are fewer, to all others."""
    number = min(len(rows), MEAN_ROWS)
    chosen = rows[np.sort(np.random.default_rng(seed).choice(len(rows), number, replace=False))]
    step = max(_DISTANCES_AT_ONCE // len(rows), 1)
    total = sum(cdist(chosen[start : start + step], rows).sum() for start in range(0, len(chosen), step))
    return float(total / (len(chosen) * (len(rows) - 1)))  # a row has no distance to itself
