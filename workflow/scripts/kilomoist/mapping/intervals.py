"""Prediction intervals of the map."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values
from kilomoist.learning import learners
from kilomoist.learning.models import Model

_ROWS_AT_ONCE = 50_000


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


def spread(model: Model, x: NDArray, interval: float, cqr_margin: float, minimum: float) -> tuple[Values, Values]:
    """Spread that a model expects below and above its mean at rows x (n, predictors), m³/m³, two (n,).

    `absolute`: the distances of its mean from its quantiles, plus `cqr_margin` (conformalised quantile regression, CQR:
    Romano et al. 2019, arXiv 1905.03222). `detail`: half the distance of both quantiles on either side. Models without
    quantiles, and a `detail` that uses nothing of what it learned, expect 1 everywhere.
    """
    found = None
    if model.estimator is not None and model.alpha > 0:
        found = learners.predict_quantiles(model.estimator, x, tails(interval))
    if found is None:
        return np.ones(len(x)), np.ones(len(x))
    low, high = found.T
    if model.method == "detail":
        half = np.maximum((high - low) / 2, minimum)
        return half, half
    mean = learners.predict_mean(model.estimator, x)
    return np.maximum(mean - low + cqr_margin, minimum), np.maximum(high - mean + cqr_margin, minimum)


def tails(interval: float) -> list[float]:
    """Levels of the two quantiles between which a share `interval` lies."""
    return [(1 - interval) / 2, (1 + interval) / 2]


def block_offsets(model: Model, predictors: NDArray, calibration: Calibration) -> dict[str, NDArray[np.float32]]:
    """Distances of the interval's ends `below` and `above` the map, m³/m³, before the target's error.

    `predictors` are (predictors, rows, columns) in the space that the model sees. NaN where any is missing, and
    everywhere when the calibration has no quantile.
    """
    valid = np.isfinite(predictors).all(axis=0)
    below, above = np.full((2, valid.sum()), np.nan, np.float32)
    if calibration.quantile is not None:
        x, factor = predictors[:, valid].T.astype(np.float32), calibration.quantile * calibration.error_scale_ratio
        for start in range(0, len(x), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            found = spread(model, x[part], calibration.interval, calibration.cqr_margin, calibration.min_spread)
            below[part], above[part] = (factor * side for side in found)
    offsets = np.full((2, *valid.shape), np.nan, np.float32)
    offsets[:, valid] = below, above
    return {"below": offsets[0], "above": offsets[1]}


def interval_block(
    values: NDArray, offsets: Mapping[str, NDArray], error: float, interval: float, bounds: tuple[float, float]
) -> dict[str, NDArray[np.float32]]:
    """Ends `lower` and `upper` of a block's intervals, within bounds: they move with the map as it is reconciled.

    The offsets `below` and `above` (`block_offsets`) are widened by the target's standard error (m³/m³) to
    √(offset² + (z·error)²), z the normal quantile of `interval`.
    """
    from scipy.stats import norm

    own = norm.ppf((1 + interval) / 2) * error
    ends = {"lower": values - np.hypot(offsets["below"], own), "upper": values + np.hypot(offsets["above"], own)}
    return {name: np.clip(end, *bounds).astype(np.float32) for name, end in ends.items()}
