"""Write the 3-hourly soil-moisture granules of a month as SMAP L4 would give them for a simulated scene."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kilomoist.calendars import slots
from kilomoist.grids import Box
from kilomoist.jobs import job
from kilomoist.products import PRODUCTS
from kilomoist.rasters import read_raster
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.scenes import make_scene
from kilomoist.simulation.smap import compress_target, write_target_granule
from kilomoist.simulation.target import erring, target_field, target_mean


def simulate_target(
    truth: str, product_name: str, month: str, extent: Box, seed: int, error: float, threads: int, folder: str
) -> None:
    """Write eight granules a day into `folder`; their mean is that of the truth over each cell, and SMAP's error."""
    product, scene = PRODUCTS[product_name], make_scene(extent, seed)
    true = target_mean(read_raster(truth)[0]["soil_moisture"])
    mean = erring(scene, true, month, error, product.layers["soil_moisture"].valid)

    def compressed(number: int) -> bytes:
        return compress_target(scene.window, target_field(scene, mean, product, month, number))

    times = slots(product, month)
    with ThreadPoolExecutor(threads) as pool:
        for slot, field in zip(times, pool.map(compressed, range(len(times))), strict=True):
            path = Path(folder) / granule_file_name(product, slot.time, None)
            write_target_granule(path, product, slot.time, field)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        simulate_target(
            snakemake.input.truth,
            snakemake.wildcards.product,
            snakemake.wildcards.month,
            tuple(snakemake.params.extent),
            snakemake.params.seed,
            snakemake.params.error,
            snakemake.threads,
            snakemake.output.granules,
        )
