"""Score what every protocol estimated, beside its null models, with confidence intervals; correlate the variables."""

from pathlib import Path

import pandas as pd

from kilomoist.evaluation.assessments import Scored, difference_table, estimate_names, score_table, write_scores
from kilomoist.evaluation.ranges import read_range
from kilomoist.evaluation.scores import ESTIMATES
from kilomoist.evaluation.study import correlations, split_estimates
from kilomoist.files import read_table, write_table
from kilomoist.grids import CELL_SIDE, COARSE_SIDE
from kilomoist.jobs import rule_script
from kilomoist.names import MAP_ONE_SCALE_UP, ONE_SCALE_UP, delivered, protocol_label, variable_label
from kilomoist.predictors.samples import read_samples

REFERENCES = dict.fromkeys(("random", "random_folds", "blocks", "knndm"), ("linear",)) | {
    ONE_SCALE_UP: ("bilinear_reconciled", "bilinear", "copied")
}
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
    method: str,
    reconcile: bool,
    seed: int,
    train: str,
    random: str,
    scores: str,
    intervals: str,
    differences: str,
    correlation: str,
) -> None:
    """Write the estimates of the study's own protocols, the scores of all and how their intervals were found, the
    differences from null models, and the correlations of target and predictors. Labels tell the map of this run, by its
    `method` and whether it is reconciled; it has a row though nothing could be scored.
    """
    table = read_samples(samples, use)
    study = split_estimates(table, use, read_table(predictions)["predicted"].to_numpy())
    write_table(train, study["train"])
    write_table(random, study["random"])
    protocols = {Path(path).stem: read_table(path) for path in estimates}
    protocols = {ONE_SCALE_UP: protocols[ONE_SCALE_UP]} | study | protocols  # the map comes first
    autocorrelation_range = read_range(variogram)
    found, differing = [], []
    for protocol, estimated in protocols.items():
        scored = Scored.of(estimated, autocorrelation_range, seed)
        side = estimated.attrs.get("side", CELL_SIDE * COARSE_SIDE)
        labels = {name: protocol_label(protocol, name, method, reconcile, side) for name in ESTIMATES}
        rows = score_table(protocol, scored, kind, labels)
        if protocol == ONE_SCALE_UP and not scored.estimates:
            rows[0] |= estimate_names(delivered(method, reconcile), kind, labels)
            if len(estimated):  # its note says how they were restored, not why none counts
                rows[0]["note"] = "no cell has a value in every map that is compared"
        found += sorted(rows, key=lambda row: row.get("label") != MAP_ONE_SCALE_UP)  # the delivered one first
        differing += difference_table(protocol, scored, REFERENCES.get(protocol, ("bilinear_reconciled",)), labels)
    write_scores(found, scores, intervals)
    write_table(differences, pd.DataFrame(differing).astype({"n": "Int64"}))
    correlated = correlations(table, ["target", *use])
    for name in ("first", "second"):
        correlated.insert(correlated.columns.get_loc(name) + 1, f"{name}_label", correlated[name].map(variable_label))
    write_table(correlation, correlated)
