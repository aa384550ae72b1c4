"""Variograms: the range up to which a field is autocorrelated."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.evaluation.distances import arc_length, chord_length, geocentric
from kilomoist.grids import M09

MAX_LAG = 0.5
"""Share of the greatest distance between rows beyond which variograms take no lags and have no range (Journel
and Huijbregts 1978, Mining Geostatistics, III.B.1)."""
MIN_PAIRS = 30
"""Pairs below which a lag class is left out (the same)."""
MIN_RISE = 0.1
"""Share of the sill by which the fitted variogram must rise over the lags, lest the field be called noise."""
_LAG_CLASSES = 20
_RANGES = 200
"""Ranges that are tried, each some 2 % longer than the one before."""
ANCHORS, PARTNERS = 1000, 20_000
"""Pairs are those of so many random rows with so many others: 2·10⁷ at most, of which 10⁶ are in memory."""
_ANCHORS_AT_ONCE = 50
_SHAPES: dict[str, Callable[[NDArray], NDArray]] = {
    "spherical": lambda u: np.where(u < 1, 1.5 * u - 0.5 * u**3, 1.0),
    "exponential": lambda u: 1 - np.exp(-3 * u),
}
"""f(u) of u = h / range (Webster and Oliver 2007, doi 10.1002/9780470517277, ch. 5); the exponential one is 0.95 at
u = 1: the effective range (the same)."""


@dataclass(frozen=True)
class Variogram:
    """A fitted semivariogram γ(h) = nugget + (sill − nugget)·f(h / range)."""

    model: str
    """`spherical`, `exponential`, or `nugget` where γ does not rise with the distance."""
    autocorrelation_range: float
    """Where γ reaches the sill, or 95 % of its rise for `exponential`; the shortest lag for `nugget`."""
    sill: float
    nugget: float
    """Both in squared units of the values."""
    limited: bool
    """Whether the range is no more than where the search ended: `MAX_LAG` of the greatest distance between rows.
    The field has a trend, or ranges too long for its region."""
    lags: pd.DataFrame
    """One row a lag class: lag_m (mean distance of its pairs), semivariance, pairs, fitted."""


@dataclass(frozen=True)
class Lags:
    """Pairs of rows by classes of their distance: what the variograms of all values at the same places share.

    Every class but the first, of neighbouring cells, is longer than the one before by the same factor.
    """

    order: NDArray[np.int64]
    """(n,): the rows in random order, of which the first ones make pairs."""
    kind: NDArray[np.int8]
    """(anchors, partners): class of each pair; `_LAG_CLASSES` where a pair is not used."""
    pairs: NDArray[np.float64]
    """(`_LAG_CLASSES`,)"""
    mean_m: NDArray[np.float64]
    """(`_LAG_CLASSES`,): mean distance of the pairs of each class, NaN without any."""
    longest_m: float
    """The longest distance that is used."""

    def semivariances(self, values: NDArray) -> pd.DataFrame:
        """γ = Σ(zᵢ − zⱼ)² / 2·pairs (Matheron 1963, doi 10.2113/gsecongeo.58.8.1246) of values (n,).

        Has columns lag_m, semivariance and pairs, and a row for each class with `MIN_PAIRS` pairs.
        """
        ordered, square = np.asarray(values, float)[self.order], np.zeros(_LAG_CLASSES + 1)
        anchors, partners = self.kind.shape
        for one in _chunks(anchors):
            difference = ordered[one, None] - ordered[:partners]
            difference *= difference
            square += np.bincount(self.kind[one].reshape(-1), difference.reshape(-1), _LAG_CLASSES + 1)
        enough = self.pairs >= MIN_PAIRS
        pairs = self.pairs[enough]
        semivariance = square[:-1][enough] / (2 * pairs)
        return pd.DataFrame({"lag_m": self.mean_m[enough], "semivariance": semivariance, "pairs": pairs.astype(int)})


def _chunks(anchors: int) -> list[slice]:
    """So many anchors at a time that the pairs of a chunk fit into memory."""
    return [slice(start, min(start + _ANCHORS_AT_ONCE, anchors)) for start in range(0, anchors, _ANCHORS_AT_ONCE)]


def lags_of(longitude: NDArray, latitude: NDArray, seed: int, anchors: int = ANCHORS, partners: int = PARTNERS) -> Lags:
    """Pairs of the rows at longitudes, latitudes (n,) in degrees; those that make pairs are drawn with `seed`."""
    from scipy.spatial.distance import cdist

    order = np.random.default_rng(seed).permutation(len(longitude))
    points = geocentric(longitude, latitude)[order]
    anchors, partners = min(len(points), anchors), min(len(points), partners)
    longest = MAX_LAG * float(arc_length(cdist(points[:anchors], points[:anchors]).max(initial=0)))
    edges = chord_length(np.append(0, np.geomspace(1.5 * M09.side, max(longest, 3 * M09.side), _LAG_CLASSES)))
    kind = np.full((anchors, partners), _LAG_CLASSES, np.int8)
    pairs, distance = np.zeros((2, _LAG_CLASSES))
    for one in _chunks(anchors):
        chord = cdist(points[one], points[:partners])
        once = (np.arange(partners) > np.arange(anchors)[one, None]) & (chord > 0) & (chord < edges[-1])
        lag_class = np.searchsorted(edges, chord[once], side="right") - 1
        kind[one][once] = lag_class
        pairs += np.bincount(lag_class, minlength=_LAG_CLASSES)
        distance += np.bincount(lag_class, arc_length(chord[once]), _LAG_CLASSES)
    mean = np.divide(distance, pairs, out=np.full(_LAG_CLASSES, np.nan), where=pairs > 0)
    return Lags(order, kind, pairs, mean, longest)


def variogram(values: NDArray, lags: Lags) -> Variogram:
    """Distance up to which values (n,) are alike, from their semivariogram in all directions.

    For each range of a series, nugget and rise of the spherical and the exponential model are found by least squares
    (neither below 0) with weights pairs / lag² (as gstat does: Pebesma 2004, doi 10.1016/j.cageo.2004.03.012); the best
    of all is taken. Where it rises by less than `MIN_RISE` of its sill over all lags, the field is noise: the model is
    `nugget`. Raises ValueError when fewer than three classes of distance have `MIN_PAIRS` pairs.
    """
    table = lags.semivariances(values)
    if len(table) < 3:
        raise ValueError(f"{len(values)} rows have too few pairs for a variogram")
    lag, observed = table["lag_m"].to_numpy(), table["semivariance"].to_numpy()
    weight = table["pairs"].to_numpy() / lag**2
    ranges = np.geomspace(lag[0], max(lags.longest_m, lag[0]), _RANGES)
    shapes = np.concatenate([shape(lag / ranges[:, None]) for shape in _SHAPES.values()])
    nuggets, rises = _least_squares(shapes, observed, weight)
    fits = nuggets[:, None] + rises[:, None] * shapes
    best = int(np.argmin((fits - observed) ** 2 @ weight))
    model, autocorrelation_range, fitted = list(_SHAPES)[best // _RANGES], ranges[best % _RANGES], fits[best]
    nugget, sill = nuggets[best], nuggets[best] + rises[best]
    limited = bool(autocorrelation_range == ranges[-1])
    if fitted[-1] - fitted[0] < MIN_RISE * sill or sill == 0:
        sill = nugget = float(np.average(observed, weights=weight))
        model, autocorrelation_range, limited, fitted = "nugget", lag[0], False, np.full(len(lag), sill)
    return Variogram(
        model, float(autocorrelation_range), float(sill), float(nugget), limited, table.assign(fitted=fitted)
    )


def _least_squares(shapes: NDArray, observed: NDArray, weight: NDArray) -> tuple[NDArray, NDArray]:
    """Nugget and rise, neither below 0, of each nugget + rise · shape that is closest to observed (lags,): (shapes,).

    `shapes` is (shapes, lags). The sum of squares is convex: where its least is not allowed, the least that is has
    either no rise or no nugget.
    """
    share = weight / weight.sum()
    middle, level = shapes @ share, observed @ share
    apart = shapes - middle[:, None]
    spread = apart**2 @ share
    rise = np.divide(apart @ (share * (observed - level)), spread, out=np.zeros(len(shapes)), where=spread > 0)
    rise = np.maximum(rise, 0)
    nugget = level - rise * middle
    without = shapes @ (share * observed) / (shapes**2 @ share)
    return np.maximum(nugget, 0), np.where(nugget < 0, without, rise)
