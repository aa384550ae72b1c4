"""Average the target's fields over a month, once for all regions."""

from kilomoist.granules.archive import verifications
from kilomoist.granules.simulated import describe_source
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.predictors.inventories import choose_granules, require_share, write_inventory
from kilomoist.predictors.tallies import Tally
from kilomoist.predictors.target_mean import average_fields
from kilomoist.products import PRODUCTS
from kilomoist.rasters import write_raster


@rule_script
def average_target(
    *,
    granules: list[str],
    source: str,
    product: str,
    month: str,
    minimum_share: float,
    minimum_passes: int,
    mean: str,
    inventory: str,
) -> None:
    """Write the global 9 km mean, of cells with enough fields, and the inventory of the granules it was made from."""
    described = PRODUCTS[product]
    chosen, absent = choose_granules(granules, described, None, month)
    require_share(len(chosen), len(chosen) + len(absent), minimum_share, product, month)
    paths = [granule for granule, _ in chosen]
    told = describe_source(source, paths)
    tags = {"source": told, "product": product, "month": month, "granules": str(len(paths))}
    tally = Tally()
    bands = average_fields(paths, described, minimum_passes, tally)
    odd = list(tally.sentences(gaps=described.passes > 0))
    for sentence in odd:
        LOGGER.warning("%s", sentence)
    write_raster(mean, bands, M09, M09.window, tags, {"soil_moisture": "m3 m-3"})
    verified = verifications(granules)
    counts = tally.balance(round(bands["fields"].sum(dtype=float)), *described.layers)
    of_files = {path: verified.get(path.name) for path in paths}
    write_inventory(
        inventory, described, None, month, of_files, absent, {"counts": {"soil_moisture": counts}, "odd": odd}
    )
