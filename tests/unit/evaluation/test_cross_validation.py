"""Folds by chance, of blocks and matched to the map, against brute force and an example of CAST's authors."""

import numpy as np
import pytest
from geodesics import MONGOLIA, WGS84, cells, geodesic
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from kilomoist.evaluation.cross_validation import (
    TooFewBlocksError,
    block_folds,
    block_sides,
    clusterings,
    distances_between_folds,
    knndm_folds,
    merge_clusters,
    random_folds,
)
from kilomoist.evaluation.distances import geocentric
from kilomoist.evaluation.scores import score
from kilomoist.evaluation.variograms import lags_of, variogram
from kilomoist.grids import COARSE_SIDE, M09, Window
from kilomoist.learning import learners
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.training_folds import out_of_fold


@given(n=st.integers(5, 500), folds=st.integers(2, 10), seed=st.integers(0, 9))
def test_folds_by_chance_are_of_one_size(n: int, folds: int, seed: int) -> None:
    found = random_folds(n, folds, seed)
    sizes = np.bincount(found, minlength=folds)
    assert len(sizes) == folds
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(found, random_folds(n, folds, seed))
    assert n < 50 or (found != random_folds(n, folds, seed + 1)).any()


@given(row=st.integers(60, 1500), rows=st.integers(1, 60), autocorrelation_range=st.floats(5e3, 4e5))
def test_blocks_are_nowhere_shorter_than_the_range(row: int, rows: int, autocorrelation_range: float) -> None:
    latitude = cells(Window(row, 0, rows, 1))[3]
    tall, wide = block_sides(latitude, autocorrelation_range)
    assert tall % COARSE_SIDE == wide % COARSE_SIDE == 0
    farthest, nearest = np.abs(latitude).max(), np.abs(latitude).min()
    turn = 360 / M09.columns
    north = cells(Window(0, 0, M09.rows // 2, 1))[3]
    slack = 1 - 2e-5  # the error of distances

    def width(columns: int) -> float:
        return float(WGS84.inv(0, farthest, columns * turn, farthest)[2])

    def height(count: int) -> float:
        """From the row nearest to the equator towards the pole."""
        place = int(np.abs(north - nearest).argmin())
        return float(WGS84.inv(0, north[place], 0, north[max(place - count, 0)])[2])

    assert width(wide) >= autocorrelation_range * slack
    assert height(tall) >= autocorrelation_range * slack
    # And no longer than whole coarse cells need to be.
    assert wide == COARSE_SIDE or width(wide - COARSE_SIDE) < autocorrelation_range / slack
    assert tall == COARSE_SIDE or (tall - COARSE_SIDE) * height(1) < autocorrelation_range * 1.01


def test_a_block_has_other_numbers_of_rows_and_columns() -> None:
    """At 47° N a cell is 7.1 km wide and 11.4 km high, at 60° N 5.2 km and 15.6 km."""
    assert block_sides(np.array([47.0]), 85e3) == (8, 12)
    assert block_sides(np.array([60.0]), 85e3) == (8, 20)
    assert block_sides(np.array([-60.0, -47.0]), 85e3) == (8, 20)
    assert block_sides(np.array([-1.0, 0.0, 1.0]), 85e3) == (12, 12)
    assert block_sides(np.array([47.0]), 5e3) == (4, 4)


@given(
    row=st.integers(100, 1400),
    column=st.integers(0, 3800),
    autocorrelation_range=st.floats(1e4, 1.2e5),
    seed=st.integers(0, 99),
)
def test_no_block_is_in_two_folds(row: int, column: int, autocorrelation_range: float, seed: int) -> None:
    window = Window(row, column, 70, 90)
    i, j, _, latitude = (
        values[np.random.default_rng(seed).random(window.shape).ravel() < 0.6] for values in cells(window)
    )
    try:
        found = block_folds(i, j, latitude, autocorrelation_range, 5)
    except TooFewBlocksError:
        tall, wide = block_sides(latitude, autocorrelation_range)
        assert len(set(zip(i // tall, j // wide, strict=True))) < 10
        return
    blocks = {}
    for place, fold in zip(zip(i // found.rows, j // found.columns, strict=True), found.folds, strict=True):
        assert blocks.setdefault(place, fold) == fold
    assert len(blocks) == found.number >= 10
    sizes = np.bincount(found.folds, minlength=5)
    assert len(sizes) == 5
    assert 0 < sizes.min() <= sizes.max() <= sizes.min() + found.rows * found.columns
    shuffled = np.random.default_rng(seed).permutation(len(i))
    again = block_folds(i[shuffled], j[shuffled], latitude[shuffled], autocorrelation_range, 5)
    np.testing.assert_array_equal(again.folds, found.folds[shuffled])


def test_blocks_do_not_depend_on_where_the_region_begins() -> None:
    row, column, _, latitude = cells(MONGOLIA)
    whole = block_folds(row, column, latitude, 5e4, 5)
    part = column > MONGOLIA.column + 5
    cut = block_folds(row[part], column[part], latitude[part], 5e4, 5)
    assert (cut.rows, cut.columns) == (whole.rows, whole.columns)
    border = np.diff(column) * np.diff(whole.folds) != 0
    assert border.any()
    assert set(column[1:][border] % whole.columns) == {0}


def test_too_few_blocks_are_said_in_one_sentence() -> None:
    row, column, _, latitude = cells(MONGOLIA)
    with pytest.raises(TooFewBlocksError) as caught:
        block_folds(row, column, latitude, 4e5, 5)
    assert str(caught.value) == (
        "The region has 4 blocks of 40 × 60 cells, as long as the range of 400 km, and 5 folds need as many."
    )


def test_rows_of_a_fold_are_predicted_from_all_others() -> None:
    folds = np.array([2, 0, 1, 0, 2, 2])
    asked = []

    def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        asked.append((train.tolist(), test.tolist()))
        return 10.0 * test

    np.testing.assert_array_equal(out_of_fold(folds, predict), [0, 10, 20, 30, 40, 50])
    assert asked == [([0, 2, 4, 5], [1, 3]), ([0, 1, 3, 4, 5], [2]), ([1, 2, 3], [0, 4, 5])]


@pytest.mark.parametrize("seed", [0, 1])
def test_smooth_noise_looks_good_in_folds_by_chance_and_not_in_blocks(seed: int) -> None:
    """The leak: predictors that know nothing but where a row is predict it from its neighbours."""
    random = np.random.default_rng(seed)
    window = Window(202, 2992, 48, 72)
    row, column, longitude, latitude = cells(window)

    def smooth() -> np.ndarray:
        # As far in m along both axes: 20 km, so that neighbours are alike over some 70 km.
        return gaussian_filter(random.standard_normal(window.shape), (20 / 11.4, 20 / 7.1), mode="reflect").ravel()

    y, x = smooth(), np.stack([smooth() for _ in range(6)], axis=1)
    y = 0.2 + 0.03 * y / y.std()
    found = variogram(y, lags_of(longitude, latitude, seed))
    assert 60e3 < found.autocorrelation_range < 120e3
    settings = LearnerSettings("random_forest", 15, seed)

    def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        return learners.predict_mean(learners.fit(settings, x[train], y[train], only_mean=True), x[test])

    blocks = block_folds(row, column, latitude, found.autocorrelation_range, 5).folds
    assert score(y, out_of_fold(random_folds(len(y), 5, seed), predict))["r2"] > 0.4
    assert score(y, out_of_fold(blocks, predict))["r2"] <= 0


# kNNDM


def brute_force(train: np.ndarray, points: np.ndarray, folds: np.ndarray) -> tuple[np.ndarray, float]:
    """Distances between folds, and W, with all geodesics and two step functions."""
    apart = geodesic(*train.T, tuple(train.T))
    between = np.where(folds[:, None] == folds, np.inf, apart).min(axis=1)
    wanted = geodesic(*points.T, tuple(train.T)).min(axis=1)
    steps = np.sort(np.concatenate([between, wanted]))
    difference = [abs((between <= step).mean() - (wanted <= step).mean()) for step in steps[:-1]]
    return between, float(np.sum(difference * np.diff(steps)))


def sample(kind: str, n: int, pixels: int = 3000, west: float = 100.0, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Training rows (n, 2) and pixels of the map in a box of 4° × 3° at 60° N: longitude, latitude."""
    random = np.random.default_rng(seed)

    def box(count: int) -> np.ndarray:
        return random.uniform((west, 58.5), (west + 4, 61.5), (count, 2))

    if kind == "random":
        return box(n), box(pixels)
    centres = box(12)
    return centres[random.integers(0, 12, n)] + random.normal(0, (0.08, 0.04), (n, 2)), box(pixels)


@pytest.mark.parametrize("kind", ["clustered", "random"])
def test_distances_and_w_are_those_of_brute_force(kind: str) -> None:
    train, points = sample(kind, 150, 400)
    found = knndm_folds(train, points, 5, 1)
    between, w = brute_force(train, points, found.folds)
    assert found.wasserstein_m == pytest.approx(w, rel=1e-4)
    np.testing.assert_allclose(distances_between_folds(geocentric(*train.T), found.folds), between, rtol=1e-5)


@pytest.mark.parametrize("west", [100.0, 178.0])
def test_a_clustered_sample_gets_spatial_folds(west: float) -> None:
    train, points = sample("clustered", 400, 1500, west)
    found = knndm_folds(train, points, 5, 1)
    assert 0 < (found.clusters or 0) < 100
    assert found.wasserstein_m < brute_force(train, points, random_folds(400, 5, 1))[1] / 4
    sizes = np.bincount(found.folds, minlength=5)
    assert 0 < sizes.min() <= sizes.max() <= 200


def test_a_random_sample_gets_folds_by_chance() -> None:
    """Mostly: distances of one sample are not independent, so that the test rejects it more often than in 5 %."""
    found = []
    for seed in range(10):
        train, points = sample("random", 500, seed=seed)
        found.append(knndm_folds(train, points, 5, 3))
        if found[-1].clusters is None:
            np.testing.assert_array_equal(found[-1].folds, random_folds(500, 5, 3))
        else:  # the next best thing: hardly two rows in a cluster
            assert found[-1].clusters > 250
        assert found[-1].wasserstein_m < 2500
    assert sum(each.clusters is None for each in found) >= 6


def test_matched_folds_do_not_know_of_180_degrees() -> None:
    train, points = sample("clustered", 300, west=178.0)
    one = knndm_folds(train, points, 5, 1)
    wrapped = [np.column_stack([(values[:, 0] + 180) % 360 - 180, values[:, 1]]) for values in (train, points)]
    np.testing.assert_array_equal(one.folds, knndm_folds(*wrapped, 5, 1).folds)
    elsewhere = knndm_folds(train - [78, 0], points - [78, 0], 5, 1)
    assert elsewhere.wasserstein_m == pytest.approx(one.wasserstein_m, rel=0.05)


@pytest.mark.parametrize("linked", [3000, 100])
def test_the_seed_decides(linked: int) -> None:
    """With all rows in Ward's tree as with some of them, where the clusters are other ones but no worse."""
    train, points = sample("clustered", 600)
    one, same = (knndm_folds(train, points, 5, seed, max_linked=linked) for seed in (1, 1))
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
    plane = knndm_folds(train * kilometre, points * kilometre, 2, 1, max_fold=0.8)
    assert plane.wasserstein_m / 1000 == pytest.approx(1.091896, abs=1e-5)
    assert plane.clusters == 3
    assert plane.folds[4] == plane.folds[5] != plane.folds[0]
    assert len(set(plane.folds[:4])) == 1
    globe = knndm_folds(train, points, 2, 1, max_fold=0.8)
    assert globe.wasserstein_m == pytest.approx(121_095.2, rel=0.01)  # on the ellipsoid
    assert globe.clusters == 3
    np.testing.assert_array_equal(globe.folds, plane.folds)


def test_a_cover_of_the_whole_map_gets_folds_by_chance() -> None:
    """Every cell is a row, every point a pixel: no pixel is farther from a row than rows are from each other."""
    places, random = np.column_stack(cells(MONGOLIA)[2:]), np.random.default_rng(11)
    pixels = places[random.integers(0, len(places), 5000)]
    pixels[:, 0] += random.uniform(-0.046, 0.046, 5000)
    found = knndm_folds(places[random.random(len(places)) < 0.8], pixels, 5, 1)
    assert found.clusters is None
    assert found.wasserstein_m < 9e3


def test_rows_that_cannot_be_matched_are_said() -> None:
    train, points = sample("clustered", 6)
    with pytest.raises(ValueError, match="6 rows are too few for 5 folds"):
        knndm_folds(train, points, 5, 1)
    train, points = sample("clustered", 61)  # of two folds, one always has more than half
    with pytest.raises(ValueError, match="more than 50% of the 61 rows"):
        knndm_folds(train, points, 2, 1)
