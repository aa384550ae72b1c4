"""Warp the composites to the 1 km pixels of a block and aggregate them to its 9 km cells."""

from pathlib import Path
from typing import Any

from kilomoist.grids import CELL_SIDE, M01, M09, Box, Window, cells_covering
from kilomoist.jobs import rule_script
from kilomoist.predictors.inventories import read_inventories, require_granules
from kilomoist.predictors.layers import StaticLayer, check_layer, stack_layers
from kilomoist.predictors.product_differences import read_differences
from kilomoist.predictors.stacks import stack_chunks, tile_composites, with_granules
from kilomoist.rasters import raster_chunks, read_tags
from kilomoist.regions import pixels_inside, region_area


@rule_script
def stack_block(
    *,
    composites: list[str],
    tiles: list[tuple[str, str]],
    differences: list[str],
    index: str | None,
    inventories: list[str],
    target: str,
    outline: list[str],
    bbox: Box | None,
    outline_layer: str | None,
    layers: list[str],
    reading: dict[str, dict[str, Any]],
    region: str,
    month: str,
    window: list[int],
    use: list[str],
    minimum_days: int,
    stack: str,
    cells: str,
) -> None:
    """Write the block's predictors (1 km, NaN outside the region) and its cells (9 km, target included)."""
    listed = read_inventories(inventories)
    require_granules(listed, use)
    area, block = region_area(bbox, next(iter(outline), None), region, outline_layer), Window(*window)
    static = [StaticLayer(name, Path(path), **reading[name]) for name, path in zip(reading, layers, strict=True)]
    for layer in static:
        check_layer(layer, region, area)
    of_tiles = with_granules(tile_composites(tiles, composites, read_differences(differences, index)), listed)
    of_layers = stack_layers(static, use, block, cells_covering(area.bounds))
    inside = pixels_inside(area, block)
    chunks = stack_chunks(of_tiles, of_layers, target, use, minimum_days, inside, block)
    of_target = read_tags(target)
    run = {"source": of_target["source"], "region": region, "month": month, "target": of_target["product"]}
    with (
        raster_chunks(stack, M01, block.refined(CELL_SIDE), run) as predictors,
        raster_chunks(cells, M09, block, run) as aggregated,
    ):
        for chunk, pixel_bands, cell_bands in chunks:
            predictors.write(pixel_bands, chunk.refined(CELL_SIDE))
            aggregated.write(cell_bands, chunk)
