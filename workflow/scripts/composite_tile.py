"""Composite every product in use on one tile over a month, in the tile's own grid."""

import itertools
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
    granules: dict[str, list[str]],
    source: str,
    tile: str,
    month: str,
    quality: dict[str, QualityLevel],
    use: dict[str, list[str]],
    halves: bool,
    composites: list[str],
    inventories: list[str],
) -> None:
    """Write the composite of each product, one after another, and the inventory of its granules.

    `granules` of each product that is read, `quality` and quantities in `use` of each that is composed are by its name.
    """
    verified = verifications(itertools.chain(*granules.values()))
    for product, composite, inventory in zip(use, composites, inventories, strict=True):
        described, quantities, level = PRODUCTS[product], use[product], quality[product]
        chosen, absent = choose_granules(granules[product], described, tile, month)
        if not chosen:
            LOGGER.warning("%s has no granule of %s on %s: its composite is empty.", product, month, tile)
        by_slot: dict[Any, Any] = {}
        told: dict[str, Any] = {}
        if described.needs_partner(quantities):
            others, lacking = choose_granules(granules[described.partner], PRODUCTS[described.partner], tile, month)
            by_slot = {slot: path for path, slot in others}
            theirs = describe_granules({path: verified.get(path.name) for path, _ in others})
            told["partner"] = {"product": described.partner, **theirs, "absent": lacking}
        paths = [granule for granule, _ in chosen]
        grid, origin = tile_grid(tile, described.pixels), describe_source(source, paths)
        tags = {"source": origin, "product": product, "tile": tile, "month": month, "quality": level}
        observations: Counter[str] = Counter()
        tally = Tally()
        with raster_chunks(composite, grid, grid.window, tags) as raster:
            for window, bands, numbers in average_rows(chosen, described, level, quantities, by_slot, tally, halves):
                raster.write(bands, window)
                observations.update(numbers)
        told |= {"observations": observations, "odd": list(tally.sentences(gaps=True))}  # clouds
        for sentence in told["odd"]:
            LOGGER.warning("%s", sentence)
        told["counts"] = {name: tally.balance(number, name) for name, number in observations.items()}
        of_files = {path: verified.get(path.name) for path in paths}
        write_inventory(inventory, described, tile, month, of_files, absent, told)
