"""Search for granules in folders."""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from kilomoist.errors import InputError
from kilomoist.granules.receipts import SUFFIX, granules_of
from kilomoist.products import Product, parse_name

Granules = dict[tuple[str, str | None, datetime], Path]
"""Paths by product name, tile and time."""


def search_archive(folder: str | Path, products: Iterable[Product]) -> Granules:
    """Granules of the products below `folder`, at any depth and behind links.

    Of several productions of a granule the newest counts, of its copies that whose path sorts last. Raises `InputError`
    when the folder or another below it cannot be listed.
    """
    if not os.path.isdir(folder):
        found = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise InputError(f"The archive {folder} {found}: set `archive` to a folder of granules.")
    # The literal beginning of a name decides quickly about the many files that are something else.
    by_prefix: dict[str, list[Product]] = {}
    for product in products:
        by_prefix.setdefault(product.pattern.pattern.split("(")[0].replace("\\", ""), []).append(product)
    newest: dict[tuple[str, str | None, datetime], tuple[str, str]] = {}
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # links may lead in circles
            folders.clear()
            continue
        seen.add(real)
        folders.sort()  # of two links to a folder always the same is taken
        for prefix, candidates in by_prefix.items():
            for name in (name for name in names if name.startswith(prefix)):
                for granule in filter(None, (parse_name(name, product) for product in candidates)):
                    key = (granule.product, granule.tile, granule.time)
                    newest[key] = max(newest.get(key, ("", "")), (granule.produced, os.path.join(parent, name)))
    return {key: Path(path) for key, (_, path) in sorted(newest.items(), key=lambda item: item[1][1])}


def index_granules(paths: Iterable[str | Path], product: Product) -> Granules:
    """Granules of a product among files, receipts (`granules_of`) and folders (`search_archive`), which raise."""
    given, found = list(map(Path, paths)), Granules()
    receipts = [path for path in given if path.suffix == SUFFIX]
    for path in [*(path for path in given if path.suffix != SUFFIX), *granules_of(receipts)]:
        if path.is_dir():
            found |= search_archive(path, [product])
        elif name := parse_name(path.name, product):
            found[(name.product, name.tile, name.time)] = path
    return found


def _refuse_folder(error: OSError) -> None:
    raise InputError(
        f"The folder {error.filename} of the archive cannot be listed ({error.strerror}): make it readable or move it "
        f"out of the archive."
    ) from error
