"""Granules, and their entries in UMM-G as LPCLOUD and NSIDC_CPRD fill it, as far as clients here read it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from earthdata.hosts import DATA
from kilomoist.products import PRODUCTS, Product, parse_name

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

    def entry(self, checksum: dict[str, str] | None) -> dict[str, Any]:
        """Its entry in the CMR."""
        begin, end = (f"{time:%Y-%m-%dT%H:%M:%S}.000Z" for time in self.range)
        produced = f"{self.range[1] + timedelta(days=4):%Y-%m-%dT%H:%M:%S}.000Z"
        files = [
            _file(self.name, self.size, "HDF4" if self.product.tiled else "HDF5")
            | ({"Checksum": checksum} if checksum else {}),
            _file(self.metadata_name, 2000, "XML" if self.product.tiled else "JSON"),
        ]
        meta = {
            "concept-type": "granule",
            "concept-id": f"G{self.number}-{self.provider}",
            "revision-id": self.revision,
            "native-id": self.granule_ur,
            "provider-id": self.provider,
        }
        umm = {
            "GranuleUR": self.granule_ur,
            "CollectionReference": {"ShortName": self.product.short_name, "Version": self.product.version},
            "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": begin, "EndingDateTime": end}},
            "DataGranule": {
                "ProductionDateTime": produced,
                "Identifiers": [{"Identifier": self.name, "IdentifierType": "ProducerGranuleId"}],
                # No order is promised, and one provider writes what the other does not: clients must look at the name.
                "ArchiveAndDistributionInformation": files if self.product.tiled else files[::-1],
            },
            "RelatedUrls": self._urls(),
        }
        return {"meta": meta, "umm": umm}

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


def _file(name: str, size: int, form: str) -> dict[str, Any]:
    return {"Name": name, "SizeInBytes": size, "Size": size / 2**20, "SizeUnit": "MB", "Format": form}
