"""Judge how far the pixels of one block lie from what the model was trained on."""

import numpy as np

from kilomoist.files import write_json
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import job
from kilomoist.learning.details import pixel_detail, read_cells
from kilomoist.mapping.applicability import read_applicability
from kilomoist.mapping.shifts import ShiftCount
from kilomoist.predictors.reliability import read_reliability
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks


def judge_block(
    stack_path: str,
    samples_path: str,
    cells_path: str,
    known_path: str,
    reliability_path: str | None,
    tags: dict[str, str],
    path: str,
    shift_path: str,
) -> None:
    """Write the block's dissimilarity index and which pixels lie outside the training range (1 or 0), in the space that
    the model sees, NaN where a predictor is missing; and the counts of its predictors beside the training rows'.
    """
    known, facts = read_applicability(known_path)
    use, counts = facts["predictors"], [ShiftCount(learned) for learned in facts["learned"]]
    values, details = counts[: len(use)], counts[len(use) :]
    if details:
        filled = read_cells(samples_path, cells_path, use)[1].filled()
        reliability = read_reliability(reliability_path, use)
    with Mosaic([stack_path], M01) as stack, raster_chunks(path, M01, stack.window, tags | facts["tags"]) as raster:
        for chunk in chunks_of(stack.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            predictors = stack.stack(pixels, use)
            valid = np.isfinite(predictors).all(axis=0)
            seen = predictors[:, valid].T
            for number, count in enumerate(values):
                count.add(seen[:, number])
            if details:
                seen = pixel_detail(predictors, pixels, filled, CELL_SIDE, reliability)[:, valid].T
                for number, count in enumerate(details):
                    count.add(seen[:, number])
            verdict = {name: np.full(valid.shape, np.nan, np.float32) for name in ("dissimilarity", "outside_range")}
            verdict["dissimilarity"][valid] = known.dissimilarity(seen) if known else 0
            verdict["outside_range"][valid] = known.outside_range(seen) if known else 0
            raster.write(verdict, pixels)
    write_json(shift_path, [count.counts() for count in counts])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        judge_block(
            *(snakemake.input[name] for name in ("stack", "samples", "cells", "known")),
            next(iter(snakemake.input.reliability), None),
            snakemake.params.tags,
            *snakemake.output,
        )
