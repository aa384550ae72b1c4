"""Rules of mapping.smk on a small region: of blocks a map, its intervals and ranges, its flags and applicability."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from granule_archives import MONTH
from numpy.typing import NDArray
from rio_cogeo.cogeo import cog_validate
from rule_bench import CONFIG, REGION, RUN, Bench, make_bench
from scipy.stats import norm
from small_region import (
    BLOCKS,
    CELLS,
    LARGE,
    LARGE_BOX,
    RAW,
    RELIABILITY,
    TAGS,
    USE,
    fitted,
    moisture,
    predictors,
    region_cells,
    sample_table,
    stack,
    write_cells,
    write_raw,
    write_stack,
    write_stacks,
    write_trained,
)
from workflow_runs import block_mean, values

from kilomoist.files import read_json, write_json
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.learning.details import pixel_detail
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model, save
from kilomoist.learning.predictions import model_tags, predict_map
from kilomoist.learning.training_folds import spatial_folds
from kilomoist.learning.training_rows import learned_rows
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.applicability import applicability, learn_applicability, write_applicability
from kilomoist.mapping.calibration import (
    MIN_ERRORS,
    Calibration,
    MapSettings,
    absolute_errors,
    block_offsets,
    calibrate,
    detail_errors,
    error_scale_ratio,
)
from kilomoist.mapping.merging import merge_weighed, weigh
from kilomoist.mapping.shifts import ShiftCount, learned_range
from kilomoist.rasters import mosaic, read_raster, read_run, read_tags, write_raster
from kilomoist.regions import blocks_of

FOLDER, BLOCK = f"{RUN}/blocks/r001c001", BLOCKS["r001c001"].refined(9)
"""The second block in the second row: where its files lie, and its pixels."""
MAP_TAGS = TAGS | model_tags(fitted("detail"))
REACH = {"below": 0.02, "above": 0.03}
"""Of the intervals, m³/m³."""


def bands_of_block(bench: Bench, rule: str, *outputs: str) -> dict[str, np.ndarray]:
    """What a rule makes of the block; its first output is a raster."""
    write_stack(bench.path(f"{FOLDER}/predictors.tif"), BLOCKS["r001c001"])
    bench.run(rule, *(f"{FOLDER}/{name}" for name in outputs))
    bands, window = mosaic([bench.folder / FOLDER / outputs[0]], M01)
    assert window == BLOCK
    return bands


@pytest.mark.parametrize("method", ["absolute", "detail"])
def test_predict_block(bench: Bench, method: str) -> None:
    """A part of the map of the whole region."""
    write_trained(bench.path, method)
    bands = bands_of_block(bench, "predict_block", "raw_map.tif")
    pixels = CELLS.refined(9)
    expected = predict_map(fitted(method), predictors(CELLS), pixels, region_cells(), 9, RELIABILITY)
    np.testing.assert_allclose(bands["soil_moisture"], expected[BLOCK.within(pixels)], atol=1e-6)


WEIGHTED = np.linspace(0.1, 0.9, CELLS.rows * CELLS.columns).reshape(CELLS.shape)
"""Weights of the target in merged cells."""


def write_analysis(bench: Bench, reconcile: bool | str, month: str = MONTH) -> None:
    """The cells that the map is held to."""
    run = f"results/{REGION}/{month}"
    write_cells(bench.path(f"{run}/cells.tif"))
    if reconcile == "warranted":
        bench.config = CONFIG | {"map": CONFIG["map"] | {"reconcile": reconcile}}
        bands, tags = read_raster(bench.folder / f"{run}/cells.tif")
        tags |= {"target_weight": "0.25", "target_error": "0.017"}
        write_raster(bench.path(f"{run}/merged_cells.tif"), bands | {"target_weight": WEIGHTED}, M09, CELLS, tags)


MAP = [f"{RUN}/{name}" for name in ("soil_moisture.tif", "correction.tif", "target_weight_9km.tif")]
MAP += [f"{RUN}/tables/full/maps.parquet"]


@pytest.mark.parametrize("reconcile", [True, False, "warranted"])
def test_assemble_map(bench: Bench, reconcile: bool | str) -> None:
    bench.config = CONFIG | {"map": CONFIG["map"] | {"reconcile": reconcile}}
    write_raw(bench.path, RUN)
    write_analysis(bench, reconcile)
    write_stack(bench.path(f"{RUN}/predictors.tif"), CELLS)
    coarse = {"soil_moisture": moisture(CELLS).astype(np.float32)}
    write_raster(bench.path(f"{RUN}/soil_moisture_9km.tif"), coarse, M09, CELLS, {})
    bench.run("assemble_map", *MAP)

    made, kept = values(bench.folder / MAP[0]), (block_mean(RAW)[1] >= 40.5) & bool(reconcile)
    assert np.array_equal(np.isfinite(made), np.isfinite(RAW))
    if reconcile:
        assert np.abs(block_mean(made)[0] - moisture(CELLS))[kept].max() < 1e-6
    else:
        np.testing.assert_allclose(made, RAW, atol=1e-7)
    assert_cloud_optimized(bench.folder / MAP[0], "float32")
    bands, window = mosaic([bench.folder / MAP[1]], M09)
    assert window == CELLS
    assert list(bands) == ["correction", "reconciled"]
    assert np.array_equal(bands["reconciled"] > 0, kept)
    assert (np.abs(bands["correction"]).max() > 0.01) == bool(reconcile)
    assert np.isfinite(bands["correction"]).all()
    weights, tags = read_raster(bench.folder / MAP[2])
    assert cog_validate(bench.folder / MAP[2], quiet=True)[:2] == (True, [])
    assert tags["meaning"].startswith("weight w of the target's own value")
    target, _ = mosaic([bench.folder / f"{RUN}/cells.tif"], M09, ["target"])
    own = np.where(kept, WEIGHTED if reconcile == "warranted" else 1.0, 0.0)
    own[~np.isfinite(target["target"])] = np.nan
    np.testing.assert_allclose(weights["target_weight"], own, atol=1e-6)
    ranges = pd.read_parquet(bench.folder / MAP[3])
    assert ranges["map"].tolist() == ["9 km", "9 km where mapped", "1 km"]
    assert ranges["label"].tolist() == ["SMAP, 9 km", "SMAP, 9 km, where mapped", "map, 1 km"]
    assert list(ranges)[2:6] == ["n", "minimum", "maximum", "mean"]
    assert ranges.loc[2, "mean"] == pytest.approx(np.nanmean(made), abs=1e-6)
    assert ranges.loc[0, "n"] == CELLS.rows * CELLS.columns
    assert 1 <= ranges.loc[2, "effective_resolution"] <= 18
    assert ranges.loc[:1, "effective_resolution"].isna().all()


@pytest.mark.parametrize(("reconcile", "target_error"), [(True, 0.06), ("warranted", 0.017)])
def test_intervals_are_assembled(bench: Bench, reconcile: bool | str, target_error: float) -> None:
    """Around the map: 0.06 m³/m³ is what is known of SMAP; with a merged target it is the error that is left of it."""
    write_verdicts(bench)
    write_analysis(bench, reconcile)
    path = bench.folder / f"{RUN}/interval.tif"
    bench.run("assemble_quality", *QUALITY)

    assert_cloud_optimized(path, "float32")
    own = norm.ppf(0.95) * target_error
    for name, sign, side in (("lower", -1, "below"), ("upper", 1, "above")):
        reach = REACH[side] ** 2
        half = np.sqrt(max(reach, reach - 0.4 * min(reach, (norm.ppf(0.95) * 0.04) ** 2) + own**2))
        total, conditional = RAW + sign * half, RAW + sign * REACH[side]
        np.testing.assert_allclose(values(path, name), np.clip(total, 0, 1), atol=1e-6)
        np.testing.assert_allclose(values(path, f"conditional_{name}"), np.clip(conditional, 0, 1), atol=1e-6)
    left = "0.017" if reconcile == "warranted" else "0.06"
    tags = read_tags(path)
    assert (tags["interval"], tags["target_error"]) == ("0.9", "0.06 m3 m-3")
    assert tags["target_error_left"] == f"{left} m3 m-3"


def assert_cloud_optimized(path: Path, dtype: str) -> None:
    """A COG of the grid that says of what run it is and how the map was made."""
    assert cog_validate(path, quiet=True)[:2] == (True, [])
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 6933
        assert set(file.dtypes) == {dtype}
        assert (file.tags()["method"], file.tags()["alpha"]) == ("detail", "0.5000")
    assert read_run(path) == TAGS


WEIGHTS = {"ndvi": 50.0, "evi": 0.0, "lst_day": 50.0}
CALIBRATION = Calibration(0.9, quantile=1.5, cqr_margin=0.0, error_scale_ratio=0.5, min_spread=0.001, errors=110)


def judged(bench: Bench, model: Model) -> tuple[dict[str, np.ndarray], dict[str, str], list[dict[str, Any]]]:
    """What `judge_block` says of the block: bands, tags and counts."""
    write_trained(bench.path)
    weights = [(method, *weight) for method in ("absolute", "detail") for weight in WEIGHTS.items()]
    importance = pd.DataFrame(weights, columns=["method", "predictor", "permutation_percent"])
    rows = {method: learned_rows(method, sample_table(), region_cells(), USE, 0.5) for method in ("absolute", "detail")}
    learned = learn_applicability(model, rows, importance.assign(entry="predictor"), USE, 2021)
    write_applicability(bench.path(f"{RUN}/applicability.npz"), *learned)
    save(bench.path(f"{RUN}/model.skops"), model)
    write_json(bench.path(f"{RUN}/protocols/intervals.json"), asdict(CALIBRATION))
    intervals = ["interval.tif"] if bench.config["map"].get("interval", 0.9) else []
    bands = bands_of_block(bench, "judge_block", "applicability.tif", "shift.json", *intervals)
    assert list(bands) == ["dissimilarity", "outside_range"]
    folder = bench.folder / FOLDER
    return bands, read_tags(folder / "applicability.tif"), read_json(folder / "shift.json")


@pytest.mark.parametrize("method", ["absolute", "detail"])
def test_judge_block(bench: Bench, method: str) -> None:
    """In the space that the model sees: values, or deviations made from the whole region's cells."""
    bands, tags, shift = judged(bench, fitted(method))
    cells, seen = region_cells(), predictors(BLOCKS["r001c001"])
    valid = np.isfinite(seen).all(axis=0)
    rows = learned_rows(method, sample_table(), cells, USE, 0.5)
    folds = spatial_folds(rows.row[rows.trained], rows.column[rows.trained])
    known = applicability(rows.x[rows.trained], folds, np.array(list(WEIGHTS.values())), 2021)
    seen = (seen if method == "absolute" else pixel_detail(seen, BLOCK, cells, 9, RELIABILITY))[:, valid].T
    np.testing.assert_allclose(bands["dissimilarity"][valid], known.dissimilarity(seen), rtol=1e-6)
    np.testing.assert_array_equal(bands["outside_range"][valid], known.outside_range(seen))
    assert np.isnan([band[~valid] for band in bands.values()]).all()
    assert float(tags["threshold"]) == pytest.approx(known.threshold)
    assert float(tags["mean_distance"]) == pytest.approx(known.mean_distance, rel=1e-5)
    assert (tags["method"], tags["weights"]) == (method, "ndvi 50, evi 0, lst_day 50")
    spaces = ["value"] if method == "absolute" else ["value", "deviation"]
    assert [(part["space"], part["predictor"]) for part in shift] == [(space, name) for space in spaces for name in USE]
    count = ShiftCount(learned_range(spaces[-1], "ndvi", rows.x[rows.trained][:, 0]))
    count.add(seen[:, 0])
    assert shift[-3] == count.counts()
    assert shift[0]["training"]["n"] == (rows.trained.sum() if method == "absolute" else len(sample_table()))


@pytest.mark.parametrize("method", ["absolute", "detail"])
def test_judge_block_bounds_the_map(bench: Bench, method: str) -> None:
    judged(bench, fitted(method))
    bands, _ = mosaic([bench.folder / FOLDER / "interval.tif"], M01)
    seen = predictors(BLOCKS["r001c001"])
    if method == "detail":
        seen = pixel_detail(seen, BLOCK, region_cells(), CELL_SIDE, RELIABILITY)
    valid = np.isfinite(seen).all(axis=0)
    for name, side in block_offsets(fitted(method), seen, CALIBRATION).items():
        assert np.array_equal(np.isfinite(bands[name]), valid)
        np.testing.assert_allclose(bands[name], side, atol=1e-6)
        assert (bands[name][valid] > 0).all()


def test_judge_block_without_intervals_needs_no_model(bench: Bench) -> None:
    with_intervals = judged(bench, fitted("detail"))
    shutil.rmtree(bench.folder / FOLDER)
    for log in bench.folder.glob("results/logs/judge_block/**/*.log"):
        log.unlink()
    for timed in bench.folder.glob("results/benchmarks/judge_block/**/*.tsv"):
        timed.unlink()
    bench.config = CONFIG | {"map": CONFIG["map"] | {"interval": None}}
    bands, tags, shift = judged(bench, fitted("detail"))
    for name, band in bands.items():
        np.testing.assert_array_equal(band, with_intervals[0][name])
    assert (tags, shift) == with_intervals[1:]


@pytest.mark.parametrize("estimator", [True, False])
def test_judge_block_where_no_predictor_is_used(bench: Bench, estimator: bool) -> None:
    model = replace(fitted("detail"), alpha=0.0, **({} if estimator else {"estimator": None}))
    bands, tags, shift = judged(bench, model)
    valid = np.isfinite(predictors(BLOCKS["r001c001"])).all(axis=0)
    for band in bands.values():
        np.testing.assert_array_equal(band, np.where(valid, 0, np.nan))
    assert tags["note"] == "alpha is 0: the map uses no predictor, and nothing is outside"
    assert float(tags["threshold"]) == 0
    assert [part["space"] for part in shift] == ["value"] * 3


CLASSES = f"{RUN}/quality_class.tif"
QUALITY = [f"{RUN}/{name}.tif" for name in ("quality", "applicability")]
QUALITY += [f"{RUN}/tables/full/{name}.parquet" for name in ("quality", "shift", "shift_histograms")]
QUALITY += [CLASSES, f"{RUN}/interval.tif"]


def write_verdicts(bench: Bench, month: str = MONTH) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All that is assembled; the region's dissimilarity, what is out of range, and the reconciled cells."""
    run = f"results/{REGION}/{month}"
    write_raster(bench.path(f"{run}/soil_moisture.tif"), {"soil_moisture": RAW}, M01, CELLS.refined(9), MAP_TAGS)
    write_analysis(bench, reconcile=True, month=month)
    write_stacks(bench.path, run)
    random = np.random.default_rng(11)
    pixels, valid = CELLS.refined(9), np.isfinite(RAW)
    index = np.where(valid, random.uniform(0, 0.5, pixels.shape), np.nan).astype(np.float32)
    outside = np.where(valid, random.random(pixels.shape) < 0.1, np.nan).astype(np.float32)
    tags = TAGS | {"month": month, "method": "detail", "model": "random_forest", "alpha": "0.5000"}
    tags |= {"threshold": "0.4", "mean_distance": "2", "weights": "ndvi 1"}
    for name, window in BLOCKS.items():
        here = window.refined(9).within(pixels)
        path = bench.path(f"{run}/blocks/{name}/applicability.tif")
        bands = {"dissimilarity": index[here], "outside_range": outside[here]}
        write_raster(path, bands, M01, window.refined(9), tags)
        sides = {side: np.full(window.refined(9).shape, reach, np.float32) for side, reach in REACH.items()}
        write_raster(bench.path(f"{run}/blocks/{name}/interval.tif"), sides, M01, window.refined(9), {})
        count = ShiftCount(learned_range("value", "ndvi", sample_table()["ndvi"].to_numpy()))
        count.add(stack(CELLS)["ndvi"][here][valid[here]])
        write_json(bench.path(f"{run}/blocks/{name}/shift.json"), [count.counts()])
    kept = block_mean(RAW)[1] >= 40.5
    correction = {"correction": np.zeros(CELLS.shape), "reconciled": kept.astype(float)}
    write_raster(bench.path(f"{run}/correction.tif"), correction, M09, CELLS, {})
    return index, outside > 0, kept


def test_assemble_quality(bench: Bench) -> None:
    index, outside, kept = write_verdicts(bench)
    log = bench.run("assemble_quality", *QUALITY)
    assert "radiometer on" not in log
    paths = [bench.folder / name for name in QUALITY]
    flags, valid = values(paths[0], "quality"), np.isfinite(RAW)
    assert np.array_equal(flags == 128, ~valid)
    expected = {
        1: outside,
        2: index > 0.4,
        4: stack(CELLS)["lst_day_days"] < 6,
        8: stack(CELLS)["water"] > 0.05,
        16: ~np.kron(kept, np.ones((9, 9), bool)),
        32: np.False_,
        64: np.False_,
    }
    for bit, where in expected.items():
        assert np.array_equal(flags & bit > 0, where & valid), bit
    assert_cloud_optimized(paths[0], "uint8")
    assert_cloud_optimized(paths[1], "float32")
    with rasterio.open(paths[0]) as file:
        assert file.tags()["bit_5"] == "frozen"
        assert file.tags()["days_without_radiometer"] == "0"
        assert file.colormap(1)[4] == (0xF0, 0xE4, 0x42, 255)
    classes = values(bench.folder / CLASSES, "quality_class")
    with rasterio.open(bench.folder / CLASSES) as file:
        meanings = [file.tags()[f"class_{number}"] for number in range(9)]
        assert not any(tag.startswith("bit_") for tag in file.tags())
        assert file.colormap(1)[2] == (0xF0, 0xE4, 0x42, 255)
    assert (meanings[0], meanings[2], meanings[8]) == ("no flag", "few observations", "no value")
    assert np.array_equal(classes == 8, ~valid)
    assert np.array_equal(classes == 0, flags == 0)
    assert np.array_equal(classes == 6, (flags & 8) > 0)  # water, snow or ice: more severe than what else is set
    assert np.array_equal(classes == 2, flags == 4)
    assert_cloud_optimized(bench.folder / CLASSES, "uint8")
    np.testing.assert_array_equal(values(paths[1], "dissimilarity"), index)
    share = (index <= 0.4)[valid].mean()
    with rasterio.open(paths[1]) as file:
        assert np.isnan(file.nodata)
        assert (file.tags()["threshold"], file.tags()["weights"]) == ("0.4", "ndvi 1")
        assert float(file.tags()["share_inside"]) == pytest.approx(share, abs=1e-6)
    table = pd.read_parquet(paths[2]).set_index("flag")
    assert table.loc["outside the area of applicability", "share"] == pytest.approx(1 - share)
    assert table.loc["no flag", "pixels"] == (flags == 0).sum()
    summary, histograms = pd.read_parquet(paths[3]), pd.read_parquet(paths[4])
    assert summary["support"].tolist() == ["9 km", "1 km"]
    assert summary.loc[1, "n"] == valid.sum() == histograms["pixels"].sum()
    ndvi = stack(CELLS)["ndvi"][valid]
    assert summary.loc[1, "maximum"] == pytest.approx(ndvi.max())
    lowest, highest = sample_table()["ndvi"].min(), sample_table()["ndvi"].max()
    assert summary.loc[1, "outside"] == pytest.approx(((ndvi < lowest) | (ndvi > highest)).mean())


def test_assemble_quality_of_a_map_that_is_not_reconciled(bench: Bench) -> None:
    """The flag is set on all pixels, and its colour would hide the others."""
    write_verdicts(bench)
    path = bench.folder / f"{RUN}/correction.tif"
    bands, tags = read_raster(path)
    write_raster(path, {name: np.zeros_like(band) for name, band in bands.items()}, M09, CELLS, tags)
    bench.run("assemble_quality", *QUALITY)
    assert (values(bench.folder / QUALITY[0], "quality")[np.isfinite(RAW)] & 16 > 0).all()
    with rasterio.open(bench.folder / QUALITY[0]) as file:
        assert file.tags()["reconciled"] == "no"
        assert file.colormap(1)[16 + 4] == (0xF0, 0xE4, 0x42, 255)
    assert np.unique(values(bench.folder / CLASSES, "quality_class")).tolist() == [0, 2, 4, 5, 6, 8]


def test_assemble_quality_of_a_month_without_radiometer(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, ["2022-09"])
    bench.config = CONFIG | {"months": ["2022-09"]}
    write_verdicts(bench, "2022-09")
    outputs = [name.replace(MONTH, "2022-09") for name in QUALITY]
    log = bench.run("assemble_quality", *outputs)
    assert "WARNING SPL4SMGP.008 had no radiometer on 20 days of 2022-09" in log
    flags = values(bench.folder / outputs[0], "quality")
    assert np.array_equal(flags & 64 > 0, np.isfinite(RAW))
    assert read_tags(bench.folder / outputs[0])["days_without_radiometer"] == "20"


def test_assemble_quality_without_temperature_never_says_frozen(bench: Bench) -> None:
    bench.config = CONFIG | {"predictors": CONFIG["predictors"] | {"use": ["ndvi", "evi"]}}
    write_verdicts(bench)
    for name, window in BLOCKS.items():
        bands = {layer: band for layer, band in stack(window).items() if not layer.startswith("lst")}
        path = bench.folder / f"{RUN}/blocks/{name}/predictors.tif"
        write_raster(path, bands, M01, window.refined(9), {})
    bench.run("assemble_quality", *QUALITY)
    assert read_tags(bench.folder / QUALITY[0])["bit_5"] == "frozen (never set: lst_day is not in use)"
    assert not (values(bench.folder / QUALITY[0], "quality") & 32).any()


def test_assemble_predictors(bench: Bench) -> None:
    write_stacks(bench.path, RUN)
    bench.run("assemble_predictors", f"{RUN}/predictors.tif")
    path = bench.folder / f"{RUN}/predictors.tif"
    assert cog_validate(path, quiet=True)[:2] == (True, [])
    bands, window = mosaic([path], M01)
    assert window == CELLS.refined(9)
    for name, band in stack(CELLS).items():
        np.testing.assert_array_equal(bands[name], band, err_msg=name)
    with rasterio.open(path) as file:
        units = dict(zip(file.descriptions, file.units, strict=True))
    assert (units["ndvi"], units["evi"], units["lst_day"], units["lst_day_days"]) == ("1", "1", "K", "days")


# Intervals and the merged target


RESTORED = f"{RUN}/protocols/one_scale_up.parquet"


def calibrated(bench: Bench) -> tuple[Calibration, pd.DataFrame]:
    """What `restore_cells` calibrates by what it restored: the calibration and the errors below it."""
    outputs = [f"{RUN}/protocols/intervals.{kind}" for kind in ("json", "parquet")]
    bench.run("restore_cells", RESTORED, *outputs)
    return Calibration(**read_json(bench.folder / outputs[0])), pd.read_parquet(bench.folder / outputs[1])


def test_intervals_are_calibrated(bench: Bench) -> None:
    """The errors of `detail` are counted; `absolute` has too few coarse cells here, and gets no interval."""
    write_stacks(bench.path, RUN)
    write_trained(bench.path, "detail")
    calibration, errors = calibrated(bench)
    settings = LearnerSettings("random_forest", 10, 2021, 5)
    expected = detail_errors(region_cells(), settings, fitted("detail"), MapSettings(True, 0.9, 0.5))
    pd.testing.assert_frame_equal(errors[list(expected.table)], expected.table)
    assert (calibration.interval, calibration.errors) == (0.9, len(errors))
    # Fewer than are needed: the small region's calibration has no quantile.
    assert (calibration.quantile is None) == (len(errors) < MIN_ERRORS)
    assert calibration.min_spread == pytest.approx(expected.min_spread)
    assert calibration.error_scale_ratio > 0
    assert {"lower", "upper", "fold", *USE} <= set(errors)


@pytest.mark.parametrize("method", ["detail", "absolute"])
def test_restore_cells_without_intervals(bench: Bench, method: str) -> None:
    """The map is scored one scale up though no interval is asked for; what cannot be says why."""
    bench.config = CONFIG | {"map": CONFIG["map"] | {"interval": None}, "evaluation": {"protocols": []}}
    write_trained(bench.path, method)
    log = bench.run("restore_cells", RESTORED)
    table = pd.read_parquet(bench.folder / RESTORED)
    assert table.attrs["note"] in log
    if method == "absolute":
        assert table.empty
        assert "complete cells of 36 km, 20 are needed to learn" in table.attrs["note"]
    else:
        assert table.attrs["note"].startswith("restored from 36 km in 5 spatial folds, alpha ")
        assert {"detail", "detail_reconciled", "copied", "bilinear", "bilinear_reconciled", "lon"} <= set(table)
        assert (table["below"] == 1).all()


def test_intervals_of_too_small_a_region(bench: Bench) -> None:
    write_stacks(bench.path, RUN)
    write_trained(bench.path, "absolute")
    calibration, errors = calibrated(bench)
    assert calibration.quantile is None
    assert errors.empty


def large_scale_ratio(model: Model) -> float:
    """ρ of the large region: of what repeats, RELIABILITY, of the details at 1 km, all blocks at once."""
    cells = region_cells(LARGE)
    fine = pixel_detail(predictors(LARGE), LARGE.refined(CELL_SIDE), cells.filled(), CELL_SIDE)
    repeated = RELIABILITY * fine[:, np.isfinite(fine).all(axis=0)].var(axis=1, dtype=float)
    return error_scale_ratio(cells, repeated, 0.5, model.ratio)


@pytest.mark.parametrize(
    ("method", "ratio", "reconciled"),
    [("detail", 4, True), ("detail", 2, False), ("absolute", 4, True), ("absolute", 4, False)],
)
def test_intervals_of_a_large_region(bench: Bench, method: str, ratio: int, reconciled: bool) -> None:
    """With enough errors for a quantile, and their ratio unless a map was learned at 9 km and left so."""
    bench.config = CONFIG | {
        "regions": [{"name": REGION, "bbox": LARGE_BOX}],
        "map": {"block": 14, "reconcile": reconciled},
    }
    write_stacks(bench.path, RUN, blocks_of(LARGE, 14))
    write_trained(bench.path, method, LARGE)
    model = replace(fitted(method), ratio=ratio)
    save(bench.path(f"{RUN}/model.skops"), model)
    found, _ = calibrated(bench)
    settings, scale_ratio = LearnerSettings("random_forest", 10, 2021, 5), large_scale_ratio(model)
    cells, made = region_cells(LARGE), MapSettings(reconciled, 0.9, 0.5)
    if method == "detail":
        errors = detail_errors(cells, settings, model, made)
    else:
        errors = absolute_errors(cells, sample_table(LARGE), settings, TuningOptions(5), model, made)
    assert scale_ratio >= np.sqrt(np.log(9) / np.log(ratio))
    expected = calibrate(errors, 0.9, scale_ratio if method == "detail" or reconciled else 1.0)
    assert found.quantile is not None
    assert found.errors == expected.errors >= MIN_ERRORS
    assert (found.cqr_margin > 0) == (method == "absolute")
    for name in ("interval", "quantile", "cqr_margin", "min_spread"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name
    assert found.error_scale_ratio == pytest.approx(expected.error_scale_ratio, abs=2e-6)


def write_estimates(bench: Bench) -> NDArray[np.float64]:
    """What a model says of the cells, and of each sample."""
    estimated = 0.9 * moisture(CELLS) + 0.02
    write_raster(bench.path(f"{RUN}/estimated_cells.tif"), {"estimated": estimated}, M09, CELLS, {})
    samples = sample_table()
    return estimated[samples["row"] - CELLS.row, samples["col"] - CELLS.column]


@pytest.mark.parametrize(("high", "how"), [(0.5, "measured at field points"), (0.9, "warranted (the field points")])
def test_merge_target_by_a_measured_weight(bench: Bench, high: float, how: str) -> None:
    bench.config = CONFIG | {"target_error": 0.02, "map": CONFIG["map"] | {"reconcile": "measured"}}
    bench.config["field_points"] = "points.csv"
    one = {"id": "P1", "longitude": 99.0, "latitude": 47.4, "date": f"{MONTH}-15", "soil_moisture": 0.2}
    pd.DataFrame([one]).to_csv(bench.folder / "points.csv", index=False)
    write_trained(bench.path, "detail")
    measured = pd.DataFrame([{"weight": 0.3, "low": 0.1, "high": high, "says": "made up"}])
    measured.to_parquet(bench.path(f"{RUN}/tables/full/residual_weight.parquet"))
    samples, estimated = sample_table(), write_estimates(bench)
    log = bench.run("merge_target", f"{RUN}/merged_cells.tif")
    bands, tags = read_raster(bench.folder / f"{RUN}/merged_cells.tif")
    assert tags["target_weighed"].startswith(how)
    weight, y = float(tags["target_weight"]), samples["target"]
    assert (weight == 0.3) == (high == 0.5)
    assert ("the weight is that of warranted" in log) == (high == 0.9)
    found = bands["target"][samples["row"] - CELLS.row, samples["col"] - CELLS.column]
    np.testing.assert_allclose(found, estimated + weight * (y - estimated), atol=1e-6)


def test_merge_target(bench: Bench) -> None:
    bench.config = CONFIG | {"target_error": 0.02, "map": CONFIG["map"] | {"reconcile": "warranted"}}
    write_trained(bench.path, "detail")
    samples, estimated = sample_table(), write_estimates(bench)
    bench.run("merge_target", f"{RUN}/merged_cells.tif")
    bands, tags = read_raster(bench.folder / f"{RUN}/merged_cells.tif")
    weighed = weigh(samples["target"].to_numpy(), estimated, 0.02)
    expected = merge_weighed(region_cells(), samples, estimated, weighed)
    np.testing.assert_allclose(bands["target"], expected.analysis)
    assert float(tags["target_weight"]) == pytest.approx(expected.weight, abs=1e-6)
    assert float(tags["target_error"]) == pytest.approx(expected.error, abs=1e-6)
    before, _ = mosaic([bench.folder / f"{RUN}/cells.tif"], M09)
    assert {name for name in before if not np.array_equal(bands[name], before[name], equal_nan=True)} == {"target"}
    np.testing.assert_allclose(bands["target_weight"], expected.weights)
    assert np.abs(bands["target"] - moisture(CELLS)).max() > 0
