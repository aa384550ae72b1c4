"""Score what models of the other months say of every month of a region, beside null models."""

from pathlib import Path

import pandas as pd

from kilomoist.evaluation.assessments import Scored, score_table
from kilomoist.files import read_json, write_table
from kilomoist.jobs import hand_over


def score_months(*, estimates: list[str], variograms: list[str], kind: str, seed: int, scores: str) -> None:
    """Write one row for each left-out month and estimate; `variograms` are those of the months, in the same order."""
    rows = []
    for path, variogram in zip(estimates, variograms, strict=True):
        scored = Scored.of(pd.read_parquet(path), read_json(variogram)["autocorrelation_range"], seed)
        rows += score_table(Path(path).stem, scored, kind)
    write_table(scores, pd.DataFrame(rows).rename(columns={"protocol": "month"}))


if __name__ == "__main__":
    hand_over(snakemake, score_months)
