"""Warp the composites to the 1 km pixels of a block and aggregate them to its 9 km cells."""

from pathlib import Path

import numpy as np

from kilomoist.files import read_json
from kilomoist.grids import CELL_SIDE, M01, M09, Box, Window
from kilomoist.jobs import job
from kilomoist.predictors.inventories import require_granules
from kilomoist.predictors.layers import StaticLayer, check_layer, stack_layers
from kilomoist.predictors.stacks import TileComposite, aggregate, needed_days, stack_predictors
from kilomoist.products import PRODUCTS
from kilomoist.rasters import chunks_of, raster_chunks, read_window
from kilomoist.regions import cells_of, pixels_inside, region_area


def stack_block(
    composites: list[TileComposite],
    inventories: list[str],
    target: str,
    block: Window,
    bbox: Box | None,
    outline: str | None,
    use: list[str],
    layers: list[StaticLayer],
    minimum_days: int,
    tags: dict[str, str],
    stack_path: str,
    cells_path: str,
) -> None:
    """Write the block's predictors (1 km, NaN outside the region) and its cells (9 km, target included)."""
    require_granules([read_json(inventory) for inventory in inventories])
    area = region_area(bbox, outline)
    for layer in layers:
        check_layer(layer, tags["region"], area)
    inside = pixels_inside(area, block)
    measured = [name for name in use if any(name in product.quantities for product in PRODUCTS.values())]
    static = stack_layers(layers, use, block, cells_of(area))
    with (
        raster_chunks(stack_path, M01, block.refined(CELL_SIDE), tags) as whole_stack,
        raster_chunks(cells_path, M09, block, tags) as whole_cells,
    ):
        for chunk in chunks_of(block):
            pixels = chunk.refined(CELL_SIDE)
            here = pixels.within(block.refined(CELL_SIDE))
            bands = stack_predictors(composites, measured, chunk, needed_days(minimum_days))
            bands |= {name: layer[here] for name, layer in static.items()}
            stack = {name: bands[name] for name in use} | bands
            stack = {name: np.where(inside[here], band, np.float32(np.nan)) for name, band in stack.items()}
            cells = aggregate(stack, use, inside[here])
            moisture = read_window(target, "soil_moisture", M09, chunk)
            cells = {"target": np.where(cells["region_fraction"] > 0, moisture, np.nan)} | cells
            whole_stack.write(stack, pixels)
            whole_cells.write(cells, chunk)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        stack_block(
            [
                TileComposite(*key, Path(path))
                for key, path in zip(snakemake.params.tiles, snakemake.input.composites, strict=True)
            ],
            list(snakemake.input.inventories),
            snakemake.input.target,
            Window(*snakemake.params.window),
            snakemake.params.bbox,
            next(iter(snakemake.input.outline), None),
            snakemake.params.use,
            [StaticLayer(name, **settings) for name, settings in snakemake.params.layers.items()],
            snakemake.params.minimum_days,
            snakemake.params.tags,
            *snakemake.output,
        )
