"""Composite one product on one tile over a month, in the tile's own grid."""

from kilomoist.grids import tile_grid
from kilomoist.jobs import LOGGER, job
from kilomoist.predictors.composites import average_rows
from kilomoist.predictors.inventories import choose_granules, write_inventory
from kilomoist.products import PRODUCTS, QualityLevel
from kilomoist.rasters import raster_chunks


def composite_tile(
    granules: list[str],
    product_name: str,
    tile: str,
    month: str,
    level: QualityLevel,
    use: list[str],
    source: str,
    path: str,
    inventory: str,
) -> None:
    """Write the composite and the inventory of the granules it was made from."""
    product = PRODUCTS[product_name]
    chosen, absent = choose_granules(granules, product, tile, month)
    if not chosen:
        LOGGER.warning("%s has no granule of %s on %s: its composite is empty.", product_name, month, tile)
    grid = tile_grid(tile, product.pixels)
    tags = {"source": source, "product": product_name, "tile": tile, "month": month, "quality": level}
    with raster_chunks(path, grid, grid.window, tags) as raster:
        for window, bands in average_rows(chosen, product, level, use):
            raster.write(bands, window)
    write_inventory(inventory, product, tile, month, [granule for granule, _ in chosen], absent)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        composite_tile(
            list(snakemake.input.granules),
            *(snakemake.wildcards[name] for name in ("product", "tile", "month")),
            *(snakemake.params[name] for name in ("quality", "use", "source")),
            snakemake.output.composite,
            snakemake.output.inventory,
        )
