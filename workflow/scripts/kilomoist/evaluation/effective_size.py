"""Effective sample size of correlations between autocorrelated variables, and tests that take it.

Rows that lie close together are not independent: they say as much about a correlation as far fewer independent ones.

`coordinates` is (rows, 2): longitude and latitude in degrees with `geographic`, else any two planar coordinates in one
unit, such as row and column of cells, or metres.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from kilomoist.evaluation.scores import score

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Association:
    """Effective size and significance of Pearson's r of two autocorrelated variables."""

    effective_n: float
    p: float
    """Two-sided; NaN where the effective size is not above 2."""


@dataclass(frozen=True)
class PairClasses:
    """Resolution at which pairs of rows are put into classes of distance."""

    exact_rows: int = 1000
    """Rows up to which each pair counts by itself: geodesics of more take seconds."""
    finer: int = 3
    """Factor on the number of classes with more rows than that, which so many pairs can fill."""
    places: int = 512
    """Places along the longer side of a region to which rows that are too many for all pairs are moved."""


def complete_rows(columns: Sequence[NDArray], coordinates: NDArray) -> tuple[list[Values], Values]:
    """Columns and coordinates at the rows where all are finite, sorted by place and values.

    What is drawn or summed must not depend on the order of rows.
    """
    columns, places = [np.asarray(column, float) for column in columns], np.asarray(coordinates, float)
    complete = np.flatnonzero(np.isfinite(columns).all(axis=0) & np.isfinite(places).all(axis=1))
    order = complete[np.lexsort([*(column[complete] for column in columns), *places[complete].T[::-1]])]
    return [column[order] for column in columns], places[order]


def associations(
    variables: Mapping[str, NDArray],
    coordinates: NDArray,
    geographic: bool = False,
    wanted: Sequence[tuple[str, str]] | None = None,
    resolution: PairClasses | None = None,
) -> dict[tuple[str, str], Association]:
    """Effective sample size and p of Pearson's r of pairs of autocorrelated variables (rows,), by their names.

    All pairs, or those `wanted`, at the rows where all variables are finite. Dutilleul 1993, doi 10.2307/2532625: with
    X and Y for two variables' correlation matrices and B for centring, the effective size is
    m = 1 + tr(BX)·tr(BY) / tr(BXBY), and r·√((m − 2) / (1 − r²)) has Student's t distribution with m − 2 degrees of
    freedom. The correlation of two rows is Moran's I of their class of distance (Clifford et al. 1989, doi
    10.2307/2532039); classes are those of R's `SpatialPack::modified.ttest(nclass = NULL)` (docs/inference.md).

    Up to `exact_rows` rows each pair counts with its own distance, on the ellipsoid (WGS 84) with `geographic`. With
    more, rows are moved to the nearest of `places` along the region's longer side, about a tenth of a class apart (with
    `geographic` as `projected` has them). Sums over pairs are convolutions there: no row is left out, and neither time
    nor memory grows with the number of pairs.
    """
    resolution, wanted = resolution or PairClasses(), wanted or list(combinations(variables, 2))
    columns, places = complete_rows(list(variables.values()), coordinates)
    values, count = dict(zip(variables, columns, strict=True)), len(places)
    r = {(one, two): score(values[one], values[two])["r"] for one, two in wanted}
    known = [pair for pair in wanted if not math.isnan(r[pair])] if np.ptp(places, axis=0).any() else []
    sizes = dict.fromkeys(wanted, math.nan)
    if known:
        # Sturges 1926, doi 10.1080/01621459.1926.10502161
        classes = int(1.5 + 3.3 * math.log10(count * (count - 1) / 2))
        pairs: _EachPair | _LatticePairs
        if count <= resolution.exact_rows:
            pairs = _EachPair(places, geographic, classes)
        else:
            plane = projected(places) if geographic else places
            pairs = _LatticePairs(plane, resolution.finer * classes, resolution.places)
        own = {name: pairs.correlation(values[name] - values[name].mean()) for name in {*chain(*known)}}
        sizes |= {(one, two): _effective_size(pairs, own[one], own[two]) for one, two in known}
    return {pair: Association(sizes[pair], _p_of_r(r[pair], sizes[pair])) for pair in wanted}


def williams(r_xy: float, r_xz: float, r_yz: float, n: float) -> tuple[float, float]:
    """Williams' t test of whether x is correlated with y otherwise than with z: t, and its two-sided p.

    Williams 1959, J. R. Stat. Soc. B 21: 396–399; equation 7 of Steiger (1980, doi 10.1037/0033-2909.87.2.245), T2,
    with n − 3 degrees of freedom. `n` is the number of independent rows and need not be whole: an effective size is
    not. NaN for n ≤ 3, for y and z that are one variable, and for correlations that no three variables can have.
    """
    determinant = 1 - r_xy**2 - r_xz**2 - r_yz**2 + 2 * r_xy * r_xz * r_yz
    if not n > 3 or determinant < 0:
        return math.nan, math.nan
    variance = 2 * (n - 1) / (n - 3) * determinant + ((r_xy + r_xz) / 2) ** 2 * (1 - r_yz) ** 3
    if variance == 0:
        return math.nan, math.nan
    t = (r_xy - r_xz) * math.sqrt((n - 1) * (1 + r_yz) / variance)
    return t, p_of_t(t, n - 3)


def projected(places: Values) -> Values:
    """Longitudes and latitudes as metres in an azimuthal equidistant projection around their middle; (rows, 2) both.

    True to 1 % within 1500 km from there.
    """
    from pyproj import Transformer

    longitude, latitude = np.radians(places).T
    middle = np.mean(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )
    center = np.degrees([math.atan2(middle[1], middle[0]), math.atan2(middle[2], math.hypot(middle[0], middle[1]))])
    projection = f"+proj=aeqd +lon_0={center[0]} +lat_0={center[1]} +ellps=WGS84"
    return np.stack(Transformer.from_crs("EPSG:4326", projection, always_xy=True).transform(*places.T), axis=1)


def p_of_t(t: float, degrees: float) -> float:
    """Two-sided p of Student's t."""
    from scipy.special import stdtr  # its distribution function; scipy.stats takes half a second to import

    return float(2 * stdtr(degrees, -abs(t)))


def _p_of_r(r: float, size: float) -> float:
    """Two-sided p of Pearson's r of so many independent rows; NaN where they are not above 2."""
    if not size > 2:
        return math.nan
    unexplained = max(1 - r**2, float(np.finfo(float).tiny))
    return p_of_t(r * math.sqrt((size - 2) / unexplained), size - 2)


def _class_of(distance: Values, width: float, classes: int) -> NDArray[np.int64]:
    """Class of each distance; like R's, classes include their upper end."""
    return np.clip(np.ceil(distance / width).astype(np.int64) - 1, 0, classes - 1)


def _moran(products: NDArray, pairs: NDArray, deviations: NDArray) -> Values:
    """Moran's I of each class from its sum of products over ordered pairs; 0 in classes without pairs."""
    return np.divide(products, pairs, out=np.zeros(len(pairs)), where=pairs > 0) / np.mean(deviations**2)


class _EachPair:
    """Pairs of rows by the distance of every two rows, with `geographic` geodesics on the ellipsoid in metres."""

    def __init__(self, places: Values, geographic: bool, classes: int) -> None:
        from pyproj import Geod
        from scipy.spatial.distance import pdist

        count = len(places)
        self._one, self._two = np.triu_indices(count, 1)
        ends = *places[self._one].T, *places[self._two].T
        distance = np.asarray(Geod(ellps="WGS84").inv(*ends)[2]) if geographic else pdist(places)
        self._kind = _class_of(distance, distance.max() / classes, classes)
        neighbours = np.bincount(self._one * classes + self._kind, minlength=count * classes)
        neighbours += np.bincount(self._two * classes + self._kind, minlength=count * classes)
        self._neighbours = neighbours.reshape(count, classes).astype(float)
        self.number = self._neighbours.sum(axis=0)
        """Ordered pairs in each class of distance."""
        self.rows = np.ones(count)
        """Rows at each place."""

    def correlation(self, deviations: Values) -> tuple[Values, Values]:
        """Correlations between rows of a variable, from its deviations from its mean (rows,).

        Moran's I in each class of distance, and the sum of the correlations of one row at each place with all rows,
        itself included.
        """
        products = deviations[self._one] * deviations[self._two]
        moran = _moran(2 * np.bincount(self._kind, products, len(self.number)), self.number, deviations)
        return moran, 1 + self._neighbours @ moran


class _LatticePairs:
    """Pairs of rows that are moved to the places of a lattice: sums over pairs are convolutions there."""

    def __init__(self, plane: Values, classes: int, places: int) -> None:
        from scipy.fft import next_fast_len, rfft2

        plane = plane - plane.min(axis=0)
        row, column = np.rint(plane / (float(plane.max()) / (places - 1))).astype(np.int64).T
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

    def correlation(self, deviations: Values) -> tuple[Values, Values]:
        """As of `_EachPair`."""
        from scipy.fft import irfft2, rfft2

        products = np.bincount(self._kind, self._products(deviations).reshape(-1), len(self.number))
        moran = _moran(products, self.number, deviations)
        at_lag = rfft2(moran[self._kind].reshape(self._padded))
        around = irfft2(self._rows_transformed * at_lag, self._padded)[: self._shape[0], : self._shape[1]]
        # A row is fully correlated with itself, not as the first class is.
        return moran, np.asarray(around + 1 - moran[0]).reshape(-1)

    def _summed(self, values: Values) -> Values:
        """Sum of the values of the rows at each place of the lattice."""
        return np.bincount(self._place, values, self._shape[0] * self._shape[1]).reshape(self._shape)

    def _products(self, values: Values) -> Values:
        """Sum of products of all ordered pairs of rows at each lag, without those of rows with themselves."""
        from scipy.fft import irfft2, rfft2

        total = irfft2(np.abs(rfft2(self._summed(values), self._padded)) ** 2, self._padded)
        total[0, 0] -= values @ values
        return np.asarray(total)


def _effective_size(pairs: _EachPair | _LatticePairs, x: tuple[Values, Values], y: tuple[Values, Values]) -> float:
    """Dutilleul's effective sample size of two variables' `correlation`, 1 + tr(BX)·tr(BY) / tr(BXBY)."""
    (moran_x, with_x), (moran_y, with_y) = x, y
    rows, count = pairs.rows, pairs.rows.sum()
    all_x, all_y = rows @ with_x, rows @ with_y
    trace_x, trace_y = count - all_x / count, count - all_y / count
    trace_xy = count + pairs.number @ (moran_x * moran_y) + all_x * all_y / count**2
    trace_xy -= 2 * (rows @ (with_x * with_y)) / count
    return float(1 + trace_x * trace_y / trace_xy)
