"""Prediction intervals of the map, calibrated one scale up, where SMAP is known, and brought down to 1 km.

A method that restores 9 km cells from coarser ones is wrong by errors that can be counted. Conformity scores are those
errors in units of the spread that the model expects at a place; their quantile times the spread is the interval (split
conformal prediction: Papadopoulos et al. 2002, doi 10.1007/3-540-36755-1_29; Lei et al. 2018, doi
10.1080/01621459.2017.1307116), the more alike errors one scale up and at 1 km are. `error_scale_ratio` tells how
large those at 1 km may be beside them. Formulas: docs/trust.md.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import Values
from kilomoist.files import own_file, read_json, write_table
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, M01, M09, Window, geographic_from_ease
from kilomoist.learning import learners
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.coarser_scale import MIN_TRAINING_ROWS, coarse_experiment, null_models
from kilomoist.learning.detail import detail_folds, reconciled_rows
from kilomoist.learning.details import Cells, coarse_values, detail_rows, pixel_detail
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.learning.predictions import model_tags
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.tuning import TuningOptions, fold_models
from kilomoist.names import delivered
from kilomoist.rasters import Mosaic, chunks_of
from kilomoist.reconciliation import reconcile

MIN_SPREAD = 0.1
"""Share of the median spread below which no place's spread is taken: a leaf of equal rows knows no error."""
MIN_ERRORS = 100
"""Errors one scale up below which there is no interval."""


@dataclass(frozen=True)
class Calibration:
    """Conformal calibration: all that turns a model's spread at a pixel into an interval."""

    interval: float
    """Nominal coverage."""
    quantile: float | None
    """Of the conformity scores, errors in spreads; None with fewer than `MIN_ERRORS`: there is no interval."""
    cqr_margin: float
    """Conformal quantile by which CQR widens the forest's quantiles, m³/m³; 0 for `detail`."""
    error_scale_ratio: float
    """Ratio of the error standard deviation at 1 km to that one scale up."""
    min_spread: float
    """m³/m³"""
    errors: int
    """Number of errors one scale up that it rests on."""

    @classmethod
    def read(cls, path: str | Path) -> "Calibration":
        """Read the JSON of its attributes. Raises `InputError` for anything else."""
        with own_file(path, "a calibration"):
            found = cls(**read_json(path))
            numbers = [value for value in vars(found).values() if value is not None or found.quantile is not None]
            if not np.isfinite(np.array(numbers, float)).all():
                raise ValueError(f"it says {found}")
            return found


@dataclass(frozen=True)
class MapSettings:
    """Making of the map whose intervals are calibrated."""

    reconciled: bool
    interval: float | None
    """Nominal coverage; None where no interval is wanted, and no spread is asked for."""
    minimum_fraction: float
    """Share of a coarse cell's cells that its mean needs."""


@dataclass(frozen=True)
class CalibrationSet:
    """Errors of a method one scale up, row by row."""

    table: pd.DataFrame
    """row, col, lon, lat, observed, estimated as the map is made, and the spread `below` and `above` that the model
    expected (all m³/m³); fold, the method's map and the null models by their keys, and the predictors. Empty where
    nothing could be restored."""
    min_spread: float
    """Smallest spread that is taken at 1 km, m³/m³."""
    cqr_margin: float = 0.0
    note: str = ""
    """What was restored from what, or why nothing could be."""
    side: int = CELL_SIDE * COARSE_SIDE
    """Side in km of the coarse cells from which it was restored."""

    def write(self, path: str | Path) -> None:
        """Write the table as Parquet, with what was restored as its attributes."""
        table = self.table.copy(deep=False)
        table.attrs = {"note": self.note, "side": self.side}
        write_table(path, table)

    def conformity_scores(self) -> NDArray[np.float64]:
        """Conformity scores: errors in spreads of the side on which the observed value lies, (rows,)."""
        error = (self.table["observed"] - self.table["estimated"]).to_numpy()
        return np.where(error < 0, -error / self.table["below"].to_numpy(), error / self.table["above"].to_numpy())


def conformal_quantile(scores: NDArray, coverage: float) -> float:
    """Conformal quantile: the ⌈(n + 1)·coverage⌉-th smallest of n conformity scores; infinite where n is too small."""
    rank = math.ceil((len(scores) + 1) * coverage)
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf


def calibrate(errors: CalibrationSet, interval: float, scale_ratio: float) -> Calibration:
    """Calibration by errors one scale up; `scale_ratio` is their `error_scale_ratio`."""
    n = len(errors.table)
    quantile = conformal_quantile(errors.conformity_scores(), interval) if n >= MIN_ERRORS else None
    return Calibration(interval, quantile, errors.cqr_margin, scale_ratio, errors.min_spread, n)


def spread(model: Model, x: NDArray, interval: float, cqr_margin: float, minimum: float) -> tuple[Values, Values]:
    """Spread that a model expects below and above its mean at rows x (n, predictors), m³/m³, two (n,).

    `absolute`: the distances of its mean from its quantiles, plus `cqr_margin` (conformalised quantile regression, CQR:
    Romano et al. 2019, arXiv 1905.03222). `detail`: half the distance of both quantiles on either side. Models without
    quantiles, and a `detail` that uses nothing of what it learned, expect 1 everywhere.
    """
    found = learners.predict_quantiles(model.estimator, x, tails(interval)) if model.uses_predictors else None
    if found is None:
        return np.ones(len(x)), np.ones(len(x))
    low, high = found.T
    if model.method == "detail":
        half = np.maximum((high - low) / 2, minimum)
        return half, half
    mean = learners.predict_mean(learners.first_trees(model.estimator, learners.QUANTILE_TREES), x)
    return np.maximum(mean - low + cqr_margin, minimum), np.maximum(high - mean + cqr_margin, minimum)


def tails(interval: float) -> list[float]:
    """Levels of the two quantiles between which a share `interval` lies."""
    return [(1 - interval) / 2, (1 + interval) / 2]


def min_spread(below: NDArray, above: NDArray) -> float:
    """Smallest spread that is taken for true, m³/m³."""
    return MIN_SPREAD * float(np.median(np.concatenate([below, above]))) if len(below) else 0.0


def block_offsets(model: Model, predictors: NDArray, calibration: Calibration) -> dict[str, NDArray[np.float32]]:
    """Distances of the interval's ends `below` and `above` the map, m³/m³, before the target's error.

    `predictors` are (predictors, rows, columns) in the space that the model sees. NaN where any is missing, and
    everywhere when the calibration has no quantile.
    """
    valid = np.isfinite(predictors).all(axis=0)
    offsets = np.full((2, *valid.shape), np.nan, np.float32)
    if calibration.quantile is not None:
        x = predictors[:, valid].T.astype(np.float32)
        found = spread(model, x, calibration.interval, calibration.cqr_margin, calibration.min_spread)
        offsets[:, valid] = calibration.quantile * calibration.error_scale_ratio * np.stack(found)
    return {"below": offsets[0], "above": offsets[1]}


def detail_errors(
    cells: Cells, settings: LearnerSettings, model: Model, made: MapSettings, threads: int = 1
) -> CalibrationSet:
    """Errors of `detail` when it restores cells from coarser ones, out of fold.

    With R for what reconciliation would leave (`reconciled_detail`), the error is R(y9 − B(y36)) − α·R(ĝ) with ĝ from
    models that saw none of the cell's fold; without reconciliation it is the same without R. At α = 0 these are the
    errors of B(y36).
    """
    x, y = detail_rows(cells, made.minimum_fraction, model.ratio)
    complete, folds = cells.complete(), detail_folds(cells)
    offered, spreads = np.zeros(len(y)), np.ones((2, len(y)))
    if model.alpha > 0:
        for test, estimator in fold_models(settings, x, y, folds, threads, only_mean=made.interval is None):
            offered[test] = model.alpha * learners.predict_mean(estimator, x[test])
            if made.interval is not None:
                spreads[:, test] = spread(replace(model, estimator=estimator), x[test], made.interval, 0.0, 0.0)
    minimum = min_spread(*spreads)
    truth, coarse = cells.target[complete], coarse_values(cells, made.minimum_fraction, model.ratio)
    estimates = {"copied": coarse[complete]}
    for end in ("", "_reconciled"):
        whole, told = (reconciled_rows(cells, part, model.ratio) if end else part for part in (y, offered))
        estimates |= {f"detail{end}": truth - (whole - told), f"bilinear{end}": truth - whole}
    own = dict(zip(model.predictors, cells.predictors[:, complete], strict=True))
    estimated = estimates[delivered("detail", made.reconciled)]
    table = _error_table(complete, cells.window, truth, estimated, np.maximum(spreads, minimum))
    table = table.assign(fold=folds, **estimates, **own)
    note = _detail_note(model, len(np.unique(folds)))
    table = table[np.isfinite(estimated)].reset_index(drop=True)
    return CalibrationSet(table, minimum, note=note, side=CELL_SIDE * model.ratio)


def _detail_note(model: Model, folds: int) -> str:
    """From what `detail` restored, or why it uses no predictor."""
    if not folds:
        return "no cell has the target and every predictor"
    restored = f"restored from {CELL_SIDE * model.ratio} km in {folds} spatial folds, alpha {model.alpha:.2f}"
    return model_tags(model).get("note", restored)


def absolute_errors(
    cells: Cells,
    samples: pd.DataFrame,
    settings: LearnerSettings,
    tuning: TuningOptions,
    model: Model,
    made: MapSettings,
    threads: int = 1,
) -> CalibrationSet:
    """Errors of `absolute` when it learns at 36 km and maps 9 km; none where too few coarse cells are complete.

    Its spread is that of quantiles conformalised on held-out blocks of its own training rows, one scale up in the
    table, at 9 km in `cqr_margin`. So the quantile of the conformity scores is the factor by which the interval has to
    be wider, or may be narrower where the map is reconciled, for the step to the finer scale.
    """
    use = list(model.predictors)
    margin, minimum = 0.0, 0.0
    if made.interval is not None:
        margin, *sides = conformalised(samples[samples["split"] == "train"], use, settings, made.interval, threads)
        minimum = min_spread(*sides)
    above, below, rows = coarse_experiment(cells, use, made.minimum_fraction)
    if len(rows) < MIN_TRAINING_ROWS:
        few = f"{len(rows)} complete cells of 36 km, {MIN_TRAINING_ROWS} are needed to learn"
        return CalibrationSet(pd.DataFrame(), minimum, margin, few)
    coarse_model, _ = fit_absolute(rows, use, settings, tuning, threads)
    valid = below.complete()
    predictors = below.predictors[:, valid]
    x = predictors.T.astype(np.float32)
    whole = np.full(valid.shape, np.nan)
    whole[valid] = learners.predict_mean(coarse_model.estimator, x)
    maps = null_models(above.target, above.window, valid, COARSE_SIDE, made.minimum_fraction) | {"absolute": whole}
    maps["absolute_reconciled"], _ = reconcile(whole, above.target, COARSE_SIDE, above.window, made.minimum_fraction)
    spreads = np.ones((2, len(x)))
    if made.interval is not None:
        own = replace(settings, min_leaf=coarse_model.min_leaf, options=coarse_model.options)
        coarse_margin, *coarse_sides = conformalised(rows, use, own, made.interval, threads)
        spreads[:] = spread(coarse_model, x, made.interval, coarse_margin, min_spread(*coarse_sides))
    estimates = {name: values[valid] for name, values in maps.items()}
    estimated = estimates[delivered("absolute", made.reconciled)]
    table = _error_table(valid, below.window, below.target[valid], estimated, spreads)
    folds = spatial_folds(table["row"].to_numpy(), table["col"].to_numpy())
    table = table.assign(fold=folds, **estimates, **dict(zip(use, predictors, strict=True)))
    return CalibrationSet(table, minimum, margin, f"learned from {len(rows)} cells of 36 km, all of which it had seen")


def conformalised(
    rows: pd.DataFrame, use: Sequence[str], settings: LearnerSettings, interval: float, threads: int
) -> tuple[float, Values, Values]:
    """CQR's margin of both quantiles, by held-out blocks of the rows, and the spreads below and above with it.

    The conformity score of a row is max(q_low − y, y − q_high), with quantiles of models that saw none of its fold.
    Without quantiles everything is 0 but the spreads, which are 1.
    """
    x, y = rows[list(use)].to_numpy(np.float32), rows["target"].to_numpy()
    folds = spatial_folds(rows["row"].to_numpy(), rows["col"].to_numpy())
    low, high, mean = np.zeros((3, len(y)))
    for test, estimator in fold_models(settings, x, y, folds, threads, only_mean=False):
        found = learners.predict_quantiles(estimator, x[test], tails(interval))
        if found is None:
            return 0.0, np.ones(len(y)), np.ones(len(y))
        low[test], high[test] = found.T
        mean[test] = learners.predict_mean(estimator, x[test])
    scores = np.maximum(low - y, y - high)
    margin = min(conformal_quantile(scores, interval), float(np.max(scores)))  # of few scores it is infinite
    return margin, mean - low + margin, high - mean + margin


def crossed_coverage(errors: CalibrationSet, interval: float) -> pd.DataFrame:
    """Errors with `lower` and `upper` one scale up, by the conformal quantile of all other folds' conformity scores."""
    table = errors.table
    if table.empty:
        return table
    scores, quantile = errors.conformity_scores(), np.empty(len(table))
    for fold in table["fold"].unique():
        here = (table["fold"] == fold).to_numpy()
        quantile[here] = conformal_quantile(scores[~here], interval)
    lower, upper = table["estimated"] - quantile * table["below"], table["estimated"] + quantile * table["above"]
    return table.assign(lower=lower, upper=upper)


def repeated_variance(stacks: list[str], cells: Cells, use: list[str], reliability: Sequence[float]) -> Values:
    """Variance over the region of each predictor's detail at 1 km, as far as that repeats; (predictors,).

    `stacks` are the region's blocks of predictors, `reliability` the share of each predictor's variance that repeats.
    """
    pixels, (total, squares), filled = 0, np.zeros((2, len(use))), cells.filled()
    with Mosaic(stacks, M01) as stack:
        for chunk in chunks_of(cells.window):
            window = chunk.refined(CELL_SIDE)
            detail = pixel_detail(stack.stack(window, use), window, filled, CELL_SIDE)
            valid = detail[:, np.isfinite(detail).all(axis=0)]
            pixels += valid.shape[1]
            total += valid.sum(axis=1, dtype=float)
            squares += (valid**2).sum(axis=1, dtype=float)
    return (squares / pixels - (total / pixels) ** 2) * reliability


def error_scale_ratio(
    cells: Cells, detail_variance: NDArray, minimum_fraction: float, factor: int = COARSE_SIDE
) -> float:
    """Upper part of the range of the ratio of errors at 1 km to those one scale up, of `factor` times coarser cells.

    What lies below 9 km cannot be known from 9 km and above. A field whose detail has the same variance in every octave
    has √(log 9 / log `factor`); most have less (docs/trust.md). Where the predictors' detail shrinks less, it is
    the median of theirs: deviations of their details at 1 km, as far as they repeat (`detail_variance`, (predictors,),
    their squares), by those of their details at 9 km.
    """
    x, _ = detail_rows(cells, minimum_fraction, factor)
    coarse = x.std(axis=0, dtype=float) if len(x) else np.zeros(len(detail_variance))
    varying = (coarse > 0) & np.isfinite(detail_variance)
    own = np.sqrt(detail_variance[varying]) / coarse[varying]
    return max(math.sqrt(math.log(CELL_SIDE) / math.log(factor)), float(np.median(own)) if len(own) else 0.0)


def calibrate_interpolation(target: NDArray, window: Window, made: MapSettings) -> Calibration:
    """Calibration of cells (m³/m³) interpolated and, as `made`, reconciled: of `detail` without predictors, α = 0.

    The interval is ± quantile × error_scale_ratio.
    """
    if made.interval is None:
        raise ValueError("an interval has a nominal coverage")
    nothing = Model("detail", "linear", ("target",), 1, 0.0, 0, 0, None)
    cells = Cells(target, target[None], window)
    scale_ratio = error_scale_ratio(cells, np.array([np.nan]), made.minimum_fraction, nothing.ratio)
    return calibrate(detail_errors(cells, LearnerSettings("linear", 1, 1), nothing, made), made.interval, scale_ratio)


def _error_table(
    valid: NDArray[np.bool_], window: Window, observed: NDArray, estimated: NDArray, spreads: Iterable[Values]
) -> pd.DataFrame:
    """A row for each of a window's `valid` cells, of the columns of `CalibrationSet.table` but fold and predictors."""
    row, column = np.nonzero(valid)
    longitude, latitude = geographic_from_ease(M09.x_centres(window)[column], M09.y_centres(window)[row])
    columns = {"row": row + window.row, "col": column + window.column, "lon": longitude, "lat": latitude}
    columns |= {"observed": observed, "estimated": estimated}
    return pd.DataFrame(columns | dict(zip(("below", "above"), spreads, strict=True)))
