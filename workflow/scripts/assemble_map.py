"""Put the blocks together and reconcile them with the cells: the map, and the ranges of both maps."""

import numpy as np

from kilomoist.files import write_table
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import rule_script
from kilomoist.mapping.maps import bounds_of, finish_block, map_ranges, map_tags, own_weights, read_analysis
from kilomoist.mapping.resolution import effective_resolution
from kilomoist.metadata import describe
from kilomoist.rasters import Mosaic, chunks_of, raster_chunks, read_raster, read_run, read_tags, write_raster

MEANING = (
    "weight w of the target's own value in what the cell's mean is held to, f + w (target - f), f what the predictors "
    "say of the cell; 1: the mean is the target's value, 0: all of it is the model's, or the cell is not reconciled"
)


@rule_script
def assemble_map(
    *,
    raw: list[str],
    cells: str,
    target: str,
    predictors: str,
    use: list[str],
    minimum_valid_fraction: float,
    reconcile: bool,
    origin: dict[str, list[str]],
    correction: str,
    target_weight: str,
    soil_moisture: str,
    ranges: str,
) -> None:
    """Write the map, whose cell means are the target's as far as it counts, and the target's weight there as COGs.

    Beside them the correction (m³/m³) that makes them so and which cells it reconciles (1 or 0), all 0 when `reconcile`
    is off; and the table of ranges with the map's effective resolution in km.
    """
    run, made = read_run(cells), read_tags(raw[0])  # by the model, which need not be loaded
    with Mosaic(raw, M01) as blocks:
        analysis = read_analysis(cells, blocks, minimum_valid_fraction if reconcile else None)
        window, reconciled = analysis.window, np.isfinite(analysis.target)
        solved = {"correction": analysis.correction, "reconciled": reconciled.astype(float)}
        write_raster(correction, solved, M09, window, run)
        tags = describe(run, "target_weight_9km", **origin) | {"meaning": MEANING}
        weights = {"target_weight": own_weights(cells, analysis)}
        write_raster(target_weight, weights, M09, window, tags, {"target_weight": "1"}, cloud_optimized=True)
        tags = describe(made | map_tags(analysis), "soil_moisture", **origin)
        units, whole = {"soil_moisture": "m3 m-3"}, window.refined(CELL_SIDE)
        with raster_chunks(soil_moisture, M01, whole, tags, units, cloud_optimized=True) as raster:
            for chunk in chunks_of(window):
                pixels = chunk.refined(CELL_SIDE)
                values = finish_block(blocks.read(pixels)["soil_moisture"], analysis, chunk, bounds_of(made["target"]))
                raster.write({"soil_moisture": values}, pixels)
    table = map_ranges(soil_moisture, window, read_raster(target)[0]["soil_moisture"])
    resolution = effective_resolution(soil_moisture, predictors, use)
    write_table(ranges, table.assign(effective_resolution=np.where(table["map"] == "1 km", resolution, np.nan)))
