"""Progress of a run by time: jobs weigh what they took in earlier runs or, before the first, where they were measured.

Snakemake imports this module whenever it reads the workflow, in every job again: import nothing heavy here.
"""

import itertools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BENCHMARKS = Path("results/benchmarks")
USUAL_SECONDS = 3.0
"""Of jobs that were never measured, such as downloads, which depend on the link."""
_SEVERAL = 20
"""Benchmarks of a rule whose mean stands for a job that has none of its own."""
_PAUSE, _MIN_SHARE = 10, 0.02
"""Seconds between two lines on a run's progress, and share of the time before which none is told left."""


def seconds_before(benchmark: str | Path) -> float | None:
    """Seconds that a job took, by Snakemake's benchmark of it; None where there is none."""
    try:
        head, first = Path(benchmark).read_text(encoding="utf-8").splitlines()[:2]
        return float(dict(zip(head.split("\t"), first.split("\t"), strict=True))["s"])
    except (OSError, ValueError, KeyError):  # never made, or cut off by a kill
        return None


def rule_seconds(rule: str, folder: Path = BENCHMARKS) -> float | None:
    """Mean seconds of jobs of a rule in earlier runs here; None without any."""
    files = itertools.islice((folder / rule).rglob("*.tsv"), _SEVERAL)
    known = [seconds for file in sorted(files) if (seconds := seconds_before(file)) is not None]
    return sum(known) / len(known) if known else None


def duration_text(seconds: float) -> str:
    """A time that is not known well: seconds in tens, minutes, or hours and minutes in tens."""
    if seconds < 55:
        return f"{max(round(seconds, -1), 10):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes, -1), 60)
    return f"{hours} h {rest:02d} min"


@dataclass
class Progress:
    """How far a run is, given the seconds that each of its jobs is expected to take."""

    seconds: Mapping[int, float]
    """By the job's number."""
    begun: float = field(default_factory=time.monotonic)
    _told: float = -_PAUSE

    def told(self, unfinished: Iterable[int], now: float | None = None) -> str:
        """A line on the share of the time that is over and what may be left; empty shortly after the last line.

        What is left follows from the time that the finished jobs took, so that cores and machine need not be known.
        """
        gone = (time.monotonic() if now is None else now) - self.begun
        if gone - self._told < _PAUSE:  # before thousands of jobs are looked at after each of them
            return ""
        whole = sum(self.seconds.values())
        left = sum(self.seconds.get(job, 0.0) for job in unfinished)
        if not 0 < left < whole:
            return ""
        self._told = gone
        share = 1 - left / whole
        rest = f", about {duration_text(gone * left / (whole - left))} left" if share >= _MIN_SHARE else ""
        return f"About {share:.0%} of the time is over{rest}."
