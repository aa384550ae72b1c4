"""Traffic: bytes that a run would move from NASA Earthdata and keep on disk."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from kilomoist.earthdata.catalogues import Entry
from kilomoist.products import Product

_MB = 1e6


@dataclass(frozen=True)
class Traffic:
    """Numbers of a product's granules, and bytes."""

    product: str
    wanted: int
    absent: int
    """Granules that NASA does not have."""
    there: int
    """Granules in the store."""
    whole: int
    """Bytes of all files as NASA keeps them."""
    moved: int
    """Bytes that are still to be moved; an estimate where a subset of a file is enough."""
    kept: int
    """Bytes on disk in the end."""


def expected_traffic(
    product: Product, entries: Iterable[Entry], wanted: Collection[tuple[str, str]], store: str | Path
) -> Traffic:
    """Traffic of the wanted granules of a product, by day and place, given catalogues and the store."""
    listed = [entry for entry in entries if (entry.day, entry.place) in wanted]
    files = {entry.granule: Path(store) / product.name / entry.place / entry.granule for entry in listed}
    there = {name: path.stat().st_size for name, path in files.items() if path.exists()}
    subset = product.subset_size
    sizes = {entry.granule: min(subset or entry.size, entry.size or subset) for entry in listed}
    whole = sum(entry.size for entry in listed)
    moved = sum(size for name, size in sizes.items() if name not in there)
    kept = sum(there.get(name, size) for name, size in sizes.items())
    return Traffic(product.name, len(wanted), len(wanted) - len(listed), len(there), whole, moved, kept)


def as_table(rows: Sequence[Traffic]) -> str:
    """The rows and their sum, as text for a terminal."""
    total = Traffic("all", *(sum(column) for column in zip(*(astuple(row)[1:] for row in rows), strict=True)))
    head = f"{'product':13}{'granules':>9}{'absent':>8}{'there':>7}{'whole MB':>12}{'to move MB':>12}{'on disk MB':>12}"
    lines = [
        f"{row.product:13}{row.wanted:>9}{row.absent:>8}{row.there:>7}"
        f"{row.whole / _MB:>12,.1f}{row.moved / _MB:>12,.1f}{row.kept / _MB:>12,.1f}"
        for row in (*rows, total)
    ]
    return "\n".join([head, *lines])
