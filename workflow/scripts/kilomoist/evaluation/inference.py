"""How sure a score is where neighbours resemble each other, and whether two maps differ.

Rows that lie close together are not independent: a region of n cells says as much about a score as far fewer
independent ones would. Confidence intervals come from a bootstrap that draws whole squares of the region (Hall 1985,
doi 10.1016/0304-4149(85)90212-1; Lahiri 2003, doi 10.1007/978-1-4757-3803-2), with a correction for what squares share
with their neighbours; the tests of correlations take an effective sample size. docs/inference.md derives the
correction and says what was measured of it.

`coordinates` is (rows, 2) throughout: longitude and latitude in degrees with `geographic`, else any two planar
coordinates in one unit, such as row and column of cells, or metres. `autocorrelation_range` is the range of the spatial
autocorrelation, where 5 % of it is left (the practical range of an exponential or Gaussian variogram), of what a score
sums up, its influence function (`assessments` fits the variogram); in metres with `geographic`, else in the unit of the
coordinates.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from kilomoist.evaluation.scores import score

Values = NDArray[np.float64]

SCORES = ("r", "r2", "rmse", "ubrmse", "bias", "mae")
"""Scores that have an interval, in the order of the last axis of arrays of scores."""
CONFIDENCE = 0.95
RESAMPLES = 1000
"""Drawn for a standard deviation, which they give to 1 / √(2 · 1000) = 2 %."""
SIDES = (2, 1)
"""Block sides that are tried in turn, in ranges: the first that leaves enough blocks."""
MIN_BLOCKS = 10
"""Effective blocks below which there are no intervals.

With 10, the width of an interval has a standard error of 1 / √(2 · 9) = 24 % of itself. With fewer, it would say more
about where the blocks happen to lie than about the score.
"""
EXACT_ROWS = 1000
"""Rows up to which the modified t test takes each pair of rows by itself: geodesics of more take seconds."""
FINER = 3
"""How many times as many classes of distance the modified t test has with more rows than that."""

_FINEST = 1000
"""Ranges below this fraction of the extent are taken to be it, so that the lattice of blocks stays small."""
_LATTICE = 512
"""Places along the longer side of a region to which the modified t test moves rows that are too many for all pairs."""
_DRAWN_AT_ONCE = 4_000_000
_NONE = (math.nan, math.nan)
"""The ends of an interval that is not known."""


@dataclass(frozen=True)
class Interval:
    """A score with its 95 % confidence interval; what cannot be computed is NaN."""

    score: str
    value: float
    lower: float
    upper: float
    blocks: float
    """Effective number of blocks: (Σ rows)² / Σ rows² of the blocks, their number where all have as many rows."""
    block_side: float
    """In the unit of `autocorrelation_range`."""


@dataclass(frozen=True)
class Difference:
    """A score of two estimates at the same rows, first − second with its 95 % confidence interval and two-sided p."""

    score: str
    first: float
    second: float
    difference: float
    lower: float
    upper: float
    p: float
    blocks: float
    block_side: float


@dataclass(frozen=True)
class Association:
    """Pearson's r of two autocorrelated variables, and what it is worth."""

    n: int
    r: float
    effective_n: float
    p: float
    """Two-sided; NaN where the effective size is not above 2."""


@dataclass(frozen=True)
class DependentCorrelations:
    """Williams' test of two correlations that share a variable."""

    t: float
    degrees: float
    p: float
    """Two-sided."""


@dataclass(frozen=True)
class _Blocks:
    """Squares that are drawn whole."""

    index: NDArray[np.int64]
    """(rows,): the block of each row, counted from 0."""
    lattice: Values
    """(block rows, block columns): rows in each square, 0 in those that are no block."""
    side: float
    autocorrelation_range: float

    @property
    def effective(self) -> float:
        """Their effective number (Kish 1965): (Σ rows)² / Σ rows²."""
        return float(self.lattice.sum() ** 2 / max((self.lattice**2).sum(), 1))


@dataclass(frozen=True)
class ScoredRows:
    """Observed values and estimates of them at the same rows; what their scores share is computed once, when asked for.

    `ScoredRows.of` makes them.
    """

    observed: Values
    """(rows,)"""
    estimates: Mapping[str, Values]
    """(rows,) each."""
    places: Values
    """(rows, 2): coordinates."""
    geographic: bool
    seed: int
    draws: int
    """Draws of blocks for a standard deviation."""

    @classmethod
    def of(
        cls,
        observed: NDArray,
        estimates: Mapping[str, NDArray],
        coordinates: NDArray,
        geographic: bool = False,
        seed: int = 0,
        draws: int = RESAMPLES,
    ) -> "ScoredRows":
        """The rows where everything is finite, sorted by place and values: draws must not depend on their order."""
        columns = [np.asarray(column, float) for column in (observed, *estimates.values())]
        places = np.asarray(coordinates, float)
        complete = np.flatnonzero(np.isfinite(columns).all(axis=0) & np.isfinite(places).all(axis=1))
        order = complete[np.lexsort([*(column[complete] for column in columns), *places[complete].T[::-1]])]
        y, *rest = (column[order] for column in columns)
        return cls(y, dict(zip(estimates, rest, strict=True)), places[order], geographic, seed, draws)

    def intervals(self, estimate: str, autocorrelation_range: float) -> list[Interval]:
        """95 % confidence intervals of `scores.score`'s n, r, r2, rmse, ubrmse, bias and mae of an estimate, by block.

        On the scale where a score is closest to normal (Fisher's z of r, the logarithm of rmse, ubrmse, mae and 1 − r2,
        bias as it is), the interval is score ± t · s · √f: s is the standard deviation over draws of blocks, f and the
        degrees of freedom of Student's t are `_correction`'s. n is counted, not estimated: it has no interval. With
        fewer than `MIN_BLOCKS` effective blocks intervals are NaN; a perfect estimate has none either. A range that is
        negative or NaN is a ValueError.
        """
        blocks = _blocks(self.plane, autocorrelation_range)
        value = score(self.observed, self.estimates[estimate])
        center, spread = self._spread([estimate], blocks, _normal)
        factor, degrees = _correction(blocks)
        half = _half_width(spread * math.sqrt(factor), degrees)
        lower, upper = _natural(center - half), _natural(center + half)
        found = [Interval("n", float(value["n"]), *_NONE, blocks.effective, blocks.side)]
        for number, name in enumerate(SCORES):
            ends = _ordered(value[name], lower[number], upper[number])
            found.append(Interval(name, value[name], *ends, blocks.effective, blocks.side))
        return found

    def difference(self, first: str, second: str, autocorrelation_range: float) -> list[Difference]:
        """Whether two estimates differ in rmse and in r: first − second, with interval and p.

        Blocks are drawn for both estimates alike, so that what they share cancels. The interval is
        difference ± t · s · √f as in `intervals`, on the scores' own scale, and p is that of difference / (s · √f) in
        the same distribution: p < 0.05 where the interval leaves out 0. Estimates that are equal have p = 1.
        """
        blocks = _blocks(self.plane, autocorrelation_range)
        values = [score(self.observed, self.estimates[name]) for name in (first, second)]
        names = ("rmse", "r")
        numbers = [SCORES.index(name) for name in names]

        def compare(sums: Values) -> Values:
            one, two = np.split(sums, 2, axis=-1)
            return _scores(one)[..., numbers] - _scores(two)[..., numbers]

        _, spread = self._spread([first, second], blocks, compare)
        factor, degrees = _correction(blocks)
        found = []
        for number, name in enumerate(names):
            one, two = (value[name] for value in values)
            tested = _tested(one - two, spread[number] * math.sqrt(factor), degrees)
            found.append(Difference(name, one, two, one - two, *tested, blocks.effective, blocks.side))
        return found

    @cached_property
    def associations(self) -> dict[str, Association]:
        """`associate` of the observed and each estimate."""
        estimates = list(self.estimates.values())
        found = self.associate([self.observed, *estimates], [(0, number + 1) for number in range(len(estimates))])
        return dict(zip(self.estimates, found, strict=True))

    def associate(self, variables: Sequence[Values], wanted: Sequence[tuple[int, int]]) -> list[Association]:
        """Effective sample size and p of Pearson's r of pairs of autocorrelated variables (rows,), by their numbers.

        Dutilleul 1993, doi 10.2307/2532625: with X and Y for two variables' correlation matrices and B for centring,
        the effective size is m = 1 + tr(BX)·tr(BY) / tr(BXBY), and r·√((m − 2) / (1 − r²)) has Student's t distribution
        with m − 2 degrees of freedom. The correlation of two rows is Moran's I of their class of distance (Clifford et
        al. 1989, doi 10.2307/2532039), and classes have equal width up to the largest distance, as in R's
        `SpatialPack::modified.ttest(nclass = NULL)`: ⌊1.5 + 3.3·log10(pairs)⌋ of them (Sturges 1926, doi
        10.1080/01621459.1926.10502161). Where autocorrelation reaches less far than one class, m comes out too large.

        Up to `EXACT_ROWS` rows each pair counts with its own distance, on the ellipsoid (WGS 84) with `geographic`.
        With more, there are three times as many classes, which so many pairs can fill, and rows are moved to the
        nearest of 512 places along the region's longer side, about a tenth of a class apart (with `geographic` in an
        azimuthal equidistant projection, true to 1 % within 1500 km from the region's middle). Sums over pairs are
        convolutions there: no row is left out, and neither time nor memory grows with the number of pairs.
        """
        count = len(self.observed)
        r = [score(variables[one], variables[two])["r"] for one, two in wanted]
        known = [pair for pair, value in zip(wanted, r, strict=True) if not math.isnan(value)]
        if not known or not np.ptp(self.places, axis=0).any():
            return [Association(count, value, math.nan, math.nan) for value in r]
        classes = int(1.5 + 3.3 * math.log10(count * (count - 1) / 2))
        pairs: _EachPair | _LatticePairs
        if count <= EXACT_ROWS:
            pairs = _EachPair(self.places, self.geographic, classes)
        else:
            pairs = _LatticePairs(self.plane, FINER * classes)
        own = {one: pairs.correlation(variables[one] - variables[one].mean()) for one in {*chain(*known)}}
        size = {(one, two): _effective_size(pairs, own[one], own[two]) for one, two in known}
        sizes = [size.get(pair, math.nan) for pair in wanted]
        return [Association(count, value, m, _p_of_r(value, m)) for value, m in zip(r, sizes, strict=True)]

    @cached_property
    def plane(self) -> Values:
        """(rows, 2): coordinates in a plane, in metres with `geographic`."""
        return _plane(self.places) if self.geographic and len(self.places) else self.places

    @cached_property
    def _terms(self) -> dict[str, Values]:
        return {name: _terms(self.observed, values - self.observed) for name, values in self.estimates.items()}

    def _spread(
        self, estimates: list[str], blocks: _Blocks, scores: Callable[[Values], Values]
    ) -> tuple[Values, Values]:
        """Scores of all rows, and their standard deviations over draws of blocks; NaN with fewer than `MIN_BLOCKS`.

        `scores` is given sums of the terms of these estimates, side by side.
        """
        terms = np.concatenate([self._terms[name] for name in estimates], axis=1)
        center = scores(terms.sum(axis=0))
        if blocks.effective < MIN_BLOCKS:
            return center, np.full(center.shape, math.nan)
        sums = np.stack([np.bincount(blocks.index, column) for column in terms.T], axis=1)
        return center, _deviation(scores(_drawn(sums, self.seed, self.draws)))


def associations(
    variables: Mapping[str, NDArray], coordinates: NDArray, geographic: bool = False
) -> dict[tuple[str, str], Association]:
    """`ScoredRows.associate` of every pair of variables (rows,), at the rows where all are finite."""
    wanted = list(combinations(range(len(variables)), 2))
    rows = ScoredRows.of(next(iter(variables.values())), variables, coordinates, geographic)
    found = rows.associate(list(rows.estimates.values()), wanted)
    return dict(zip(combinations(variables, 2), found, strict=True))


def williams(r_xy: float, r_xz: float, r_yz: float, n: float) -> DependentCorrelations:
    """Whether x is correlated with y otherwise than with z: Williams' t test (1959, J. R. Stat. Soc. B 21: 396–399).

    Equation 7 of Steiger (1980, doi 10.1037/0033-2909.87.2.245), T2, with n − 3 degrees of freedom. `n` is the number
    of independent rows and need not be whole: an effective size is not. NaN for n ≤ 3, for y and z that are one
    variable, and for correlations that no three variables can have.
    """
    determinant = 1 - r_xy**2 - r_xz**2 - r_yz**2 + 2 * r_xy * r_xz * r_yz
    if not n > 3 or determinant < 0:
        return DependentCorrelations(math.nan, math.nan, math.nan)
    mean = (r_xy + r_xz) / 2
    variance = 2 * (n - 1) / (n - 3) * determinant + mean**2 * (1 - r_yz) ** 3
    if variance == 0:
        return DependentCorrelations(math.nan, n - 3, math.nan)
    t = (r_xy - r_xz) * math.sqrt((n - 1) * (1 + r_yz) / variance)
    return DependentCorrelations(t, n - 3, _p_of_t(t, n - 3))


def _plane(places: Values) -> Values:
    """Longitudes and latitudes as metres in an azimuthal equidistant projection around their middle."""
    from pyproj import Transformer

    longitude, latitude = np.radians(places).T
    middle = np.mean(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )
    center = np.degrees([math.atan2(middle[1], middle[0]), math.atan2(middle[2], math.hypot(middle[0], middle[1]))])
    projection = f"+proj=aeqd +lon_0={center[0]} +lat_0={center[1]} +ellps=WGS84"
    return np.stack(Transformer.from_crs("EPSG:4326", projection, always_xy=True).transform(*places.T), axis=1)


def _blocks(plane: Values, autocorrelation_range: float) -> _Blocks:
    """Squares of the plane, of the first of `SIDES` that makes enough of them, from the least coordinates on."""
    if not autocorrelation_range >= 0:
        raise ValueError(f"a range of autocorrelation of {autocorrelation_range}")
    if len(plane) == 0:
        return _Blocks(np.zeros(0, int), np.zeros((1, 1)), math.nan, autocorrelation_range)
    plane = plane - plane.min(axis=0)
    autocorrelation_range = max(autocorrelation_range, float(plane.max()) / _FINEST, float(np.finfo(float).tiny))
    for side in SIDES:
        row, column = (plane / (side * autocorrelation_range)).astype(np.int64).T
        shape = row.max() + 1, column.max() + 1
        square = np.ravel_multi_index((row, column), shape)
        _, index = np.unique(square, return_inverse=True)
        lattice = np.bincount(square, minlength=shape[0] * shape[1]).reshape(shape).astype(float)
        blocks = _Blocks(index, lattice, side * autocorrelation_range, autocorrelation_range)
        if blocks.effective >= MIN_BLOCKS:
            break
    return blocks


def _correction(blocks: _Blocks) -> tuple[float, float]:
    """By what to multiply the variance that blocks give, and the degrees of freedom of what comes out.

    A score is nearly the mean of one number per row. From the sums S_k of these numbers over blocks of n_k rows, draws
    of blocks give the variance of their mean m as V = Σ (S_k − n_k·m)² / n²; but neighbouring blocks are not
    independent. Were the numbers a field with the covariance exp(−3·distance / range), the covariance C of the block
    sums would be known, and with A = PCP', P = I − w1', w_k = n_k / n also the expectation of n²·V, tr(A), and its
    variance, 2·tr(A²). So V is multiplied by 1'C1 / tr(A), and has tr(A)² / tr(A²) degrees of freedom. This is the bias
    reduction and Satterthwaite's approximation as Bell & McCaffrey have them (2002, Survey Methodology 28: 169–181;
    Imbens & Kolesár 2016, doi 10.1162/REST_a_00552), with a covariance that reaches from block to block. For the same
    `autocorrelation_range`, the exponential model is the one of the usual three that correlates blocks most.
    NaN for fewer than `MIN_BLOCKS` effective blocks.
    """
    if blocks.effective < MIN_BLOCKS:
        return math.nan, math.nan
    from scipy.ndimage import convolve

    rows, kernel = blocks.lattice, _block_correlation(blocks.side / blocks.autocorrelation_range)
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


def _block_correlation(side: float) -> Values:
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


def _terms(y: Values, error: Values) -> Values:
    """What each row adds to sums that all scores follow from: 1, y, e, y², e², y·e, |e|; (rows, 7).

    y is taken from its mean, which changes no score and keeps digits.
    """
    y = y - y.mean() if len(y) else y
    return np.stack([np.ones_like(y), y, error, y**2, error**2, y * error, np.abs(error)], axis=1)


def _scores(sums: Values) -> Values:
    """`SCORES` of sums of `_terms`: (…, 7) to (…, 6). The same definitions as those of `scores.score`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        count, *rest = np.moveaxis(sums, -1, 0)
        y, bias, yy, squared, product, absolute = (total / count for total in rest)
        variance, error_variance, covariance = yy - y**2, squared - bias**2, product - y * bias
        r = (variance + covariance) / np.sqrt(variance * (variance + error_variance + 2 * covariance))
        rmse, ubrmse = np.sqrt(squared), np.sqrt(np.maximum(error_variance, 0))
        return np.stack([r, 1 - squared / variance, rmse, ubrmse, bias, absolute], axis=-1)


def _normal(sums: Values) -> Values:
    """Scores on the scale where they are closest to normal: Fisher's z of r, logarithms, bias as it is; (…, 6)."""
    r, r2, rmse, ubrmse, bias, mae = np.moveaxis(_scores(sums), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([np.arctanh(r), np.log(1 - r2), np.log(rmse), np.log(ubrmse), bias, np.log(mae)], axis=-1)


def _natural(scaled: Values) -> Values:
    """The way back from `_normal`'s scale: (6,)."""
    r, r2, rmse, ubrmse, bias, mae = scaled
    return np.array([np.tanh(r), 1 - np.exp(r2), np.exp(rmse), np.exp(ubrmse), bias, np.exp(mae)])


def _drawn(sums: NDArray, seed: int, draws: int) -> Values:
    """Sums over draws, with replacement, of as many units as there are: (units, terms) to (draws, terms)."""
    random, units = np.random.default_rng(seed), len(sums)
    drawn = []
    for start in range(0, draws, step := max(1, _DRAWN_AT_ONCE // units)):
        number = min(step, draws - start)
        chosen = random.integers(units, size=(number, units)) + units * np.arange(number)[:, None]
        times = np.bincount(chosen.reshape(-1), minlength=number * units).reshape(number, units)
        drawn.append(times @ sums)
    return np.concatenate(drawn)


def _deviation(scores: Values) -> Values:
    """Standard deviation over draws: (draws, scores) to (scores,)."""
    with np.errstate(invalid="ignore"):
        return scores.std(axis=0, ddof=1)


def _half_width(error: NDArray | float, degrees: float) -> Values:
    """Half the width of the confidence interval of something with this standard error."""
    from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats takes half a second to import

    return np.asarray(stdtrit(degrees, (1 + CONFIDENCE) / 2) * error)


def _ordered(value: float, one: float, other: float) -> tuple[float, float]:
    """The ends of an interval, NaN for a score that has no value."""
    return _NONE if math.isnan(value) else (float(min(one, other)), float(max(one, other)))


def _tested(value: float, error: float, degrees: float) -> tuple[float, float, float]:
    """Ends of the interval of a difference, and its two-sided p."""
    half = float(_half_width(error, degrees))
    p = 1.0 if value == error == 0 else _p_of_t(value / error, degrees) if error > 0 else math.nan
    return value - half, value + half, p


def _p_of_t(t: float, degrees: float) -> float:
    """Two-sided p of Student's t."""
    from scipy.special import stdtr  # its distribution function

    return float(2 * stdtr(degrees, -abs(t)))


def _class_of(distance: Values, width: float, classes: int) -> NDArray[np.int64]:
    """Class of each distance; like R's, classes include their upper end."""
    return np.clip(np.ceil(distance / width).astype(np.int64) - 1, 0, classes - 1)


def _moran(products: NDArray, pairs: NDArray, deviations: NDArray) -> Values:
    """Moran's I of each class from its sum of products over ordered pairs; 0 in classes without pairs."""
    return np.divide(products, pairs, out=np.zeros(len(pairs)), where=pairs > 0) / np.mean(deviations**2)


def _distances(places: Values, geographic: bool) -> Values:
    """Distances of all pairs of rows in the order of `np.triu_indices`; geodesics on the ellipsoid in metres."""
    if not geographic:
        from scipy.spatial.distance import pdist

        return pdist(places)
    from pyproj import Geod

    geod, (longitude, latitude) = Geod(ellps="WGS84"), places.T
    one, two = np.triu_indices(len(places), 1)
    return np.asarray(geod.inv(longitude[one], latitude[one], longitude[two], latitude[two])[2])


@dataclass(frozen=True)
class _Correlation:
    """Estimated correlations of one variable between rows."""

    moran: Values
    """Moran's I in each class of distance."""
    with_all: Values
    """Sum of the correlations of one row at each place with all rows, itself included."""


class _EachPair:
    """Pairs of rows by the distance of every two rows."""

    def __init__(self, places: Values, geographic: bool, classes: int) -> None:
        count = len(places)
        distance = _distances(places, geographic)
        self._one, self._two = np.triu_indices(count, 1)
        self._kind = _class_of(distance, distance.max() / classes, classes)
        neighbours = np.bincount(self._one * classes + self._kind, minlength=count * classes)
        neighbours += np.bincount(self._two * classes + self._kind, minlength=count * classes)
        self._neighbours = neighbours.reshape(count, classes).astype(float)
        self.number = self._neighbours.sum(axis=0)
        """Ordered pairs in each class of distance."""
        self.rows = np.ones(count)
        """Rows at each place."""

    def correlation(self, deviations: Values) -> _Correlation:
        """Of a variable, from its deviations from its mean (rows,)."""
        products = deviations[self._one] * deviations[self._two]
        moran = _moran(2 * np.bincount(self._kind, products, len(self.number)), self.number, deviations)
        return _Correlation(moran, 1 + self._neighbours @ moran)


class _LatticePairs:
    """Pairs of rows that are moved to the places of a lattice: sums over pairs are convolutions there."""

    def __init__(self, plane: Values, classes: int) -> None:
        from scipy.fft import next_fast_len, rfft2

        plane = plane - plane.min(axis=0)
        row, column = np.rint(plane / (float(plane.max()) / (_LATTICE - 1))).astype(np.int64).T
        self._shape = row.max() + 1, column.max() + 1
        self._place = np.ravel_multi_index((row, column), self._shape)
        self._padded = [next_fast_len(2 * length - 1, real=True) for length in self._shape]
        around = (np.minimum(np.arange(length), length - np.arange(length)) for length in self._padded)
        lags = np.hypot(*np.meshgrid(*around, indexing="ij"))
        each = np.ones(len(plane))
        at_lag = np.rint(self._products(each))
        self._kind = _class_of(lags, lags[at_lag > 0].max() / classes, classes).reshape(-1)
        self.number = np.bincount(self._kind, at_lag.reshape(-1), classes)
        """Ordered pairs in each class of distance."""
        self.rows = self._summed(each).reshape(-1)
        """Rows at each place."""
        self._rows_transformed = rfft2(self._summed(each), self._padded)

    def correlation(self, deviations: Values) -> _Correlation:
        """Of a variable, from its deviations from its mean (rows,)."""
        from scipy.fft import irfft2, rfft2

        products = np.bincount(self._kind, self._products(deviations).reshape(-1), len(self.number))
        moran = _moran(products, self.number, deviations)
        at_lag = rfft2(moran[self._kind].reshape(self._padded))
        around = irfft2(self._rows_transformed * at_lag, self._padded)[: self._shape[0], : self._shape[1]]
        # A row is fully correlated with itself, not as the first class is.
        return _Correlation(moran, np.asarray(around + 1 - moran[0]).reshape(-1))

    def _summed(self, values: Values) -> Values:
        """Sum of the values of the rows at each place of the lattice."""
        return np.bincount(self._place, values, self._shape[0] * self._shape[1]).reshape(self._shape)

    def _products(self, values: Values) -> Values:
        """Sum of products of all ordered pairs of rows at each lag, without those of rows with themselves."""
        from scipy.fft import irfft2, rfft2

        total = irfft2(np.abs(rfft2(self._summed(values), self._padded)) ** 2, self._padded)
        total[0, 0] -= values @ values
        return np.asarray(total)


def _effective_size(pairs: _EachPair | _LatticePairs, x: _Correlation, y: _Correlation) -> float:
    """Dutilleul's, 1 + tr(BX)·tr(BY) / tr(BXBY)."""
    rows, count = pairs.rows, pairs.rows.sum()
    all_x, all_y = rows @ x.with_all, rows @ y.with_all
    trace_x, trace_y = count - all_x / count, count - all_y / count
    trace_xy = count + pairs.number @ (x.moran * y.moran) + all_x * all_y / count**2
    trace_xy -= 2 * (rows @ (x.with_all * y.with_all)) / count
    return float(1 + trace_x * trace_y / trace_xy)


def _p_of_r(r: float, size: float) -> float:
    """Two-sided p of Pearson's r of so many independent rows; NaN where they are not above 2."""
    if not size > 2:
        return math.nan
    unexplained = max(1 - r**2, float(np.finfo(float).tiny))
    return _p_of_t(r * math.sqrt((size - 2) / unexplained), size - 2)
