"""Coverage and width of prediction intervals."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

CLASSES = (0.2, 0.4, 0.6)
"""Values of NDVI, or another vegetation index in use, that divide its classes: sparse, steppe, meadow, dense."""

Intervals = tuple[Mapping[str, NDArray[np.bool_]], NDArray, NDArray, NDArray]
"""Groups of rows by name, and of every row what was observed and the lower and upper end of its interval."""


def coverage_rows(support: str, parts: Iterable[Intervals], interval: float) -> list[dict[str, object]]:
    """Nominal and actual coverage and mean width (m³/m³) of intervals, for each group of rows that has any."""
    sums: dict[str, NDArray[np.float64]] = {}
    for groups, observed, lower, upper in parts:
        inside = (observed >= lower) & (observed <= upper)
        for name, rows in groups.items():
            found = [rows.sum(), inside[rows].sum(), (upper - lower)[rows].sum(dtype=float)]
            sums[name] = sums.get(name, np.zeros(3)) + found
    return [
        {
            "support": support,
            "group": name,
            "n": int(n),
            "nominal": interval,
            "coverage": float(inside / n),
            "width": float(width / n),
        }
        for name, (n, inside, width) in sums.items()
        if n
    ]


def vegetation_classes(name: str, values: NDArray) -> dict[str, NDArray[np.bool_]]:
    """Rows of each class of a vegetation index, by what the class is called."""
    edges = (-np.inf, *CLASSES, np.inf)
    names = [f"{name} below {CLASSES[0]}", *(f"{name} {a} to {b}" for a, b in pairwise(CLASSES))]
    names.append(f"{name} {CLASSES[-1]} and above")
    return {
        label: (values >= low) & (values < high) for label, low, high in zip(names, edges[:-1], edges[1:], strict=True)
    }
