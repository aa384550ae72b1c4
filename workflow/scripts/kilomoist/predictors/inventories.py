"""Granules that a composite is made from, and those that are absent."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kilomoist.calendars import Slot, slots
from kilomoist.errors import InputError
from kilomoist.files import sha256, write_json
from kilomoist.granules.archive import index_granules
from kilomoist.product_types import Product


def choose_granules(
    paths: Iterable[str | Path], product: Product, tile: str | None, month: str
) -> tuple[list[tuple[Path, Slot]], list[str]]:
    """Granules of a month among files and folders (`index_granules`), each with its slot; and the absent times."""
    found, needed = index_granules(paths, product), slots(product, month)
    paths_of = {slot: found.get((product.name, tile, slot.time)) for slot in needed}
    absent = [slot.time.strftime(product.time_format) for slot in needed if not paths_of[slot]]
    return [(path, slot) for slot, path in paths_of.items() if path], absent


def write_inventory(
    path: str | Path,
    product: Product,
    tile: str | None,
    month: str,
    granules: Iterable[Path],
    absent: Sequence[str],
    verified: Mapping[str, str] | None = None,
) -> None:
    """Write the granules that a composite was made from, by name, size and SHA-256, and the absent times.

    `verified`: how granules were verified when they were fetched, by name (`verifications`).
    """
    used = []
    for file in granules:
        how = {"verified": verified[file.name]} if verified and file.name in verified else {}
        used.append({"name": file.name, "size": file.stat().st_size, "sha256": sha256(file)} | how)
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


def require_share(found: int, expected: int, smallest: float, product: str, month: str) -> None:
    """Raise `InputError` when fewer of the month's fields are there than the smallest share allows."""
    if found < smallest * expected:
        raise InputError(
            f"{product} has {found} of {expected} fields of {month}, a share of {found / expected:.2f} where "
            f"quality.minimum_target_share asks for {smallest}: add the missing granules or lower the share."
        )
