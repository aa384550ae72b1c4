"""Estimation of the differences between products of one quantity, in a month in which several have granules."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.grids import CELL_SIDE, Window
from kilomoist.predictors.half_months import choose_windows
from kilomoist.predictors.product_differences import ALL, COLUMNS
from kilomoist.predictors.stacks import TileComposite, fewest_days, stack_products, unmerged_index
from kilomoist.products import measuring
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
    """Differences of every product from every other, by quantity and class of a vegetation index, as rows.

    Over at most 16 windows of a region's cells, of whose pixels `inside` are the region's: pixels that both products
    see, temperatures on `minimum_days`. Columns as `COLUMNS` without months, granules and expected.
    """
    sums: dict[tuple[str, str, str, str], NDArray[np.float64]] = {}
    usable = inside.reshape(cells.rows, CELL_SIDE, cells.columns, CELL_SIDE).any(axis=(1, 3))
    for window in choose_windows(np.asarray(usable), cells, seed):
        within = inside[window.refined(CELL_SIDE).within(cells.refined(CELL_SIDE))]
        apart = stack_products(composites, quantities, window)
        vegetation = unmerged_index(composites, index, window)
        classes = {ALL: within} | (vegetation_classes(index, vegetation) if index and vegetation is not None else {})
        for quantity in quantities:
            for product, reference in itertools.permutations(measuring(quantity, apart), 2):
                pair = (apart[product], apart[reference])
                fewest = max(fewest_days(product, minimum_days), 1e-6)
                enough = [bands[f"{quantity}_days"] >= fewest for bands in pair]
                difference = pair[0][quantity].astype(float) - pair[1][quantity]
                known = np.logical_and.reduce([within, *enough]) & np.isfinite(difference)
                for label, members in classes.items():
                    rows = known & members
                    values = difference[rows]
                    indices = vegetation[rows] if vegetation is not None else np.full(rows.sum(), np.nan)
                    found = [
                        rows.sum(),
                        values.sum(),
                        (values**2).sum(),
                        np.isfinite(indices).sum(),
                        np.nansum(indices),
                    ]
                    key = (quantity, product, reference, label)
                    sums[key] = sums.get(key, np.zeros(5)) + found
    return [_row(key, total) for key, total in sums.items()]


def comparison_table(
    rows: Sequence[Mapping[str, object]],
    quantities: Sequence[str],
    inventories: Sequence[Mapping[str, Any]],
    month: str,
) -> pd.DataFrame:
    """Table of a month's differences; each product has rows, whether or not it has granules, in the products' order.

    Column `expected` beside `COLUMNS` tells how many granules the inventories of all tiles ask for.
    """
    granules, expected = Counter[str](), Counter[str]()
    for inventory in inventories:
        granules[inventory["product"]] += len(inventory["granules"])
        expected[inventory["product"]] += len(inventory["granules"]) + len(inventory["absent"])
    listed: list[dict[str, object]] = []
    for quantity in quantities:
        for product in measuring(quantity, granules):
            own = [row for row in rows if (row["quantity"], row["product"]) == (quantity, product)]
            empty = {"quantity": quantity, "product": product, "vegetation": ALL, "pixels": 0}
            numbers = {"months": month, "granules": granules[product], "expected": expected[product]}
            listed += [{**row, **numbers} for row in own or [empty]]
    return pd.DataFrame(listed, columns=[*COLUMNS, "expected"])


def _row(key: tuple[str, str, str, str], total: NDArray[np.float64]) -> dict[str, object]:
    quantity, product, reference, label = key
    number, difference, squares, indexed, index = total
    row: dict[str, object] = {"quantity": quantity, "product": product, "reference": reference, "vegetation": label}
    if not number:
        return row | {"index": np.nan, "pixels": 0, "difference": np.nan, "spread": np.nan}
    mean = difference / number
    spread = np.sqrt(max(squares / number - mean**2, 0))
    middle = index / indexed if indexed else np.nan
    return row | {"index": middle, "pixels": int(number), "difference": mean, "spread": spread}
