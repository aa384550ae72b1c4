"""Intervals of the map: what it was wrong by where SMAP is known, one scale up, brought down to 1 km.

Nobody knows soil moisture at 1 km, so nothing can be calibrated there. One scale up everything is known: a method that
restores 9 km cells from coarser ones is wrong by errors that can be counted. Conformal scores are those errors in units
of the spread that the model expects at a place; their quantile times the spread is the interval (split conformal
prediction: Papadopoulos et al. 2002, doi 10.1007/3-540-36755-1_29; Lei et al. 2018, doi 10.1080/01621459.2017.1307116),
the more alike errors one scale up and at 1 km are. How much smaller the errors are at 1 km is estimated by `roughness`.
docs/trust.md writes the formulas out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist import models
from kilomoist.cells import Values, coarsen, reconcile
from kilomoist.details import Cells, detail_rows, reconciled_detail
from kilomoist.grids import CELL_SIDE, COARSE_SIDE
from kilomoist.methods import (
    Tuning,
    detail_folds,
    fit_absolute,
    fit_small,
    predict_out_of_fold,
    tune_absolute,
)
from kilomoist.models import Model, Settings
from kilomoist.protocols import level_up
from kilomoist.splits import spatial_folds

LEAST_SPREAD = 0.1
"""Share of the median spread below which no place's spread is taken: a leaf of equal rows knows no error."""
LEAST_EXPONENT = 0.05
"""Smallest exponent H of `roughness`; fields without any structure have 0."""
FEWEST_ROWS = 100
"""Errors one scale up below which there is no interval."""
LEAST_OWN_ERROR = 0.1
"""Share of the mean square of target − model that must be left to the model, or `target_error` contradicts the data: no
model is taken for three times as good as the target that it learned from."""


@dataclass(frozen=True)
class Calibration:
    """All that turns a model's spread at a pixel into an interval."""

    interval: float
    """Nominal coverage."""
    scale: float | None
    """Quantile of the conformal scores, errors in spreads; None with fewer than `FEWEST_ROWS`: there is no interval."""
    addition: float
    """What CQR adds to both sides of the forest's quantiles, m³/m³; 0 for `detail`."""
    roughness: float
    """Errors at 1 km as a share of those one scale up."""
    least_spread: float
    """m³/m³"""
    rows: int
    """Errors one scale up that it rests on."""


@dataclass(frozen=True)
class Errors:
    """What a method was wrong by one scale up, row by row."""

    table: pd.DataFrame
    """row, col, observed, estimated, and the spread `below` and `above` that the model expected (all m³/m³); fold, and
    the predictors. Empty where nothing could be restored."""
    addition: float = 0.0

    def scores(self) -> NDArray[np.float64]:
        """Errors in spreads, (rows,): of the side on which the observed value lies."""
        error = (self.table["observed"] - self.table["estimated"]).to_numpy()
        return np.where(error < 0, -error / self.table["below"].to_numpy(), error / self.table["above"].to_numpy())


def conformal_quantile(scores: NDArray, coverage: float) -> float:
    """The ⌈(n + 1)·coverage⌉-th smallest of n scores; infinite where n is too small to have it."""
    rank = math.ceil((len(scores) + 1) * coverage)
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf


def spread(model: Model, x: NDArray, interval: float, addition: float, least: float) -> tuple[Values, Values]:
    """How far below and above its mean a model expects values at rows x (n, predictors), m³/m³, two (n,).

    `absolute`: the distances of its mean from its quantiles, plus `addition` (conformalised quantile regression: Romano
    et al. 2019, arXiv 1905.03222). `detail`: half the distance of both quantiles on either side. Models without
    quantiles, and a `detail` that uses nothing of what it learned, expect 1 everywhere.
    """
    found = None
    if model.estimator is not None and model.alpha > 0:
        found = models.predict_quantiles(model.estimator, x, tails(interval))
    if found is None:
        return np.ones(len(x)), np.ones(len(x))
    low, high = found.T
    if model.method == "detail":
        half = np.maximum((high - low) / 2, least)
        return half, half
    mean = models.predict_mean(model.estimator, x)
    return np.maximum(mean - low + addition, least), np.maximum(high - mean + addition, least)


def tails(interval: float) -> list[float]:
    """The two quantiles between which a share `interval` lies."""
    return [(1 - interval) / 2, (1 + interval) / 2]


def calibrate(errors: Errors, interval: float, shrinkage: float, least_spread: float) -> Calibration:
    """The calibration that errors one scale up give; `shrinkage` is their `roughness`."""
    if len(errors.table) < FEWEST_ROWS:
        return Calibration(interval, None, errors.addition, shrinkage, least_spread, len(errors.table))
    return Calibration(
        interval,
        conformal_quantile(errors.scores(), interval),
        errors.addition,
        shrinkage,
        least_spread,
        len(errors.table),
    )


def least_of(below: NDArray, above: NDArray) -> float:
    """The smallest spread that is taken for true."""
    return LEAST_SPREAD * float(np.median(np.concatenate([below, above]))) if len(below) else 0.0


def detail_errors(
    cells: Cells,
    settings: Settings,
    model: Model,
    reconciled: bool,
    interval: float,
    minimum_fraction: float,
    threads: int = 1,
) -> tuple[Errors, float]:
    """What `detail` was wrong by when it restored cells from coarser ones, out of fold; and the least spread.

    With R for what reconciliation would leave (`reconciled_detail`), the error is R(y9 − B(y36)) − α·R(ĝ) with ĝ from
    models that saw none of the cell's fold; without reconciliation it is the same without R. At α = 0 these are the
    errors of B(y36).
    """
    use = list(model.predictors)
    x, y = detail_rows(cells, minimum_fraction, model.ratio)
    complete = cells.complete()
    row, column = np.nonzero(complete)
    folds = detail_folds(cells)
    offered, below, above = np.zeros(len(y)), np.ones(len(y)), np.ones(len(y))
    if model.alpha > 0:
        random = np.random.default_rng(settings.seed)
        for fold in np.unique(folds):
            test = folds == fold
            estimator = fit_small(settings, x, y, np.flatnonzero(~test), random, threads, only_mean=False)
            own = replace(model, estimator=estimator)
            offered[test] = model.alpha * models.predict_mean(estimator, x[test])
            below[test], above[test] = spread(own, x[test], interval, 0.0, 0.0)
    least = least_of(below, above)
    values = [np.full(complete.shape, np.nan) for _ in range(2)]
    for field, known in zip(values, (y, offered), strict=True):
        field[complete] = known
    if reconciled:
        values = [reconciled_detail(field, cells.window, model.ratio) for field in values]
    observed, estimated = (field[complete] for field in values)
    finite = np.isfinite(observed) & np.isfinite(estimated)
    table = pd.DataFrame(
        {
            "row": row + cells.window.row,
            "col": column + cells.window.column,
            "observed": cells.target[complete],
            "estimated": cells.target[complete] - (observed - estimated),
            "below": np.maximum(below, least),
            "above": np.maximum(above, least),
            "fold": folds,
            **dict(zip(use, cells.predictors[:, complete], strict=True)),
        }
    )
    return Errors(table[finite].reset_index(drop=True)), least


def absolute_errors(
    cells: Cells,
    samples: pd.DataFrame,
    settings: Settings,
    tuning: Tuning,
    model: Model,
    reconciled: bool,
    interval: float,
    minimum_fraction: float,
    threads: int = 1,
) -> tuple[Errors, float]:
    """What `absolute` was wrong by when it learned at 36 km and mapped 9 km, and the least spread at 1 km.

    Its spread is that of quantiles conformalised on held-out blocks of its own training rows, one scale up in the
    errors' table, at 9 km in `addition`. So the quantile of the scores is by how much the interval has to be wider, or
    may be narrower where the map is reconciled, for the step to the finer scale. No errors where too few coarse cells
    are complete.
    """
    use = list(model.predictors)
    rows = samples[samples["split"] == "train"]
    addition, below, above = conformalised(rows, use, settings, interval, threads)
    least = least_of(below, above)
    level = level_up(cells, use, minimum_fraction)
    if not level.can_learn:
        return Errors(pd.DataFrame(), addition), least
    coarse_model, _ = fit_absolute(level.samples, use, settings, tuning, threads)
    own = replace(settings, min_leaf=coarse_model.min_leaf, options=coarse_model.options)
    coarse_addition, coarse_below, coarse_above = conformalised(level.samples, use, own, interval, threads)
    x = level.stack[:, level.valid].T.astype(np.float32)
    estimated = np.full(level.valid.shape, np.nan)
    estimated[level.valid] = models.predict_mean(coarse_model.estimator, x)
    if reconciled:
        estimated, _ = reconcile(estimated, level.above.target, COARSE_SIDE, level.above.window, minimum_fraction)
    spreads = spread(coarse_model, x, interval, coarse_addition, least_of(coarse_below, coarse_above))
    row, column = np.nonzero(level.valid)
    table = pd.DataFrame(
        {
            "row": row + level.window.row,
            "col": column + level.window.column,
            "observed": level.truth[level.valid],
            "estimated": estimated[level.valid],
            "below": spreads[0],
            "above": spreads[1],
            **dict(zip(use, level.stack[:, level.valid], strict=True)),
        }
    )
    table["fold"] = spatial_folds(table["row"].to_numpy(), table["col"].to_numpy())
    return Errors(table, addition), least


def conformalised(
    rows: pd.DataFrame, use: Sequence[str], settings: Settings, interval: float, threads: int
) -> tuple[float, Values, Values]:
    """What CQR adds to both quantiles on held-out blocks of the rows, and the spreads below and above with it.

    The score of a row is max(q_low − y, y − q_high), with quantiles of models that saw none of its fold. Without
    quantiles everything is 0 but the spreads, which are 1.
    """
    x, y = rows[list(use)].to_numpy(np.float32), rows["target"].to_numpy()
    folds, random = spatial_folds(rows["row"].to_numpy(), rows["col"].to_numpy()), np.random.default_rng(settings.seed)
    low, high, mean = np.zeros((3, len(y)))
    for fold in np.unique(folds):
        test = folds == fold
        estimator = fit_small(settings, x, y, np.flatnonzero(~test), random, threads, only_mean=False)
        found = models.predict_quantiles(estimator, x[test], tails(interval))
        if found is None:
            return 0.0, np.ones(len(y)), np.ones(len(y))
        low[test], high[test] = found.T
        mean[test] = models.predict_mean(estimator, x[test])
    addition = conformal_quantile(np.maximum(low - y, y - high), interval)
    addition = addition if math.isfinite(addition) else float(np.max(np.maximum(low - y, y - high)))
    return addition, mean - low + addition, high - mean + addition


def roughness(
    cells: Cells, detail_variance: NDArray, weights: NDArray, minimum_fraction: float, factor: int = COARSE_SIDE
) -> float:
    """Detail that 1 km has beyond 9 km, as a share of what 9 km has beyond the `factor` times coarser scale.

    Soil moisture's own is unknown at 1 km. There are two guesses, and the geometric mean of both is taken:

    - It loses as much as the predictors do: Σ w·s1 / s9 with the deviations s9 of their details at 9 km, s1 of those at
      1 km that repeat (`detail_variance`, (predictors,), their squares), `weights` (predictors,) of their importance.
    - It goes on as it is: between 18·`factor` and 9·`factor` km its detail shrinks by 2^H; for a field that is alike on
      all scales (variance ∝ distance^2H: Mandelbrot and Van Ness 1968, doi 10.1137/1010093) the ratio follows as
      factor^−H · √((1 − 9^−2H) / (1 − factor^−2H)).

    Where the region has too few coarse cells for one, the other is taken; 1 where it has for none.
    """
    x, y = detail_rows(cells, minimum_fraction, factor)
    guesses = []
    if len(y) > 1 and np.isfinite(detail_variance).all() and (x.std(axis=0) > 0).all():
        shares = weights / weights.sum() if np.isfinite(weights).all() and weights.sum() > 0 else 1 / len(weights)
        guesses.append(float(np.sum(shares * np.sqrt(detail_variance) / x.std(axis=0, dtype=float))))
    pairs = [coarsen(layer, cells.window, 2, minimum_fraction) for layer in (cells.target, *cells.predictors)]
    twice = Cells(pairs[0][0], np.stack([layer for layer, _ in pairs[1:]]), pairs[0][1])
    coarser = detail_rows(twice, minimum_fraction, factor)[1]
    if len(coarser) >= FEWEST_ROWS and coarser.std() > 0 and y.std() > 0:
        exponent = max(math.log2(coarser.std() / y.std()), LEAST_EXPONENT)
        left = (1 - CELL_SIDE ** (-2 * exponent)) / (1 - factor ** (-2 * exponent))
        guesses.append(factor**-exponent * math.sqrt(left))
    return float(np.exp(np.mean(np.log(guesses)))) if guesses and min(guesses) > 0 else 1.0


@dataclass(frozen=True)
class Weighed:
    """The target's cells, weighed against what a model says of them."""

    goal: Values
    """m³/m³, (rows, columns)"""
    weight: float
    """Of the target; the model has the rest."""
    error: float
    """Standard error of `goal`, m³/m³."""
    difference: float
    """Root mean square of what the target and the model differ by, m³/m³."""
    contradicted: bool
    """Whether the differences are too small for the target's error that was said."""


def weigh_target(
    cells: Cells,
    samples: pd.DataFrame,
    use: Sequence[str],
    settings: Settings,
    tuning: Tuning,
    target_error: float,
    threads: int = 1,
) -> Weighed:
    """What cells hold as far as the target's error warrants: f + w·(y9 − f), (rows, columns).

    f is what `absolute` says of a cell out of fold, on spatial folds of all samples. With its error variance m², what
    the mean square d² of y9 − f has beyond target_error², the mean of both with the smallest error has w = m² / (m² +
    target_error²), if both err independently; its standard error is √w·target_error. Where d² leaves m² less than
    `LEAST_OWN_ERROR` of it, target_error is too large for these data and nobody knows whose the errors are: with w = ½
    the mean's standard error is d / 2 whoever errs, (w²·target_error² + (1 − w)²·m² with target_error² + m² = d²), and
    no other w has a smaller one at its worst. Cells without predictors keep y9.
    """
    x, y = samples[list(use)].to_numpy(np.float32), samples["target"].to_numpy()
    chosen, _ = tune_absolute(samples, list(use), settings, tuning, threads)
    folds = spatial_folds(samples["row"].to_numpy(), samples["col"].to_numpy())
    estimated = predict_out_of_fold(chosen, x, y, folds, threads)
    square = float(np.mean((y - estimated) ** 2))
    own = square - target_error**2
    contradicted = own < LEAST_OWN_ERROR * square
    if contradicted:
        weight, error = 0.5, math.sqrt(square) / 2
    else:
        weight = own / square if square else 1.0
        error = math.sqrt(weight) * target_error
    goal = np.array(cells.target, float)
    goal[samples["row"] - cells.window.row, samples["col"] - cells.window.column] = estimated + weight * (y - estimated)
    return Weighed(goal, weight, error, math.sqrt(square), contradicted)


def crossed_coverage(errors: Errors, interval: float) -> pd.DataFrame:
    """The errors' table with `lower` and `upper` one scale up, of the quantile of the scores of all other folds."""
    table = errors.table
    if table.empty:
        return table
    scores, scale = errors.scores(), np.empty(len(table))
    for fold in table["fold"].unique():
        here = (table["fold"] == fold).to_numpy()
        scale[here] = conformal_quantile(scores[~here], interval)
    return table.assign(
        lower=table["estimated"] - scale * table["below"], upper=table["estimated"] + scale * table["above"]
    )


def block_offsets(
    model: Model, x: NDArray, calibration: Calibration, rows_at_once: int = 50_000
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far the interval reaches below and above the map at pixels x (n, predictors), before the target's error.

    NaN where the calibration has no scale.
    """
    below, above = np.full((2, len(x)), np.nan, np.float32)
    if calibration.scale is None:
        return below, above
    factor = calibration.scale * calibration.roughness
    for start in range(0, len(x), rows_at_once):
        part = slice(start, start + rows_at_once)
        found = spread(model, x[part], calibration.interval, calibration.addition, calibration.least_spread)
        below[part], above[part] = (factor * side for side in found)
    return below, above
