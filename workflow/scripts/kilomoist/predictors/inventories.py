"""Granules that a composite is made from, and those that are absent."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kilomoist.calendars import Slot, slots
from kilomoist.errors import InputError
from kilomoist.files import own_file, read_json, sha256, write_json
from kilomoist.granules.archive import index_granules
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS

MIN_PIXELS = 1000
"""Pixels that two products must both see for a difference of theirs."""


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
    granules: Mapping[Path, str | None],
    absent: Sequence[str],
    others: Mapping[str, Any] | None = None,
) -> None:
    """Write the granules that a composite was made from, by name, size and SHA-256, and the absent times.

    `granules` says how each was verified when it was fetched (`verifications`), `others` what else is told: numbers of
    valid observations over all pixels (`observations`), what was masked (`counts`), sentences for granules that are not
    like the others (`odd`), granules of a partner (`partner`).
    """
    inventory = {
        "product": product.name,
        "tile": tile,
        "month": month,
        **describe_granules(granules),
        "absent": list(absent),
    }
    write_json(path, inventory | dict(others or {}))


def read_inventories(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Read what `write_inventory` wrote. Raises `InputError` for anything else."""
    return [_read_inventory(path) for path in paths]


def _read_inventory(path: str | Path) -> dict[str, Any]:
    with own_file(path, "an inventory of granules"):
        found = read_json(path)
        texts = [found["month"], *found["absent"], *(granule["name"] for granule in found["granules"])]
        if not all(isinstance(text, str) for text in texts) or not isinstance(found["tile"], str | None):
            raise ValueError("it does not name its granules")
        PRODUCTS[found["product"]]
        return found


def describe_granules(granules: Mapping[Path, str | None]) -> dict[str, Any]:
    """Granules by name, size, SHA-256 and, where it is known, how they were verified."""
    files = []
    for file, how in granules.items():
        own = {"name": file.name, "size": file.stat().st_size, "sha256": sha256(file)}
        files.append(own | ({"verified": how} if how else {}))
    return {"granules": files}


def require_granules(inventories: Sequence[Mapping[str, Any]], use: Collection[str]) -> None:
    """Raise `InputError` when no product of a quantity in use has a granule in any of a region's inventories.

    Single tiles may have none, and a product where another one measures all that it is used for.
    """
    found = {inventory["product"] for inventory in inventories if inventory["granules"]}
    for product in dict.fromkeys(inventory["product"] for inventory in inventories):
        measured = set(PRODUCTS[product].quantities)
        needed = measured & set(use) or measured  # the target is no predictor
        if product in found or needed <= {name for other in found for name in PRODUCTS[other].quantities}:
            continue
        own = [inventory for inventory in inventories if inventory["product"] == product]
        tiles = ", ".join(inventory["tile"] for inventory in own if inventory["tile"])
        raise InputError(
            f"There is no granule of {product} for {own[0]['month']}{f' on the tiles {tiles}' if tiles else ''}: "
            "take another product or month or, if they have come since, snakemake --forcerun list_granules."
        )


def covers(found: Any, expected: Any) -> Any:
    """Whether a product has its granules in a month: at least half of those that the calendar and the tiles expect."""
    return (found > 0) & (2 * found >= expected)


def different_products(month: str, other: str, products: Iterable[str]) -> str:
    """Sentence for months of one run that are not made from the same products."""
    return (
        f"{month} has no, or less than half of the, granules of {', '.join(products)}, which {other} has: maps of the "
        "two would show the change of products as a change of soil; take products that all months have, or "
        "`predictors.bridge: true`, which takes their difference away, or, if they have come since, snakemake "
        "--forcerun list_granules."
    )


def no_overlap(product: object, reference: str, months: Iterable[str], would_do: Sequence[str] = ()) -> str:
    """Sentence for a product whose difference from another cannot be estimated; `would_do` are months that have both.

    Some months have granules of both and too few pixels that both see.
    """
    advice = f"{', '.join(would_do)}" if would_do else "a month in which both have granules"
    return (
        f"`predictors.bridge`: how {product} differs from {reference} cannot be told, because none of the months "
        f"{', '.join(months)} has granules of both and {MIN_PIXELS} pixels that both see: add {advice} to `months`."
    )


def too_few(product: object, reference: str, month: str, pixels: int) -> str:
    """Sentence for two products of a month whose difference cannot be estimated from the pixels that both see."""
    return (
        f"{product} and {reference} both see {pixels} pixels of the region in {month}, and {MIN_PIXELS} are needed to "
        "tell how they differ: take one of them alone, a larger region, quality levels `fair`, or a lower "
        "quality.minimum_days."
    )


def require_share(found: int, expected: int, smallest: float, product: str, month: str) -> None:
    """Raise `InputError` when fewer of the month's fields are there than the smallest share allows."""
    if found < smallest * expected:
        raise InputError(
            f"{product} has {found} of {expected} fields of {month}, a share of {found / expected:.2f} where "
            f"quality.minimum_target_share asks for {smallest}: add the missing granules or lower the share."
        )
