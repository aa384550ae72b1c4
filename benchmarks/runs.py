"""Runs of the workflow in a folder of their own, with what they cost."""

import os
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds of a run, its own process and all below it."""

    cpu: float
    wall: float


def run(folder: Path, config: list[str], targets: list[str] | None = None, cores: int = 2, tree: Path = ROOT) -> Cost:
    """Run the workflow of a tree in `folder` with `--config` entries; its messages are shown only when it fails."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(tree / "Snakefile"), "--cores", str(cores)]
    before, start = _children_cpu(), time.monotonic()
    # Jobs of versions up to 0.2.0 import the library that is installed, unless this names theirs.
    done = subprocess.run(
        [*command, *(targets or []), *(["--config", *config] if config else [])],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(tree / "workflow/scripts")},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{done.stderr}\nThe run in {folder} failed.")
    return Cost(_children_cpu() - before, time.monotonic() - start)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_of_rules(folder: Path) -> dict[str, float]:
    """CPU seconds of all jobs of each rule of a run as their logs tell, the rule that took most first."""
    logs, total = folder / "results/logs", Counter[str]()
    for path in logs.glob("**/*.log"):
        if took := re.findall(r"Took ([\d.]+) s of CPU\.", path.read_text()):
            total[path.relative_to(logs).parts[0]] += float(took[-1])
    return dict(total.most_common())


def jobs_of(folder: Path) -> int:
    """Number of jobs that runs in a folder had."""
    return sum(1 for _ in folder.glob("results/benchmarks/**/*.tsv"))


def largest_job(folder: Path, rules: Collection[str] | None = None) -> tuple[str, float]:
    """The rule with the largest resident memory of a run, by default of all rules, and that memory in MB."""
    benchmarks = folder / "results/benchmarks"
    jobs = ((path.relative_to(benchmarks).parts[0], path) for path in benchmarks.glob("**/*.tsv"))
    found = (
        (rule, float(pd.read_csv(path, sep="\t")["max_rss"].max())) for rule, path in jobs if not rules or rule in rules
    )
    return max(found, key=lambda job: job[1])
