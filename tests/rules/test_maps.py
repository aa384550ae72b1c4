"""Rules of maps.smk on a small region: of blocks a map, its flags and its ranges."""

import numpy as np
import pandas as pd
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate
from rule_bench import CONFIG, RUN, Bench
from small_region import (
    BLOCKS,
    CELLS,
    RAW,
    RELIABILITY,
    USE,
    fitted,
    moisture,
    region_cells,
    stack,
    write_agreement,
    write_cells,
    write_model,
    write_raw,
    write_sample_table,
    write_stack,
    write_stacks,
)
from workflow_runs import block_mean, values

from kilomoist.grids import M01, M09
from kilomoist.methods import predict_map
from kilomoist.rasters import mosaic, write_raster


@pytest.mark.parametrize("method", ["absolute", "detail"])
def test_predict_block(bench: Bench, method: str) -> None:
    """The second block in the second row: its part of the map of the whole region."""
    block = BLOCKS["r001c001"]
    write_stack(bench.path(f"{RUN}/blocks/r001c001/predictors.tif"), block)
    write_cells(bench.path(f"{RUN}/cells.tif"))
    write_sample_table(bench.path(f"{RUN}/samples.parquet"))
    write_model(bench.path(f"{RUN}/model.skops"), method)
    write_agreement(bench.path(f"{RUN}/tables/agreement.csv"))
    bench.run("predict_block", f"{RUN}/blocks/r001c001/raw_map.tif")
    bands, window = mosaic([bench.folder / f"{RUN}/blocks/r001c001/raw_map.tif"], M01)
    assert window == block.refined(9)
    whole = stack(CELLS)
    predictors = np.stack([whole[name] for name in USE])
    expected = predict_map(fitted(method), predictors, CELLS.refined(9), region_cells(), 9, RELIABILITY)
    here = block.refined(9).within(CELLS.refined(9))
    np.testing.assert_allclose(bands["soil_moisture"], expected[here], atol=1e-6)


@pytest.mark.parametrize("reconcile", [True, False])
def test_reconcile_map(bench: Bench, reconcile: bool) -> None:
    bench.config = CONFIG | {"map": CONFIG["map"] | {"reconcile": reconcile}}
    write_raw(bench.path, RUN)
    write_cells(bench.path(f"{RUN}/cells.tif"))
    bench.run("reconcile_map", f"{RUN}/correction.tif")
    bands, window = mosaic([bench.folder / f"{RUN}/correction.tif"], M09)
    assert window == CELLS
    assert list(bands) == ["correction", "reconciled"]
    _, count = block_mean(RAW)
    expected = (count >= 40.5) if reconcile else np.zeros(CELLS.shape, bool)
    assert np.array_equal(bands["reconciled"] > 0, expected)
    assert (np.abs(bands["correction"]).max() > 0.01) == reconcile
    assert np.isfinite(bands["correction"]).all()


@pytest.mark.parametrize("reconcile", [True, False])
def test_assemble_map(bench: Bench, reconcile: bool) -> None:
    write_raw(bench.path, RUN)
    write_stacks(bench.path, RUN)
    write_cells(bench.path(f"{RUN}/cells.tif"))
    write_model(bench.path(f"{RUN}/model.skops"), "detail")
    # A correction that reconciliation would find only roughly: the last step must make the means exact.
    mean, count = block_mean(RAW)
    kept = (count >= 40.5) & reconcile
    correction = np.where(kept, moisture(CELLS) - mean, 0.0)
    write_raster(
        bench.path(f"{RUN}/correction.tif"),
        {"correction": correction, "reconciled": kept.astype(float)},
        M09,
        CELLS,
        {},
    )
    outputs = [f"{RUN}/{name}" for name in ("soil_moisture.tif", "quality.tif", "tables/maps.csv")]
    bench.run("assemble_map", *outputs)

    made = values(bench.folder / outputs[0])
    assert np.array_equal(np.isfinite(made), np.isfinite(RAW))
    mean, _ = block_mean(made)
    if reconcile:
        assert np.abs(mean - moisture(CELLS))[kept].max() < 1e-6
    else:
        np.testing.assert_allclose(made, RAW, atol=1e-7)
    flags = values(bench.folder / outputs[1], "quality")
    valid = np.isfinite(RAW)
    assert np.array_equal(flags == 128, ~valid)
    few = stack(CELLS)["lst_day_days"] < 6
    assert np.array_equal(flags & 4 > 0, few & valid)
    assert np.array_equal(flags & 8 > 0, (stack(CELLS)["water"] > 0.05) & valid)
    assert np.array_equal(flags & 16 > 0, ~np.kron(kept, np.ones((9, 9), bool)) & valid)
    assert not (flags & ~np.uint8(4 + 8 + 16 + 128)).any()
    for path, dtype in zip(outputs, ("float32", "uint8"), strict=False):
        well, errors, _ = cog_validate(bench.folder / path, quiet=True)
        assert well, errors
        with rasterio.open(bench.folder / path) as file:
            assert file.crs.to_epsg() == 6933
            assert file.dtypes == (dtype,)
            assert (file.tags()["source"], file.tags()["method"], file.tags()["alpha"]) == (
                "archive",
                "detail",
                "0.5000",
            )
    ranges = pd.read_csv(bench.folder / outputs[2])
    assert ranges["map"].tolist() == ["9 km", "9 km where mapped", "1 km"]
    assert list(ranges)[1:5] == ["n", "minimum", "maximum", "mean"]
    assert ranges.loc[2, "mean"] == pytest.approx(np.nanmean(made), abs=1e-6)
    assert ranges.loc[0, "n"] == CELLS.rows * CELLS.columns


def test_assemble_predictors(bench: Bench) -> None:
    write_stacks(bench.path, RUN)
    bench.run("assemble_predictors", f"{RUN}/predictors.tif")
    path = bench.folder / f"{RUN}/predictors.tif"
    well, errors, _ = cog_validate(path, quiet=True)
    assert well, errors
    bands, window = mosaic([path], M01)
    assert window == CELLS.refined(9)
    for name, band in stack(CELLS).items():
        np.testing.assert_array_equal(bands[name], band, err_msg=name)
    with rasterio.open(path) as file:
        units = dict(zip(file.descriptions, file.units, strict=True))
    assert (units["ndvi"], units["evi"], units["lst_day"], units["lst_day_days"]) == ("1", "1", "K", "days")
