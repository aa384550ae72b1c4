"""Put the reconciled blocks together: the map, and the ranges of both maps."""

import numpy as np

from kilomoist.files import write_table
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.mapping.maps import bounds_of, finish_block, map_ranges, map_tags, read_analysis
from kilomoist.mapping.resolution import effective_resolution
from kilomoist.metadata import describe
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_raster, read_tags


@rule_script
def assemble_map(
    *,
    raw: list[str],
    cells: str,
    target: str,
    predictors: str,
    correction: str,
    use: list[str],
    origin: dict[str, list[str]],
    soil_moisture: str,
    ranges: str,
) -> None:
    """Write the map as a COG, and the table of ranges with the map's effective resolution in km."""
    analysis = read_analysis(cells, correction)
    window, made = analysis.window, read_tags(raw[0])  # by the model, which need not be loaded
    tags = describe(made | map_tags(analysis), "soil_moisture", **origin)
    units, whole = {"soil_moisture": "m3 m-3"}, window.refined(CELL_SIDE)
    with (
        Mosaic(raw, M01) as blocks,
        raster_chunks(soil_moisture, M01, whole, tags, units, cloud_optimized=True) as raster,
    ):
        for chunk in chunks_of(window):
            pixels = chunk.refined(CELL_SIDE)
            values = finish_block(blocks.read(pixels)["soil_moisture"], analysis, chunk, bounds_of(made["target"]))
            raster.write({"soil_moisture": values}, pixels)
    table = map_ranges(soil_moisture, window, read_raster(target)[0]["soil_moisture"])
    resolution = effective_resolution(soil_moisture, predictors, use)
    write_table(ranges, table.assign(effective_resolution=np.where(table["map"] == "1 km", resolution, np.nan)))
