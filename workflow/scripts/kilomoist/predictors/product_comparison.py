"""Estimation of the differences between products of one quantity, in a month in which several have granules."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import block_mean
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.predictors.half_months import choose_windows
from kilomoist.predictors.product_differences import ALL, COLUMNS, measuring
from kilomoist.predictors.stacks import TileComposite, stack_products, unmerged_index
from kilomoist.products import PRODUCTS
from kilomoist.vegetation_classes import vegetation_classes


def comparison_rows(
    composites: Sequence[TileComposite],
    quantities: Sequence[str],
    index: str | None,
    inside: NDArray[np.bool_],
    cells: Window,
    minimum_days: int,
    seed: int,
) -> list[dict[str, object]]:
    """Differences of products from the first that has values, by quantity and class of a vegetation index, as rows.

    Over at most 16 windows of a region's cells, of whose pixels `inside` are the region's: pixels that both products
    see, temperatures on `minimum_days`. Columns as `COLUMNS` without months and granules.
    """
    sums: dict[tuple[str, str, str, str], NDArray[np.float64]] = {}
    shares, _ = block_mean(inside[None], CELL_SIDE)
    for window in choose_windows(shares[0] > 0, cells, seed):
        within = inside[window.refined(CELL_SIDE).within(cells.refined(CELL_SIDE))]
        apart = stack_products(composites, quantities, window)
        vegetation = unmerged_index(composites, index, window)
        classes = {ALL: within} | (vegetation_classes(index, vegetation) if index and vegetation is not None else {})
        for quantity in quantities:
            fewest = minimum_days if _is_temperature(quantity) else 0
            first, *others = measuring(quantity, apart)
            for number, reference in enumerate([first, *others]):
                for product in [first, *others][number + 1 :]:
                    pair = (apart[product], apart[reference])
                    enough = [bands[f"{quantity}_days"] >= max(fewest, 1e-6) for bands in pair]
                    difference = pair[0][quantity].astype(float) - pair[1][quantity]
                    known = np.logical_and.reduce([within, *enough]) & np.isfinite(difference)
                    for label, members in classes.items():
                        rows = known & members
                        values = difference[rows]
                        indices = vegetation[rows] if vegetation is not None else np.zeros(rows.sum())
                        found = [rows.sum(), values.sum(), (values**2).sum(), np.nansum(indices, dtype=float)]
                        key = (quantity, product, reference, label)
                        sums[key] = sums.get(key, np.zeros(4)) + found
    return [_row(key, total) for key, total in sums.items()]


def comparison_table(
    rows: Sequence[Mapping[str, object]], quantities: Sequence[str], granules: Mapping[str, int], month: str
) -> pd.DataFrame:
    """Table of a month's differences; each product has rows, whether or not it has granules, in the products' order."""
    listed: list[dict[str, object]] = []
    for quantity in quantities:
        for product in measuring(quantity, granules):
            own = [row for row in rows if (row["quantity"], row["product"]) == (quantity, product)]
            empty = {"quantity": quantity, "product": product, "vegetation": ALL, "pixels": 0}
            listed += [{**row, "months": month, "granules": granules[product]} for row in own or [empty]]
    return pd.DataFrame(listed, columns=list(COLUMNS))


def _is_temperature(quantity: str) -> bool:
    return any(quantity in product.quantities for product in PRODUCTS.values() if product.role == "temperature")


def _row(key: tuple[str, str, str, str], total: NDArray[np.float64]) -> dict[str, object]:
    quantity, product, reference, label = key
    number, difference, squares, index = total
    row: dict[str, object] = {"quantity": quantity, "product": product, "reference": reference, "vegetation": label}
    if not number:
        return row | {"index": np.nan, "pixels": 0, "difference": np.nan, "spread": np.nan}
    mean = difference / number
    spread = np.sqrt(max(squares / number - mean**2, 0))
    return row | {"index": index / number, "pixels": int(number), "difference": mean, "spread": spread}
