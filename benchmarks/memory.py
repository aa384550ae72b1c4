"""Whether memory stays as it is and time grows as the area does, when a region grows: python benchmarks/memory.py.

Regions of 1, 4 and 16 blocks of 128 × 128 cells, and of a continent's size: 512 × 768 cells, as many 1 km pixels as 25
MODIS tiles hold. Every job between composites and figures runs as a process of its own on simulated predictors; those
of blocks on every block. The learner is linear, so that what is measured is how pixels are handled, not trees, whose
cost grows with the training rows; `trust_cost.py` has a forest. Prints of each rule the largest memory of its jobs
(`memory_<rule>_<blocks>`) and their CPU time (`cpu_<rule>_<blocks>`, imports included), and how that grows:
`slope_<rule>` is the slope of the logarithm of CPU time over that of the area, 1 where it is as the area, less where a
job's start counts.
"""

import argparse
import math
import tempfile

from simulated_regions import Region, measure

SIDE = 128
SIZES = {1: (128, 128), 4: (256, 256), 16: (512, 512)}
"""Cells of regions by their number of blocks."""
CONTINENT = (512, 768), 256
BY_BLOCK = ("stack_block", "predict_block", "judge_block")
RULES = (
    *("stack_block", "collect_samples", "train_absolute", "train_detail", "evaluate_model", "restore_cells"),
    *("predict_block", "judge_block", "assemble_predictors", "assemble_map", "assemble_quality"),
    *("compare_maps", "compare_truth", "measure_coverage", "validate_field", "draw_figures", "write_map_page"),
)
"""In the order in which they follow from each other."""


def run(name: str, shape: tuple[int, int], side: int) -> dict[str, float]:
    """Run all jobs of a region of `shape` cells; prints what each rule needed, and returns its CPU seconds."""
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        region = Region(folder, (204, 2400, *shape), side, "linear")
        for preparation in ("prepare", "prepare_composites"):
            measure(region, preparation)
        for rule in RULES:
            found = [measure(region, rule, part) for part in (region.blocks if rule in BY_BLOCK else [""])]
            costs[rule] = sum(cpu for cpu, _ in found)
            print(f"memory_{rule}_{name} {max(memory for _, memory in found):.0f} MB")
            print(f"cpu_{rule}_{name} {costs[rule]:.1f} s", flush=True)
    return costs


def slope(sizes: list[int], costs: list[float]) -> float:
    """Least-squares slope of the logarithms."""
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    middle, mean = sum(x) / len(x), sum(y) / len(y)
    return sum((a - middle) * (b - mean) for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="*", type=int, choices=SIZES, default=list(SIZES), help="numbers of blocks")
    parser.add_argument("--continent", action=argparse.BooleanOptionalAction, default=True)
    asked = parser.parse_args()
    costs = [run(str(size), SIZES[size], SIDE) for size in asked.sizes]
    for rule in RULES if len(costs) > 1 else ():
        print(f"slope_{rule} {slope(asked.sizes, [cost[rule] for cost in costs]):.2f}")
    if len(costs) > 1:
        print(f"slope_all {slope(asked.sizes, [sum(cost.values()) for cost in costs]):.2f}")
    if asked.continent:
        run("continent", *CONTINENT)


if __name__ == "__main__":
    main()
