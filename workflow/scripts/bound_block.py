"""Tell how far the truth may lie from the map of a block, before the target's own error."""

import numpy as np

from kilomoist.files import read_json
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import job
from kilomoist.learning.details import pixel_detail, read_cells
from kilomoist.learning.models import load
from kilomoist.mapping.intervals import Calibration, block_offsets
from kilomoist.predictors.reliability import read_reliability
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks


def bound_block(
    stack_path: str,
    samples_path: str,
    cells_path: str,
    model_path: str,
    calibration_path: str,
    reliability_path: str,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write how far the interval reaches `below` and `above` the map, m³/m³, NaN where a predictor is missing."""
    model, calibration = load(model_path), Calibration(**read_json(calibration_path))
    use = list(model.predictors)
    if model.method == "detail":
        cells = read_cells(samples_path, cells_path, use)[1].filled()
        reliability = read_reliability(reliability_path, use)
    with Mosaic([stack_path], M01) as stack, raster_chunks(path, M01, stack.window, tags) as raster:
        for chunk in chunks_of(stack.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            predictors = stack.stack(pixels, use)
            if model.method == "detail":
                predictors = pixel_detail(predictors, pixels, cells, CELL_SIDE, reliability)
            valid = np.isfinite(predictors).all(axis=0)
            sides = {name: np.full(valid.shape, np.nan, np.float32) for name in ("below", "above")}
            offsets = block_offsets(model, predictors[:, valid].T.astype(np.float32), calibration)
            for side, offset in zip(sides.values(), offsets, strict=True):
                side[valid] = offset
            raster.write(sides, pixels)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        bound_block(*snakemake.input, snakemake.params.tags, snakemake.output.offsets)
