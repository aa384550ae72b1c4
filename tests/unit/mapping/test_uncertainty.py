"""Intervals of the map: conformal errors one scale up, how they shrink, and what the target's own error does."""

import math
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter
from scipy.stats import norm
from witnesses import SHARED, with_witnesses

from kilomoist.cells import block_mean, coarsen, interpolate
from kilomoist.evaluation.assessments import Scored
from kilomoist.evaluation.coverage import (
    PixelClasses,
    cell_intervals,
    coverage_rows,
    interval_scores,
    pixel_intervals,
    vegetation_classes,
    with_target_error,
)
from kilomoist.files import read_table
from kilomoist.grids import M01, M09, Window
from kilomoist.learning.absolute import fit_absolute, tune_absolute
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import Cells, reconciled_detail
from kilomoist.learning.details import detail as detail_of
from kilomoist.learning.learners import LearnerSettings, fit, predict_mean
from kilomoist.learning.models import Model
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.tuning import TuningOptions, fit_small
from kilomoist.mapping import calibration
from kilomoist.mapping.maps import CellErrors, interval_block
from kilomoist.mapping.merging import MergedTarget, merge_weighed, weigh
from kilomoist.rasters import write_raster
from kilomoist.reconciliation import reconcile
from kilomoist.reporting.verdicts import verdict_of

WINDOW = Window(200, 2900, 48, 48)
FOREST = LearnerSettings("random_forest", 30, 1, 10)
FULL_DEPTH = LearnerSettings("random_forest", 50, 1, 3)
RECONCILED = calibration.MapSettings(True, 0.9, 0.5)


def smooth(seed: int, shape: tuple[int, int], width: float) -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), width)
    return field / field.std()


def rmse(values: ArrayLike, truth: ArrayLike) -> float:
    return float(np.sqrt(np.mean((np.asarray(values) - np.asarray(truth)) ** 2)))


def samples_of(cells: Cells) -> pd.DataFrame:
    row, column = np.nonzero(cells.complete())
    table = pd.DataFrame({"row": row + cells.window.row, "col": column + cells.window.column})
    table["target"] = cells.target[row, column]
    for name, layer in zip(("a", "b"), cells.predictors, strict=True):
        table[name] = layer[row, column]
    return table.assign(split="train")


USE = ["a", "b"]
A, B, HIDDEN = (smooth(seed, WINDOW.shape, width) for seed, width in ((1, 6), (2, 1), (3, 1)))
CELLS = Cells(0.2 + 0.03 * A + 0.02 * B + 0.01 * HIDDEN, np.stack([A, B]), WINDOW)
"""Soil moisture that follows a smooth and a rough predictor, and something that no predictor knows."""
SAMPLES = samples_of(CELLS)


# Conformal quantiles


@pytest.mark.parametrize(
    ("n", "coverage", "expected"),
    [(8, 0.9, math.inf), (9, 0.9, 9), (10, 0.9, 10), (19, 0.9, 18), (99, 0.9, 90), (4, 0.5, 3)],
)
def test_conformal_quantile_counts_one_more_than_there_are(n: int, coverage: float, expected: float) -> None:
    """⌈(n + 1)·coverage⌉, by hand; too few scores bound nothing."""
    scores = np.random.default_rng(1).permutation(np.arange(1.0, n + 1))
    assert calibration.conformal_quantile(scores, coverage) == expected


def test_a_new_score_is_covered_as_often_as_promised() -> None:
    """Over many draws, whatever the distribution: between the nominal share and 1 / (n + 1) more."""
    random = np.random.default_rng(2)
    draws = random.exponential(size=(4000, 41)) ** 2
    covered = np.mean([draw[0] <= calibration.conformal_quantile(draw[1:], 0.9) for draw in draws])
    assert 0.9 - 3 * math.sqrt(0.09 / 4000) < covered < 0.9 + 1 / 41 + 3 * math.sqrt(0.09 / 4000)


# Spread


def test_spread_of_both_methods_follows_the_quantiles() -> None:
    random = np.random.default_rng(3)
    x = random.uniform(size=(2000, 1)).astype(np.float32)
    y = 0.2 + 0.1 * x[:, 0] * random.standard_normal(2000)
    estimator = fit(LearnerSettings("random_forest", 50, 1, 50), x, y)
    low, high = estimator.predict(x[:50], quantiles=[0.05, 0.95]).T
    mean = predict_mean(estimator, x[:50])
    absolute = Model("absolute", "random_forest", ("a",), 50, 1.0, 2000, 0, estimator)
    found = calibration.spread(absolute, x[:50], 0.9, 0.01, 0.0)
    np.testing.assert_allclose(found, [mean - low + 0.01, high - mean + 0.01])
    detail = Model("detail", "random_forest", ("a",), 50, 0.5, 2000, 40, estimator)
    below, above = calibration.spread(detail, x[:50], 0.9, 0.01, 0.0)
    np.testing.assert_allclose(below, (high - low) / 2)
    np.testing.assert_array_equal(below, above)
    assert calibration.spread(detail, x[:50], 0.9, 0.0, 7.0)[0].min() == 7.0
    assert np.corrcoef(below, x[:50, 0])[0, 1] > 0.9, "where values scatter more, more is expected"


@pytest.mark.parametrize(
    "model",
    [
        Model("detail", "random_forest", ("a",), 1, 0.0, 0, 12, None),
        Model("absolute", "linear", ("a",), 1, 1.0, 50, 0, fit(LearnerSettings("linear", 1, 1), np.eye(3), np.ones(3))),
    ],
)
def test_without_quantiles_all_places_are_alike(model: Model) -> None:
    below, above = calibration.spread(model, np.zeros((4, 3)), 0.9, 0.0, 0.0)
    assert below.tolist() == above.tolist() == [1, 1, 1, 1]


# Errors one scale up


def test_without_detail_the_errors_are_those_of_interpolation() -> None:
    """At α = 0: what B(y36) lacks, after reconciliation, never a width of zero."""
    nothing = Model("detail", "random_forest", ("a", "b"), 1, 0.0, 0, 144, None)
    errors = calibration.detail_errors(CELLS, FOREST, nothing, RECONCILED)
    found = errors.table["observed"] - errors.table["estimated"]
    expected = reconciled_detail(detail_of(CELLS.target, WINDOW, 0.5), WINDOW)
    np.testing.assert_allclose(found, expected[CELLS.complete()], atol=1e-12)
    calibrated = calibration.calibrate(errors, 0.9, 0.5)
    assert calibrated.quantile == pytest.approx(np.quantile(np.abs(found), 0.9), rel=0.01)
    offsets = calibration.block_offsets(nothing, np.array([[[0.0, 0.0, np.nan]], [[0.0, np.nan, 0.0]]]), calibrated)
    np.testing.assert_allclose(offsets["below"], [[0.5 * calibrated.quantile, np.nan, np.nan]])
    np.testing.assert_array_equal(offsets["below"], offsets["above"])


def test_errors_of_detail_are_those_of_models_that_did_not_see_the_fold() -> None:
    """A predictor that tells the target of its own cells by heart, and nothing elsewhere, gets no small errors."""
    noise = np.random.default_rng(4).standard_normal((2, *WINDOW.shape))
    useless = Cells(CELLS.target, noise, WINDOW)
    model, _ = fit_detail(CELLS, USE, FOREST, TuningOptions(10), 0.5)
    told, untold = (calibration.detail_errors(known, FOREST, model, RECONCILED) for known in (CELLS, useless))
    errors = [rmse(found.table["observed"], found.table["estimated"]) for found in (told, untold)]
    alone = reconciled_detail(detail_of(CELLS.target, WINDOW, 0.5), WINDOW)[CELLS.complete()].std()
    assert errors[0] < 0.8 * alone < 0.8 * errors[1] * 1.01


def one_scale_up(cells: Cells, model: Model, interval: float | None = None) -> pd.DataFrame:
    """RMSE of each estimate, and the skill of the map against each null model with its interval, as in the tables."""
    made = calibration.MapSettings(True, interval, 0.5)
    table = calibration.detail_errors(cells, FOREST, model, made).table
    scored = Scored.of(table, 20_000.0, 1)
    own = {name: scored.difference("detail_reconciled", name) for name in ("copied", "bilinear", "bilinear_reconciled")}
    return pd.DataFrame(own).T.assign(rmse=np.sqrt([scored.squares[name] for name in own]), n=len(scored.observed))


def test_the_map_is_scored_beside_null_models_on_the_same_rows() -> None:
    """A useful predictor beats every null model, and SMAP's cell means are those of the null models' own."""
    model, _ = fit_detail(CELLS, USE, FOREST, TuningOptions(10), 0.5)
    found = one_scale_up(CELLS, model)
    assert (found["skill_low"] > 0.1).all()
    assert found.loc["bilinear_reconciled", "rmse"] < found.loc["bilinear", "rmse"] < found.loc["copied", "rmse"]
    assert (found["n"] == CELLS.complete().sum()).all()
    table = calibration.detail_errors(CELLS, FOREST, model, RECONCILED).table
    coarse, above = coarsen(CELLS.target, WINDOW, 4, 0.5)
    places = table["row"] - WINDOW.row, table["col"] - WINDOW.column
    np.testing.assert_allclose(table["bilinear"], interpolate(coarse, above, WINDOW, 4)[places])
    np.testing.assert_allclose(table["copied"], np.kron(coarse, np.ones((4, 4)))[places])
    # Of whole coarse cells the reconciled means are SMAP's: what a map at 1 km is given of its cells.
    means = table.assign(r=table["row"] // 4, c=table["col"] // 4).groupby(["r", "c"]).mean()
    for name in ("detail_reconciled", "bilinear_reconciled"):
        np.testing.assert_allclose(means[name], means["observed"], atol=1e-8)
    np.testing.assert_array_equal(table["estimated"], table["detail_reconciled"])


@pytest.mark.parametrize("seed", [102])
def test_predictors_that_say_nothing_are_not_praised(seed: int) -> None:
    """α was chosen on the same folds: noise must not be better than no predictor for that."""
    noise = np.random.default_rng(seed).standard_normal((2, *WINDOW.shape))
    cells = Cells(CELLS.target, noise, WINDOW)
    model, _ = fit_detail(cells, USE, FOREST, TuningOptions("auto"), 0.5)
    found = one_scale_up(cells, model).loc["bilinear_reconciled"]
    assert verdict_of(found["skill"], found["skill_low"], found["skill_high"])[0] in ("equal", "cannot be told")
    assert found["skill"] < 0.02


def test_without_detail_the_map_is_the_null_model() -> None:
    few = Cells(CELLS.target[:12, :12], CELLS.predictors[:, :12, :12], Window(200, 2900, 12, 12))
    model, _ = fit_detail(few, USE, FOREST, TuningOptions(10), 0.5)
    found = calibration.detail_errors(few, FOREST, model, RECONCILED)
    np.testing.assert_array_equal(found.table["detail_reconciled"], found.table["bilinear_reconciled"])
    assert found.note == "alpha is 0, the map is SMAP, interpolated: only 9 coarse cells of 36 km where 30 are needed"
    nowhere = Cells(few.target * np.nan, few.predictors, few.window)
    empty = calibration.detail_errors(nowhere, FOREST, model, RECONCILED)
    assert empty.table.empty
    assert empty.note == "no cell has the target and every predictor"


def test_no_interval_changes_no_estimate(tmp_path: Path) -> None:
    """What is scored does not depend on whether intervals are asked for; what was restored goes with it."""
    model, _ = fit_detail(CELLS, USE, FOREST, TuningOptions(10), 0.5)
    both = [
        calibration.detail_errors(CELLS, FOREST, model, calibration.MapSettings(False, interval, 0.5))
        for interval in (0.9, None)
    ]
    names = ["estimated", "detail", "detail_reconciled", "bilinear"]
    np.testing.assert_allclose(both[0].table[names], both[1].table[names], atol=1e-9)
    np.testing.assert_array_equal(both[0].table["estimated"], both[0].table["detail"])
    both[0].write(tmp_path / "a.parquet")
    again = read_table(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(again, both[0].table)
    assert again.attrs == {"note": both[0].note, "side": 36}


def test_errors_of_absolute_count_what_reconciliation_mends() -> None:
    model, _ = fit_absolute(SAMPLES, USE, FOREST, TuningOptions(10))
    both = []
    for reconciled in (False, True):
        made = calibration.MapSettings(reconciled, 0.9, 0.5)
        errors = calibration.absolute_errors(CELLS, SAMPLES, FOREST, TuningOptions(5), model, made)
        assert errors.table["fold"].nunique() == 5
        # With `absolute` the map's score has its name too, beside the same null models.
        named = {"absolute", "absolute_reconciled", "copied", "bilinear", "bilinear_reconciled"}
        assert named <= {*errors.table}
        own = "absolute_reconciled" if reconciled else "absolute"
        np.testing.assert_array_equal(errors.table["estimated"], errors.table[own])
        assert "all of which it had seen" in errors.note
        crossed = calibration.crossed_coverage(errors, 0.9)
        inside = (crossed["observed"] >= crossed["lower"]) & (crossed["observed"] <= crossed["upper"])
        assert 0.85 < inside.mean() < 0.95
        both.append(calibration.calibrate(errors, 0.9, 1.0))
    quantiles = [calibrated.quantile for calibrated in both]
    assert None not in quantiles
    assert quantiles[1] < quantiles[0]
    margin = calibration.conformalised(SAMPLES, USE, FOREST, 0.9, 1)[0]
    assert both[0].cqr_margin == both[1].cqr_margin == pytest.approx(margin)


def test_a_region_without_coarse_cells_has_no_interval() -> None:
    few = Cells(CELLS.target[:12, :12], CELLS.predictors[:, :12, :12], Window(200, 2900, 12, 12))
    samples = samples_of(few)
    model, _ = fit_absolute(samples, USE, FOREST, TuningOptions(10))
    errors = calibration.absolute_errors(few, samples, FOREST, TuningOptions(5), model, RECONCILED)
    assert errors.table.empty
    assert calibration.crossed_coverage(errors, 0.9).empty
    calibrated = calibration.calibrate(errors, 0.9, 1.0)
    assert calibrated.errors < calibration.MIN_ERRORS
    assert calibrated.quantile is None
    offsets = calibration.block_offsets(model, np.zeros((2, 3, 1), np.float32), calibrated)
    assert np.isnan([offsets["below"], offsets["above"]]).all()


def test_quantiles_are_conformalised_on_blocks_that_models_did_not_see() -> None:
    """What CQR adds makes the share of held-out rows inside the nominal share (Romano et al. 2019, theorem 1)."""
    margin, below, above = calibration.conformalised(SAMPLES, USE, FULL_DEPTH, 0.9, 1)
    assert margin > 0, "full-depth quantiles of neighbours are too narrow in blocks that were not seen"
    x, y = SAMPLES[USE].to_numpy(np.float32), SAMPLES["target"].to_numpy()
    folds, random = spatial_folds(SAMPLES["row"].to_numpy(), SAMPLES["col"].to_numpy()), np.random.default_rng(1)
    mean = np.empty(len(y))
    for fold in np.unique(folds):
        train = np.flatnonzero(folds != fold)
        forest = fit_small(FULL_DEPTH, x, y, train, random, 1, only_mean=False)
        mean[folds == fold] = predict_mean(forest, x[folds == fold])
    inside = (y >= mean - below) & (y <= mean + above)
    assert 0.9 <= inside.mean() <= 0.9 + 2 / len(y)


def test_the_interval_of_a_fold_knows_nothing_of_its_errors() -> None:
    random = np.random.default_rng(5)
    table = pd.DataFrame({"observed": random.normal(size=500), "estimated": 0.0, "below": 1.0, "above": 1.0})
    table["fold"] = np.arange(500) % 5
    poisoned = table.assign(observed=np.where(table["fold"] == 2, 1e6, table["observed"]))
    found = [calibration.crossed_coverage(calibration.CalibrationSet(errors, 0.0), 0.9) for errors in (table, poisoned)]
    here = (table["fold"] == 2).to_numpy()
    for name in ("lower", "upper"):
        np.testing.assert_array_equal(found[0].loc[here, name], found[1].loc[here, name])
    scores = np.abs(table.loc[~here, "observed"])
    assert found[0].loc[here, "upper"].iloc[0] == calibration.conformal_quantile(scores.to_numpy(), 0.9)


# How errors shrink


def self_similar(exponent: float, seed: int = 6) -> np.ndarray:
    """Pixels of a random field with the spectrum k^−(2H + 2): variance ∝ distance^2H; H = 0: alike in every octave."""
    side = 48 * 9
    k = np.hypot(np.fft.fftfreq(2 * side)[:, None], np.fft.rfftfreq(2 * side)[None])
    k[0, 0] = np.inf
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((2 * side, 2 * side)))
    field = np.fft.irfft2(spectrum * k ** -(exponent + 1))[:side, :side]
    return 0.03 * field / field.std()


def restore(target: np.ndarray) -> np.ndarray:
    fine = interpolate(target, WINDOW, WINDOW.refined(9), 9)
    return reconcile(fine, target, 9, WINDOW, 0.5)[0]


@pytest.mark.parametrize("exponent", [0.0, 0.3, 0.6])
def test_intervals_hold_detail_that_falls_or_does_not(exponent: float) -> None:
    """The truth inside the conditional interval, of fields that differ in what lies below 9 km."""
    field = self_similar(exponent)
    target, _ = block_mean(field, 9)
    found = calibration.calibrate_interpolation(target, WINDOW, RECONCILED)
    assert found.error_scale_ratio == pytest.approx(math.sqrt(math.log(9) / math.log(4)))
    assert found.quantile is not None
    inside = np.abs(field - restore(target)) <= found.quantile * found.error_scale_ratio
    assert inside.mean() >= 0.85
    if exponent == 0:
        assert inside.mean() == pytest.approx(0.9, abs=0.03)


@with_witnesses
@pytest.mark.parametrize("half", [np.s_[:, :216], np.s_[:, 224:440]])
@pytest.mark.parametrize("name", ["SWI_005", "SWI_040"])
def test_intervals_hold_a_relative_index_of_real_soil(name: str, half: tuple[slice, slice]) -> None:
    """Copernicus soil water of one day, × 0.45 / 100: its detail does not fall, and the ratio is no fit to it."""
    with h5py.File(next((SHARED / "nature/cgls").glob("*SWI1km*.nc"))) as file:
        stored, scale = file[name][...].squeeze()[:432], float(np.ravel(file[name].attrs["scale_factor"])[0])
    field = np.where(stored <= 200, stored * scale * 0.45 / 100, np.nan)[half]
    target, count = block_mean(field, 9)
    target[count < 41] = np.nan
    window = Window(0, 0, *target.shape)
    found = calibration.calibrate_interpolation(target, window, RECONCILED)
    assert found.quantile is not None
    fine = np.where(np.isfinite(field), interpolate(target, window, window.refined(9), 9), np.nan)
    errors = (field - reconcile(fine, target, 9, window, 0.5)[0])[np.isfinite(field)]
    assert (np.abs(errors) <= found.quantile * found.error_scale_ratio).mean() >= 0.85


def test_what_lies_outside_counts_twenty_times_at_ninety_percent() -> None:
    found = interval_scores(np.array([0.2, 0.09, 0.32]), np.full(3, 0.1), np.full(3, 0.3), 0.9)
    np.testing.assert_allclose(found, [0.2, 0.4, 0.6])


def test_rougher_predictors_widen_the_interval() -> None:
    """Half of the predictors lose less of their detail than the prior says: the median of both counts."""
    deviation = detail_of(CELLS.predictors[0], WINDOW, 0.5).std(), detail_of(CELLS.predictors[1], WINDOW, 0.5).std()
    ratio = calibration.error_scale_ratio(CELLS, np.square([1.0 * deviation[0], 3.0 * deviation[1]]), 0.5)
    assert ratio == pytest.approx(2.0, rel=1e-6)
    assert calibration.error_scale_ratio(CELLS, np.full(2, np.nan), 0.5) == math.sqrt(math.log(9) / math.log(4))


@pytest.mark.parametrize("error", ["of cells", "of regions"])
@pytest.mark.parametrize("deviation", [0.01, 0.02, 0.04])
def test_the_total_interval_does_not_count_an_error_twice(error: str, deviation: float) -> None:
    """A target that errs, with errors that neighbours do not share and that they do: it is held by less."""
    field = 0.3 + self_similar(0.0)
    target, _ = block_mean(field, 9)
    target = target + deviation * smooth(11, WINDOW.shape, 0.0 if error == "of cells" else 3.0)
    found = calibration.calibrate_interpolation(target, WINDOW, RECONCILED)
    assert found.quantile is not None
    values, side = restore(target), found.quantile * found.error_scale_ratio
    offsets = {name: np.full(values.shape, side) for name in ("below", "above")}
    lower, upper, *_ = interval_block(values, offsets, CellErrors(deviation, deviation), 0.9, (-1, 2)).values()
    assert ((field >= lower) & (field <= upper)).mean() >= 0.85
    assert (upper - lower).mean() < 0.98 * 2 * math.hypot(side, norm.ppf(0.95) * deviation)


@pytest.mark.parametrize("target_error", [0.0, 0.06])
def test_both_intervals_are_checked_under_their_names(tmp_path: Path, target_error: float) -> None:
    """An exact target that is said to err by 0.06: the file's interval is wide and holds all, and the table says so."""
    field = (0.3 + self_similar(0.0)).astype(np.float32)
    target, pixels, error = block_mean(field, 9)[0], WINDOW.refined(9), CellErrors(target_error, target_error)
    nothing = Model("detail", "linear", ("target",), 1, 0.0, 0, 0, None)
    found = calibration.detail_errors(Cells(target, target[None], WINDOW), FOREST, nothing, RECONCILED)
    crossed = calibration.crossed_coverage(found, 0.9)
    calibrated = calibration.calibrate_interpolation(target, WINDOW, RECONCILED)
    assert calibrated.quantile is not None
    values, side = restore(target), calibrated.quantile * calibrated.error_scale_ratio
    offsets = {name: np.full(values.shape, side) for name in ("below", "above")}
    ends = interval_block(values, offsets, error, 0.9, (0.0, 1.0))
    write_raster(tmp_path / "interval.tif", ends, M01, pixels, {})
    write_raster(tmp_path / "truth.tif", {"soil_moisture": field}, M01, pixels, {})
    write_raster(tmp_path / "cells.tif", {"target": target}, M09, WINDOW, {})
    paths = {name: str(tmp_path / f"{file}.tif") for name, file in (("intervals", "interval"), ("cells", "cells"))}
    classes, truths = PixelClasses([paths["intervals"]], None), (str(tmp_path / "truth.tif"), None)
    shares, widths = {}, {}
    for kind, up in (("total", with_target_error(crossed, error, 0.9)), ("conditional", crossed)):
        parts = {"9 km": [cell_intervals(up, None)]}
        parts |= {
            str(truth): list(pixel_intervals(truth=truth, kind=kind, classes=classes, **paths)) for truth in truths
        }
        for (support, rows), name in zip(parts.items(), ("9 km", "1 km", "width"), strict=True):
            (row, *_) = coverage_rows(support, kind, rows, 0.9)
            shares[kind, name], widths[kind, name] = row["coverage"], row["width"]
    for name in ("9 km", "1 km"):
        assert 0.85 < shares["conditional", name] < 0.99, name
        if target_error:
            assert shares["total", name] > 0.999, name
            assert widths["total", name] > 2 * 0.06 * 1.64 > 1.5 * widths["conditional", name], name
        else:
            assert (shares["total", name], widths["total", name]) == pytest.approx(
                (shares["conditional", name], widths["conditional", name])
            )
    # Without a truth the file's widths are told all the same.
    assert np.isnan([shares["total", "width"], shares["conditional", "width"]]).all()
    assert widths["total", "width"] == pytest.approx(widths["total", "1 km"])


# The target's error


def test_the_ends_move_with_the_map_and_stay_within_bounds() -> None:
    values = np.array([[0.02, 0.3, np.nan]])
    offsets = {"below": np.array([[0.03, 0.03, np.nan]]), "above": np.array([[0.04, 0.04, np.nan]])}
    ends = list(interval_block(values, offsets, CellErrors(0.0, 0.0), 0.9, (0.0, 1.0)).values())
    np.testing.assert_allclose(ends, [[[0.0, 0.27, np.nan]], [[0.06, 0.34, np.nan]]] * 2, atol=1e-7)
    own = norm.ppf(0.95) * 0.02
    lower, upper, *conditional = interval_block(values, offsets, CellErrors(0.02, 0.02), 0.9, (0.0, 1.0)).values()
    np.testing.assert_array_equal(conditional, ends[2:])
    # By hand: two fifths of the smaller of 0.03² (0.04²) and own² are there already.
    expected = [0.3 - math.sqrt(0.6 * 0.03**2 + own**2), 0.3 + math.sqrt(0.04**2 + 0.6 * own**2)]
    assert 0.03 < own < 0.04
    assert [lower[0, 1], upper[0, 1]] == pytest.approx(expected, abs=1e-6)
    # Of merged cells little error is left: the total interval is never narrower than the conditional one.
    merged = list(interval_block(values, offsets, CellErrors(0.02, 0.001), 0.9, (0.0, 1.0)).values())
    np.testing.assert_array_equal(merged[:2], merged[2:])


def merge_noisy(true_error: float, target_error: float) -> tuple[np.ndarray, MergedTarget]:
    """The target with errors, and what is merged of it."""
    target = CELLS.target + true_error * np.random.default_rng(7).standard_normal(WINDOW.shape)
    samples = samples_of(noisy := Cells(target, CELLS.predictors, WINDOW))
    estimated = tune_absolute(samples, list(USE), FOREST, TuningOptions(10)).predicted
    return target, merge_weighed(
        noisy, samples, estimated, weigh(samples["target"].to_numpy(), estimated, target_error)
    )


def test_an_exact_target_is_kept() -> None:
    _, exact = merge_noisy(0, 0)
    np.testing.assert_allclose(exact.analysis, CELLS.target, atol=1e-12)
    assert (exact.weight, exact.error, exact.contradicted) == (1, 0, False)


@pytest.mark.parametrize("target_error", [0.015, 0.04, 0.2])
@pytest.mark.parametrize("true_error", [0.0, 0.01])
def test_an_error_that_the_data_contradict_makes_nobody_sure(target_error: float, true_error: float) -> None:
    """Target and model differ by less than was said: who errs is unknown, and how much the mean of both errs is not."""
    _, found = merge_noisy(true_error, target_error)
    assert found.contradicted
    assert found.weight == 0.5
    assert found.error == pytest.approx(rmse(found.analysis, CELLS.target), rel=0.1)


def test_weighing_brings_the_cells_closer_to_the_truth() -> None:
    """A target that errs by 0.03 and a model that errs by less: the mean of both errs least, by √w · 0.03."""
    target, found = merge_noisy(0.03, 0.03)
    errors = [rmse(values, CELLS.target) for values in (target, found.analysis)]
    assert 0 < found.weight < 1
    assert errors[1] < 0.75 * errors[0]
    assert found.error == math.sqrt(found.weight) * 0.03
    assert errors[1] == pytest.approx(found.error, rel=0.25)


# Coverage


def test_coverage_is_counted_by_group() -> None:
    observed = np.array([0.1, 0.2, 0.3, 0.4])
    lower, upper = observed - [0.1, -0.1, 0.1, 0.1], observed + 0.1
    groups = {"all": np.ones(4, bool), "first": np.arange(4) < 2, "none": np.zeros(4, bool)}
    rows = coverage_rows("9 km", "total", [(groups, observed, lower, upper)], 0.9)
    parts = [
        ({name: members[part] for name, members in groups.items()}, observed[part], lower[part], upper[part])
        for part in (np.s_[:3], np.s_[3:])
    ]
    assert [row["coverage"] for row in coverage_rows("9 km", "total", parts, 0.9)] == [row["coverage"] for row in rows]
    assert [(row["group"], row["n"], row["coverage"]) for row in rows] == [("all", 4, 0.75), ("first", 2, 0.5)]
    assert rows[0]["width"] == pytest.approx(0.15)
    # By hand: the second value lies 0.1 below its interval of no width, which costs 2 / 0.1 times as much.
    assert rows[0]["score"] == pytest.approx((0.2 + (0.0 + 20 * 0.1) + 0.2 + 0.2) / 4)


def test_the_conditional_interval_is_compared_with_a_truth_of_the_cells_means(tmp_path: Path) -> None:
    """Where SMAP errs by a constant in each cell, the pattern is right and every value is wrong."""
    cells = Window(200, 2900, 2, 3)
    pixels, errors = cells.refined(9), np.array([[0.05, -0.06, 0.07], [0.08, 0.09, -0.1]])
    values = (0.3 + 0.01 * smooth(9, pixels.shape, 2)).astype(np.float32)
    ends = {"lower": values - np.float32(0.02), "upper": values + np.float32(0.02)}
    ends |= {f"conditional_{name}": end for name, end in ends.items()}
    write_raster(tmp_path / "interval.tif", ends, M01, pixels, {})
    truth = (values + np.kron(errors, np.ones((9, 9)))).astype(np.float32)
    write_raster(tmp_path / "truth.tif", {"soil_moisture": truth}, M01, pixels, {})
    write_raster(tmp_path / "cells.tif", {"target": block_mean(values, 9)[0]}, M09, cells, {})
    write_raster(tmp_path / "stack.tif", {"ndvi": np.full(pixels.shape, 0.3, np.float32)}, M01, pixels, {})
    names, classes = ("interval.tif", "truth.tif", "cells.tif"), PixelClasses([str(tmp_path / "stack.tif")], "ndvi")
    paths = dict(zip(("intervals", "truth", "cells"), (str(tmp_path / name) for name in names), strict=True))
    for kind, covered in (("total", 0.0), ("conditional", 1.0)):
        rows = coverage_rows("1 km", kind, pixel_intervals(kind=kind, classes=classes, **paths), 0.9)
        assert [(row["group"], row["coverage"]) for row in rows] == [("all", covered), ("ndvi 0.2 to 0.4", covered)]


def test_every_value_is_in_one_class_of_vegetation() -> None:
    values = np.linspace(-0.2, 1.0, 500)
    classes = vegetation_classes("ndvi", values)
    assert list(classes) == ["ndvi below 0.2", "ndvi 0.2 to 0.4", "ndvi 0.4 to 0.6", "ndvi 0.6 and above"]
    assert (np.sum(list(classes.values()), axis=0) == 1).all()
    assert values[classes["ndvi 0.2 to 0.4"]].min() >= 0.2
