"""Average the target's fields over a month, once for all regions."""

from kilomoist.grids import M09
from kilomoist.jobs import job
from kilomoist.predictors.inventories import choose_granules, write_inventory
from kilomoist.predictors.target_mean import average_fields, require_share
from kilomoist.products import PRODUCTS
from kilomoist.rasters import write_raster


def average_target(
    granules: list[str], product_name: str, month: str, smallest_share: float, source: str, path: str, inventory: str
) -> None:
    """Write the global 9 km mean and the inventory of the granules it was made from."""
    product = PRODUCTS[product_name]
    chosen, absent = choose_granules(granules, product, None, month)
    require_share(len(chosen), len(chosen) + len(absent), smallest_share, product_name, month)
    paths = [granule for granule, _ in chosen]
    tags = {"source": source, "product": product_name, "month": month, "granules": str(len(paths))}
    bands = average_fields(paths, product)
    write_raster(path, bands, M09, M09.window, tags, {"soil_moisture": "m3 m-3"})
    write_inventory(inventory, product, None, month, paths, absent)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        average_target(
            list(snakemake.input.granules),
            snakemake.wildcards.product,
            snakemake.wildcards.month,
            snakemake.params.smallest_share,
            snakemake.params.source,
            snakemake.output.mean,
            snakemake.output.inventory,
        )
