"""Choose the differences between products that are taken away in a month, from those of all months of a run."""

from kilomoist.files import read_table, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.predictors.bridging import choose_differences
from kilomoist.predictors.product_differences import ALL


@rule_script
def bridge_products(*, compared: list[str], months: list[str], month: str, bridge: bool, differences: str) -> None:
    """Write the table of differences; `compared` has that of each of the `months`."""
    tables = {name: read_table(path) for name, path in zip(months, compared, strict=True)}
    chosen = choose_differences(tables, month, bridge)
    for row in chosen[chosen["vegetation"] == ALL].itertuples():
        LOGGER.info(
            "%s: %s sees %+.4g more than %s (spread %.3g, %d pixels of %s).",
            *(row.quantity, row.product, row.difference, row.reference, row.spread, row.pixels, row.months),
        )
    write_table(differences, chosen)
