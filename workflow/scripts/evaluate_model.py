"""Score the study's model on its split, and tell what the models look at."""

import numpy as np
import pandas as pd

from kilomoist.files import replaced
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, job
from kilomoist.methods import Cells, detail_rows, fit_absolute
from kilomoist.models import Settings, load, predict_mean
from kilomoist.rasters import mosaic
from kilomoist.samples import read_samples
from kilomoist.scores import correlations, importance, score


def evaluate_model(
    samples_path: str,
    cells_path: str,
    model_path: str,
    use: list[str],
    settings: Settings,
    min_leaf: int | str,
    minimum_fraction: float,
    threads: int,
    paths: dict[str, str],
) -> None:
    """Write correlations, importances, scores of `absolute` on train and test rows, and its predictions.

    With `detail` as the mapped method, `absolute` is trained here for the study's row, and importances of both are
    given: permutation on the test rows for `absolute`, on the training rows (all there are) for `detail`.
    """
    samples, model = read_samples(samples_path, use), load(model_path)
    study = model
    if model.method != "absolute":
        study, table = fit_absolute(samples, use, settings, min_leaf, threads)
        LOGGER.info("Method absolute, compared out of fold:\n%s", table.to_string(index=False))
    x, y = samples[use].to_numpy(np.float32), samples["target"].to_numpy()
    predicted, test = predict_mean(study.estimator, x), (samples["split"] == "test").to_numpy()
    importances = [importance(study, x[test], y[test], settings.seed)]
    if model.method == "detail" and model.estimator is not None:
        bands, window = mosaic([cells_path], M09)
        cells = Cells.of_samples(samples, bands["target"], use, window)
        importances.append(importance(model, *detail_rows(cells, minimum_fraction), settings.seed))
    labels = {"method": "absolute", "model": settings.kind}
    scores = [
        {"protocol": protocol} | labels | score(y[rows], predicted[rows])
        for protocol, rows in (("train", ~test), ("random", test))
    ]
    tables = {
        "correlation": correlations(samples, ["target", *use]),
        "importance": pd.concat(importances),
        "scores": pd.DataFrame(scores),
        "predictions": pd.DataFrame({"observed": y, "predicted": predicted, "split": samples["split"]}),
    }
    for name, table in tables.items():
        with replaced(paths[name]) as partial:
            table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        evaluate_model(
            *(snakemake.input[name] for name in ("samples", "cells", "model")),
            snakemake.params.use,
            Settings(snakemake.params.kind, snakemake.params.trees, snakemake.params.seed),
            snakemake.params.min_leaf,
            snakemake.params.minimum_valid_fraction,
            snakemake.threads,
            dict(snakemake.output.items()),
        )
