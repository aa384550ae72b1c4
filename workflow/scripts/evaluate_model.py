"""Tell what the models look at, and what the study's one says of its own rows and of the test rows."""

import numpy as np
import pandas as pd

from kilomoist.files import replaced
from kilomoist.grids import M09
from kilomoist.jobs import job
from kilomoist.methods import Cells, detail_rows
from kilomoist.models import load, predict_mean
from kilomoist.protocols import split_estimates
from kilomoist.rasters import mosaic
from kilomoist.samples import read_samples
from kilomoist.scores import correlations, importance


def evaluate_model(
    samples_path: str,
    cells_path: str,
    models: list[str],
    use: list[str],
    seed: int,
    minimum_fraction: float,
    paths: dict[str, str],
) -> None:
    """Write correlations, importances, the estimates of `absolute` on train and test rows, and what the figure shows.

    Importances of both methods are given: permutation on the test rows for `absolute`, on the training rows (all there
    are) for `detail`.
    """
    samples, by_method = read_samples(samples_path, use), {model.method: model for model in map(load, models)}
    study, other = by_method["absolute"], by_method["detail"]
    x, y = samples[use].to_numpy(np.float32), samples["target"].to_numpy()
    predicted, test = predict_mean(study.estimator, x), (samples["split"] == "test").to_numpy()
    importances = [importance(study, x[test], y[test], seed)]
    if other.estimator is not None:
        bands, window = mosaic([cells_path], M09)
        cells = Cells.of_samples(samples, bands["target"], use, window)
        importances.append(importance(other, *detail_rows(cells, minimum_fraction), seed))
    tables = {
        "correlation": correlations(samples, ["target", *use]),
        "importance": pd.concat(importances),
        "predictions": pd.DataFrame({"observed": y, "predicted": predicted, "split": samples["split"]}),
    }
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
            [snakemake.input.model, snakemake.input.alternative],
            *(snakemake.params[name] for name in ("use", "seed", "minimum_valid_fraction")),
            dict(snakemake.output.items()),
        )
