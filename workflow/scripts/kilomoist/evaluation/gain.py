"""Gain of a map over interpolated SMAP, predicted by a run before any truth is read, and the verdict that follows.

With D² for the mean square of the detail that interpolation lacks at 1 km, U² for what is left of it in the map, and
SMAP's error at the cells, of variance σ² = i² + p², i² independent of the predictors and p² told by them:

    MSE(SMAP, bilinear) = D² + b·σ²             MSE(map) = U² + k·E
    E = M + σ² − 2·d·(i² + (1 − l)·p²)          gain = 1 − MSE(map) / MSE(SMAP, bilinear)

E is the error variance of the cells that the map is held to: M the mean square of what was taken from SMAP's values, d
the mean share of SMAP's own part y9 − f(x9) that was dropped, l the share of p that f has learned; b and k are what
interpolation, without and with reconciliation, makes of such errors (`ERROR_SHAPES`). What a run cannot know is drawn
from a stated range (`Priors`), so that the gain has an interval. docs/scores.md says what the ranges rest on.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import Values
from kilomoist.evaluation.worth import GAIN_INTERVAL, UNTOLD, USE_MAP, USE_SMAP, WORTH
from kilomoist.grids import COARSE_SIDE
from kilomoist.learning.detail import detail_folds, reconciled_rows
from kilomoist.learning.details import Cells, detail_rows
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.tuning import predict_out_of_fold
from kilomoist.mapping.merging import MIN_OWN_ERROR

MIN_ROWS = 400
"""Cells of 18 km below which nothing is said: a ratio of deviations of n has a standard error of √(1 / 2n), 3.5 %,
and in simulated regions of 150 cells verdicts were wrong too often (docs/scores.md)."""
LEAF = 10
"""Training rows a leaf of the forests that tell what the predictors leave unexplained."""
TREES = 25
"""Most trees of these; with twice as many `benchmarks/gain.py` counts the same verdicts and intervals."""
DRAWS = 4000


class ErrorShape(NamedTuple):
    """Mean squares of what errors of a range become, as shares of their variance."""

    interpolated: float
    reconciled: float
    detail: float
    """Beyond coarse cells four times as large: of 9 km beyond 36 km."""
    coarser_detail: float
    """Of means over 18 km beyond 72 km."""


ERROR_SHAPES = {
    36: ErrorShape(0.788, 1.132, 0.636, 0.584),
    40: ErrorShape(0.803, 1.120, 0.585, 0.583),
    72: ErrorShape(0.893, 1.066, 0.313, 0.493),
}
"""By the range (km) of a spherical covariance, from random fields of it (`tests/unit/evaluation/test_gain.py`)."""
INDEPENDENT = (36, 40)
"""Ranges of errors independent of the predictors, km: what SMAP L4 assimilates resolves so much."""
TOLD = ERROR_SHAPES[72]
"""Shape of errors that go with predictors, which are as smooth as these."""


@dataclass(frozen=True)
class Priors:
    """Ranges of what a run cannot know, each number as likely as the other."""

    roughness: tuple[float, float] = (0.66, 0.82)
    """Of what the predictors leave of true soil moisture's detail: deviation at 9 km beyond 36 km / at 18 km beyond 72
    km."""
    told: tuple[float, float] = (0.0, 0.5)
    """Share of the variance of f(x9) that is SMAP's error and not soil moisture."""
    learned: tuple[float, float] = (0.4, 1.0)
    """Share of that error that f, which saw none of a cell's fold, repeats there."""
    scale: tuple[float, float] = (0.5, 1.0)
    """Deviation of detail at 1 km beyond 9 km / at 9 km beyond 36 km."""


PRIORS = Priors()


@dataclass(frozen=True)
class Evidence:
    """What a run knows of its map before any truth is read; mean squares in (m³/m³)²."""

    detail: float
    """Of y9 − B(y36)."""
    left: float
    """Of what the map's way to restore leaves of it, out of fold."""
    unexplained: float
    """Of what the predictors leave of it, out of fold."""
    unexplained_coarser: float
    """The same of means over 18 km beyond 72 km; NaN with fewer than `MIN_ROWS`."""
    rows: int
    """Number of the latter."""
    explained: float
    """Variance of y9 that f(x9) explains out of fold."""
    difference: float
    """Of y9 − f(x9)."""
    taken: float
    """M: of the cells that the map is held to, less SMAP's."""
    dropped: float
    """d: mean share of SMAP's own part that was dropped, 0…1."""
    reconciled: bool


@dataclass(frozen=True)
class Prediction:
    """Predicted gain over interpolated SMAP with its interval, the verdict, and medians of its parts."""

    gain: float
    low: float
    high: float
    verdict: str
    reasons: str
    rmse_map: float = np.nan
    rmse_bilinear: float = np.nan
    detail_error_map: float = np.nan
    """U, m³/m³; the parts of `rmse_map` and `rmse_bilinear` too."""
    detail_error_bilinear: float = np.nan
    cell_error_map: float = np.nan
    """√E, m³/m³."""
    independent_error: float = np.nan
    told_error: float = np.nan
    """i and p, m³/m³."""


def evidence(
    cells: Cells,
    samples: pd.DataFrame,
    model: Model,
    settings: LearnerSettings,
    held_to: NDArray | None,
    minimum_fraction: float,
    repeated: float = 1.0,
) -> Evidence:
    """What a run knows of its map: out-of-fold errors at 9 and 18 km, and how far the map follows SMAP.

    `held_to` (rows, columns) are the cells that the map is reconciled with, SMAP's or merged, m³/m³; None without
    reconciliation. `repeated` is the mean reliability of the predictors' detail. Of `absolute` no more detail counts
    than reconciliation restores.

    y9 − f(x9) is by forests of its own: by the estimates that the weight of the merged target was chosen by, gains
    come out too high.
    """
    settings = replace(settings, min_leaf=LEAF, trees=min(settings.trees, TREES))
    row, column = samples["row"], samples["col"]
    x, y = samples[list(model.predictors)].to_numpy(np.float32), samples["target"].to_numpy()
    own = y - predict_out_of_fold(settings, x, y, spatial_folds(row.to_numpy(), column.to_numpy()), 1)
    difference = float(np.mean(own**2))
    taken = np.zeros(len(y))  # from SMAP's values
    if held_to is not None:
        taken = y - held_to[row - cells.window.row, column - cells.window.column]
    elif model.method == "absolute":
        taken = own

    coarser = cells.coarsened(2, minimum_fraction)
    rows = int(coarser.complete().sum())
    unexplained_coarser = np.nan
    if rows >= MIN_ROWS:
        wanted, told = _details(coarser, settings, minimum_fraction)
        unexplained_coarser = float(np.mean((wanted - told) ** 2))
    detail, told = _details(cells, settings, minimum_fraction)
    wanted, offered = detail, (model.alpha if model.method == "detail" else 0.0) * told
    if held_to is not None:
        wanted, offered = (reconciled_rows(cells, values, COARSE_SIDE) for values in (wanted, offered))
    interpolated, restored = float(np.mean(wanted**2)), float(np.mean((wanted - offered) ** 2))
    return Evidence(
        detail=float(np.mean(detail**2)),
        left=interpolated + repeated * (restored - interpolated),
        unexplained=float(np.mean((detail - told) ** 2)),
        unexplained_coarser=unexplained_coarser,
        rows=rows,
        explained=max(float(y.var()) - difference, 0.0),
        difference=difference,
        taken=float(np.mean(taken**2)),
        dropped=float(np.mean(taken * own)) / difference if difference > 0 else 0.0,
        reconciled=held_to is not None,
    )


def _details(cells: Cells, settings: LearnerSettings, minimum_fraction: float) -> tuple[Values, Values]:
    """Detail of the target in all complete cells, and what the predictors' details tell of it out of fold; (rows,)."""
    x, y = detail_rows(cells, minimum_fraction)
    return y, predict_out_of_fold(settings, x, y, detail_folds(cells), 1)


def predicted_gain(known: Evidence, priors: Priors = PRIORS) -> Prediction:
    """Gain that a run predicts for its map, by draws of what it cannot know."""
    if not np.isfinite(known.unexplained_coarser):
        why = f"{known.rows} complete cells of 18 km, {MIN_ROWS} are needed to tell SMAP's error"
        return Prediction(np.nan, np.nan, np.nan, UNTOLD, why)
    random = np.random.default_rng(0)

    def draw(ends: tuple[float, float]) -> Values:
        return random.uniform(*ends, DRAWS)

    shapes = np.array([ERROR_SHAPES[reach] for reach in INDEPENDENT])[random.integers(len(INDEPENDENT), size=DRAWS)]
    shape = ErrorShape(*shapes.T)
    rough = draw(priors.roughness) ** 2 * np.exp(random.normal(0, np.sqrt(2 / known.rows), DRAWS))
    excess = known.unexplained - rough * known.unexplained_coarser
    independent = np.maximum(excess / (shape.detail - rough * shape.coarser_detail), 0)
    independent = np.minimum(independent, (1 - MIN_OWN_ERROR) * known.difference)
    told = draw(priors.told) * known.explained
    error = independent + told
    cells = np.maximum(known.taken + error - 2 * known.dropped * (independent + (1 - draw(priors.learned)) * told), 0)
    missing = np.maximum(known.detail - shape.detail * independent, 0.1 * known.detail) * draw(priors.scale) ** 2
    left = missing * known.left / known.detail
    bilinear = missing + shape.interpolated * independent + TOLD.interpolated * told
    growth = shape.reconciled * independent + TOLD.reconciled * told if known.reconciled else bilinear - missing
    mapped = left + cells * np.divide(growth, error, out=np.ones(DRAWS), where=error > 0)
    low, gain, high = np.quantile(1 - mapped / bilinear, [(1 - GAIN_INTERVAL) / 2, 0.5, (1 + GAIN_INTERVAL) / 2])

    def median(square: NDArray) -> float:
        return float(np.sqrt(np.median(square)))

    ratio = np.sqrt(known.unexplained / known.unexplained_coarser)
    reasons = (
        f"the deviation of what the predictors leave of the detail of 9 km is {ratio:.2f} of that of 18 km, for soil "
        f"moisture {priors.roughness[0]:.2f} to {priors.roughness[1]:.2f}: SMAP errs by about "
        f"{median(independent):.3f} m3/m3 independently of the predictors, and by up to "
        f"{np.sqrt(priors.told[1] * known.explained):.3f} m3/m3 with them, which no run "
        f"sees; the map restores {1 - known.left / known.detail:.0%} of the detail one level up and drops "
        f"{known.dropped:.0%} of SMAP's own part"
    )
    parts = [median(part) for part in (mapped, bilinear, left, missing, cells, independent, told)]
    return Prediction(float(gain), float(low), float(high), verdict_of(low, high), reasons, *parts)


def verdict_of(low: float, high: float) -> str:
    """The verdict that an interval of the gain gives."""
    return USE_MAP if low > WORTH else USE_SMAP if high < WORTH else UNTOLD
