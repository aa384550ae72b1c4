"""Ask NASA's catalogue what it has of a product in a month, on a tile where the product has tiles."""

from kilomoist.earthdata.catalogues import search_month, untold, write_catalogue
from kilomoist.earthdata.downloads import Session
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.products import PRODUCTS


@rule_script
def list_granules(*, product: str, extent: str, month: str, catalogue: str) -> None:
    """Write the catalogue; `extent` is a tile or `global`."""
    described = PRODUCTS[product]
    entries = search_month(described, extent if described.tiled else None, month, Session())
    write_catalogue(catalogue, entries)
    size = sum(entry.estimated_size for entry in entries) / 1e6
    LOGGER.info("%s, %s, %s: %d granules, %.1f MB.", product, extent, month, len(entries), size)
    if told := untold(entries):
        LOGGER.info("%s, %s, %s: %s.", product, extent, month, told)
