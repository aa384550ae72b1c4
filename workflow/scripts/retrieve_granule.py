"""Fetch one granule of NASA's catalogue into the store, unless it is there, and write its receipt."""

from pathlib import Path

from kilomoist.earthdata.catalogues import read_catalogue
from kilomoist.earthdata.downloads import logged_in
from kilomoist.earthdata.store import retrieve
from kilomoist.granules.receipts import write_absent, write_receipt
from kilomoist.jobs import LOGGER, job
from kilomoist.products import PRODUCTS


def retrieve_granule(catalogue: str, product_name: str, place: str, day: str, store: str, receipt: str) -> None:
    """Write the receipt of the granule of a day and place (tile, or time of the day), or that NASA has none."""
    product = PRODUCTS[product_name]
    entry = next((one for one in read_catalogue(catalogue) if (one.day, one.place) == (day, place)), None)
    if entry is None:
        LOGGER.warning("%s, %s, %s: NASA's catalogue has no such granule.", product_name, place, day)
        write_absent(receipt, product_name)
        return
    granule = retrieve(entry, product, Path(store) / product_name / place, logged_in, LOGGER.info)
    origin = {"size": entry.size, "checksum": entry.checksum, "algorithm": entry.algorithm}
    write_receipt(receipt, product_name, granule, origin)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        retrieve_granule(
            snakemake.input.catalogue,
            *(snakemake.wildcards[name] for name in ("product", "place", "day")),
            snakemake.params.store,
            snakemake.output.receipt,
        )
