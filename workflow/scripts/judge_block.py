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
from kilomoist.rasters import Mosaic, mosaic, parts_of, raster_parts
from kilomoist.samples import read_samples
from kilomoist.shifts import ShiftCount
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
    bands, window = mosaic([cells_path], M09, ["target"])
    samples = read_samples(samples_path, use)
    cells = Cells.of_samples(samples, bands["target"], use, window)
    rows = learned_rows("absolute", samples, cells, use, minimum_fraction)
    learned = rows.x[rows.trained] if model.method == "absolute" else rows.x
    values = [ShiftCount("value", name, learned[:, number]) for number, name in enumerate(use)]
    details: list[ShiftCount] = []
    found = {"method": model.method, "model": model.kind, "alpha": f"{model.alpha:.4f}"}
    known = None
    if uses_predictors(model):
        if model.method == "detail":
            rows = learned_rows("detail", samples, cells, use, minimum_fraction, model.ratio)
            learned = rows.x
            reliability, filled = read_reliability(agreement_path, use), cells.filled()
            details = [ShiftCount("deviation", name, learned[:, number]) for number, name in enumerate(use)]
        folds = spatial_folds(rows.row[rows.trained], rows.column[rows.trained])
        weights = weights_of(pd.read_csv(importance_path), model.method, use)
        # Deviations within cells (`model.subgrid`) are unknown within pixels: places are compared by predictors alone.
        known = applicability(learned[:, : len(use)], folds, weights, seed)
        found |= {"threshold": f"{known.threshold:.6f}", "mean_distance": f"{known.mean_distance:.6g}"}
        found["weights"] = ", ".join(f"{name} {weight:.4g}" for name, weight in zip(use, weights, strict=True))
        LOGGER.info("Threshold %s, mean distance %s, weights: %s.", *list(found.values())[-3:])
    else:
        found["threshold"] = "0"
        found["note"] = "alpha is 0: the map uses no predictor, and nothing is outside"
    with Mosaic([stack_path], M01) as stack, raster_parts(path, M01, stack.window, tags | found) as raster:
        for part in parts_of(stack.window.coarsened(CELL_SIDE)):
            pixels = part.refined(CELL_SIDE)
            predictors = stack.stack(pixels, use)
            valid = np.isfinite(predictors).all(axis=0)
            seen = predictors[:, valid].T
            for number, count in enumerate(values):
                count.add(seen[:, number])
            if details:
                seen = deviations(predictors, pixels, filled, CELL_SIDE, reliability)[:, valid].T
                for number, count in enumerate(details):
                    count.add(seen[:, number])
            verdict = {name: np.full(valid.shape, np.nan, np.float32) for name in ("dissimilarity", "outside_range")}
            verdict["dissimilarity"][valid] = known.dissimilarity(seen) if known else 0
            verdict["outside_range"][valid] = known.outside_range(seen) if known else 0
            raster.write(verdict, pixels)
    write_json(shift_path, [count.counts() for count in [*values, *details]])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        judge_block(
            *(snakemake.input[name] for name in ("stack", "samples", "cells", "model", "importance")),
            next(iter(snakemake.input.agreement), None),
            *(snakemake.params[name] for name in ("minimum_valid_fraction", "seed", "tags")),
            *snakemake.output,
        )
