"""Whether time grows as the months do: python benchmarks/months.py [--months 1 4 12].

Simulated data: a region of one tile in the small scene, everything else as by default. Runs as many months as is asked,
each number in a folder of its own, and prints CPU and wall seconds of each, CPU seconds of the simulation of granules
and of `leave_month_out`, which learns from all other months, and, without these two, `ratio_<months>` to one month (or
the first number) and `slope`, that of the logarithm of the CPU time over that of the months. `wall_ratio_<months>` is
that of the wall time, of all: one month leaves a core idle now and then, and a job beside another takes more CPU.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

from memory import slope
from runs import cpu_of_rules, run

MONTHS = [f"{year}-{month:02d}" for year in (2017, 2018, 2020, 2021, 2023, 2024) for month in (7, 8)]
"""Of one season, because clouds and snow decide how many rows a month has."""
CONFIG = {
    "scene": {"extent": "small"},
    "regions": [{"name": "steppe", "bbox": [98, 46.5, 101, 48.5]}],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", nargs="*", type=int, default=[1, 4, 12], choices=range(1, len(MONTHS) + 1))
    numbers, costs, walls = parser.parse_args().months, [], []
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            config = {**CONFIG, "months": MONTHS[:number]}
            cost = run(Path(name), [f"{key}={json.dumps(value)}" for key, value in config.items()])
            rules = Counter(cpu_of_rules(Path(name)))
        simulated = sum(cpu for rule, cpu in rules.items() if rule.startswith("simulate"))
        costs.append(cost.cpu - simulated - rules["leave_month_out"])
        walls.append(cost.wall)
        print(f"cpu_{number} {cost.cpu:.1f} s")
        print(f"wall_{number} {cost.wall:.1f} s")
        print(f"cpu_of_simulation_{number} {simulated:.1f} s")
        print(f"cpu_of_leave_month_out_{number} {rules['leave_month_out']:.1f} s")
        print(f"ratio_{number} {costs[-1] / costs[0]:.2f}")
        print(f"wall_ratio_{number} {walls[-1] / walls[0]:.2f}", flush=True)
    if len(numbers) > 1:
        print(f"slope {slope(numbers, costs):.2f}")


if __name__ == "__main__":
    main()
