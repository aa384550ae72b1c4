"""Traffic: bytes that a run would move from NASA Earthdata and keep on disk."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pandas as pd

from kilomoist.earthdata.catalogues import Entry
from kilomoist.product_types import Product


def expected_traffic(
    product: Product, entries: Iterable[Entry], wanted: Collection[tuple[str, str]], store: str | Path
) -> dict[str, int]:
    """Numbers and bytes of the wanted granules of a product, by day and place, given catalogues and the store.

    `absent` NASA does not have, `there` are in the store; what is to move is an estimate where a subset is enough.
    """
    listed = [entry for entry in entries if (entry.day, entry.place) in wanted]
    files = {entry.granule: Path(store) / product.name / entry.place / entry.granule for entry in listed}
    there = {name: path.stat().st_size for name, path in files.items() if path.exists()}
    subset = product.subset_size
    whole = {entry.granule: entry.estimated_size for entry in listed}
    sizes = {name: min(subset or size, size or subset) for name, size in whole.items()}
    return {
        "granules": len(wanted),
        "absent": len(wanted) - len(listed),
        "there": len(there),
        "whole MB": sum(whole.values()),
        "to move MB": sum(size for name, size in sizes.items() if name not in there),
        "on disk MB": sum(there.get(name, size) for name, size in sizes.items()),
    }


def as_table(traffic: Mapping[str, Mapping[str, int]]) -> str:
    """Traffic by product and its sum, as text for a terminal."""
    table = pd.DataFrame.from_dict(traffic, orient="index").sort_index()
    table.loc["all"] = table.sum()
    megabytes = {name: lambda size: f"{size / 1e6:,.1f}" for name in table if name.endswith("MB")}
    return table.to_string(formatters=megabytes, col_space=7)
