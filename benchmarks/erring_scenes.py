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
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.coarser_scale import null_models
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import Cells, read_cells, read_reliability
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.learning.predictions import predict_map
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.merging import merge_weighed, weigh
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
class Inputs:
    """What maps are made from, and the truth to judge them by."""

    samples: pd.DataFrame
    cells: Cells
    stack: NDArray[np.floating]
    """(predictors, rows, columns) at the pixels of `cells`."""
    reliability: list[float]
    truth: NDArray[np.float64]
    """m³/m³ at the pixels of `stack`."""
    use: list[str]
    factor: int
    """Pixels along a cell."""


@dataclass(frozen=True)
class Prepared(Inputs):
    """A scene as its run with an exact SMAP left it."""

    scene: Scene
    fields: Fields


def prepare(folder: Path, keys: SceneKeys) -> Prepared:
    """Run the workflow for a scene whose `error` is 0 in `folder`, as far as maps need it, and read what it wrote."""
    root = folder / f"results/{REGION}/{MONTH}"
    config = [
        f"scene={keys.model_dump_json()}",
        f"regions={json.dumps([{'name': REGION, 'bbox': BOXES[keys.extent]}])}",
    ]
    run(
        folder,
        config,
        [f"results/{REGION}/{MONTH}/{name}" for name in ("samples.parquet", "tables/full/agreement.parquet")],
    )
    samples, cells = read_cells(root / "samples.parquet", root / "cells.tif", USE)
    bands, pixels = mosaic(sorted(root.glob("blocks/*/predictors.tif")), M01, USE)
    simulated = folder / f"resources/simulated/{keys.name}"
    truth, whole = mosaic([simulated / f"truth/{MONTH}/soil_moisture.tif"], M01)
    scene = make_scene(SCENE_EXTENTS[keys.extent], keys.seed, keys.landscape, keys.noise)
    return Prepared(
        samples,
        cells,
        np.stack([bands[name] for name in USE]),
        read_reliability(root / "tables/full/agreement.parquet", USE),
        truth["soil_moisture"][pixels.within(whole)].astype(float),
        USE,
        CELL_SIDE,
        scene,
        read_landscape(simulated / "landscape.npz"),
    )


@dataclass(frozen=True)
class ErringMaps:
    """What a run knows and maps where SMAP errs."""

    cells: Cells
    """The target with its error."""
    samples: pd.DataFrame
    factor: int
    estimated: NDArray[np.float64]
    """What `absolute` says of each row of `samples` out of fold, m³/m³."""
    maps: dict[str, NDArray[np.float64]]
    """`absolute`, `absolute_reconciled` (the study's map), `detail`, `detail_reconciled`, and the null models `copied`,
    `bilinear`, `bilinear_reconciled`; m³/m³, NaN but where all have a value."""
    detail: NDArray[np.float64]
    """What `detail` adds to interpolated cells, whatever these are."""
    models: dict[str, Model]
    """Of `absolute` and of `detail`."""

    def held_to(self, analysis: NDArray) -> NDArray[np.float64]:
        """The map of `detail` held to cells, m³/m³."""
        window, factor = self.cells.window, self.factor
        base = interpolate(fill_nearest(analysis), window, window.refined(factor), factor)
        return reconcile(base + self.detail, analysis, factor, window, MINIMUM_FRACTION)[0]

    def merged(self, target_error: float) -> NDArray[np.float64]:
        """The cells that `map.reconcile: warranted` with a `target_error` holds the map to, m³/m³."""
        found = weigh(self.samples["target"].to_numpy(), self.estimated, target_error)
        return merge_weighed(self.cells, self.samples, self.estimated, found).analysis

    def warranted(self, target_error: float) -> NDArray[np.float64]:
        """The map of `map.reconcile: warranted` with a `target_error`."""
        return self.held_to(self.merged(target_error))


def erring_maps(prepared: Prepared, error: TargetError, trees: int = 50, threads: int = 2) -> ErringMaps:
    """All maps of a prepared scene whose SMAP has the error; forests of `trees` trees."""
    window, scene = prepared.cells.window, prepared.scene
    bounds = PRODUCTS[TARGET].layers["soil_moisture"].valid
    wrong = erring(scene, np.zeros(scene.window.shape), MONTH, error, prepared.fields, (-1, 1))
    target = np.clip(prepared.cells.target + wrong[window.within(scene.window)], *bounds)
    here = prepared.samples["row"] - window.row, prepared.samples["col"] - window.column
    samples = prepared.samples.assign(target=target[here])
    return all_maps(replace(prepared, samples=samples, cells=replace(prepared.cells, target=target)), trees, threads)


def all_maps(inputs: Inputs, trees: int, threads: int) -> ErringMaps:
    """All maps of a target as it is; forests of `trees` trees."""
    samples, cells, use, factor = inputs.samples, inputs.cells, inputs.use, inputs.factor
    settings, tuning = LearnerSettings("random_forest", trees, 2021, quantiles=False), TuningOptions("auto")
    window, filled = cells.window, cells.filled()
    pixels = window.refined(factor)
    absolute, tuned = fit_absolute(samples, use, settings, tuning, threads)
    detail, _ = fit_detail(cells, use, settings, tuning, MINIMUM_FRACTION, threads)
    models = {model.method: model for model in (absolute, detail)}
    maps = {
        name: predict_map(model, inputs.stack, pixels, filled, factor, inputs.reliability)
        for name, model in models.items()
    }
    for name in tuple(maps):
        maps[f"{name}_reconciled"] = reconcile(maps[name], cells.target, factor, window, MINIMUM_FRACTION)[0]
    valid = np.isfinite([*maps.values(), inputs.truth]).all(axis=0)
    maps |= null_models(cells.target, window, valid, factor, MINIMUM_FRACTION)
    shared = np.isfinite([*maps.values()]).all(axis=0)
    maps = {name: np.where(shared, values, np.nan) for name, values in maps.items()}
    added = maps["detail"] - interpolate(fill_nearest(cells.target), window, pixels, factor)
    return ErringMaps(cells, samples, factor, tuned.predicted, maps, added, models)
