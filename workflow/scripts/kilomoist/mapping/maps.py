"""A map from its blocks: reconciled, within bounds, cell means exact; its intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import Values, block_mean, interpolate
from kilomoist.grids import CELL_SIDE, M01, M09, Window
from kilomoist.names import MAP_1KM, SMAP_9KM
from kilomoist.products import PRODUCTS
from kilomoist.rasters import Mosaic, chunks_of, mosaic, read_tags
from kilomoist.reconciliation import Reconciliation, settle
from kilomoist.statistics import describe, describe_chunks


@dataclass(frozen=True)
class AnalysisCells:
    """Soil moisture of the cells that a map is reconciled with, over the whole region."""

    window: Window
    target: Values
    """Target of the product, or merged with a model's, m³/m³; NaN in cells that are not reconciled."""
    correction: Values
    """Added to the map where it is interpolated, m³/m³."""
    weight: float
    """Weight of the product's value in `target`."""
    weighed: str = "warranted"
    """How `weight` was found."""


def read_analysis(cells: str | Path, raw: Mosaic, minimum_fraction: float | None) -> AnalysisCells:
    """The product's cells (`cells.tif`), or merged ones, which alone tell their weight, and a raw map's correction.

    Cells are reconciled that have a target and `minimum_fraction` of their pixels; with None there are none.
    """
    bands, window = mosaic([cells], M09, ["target"])
    correction, reconciled = np.zeros(window.shape), np.zeros(window.shape, bool)
    if minimum_fraction is not None:
        reconciliation = Reconciliation(window, CELL_SIDE)
        for chunk in chunks_of(window):
            reconciliation.measure(raw.read(chunk.refined(CELL_SIDE))["soil_moisture"], chunk)
        correction, reconciled = reconciliation.solve(bands["target"], minimum_fraction)
    tags = read_tags(cells)
    weight, how = float(tags.get("target_weight", 1)), tags.get("target_weighed", "")
    return AnalysisCells(window, np.where(reconciled, bands["target"], np.nan), correction, weight, how)


def own_weights(cells: str | Path, analysis: AnalysisCells) -> NDArray[np.float32]:
    """Weight of the product's own value in what each cell's mean is held to, (rows, columns).

    Of merged cells as they have it, else 1; 0 where a cell is not reconciled, NaN where the product has no value.
    """
    bands, _ = mosaic([cells], M09)
    weight = np.where(np.isfinite(analysis.target), bands.get("target_weight", 1.0), 0.0)
    return np.where(np.isfinite(bands["target"]), weight, np.nan).astype(np.float32)


def map_tags(cells: AnalysisCells) -> dict[str, str]:
    """Tags of a map: how far it is reconciled."""
    if cells.weight < 1 or cells.weighed not in ("", "warranted"):
        said = f"as far as {cells.weighed}: SMAP has weight {cells.weight:.3f}, the model's mean the rest"
        return {"reconciled": said}
    return {"reconciled": "yes" if np.isfinite(cells.target).any() else "no"}


def bounds_of(target: str) -> tuple[float, float]:
    """Physical bounds of a target's soil moisture, m³/m³."""
    return PRODUCTS[target].layers["soil_moisture"].valid


def finish_block(raw: NDArray, cells: AnalysisCells, block: Window, bounds: tuple[float, float]) -> NDArray[np.float32]:
    """Final map of a block: the raw map plus the interpolated correction, within bounds, cell means exact."""
    smooth = raw + interpolate(cells.correction, cells.window, block.refined(CELL_SIDE), CELL_SIDE)
    return settle(smooth, cells.target[block.within(cells.window)], CELL_SIDE, bounds).astype(np.float32)


HELD = 0.4
"""Share of the target's error that is taken to be in the errors one scale up, which are counted with the target itself.
Nobody knows it: nearly all is there if errors of neighbouring cells differ, nothing if they are alike. At most 0.47
leaves a normal error 85 % coverage of 90 where nothing is: 2·(1 − (1.44 / 1.645)²), sides and error being equal."""


@dataclass(frozen=True)
class CellErrors:
    """Standard errors of the target, m³/m³."""

    own: float
    """Of the product's cells, as the errors one scale up hold it."""
    left: float
    """Of the cells that the map is held to: less where they are merged."""


def cell_errors(cells: str | Path, target_error: float) -> CellErrors:
    """Standard errors by that of the product (m³/m³) and the cells that the map is held to, which tell theirs."""
    return CellErrors(target_error, float(read_tags(cells).get("target_error", target_error)))


def total_offset(side: NDArray, error: CellErrors, interval: float) -> Values:
    """Distance of the total interval's end from an estimate, by that of the conditional one; m³/m³.

    √(side² − `HELD`·min(side², (z·own)²) + (z·left)²), z the normal quantile of `interval`, and never less than `side`.
    """
    from scipy.special import ndtri  # scipy.stats takes half a second to import

    z, square = float(ndtri((1 + interval) / 2)), np.asarray(side, float) ** 2
    held = HELD * np.minimum(square, (z * error.own) ** 2)
    return np.sqrt(np.maximum(square, square - held + (z * error.left) ** 2))


def interval_block(
    values: NDArray, offsets: Mapping[str, NDArray], error: CellErrors, interval: float, bounds: tuple[float, float]
) -> dict[str, NDArray[np.float32]]:
    """Ends of a block's intervals, within bounds: `lower`, `upper` (total), `conditional_lower`, `conditional_upper`.

    The offsets `below` and `above` (`block_offsets`) of the map's `values` are those of the conditional interval, in
    which the truth lies if the cells that the map is held to are right. The total one has their standard error too,
    less what the offsets hold of the product's (`total_offset`).
    """
    below, above = offsets["below"], offsets["above"]
    ends = {"lower": values - total_offset(below, error, interval)}
    ends |= {"upper": values + total_offset(above, error, interval)}
    ends |= {"conditional_lower": values - below, "conditional_upper": values + above}
    return {name: np.clip(end, *bounds).astype(np.float32) for name, end in ends.items()}


def map_ranges(path: str | Path, cells: Window, coarse: NDArray) -> pd.DataFrame:
    """Number, extremes, mean and percentiles of the 9 km map `coarse`, of its mapped cells, and of the 1 km map."""
    mapped = np.zeros(cells.shape, bool)

    def chunks() -> Iterator[NDArray[np.float32]]:
        with Mosaic([path], M01) as whole:
            for chunk in chunks_of(cells):
                values = whole.read(chunk.refined(CELL_SIDE), ["soil_moisture"])["soil_moisture"]
                mapped[chunk.within(cells)] = block_mean(values, CELL_SIDE)[1] > 0
                yield values

    fine = describe_chunks(chunks)  # before `mapped` is asked, which it fills
    parts = {"9 km": describe(coarse), "9 km where mapped": describe(np.where(mapped, coarse, np.nan)), "1 km": fine}
    labels = SMAP_9KM, f"{SMAP_9KM}, where mapped", MAP_1KM
    named = zip(parts.items(), labels, strict=True)
    return pd.DataFrame([{"map": name, "label": label} | numbers for (name, numbers), label in named])
