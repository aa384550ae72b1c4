"""Folds by chance and of blocks: what is left out together, and what a leak looks like."""

import numpy as np
import pytest
from geodesics import MONGOLIA, WGS84, cells
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from kilomoist.evaluation.scores import score
from kilomoist.evaluation.validation_folds import TooFewBlocksError, block_folds, block_sides, random_folds
from kilomoist.evaluation.variograms import variogram_range
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
    assert sizes.min() > 0
    assert sizes.max() - sizes.min() <= found.rows * found.columns
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
    found = variogram_range(y, longitude, latitude, seed)
    assert 60e3 < found.autocorrelation_range < 120e3
    settings = LearnerSettings("random_forest", 15, seed)

    def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        return learners.predict_mean(learners.fit(settings, x[train], y[train], only_mean=True), x[test])

    by_chance = score(y, out_of_fold(random_folds(len(y), 5, seed), predict))["r2"]
    in_blocks = score(
        y, out_of_fold(block_folds(row, column, latitude, found.autocorrelation_range, 5).folds, predict)
    )["r2"]
    assert by_chance > 0.4
    assert in_blocks <= 0
