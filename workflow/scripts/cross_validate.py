"""Estimate every training row by models that did not see the rows that are left out with it."""

from dataclasses import replace

import numpy as np
import pandas as pd

from kilomoist.evaluation.cross_validation import TooFewBlocksError, fold_estimates, folds_of
from kilomoist.evaluation.ranges import read_range
from kilomoist.files import read_table, write_table
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.models import load
from kilomoist.learning.tuning import learner_of
from kilomoist.predictors.samples import read_samples
from kilomoist.rasters import mosaic


@rule_script
def cross_validate(
    *,
    samples: str,
    cells: str,
    variogram: str,
    study: str,
    random_folds: list[str],
    protocol: str,
    use: list[str],
    learner: dict,
    threads: int,
    estimates: str,
) -> None:
    """Write the estimates, with what the folds are as the table's `note`.

    `absolute` has the leaf size and trend of the model `study`; with a search, what is searched is chosen anew for each
    fold. Where the folds are those of `random_folds`, its estimates are taken.
    """
    table, model = read_samples(samples, use), load(study)
    bands, window = mosaic([cells], M09, ["valid_fraction"])
    settings, tuning = learner_of(learner)
    settings = replace(settings, min_leaf=model.min_leaf, trend=model.trend)
    autocorrelation_range = read_range(variogram)
    try:
        mapped = bands["valid_fraction"] > 0
        folds, note = folds_of(protocol, table, mapped, window, autocorrelation_range, settings.seed)
        found = next((known for known in map(read_table, random_folds) if np.array_equal(known["fold"], folds)), None)
        if found is None:
            found = fold_estimates(table, use, settings, folds, tuning if tuning.search else None, threads)
    except TooFewBlocksError as error:
        found, note = pd.DataFrame(), str(error)
    LOGGER.info("%s: %s", protocol, note)
    found.attrs["note"] = note
    write_table(estimates, found)
