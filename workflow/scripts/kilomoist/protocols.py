"""Protocols: estimates of values that those who made them had not seen, beside what a map must beat.

Each protocol gives a table with one row a 9 km cell: row, col, lon, lat, `observed`, and a column of each estimate, by
its name in `scores.ESTIMATES`. Estimates of one table are compared on the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist import models
from kilomoist.cells import Values, aligned, block_deviation, coarsen, null_models, reconcile
from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, M01, M09, Window, geographic_from_ease
from kilomoist.inference import Rows, williams
from kilomoist.methods import Cells, Tuning, fit_absolute, fit_detail, predict_map, tune_absolute
from kilomoist.models import Settings
from kilomoist.predictors import deviation_names
from kilomoist.samples import learned_columns
from kilomoist.scores import ESTIMATES, score, skill
from kilomoist.splits import FOLDS, Lags, block_folds, knndm_folds, lags_of, out_of_fold, random_folds, variogram

PLACES = ("row", "col", "lon", "lat")
_MAP_POINTS = 10_000
"""Pixels that stand for the map where distances to it are asked for."""
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
    x, y = samples[learned_columns(samples, use)].to_numpy(np.float32), samples["target"].to_numpy()
    plain = samples[list(use)].to_numpy(np.float32)
    estimates = {name: np.full(len(y), np.nan) for name in ("absolute", "mean", "linear")}

    def predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> Values:
        if len(train) < _FEWEST_TRAINING_ROWS:
            return np.full(len(test), np.nan)
        for name, values in _null_estimates(plain[train], y[train], plain[test]).items():
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

    `others` are the samples of the other months of the region: all their rows train, and `absolute` is tuned on them.
    `detail` is not among the estimates: it is given the month's own SMAP at the coarser scale. Returns the estimates
    and a sentence on what was learned from. Raises `InputError` when there is no other month.
    """
    if not others:
        raise InputError("There is no other month to learn from: name more than one under `months`.")
    rows = pd.concat(list(others.values()), ignore_index=True)
    x, y, of = rows[list(use)].to_numpy(float), rows["target"].to_numpy(), samples[list(use)].to_numpy(float)
    chosen, _ = tune_absolute(rows, list(use), settings, tuning, threads)
    columns = learned_columns(rows, use)
    estimator = models.fit(chosen, rows[columns].to_numpy(np.float32), y, threads, only_mean=True)
    table = samples[list(PLACES)].assign(
        observed=samples["target"],
        absolute=models.predict_mean(estimator, samples[columns].to_numpy(np.float32)),
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


def level_up(cells: Cells, use: Sequence[str], minimum_fraction: float, subgrid: bool = False) -> Level:
    """A region's 9 km cells as what is mapped, and their means as what is learned from.

    With `subgrid` the samples have the deviations of the cells within each coarse cell too.
    """
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
    if subgrid:
        deviations = block_deviation(aligned(cells.predictors, cells.window, COARSE_SIDE)[0], COARSE_SIDE)
        place = samples["row"] - coarse.row, samples["col"] - coarse.column
        samples = samples.assign(**dict(zip(deviation_names(use), deviations[:, *place], strict=True)))
    return Level(above, samples, coarse.refined(COARSE_SIDE), stack, truth, valid)


def degrade_restore(
    cells: Cells,
    use: Sequence[str],
    settings: Settings,
    tuning: Tuning,
    minimum_fraction: float,
    threads: int = 1,
    subgrid: bool = False,
) -> tuple[pd.DataFrame, str]:
    """Everything one level up: learned at 36 km (`detail`: from 144 km to 36 km), mapped to 9 km, where SMAP is known.

    `cells` are the region's 9 km cells. With `subgrid`, `absolute` learns from their deviations within coarse cells too
    and takes the cells it maps as uniform. Returns the estimates of all complete cells that lie in a coarse cell with a
    value, and a sentence on what could not be learned (empty when all could); the table is empty when nothing could.
    """
    use = list(use)
    level = level_up(cells, use, minimum_fraction, subgrid)
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


@dataclass(frozen=True)
class Scored:
    """Estimates at the same rows, and how sure their scores and differences are.

    What they share is computed once, when it is first asked for: which rows lie how far from each other, draws of rows,
    the autocorrelation of the observed.
    """

    observed: NDArray
    """(rows,), finite like the estimates."""
    estimates: Mapping[str, NDArray]
    """(rows,) each."""
    places: NDArray
    """(rows, 2): longitude and latitude."""
    range_m: float
    """Taken where too few rows or sizes have no range of their own."""
    seed: int
    note: str = ""

    @classmethod
    def of(cls, table: pd.DataFrame, range_m: float, seed: int) -> "Scored":
        """The estimates of a protocol's table, at the rows where all have a value; none where no row has."""
        note, names = table.attrs.get("note", ""), estimates_of(table)
        rows = table[np.isfinite(table[names].to_numpy(float)).all(axis=1)]
        if rows.empty:
            return cls(np.zeros(0), {}, np.zeros((0, 2)), range_m, seed, note)
        estimates = {name: rows[name].to_numpy() for name in names}
        return cls(rows["observed"].to_numpy(), estimates, rows[["lon", "lat"]].to_numpy(), range_m, seed, note)

    def sureness(self, name: str) -> dict[str, float]:
        """Intervals of an estimate's scores by blocks and by rows, and what r is worth.

        Blocks are as long as what a score sums up is alike (its influence function: Hampel 1974, doi
        10.1080/01621459.1974.10482962): the errors for rmse, ubrmse, bias and mae (`errors_km`), what each row adds to
        r and r2 for those (`r_km`). What cannot be said with too few blocks or rows is NaN.
        """
        observed, estimated = self.observed, self.estimates[name]
        reach = self._range(estimated - observed)
        r_reach = max(self._range(one) for one in _influences(observed, estimated))
        columns: dict[str, float] = {"errors_km": reach / 1000, "r_km": r_reach / 1000}
        for length, names in ((r_reach, ("r", "r2")), (reach, ("rmse", "ubrmse", "bias", "mae"))):
            for one in self._rows.intervals(name, length):
                if one.score in names:
                    columns |= {f"{one.score}_low": one.lower, f"{one.score}_high": one.upper}
                    columns |= {
                        f"{one.score}_low_ordinary": one.ordinary_lower,
                        f"{one.score}_high_ordinary": one.ordinary_upper,
                    }
        association = self._rows.associations[name]
        return columns | {"effective_n": association.effective_n, "p_effective": association.p}

    def difference(self, first: str, second: str) -> dict[str, float]:
        """Whether two estimates differ: errors by block bootstrap, correlations by Williams' test.

        `rmse_difference` (first − second), its interval and p by blocks as long as the difference of the squared errors
        is alike, and for independent rows; `r_between`, the correlation of both, and `p_r` of Williams' test with the
        smaller effective number of rows of the two, `p_r_ordinary` with all rows.
        """
        observed, one, two = self.observed, self.estimates[first], self.estimates[second]
        errors = self._rows.difference(first, second, self._range((one - observed) ** 2 - (two - observed) ** 2))[0]
        r = [score(*pair)["r"] for pair in ((observed, one), (observed, two), (one, two))]
        effective = min(self._rows.associations[name].effective_n for name in (first, second))
        return {
            "n": len(observed),
            "rmse_difference": errors.difference,
            "rmse_difference_low": errors.lower,
            "rmse_difference_high": errors.upper,
            "p_rmse": errors.p,
            "p_rmse_ordinary": errors.ordinary_p,
            "r_difference": r[0] - r[1],
            "r_between": r[2],
            "effective_n": effective,
            "p_r": williams(r[0], r[1], r[2], effective).p,
            "p_r_ordinary": williams(r[0], r[1], r[2], len(observed)).p,
        }

    @cached_property
    def _rows(self) -> Rows:
        return Rows.of(self.observed, self.estimates, self.places, geographic=True, seed=self.seed)

    @cached_property
    def _lags(self) -> Lags:
        return lags_of(self.places[:, 0], self.places[:, 1], self.seed)

    def _range(self, values: NDArray) -> float:
        """How far values are alike, in m: the range of their variogram."""
        if np.ptp(values) == 0:
            return self.range_m
        try:
            return variogram(values, self._lags).range_m
        except ValueError:
            return self.range_m


def score_table(protocol: str, scored: Scored, kind: str) -> list[dict[str, Any]]:
    """Scores of each estimate of a protocol, how sure they are, and its skill against each null model.

    Skill is 1 − MSE / MSE(null model). `<score>_low` and `<score>_high` are 95 % intervals by blocks,
    `<score>_low_ordinary` and `<score>_high_ordinary` those for independent rows (`Scored.sureness`); `p` takes rows
    as independent, `p_effective` as many as `effective_n` says (`inference`). Without rows it is the note alone.
    """
    if not scored.estimates:
        return [{"protocol": protocol, "note": scored.note}]
    squares = {name: float(np.mean((values - scored.observed) ** 2)) for name, values in scored.estimates.items()}
    rows = []
    for name, values in scored.estimates.items():
        described = ESTIMATES[name]
        rows.append(
            {"protocol": protocol, "method": described.method, "model": described.model or kind}
            | score(scored.observed, values)
            | scored.sureness(name)
            | skill(name, squares)
            | {"note": scored.note}
        )
    return rows


def difference_table(protocol: str, scored: Scored, reference: str) -> list[dict[str, Any]]:
    """How each estimate of a protocol differs from a reference at the same rows; nothing without the reference."""
    return [
        {"protocol": protocol, "estimate": name, "reference": reference} | scored.difference(name, reference)
        for name in scored.estimates
        if reference in scored.estimates and name != reference
    ]


def _influences(observed: NDArray, estimated: NDArray) -> tuple[Values, Values]:
    """What each row adds to r, z·w − r·(z² + w²) / 2 with standard scores z and w, and to r2, e² − (1 − r2)·d²."""
    deviation, error = observed - observed.mean(), estimated - observed
    spread = max(float(np.std(observed)), np.finfo(float).tiny), max(float(np.std(estimated)), np.finfo(float).tiny)
    z, w = deviation / spread[0], (estimated - estimated.mean()) / spread[1]
    missed = float(np.mean(error**2) / spread[0] ** 2)
    return z * w - np.mean(z * w) * (z**2 + w**2) / 2, error**2 - missed * deviation**2


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
