"""Put the blocks of predictors together."""

from kilomoist.grids import M01
from kilomoist.jobs import job
from kilomoist.rasters import mosaic, write_raster


def assemble_predictors(stacks: list[str], units: dict[str, str], tags: dict[str, str], path: str) -> None:
    """Write the 1 km predictors of the whole region as COG."""
    bands, window = mosaic(stacks, M01)
    write_raster(path, bands, M01, window, tags, units, cloud_optimized=True)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        assemble_predictors(
            list(snakemake.input.stacks), snakemake.params.units, snakemake.params.tags, snakemake.output.predictors
        )
