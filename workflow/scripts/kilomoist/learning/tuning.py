"""Tuning: candidates compared out of fold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from kilomoist.grids import COARSE_SIDE
from kilomoist.learning import learners
from kilomoist.learning.learners import LearnerSettings

CANDIDATE_LEAVES = (1, 3, 10, 30, 100)
"""Leaf sizes that `min_leaf: auto` compares."""
SEARCH_TREES = learners.QUANTILE_TREES
"""Trees of the forests that are compared; the chosen forest grows the number that is asked for. Their errors are
counted in spreads, which as many of its trees tell."""
HALVINGS = 2
"""Rounds with fewer trees before the last."""
KEPT = 3
"""Factor by which a round has fewer candidates and more trees than that before."""
SEARCH_ROWS = 6000
"""Most training rows of each fold of the search."""
CANDIDATE_RATIOS = (2, 3, 4)
"""Cells along a side of the coarse cells that `detail_ratio: auto` compares."""


class Assessed(NamedTuple):
    """A candidate out of fold."""

    rmse: float
    alpha: float
    predicted: NDArray[np.float64]
    """(rows,)"""


class Tuned(NamedTuple):
    """What a tuning chose."""

    settings: LearnerSettings
    alpha: float
    compared: pd.DataFrame
    """A row for each candidate of each round."""
    predicted: NDArray[np.float64]
    """By the models that chose it, none of which saw the row's fold, (rows,)."""


@dataclass(frozen=True)
class TuningOptions:
    """Options that are chosen out of fold on the training rows."""

    min_leaf: int | str
    """`auto`, or the number that is taken."""
    search: bool = False
    """True: the options in the kind's `space` are chosen too."""
    detail_ratio: int | str = COARSE_SIDE
    """Cells along a side of the coarse cells that `detail` learns against, or `auto`."""

    def candidates(self, settings: LearnerSettings) -> list[LearnerSettings]:
        """Combinations that are compared; a single combination where there is nothing to choose."""
        kind = learners.KINDS[settings.kind]
        automatic = CANDIDATE_LEAVES if kind.has_leaves else (1,)
        leaves = automatic if self.min_leaf == "auto" else (int(self.min_leaf),)
        space = kind.space if self.search else {}
        options = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
        return [replace(settings, min_leaf=leaf, options=chosen) for leaf in leaves for chosen in options]


def learner_of(learner: Mapping[str, Any], small: bool = False) -> tuple[LearnerSettings, TuningOptions]:
    """Settings and tuning options of a learner by their names; `kind`, `trees`, `seed` and `min_leaf` must be given.

    A `small` one, of what is only scored or compared, has at most `SEARCH_TREES` trees and keeps no quantiles.
    """
    tuned = learner.keys() & {field.name for field in fields(TuningOptions)}
    settings = {name: value for name, value in learner.items() if name not in tuned}
    if small:
        settings |= {"trees": min(settings["trees"], SEARCH_TREES), "quantiles": False}
    return LearnerSettings(**settings), TuningOptions(**{name: learner[name] for name in tuned})


def fit_small(
    settings: LearnerSettings,
    x: NDArray,
    y: NDArray,
    train: NDArray[np.int64],
    random: np.random.Generator,
    threads: int,
    only_mean: bool = True,
) -> RegressorMixin:
    """A model of few trees, fitted to at most `SEARCH_ROWS` of the rows `train`."""
    if len(train) > SEARCH_ROWS:
        train = np.sort(random.choice(train, SEARCH_ROWS, replace=False))
    small = replace(settings, trees=min(settings.trees, SEARCH_TREES))
    return learners.fit(small, x[train], y[train], threads, only_mean)


def fold_models(
    settings: LearnerSettings,
    x: NDArray,
    y: NDArray,
    folds: NDArray[np.int64],
    threads: int,
    only_mean: bool = True,
    trained: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[NDArray[np.bool_], RegressorMixin]]:
    """Mask of each fold's rows, and a model that saw none of them (`fit_small`), nor any that is not `trained` on."""
    random, seen = np.random.default_rng(settings.seed), np.ones(len(y), bool) if trained is None else trained
    for fold in np.unique(folds):
        test = folds == fold
        yield test, fit_small(settings, x, y, np.flatnonzero(seen & ~test), random, threads, only_mean)


def predict_out_of_fold(
    settings: LearnerSettings,
    x: NDArray,
    y: NDArray,
    folds: NDArray[np.int64],
    threads: int,
    trained: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Out-of-fold predictions for every row, by models of at most `SEARCH_TREES` trees."""
    predicted = np.empty(len(y))
    for test, estimator in fold_models(settings, x, y, folds, threads, trained=trained):
        predicted[test] = learners.predict_mean(estimator, x[test])
    return predicted


def choose(settings: LearnerSettings, tuning: TuningOptions, assess: Callable[[LearnerSettings], Assessed]) -> Tuned:
    """The best candidate of a tuning, coarse to fine.

    Successive halving (Jamieson and Talwalkar 2016, Proc. AISTATS 51: 240–248): all candidates with few trees, the best
    third with three times as many, until `SEARCH_TREES`. The table has a row for each comparison, `chosen` in the last
    round.
    """
    left, rows = tuning.candidates(settings), []
    for later in range(HALVINGS if len(left) > 1 else 0, -1, -1):
        trees = min(settings.trees, int(np.ceil(SEARCH_TREES / KEPT**later)))
        found = [assess(replace(candidate, trees=trees)) for candidate in left]
        order = np.argsort([each.rmse for each in found], kind="stable")
        rows += [
            compared_row(replace(candidate, trees=trees), each.rmse, each.alpha, later == 0 and number == order[0])
            for number, (candidate, each) in enumerate(zip(left, found, strict=True))
        ]
        kept = 1 if later == 0 else int(np.ceil(len(left) / KEPT))
        left, best = [left[number] for number in order[:kept]], found[order[0]]
    return Tuned(left[0], best.alpha, pd.DataFrame(rows), best.predicted)


def chosen_settings(settings: LearnerSettings, compared: pd.DataFrame) -> LearnerSettings:
    """Settings with what the table of a tuning says was chosen."""
    (row,) = compared[compared["chosen"]].to_dict("records")
    options = {name: row[name] for name in learners.KINDS[settings.kind].space if name in row}
    return replace(settings, min_leaf=row["min_leaf"], options=options)


def compared_row(candidate: LearnerSettings, rmse: float, alpha: float, chosen: bool) -> dict[str, float | bool]:
    """A row of the table of candidates."""
    settings = {"trees": candidate.trees, "min_leaf": candidate.min_leaf, **candidate.options}
    return settings | {"alpha": alpha, "rmse": rmse, "chosen": chosen}
