"""Coverage, width and score of prediction intervals."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import block_mean, repeated
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.mapping.maps import CellErrors, total_offset
from kilomoist.rasters import Mosaic, chunks_of
from kilomoist.vegetation_classes import vegetation_classes

COLUMNS = "support", "interval", "group", "n", "nominal", "coverage", "width", "score"
"""Of the table."""

Intervals = tuple[Mapping[str, NDArray[np.bool_]], NDArray, NDArray, NDArray]
"""Groups of rows by name, and of every row what was observed and the lower and upper end of its interval."""


@dataclass(frozen=True)
class PixelClasses:
    """Classes of the pixels of a region."""

    stacks: list[str]
    """Blocks of its predictors."""
    vegetation: str | None
    """Vegetation index whose classes they are; None: there are none."""


def interval_scores(observed: NDArray, lower: NDArray, upper: NDArray, interval: float) -> NDArray[np.float64]:
    """Interval score of each row, in the unit of its ends: width + 2/(1 − interval) × what lies outside; least is best.

    Gneiting and Raftery 2007, equation 43, doi 10.1198/016214506000001437.
    """
    width = np.subtract(upper, lower, dtype=float)
    return width + 2 / (1 - interval) * (np.maximum(lower - observed, 0) + np.maximum(observed - upper, 0))


def coverage_rows(support: str, kind: str, parts: Iterable[Intervals], interval: float) -> list[dict[str, object]]:
    """Nominal and actual coverage, mean width and mean score (m³/m³) of intervals, for each group that has rows.

    `kind` is one of `INTERVALS`. Where nothing was observed (NaN) there is a width alone.
    """
    sums: dict[str, NDArray[np.float64]] = {}
    for groups, observed, lower, upper in parts:
        inside = np.where(np.isnan(observed), np.nan, (observed >= lower) & (observed <= upper))
        scores = interval_scores(observed, lower, upper, interval)
        for name, rows in groups.items():
            wide = (upper - lower)[rows].sum(dtype=float)
            found = [rows.sum(), inside[rows].sum(), wide, scores[rows].sum()]
            sums[name] = sums.get(name, np.zeros(4)) + found
    return [
        dict(zip(COLUMNS, (support, kind, name, int(n), interval, inside / n, wide / n, score / n), strict=True))
        for name, (n, inside, wide, score) in sums.items()
        if n
    ]


def with_target_error(errors: pd.DataFrame, error: CellErrors, interval: float) -> pd.DataFrame:
    """Cells one scale up with the total interval, by the conditional one that they have and the file's own formula."""
    estimated = errors["estimated"].to_numpy()
    below, above = (
        total_offset(np.abs(errors[end].to_numpy() - estimated), error, interval) for end in ("lower", "upper")
    )
    return errors.assign(lower=estimated - below, upper=estimated + above)


def cell_intervals(errors: pd.DataFrame, vegetation: str | None) -> Intervals:
    """Cells one scale up (`protocols/intervals.parquet`): all, by fold, and by class of a vegetation index."""
    groups = {"all": np.ones(len(errors), bool)}
    groups |= {f"fold {fold}": (errors["fold"] == fold).to_numpy() for fold in sorted(errors["fold"].unique())}
    if vegetation:
        groups |= vegetation_classes(vegetation, errors[vegetation].to_numpy())
    observed, lower, upper = (errors[name].to_numpy() for name in ("observed", "lower", "upper"))
    return groups, observed, lower, upper


def pixel_intervals(
    intervals: str, kind: str, truth: str | None, cells: str, classes: PixelClasses
) -> Iterator[Intervals]:
    """The simulated truth at 1 km and the map's intervals, chunk by chunk: all, and by class of a vegetation index.

    Without a truth what is observed is NaN. The conditional interval (`kind`) is of a truth that has the means of the
    `cells` that the map is held to: it is shifted by a constant in each.
    """
    vegetation, prefix = classes.vegetation, "conditional_" if kind == "conditional" else ""
    with ExitStack() as files:
        mapped, stack, held = (
            files.enter_context(Mosaic(paths, grid))
            for paths, grid in (([intervals], M01), (classes.stacks, M01), ([cells], M09))
        )
        true = files.enter_context(Mosaic([truth], M01)) if truth else None
        for chunk in chunks_of(mapped.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            found = list(mapped.read(pixels, [f"{prefix}lower", f"{prefix}upper"]).values())
            found.insert(0, true.read(pixels, ["soil_moisture"])["soil_moisture"] if true else found[0] * np.nan)
            if true and kind == "conditional":
                shift = held.read(chunk, ["target"])["target"] - block_mean(found[0], CELL_SIDE)[0]
                found[0] = found[0] + repeated(shift, CELL_SIDE)
            plants = stack.read(pixels, [vegetation])[vegetation] if vegetation else found[1]
            valid = np.isfinite([*found[0 if true else 1 :], plants]).all(axis=0)
            groups = {"all": np.ones(int(valid.sum()), bool)}
            if vegetation:
                groups |= vegetation_classes(vegetation, plants[valid])
            observed, lower, upper = (values[valid] for values in found)
            yield groups, observed, lower, upper
