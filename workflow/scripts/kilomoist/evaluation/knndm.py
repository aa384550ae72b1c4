"""Folds by k-fold nearest neighbour distance matching (kNNDM)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from kilomoist.evaluation.distances import arc_length, geocentric
from kilomoist.evaluation.validation_folds import random_folds
from kilomoist.learning.training_folds import out_of_fold

_MAX_P = 0.05
_CANDIDATES = 40
"""Numbers of clusters that `knndm_folds` compares (CAST: 100)."""


@dataclass(frozen=True)
class ClusterLimits:
    """Limits of the clusters that are found, and of the folds that they are merged into."""

    max_fold: float = 0.5
    """Share of the rows that no fold exceeds, as in CAST."""
    linked: int = 3000
    """Rows up to which clusters are found in a tree of all distances, 36 MB."""


LIMITS = ClusterLimits()


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

    return arc_length(out_of_fold(folds, nearest))


def merge_clusters(cluster: NDArray[np.int64], along: NDArray, folds: int) -> NDArray[np.int64]:
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


def clusterings(
    points: NDArray, numbers: NDArray, random: np.random.Generator, max_linked: int = LIMITS.linked
) -> list[NDArray[np.int64]]:
    """Cluster of each of `points` (n, 3) for each number of clusters.

    Up to `max_linked` clusters are branches of Ward's tree (of all points, or of as many random ones, with which every
    other point shares the cluster of the nearest); more are the surroundings of as many random points.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    def surroundings(number: int) -> tuple[NDArray, NDArray[np.int64]]:
        chosen = points[np.sort(random.choice(len(points), number, replace=False))]
        return chosen, KDTree(chosen).query(points)[1]

    linked, branch = (points, np.arange(len(points))) if len(points) <= max_linked else surroundings(max_linked)
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
    limits: ClusterLimits = LIMITS,
) -> Matched:
    """Folds in which a row is as far from the rows of other folds as the map's points are from the training rows.

    Training rows (n,) and points spread evenly over the map (m,) in degrees. kNNDM, k-fold nearest neighbour distance
    matching: Linnenbrink et al. 2024, doi 10.5194/gmd-17-5897-2024, as in the authors' R package CAST (`knndm`):

    1. Where training rows are not closer to each other than the map is to them (one-sided Kolmogorov–Smirnov test of
       the two distributions of nearest distances, p ≥ 0.05), folds are made by chance.
    2. Otherwise rows are clustered into q clusters, for numbers q from `folds` to n − 2 in equal steps of log q.
    3. Clusters with n / `folds` rows or more are folds, the others are dealt out to the remaining folds in the order of
       their centres along the first principal component of all rows. Candidates with a fold of more than
       `limits.max_fold` of the rows are dropped.
    4. The candidate whose distances between folds are closest to the map's distances to training rows is taken: the
       smallest Wasserstein distance W = ∫ |F − G| of the two distribution functions.

    Other than CAST: `_CANDIDATES` numbers instead of 100; clusters and the component are those of points in space, not
    of degrees; above `limits.linked` rows Ward's tree is that of so many random rows, and more clusters than these are
    the surroundings of random rows, so that no matrix of all distances is needed; the p-value is always asymptotic.

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
    training = arc_length(tree.query(points, 2)[0][:, 1])
    wanted = arc_length(tree.query(geocentric(map_longitude, map_latitude))[0])
    clusters, best, smallest = None, random_folds(n, folds, seed), np.inf
    if ks_2samp(training, wanted, alternative="greater", method="asymp").pvalue < _MAX_P:
        numbers = np.unique(np.geomspace(folds, n - 2, _CANDIDATES).round().astype(int))
        with threadpool_limits(1, "blas"):  # more threads would add in another order
            _, axes = np.linalg.eigh(np.cov(points.T))
            # An axis has no direction of its own: the sign that LAPACK gives it depends on the machine.
            along = (points - points.mean(axis=0)) @ (axes[:, -1] * np.sign(axes[np.abs(axes[:, -1]).argmax(), -1]))
        for number, cluster in zip(numbers, clusterings(points, numbers, random, limits.linked), strict=True):
            candidate = merge_clusters(cluster, along, folds)
            if np.bincount(candidate).max() > limits.max_fold * n:
                continue
            w = wasserstein_distance(distances_between_folds(points, candidate), wanted)
            if w < smallest:
                clusters, best, smallest = int(number), candidate, w
        if clusters is None:
            raise ValueError(f"every candidate has a fold of more than {limits.max_fold:.0%} of the {n} rows")
    between = distances_between_folds(points, best)
    share = np.linspace(0, 1, 101)
    named = {"training_m": training, "map_m": wanted, "folds_m": between}
    distances = pd.DataFrame({"share": share} | {name: np.quantile(values, share) for name, values in named.items()})
    return Matched(best, clusters, float(wasserstein_distance(between, wanted)), distances)
