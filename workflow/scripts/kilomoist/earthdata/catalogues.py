"""Catalogues: NASA's granules of a product in a month, on a tile where the product has tiles.

They are answers of NASA's Common Metadata Repository (CMR), kept as CSV files: a rerun takes the same granules and asks
nobody. CMR describes granules in UMM-G, its Unified Metadata Model
(https://git.earthdata.nasa.gov/projects/EMFD/repos/unified-metadata-model). LP DAAC describes its own in ECHO10
(https://git.earthdata.nasa.gov/projects/EMFD/repos/echo-schemas): what that tells of a granule's files, checksums among
it, is lost where CMR makes UMM-G of it, and is asked for in ECHO10.
"""

import csv
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from kilomoist.calendars import month_range
from kilomoist.earthdata.documents import MOST, body_of, read_json, read_xml
from kilomoist.earthdata.downloads import Session
from kilomoist.errors import InputError
from kilomoist.files import replaced
from kilomoist.product_types import GranuleName, Product
from kilomoist.products import ENDINGS, parse_name

LOGGER = logging.getLogger(__name__)

Json = dict[str, Any]
Read = TypeVar("Read")

_CMR = "https://cmr.earthdata.nasa.gov/search"
_PAGE = 500
"""Granules that are listed at once; CMR gives up to 2000, but a page has to be below `MOST`."""
_TRIES = 3
_CLOUD = ".earthdatacloud.nasa.gov"
"""End of the hosts of archives in the cloud; what lies in older ones may still be listed."""
_SIDECAR = ".dmrpp"
_UNNAMED = ("", "Not provided")
"""Names in UMM-G of the one file of a granule whose archive describes the granule as a whole."""
_UNITS = {"KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40, "PB": 2**50}
"""Bytes. Binary, as in records of CMR's that tell bytes too: 65.8373498916626 MB beside 69035465, G1593453400-LAADS."""
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+/[!-~]+")
_CONCEPT = re.compile(r"G[0-9]+-[A-Z0-9_]+")
_CHECKSUM = re.compile(r"[0-9a-f]+")
_SIZE = re.compile(r"[0-9]{1,15}")


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
    """Bytes; 0 when CMR does not tell them exactly."""
    checksum: str
    """Hexadecimal or, for sums, decimal digits; empty when CMR does not tell."""
    algorithm: str
    """As CMR writes it, for example SHA-256."""
    produced: str
    """Time of production."""
    estimated_size: int = 0
    """Bytes: `size` or else, about, what CMR tells in a larger unit, maybe rounded; 0 when it tells neither."""


def search_month(product: Product, tile: str | None, month: str, session: Session) -> list[Entry]:
    """Granules of a product whose (first) day lies in a month, by day and place.

    What lies in the cloud counts before what lies in older archives, then the newest of several productions. Granules
    without a link to their file are left out and named in a warning. Raises `InputError` when CMR cannot be reached or
    answers with less than it announced.
    """
    newest: dict[tuple[str, str], tuple[Entry, Json]] = {}
    unlinked: dict[tuple[str, str], str] = {}
    strange: list[str] = []
    for item in _search(product, tile, month, session):
        name, entry = _name(item, product), _entry(item, product)
        if name is None:
            strange.append(_reference(item) or "one without a name")
        # CMR also returns what ends when the first day begins, and what began in the month before: names decide.
        elif f"{name.time:%Y-%m}" != month:
            continue
        elif entry is None:
            unlinked[_slot(name)] = _reference(item)
        elif _slot(name) not in newest or _rank(entry) > _rank(newest[_slot(name)][0]):
            newest[_slot(name)] = entry, item
    if strange:
        LOGGER.warning(
            "NASA's catalogue (CMR) lists %d granules of %s whose names are not the product's, which are left out: %s.",
            *(len(strange), product.name, ", ".join(strange[:3])),
        )
    for slot in sorted(unlinked.keys() - newest.keys()):
        LOGGER.warning(
            "NASA's catalogue (CMR) has no download link for %s of %s, which is left out: its file is not online; "
            "order it at https://search.earthdata.nasa.gov and use `source: archive`.",
            *(unlinked[slot], product.name),
        )
    return [_completed(*newest[slot], session) for slot in sorted(newest)]


def find_granule(product: Product, month: str, session: Session) -> Entry | None:
    """Any granule of a product in a month, which may have begun before; raises as `search_month`."""
    query = _query(product, None, month) | {"page_size": "10"}
    items, _, _ = _ask("granules.umm_json", _page, session, product.name, params=query)
    return next(filter(None, (_entry(item, product) for item in items)), None)


def newest_granule(product: Product, session: Session) -> GranuleName | None:
    """The granule of a product that began last, on any tile, of all that NASA has; raises as `search_month`."""
    query = _collection(product) | {"sort_key": "-start_date", "page_size": "10"}
    items, _, _ = _ask("granules.umm_json", _page, session, product.name, params=query)
    return next(filter(None, (_name(item, product) for item in items)), None)


def untold(entries: Iterable[Entry]) -> str:
    """What NASA's catalogue does not tell of some granules, in words; empty when it tells checksum and size of all."""
    listed = list(entries)
    lacks = {
        "checksum": sum(not entry.checksum for entry in listed),
        "exact size": sum(not entry.size for entry in listed),
        "size": sum(not entry.estimated_size for entry in listed),
    }
    told = ", ".join(f"no {what} of {number}" for what, number in lacks.items() if number)
    return f"of {len(listed)} granules NASA's catalogue tells {told}" if told else ""


def write_catalogue(path: str | Path, entries: Iterable[Entry]) -> None:
    """Write entries as CSV."""
    with replaced(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Entry)])
        table.writeheader()
        table.writerows(asdict(entry) for entry in entries)


def read_catalogue(path: str | Path, product: Product) -> list[Entry]:
    """Read what `write_catalogue` wrote of a product. Raises `InputError` for what no catalogue of it tells."""
    with open(path, newline="", encoding="utf-8") as file:
        try:
            table = csv.DictReader(file, strict=True)
            _check_columns(table.fieldnames or ())
            return [_checked(row, product) for row in table]
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise InputError(
                f"{path} is not a catalogue of {product.name} ({error!s:.300}): delete it, and the next run searches "
                "NASA's catalogue again."
            ) from error


def _check_columns(names: Sequence[str]) -> None:
    """Raise `ValueError` where a column lacks: a file without a row would be one of a product without granules."""
    columns = [field.name for field in fields(Entry) if field.name != "estimated_size"]  # older ones lack it
    if missing := [name for name in columns if name not in names]:
        raise ValueError(f"it has no column {' and no '.join(missing)}")


def _checked(row: dict[str, Any], product: Product) -> Entry:
    """Entry of a row of a product's catalogue. Raises `KeyError`, `TypeError` or `ValueError` for any other row."""
    for column in ("size", "estimated_size"):
        if not _SIZE.fullmatch(row.get(column, "0")):
            raise ValueError(f"its {column} is not a number of bytes: {row[column]!r}")
    numbers = {"size": int(row["size"]), "estimated_size": int(row.get("estimated_size", row["size"]))}
    entry = Entry(**row | numbers)
    name = parse_name(entry.granule, product)
    if name is None or (entry.day, entry.place) != _slot(name):
        raise ValueError(f"{entry.granule!r} is no granule of {entry.day!r}, {entry.place!r}")
    if not (_ADDRESS.fullmatch(entry.url) and _file_name(entry.url) == entry.granule):
        raise ValueError(f"{entry.url!r} is no address of {entry.granule}")
    if entry.sidecar and not (_ADDRESS.fullmatch(entry.sidecar) and entry.sidecar.endswith(_SIDECAR)):
        raise ValueError(f"{entry.sidecar!r} is no address of a DMR++")
    if entry.checksum and not _CHECKSUM.fullmatch(entry.checksum):
        raise ValueError(f"{entry.checksum!r} is no checksum")
    if not (entry.algorithm + entry.produced).isprintable():
        raise ValueError(f"{entry.granule} has an algorithm or a time of production that is no line of text")
    return entry


def _collection(product: Product) -> dict[str, str]:
    return {"short_name": product.short_name, "version": product.version}


def _query(product: Product, tile: str | None, month: str) -> dict[str, str]:
    begin, end = month_range(month)
    query = _collection(product) | {
        "temporal": f"{begin}T00:00:00Z,{end - timedelta(days=1)}T23:59:59Z",
        "page_size": str(_PAGE),
    }
    if tile:
        query["readable_granule_name"] = f"{product.short_name}.A*.{tile}.*"
        query["options[readable_granule_name][pattern]"] = "true"
    return query


def _search(product: Product, tile: str | None, month: str, session: Session) -> list[Json]:
    """All items of CMR's answer, page by page; a page may be short, and that after the last is empty."""
    query, after = _query(product, tile, month), ""
    found: dict[str, Json] = {}
    while True:
        headers = {"CMR-Search-After": after} if after else {}
        items, announced, after = _ask(
            "granules.umm_json", _page, session, f"{product.name}, {month}", params=query, headers=headers
        )
        known = len(found)
        found |= {repr(item): item for item in items}
        if len(found) == known or not after:
            break
        if sum(map(len, found)) > MOST:
            raise InputError(
                f"NASA's catalogue (CMR) lists {len(found)} granules of {product.name}, {month}, and no end of them: "
                "see https://status.earthdata.nasa.gov and the network, and run again."
            )
    if len(found) < announced:
        raise InputError(
            f"NASA's catalogue (CMR) announced {announced} granules of {product.name}, {month}, but listed "
            f"{len(found)}: run again."
        )
    return list(found.values())


def _ask(path: str, read: Callable[[requests.Response], Read], session: Session, sought: str, **request: Any) -> Read:
    """What `read` makes of an answer of CMR's; asked anew where it raises `ValueError` or the answer breaks off.

    Raises `InputError` when there is no better answer.
    """
    problem: Exception | None = None
    for attempt in range(_TRIES):
        time.sleep(attempt * session.pause)
        try:
            with session.get(f"{_CMR}/{path}", stream=True, **request) as answer:
                return read(answer)
        except (ValueError, requests.exceptions.ChunkedEncodingError) as error:
            problem = error
        except requests.RequestException as error:
            problem = error
            break  # the session was patient
    reason = " ".join(str(problem).split()) if type(problem) is ValueError else type(problem).__name__
    raise InputError(
        f"NASA's catalogue (CMR) did not answer the search for {sought} ({reason}): see "
        "https://status.earthdata.nasa.gov and the network, and run again."
    ) from problem


def _page(answer: requests.Response) -> tuple[list[Json], int, str]:
    """Items, number of all that were found, and the mark after which the next page begins. Raises `ValueError`."""
    if not answer.ok:
        raise ValueError(f"HTTP {answer.status_code}")
    if answer.headers.get("CMR-Timed-Out", "").lower() == "true":
        raise ValueError("it ran out of time and gave a part")
    items = _object(read_json(body_of(answer))).get("items")
    if not isinstance(items, list):
        raise ValueError("it sent something else than a list of granules")
    announced = answer.headers.get("CMR-Hits", "")
    hits = int(announced) if _SIZE.fullmatch(announced) else 0
    return list(map(_object, items)), hits, answer.headers.get("CMR-Search-After", "")


def _name(item: Json, product: Product) -> GranuleName | None:
    """Name of an item's granule, by its link or else by its references; None when it is not one of the product."""
    umm = _object(item.get("umm"))
    identifiers = _objects(_object(umm.get("DataGranule")).get("Identifiers"))
    references = [_reference(item), *(_text(identifier, "Identifier") for identifier in identifiers)]
    names = [_file_name(_link(umm, product)), *references]
    # LP DAAC's references to granules leave the ending of the file out.
    names += [f"{reference}.{ENDINGS[product.format]}" for reference in references]
    return next(filter(None, (parse_name(name, product) for name in names)), None)


def _entry(item: Json, product: Product) -> Entry | None:
    """Entry of an item of CMR's; None when it has no link to a granule of the product."""
    umm = _object(item.get("umm"))
    url = _link(umm, product)
    granule = _file_name(url)
    name = parse_name(granule, product)
    if name is None:
        return None
    day, place = _slot(name)
    described = _object(umm.get("DataGranule"))
    files = _objects(described.get("ArchiveAndDistributionInformation"))
    stored = _stored(files, granule)
    # A granule of several files may have one description too, with the size of all.
    linked = {_file_name(link) for kind, link in _links(umm) if kind == "GET DATA"}
    if not stored and len(files) == len(linked) == 1:
        stored = _stored(files, *_UNNAMED)
    sidecars = (link for _, link in _links(umm) if link.endswith(granule + _SIDECAR))
    return Entry(
        granule=granule,
        day=day,
        place=place,
        url=url,
        # Hyrax keeps the DMR++ beside its file, whether or not the catalogue has a link to it.
        sidecar=next(sidecars, url + _SIDECAR) if product.subset_size else "",
        size=stored.get("size", 0),
        checksum=stored.get("checksum", ""),
        algorithm=stored.get("algorithm", ""),
        produced=_text(described, "ProductionDateTime"),
        estimated_size=stored.get("estimated_size", 0),
    )


def _completed(entry: Entry, item: Json, session: Session) -> Entry:
    """The entry with what ECHO10 tells of its file, where UMM-G tells no exact size or no checksum."""
    meta = _object(item.get("meta"))
    concept = _text(meta, "concept-id")
    if (entry.size and entry.checksum) or not _CONCEPT.fullmatch(concept):
        return entry
    if "echo10" not in (_text(meta, "format") or "echo10"):  # made from UMM-G, which was asked
        return entry
    files = _ask(f"concepts/{concept}.echo10", _additional_files, session, entry.granule)
    told = {name: value for name, value in _stored(files, entry.granule).items() if value}
    return replace(entry, **told)


def _additional_files(answer: requests.Response) -> list[Json]:
    """Files that a granule in ECHO10 names, with UMM-G's names of what is told of them. Raises `ValueError`."""
    if answer.status_code in (requests.codes.not_found, requests.codes.gone):
        return []
    if not answer.ok:
        raise ValueError(f"HTTP {answer.status_code}")
    return [
        {field: file.findtext(field) for field in ("Name", "SizeInBytes", "Size", "SizeUnit")}
        | {"Checksum": {field: file.findtext(f"Checksum/{field}") for field in ("Value", "Algorithm")}}
        for file in read_xml(body_of(answer)).iter("AdditionalFile")
    ]


def _stored(files: Iterable[Json], *names: str) -> dict[str, Any]:
    """Sizes, checksum and algorithm of the one file of some names; of a file named twice, where more is told."""
    descriptions = []
    for file in files:
        if _text(file, "Name") not in names:
            continue
        checksum = _object(file.get("Checksum"))
        value, algorithm = _text(checksum, "Value").lower(), _text(checksum, "Algorithm")
        known = bool(algorithm and _CHECKSUM.fullmatch(value))
        size = _number(file, "SizeInBytes")
        exact = int(size) if size.is_integer() else 0
        about = round(_number(file, "Size") * _UNITS.get(_text(file, "SizeUnit").upper(), 0))
        descriptions.append(
            {
                "size": exact,
                "estimated_size": exact or about,
                "checksum": value if known else "",
                "algorithm": algorithm if known else "",
            }
        )
    return max(descriptions, key=lambda told: sum(map(bool, told.values())), default={})


def _links(umm: Json) -> Iterator[tuple[str, str]]:
    """Kinds and addresses, by HTTPS, of an item's files."""
    for link in _objects(umm.get("RelatedUrls")):
        if _ADDRESS.fullmatch(_text(link, "URL")):
            yield _text(link, "Type"), _text(link, "URL")


def _link(umm: Json, product: Product) -> str:
    """Address of an item's granule, the cloud's before others; empty when there is none."""
    links = [url for kind, url in _links(umm) if kind == "GET DATA" and parse_name(_file_name(url), product)]
    return max(links, key=_in_cloud, default="")


def _in_cloud(url: str) -> bool:
    return str(urlsplit(url).hostname).endswith(_CLOUD)


def _rank(entry: Entry) -> tuple[bool, str, str]:
    return _in_cloud(entry.url), entry.produced, entry.granule


def _slot(name: GranuleName) -> tuple[str, str]:
    """Day and place of a granule."""
    return f"{name.time:%Y-%m-%d}", name.tile or f"{name.time:%H%M}"


def _file_name(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def _reference(item: Json) -> str:
    return _text(_object(item.get("umm")), "GranuleUR")


def _object(value: Any) -> Json:
    """A JSON object; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(container: Json, field: str) -> str:
    """Text or whole number of a field, as one line of text; empty in place of anything else."""
    value = container.get(field)
    told = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    text = " ".join(str(value).split()) if told else ""
    return text if text.isprintable() else ""


def _number(container: Json, field: str) -> float:
    """A positive number, also one that is written as text; 0 in place of anything else."""
    value = container.get(field)
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except (OverflowError, ValueError):
        return 0.0
    return number if 0 < number < 2**53 else 0.0
