"""Splits: which rows are left out together, and what is predicted for them by models that saw none of them.

Rows are cells with their row and column in M09 and longitude, latitude in degrees (WGS 84). EASE-Grid 2.0 keeps areas
and not distances, so every distance here is one on the ellipsoid: cells are points in space (`geocentric`), the
straight line between two of them is bent to an arc (`_arc`), and nothing knows of 180°.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from kilomoist.grids import COARSE_SIDE, M09

_EQUATOR_RADIUS = 6378137.0
"""m, WGS 84 (NIMA TR8350.2, 3rd edition, table 3.1)."""
_ECCENTRICITY_SQUARED = 0.00669437999014
"""WGS 84."""
_MEAN_RADIUS = 6371008.8
"""m, of the ellipsoid (Moritz 2000, doi 10.1007/s001900050278)."""

FOLDS = 5
FOLD_SIDE = 4 * COARSE_SIDE
"""Cells along a side of the squares of `spatial_folds`: 144 km at 9 km."""

LARGEST_LAG = 0.5
"""Share of the greatest distance between rows beyond which `variogram_range` takes no lags and finds no range (Journel
and Huijbregts 1978, Mining Geostatistics, III.B.1)."""
FEWEST_PAIRS = 30
"""Pairs below which a lag class is left out (the same)."""
LEAST_RISE = 0.1
"""Share of the sill by which the fitted variogram must rise over the lags, lest the field be called noise."""
_LAG_CLASSES = 20
_RANGES = 200
"""Ranges that are tried, each some 2 % longer than the one before."""
_ANCHORS = 1000
_PARTNERS = 20_000
"""Pairs are those of so many random rows with so many others: 2·10⁷ at most, of which 10⁶ are in memory."""
_ANCHORS_AT_ONCE = 50

LARGEST_FOLD = 0.5
"""Share of the rows that no fold of `knndm_folds` exceeds, as in CAST."""
_LARGEST_P = 0.05
_CANDIDATES = 40
"""Numbers of clusters that `knndm_folds` compares (CAST: 100)."""
_LINKED = 3000
"""Rows up to which clusters are found in a tree of all distances, 36 MB."""


# Distances


def geocentric(longitude: ArrayLike, latitude: ArrayLike) -> NDArray[np.float64]:
    """Points of the WGS 84 ellipsoid in space, in m from its centre: (n, 3) for longitudes, latitudes (n,) in degrees.

    With the radius of curvature N = a / √(1 − e²·sin² φ): N·cos φ·cos λ, N·cos φ·sin λ, N·(1 − e²)·sin φ (Snyder 1987,
    Map Projections, doi 10.3133/pp1395, eq. 4-20 for N).
    """
    lam, phi = np.radians(np.asarray(longitude, float)), np.radians(np.asarray(latitude, float))
    curvature = _EQUATOR_RADIUS / np.sqrt(1 - _ECCENTRICITY_SQUARED * np.sin(phi) ** 2)
    parallel = curvature * np.cos(phi)
    return np.stack(
        [parallel * np.cos(lam), parallel * np.sin(lam), curvature * (1 - _ECCENTRICITY_SQUARED) * np.sin(phi)], axis=-1
    )


def _arc(chord: NDArray) -> NDArray[np.float64]:
    """Distance on the ground in m of a straight line in m: 2·R·arcsin(chord / 2·R), with the mean radius R.

    Against geodesics of the ellipsoid it errs by less than 0.002 % up to 1000 km and 0.02 % up to 4000 km, within ±85°.
    """
    return 2 * _MEAN_RADIUS * np.arcsin(np.minimum(chord / (2 * _MEAN_RADIUS), 1))


def _chord(arc: NDArray | float) -> NDArray[np.float64]:
    """The straight line in m under a distance on the ground in m of at most half round the Earth."""
    return 2 * _MEAN_RADIUS * np.sin(np.asarray(arc, float) / (2 * _MEAN_RADIUS))


# How far a field is like itself


@dataclass(frozen=True)
class Variogram:
    """A fitted semivariogram γ(h) = nugget + (sill − nugget)·f(h / range)."""

    model: str
    """`spherical`, `exponential`, or `nugget` where γ does not rise with the distance."""
    range_m: float
    """Where γ reaches the sill, or 95 % of its rise for `exponential`; the shortest lag for `nugget`."""
    sill: float
    """Squared units of the values."""
    nugget: float
    """The same."""
    limited: bool
    """Whether the range is no more than where the search ended: `LARGEST_LAG` of the greatest distance between rows.
    The field has a trend, or ranges too long for its region."""
    lags: pd.DataFrame
    """One row a lag class: lag_m (mean distance of its pairs), semivariance, pairs, fitted."""


def _spherical(u: NDArray) -> NDArray[np.float64]:
    """1.5·u − 0.5·u³ up to 1 for u = h / range (Webster and Oliver 2007, doi 10.1002/9780470517277, ch. 5)."""
    return np.where(u < 1, 1.5 * u - 0.5 * u**3, 1.0)


def _exponential(u: NDArray) -> NDArray[np.float64]:
    """1 − exp(−3·u), which is 0.95 at u = h / range = 1: the effective range (the same)."""
    return 1 - np.exp(-3 * u)


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

        Has columns lag_m, semivariance and pairs, and a row for each class with `FEWEST_PAIRS` pairs.
        """
        ordered, square = np.asarray(values, float)[self.order], np.zeros(_LAG_CLASSES + 1)
        anchors, partners = self.kind.shape
        for one in _chunks(anchors):
            difference = ordered[one, None] - ordered[:partners]
            square += np.bincount(self.kind[one].reshape(-1), (difference**2).reshape(-1), _LAG_CLASSES + 1)
        enough = self.pairs >= FEWEST_PAIRS
        pairs = self.pairs[enough]
        semivariance = square[:-1][enough] / (2 * pairs)
        return pd.DataFrame({"lag_m": self.mean_m[enough], "semivariance": semivariance, "pairs": pairs.astype(int)})


def _chunks(anchors: int) -> list[slice]:
    """So many anchors at a time that the pairs of a chunk fit into memory."""
    return [slice(start, min(start + _ANCHORS_AT_ONCE, anchors)) for start in range(0, anchors, _ANCHORS_AT_ONCE)]


def lags_of(longitude: NDArray, latitude: NDArray, seed: int) -> Lags:
    """Pairs of the rows at longitudes, latitudes (n,) in degrees; those that make pairs are drawn with `seed`."""
    from scipy.spatial.distance import cdist

    order = np.random.default_rng(seed).permutation(len(longitude))
    points = geocentric(longitude, latitude)[order]
    anchors, partners = min(len(points), _ANCHORS), min(len(points), _PARTNERS)
    longest = LARGEST_LAG * float(_arc(cdist(points[:anchors], points[:anchors]).max(initial=0)))
    edges = _chord(np.append(0, np.geomspace(1.5 * M09.side, max(longest, 3 * M09.side), _LAG_CLASSES)))
    kind = np.full((anchors, partners), _LAG_CLASSES, np.int8)
    pairs, distance = np.zeros((2, _LAG_CLASSES))
    for one in _chunks(anchors):
        chord = cdist(points[one], points[:partners])
        once = (np.arange(partners) > np.arange(anchors)[one, None]) & (chord > 0) & (chord < edges[-1])
        lag_class = np.searchsorted(edges, chord[once], side="right") - 1
        kind[one][once] = lag_class
        pairs += np.bincount(lag_class, minlength=_LAG_CLASSES)
        distance += np.bincount(lag_class, _arc(chord[once]), _LAG_CLASSES)
    mean = np.divide(distance, pairs, out=np.full(_LAG_CLASSES, np.nan), where=pairs > 0)
    return Lags(order, kind, pairs, mean, longest)


def variogram_range(values: NDArray, longitude: NDArray, latitude: NDArray, seed: int) -> Variogram:
    """`variogram` of values (n,) at longitudes, latitudes (n,) in degrees."""
    return variogram(values, lags_of(longitude, latitude, seed))


def variogram(values: NDArray, lags: Lags) -> Variogram:
    """Distance up to which values (n,) are alike, from their semivariogram.

    For each range of a series, nugget and rise of the spherical and the exponential model are found by least squares
    (neither below 0) with weights pairs / lag² (as gstat does: Pebesma 2004, doi 10.1016/j.cageo.2004.03.012); the best
    of all is taken. Differences of direction are not looked at.

    Where the best curve rises by less than `LEAST_RISE` of its sill over all lags, the field is noise: the model is
    `nugget`. Raises ValueError when fewer than three classes of distance have `FEWEST_PAIRS` pairs.
    """
    from scipy.optimize import nnls

    table = lags.semivariances(values)
    if len(table) < 3:
        raise ValueError(f"{len(values)} rows have too few pairs for a variogram")
    lag, observed = table["lag_m"].to_numpy(), table["semivariance"].to_numpy()
    weight = np.sqrt(table["pairs"].to_numpy()) / lag
    smallest = np.inf
    ranges = np.geomspace(lag[0], max(lags.longest_m, lag[0]), _RANGES)
    for name, shape in (("spherical", _spherical), ("exponential", _exponential)):
        for candidate in ranges:
            terms = np.stack([np.ones_like(lag), shape(lag / candidate)], axis=1)
            (constant, rise), error = nnls(terms * weight[:, None], observed * weight)
            if error < smallest:
                smallest, model, range_m, nugget, sill = error, name, candidate, constant, constant + rise
                fitted = terms @ [constant, rise]
    limited = bool(range_m == ranges[-1])
    if fitted[-1] - fitted[0] < LEAST_RISE * sill or sill == 0:
        sill = nugget = float(np.average(observed, weights=weight**2))
        model, range_m, limited, fitted = "nugget", lag[0], False, np.full(len(lag), sill)
    return Variogram(model, float(range_m), float(sill), float(nugget), limited, table.assign(fitted=fitted))


# Folds


def random_folds(n: int, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold 0 … `folds` − 1 of each of `n` rows by chance; sizes differ by one at most."""
    return np.random.default_rng(seed).permutation(n) % folds


def _fill(block: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """Fold of each row (n,) when rows of one block stay together: the largest block left goes to the emptiest fold."""
    names, index, size = np.unique(block, return_inverse=True, return_counts=True)
    filled = np.zeros(folds, int)
    fold_of = np.zeros(len(names), int)
    for number in np.argsort(-size, kind="stable"):
        fold_of[number] = filled.argmin()
        filled[fold_of[number]] += size[number]
    return fold_of[index]


def _blocks(row: NDArray, column: NDArray, rows: int, columns: int) -> NDArray[np.int64]:
    """Number of the block of `rows` × `columns` cells of the global grid in which each cell lies."""
    return (row // rows) * 100_000 + column // columns


def spatial_folds(row: NDArray, column: NDArray, side: int = FOLD_SIDE) -> NDArray[np.int64]:
    """Fold of each cell, by squares of the global grid with `side` cells along a side, folds of like size.

    With fewer squares than folds, squares of a quarter of that side (one coarse cell) are taken.
    """
    square = _blocks(row, column, side, side)
    if len(np.unique(square)) < FOLDS and side > COARSE_SIDE:
        return spatial_folds(row, column, COARSE_SIDE)
    return _fill(square, FOLDS)


class TooFewBlocksError(Exception):
    """One sentence that says why a region cannot be divided into blocks."""


@dataclass(frozen=True)
class Blocks:
    """Folds of blocks of the global grid."""

    folds: NDArray[np.int64]
    """(n,)"""
    rows: int
    """Cells along the sides of a block from north to south."""
    columns: int
    """Cells along the sides of a block from west to east."""
    number: int
    """Blocks that hold at least one row."""


def block_sides(latitude: NDArray, range_m: float) -> tuple[int, int]:
    """Rows and columns of the smallest blocks of whole coarse cells whose sides are nowhere shorter than `range_m`.

    `latitude` are those of all cells in degrees. A cell is narrowest where it is farthest from the equator and lowest
    where it is nearest to it. Along a parallel of radius p = N·cos φ (see `geocentric`), the chord of the turn Δλ is
    2·p·sin(Δλ / 2); because the projection keeps areas, a cell of the width w has the height side² / w.
    """
    cell_turn = 2 * np.pi / M09.columns
    farthest, nearest = np.abs(latitude).max(), np.abs(latitude).min()
    parallel, low_parallel = np.hypot(*geocentric(0, [farthest, nearest])[:, :2].T)
    columns = 2 * np.arcsin(min(float(_chord(range_m)) / (2 * parallel), 1)) / cell_turn
    rows = range_m / (M09.side**2 / (low_parallel * cell_turn))
    whole = [max(int(np.ceil(count / COARSE_SIDE)), 1) * COARSE_SIDE for count in (rows, columns)]
    return whole[0], whole[1]


def block_folds(row: NDArray, column: NDArray, latitude: NDArray, range_m: float, folds: int) -> Blocks:
    """Folds of like size, made of blocks that are at least `range_m` long and wide; rows of one block stay together.

    `row`, `column` (n,) are those of the global grid, on which blocks are counted, so that they do not depend on where
    the region begins; `latitude` (n,) in degrees decides how many cells a block has (`block_sides`: one size for all,
    for the latitudes farthest from and nearest to the equator). Blocks are cut only by the region's border and by the
    edges of the grid.

    Rows on both sides of a border between two blocks are still neighbours: blocks as long as the range leave out most
    of what is alike, not all (Roberts et al. 2017, doi 10.1111/ecog.02881, who advise no less than this length).

    Raises `TooFewBlocksError` when fewer blocks than folds hold rows.
    """
    rows, columns = block_sides(latitude, range_m)
    block = _blocks(row, column, rows, columns)
    number = len(np.unique(block))
    if number < folds:
        raise TooFewBlocksError(
            f"The region has {number} blocks of {rows} × {columns} cells, as long as the range of "
            f"{range_m / 1000:.0f} km, and {folds} folds need as many."
        )
    return Blocks(_fill(block, folds), rows, columns, number)


# Nearest neighbour distance matching


@dataclass(frozen=True)
class Matched:
    """Folds whose distances resemble those of the map, and how well they do."""

    folds: NDArray[np.int64]
    """(n,)"""
    clusters: int | None
    """q, the clusters that were merged into folds; None: folds by chance."""
    wasserstein_m: float
    """W in m: mean difference of the two distributions' quantiles."""
    distances: pd.DataFrame
    """Quantiles in m of nearest-neighbour distances, for each percent (`share` from 0 to 1): `training_m` between
    training rows, `map_m` from the map's points to training rows, `folds_m` from training rows to those of other
    folds."""


def distances_between_folds(points: NDArray, folds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distance in m of each of `points` (n, 3; see `geocentric`) to the nearest one of another fold."""
    from scipy.spatial import KDTree

    def nearest(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray:
        return KDTree(points[train], balanced_tree=False).query(points[test])[0]

    return _arc(out_of_fold(folds, nearest))


def _merge(cluster: NDArray[np.int64], along: NDArray, folds: int) -> NDArray[np.int64]:
    """Fold of each row (n,) from the cluster of each row.

    Clusters as large as a fold are one; the others are dealt to the remaining folds in turn, in the order of their mean
    of `along` (n,), so that neighbouring clusters come into different folds.
    """
    _, index, size = np.unique(cluster, return_inverse=True, return_counts=True)
    order = np.argsort(np.bincount(index, along) / size, kind="stable")
    large = size[order] >= len(cluster) / folds
    fold_of = np.zeros(len(size), int)
    fold_of[order[large]] = np.arange(large.sum())
    fold_of[order[~large]] = large.sum() + np.arange((~large).sum()) % max(folds - large.sum(), 1)
    return fold_of[index]


def _clusterings(points: NDArray, numbers: NDArray, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Cluster of each of `points` (n, 3) for each number of clusters.

    Up to `_LINKED` clusters are branches of Ward's tree (of all points, or of as many random ones, with which every
    other point shares the cluster of the nearest); more are the surroundings of as many random points.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    def surroundings(number: int) -> tuple[NDArray, NDArray[np.int64]]:
        chosen = points[np.sort(random.choice(len(points), number, replace=False))]
        return chosen, KDTree(chosen).query(points)[1]

    linked, branch = (points, np.arange(len(points))) if len(points) <= _LINKED else surroundings(_LINKED)
    leaves = len(linked)
    ends = linkage(linked, "ward")[:, :2].astype(int)
    results = []
    for number in numbers:
        if number > leaves:
            results.append(surroundings(int(number))[1])
            continue
        # The tree without its last merges; scipy's `fcluster` would cut all merges of one height at once.
        merges = leaves - number
        joined = np.repeat(leaves + np.arange(merges), 2)
        graph = coo_array((np.ones(2 * merges), (ends[:merges].ravel(), joined)), shape=(2 * leaves, 2 * leaves))
        results.append(connected_components(graph, directed=False)[1][branch])
    return results


def knndm_folds(
    longitude: NDArray,
    latitude: NDArray,
    map_longitude: NDArray,
    map_latitude: NDArray,
    folds: int,
    seed: int,
) -> Matched:
    """Folds in which a row is as far from the rows of other folds as the map's points are from the training rows.

    Training rows (n,) and points spread evenly over the map (m,) in degrees. kNNDM, k-fold nearest neighbour distance
    matching: Linnenbrink et al. 2024, doi 10.5194/gmd-17-5897-2024, as in the authors' R package CAST (`knndm`):

    1. Where training rows are not closer to each other than the map is to them (one-sided Kolmogorov–Smirnov test of
       the two distributions of nearest distances, p ≥ 0.05), folds are made by chance.
    2. Otherwise rows are clustered into q clusters, for numbers q from `folds` to n − 2 in equal steps of log q.
    3. Clusters with n / `folds` rows or more are folds, the others are dealt out to the remaining folds in the order of
       their centres along the first principal component of all rows. Candidates with a fold of more than
       `LARGEST_FOLD` of the rows are dropped.
    4. The candidate whose distances between folds are closest to the map's distances to training rows is taken: the
       smallest Wasserstein distance W = ∫ |F − G| of the two distribution functions.

    Other than CAST: `_CANDIDATES` numbers instead of 100; clusters and the component are those of points in space, not
    of degrees; above `_LINKED` rows Ward's tree is one of `_LINKED` random rows, and more clusters than that are the
    surroundings of random rows, so that no matrix of all distances is needed; the p-value is always asymptotic.

    **Training rows that cover the whole map** (nearly every cell is a row, points are the map's pixels) come to folds
    by chance: no pixel is farther from a row than rows are from each other. That is no mistake of the method but its
    answer: such a map only fills in between neighbours, and folds by chance measure that, at 9 km. They do not measure
    what a model is worth for details that no row has, nor for another region: `block_folds` is nearer to that. Gaps in
    such a cover are enough to fail the test of step 1, because many rows make small differences significant; the
    folds are then of small clusters, with a W hardly below that of folds by chance.

    Raises ValueError when there are fewer than `folds` + 2 rows, or when every candidate was dropped, as happens with
    two folds.
    """
    from scipy.spatial import KDTree
    from scipy.stats import ks_2samp, wasserstein_distance

    n = len(longitude)
    if n < folds + 2:
        raise ValueError(f"{n} rows are too few for {folds} folds")
    random = np.random.default_rng(seed)
    points = geocentric(longitude, latitude)
    tree = KDTree(points)
    training = _arc(tree.query(points, 2)[0][:, 1])
    wanted = _arc(tree.query(geocentric(map_longitude, map_latitude))[0])
    clusters, best, smallest = None, random_folds(n, folds, seed), np.inf
    if ks_2samp(training, wanted, alternative="greater", method="asymp").pvalue < _LARGEST_P:
        numbers = np.unique(np.geomspace(folds, n - 2, _CANDIDATES).round().astype(int))
        with threadpool_limits(1, "blas"):  # more threads would add in another order
            _, axes = np.linalg.eigh(np.cov(points.T))
            # An axis has no direction of its own: the sign that LAPACK gives it depends on the machine.
            along = (points - points.mean(axis=0)) @ (axes[:, -1] * np.sign(axes[np.abs(axes[:, -1]).argmax(), -1]))
        for number, cluster in zip(numbers, _clusterings(points, numbers, random), strict=True):
            candidate = _merge(cluster, along, folds)
            if np.bincount(candidate).max() > LARGEST_FOLD * n:
                continue
            w = wasserstein_distance(distances_between_folds(points, candidate), wanted)
            if w < smallest:
                clusters, best, smallest = int(number), candidate, w
        if clusters is None:
            raise ValueError(f"every candidate has a fold of more than {LARGEST_FOLD:.0%} of the {n} rows")
    between = distances_between_folds(points, best)
    share = np.linspace(0, 1, 101)
    named = {"training_m": training, "map_m": wanted, "folds_m": between}
    distances = pd.DataFrame({"share": share} | {name: np.quantile(values, share) for name, values in named.items()})
    return Matched(best, clusters, float(wasserstein_distance(between, wanted)), distances)


# Predictions


def out_of_fold(
    folds: NDArray[np.int64], predict: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray]
) -> NDArray[np.float64]:
    """What `predict` makes for the rows of each fold, (n,).

    It is given the indices of the rows of all other folds, to learn from, and of the fold's rows, and returns a number
    for each of the latter.
    """
    predicted = np.full(len(folds), np.nan)
    for fold in np.unique(folds):
        test = np.flatnonzero(folds == fold)
        predicted[test] = predict(np.flatnonzero(folds != fold), test)
    return predicted
