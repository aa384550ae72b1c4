"""A map from its blocks: reconciled, within bounds, cell means exact; its intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import Values, block_mean, interpolate
from kilomoist.grids import CELL_SIDE, M01, M09, Window
from kilomoist.products import PRODUCTS
from kilomoist.rasters import Mosaic, chunks_of, mosaic, read_tags
from kilomoist.reconciliation import settle
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
    error: float
    """Standard error of `target`, m³/m³."""


def read_analysis(cells: str | Path, correction: str | Path, target_error: float) -> AnalysisCells:
    """Read the product's cells (`cells.tif`) or merged cells, which alone tell weight and error, and the correction.

    `target_error` is the standard error of the product's cells, m³/m³.
    """
    bands, window = mosaic([cells], M09, ["target"])
    solved, _ = mosaic([correction], M09)
    target = np.where(solved["reconciled"] > 0, bands["target"], np.nan)
    tags = read_tags(cells)
    weight, error = float(tags.get("target_weight", 1)), float(tags.get("target_error", target_error))
    return AnalysisCells(window, target, solved["correction"], weight, error)


def map_tags(cells: AnalysisCells, target_error: float, interval: float | None) -> dict[str, str]:
    """Tags of a map: its reconciliation, and what its intervals rest on; `interval` is their nominal coverage."""
    tags = {"reconciled": "yes" if np.isfinite(cells.target).any() else "no"}
    left = " (0: intervals are conditional on the target)" if target_error == 0 else ""
    if cells.weight < 1:
        said = f"as far as warranted: the target has weight {cells.weight:.3f}, the model's mean the rest"
        tags["reconciled"], left = said, f" said, {cells.error:.4f} m3 m-3 left after weighing"
    if interval is not None:
        tags |= {"interval": f"{interval:g}", "target_error": f"{target_error:g} m3 m-3{left}"}
    return tags


def bounds_of(target: str) -> tuple[float, float]:
    """Physical bounds of a target's soil moisture, m³/m³."""
    return PRODUCTS[target].layers["soil_moisture"].valid


def finish_block(raw: NDArray, cells: AnalysisCells, block: Window, bounds: tuple[float, float]) -> NDArray[np.float32]:
    """Final map of a block: the raw map plus the interpolated correction, within bounds, cell means exact."""
    smooth = raw + interpolate(cells.correction, cells.window, block.refined(CELL_SIDE), CELL_SIDE)
    return settle(smooth, cells.target[block.within(cells.window)], CELL_SIDE, bounds).astype(np.float32)


def interval_block(
    values: NDArray, offsets: Mapping[str, NDArray], error: float, interval: float, bounds: tuple[float, float]
) -> dict[str, NDArray[np.float32]]:
    """Ends `lower` and `upper` of a block's intervals, within bounds: they move with the map as it is reconciled.

    The offsets `below` and `above` (`block_offsets`) are widened by the target's standard error (m³/m³) to
    √(offset² + (z·error)²), z the normal quantile of `interval`.
    """
    from scipy.stats import norm

    own = norm.ppf((1 + interval) / 2) * error
    ends = {"lower": values - np.hypot(offsets["below"], own), "upper": values + np.hypot(offsets["above"], own)}
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
    return pd.DataFrame([{"map": name} | numbers for name, numbers in parts.items()])
