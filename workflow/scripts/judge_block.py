"""Judge how far the pixels of one block lie from what the model was trained on."""

import numpy as np
import pandas as pd

from kilomoist.agreement import read_reliability
from kilomoist.applicability import applicability, uses_predictors, weights_of
from kilomoist.files import write_json
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.importances import learned_rows
from kilomoist.jobs import LOGGER, job
from kilomoist.methods import Cells, deviations
from kilomoist.models import load
from kilomoist.rasters import mosaic, write_raster
from kilomoist.samples import read_samples
from kilomoist.shifts import count_shift
from kilomoist.splits import spatial_folds


def judge_block(
    stack_path: str,
    samples_path: str,
    cells_path: str,
    model_path: str,
    importance_path: str,
    agreement_path: str | None,
    minimum_fraction: float,
    seed: int,
    tags: dict[str, str],
    path: str,
    shift_path: str,
) -> None:
    """Write the block's dissimilarity index and which pixels lie outside the training range (1 or 0), in the space that
    the model sees, NaN where a predictor is missing; and the counts of its predictors beside the training rows'.
    """
    model = load(model_path)
    use = list(model.predictors)
    stack, pixels = mosaic([stack_path], M01)
    bands, window = mosaic([cells_path], M09)
    samples = read_samples(samples_path, use)
    cells = Cells.of_samples(samples, bands["target"], use, window)
    predictors = np.stack([stack[name] for name in use])
    del stack
    valid = np.isfinite(predictors).all(axis=0)
    seen = predictors[:, valid].T
    rows = learned_rows("absolute", samples, cells, use, minimum_fraction)
    learned = rows.x[rows.trained] if model.method == "absolute" else rows.x
    shift = [count_shift("value", name, learned[:, number], seen[:, number]) for number, name in enumerate(use)]
    verdict = {name: np.full(valid.shape, np.nan, np.float32) for name in ("dissimilarity", "outside_range")}
    for band in verdict.values():
        band[valid] = 0
    found = {"method": model.method, "model": model.kind, "alpha": f"{model.alpha:.4f}"}
    if uses_predictors(model):
        if model.method == "detail":
            rows = learned_rows("detail", samples, cells, use, minimum_fraction, model.ratio)
            learned = rows.x
            reliability = read_reliability(agreement_path, use) if agreement_path else []
            seen = deviations(predictors, pixels, cells, CELL_SIDE, reliability)[:, valid].T
            shift += [
                count_shift("deviation", name, learned[:, number], seen[:, number]) for number, name in enumerate(use)
            ]
        folds = spatial_folds(rows.row[rows.trained], rows.column[rows.trained])
        weights = weights_of(pd.read_csv(importance_path), model.method, use)
        # Deviations within cells (`model.subgrid`) are unknown within pixels: places are compared by predictors alone.
        known = applicability(learned[:, : len(use)], folds, weights, seed)
        verdict["dissimilarity"][valid] = known.dissimilarity(seen)
        verdict["outside_range"][valid] = known.outside_range(seen)
        found |= {"threshold": f"{known.threshold:.6f}", "mean_distance": f"{known.mean_distance:.6g}"}
        found["weights"] = ", ".join(f"{name} {weight:.4g}" for name, weight in zip(use, weights, strict=True))
        LOGGER.info("Threshold %s, mean distance %s, weights: %s.", *list(found.values())[-3:])
    else:
        found["threshold"] = "0"
        found["note"] = "alpha is 0: the map uses no predictor, and nothing is outside"
    write_raster(path, verdict, M01, pixels, tags | found)
    write_json(shift_path, shift)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        judge_block(
            *(snakemake.input[name] for name in ("stack", "samples", "cells", "model", "importance")),
            next(iter(snakemake.input.agreement), None),
            *(snakemake.params[name] for name in ("minimum_valid_fraction", "seed", "tags")),
            *snakemake.output,
        )
