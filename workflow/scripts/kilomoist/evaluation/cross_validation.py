"""Cross-validation: folds by chance, of blocks and matched to the map, and estimates by models that saw none of a fold.

Places are longitude and latitude in degrees, (n, 2).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from kilomoist.evaluation.distances import arc_length, chord_length, geocentric
from kilomoist.evaluation.null_estimates import null_estimates
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, M01, M09, Window, geographic_from_ease
from kilomoist.learning import learners
from kilomoist.learning.absolute import tune_absolute
from kilomoist.learning.coarser_scale import MIN_TRAINING_ROWS
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.training_folds import FOLDS, block_numbers, fill_folds, out_of_fold
from kilomoist.learning.tuning import TuningOptions, fit_small
from kilomoist.predictors.samples import PLACES

MAX_FOLD = 0.5
"""Share of the rows that no fold of kNNDM exceeds, as in CAST."""
MAX_LINKED = 3000
"""Rows up to which clusters are found in a tree of all distances, 36 MB."""
_MAX_P = 0.05
_CANDIDATES = 40
"""Numbers of clusters that `knndm_folds` compares (CAST: 100)."""
_MAP_POINTS = 10_000
"""Pixels that stand for the map where distances to it are asked for."""


class TooFewBlocksError(Exception):
    """One sentence that says why a region cannot be divided into blocks."""


@dataclass(frozen=True)
class BlockFolds:
    """Folds of blocks of the global grid."""

    folds: NDArray[np.int64]
    """(n,)"""
    rows: int
    """Cells along a block from north to south."""
    columns: int
    """Cells along a block from west to east."""
    number: int
    """Blocks that hold at least one row."""


@dataclass(frozen=True)
class Matched:
    """Folds whose distances resemble those of the map, and how well they do."""

    folds: NDArray[np.int64]
    """(n,)"""
    clusters: int | None
    """q, the clusters that were merged into folds; None: folds by chance."""
    wasserstein_m: float
    """W in m: mean difference of the two distributions' quantiles."""


def fold_estimates(
    samples: pd.DataFrame,
    use: Sequence[str],
    settings: LearnerSettings,
    folds: NDArray[np.int64],
    tuning: TuningOptions | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Estimates of every row by models that saw no row of its fold: `absolute`, the mean and a linear model.

    `absolute` is a small model (`fit_small`), whose scores lie within a large one's intervals (docs/scale.md). With
    `tuning` it is tuned anew for each fold on the rows of the others, lest the score be the one that was tuned;
    without, it has `settings`. `detail` is not among them: it is given SMAP at the coarser scale, which holds the row's
    own value.
    """
    x, y = samples[list(use)].to_numpy(np.float32), samples["target"].to_numpy()
    random = np.random.default_rng(settings.seed)
    estimates = {name: np.full(len(y), np.nan) for name in ("absolute", "mean", "linear")}

    def predict(train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        if len(train) < MIN_TRAINING_ROWS:
            return np.full(len(test), np.nan)
        for name, values in null_estimates(x[train], y[train], x[test]).items():
            estimates[name][test] = values
        chosen = settings
        if tuning:
            others = samples.iloc[train].assign(split="train")
            chosen = tune_absolute(others, list(use), settings, tuning, threads).settings
        return learners.predict_mean(fit_small(chosen, x, y, train, random, threads), x[test])

    estimates["absolute"] = out_of_fold(folds, predict)
    return samples[list(PLACES)].assign(observed=y, fold=folds, **estimates)


def folds_of(
    protocol: str,
    samples: pd.DataFrame,
    mapped: NDArray[np.bool_],
    window: Window,
    autocorrelation_range: float,
    seed: int,
) -> tuple[NDArray[np.int64], str]:
    """Folds of the rows by the name of a protocol, and a sentence on what they are.

    `random_folds`; `blocks`, at least as large as `autocorrelation_range` (m); `knndm`, as far from each other as the
    map's pixels are from the rows, where `mapped` is the window's cells that have pixels. Raises `TooFewBlocksError`
    for a region that has too few blocks.
    """
    if protocol == "random_folds":
        return random_folds(len(samples), FOLDS, seed), f"{FOLDS} folds by chance"
    if protocol == "blocks":
        row, column, latitude = (samples[name].to_numpy() for name in ("row", "col", "lat"))
        found = block_folds(row, column, latitude, autocorrelation_range, FOLDS)
        return found.folds, (
            f"{FOLDS} folds of {found.number} blocks of {found.rows} × {found.columns} cells, as long as the range of "
            f"{autocorrelation_range / 1000:.0f} km"
        )
    matched = knndm_folds(samples[["lon", "lat"]].to_numpy(), _pixels_of(mapped, window, seed), FOLDS, seed)
    how = f"{matched.clusters} clusters" if matched.clusters else "chance, as the rows cover the map"
    return matched.folds, f"{FOLDS} folds of {how}, W = {matched.wasserstein_m / 1000:.1f} km"


def _pixels_of(mapped: NDArray[np.bool_], window: Window, seed: int) -> NDArray:
    """Places of pixels drawn evenly from cells."""
    random = np.random.default_rng(seed)
    row, column = np.nonzero(mapped)
    drawn = random.integers(0, len(row), _MAP_POINTS)
    pixels = window.refined(CELL_SIDE)
    rows, columns = (one[drawn] * CELL_SIDE + random.integers(0, CELL_SIDE, _MAP_POINTS) for one in (row, column))
    return np.stack(geographic_from_ease(M01.x_centres(pixels)[columns], M01.y_centres(pixels)[rows]), axis=1)


def random_folds(n: int, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold 0 … `folds` − 1 of each of `n` rows by chance; sizes differ by one at most."""
    return np.random.default_rng(seed).permutation(n) % folds


def block_sides(latitude: NDArray, autocorrelation_range: float) -> tuple[int, int]:
    """Rows and columns of the smallest blocks of whole coarse cells whose sides are nowhere shorter than the range (m).

    Of all cells, whose `latitude` is in degrees, the narrowest are farthest from the equator, the lowest nearest to it.
    Along a parallel of radius p = N·cos φ (see `geocentric`), the chord of the turn Δλ is 2·p·sin(Δλ / 2); because the
    projection keeps areas, a cell of the width w has the height side² / w.
    """
    cell_turn = 2 * np.pi / M09.columns
    farthest, nearest = np.abs(latitude).max(), np.abs(latitude).min()
    parallel, low_parallel = np.hypot(*geocentric(0, [farthest, nearest])[:, :2].T)
    columns = 2 * np.arcsin(min(float(chord_length(autocorrelation_range)) / (2 * parallel), 1)) / cell_turn
    rows = autocorrelation_range / (M09.side**2 / (low_parallel * cell_turn))
    whole = [max(int(np.ceil(count / COARSE_SIDE)), 1) * COARSE_SIDE for count in (rows, columns)]
    return whole[0], whole[1]


def block_folds(
    row: NDArray, column: NDArray, latitude: NDArray, autocorrelation_range: float, folds: int
) -> BlockFolds:
    """Folds of like size, made of blocks at least `autocorrelation_range` (m) long and wide, which stay together.

    `row`, `column` (n,) are those of the global grid, on which blocks are counted, so that they do not depend on where
    the region begins; `latitude` (n,) in degrees decides how many cells all blocks have (`block_sides`). Blocks are cut
    only by the region's border and by the edges of the grid.

    Rows on both sides of a border between two blocks are still neighbours: blocks as long as the range leave out most
    of what is alike, not all (Roberts et al. 2017, doi 10.1111/ecog.02881, who advise no less than this length).

    Raises `TooFewBlocksError` when fewer blocks than folds hold rows.
    """
    rows, columns = block_sides(latitude, autocorrelation_range)
    block = block_numbers(row, column, rows, columns)
    number = len(np.unique(block))
    if number < folds:
        raise TooFewBlocksError(
            f"The region has {number} blocks of {rows} × {columns} cells, as long as the range of "
            f"{autocorrelation_range / 1000:.0f} km, and {folds} folds need as many."
        )
    return BlockFolds(fill_folds(block, folds), rows, columns, number)


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
    points: NDArray, numbers: NDArray, random: np.random.Generator, max_linked: int
) -> Iterator[NDArray[np.int64]]:
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
    for number in numbers:
        if number > leaves:
            yield surroundings(int(number))[1]
        else:
            # The tree without its last merges; scipy's `fcluster` would cut all merges of one height at once.
            merges = leaves - number
            joined = np.repeat(leaves + np.arange(merges), 2)
            graph = coo_array((np.ones(2 * merges), (ends[:merges].ravel(), joined)), shape=(2 * leaves, 2 * leaves))
            yield connected_components(graph, directed=False)[1][branch]


def knndm_folds(
    training: NDArray, pixels: NDArray, folds: int, seed: int, max_fold: float = MAX_FOLD, max_linked: int = MAX_LINKED
) -> Matched:
    """Folds in which a row is as far from the rows of other folds as the map's pixels are from the training rows.

    Places of the training rows (n, 2) and of pixels spread evenly over the map (m, 2). kNNDM, k-fold nearest neighbour
    distance matching: Linnenbrink et al. 2024, doi 10.5194/gmd-17-5897-2024, as in the authors' R package CAST
    (`knndm`):

    1. Where training rows are not closer to each other than the map is to them (one-sided Kolmogorov–Smirnov test of
       the two distributions of nearest distances, p ≥ 0.05), folds are made by chance.
    2. Otherwise rows are clustered into q clusters, for numbers q from `folds` to n − 2 in equal steps of log q.
    3. Clusters with n / `folds` rows or more are folds, the others are dealt out to the remaining folds in the order of
       their centres along the first principal component of all rows. Candidates with a fold of more than `max_fold` of
       the rows are dropped.
    4. The candidate whose distances between folds are closest to the map's distances to training rows is taken: the
       smallest Wasserstein distance W = ∫ |F − G| of the two distribution functions.

    Other than CAST: `_CANDIDATES` numbers instead of 100; clusters and the component are those of points in space, not
    of degrees; above `max_linked` rows Ward's tree is that of so many random rows, and more clusters than these are the
    surroundings of random rows, so that no matrix of all distances is needed; the p-value is always asymptotic.

    **Training rows that cover the whole map** (nearly every cell is a row) come to folds by chance: no pixel is farther
    from a row than rows are from each other. Such a map only fills in between neighbours, and folds by chance measure
    that, at 9 km. They do not measure what a model is worth for details that no row has, nor for another region:
    `block_folds` is nearer to that. Gaps in such a cover are enough to fail the test of step 1, because many rows make
    small differences significant; the folds are then of small clusters, with a W hardly below that of folds by chance.

    Raises ValueError when there are fewer than `folds` + 2 rows, or when every candidate was dropped, as happens with
    two folds.
    """
    from scipy.spatial import KDTree
    from scipy.stats import ks_2samp, wasserstein_distance

    n = len(training)
    if n < folds + 2:
        raise ValueError(f"{n} rows are too few for {folds} folds")
    points = geocentric(*training.T)
    tree = KDTree(points)
    apart, wanted = arc_length(tree.query(points, 2)[0][:, 1]), arc_length(tree.query(geocentric(*pixels.T))[0])

    def matched(candidate: NDArray[np.int64], clusters: int | None) -> Matched:
        between = distances_between_folds(points, candidate)
        return Matched(candidate, clusters, float(wasserstein_distance(between, wanted)))

    if ks_2samp(apart, wanted, alternative="greater", method="asymp").pvalue >= _MAX_P:
        return matched(random_folds(n, folds, seed), None)
    numbers = np.unique(np.geomspace(folds, n - 2, _CANDIDATES).round().astype(int))
    with threadpool_limits(1, "blas"):  # more threads would add in another order
        _, axes = np.linalg.eigh(np.cov(points.T))
        # An axis has no direction of its own: the sign that LAPACK gives it depends on the machine.
        along = (points - points.mean(axis=0)) @ (axes[:, -1] * np.sign(axes[np.abs(axes[:, -1]).argmax(), -1]))
    found = clusterings(points, numbers, np.random.default_rng(seed), max_linked)
    candidates = (merge_clusters(cluster, along, folds) for cluster in found)
    matches = (
        matched(candidate, int(number))
        for number, candidate in zip(numbers, candidates, strict=True)
        if np.bincount(candidate).max() <= max_fold * n
    )
    best = min(matches, key=lambda match: match.wasserstein_m, default=None)
    if best is None:
        raise ValueError(f"every candidate has a fold of more than {max_fold:.0%} of the {n} rows")
    return best
