"""Maps in percent of saturation against soil moisture: by rank, and after linear matching to the observed values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.evaluation.assessments import Scored
from kilomoist.evaluation.scores import score
from kilomoist.names import MATCHED

MIN_PIXELS = 3
"""Pixels below which no line is drawn through the others."""
_OF_RANKS = ("r", "r_low", "r_high", "effective_n", "p_effective", "r_km", "r_blocks")


def linearly_matched(index: NDArray, observed: NDArray) -> NDArray[np.float64]:
    """What the least-squares line through all *other* pixels says at each (leave-one-out), m³/m³.

    An index that is constant among the others says their mean. Raises `ValueError` for fewer than `MIN_PIXELS`.
    """
    if len(index) < MIN_PIXELS:
        raise ValueError(f"no line through {len(index)} pixels")
    matched = np.empty(len(index))
    for pixel in range(len(index)):
        x, y = np.delete(index, pixel), np.delete(observed, pixel)
        deviation = x - x.mean()
        slope = deviation @ y / (deviation @ deviation) if np.ptp(x) else 0.0
        matched[pixel] = y.mean() + slope * (index[pixel] - x.mean())
    return matched


def without_line(row: dict[str, Any]) -> dict[str, Any]:
    """Scores of a map without those that the line of a linearly matched one makes: its bias is 0 but for rounding and
    its r what the ranks say better, and of lines through the others below 0 where the index says nothing.
    """
    made = ("r", "bias", "p", "effective") if row["map"].endswith(MATCHED) else ()
    return {name: value for name, value in row.items() if name == "p_rmse" or name.split("_")[0] not in made}


def rank_scores(scored: Scored, index: NDArray) -> dict[str, Any]:
    """Spearman's rank correlation of an index and the observed at the same pixels, as r, with its interval and p."""
    from scipy.stats import rankdata

    observed, estimated = rankdata(scored.observed), rankdata(index)
    found = score(observed, estimated)
    if found["n"]:
        ranked = Scored(observed, {"ranks": estimated}, scored.places, scored.autocorrelation_range, scored.seed)
        found |= ranked.confidence_intervals("ranks")
    return {name: value for name, value in found.items() if name in ("n", "p", *_OF_RANKS)}
