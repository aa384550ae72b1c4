"""Write one 16-day vegetation granule as MODIS would see a simulated scene."""

from datetime import datetime

from kilomoist.grids import Box, tile_grid
from kilomoist.jobs import job
from kilomoist.products import PRODUCTS
from kilomoist.simulation.landscapes import read_landscape
from kilomoist.simulation.modis import write_tiled_granule
from kilomoist.simulation.observations import Footprints, vegetation_period
from kilomoist.simulation.scenes import make_scene


def simulate_vegetation(
    landscape: str,
    product_name: str,
    tile: str,
    first_day: str,
    extent: Box,
    seed: int,
    kind: str,
    noisy: bool,
    path: str,
) -> None:
    """Write the granule whose period begins on `first_day` (year and day of the year)."""
    product = PRODUCTS[product_name]
    time = datetime.strptime(first_day, product.time_format)
    scene = make_scene(extent, seed, kind, noisy)
    footprints = Footprints(scene, tile_grid(tile, product.pixels), samples=2)
    arrays = vegetation_period(scene, read_landscape(landscape), footprints, product, time)
    write_tiled_granule(path, product, tile, time, arrays)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        simulate_vegetation(
            snakemake.input.landscape,
            snakemake.wildcards.product,
            snakemake.wildcards.tile,
            snakemake.wildcards.first_day,
            tuple(snakemake.params.extent),
            snakemake.params.seed,
            snakemake.params.landscape,
            snakemake.params.noise,
            snakemake.output.granule,
        )
