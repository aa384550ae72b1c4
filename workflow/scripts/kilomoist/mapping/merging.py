"""Merging of the target with what a model says of its cells, by their errors."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import Values
from kilomoist.learning.details import Cells

MIN_OWN_ERROR = 0.1
"""Share of the mean square of target − model that must be left to the model, or `target_error` contradicts the data: no
model is taken for three times as good as the target that it learned from."""
MAX_WIDTH = 0.5
"""Width of the interval up to which a weight is taken: one that is wider cannot tell conserving from merging half."""


@dataclass(frozen=True)
class Weighing:
    """How far the target's own part, y9 − f, is held to be soil moisture."""

    weight: float
    """Of the target; the model has the rest."""
    error: float
    """Standard error of the weighted mean, m³/m³."""
    difference: float
    """Root mean square difference of target and model, m³/m³."""
    contradicted: bool
    """True where the differences are too small for the target's error that was said."""


@dataclass(frozen=True)
class MergedTarget(Weighing):
    """Weighted mean of the target's cells and what a model says of them."""

    analysis: Values
    """Weighted mean, m³/m³, (rows, columns)."""
    weights: Values
    """Of the target in each cell, (rows, columns): 1 where the model says nothing, NaN without a target."""


def weigh(target: NDArray, estimated: NDArray, target_error: float) -> Weighing:
    """Weight of the target in the mean of target and model with the smallest error, f + w·(y9 − f).

    With f's error variance m², what the mean square d² of y9 − f has beyond target_error², the mean of both with the
    smallest error has w = m² / (m² + target_error²), if both err independently; its standard error is √w·target_error.
    Where d² leaves m² less than `MIN_OWN_ERROR` of it, target_error is too large for these data and nobody knows whose
    the errors are: with w = ½ the mean's standard error is d / 2 whoever errs (docs/trust.md).
    """
    square = float(np.mean((target - estimated) ** 2))
    own = square - target_error**2
    if own < MIN_OWN_ERROR * square:
        return Weighing(0.5, math.sqrt(square) / 2, math.sqrt(square), True)
    weight = own / square if square else 1.0
    return Weighing(weight, math.sqrt(weight) * target_error, math.sqrt(square), False)


def taken(weight: float, low: float, high: float) -> float | None:
    """The weight within 0 and 1, if its interval is no wider than `MAX_WIDTH`."""
    return min(max(weight, 0.0), 1.0) if high - low <= MAX_WIDTH else None


def measured_weighing(target: NDArray, estimated: NDArray, weight: float, low: float, high: float) -> Weighing:
    """The weight that field points tell, whose interval goes from `low` to `high`.

    With w = m² / (m² + e²) and d² = m² + e² the mean's error is d·√(w·(1 − w)); the largest within the interval counts.
    """
    difference = math.sqrt(np.mean((target - estimated) ** 2))
    at = min(max(0.5, low), high, 1.0) if high > 0 else 0.0
    return Weighing(weight, difference * math.sqrt(at * (1 - at)), difference, False)


def merge_weighed(cells: Cells, samples: pd.DataFrame, estimated: NDArray, found: Weighing) -> MergedTarget:
    """Mean of target and what the model says of each sample, (rows,), by a weight; other cells keep the target."""
    y = samples["target"].to_numpy()
    here = samples["row"] - cells.window.row, samples["col"] - cells.window.column
    analysis = np.array(cells.target, float)
    weights = np.where(np.isfinite(analysis), 1.0, np.nan)
    analysis[here], weights[here] = estimated + found.weight * (y - estimated), found.weight
    return MergedTarget(**vars(found), analysis=analysis, weights=weights)
