"""Composite one product on one tile over a month, in the tile's own grid."""

from collections import Counter

from kilomoist.granules.archive import verifications
from kilomoist.granules.simulated import describe_source
from kilomoist.grids import tile_grid
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.predictors.composites import average_rows
from kilomoist.predictors.inventories import choose_granules, write_inventory
from kilomoist.product_types import QualityLevel
from kilomoist.products import PRODUCTS
from kilomoist.rasters import raster_chunks


@rule_script
def composite_tile(
    *,
    granules: list[str],
    source: str,
    product: str,
    tile: str,
    month: str,
    quality: QualityLevel,
    use: list[str],
    composite: str,
    inventory: str,
) -> None:
    """Write the composite and the inventory of the granules it was made from."""
    described = PRODUCTS[product]
    chosen, absent = choose_granules(granules, described, tile, month)
    if not chosen:
        LOGGER.warning("%s has no granule of %s on %s: its composite is empty.", product, month, tile)
    partners = {}
    if described.needs_partner(use):
        partners = {slot: path for path, slot in choose_granules(granules, PRODUCTS[described.partner], tile, month)[0]}
    paths = [granule for granule, _ in chosen]
    grid, told = tile_grid(tile, described.pixels), describe_source(source, paths)
    tags = {"source": told, "product": product, "tile": tile, "month": month, "quality": quality}
    observations: Counter[str] = Counter()
    with raster_chunks(composite, grid, grid.window, tags) as raster:
        for window, bands, numbers in average_rows(chosen, described, quality, use, partners):
            raster.write(bands, window)
            observations.update(numbers)
    verified = verifications(granules)
    of_files = {path: verified.get(path.name) for path in (*paths, *partners.values())}
    write_inventory(inventory, described, tile, month, of_files, absent, observations)
