"""Estimate every training row by models that did not see the rows that are left out with it."""

from dataclasses import replace

import numpy as np
import pandas as pd

from kilomoist.evaluation.cross_validation import cross_validate, folds_of
from kilomoist.evaluation.validation_folds import TooFewBlocksError
from kilomoist.files import read_json, replaced
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, job
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import load
from kilomoist.learning.tuning import TuningOptions
from kilomoist.predictors.samples import read_samples
from kilomoist.rasters import mosaic


def cross_validate_by(
    protocol: str,
    samples_path: str,
    cells_path: str,
    range_path: str,
    models: list[str],
    known_paths: list[str],
    use: list[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    threads: int,
    path: str,
) -> None:
    """Write the estimates, with what the folds are as the table's `note`.

    `absolute` has its model's leaf size and trend; with a search, what is searched is chosen anew for each fold. Of
    `known_paths`, the estimates of none or one other protocol, the estimates are taken where the folds are the same.
    """
    samples, (study,) = read_samples(samples_path, use), [one for one in map(load, models) if one.method == "absolute"]
    bands, window = mosaic([cells_path], M09)
    settings = replace(settings, min_leaf=study.min_leaf, trend=study.trend)
    try:
        folds, note = folds_of(
            protocol,
            samples,
            bands["valid_fraction"] > 0,
            window,
            read_json(range_path)["autocorrelation_range"],
            settings.seed,
        )
        known = [table for table in map(pd.read_parquet, known_paths) if np.array_equal(table["fold"], folds)]
        table = (
            known[0]
            if known
            else cross_validate(samples, use, settings, folds, tuning if tuning.search else None, threads)
        )
    except TooFewBlocksError as error:
        table, note = pd.DataFrame(), str(error)
    LOGGER.info("%s: %s", protocol, note)
    table.attrs["note"] = note
    with replaced(path) as partial:
        table.to_parquet(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        cross_validate_by(
            snakemake.wildcards.protocol,
            *(snakemake.input[name] for name in ("samples", "cells", "range")),
            [snakemake.input.model, snakemake.input.alternative],
            list(snakemake.input.random_folds),
            snakemake.params.use,
            LearnerSettings(snakemake.params.kind, snakemake.params.trees, snakemake.params.seed),
            TuningOptions(snakemake.params.min_leaf, snakemake.params.search),
            snakemake.threads,
            snakemake.output.estimates,
        )
