"""Write the daily temperature granules of a month and tile as MODIS would see a simulated scene."""

from pathlib import Path

from kilomoist.calendars import slots
from kilomoist.grids import Box, tile_grid
from kilomoist.jobs import job
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.landscapes import read_landscape
from kilomoist.simulation.modis import write_tiled_granule
from kilomoist.simulation.observations import TemperatureView
from kilomoist.simulation.scenes import make_scene


def simulate_temperature(
    landscape: str,
    product_name: str,
    tile: str,
    month: str,
    extent: Box,
    seed: int,
    kind: str,
    noisy: bool,
    folder: str,
) -> None:
    """Write one granule a day into `folder`."""
    product, scene = PRODUCTS[product_name], make_scene(extent, seed, kind, noisy)
    view = TemperatureView(scene, read_landscape(landscape), tile_grid(tile, product.pixels), month)
    for slot in slots(product, month):
        path = Path(folder) / granule_file_name(product, slot.time, tile)
        write_tiled_granule(path, product, tile, slot.time, view.day(product, slot.time))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        simulate_temperature(
            snakemake.input.landscape,
            snakemake.wildcards.product,
            snakemake.wildcards.tile,
            snakemake.wildcards.month,
            tuple(snakemake.params.extent),
            snakemake.params.seed,
            snakemake.params.landscape,
            snakemake.params.noise,
            snakemake.output.granules,
        )
