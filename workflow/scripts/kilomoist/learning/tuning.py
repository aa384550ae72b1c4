"""TuningOptions: candidates compared out of fold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from kilomoist.grids import COARSE_SIDE
from kilomoist.learning import learners
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.training_folds import out_of_fold

CANDIDATE_LEAVES = (1, 3, 10, 30, 100)
"""Leaf sizes that `min_leaf: auto` compares."""
SEARCH_TREES = 50
"""Trees of the forests that are compared; the chosen one grows the number that is asked for."""
HALVINGS = 2
"""Rounds of a search with fewer trees before the last."""
KEPT = 3
"""One in so many candidates stays for the next round, which has so many times as many trees."""
SEARCH_ROWS = 6000
"""Most training rows of each fold of the search."""

CANDIDATE_RATIOS = (2, 3, 4)
"""Cells along a side of the coarse cells that `detail_ratio: auto` compares."""


@dataclass(frozen=True)
class TuningOptions:
    """What of a model is chosen out of fold on its training rows."""

    min_leaf: int | str
    """`auto`, or the number that is taken."""
    search: bool = False
    """Whether the options in the kind's `space` are chosen too."""
    detail_ratio: int | str = COARSE_SIDE
    """Cells along a side of the coarse cells that `detail` learns against, or `auto`."""

    def ratios(self) -> tuple[int, ...]:
        """Every ratio that is compared."""
        return CANDIDATE_RATIOS if self.detail_ratio == "auto" else (int(self.detail_ratio),)

    def candidates(self, settings: LearnerSettings) -> list[LearnerSettings]:
        """Every combination that is compared; one alone where there is nothing to choose."""
        kind = learners.KINDS[settings.kind]
        leaves: tuple[int, ...] = (1 if self.min_leaf == "auto" else int(self.min_leaf),)
        if self.min_leaf == "auto" and kind.has_leaves:
            leaves = CANDIDATE_LEAVES
        space = kind.space if self.search else {}
        options = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
        return [replace(settings, min_leaf=leaf, options=chosen) for leaf in leaves for chosen in options]


def learner_of(learner: Mapping[str, Any]) -> tuple[LearnerSettings, TuningOptions]:
    """Settings and tuning options of a learner by their names; `kind`, `trees`, `seed` and `min_leaf` must be given."""
    tuned = learner.keys() & {field.name for field in fields(TuningOptions)}
    settings = {name: value for name, value in learner.items() if name not in tuned}
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
    """A model of the search: of few trees, and of at most `SEARCH_ROWS` of the rows `train`."""
    if len(train) > SEARCH_ROWS:
        train = np.sort(random.choice(train, SEARCH_ROWS, replace=False))
    small = replace(settings, trees=min(settings.trees, SEARCH_TREES))
    return learners.fit(small, x[train], y[train], threads, only_mean)


def predict_out_of_fold(
    settings: LearnerSettings, x: NDArray, y: NDArray, folds: NDArray[np.int64], threads: int
) -> NDArray[np.float64]:
    """Predictions for every row by models that saw none of the row's fold, with `SEARCH_TREES` trees at most."""
    random = np.random.default_rng(settings.seed)

    def predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray:
        return learners.predict_mean(fit_small(settings, x, y, train, random, threads), x[test])

    return out_of_fold(folds, predict)


def choose(
    settings: LearnerSettings,
    tuning: TuningOptions,
    out_of_fold: Callable[[LearnerSettings], NDArray],
    error: Callable[[NDArray], tuple[float, float]],
) -> tuple[LearnerSettings, float, pd.DataFrame]:
    """Compare a tuning's candidates out of fold: the best settings, their α, and the table of what was compared.

    `error` gives RMSE and α of out-of-fold predictions. A search halves successively (Jamieson and Talwalkar 2016,
    Proc. AISTATS 51: 240–248): all candidates with few trees, the best third with three times as many, until
    `SEARCH_TREES`. The table has one row for each comparison, `chosen` in the last round.
    """
    left, rows = tuning.candidates(settings), []
    rounds = HALVINGS if tuning.search and len(left) > 1 else 0
    for later in range(rounds, -1, -1):
        trees = min(settings.trees, int(np.ceil(SEARCH_TREES / KEPT**later)))
        found = [error(out_of_fold(replace(candidate, trees=trees))) for candidate in left]
        order = np.argsort([rmse for rmse, _ in found], kind="stable")
        rows += [
            compared_row(replace(candidate, trees=trees), rmse, alpha, later == 0 and number == order[0])
            for number, (candidate, (rmse, alpha)) in enumerate(zip(left, found, strict=True))
        ]
        kept = 1 if later == 0 else int(np.ceil(len(left) / KEPT))
        left, alpha = [left[number] for number in order[:kept]], found[order[0]][1]
    return left[0], alpha, pd.DataFrame(rows)


def compared_row(candidate: LearnerSettings, rmse: float, alpha: float, chosen: bool) -> dict[str, float | bool]:
    """A row of the table of what was compared."""
    settings = {"trees": candidate.trees, "min_leaf": candidate.min_leaf, **candidate.options}
    return settings | {"alpha": alpha, "rmse": rmse, "chosen": chosen}
