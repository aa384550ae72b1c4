"""Count the granules that a map's composites were made from, and those that were absent."""

import csv

from kilomoist.files import read_json, replaced
from kilomoist.jobs import job
from kilomoist.reporting.provenance import count_granules

if __name__ == "__main__":
    with job(snakemake.log[0]):
        rows = count_granules([read_json(inventory) for inventory in snakemake.input.inventories])
        with replaced(snakemake.output.granules) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
