"""Protocols: estimates of values that those who made them had not seen, beside what a map must beat.

Each protocol gives a table with one row a 9 km cell: row, col, lon, lat, `observed`, and a column of each estimate, by
its name in `scores.ESTIMATES`. Estimates of one table are compared on the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist import models
from kilomoist.cells import Values, aligned, coarsen, null_models, reconcile
from kilomoist.details import Cells
from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, M01, M09, Window, geographic_from_ease
from kilomoist.methods import Tuning, fit_absolute, fit_detail, predict_map, tune_absolute
from kilomoist.models import Settings
from kilomoist.splits import FOLDS, block_folds, knndm_folds, out_of_fold, random_folds

PLACES = ("row", "col", "lon", "lat")
MOST_ROWS = 20_000
"""Rows of other months that a month is estimated from, drawn with the seed: as many as a large country has in a month.
With all of them the time would grow as the square of the months."""
_MAP_POINTS = 10_000
"""Pixels that stand for the map where distances to it are asked for."""
_FEWEST_TRAINING_ROWS = 20
"""Rows below which nothing is trained in a fold or one level up."""


def split_estimates(samples: pd.DataFrame, use: Sequence[str], absolute: NDArray) -> dict[str, pd.DataFrame]:
    """The study's protocols `train` and `random` from the estimates of a model of the training rows, one a row."""
    is_train = (samples["split"] == "train").to_numpy()
    x, y = samples[list(use)].to_numpy(float), samples["target"].to_numpy()
    table = samples[list(PLACES)].assign(observed=y, absolute=absolute, **_null_estimates(x[is_train], y[is_train], x))
    return {name: table[rows].reset_index(drop=True) for name, rows in (("train", is_train), ("random", ~is_train))}


def cross_validate(
    samples: pd.DataFrame,
    use: Sequence[str],
    settings: Settings,
    folds: NDArray[np.int64],
    tuning: Tuning | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Estimates of every row by models that saw no row of its fold: `absolute`, the mean and a linear model.

    With `tuning`, `absolute` is tuned anew for each fold on the rows of the others, lest the score be the one that was
    tuned; without, it has `settings`. `detail` is not among them: it is given SMAP at the coarser scale, which holds
    the row's own value.
    """
    x, y = samples[list(use)].to_numpy(np.float32), samples["target"].to_numpy()
    estimates = {name: np.full(len(y), np.nan) for name in ("absolute", "mean", "linear")}

    def predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> Values:
        if len(train) < _FEWEST_TRAINING_ROWS:
            return np.full(len(test), np.nan)
        for name, values in _null_estimates(x[train], y[train], x[test]).items():
            estimates[name][test] = values
        chosen = settings
        if tuning:
            chosen, _ = tune_absolute(samples.iloc[train], list(use), settings, tuning, threads)
        return models.predict_mean(models.fit(chosen, x[train], y[train], threads, only_mean=True), x[test])

    estimates["absolute"] = out_of_fold(folds, predict)
    return samples[list(PLACES)].assign(observed=y, fold=folds, **estimates)


def leave_month_out(
    samples: pd.DataFrame,
    others: Mapping[str, pd.DataFrame],
    use: Sequence[str],
    settings: Settings,
    tuning: Tuning,
    threads: int = 1,
) -> tuple[pd.DataFrame, str]:
    """Estimates of every row of a month by models that saw other months alone: `absolute`, the mean, a linear model.

    `others` are the samples of the other months of the region: their rows train, `MOST_ROWS` of them at the most, and
    `absolute` is tuned on them.
    `detail` is not among the estimates: it is given the month's own SMAP at the coarser scale. Returns the estimates
    and a sentence on what was learned from. Raises `InputError` when there is no other month.
    """
    if not others:
        raise InputError("There is no other month to learn from: name more than one under `months`.")
    rows = pd.concat(list(others.values()), ignore_index=True)
    if len(rows) > MOST_ROWS:
        chosen_rows = np.random.default_rng(settings.seed).choice(len(rows), MOST_ROWS, replace=False)
        rows = rows.iloc[np.sort(chosen_rows)]
    x, y, of = rows[list(use)].to_numpy(float), rows["target"].to_numpy(), samples[list(use)].to_numpy(float)
    chosen, _ = tune_absolute(rows, list(use), settings, tuning, threads)
    estimator = models.fit(chosen, rows[list(use)].to_numpy(np.float32), y, threads, only_mean=True)
    table = samples[list(PLACES)].assign(
        observed=samples["target"],
        absolute=models.predict_mean(estimator, samples[list(use)].to_numpy(np.float32)),
        **_null_estimates(x, y, of),
    )
    options = {"min_leaf": chosen.min_leaf, **chosen.options}
    tuned = ", ".join(f"{name} {value:g}" for name, value in options.items())
    return table, f"trained on {len(rows)} rows of {', '.join(others)}; {tuned}"


def folds_of(
    protocol: str, samples: pd.DataFrame, mapped: NDArray[np.bool_], window: Window, range_m: float, seed: int
) -> tuple[NDArray[np.int64], str]:
    """Folds of the rows by the name of a protocol, and a sentence on what they are.

    `random_folds`; `blocks`, at least as large as `range_m`; `knndm`, as far from each other as the map's pixels are
    from the rows, where `mapped` is the window's cells that have pixels. Raises `TooFewBlocksError` for a region that
    has too few blocks.
    """
    longitude, latitude = samples["lon"].to_numpy(), samples["lat"].to_numpy()
    if protocol == "random_folds":
        return random_folds(len(samples), FOLDS, seed), f"{FOLDS} folds by chance"
    if protocol == "blocks":
        found = block_folds(samples["row"].to_numpy(), samples["col"].to_numpy(), latitude, range_m, FOLDS)
        return found.folds, (
            f"{FOLDS} folds of {found.number} blocks of {found.rows} × {found.columns} cells, as long as the range of "
            f"{range_m / 1000:.0f} km"
        )
    matched = knndm_folds(longitude, latitude, *_pixels_of(mapped, window, seed), FOLDS, seed)
    how = f"{matched.clusters} clusters" if matched.clusters else "chance, as the rows cover the map"
    return matched.folds, f"{FOLDS} folds of {how}, W = {matched.wasserstein_m / 1000:.1f} km"


def _pixels_of(mapped: NDArray[np.bool_], window: Window, seed: int) -> tuple[NDArray, NDArray]:
    """Longitude and latitude of pixels drawn evenly from cells."""
    random = np.random.default_rng(seed)
    row, column = np.nonzero(mapped)
    drawn = random.integers(0, len(row), _MAP_POINTS)
    pixels = window.refined(CELL_SIDE)
    rows, columns = (one[drawn] * CELL_SIDE + random.integers(0, CELL_SIDE, _MAP_POINTS) for one in (row, column))
    return geographic_from_ease(M01.x_centres(pixels)[columns], M01.y_centres(pixels)[rows])


@dataclass(frozen=True)
class Level:
    """Everything one level up: coarse cells of 36 km to learn from, and the 9 km cells below them to map."""

    above: Cells
    samples: pd.DataFrame
    """Complete coarse cells as training rows."""
    window: Window
    """Of the cells below, whole coarse cells."""
    stack: Values
    """(predictors, *window.shape): the cells' predictors, NaN where `valid` is False."""
    truth: Values
    """The cells' target."""
    valid: NDArray[np.bool_]
    """Complete cells in a coarse cell with a value."""

    @property
    def can_learn(self) -> bool:
        """Whether there are enough coarse cells."""
        return len(self.samples) >= _FEWEST_TRAINING_ROWS


def level_up(cells: Cells, use: Sequence[str], minimum_fraction: float) -> Level:
    """A region's 9 km cells as what is mapped, and their means as what is learned from."""
    target, coarse = coarsen(cells.target, cells.window, COARSE_SIDE, minimum_fraction)
    predictors = np.stack(
        [coarsen(layer, cells.window, COARSE_SIDE, minimum_fraction)[0] for layer in cells.predictors]
    )
    above = Cells(target, predictors, coarse)
    stack, truth = (aligned(layers, cells.window, COARSE_SIDE)[0] for layers in (cells.predictors, cells.target))
    known = np.isfinite(np.kron(target, np.ones((COARSE_SIDE, COARSE_SIDE))))
    valid = np.isfinite(stack).all(axis=0) & np.isfinite(truth) & known
    stack[:, ~valid] = np.nan
    samples = _rows_of(above, list(use))
    return Level(above, samples, coarse.refined(COARSE_SIDE), stack, truth, valid)


def degrade_restore(
    cells: Cells,
    use: Sequence[str],
    settings: Settings,
    tuning: Tuning,
    minimum_fraction: float,
    threads: int = 1,
) -> tuple[pd.DataFrame, str]:
    """Everything one level up: learned at 36 km (`detail`: from 144 km to 36 km), mapped to 9 km, where SMAP is known.

    `cells` are the region's 9 km cells. Returns the estimates of all complete cells that lie in a coarse cell with a
    value, and a sentence on what could not be learned (empty when all could); the table is empty when nothing could.
    """
    use = list(use)
    level = level_up(cells, use, minimum_fraction)
    above, samples, fine, stack, valid = level.above, level.samples, level.window, level.stack, level.valid
    target, coarse = above.target, above.window
    if not level.can_learn:
        return pd.DataFrame(), f"{len(samples)} complete cells of 36 km, {_FEWEST_TRAINING_ROWS} are needed to learn"
    detail, _ = fit_detail(above, use, settings, tuning, minimum_fraction, threads)
    absolute, _ = fit_absolute(samples, use, settings, tuning, threads)
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
        side = CELL_SIDE * COARSE_SIDE * detail.ratio
        note = f"detail: {detail.coarse_cells} complete cells of {side} km, too few to learn detail from"
    row, column = np.nonzero(valid)
    table = _placed(fine, row, column).assign(
        observed=level.truth[valid],
        **{name: values[valid] for name, values in maps.items()},
        **_null_estimates(x, y, stack[:, valid].T),
    )
    return table, note


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
