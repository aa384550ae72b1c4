"""Outcomes of a run's regions and months, told at its end.

Snakemake imports this module whenever it reads the workflow, in every job again: import nothing heavy here.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kilomoist.planning.requirements import Run

_INPUTS = 3
"""Inputs of a failed job that are shown."""
ALL_MONTHS = "all months"
"""What stands for the month of what is made from all months of a region."""


@dataclass(frozen=True)
class Failure:
    """A job that failed, with the runs that it belongs to and those that need it."""

    log: str
    own: frozenset[Run]
    """Those that it alone belongs to; empty for a job that several share, such as a composite."""
    waiting: frozenset[Run]

    @property
    def failed(self) -> frozenset[Run]:
        """Runs that it makes fail: not what needs all months, where a single month failed."""
        return self.own or frozenset(run for run in self.waiting if run[1] != ALL_MONTHS)


@dataclass(frozen=True)
class Outcome:
    """What became of a region and month."""

    region: str
    month: str
    state: Literal["done", "failed", "not made", "left out"]
    reason: str = ""
    file: str = ""
    """The map or, where it failed, the log."""


def last_error(log: str | Path) -> str:
    """Last error in the log of a job; empty when there is none."""
    log = Path(log)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    errors = [line for line in lines if " ERROR " in line]
    return errors[-1].split(" ERROR ", 1)[1] if errors else ""


def outcomes(
    files: Mapping[Run, str], unfinished: Iterable[Run], left_out: Mapping[Run, str], failures: Sequence[Failure]
) -> list[Outcome]:
    """Outcome of every run, given its main file: where it failed, the reason that the log of a failed job names."""
    found, unfinished = [], set(unfinished)
    for run, file in files.items():
        own = [failure for failure in failures if run in failure.failed]
        if own:
            found.append(Outcome(*run, "failed", *_reason(own)))
        elif any(run in failure.waiting for failure in failures):
            found.append(Outcome(*run, "not made", "It needs what failed."))
        elif run in unfinished:
            found.append(Outcome(*run, "not made", "The run ended before."))
        else:
            found.append(Outcome(*run, "done", file=file if Path(file).exists() else ""))
    found += [Outcome(*run, "left out", reason.replace("\n", " ")) for run, reason in left_out.items()]
    found += [Outcome("-", "-", "failed", *_reason([failure])) for failure in failures if not failure.waiting]
    return sorted(found, key=lambda outcome: (outcome.region, outcome.month))


def _reason(failures: Sequence[Failure]) -> tuple[str, str]:
    """The first reason that the logs of failed jobs name, and its log."""
    more = f" And {len(failures) - 1} more of its jobs failed." if len(failures) > 1 else ""
    for failure in failures:
        if error := last_error(failure.log):
            return error + more, failure.log
    return f"No log names a reason: it may have been killed, for want of memory or time.{more}", failures[0].log


def outcome_table(found: Iterable[Outcome]) -> str:
    """Table of outcomes: region, month, state, reason and file."""
    rows = [("region", "month", "state", "reason, file")]
    for outcome in found:
        last = (
            f"{outcome.reason} ({outcome.file})" if outcome.reason and outcome.file else outcome.reason or outcome.file
        )
        rows.append((outcome.region, outcome.month, outcome.state, last))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ("  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def success_text(files: Mapping[Run, str], left_out: Mapping[Run, str]) -> str:
    """Where what was made lies, a line a run, given its main file; what was left out, and why. Empty for nothing."""
    lines = []
    for (region, month), file in files.items():
        folder = Path(file).parent
        if Path(file).exists():
            shown = "" if month == ALL_MONTHS else f": open {folder}/map.html or {folder}/report.html; map"
            lines.append(f"{region}, {month}{shown or ': open'} {file}")
    lines += [f"{region}, {month} was left out: {reason}" for (region, month), reason in left_out.items()]
    return "\n".join(lines)


def shorten_inputs(record: logging.LogRecord) -> bool:
    """A filter of Snakemake's log: of a failed job's inputs, often hundreds, the first are shown; all records pass."""
    inputs = getattr(record, "input", None)
    if record.levelno >= logging.ERROR and isinstance(inputs, list) and len(inputs) > _INPUTS:
        record.input = [*inputs[:_INPUTS], f"and {len(inputs) - _INPUTS} more"]
    return True
