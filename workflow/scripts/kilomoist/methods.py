"""The two methods: `absolute` (the study's) and `detail` (what the next coarser scale does not have).

Write x for predictors and y for soil moisture, index 36, 9, 1 for the scale in km, B(·) for bilinear interpolation of
cell means to the finer grid. `absolute` learns y9 = f(x9) and maps f(x1). `detail` learns
y9 − B(y36) = g(x9 − B(x36)) and maps B(y9) + α·g(λ·(x1 − B(x9))), where λ is the share of each predictor's detail that
repeats (`agreement`). The functions take any pair of nested scales, and `detail` may learn from coarse cells of 18 or
27 km too (`Tuning.ratio`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from kilomoist import models
from kilomoist.cells import (
    Values,
    interpolate,
)
from kilomoist.details import Cells, count_coarse, detail_rows, deviations, reconciled_detail
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, Window
from kilomoist.models import Model, Settings
from kilomoist.splits import out_of_fold, spatial_folds

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
FEWEST_COARSE_CELLS = 30
"""Coarse cells below which `detail` learns nothing (α = 0) and the map is SMAP, interpolated and reconciled."""
CANDIDATE_RATIOS = (2, 3, 4)
"""Cells along a side of the coarse cells that `detail_ratio: auto` compares."""
COMMON_RATIOS = (*CANDIDATE_RATIOS, 8)
"""Those from which each of these must restore cells to be compared: its own, the others', and one next to 9, the ratio
of their use."""


@dataclass(frozen=True)
class Tuning:
    """What of a model is chosen out of fold on its training rows."""

    min_leaf: int | str
    """`auto`, or the number that is taken."""
    search: bool = False
    """Whether the options in the kind's `space` are chosen too."""
    ratio: int | str = COARSE_SIDE
    """Cells along a side of the coarse cells that `detail` learns against, or `auto`."""

    def ratios(self) -> tuple[int, ...]:
        """Every ratio that is compared."""
        return CANDIDATE_RATIOS if self.ratio == "auto" else (int(self.ratio),)

    def candidates(self, settings: Settings) -> list[Settings]:
        """Every combination that is compared; one alone where there is nothing to choose."""
        kind = models.KINDS[settings.kind]
        leaves: tuple[int, ...] = (1 if self.min_leaf == "auto" else int(self.min_leaf),)
        if self.min_leaf == "auto" and kind.has_leaves:
            leaves = CANDIDATE_LEAVES
        space = kind.space if self.search else {}
        options = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
        return [replace(settings, min_leaf=leaf, options=chosen) for leaf in leaves for chosen in options]


def fit_small(
    settings: Settings,
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
    return models.fit(small, x[train], y[train], threads, only_mean)


def predict_out_of_fold(
    settings: Settings, x: NDArray, y: NDArray, folds: NDArray[np.int64], threads: int
) -> NDArray[np.float64]:
    """Predictions for every row by models that saw none of the row's fold, with `SEARCH_TREES` trees at most."""
    random = np.random.default_rng(settings.seed)

    def predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray:
        return models.predict_mean(fit_small(settings, x, y, train, random, threads), x[test])

    return out_of_fold(folds, predict)


def choose(
    settings: Settings,
    tuning: Tuning,
    out_of_fold: Callable[[Settings], NDArray],
    error: Callable[[NDArray], tuple[float, float]],
) -> tuple[Settings, float, pd.DataFrame]:
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
            _compared(replace(candidate, trees=trees), rmse, alpha, later == 0 and number == order[0])
            for number, (candidate, (rmse, alpha)) in enumerate(zip(left, found, strict=True))
        ]
        kept = 1 if later == 0 else int(np.ceil(len(left) / KEPT))
        left, alpha = [left[number] for number in order[:kept]], found[order[0]][1]
    return left[0], alpha, pd.DataFrame(rows)


def _compared(candidate: Settings, rmse: float, alpha: float, chosen: bool) -> dict[str, float | bool]:
    """A row of the table of what was compared."""
    settings = {"trees": candidate.trees, "min_leaf": candidate.min_leaf, **candidate.options}
    return settings | {"alpha": alpha, "rmse": rmse, "chosen": chosen}


def tune_absolute(
    rows: pd.DataFrame, use: list[str], settings: Settings, tuning: Tuning, threads: int = 1
) -> tuple[Settings, pd.DataFrame]:
    """The settings that learn y9 = f(x9) best out of fold, on spatial folds of the rows, and what was compared.

    Where there is nothing to choose nothing is fitted, and the RMSE is NaN.
    """
    only, *others = tuning.candidates(settings)
    if not others:
        return only, pd.DataFrame([_compared(only, np.nan, 1.0, True)])
    x, y = rows[use].to_numpy(np.float32), rows["target"].to_numpy()
    folds = spatial_folds(rows["row"].to_numpy(), rows["col"].to_numpy())
    chosen, _, table = choose(
        settings,
        tuning,
        lambda candidate: predict_out_of_fold(candidate, x, y, folds, threads),
        lambda predicted: (float(np.sqrt(np.mean((predicted - y) ** 2))), 1.0),
    )
    return chosen, table


def fit_absolute(
    samples: pd.DataFrame, use: list[str], settings: Settings, tuning: Tuning, threads: int = 1
) -> tuple[Model, pd.DataFrame]:
    """Learn y9 = f(x9) from the rows of the training split; the table of what was compared on those rows."""
    train = samples[samples["split"] == "train"]
    settings, table = tune_absolute(train, use, settings, tuning, threads)
    estimator = models.fit(settings, train[use].to_numpy(np.float32), train["target"].to_numpy(), threads)
    model = Model("absolute", settings.kind, tuple(use), settings.min_leaf, 1.0, len(train), 0, estimator)
    return replace(model, options=settings.options, trend=settings.trend), table


def reconciled_rows(cells: Cells, values: NDArray, factor: int) -> Values:
    """`reconciled_detail` of a detail of all complete cells, (rows,) like the result."""
    complete = cells.complete()
    field = np.full(complete.shape, np.nan)
    field[complete] = values
    return reconciled_detail(field, cells.window, factor)[complete]


def detail_folds(cells: Cells) -> NDArray[np.int64]:
    """Spatial folds of the complete cells, (rows,)."""
    row, column = np.nonzero(cells.complete())
    return spatial_folds(row + cells.window.row, column + cells.window.column)


def tune_detail(
    cells: Cells, settings: Settings, tuning: Tuning, minimum_fraction: float, ratio: int, threads: int = 1
) -> tuple[Settings, float, pd.DataFrame]:
    """The settings and the α that learn detail best out of fold at a ratio, and what was compared."""
    x, y = detail_rows(cells, minimum_fraction, ratio)
    folds, wanted = detail_folds(cells), reconciled_rows(cells, y, ratio)

    def error(predicted: NDArray) -> tuple[float, float]:
        offered = reconciled_rows(cells, predicted, ratio)
        # Not `@`: of more than 10,000 numbers BLAS gives each of its threads a share, and adds in another order.
        power = float(np.sum(offered * offered))
        alpha = min(max(float(np.sum(wanted * offered)) / power, 0.0), 1.0) if power > 0 else 0.0
        return float(np.sqrt(np.mean((wanted - alpha * offered) ** 2))), alpha

    return choose(settings, tuning, lambda candidate: predict_out_of_fold(candidate, x, y, folds, threads), error)


def common_error(
    cells: Cells, settings: Settings, alpha: float, minimum_fraction: float, ratio: int, threads: int = 1
) -> float:
    """RMSE of the reconciled map one level up, as a share of that of no detail: the mean over `COMMON_RATIOS`.

    Learned at one ratio, used at each of those that have enough coarse cells, by models that saw none of the fold.
    """
    x, y = detail_rows(cells, minimum_fraction, ratio)
    tasks = [task for task in COMMON_RATIOS if count_coarse(cells, minimum_fraction, task) >= FEWEST_COARSE_CELLS]
    details = [detail_rows(cells, minimum_fraction, task) for task in tasks]
    predicted, folds = np.empty((len(tasks), len(y))), detail_folds(cells)
    random = np.random.default_rng(settings.seed)
    for fold in np.unique(folds):
        test = folds == fold
        estimator = fit_small(settings, x, y, np.flatnonzero(~test), random, threads)
        for number, (of, _) in enumerate(details):
            predicted[number, test] = models.predict_mean(estimator, of[test])
    shares = []
    for task, guess, (_, wanted) in zip(tasks, predicted, details, strict=True):
        left, whole = (reconciled_rows(cells, values, task) for values in (wanted - alpha * guess, wanted))
        shares.append(np.sqrt(np.mean(left**2) / np.mean(whole**2)))
    return float(np.mean(shares))


def choose_ratio(
    cells: Cells, tuned: Mapping[int, tuple[Settings, float, pd.DataFrame]], minimum_fraction: float, threads: int = 1
) -> tuple[int, pd.DataFrame]:
    """The ratio of those that are tuned whose detail holds best at all ratios, and what was compared.

    The errors of each at its own ratio cannot be compared: there is less to restore from nearer cells. So all restore
    the same (`common_error`). The table has the rows of all ratios with columns `ratio` and, where one was chosen for
    its ratio, `common_error`.
    """
    errors = {
        ratio: common_error(cells, settings, alpha, minimum_fraction, ratio, threads)
        for ratio, (settings, alpha, _) in tuned.items()
    }
    best = min(errors, key=lambda ratio: errors[ratio])
    tables = [
        table.assign(
            ratio=ratio,
            common_error=np.where(table["chosen"], errors[ratio], np.nan),
            chosen=table["chosen"] & (ratio == best),
        )
        for ratio, (_, _, table) in tuned.items()
    ]
    return best, pd.concat(tables, ignore_index=True)


def fit_detail(
    cells: Cells, use: list[str], settings: Settings, tuning: Tuning, minimum_fraction: float, threads: int = 1
) -> tuple[Model, pd.DataFrame]:
    """Learn y9 − B(y36) = g(x9 − B(x36)) from all complete cells, α and what is tuned out of fold.

    The error that both minimise is that of the reconciled map one level up: of R(y9 − B(y36)) − α·R(g), where R
    takes away what reconciliation will restore anyway. It is quadratic in α, so α = ⟨Ry, Rg⟩ / ⟨Rg, Rg⟩ within 0…1.
    With `ratio: auto` the ratio is then chosen of those that have enough coarse cells (`choose_ratio`).
    """
    counts = {ratio: count_coarse(cells, minimum_fraction, ratio) for ratio in tuning.ratios()}
    able = [ratio for ratio, count in counts.items() if count >= FEWEST_COARSE_CELLS]
    if not able:
        ratio = max(counts, key=lambda one: counts[one])
        nothing = Model("detail", settings.kind, tuple(use), 1, 0.0, 0, counts[ratio], None, ratio=ratio)
        return nothing, pd.DataFrame({"trees": [], "min_leaf": [], "alpha": [], "rmse": [], "chosen": []})
    tuned = {ratio: tune_detail(cells, settings, tuning, minimum_fraction, ratio, threads) for ratio in able}
    if tuning.ratio == "auto":
        ratio, table = choose_ratio(cells, tuned, minimum_fraction, threads)
    else:
        ((ratio, (_, _, table)),) = tuned.items()
    settings, alpha, _ = tuned[ratio]
    x, y = detail_rows(cells, minimum_fraction, ratio)
    estimator = models.fit(settings, x, y, threads)
    model = Model("detail", settings.kind, tuple(use), settings.min_leaf, alpha, len(y), counts[ratio], estimator)
    return replace(model, options=settings.options, trend=settings.trend, ratio=ratio), table


def model_tags(model: Model) -> dict[str, str]:
    """What a map says of the model that made it."""
    tags = model.tags
    if model.alpha == 0:
        why = (
            f"only {model.coarse_cells} coarse cells of {CELL_SIDE * model.ratio} km "
            f"where {FEWEST_COARSE_CELLS} are needed"
            if model.coarse_cells < FEWEST_COARSE_CELLS
            else "the predictors tell nothing out of fold"
        )
        tags["note"] = f"alpha is 0, the map is the 9 km target, interpolated: {why}"
    return tags


def predict_valid(model: Model, predictors: NDArray) -> Values:
    """The estimator's mean at the pixels that have every predictor, NaN elsewhere; (rows, columns)."""
    valid = np.isfinite(predictors).all(axis=0)
    result = np.full(valid.shape, np.nan)
    if valid.any() and model.estimator is not None:
        result[valid] = models.predict_mean(model.estimator, predictors[:, valid].T.astype(np.float32))
    return result


def predict_map(
    model: Model, predictors: NDArray, pixels: Window, cells: Cells, factor: int, reliability: Sequence[float] = ()
) -> Values:
    """The map of a window of pixels, before reconciliation; NaN where a predictor is missing.

    `predictors` is (predictors, *pixels.shape); `cells` holds the whole region's cells, which `detail` interpolates.
    `reliability` is for `deviations`.
    """
    if model.method == "absolute":
        return predict_valid(model, predictors)
    valid = np.isfinite(predictors).all(axis=0)
    base = np.where(valid, interpolate(cells.target, cells.window, pixels, factor), np.nan)
    if model.alpha == 0:
        return base
    return base + model.alpha * predict_valid(model, deviations(predictors, pixels, cells, factor, reliability))
