"""Maps of a simulated scene under any error of SMAP, in this process; no program, but what benchmarks share.

`prepare` runs the workflow once, with an exact SMAP, up to the stack and the cells of a region. `erring_maps` then
changes the target's cells alone, as `simulate_target` would have with this error, fits both methods anew, and gives
every map over the same pixels.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow/scripts"))

from runs import run

from kilomoist.cells import fill_nearest, interpolate
from kilomoist.configuration.keys import SceneKeys
from kilomoist.configuration.types import SCENE_EXTENTS
from kilomoist.evaluation.restoration import null_models
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import Cells, read_cells, read_reliability
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.predictions import predict_map
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.merging import estimate_cells, weigh
from kilomoist.products import PRODUCTS
from kilomoist.rasters import mosaic
from kilomoist.reconciliation import reconcile
from kilomoist.simulation.landscapes import read_landscape
from kilomoist.simulation.scenes import Fields, Scene, make_scene
from kilomoist.simulation.smap import TargetError, erring

REGION, MONTH, TARGET = "scene", "2021-08", "SPL4SMGP.008"
BOXES = {"full": [96.0, 45.0, 104.0, 50.0], "small": [98.0, 46.5, 101.0, 48.5]}
USE = ["ndvi", "evi", "lst_day"]
MINIMUM_FRACTION = 0.5
"""The default of quality.minimum_valid_fraction."""


@dataclass(frozen=True)
class Prepared:
    """A scene as its run with an exact SMAP left it."""

    scene: Scene
    fields: Fields
    samples: pd.DataFrame
    cells: Cells
    stack: NDArray[np.float32]
    """(predictors, rows, columns) at 1 km over the region's `cells`."""
    reliability: list[float]
    truth: NDArray[np.float64]
    """m³/m³ at the pixels of `stack`."""


def prepare(folder: Path, keys: SceneKeys) -> Prepared:
    """Run the workflow for a scene whose `error` is 0 in `folder`, as far as maps need it, and read what it wrote."""
    root = folder / f"results/{REGION}/{MONTH}"
    config = [
        f"scene={keys.model_dump_json()}",
        f"regions={json.dumps([{'name': REGION, 'bbox': BOXES[keys.extent]}])}",
    ]
    run(folder, config, [f"results/{REGION}/{MONTH}/{name}" for name in ("samples.parquet", "tables/agreement.csv")])
    samples, cells = read_cells(root / "samples.parquet", root / "cells.tif", USE)
    bands, pixels = mosaic(sorted(root.glob("blocks/*/predictors.tif")), M01, USE)
    simulated = folder / f"resources/simulated/{keys.name}"
    truth, whole = mosaic([simulated / f"truth/{MONTH}/soil_moisture.tif"], M01)
    scene = make_scene(SCENE_EXTENTS[keys.extent], keys.seed, keys.landscape, keys.noise)
    return Prepared(
        scene,
        read_landscape(simulated / "landscape.npz"),
        samples,
        cells,
        np.stack([bands[name] for name in USE]),
        read_reliability(root / "tables/agreement.csv", USE),
        truth["soil_moisture"][pixels.within(whole)].astype(float),
    )


@dataclass(frozen=True)
class ErringMaps:
    """What a run of a scene knows and maps where SMAP errs."""

    cells: Cells
    """The target with its error."""
    samples: pd.DataFrame
    estimated: NDArray[np.float64]
    """What `absolute` says of each row of `samples` out of fold, m³/m³."""
    maps: dict[str, NDArray[np.float64]]
    """`absolute`, `absolute_reconciled` (the study's map), `detail`, `detail_reconciled`, and the null models `copied`,
    `bilinear`, `bilinear_reconciled`; m³/m³, NaN but where all have a value."""
    detail: NDArray[np.float64]
    """What `detail` adds to interpolated cells, whatever these are."""

    def merged(self, weight: float) -> NDArray[np.float64]:
        """The map of `detail` held to f + weight·(y9 − f)."""
        target = self.cells.target.copy()
        rows = self.samples["row"] - self.cells.window.row, self.samples["col"] - self.cells.window.column
        target[rows] = self.estimated + weight * (self.samples["target"] - self.estimated)
        window = self.cells.window
        base = interpolate(fill_nearest(target), window, window.refined(CELL_SIDE), CELL_SIDE)
        return reconcile(base + self.detail, target, CELL_SIDE, window, MINIMUM_FRACTION)[0]

    def warranted(self, target_error: float) -> NDArray[np.float64]:
        """The map of `map.reconcile: warranted` with a `target_error`."""
        return self.merged(weigh(self.samples["target"].to_numpy(), self.estimated, target_error).weight)


def erring_maps(prepared: Prepared, error: TargetError, trees: int = 50, threads: int = 2) -> ErringMaps:
    """All maps of a prepared scene whose SMAP has the error; forests of `trees` trees."""
    window, scene = prepared.cells.window, prepared.scene
    bounds = PRODUCTS[TARGET].layers["soil_moisture"].valid
    wrong = erring(scene, np.zeros(scene.window.shape), MONTH, error, prepared.fields, (-1, 1))
    target = np.clip(prepared.cells.target + wrong[window.within(scene.window)], *bounds)
    cells = replace(prepared.cells, target=target)
    here = prepared.samples["row"] - window.row, prepared.samples["col"] - window.column
    samples = prepared.samples.assign(target=target[here])
    settings, tuning = LearnerSettings("random_forest", trees, 2021, quantiles=False), TuningOptions("auto")
    pixels, filled = window.refined(CELL_SIDE), cells.filled()
    shares = prepared.reliability
    absolute, _ = fit_absolute(samples, USE, settings, tuning, threads)
    detail, _ = fit_detail(cells, USE, settings, tuning, MINIMUM_FRACTION, threads)
    maps = {
        model.method: predict_map(model, prepared.stack, pixels, filled, CELL_SIDE, shares)
        for model in (absolute, detail)
    }
    for name in tuple(maps):
        maps[f"{name}_reconciled"] = reconcile(maps[name], target, CELL_SIDE, window, MINIMUM_FRACTION)[0]
    valid = np.isfinite([*maps.values(), prepared.truth]).all(axis=0)
    filled_target = fill_nearest(target)
    maps |= null_models(target, window, valid, CELL_SIDE, MINIMUM_FRACTION)
    shared = np.isfinite([*maps.values()]).all(axis=0)
    maps = {name: np.where(shared, values, np.nan) for name, values in maps.items()}
    added = maps["detail"] - interpolate(filled_target, window, pixels, CELL_SIDE)
    estimated = estimate_cells(samples, USE, settings, tuning, threads)
    return ErringMaps(cells, samples, estimated, maps, added)
