"""The two methods: `absolute` (the study's) and `detail` (what the next coarser scale does not have).

Write x for predictors and y for soil moisture, index 36, 9, 1 for the scale in km, B(·) for bilinear interpolation of
cell means to the finer grid. `absolute` learns y9 = f(x9) and maps f(x1). `detail` learns
y9 − B(y36) = g(x9 − B(x36)) and maps B(y9) + α·g(x1 − B(x9)). The functions take any pair of nested scales.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
SEARCH_ROWS = 6000
"""Most training rows of each fold of the search."""
FEWEST_COARSE_CELLS = 30
"""Coarse cells below which `detail` learns nothing (α = 0) and the map is SMAP, interpolated and reconciled."""


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


def predict_out_of_fold(
    settings: Settings, x: NDArray, y: NDArray, folds: NDArray[np.int64], threads: int
) -> NDArray[np.float64]:
    """Predictions for every row by models that saw none of the row's fold, with the search's small forests."""
    random = np.random.default_rng(settings.seed)
    small = replace(settings, trees=min(settings.trees, SEARCH_TREES))

    def predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray:
        if len(train) > SEARCH_ROWS:
            train = np.sort(random.choice(train, SEARCH_ROWS, replace=False))
        return models.predict_mean(models.fit(small, x[train], y[train], threads, only_mean=True), x[test])

    return out_of_fold(folds, predict)


def choose_leaf(
    settings: Settings,
    min_leaf: int | str,
    out_of_fold: Callable[[Settings], NDArray],
    error: Callable[[NDArray], tuple[float, float]],
) -> tuple[Settings, float, pd.DataFrame]:
    """Compare leaf sizes out of fold: the settings with the best one, its α, and the table of what was compared.

    `min_leaf` is `auto` or a number, which is then the only candidate; `error` gives RMSE and α of out-of-fold
    predictions.
    """
    candidates = CANDIDATE_LEAVES if min_leaf == "auto" and models.KINDS[settings.kind].has_leaves else None
    rows = []
    for leaf in candidates or (1 if min_leaf == "auto" else int(min_leaf),):
        rmse, alpha = error(out_of_fold(replace(settings, min_leaf=leaf)))
        rows.append({"min_leaf": leaf, "alpha": alpha, "rmse": rmse})
    table = pd.DataFrame(rows)
    best = int(table["rmse"].to_numpy().argmin())
    table["chosen"] = np.arange(len(table)) == best
    return replace(settings, min_leaf=int(table["min_leaf"][best])), float(table["alpha"][best]), table


def fit_absolute(
    samples: pd.DataFrame, use: list[str], settings: Settings, min_leaf: int | str, threads: int = 1
) -> tuple[Model, pd.DataFrame]:
    """Learn y9 = f(x9) from the rows of the training split; the table of leaf sizes compared on those rows."""
    train = samples[samples["split"] == "train"]
    x, y = train[use].to_numpy(np.float32), train["target"].to_numpy()
    folds = spatial_folds(train["row"].to_numpy(), train["col"].to_numpy())
    settings, _, table = choose_leaf(
        settings,
        min_leaf,
        lambda candidate: predict_out_of_fold(candidate, x, y, folds, threads),
        lambda predicted: (float(np.sqrt(np.mean((predicted - y) ** 2))), 1.0),
    )
    estimator = models.fit(settings, x, y, threads)
    return Model("absolute", settings.kind, tuple(use), settings.min_leaf, 1.0, len(y), 0, estimator), table


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
    min_leaf: int | str,
    minimum_fraction: float,
    threads: int = 1,
    factor: int = COARSE_SIDE,
) -> tuple[Model, pd.DataFrame]:
    """Learn y9 − B(y36) = g(x9 − B(x36)) from all complete cells, leaf size and α out of fold.

    The error that both minimise is that of the reconciled map one level up: of R(y9 − B(y36)) − α·R(g), where R
    takes away what reconciliation will restore anyway. It is quadratic in α, so α = ⟨Ry, Rg⟩ / ⟨Rg, Rg⟩ within 0…1.
    """
    coarse = [coarsen(layer, cells.window, factor, minimum_fraction)[0] for layer in (cells.target, *cells.predictors)]
    coarse_cells = int(np.isfinite(coarse).all(axis=0).sum())
    complete = cells.complete()
    nothing = Model("detail", settings.kind, tuple(use), 1, 0.0, 0, coarse_cells, None)
    empty = pd.DataFrame({"min_leaf": [], "alpha": [], "rmse": [], "chosen": []})
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

    settings, alpha, table = choose_leaf(
        settings, min_leaf, lambda candidate: predict_out_of_fold(candidate, x, y, folds, threads), error
    )
    estimator = models.fit(settings, x, y, threads)
    model = Model("detail", settings.kind, tuple(use), settings.min_leaf, alpha, len(y), coarse_cells, estimator)
    return model, table


def predict_valid(model: Model, predictors: NDArray) -> Values:
    """The estimator's mean at the pixels that have every predictor, NaN elsewhere; (rows, columns)."""
    valid = np.isfinite(predictors).all(axis=0)
    result = np.full(valid.shape, np.nan)
    if valid.any() and model.estimator is not None:
        result[valid] = models.predict_mean(model.estimator, predictors[:, valid].T.astype(np.float32))
    return result


def predict_map(model: Model, predictors: NDArray, pixels: Window, cells: Cells, factor: int) -> Values:
    """The map of a window of pixels, before reconciliation; NaN where a predictor is missing.

    `predictors` is (predictors, *pixels.shape); `cells` holds the whole region's cells, which `detail` interpolates.
    """
    if model.method == "absolute":
        return predict_valid(model, predictors)
    valid = np.isfinite(predictors).all(axis=0)
    base = np.where(valid, interpolate(cells.target, cells.window, pixels, factor), np.nan)
    if model.alpha == 0:
        return base
    deviations = np.stack(
        [
            layer - interpolate(cell_layer, cells.window, pixels, factor)
            for layer, cell_layer in zip(predictors, cells.predictors, strict=True)
        ]
    )
    return base + model.alpha * predict_valid(model, deviations)
