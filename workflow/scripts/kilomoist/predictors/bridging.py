"""Choice of the differences between products that are taken away in a month, and the refusal of months that differ."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from kilomoist.errors import InputError
from kilomoist.predictors.inventories import different_products, no_overlap
from kilomoist.predictors.product_differences import ALL, COLUMNS

MIN_PIXELS = 1000
"""Pixels that two products must both see for a difference of theirs."""


def choose_differences(tables: Mapping[str, pd.DataFrame], month: str, bridge: bool) -> pd.DataFrame:
    """Table of the differences that are taken away in a month, from those that were estimated in each month of a run.

    The first product of a quantity is the reference. Where a month has it, the month's own estimate counts; else, with
    `bridge`, the mean of those of the months that have both, by their pixels. Raises `InputError` where months have
    different products without `bridge`, or no month has both.
    """
    own = tables[month]
    if not bridge:
        for other, table in tables.items():
            lacks = _lacking(own, table)
            if lacks:
                raise InputError(different_products(month, other, lacks))
    chosen = []
    for quantity, rows in own.groupby("quantity", sort=False):
        every = tables.values() if bridge else [own]
        reference = _first_product(str(quantity), every)
        for product in rows.loc[rows["granules"] > 0, "product"].unique():
            if product == reference:
                chosen.append(rows[(rows["product"] == product)].head(1).assign(**_of_itself(reference, month)))
                continue
            pair = _pair(rows, product, reference)
            if pair.empty and bridge:
                others = (_pair(table, product, reference, quantity) for table in tables.values())
                pair = _pool([other for other in others if not other.empty])
            if pair.empty:
                raise InputError(no_overlap(product, reference, list(tables)))
            chosen.append(pair)
    return pd.concat(chosen or [own.head(0)], ignore_index=True)[list(COLUMNS)]


def _lacking(own: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """Products that another month has and this one has not."""
    present, others = (table.loc[table["granules"] > 0, "product"] for table in (own, other))
    return [name for name in others.unique() if name not in set(present)]


def _first_product(quantity: str, tables: Iterable[pd.DataFrame]) -> str:
    """First of the products of a quantity, in their order, of which any month has granules; empty of none."""
    listed = [table[table["quantity"] == quantity] for table in tables]
    order = listed[0]["product"].unique()
    present = {name for rows in listed for name in rows.loc[rows["granules"] > 0, "product"]}
    return next((name for name in order if name in present), "")


def _pair(rows: pd.DataFrame, product: str, reference: str, quantity: object = None) -> pd.DataFrame:
    """Rows of a product's difference from a reference, where enough pixels tell it."""
    if quantity is not None:
        rows = rows[rows["quantity"] == quantity]
    rows = rows[(rows["product"] == product) & (rows["reference"] == reference) & (rows["pixels"] > 0)]
    enough = (rows.loc[rows["vegetation"] == ALL, "pixels"] >= MIN_PIXELS).any()
    return rows if enough else rows.head(0)


def _of_itself(reference: str, month: str) -> dict[str, object]:
    """What the row of the reference itself says."""
    return {"reference": reference, "months": month, "vegetation": ALL, "pixels": 0, "difference": 0.0, "spread": 0.0}


def _pool(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Differences of one pair in several months as those of one, by class; empty of no month."""
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = pd.concat(tables)
    months, found = " ".join(rows["months"].unique()), []
    for _, group in rows.groupby("vegetation", sort=False):
        weights = group["pixels"].to_numpy(float)
        mean = np.average(group["difference"], weights=weights)
        variance = np.average(group["spread"] ** 2 + (group["difference"] - mean) ** 2, weights=weights)
        pooled = {"months": months, "index": np.average(group["index"], weights=weights), "pixels": int(weights.sum())}
        found.append(group.head(1).assign(**pooled, difference=mean, spread=np.sqrt(variance)))
    return pd.concat(found)
