"""What jobs of each rule take, and how that grows with the region: python benchmarks/sizes.py [--folder FOLDER].

Simulated data. Reads the benchmarks of a run, that of `--folder` or one that it makes: three regions of the default
scene, two months. Prints `name value unit`: the memory of Snakemake itself, which is in each job on a cluster twice; of
each rule memory and time of the largest job; and of rules that work on a region or block the line through the three
regions, as `base` and `per_thousand_cells`. The functions `memory` and `minutes` of workflow/rules/common.smk are given
these numbers, rounded up.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from runs import ROOT, run

REGIONS = {"steppe": (98, 46.5, 101, 48.5), "middle": (97, 45.5, 103, 49), "khangai": (96, 45, 104, 50)}
MONTHS = ["2021-07", "2021-08"]


@dataclass(frozen=True)
class Measured:
    """One job; its region's cells are 0 where it has none."""

    thousand_cells: float
    memory: float
    seconds: float


def measured(folder: Path) -> dict[str, list[Measured]]:
    """All jobs of a run, by rule."""
    found: dict[str, list[Measured]] = defaultdict(list)
    root = folder / "results/benchmarks"
    for path in sorted(root.rglob("*.tsv")):
        rule, *wildcards = path.relative_to(root).with_suffix("").parts
        for row in pd.read_csv(path, sep="\t").itertuples():
            found[rule].append(Measured(thousand_cells(folder, wildcards[0]), float(row.max_rss), float(row.s)))
    return found


def thousand_cells(folder: Path, region: str) -> float:
    """Cells of a region's rectangle: all months have the same."""
    for cells in (folder / "results" / region).glob("*/cells.tif"):
        with rasterio.open(cells) as raster:
            return raster.width * raster.height / 1000
    return 0.0


def line(jobs: list[Measured], values: list[float]) -> tuple[float, float]:
    """Base and growth of a line through all jobs; none below the largest that was measured, and no growth below 0."""
    sizes = np.array([job.thousand_cells for job in jobs])
    growth = max(float(np.polyfit(sizes, values, 1)[0]), 0.0)
    return float(np.max(values - growth * sizes)), growth


def snakemake_memory(folder: Path) -> float:
    """MB of a Snakemake that reads the workflow and does nothing."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--summary", "--nolock"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a finished run with several regions")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(f"snakemake_memory {snakemake_memory(Path(name)):.0f} MB")
        folder = arguments.folder or Path(name)
        if not arguments.folder:
            regions = [{"name": region, "bbox": box} for region, box in REGIONS.items()]
            run(folder, [f"regions={json.dumps(regions)}", f"months={json.dumps(MONTHS)}"], cores=arguments.cores)
        for rule, jobs in measured(folder).items():
            for what, unit in (("memory", "MB"), ("seconds", "s")):
                values = [getattr(job, what) for job in jobs]
                print(f"{rule}_{what}_largest {max(values):.0f} {unit}")
                if len({job.thousand_cells for job in jobs}) > 1:
                    base, growth = line(jobs, values)
                    print(f"{rule}_{what}_base {base:.0f} {unit}")
                    print(f"{rule}_{what}_per_thousand_cells {growth:.1f} {unit}")


if __name__ == "__main__":
    main()
