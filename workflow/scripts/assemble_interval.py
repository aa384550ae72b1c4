"""Put the intervals of the blocks together, around the finished map."""

import numpy as np

from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.mapping.maps import bounds_of, cell_errors, interval_block
from kilomoist.metadata import describe
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_tags

BANDS = "lower", "upper", "conditional_lower", "conditional_upper"


@rule_script
def assemble_interval(
    *, soil_moisture: str, offsets: list[str], cells: str, target_error: float, nominal: float, interval: str
) -> None:
    """Write the total and the conditional interval of nominal coverage as a COG.

    `target_error` is the standard error (m³/m³) of the product's cells; merged cells (`merged_cells.tif`) tell what is
    left of it after weighing.
    """
    tags = read_tags(soil_moisture)
    bounds = bounds_of(tags["target"])
    error = cell_errors(cells, target_error)
    tags = describe(tags, "interval") | {"interval": f"{nominal:g}"}
    tags |= {"target_error": f"{target_error:g} m3 m-3", "target_error_left": f"{error.left:.4g} m3 m-3"}
    bounded = False
    with Mosaic([soil_moisture], M01) as mapped, Mosaic(offsets, M01) as sides:
        units = dict.fromkeys(BANDS, "m3 m-3")
        with raster_chunks(interval, M01, mapped.window, tags, units, cloud_optimized=True) as raster:
            for chunk in chunks_of(mapped.window.coarsened(CELL_SIDE)):
                pixels = chunk.refined(CELL_SIDE)
                values = mapped.read(pixels)["soil_moisture"]
                ends = interval_block(values, sides.read(pixels), error, nominal, bounds)
                bounded |= bool(np.isfinite(ends["lower"]).any())
                raster.write(ends, pixels)
            if not bounded:
                raster.tags["interval"] = "none: the region is too small to count errors one scale up"
