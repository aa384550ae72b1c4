"""Catalogues: NASA's granules of a product in a month, on a tile where the product has tiles.

They are answers of NASA's Common Metadata Repository (CMR), kept as CSV files: a rerun takes the same granules and asks
nobody. Fields are those of UMM-G, the Unified Metadata Model of granules
(https://git.earthdata.nasa.gov/projects/EMFD/repos/unified-metadata-model).
"""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from kilomoist.calendars import month_range
from kilomoist.errors import InputError
from kilomoist.files import replaced
from kilomoist.products import Product, parse_name

_SIDECAR = ".dmrpp"


@dataclass(frozen=True)
class Entry:
    """A granule that NASA has."""

    granule: str
    """File name."""
    day: str
    """(First) day, YYYY-MM-DD."""
    place: str
    """Tile or, where the product has none, time of the day, HHMM."""
    url: str
    sidecar: str
    """URL of its DMR++, which places datasets in the file; empty when there is none."""
    size: int
    """Bytes; 0 when CMR does not tell."""
    checksum: str
    """Hexadecimal or, for sums, decimal digits; empty when CMR does not tell."""
    algorithm: str
    """As CMR writes it, for example SHA-256."""
    produced: str
    """Time of production."""


def search_month(product: Product, tile: str | None, month: str, session: requests.Session) -> list[Entry]:
    """Granules of a product whose (first) day lies in a month, by day and place.

    Of several productions of a granule the newest counts. Raises `InputError` when CMR cannot be reached, answers with
    less than it announced, or lists a granule without a link to its file.
    """
    newest: dict[tuple[str, str], Entry] = {}
    for entry in _search(product, tile, month, session):
        # CMR also returns what ends when the first day begins, and what began in the month before: names decide.
        if entry.day.startswith(month):
            key = (entry.day, entry.place)
            newest[key] = max(newest.get(key, entry), entry, key=lambda entry: (entry.produced, entry.granule))
    return [newest[key] for key in sorted(newest)]


def find_granule(product: Product, month: str, session: requests.Session) -> Entry | None:
    """Any granule of a product in a month, which may have begun before; raises as `search_month`."""
    return next(iter(_search(product, None, month, session, 1)), None)


def _search(
    product: Product, tile: str | None, month: str, session: requests.Session, count: int | None = None
) -> list[Entry]:
    """At most `count` entries of CMR's answer, in its order."""
    import earthaccess  # 1.5 s, which only a search needs

    begin, end = month_range(month)
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
    return list(filter(None, (_entry(item, product) for item in found)))


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
    """Entry of an item of CMR's; None when its name is not that of a granule of the product."""
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
    granule, described = url.rsplit("/", 1)[-1], umm.get("DataGranule", {})
    # CMR may list other files beside the granule's, or that file without a name.
    listed = described.get("ArchiveAndDistributionInformation", [])
    alone = granule if len(listed) == 1 else ""
    stored: dict[str, Any] = next((file for file in listed if file.get("Name", alone) == granule), {})
    checksum = stored.get("Checksum", {})
    sidecars = (other for _, other in https if other.endswith(granule + _SIDECAR))
    return Entry(
        granule=granule,
        day=f"{name.time:%Y-%m-%d}",
        place=name.tile or f"{name.time:%H%M}",
        url=url,
        # Hyrax keeps the DMR++ beside its file, whether or not the catalogue has a link to it.
        sidecar=next(sidecars, url + _SIDECAR) if product.subset_size else "",
        size=int(stored.get("SizeInBytes", 0)),
        checksum=str(checksum.get("Value", "")).lower(),
        algorithm=str(checksum.get("Algorithm", "")),
        produced=str(described.get("ProductionDateTime", "")),
    )
