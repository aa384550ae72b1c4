"""Intervals and differences against fields whose scores are known, other libraries, and numbers by hand."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from random_fields import COVARIANCES, POPULATION, estimate, fields
from scipy.stats import norm, pearsonr
from scipy.stats import t as student
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from kilomoist.evaluation.bootstrap import (
    SCORES,
    Interval,
    ScoredRows,
    block_correlation,
    natural_scores,
    normal_scores,
    score_terms,
    square_blocks,
    summed_scores,
    variance_correction,
)
from kilomoist.evaluation.scores import score

CELLS = np.argwhere(np.ones((40, 40), bool))
REACH = 5.0


Intervals = dict[str, Interval]


def intervals(y: NDArray, z: NDArray, places: NDArray = CELLS, reach: float = REACH, **options: Any) -> Intervals:
    return ScoredRows(y, {"z": z}, places, **options).intervals("z", reach)


def difference(
    y: NDArray, one: NDArray, other: NDArray, places: NDArray = CELLS, reach: float = REACH, **options: Any
) -> Intervals:
    return ScoredRows(y, {"one": one, "other": other}, places, **options).difference("one", "other", reach)


def region(seed: int, side: int = 40, reach: float = REACH) -> tuple[NDArray, NDArray, NDArray]:
    """Observed values and two estimates at the cells of a square."""
    stream = fields("exponential", side, reach, seed)
    y, first, second = (next(stream).ravel() for _ in range(3))
    return y, estimate(y, first), estimate(y, second)


def same(found: Intervals, expected: Intervals) -> None:
    """Every number equal but for rounding, NaN to NaN."""
    tables = (pd.DataFrame({name: asdict(row) for name, row in rows.items()}) for rows in (found, expected))
    pd.testing.assert_frame_equal(*tables, rtol=1e-7, atol=1e-12)


def test_scores_in_intervals_are_those_of_other_libraries() -> None:
    y, z, _ = region(1)
    found = intervals(y, z)
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
    assert all(type(value) is float for row in found.values() for value in asdict(row).values())
    n = found.pop("n")
    assert np.isnan([n.lower, n.upper]).all()
    assert all(row.lower < row.value < row.upper for row in found.values()), found


@given(seed=st.integers(0, 10_000), count=st.integers(3, 50), bias=st.floats(-3, 3))
def test_scores_follow_from_sums(seed: int, count: int, bias: float) -> None:
    """Sums of parts of the rows, added up, give the scores of all rows: what drawing blocks rests on."""
    random = np.random.default_rng(seed)
    y = random.normal(5, 1, count)
    z = y + bias + random.normal(size=count)
    terms = score_terms(y, z - y)
    found = summed_scores(terms[: count // 2].sum(axis=0) + terms[count // 2 :].sum(axis=0))
    expected = score(y, z)
    for same_scores in ([expected[name] for name in SCORES], natural_scores(normal_scores(terms.sum(axis=0)))):
        np.testing.assert_allclose(found, same_scores, rtol=1e-7, atol=1e-9)


def test_intervals_of_independent_rows_are_the_textbook_ones() -> None:
    """Of bias: mean ± t·s/√n; of r: Fisher's z ± 1.96/√(n − 3); of ubrmse: chi-squared."""
    random = np.random.default_rng(2)
    n = 4000
    y = random.normal(size=n)
    z = 0.5 + 0.6 * y + 0.8 * random.normal(size=n)
    found = intervals(y, z, random.random((n, 2)), 0)
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
    row = intervals(y, y + error, places, 10)["bias"]
    assert (row.blocks, row.block_side) == (16, 20)
    factor, degrees = variance_correction(square_blocks(places.astype(float), 10))
    half = student.ppf(0.975, degrees) * numbers.std() / math.sqrt(16) * math.sqrt(factor)
    assert row.value == pytest.approx(numbers.mean())
    assert row.upper - row.value == pytest.approx(half, rel=0.08)  # 1000 draws: 2.2 % standard error
    assert row.value - row.lower == pytest.approx(row.upper - row.value)


@pytest.mark.parametrize("seed", range(3))
def test_correction_is_that_of_matrices(seed: int) -> None:
    """Factor and degrees of freedom on the lattice are those of the formulas with matrices of all pairs of blocks."""
    random = np.random.default_rng(seed)
    places = random.random((500, 2)) * [80, 100]
    blocks = square_blocks(places, 8)
    rows = blocks.lattice.ravel()
    kernel = block_correlation(blocks.side / blocks.autocorrelation_range)
    at = np.argwhere(np.ones(blocks.lattice.shape, bool))
    apart = at[:, None] - at
    near = (np.abs(apart) <= 3).all(axis=2)
    shared = np.where(near, kernel[tuple(np.moveaxis(np.clip(apart, -3, 3) + 3, 2, 0))], 0)
    covariance = rows[:, None] * shared * rows
    center = np.eye(len(rows)) - np.outer(rows / rows.sum(), np.ones(len(rows)))
    centered = center @ covariance @ center.T
    expected = covariance.sum() / np.trace(centered), np.trace(centered) ** 2 / np.trace(centered @ centered)
    assert variance_correction(blocks) == pytest.approx(expected)


def test_block_correlation_by_simulation() -> None:
    random = np.random.default_rng(5)
    one, two = random.random((2, 400_000, 2))
    kernel = block_correlation(2.0)
    for row, column in ((0, 0), (0, 1), (1, 1)):
        expected = np.exp(-6 * np.hypot(*(one - two + [row, column]).T)).mean()
        assert kernel[3 + row, 3 - column] == pytest.approx(expected, rel=0.03), (row, column)
    assert kernel[3, 3] == kernel.max()


def test_independent_blocks_need_no_correction_but_the_one_sum() -> None:
    """Blocks far apart: (k − 1) degrees of freedom, and the variance of k numbers times k / (k − 1)."""
    places = 1000.0 * np.argwhere(np.ones((5, 5), bool))
    blocks = square_blocks(places, 1)
    assert blocks.effective == 25
    assert variance_correction(blocks) == pytest.approx((25 / 24, 24))


@pytest.mark.parametrize("name", COVARIANCES)
def test_coverage(name: str) -> None:
    """95 % intervals hold the true score in 90–98 % of 400 fields.

    Those of cells drawn as if they were independent do in less than half. And where two estimates are equally good, a
    difference is found in at most 10 %.
    """
    # A standard deviation of 200 draws is 5 % off, which costs 0.1 % of coverage.
    number, reach, draws = 400, 10.0, 200
    stream, places = fields(name, 80, reach, 1), np.argwhere(np.ones((80, 80), bool))
    inside, ordinary = dict.fromkeys(SCORES, 0), dict.fromkeys(SCORES, 0)
    no_difference = {"rmse": 0, "r": 0, "skill": 0}
    for seed in range(number):
        y, first, second = (next(stream).ravel() for _ in range(3))
        estimates = {"first": estimate(y, first), "second": estimate(y, second)}
        rows = ScoredRows(y, estimates, places, seed=seed, draws=draws)
        for counts, length in ((inside, reach), (ordinary, 0.5)):
            if counts is ordinary and seed % 4:  # blocks of one cell are slow
                continue
            found = rows.intervals("first", length)
            for name in SCORES:
                counts[name] += found[name].lower <= POPULATION[name] <= found[name].upper
        for name, test in rows.difference("first", "second", reach).items():
            no_difference[name] += test.lower <= 0 <= test.upper
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
    same(intervals(y[order], z[order], CELLS[order], draws=50), intervals(y, z, draws=50))
    found = difference(y[order], z[order], other[order], CELLS[order], draws=50)
    same(found, difference(y, z, other, draws=50))


def test_estimates_together_are_what_each_is_alone() -> None:
    """What estimates share changes none of their numbers."""
    y, z, other = region(27)
    places = [95, 42] + CELLS * [0.12, 0.08]
    options = {"geographic": True, "seed": 2}
    rows = ScoredRows(y, {"z": z, "other": other}, places, **options)
    for name, values in (("z", z), ("other", other)):
        for reach in (4e4, 6e4):
            same(rows.intervals(name, reach), intervals(y, values, places, reach, **options))
    same(rows.difference("other", "z", 4e4), difference(y, other, z, places, 4e4, **options))


def test_units_change_what_they_should() -> None:
    """Scores with a unit scale with it, r and r2 do not; the unit of the coordinates is that of the range."""
    y, z, _ = region(8)
    plain = intervals(y, z)
    percent = intervals(100 * y + 7, 100 * z + 7, 9000 * CELLS + 4500, 9000 * REACH)
    for name in SCORES:
        factor = 1 if name in ("r", "r2") else 100
        for end in ("value", "lower", "upper"):
            assert getattr(percent[name], end) == pytest.approx(factor * getattr(plain[name], end), rel=1e-6), name
    assert percent["r"].blocks == plain["r"].blocks
    assert percent["r"].block_side == 9000 * plain["r"].block_side


def test_a_seed_decides_the_draws() -> None:
    y, z, _ = region(9)
    once, again, other = (intervals(y, z, seed=seed)["r"] for seed in (0, 0, 1))
    assert once.lower == again.lower != other.lower


def test_missing_values_are_left_out_in_pairs() -> None:
    y, z, other = region(10)
    holes = np.random.default_rng(10).random(len(y)) < 0.2
    gone = np.where(holes, np.inf, z)
    gone[np.flatnonzero(holes)[::2]] = np.nan
    same(intervals(y, gone), intervals(y[~holes], z[~holes], CELLS[~holes]))
    same(difference(y, other, gone), difference(y[~holes], other[~holes], z[~holes], CELLS[~holes]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_few_rows_have_no_intervals(count: int) -> None:
    random = np.random.default_rng(11)
    y, z, places = random.random(count), random.random(count), 100 * random.random((count, 2))
    for row in (*intervals(y, z, places, 1).values(), *difference(y, z, y + 0.1, places, 1).values()):
        assert np.isnan([row.lower, row.upper, row.p]).all()
    assert intervals(y, z, places, 1)["n"].value == count


@pytest.mark.filterwarnings("error")
def test_few_blocks_have_no_intervals() -> None:
    """Where blocks of two ranges are fewer than ten, those of one range are taken; then there are none."""
    y, z, _ = region(12)
    found = {reach: intervals(y, z, CELLS, reach)["r"] for reach in (5, 6, 10, 14)}
    assert {reach: row.block_side for reach, row in found.items()} == {5: 10, 6: 12, 10: 10, 14: 14}
    assert found[14].blocks < 10 < found[6].blocks
    for row in (found[14], *difference(y, z, z + y, CELLS, math.inf).values()):
        assert np.isnan([row.lower, row.upper, row.p]).all()
        assert math.isfinite(row.value)


@pytest.mark.filterwarnings("error")
def test_constants_and_perfect_estimates() -> None:
    y, z, _ = region(13)
    constant = np.full(len(y), 0.5)
    found = intervals(y, constant)
    assert np.isnan([found["r"].value, found["r"].lower, found["r"].upper]).all()
    assert found["r2"].lower < found["r2"].value < found["r2"].upper
    found = intervals(constant, z)
    assert np.isnan([found[name].lower for name in ("r", "r2")]).all()
    assert found["rmse"].lower < found["rmse"].value < found["rmse"].upper
    perfect = intervals(y, y)
    bias = perfect.pop("bias")
    assert (bias.lower, bias.value, bias.upper) == (0, 0, 0)
    assert all(np.isnan([row.lower, row.upper]).all() for row in perfect.values())


def test_a_tiny_range_is_no_range() -> None:
    """No lattice is larger than a thousand blocks a side, and rows in blocks of their own are independent."""
    random = np.random.default_rng(14)
    places = 1e6 * random.random((300, 2))
    y, z = random.normal(size=(2, 300))
    row = intervals(y, z, places, 1)["r"]
    assert row.block_side == pytest.approx(2000, rel=0.02)
    assert row.blocks > 290
    ends = np.tanh(np.arctanh(row.value) + norm.ppf([0.025, 0.975]) / math.sqrt(297))
    assert row.upper - row.lower == pytest.approx(np.ptp(ends), rel=0.15)


@pytest.mark.parametrize("reach", [-1, math.nan])
def test_ranges_that_are_none(reach: float) -> None:
    with pytest.raises(ValueError, match="range of autocorrelation"):
        intervals(np.zeros(3), np.zeros(3), np.zeros((3, 2)), reach)


def test_blocks_of_points_over_180_degrees() -> None:
    """They are as wide in metres as asked for."""
    random = np.random.default_rng(15)
    places = np.stack([(178 + 4 * random.random(400) + 180) % 360 - 180, -17 + 3 * random.random(400)], axis=1)
    y, z = random.normal(size=(2, 400))
    row = intervals(y, z, places, 3e4, geographic=True)["r"]
    assert row.block_side == 6e4
    assert 30 < row.blocks < 60  # 427 km × 332 km


def test_many_rows_need_no_matrix_of_their_pairs() -> None:
    """Of 36,000 rows it would have 10 GB."""
    random = np.random.default_rng(16)
    places = np.stack([90 + 30 * random.random(36_000), 42 + 10 * random.random(36_000)], axis=1)
    y, z = random.normal(size=(2, 36_000))
    assert intervals(y, z, places, 2e5, geographic=True)["r"].blocks > 10


def test_differences_are_first_minus_second() -> None:
    y, good, _ = region(17)
    bad = good + np.random.default_rng(17).normal(0, 0.7, len(y))
    found, swapped = difference(y, good, bad), difference(y, bad, good)
    assert list(found) == ["rmse", "r", "skill"]
    skill, turned = found.pop("skill"), swapped.pop("skill")
    one, two = score(y, good), score(y, bad)
    assert skill.value == pytest.approx(1 - one["rmse"] ** 2 / two["rmse"] ** 2)
    assert 0 < skill.lower < skill.value < skill.upper < 1
    # Of two ratios that are each other's inverse, the intervals are too.
    assert [1 - 1 / (1 - end) for end in (skill.value, skill.upper, skill.lower)] == pytest.approx(
        [turned.value, turned.lower, turned.upper]
    )
    assert (skill.p, turned.p) == pytest.approx((turned.p, skill.p))
    for name, row in found.items():
        assert row.value == pytest.approx(one[name] - two[name])
        assert row.lower < row.value < row.upper
        assert row.p < 0.001
        assert all(type(value) is float for value in asdict(row).values())
        assert (swapped[name].value, swapped[name].p) == pytest.approx((-row.value, row.p))
    assert found["rmse"].upper < 0 < found["r"].lower


def test_p_and_interval_of_a_difference_agree() -> None:
    for seed in range(20):
        y, first, second = region(100 + seed, 20, 2)
        for row in difference(y, first, second, CELLS[(CELLS < 20).all(axis=1)], 2).values():
            assert (row.p < 0.05) == (not row.lower <= 0 <= row.upper)


def test_what_two_estimates_share_cancels() -> None:
    """Two estimates with nearly the same errors differ by little, which is surer than either's own score."""
    y, z, _ = region(18)
    other = z + 0.05 * np.random.default_rng(18).normal(size=len(y))
    single, rmse = intervals(y, z)["rmse"], difference(y, z, other)["rmse"]
    assert rmse.upper - rmse.lower < 0.2 * (single.upper - single.lower)


def test_equal_estimates_do_not_differ() -> None:
    y, z, _ = region(19)
    for row in difference(y, z, z).values():
        assert (row.value, row.lower, row.upper, row.p) == (0, 0, 0, 1)
