"""The two methods: `absolute` (the study's) and `detail` (what the next coarser scale does not have).

Write x for predictors and y for soil moisture, index 36, 9, 1 for the scale in km, B(·) for bilinear interpolation of
cell means to the finer grid. `absolute` learns y9 = f(x9) and maps f(x1). `detail` learns
y9 − B(y36) = g(x9 − B(x36)) and maps B(y9) + α·g(λ·(x1 − B(x9))), where λ is the share of each predictor's detail that
repeats (`agreement`). The functions take any pair of nested scales.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from kilomoist import models
from kilomoist.cells import (
    Values,
    aligned,
    block_mean,
    coarsen,
    interpolate,
    interpolated_mean_weights,
    solve_correction,
)
from kilomoist.grids import COARSE_SIDE, Window
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


@dataclass(frozen=True)
class Tuning:
    """What of a model is chosen out of fold on its training rows."""

    min_leaf: int | str
    """`auto`, or the number that is taken."""
    search: bool = False
    """Whether the options in the kind's `space` are chosen too."""

    def candidates(self, settings: Settings) -> list[Settings]:
        """Every combination that is compared; one alone where there is nothing to choose."""
        kind = models.KINDS[settings.kind]
        leaves: tuple[int, ...] = (1 if self.min_leaf == "auto" else int(self.min_leaf),)
        if self.min_leaf == "auto" and kind.has_leaves:
            leaves = CANDIDATE_LEAVES
        space = kind.space if self.search else {}
        options = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
        return [replace(settings, min_leaf=leaf, options=chosen) for leaf in leaves for chosen in options]


@dataclass(frozen=True)
class Cells:
    """Target and predictors over a window of one scale; NaN where a cell has too few pixels or no target."""

    target: NDArray
    """(rows, columns)"""
    predictors: NDArray
    """(predictors, rows, columns)"""
    window: Window

    @classmethod
    def of_samples(cls, samples: pd.DataFrame, target: NDArray, use: list[str], window: Window) -> "Cells":
        """The region's target, and the predictors of the cells that are in the training table."""
        predictors = np.full((len(use), *window.shape), np.nan)
        predictors[:, samples["row"] - window.row, samples["col"] - window.column] = samples[use].to_numpy().T
        return cls(target, predictors, window)

    def complete(self) -> NDArray[np.bool_]:
        """Cells that have the target and every predictor."""
        return np.isfinite(self.target) & np.isfinite(self.predictors).all(axis=0)


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
            {"trees": trees, "min_leaf": candidate.min_leaf, **candidate.options, "alpha": alpha, "rmse": rmse}
            | {"chosen": later == 0 and number == order[0]}
            for number, (candidate, (rmse, alpha)) in enumerate(zip(left, found, strict=True))
        ]
        kept = 1 if later == 0 else int(np.ceil(len(left) / KEPT))
        left, alpha = [left[number] for number in order[:kept]], found[order[0]][1]
    return left[0], alpha, pd.DataFrame(rows)


def tune_absolute(
    rows: pd.DataFrame, use: list[str], settings: Settings, tuning: Tuning, threads: int = 1
) -> tuple[Settings, pd.DataFrame]:
    """The settings that learn y9 = f(x9) best out of fold, on spatial folds of the rows, and what was compared."""
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
    return replace(model, options=settings.options), table


def detail(values: NDArray, window: Window, minimum_fraction: float, factor: int = COARSE_SIDE) -> Values:
    """What values have beyond the next coarser scale: value − B(mean over coarse cells), (rows, columns)."""
    coarse_values, coarse = coarsen(values, window, factor, minimum_fraction)
    return values - interpolate(coarse_values, coarse, window, factor)


def reconciled_detail(values: NDArray, window: Window, factor: int = COARSE_SIDE) -> Values:
    """What of a field of details survives reconciliation: value − B(c) without mean over any coarse cell."""
    padded, coarse = aligned(values, window, factor)
    mean, _ = block_mean(padded, factor)
    correction, _ = solve_correction(mean, interpolated_mean_weights(np.isfinite(padded), factor))
    left = padded - interpolate(correction, coarse, coarse.refined(factor), factor)
    return left[window.within(coarse.refined(factor))]


def detail_rows(
    cells: Cells, minimum_fraction: float, factor: int = COARSE_SIDE
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """What `detail` learns from: details of predictors (rows, predictors) and of the target, of all complete cells."""
    complete = cells.complete()
    x = np.stack([detail(layer, cells.window, minimum_fraction, factor)[complete] for layer in cells.predictors], 1)
    return x.astype(np.float32), detail(cells.target, cells.window, minimum_fraction, factor)[complete]


def fit_detail(
    cells: Cells,
    use: list[str],
    settings: Settings,
    tuning: Tuning,
    minimum_fraction: float,
    threads: int = 1,
    factor: int = COARSE_SIDE,
) -> tuple[Model, pd.DataFrame]:
    """Learn y9 − B(y36) = g(x9 − B(x36)) from all complete cells, α and what is tuned out of fold.

    The error that both minimise is that of the reconciled map one level up: of R(y9 − B(y36)) − α·R(g), where R
    takes away what reconciliation will restore anyway. It is quadratic in α, so α = ⟨Ry, Rg⟩ / ⟨Rg, Rg⟩ within 0…1.
    """
    coarse = [coarsen(layer, cells.window, factor, minimum_fraction)[0] for layer in (cells.target, *cells.predictors)]
    coarse_cells = int(np.isfinite(coarse).all(axis=0).sum())
    complete = cells.complete()
    nothing = Model("detail", settings.kind, tuple(use), 1, 0.0, 0, coarse_cells, None)
    empty = pd.DataFrame({"trees": [], "min_leaf": [], "alpha": [], "rmse": [], "chosen": []})
    if coarse_cells < FEWEST_COARSE_CELLS:
        return nothing, empty
    x, y = detail_rows(cells, minimum_fraction, factor)
    target = np.full(complete.shape, np.nan)
    target[complete] = y
    row, column = np.nonzero(complete)
    folds = spatial_folds(row + cells.window.row, column + cells.window.column)
    wanted = reconciled_detail(target, cells.window, factor)[complete]

    def error(predicted: NDArray) -> tuple[float, float]:
        field = np.full(target.shape, np.nan)
        field[complete] = predicted
        offered = reconciled_detail(field, cells.window, factor)[complete]
        power = float(offered @ offered)
        alpha = min(max(float(wanted @ offered) / power, 0.0), 1.0) if power > 0 else 0.0
        return float(np.sqrt(np.mean((wanted - alpha * offered) ** 2))), alpha

    settings, alpha, table = choose(
        settings, tuning, lambda candidate: predict_out_of_fold(candidate, x, y, folds, threads), error
    )
    estimator = models.fit(settings, x, y, threads)
    model = Model("detail", settings.kind, tuple(use), settings.min_leaf, alpha, len(y), coarse_cells, estimator)
    return replace(model, options=settings.options), table


def predict_valid(model: Model, predictors: NDArray) -> Values:
    """The estimator's mean at the pixels that have every predictor, NaN elsewhere; (rows, columns)."""
    valid = np.isfinite(predictors).all(axis=0)
    result = np.full(valid.shape, np.nan)
    if valid.any() and model.estimator is not None:
        result[valid] = models.predict_mean(model.estimator, predictors[:, valid].T.astype(np.float32))
    return result


def deviations(
    predictors: NDArray, pixels: Window, cells: Cells, factor: int, reliability: Sequence[float] = ()
) -> Values:
    """What predictors at pixels have beyond those of the cells: λ·(x − B(cell means)), (predictors, *pixels.shape).

    The space in which `detail` predicts; it learned in that of `detail_rows`, one level up. `reliability` is the share
    λ of each predictor's detail that repeats (`agreement`), by default all of it.
    """
    return np.stack(
        [
            share * (layer - interpolate(cell_layer, cells.window, pixels, factor))
            for layer, cell_layer, share in zip(
                predictors, cells.predictors, reliability or [1.0] * len(predictors), strict=True
            )
        ]
    )


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
