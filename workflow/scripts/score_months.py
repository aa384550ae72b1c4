"""Score what models of the other months say of every month of a region, beside null models."""

from pathlib import Path

import pandas as pd

from kilomoist.evaluation.assessments import Scored, score_table
from kilomoist.files import read_json, replaced
from kilomoist.jobs import job


def score_months(estimates: list[str], ranges: list[str], kind: str, seed: int, path: str) -> None:
    """Write one row for each left-out month and estimate; `ranges` are those of the months, in the same order."""
    rows = []
    for table, range_path in zip(estimates, ranges, strict=True):
        scored = Scored.of(pd.read_parquet(table), read_json(range_path)["autocorrelation_range"], seed)
        rows += score_table(Path(table).stem, scored, kind)
    with replaced(path) as partial:
        pd.DataFrame(rows).rename(columns={"protocol": "month"}).to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        score_months(
            list(snakemake.input.estimates),
            list(snakemake.input.ranges),
            *(snakemake.params[name] for name in ("kind", "seed")),
            snakemake.output.scores,
        )
