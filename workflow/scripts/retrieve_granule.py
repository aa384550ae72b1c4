"""Fetch a granule of NASA's catalogue into the store, unless it is there, and write its receipt."""

from pathlib import Path

from kilomoist.earthdata.catalogues import read_catalogue
from kilomoist.earthdata.downloads import logged_in
from kilomoist.earthdata.store import retrieve, verification
from kilomoist.granules.archive import write_absent, write_receipt
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.products import PRODUCTS


@rule_script
def retrieve_granule(*, catalogue: str, product: str, place: str, day: str, store: str, receipt: str) -> None:
    """Write the receipt of the granule of a day and place (tile, or time of the day), or that NASA has none."""
    entries = read_catalogue(catalogue, PRODUCTS[product])
    entry = next((entry for entry in entries if (entry.day, entry.place) == (day, place)), None)
    if entry is None:
        LOGGER.warning("%s, %s, %s: NASA's catalogue has no such granule.", product, place, day)
        write_absent(receipt, product)
        return
    granule = retrieve(entry, PRODUCTS[product], Path(store) / product / place, logged_in, LOGGER.info)
    origin = {"size": entry.size, "checksum": entry.checksum, "algorithm": entry.algorithm}
    origin["verified"] = verification(granule, entry)
    write_receipt(receipt, product, granule, origin)
