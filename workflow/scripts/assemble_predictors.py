"""Put the blocks of predictors together."""

from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.metadata import describe
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_run


@rule_script
def assemble_predictors(
    *, stacks: list[str], units: dict[str, str], origin: dict[str, list[str]], predictors: str
) -> None:
    """Write the 1 km predictors of the whole region as COG."""
    tags = describe(read_run(stacks[0]), "predictors", **origin)
    with (
        Mosaic(stacks, M01) as whole,
        raster_chunks(predictors, M01, whole.window, tags, units, cloud_optimized=True) as raster,
    ):
        for chunk in chunks_of(whole.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            raster.write(whole.read(pixels), pixels)
