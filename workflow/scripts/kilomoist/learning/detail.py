"""The method `detail`: anomalies from the next coarser scale.

Write x for predictors and y for soil moisture, index 36, 9, 1 for the scale in km, B(·) for bilinear interpolation of
cell means to the finer grid. `absolute` learns y9 = f(x9) and maps f(x1). `detail` learns
y9 − B(y36) = g(x9 − B(x36)) and maps B(y9) + α·g(λ·(x1 − B(x9))), where λ is the reliability of each predictor's
detail. Any pair of nested scales will do, and coarse cells may have 18 or 27 km too (`TuningOptions.detail_ratio`).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import Values
from kilomoist.learning import learners
from kilomoist.learning.details import MIN_COARSE_CELLS, Cells, detail_rows, reconciled_detail
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.tuning import (
    CANDIDATE_RATIOS,
    Assessed,
    Tuned,
    TuningOptions,
    choose,
    fold_models,
    predict_out_of_fold,
)

COMMON_RATIOS = (*CANDIDATE_RATIOS, 8)
"""Ratios from which models restore cells to be compared: their own, the others', and 8, near that of their use, 9."""


def reconciled_rows(cells: Cells, values: NDArray, factor: int) -> Values:
    """`reconciled_detail` of a detail of all complete cells, (rows,) as the result."""
    complete = cells.complete()
    field = np.full(complete.shape, np.nan)
    field[complete] = values
    return reconciled_detail(field, cells.window, factor)[complete]


def weighted_error(cells: Cells, wanted: Values, predicted: NDArray, ratio: int) -> tuple[float, float]:
    """RMSE of a reconciled map one level up by an out-of-fold detail (rows,), and α that minimises it.

    `wanted` is the reconciled detail itself, R(y9 − B(y36)). The squared error of R(y9 − B(y36)) − α·R(g) is quadratic
    in α: α = ⟨Ry, Rg⟩ / ⟨Rg, Rg⟩ within 0…1.
    """
    offered = reconciled_rows(cells, predicted, ratio)
    # Not `@`: BLAS shares more than 10,000 numbers among its threads, and adds in another order.
    power = float(np.sum(offered * offered))
    alpha = min(max(float(np.sum(wanted * offered)) / power, 0.0), 1.0) if power > 0 else 0.0
    return float(np.sqrt(np.mean((wanted - alpha * offered) ** 2))), alpha


def detail_folds(cells: Cells) -> NDArray[np.int64]:
    """Spatial folds of the complete cells, (rows,)."""
    row, column = np.nonzero(cells.complete())
    return spatial_folds(row + cells.window.row, column + cells.window.column)


def count_coarse(cells: Cells, minimum_fraction: float, ratio: int) -> int:
    """Number of coarse cells that have the target and every predictor."""
    return int(cells.coarsened(ratio, minimum_fraction).complete().sum())


def tune_detail(
    cells: Cells, settings: LearnerSettings, tuning: TuningOptions, minimum_fraction: float, ratio: int, threads: int
) -> Tuned:
    """Settings and α that learn detail best out of fold at a ratio."""
    x, y = detail_rows(cells, minimum_fraction, ratio)
    folds, wanted = detail_folds(cells), reconciled_rows(cells, y, ratio)

    def assess(candidate: LearnerSettings) -> Assessed:
        predicted = predict_out_of_fold(candidate, x, y, folds, threads)
        return Assessed(*weighted_error(cells, wanted, predicted, ratio), predicted)

    return choose(settings, tuning, assess)


def common_error(
    cells: Cells, settings: LearnerSettings, alpha: float, minimum_fraction: float, ratio: int, threads: int = 1
) -> float:
    """RMSE of the reconciled map one level up, as a share of that without detail: mean over `COMMON_RATIOS`.

    Learned at a ratio and used at each that has enough coarse cells, by models that saw none of the fold.
    """
    x, y = detail_rows(cells, minimum_fraction, ratio)
    tasks = [task for task in COMMON_RATIOS if count_coarse(cells, minimum_fraction, task) >= MIN_COARSE_CELLS]
    details = [detail_rows(cells, minimum_fraction, task) for task in tasks]
    predicted = np.empty((len(tasks), len(y)))
    for test, estimator in fold_models(settings, x, y, detail_folds(cells), threads):
        for number, (of, _) in enumerate(details):
            predicted[number, test] = learners.predict_mean(estimator, of[test])
    shares = []
    for task, guess, (_, wanted) in zip(tasks, predicted, details, strict=True):
        left, whole = (reconciled_rows(cells, values, task) for values in (wanted - alpha * guess, wanted))
        shares.append(np.sqrt(np.mean(left**2) / np.mean(whole**2)))
    return float(np.mean(shares))


def choose_ratio(
    cells: Cells, tuned: Mapping[int, Tuned], minimum_fraction: float, threads: int
) -> tuple[int, pd.DataFrame]:
    """The tuned ratio whose detail holds best at all ratios; and the table of candidates.

    Errors at their own ratios cannot be compared: there is less to restore from nearer cells. So all restore the same
    (`common_error`, a column of the table in the row that was chosen for its ratio).
    """
    errors = {
        ratio: common_error(cells, found.settings, found.alpha, minimum_fraction, ratio, threads)
        for ratio, found in tuned.items()
    }
    best = min(errors, key=errors.__getitem__)
    tables = []
    for ratio, found in tuned.items():
        chosen = found.compared["chosen"]
        error = np.where(chosen, errors[ratio], np.nan)
        tables.append(found.compared.assign(ratio=ratio, common_error=error, chosen=chosen & (ratio == best)))
    return best, pd.concat(tables, ignore_index=True)


def fit_detail(
    cells: Cells,
    use: list[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    minimum_fraction: float,
    threads: int = 1,
) -> tuple[Model, pd.DataFrame]:
    """A model of y9 − B(y36) = g(x9 − B(x36)) from all complete cells; and the table of candidates.

    α and tuned settings minimise the out-of-fold error of the reconciled map one level up (`weighted_error`): R takes
    away what reconciliation will restore anyway. With `detail_ratio: auto` the ratio is chosen among those with enough
    coarse cells (`choose_ratio`).
    """
    ratios = CANDIDATE_RATIOS if tuning.detail_ratio == "auto" else (int(tuning.detail_ratio),)
    counts = {ratio: count_coarse(cells, minimum_fraction, ratio) for ratio in ratios}
    able = [ratio for ratio, count in counts.items() if count >= MIN_COARSE_CELLS]
    if not able:
        ratio = max(counts, key=counts.__getitem__)
        nothing = Model("detail", settings.kind, tuple(use), 1, 0.0, 0, counts[ratio], None, ratio=ratio)
        return nothing, pd.DataFrame({"trees": [], "min_leaf": [], "alpha": [], "rmse": [], "chosen": []})
    tuned = {ratio: tune_detail(cells, settings, tuning, minimum_fraction, ratio, threads) for ratio in able}
    ratio, table = able[0], tuned[able[0]].compared
    if tuning.detail_ratio == "auto":
        ratio, table = choose_ratio(cells, tuned, minimum_fraction, threads)
    settings, alpha = tuned[ratio].settings, tuned[ratio].alpha
    x, y = detail_rows(cells, minimum_fraction, ratio)
    estimator = learners.fit(settings, x, y, threads)
    model = Model("detail", settings.kind, tuple(use), settings.min_leaf, alpha, len(y), counts[ratio], estimator)
    return replace(model, options=settings.options, trend=settings.trend, ratio=ratio), table
