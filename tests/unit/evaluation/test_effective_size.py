"""Effective sample sizes and tests of correlations, against printed numbers, plain formulas and simulation."""

import math
from itertools import pairwise

import numpy as np
import pytest
from geodesics import WGS84, geodesic
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_fields import fields
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr
from scipy.stats import t as student

from kilomoist.evaluation.effective_size import Association, PairClasses, associations, projected, williams

CELLS = np.argwhere(np.ones((40, 40), bool))
LATTICE = PairClasses(exact_rows=10, finer=1)
"""Few classes, and rows moved to a lattice."""


def dutilleul(
    x: NDArray, y: NDArray, places: NDArray, geographic: bool = False, resolution: PairClasses | None = None
) -> Association:
    return associations({"x": x, "y": y}, places, geographic, resolution=resolution)["x", "y"]


def smooth(seed: int, side: int = 40) -> tuple[NDArray, NDArray]:
    """Two independent smooth fields at the cells of a square."""
    stream = fields("exponential", side, 5, seed)
    return next(stream).ravel(), next(stream).ravel()


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_order_of_rows_changes_nothing(seed: int) -> None:
    x, y = smooth(7)
    order = np.random.default_rng(seed).permutation(len(x))
    found, expected = dutilleul(x[order], y[order], CELLS[order]), dutilleul(x, y, CELLS)
    assert (found.effective_n, found.p) == pytest.approx((expected.effective_n, expected.p), rel=1e-7)


def test_missing_values_are_left_out_in_pairs() -> None:
    x, y = smooth(10)
    holes = np.random.default_rng(10).random(len(y)) < 0.2
    gone = np.where(holes, np.inf, y)
    gone[np.flatnonzero(holes)[::2]] = np.nan
    assert dutilleul(x, gone, CELLS) == dutilleul(x[~holes], y[~holes], CELLS[~holes])


@pytest.mark.parametrize("exact_rows", [1000, 3000])
def test_pairs_together_are_what_each_is_alone(exact_rows: int) -> None:
    """Whether pairs count one by one or on a lattice."""
    (x, y), (z, _), resolution = smooth(27), smooth(28), PairClasses(exact_rows)
    places = [95, 42] + CELLS * [0.12, 0.08]
    variables = {"x": x, "y": y, "z": z, "constant": np.full(len(y), 0.5)}
    wanted = [("x", "y"), ("x", "z"), ("x", "constant")]
    found = associations(variables, places, True, wanted, resolution)
    assert list(found) == wanted
    for name in ("y", "z"):
        alone = dutilleul(x, variables[name], places, True, resolution)
        assert found["x", name].effective_n == pytest.approx(alone.effective_n, rel=1e-7)
    assert math.isnan(found["x", "constant"].effective_n)


def test_projected_places_keep_distances() -> None:
    """From the middle, to 0.2 %; near a pole and over 180° too."""
    for longitude, latitude in ((105.0, 47.0), (180.0, -17.0), (0.0, 80.0)):
        turns = [(0, 1e5), (90, 1e5), *((angle, 2e5) for angle in (0, 90, 180, 270))]
        around = [WGS84.fwd(longitude, latitude, *turn)[:2] for turn in turns]
        plane = projected(np.array([(longitude, latitude), *around]))
        apart = np.hypot(*(plane - plane[0]).T)
        np.testing.assert_allclose(apart, [0, 1e5, 1e5, 2e5, 2e5, 2e5, 2e5], rtol=0.002)


def test_many_rows_need_no_matrix_of_their_pairs() -> None:
    """Of 36,000 rows it would have 10 GB."""
    random = np.random.default_rng(16)
    places = np.stack([90 + 30 * random.random(36_000), 42 + 10 * random.random(36_000)], axis=1)
    x, y = random.normal(size=(2, 36_000))
    assert dutilleul(x, y, places, geographic=True).effective_n == pytest.approx(36_000, rel=0.1)


def by_matrices(x: NDArray, y: NDArray, distance: NDArray) -> tuple[float, float]:
    """Effective size and p as in Dutilleul (1993), with matrices of all pairs and nothing else in common."""
    n = len(x)
    pairs = np.triu_indices(n, 1)
    classes = int(1.5 + 3.3 * math.log10(n * (n - 1) / 2))
    edges = distance[pairs].max() / classes * np.arange(1, classes + 1)
    matrices = []
    for values in (x, y):
        deviation, matrix = values - values.mean(), np.eye(n)
        for low, high in pairwise([-1.0, *edges[:-1], np.inf]):
            inside = (distance > low) & (distance <= high) & ~np.eye(n, dtype=bool)
            if inside.any():
                matrix[inside] = np.outer(deviation, deviation)[inside].mean() / values.var()
        matrices.append(matrix)
    center = np.eye(n) - 1 / n
    one, two = (center @ matrix for matrix in matrices)
    size = 1 + np.trace(one) * np.trace(two) / np.trace(one @ two)
    r = np.corrcoef(x, y)[0, 1]
    return size, 2 * student.sf(abs(r) * math.sqrt((size - 2) / (1 - r**2)), size - 2)


@pytest.mark.parametrize("geographic", [False, True])
def test_dutilleul_is_that_of_matrices(geographic: bool) -> None:
    """Written out once more: SpatialPack's printed examples are in binary files of R."""
    random = np.random.default_rng(20)
    places = random.random((150, 2)) * [10, 6] + [100, 44]
    wave = np.sin(places[:, 0]) + np.cos(places[:, 1])
    x, y = wave + random.normal(size=150), wave - places[:, 0] / 5 + random.normal(size=150)
    distance = geodesic(*places.T, tuple(places.T)) if geographic else squareform(pdist(places))
    found = dutilleul(x, y, places, geographic)
    assert (found.effective_n, found.p) == pytest.approx(by_matrices(x, y, distance))
    assert found.effective_n < 100


def test_dutilleul_of_four_points_by_hand() -> None:
    """On a line at 0, 1, 2, 3: ⌊1.5 + 3.3·log10(6)⌋ = 4 classes up to 0.75, 1.5, 2.25 and 3, the first one empty.

    −3, −1, 1, 3 have the variance 5, and Moran's I (3 − 1 + 3) / 3 / 5 = 1/3 at distance 1, −3 / 5 at distance 2, and
    −9 / 5 at 3. The rows of the correlation matrix add up to −16/15, 16/15, 16/15, −16/15: to 0 in all, so that
    the traces are 4, the sum of squares 4 + 6/9 + 4·9/25 + 2·81/25 = 12.5867, and that of the row sums' 4.5511.
    """
    x = np.array([-3.0, -1, 1, 3])
    found = dutilleul(x, -x, np.array([[0.0, 0], [1, 0], [2, 0], [3, 0]]))
    assert found.effective_n == pytest.approx(1 + 16 / (188.8 / 15 - 2 * (4 * (16 / 15) ** 2) / 4))
    assert found.p < 0.01


REFERENCE = """
8.1 8.1 -0.23 -0.01   5.2 2.9 -0.30 -0.97   0.5 3.8  0.82  1.03   4.1 0.5 -1.01 -1.89   0.5 10  0.84 -0.63
6.5 2.3 -1.15 -2.20   4.3 9.7 -0.05  0.49   9.0 8.4 -0.72 -0.52   3.9 4.9  1.18 -0.37   6.8 0.6 -0.52 -2.31
5.6 2.7  0.38 -0.73   8.8 0.6  0.00 -2.12   6.8 8.7  0.44 -0.47   2.3 9.0  1.11  0.69   8.7 0.2 -0.31 -2.66
7.1 0.0 -0.50 -2.46   5.0 4.4  1.26 -0.23   2.0 3.2  0.24 -0.32   8.1 3.2 -0.19 -1.41   1.5 7.0  0.96  1.31
4.5 8.0  1.00  0.16   2.4 3.2  0.10 -1.00   8.0 5.1 -0.02 -2.04   5.1 2.4 -0.15 -1.16
"""
"""Two coordinates and two variables of 24 places."""


def test_dutilleul_is_that_of_spatialpack() -> None:
    """What the C functions of modified.ttest (github.com/faosorios/SpatialPack, 0434205) gave, compiled without R."""
    first, second, x, y = np.array(REFERENCE.split(), float).reshape(-1, 4).T
    found = dutilleul(x, y, np.column_stack([first, second]))
    assert found.effective_n == pytest.approx(8.723528551709, abs=1e-9)
    assert found.p == pytest.approx(0.0442687241044, abs=1e-9)


def test_many_rows_give_what_all_pairs_give() -> None:
    """Rows moved to a lattice: within 1 % of the exact effective size with the same classes, on the ellipsoid too."""
    stream = fields("exponential", 50, 12, 21)
    some = np.random.default_rng(21).choice(2500, 1500, replace=False)
    x, y = next(stream).ravel()[some], next(stream).ravel()[some]
    cells = np.argwhere(np.ones((50, 50), bool))[some]
    for places, geographic in ((cells, False), ([95, 42] + cells * [0.2, 0.15], True)):
        exact, moved = (dutilleul(x, y, places, geographic, found) for found in (PairClasses(len(x)), LATTICE))
        assert moved.effective_n == pytest.approx(exact.effective_n, rel=0.01), geographic
        assert exact.effective_n < 300


def test_several_rows_at_one_place() -> None:
    """A row's neighbour at the same place is not the row itself."""
    random = np.random.default_rng(22)
    places = np.repeat(np.argwhere(np.ones((16, 16), bool)), 2, axis=0).astype(float)
    x, y = random.normal(size=(2, len(places))) + np.repeat(random.normal(size=(2, 256)), 2, axis=1)
    exact = dutilleul(x, y, places)
    assert exact.effective_n == pytest.approx(by_matrices(x, y, squareform(pdist(places)))[0])
    assert dutilleul(x, y, places, resolution=LATTICE).effective_n == pytest.approx(exact.effective_n, rel=0.02)


@pytest.mark.parametrize("rows", [400, 1600])
def test_dutilleul_rejects_as_often_as_it_says(rows: int) -> None:
    """Independent smooth fields: near 5 %, where the test for independent rows finds a correlation in most."""
    resolution = PairClasses(places=118)  # three for each cell, so that every cell keeps its place
    stream, number = fields("spherical", 40, 10, 23), 200
    some = np.sort(np.random.default_rng(23).choice(1600, rows, replace=False))
    modified, ordinary = [], []
    for _ in range(number):
        x, y = next(stream).ravel()[some], next(stream).ravel()[some]
        modified.append(dutilleul(x, y, CELLS[some], resolution=resolution))
        ordinary.append(pearsonr(x, y))
    assert 0.01 <= np.mean([found.p < 0.05 for found in modified]) <= 0.09
    assert np.mean([found.pvalue < 0.05 for found in ordinary]) > 0.4
    # The variance of r between independent variables is 1 / (effective size − 1).
    variance = np.var([found.statistic for found in ordinary])
    assert np.median([found.effective_n for found in modified]) == pytest.approx(1 + 1 / variance, rel=0.35)


@pytest.mark.parametrize("rows", [300, 5000])
def test_white_noise_has_its_own_size(rows: int) -> None:
    random = np.random.default_rng(24)
    sizes = [dutilleul(*random.normal(size=(2, rows)), random.random((rows, 2))).effective_n for _ in range(10)]
    assert np.mean(sizes) == pytest.approx(rows, rel=0.05)


@pytest.mark.filterwarnings("error")
def test_dutilleul_without_an_answer() -> None:
    line, places = np.linspace(0, 1, 30), np.random.default_rng(25).random((30, 2))
    few, together = (dutilleul(line[:n], line[:n] ** 2, np.ones((n, 2))) for n in (2, 30))
    assert np.isnan([few.effective_n, few.p, together.effective_n, together.p]).all()
    assert math.isnan(dutilleul(line, np.ones(30), places).p)
    assert dutilleul(places[:, 0] + line, 2 * (places[:, 0] + line), places).p == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("correlations", "n", "t", "p"),
    [
        # Silver, Hittner & May (2006, doi 10.1177/0146621605277132), as printed in the tests of R's cocor.
        ((0.3, 0.4, 0.5), 100, -1.0767, 0.2843),
        # Case A of Steiger (1980, p. 249). The tests of R's cocor quote −.8913 from there, beside another statistic
        # that gives −.8887; the p is not printed there.
        ((0.4, 0.5, 0.1), 103, -0.8913, 0.3749),
    ],
)
def test_williams_gives_printed_numbers(correlations: tuple, n: int, t: float, p: float) -> None:
    assert tuple(round(number, 4) for number in williams(*correlations, n)) == (t, p)


@pytest.mark.parametrize(("between", "p"), [(0.80, 0.045), (0.85, 0.021), (0.90, 0.005)])
def test_williams_of_two_maps(between: float, p: float) -> None:
    assert round(williams(0.42, 0.51, between, 153)[1], 3) == p


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(4, 500))
def test_williams_is_symmetric(r_xy: float, r_xz: float, r_yz: float, n: float) -> None:
    t, p = williams(r_xy, r_xz, r_yz, n)
    for negated in (williams(r_xz, r_xy, r_yz, n), williams(-r_xy, -r_xz, r_yz, n)):
        assert negated == pytest.approx((-t, p))


def test_williams_by_simulation() -> None:
    """Equal correlations: differences as large as that at p = 5 % come in 5 % of samples."""
    random = np.random.default_rng(26)
    factor = np.linalg.cholesky([[1, 0.5, 0.5], [0.5, 1, 0.8], [0.5, 0.8, 1]])
    rejected = 0
    for _ in range(2000):
        r = np.corrcoef(factor @ random.normal(size=(3, 25)))
        rejected += williams(r[0, 1], r[0, 2], r[1, 2], 25)[1] < 0.05
    assert rejected / 2000 == pytest.approx(0.05, abs=0.015)


def test_williams_takes_sizes_that_are_not_whole() -> None:
    p = [williams(0.3, 0.5, 0.6, n)[1] for n in (60, 60.5, 61)]
    assert p[0] > p[1] > p[2]


@pytest.mark.parametrize(
    "arguments", [(0.3, 0.4, 0.5, 3), (0.3, 0.4, 0.5, math.nan), (0.9, -0.9, 0.9, 50), (0.4, 0.4, 1.0, 50)]
)
def test_williams_without_an_answer(arguments: tuple) -> None:
    assert np.isnan(williams(*arguments)).all()
