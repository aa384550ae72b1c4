"""Composite one product on one tile over a month, in the tile's own grid."""

from collections import Counter
from typing import Any

from kilomoist.granules.archive import verifications
from kilomoist.granules.simulated import describe_source
from kilomoist.grids import tile_grid
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.predictors.composites import average_rows
from kilomoist.predictors.inventories import choose_granules, describe_granules, write_inventory
from kilomoist.predictors.tallies import Tally
from kilomoist.product_types import QualityLevel
from kilomoist.products import PRODUCTS
from kilomoist.rasters import raster_chunks


@rule_script
def composite_tile(
    *,
    granules: list[str],
    partners: list[str],
    source: str,
    product: str,
    tile: str,
    month: str,
    quality: QualityLevel,
    use: list[str],
    composite: str,
    inventory: str,
) -> None:
    """Write the composite and the inventory of its granules; `partners` are those of the product's partner."""
    described, verified = PRODUCTS[product], verifications([*granules, *partners])
    chosen, absent = choose_granules(granules, described, tile, month)
    if not chosen:
        LOGGER.warning("%s has no granule of %s on %s: its composite is empty.", product, month, tile)
    by_slot: dict[Any, Any] = {}
    told: dict[str, Any] = {}
    if described.needs_partner(use):
        others, lacking = choose_granules(partners, PRODUCTS[described.partner], tile, month)
        by_slot = {slot: path for path, slot in others}
        theirs = describe_granules({path: verified.get(path.name) for path, _ in others})
        told["partner"] = {"product": described.partner, **theirs, "absent": lacking}
    paths = [granule for granule, _ in chosen]
    grid, source = tile_grid(tile, described.pixels), describe_source(source, paths)
    tags = {"source": source, "product": product, "tile": tile, "month": month, "quality": quality}
    observations: Counter[str] = Counter()
    tally = Tally()
    with raster_chunks(composite, grid, grid.window, tags) as raster:
        for window, bands, numbers in average_rows(chosen, described, quality, use, by_slot, tally):
            raster.write(bands, window)
            observations.update(numbers)
    told |= {"observations": observations, "odd": list(tally.sentences(gaps=True))}  # clouds
    for sentence in told["odd"]:
        LOGGER.warning("%s", sentence)
    told["counts"] = {name: tally.balance(number, name) for name, number in observations.items()}
    of_files = {path: verified.get(path.name) for path in paths}
    write_inventory(inventory, described, tile, month, of_files, absent, told)
