"""The two methods: what they learn from, and that predictors that say nothing change nothing."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import gaussian_filter
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from threadpoolctl import threadpool_limits

from kilomoist.cells import aligned, block_mean, coarsen, interpolate
from kilomoist.grids import COARSE_SIDE, Window
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.coarser_scale import null_models
from kilomoist.learning.detail import common_error, fit_detail, reconciled_rows, tune_detail, weighted_error
from kilomoist.learning.details import MIN_COARSE_CELLS, Cells, detail, detail_rows, reconciled_detail
from kilomoist.learning.learners import KINDS, LearnerSettings, fit, predict_mean
from kilomoist.learning.models import Model
from kilomoist.learning.predictions import predict_map, predict_valid
from kilomoist.learning.training_folds import FOLD_SIDE, FOLDS, spatial_folds
from kilomoist.learning.tuning import (
    CANDIDATE_LEAVES,
    CANDIDATE_RATIOS,
    SEARCH_ROWS,
    SEARCH_TREES,
    Assessed,
    TuningOptions,
    choose,
    chosen_settings,
    fit_small,
    learner_of,
    predict_out_of_fold,
)
from kilomoist.reconciliation import reconcile

Real = Callable[[str], Path]
WINDOW = Window(202, 3001, 40, 52)
FOREST = LearnerSettings("random_forest", 15, 2021)
LINEAR = LearnerSettings("linear", 30, 2021)


def smooth(random: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    """A field with mean 0 and deviation 1 that is smooth over `scale` cells."""
    field = gaussian_filter(random.standard_normal(shape), scale, mode="reflect")
    return (field - field.mean()) / field.std()


@cache
def fields(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Soil moisture over WINDOW, and one predictor of which it is a multiple in every detail."""
    random = np.random.default_rng(seed)
    pattern = smooth(random, WINDOW.shape, 6) + 0.6 * smooth(random, WINDOW.shape, 1)
    return 0.2 + 0.03 * pattern, pattern


def samples_of(cells: Cells, use: list[str]) -> pd.DataFrame:
    row, column = np.nonzero(cells.complete())
    columns = {"row": row + cells.window.row, "col": column + cells.window.column, "target": cells.target[row, column]}
    columns |= dict(zip(use, cells.predictors[:, row, column], strict=True))
    return pd.DataFrame(columns | {"split": np.where(np.arange(len(row)) % 5 == 0, "test", "train")})


# Cells


def test_cells_of_samples_lie_where_the_samples_say() -> None:
    target, pattern = fields()
    predictors = np.where(np.random.default_rng(2).random(WINDOW.shape) < 0.7, np.stack([pattern, -pattern]), np.nan)
    cells = Cells(target, predictors, WINDOW)
    found = Cells.of_samples(samples_of(cells, ["a", "b"]), target, ["b", "a"], WINDOW)
    np.testing.assert_array_equal(found.predictors, predictors[::-1])
    np.testing.assert_array_equal(found.target, target)
    np.testing.assert_array_equal(found.complete(), np.isfinite(predictors[0]))


def test_complete_cells_have_everything() -> None:
    target = np.array([[0.1, np.nan, 0.3, 0.4]])
    predictors = np.array([[[1.0, 1.0, np.nan, 1.0]], [[1.0, 1.0, 1.0, np.inf]]])
    assert Cells(target, predictors, Window(0, 0, 1, 4)).complete().tolist() == [[True, False, False, False]]


# Folds


@given(st.integers(0, 1500), st.integers(0, 3700), st.integers(1, 90), st.integers(1, 90), st.integers(0, 100))
def test_no_square_is_in_two_folds(row: int, column: int, rows: int, columns: int, seed: int) -> None:
    i, j = np.nonzero(np.random.default_rng(seed).random((rows, columns)) < 0.6)
    i, j = i + row, j + column
    if not len(i):
        return
    folds = spatial_folds(i, j)
    assert folds.min() >= 0
    assert folds.max() < FOLDS
    squares = pd.DataFrame({"square": list(zip(i // FOLD_SIDE, j // FOLD_SIDE, strict=True)), "fold": folds})
    if len(set(squares["square"])) < FOLDS:  # too few of 144 km: coarse cells of 36 km are taken
        squares["square"] = list(zip(i // 4, j // 4, strict=True))
    per_square = squares.groupby("square")["fold"]
    assert (per_square.min() == per_square.max()).all()
    assert len(set(folds)) == min(FOLDS, len(per_square))


def test_folds_are_of_like_size() -> None:
    row, column = np.indices((96, 128)).reshape(2, -1)
    sizes = np.bincount(spatial_folds(row, column), minlength=FOLDS)
    assert sizes.max() - sizes.min() <= FOLD_SIDE**2


def test_folds_do_not_depend_on_the_order_of_rows() -> None:
    row, column = (index.ravel() + 37 for index in np.indices((60, 70)))
    shuffled = np.random.default_rng(3).permutation(len(row))
    np.testing.assert_array_equal(spatial_folds(row, column)[shuffled], spatial_folds(row[shuffled], column[shuffled]))


def test_rows_are_predicted_by_models_that_did_not_see_their_fold() -> None:
    random = np.random.default_rng(4)
    x, y, folds = np.arange(500.0)[:, None], random.standard_normal(500), random.integers(0, 5, 500)
    predicted = predict_out_of_fold(FOREST, x, y, folds, 1)
    for fold in range(5):
        test = folds == fold
        others = predict_mean(fit(FOREST, x[~test], y[~test], only_mean=True), x[test])
        np.testing.assert_array_equal(predicted[test], others)


def test_the_search_is_cheap() -> None:
    x = np.random.default_rng(5).normal(size=(SEARCH_ROWS + 2000, 1))
    rows = np.arange(len(x))[1000:]
    found = fit_small(replace(FOREST, trees=500), x, x[:, 0], rows, np.random.default_rng(6), 1)
    assert isinstance(found, RandomForestRegressor)
    assert len(found.estimators_) == SEARCH_TREES
    assert {tree.tree_.weighted_n_node_samples[0] for tree in found.estimators_} == {SEARCH_ROWS}
    assert np.corrcoef(predict_mean(found, x[:1000]), x[:1000, 0])[0, 1] > 0.9


# The choice of leaves


@pytest.mark.parametrize("best", CANDIDATE_LEAVES)
def test_the_leaf_with_the_smallest_error_is_chosen(best: int) -> None:
    """Coarse to fine: all five with few trees, the best two with more, one with all."""

    def assess(tried: LearnerSettings) -> Assessed:
        away = abs(CANDIDATE_LEAVES.index(tried.min_leaf) - CANDIDATE_LEAVES.index(best))
        return Assessed(away + 1.0, tried.min_leaf / 1000, np.full(3, tried.trees))

    settings = replace(FOREST, trees=200)
    chosen, alpha, table, predicted = choose(settings, TuningOptions("auto"), assess)
    assert chosen == replace(settings, min_leaf=best)
    assert alpha == best / 1000
    np.testing.assert_array_equal(predicted, [SEARCH_TREES] * 3)
    assert table["trees"].tolist() == [6] * 5 + [17] * 2 + [SEARCH_TREES]
    assert table["min_leaf"].tolist()[:5] == list(CANDIDATE_LEAVES)
    assert table["min_leaf"].tolist()[-1] == best
    assert table["chosen"].tolist() == [False] * 7 + [True]
    assert chosen_settings(settings, table) == chosen


def test_a_given_leaf_and_a_model_without_leaves_are_not_compared() -> None:
    asked: list[int] = []

    def assess(candidate: LearnerSettings) -> Assessed:
        asked.append(candidate.min_leaf)
        return Assessed(1.0, 0.5, np.zeros(1))

    for kind, min_leaf, expected in (("random_forest", 7, 7), ("random_forest", "8", 8), ("linear", "auto", 1)):
        tuned = choose(replace(FOREST, kind=kind), TuningOptions(min_leaf), assess)
        assert tuned.settings.min_leaf == expected
        assert len(tuned.compared) == 1
    assert asked == [7, 8, 1]


def test_a_search_halves_until_one_is_left() -> None:
    """Of 15 candidates with few trees the best five are compared with more, and of those the best two with all."""
    tried: list[tuple[int, float, int]] = []

    def assess(candidate: LearnerSettings) -> Assessed:
        tried.append((candidate.min_leaf, candidate.options["max_features"], candidate.trees))
        found = abs(candidate.min_leaf - 10) / 100 + abs(candidate.options["max_features"] - 2 / 3)
        return Assessed(1 + found, 0.5 + found, np.zeros(1))

    settings = replace(FOREST, trees=200)
    chosen, alpha, table, _ = choose(settings, TuningOptions("auto", search=True), assess)
    assert chosen == chosen_settings(settings, table) == replace(settings, min_leaf=10, options={"max_features": 2 / 3})
    assert alpha == 0.5
    rounds = [[entry for entry in tried if entry[2] == trees] for trees in (6, 17, 50)]
    assert [len(entry) for entry in rounds] == [15, 5, 2]
    assert len(tried) == len(table) == 22
    assert {entry[:2] for entry in rounds[0]} == {
        (leaf, share) for leaf in CANDIDATE_LEAVES for share in (1 / 3, 2 / 3, 1.0)
    }
    assert {entry[:2] for entry in rounds[1]} == {(leaf, 2 / 3) for leaf in CANDIDATE_LEAVES[:4]} | {(10, 1 / 3)}
    assert {entry[:2] for entry in rounds[2]} == {(10, 2 / 3), (3, 2 / 3)}
    assert list(table) == ["trees", "min_leaf", "max_features", "alpha", "rmse", "chosen"]
    assert table.loc[table["chosen"], ["trees", "min_leaf", "max_features"]].to_numpy().tolist() == [[50, 10, 2 / 3]]


def test_a_given_leaf_is_kept_by_a_search_and_nothing_is_searched_without_options() -> None:
    given = TuningOptions(7, search=True).candidates(FOREST)
    assert [(each.min_leaf, each.options["max_features"]) for each in given] == [(7, 1 / 3), (7, 2 / 3), (7, 1.0)]
    assert TuningOptions("auto", search=True).candidates(LINEAR) == [LINEAR]
    tuned = choose(LINEAR, TuningOptions("auto", search=True), lambda _: Assessed(1.0, 1.0, np.zeros(1)))
    assert len(tuned.compared) == 1


def test_a_learner_is_built_of_keys_of_the_configuration() -> None:
    keys = {"kind": "linear", "trees": 30, "seed": 2021, "min_leaf": "auto"}
    assert learner_of(keys) == (LINEAR, TuningOptions("auto"))
    more = {"min_leaf": 7, "trend": "linear", "search": True, "detail_ratio": 3, "quantiles": False}
    built = replace(LINEAR, trend="linear", quantiles=False), TuningOptions(7, search=True, detail_ratio=3)
    assert learner_of(keys | more) == built
    with pytest.raises(TypeError, match="leaves"):
        learner_of(keys | {"leaves": 7})


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_a_search_compares_reaches_the_learner(kind: str) -> None:
    """Every option of every kind is known to scikit-learn, and changes what is learned."""
    random = np.random.default_rng(7)
    x = random.normal(size=(400, 3))
    y = x @ [1.0, 0.5, 0.2] + 0.3 * random.normal(size=400)
    for name, values in KINDS[kind].space.items():
        found = []
        for value in values:
            estimator = fit(LearnerSettings(kind, 10, 1, 3, {name: value}), x, y)
            assert estimator.get_params()[name] == value
            found.append(estimator.predict(x))
        assert all(not np.array_equal(found[0], other) for other in found[1:])


def test_noise_gets_large_leaves_and_a_sharp_relation_small_ones() -> None:
    """`absolute` chooses on its training rows."""
    random = np.random.default_rng(6)
    sharp = np.stack([smooth(random, WINDOW.shape, 3)])
    noisy = 0.2 + 0.01 * sharp[0] + 0.03 * random.standard_normal(WINDOW.shape)
    clear = 0.2 + 0.03 * np.sin(6 * sharp[0])
    leaves = []
    for target in (noisy, clear):
        samples = samples_of(Cells(target, sharp, WINDOW), ["x"])
        model, tuned = fit_absolute(samples, ["x"], FOREST, TuningOptions("auto"))
        assert tuned.compared["chosen"].sum() == 1
        assert chosen_settings(FOREST, tuned.compared) == tuned.settings
        assert model.min_leaf == tuned.settings.min_leaf
        leaves.append(model.min_leaf)
    assert leaves[0] >= 30
    assert leaves[1] <= 3


# Absolute


def test_absolute_learns_from_the_training_rows_alone() -> None:
    """And is tuned on them alone; what its models say out of fold, they say of all samples."""
    target, pattern = fields()
    cells = Cells(target, pattern[None], WINDOW)
    samples = samples_of(cells, ["x"])
    poisoned = samples.assign(target=np.where(samples["split"] == "test", 0.9, samples["target"]))
    model, tuned = fit_absolute(poisoned, ["x"], LINEAR, TuningOptions("auto"))
    assert tuned.compared["rmse"].item() < 1e-6
    np.testing.assert_allclose(tuned.predicted, samples["target"], rtol=0, atol=1e-6)
    assert (model.method, model.alpha, model.coarse_cells) == ("absolute", 1.0, 0)
    assert model.training_rows == (samples["split"] == "train").sum()
    # The relation is exactly linear, and the test rows do not bend it.
    np.testing.assert_allclose(predict_map(model, pattern[None], WINDOW, cells, 9), target, rtol=0, atol=1e-6)


def test_predictions_are_missing_where_a_predictor_is() -> None:
    target, pattern = fields()
    cells = Cells(target, np.stack([pattern, pattern**2]), WINDOW)
    model, _ = fit_absolute(samples_of(cells, ["a", "b"]), ["a", "b"], FOREST, TuningOptions(5))
    gaps = cells.predictors.copy()
    gaps[0, :3], gaps[1, :, :4] = np.nan, np.inf
    found = predict_valid(model, gaps)
    expected = np.ones(WINDOW.shape, bool)
    expected[:3], expected[:, :4] = False, False
    np.testing.assert_array_equal(np.isfinite(found), expected)
    assert np.isnan(predict_valid(model, np.full((2, 3, 3), np.nan))).all()
    assert np.isnan(predict_valid(replace(model, estimator=None), gaps)).all()


# Detail


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_details_add_up_with_the_coarse_field(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.where(random.random((21, 26)) < 0.8, random.random((21, 26)), np.nan)
    window = Window(int(random.integers(0, 99)), int(random.integers(0, 99)), 21, 26)
    coarse, coarse_window = coarsen(values, window, 4, 0.5)
    found = detail(values, window, 0.5)
    np.testing.assert_allclose(found + interpolate(coarse, coarse_window, window, 4), values, rtol=0, atol=1e-12)
    # What reconciliation restores is gone: no coarse cell has a mean left.
    left = reconciled_detail(found, window)
    means, _ = block_mean(aligned(left, window, 4)[0], 4)
    np.testing.assert_allclose(means[np.isfinite(means)], 0, rtol=0, atol=1e-6)


def test_details_of_a_constant_are_nothing() -> None:
    np.testing.assert_allclose(detail(np.full((20, 20), 0.3), Window(3, 5, 20, 20), 0.5), 0, atol=1e-15)


def test_detail_rows_are_those_of_complete_cells() -> None:
    target, pattern = fields()
    predictors = np.stack([pattern, np.where(pattern > 1, np.nan, 2 * pattern)])
    cells = Cells(target, predictors, WINDOW)
    x, y = detail_rows(cells, 0.5)
    assert x.shape == (cells.complete().sum(), 2)
    assert x.dtype == np.float32
    assert len(y) == len(x)
    np.testing.assert_allclose(y, detail(target, WINDOW, 0.5)[cells.complete()])
    np.testing.assert_allclose(x[:, 0], detail(pattern, WINDOW, 0.5)[cells.complete()], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["random_forest", "linear"])
def test_noise_changes_nothing(kind: str) -> None:
    target, _ = fields()
    noise = np.random.default_rng(7).standard_normal((2, *WINDOW.shape))
    cells = Cells(target, noise, WINDOW)
    model, table = fit_detail(cells, ["a", "b"], replace(FOREST, kind=kind), TuningOptions("auto"), 0.5)
    assert ((table["alpha"] >= 0) & (table["alpha"] <= 1)).all()
    # A least-squares line of noise is flat whatever α is; a forest in its training rows is not.
    assert kind == "linear" or model.alpha < 0.25
    bare = np.sqrt(np.mean(reconciled_detail(detail(target, WINDOW, 0.5), WINDOW) ** 2))
    assert 0.99 * bare < table["rmse"].min() <= table["rmse"].max() <= bare * (1 + 1e-9)
    new = np.random.default_rng(8).standard_normal((2, *WINDOW.shape))
    assert np.sqrt(np.mean((model.alpha * predict_valid(model, new)) ** 2)) < 0.1 * bare


@pytest.mark.parametrize("seed", [1, 2])
def test_a_perfect_predictor_gets_all_the_weight(seed: int) -> None:
    target, pattern = fields(seed)
    cells = Cells(target, pattern[None], WINDOW)
    line, forest = (fit_detail(cells, ["x"], own, TuningOptions("auto"), 0.5)[0] for own in (LINEAR, FOREST))
    assert line.alpha > 0.999
    assert forest.alpha > 0.95
    assert forest.training_rows == WINDOW.rows * WINDOW.columns


@pytest.mark.parametrize(("times", "alpha", "left"), [(-1, 0, 1), (2, 0.5, 0), (0.5, 1, 0.5), (0, 0, 1)])
def test_weight_makes_out_of_fold_details_fit_within_bounds(times: float, alpha: float, left: float) -> None:
    """Of the wrong sign, twice too large, too small, and no detail."""
    target, pattern = fields()
    cells = Cells(target, pattern[None], WINDOW)
    y = detail_rows(cells, 0.5)[1]
    wanted = reconciled_rows(cells, y, COARSE_SIDE)
    error, weight = weighted_error(cells, wanted, times * y, COARSE_SIDE)
    assert weight == pytest.approx(alpha, abs=1e-6)
    assert (weight == 0) == (alpha == 0)
    assert error == pytest.approx(left * np.sqrt(np.mean(wanted**2)), abs=1e-6)


def test_too_few_coarse_cells_teach_nothing() -> None:
    # 5 × 5 coarse cells, and 6 × 5, which are just enough.
    for rows, enough in ((20, False), (24, True)):
        window = Window(200, 3000, rows, 20)
        target, pattern = (field[:rows, :20] for field in fields())
        assert (window.rows * window.columns // 16 >= MIN_COARSE_CELLS) == enough
        cells = Cells(target, pattern[None], window)
        model, table = fit_detail(cells, ["x"], LINEAR, TuningOptions("auto"), 0.999)
        assert model.coarse_cells == window.rows * window.columns // 16
        assert (model.estimator is not None) == enough
        if not enough:
            assert (model.alpha, len(table), model.training_rows) == (0.0, 0, 0)
            pixels = window.refined(9)
            stack = np.full((1, *pixels.shape), 3.0)
            stack[0, 0, 0] = np.nan
            mapped = predict_map(model, stack, pixels, cells, 9)
            expected = interpolate(target, window, pixels, 9)
            assert np.isnan(mapped[0, 0])
            np.testing.assert_array_equal(mapped.ravel()[1:], expected.ravel()[1:])


# Maps


def fine_fields() -> tuple[Cells, np.ndarray, np.ndarray, Window]:
    """Cells, the predictor at their pixels with gaps, the truth, and the pixels' window."""
    cells = Window(200, 3000, 20, 28)
    pixels = cells.refined(9)
    random = np.random.default_rng(8)
    pattern = smooth(random, pixels.shape, 20) + 0.5 * smooth(random, pixels.shape, 3)
    truth = 0.2 + 0.03 * pattern
    stack = np.where(random.random(pixels.shape) < 0.95, pattern, np.nan)[None]
    return Cells(block_mean(truth, 9)[0], block_mean(stack, 9)[0], cells), stack, truth, pixels


@pytest.mark.parametrize("method", ["detail", "absolute"])
@pytest.mark.parametrize("kind", ["random_forest", "hist_gradient_boosting"])
def test_a_map_in_parts_is_the_map_in_one(method: str, kind: str) -> None:
    cells, stack, _, pixels = fine_fields()
    estimator = fit(replace(FOREST, kind=kind, min_leaf=5), *detail_rows(cells, 0.5))
    model = Model(method, kind, ("x",), 5, 0.8 if method == "detail" else 1.0, 500, 35, estimator)
    whole = predict_map(model, stack, pixels, cells, 9)
    for part in (Window(pixels.row, pixels.column, 90, 126), Window(pixels.row + 99, pixels.column + 45, 81, 207)):
        cut = part.within(pixels)
        found = predict_map(model, stack[(slice(None), *cut)], part, cells, 9)
        np.testing.assert_array_equal(found, whole[cut])
    np.testing.assert_array_equal(np.isfinite(whole), np.isfinite(stack[0]))


def test_a_linear_relation_is_carried_to_the_finer_grid() -> None:
    """Learned from 36 km to 9 km, used from 9 km to 1 km: a map that is right where SMAP alone cannot be."""
    cells, stack, truth, pixels = fine_fields()
    model, _ = fit_detail(cells, ["x"], LINEAR, TuningOptions("auto"), 0.5)
    mapped, _ = reconcile(predict_map(model, stack, pixels, cells, 9), cells.target, 9, cells.window, 0.5)
    nulls = null_models(cells.target, cells.window, np.isfinite(stack[0]), 9, 0.5)

    def rmse(values: np.ndarray) -> float:
        return float(np.sqrt(np.nanmean((values - truth) ** 2)))

    assert rmse(mapped) < 0.1 * min(map(rmse, nulls.values()))
    assert rmse(nulls["bilinear_reconciled"]) < rmse(nulls["copied"])


# The real SMAP field, taken to 36 km and back


@pytest.fixture(scope="module")
def analysis(real: Real) -> dict[str, np.ndarray]:
    """Fields of SPL4SMAU of 28 January 2020 over North America, where the surface is not frozen."""
    with h5py.File(real("SMAP_L4_SM_aup*")) as file:
        names = ("sm_surface_analysis", "surface_temp_analysis", "sm_profile_analysis")
        stored = {name: file["Analysis_Data"][name][()].astype(float) for name in names}
    values = {name: np.where(field == -9999, np.nan, field) for name, field in stored.items()}
    warm = values["surface_temp_analysis"] > 275
    return {name: np.where(warm & np.isfinite(values["sm_surface_analysis"]), values[name], np.nan) for name in names}


def trial(analysis: dict[str, np.ndarray], use: list[str]) -> dict[str, float]:
    """RMSE at 9 km of maps that were made from 36 km, by method."""
    window = Window(40, 87, 508, 1123)
    moisture = analysis["sm_surface_analysis"]
    target, coarse = coarsen(moisture, window, 4, 0.999)
    predictors = np.stack([coarsen(analysis[name], window, 4, 0.999)[0] for name in use])
    truth = aligned(moisture, window, 4)[0]
    truth[~np.isfinite(np.kron(target, np.ones((4, 4))))] = np.nan
    valid, fine = np.isfinite(truth), coarse.refined(4)
    stack = np.stack([aligned(analysis[name], window, 4)[0] for name in use])
    stack[:, ~valid] = np.nan
    cells = Cells(target, predictors, coarse)
    samples = samples_of(cells, use).assign(split="train")
    settings = LearnerSettings("random_forest", 50, 2021)
    models = {
        "detail": fit_detail(cells, use, settings, TuningOptions("auto"), 0.5, threads=2)[0],
        "absolute": fit_absolute(samples, use, settings, TuningOptions("auto"), threads=2)[0],
    }
    maps = {name: predict_map(model, stack, fine, cells, 4) for name, model in models.items()}
    maps |= {f"{name} reconciled": reconcile(values, target, 4, coarse, 0.5)[0] for name, values in maps.items()}
    maps |= null_models(target, coarse, valid, 4, 0.5)
    return {name: float(np.sqrt(np.nanmean((values - truth)[valid] ** 2))) for name, values in maps.items()}


def test_real_field_with_useful_predictors(analysis: dict[str, np.ndarray]) -> None:
    error = trial(analysis, ["surface_temp_analysis", "sm_profile_analysis"])
    assert error["detail reconciled"] < 0.95 * error["absolute reconciled"]
    assert error["detail reconciled"] < 0.5 * error["bilinear_reconciled"]
    assert error["bilinear_reconciled"] < error["copied"]


def test_real_field_with_a_predictor_that_says_little(analysis: dict[str, np.ndarray]) -> None:
    error = trial(analysis, ["surface_temp_analysis"])
    assert error["detail reconciled"] < 1.01 * error["bilinear_reconciled"]
    assert error["detail reconciled"] < error["copied"]
    # The study's method is no help here: worse than to do nothing.
    assert error["absolute"] > error["copied"]
    assert error["detail reconciled"] < error["absolute reconciled"]


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees", "linear"])
def test_too_few_coarse_cells_with_predictors_learn_nothing(kind: str) -> None:
    """The target is everywhere, but no coarse cell has enough cells with predictors."""
    random = np.random.default_rng(4)
    window = Window(200, 2960, 40, 40)
    target = random.uniform(0.1, 0.3, window.shape)
    predictors = random.uniform(0, 1, (2, *window.shape))
    predictors[:, ::4, ::4] = np.nan
    cells, settings = Cells(target, predictors, window), LearnerSettings(kind, 5, 1)
    model, table = fit_detail(cells, ["a", "b"], settings, TuningOptions("auto"), 1.0)
    assert (model.alpha, model.estimator, model.coarse_cells) == (0.0, None, 0)
    assert table.empty


# Ratios


def detail_by_hand(values: np.ndarray, window: Window, ratio: int) -> np.ndarray:
    """Values minus the bilinear interpolation of the means of whole coarse cells; flat beyond the outermost centres."""
    row, column = np.arange(window.rows) + window.row, np.arange(window.columns) + window.column
    frame = pd.DataFrame(values, index=row // ratio, columns=column // ratio)
    means = frame.groupby(level=0).mean().T.groupby(level=0).mean().T
    centres = [(np.asarray(labels) + 0.5) * ratio - 0.5 for labels in (means.index, means.columns)]
    points = np.meshgrid(
        *(np.clip(place, ends[0], ends[-1]) for place, ends in zip((row, column), centres, strict=True)), indexing="ij"
    )
    return values - RegularGridInterpolator(centres, means.to_numpy())(np.stack(points, axis=-1))


@pytest.mark.parametrize("ratio", [2, 3, 4, "3"])
def test_detail_is_learned_at_the_ratio_that_is_asked_for(ratio: int | str) -> None:
    side = int(ratio)
    window = Window(204, 3000, 36, 48)  # whole coarse cells of every ratio
    random = np.random.default_rng(9)
    pattern = smooth(random, window.shape, 4) + 0.5 * smooth(random, window.shape, 1)
    target = 0.2 + 0.03 * pattern + 0.01 * smooth(random, window.shape, 1)
    cells = Cells(target, pattern[None], window)
    model, table = fit_detail(cells, ["x"], LINEAR, TuningOptions("auto", detail_ratio=ratio), 0.5)
    assert (model.ratio, model.coarse_cells) == (side, 36 * 48 // side**2)
    assert list(table) == ["trees", "min_leaf", "alpha", "rmse", "chosen"]
    x, y = (detail_by_hand(values, window, side).ravel() for values in (pattern, target))
    expected = LinearRegression().fit(x[:, None], y)
    assert isinstance(model.estimator, LinearRegression)
    np.testing.assert_allclose(model.estimator.coef_, expected.coef_, rtol=1e-4)
    np.testing.assert_allclose(predict_valid(model, x[None, None]), [expected.predict(x[:, None])], rtol=0, atol=1e-6)


def test_the_ratio_with_the_smallest_common_error_is_chosen() -> None:
    target, pattern = fields()
    cells, settings = Cells(target, pattern[None], WINDOW), replace(FOREST, trees=5)
    tuned = {ratio: tune_detail(cells, settings, TuningOptions("auto"), 0.5, ratio, 1) for ratio in CANDIDATE_RATIOS}
    errors = {ratio: common_error(cells, *found[:2], 0.5, ratio) for ratio, found in tuned.items()}
    ratio = min(errors, key=errors.__getitem__)
    model, table = fit_detail(cells, ["x"], settings, TuningOptions("auto", detail_ratio="auto"), 0.5)
    assert model.ratio == ratio
    alone, compared = fit_detail(cells, ["x"], settings, TuningOptions("auto", detail_ratio=ratio), 0.5)
    assert (model.alpha, model.min_leaf, model.coarse_cells) == (alone.alpha, alone.min_leaf, alone.coarse_cells)
    np.testing.assert_array_equal(predict_valid(model, pattern[None]), predict_valid(alone, pattern[None]))
    assert list(dict.fromkeys(table["ratio"])) == list(CANDIDATE_RATIOS)
    assert table["chosen"].sum() == 1
    assert table.loc[table["chosen"], "ratio"].item() == ratio
    found = table.dropna(subset="common_error")
    assert dict(zip(found["ratio"], found["common_error"], strict=True)) == errors
    own = table.loc[table["ratio"] == ratio, list(compared)].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, compared)


@pytest.mark.parametrize("ratio", CANDIDATE_RATIOS)
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_common_errors_are_shares_of_what_is_to_be_restored(ratio: int, alpha: float) -> None:
    """The relation is exactly linear: it holds at any ratio, half of it restores half."""
    target, pattern = fields()
    found = common_error(Cells(target, pattern[None], WINDOW), LINEAR, alpha, 0.5, ratio)
    assert found == pytest.approx(1 - alpha, abs=1e-4)


@pytest.mark.parametrize(("rows", "ratios"), [(WINDOW.rows, (2, 3, 4, 8)), (24, (2, 3, 4))])
def test_common_errors_are_out_of_fold_at_every_ratio(rows: int, ratios: tuple[int, ...]) -> None:
    """A model of one ratio that saw none of the fold predicts the details of all ratios with enough coarse cells."""
    target, pattern = (field[:rows] for field in fields())
    window = replace(WINDOW, rows=rows)
    cells = Cells(target, pattern[None], window)
    row, column = (index.ravel() for index in np.indices(window.shape))
    folds = spatial_folds(row + window.row, column + window.column)
    details = {ratio: detail(target, window, 0.5, ratio).ravel() for ratio in ratios}
    left = {ratio: np.full(len(folds), np.nan) for ratio in details}
    x, y = detail_rows(cells, 0.5, 3)
    for fold in range(FOLDS):
        test = folds == fold
        estimator = RandomForestRegressor(15, random_state=2021).fit(x[~test], y[~test])
        for ratio, wanted in details.items():
            of = detail(pattern, window, 0.5, ratio).ravel()[test].astype(np.float32)
            left[ratio][test] = wanted[test] - 0.7 * estimator.predict(of[:, None])

    def rms(values: np.ndarray, ratio: int) -> float:
        return float(np.sqrt(np.mean(reconciled_detail(values.reshape(window.shape), window, ratio) ** 2)))

    expected = np.mean([rms(left[ratio], ratio) / rms(wanted, ratio) for ratio, wanted in details.items()])
    assert common_error(cells, FOREST, 0.7, 0.5, 3) == pytest.approx(expected, rel=1e-9)


def test_ratios_without_enough_coarse_cells_are_not_compared() -> None:
    """16 × 16 cells hold 64 of 2 × 2 and too few of others; 8 × 8 hold too few of any."""
    target, pattern = fields()
    for side, coarse in ((16, 64), (8, 16)):
        cells = Cells(target[:side, :side], pattern[None, :side, :side], Window(200, 3000, side, side))
        model, table = fit_detail(cells, ["x"], LINEAR, TuningOptions("auto", detail_ratio="auto"), 0.5)
        assert (model.ratio, model.coarse_cells) == (2, coarse)
        assert (model.estimator is not None) == (side == 16) == (table["chosen"].tolist() == [True])


# Trends


@pytest.mark.parametrize("method", ["detail", "absolute"])
def test_a_trend_maps_what_lies_beyond_the_cells(method: str) -> None:
    """1 km values are more extreme than 9 km means: a trend follows them, both methods get it."""
    cells, stack, truth, pixels = fine_fields()
    settings, samples = replace(FOREST, min_leaf=5), samples_of(cells, ["x"])
    error = {}
    for trend in ("none", "linear"):
        own = replace(settings, trend=trend)
        if method == "detail":
            model, _ = fit_detail(cells, ["x"], own, TuningOptions("auto"), 0.5)
        else:
            model, _ = fit_absolute(samples, ["x"], own, TuningOptions("auto"))
        assert model.trend == trend
        mapped = predict_map(model, stack, pixels, cells, 9)
        error[trend] = np.sqrt(np.nanmean((mapped - truth) ** 2))
        if method == "absolute":
            # A forest stays within the target of its rows.
            assert (np.nanmax(mapped) > samples["target"].max()) == (trend == "linear")
    assert error["linear"] < 0.8 * error["none"]


# Threads


def test_alpha_does_not_depend_on_the_threads_of_blas() -> None:
    """A country has more than the 10,000 cells from which OpenBLAS shares a product out among threads."""
    window, random = Window(200, 3000, 112, 112), np.random.default_rng(1)
    x = random.standard_normal(window.shape)
    cells = Cells(0.2 + 0.01 * x + 0.02 * random.standard_normal(window.shape), x[None], window)
    alphas = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            alphas.append(tune_detail(cells, LINEAR, TuningOptions(1), 0.5, COARSE_SIDE, 1)[1])
    assert 0 < alphas[0] < 1
    assert alphas[0] == alphas[1]
