"""What the default run costs on this machine: python benchmarks/demo.py [--cores 2].

Simulated data. Prints `name value unit`: the first run from nothing, its CPU apart for the rules that simulate granules
and for all else, Snakemake included, the largest job, and a second run that finds nothing to do.
"""

import argparse
import tempfile
from pathlib import Path

from runs import cpu_of_rules, largest_job, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    cores = parser.parse_args().cores
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, idle = run(folder, [], cores=cores), run(folder, [], cores=cores)
        rule, memory = largest_job(folder)
        simulating = sum(cpu for each, cpu in cpu_of_rules(folder).items() if each.startswith("simulate_"))
    print(f"demo_wall {first.wall:.1f} s")
    print(f"demo_cpu {first.cpu:.1f} s")
    print(f"demo_simulating_cpu {simulating:.1f} s")
    print(f"demo_without_simulating_cpu {first.cpu - simulating:.1f} s")
    print(f"demo_largest_job_{rule} {memory:.0f} MB")
    print(f"demo_idle_wall {idle.wall:.1f} s")


if __name__ == "__main__":
    main()
