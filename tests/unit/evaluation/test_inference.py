"""Intervals against fields whose scores are known, and tests against printed numbers and plain formulas."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Geod
from random_fields import COVARIANCES, POPULATION, estimate, fields
from scipy.spatial.distance import pdist, squareform
from scipy.stats import norm, pearsonr
from scipy.stats import t as student
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from kilomoist.evaluation import inference
from kilomoist.evaluation.inference import (
    SCORES,
    Association,
    Difference,
    Interval,
    ScoredRows,
    associations,
    williams,
)
from kilomoist.evaluation.scores import score

CELLS = np.argwhere(np.ones((40, 40), bool))
REACH = 5.0


def intervals(y: NDArray, z: NDArray, places: NDArray, autocorrelation_range: float, **options: Any) -> list[Interval]:
    return ScoredRows.of(y, {"z": z}, places, **options).intervals("z", autocorrelation_range)


def difference(
    y: NDArray, one: NDArray, other: NDArray, places: NDArray, autocorrelation_range: float, **options: Any
) -> list[Difference]:
    rows = ScoredRows.of(y, {"one": one, "other": other}, places, **options)
    return rows.difference("one", "other", autocorrelation_range)


def dutilleul(x: NDArray, y: NDArray, places: NDArray, geographic: bool = False) -> Association:
    return associations({"x": x, "y": y}, places, geographic)["x", "y"]


def region(seed: int, side: int = 40, autocorrelation_range: float = REACH) -> tuple[NDArray, NDArray, NDArray]:
    """Observed values and two estimates at the cells of a square."""
    stream = fields("exponential", side, autocorrelation_range, seed)
    y, first, second = (next(stream).ravel() for _ in range(3))
    return y, estimate(y, first), estimate(y, second)


def same(found: list, expected: list) -> None:
    """Every number equal but for rounding, NaN to NaN."""
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(expected), rtol=1e-7, atol=1e-12)


# --- intervals


def test_scores_in_intervals_are_those_of_other_libraries() -> None:
    y, z, _ = region(1)
    found = {row.score: row for row in intervals(y, z, CELLS, REACH)}
    assert list(found) == ["n", *SCORES]
    expected = {
        "n": 1600,
        "r": pearsonr(y, z).statistic,
        "r2": r2_score(y, z),
        "rmse": root_mean_squared_error(y, z),
        "ubrmse": np.std(z - y),
        "bias": np.mean(z - y),
        "mae": mean_absolute_error(y, z),
    }
    assert {name: row.value for name, row in found.items()} == pytest.approx(expected)
    for name in SCORES:
        row = found[name]
        assert row.lower < row.value < row.upper, name
    assert found["n"].value == 1600
    assert np.isnan([found["n"].lower, found["n"].upper]).all()
    assert all(type(value) in (float, str) for row in found.values() for value in asdict(row).values())


@given(seed=st.integers(0, 10_000), count=st.integers(3, 50), bias=st.floats(-3, 3))
def test_scores_follow_from_sums(seed: int, count: int, bias: float) -> None:
    """Sums of parts of the rows, added up, give the scores of all rows: what drawing blocks rests on."""
    random = np.random.default_rng(seed)
    y = random.normal(5, 1, count)
    z = y + bias + random.normal(size=count)
    terms = inference._terms(y, z - y)
    found = inference._scores(terms[: count // 2].sum(axis=0) + terms[count // 2 :].sum(axis=0))
    expected = score(y, z)
    np.testing.assert_allclose(found, [expected[name] for name in SCORES], rtol=1e-7, atol=1e-9)
    there_and_back = inference._natural(inference._normal(terms.sum(axis=0)))
    np.testing.assert_allclose(there_and_back, found, rtol=1e-7, atol=1e-9)


def test_intervals_of_independent_rows_are_the_textbook_ones() -> None:
    """Of bias: mean ± t·s/√n; of r: Fisher's z ± 1.96/√(n − 3); of ubrmse: chi-squared."""
    random = np.random.default_rng(2)
    n = 4000
    y = random.normal(size=n)
    z = 0.5 + 0.6 * y + 0.8 * random.normal(size=n)
    found = {row.score: row for row in intervals(y, z, random.random((n, 2)), 0)}
    error, r = z - y, pearsonr(y, z).statistic
    expected = {
        "bias": error.mean() + student.ppf([0.025, 0.975], n - 1) * error.std(ddof=1) / math.sqrt(n),
        "r": np.tanh(np.arctanh(r) + norm.ppf([0.025, 0.975]) / math.sqrt(n - 3)),
        "ubrmse": error.std() * np.exp(norm.ppf([0.025, 0.975]) / math.sqrt(2 * n)),
    }
    for name, ends in expected.items():
        row, width = found[name], ends[1] - ends[0]
        # 1000 draws give the width to 2 %.
        np.testing.assert_allclose([row.lower, row.upper], ends, atol=0.05 * width, err_msg=name)
    assert found["r"].blocks > 0.95 * n


def test_bias_of_sixteen_blocks_by_hand() -> None:
    """4 × 4 blocks of one number each, twice as wide as the range: everything is known but for the draws."""
    side = 20
    numbers = np.random.default_rng(3).normal(size=(4, 4))
    error = np.kron(numbers, np.ones((side, side))).ravel()
    y = np.random.default_rng(4).normal(size=error.size)
    places = np.argwhere(np.ones((80, 80), bool))
    row = next(row for row in intervals(y, y + error, places, 10) if row.score == "bias")
    assert (row.blocks, row.block_side) == (16, 20)
    factor, degrees = inference._correction(inference._blocks(places.astype(float), 10))
    half = student.ppf(0.975, degrees) * numbers.std() / math.sqrt(16) * math.sqrt(factor)
    assert row.value == pytest.approx(numbers.mean())
    assert row.upper - row.value == pytest.approx(half, rel=0.08)  # 1000 draws: 2.2 % standard error
    assert row.value - row.lower == pytest.approx(row.upper - row.value)


@pytest.mark.parametrize("seed", range(3))
def test_correction_is_that_of_matrices(seed: int) -> None:
    """Factor and degrees of freedom on the lattice are those of the formulas with matrices of all pairs of blocks."""
    random = np.random.default_rng(seed)
    places = random.random((500, 2)) * [80, 100]
    blocks = inference._blocks(places, 8)
    rows = blocks.lattice.ravel()
    kernel = inference._block_correlation(blocks.side / blocks.autocorrelation_range)
    at = np.argwhere(np.ones(blocks.lattice.shape, bool))
    apart = at[:, None] - at
    near = (np.abs(apart) <= 3).all(axis=2)
    shared = np.where(near, kernel[tuple(np.moveaxis(np.clip(apart, -3, 3) + 3, 2, 0))], 0)
    covariance = rows[:, None] * shared * rows
    center = np.eye(len(rows)) - np.outer(rows / rows.sum(), np.ones(len(rows)))
    centered = center @ covariance @ center.T
    expected = covariance.sum() / np.trace(centered), np.trace(centered) ** 2 / np.trace(centered @ centered)
    assert inference._correction(blocks) == pytest.approx(expected)


def test_block_correlation_by_simulation() -> None:
    random = np.random.default_rng(5)
    one, two = random.random((2, 400_000, 2))
    kernel = inference._block_correlation(2.0)
    for row, column in ((0, 0), (0, 1), (1, 1)):
        expected = np.exp(-6 * np.hypot(*(one - two + [row, column]).T)).mean()
        assert kernel[3 + row, 3 - column] == pytest.approx(expected, rel=0.03), (row, column)
    assert kernel[3, 3] == kernel.max()


def test_independent_blocks_need_no_correction_but_the_one_sum() -> None:
    """Blocks far apart: (k − 1) degrees of freedom, and the variance of k numbers times k / (k − 1)."""
    places = 1000.0 * np.argwhere(np.ones((5, 5), bool))
    blocks = inference._blocks(places, 1)
    assert blocks.effective == 25
    assert inference._correction(blocks) == pytest.approx((25 / 24, 24))


@pytest.mark.parametrize("name", COVARIANCES)
def test_coverage(name: str) -> None:
    """95 % intervals hold the true score in 90–98 % of 400 fields.

    Those of cells drawn as if they were independent do in less than half. And where two estimates are equally good, a
    difference is found in at most 10 %.
    """
    # A standard deviation of 200 draws is 5 % off, which costs 0.1 % of coverage.
    number, side, autocorrelation_range, draws = 400, 80, 10.0, 200
    stream, places = fields(name, side, autocorrelation_range, 1), np.argwhere(np.ones((side, side), bool))
    inside, ordinary = dict.fromkeys(SCORES, 0), dict.fromkeys(SCORES, 0)
    no_difference = {"rmse": 0, "r": 0}
    for seed in range(number):
        y, first, second = (next(stream).ravel() for _ in range(3))
        estimates = {"first": estimate(y, first), "second": estimate(y, second)}
        rows = ScoredRows.of(y, estimates, places, seed=seed, draws=draws)
        for counts, length in ((inside, autocorrelation_range), (ordinary, 0.5)):
            if counts is ordinary and seed % 4:  # blocks of one cell are slow
                continue
            for row in rows.intervals("first", length)[1:]:
                counts[row.score] += row.lower <= POPULATION[row.score] <= row.upper
        for test in rows.difference("first", "second", autocorrelation_range):
            no_difference[test.score] += test.lower <= 0 <= test.upper
    assert all(0.90 <= count / number <= 0.98 for count in inside.values()), inside
    assert all(count / number >= 0.90 for count in no_difference.values()), no_difference
    assert all(count / (number / 4) < 0.5 for count in ordinary.values()), ordinary


def test_fields_have_the_scores_of_the_population() -> None:
    stream = fields("spherical", 80, 3, 6)
    y, other = (np.concatenate([next(stream).ravel() for _ in range(40)]) for _ in range(2))
    found = score(y, estimate(y, other))
    assert {name: found[name] for name in SCORES} == pytest.approx(POPULATION, abs=0.01)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_of_rows_changes_nothing(seed: int) -> None:
    y, z, other = region(7)
    order = np.random.default_rng(seed).permutation(len(y))
    few = {"draws": 50}
    same(intervals(y[order], z[order], CELLS[order], REACH, **few), intervals(y, z, CELLS, REACH, **few))
    same(
        difference(y[order], z[order], other[order], CELLS[order], REACH, **few),
        difference(y, z, other, CELLS, REACH, **few),
    )
    once, again = dutilleul(y[order], z[order], CELLS[order]), dutilleul(y, z, CELLS)
    same([once], [again])


@pytest.mark.parametrize("exact_rows", [1000, 3000])
def test_estimates_together_are_what_each_is_alone(exact_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What estimates share changes none of their numbers, whether pairs count one by one or on a lattice."""
    monkeypatch.setattr(inference, "EXACT_ROWS", exact_rows)
    y, z, other = region(27)
    places = [95, 42] + CELLS * [0.12, 0.08]
    rows = ScoredRows.of(y, {"z": z, "other": other, "constant": np.full(len(y), 0.5)}, places, geographic=True, seed=2)
    for name, values in (("z", z), ("other", other)):
        for autocorrelation_range in (4e4, 6e4):
            same(
                rows.intervals(name, autocorrelation_range),
                intervals(y, values, places, autocorrelation_range, geographic=True, seed=2),
            )
        same([rows.associations[name]], [dutilleul(y, values, places, True)])
    same(rows.difference("other", "z", 4e4), difference(y, other, z, places, 4e4, geographic=True, seed=2))
    assert math.isnan(rows.associations["constant"].effective_n)


def test_units_change_what_they_should() -> None:
    """Scores with a unit scale with it, r and r2 do not; the unit of the coordinates is that of the range."""
    y, z, _ = region(8)
    plain = {row.score: row for row in intervals(y, z, CELLS, REACH)}
    percent = {row.score: row for row in intervals(100 * y + 7, 100 * z + 7, 9000 * CELLS + 4500, 9000 * REACH)}
    for name in SCORES:
        factor = 1 if name in ("r", "r2") else 100
        for end in ("value", "lower", "upper"):
            assert getattr(percent[name], end) == pytest.approx(factor * getattr(plain[name], end), rel=1e-6), name
    assert percent["r"].blocks == plain["r"].blocks
    assert percent["r"].block_side == 9000 * plain["r"].block_side


def test_a_seed_decides_the_draws() -> None:
    y, z, _ = region(9)
    assert intervals(y, z, CELLS, REACH)[1:] == intervals(y, z, CELLS, REACH)[1:]
    assert intervals(y, z, CELLS, REACH)[1:] != intervals(y, z, CELLS, REACH, seed=1)[1:]


def test_missing_values_are_left_out_in_pairs() -> None:
    y, z, other = region(10)
    holes = np.random.default_rng(10).random(len(y)) < 0.2
    gone = z.copy()
    gone[holes] = np.inf
    gone[np.flatnonzero(holes)[::2]] = np.nan
    same(intervals(y, gone, CELLS, REACH), intervals(y[~holes], z[~holes], CELLS[~holes], REACH))
    same(
        difference(y, other, gone, CELLS, REACH), difference(y[~holes], other[~holes], z[~holes], CELLS[~holes], REACH)
    )
    same([dutilleul(y, gone, CELLS)], [dutilleul(y[~holes], z[~holes], CELLS[~holes])])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_few_rows_have_no_intervals(count: int) -> None:
    random = np.random.default_rng(11)
    y, z, places = random.random(count), random.random(count), 100 * random.random((count, 2))
    for row in intervals(y, z, places, 1):
        assert np.isnan([row.lower, row.upper]).all()
    for test in difference(y, z, y + 0.1, places, 1):
        assert np.isnan([test.lower, test.upper, test.p]).all()
    assert intervals(y, z, places, 1)[0].value == count


@pytest.mark.filterwarnings("error")
def test_few_blocks_have_no_intervals() -> None:
    """Where blocks of two ranges are fewer than ten, those of one range are taken; then there are none."""
    y, z, _ = region(12)
    sides = {
        autocorrelation_range: intervals(y, z, CELLS, autocorrelation_range)[1].block_side
        for autocorrelation_range in (5, 6, 10, 14)
    }
    assert sides == {5: 10, 6: 12, 10: 10, 14: 14}
    assert intervals(y, z, CELLS, 6)[1].blocks > 10
    row = intervals(y, z, CELLS, 14)[1]
    assert row.blocks < 10
    assert np.isnan([row.lower, row.upper]).all()
    assert math.isfinite(row.value)
    for test in difference(y, z, y, CELLS, math.inf):
        assert np.isnan([test.lower, test.upper, test.p]).all()
        assert math.isfinite(test.difference)


@pytest.mark.filterwarnings("error")
def test_constants_and_perfect_estimates() -> None:
    y, z, _ = region(13)
    constant = np.full(len(y), 0.5)
    found = {row.score: row for row in intervals(y, constant, CELLS, REACH)}
    assert np.isnan([found["r"].value, found["r"].lower, found["r"].upper]).all()
    assert found["r2"].lower < found["r2"].value < found["r2"].upper
    found = {row.score: row for row in intervals(constant, z, CELLS, REACH)}
    assert np.isnan([found[name].lower for name in ("r", "r2")]).all()
    assert found["rmse"].lower < found["rmse"].value < found["rmse"].upper
    for row in intervals(y, y, CELLS, REACH)[1:]:
        if row.score == "bias":
            assert (row.lower, row.value, row.upper) == (0, 0, 0)
        else:
            assert np.isnan([row.lower, row.upper]).all(), row.score


def test_a_tiny_range_is_no_range() -> None:
    """No lattice is larger than a thousand blocks a side, and rows in blocks of their own are independent."""
    random = np.random.default_rng(14)
    places = 1e6 * random.random((300, 2))
    y, z = random.normal(size=(2, 300))
    row = intervals(y, z, places, 1)[1]
    assert row.block_side == pytest.approx(2000, rel=0.02)
    assert row.blocks > 290
    ends = np.tanh(np.arctanh(row.value) + norm.ppf([0.025, 0.975]) / math.sqrt(297))
    assert row.upper - row.lower == pytest.approx(np.ptp(ends), rel=0.15)


@pytest.mark.parametrize("autocorrelation_range", [-1, math.nan])
def test_ranges_that_are_none(autocorrelation_range: float) -> None:
    with pytest.raises(ValueError, match="range of autocorrelation"):
        intervals(np.zeros(3), np.zeros(3), np.zeros((3, 2)), autocorrelation_range)


def test_places_on_the_ellipsoid() -> None:
    """Blocks of points are as wide in metres as asked for, wherever they lie, over 180° too."""
    geod = Geod(ellps="WGS84")
    for longitude, latitude in ((105.0, 47.0), (180.0, -17.0), (0.0, 80.0)):
        north = geod.fwd(longitude, latitude, 0, 1e5)
        east = geod.fwd(longitude, latitude, 90, 1e5)
        around = [geod.fwd(longitude, latitude, angle, 2e5)[:2] for angle in (0, 90, 180, 270)]
        plane = inference._plane(np.array([(longitude, latitude), north[:2], east[:2], *around]))
        apart = np.hypot(*(plane - plane[0]).T)
        np.testing.assert_allclose(apart, [0, 1e5, 1e5, 2e5, 2e5, 2e5, 2e5], rtol=0.002)
    random = np.random.default_rng(15)
    places = np.stack([(178 + 4 * random.random(400) + 180) % 360 - 180, -17 + 3 * random.random(400)], axis=1)
    y, z = random.normal(size=(2, 400))
    row = intervals(y, z, places, 3e4, geographic=True)[1]
    assert row.block_side == 6e4
    # 427 km × 332 km.
    assert 30 < row.blocks < 60


def test_many_rows_need_no_matrix_of_their_pairs() -> None:
    """Of 36,000 rows it would have 10 GB."""
    random = np.random.default_rng(16)
    places = np.stack([90 + 30 * random.random(36_000), 42 + 10 * random.random(36_000)], axis=1)
    y, z = random.normal(size=(2, 36_000))
    found = intervals(y, z, places, 2e5, geographic=True)
    assert found[1].blocks > 10
    assert dutilleul(y, z, places, geographic=True).effective_n == pytest.approx(36_000, rel=0.1)


# --- difference


def test_differences_are_first_minus_second() -> None:
    y, good, _ = region(17)
    bad = good + np.random.default_rng(17).normal(0, 0.7, len(y))
    rmse, r = difference(y, good, bad, CELLS, REACH)
    assert (rmse.score, r.score) == ("rmse", "r")
    one, two = score(y, good), score(y, bad)
    for row in (rmse, r):
        assert (row.first, row.second) == pytest.approx((one[row.score], two[row.score]))
        assert row.difference == pytest.approx(one[row.score] - two[row.score])
        assert row.lower < row.difference < row.upper
        assert row.p < 0.001
        assert all(type(value) in (float, str) for value in asdict(row).values())
    assert rmse.upper < 0 < r.lower
    swapped = difference(y, bad, good, CELLS, REACH)
    assert [row.difference for row in swapped] == pytest.approx([-rmse.difference, -r.difference])
    assert [row.p for row in swapped] == pytest.approx([rmse.p, r.p])


def test_p_and_interval_of_a_difference_agree() -> None:
    for seed in range(20):
        y, first, second = region(100 + seed, 20, 2)
        for row in difference(y, first, second, CELLS[(CELLS < 20).all(axis=1)], 2):
            assert (row.p < 0.05) == (not row.lower <= 0 <= row.upper)


def test_what_two_estimates_share_cancels() -> None:
    """Two estimates with nearly the same errors differ by little, which is surer than either's own score."""
    y, z, _ = region(18)
    other = z + 0.05 * np.random.default_rng(18).normal(size=len(y))
    single = intervals(y, z, CELLS, REACH)[3]
    rmse = difference(y, z, other, CELLS, REACH)[0]
    assert single.score == "rmse"
    assert rmse.upper - rmse.lower < 0.2 * (single.upper - single.lower)


def test_equal_estimates_do_not_differ() -> None:
    y, z, _ = region(19)
    for row in difference(y, z, z, CELLS, REACH):
        assert (row.difference, row.lower, row.upper, row.p) == (0, 0, 0, 1)


# --- Dutilleul


def by_matrices(x: NDArray, y: NDArray, distance: NDArray) -> tuple[float, float]:
    """Effective size and p as in Dutilleul (1993), with matrices of all pairs and nothing else in common."""
    n = len(x)
    pairs = np.triu_indices(n, 1)
    classes = int(1.5 + 3.3 * math.log10(n * (n - 1) / 2))
    edges = distance[pairs].max() / classes * np.arange(1, classes + 1)
    matrices = []
    for values in (x, y):
        deviation, matrix = values - values.mean(), np.eye(n)
        low = -1.0
        for high in [*edges[:-1], np.inf]:
            inside = (distance > low) & (distance <= high) & ~np.eye(n, dtype=bool)
            if inside.any():
                matrix[inside] = np.outer(deviation, deviation)[inside].mean() / values.var()
            low = high
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
    if geographic:
        geod = Geod(ellps="WGS84")
        one, two = (places[index] for index in np.indices((150, 150)))
        distance = geod.inv(*np.moveaxis(one, 2, 0), *np.moveaxis(two, 2, 0))[2]
    else:
        distance = squareform(pdist(places))
    found = dutilleul(x, y, places, geographic)
    assert (found.n, found.r) == (150, pytest.approx(pearsonr(x, y).statistic))
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
    assert found.r == pytest.approx(-1)
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


def test_many_rows_give_what_all_pairs_give(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows moved to a lattice: within 1 % of the exact effective size with the same classes, on the ellipsoid too."""
    stream = fields("exponential", 50, 12, 21)
    x, y = next(stream).ravel(), next(stream).ravel()
    some = np.random.default_rng(21).choice(2500, 1500, replace=False)
    cells = np.argwhere(np.ones((50, 50), bool))[some]
    x, y = x[some], y[some]
    for places, geographic in ((cells, False), ([95, 42] + cells * [0.2, 0.15], True)):
        with monkeypatch.context() as patch:
            patch.setattr(inference, "EXACT_ROWS", len(x))
            exact = dutilleul(x, y, places, geographic)
            patch.setattr(inference, "EXACT_ROWS", 1000)
            patch.setattr(inference, "FINER", 1)
            moved = dutilleul(x, y, places, geographic)
        assert moved.effective_n == pytest.approx(exact.effective_n, rel=0.01), geographic
        assert exact.effective_n < 300


def test_several_rows_at_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row's neighbour at the same place is not the row itself."""
    random = np.random.default_rng(22)
    places = np.repeat(np.argwhere(np.ones((16, 16), bool)), 2, axis=0).astype(float)
    x, y = random.normal(size=(2, len(places))) + np.repeat(random.normal(size=(2, 256)), 2, axis=1)
    exact = dutilleul(x, y, places)
    assert exact.effective_n == pytest.approx(by_matrices(x, y, squareform(pdist(places)))[0])
    monkeypatch.setattr(inference, "EXACT_ROWS", 10)
    monkeypatch.setattr(inference, "FINER", 1)
    assert dutilleul(x, y, places).effective_n == pytest.approx(exact.effective_n, rel=0.02)


@pytest.mark.parametrize("rows", [400, 1600])
def test_dutilleul_rejects_as_often_as_it_says(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent smooth fields: near 5 %, where the test for independent rows finds a correlation in most."""
    # Three places for each cell, so that every cell keeps its place.
    monkeypatch.setattr(inference, "_LATTICE", 118)
    stream, number = fields("spherical", 40, 10, 23), 200
    some = np.sort(np.random.default_rng(23).choice(1600, rows, replace=False))
    modified, ordinary, r, size = [], [], [], []
    for _ in range(number):
        x, y = next(stream).ravel()[some], next(stream).ravel()[some]
        found = dutilleul(x, y, CELLS[some])
        modified.append(found.p < 0.05)
        ordinary.append(pearsonr(x, y).pvalue < 0.05)
        r.append(found.r)
        size.append(found.effective_n)
    assert 0.01 <= np.mean(modified) <= 0.09
    assert np.mean(ordinary) > 0.4
    # The variance of r between independent variables is 1 / (effective size − 1).
    assert np.median(size) == pytest.approx(1 + 1 / np.var(r), rel=0.35)


@pytest.mark.parametrize("rows", [300, 5000])
def test_white_noise_has_its_own_size(rows: int) -> None:
    random = np.random.default_rng(24)
    sizes = [dutilleul(*random.normal(size=(2, rows)), random.random((rows, 2))).effective_n for _ in range(10)]
    assert np.mean(sizes) == pytest.approx(rows, rel=0.05)


@pytest.mark.filterwarnings("error")
def test_dutilleul_without_an_answer() -> None:
    few = dutilleul(np.arange(2.0), np.arange(2.0), np.zeros((2, 2)))
    assert few.n == 2
    assert np.isnan([few.r, few.effective_n, few.p]).all()
    line, places = np.linspace(0, 1, 30), np.random.default_rng(25).random((30, 2))
    assert math.isnan(dutilleul(line, np.ones(30), places).p)
    together = dutilleul(line, line**2, np.ones((30, 2)))
    assert together.r == pytest.approx(pearsonr(line, line**2).statistic)
    assert np.isnan([together.effective_n, together.p]).all()
    perfect = dutilleul(places[:, 0] + line, 2 * (places[:, 0] + line), places)
    assert (perfect.r, perfect.p) == (pytest.approx(1), pytest.approx(0, abs=1e-9))


# --- Williams


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
    found = williams(*correlations, n)
    assert (round(found.t, 4), found.degrees, round(found.p, 4)) == (t, n - 3, p)


@pytest.mark.parametrize(("between", "p"), [(0.80, 0.045), (0.85, 0.021), (0.90, 0.005)])
def test_williams_of_two_maps(between: float, p: float) -> None:
    assert round(williams(0.42, 0.51, between, 153).p, 3) == p


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(4, 500))
def test_williams_is_symmetric(r_xy: float, r_xz: float, r_yz: float, n: float) -> None:
    found, swapped = williams(r_xy, r_xz, r_yz, n), williams(r_xz, r_xy, r_yz, n)
    assert (found.t, found.p) == pytest.approx((-swapped.t, swapped.p))
    mirrored = williams(-r_xy, -r_xz, r_yz, n)
    assert (mirrored.t, mirrored.p) == pytest.approx((-found.t, found.p))


def test_williams_by_simulation() -> None:
    """Equal correlations: differences as large as that at p = 5 % come in 5 % of samples."""
    random = np.random.default_rng(26)
    factor = np.linalg.cholesky([[1, 0.5, 0.5], [0.5, 1, 0.8], [0.5, 0.8, 1]])
    rejected = 0
    for _ in range(2000):
        r = np.corrcoef(factor @ random.normal(size=(3, 25)))
        rejected += williams(r[0, 1], r[0, 2], r[1, 2], 25).p < 0.05
    assert rejected / 2000 == pytest.approx(0.05, abs=0.015)


def test_williams_takes_sizes_that_are_not_whole() -> None:
    p = [williams(0.3, 0.5, 0.6, n).p for n in (60, 60.5, 61)]
    assert p[0] > p[1] > p[2]


@pytest.mark.parametrize(
    "arguments", [(0.3, 0.4, 0.5, 3), (0.3, 0.4, 0.5, math.nan), (0.9, -0.9, 0.9, 50), (0.4, 0.4, 1.0, 50)]
)
def test_williams_without_an_answer(arguments: tuple) -> None:
    found = williams(*arguments)
    assert np.isnan([found.t, found.p]).all()
