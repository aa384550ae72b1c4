"""Damaged files and killed runs, many of them: python benchmarks/faults.py [--cases 200000] [--kills 100] [--seed 1].

Every reader of the workflow reads as many files, each damaged in one to three ways (`tests/fuzzing.py`), in processes
whose death, time and memory are seen. Prints of each reader the files that said the same as the whole one
(`same_<reader>`), something else where its form cannot tell (`other_…`), were refused in a sentence (`refused_…`), and
of all readers what must be 0: deaths and hangs of a process, more than 1 GB, exceptions that no document tells, and
numbers of an HDF file that are silently others. A case that must not be is kept in the folder `faults` of this one.

Then runs of the small scene of the tests, simulated, are killed (SIGKILL of Snakemake and all jobs, up to a second
after a job has begun) in a job of one rule after the other, unlocked and continued, until each rule was hit and the
kills are as many as asked for. Prints `kills`, `rules_hit`, `rules_of_the_run`, and `results_changed`: files of results
that differ from those of a run that nobody disturbed. 0 cases, or 0 kills, leave that part out.
"""

import argparse
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from random import Random

from runs import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from damaged_readers import READERS
from fuzzing import GOOD, Tally, fuzz
from workflow_runs import DEMO, SMALL, files, identical, kill_in, link, planned, rules, succeed

PIECE = 400
"""Cases that a process of its own reads."""
LATEST = 1.0
"""Seconds after the beginning of a job until which it is killed."""


def read_damaged(cases: int, seed: int, kept: Path) -> None:
    """Read damaged files with every reader: a piece with each, and then as many as its speed lets it."""
    counts, speed = {name: Counter[str]() for name in READERS}, {}
    with ProcessPoolExecutor(2) as pool:

        def read(pieces: Mapping[str, list[range]]) -> None:
            asked = [(name, piece) for name, own in pieces.items() for piece in own]
            done = pool.map(read_piece, *zip(*asked, strict=True), repeat(seed))
            for (name, piece), (tally, seconds) in zip(asked, done, strict=True):
                counts[name] += tally.counts
                speed[name] = len(piece) / seconds
                keep(tally, kept, name)

        read({name: [range(PIECE)] for name in READERS})
        left = cases - PIECE * len(READERS)
        share = {name: math.ceil(left * one / sum(speed.values()) / PIECE) for name, one in speed.items()}
        more = {name: [range(PIECE * at, PIECE * (at + 1)) for at in range(1, own + 1)] for name, own in share.items()}
        if any(more.values()):
            read(more)
    for name, found in counts.items():
        for outcome in sorted({*GOOD, *found}):
            print(f"{outcome.replace(' ', '_')}_{name.replace(' ', '_')} {found[outcome]}")
    print(f"cases {sum(found.total() for found in counts.values())}")
    print(
        f"faults {sum(n for found in counts.values() for outcome, n in found.items() if outcome not in GOOD)}",
        flush=True,
    )


def read_piece(name: str, cases: range, seed: int) -> tuple[Tally, float]:
    """Read some cases of a reader; what came of them, and in how many seconds."""
    start = time.monotonic()
    return fuzz(READERS[name], cases, seed), time.monotonic() - start


def keep(tally: Tally, folder: Path, name: str) -> None:
    """Keep an example of each outcome that must not be."""
    for outcome, (number, content) in tally.examples.items():
        folder.mkdir(exist_ok=True)
        print(f"# {name}, case {number}: {outcome}")
        (folder / f"{name}-{number}".replace(" ", "-")).write_bytes(content)


def kill_everywhere(kills: int, seed: int) -> None:
    """Kill runs until every rule was hit and the kills are enough."""
    random, hit = Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        undisturbed, folder = Path(name, "undisturbed"), Path(name, "killed")
        succeed(undisturbed, config=SMALL, cores=2, cold=True)
        changed: list[str] = []
        every = rules(planned(Path(name, "new"), SMALL))
        passes = 0

        def is_wanted() -> bool:
            return hit.total() < kills or hit.keys() < every

        while is_wanted():
            passes += 1
            run = folder / str(passes)
            run.mkdir(parents=True)
            if passes % 2 == 0:  # the other half makes its granules too
                link(undisturbed / "resources", run / "resources")
            while is_wanted() and (left := {rule for rule in every if hit[rule] < passes}):
                rule = kill_in(left, run, config=SMALL, delay=random.uniform(0, LATEST))
                if rule is None:
                    break
                hit[rule] += 1
            succeed(run, config=SMALL, cores=2, cold=True)
            changed += identical(undisturbed, run) + different(undisturbed, run)
            print(f"# {hit.total()} kills, {len(hit)} of {len(every)} rules after run {passes}", flush=True)
    print(f"kills {hit.total()}")
    print(f"rules_hit {len(hit.keys() & every)}")
    print(f"rules_of_the_run {len(every)}")
    print(f"results_changed {len(changed)}")


def different(first: Path, second: Path) -> list[str]:
    """Public files whose bytes differ between two runs, and abandoned ones."""
    return [path for path in files(first, DEMO) if (first / path).read_bytes() != (second / path).read_bytes()] + [
        path for path in files(second, "results") if ".partial-" in path
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.cases:
        read_damaged(asked.cases, asked.seed, Path("faults"))
    if asked.kills:
        kill_everywhere(asked.kills, asked.seed)


if __name__ == "__main__":
    main()
