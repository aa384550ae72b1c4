"""Tell what the methods look at, and what they make of it."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from kilomoist.files import replaced
from kilomoist.grids import M09
from kilomoist.importances import dependence_table, importance_table, learned_rows, product_groups
from kilomoist.jobs import LOGGER, job
from kilomoist.methods import Cells
from kilomoist.models import Settings, load
from kilomoist.predictors import deviation_names
from kilomoist.rasters import mosaic
from kilomoist.samples import read_samples


def rank_predictors(
    samples_path: str,
    cells_path: str,
    models: list[str],
    use: list[str],
    products: Sequence[str],
    units: dict[str, str],
    settings: Settings,
    minimum_fraction: float,
    threads: int,
    paths: dict[str, str],
) -> None:
    """Write importances and partial dependence of both methods, without `detail` where it learned nothing."""
    samples = read_samples(samples_path, use)
    bands, window = mosaic([cells_path], M09)
    cells = Cells.of_samples(samples, bands["target"], use, window)
    groups = product_groups(use, products)
    units |= dict(zip(deviation_names(use), [units[name] for name in use], strict=True))
    importances, dependences = [], []
    for model in sorted(map(load, models), key=lambda model: model.method):
        if model.estimator is None:
            continue
        rows = learned_rows(model.method, samples, cells, use, minimum_fraction, model.ratio)
        own = replace(settings, min_leaf=model.min_leaf, options=model.options, trend=model.trend)
        importances.append(importance_table(model, rows, own, groups, threads))
        dependences.append(dependence_table(model, rows, units, settings.seed))
    tables = {"importance": pd.concat(importances), "partial_dependence": pd.concat(dependences)}
    LOGGER.info("Importances and variance inflation:\n%s", tables["importance"].to_string(index=False))
    for name, table in tables.items():
        with replaced(paths[name]) as partial:
            table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        rank_predictors(
            *(snakemake.input[name] for name in ("samples", "cells")),
            list(snakemake.input.models),
            *(snakemake.params[name] for name in ("use", "products", "units")),
            Settings(snakemake.params.kind, snakemake.params.trees, snakemake.params.seed),
            snakemake.params.minimum_valid_fraction,
            snakemake.threads,
            dict(snakemake.output.items()),
        )
