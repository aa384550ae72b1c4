"""Scenes that are harder than the default: noise of single pixels, and a target that errs."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from workflow_runs import DEMO, MONTH, SCENES, SMALL, block_mean, succeed, take_scene

from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.rasters import Mosaic, mosaic, read_raster


def test_noise_of_pixels_stays_out_of_the_map(demo: Path, tmp_path: Path) -> None:
    """White noise (NDVI 0.06, LST 1.8 K) that means of 9 km do not show: the map is no worse than interpolation."""
    take_scene(demo, tmp_path, "small-noise-2021", "MOD11A1.061", "MOD13A1.061")
    config = SMALL | {"scene": SMALL["scene"] | {"noise": True}}
    succeed(tmp_path, "--", f"{DEMO}/tables/full/truth.parquet", config=config)
    truth = pd.read_parquet(tmp_path / f"{DEMO}/tables/full/truth.parquet")
    found = truth[truth["support"] == "1 km"].set_index("map")
    assert found.loc["soil_moisture.tif", "rmse"] <= found.loc["bilinear_reconciled", "rmse"]
    reliability = pd.read_parquet(tmp_path / f"{DEMO}/tables/full/agreement.parquet").set_index("predictor")
    assert reliability.loc["ndvi", "reliability"] < 0.5
    assert reliability.loc["lst_day", "reliability"] < 0.8


def test_a_target_that_errs_is_weighed(demo: Path, tmp_path: Path) -> None:
    """SMAP's cells err by 0.02: with `warranted` the map's err by less, and intervals know what is left."""
    take_scene(demo, tmp_path, "small-error0.02-2021", "SPL4SMGP.008")
    config = SMALL | {"scene": SMALL["scene"] | {"error": 0.02}, "map": {"reconcile": "warranted"}}
    succeed(tmp_path, "--", f"{DEMO}/soil_moisture.tif", f"{DEMO}/tables/full/coverage.parquet", config=config)
    bands, window = mosaic([tmp_path / DEMO / "cells.tif"], M09, ["target"])
    merged, tags = read_raster(tmp_path / DEMO / "merged_cells.tif")
    with Mosaic([tmp_path / f"{SCENES}/small-error0.02-2021/truth/{MONTH}/soil_moisture.tif"], M01) as file:
        truth, count = block_mean(file.read(window.refined(CELL_SIDE))["soil_moisture"])
    mapped, _ = block_mean(read_raster(tmp_path / DEMO / "soil_moisture.tif")[0]["soil_moisture"])
    common = (count == CELL_SIDE**2) & np.isfinite(bands["target"]) & np.isfinite(mapped)
    assert common.sum() > 500

    def rmse(cells: NDArray) -> float:
        return float(np.sqrt(np.mean((cells - truth)[common] ** 2)))

    assert 0.015 < rmse(bands["target"]) < 0.025
    assert rmse(merged["target"]) < 0.9 * rmse(bands["target"])
    assert rmse(mapped) < 0.9 * rmse(bands["target"])
    assert 0 < float(tags["target_weight"]) < 1
    assert 0 < float(tags["target_error"]) < 0.02
    coverage = pd.read_parquet(tmp_path / DEMO / "tables/full/coverage.parquet").set_index(
        ["support", "interval", "group"]
    )
    assert 0.8 <= coverage["coverage"]["1 km, simulated truth", "total", "all"] <= 0.995
