"""Map one block at 1 km, before reconciliation."""

from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.learning.details import read_cells, read_reliability
from kilomoist.learning.models import load
from kilomoist.learning.predictions import model_tags, predict_map
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_run


@rule_script
def predict_block(*, stack: str, samples: str, cells: str, model: str, reliability: list[str], raw: str) -> None:
    """Write the unreconciled map of the block, NaN where a predictor is missing; `detail` needs the reliability."""
    trained = load(model)
    use = list(trained.predictors)
    filled = read_cells(samples, cells, use)[1].filled()
    shares = read_reliability(reliability[0], use) if reliability else []
    tags = read_run(stack) | model_tags(trained)
    with Mosaic([stack], M01) as predictors, raster_chunks(raw, M01, predictors.window, tags) as raster:
        for chunk in chunks_of(predictors.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            values = predict_map(trained, predictors.stack(pixels, use), pixels, filled, CELL_SIDE, shares)
            raster.write({"soil_moisture": values}, pixels)
