"""What a continent and all land would take, from measured costs: python benchmarks/scale.py COSTS.

COSTS is a file with what `python benchmarks/national.py` printed: CPU seconds by rule for one month of 7 tiles. A plan
on paper: each rule's cost is taken to grow with what it grows with, tiles, pixels or months (`benchmarks/memory.py`
measures how rules grow), and nothing here has been run. Prints for each plan the jobs, CPU hours, disk and traffic.
"""

import argparse
from pathlib import Path

TILES, PIXELS = 7, 1.56
"""What the costs are of: tiles, and millions of mapped pixels."""
BLOCK_PIXELS = 256 * 256 * 81 / 1e6
"""Millions of pixels of a full block."""
BY_TILE = ("composite_tile",)
BY_MONTH = ("average_target",)
BY_PIXEL = (
    *("stack_block", "predict_block", "judge_block"),
    *("assemble_map", "assemble_quality", "assemble_predictors"),
)
"""The rules of which there is a job for each tile, for each month, and those that handle pixels; all others
see cells, of which no more are trained on than a region has, and are taken as once for each region and month."""
BLOCKS, JOBS_OF_BLOCK = 2, 3
"""Of what was measured."""
PLANS = {"continent_month": (45, 30.0, 8, 1), "land_decade": (290, 135.0, 40, 120)}
"""Tiles, millions of land pixels, regions into which the land is cut, and months, all of them assumed: a continent of
the size of Africa, and all land without Antarctica."""
VEGETATION_MB, VEGETATION_A_MONTH = 73.4, 23 / 12
"""Of MOD13A1: size of a granule of a tile full of land, as NASA's catalogue has it, and granules a month."""
TEMPERATURE_MB, TARGET_MB, DAYS = 2.0, 3.0, 30.4
"""Of a granule of MOD11A1, of the part of SPL4SMGP that is fetched, and days of a month."""
COMPOSITE_MB = 87.6
"""Of both products on one tile: h25v04 in the archive of `national.py`."""
PIXEL_BYTES = 88.0
"""Of all files of a run there, for each mapped pixel."""


def read_costs(path: Path) -> dict[str, float]:
    """Figures by name."""
    return {name: float(value) for name, value, *_ in (line.split() for line in path.read_text().splitlines() if line)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("costs", type=Path, help="what national.py printed")
    costs = read_costs(parser.parse_args().costs)
    prefix = "cpu_of_default_"
    of_rules = {name.removeprefix(prefix): cpu for name, cpu in costs.items() if name.startswith(prefix)}
    by_tile, by_month, by_pixel = (
        sum(of_rules.get(rule, 0.0) for rule in rules) for rules in (BY_TILE, BY_MONTH, BY_PIXEL)
    )
    # What is left of the run: tables, figures, pages, Snakemake itself and the start of every job.
    by_region = costs["cpu_default"] + costs["cpu_pages"] - by_tile - by_month - by_pixel
    jobs_of_region = costs["jobs_default"] + costs["jobs_pages"] - TILES - 1 - JOBS_OF_BLOCK * BLOCKS
    for name, (tiles, pixels, regions, months) in PLANS.items():
        blocks = max(regions, round(pixels / BLOCK_PIXELS * 2))  # coasts and borders leave blocks half empty
        cpu = tiles / TILES * by_tile + by_month + pixels / PIXELS * by_pixel + regions * by_region
        jobs = tiles + 1 + JOBS_OF_BLOCK * blocks + jobs_of_region * regions
        traffic = tiles * (VEGETATION_MB * VEGETATION_A_MONTH + TEMPERATURE_MB * DAYS) + TARGET_MB * 8 * DAYS
        disk = traffic + tiles * COMPOSITE_MB + pixels * PIXEL_BYTES
        print(f"jobs_{name} {months * jobs:.0f}")
        print(f"cpu_{name} {months * cpu / 3600:.1f} h")
        print(f"traffic_{name} {months * traffic / 1e3:.0f} GB")
        print(f"disk_{name} {months * disk / 1e3:.0f} GB")


if __name__ == "__main__":
    main()
