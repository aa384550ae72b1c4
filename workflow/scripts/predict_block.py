"""Map one block at 1 km, before reconciliation."""

import numpy as np

from kilomoist.agreement import read_reliability
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import job
from kilomoist.methods import Cells, predict_map
from kilomoist.models import load
from kilomoist.rasters import mosaic, write_raster
from kilomoist.samples import read_samples


def predict_block(
    stack_path: str,
    samples_path: str,
    cells_path: str,
    model_path: str,
    agreement_path: str | None,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write the unreconciled map of the block, NaN where a predictor is missing; `detail` needs the agreement."""
    model = load(model_path)
    use = list(model.predictors)
    stack, pixels = mosaic([stack_path], M01)
    bands, window = mosaic([cells_path], M09)
    cells = Cells.of_samples(read_samples(samples_path, use), bands["target"], use, window)
    predictors = np.stack([stack[name] for name in use])
    reliability = read_reliability(agreement_path, use) if agreement_path else []
    raw = predict_map(model, predictors, pixels, cells, CELL_SIDE, reliability)
    write_raster(path, {"soil_moisture": raw}, M01, pixels, tags)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        predict_block(
            *(snakemake.input[name] for name in ("stack", "samples", "cells", "model")),
            next(iter(snakemake.input.agreement), None),
            snakemake.params.tags,
            snakemake.output.raw,
        )
