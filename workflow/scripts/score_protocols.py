"""Score what every protocol estimated, beside its null models, with confidence intervals; correlate the variables."""

from pathlib import Path

import pandas as pd

from kilomoist.evaluation.assessments import Scored, difference_table, score_table, write_scores
from kilomoist.evaluation.study import correlations, split_estimates
from kilomoist.files import read_json, write_table
from kilomoist.jobs import rule_script
from kilomoist.predictors.samples import read_samples

REFERENCES = {"random": "linear", "random_folds": "linear", "blocks": "linear", "knndm": "linear"}
"""References that the estimates of a protocol are tested against; everywhere else SMAP, bilinear and reconciled."""


@rule_script
def score_protocols(
    *,
    samples: str,
    predictions: str,
    estimates: list[str],
    variogram: str,
    use: list[str],
    kind: str,
    seed: int,
    train: str,
    random: str,
    scores: str,
    intervals: str,
    differences: str,
    correlation: str,
) -> None:
    """Write the estimates of the study's own protocols, the scores of all and how their intervals were found, the
    differences from null models, and the correlations of target and predictors.
    """
    table = read_samples(samples, use)
    protocols = split_estimates(table, use, pd.read_csv(predictions)["predicted"].to_numpy())
    write_table(train, protocols["train"])
    write_table(random, protocols["random"])
    protocols |= {Path(path).stem: pd.read_parquet(path) for path in estimates}
    autocorrelation_range = read_json(variogram)["autocorrelation_range"]
    found, differing = [], []
    for protocol, estimated in protocols.items():
        scored = Scored.of(estimated, autocorrelation_range, seed)
        found += score_table(protocol, scored, kind)
        differing += difference_table(protocol, scored, REFERENCES.get(protocol, "bilinear_reconciled"))
    write_scores(found, scores, intervals)
    write_table(differences, pd.DataFrame(differing).astype({"n": "Int64"}))
    write_table(correlation, correlations(table, ["target", *use]))
