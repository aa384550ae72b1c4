"""Search for granules in folders, and receipts: they stand for granules in the store and change only when these do."""

import itertools
import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from kilomoist.errors import InputError
from kilomoist.files import refuse_wildcards, sha256, write_json
from kilomoist.product_types import Product
from kilomoist.products import parse_name

Granules = dict[tuple[str, str | None, datetime], Path]
"""Paths by product name, tile and time."""


def search_archive(folder: str | Path, products: Iterable[Product]) -> Granules:
    """Granules of the products below `folder`, at any depth and behind links; cuts of them where they are HDF5.

    Of several productions of a granule the newest counts, of its files a whole one before a subsetter's cut, of its
    copies that whose path sorts last. Raises `InputError` when the folder or another below it cannot be listed, or a
    granule's path has braces.
    """
    # The literal beginning of a name decides quickly about the many files that are something else.
    prefixes = [(product.pattern.pattern.split("(")[0].replace("\\", ""), product) for product in products]
    newest: dict[tuple[str, str | None, datetime], tuple[str, bool, str]] = {}
    for (parent, name), (prefix, product) in itertools.product(files_below(folder), prefixes):
        if name.startswith(prefix) and (granule := parse_name(name, product)):
            key = (granule.product, granule.tile, granule.time)
            path = os.path.join(parent, name)
            if granule.whole or is_readable_cut(path):
                file = (granule.produced, granule.whole, path)
                newest[key] = max(newest.get(key, file), file)
    refuse_wildcards(path for *_, path in newest.values())
    return {key: Path(path) for key, (*_, path) in sorted(newest.items(), key=lambda item: item[1][2])}


def is_readable_cut(path: str | Path) -> bool:
    """Whether what is named as a subsetter's cut begins as HDF5 does, which NetCDF-4 is, but not each file of its name.

    What cannot be opened counts: its reader says why.
    """
    from kilomoist.granules.formats import MAGIC  # with what inflates, for the few archives of cuts

    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC["HDF5"])) == MAGIC["HDF5"]
    except OSError:
        return True


def files_below(folder: str | Path) -> Iterator[tuple[str, str]]:
    """Folder and name of every file of an archive, at any depth and behind links; raises as `search_archive`."""
    if not os.path.isdir(folder):
        found = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise InputError(f"The archive {folder} {found}: set `archive` to a folder of granules.")
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # links may lead in circles
            folders.clear()
            continue
        seen.add(real)
        folders.sort()  # of two links to a folder always the same is taken
        yield from ((parent, name) for name in names)


def _refuse_folder(error: OSError) -> None:
    raise InputError(
        f"The folder {error.filename} of the archive cannot be listed ({error.strerror}): make it readable or move it "
        f"out of the archive."
    ) from error


def index_granules(paths: Iterable[str | Path], product: Product) -> Granules:
    """Granules of a product among files, folders (`search_archive`) and receipts.

    Raises `InputError` when a receipt cannot be read, or its granule is not there or no longer the same file, and what
    `search_archive` does.
    """
    found = Granules()
    for path in map(Path, paths):
        if path.is_dir():
            found |= search_archive(path, [product])
            continue
        granule = _granule_of(path, product) if path.suffix == ".json" else path
        if granule and (name := parse_name(granule.name, product)):
            found[(name.product, name.tile, name.time)] = granule
    return found


def verifications(paths: Iterable[str | Path]) -> dict[str, str]:
    """How granules of receipts were verified, by their file names; other paths are passed over."""
    said = [_read_receipt(path) for path in map(Path, paths) if path.suffix == ".json"]
    found = {receipt["name"]: receipt.get("origin", {}).get("verified") for receipt in said if receipt}
    return {name: verified for name, verified in found.items() if verified}


def _read_receipt(path: Path) -> dict[str, Any] | None:
    """What a receipt says of its granule; None where it is absent. Raises `InputError` for what is no receipt."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.get("absent") is True:
            return None
        wrong = [name for name in ("path", "name", "checksum") if not isinstance(stored[name], str)]
        wrong += [] if isinstance(stored["size"], int) else ["size"]
        origin = stored.get("origin", {})
        told = isinstance(origin, dict) and isinstance(origin.get("verified", ""), str)
        wrong += [] if told else ["origin"]
        reason = f"{wrong[0]!r} is {stored[wrong[0]]!r:.80}" if wrong else ""
    except (ValueError, AttributeError, TypeError, RecursionError) as error:  # no JSON, or not of a receipt's form
        reason = " ".join(str(error).split())[:200]
    except KeyError as error:
        reason = f"it has no {error}"
    if reason:
        raise InputError(f"{path} is no receipt of a granule ({reason}): delete it, and the next run writes it anew.")
    return stored


def _granule_of(receipt: Path, product: Product) -> Path | None:
    """Path of a receipt's granule, whose checksum is compared; None where it is absent."""
    stored = _read_receipt(receipt)
    if stored is None:
        return None
    granule = Path(stored["path"])
    # Receipts and the store lie in one folder; a relative path begins where the workflow runs.
    folders = [folder.parent for folder in Path(os.path.abspath(receipt)).parents if folder.name == "receipts"]
    beside = granule.is_relative_to(folders[-1]) if folders and granule.is_absolute() else not granule.is_absolute()
    if ".." in granule.parts or not beside or granule.name != stored["name"] or not parse_name(granule.name, product):
        raise InputError(
            f"{receipt} stands for {stored['path']!r:.200}, which is no granule of {product.name} in the store beside "
            "it: delete the receipt, and the next run writes it anew."
        )
    if not os.path.isfile(granule):
        raise InputError(f"{granule} was fetched but is no longer there: delete {receipt} to fetch it again.")
    if granule.stat().st_size != stored["size"] or f"sha256:{sha256(granule)}" != stored["checksum"]:
        raise InputError(
            f"{granule} is not the file that {receipt} stands for (another size or SHA-256): delete the receipt, and "
            "the next run verifies the granule and, where it is wrong, fetches it again."
        )
    return granule


def write_receipt(path: str | Path, product: str, granule: Path, origin: dict[str, Any]) -> None:
    """Write name, path, size and SHA-256 of a product's granule, and its description at its `origin`."""
    stored = {"product": product, "name": granule.name, "path": str(granule), "size": granule.stat().st_size}
    write_json(path, stored | {"checksum": f"sha256:{sha256(granule)}", "origin": origin})


def write_absent(path: str | Path, product: str) -> None:
    """Write that the provider does not have a granule."""
    write_json(path, {"product": product, "absent": True})
