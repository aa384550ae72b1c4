"""Score what models of the other months say of every month of a region, beside null models."""

from pathlib import Path

from kilomoist.evaluation.assessments import Scored, score_table, write_scores
from kilomoist.evaluation.ranges import read_range
from kilomoist.files import read_table
from kilomoist.jobs import rule_script
from kilomoist.names import LABELS, STUDY_9KM


@rule_script
def score_months(
    *, estimates: list[str], variograms: list[str], kind: str, seed: int, scores: str, intervals: str
) -> None:
    """Write the scores of each month's estimates, and how their intervals were found, by each month's variogram."""
    rows = []
    for path, variogram in zip(estimates, variograms, strict=True):
        scored = Scored.of(read_table(path), read_range(variogram), seed)
        rows += score_table(Path(path).stem, scored, kind, LABELS | {"absolute": STUDY_9KM}, of="month")
    write_scores(rows, scores, intervals)
