"""Judge the pixels of one block: how far they lie from what the model was trained on, and how sure it is of them."""

from contextlib import ExitStack

from kilomoist.files import write_json
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.learning.details import pixel_detail, read_cells, read_reliability
from kilomoist.mapping.applicability import read_applicability, verdict_on
from kilomoist.mapping.shifts import ShiftCount, count_pixels
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_run


@rule_script
def judge_block(
    *,
    stack: str,
    samples: str,
    cells: str,
    applicability: str,
    reliability: list[str],
    model: list[str],
    calibration: list[str],
    verdict: str,
    shift: str,
    offsets: list[str],
) -> None:
    """Write the block's dissimilarity index and which pixels lie outside the training range (1 or 0), in the space that
    the model sees, NaN where a predictor is missing; and the counts of its predictors beside the training rows'.

    Where a `model` and its `calibration` are given, `offsets` tell how far the interval reaches `below` and `above` the
    map, m³/m³, before the target's own error; NaN where a predictor is missing.
    """
    known, facts = read_applicability(applicability)
    use, counts = facts["predictors"], [ShiftCount(learned) for learned in facts["learned"]]
    values, details = counts[: len(use)], counts[len(use) :]
    if details:
        filled = read_cells(samples, cells, use)[1].filled()
        shares = read_reliability(reliability[0], use)
    if offsets:  # what loads a model takes longer to import than all else
        from kilomoist.learning.models import load
        from kilomoist.mapping.calibration import Calibration, block_offsets

        trained, calibrated = load(model[0]), Calibration.read(calibration[0])
    run = read_run(stack)
    with ExitStack() as files:
        mosaic = files.enter_context(Mosaic([stack], M01))
        verdicts, *sides = (
            files.enter_context(raster_chunks(path, M01, mosaic.window, tags))
            for path, tags in ((verdict, run | facts["tags"]), *((path, run) for path in offsets))
        )
        for chunk in chunks_of(mosaic.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            seen = mosaic.stack(pixels, use)
            count_pixels(values, seen)
            if details:
                seen = pixel_detail(seen, pixels, filled, CELL_SIDE, shares)
                count_pixels(details, seen)
            verdicts.write(verdict_on(known, seen), pixels)
            for raster in sides:
                raster.write(block_offsets(trained, seen, calibrated), pixels)
    write_json(shift, [count.counts() for count in counts])
