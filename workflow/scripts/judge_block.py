"""Judge how far the pixels of one block lie from what the model was trained on."""

from kilomoist.files import write_json
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.learning.details import pixel_detail, read_cells, read_reliability
from kilomoist.mapping.applicability import read_applicability, verdict_on
from kilomoist.mapping.shifts import ShiftCount, count_pixels
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_run


@rule_script
def judge_block(
    *, stack: str, samples: str, cells: str, applicability: str, reliability: list[str], verdict: str, shift: str
) -> None:
    """Write the block's dissimilarity index and which pixels lie outside the training range (1 or 0), in the space that
    the model sees, NaN where a predictor is missing; and the counts of its predictors beside the training rows'.
    """
    known, facts = read_applicability(applicability)
    use, counts = facts["predictors"], [ShiftCount(learned) for learned in facts["learned"]]
    values, details = counts[: len(use)], counts[len(use) :]
    if details:
        filled = read_cells(samples, cells, use)[1].filled()
        shares = read_reliability(reliability[0], use)
    tags = read_run(stack) | facts["tags"]
    with Mosaic([stack], M01) as mosaic, raster_chunks(verdict, M01, mosaic.window, tags) as raster:
        for chunk in chunks_of(mosaic.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            seen = mosaic.stack(pixels, use)
            count_pixels(values, seen)
            if details:
                seen = pixel_detail(seen, pixels, filled, CELL_SIDE, shares)
                count_pixels(details, seen)
            raster.write(verdict_on(known, seen), pixels)
    write_json(shift, [count.counts() for count in counts])
