"""Between scales: means, interpolation, and reconciliation, against other implementations and by conservation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import RegularGridInterpolator

from kilomoist.cells import aligned, block_mean, coarsen, fill_nearest, interpolate, repeated
from kilomoist.grids import Window
from kilomoist.learning.coarser_scale import null_models
from kilomoist.reconciliation import interpolated_mean_weights, reconcile, settle, solve_correction

seeds = st.integers(0, 2**32 - 1)
factors = st.sampled_from([2, 3, 4, 9])
shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))


# Means


@given(seed=seeds, shape=shapes, factor=factors)
def test_repeated_cells_nest(seed: int, shape: tuple[int, int], factor: int) -> None:
    cells = np.random.default_rng(seed).random(shape).astype(np.float32)
    fine = repeated(cells, factor)
    assert fine.dtype == cells.dtype
    np.testing.assert_array_equal(fine, np.kron(cells, np.ones((factor, factor), np.float32)))


@given(seed=seeds, shape=shapes, factor=factors, share=st.floats(0, 1))
def test_block_means_are_those_of_each_block(seed: int, shape: tuple[int, int], factor: int, share: float) -> None:
    random = np.random.default_rng(seed)
    fine = (shape[0] * factor, shape[1] * factor)
    values = np.where(random.random(fine) < share, random.random(fine), np.nan)
    mean, count = block_mean(values, factor)
    for row, column in np.ndindex(shape):
        block = values[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        finite = block[np.isfinite(block)]
        assert count[row, column] == finite.size
        expected = finite.mean() if finite.size else np.nan
        assert mean[row, column] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_block_means_of_stacks_and_of_single_precision() -> None:
    values = np.random.default_rng(1).uniform(280, 320, (3, 18, 27)).astype(np.float32)
    mean, count = block_mean(values, 9)
    assert mean.shape == count.shape == (3, 2, 3)
    assert mean.dtype == float
    np.testing.assert_allclose(mean[1, 0, 2], values[1, :9, 18:].astype(float).mean(), rtol=1e-14)
    assert (count == 81).all()


@given(
    window=st.builds(Window, st.integers(0, 40), st.integers(0, 40), st.integers(1, 15), st.integers(1, 15)),
    factor=st.sampled_from([2, 4, 16]),
)
def test_coarse_cells_are_those_of_the_global_grid(window: Window, factor: int) -> None:
    rows, columns = np.mgrid[window.row : window.row + window.rows, window.column : window.column + window.columns]
    values = rows * 1000.0 + columns
    mean, coarse = coarsen(values, window, factor, 1 / factor**2)
    assert coarse.shape == mean.shape
    for row, column in np.ndindex(coarse.shape):
        inside = (rows // factor == coarse.row + row) & (columns // factor == coarse.column + column)
        assert inside.any()  # the coarse window is no larger than it must be
        assert mean[row, column] == pytest.approx(values[inside].mean())
    padded, same = aligned(values, window, factor)
    assert same == coarse
    np.testing.assert_array_equal(padded[window.within(coarse.refined(factor))], values)
    assert np.isnan(padded).sum() == padded.size - values.size


def test_coarse_cells_need_their_share() -> None:
    values = np.arange(16.0).reshape(4, 4)
    values.flat[:9] = np.nan
    for fraction, expected in ((7 / 16, np.arange(9, 16).mean()), (0.5, np.nan), (1.0, np.nan)):
        mean, _ = coarsen(values, Window(8, 12, 4, 4), 4, fraction)
        np.testing.assert_allclose(mean, [[expected]])


def test_coarse_cells_do_not_depend_on_the_region() -> None:
    """Two overlapping regions: where both hold a coarse cell entirely, they agree on it."""
    world, both, found = np.random.default_rng(2).random((60, 60)), Window(4, 4, 3, 3), []
    for region in (Window(3, 5, 30, 30), Window(10, 9, 33, 41)):
        values, coarse = coarsen(world[region.within(Window(0, 0, 60, 60))], region, 4, 0.999)
        found.append(values[both.within(coarse)])
    np.testing.assert_allclose(*found, rtol=1e-14)


# Interpolation


@given(seed=seeds, shape=st.tuples(st.integers(2, 6), st.integers(2, 6)), factor=factors)
def test_interpolation_is_bilinear(seed: int, shape: tuple[int, int], factor: int) -> None:
    values = np.random.default_rng(seed).random(shape)
    coarse = Window(17, 23, *shape)
    found = interpolate(values, coarse, coarse.refined(factor), factor)
    reference = RegularGridInterpolator([np.arange(length, dtype=float) for length in shape], values)
    centres = [(np.arange(length * factor) + 0.5) / factor - 0.5 for length in shape]
    # Beyond the outermost centres the edge value continues.
    held = [np.clip(centre, 0, length - 1) for centre, length in zip(centres, shape, strict=True)]
    expected = reference(np.stack(np.meshgrid(*held, indexing="ij"), axis=-1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@given(seed=seeds, factor=factors, data=st.data())
def test_any_part_interpolates_like_the_whole(seed: int, factor: int, data: st.DataObject) -> None:
    random = np.random.default_rng(seed)
    coarse = Window(30, 40, 7, 5)
    values = np.where(random.random(coarse.shape) < 0.8, random.random(coarse.shape), np.nan)
    whole = coarse.refined(factor)
    expected = interpolate(values, coarse, whole, factor)
    rows, columns = data.draw(st.integers(1, whole.rows)), data.draw(st.integers(1, whole.columns))
    row = data.draw(st.integers(whole.row, whole.row + whole.rows - rows))
    column = data.draw(st.integers(whole.column, whole.column + whole.columns - columns))
    part = Window(row, column, rows, columns)
    np.testing.assert_array_equal(interpolate(values, coarse, part, factor), expected[part.within(whole)])


def test_interpolation_continues_outside_of_the_window() -> None:
    """A region's fine cells may lie beyond its coarse cells' window by less than a coarse cell, or far beyond."""
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = interpolate(values, Window(5, 5, 2, 2), Window(0, 0, 60, 60), 4)
    np.testing.assert_array_equal(found[:: len(found) - 1, :: len(found) - 1], values)
    assert (found.min(), found.max()) == (1, 4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1)])
def test_interpolation_with_a_single_row_or_column(shape: tuple[int, int]) -> None:
    values = np.arange(4.0)[: np.prod(shape)].reshape(shape)
    found = interpolate(values, Window(3, 3, *shape), Window(3, 3, *shape).refined(9), 9)
    line = np.clip((np.arange(36) + 0.5) / 9 - 0.5, 0, 3)[: 9 * max(shape)]
    expected = np.zeros(9) if shape == (1, 1) else line
    np.testing.assert_allclose(found[:, 4] if shape[0] > 1 else found[4], expected, atol=1e-12)


def test_a_constant_interpolates_to_itself_whatever_is_missing() -> None:
    values = np.full((5, 6), 0.1)
    values[1, 1:4] = values[4, 5] = np.nan
    np.testing.assert_array_equal(interpolate(values, Window(0, 0, 5, 6), Window(0, 0, 45, 54), 9), 0.1)


@given(values=arrays(float, (5, 6), elements=st.one_of(st.floats(0, 1), st.just(float("nan")))))
def test_missing_cells_take_the_nearest_value(values: np.ndarray) -> None:
    filled = fill_nearest(values)
    finite = np.argwhere(np.isfinite(values))
    if len(finite) == 0:
        assert np.isnan(filled).all()
        return
    for place in np.ndindex(values.shape):
        distance = np.hypot(*(finite - place).T)
        assert filled[place] in values[tuple(finite[distance <= distance.min() + 1e-9].T)]


def test_infinities_are_missing_and_the_input_is_left_alone() -> None:
    values = np.array([[1.0, np.inf], [np.nan, np.nan]])
    assert (fill_nearest(values) == 1).all()
    np.testing.assert_array_equal(values, [[1.0, np.inf], [np.nan, np.nan]])


# Reconciliation


@given(seed=seeds, shape=shapes, factor=factors, share=st.floats(0, 1))
def test_weights_are_those_of_the_mean_of_the_interpolation(
    seed: int, shape: tuple[int, int], factor: int, share: float
) -> None:
    """One cell after the other is raised by 1, and the mean over each cell's valid pixels is looked at."""
    random = np.random.default_rng(seed)
    cells = Window(11, 13, *shape)
    valid = random.random((shape[0] * factor, shape[1] * factor)) < share
    weights = interpolated_mean_weights(valid, factor)
    assert weights.shape == (3, 3, *shape)
    values = random.random(shape)
    field = np.where(valid, interpolate(values, cells, cells.refined(factor), factor), np.nan)
    expected, count = block_mean(field, factor)
    padded = np.pad(values, 1, mode="edge")
    found = sum(weights[i, j] * padded[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3))
    np.testing.assert_allclose(found[count > 0], expected[count > 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=(0, 1)), count > 0, rtol=0, atol=1e-12)
    assert (weights >= 0).all()


@given(seed=seeds, shape=shapes, share=st.floats(0.5, 1))
@settings(deadline=None)
def test_solved_corrections_have_the_means_that_were_asked_for(seed: int, shape: tuple[int, int], share: float) -> None:
    """Whole cells: the interpolation of the solution has the wanted means, and only where they are wanted."""
    random = np.random.default_rng(seed)
    difference = np.where(random.random(shape) < share, random.normal(0, 0.1, shape), np.nan)
    cells = Window(2, 3, *shape)
    weights = interpolated_mean_weights(np.ones((shape[0] * 9, shape[1] * 9), bool), 9)
    correction = solve_correction(difference, weights)
    means, _ = block_mean(interpolate(correction, cells, cells.refined(9), 9), 9)
    wanted = np.isfinite(difference)
    np.testing.assert_allclose(means[wanted], difference[wanted], rtol=0, atol=1e-6)
    assert np.isfinite(correction).all()


def test_nothing_to_reconcile() -> None:
    assert not solve_correction(np.full((3, 4), np.nan), np.zeros((3, 3, 3, 4))).any()


@given(
    seed=seeds,
    shape=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    share=st.floats(0.3, 1),
    minimum=st.sampled_from([0.01, 0.3, 0.5]),
)
@settings(deadline=None, max_examples=60)
def test_reconciled_means_are_the_target(seed: int, shape: tuple[int, int], share: float, minimum: float) -> None:
    """With clouds of random pixels and missing targets, and the last step that makes what is left exact."""
    random = np.random.default_rng(seed)
    cells = Window(5, 6, *shape)
    fine = (shape[0] * 9, shape[1] * 9)
    values = np.where(random.random(fine) < share, random.uniform(0.02, 0.4, fine), np.nan)
    target = np.where(random.random(shape) < 0.8, random.uniform(0.05, 0.35, shape), np.nan)
    smooth, reconciled = reconcile(values, target, 9, cells, minimum)
    count = block_mean(values, 9)[1]
    np.testing.assert_array_equal(reconciled, np.isfinite(target) & (count >= max(1, minimum * 81)))
    np.testing.assert_array_equal(np.isfinite(smooth), np.isfinite(values))
    goal = np.where(reconciled, target, np.nan)
    settled = settle(smooth, goal, 9, (0.0, 1.0))
    means, _ = block_mean(settled, 9)
    np.testing.assert_allclose(means[reconciled], target[reconciled], rtol=0, atol=1e-6)
    assert np.nanmin(settled, initial=0) >= 0
    assert np.nanmax(settled, initial=1) <= 1


@given(seed=seeds, share=st.floats(0.6, 1))
@settings(deadline=None, max_examples=20)
def test_smooth_gaps_need_no_last_step(seed: int, share: float) -> None:
    """Where at least half of each cell is there, the smooth correction alone reaches the target."""
    random = np.random.default_rng(seed)
    cells = Window(5, 6, 7, 8)
    values = np.where(random.random((63, 72)) < share, 0.2, np.nan)
    target = random.uniform(0.05, 0.35, (7, 8))
    smooth, reconciled = reconcile(values, target, 9, cells, 0.4)
    assert reconciled.any()
    means, _ = block_mean(smooth, 9)
    np.testing.assert_allclose(means[reconciled], target[reconciled], rtol=0, atol=1e-6)


def test_a_map_with_the_right_means_or_without_any_target_is_left_as_it_is() -> None:
    values = np.random.default_rng(4).random((36, 45))
    found, reconciled = reconcile(values, block_mean(values, 9)[0], 9, Window(0, 0, 4, 5), 0.5)
    assert reconciled.all()
    np.testing.assert_allclose(found, values, rtol=0, atol=1e-9)
    found, reconciled = reconcile(values, np.full((4, 5), np.nan), 9, Window(0, 0, 4, 5), 0.5)
    assert not reconciled.any()
    np.testing.assert_array_equal(found, values)


# Bounds


@given(seed=seeds, factor=st.sampled_from([3, 9]), spread=st.floats(0.01, 2), share=st.floats(0.2, 1))
def test_settled_means_are_exact_within_bounds(seed: int, factor: int, spread: float, share: float) -> None:
    random = np.random.default_rng(seed)
    fine = (4 * factor, 5 * factor)
    values = np.where(random.random(fine) < share, random.normal(0.3, spread, fine), np.nan)
    target = np.where(random.random((4, 5)) < 0.8, random.uniform(0, 1, (4, 5)), np.nan)
    settled = settle(values, target, factor, (0.0, 1.0))
    np.testing.assert_array_equal(np.isfinite(settled), np.isfinite(values))
    finite = settled[np.isfinite(settled)]
    assert ((finite >= 0) & (finite <= 1)).all()
    means, count = block_mean(settled, factor)
    exact = np.isfinite(target) & (count > 0)
    np.testing.assert_allclose(means[exact], target[exact], rtol=0, atol=1e-8)
    # Cells without target are clipped and nothing else; within a cell the order of pixels stays.
    alone = np.kron(np.isnan(target), np.ones((factor, factor), bool))
    np.testing.assert_array_equal(settled[alone], np.clip(values, 0, 1)[alone])
    for row, column in np.argwhere(exact):
        block = (slice(row * factor, (row + 1) * factor), slice(column * factor, (column + 1) * factor))
        order = np.argsort(values[block].ravel())[: count[row, column]]
        assert (np.diff(settled[block].ravel()[order]) >= -1e-12).all()


@pytest.mark.parametrize(("target", "expected"), [(0.0, 0.0), (1.0, 1.0), (-0.2, 0.0), (1.3, 1.0)])
def test_targets_at_and_beyond_the_bounds(target: float, expected: float) -> None:
    values = np.random.default_rng(5).random((9, 9))
    settled = settle(values, np.array([[target]]), 9, (0.0, 1.0))
    np.testing.assert_allclose(settled, expected, rtol=0, atol=1e-9)


def test_cells_that_are_exact_or_without_pixels_stay_as_they_are() -> None:
    values = np.full((9, 27), 0.2)
    values[:, :9], values[:, 9:18] = np.nan, np.random.default_rng(6).random((9, 9))
    before = values.copy()
    settled = settle(values, np.array([[0.3, values[:, 9:18].mean(), 0.3]]), 9, (0.0, 1.0))
    np.testing.assert_array_equal(settled[:, :18], values[:, :18])
    np.testing.assert_allclose(settled[:, 18:], 0.3, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(values, before)


# Null models


def test_null_models() -> None:
    random = np.random.default_rng(7)
    cells = Window(3, 4, 5, 6)
    target = random.uniform(0.1, 0.3, cells.shape)
    valid = random.random((45, 54)) < 0.9
    models = null_models(target, cells, valid, 9, 0.5)
    assert list(models) == ["copied", "bilinear", "bilinear_reconciled"]
    for values in models.values():
        np.testing.assert_array_equal(np.isfinite(values), valid)
    for row, column in np.argwhere(valid)[::100]:
        assert models["copied"][row, column] == target[row // 9, column // 9]
    np.testing.assert_allclose(block_mean(models["copied"], 9)[0], target, rtol=1e-12)
    np.testing.assert_allclose(block_mean(models["bilinear_reconciled"], 9)[0], target, rtol=0, atol=1e-6)
    expected = interpolate(target, cells, cells.refined(9), 9)
    np.testing.assert_array_equal(models["bilinear"][valid], expected[valid])
