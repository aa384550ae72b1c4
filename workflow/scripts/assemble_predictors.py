"""Put the blocks of predictors together."""

from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import job
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks


def assemble_predictors(stacks: list[str], units: dict[str, str], tags: dict[str, str], path: str) -> None:
    """Write the 1 km predictors of the whole region as COG."""
    with (
        Mosaic(stacks, M01) as whole,
        raster_chunks(path, M01, whole.window, tags, units, cloud_optimized=True) as raster,
    ):
        for chunk in chunks_of(whole.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            raster.write(whole.read(pixels), pixels)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        assemble_predictors(
            list(snakemake.input.stacks), snakemake.params.units, snakemake.params.tags, snakemake.output.predictors
        )
