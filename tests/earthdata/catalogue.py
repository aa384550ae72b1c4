"""What NASA's Common Metadata Repository says about granules, for the tests' Earthdata: entries and searches.

Entries have the form of UMM-G (https://cdn.earthdata.nasa.gov/umm/granule/) as the providers LPCLOUD and NSIDC_CPRD
fill it, searches the rules of the CMR Search API (https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html).
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kilomoist.grids import TILE_SIDE, geographic_from_sinusoidal, tile_indices
from kilomoist.products import PRODUCTS, Product, parse_name

MAX_PAGE = 2000
DATA = {"LPCLOUD": "data.lpdaac.earthdatacloud.nasa.gov", "NSIDC_CPRD": "data.nsidc.earthdatacloud.nasa.gov"}
"""Host of the data of each provider."""
_BUCKETS = {"LPCLOUD": "lp-prod-protected", "NSIDC_CPRD": "nsidc-cumulus-prod-protected"}
_ALGORITHMS = {"LPCLOUD": "SHA-512", "NSIDC_CPRD": "MD5"}
"""How providers check their files, unless told otherwise."""
_IGNORED = {"bounding_box", "polygon", "point", "circle", "line", "downloadable", "online_only", "cloud_hosted"}
"""What can be asked but narrows nothing here; the tests' archives hold no more than their region."""
_OPTION = re.compile(r"options\[(\w+)\]\[(\w+)\]")


class BadQueryError(ValueError):
    """A question that the CMR refuses with status 400."""


@dataclass(frozen=True, eq=False)
class Granule:
    """A granule that the provider has, or at least lists."""

    name: str
    """Of the file."""
    product: Product
    time: datetime
    tile: str | None
    path: Path | None
    """None where there is nothing behind the entry."""
    size: int
    listed: bool = True
    """Whether searches find it."""
    revision: int = 1

    @property
    def provider(self) -> str:
        return "LPCLOUD" if self.product.tiled else "NSIDC_CPRD"

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def granule_ur(self) -> str:
        """The universal reference: LP DAAC leaves out the file's suffix, NSIDC does not."""
        return self.stem if self.product.tiled else self.name

    @cached_property
    def range(self) -> tuple[datetime, datetime]:
        """Begin and end. A field's end is the next one's begin, so that searches by day find the evening before."""
        if self.product.calendar == "3-hourly":
            return self.time - timedelta(minutes=90), self.time + timedelta(minutes=90)
        days = 16 if self.product.calendar == "16-day" else 1
        return self.time, self.time + timedelta(days=days, seconds=-1)

    @cached_property
    def number(self) -> int:
        """The number in the concept's identifier."""
        return int.from_bytes(hashlib.blake2b(self.name.encode(), digest_size=6).digest())

    @property
    def folder(self) -> str:
        """The path of its folder at the provider, from the bucket on."""
        short_name, version = self.product.name.split(".")
        if self.product.tiled:
            return f"{_BUCKETS[self.provider]}/{self.product.name}/{self.stem}"
        return f"{_BUCKETS[self.provider]}/SMAP/{short_name}/{version}/{self.time:%Y/%m/%d}"

    @property
    def metadata_name(self) -> str:
        """The file of metadata beside the data."""
        return f"{self.stem}.cmr.xml" if self.product.tiled else f"{self.name}.cmr.json"


def granule(name: str, path: Path | None, size: int) -> Granule | None:
    """The granule of a file name, None for names of other files."""
    for product in PRODUCTS.values():
        parsed = parse_name(name, product)
        if parsed:
            return Granule(name, product, parsed.time, parsed.tile, path, size)
    return None


class Catalogue:
    """Every granule by its name; one for all threads of a server."""

    def __init__(self, algorithms: Mapping[str, str | None]) -> None:
        """`algorithms`: of checksums, by the product's name; None for no checksum."""
        if unknown := set(algorithms) - set(PRODUCTS):
            raise ValueError(f"there are no products {sorted(unknown)}")
        self._algorithms = dict(algorithms)
        self._granules: dict[str, Granule] = {}
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[Granule, str]] = {}
        self._digests: dict[tuple[Any, ...], str] = {}

    def scan(self, folder: Path) -> None:
        """Take in the granules below a folder that are not known yet."""
        for path in sorted(folder.rglob("*")):
            found = granule(path.name, path, path.stat().st_size) if path.is_file() else None
            if found:
                with self._lock:
                    self._granules.setdefault(path.name, found)

    def list_only(self, names: Iterable[str], size: int) -> None:
        """Take in entries with nothing behind them."""
        for name in names:
            entry = granule(name, None, size)
            if entry is None:
                raise ValueError(f"{name} is no granule's name")
            with self._lock:
                self._granules[name] = entry

    def forget(self, pattern: str) -> None:
        with self._lock:
            for name in self._matching(pattern):
                del self._granules[name]

    def hide(self, pattern: str) -> None:
        with self._lock:
            for name in self._matching(pattern):
                self._granules[name] = replace(self._granules[name], listed=False)

    def replace(self, name: str, path: Path) -> None:
        with self._lock:
            old = self._granules[name]
            self._granules[name] = replace(old, path=path, size=path.stat().st_size, revision=old.revision + 1)

    def get(self, name: str) -> Granule | None:
        return self._granules.get(name)

    def _matching(self, pattern: str) -> list[str]:
        names = [name for name in self._granules if fnmatchcase(name, pattern)]
        if not names:
            raise KeyError(pattern)
        return names

    def search(self, query: Mapping[str, list[str]]) -> list[Granule]:
        """The granules that a query finds, in its order; paging is the caller's work. Raises `BadQueryError`."""
        values, options = _understood(query)
        if not values.keys() & {"short_name", "provider", "collection_concept_id", "concept_id"}:
            raise BadQueryError(
                "The CMR does not allow querying across granules in all collections. To help optimize your search, "
                "you should limit your query using conditions that identify one or more collections, such as provider, "
                "provider_id, concept_id, collection_concept_id, short_name, version or entry_title."
            )
        conditions = [test(values[name], options) for name, test in _TESTS.items() if name in values]
        with self._lock:
            listed = [entry for entry in self._granules.values() if entry.listed]
        found = [entry for entry in listed if all(holds(entry) for holds in conditions)]
        (order,) = values.get("sort_key", ["start_date"])[:1]
        key = _ORDERS.get(order.lstrip("-+"))
        if key is None:
            raise BadQueryError(f"The sort key [{order}] is not a valid field for sorting granules.")
        return sorted(found, key=lambda entry: (key(entry), entry.number), reverse=order.startswith("-"))

    def entry(self, item: Granule) -> str:
        """The JSON text of an entry."""
        known, text = self._entries.get(item.name, (None, ""))
        if known is not item:
            text = json.dumps({"meta": _meta(item), "umm": self._umm(item)})
            self._entries[item.name] = item, text
        return text

    def metadata(self, item: Granule) -> bytes:
        """The file of metadata that lies beside the data, in short."""
        if item.product.tiled:
            return f"<Granule><GranuleUR>{item.granule_ur}</GranuleUR></Granule>\n".encode()
        return json.dumps({"GranuleUR": item.granule_ur}).encode()

    def _umm(self, item: Granule) -> dict[str, Any]:
        short_name, version = item.product.name.split(".")
        begin, end = (f"{time:%Y-%m-%dT%H:%M:%S}.000Z" for time in item.range)
        metadata = self.metadata(item)
        algorithm = self._algorithms.get(item.product.name, _ALGORITHMS[item.provider])
        form = "HDF4" if item.product.tiled else "HDF5"
        files = [
            _file(item.name, item.size, form, self._checksum(item, algorithm)),
            _file(item.metadata_name, len(metadata), item.metadata_name[-4:].lstrip(".").upper(), None),
        ]
        umm: dict[str, Any] = {
            "GranuleUR": item.granule_ur,
            "CollectionReference": {"ShortName": short_name, "Version": version},
            "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": begin, "EndingDateTime": end}},
            "SpatialExtent": {
                "HorizontalSpatialDomain": {"Geometry": {"BoundingRectangles": [_rectangle(item.tile)]}},
            },
            "DataGranule": {
                "DayNightFlag": "Both" if item.product.role == "temperature" else "Unspecified",
                "ProductionDateTime": f"{item.range[1] + timedelta(days=4):%Y-%m-%dT%H:%M:%S}.000Z",
                "Identifiers": [{"Identifier": item.name, "IdentifierType": "ProducerGranuleId"}],
                # No order is promised, and one provider writes what the other does not: clients must look at the name.
                "ArchiveAndDistributionInformation": files if item.product.tiled else files[::-1],
            },
            "RelatedUrls": _urls(item),
            "ProviderDates": [{"Date": f"{item.range[1]:%Y-%m-%dT%H:%M:%S}.000Z", "Type": "Update"}],
            "MetadataSpecification": {
                "URL": "https://cdn.earthdata.nasa.gov/umm/granule/v1.6.6",
                "Name": "UMM-G",
                "Version": "1.6.6",
            },
        }
        if item.tile:
            h, v = tile_indices(item.tile)
            numbers = {"HORIZONTALTILENUMBER": f"{h:02d}", "VERTICALTILENUMBER": f"{v:02d}"}
            umm["AdditionalAttributes"] = [{"Name": name, "Values": [value]} for name, value in numbers.items()]
        return umm

    def _checksum(self, item: Granule, algorithm: str | None) -> dict[str, str] | None:
        """As UMM-G has it; of an algorithm that Python does not know the value is any."""
        if algorithm is None:
            return None
        name = algorithm.replace("-", "").lower()
        if item.path is None or name not in hashlib.algorithms_available:
            return {"Value": f"{item.number % 2**32}", "Algorithm": algorithm}
        state = item.path.stat()
        # By what is stored, not by path: archives of benchmarks link one large file under many names.
        key = (name, state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
        if key not in self._digests:
            with open(item.path, "rb") as file:
                self._digests[key] = hashlib.file_digest(file, name).hexdigest()
        return {"Value": self._digests[key], "Algorithm": algorithm}


def search_after(item: Granule) -> str:
    """What a client sends back to get the page that begins after a granule."""
    milliseconds = round(item.range[0].replace(tzinfo=UTC).timestamp() * 1000)
    return json.dumps([item.provider.lower(), milliseconds, item.number], separators=(",", ":"))


def _meta(item: Granule) -> dict[str, Any]:
    collection = hashlib.blake2b(item.product.name.encode(), digest_size=4).digest()
    return {
        "concept-type": "granule",
        "concept-id": f"G{item.number}-{item.provider}",
        "collection-concept-id": f"C{int.from_bytes(collection)}-{item.provider}",
        "revision-id": item.revision,
        "revision-date": f"{item.range[1] + timedelta(days=4):%Y-%m-%dT%H:%M:%S}.000Z",
        "native-id": item.granule_ur,
        "provider-id": item.provider,
        "format": "application/echo10+xml" if item.product.tiled else "application/vnd.nasa.cmr.umm+json",
    }


def _file(name: str, size: int, form: str, checksum: dict[str, str] | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Name": name,
        "SizeInBytes": size,
        "Size": size / 2**20,
        "SizeUnit": "MB",
        "Format": form,
    }
    return entry | ({"Checksum": checksum} if checksum else {})


def _urls(item: Granule) -> list[dict[str, str]]:
    https, s3 = f"https://{DATA[item.provider]}/{item.folder}", f"s3://{item.folder}"
    data, metadata = item.name, item.metadata_name
    urls = [
        {"URL": f"{s3}/{data}", "Type": "GET DATA VIA DIRECT ACCESS", "Description": "Direct access, by S3"},
        {"URL": f"{https}/{data}", "Type": "GET DATA", "Description": f"Download {data}"},
        {
            "URL": f"{https}/BROWSE.{item.stem}.1.jpg".replace("-protected/", "-public/"),
            "Type": "GET RELATED VISUALIZATION",
            "Description": "Browse image",
        },
        {"URL": f"{https}/{metadata}", "Type": "EXTENDED METADATA", "Description": f"Download {metadata}"},
        {"URL": f"{s3}/{metadata}", "Type": "EXTENDED METADATA", "Description": "Direct access, by S3"},
        {
            "URL": f"https://{DATA[item.provider]}/s3credentials",
            "Type": "VIEW RELATED INFORMATION",
            "Description": "Credentials for S3",
        },
    ]
    if item.product.tiled:
        return urls
    collection = _meta(item)["collection-concept-id"]
    return [
        *urls,
        {"URL": f"{https}/{data}.dmrpp", "Type": "EXTENDED METADATA", "Subtype": "DMR++", "Description": "DMR++"},
        {
            "URL": f"https://opendap.earthdata.nasa.gov/collections/{collection}/granules/{item.granule_ur}",
            "Type": "USE SERVICE API",
            "Subtype": "OPENDAP DATA",
            "Description": "OPeNDAP request URL",
        },
    ]


def _rectangle(tile: str | None) -> dict[str, float]:
    """The rectangle around a tile, or the one of the 9 km grid."""
    if tile is None:
        west, south, east, north = -180.0, -85.044, 180.0, 85.044
    else:
        h, v = tile_indices(tile)
        x, y = np.meshgrid([(h - 18) * TILE_SIDE, (h - 17) * TILE_SIDE], [(9 - v) * TILE_SIDE, (8 - v) * TILE_SIDE])
        longitude, latitude = geographic_from_sinusoidal(x, np.clip(y, -8.999 * TILE_SIDE, 8.999 * TILE_SIDE))
        longitude = np.clip(longitude, -180, 180)
        west, south, east, north = (
            float(edge) for edge in (longitude.min(), latitude.min(), longitude.max(), latitude.max())
        )
    return {
        "WestBoundingCoordinate": west,
        "SouthBoundingCoordinate": south,
        "EastBoundingCoordinate": east,
        "NorthBoundingCoordinate": north,
    }


Options = set[tuple[str, str]]
"""Options of parameters that are true."""
Condition = Callable[[Granule], bool]


def _understood(query: Mapping[str, list[str]]) -> tuple[dict[str, list[str]], Options]:
    """Values by parameter (lists may be spelled with and without `[]`), and options. Raises `BadQueryError`."""
    values: dict[str, list[str]] = {}
    options: Options = set()
    for key, given in query.items():
        option = _OPTION.fullmatch(key)
        name = key.removesuffix("[]")
        if option:
            if given[-1] == "true":
                options.add((option[1], option[2]))
        elif name not in {*_TESTS, *_IGNORED, "sort_key", "page_size", "page_num", "pretty"}:
            raise BadQueryError(f"Parameter [{key}] was not recognized.")
        else:
            values.setdefault(name, []).extend(given)
    return values, options


def _words(parameter: str, words: Callable[[Granule], Iterable[str]]) -> Callable[[list[str], Options], Condition]:
    """A condition on texts: any may be any of the given; case does not count, wildcards only with their option."""

    def condition(given: list[str], options: Options) -> Condition:
        if (parameter, "pattern") in options:
            parts = (re.escape(text).replace(r"\*", ".*").replace(r"\?", ".") for text in given)
            pattern = re.compile("|".join(parts), re.IGNORECASE)
            return lambda item: any(pattern.fullmatch(word) for word in words(item))
        wanted = {text.lower() for text in given}
        return lambda item: any(word.lower() in wanted for word in words(item))

    return condition


def _temporal(given: list[str], options: Options) -> Condition:
    """Granules whose range touches one of the given ranges, ends included unless they are excluded."""
    ranges = []
    for text in given:
        begin, separator, end = text.partition("," if "," in text else "/")
        if not separator and not begin:
            raise BadQueryError(f"[{text}] is not a valid date-range.")
        ranges.append((_moment(begin, datetime.min), _moment(end, datetime.max)))
    if ("temporal", "exclude_boundary") in options:
        return lambda item: any(item.range[0] < end and item.range[1] > begin for begin, end in ranges)
    return lambda item: any(item.range[0] <= end and item.range[1] >= begin for begin, end in ranges)


def _moment(text: str, missing: datetime) -> datetime:
    if not text.strip():
        return missing
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadQueryError(f"temporal date is invalid: [{text}] is not a valid datetime") from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


_TESTS: dict[str, Callable[[list[str], Options], Condition]] = {
    "short_name": _words("short_name", lambda item: [item.product.name.split(".")[0]]),
    "version": _words("version", lambda item: [item.product.name.split(".")[1]]),
    "provider": _words("provider", lambda item: [item.provider]),
    "concept_id": _words("concept_id", lambda item: [_meta(item)[f"{kind}concept-id"] for kind in ("", "collection-")]),
    "collection_concept_id": _words("collection_concept_id", lambda item: [_meta(item)["collection-concept-id"]]),
    # Without the suffix too, whatever the provider's references look like.
    "readable_granule_name": _words("readable_granule_name", lambda item: [item.name, item.stem]),
    "granule_ur": _words("granule_ur", lambda item: [item.granule_ur]),
    "producer_granule_id": _words("producer_granule_id", lambda item: [item.name]),
    "native_id": _words("native_id", lambda item: [item.granule_ur]),
    "temporal": _temporal,
}
_ORDERS: dict[str, Callable[[Granule], Any]] = {
    "start_date": lambda item: item.range[0],
    "end_date": lambda item: item.range[1],
    "granule_ur": lambda item: item.granule_ur,
    "producer_granule_id": lambda item: item.name,
    "readable_granule_name": lambda item: item.name,
}
