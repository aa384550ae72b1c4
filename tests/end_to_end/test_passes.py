"""SMAP's own passes as the target, on the simulated scene: the map is compared with the scene's truth."""

from pathlib import Path

import numpy as np
import pandas as pd
from workflow_runs import DEMO, MONTH, SMALL, link, succeed

from kilomoist.files import read_json
from kilomoist.grids import M09
from kilomoist.rasters import mosaic, read_raster

SCENE = "resources/simulated/small-2021"
TARGET = "SPL3SMP_E.006"


def test_a_map_of_passes_is_as_right_as_one_of_fields(demo: Path, tmp_path: Path) -> None:
    """Simulated passes with gaps and noise have SMAP L4's mean where enough of them count, and give its map."""
    link(demo / SCENE, tmp_path / SCENE)
    config = SMALL | {"target": TARGET, "quality": {"minimum_passes": 24}}
    succeed(tmp_path, "--", f"{DEMO}/tables/full/truth.parquet", config=config)
    cells, window = mosaic([tmp_path / DEMO / "cells.tif"], M09, ["target", "region_fraction"])
    of_fields, _ = mosaic([demo / DEMO / "cells.tif"], M09, ["target"])
    mean, tags = read_raster(tmp_path / f"results/composites/simulated/{TARGET}/{MONTH}.tif")
    passes = np.where(cells["region_fraction"] > 0, mean["fields"][window.within(M09.window)], 0)
    assert tags["granules"] == "31"
    assert 20 < np.median(passes[passes > 0]) < 35
    known = np.isfinite(cells["target"])
    few = (passes > 0) & (passes < 24)
    assert np.array_equal(known, np.isfinite(of_fields["target"]) & ~few)
    assert 0 < few.sum() < 0.2 * known.sum()
    np.testing.assert_allclose(cells["target"][known], of_fields["target"][known], atol=1e-6)
    log = (tmp_path / f"results/logs/collect_samples/{Path(DEMO).parent.name}/{MONTH}.log").read_text()
    assert f"{TARGET}, {MONTH}: {few.sum()} of the {(passes > 0).sum()} cells" in log
    inventory = read_json(tmp_path / f"results/composites/simulated/{TARGET}/{MONTH}.granules.json")
    assert inventory["granules"][0]["name"] == "SMAP_L3_SM_P_E_20210801_R19240_001.h5"
    scores = [
        pd.read_parquet(folder / f"{DEMO}/tables/full/truth.parquet")
        .query("support == '1 km'")
        .set_index("map")["rmse"]
        for folder in (tmp_path, demo)
    ]
    found, expected = (each["soil_moisture.tif"] for each in scores)
    assert found < 1.15 * expected
    assert found < scores[0]["bilinear_reconciled"]
