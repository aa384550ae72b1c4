"""How many trees tell the spread that intervals are of: python benchmarks/spread_trees.py [--extent full].

Simulated landscapes, an exact SMAP, and predictors at 1 km that follow plants and temperature with noise; nothing is
observed by granules. For each landscape and method a forest of 200 trees, its map reconciled, and the conditional 90 %
interval as the workflow makes it, with the spread of the first so many trees (`learners.QUANTILE_TREES`; one scale up
models have 50 at most). Prints a row of Markdown for each number of trees: coverage of the truth at 1 km, in all and in
the class of vegetation with the least, width and interval score (0.001 m³/m³), mean absolute difference of a side from
that of 200 trees in percent of that side, CPU seconds of the spread at all pixels.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import block_mean
from kilomoist.configuration.types import SCENE_EXTENTS
from kilomoist.evaluation.coverage import interval_scores
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.learning import learners
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import Cells, pixel_detail
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import Model
from kilomoist.learning.predictions import predict_map
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping import calibration
from kilomoist.predictors.samples import collect, split_randomly
from kilomoist.reconciliation import reconcile
from kilomoist.simulation.landscapes import greenness, landscape, middle_of, truth
from kilomoist.simulation.scenes import FINER, Scene, make_scene
from kilomoist.vegetation_classes import vegetation_classes

SEED, MONTH, MINIMUM_FRACTION, THREADS = 2021, "2021-08", 0.5, 2
ASKED = 200, 100, 50, 25, 12
LANDSCAPES = "steppe", "mountains"
USE = ["ndvi", "lst_day"]
MADE = calibration.MapSettings(reconciled=True, interval=0.9, minimum_fraction=MINIMUM_FRACTION)
SETTINGS, TUNING = LearnerSettings("random_forest", max(ASKED), SEED), TuningOptions("auto")


def observed(scene: Scene) -> tuple[NDArray, NDArray]:
    """Soil moisture (m³/m³) of a scene at 1 km, and its predictors, (predictors, rows, columns)."""
    fields = landscape(scene)
    height = (fields["elevation"] - 1500) / 1000
    index = 0.10 + 0.72 / (1 + np.exp(-1.15 * (greenness(fields, scene.kind, middle_of(MONTH)) - 0.15)))
    wet = fields["wetness"] + 0.5 * fields["soil"]
    kelvin = 310 - scene.kind.lapse_day * height - 3.0 * wet - 0.8 * fields["plants"] + 2.6 * fields["albedo"]
    seen = [block_mean(field, FINER)[0] + scene.white(noise, "seen") for field, noise in ((index, 0.02), (kelvin, 0.6))]
    moisture = truth(fields, MONTH)
    return moisture.astype(float), np.where(np.isfinite(moisture), seen, np.nan).astype(np.float32)


def trained(method: str, cells: Cells, samples: pd.DataFrame) -> Model:
    """The model of a method."""
    if method == "absolute":
        return fit_absolute(samples, USE, SETTINGS, TUNING, THREADS)[0]
    return fit_detail(cells, USE, SETTINGS, TUNING, MINIMUM_FRACTION, THREADS)[0]


def print_rows(name: str, scene: Scene) -> None:
    """Print the rows of a landscape."""
    moisture, seen = observed(scene)
    window: Window = scene.window
    bands = dict(zip(("target", *USE), (block_mean(layer, CELL_SIDE)[0] for layer in (moisture, *seen)), strict=True))
    share = block_mean(np.where(np.isfinite(moisture), 1.0, 0.0), CELL_SIDE)[0]
    bands |= {"valid_fraction": share} | {f"valid_fraction_{one}": share for one in USE}
    samples = collect(bands, window, USE, MINIMUM_FRACTION)
    samples["split"] = split_randomly(len(samples), 0.2, SEED)
    cells = Cells.of_samples(samples, bands["target"], USE, window)
    pixels, valid = window.refined(CELL_SIDE), np.isfinite(moisture)
    for method in ("detail", "absolute"):
        learners.QUANTILE_TREES = max(ASKED)
        model = trained(method, cells, samples)
        values = predict_map(model, seen, pixels, cells.filled(), CELL_SIDE)
        values = reconcile(values, cells.target, CELL_SIDE, window, MINIMUM_FRACTION)[0]
        space = pixel_detail(seen, pixels, cells.filled(), CELL_SIDE) if method == "detail" else seen
        whole: NDArray | None = None
        for trees in ASKED:
            learners.QUANTILE_TREES = trees
            own = replace(SETTINGS, min_leaf=model.min_leaf, options=model.options)
            if method == "detail":
                errors = calibration.detail_errors(cells, own, model, MADE, THREADS)
            else:
                errors = calibration.absolute_errors(cells, samples, own, TUNING, model, MADE, THREADS)
            calibrated = calibration.calibrate(errors, 0.9, 1.0)
            started = time.process_time()
            offsets = calibration.block_offsets(model, space, calibrated)
            seconds = time.process_time() - started
            sides = np.stack([offsets[side][valid] for side in ("below", "above")])
            whole = sides if whole is None else whole
            lower, upper, known = values[valid] - sides[0], values[valid] + sides[1], moisture[valid]
            inside = (known >= lower) & (known <= upper)
            least = min(
                inside[rows].mean()
                for rows in vegetation_classes("ndvi", seen[0][valid]).values()
                if rows.sum() >= 1000
            )
            width, score = 1000 * (upper - lower).mean(), 1000 * interval_scores(known, lower, upper, 0.9).mean()
            shifted = 100 * np.abs(sides - whole).mean() / whole.mean()
            print(
                f"| {name} | {method} | {trees} | {inside.mean():.3f} | {least:.3f} | {width:.1f} | {score:.1f} "
                f"| {shifted:.0f} | {seconds:.1f} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extent", default="full", choices=SCENE_EXTENTS)
    extent = SCENE_EXTENTS[parser.parse_args().extent]
    print("| landscape | method | trees | coverage | least of classes | width | score | a side differs, % | CPU, s |")
    print("|" + "---|" * 9)
    for name in LANDSCAPES:
        print_rows(name, make_scene(extent, SEED, name))


if __name__ == "__main__":
    main()
