"""Print what a run would fetch from NASA Earthdata and what it would keep on disk, product by product."""

from collections import defaultdict
from pathlib import Path

from kilomoist.earthdata.catalogues import Entry, read_catalogue, untold
from kilomoist.earthdata.traffic import as_table, expected_traffic
from kilomoist.jobs import rule_script
from kilomoist.products import PRODUCTS


@rule_script
def plan(*, catalogues: list[str], receipts: list[str], store: str) -> None:
    """Print the table of the granules that the receipts will stand for, and what they cannot be compared with."""
    if not receipts:
        print("Nothing is fetched from NASA Earthdata by this configuration.")
        return
    listed: dict[str, list[Entry]] = defaultdict(list)
    for path in map(Path, catalogues):
        listed[path.parts[-3]] += read_catalogue(path, PRODUCTS[path.parts[-3]])
    wanted: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in map(Path, receipts):
        wanted[path.parts[-3]].add((path.stem, path.parts[-2]))
    print(as_table({name: expected_traffic(PRODUCTS[name], listed[name], wanted[name], store) for name in wanted}))
    for name in sorted(wanted):
        if told := untold(entry for entry in listed[name] if (entry.day, entry.place) in wanted[name]):
            print(f"{name}: {told}; what is not told cannot be compared, but every file is read.")
