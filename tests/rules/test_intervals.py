"""Rules that make and check intervals, on a small region: calibration, blocks, coverage, the merged target."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rule_bench import CONFIG, REGION, RUN, Bench
from small_region import (
    BLOCKS,
    CELLS,
    LARGE,
    LARGE_BOX,
    RAW,
    RELIABILITY,
    USE,
    fitted,
    moisture,
    region_cells,
    sample_table,
    stack,
    write_cells,
    write_model,
    write_reliability,
    write_sample_table,
    write_stack,
    write_stacks,
)

from kilomoist.files import read_json, write_json
from kilomoist.grids import CELL_SIDE, M01, M09, Window
from kilomoist.learning.details import pixel_detail
from kilomoist.learning.learners import LearnerSettings, impurity_importance
from kilomoist.learning.models import Model, save
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.calibration import MIN_ROWS, absolute_errors, calibrate, detail_errors
from kilomoist.mapping.error_scale_ratio import error_scale_ratio
from kilomoist.mapping.intervals import Calibration, block_offsets
from kilomoist.mapping.merging import merge_target
from kilomoist.rasters import mosaic, read_raster, write_raster
from kilomoist.regions import blocks_of

CALIBRATION = {
    "interval": 0.9,
    "scale": 1.5,
    "addition": 0.0,
    "error_scale_ratio": 0.5,
    "least_spread": 0.001,
    "rows": 110,
}


def write_trained(bench: Bench, method: str, cells: Window = CELLS) -> None:
    write_cells(bench.path(f"{RUN}/cells.tif"), cells)
    write_sample_table(bench.path(f"{RUN}/samples.parquet"), cells)
    write_model(bench.path(f"{RUN}/model.skops"), method)
    write_reliability(bench.path(f"{RUN}/tables/agreement.csv"))


def test_calibrate_intervals(bench: Bench) -> None:
    """The errors of `detail` are counted; `absolute` has too few coarse cells here, and gets no interval."""
    write_stacks(bench.path, RUN)
    write_trained(bench, "detail")
    outputs = [f"{RUN}/protocols/intervals.{kind}" for kind in ("json", "parquet")]
    bench.run("calibrate_intervals", *outputs)
    calibration = Calibration(**read_json(bench.folder / outputs[0]))
    errors = pd.read_parquet(bench.folder / outputs[1])
    settings = LearnerSettings("random_forest", 10, 2021, 5)
    expected, least = detail_errors(region_cells(), settings, fitted("detail"), True, 0.9, 0.5)
    pd.testing.assert_frame_equal(errors[list(expected.table)], expected.table)
    assert (calibration.interval, calibration.rows) == (0.9, len(errors))
    # Fewer than are needed: the small region's calibration has no scale.
    assert (calibration.scale is None) == (len(errors) < MIN_ROWS)
    assert calibration.least_spread == pytest.approx(least)
    assert calibration.error_scale_ratio > 0
    assert {"lower", "upper", "fold", *USE} <= set(errors)


def test_calibrate_intervals_of_too_small_a_region(bench: Bench) -> None:
    write_stacks(bench.path, RUN)
    write_trained(bench, "absolute")
    outputs = [f"{RUN}/protocols/intervals.{kind}" for kind in ("json", "parquet")]
    bench.run("calibrate_intervals", *outputs)
    assert Calibration(**read_json(bench.folder / outputs[0])).scale is None
    assert pd.read_parquet(bench.folder / outputs[1]).empty


def large_roughness(model: Model) -> float:
    """ρ of the large region: of what repeats, RELIABILITY, of the details at 1 km, all blocks at once."""
    cells, pixels, bands = region_cells(LARGE), LARGE.refined(CELL_SIDE), stack(LARGE)
    fine = pixel_detail(np.stack([bands[name] for name in USE]), pixels, cells.filled(), CELL_SIDE)
    repeated = RELIABILITY * fine[:, np.isfinite(fine).all(axis=0)].var(axis=1, dtype=float)
    return error_scale_ratio(cells, repeated, impurity_importance(model.estimator, len(USE)), 0.5, model.ratio)


@pytest.mark.parametrize(
    ("method", "ratio", "reconciled"),
    [("detail", 4, True), ("detail", 2, False), ("absolute", 4, True), ("absolute", 4, False)],
)
def test_calibrate_intervals_of_a_large_region(bench: Bench, method: str, ratio: int, reconciled: bool) -> None:
    """With enough errors for a scale; they are smaller at 1 km unless a map was learned at 9 km and left so."""
    bench.config = CONFIG | {
        "regions": [{"name": REGION, "bbox": LARGE_BOX}],
        "map": {"block": 14, "reconcile": reconciled},
    }
    write_stacks(bench.path, RUN, blocks_of(LARGE, 14))
    write_trained(bench, method, LARGE)
    model = replace(fitted(method), ratio=ratio)
    save(bench.path(f"{RUN}/model.skops"), model)
    outputs = [f"{RUN}/protocols/intervals.{kind}" for kind in ("json", "parquet")]
    bench.run("calibrate_intervals", *outputs)
    settings, scale_ratio = LearnerSettings("random_forest", 10, 2021, 5), large_roughness(model)
    given = (model, reconciled, 0.9, 0.5)
    if method == "detail":
        errors, least = detail_errors(region_cells(LARGE), settings, *given)
    else:
        errors, least = absolute_errors(region_cells(LARGE), sample_table(LARGE), settings, TuningOptions(5), *given)
    assert 0.1 < scale_ratio < 0.9
    expected = calibrate(errors, 0.9, scale_ratio if method == "detail" or reconciled else 1.0, least)
    found = Calibration(**read_json(bench.folder / outputs[0]))
    assert found.scale is not None
    assert found.rows == expected.rows >= MIN_ROWS
    assert (found.addition > 0) == (method == "absolute")
    for name in ("interval", "scale", "addition", "least_spread"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name
    assert found.error_scale_ratio == pytest.approx(expected.error_scale_ratio, abs=2e-6)


@pytest.mark.parametrize("method", ["absolute", "detail"])
def test_bound_block(bench: Bench, method: str) -> None:
    block = BLOCKS["r001c001"]
    write_stack(bench.path(f"{RUN}/blocks/r001c001/predictors.tif"), block)
    write_trained(bench, method)
    write_json(bench.path(f"{RUN}/protocols/intervals.json"), CALIBRATION)
    bench.run("bound_block", f"{RUN}/blocks/r001c001/interval.tif")
    bands, window = mosaic([bench.folder / f"{RUN}/blocks/r001c001/interval.tif"], M01)
    assert window == block.refined(9)
    bands_of = stack(block)
    predictors = np.stack([bands_of[name] for name in USE])
    if method == "detail":
        predictors = pixel_detail(predictors, window, region_cells(), CELL_SIDE, RELIABILITY)
    valid = np.isfinite(predictors).all(axis=0)
    expected = block_offsets(fitted(method), predictors[:, valid].T.astype(np.float32), Calibration(**CALIBRATION))
    for name, side in zip(("below", "above"), expected, strict=True):
        assert np.array_equal(np.isfinite(bands[name]), valid)
        np.testing.assert_allclose(bands[name][valid], side, atol=1e-6)
        assert (bands[name][valid] > 0).all()


def test_measure_coverage(bench: Bench) -> None:
    """Of the rows one scale up by fold and class; nothing is simulated here, so that there is no truth."""
    write_stacks(bench.path, RUN)
    errors = pd.DataFrame({"observed": [0.1, 0.2, 0.3, 0.4], "lower": [0.0, 0.1, 0.31, 0.3], "upper": 0.5})
    errors = errors.assign(fold=[0, 0, 1, 1], ndvi=[0.1, 0.3, 0.3, 0.7])
    errors.to_parquet(bench.path(f"{RUN}/protocols/intervals.parquet"))
    ends = {"soil_moisture": RAW, "lower": RAW - np.float32(0.1), "upper": RAW + np.float32(0.1)}
    write_raster(bench.path(f"{RUN}/soil_moisture.tif"), ends, M01, CELLS.refined(9), {})
    bench.run("measure_coverage", f"{RUN}/tables/coverage.csv")
    table = pd.read_csv(bench.folder / f"{RUN}/tables/coverage.csv").set_index("group")
    assert set(table["support"]) == {"9 km, one scale up"}
    assert table["coverage"].to_dict() == {
        "all": 0.75,
        "fold 0": 1.0,
        "fold 1": 0.5,
        "ndvi below 0.2": 1.0,
        "ndvi 0.2 to 0.4": 0.5,
        "ndvi 0.6 and above": 1.0,
    }
    assert (table["nominal"] == 0.9).all()


def test_weigh_target(bench: Bench) -> None:
    bench.config = CONFIG | {"target_error": 0.02, "map": CONFIG["map"] | {"reconcile": "warranted"}}
    write_trained(bench, "detail")
    bench.run("merge_target", f"{RUN}/merged_cells.tif")
    bands, tags = read_raster(bench.folder / f"{RUN}/merged_cells.tif")
    samples, settings = sample_table(), LearnerSettings("random_forest", 10, 2021)
    expected = merge_target(region_cells(), samples, USE, settings, TuningOptions(5), 0.02)
    np.testing.assert_allclose(bands["target"], expected.goal)
    assert float(tags["target_weight"]) == pytest.approx(expected.weight, abs=1e-6)
    assert float(tags["target_error"]) == pytest.approx(expected.error, abs=1e-6)
    before, _ = mosaic([bench.folder / f"{RUN}/cells.tif"], M09)
    assert {name for name in before if not np.array_equal(bands[name], before[name], equal_nan=True)} == {"target"}
    assert np.abs(bands["target"] - moisture(CELLS)).max() > 0
