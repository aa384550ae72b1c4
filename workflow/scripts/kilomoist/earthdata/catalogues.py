"""Catalogues: what NASA has of a product in a month, on a tile where the product has tiles.

A catalogue is the answer of NASA's Common Metadata Repository (CMR), kept as a CSV file: a rerun takes the same
granules and asks nobody. Fields are those of UMM-G, the Unified Metadata Model of granules
(https://git.earthdata.nasa.gov/projects/EMFD/repos/unified-metadata-model).
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import requests

from kilomoist.calendars import month_range
from kilomoist.errors import InputError
from kilomoist.files import replaced
from kilomoist.products import GranuleName, Product, parse_name

_SIDECAR = ".dmrpp"


@dataclass(frozen=True)
class Entry:
    """One granule that NASA has."""

    granule: str
    """File name."""
    day: str
    """Its (first) day, YYYY-MM-DD."""
    place: str
    """Its tile or, where the product has no tiles, its time of the day, HHMM."""
    url: str
    sidecar: str
    """Where its DMR++ lies, which tells where in the file each dataset is; empty when there is none."""
    size: int
    """Bytes; 0 when CMR does not tell."""
    checksum: str
    """Hexadecimal or, for sums, decimal digits; empty when CMR does not tell."""
    algorithm: str
    """As CMR writes it, for example SHA-256."""
    produced: str
    """When NASA made it."""


def place_of(name: GranuleName) -> str:
    """What distinguishes the granules of one product and day: the tile, or the time of the day as HHMM."""
    return name.tile or f"{name.time:%H%M}"


def search_granules(
    product: Product, tile: str | None, begin: date, end: date, session: requests.Session
) -> list[Entry]:
    """What CMR has of a product from the day `begin` to the day before `end`, by day and place.

    Of several productions of one granule the newest counts. Raises `InputError` when CMR cannot be reached, answers
    with less than it announced, or lists a granule without a link to its file.
    """
    newest: dict[tuple[str, str], Entry] = {}
    for entry in _search(product, tile, begin, end, session):
        # CMR also returns what ends when the first day begins, and what began in the month before: names decide.
        if str(begin) <= entry.day < str(end):
            key = (entry.day, entry.place)
            newest[key] = max(newest.get(key, entry), entry, key=lambda one: (one.produced, one.granule))
    return [newest[key] for key in sorted(newest)]


def search_month(product: Product, tile: str | None, month: str, session: requests.Session) -> list[Entry]:
    """What CMR has of a product whose (first) day lies in a month; raises as `search_granules`."""
    return search_granules(product, tile, *month_range(month), session)


def find_granule(product: Product, month: str, session: requests.Session) -> Entry | None:
    """Any granule of a product in a month, also one that began before; raises as `search_granules`."""
    return next(iter(_search(product, None, *month_range(month), session, 1)), None)


def _search(
    product: Product, tile: str | None, begin: date, end: date, session: requests.Session, count: int | None = None
) -> list[Entry]:
    """What CMR returns, in its order; at most `count`."""
    import earthaccess  # 1.5 s, which only a search needs

    query = earthaccess.DataGranules().short_name(product.short_name).version(product.version)
    query = query.temporal(begin, end - timedelta(days=1))
    if tile:
        query = query.granule_name(f"{product.short_name}.A*.{tile}.*")
    query.session = session
    try:
        announced = query.hits()
        found = query.get(min(announced, count or announced)) if announced else []
    except (requests.RequestException, RuntimeError, KeyError, ValueError) as error:
        raise InputError(
            f"NASA's catalogue (CMR) did not answer the search for {product.name} from {begin} on "
            f"({type(error).__name__}): see https://status.earthdata.nasa.gov and the network, and run again."
        ) from error
    if len(found) < min(announced, count or announced):
        raise InputError(
            f"NASA's catalogue (CMR) announced {announced} granules of {product.name} from {begin} on but listed "
            f"{len(found)}: run again."
        )
    return [entry for entry in (_entry(item, product) for item in found) if entry]


def write_catalogue(path: str | Path, entries: Iterable[Entry]) -> None:
    """Write entries as CSV."""
    with replaced(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Entry)])
        table.writeheader()
        table.writerows(asdict(entry) for entry in entries)


def read_catalogue(path: str | Path) -> list[Entry]:
    """Read what `write_catalogue` wrote. Raises `InputError` when it is not whole."""
    with open(path, newline="", encoding="utf-8") as file:
        try:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
            return [Entry(**row | {"size": int(row["size"])}) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} is not a catalogue ({error}): delete it, and the next run searches NASA's catalogue again."
            ) from error


def _entry(item: dict[str, Any], product: Product) -> Entry | None:
    """An entry from an item of CMR; None when it is another granule than its name should say."""
    umm = item["umm"]
    links = [(link.get("Type", ""), str(link.get("URL", ""))) for link in umm.get("RelatedUrls", [])]
    https = [(kind, url) for kind, url in links if url.startswith("https://")]
    for kind, url in https:
        name = parse_name(url.rsplit("/", 1)[-1], product)
        if kind == "GET DATA" and name:
            break
    else:
        if parse_name(umm["GranuleUR"], product) or parse_name(umm["GranuleUR"] + ".hdf", product):
            raise InputError(
                f"NASA's catalogue (CMR) has no download link for {umm['GranuleUR']} of {product.name}: its file is "
                "not online; order it at https://search.earthdata.nasa.gov and use `source: archive`."
            )
        return None
    granule = url.rsplit("/", 1)[-1]
    stored = _stored(umm.get("DataGranule", {}).get("ArchiveAndDistributionInformation", []), granule)
    checksum = stored.get("Checksum", {})
    sidecars = [other for _, other in https if other.endswith(granule + _SIDECAR)]
    return Entry(
        granule=granule,
        day=f"{name.time:%Y-%m-%d}",
        place=place_of(name),
        url=url,
        # Hyrax keeps the DMR++ beside its file, whether or not the catalogue has a link to it.
        sidecar=(sidecars[0] if sidecars else url + _SIDECAR) if product.subset_size else "",
        size=int(stored.get("SizeInBytes", 0)),
        checksum=str(checksum.get("Value", "")).lower(),
        algorithm=str(checksum.get("Algorithm", "")),
        produced=str(umm.get("DataGranule", {}).get("ProductionDateTime", "")),
    )


def _stored(listed: Sequence[dict[str, Any]], granule: str) -> dict[str, Any]:
    """What CMR says about the file itself; it may list others beside it, or the one file without a name."""
    named = [one for one in listed if one.get("Name") == granule]
    return (named or [one for one in listed if "Name" not in one and len(listed) == 1] or [{}])[0]
