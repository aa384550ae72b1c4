"""Prediction intervals of the map."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values
from kilomoist.learning import learners
from kilomoist.learning.models import Model


@dataclass(frozen=True)
class Calibration:
    """All that turns a model's spread at a pixel into an interval."""

    interval: float
    """Nominal coverage."""
    scale: float | None
    """Quantile of the conformal scores, errors in spreads; None with fewer than `MIN_ROWS`: there is no interval."""
    addition: float
    """What CQR adds to both sides of the forest's quantiles, m³/m³; 0 for `detail`."""
    error_scale_ratio: float
    """Errors at 1 km as a share of those one scale up."""
    least_spread: float
    """m³/m³"""
    rows: int
    """Errors one scale up that it rests on."""


def spread(model: Model, x: NDArray, interval: float, addition: float, least: float) -> tuple[Values, Values]:
    """How far below and above its mean a model expects values at rows x (n, predictors), m³/m³, two (n,).

    `absolute`: the distances of its mean from its quantiles, plus `addition` (conformalised quantile regression: Romano
    et al. 2019, arXiv 1905.03222). `detail`: half the distance of both quantiles on either side. Models without
    quantiles, and a `detail` that uses nothing of what it learned, expect 1 everywhere.
    """
    found = None
    if model.estimator is not None and model.alpha > 0:
        found = learners.predict_quantiles(model.estimator, x, tails(interval))
    if found is None:
        return np.ones(len(x)), np.ones(len(x))
    low, high = found.T
    if model.method == "detail":
        half = np.maximum((high - low) / 2, least)
        return half, half
    mean = learners.predict_mean(model.estimator, x)
    return np.maximum(mean - low + addition, least), np.maximum(high - mean + addition, least)


def tails(interval: float) -> list[float]:
    """The two quantiles between which a share `interval` lies."""
    return [(1 - interval) / 2, (1 + interval) / 2]


def block_offsets(
    model: Model, x: NDArray, calibration: Calibration, rows_at_once: int = 50_000
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far the interval reaches below and above the map at pixels x (n, predictors), before the target's error.

    NaN where the calibration has no scale.
    """
    below, above = np.full((2, len(x)), np.nan, np.float32)
    if calibration.scale is None:
        return below, above
    factor = calibration.scale * calibration.error_scale_ratio
    for start in range(0, len(x), rows_at_once):
        part = slice(start, start + rows_at_once)
        found = spread(model, x[part], calibration.interval, calibration.addition, calibration.least_spread)
        below[part], above[part] = (factor * side for side in found)
    return below, above


def interval_block(
    values: NDArray, below: NDArray, above: NDArray, error: float, interval: float, bounds: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower and upper end of a block's intervals, within bounds: they move with the map as it is reconciled.

    `below` and `above` are how far the method may be wrong, `error` the target's standard error (m³/m³), with which
    they are widened to √(offset² + (z·error)²), z the normal quantile of `interval`.
    """
    from scipy.stats import norm

    own = norm.ppf((1 + interval) / 2) * error
    lower, upper = values - np.hypot(below, own), values + np.hypot(above, own)
    return np.clip(lower, *bounds).astype(np.float32), np.clip(upper, *bounds).astype(np.float32)
