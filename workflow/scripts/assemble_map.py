"""Put the reconciled blocks together: the map, and the ranges of both maps."""

from contextlib import nullcontext

import numpy as np

from kilomoist.files import write_table
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.mapping.maps import bounds_of, finish_block, interval_block, map_ranges, map_tags, read_analysis
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_raster, read_tags


@rule_script
def assemble_map(
    *,
    raw: list[str],
    offsets: list[str],
    cells: str,
    target: str,
    correction: str,
    target_error: float,
    interval: float | None,
    soil_moisture: str,
    ranges: str,
) -> None:
    """Write the map as a COG and the table of ranges; without `offsets` of the blocks the map has no interval."""
    analysis = read_analysis(cells, correction, target_error)
    window, made = analysis.window, read_tags(raw[0])  # by the model, which need not be loaded
    tags, bounds = made | map_tags(analysis, target_error, interval), bounds_of(made["target"])
    units = dict.fromkeys(("soil_moisture", "lower", "upper"), "m3 m-3")
    bounded = False
    with (
        Mosaic(raw, M01) as blocks,
        Mosaic(offsets, M01) if offsets else nullcontext() as sides,
        raster_chunks(soil_moisture, M01, window.refined(CELL_SIDE), tags, units, cloud_optimized=True) as raster,
    ):
        for chunk in chunks_of(window):
            pixels = chunk.refined(CELL_SIDE)
            values = finish_block(blocks.read(pixels)["soil_moisture"], analysis, chunk, bounds)
            bands = {"soil_moisture": values}
            if sides and interval:
                bands |= interval_block(values, sides.read(pixels), analysis.error, interval, bounds)
                bounded |= bool(np.isfinite(bands["lower"]).any())
            raster.write(bands, pixels)
        if offsets and not bounded:
            raster.tags["interval"] = "none: the region is too small to count errors one scale up"
    write_table(ranges, map_ranges(soil_moisture, window, read_raster(target)[0]["soil_moisture"]))
