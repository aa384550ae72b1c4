"""Coverage and width of prediction intervals."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.grids import CELL_SIDE, M01
from kilomoist.rasters import Mosaic, chunks_of

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
        {"support": support, "group": name, "n": int(n), "nominal": interval, "coverage": inside / n, "width": wide / n}
        for name, (n, inside, wide) in sums.items()
        if n
    ]


def cell_intervals(errors: pd.DataFrame, vegetation: str | None) -> Intervals:
    """Cells one scale up (`protocols/intervals.parquet`): all, by fold, and by class of a vegetation index."""
    groups = {"all": np.ones(len(errors), bool)}
    groups |= {f"fold {fold}": (errors["fold"] == fold).to_numpy() for fold in sorted(errors["fold"].unique())}
    if vegetation:
        groups |= vegetation_classes(vegetation, errors[vegetation].to_numpy())
    observed, lower, upper = (errors[name].to_numpy() for name in ("observed", "lower", "upper"))
    return groups, observed, lower, upper


def pixel_intervals(soil_moisture: str, stacks: list[str], truth: str, vegetation: str | None) -> Iterator[Intervals]:
    """The simulated truth at 1 km and the map's intervals, chunk by chunk: all, and by class of a vegetation index."""
    with Mosaic([soil_moisture], M01) as mapped, Mosaic(stacks, M01) as stack, Mosaic([truth], M01) as true:
        for chunk in chunks_of(mapped.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            ends = mapped.read(pixels, ["lower", "upper"])
            found = [true.read(pixels, ["soil_moisture"])["soil_moisture"], ends["lower"], ends["upper"]]
            plants = stack.read(pixels, [vegetation])[vegetation] if vegetation else found[0]
            valid = np.isfinite([*found, plants]).all(axis=0)
            groups = {"all": np.ones(int(valid.sum()), bool)}
            if vegetation:
                groups |= vegetation_classes(vegetation, plants[valid])
            observed, lower, upper = (values[valid] for values in found)
            yield groups, observed, lower, upper


def vegetation_classes(name: str, values: NDArray) -> dict[str, NDArray[np.bool_]]:
    """Rows of each class of a vegetation index, by what the class is called."""
    inner = [f"{a} to {b}" for a, b in pairwise(CLASSES)]
    labels = [f"below {CLASSES[0]}", *inner, f"{CLASSES[-1]} and above"]
    edges = pairwise((-np.inf, *CLASSES, np.inf))
    return {f"{name} {label}": (values >= a) & (values < b) for label, (a, b) in zip(labels, edges, strict=True)}
