"""Count the granules that a map's composites were made from, and those that were absent."""

import pandas as pd

from kilomoist.files import write_table
from kilomoist.jobs import rule_script
from kilomoist.predictors.inventories import read_inventories
from kilomoist.reporting.provenance import granule_counts


@rule_script
def count_granules(*, inventories: list[str], granules: str) -> None:
    """Write the table of granules expected, found and absent."""
    write_table(granules, pd.DataFrame(granule_counts(read_inventories(inventories))))
