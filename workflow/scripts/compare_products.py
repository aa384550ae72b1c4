"""Compare the products that measure the same predictors in a month, pixel by pixel."""

from collections import Counter

from kilomoist.files import read_json, write_table
from kilomoist.grids import Box, cells_covering
from kilomoist.jobs import rule_script
from kilomoist.predictors.product_comparison import comparison_rows, comparison_table
from kilomoist.predictors.stacks import tile_composites
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
    differences: str,
) -> None:
    """Write the differences of each product from those before it, by quantity and class of vegetation."""
    area = region_area(bbox, next(iter(outline), None), region, outline_layer)
    cells = cells_covering(area.bounds)
    granules: Counter[str] = Counter()
    for inventory in map(read_json, inventories):
        granules.update({inventory["product"]: len(inventory["granules"])})
    of_tiles = [each for each in tile_composites(tiles, composites) if granules[each.product]]
    rows = comparison_rows(of_tiles, shared, index, pixels_inside(area, cells), cells, minimum_days, seed)
    write_table(differences, comparison_table(rows, shared, granules, month))
