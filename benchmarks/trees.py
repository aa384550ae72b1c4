"""Whether fewer trees and rows say the same: python benchmarks/trees.py.

Simulated cells, 18 thousand of them with three predictors. Prints the RMSE (m³/m³) of `absolute` in folds by chance and
in squares of 144 km, with its 95 % interval, by forests of 200 trees of all rows and by those that `run_protocols`
grows: `rmse_`, `low_` and `high_<folds>_<trees>`, and the CPU seconds that each takes. The same of the study's split, a
random fifth, as `split`: by the map's forest and by that of an alternative to it, of 50 trees and all rows. Then, of
both methods, by which share the RMSE of the leaf that is chosen coarse to fine is larger than that of the best:
`regret_<method>`.
"""

import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow/scripts"))

from kilomoist.evaluation.assessments import Scored
from kilomoist.evaluation.cross_validation import fold_estimates, random_folds
from kilomoist.grids import COARSE_SIDE, M09, Window, geographic_from_ease
from kilomoist.learning import learners
from kilomoist.learning.absolute import tune_absolute
from kilomoist.learning.detail import tune_detail
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.training_folds import out_of_fold, spatial_folds
from kilomoist.learning.tuning import CANDIDATE_LEAVES, TuningOptions
from kilomoist.simulation.landscapes import greenness, moisture
from kilomoist.simulation.scenes import Scene

USE, SEED, WHEN = ["ndvi", "evi", "lst_day"], 2021, datetime(2021, 8, 15)
FOREST = LearnerSettings("random_forest", 200, SEED, 3)
RANGE = 150_000.0
"""Metres; taken where a score has no range of its own."""


def region() -> tuple[pd.DataFrame, Cells]:
    """Samples and cells of an ellipse, whose fields have the wavelengths of `landscapes.landscape` from 18 km on."""
    scene = Scene(Window(180, 3000, 130, 176), SEED)
    shape, kind = scene.window.shape, scene.kind
    massif, ridges, climate, soil, plants, canopy, rock = (
        scene.noise(shape, 9.0, longest, max(shortest, 9.0), name)
        for name, longest, shortest in (
            *(("massif", 500, 120), ("ridges", 90, 4), ("climate", 600, 100), ("soil", 250, 15)),
            *(("land use", 400, 40), ("canopy", 250, 20), ("rock", 300, 20)),
        )
    )
    elevation = np.maximum(kind.height + kind.massif * massif + 0.5 * kind.ridges * ridges, 500)
    wetness = 0.6 * np.linspace(1, -1, shape[0])[:, None] + 0.75 * climate + kind.wet_massif * massif - 0.05 * ridges
    fields = {"wetness": wetness, "soil": 0.5 * soil, "plants": 0.9 * plants, "elevation": elevation}
    ndvi = 0.10 + 0.72 / (1 + np.exp(-1.15 * (greenness(fields, kind, WHEN) - 0.15)))
    lst = 310 - kind.lapse_day * (elevation - 1500) / 1000 - 3 * wetness - 0.7 * soil - 0.7 * plants + 2.3 * rock
    noise = scene.random("noise").standard_normal((3, *shape))
    stack = np.stack([ndvi + 0.004 * noise[0], 0.6 * ndvi + 0.02 * canopy + 0.004 * noise[1], lst + 0.2 * noise[2]])
    row, column = (index + 0.5 for index in np.indices(shape))
    inside = np.hypot(row / shape[0] - 0.5, column / shape[1] - 0.5) < 0.5
    cells = Cells(np.where(inside, moisture(fields, WHEN), np.nan), np.where(inside, stack, np.nan), scene.window)
    at = np.nonzero(inside)
    longitude, latitude = geographic_from_ease(M09.x_centres(scene.window)[at[1]], M09.y_centres(scene.window)[at[0]])
    places = {"row": at[0] + scene.window.row, "col": at[1] + scene.window.column, "lon": longitude, "lat": latitude}
    values = dict(zip(USE, cells.predictors[:, *at], strict=True))
    return pd.DataFrame(places | {"target": cells.target[at]} | values | {"split": "train"}), cells


def main() -> None:
    samples, cells = region()
    x, y = samples[USE].to_numpy(np.float32), samples["target"].to_numpy()

    def large(train: np.ndarray, test: np.ndarray, trees: int = FOREST.trees) -> np.ndarray:
        forest = replace(FOREST, trees=trees)
        return learners.predict_mean(learners.fit(forest, x[train], y[train], 2, only_mean=True), x[test])

    def tell(name: str, rows: np.ndarray, found: np.ndarray, seconds: float) -> None:
        scored = Scored(y[rows], {"absolute": found}, samples[["lon", "lat"]].to_numpy()[rows], RANGE, SEED)
        known = scored.confidence_intervals("absolute")
        print(f"rmse_{name} {np.sqrt(scored.squares['absolute']):.5f} m3/m3")
        print(f"low_{name} {known['rmse_low']:.5f} m3/m3")
        print(f"high_{name} {known['rmse_high']:.5f} m3/m3")
        print(f"cpu_{name} {seconds:.1f} s", flush=True)

    everywhere = np.arange(len(y))
    squares = spatial_folds(samples["row"].to_numpy(), samples["col"].to_numpy())
    for name, folds in (("chance", random_folds(len(y), 5, SEED)), ("squares", squares)):
        for trees in (200, 50):
            start = time.process_time()
            predicted = out_of_fold(folds, large) if trees == 200 else fold_estimates(samples, USE, FOREST, folds)
            seconds = time.process_time() - start
            found = predicted if trees == 200 else predicted["absolute"].to_numpy()
            tell(f"{name}_{trees}", everywhere, found, seconds)
    train, test = np.split(np.random.default_rng(SEED).permutation(len(y)), [len(y) * 4 // 5])
    for trees in (200, 50):
        start = time.process_time()
        predicted = large(train, test, trees)
        tell(f"split_{trees}", test, predicted, time.process_time() - start)
    for method in ("absolute", "detail"):
        errors = {}
        for leaf in (*CANDIDATE_LEAVES, "auto"):
            if method == "absolute":
                tuned = tune_absolute(samples, USE, FOREST, TuningOptions(leaf), 2)
            else:
                tuned = tune_detail(cells, FOREST, TuningOptions(leaf), 0.5, COARSE_SIDE, 2)
            errors[leaf] = tuned.compared.loc[tuned.compared["chosen"], "rmse"].item()
        print(f"regret_{method} {100 * (errors.pop('auto') / min(errors.values()) - 1):.2f} %", flush=True)


if __name__ == "__main__":
    main()
