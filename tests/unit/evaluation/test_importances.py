"""Importances against hand-computed values, linear algebra and scikit-learn."""

from dataclasses import replace
from statistics import fmean, stdev

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn import inspection
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from kilomoist.evaluation import importances
from kilomoist.evaluation.importances import (
    DEPENDENCE_MARGIN,
    DEPENDENCE_ROWS,
    DEPENDENCE_VALUES,
    PERMUTATIONS,
    dependence_table,
    importance_table,
    partial_dependence,
    permutation_errors,
    product_groups,
    variance_inflation,
)
from kilomoist.grids import Window
from kilomoist.learning.details import Cells, detail
from kilomoist.learning.learners import KINDS, LearnerSettings, fit
from kilomoist.learning.models import Model
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.training_rows import TrainingRows, learned_rows
from kilomoist.products import PRODUCTS

LINEAR = LearnerSettings("linear", 1, 2021)
FOREST = LearnerSettings("random_forest", 20, 2021, 5)
DEFAULT_PRODUCTS = ("MOD13A1.061", "MOD11A1.061")
SQUARED = {"scoring": "neg_mean_squared_error"}
SIDE = 64
"""Cells along a side of the area of `rows`: 16 squares of 144 km."""


def rows(x: np.ndarray, y: np.ndarray) -> TrainingRows:
    """A row for each of the first cells of a square area, all of them trained on."""
    row, column = np.divmod(np.arange(len(y)), SIDE)
    return TrainingRows(x.astype(np.float32), y, row + 160, column + 3200, np.ones(len(y), bool))


def independent(coefficients: list[float], noise: float = 0.0) -> TrainingRows:
    """Standard normal predictors of which y is a sum, with noise."""
    random = np.random.default_rng(3)
    x = random.normal(size=(SIDE * SIDE, len(coefficients)))
    return rows(x, x @ coefficients + noise * random.normal(size=len(x)))


def growth(found: TrainingRows, shuffled: list[list[int]], settings: LearnerSettings = LINEAR) -> np.ndarray:
    """Mean over the folds of what shuffling adds to the squared error."""
    before, after = permutation_errors(settings, found, shuffled, 1)
    return (after - before[:, None]).mean(axis=0)


def model(found: TrainingRows, settings: LearnerSettings, method: str = "absolute") -> Model:
    """The model of all rows, with predictors named a, b, …"""
    names = tuple("abcd"[: found.x.shape[1]])
    x, y = found.x[found.trained], found.y[found.trained]
    return Model(method, settings.kind, names, settings.min_leaf, 1.0, len(y), 0, fit(settings, x, y))


# What is looked at


def test_absolute_learns_from_values_of_its_training_rows() -> None:
    samples = pd.DataFrame(
        {"row": [7, 8, 9], "col": [3, 4, 5], "target": [0.1, 0.2, 0.3], "ndvi": [0.5, 0.6, 0.7], "evi": [0.2, 0.1, 0.4]}
    ).assign(split=["train", "test", "train"])
    cells = Cells(np.empty((0, 0)), np.empty((2, 0, 0)), Window(0, 0, 0, 0))
    found = learned_rows("absolute", samples, cells, ["evi", "ndvi"], 0.5)
    np.testing.assert_allclose(found.x, [[0.2, 0.5], [0.1, 0.6], [0.4, 0.7]], rtol=1e-6)
    columns = np.stack([found.y, found.row, found.column, found.trained], axis=1)
    np.testing.assert_array_equal(columns, [[0.1, 7, 3, True], [0.2, 8, 4, False], [0.3, 9, 5, True]])


def test_detail_learns_from_details_of_complete_cells() -> None:
    random = np.random.default_rng(4)
    window = Window(160, 3200, 16, 20)
    target, predictors = random.uniform(0.1, 0.3, window.shape), random.normal(size=(2, *window.shape))
    target[3, 5] = predictors[1, 9, 2] = np.nan
    found = learned_rows("detail", pd.DataFrame(), Cells(target, predictors, window), ["a", "b"], 0.5)
    assert len(found.y) == 16 * 20 - 2
    assert found.trained.all()
    assert (found.row.min(), found.row.max(), found.column.min(), found.column.max()) == (160, 175, 3200, 3219)
    places = found.row - 160, found.column - 3200
    np.testing.assert_array_equal(found.y, detail(target, window, 0.5)[places])
    for number, layer in enumerate(predictors):
        np.testing.assert_allclose(found.x[:, number], detail(layer, window, 0.5)[places], rtol=1e-5, atol=1e-6)


def test_detail_of_another_ratio_is_looked_at_in_its_own_space() -> None:
    random = np.random.default_rng(5)
    window = Window(161, 3201, 18, 20)
    cells = Cells(random.uniform(0.1, 0.3, window.shape), random.normal(size=(1, *window.shape)), window)
    found = learned_rows("detail", pd.DataFrame(), cells, ["a"], 0.5, 2)
    np.testing.assert_array_equal(found.y, detail(cells.target, window, 0.5, 2).ravel())
    assert not np.array_equal(found.y, learned_rows("detail", pd.DataFrame(), cells, ["a"], 0.5).y)


@pytest.mark.parametrize(
    ("use", "groups"),
    [
        ("ndvi evi lst_day", ["ndvi evi"]),
        ("lst_day evi lst_night ndvi", ["evi ndvi", "lst_day lst_night"]),
        ("evi lst_night", []),
        ("ndvi slope clay lst_range elevation lst_day eastness", ["lst_range lst_day", "slope elevation eastness"]),
    ],
)
def test_what_one_product_or_elevation_tells_is_a_group(use: str, groups: list[str]) -> None:
    assert product_groups(use.split(), DEFAULT_PRODUCTS) == [group.split() for group in groups]


@pytest.mark.parametrize("product", DEFAULT_PRODUCTS)
def test_layers_of_one_product_are_a_group(product: str) -> None:
    quantities = list(PRODUCTS[product].quantities)
    assert product_groups(quantities, [product]) == [quantities]


# Collinearity


@given(seed=st.integers(0, 10_000), count=st.integers(30, 300), predictors=st.integers(2, 5))
def test_variance_inflation_is_the_diagonal_of_the_inverse_correlations(seed: int, count: int, predictors: int) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, predictors)) @ random.normal(size=(predictors, predictors))
    x = x * random.uniform(0.01, 100, predictors) + random.uniform(-300, 300, predictors)
    inverse = np.linalg.inv(np.corrcoef(x, rowvar=False))
    np.testing.assert_allclose(variance_inflation(x), np.diag(inverse), rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_variance_inflation_at_its_ends() -> None:
    a, b = np.random.default_rng(5).normal(size=(2, 100))
    np.testing.assert_allclose(variance_inflation(a[:, None]), [1])
    r = np.corrcoef(a, b)[0, 1]
    np.testing.assert_allclose(variance_inflation(np.stack([a, b], 1)), 1 / (1 - r**2))
    # Two that are one but for unit and origin, and one of its own; a constant, which has no variance.
    x = np.stack([a, 100 * a + 273.15, b, np.full(100, 7)], 1)
    found = variance_inflation(x)
    assert np.isinf(found[:2]).all()
    assert 1 <= found[2] < 1.2
    assert np.isnan(found[3])


# Permutation


def test_shuffling_adds_twice_the_variance_of_what_is_shuffled() -> None:
    """y = 2a + b + noise: 2·4 and 2·1, together 2·5, on top of the noise."""
    found = independent([2, 1, 0], noise=0.5)
    np.testing.assert_allclose(permutation_errors(LINEAR, found, [], 1)[0].mean(), 0.25, rtol=0.05)
    np.testing.assert_allclose(growth(found, [[0], [1], [2], [0, 1]]), [8, 2, 0, 10], rtol=0.02, atol=0.01)


def test_errors_are_those_of_scikit_learn_on_each_block_held_out() -> None:
    """Of models of all other rows: a row of the block among them would move the errors."""
    found = independent([2, 1], noise=0.5)
    before, after = permutation_errors(LINEAR, found, [[0], [1]], 1)
    folds = spatial_folds(found.row, found.column)
    assert len(before) == len(after) == 5
    for fold in range(5):
        held = folds == fold
        estimator = LinearRegression().fit(found.x[~held], found.y[~held])
        x, y = found.x[held], found.y[held]
        scored = inspection.permutation_importance(estimator, x, y, n_repeats=PERMUTATIONS, random_state=1, **SQUARED)
        assert before[fold] == pytest.approx(np.mean((estimator.predict(x) - y) ** 2))
        # Both are means over ten shuffles, others each.
        error = 6 * scored.importances_std / np.sqrt(PERMUTATIONS)
        assert (np.abs(after[fold] - before[fold] - scored.importances_mean) < error).all()


def test_large_folds_are_shuffled_as_often_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer shuffles of a fold tell much the same, of the same models."""
    found = independent([2, 1], noise=0.5)
    before, after = permutation_errors(LINEAR, found, [[0], [1]], 1)
    monkeypatch.setattr(importances, "PERMUTED_ROWS", len(found.y) // 5 + 1)  # once or twice a fold
    before_once, after_once = permutation_errors(LINEAR, found, [[0], [1]], 1)
    np.testing.assert_array_equal(before_once, before)
    assert (after_once != after).all()
    np.testing.assert_allclose(after_once - before[:, None], after - before[:, None], rtol=0.25)


def test_a_group_is_shuffled_row_by_row() -> None:
    """y = a − b with b nearly a: alone each ruins the difference, together they keep it.

    y = a, of which the model has two copies and takes half of each: 2·¼ alone, 2·1 together.
    """
    a, noise = np.random.default_rng(6).normal(size=(2, SIDE * SIDE))
    b = a + 0.1 * noise
    near, twins = rows(np.stack([a, b], 1), a - b), rows(np.stack([a, a], 1), a)
    np.testing.assert_allclose(growth(near, [[0], [1], [0, 1]]), [2, 2, 0.02], rtol=0.05)
    np.testing.assert_allclose(growth(twins, [[0], [1], [0, 1]]), [0.5, 0.5, 2], rtol=0.05)


def test_what_tells_places_apart_is_not_important_elsewhere() -> None:
    """Smooth noise lets a forest learn smooth soil moisture by heart, which is worth nothing in blocks held out."""
    random = np.random.default_rng(8)
    fields = gaussian_filter(random.normal(size=(3, SIDE, SIDE)), (0, 3, 3), mode="reflect").reshape(3, -1)
    y, *noise = fields / fields.std(axis=1, keepdims=True)
    found = rows(np.stack(noise, 1), y)
    forest = fit(FOREST, found.x, y)
    known = inspection.permutation_importance(forest, found.x, y, n_repeats=3, random_state=1, **SQUARED)
    assert (known.importances_mean > 0.5).all()
    assert (growth(found, [[0], [1]], FOREST) < 0.1).all()


# The table of importances


@pytest.mark.parametrize("kind", KINDS)
def test_importances_are_shares(kind: str) -> None:
    found = independent([0.3, 1, 0], noise=0.1)
    settings = replace(FOREST, kind=kind)
    table = importance_table(model(found, settings), found, settings, [["a", "b"]], 1)
    columns = "method predictor entry impurity_percent permutation_percent rmse rmse_growth rmse_growth_sd vif"
    assert " ".join(table) == columns
    assert table["predictor"].tolist() == ["a", "b", "c", "a + b"]
    assert table["entry"].tolist() == ["predictor"] * 3 + ["group"]
    single, group = table[:3], table.iloc[3]
    assert single["permutation_percent"].sum() == pytest.approx(100)
    assert (single["permutation_percent"] >= 0).all()
    assert single["permutation_percent"].argmax() == 1
    if kind in ("linear", "hist_gradient_boosting"):
        assert table["impurity_percent"].isna().all()
    else:
        assert single["impurity_percent"].sum() == pytest.approx(100)
        assert single["impurity_percent"].argmax() == 1
        assert group["impurity_percent"] == pytest.approx(single["impurity_percent"][:2].sum())
    np.testing.assert_allclose(single["vif"], variance_inflation(found.x))
    assert np.isnan(group["vif"])


def changing(found: TrainingRows, column: int, coefficients: list[float]) -> TrainingRows:
    """Rows to whose y a predictor adds with another coefficient in each fold."""
    folds = spatial_folds(found.row, found.column)
    return replace(found, y=found.y + np.array(coefficients)[folds] * found.x[:, column])


@pytest.mark.parametrize(
    ("found", "improved"),
    [
        (independent([2, 1, 0.5], noise=0.5), [False, False, False, False]),
        # The other folds say the opposite of b: errors are smaller with b shuffled, and with b and c.
        (changing(independent([2, 0, 1]), 1, [4, -4, 4, -4, 0]), [False, True, False, True]),
    ],
    ids=["alike", "opposite"],
)
def test_importances_are_made_of_the_errors_of_the_folds(found: TrainingRows, improved: list[bool]) -> None:
    """Where shuffling improves them, it counts as nothing in the shares."""
    table = importance_table(model(found, LINEAR), found, LINEAR, [["b", "c"]], 1)
    before, after = permutation_errors(LINEAR, found, [[0], [1], [2], [1, 2]], 1)
    grown = np.array([np.mean([after[fold, number] - before[fold] for fold in range(5)]) for number in range(4)])
    assert (grown < 0).tolist() == improved
    a, b, c, both = np.where(improved, 0, grown)
    np.testing.assert_allclose(table["permutation_percent"][:3], 100 * np.array([a, b, c]) / (a + b + c))
    # Groups are `b + c`, and a alone.
    assert table["permutation_percent"][3] == pytest.approx(100 * both / (both + a))
    np.testing.assert_allclose(table["rmse"], np.mean(np.sqrt(before)))
    for number in range(4):
        added = [np.sqrt(after[fold, number]) - np.sqrt(before[fold]) for fold in range(5)]
        assert table["rmse_growth"][number] == pytest.approx(fmean(added))
        assert table["rmse_growth_sd"][number] == pytest.approx(stdev(added))


@pytest.mark.filterwarnings("error")
def test_a_group_can_matter_where_none_of_its_members_does() -> None:
    """Two copies of what matters less elsewhere: without half of it errors are smaller, without all of it larger."""
    x = np.random.default_rng(11).normal(size=(SIDE * SIDE, 1))
    found = changing(rows(np.tile(x, 2), np.zeros(len(x))), 0, [1, 0.05, 0.05, 0.05, 0.05])
    table = importance_table(model(found, LINEAR), found, LINEAR, [["a", "b"]], 1)
    np.testing.assert_array_equal(table["permutation_percent"], [np.nan, np.nan, 100])


@pytest.mark.filterwarnings("error")
def test_a_model_that_ignores_everything_has_no_shares() -> None:
    found = replace(independent([1, 1]), y=np.full(SIDE * SIDE, 0.2))
    table = importance_table(model(found, LINEAR), found, LINEAR, [], 1)
    assert table["permutation_percent"].isna().all()
    np.testing.assert_allclose(table["rmse_growth"], 0, atol=1e-12)


def test_importances_depend_on_the_seed_alone() -> None:
    found = independent([2, 1], noise=0.5)
    made = model(found, FOREST)
    first, again, other = (
        importance_table(made, found, replace(FOREST, seed=seed), [["a", "b"]], threads)
        for seed, threads in ((1, 1), (1, 2), (2, 1))
    )
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert (first["rmse_growth"] != other["rmse_growth"]).all()


# Partial dependence


@pytest.mark.parametrize(
    "estimator", [LinearRegression(), RandomForestRegressor(20, min_samples_leaf=3, random_state=1)], ids=str
)
def test_partial_dependence_is_that_of_scikit_learn(estimator: object) -> None:
    random = np.random.default_rng(9)
    x = random.normal(size=(200, 3)).astype(np.float32)
    estimator.fit(x, x[:, 0] - x[:, 1] ** 2)
    values, options = np.linspace(-4, 4, 21), {"method": "brute", "kind": "average"}
    for column in range(3):
        expected = inspection.partial_dependence(estimator, x, [column], custom_values={column: values}, **options)
        found = partial_dependence(estimator, x, column, values)
        np.testing.assert_allclose(found, expected["average"][0], rtol=1e-6, atol=1e-9)


def test_partial_dependence_is_of_the_mean() -> None:
    """Of skewed noise, a quantile forest's own prediction, the median, would be too low."""
    random = np.random.default_rng(10)
    x = random.normal(size=(600, 1)).astype(np.float32)
    y = x[:, 0] + random.gamma(0.3, 3, len(x))
    forest = fit(FOREST, x, y)
    values = np.array([-0.5, 0.5])
    found = partial_dependence(forest, x, 0, values)
    mean = RandomForestRegressor.predict(forest, values[:, None].astype(np.float32))
    np.testing.assert_allclose(found, mean)
    assert (found > forest.predict(values[:, None].astype(np.float32)) + 0.2).all()


def test_dependence_goes_beyond_the_training_rows_where_a_forest_is_flat() -> None:
    found = independent([1, -0.5], noise=0.1)
    found = replace(found, trained=(np.abs(found.x) < 2).all(axis=1))
    table = dependence_table(model(found, FOREST), found, {"a": "1", "b": "K"}, 7)
    assert " ".join(table) == "method predictor unit value prediction minimum p05 p95 maximum"
    assert table["predictor"].tolist() == ["a"] * DEPENDENCE_VALUES + ["b"] * DEPENDENCE_VALUES
    assert table["unit"].tolist() == ["1"] * DEPENDENCE_VALUES + ["K"] * DEPENDENCE_VALUES
    for number, (_, rows_of) in enumerate(table.groupby("predictor")):
        x, ends = found.x[found.trained, number].astype(float), ["minimum", "p05", "p95", "maximum"]
        np.testing.assert_allclose(rows_of.iloc[0][ends].astype(float), np.quantile(x, [0, 0.05, 0.95, 1]))
        beyond = DEPENDENCE_MARGIN * np.ptp(x)
        np.testing.assert_allclose(rows_of["value"].iloc[[0, -1]], [x.min() - beyond, x.max() + beyond])
        assert (np.diff(rows_of["value"]) > 0).all()
        below, above = (rows_of["prediction"][end] for end in (rows_of["value"] < x.min(), rows_of["value"] > x.max()))
        assert min(len(below), len(above)) > 1
        assert below.nunique() == above.nunique() == 1
        rise = above.iloc[0] - below.iloc[0]
        assert rise * (1, -1)[number] > 1


def test_dependence_is_averaged_over_a_sample_of_the_training_rows() -> None:
    """The mean of a linear model at a value moves with the mean of the rows' other predictors, which seeds draw."""
    found = independent([1, 1])
    made = model(found, LINEAR)
    first, again, other = (dependence_table(made, found, {"a": "1", "b": "1"}, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    of_a = [table[table["predictor"] == "a"] for table in (first, other)]
    shifts = [(table["prediction"] - table["value"]).to_numpy() for table in of_a]
    for shift in shifts:
        np.testing.assert_allclose(shift, shift[0], atol=1e-5)
        assert abs(shift[0] - found.x[:, 1].mean()) < 4 / np.sqrt(DEPENDENCE_ROWS)
    assert shifts[0][0] != shifts[1][0]


@pytest.mark.filterwarnings("error")
def test_dependence_on_a_constant_is_a_point() -> None:
    found = independent([1, 1])
    found.x[:, 1] = 0.5
    table = dependence_table(model(found, LINEAR), found, {"a": "1", "b": "1"}, 1)
    constant = table[table["predictor"] == "b"]
    assert (constant["value"] == 0.5).all()
    assert (constant["prediction"] == constant["prediction"].iloc[0]).all()
