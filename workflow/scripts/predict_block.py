"""Map one block at 1 km, before reconciliation."""

from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import job
from kilomoist.learning.details import read_cells
from kilomoist.learning.models import load
from kilomoist.learning.predictions import model_tags, predict_map
from kilomoist.predictors.reliability import read_reliability
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks


def predict_block(
    stack_path: str,
    samples_path: str,
    cells_path: str,
    model_path: str,
    reliability_path: str | None,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write the unreconciled map of the block, NaN where a predictor is missing; `detail` needs the reliability."""
    model = load(model_path)
    use = list(model.predictors)
    cells = read_cells(samples_path, cells_path, use)[1].filled()
    reliability = read_reliability(reliability_path, use) if reliability_path else []
    with Mosaic([stack_path], M01) as stack, raster_chunks(path, M01, stack.window, tags | model_tags(model)) as raster:
        for chunk in chunks_of(stack.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            predictors = stack.stack(pixels, use)
            raw = predict_map(model, predictors, pixels, cells, CELL_SIDE, reliability)
            raster.write({"soil_moisture": raw}, pixels)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        predict_block(
            *(snakemake.input[name] for name in ("stack", "samples", "cells", "model")),
            next(iter(snakemake.input.reliability), None),
            snakemake.params.tags,
            snakemake.output.raw,
        )
