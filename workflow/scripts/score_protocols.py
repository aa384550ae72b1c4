"""Score what every protocol estimated, beside its null models, with how sure that is."""

import pandas as pd

from kilomoist.evaluation.assessments import Scored, difference_table, score_table
from kilomoist.files import read_json, replaced
from kilomoist.jobs import job

REFERENCES = {"random": "linear", "random_folds": "linear", "blocks": "linear", "knndm": "linear"}
"""What the estimates of a protocol are tested against; everywhere else SMAP, bilinear and reconciled."""


def score_protocols(
    paths: dict[str, str], range_path: str, kind: str, seed: int, scores_path: str, differences_path: str
) -> None:
    """Write one row for each protocol and estimate, and one for each difference from a null model."""
    autocorrelation_range = read_json(range_path)["autocorrelation_range"]
    scores, differences = [], []
    for protocol, estimates in paths.items():
        scored = Scored.of(pd.read_parquet(estimates), autocorrelation_range, seed)
        scores += score_table(protocol, scored, kind)
        differences += difference_table(protocol, scored, REFERENCES.get(protocol, "bilinear_reconciled"))
    for path, rows in ((scores_path, scores), (differences_path, differences)):
        with replaced(path) as partial:
            # A protocol without rows has no n, and the others' would become fractions.
            pd.DataFrame(rows).astype({"n": "Int64"}).to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        score_protocols(
            {path.rsplit("/", 1)[-1].removesuffix(".parquet"): path for path in snakemake.input.estimates},
            snakemake.input.range,
            snakemake.params.kind,
            snakemake.params.seed,
            *snakemake.output,
        )
