"""Residual weight: how much of what SMAP says beyond the predictors is soil moisture, told by field points."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kilomoist.evaluation.bootstrap import (
    MIN_BLOCKS,
    RESAMPLES,
    Blocks,
    drawn_sums,
    square_blocks,
    variance_correction,
)
from kilomoist.evaluation.effective_size import Values, complete_rows, projected
from kilomoist.evaluation.variograms import lags_of, variogram
from kilomoist.evaluation.worth import WEIGHT_INTERVAL
from kilomoist.grids import M09

MIN_PIXELS = 30
"""Pixels below which there is no weight: ten for each of the three coefficients."""


@dataclass(frozen=True)
class ResidualWeight:
    """Coefficients of z = a + b·f + w·(y9 − f), and w / b with its 90 % interval; what cannot be told is NaN."""

    a: float
    b: float
    w: float
    weight: float
    low: float
    high: float
    pixels: int
    cells: int
    blocks: float
    """Effective number of blocks."""
    says: str
    """What the interval means, in words."""

    def row(self) -> dict[str, float | str]:
        """The row of `tables/residual_weight.csv`."""
        return dict(vars(self))


def residual_weight(
    fields: Mapping[str, NDArray], places: NDArray, cells: NDArray, autocorrelation_range: float, seed: int = 0
) -> ResidualWeight:
    """Weight w / b of SMAP's own part by least squares of z = a + b·f + w·(y9 − f) over pixels with points.

    `fields` are `observed` z, `estimated` f out of fold and `target` y9, m³/m³, (pixels,) each; `places` (pixels, 2)
    longitude and latitude, `cells` (pixels,) names that pixels of one cell share. In f + (w / b)·(y9 − f), 1 is SMAP as
    it is, 0 what its model says alone: the coefficients of the best linear estimate, whoever errs.

    The interval is Fieller's for a ratio (1954, doi 10.1111/j.2517-6161.1954.tb00159.x): all θ with |w − θ·b| ≤ t·s, s
    the standard error of w − θ·b over draws of blocks, corrected like t's degrees of freedom as `ScoredRows` has them.
    It has no end where b cannot be told from 0. Blocks are as long as what a row adds to w / b is alike, no shorter
    than a cell; `autocorrelation_range` (m) is taken where that has no variogram.
    """
    names = ("observed", "estimated", "target")
    (z, f, y9, cell), places = complete_rows([*(fields[name] for name in names), _numbers(cells)], places)
    pixels, number = len(z), len(np.unique(cell))

    def unknown(why: str, **found: float) -> ResidualWeight:
        nothing = dict.fromkeys(("a", "b", "w", "weight", "low", "high", "blocks"), math.nan)
        return ResidualWeight(**(nothing | found), pixels=pixels, cells=number, says=why)

    if pixels < MIN_PIXELS:
        return unknown(f"cannot be told: {pixels} pixels with points, {MIN_PIXELS} are needed")
    own = y9 - f
    if not (np.ptp(f) and np.ptp(own)):
        return unknown("cannot be told: SMAP, or what its model says, is the same at all points")
    middle, scale = np.array([f.mean(), own.mean()]), np.array([1.0, f.std(), own.std()])
    x = np.stack([np.ones(pixels), *((np.stack([f, own]) - middle[:, None]) / scale[1:, None])], axis=1)
    # Sums of the products of (1, f, y9 − f) with one another and with z: all that least squares needs.
    terms = np.einsum("ni,nj->nij", x, np.column_stack([x, z])).reshape(pixels, -1)

    def solve(sums: Values) -> Values:
        system = sums.reshape(*sums.shape[:-1], 3, 4)
        return (np.linalg.pinv(system[..., :3], hermitian=True) @ system[..., 3:])[..., 0] / scale

    level, b, w = map(float, solve(terms.sum(axis=0)))
    weight = w / b
    left = (z - x @ (np.array([level, b, w]) * scale)) / pixels
    added = (left[:, None] * x @ np.linalg.pinv(x.T @ x / pixels)) / scale @ [0, -weight, 1]
    blocks = _blocks(added, places, autocorrelation_range, seed)
    known = {"a": level - float(middle @ [b, w]), "b": b, "w": w, "weight": weight, "blocks": blocks.effective}
    if blocks.effective < MIN_BLOCKS:
        return unknown(
            f"cannot be told: the points are worth {blocks.effective:.1f} blocks, {MIN_BLOCKS} are needed", **known
        )
    factor, degrees = variance_correction(blocks)
    sums = np.stack([np.bincount(blocks.index, column) for column in terms.T], axis=1)
    spread = factor * np.cov(solve(drawn_sums(sums, seed, RESAMPLES))[:, 1:].T)
    low, high = fieller(b, w, spread, degrees)
    found = known | {"low": low, "high": high}
    return ResidualWeight(**found, pixels=pixels, cells=number, says=in_words(low, high))


def fieller(b: float, w: float, covariance: Values, degrees: float) -> tuple[float, float]:
    """Ends of the 90 % interval of w / b; −∞ and ∞ where b cannot be told from 0. `covariance` (2, 2) of (b, w)."""
    from scipy.special import stdtrit

    square = float(stdtrit(degrees, (1 + WEIGHT_INTERVAL) / 2)) ** 2
    leading, middle, constant = (
        left - square * share
        for left, share in zip((b * b, b * w, w * w), covariance[[0, 0, 1], [0, 1, 1]], strict=True)
    )
    if leading <= 0 or (inner := middle**2 - leading * constant) < 0:
        return -math.inf, math.inf
    return (middle - math.sqrt(inner)) / leading, (middle + math.sqrt(inner)) / leading


def in_words(low: float, high: float) -> str:
    """What an interval of the residual weight means."""
    if math.isinf(low):
        return "undetermined: what the model says cannot be told from the mean at the points"
    if low <= 0 and high >= 1:
        return "cannot be told: SMAP's own part may be all soil moisture or all error"
    if low <= 0:
        return "SMAP's own part is error as far as the points tell: drop it (method absolute, not reconciled)"
    if high >= 1:
        return "SMAP's own part is soil moisture as far as the points tell: conserve it (map.reconcile: true)"
    return "SMAP's own part is soil moisture and error: merge it (map.reconcile: measured, or warranted if not sure)"


def _numbers(cells: NDArray) -> Values:
    return np.unique(cells, return_inverse=True)[1].astype(float)


def _blocks(added: Values, places: Values, autocorrelation_range: float, seed: int) -> Blocks:
    """Squares as long as what each row adds is alike, no shorter than a cell."""
    longitude, latitude = places.T
    try:
        length = variogram(added, lags_of(longitude, latitude, seed)).autocorrelation_range
    except ValueError:  # too few distances for a variogram
        length = autocorrelation_range
    return square_blocks(projected(places), max(length, M09.side))
