"""Ask NASA's catalogue what it has of a product in a month, on a tile where the product has tiles."""

from kilomoist.earthdata.catalogues import search_month, write_catalogue
from kilomoist.earthdata.downloads import Session
from kilomoist.jobs import LOGGER, job
from kilomoist.products import PRODUCTS


def list_granules(product_name: str, extent: str, month: str, path: str) -> None:
    """Write the catalogue; `extent` is a tile or `global`."""
    product = PRODUCTS[product_name]
    entries = search_month(product, extent if product.tiled else None, month, Session())
    write_catalogue(path, entries)
    size = sum(entry.size for entry in entries) / 1e6
    LOGGER.info("%s, %s, %s: %d granules, %.1f MB.", product_name, extent, month, len(entries), size)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        list_granules(
            *(snakemake.wildcards[name] for name in ("product", "extent", "month")), snakemake.output.catalogue
        )
