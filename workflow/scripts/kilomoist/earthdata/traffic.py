"""Traffic: what a run would move from NASA Earthdata, and what it would keep on disk."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kilomoist.earthdata.catalogues import Entry
from kilomoist.products import Product

_MB = 1e6


@dataclass(frozen=True)
class Traffic:
    """Of one product: numbers of granules, and bytes."""

    product: str
    wanted: int
    absent: int
    """Granules that are wanted but that NASA does not have."""
    there: int
    """Granules that are in the store."""
    whole: int
    """Size of all files as NASA keeps them."""
    moved: int
    """What is still to be moved; where a part of a file is enough, an estimate."""
    kept: int
    """What lies on disk in the end."""


def expected_traffic(
    product: Product, entries: Iterable[Entry], wanted: Collection[tuple[str, str]], store: str | Path
) -> Traffic:
    """What the wanted granules of a product, by day and place, cost, given catalogues and the store."""
    listed = [entry for entry in entries if (entry.day, entry.place) in wanted]
    files = {entry.granule: Path(store) / product.name / entry.place / entry.granule for entry in listed}
    there = {name: path.stat().st_size for name, path in files.items() if path.exists()}
    sizes = {
        entry.granule: min(product.subset_size or entry.size, entry.size or product.subset_size) for entry in listed
    }
    return Traffic(
        product.name,
        len(wanted),
        len(wanted) - len(listed),
        len(there),
        sum(entry.size for entry in listed),
        sum(size for name, size in sizes.items() if name not in there),
        sum(there.get(name, size) for name, size in sizes.items()),
    )


def as_table(rows: Sequence[Traffic]) -> str:
    """The rows and their sum as text for a terminal."""
    total = Traffic("all", *(sum(column) for column in zip(*(_numbers(row) for row in rows), strict=True)))
    lines = [
        f"{'product':13}{'granules':>9}{'absent':>8}{'there':>7}{'whole MB':>12}{'to move MB':>12}{'on disk MB':>12}"
    ]
    lines += [
        f"{row.product:13}{row.wanted:>9}{row.absent:>8}{row.there:>7}"
        f"{row.whole / _MB:>12,.1f}{row.moved / _MB:>12,.1f}{row.kept / _MB:>12,.1f}"
        for row in (*rows, total)
    ]
    return "\n".join(lines)


def _numbers(row: Traffic) -> tuple[int, ...]:
    return (row.wanted, row.absent, row.there, row.whole, row.moved, row.kept)
