"""What intervals and applicability cost on a map as large as Mongolia: python benchmarks/trust_cost.py.

Simulated predictors on 3114 × 936 pixels, of which an ellipse has values, and 9 km cells that follow them; no granules.
Every job of the workflow between samples and map runs as a process of its own, as Snakemake would start it. Prints its
CPU seconds (`cpu_<job>`, imports included) and largest memory (`memory_<job>`), and what is beyond the plain map:
`cpu_beyond` of calibration, intervals, applicability and flags, and `memory_beyond`, the largest of these jobs.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from kilomoist.grids import CELL_SIDE, M01, M09, Window
from kilomoist.methods import Tuning
from kilomoist.models import Settings
from kilomoist.predictors import aggregate
from kilomoist.products import PRODUCTS
from kilomoist.rasters import write_raster
from kilomoist.regions import blocks_of
from kilomoist.samples import collect, split_randomly, write_samples
from kilomoist.scenes import Scene

CELLS = Window(204, 2866, 104, 346)
BLOCK = 256
USE = ["ndvi", "evi", "lst_day"]
SETTINGS = Settings("random_forest", 200, 2021)
TAGS = {"source": "simulated", "region": "national", "month": "2021-08", "target": "SPL4SMGP.008"}
FEW = dict.fromkeys(USE, 6.0)
UNITS = {"ndvi": "1", "evi": "1", "lst_day": "K"}
BEYOND = ("calibrate_intervals", "bound_block", "judge_block", "assemble_quality")


def prepare(folder: Path) -> None:
    """Write what the jobs start from."""
    scene, pixels = Scene(CELLS, 2021), CELLS.refined(CELL_SIDE)
    fields = [scene.noise(pixels.shape, 1.0, 500, 4, name) for name in ("wet", "plants", "canopy", "rock")]
    row, column = np.indices(pixels.shape)
    inside = np.hypot(row / pixels.rows - 0.5, column / pixels.columns - 0.5) < 0.5
    wet, plants, canopy, rock = (np.where(inside, one, np.nan) for one in fields)
    stack = {
        "ndvi": 0.4 + 0.15 * wet + 0.05 * plants,
        "evi": 0.25 + 0.1 * wet + 0.03 * plants + 0.02 * canopy,
        "lst_day": 305 - 4 * wet + 3 * rock,
    }
    stack |= {f"{name}_days": np.where(inside, 12.0, np.nan) for name in USE}
    stack |= {"water": np.where(inside, 0.0, np.nan), "snow": np.where(inside, 0.0, np.nan)}
    stack = {name: band.astype(np.float32) for name, band in stack.items()}
    cells = aggregate(stack, USE, inside)
    moisture = 0.15 + 0.04 * aggregate({"wet": wet.astype(np.float32)}, ["wet"], inside)["wet"]
    cells = {"target": moisture} | cells
    write_raster(folder / "cells.tif", cells, M09, CELLS, TAGS)
    write_raster(folder / "target.tif", {"soil_moisture": moisture.astype(np.float32)}, M09, CELLS, TAGS)
    samples = collect(cells, CELLS, USE, 0.5)
    samples["split"] = split_randomly(len(samples), 0.2, 2021)
    write_samples(folder / "samples.parquet", samples, USE)
    pd.DataFrame({"predictor": USE, "reliability": 0.95}).to_csv(folder / "agreement.csv", index=False)
    for name, block in blocks_of(CELLS, BLOCK).items():
        here = block.refined(CELL_SIDE).within(pixels)
        part = {band: values[here] for band, values in stack.items()}
        write_raster(folder / f"{name}-predictors.tif", part, M01, block.refined(CELL_SIDE), TAGS)
    print(f"training_cells {len(samples)}")
    print(f"mapped_pixels {int(inside.sum())}")


def run_job(folder: Path, job: str, block: str, blocks: list[str]) -> None:
    """One job, as its rule's script would do it."""

    def of(name: str) -> list[str]:
        return [str(folder / f"{one}-{name}") for one in blocks]

    def at(*names: str) -> list[str]:
        return [str(folder / name) for name in names]

    tuning = Tuning("auto")
    if job == "prepare":
        prepare(folder)
    elif job == "train_model":
        from train_model import train_model

        for method, name in (("detail", "model"), ("absolute", "alternative")):
            paths = at(f"{name}.skops", f"{name}_search.csv")
            train_model(*at("samples.parquet", "cells.tif"), USE, method, SETTINGS, tuning, 0.5, 2, "simulated", *paths)
    elif job == "rank_predictors":
        from rank_predictors import rank_predictors

        models, products = at("model.skops", "alternative.skops"), list(PRODUCTS)[:1]
        paths = {"importance": at("importance.csv")[0], "partial_dependence": at("dependence.csv")[0]}
        inputs = at("samples.parquet", "cells.tif")
        rank_predictors(*inputs, models, USE, products, UNITS, SETTINGS, 0.5, 2, paths)
    elif job == "calibrate_intervals":
        from calibrate_intervals import calibrate_intervals

        inputs = at("samples.parquet", "cells.tif", "model.skops", "agreement.csv")
        outputs = at("intervals.json", "intervals.parquet")
        calibrate_intervals(*inputs, of("predictors.tif"), SETTINGS, tuning, True, 0.9, 0.5, 2, *outputs)
    elif job == "predict_block":
        from predict_block import predict_block

        inputs = at(f"{block}-predictors.tif", "samples.parquet", "cells.tif", "model.skops", "agreement.csv")
        predict_block(*inputs, TAGS, *at(f"{block}-raw.tif"))
    elif job == "bound_block":
        from bound_block import bound_block

        inputs = at(f"{block}-predictors.tif", "samples.parquet", "cells.tif", "model.skops", "intervals.json")
        bound_block(*inputs, *at("agreement.csv"), TAGS, *at(f"{block}-interval.tif"))
    elif job == "judge_block":
        from judge_block import judge_block

        inputs = at(f"{block}-predictors.tif", "samples.parquet", "cells.tif", "model.skops", "importance.csv")
        outputs = at(f"{block}-applicability.tif", f"{block}-shift.json")
        judge_block(*inputs, *at("agreement.csv"), 0.5, 2021, TAGS, *outputs)
    elif job == "reconcile_map":
        from reconcile_map import reconcile_map

        reconcile_map(of("raw.tif"), *at("cells.tif"), 0.5, True, TAGS, *at("correction.tif"))
    elif job == "assemble_map":
        from assemble_map import assemble_map

        inputs = at("cells.tif", "target.tif", "correction.tif", "model.skops")
        offsets = of("interval.tif") if block == "bounded" else []
        outputs = at(f"map-{block}.tif", "maps.csv")
        assemble_map(of("raw.tif"), offsets, *inputs, TAGS["target"], 0.02, 0.9, TAGS, *outputs)
    elif job == "assemble_quality":
        from assemble_quality import assemble_quality

        names = {"raw": "raw.tif", "stacks": "predictors.tif", "verdicts": "applicability.tif", "shifts": "shift.json"}
        inputs = {name: of(file) for name, file in names.items()}
        names = {"quality": "quality.tif", "applicability": "applicability-all.tif", "flags": "quality.csv"}
        names |= {"shift": "shift.csv", "histograms": "shift_histograms.csv"}
        outputs = {name: str(folder / file) for name, file in names.items()}
        correction = at("correction.tif")[0]
        assemble_quality(inputs, correction, TAGS["target"], USE, FEW, 0, UNITS, TAGS, outputs)


def measure(folder: Path, job: str, block: str, blocks: list[str]) -> tuple[float, float]:
    """CPU seconds and largest resident memory (MB) of a job in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--job", job, "--block", block]
    done = subprocess.run([*command, "--blocks", *blocks], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr}\n{job} failed.")
    *said, last = done.stdout.splitlines()
    print("\n".join(said), end="\n" if said else "", flush=True)
    cpu, memory = json.loads(last)
    return cpu, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--block", default="", help=argparse.SUPPRESS)
    parser.add_argument("--blocks", nargs="*", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        run_job(chosen.folder, chosen.job, chosen.block, chosen.blocks)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blocks = list(blocks_of(CELLS, BLOCK))
        # This process stays small: a process begins with the largest memory of the one that started it.
        measure(folder, "prepare", "", blocks)
        jobs = [("train_model", ""), ("rank_predictors", "")]
        jobs += [("predict_block", block) for block in blocks]
        jobs += [("reconcile_map", ""), ("assemble_map", "plain"), ("calibrate_intervals", "")]
        jobs += [(job, block) for job in ("bound_block", "judge_block") for block in blocks]
        jobs += [("assemble_map", "bounded"), ("assemble_quality", "")]
        costs = {(job, block): measure(folder, job, block, blocks) for job, block in jobs}
    for (job, block), (cpu, memory) in costs.items():
        label = f"{job}_{block}" if block else job
        print(f"cpu_{label} {cpu:.1f} s")
        print(f"memory_{label} {memory:.0f} MB")
    beyond = [cost for (job, _), cost in costs.items() if job in BEYOND]
    added = costs["assemble_map", "bounded"][0] - costs["assemble_map", "plain"][0]
    print(f"cpu_beyond {sum(cpu for cpu, _ in beyond) + added:.1f} s")
    print(f"memory_beyond {max(memory for _, memory in [*beyond, costs['assemble_map', 'bounded']]):.0f} MB")


if __name__ == "__main__":
    main()
