"""Count the granules that a map's composites were made from, and those that were absent."""

import pandas as pd

from kilomoist.files import read_json, replaced
from kilomoist.jobs import job
from kilomoist.provenance import count_granules

if __name__ == "__main__":
    with job(snakemake.log[0]):
        table = pd.DataFrame(count_granules([read_json(inventory) for inventory in snakemake.input.inventories]))
        with replaced(snakemake.output.granules) as partial:
            table.to_csv(partial, index=False)
