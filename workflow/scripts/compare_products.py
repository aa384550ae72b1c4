"""Compare the products that measure the same predictors in a month, pixel by pixel."""

from kilomoist.files import write_table
from kilomoist.grids import Box, cells_covering
from kilomoist.jobs import rule_script
from kilomoist.predictors.inventories import read_inventories
from kilomoist.predictors.product_comparison import comparison_rows, comparison_table
from kilomoist.predictors.stacks import tile_composites, with_granules
from kilomoist.regions import pixels_inside, region_area


@rule_script
def compare_products(
    *,
    composites: list[str],
    tiles: list[tuple[str, str]],
    inventories: list[str],
    outline: list[str],
    bbox: Box | None,
    outline_layer: str | None,
    region: str,
    month: str,
    shared: list[str],
    index: str | None,
    minimum_days: int,
    seed: int,
    comparison: str,
) -> None:
    """Write the differences of each product from those before it, by quantity and class of vegetation."""
    area = region_area(bbox, next(iter(outline), None), region, outline_layer)
    cells = cells_covering(area.bounds)
    listed = read_inventories(inventories)
    of_tiles = with_granules(tile_composites(tiles, composites), listed)
    rows = comparison_rows(of_tiles, shared, index, pixels_inside(area, cells), cells, minimum_days, seed)
    write_table(comparison, comparison_table(rows, shared, listed, month))
