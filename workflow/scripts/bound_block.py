"""Bound the map of one block: distances of the interval's ends, before the target's own error."""

from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.learning.details import pixel_detail, read_cells, read_reliability
from kilomoist.learning.models import load
from kilomoist.mapping.calibration import Calibration, block_offsets
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_run


@rule_script
def bound_block(
    *, stack: str, samples: str, cells: str, model: str, calibration: str, reliability: str, offsets: str
) -> None:
    """Write how far the interval reaches `below` and `above` the map, m³/m³, NaN where a predictor is missing."""
    trained, calibrated = load(model), Calibration.read(calibration)
    use = list(trained.predictors)
    if trained.method == "detail":
        filled = read_cells(samples, cells, use)[1].filled()
        shares = read_reliability(reliability, use)
    with Mosaic([stack], M01) as mosaic, raster_chunks(offsets, M01, mosaic.window, read_run(stack)) as raster:
        for chunk in chunks_of(mosaic.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            seen = mosaic.stack(pixels, use)
            if trained.method == "detail":
                seen = pixel_detail(seen, pixels, filled, CELL_SIDE, shares)
            raster.write(block_offsets(trained, seen, calibrated), pixels)
