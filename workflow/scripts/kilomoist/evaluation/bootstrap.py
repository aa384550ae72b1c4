"""Confidence intervals of scores, and of differences of scores, where neighbouring rows resemble each other.

A region of n cells says as much about a score as far fewer independent ones would. The bootstrap draws whole squares of
the region (Hall 1985, doi 10.1016/0304-4149(85)90212-1; Lahiri 2003, doi 10.1007/978-1-4757-3803-2), with a correction
for what squares share with their neighbours; docs/inference.md derives it and says what was measured of it.

`autocorrelation_range` is the range of the spatial autocorrelation, where 5 % of it is left (the practical range of an
exponential or Gaussian variogram), of what a score sums up, its influence function (`assessments` fits the variogram);
in metres with `geographic`, else in the unit of the coordinates.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kilomoist.evaluation.effective_size import Values, complete_rows, p_of_t, projected
from kilomoist.evaluation.scores import score

SCORES = ("r", "r2", "rmse", "ubrmse", "bias", "mae")
"""Scores that have an interval, in the order of the last axis of arrays of scores."""
CONFIDENCE = 0.95
RESAMPLES = 1000
"""Drawn for a standard deviation, which they give to 1 / √(2 · 1000) = 2 %."""
SIDES = (2, 1)
"""Block sides that are tried in turn, in ranges: the first that leaves enough blocks."""
MIN_BLOCKS = 10
"""Effective blocks below which there are no intervals: with 10, the width of an interval has a standard error of
1 / √(2 · 9) = 24 % of itself."""
SQUARES = 4
"""Where `score_terms` has the squared errors."""
_FINEST = 1000
"""Ranges below this fraction of the extent are taken to be it, so that the lattice of blocks stays small."""
_DRAWN_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A score, or a difference of two, with its 95 % confidence interval; what cannot be computed is NaN."""

    value: float
    lower: float
    upper: float
    blocks: float
    """Effective number of blocks."""
    block_side: float
    """In the unit of `autocorrelation_range`."""
    p: float = math.nan
    """Of a difference, two-sided."""


@dataclass(frozen=True)
class Blocks:
    """Squares of a region that are drawn whole."""

    index: NDArray[np.int64]
    """(rows,): the block of each row, counted from 0."""
    lattice: Values
    """(block rows, block columns): rows in each square, 0 in those that are no block."""
    side: float
    autocorrelation_range: float

    @property
    def effective(self) -> float:
        """Effective number of blocks (Kish 1965): (Σ rows)² / Σ rows², their number where all have as many rows."""
        return float(self.lattice.sum() ** 2 / max((self.lattice**2).sum(), 1))


class ScoredRows:
    """Observed values and estimates of them, (rows,) each, at the rows where all are finite."""

    def __init__(
        self,
        observed: NDArray,
        estimates: Mapping[str, NDArray],
        coordinates: NDArray,
        geographic: bool = False,
        seed: int = 0,
        draws: int = RESAMPLES,
    ) -> None:
        """Compute once what scores share; `coordinates` (rows, 2) as in `effective_size`."""
        (y, *columns), places = complete_rows([observed, *estimates.values()], coordinates)
        self._plane = projected(places) if geographic and len(places) else places
        self._scores = {name: score(y, values) for name, values in zip(estimates, columns, strict=True)}
        self._terms = {name: score_terms(y, values - y) for name, values in zip(estimates, columns, strict=True)}
        self._seed, self._draws = seed, draws

    def intervals(self, estimate: str, autocorrelation_range: float) -> dict[str, Interval]:
        """95 % confidence intervals of `scores.score`'s n, r, r2, rmse, ubrmse, bias and mae of an estimate, by block.

        On the scale where a score is closest to normal (`normal_scores`), the interval is score ± t · s · √f: s is the
        standard deviation over draws of blocks, f and the degrees of freedom of Student's t are
        `variance_correction`'s. n is counted, not estimated: it has no interval. With fewer than `MIN_BLOCKS` effective
        blocks intervals are NaN; a perfect estimate has none either. A range that is negative or NaN is a ValueError.
        """
        blocks, value = square_blocks(self._plane, autocorrelation_range), self._scores[estimate]
        center, spread, degrees = self._spread([estimate], blocks, normal_scores)
        half = _half_width(spread, degrees)
        ends = np.sort([natural_scores(center - half), natural_scores(center + half)], axis=0).T
        bounds = {name: pair for name, pair in zip(SCORES, ends, strict=True) if not math.isnan(value[name])}
        found = {}
        for name in ("n", *SCORES):
            lower, upper = map(float, bounds.get(name, (math.nan, math.nan)))
            found[name] = Interval(float(value[name]), lower, upper, blocks.effective, blocks.side)
        return found

    def difference(self, first: str, second: str, autocorrelation_range: float) -> dict[str, Interval]:
        """Differences of the rmse and the r of two estimates, first − second, and skill, with intervals and p.

        Blocks are drawn for both estimates alike, so that what they share cancels. The interval is
        difference ± t · s · √f as in `intervals`, on the scores' own scale, and p is that of difference / (s · √f) in
        the same distribution: p < 0.05 where the interval leaves out 0. Estimates that are equal have p = 1. `skill` is
        1 − MSE / MSE of the second; its interval and p are those of the logarithm of the ratio.
        """
        blocks, names = square_blocks(self._plane, autocorrelation_range), ("rmse", "r")
        numbers = [SCORES.index(name) for name in names]

        def compare(sums: Values) -> Values:
            one, two = np.split(sums, 2, axis=-1)
            apart = summed_scores(one)[..., numbers] - summed_scores(two)[..., numbers]
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.log(one[..., SQUARES] / two[..., SQUARES])
            return np.concatenate([apart, ratio[..., None]], axis=-1)

        center, spread, degrees = self._spread([first, second], blocks, compare)
        found = {}
        for name, apart, error in zip((*names, "skill"), map(float, center), map(float, spread), strict=True):
            if name != "skill":
                apart = self._scores[first][name] - self._scores[second][name]
            half = float(_half_width(error, degrees))
            ends = apart, apart - half, apart + half
            if name == "skill":
                ends = float(-np.expm1(apart)), float(-np.expm1(apart + half)), float(-np.expm1(apart - half))
            p = 1.0 if apart == error == 0 else p_of_t(apart / error, degrees) if error > 0 else math.nan
            found[name] = Interval(*ends, blocks.effective, blocks.side, p)
        return found

    def _spread(
        self, estimates: list[str], blocks: Blocks, scores: Callable[[Values], Values]
    ) -> tuple[Values, Values, float]:
        """Scores of all rows, their corrected standard deviations over draws of blocks, and degrees of freedom.

        NaN with fewer than `MIN_BLOCKS`. `scores` is given sums of the terms of these estimates, side by side.
        """
        terms = np.concatenate([self._terms[name] for name in estimates], axis=1)
        center = scores(terms.sum(axis=0))
        if blocks.effective < MIN_BLOCKS:
            return center, np.full(center.shape, math.nan), math.nan
        factor, degrees = variance_correction(blocks)
        sums = np.stack([np.bincount(blocks.index, column) for column in terms.T], axis=1)
        with np.errstate(invalid="ignore"):
            deviation = scores(drawn_sums(sums, self._seed, self._draws)).std(axis=0, ddof=1)
        return center, deviation * math.sqrt(factor), degrees


def square_blocks(plane: Values, autocorrelation_range: float) -> Blocks:
    """Squares of the plane, of the first of `SIDES` that makes enough of them, from the least coordinates on."""
    if not autocorrelation_range >= 0:
        raise ValueError(f"a range of autocorrelation of {autocorrelation_range}")
    if len(plane) == 0:
        return Blocks(np.zeros(0, int), np.zeros((1, 1)), math.nan, autocorrelation_range)
    plane = plane - plane.min(axis=0)
    autocorrelation_range = max(autocorrelation_range, float(plane.max()) / _FINEST, float(np.finfo(float).tiny))
    for side in SIDES:
        row, column = (plane / (side * autocorrelation_range)).astype(np.int64).T
        shape = row.max() + 1, column.max() + 1
        square = np.ravel_multi_index((row, column), shape)
        _, index = np.unique(square, return_inverse=True)
        lattice = np.bincount(square, minlength=shape[0] * shape[1]).reshape(shape).astype(float)
        blocks = Blocks(index, lattice, side * autocorrelation_range, autocorrelation_range)
        if blocks.effective >= MIN_BLOCKS:
            break
    return blocks


def variance_correction(blocks: Blocks) -> tuple[float, float]:
    """Factor on the variance that blocks give, and the degrees of freedom of what comes out.

    Neighbouring blocks are not independent. With C for the covariance of block sums of a field with the covariance
    exp(−3·distance / range), and A = PCP', P = I − w1', w_k = n_k / n for blocks of n_k rows, the factor is
    1'C1 / tr(A), and the degrees of freedom are tr(A)² / tr(A²): the bias reduction and Satterthwaite's approximation
    as Bell & McCaffrey have them (2002, Survey Methodology 28: 169–181; Imbens & Kolesár 2016, doi
    10.1162/REST_a_00552), with a covariance that reaches from block to block. docs/inference.md derives it. For the
    same `autocorrelation_range`, the exponential model is that of the usual three that correlates blocks most.
    """
    from scipy.ndimage import convolve

    rows, kernel = blocks.lattice, block_correlation(blocks.side / blocks.autocorrelation_range)
    weight, middle = rows / rows.sum(), len(kernel) // 2

    def times(vector: Values) -> Values:
        """C · vector, with the lattice's shape for both."""
        return rows * convolve(rows * vector, kernel, mode="constant")

    row_sums = times(np.ones_like(rows))
    total = float(row_sums.sum())
    expected = kernel[middle, middle] * np.sum(rows**2) - 2 * np.sum(weight * row_sums) + total * np.sum(weight**2)
    # A = C + U·inner·U' with the two columns w and C1 of U: tr(A²) without making a matrix of all pairs of blocks.
    columns, inner = (weight, row_sums), np.array([[total, -1.0], [-1.0, 0.0]])
    products = np.array([[np.sum(one * times(two)) for two in columns] for one in columns])
    gram = np.array([[np.sum(one * two) for two in columns] for one in columns])
    squares = np.sum(rows**2 * convolve(rows**2, kernel**2, mode="constant"))
    squares += 2 * np.trace(inner @ products) + np.trace(inner @ gram @ inner @ gram)
    return total / float(expected), float(expected**2 / squares)


def block_correlation(side: float) -> Values:
    """Mean of exp(−3·distance) between the points of two squares with this side, up to 3 squares apart: (7, 7).

    The distance of two points in squares `row` and `column` sides apart has the triangular density of the difference of
    two uniform numbers around them; midpoints of 48 intervals give the integral to 1 %.
    """
    offset = (np.arange(-24, 24) + 0.5) / 24
    density = (1 - np.abs(offset)) / 24
    shifts = np.arange(-3, 4)
    apart = (shifts[:, None] + offset).reshape(-1)
    correlation = np.exp(-3 * side * np.hypot(apart[:, None], apart)).reshape(7, 48, 7, 48)
    return np.einsum("a,iajb,b->ij", density, correlation, density)


def score_terms(y: Values, error: Values) -> Values:
    """Terms of each row whose sums all scores follow from: 1, y, e, y², e², y·e, |e|; (rows, 7).

    y is taken from its mean, which changes no score and keeps digits.
    """
    y = y - y.mean() if len(y) else y
    return np.stack([np.ones_like(y), y, error, y**2, error**2, y * error, np.abs(error)], axis=1)


def summed_scores(sums: Values) -> Values:
    """`SCORES` of sums of `score_terms`: (…, 7) to (…, 6). The same definitions as those of `scores.score`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        count, *rest = np.moveaxis(sums, -1, 0)
        y, bias, yy, squared, product, absolute = (total / count for total in rest)
        variance, error_variance, covariance = yy - y**2, squared - bias**2, product - y * bias
        r = (variance + covariance) / np.sqrt(variance * (variance + error_variance + 2 * covariance))
        rmse, ubrmse = np.sqrt(squared), np.sqrt(np.maximum(error_variance, 0))
        return np.stack([r, 1 - squared / variance, rmse, ubrmse, bias, absolute], axis=-1)


def normal_scores(sums: Values) -> Values:
    """Scores on the scale where they are closest to normal; (…, 7) to (…, 6).

    Fisher's z of r, the logarithm of 1 − r2, rmse, ubrmse and mae, bias as it is.
    """
    r, r2, rmse, ubrmse, bias, mae = np.moveaxis(summed_scores(sums), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([np.arctanh(r), np.log(1 - r2), np.log(rmse), np.log(ubrmse), bias, np.log(mae)], axis=-1)


def natural_scores(scaled: Values) -> Values:
    """Scores from the scale of `normal_scores`: (6,)."""
    r, r2, rmse, ubrmse, bias, mae = scaled
    return np.array([np.tanh(r), 1 - np.exp(r2), np.exp(rmse), np.exp(ubrmse), bias, np.exp(mae)])


def drawn_sums(sums: NDArray, seed: int, draws: int) -> Values:
    """Sums over draws, with replacement, of as many units as there are: (units, terms) to (draws, terms)."""
    random, units = np.random.default_rng(seed), len(sums)
    drawn = []
    for start in range(0, draws, step := max(1, _DRAWN_AT_ONCE // units)):
        number = min(step, draws - start)
        chosen = random.integers(units, size=(number, units)) + units * np.arange(number)[:, None]
        times = np.bincount(chosen.reshape(-1), minlength=number * units).reshape(number, units)
        drawn.append(times @ sums)
    return np.concatenate(drawn)


def _half_width(error: NDArray | float, degrees: float) -> Values:
    """Half the width of the confidence interval of something with this standard error."""
    from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats takes half a second to import

    return np.asarray(stdtrit(degrees, (1 + CONFIDENCE) / 2) * error)
