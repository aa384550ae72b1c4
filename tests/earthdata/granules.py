"""Granules, and their entries in the CMR as LPCLOUD and NSIDC_CPRD fill them, as far as clients here read them.

LPCLOUD's are written in ECHO10, which tells size and checksum of each file (`AdditionalFile`); what the CMR makes of it
in UMM-G has one file without a name or a checksum. NSIDC_CPRD's are written in UMM-G.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from earthdata.hosts import DATA
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS, parse_name

_BUCKETS = {"LPCLOUD": "lp-prod-protected", "NSIDC_CPRD": "nsidc-cumulus-prod-protected"}


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
        if self.product.tiled:
            return f"{_BUCKETS[self.provider]}/{self.product.name}/{self.stem}"
        return f"{_BUCKETS[self.provider]}/SMAP/{self.product.short_name}/{self.product.version}/{self.time:%Y/%m/%d}"

    @property
    def metadata_name(self) -> str:
        """The file of metadata beside the data."""
        return f"{self.stem}.cmr.xml" if self.product.tiled else f"{self.name}.cmr.json"

    @property
    def concept(self) -> str:
        return f"G{self.number}-{self.provider}"

    @property
    def produced(self) -> str:
        return f"{self.range[1] + timedelta(days=4):%Y-%m-%dT%H:%M:%S}.000Z"

    def entry(self, checksum: dict[str, str] | None) -> dict[str, Any]:
        """Its entry in UMM-G."""
        begin, end = (f"{time:%Y-%m-%dT%H:%M:%S}.000Z" for time in self.range)
        named = {"Name": self.name, "SizeInBytes": self.size, "Format": "HDF5"}
        size = {"Size": self.size / 2**20, "SizeUnit": "MB"}
        files = [
            # No order is promised: clients must look at the name.
            {"Name": self.metadata_name, "SizeInBytes": 2000, "Size": 2000 / 2**20, "SizeUnit": "MB", "Format": "JSON"},
            named | size | ({"Checksum": checksum} if checksum else {}),
        ]
        meta = {
            "concept-type": "granule",
            "concept-id": self.concept,
            "revision-id": self.revision,
            "native-id": self.granule_ur,
            "collection-concept-id": f"C1-{self.provider}",
            "provider-id": self.provider,
            "format": "application/echo10+xml" if self.product.tiled else "application/vnd.nasa.cmr.umm+json",
            "revision-date": self.produced,
        }
        umm = {
            "GranuleUR": self.granule_ur,
            "CollectionReference": {"ShortName": self.product.short_name, "Version": self.product.version},
            "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": begin, "EndingDateTime": end}},
            "DataGranule": {
                "ProductionDateTime": self.produced,
                "Identifiers": [{"Identifier": self.name, "IdentifierType": "ProducerGranuleId"}],
                "ArchiveAndDistributionInformation": [{"Name": "Not provided"} | size] if self.product.tiled else files,
            },
            "RelatedUrls": self._urls(),
        }
        return {"meta": meta, "umm": umm}

    def echo10(self, checksum: dict[str, str] | None) -> str:
        """Its entry in ECHO10."""
        granule = ElementTree.Element("Granule")
        _add(granule, "GranuleUR", self.granule_ur)
        collection, data = _add(granule, "Collection"), _add(granule, "DataGranule")
        _add(collection, "ShortName", self.product.short_name)
        _add(collection, "VersionId", self.product.version)
        _add(data, "SizeMBDataGranule", str(self.size / 2**20))
        _add(data, "ProducerGranuleId", self.name)
        _add(data, "ProductionDateTime", self.produced)
        if self.product.tiled:
            for name, size, digest in ((self.metadata_name, 2000, None), (self.name, self.size, checksum)):
                file = _add(data, "AdditionalFile")
                _add(file, "Name", name)
                _add(file, "SizeInBytes", str(size))
                if digest:
                    told = _add(file, "Checksum")
                    _add(told, "Value", digest["Value"])
                    _add(told, "Algorithm", digest["Algorithm"])
        return ElementTree.tostring(granule, encoding="unicode")

    def _urls(self) -> list[dict[str, str]]:
        https = f"https://{DATA[self.provider]}/{self.folder}"
        links = {
            f"s3://{self.folder}/{self.name}": ("GET DATA VIA DIRECT ACCESS", "Direct access, by S3"),
            f"{https}/{self.name}": ("GET DATA", f"Download {self.name}"),
            f"{https}/BROWSE.{self.stem}.1.jpg": ("GET RELATED VISUALIZATION", "Browse image"),
            f"{https}/{self.metadata_name}": ("EXTENDED METADATA", f"Download {self.metadata_name}"),
        }
        if not self.product.tiled:
            links[f"{https}/{self.name}.dmrpp"] = ("EXTENDED METADATA", "DMR++")
        return [{"URL": url, "Type": kind, "Description": text} for url, (kind, text) in links.items()]


def granule(name: str, path: Path | None, size: int) -> Granule | None:
    """The granule of a file name, None for names of other files."""
    for product in PRODUCTS.values():
        parsed = parse_name(name, product)
        if parsed:
            return Granule(name, product, parsed.time, parsed.tile, path, size)
    return None


def _add(parent: ElementTree.Element, tag: str, text: str | None = None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag)
    element.text = text
    return element
