"""Folds by nearest neighbour distance matching, against brute force and an example of its authors."""

import numpy as np
import pytest
from geodesics import MONGOLIA, cells, geodesic

from kilomoist.evaluation.distances import geocentric
from kilomoist.evaluation.knndm import (
    ClusterLimits,
    clusterings,
    distances_between_folds,
    knndm_folds,
    merge_clusters,
)
from kilomoist.evaluation.validation_folds import random_folds
from kilomoist.grids import Window


def brute_force(train: np.ndarray, points: np.ndarray, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Distances between folds, from the map to training rows, and W, with all geodesics and two step functions."""
    apart = geodesic(*train.T, tuple(train.T))
    between = np.where(folds[:, None] == folds, np.inf, apart).min(axis=1)
    wanted = geodesic(*points.T, tuple(train.T)).min(axis=1)
    steps = np.sort(np.concatenate([between, wanted]))
    difference = [abs((between <= step).mean() - (wanted <= step).mean()) for step in steps[:-1]]
    return between, wanted, float(np.sum(difference * np.diff(steps)))


def sample(kind: str, n: int, west: float = 100.0, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Training rows (n, 2) and 3000 points of the map in a box of 4° × 3° at 60° N: longitude, latitude."""
    random = np.random.default_rng(seed)

    def box(count: int) -> np.ndarray:
        return random.uniform((west, 58.5), (west + 4, 61.5), (count, 2))

    if kind == "random":
        return box(n), box(3000)
    centres = box(12)
    return centres[random.integers(0, 12, n)] + random.normal(0, (0.08, 0.04), (n, 2)), box(3000)


@pytest.mark.parametrize("kind", ["clustered", "random"])
def test_distances_and_w_are_those_of_brute_force(kind: str) -> None:
    train, points = sample(kind, 150)
    points = points[:400]
    found = knndm_folds(*train.T, *points.T, 5, 1)
    between, wanted, w = brute_force(train, points, found.folds)
    assert found.wasserstein_m == pytest.approx(w, rel=1e-4)
    np.testing.assert_allclose(distances_between_folds(geocentric(*train.T), found.folds), between, rtol=1e-5)
    shares = found.distances["share"]
    np.testing.assert_allclose(found.distances["folds_m"], np.quantile(between, shares), rtol=1e-5)
    np.testing.assert_allclose(found.distances["map_m"], np.quantile(wanted, shares), rtol=1e-5)
    # Each row a fold of its own: the distances between rows.
    alone = brute_force(train, points, np.arange(len(train)))[0]
    np.testing.assert_allclose(found.distances["training_m"], np.quantile(alone, shares), rtol=1e-5)


@pytest.mark.parametrize("west", [100.0, 178.0])
def test_a_clustered_sample_gets_spatial_folds(west: float) -> None:
    train, points = sample("clustered", 400, west)
    points = points[:1500]
    found = knndm_folds(*train.T, *points.T, 5, 1)
    assert found.clusters is not None
    assert found.clusters < 100
    by_chance = brute_force(train, points, random_folds(400, 5, 1))[2]
    assert found.wasserstein_m < by_chance / 4
    assert np.bincount(found.folds, minlength=5).min() > 0
    assert np.bincount(found.folds).max() <= 200


def test_a_random_sample_gets_folds_by_chance() -> None:
    """Mostly: distances of one sample are not independent, so that the test rejects it more often than in 5 %."""
    found = []
    for seed in range(10):
        train, points = sample("random", 500, seed=seed)
        found.append(knndm_folds(*train.T, *points.T, 5, 3))
        if found[-1].clusters is None:
            np.testing.assert_array_equal(found[-1].folds, random_folds(500, 5, 3))
        else:  # the next best thing: hardly two rows in a cluster
            assert found[-1].clusters > 250
        assert found[-1].wasserstein_m < 2500
    assert sum(each.clusters is None for each in found) >= 6


def test_matched_folds_do_not_know_of_180_degrees() -> None:
    train, points = sample("clustered", 300, 178.0)
    wrapped = [(values + 180) % 360 - 180 for values in (train[:, 0], points[:, 0])]
    one = knndm_folds(*train.T, *points.T, 5, 1)
    other = knndm_folds(wrapped[0], train[:, 1], wrapped[1], points[:, 1], 5, 1)
    np.testing.assert_array_equal(one.folds, other.folds)
    elsewhere = knndm_folds(train[:, 0] - 78, train[:, 1], points[:, 0] - 78, points[:, 1], 5, 1)
    assert elsewhere.wasserstein_m == pytest.approx(one.wasserstein_m, rel=0.05)


@pytest.mark.parametrize("linked", [3000, 100])
def test_the_seed_decides(linked: int) -> None:
    """With all rows in Ward's tree as with some of them, where the clusters are other ones but no worse."""
    train, points = sample("clustered", 600)
    one, same = (knndm_folds(*train.T, *points.T, 5, seed, ClusterLimits(linked=linked)) for seed in (1, 1))
    np.testing.assert_array_equal(one.folds, same.folds)
    assert one.wasserstein_m == same.wasserstein_m
    assert one.wasserstein_m < 1e4  # folds by chance: 40 km


@pytest.mark.parametrize("numbers", [[5, 17, 40], [5, 90, 119]])
def test_clusterings_have_as_many_clusters_as_asked_for(numbers: list[int]) -> None:
    """Also on a regular grid, where many merges of Ward's tree are of one height."""
    points = geocentric(*cells(Window(200, 3000, 10, 12))[2:])
    for linked in (3000, 60):
        found = clusterings(points, np.array(numbers), np.random.default_rng(1), linked)
        assert [len(set(cluster)) for cluster in found] == numbers


def test_clusters_are_merged_as_in_cast() -> None:
    """Large ones stay alone, small ones are dealt out along the axis."""
    cluster = np.repeat([7, 3, 5, 1, 9, 2], [40, 4, 5, 6, 5, 40])
    along = np.repeat([6.0, 2.0, 3.0, 1.0, 4.0, 5.0], [40, 4, 5, 6, 5, 40])
    found = merge_clusters(cluster, along, 4)
    fold_of = {int(number): int(found[cluster == number][0]) for number in np.unique(cluster)}
    assert all((found[cluster == number] == fold).all() for number, fold in fold_of.items())
    assert (fold_of[2], fold_of[7]) == (0, 1)
    assert [fold_of[number] for number in (1, 3, 5, 9)] == [2, 3, 2, 3]


def test_an_example_of_cast_comes_out_alike() -> None:
    """Two folds of six points: W = 1.091896, q = 3 in the plane and W = 121095.2 m, q = 3 on a sphere.

    Expected by tests/testthat/test-knndm.R of github.com/HannaMeyer/CAST (commit 0011c86), whose regular points begin
    where R's `set.seed(1); runif(2)` says: 0.2655087, 0.3721239 of the square.
    """
    train = np.array([(1, 1), (1, 2), (2, 2), (2, 3), (1, 4), (5, 4)], float)
    step = np.sqrt(100 / 20)
    start = np.array([2.655087, 3.721239]) % step
    points = np.stack(np.meshgrid(start[0] + step * np.arange(5), start[1] + step * np.arange(4)), -1).reshape(-1, 2)
    kilometre = 1000 / np.array([111_319.49, 110_574.3])  # in degrees, where the equator meets 0° E
    plane = knndm_folds(*(train * kilometre).T, *(points * kilometre).T, 2, 1, ClusterLimits(max_fold=0.8))
    assert plane.wasserstein_m / 1000 == pytest.approx(1.091896, abs=1e-5)
    assert plane.clusters == 3
    assert plane.folds[4] == plane.folds[5] != plane.folds[0]
    assert len(set(plane.folds[:4])) == 1
    globe = knndm_folds(*train.T, *points.T, 2, 1, ClusterLimits(max_fold=0.8))
    assert globe.wasserstein_m == pytest.approx(121_095.2, rel=0.01)  # on the ellipsoid
    assert globe.clusters == 3
    np.testing.assert_array_equal(globe.folds, plane.folds)


def test_a_cover_of_the_whole_map_gets_folds_by_chance() -> None:
    """Every cell is a row, every point a pixel: no pixel is farther from a row than rows are from each other."""
    _, _, longitude, latitude = cells(MONGOLIA)
    random = np.random.default_rng(11)
    chosen = random.integers(0, len(longitude), 5000)
    pixels = longitude[chosen] + random.uniform(-0.046, 0.046, 5000), latitude[chosen]
    kept = random.random(len(longitude)) < 0.8
    found = knndm_folds(longitude[kept], latitude[kept], *pixels, 5, 1)
    assert found.clusters is None
    assert found.wasserstein_m < 9e3


def test_rows_that_cannot_be_matched_are_said() -> None:
    train, points = sample("clustered", 6)
    with pytest.raises(ValueError, match="6 rows are too few for 5 folds"):
        knndm_folds(*train.T, *points.T, 5, 1)
    train, points = sample("clustered", 61)  # of two folds, one always has more than half
    with pytest.raises(ValueError, match="more than 50% of the 61 rows"):
        knndm_folds(*train.T, *points.T, 2, 1)
