"""Protocols: estimates of values that those who made them had not seen, beside what a map must beat.

Each protocol gives a table with one row a 9 km cell: row, col, lon, lat, `observed`, and a column of each estimate, by
its name in `ESTIMATES`. Estimates of one table are compared on the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist import models
from kilomoist.cells import Values, aligned, block_mean, coarsen, null_models, reconcile
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, M09, Window, geographic_from_ease
from kilomoist.methods import Cells, fit_absolute, fit_detail, predict_map
from kilomoist.models import Settings
from kilomoist.scores import score


@dataclass(frozen=True)
class Estimate:
    """How an estimate is called in tables; `model` is empty where it is the configuration's kind."""

    method: str
    model: str = ""


ESTIMATES: dict[str, Estimate] = {
    "absolute": Estimate("absolute"),
    "absolute_reconciled": Estimate("absolute, reconciled"),
    "detail": Estimate("detail"),
    "detail_reconciled": Estimate("detail, reconciled"),
    "mean": Estimate("null model", "mean"),
    "linear": Estimate("null model", "linear"),
    "copied": Estimate("null model", "copied"),
    "bilinear": Estimate("null model", "bilinear"),
    "bilinear_reconciled": Estimate("null model", "bilinear, reconciled"),
}
"""Every estimate that a protocol may have, in the order of the tables."""
NULLS = tuple(name for name, estimate in ESTIMATES.items() if estimate.method == "null model")
PLACES = ("row", "col", "lon", "lat")
_FEWEST_TRAINING_ROWS = 20
"""Rows below which nothing is trained in a fold or one level up."""


def estimates_of(table: pd.DataFrame) -> list[str]:
    """The estimates that a table of a protocol has, in the order of `ESTIMATES`."""
    return [name for name in ESTIMATES if name in table]


def split_estimates(samples: pd.DataFrame, use: Sequence[str], absolute: NDArray) -> dict[str, pd.DataFrame]:
    """The study's protocols `train` and `random` from the estimates of a model of the training rows, one a row."""
    is_train = (samples["split"] == "train").to_numpy()
    x, y = samples[list(use)].to_numpy(float), samples["target"].to_numpy()
    table = samples[list(PLACES)].assign(observed=y, absolute=absolute, **_null_estimates(x[is_train], y[is_train], x))
    return {name: table[rows].reset_index(drop=True) for name, rows in (("train", is_train), ("random", ~is_train))}


def cross_validate(
    samples: pd.DataFrame, use: Sequence[str], settings: Settings, folds: NDArray[np.int64], threads: int = 1
) -> pd.DataFrame:
    """Estimates of every row by models that saw no row of its fold: `absolute`, the mean and a linear model.

    `detail` is not among them: it is given SMAP at the coarser scale, which holds the row's own value.
    """
    x, y = samples[list(use)].to_numpy(np.float32), samples["target"].to_numpy()
    estimates = {name: np.full(len(y), np.nan) for name in ("absolute", "mean", "linear")}
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        if train.sum() < _FEWEST_TRAINING_ROWS:
            continue
        fitted = models.fit(settings, x[train], y[train], threads, only_mean=True)
        estimates["absolute"][test] = models.predict_mean(fitted, x[test])
        for name, values in _null_estimates(x[train], y[train], x[test]).items():
            estimates[name][test] = values
    return samples[list(PLACES)].assign(observed=y, fold=folds, **estimates)


def degrade_restore(
    cells: Cells,
    use: Sequence[str],
    settings: Settings,
    min_leaf: int | str,
    minimum_fraction: float,
    threads: int = 1,
) -> tuple[pd.DataFrame, str]:
    """Everything one level up: learned at 36 km (`detail`: from 144 km to 36 km), mapped to 9 km, where SMAP is known.

    `cells` are the region's 9 km cells. Returns the estimates of all complete cells that lie in a coarse cell with a
    value, and a sentence on what could not be learned (empty when all could); the table is empty when nothing could.
    """
    use = list(use)
    target, coarse = coarsen(cells.target, cells.window, COARSE_SIDE, minimum_fraction)
    predictors = np.stack(
        [coarsen(layer, cells.window, COARSE_SIDE, minimum_fraction)[0] for layer in cells.predictors]
    )
    above = Cells(target, predictors, coarse)
    samples = _rows_of(above, use)
    if len(samples) < _FEWEST_TRAINING_ROWS:
        return pd.DataFrame(), f"{len(samples)} complete cells of 36 km, {_FEWEST_TRAINING_ROWS} are needed to learn"
    fine = coarse.refined(COARSE_SIDE)
    stack, truth = (aligned(layers, cells.window, COARSE_SIDE)[0] for layers in (cells.predictors, cells.target))
    known = np.isfinite(np.kron(target, np.ones((COARSE_SIDE, COARSE_SIDE))))
    valid = np.isfinite(stack).all(axis=0) & np.isfinite(truth) & known
    stack[:, ~valid] = np.nan
    detail, _ = fit_detail(above, use, settings, min_leaf, minimum_fraction, threads)
    absolute, _ = fit_absolute(samples, use, settings, min_leaf, threads)
    maps = {model.method: predict_map(model, stack, fine, above, COARSE_SIDE) for model in (absolute, detail)}
    maps |= {
        f"{name}_reconciled": reconcile(values, target, COARSE_SIDE, coarse, minimum_fraction)[0]
        for name, values in maps.items()
    }
    maps |= null_models(target, coarse, valid, COARSE_SIDE, minimum_fraction)
    x, y = samples[use].to_numpy(float), samples["target"].to_numpy()
    note = ""
    if detail.estimator is None:
        for name in ("detail", "detail_reconciled"):
            del maps[name]
        note = f"detail: {detail.coarse_cells} complete cells of 144 km, too few to learn detail from"
    row, column = np.nonzero(valid)
    table = _placed(fine, row, column).assign(
        observed=truth[valid],
        **{name: values[valid] for name, values in maps.items()},
        **_null_estimates(x, y, stack[:, valid].T),
    )
    return table, note


def score_table(protocol: str, table: pd.DataFrame, kind: str, note: str) -> list[dict[str, Any]]:
    """Scores of each estimate of a protocol, and its skill against each null model: 1 − MSE / MSE(null model)."""
    observed = table["observed"].to_numpy() if len(table) else np.empty(0)
    rows = []
    estimates = estimates_of(table)
    together = np.isfinite(table[estimates].to_numpy(float)).all(axis=1) if estimates else np.empty(0, bool)
    squares = {name: float(np.mean((table[name].to_numpy() - observed)[together] ** 2)) for name in estimates}
    for name in estimates:
        described = ESTIMATES[name]
        rows.append(
            {"protocol": protocol, "method": described.method, "model": described.model or kind}
            | score(observed[together], table[name].to_numpy()[together])
            | {f"skill_{null}": 1 - squares[name] / squares[null] for null in NULLS if squares.get(null)}
            | {"note": note}
        )
    return rows or [{"protocol": protocol, "note": note}]


def truth_table(maps: Mapping[str, NDArray], truth: NDArray) -> pd.DataFrame:
    """Scores of maps against a true one, over the pixels that all have, as a whole and of deviations within cells.

    Arrays are (rows × 9, columns × 9) over whole cells. `support` is `1 km` or `within cells`: what a downscaled map
    adds lies in the deviations from the cell's mean, where copied values have none.
    """
    common = np.isfinite(truth) & np.all([np.isfinite(values) for values in maps.values()], axis=0)
    fields = {name: np.where(common, values, np.nan).astype(float) for name, values in maps.items()}
    true = np.where(common, truth, np.nan).astype(float)
    rows = []
    for support in ("1 km", "within cells"):
        within = support == "within cells"
        seen = {name: deviations(values) if within else values for name, values in fields.items()}
        wanted = deviations(true) if within else true
        squares = {name: float(np.mean((values - wanted)[common] ** 2)) for name, values in seen.items()}
        rows += [
            {"map": name, "support": support}
            | score(wanted[common], values[common])
            | {f"skill_{null}": 1 - squares[name] / squares[null] for null in NULLS if squares.get(null)}
            for name, values in seen.items()
        ]
    return pd.DataFrame(rows)


def deviations(values: NDArray) -> Values:
    """Pixels' deviations from the mean of their cell's finite pixels."""
    mean, _ = block_mean(values, CELL_SIDE)
    return values - np.kron(mean, np.ones((CELL_SIDE, CELL_SIDE)))


def _null_estimates(x: NDArray, y: NDArray, of: NDArray) -> dict[str, Values]:
    """What needs no forest: the mean of the training rows, and a linear model of them."""
    linear = models.fit(Settings("linear", 1, 0), x, y)
    return {"mean": np.full(len(of), y.mean()), "linear": models.predict_mean(linear, of)}


def _rows_of(cells: Cells, use: list[str]) -> pd.DataFrame:
    """Complete cells as training rows, all of them in the training split."""
    row, column = np.nonzero(cells.complete())
    return pd.DataFrame(
        {
            "row": row + cells.window.row,
            "col": column + cells.window.column,
            "target": cells.target[row, column],
            **dict(zip(use, cells.predictors[:, row, column], strict=True)),
            "split": "train",
        }
    )


def _placed(window: Window, row: NDArray, column: NDArray) -> pd.DataFrame:
    longitude, latitude = geographic_from_ease(M09.x_centres(window)[column], M09.y_centres(window)[row])
    return pd.DataFrame({"row": row + window.row, "col": column + window.column, "lon": longitude, "lat": latitude})
