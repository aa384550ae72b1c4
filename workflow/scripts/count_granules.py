"""Count the granules that a map's composites were made from, and those that were absent."""

import csv

from kilomoist.files import read_json, replaced
from kilomoist.jobs import rule_script
from kilomoist.reporting.provenance import granule_counts


@rule_script
def count_granules(*, inventories: list[str], granules: str) -> None:
    """Write the table of granules expected, found and absent."""
    rows = granule_counts([read_json(inventory) for inventory in inventories])
    with replaced(granules) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
