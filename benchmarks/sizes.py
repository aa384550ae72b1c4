"""What jobs of each rule take, and how that grows with the region: python benchmarks/sizes.py [--archive FOLDER].

Simulated data. Runs three regions of the default scene for two months; and with the archive of `national.py` Mongolia
with everything that a run has, 36 thousand cells where the largest of the others has 4. Prints `name value unit`: the
memory of Snakemake itself, which is in each job on a cluster twice; of each rule memory and time of the largest job;
and of rules that work on a region or block the line through all of them, as `base` and `per_thousand_cells` of the
region or block. Rules give these numbers, rounded up, to `measured`, which asks for more: planning/needs.py.
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
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from national import EXTENT, OUTLINE
from runs import ROOT, run

REGIONS = {"steppe": (98, 46.5, 101, 48.5), "middle": (97, 45.5, 103, 49), "khangai": (96, 45, 104, 50)}
MONTHS = ["2021-07", "2021-08"]
MONGOLIA = {"name": "mongolia", "bbox": list(EXTENT), "outline": str(OUTLINE)}


@dataclass(frozen=True)
class Measured:
    """One job; the cells of its region or block are 0 where it has none."""

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
            found[rule].append(Measured(thousand_cells(folder, wildcards), float(row.max_rss), float(row.s)))
    return found


def thousand_cells(folder: Path, wildcards: list[str]) -> float:
    """Cells of the rectangle of a job's block or region; all months have the same."""
    region, *others = wildcards
    blocks = [f"*/blocks/{others[-1]}/cells.tif"] if others else []
    for pattern in (*blocks, "*/cells.tif"):
        for cells in (folder / "results" / region).glob(pattern):
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
    parser.add_argument("--archive", type=Path, help="the archive that national.py keeps")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    regions = [{"name": region, "bbox": box} for region, box in REGIONS.items()]
    configurations: list[dict[str, Any]] = [{"regions": regions, "months": MONTHS}]
    if arguments.archive:
        archive = arguments.archive.resolve()
        national = {"source": "archive", "archive": str(archive / "granules"), "regions": [MONGOLIA]}
        configurations.append(national | {"field_points": str(archive / "field_points.csv")})
    found: dict[str, list[Measured]] = defaultdict(list)
    for configuration in configurations:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if not found:
                print(f"snakemake_memory {snakemake_memory(folder):.0f} MB")
            run(folder, [f"{key}={json.dumps(value)}" for key, value in configuration.items()], cores=arguments.cores)
            for rule, jobs in measured(folder).items():
                found[rule] += jobs
    for rule, jobs in found.items():
        for what, unit in (("memory", "MB"), ("seconds", "s")):
            values = [getattr(job, what) for job in jobs]
            print(f"{rule}_{what}_largest {max(values):.0f} {unit}")
            if len({job.thousand_cells for job in jobs}) > 1:
                base, growth = line(jobs, values)
                print(f"{rule}_{what}_base {base:.0f} {unit}")
                print(f"{rule}_{what}_per_thousand_cells {growth:.1f} {unit}")


if __name__ == "__main__":
    main()
