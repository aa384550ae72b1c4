"""Tell how variables go together, what the study's model says of its own rows and of the test rows, what the methods
look at, and what the map's model knows of where it is asked.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from kilomoist.evaluation.correlations import correlations
from kilomoist.evaluation.importances import importance_table, product_groups
from kilomoist.evaluation.partial_dependence import dependence_table
from kilomoist.evaluation.random_split import split_estimates
from kilomoist.files import replaced
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, job
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings, predict_mean
from kilomoist.learning.models import load
from kilomoist.learning.training_rows import learned_rows
from kilomoist.mapping.applicability import learn_applicability, write_applicability
from kilomoist.predictors.samples import read_samples
from kilomoist.rasters import mosaic


def evaluate_model(
    samples_path: str,
    cells_path: str,
    models: list[str],
    use: list[str],
    products: Sequence[str],
    units: dict[str, str],
    settings: LearnerSettings,
    minimum_fraction: float,
    threads: int,
    paths: dict[str, str],
) -> None:
    """Write correlations, the estimates of `absolute` on train and test rows and what their figure shows, importances
    and partial dependence of all `models` but one that learned nothing, and the applicability of the first of them.
    """
    samples = read_samples(samples_path, use)
    bands, window = mosaic([cells_path], M09, ["target"])
    cells = Cells.of_samples(samples, bands["target"], use, window)
    groups = product_groups(use, products)
    loaded = list(map(load, models))
    (study,) = [one for one in loaded if one.method == "absolute"]
    predicted = predict_mean(study.estimator, samples[use].to_numpy(np.float32))
    rows = {
        one.method: learned_rows(one.method, samples, cells, use, minimum_fraction, one.ratio)
        for one in loaded
        if one.estimator is not None
    }
    importances, dependences = [], []
    for model in sorted(loaded, key=lambda model: model.method):
        if model.method in rows:
            own = replace(settings, min_leaf=model.min_leaf, options=model.options, trend=model.trend)
            importances.append(importance_table(model, rows[model.method], own, groups, threads))
            dependences.append(dependence_table(model, rows[model.method], units, settings.seed))
    tables = {
        "correlation": correlations(samples, ["target", *use]),
        "predictions": pd.DataFrame({"observed": samples["target"], "predicted": predicted, "split": samples["split"]}),
        "importance": pd.concat(importances),
        "partial_dependence": pd.concat(dependences),
    }
    LOGGER.info("Importances and variance inflation:\n%s", tables["importance"].to_string(index=False))
    known, facts = learn_applicability(loaded[0], rows, tables["importance"], use, settings.seed)
    if known:
        LOGGER.info("Threshold %(threshold)s, mean distance %(mean_distance)s, weights: %(weights)s.", facts["tags"])
    write_applicability(paths["applicability"], known, facts)
    for name, table in tables.items():
        with replaced(paths[name]) as partial:
            table.to_csv(partial, index=False)
    for name, table in split_estimates(samples, use, predicted).items():
        with replaced(paths[name]) as partial:
            table.to_parquet(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        evaluate_model(
            *(snakemake.input[name] for name in ("samples", "cells")),
            list(snakemake.input.models),
            *(snakemake.params[name] for name in ("use", "products", "units")),
            LearnerSettings(snakemake.params.kind, snakemake.params.trees, snakemake.params.seed),
            snakemake.params.minimum_valid_fraction,
            snakemake.threads,
            dict(snakemake.output.items()),
        )
