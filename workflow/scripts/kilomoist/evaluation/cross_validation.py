"""Cross-validation: estimates of rows by models that saw none of their fold."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.evaluation.knndm import knndm_folds
from kilomoist.evaluation.null_estimates import null_estimates
from kilomoist.evaluation.validation_folds import block_folds, random_folds
from kilomoist.grids import CELL_SIDE, M01, Window, geographic_from_ease
from kilomoist.learning import learners
from kilomoist.learning.absolute import tune_absolute
from kilomoist.learning.coarser_scale import MIN_TRAINING_ROWS
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.training_folds import FOLDS, out_of_fold
from kilomoist.learning.tuning import TuningOptions
from kilomoist.predictors.samples import PLACES

_MAP_POINTS = 10_000
"""Pixels that stand for the map where distances to it are asked for."""


def fold_estimates(
    samples: pd.DataFrame,
    use: Sequence[str],
    settings: LearnerSettings,
    folds: NDArray[np.int64],
    tuning: TuningOptions | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Estimates of every row by models that saw no row of its fold: `absolute`, the mean and a linear model.

    With `tuning`, `absolute` is tuned anew for each fold on the rows of the others, lest the score be the one that was
    tuned; without, it has `settings`. `detail` is not among them: it is given SMAP at the coarser scale, which holds
    the row's own value.
    """
    x, y = samples[list(use)].to_numpy(np.float32), samples["target"].to_numpy()
    estimates = {name: np.full(len(y), np.nan) for name in ("absolute", "mean", "linear")}

    def predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        if len(train) < MIN_TRAINING_ROWS:
            return np.full(len(test), np.nan)
        for name, values in null_estimates(x[train], y[train], x[test]).items():
            estimates[name][test] = values
        chosen = settings
        if tuning:
            chosen, _ = tune_absolute(samples.iloc[train], list(use), settings, tuning, threads)
        return learners.predict_mean(learners.fit(chosen, x[train], y[train], threads, only_mean=True), x[test])

    estimates["absolute"] = out_of_fold(folds, predict)
    return samples[list(PLACES)].assign(observed=y, fold=folds, **estimates)


def folds_of(
    protocol: str,
    samples: pd.DataFrame,
    mapped: NDArray[np.bool_],
    window: Window,
    autocorrelation_range: float,
    seed: int,
) -> tuple[NDArray[np.int64], str]:
    """Folds of the rows by the name of a protocol, and a sentence on what they are.

    `random_folds`; `blocks`, at least as large as `autocorrelation_range` (m); `knndm`, as far from each other as the
    map's pixels are from the rows, where `mapped` is the window's cells that have pixels. Raises `TooFewBlocksError`
    for a region that has too few blocks.
    """
    longitude, latitude = samples["lon"].to_numpy(), samples["lat"].to_numpy()
    if protocol == "random_folds":
        return random_folds(len(samples), FOLDS, seed), f"{FOLDS} folds by chance"
    if protocol == "blocks":
        found = block_folds(
            samples["row"].to_numpy(), samples["col"].to_numpy(), latitude, autocorrelation_range, FOLDS
        )
        return found.folds, (
            f"{FOLDS} folds of {found.number} blocks of {found.rows} × {found.columns} cells, as long as the range of "
            f"{autocorrelation_range / 1000:.0f} km"
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
