"""Choice of the differences between products that are taken away in a month, and the refusal of months that differ."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from kilomoist.errors import InputError
from kilomoist.predictors.inventories import MIN_PIXELS, covers, different_products, no_overlap, too_few
from kilomoist.predictors.product_differences import ALL, COLUMNS


def choose_differences(tables: Mapping[str, pd.DataFrame], month: str, bridge: bool) -> pd.DataFrame:
    """Table of the differences that are taken away in a month, from those that were estimated in each month of a run.

    The first product of a quantity that has its granules (`covers`) is the reference, with `bridge` the first that has
    them in any month. Where the month has those of the reference, its own estimate counts; else, with `bridge`, the
    mean of those of the months that have both, by their pixels. Raises `InputError` where months have other products
    than others without `bridge`, or a difference cannot be told.
    """
    own = tables[month]
    for other, table in tables.items() if not bridge else ():
        if lacks := [name for name in _covering(table) if name not in _covering(own)]:
            raise InputError(different_products(month, other, lacks))
    chosen = []
    for quantity, rows in own.groupby("quantity", sort=False):
        reference = _reference(rows, tables.values() if bridge else [own])
        for product, granules in rows[rows["granules"] > 0].groupby("product", sort=False)["granules"].first().items():
            if product == reference:
                chosen.append(rows[rows["product"] == product].head(1).assign(**_of_itself(reference, month)))
                continue
            pair = _pair(own, quantity, product, reference)
            if bridge and (pair.empty or reference not in _covering(own)):
                both = [table for table in tables.values() if {product, reference} <= set(_covering(table))]
                pools = [found for table in both if not (found := _pair(table, quantity, product, reference)).empty]
                pair = _pool(pools) if pools else pair
            if pair.empty:
                both = rows[(rows["product"] == product) & (rows["reference"] == reference)]
                known = (rows["granules"] > 0) & (rows["product"] == reference)
                pixels = int(both["pixels"].max()) if len(both) and known.any() else 0
                told = no_overlap(product, reference, tables) if bridge else too_few(product, reference, month, pixels)
                raise InputError(told)
            chosen.append(pair.assign(granules=granules))
    return pd.concat(chosen or [own.head(0)], ignore_index=True)[list(COLUMNS)]


def _covering(table: pd.DataFrame) -> list[str]:
    """Products that have their granules in a month, in their order."""
    return list(table.loc[covers(table["granules"], table["expected"]), "product"].unique())


def _reference(rows: pd.DataFrame, tables: Iterable[pd.DataFrame]) -> str:
    """First product of a quantity, whose rows these are, that has its granules in any month; else the fullest."""
    covering = {name for table in tables for name in _covering(table)}
    fullest = rows.loc[(rows["granules"] / rows["expected"]).idxmax(), "product"]
    return next((name for name in rows["product"].unique() if name in covering), str(fullest))


def _pair(table: pd.DataFrame, quantity: object, product: object, reference: str) -> pd.DataFrame:
    """Rows of a product's difference from a reference, where enough pixels tell it."""
    rows = table[(table["quantity"] == quantity) & (table["product"] == product) & (table["reference"] == reference)]
    enough = (rows.loc[rows["vegetation"] == ALL, "pixels"] >= MIN_PIXELS).any()
    return rows[rows["pixels"] > 0] if enough else rows.head(0)


def _of_itself(reference: str, month: str) -> dict[str, object]:
    """What the row of the reference itself says."""
    return {"reference": reference, "months": month, "vegetation": ALL, "pixels": 0, "difference": 0.0, "spread": 0.0}


def _pool(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Differences of one pair in several months as those of one, by class."""
    rows = pd.concat(tables)
    months, found = " ".join(rows["months"].unique()), []
    for _, group in rows.groupby("vegetation", sort=False):
        weights = group["pixels"].to_numpy(float)
        mean = np.average(group["difference"], weights=weights)
        variance = np.average(group["spread"] ** 2 + (group["difference"] - mean) ** 2, weights=weights)
        pooled = {"months": months, "index": np.average(group["index"], weights=weights), "pixels": int(weights.sum())}
        found.append(group.head(1).assign(**pooled, difference=mean, spread=np.sqrt(variance)))
    return pd.concat(found)
