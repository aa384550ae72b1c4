"""Receipts, which stand in the workflow for granules in the store and change only when these do."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kilomoist.errors import InputError
from kilomoist.files import read_json, sha256, write_json

SUFFIX = ".json"


def write_receipt(path: str | Path, product: str, granule: Path, origin: Mapping[str, Any]) -> None:
    """Write name, path, size and SHA-256 of a product's granule, and its description at its `origin`."""
    receipt = {
        "product": product,
        "name": granule.name,
        "path": str(granule),
        "size": granule.stat().st_size,
        "checksum": f"sha256:{sha256(granule)}",
        "origin": dict(origin),
    }
    write_json(path, receipt)


def write_absent(path: str | Path, product: str) -> None:
    """Write that the provider does not have a granule."""
    write_json(path, {"product": product, "absent": True})


def granules_of(receipts: Iterable[Path]) -> Iterator[Path]:
    """Paths of receipts' granules that are not absent. Raises `InputError` when a granule is no longer there."""
    for path in receipts:
        receipt = read_json(path)
        if receipt.get("absent"):
            continue
        granule = Path(receipt["path"])
        if not granule.exists():
            raise InputError(f"{granule} was fetched but is no longer there: delete {path} to fetch it again.")
        yield granule
