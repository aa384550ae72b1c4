"""Granules that a composite is made from, and those that are absent."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kilomoist.calendars import Slot, slots
from kilomoist.errors import InputError
from kilomoist.files import sha256, write_json
from kilomoist.granules.archive import index_granules
from kilomoist.products import Product


def choose_granules(
    paths: Iterable[str | Path], product: Product, tile: str | None, month: str
) -> tuple[list[tuple[Path, Slot]], list[str]]:
    """The granules of a month among files and folders, each with its slot, and the times that are absent.

    Folders are searched at any depth; of several productions of one granule the newest counts.
    """
    found = index_granules(paths, [product])
    chosen, absent = [], []
    for slot in slots(product, month):
        path = found.get((product.name, tile, slot.time))
        if path is None:
            absent.append(slot.time.strftime(product.time_format))
        else:
            chosen.append((path, slot))
    return chosen, absent


def write_inventory(
    path: str | Path, product: Product, tile: str | None, month: str, granules: Iterable[Path], absent: Sequence[str]
) -> None:
    """Write down which granules a composite was made from: name, size and SHA-256, and the times that are absent."""
    used = [{"name": file.name, "size": file.stat().st_size, "sha256": sha256(file)} for file in granules]
    inventory = {"product": product.name, "tile": tile, "month": month, "granules": used, "absent": list(absent)}
    write_json(path, inventory)


def require_granules(inventories: Sequence[Mapping[str, Any]]) -> None:
    """Raise `InputError` when a product has no granule in any of a region's inventories; single tiles may have none."""
    for product in dict.fromkeys(inventory["product"] for inventory in inventories):
        own = [inventory for inventory in inventories if inventory["product"] == product]
        if not any(inventory["granules"] for inventory in own):
            tiles = ", ".join(inventory["tile"] for inventory in own if inventory["tile"])
            raise InputError(
                f"There is no granule of {product} for {own[0]['month']}{f' on the tiles {tiles}' if tiles else ''}: "
                "take another product or month or, if they have come since, snakemake --forcerun list_granules."
            )
