"""What the maps are worth against the simulated truth at 1 km: python benchmarks/skill.py [--seeds 2021 1 2].

Simulated data, on which SMAP is exact. For each seed of the default scene, prints r and RMSE (m³/m³) of both methods,
reconciled and not, and of the three null models, over the pixels that have a value in all of them; and by how much the
default map's RMSE is below that of the best null model.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from runs import run

from kilomoist.cells import null_models
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.rasters import mosaic
from kilomoist.scores import score

MAP = "results/khangai/2021-08/soil_moisture.tif"
VARIANTS = {
    "detail_reconciled": [],
    "detail": ['map={"reconcile": false}'],
    "absolute_reconciled": ['model={"method": "absolute"}'],
    "absolute": ['model={"method": "absolute"}', 'map={"reconcile": false}'],
}
MINIMUM_FRACTION = 0.5
"""The default of quality.minimum_valid_fraction."""


def compare(folder: Path, seed: int) -> dict[str, dict[str, float]]:
    """Scores of every map of a seed's scene against its truth."""
    maps = {}
    for name, config in VARIANTS.items():
        run(folder, [f'scene={{"seed": {seed}}}', *config], [MAP])
        bands, pixels = mosaic([folder / MAP], M01)
        maps[name] = bands["soil_moisture"].astype(float)
    cells, window = mosaic([folder / "results/khangai/2021-08/soil_moisture_9km.tif"], M09)
    valid = np.isfinite(maps["detail_reconciled"])
    maps |= null_models(cells["soil_moisture"].astype(float), window, valid, CELL_SIDE, MINIMUM_FRACTION)
    bands, scene = mosaic([folder / f"resources/simulated/full-{seed}/truth/2021-08/soil_moisture.tif"], M01)
    truth = bands["soil_moisture"][pixels.within(scene)].astype(float)
    common = np.all([np.isfinite(values) for values in maps.values()], axis=0)
    return {name: score(truth[common], values[common]) for name, values in maps.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2021, 1, 2])
    for seed in parser.parse_args().seeds:
        with tempfile.TemporaryDirectory() as folder:
            scores = compare(Path(folder), seed)
        for name, values in scores.items():
            print(f"rmse_{seed}_{name} {values['rmse']:.5f} m3/m3", flush=True)
            print(f"r_{seed}_{name} {values['r']:.4f}", flush=True)
        best = min(scores[name]["rmse"] for name in ("copied", "bilinear", "bilinear_reconciled"))
        print(f"margin_{seed} {100 * (1 - scores['detail_reconciled']['rmse'] / best):.1f} %", flush=True)


if __name__ == "__main__":
    main()
