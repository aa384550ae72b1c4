"""Several products of one quantity: the difference of each from the first, by class of vegetation, and one mean of all.

Sensors pass at other hours, see other wavelengths, and products retrieve otherwise: Aqua and VIIRS meet the ground at
its warmest, Terra hours before. In a plain mean of their observations a pixel would be the warmer the more often
the later sensor saw it. So what a product sees more than the first one, in the mean over pixels that both see, is taken
away before observations are averaged: means are as if all were the first product's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.files import read_table
from kilomoist.products import measuring
from kilomoist.rasters import Bands

ALL = "all"
"""Name of the class of all pixels."""
MIN_OF_CLASS = 100
"""Pixels that a class must have to be told apart."""
_PAIR = "quantity", "product", "reference"
COLUMNS = (*_PAIR, "months", "granules", "vegetation", "index", "pixels", "difference", "spread")
"""Of a table of differences: product − reference, its standard deviation over pixels (`spread`), and the mean of the
vegetation index in the class."""


@dataclass(frozen=True)
class ProductDifferences:
    """Differences that are taken away in a month, by quantity and product, in the quantity's unit."""

    index: str | None = None
    """Vegetation index by whose classes they differ."""
    of_all: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Over pixels of all classes; none of the first product."""
    by_class: Mapping[tuple[str, str], tuple[NDArray, NDArray]] = field(default_factory=dict)
    """Means of the index in each class, in ascending order, and the differences there."""

    def of(self, quantity: str, product: str, index: NDArray | None) -> NDArray[np.float64] | float:
        """Difference of a product from the first one at pixels of some values of the index; 0 for the first product.

        Between the classes' means of the index it goes in a straight line, so that no class has an edge on the map;
        where there is no index it is that of all pixels.
        """
        whole = self.of_all.get((quantity, product), 0.0)
        if index is None or (quantity, product) not in self.by_class:
            return whole
        return np.where(np.isfinite(index), np.interp(index, *self.by_class[quantity, product]), whole)


NO_DIFFERENCES = ProductDifferences()
"""Where one product measures each quantity."""


def read_differences(paths: Iterable[str | Path], index: str | None) -> ProductDifferences:
    """Differences of tables that `bridging.choose_differences` made: of none where there is no table."""

    of_all, by_class = {}, {}
    for path in paths:
        table = read_table(path)
        for key, rows in table[table["pixels"] > 0].groupby(["quantity", "product"]):
            classes = rows[(rows["vegetation"] != ALL) & (rows["pixels"] >= MIN_OF_CLASS)].sort_values("index")
            of_all[key] = float(rows.loc[rows["vegetation"] == ALL, "difference"].iloc[0])
            if len(classes):
                by_class[key] = classes["index"].to_numpy(), classes["difference"].to_numpy()
    return ProductDifferences(index, of_all, by_class)


def merge_products(
    means: Mapping[str, NDArray], days: Mapping[str, NDArray], differences: Mapping[str, NDArray | float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean of the products' means of a quantity, each by its days and without its difference, and days of all.

    NaN where no product has a value; a product that has none counts nowhere. All arrays are of one shape.
    """
    first = next(iter(means.values()))
    total, weights = np.zeros(first.shape), np.zeros(first.shape)
    for name, mean in means.items():
        known = np.isfinite(mean) & (days[name] > 0)
        total[known] += (days[name] * (mean - differences[name]))[known]
        weights[known] += days[name][known]
    known = weights > 0
    mean = np.divide(total, weights, out=np.full(first.shape, np.nan), where=known)
    return mean.astype(np.float32), np.where(known, weights, np.nan).astype(np.float32)


def merge_bands(
    apart: Mapping[str, Bands], quantity: str, differences: ProductDifferences, index: NDArray | None
) -> Bands:
    """Merged mean and days of a quantity (`{quantity}`, `{quantity}_days`) from bands by product (`merge_products`)."""
    names = measuring(quantity, apart)
    taken = {name: differences.of(quantity, name, index) for name in names}
    means, days = ({name: apart[name][f"{quantity}{kind}"] for name in names} for kind in ("", "_days"))
    mean, total = merge_products(means, days, taken)
    return {quantity: mean, f"{quantity}_days": total}
