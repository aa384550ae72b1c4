"""Details: anomalies of cells or pixels from the next coarser scale, interpolated."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, aligned, block_mean, coarsen, fill_nearest, interpolate, repeated
from kilomoist.files import read_table
from kilomoist.grids import COARSE_SIDE, M09, Window
from kilomoist.predictors.samples import read_samples
from kilomoist.rasters import mosaic
from kilomoist.reconciliation import interpolated_mean_weights, solve_correction

if TYPE_CHECKING:
    import pandas as pd

MIN_COARSE_CELLS = 30
"""Coarse cells below which `detail` learns nothing (α = 0) and the map is SMAP, interpolated and reconciled."""


@dataclass(frozen=True)
class Cells:
    """Target and predictors over a window of cells; NaN where a cell has too few pixels or no target."""

    target: NDArray
    """(rows, columns)"""
    predictors: NDArray
    """(predictors, rows, columns)"""
    window: Window

    @classmethod
    def of_samples(cls, samples: "pd.DataFrame", target: NDArray, use: list[str], window: Window) -> "Cells":
        """Target of a region, and predictors of the cells that are in the training table."""
        predictors = np.full((len(use), *window.shape), np.nan)
        predictors[:, samples["row"] - window.row, samples["col"] - window.column] = samples[use].to_numpy().T
        return cls(target, predictors, window)

    def filled(self) -> "Cells":
        """Missing values replaced by the nearest, as interpolation does: once for all windows of pixels."""
        return Cells(fill_nearest(self.target), np.stack(list(map(fill_nearest, self.predictors))), self.window)

    def coarsened(self, factor: int, minimum_fraction: float) -> "Cells":
        """Their means over coarse cells with enough values (`coarsen`)."""
        means = [coarsen(layer, self.window, factor, minimum_fraction) for layer in (self.target, *self.predictors)]
        return Cells(means[0][0], np.stack([layer for layer, _ in means[1:]]), means[0][1])

    def complete(self) -> NDArray[np.bool_]:
        """Mask of the cells that have the target and every predictor."""
        return np.isfinite(self.target) & np.isfinite(self.predictors).all(axis=0)


def read_cells(samples: str | Path, cells: str | Path, use: list[str]) -> "tuple[pd.DataFrame, Cells]":
    """The training table and the cells of a region, from `samples.parquet` and `cells.tif`."""
    table = read_samples(samples, use)
    bands, window = mosaic([cells], M09, ["target"])
    return table, Cells.of_samples(table, bands["target"], use, window)


def read_reliability(path: str | Path, use: Sequence[str]) -> list[float]:
    """Reliability of the predictors in `use`, in its order."""

    table = read_table(path).set_index("predictor")
    return [float(table.loc[name, "reliability"]) for name in use]


def detail(values: NDArray, window: Window, minimum_fraction: float, factor: int = COARSE_SIDE) -> Values:
    """Anomalies from the next coarser scale: value − B(mean over coarse cells), (rows, columns)."""
    coarse_values, coarse = coarsen(values, window, factor, minimum_fraction)
    return values - interpolate(coarse_values, coarse, window, factor)


def reconciled_detail(values: NDArray, window: Window, factor: int = COARSE_SIDE) -> Values:
    """Details as reconciliation leaves them: value − B(c), with mean 0 over every coarse cell."""
    padded, coarse = aligned(values, window, factor)
    mean, _ = block_mean(padded, factor)
    correction = solve_correction(mean, interpolated_mean_weights(np.isfinite(padded), factor))
    left = padded - interpolate(correction, coarse, coarse.refined(factor), factor)
    return left[window.within(coarse.refined(factor))]


def coarse_values(cells: Cells, minimum_fraction: float, factor: int = COARSE_SIDE) -> Values:
    """The target's mean over the coarse cell of each cell, (rows, columns); NaN where a coarse cell has too few."""
    means, coarse = coarsen(cells.target, cells.window, factor, minimum_fraction)
    return repeated(means, factor).astype(float)[cells.window.within(coarse.refined(factor))]


def detail_rows(
    cells: Cells, minimum_fraction: float, factor: int = COARSE_SIDE
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Training rows of `detail`: details of predictors (rows, predictors) and of the target, of all complete cells."""
    complete = cells.complete()
    x = np.stack([detail(layer, cells.window, minimum_fraction, factor)[complete] for layer in cells.predictors], 1)
    return x.astype(np.float32), detail(cells.target, cells.window, minimum_fraction, factor)[complete]


def pixel_detail(
    predictors: NDArray, pixels: Window, cells: Cells, factor: int, reliability: Sequence[float] = ()
) -> NDArray[np.float32]:
    """Details of predictors at pixels, from those of the cells: λ·(x − B(cell means)), (predictors, *pixels.shape).

    `detail` learned from those of `detail_rows`, one level up. `reliability` is λ of each predictor, by default 1.
    """
    result = np.empty(predictors.shape, np.float32)  # as models take them
    shares = reliability or [1.0] * len(predictors)
    for number, (layer, cell_layer, share) in enumerate(zip(predictors, cells.predictors, shares, strict=True)):
        result[number] = share * (layer - interpolate(cell_layer, cells.window, pixels, factor))
    return result
