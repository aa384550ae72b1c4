"""Reliability of the predictors' detail at 1 km, from composites of every other observation.

White noise of pixels averages out in cells of 9 km: nothing that is learned or scored there knows of it. Two composites
of different observations of a month share the signal and have noise of their own.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import block_mean, interpolate, repeated
from kilomoist.grids import CELL_SIDE, M01, Window, tile_grid
from kilomoist.predictors.footprints import sum_footprints, window_under
from kilomoist.predictors.product_differences import merge_products
from kilomoist.predictors.stacks import (
    MAX_WATER,
    MIN_COVER,
    TileComposite,
    fewest_days,
    merged_quantities,
    unmerged_index,
)
from kilomoist.products import PRODUCTS, measuring
from kilomoist.rasters import Bands, read_raster

WINDOW_SIDE = 16
"""Cells along a side of the windows in which halves are compared."""
MAX_WINDOWS = 16
"""Windows that stand for a region, however large."""
MIN_PIXELS = 1000
"""Pixels with two halves below which reliability is 1."""

Halves = NDArray[np.float64]
"""(3, rows, columns): the composite, that of its odd and that of its even observations; NaN where any is missing."""
_INNER = (slice(1, -1), slice(1, -1))
"""Cells of a window without those at its edge."""


def choose_windows(usable: NDArray[np.bool_], cells: Window, seed: int) -> list[Window]:
    """At most `MAX_WINDOWS` windows of a region's cells, spread evenly over those with usable cells inside."""
    every = cells.pieces(WINDOW_SIDE, WINDOW_SIDE)
    windows = [window for window in every if usable[window.within(cells)][_INNER].any()]
    if len(windows) <= MAX_WINDOWS:
        return windows
    step = len(windows) / MAX_WINDOWS
    start = np.random.default_rng(seed).uniform(0, step)
    return [windows[int(start + step * number)] for number in range(MAX_WINDOWS)]


def warp_halves(
    composites: Sequence[TileComposite], use: Sequence[str], cells: Window, minimum_days: int
) -> dict[str, Halves]:
    """Halves of predictors at the pixels of a window of cells, warped as by `stack_predictors`.

    A tile's pixels enter that enter there and have both halves, the same in all three. Predictors whose composites keep
    no halves are left out. What several products measure is merged, each half by its own days.
    """
    shared = merged_quantities(composites, use)
    found = dict(_warp(composites, [name for name in use if name not in shared], cells, minimum_days))
    if not shared:
        return found
    differences = composites[0].differences
    index = unmerged_index(composites, differences.index, cells)
    by_product = {
        product: dict(_warp([each for each in composites if each.product == product], shared, cells, 0, with_days=True))
        for product in dict.fromkeys(composite.product for composite in composites)
    }
    for name in shared:
        own = {product: halves[name] for product, halves in by_product.items() if name in halves}
        taken = {product: differences.of(name, product, index) for product in own}
        fewest = fewest_days(measuring(name, own)[0], minimum_days)
        merged = []
        for half in range(3):
            means = {product: parts[half] for product, parts in own.items()}
            days = {product: parts[half + 3] for product, parts in own.items()}
            merged.append(merge_products(means, days, taken))
        enough = merged[0][1] >= fewest
        halves = np.stack([mean for mean, _ in merged]).astype(float)
        found[name] = np.where(enough & np.isfinite(halves).all(axis=0), halves, np.nan)
    return {name: found[name] for name in use if name in found}


def _warp(
    composites: Sequence[TileComposite], use: Sequence[str], cells: Window, minimum_days: int, with_days: bool = False
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Halves of predictors, and the days of each `with_days`, where one product measures each predictor in `use`."""
    layers = 6 if with_days else 3
    window = cells.refined(CELL_SIDE)
    sums: dict[str, NDArray[np.float64]] = {}
    shares: dict[str, NDArray[np.float64]] = {}
    for composite in composites:
        product = PRODUCTS[composite.product]
        grid = tile_grid(composite.tile, product.pixels)
        own = [name for name in use if name in product.quantities]
        names = [f"{name}{kind}" for name in own for kind in ("", "_days", "_odd", "_odd_days")]
        for pixels, columns in M01.on_globe(window) if own else ():
            if subset := window_under(grid, pixels):
                stored, _ = read_raster(composite.path, [*names, "water"], subset)
                for name in (name for name in own if f"{name}_odd" in stored):
                    halves = _halves_of(stored, name, fewest_days(composite.product, minimum_days))
                    total, share = sum_footprints(halves[:layers], grid.cut(subset), pixels)
                    sums.setdefault(name, np.zeros((layers, *window.shape)))[:, :, columns] += total
                    shares.setdefault(name, np.zeros((layers, *window.shape)))[:, :, columns] += share
    for name, total in sums.items():
        yield name, np.divide(total, shares[name], out=np.full_like(total, np.nan), where=shares[name] >= MIN_COVER)


def detail_moments(halves: Halves, usable: NDArray[np.bool_], minimum_fraction: float) -> NDArray[np.float64]:
    """Number of pixels, and sums of odd · even, odd², even² and composite², of the details in usable cells; (5,).

    Detail is value − B(cell mean), as `detail` takes it; value − cell mean would also hold the slope across the cell,
    which B restores, and would look more reliable. Cell means need `minimum_fraction` of the cell's pixels. Cells at
    the edge of the window, where B has no neighbours, are left out; `usable` is (rows, columns) of its cells.
    """
    cells = Window(0, 0, *usable.shape)
    means, counts = block_mean(halves, CELL_SIDE)
    means[counts < minimum_fraction * CELL_SIDE**2] = np.nan
    details = halves - [interpolate(mean, cells, cells.refined(CELL_SIDE), CELL_SIDE) for mean in means]
    counted = np.zeros(usable.shape, bool)
    counted[_INNER] = (usable & np.isfinite(means).all(axis=0))[_INNER]
    inside = repeated(counted, CELL_SIDE) & np.isfinite(details).all(axis=0)
    both, odd, even = details[:, inside]
    products = (odd * even, odd**2, even**2, both**2)  # summed by numpy itself, in one order on any number of cores
    return np.array([len(both), *(product.sum() for product in products)])


def estimate_reliability(predictor: str, moments: NDArray[np.float64]) -> dict[str, float | int | str]:
    """Row of the table of reliability, from the moments of a predictor's details (`detail_moments`).

    Halves are odd = s + n₁ and even = s + n₂, with noises independent of the signal s and of each other. So the mean of
    odd · even is the signal's variance, whatever the halves' numbers of observations, and the rest of the composite's
    variance is that of its noise. The reliability λ = signal variance / (signal variance + noise variance) brings a
    detail nearest to its signal in the mean square; for halves of equal variance it is 2r / (1 + r) (Spearman 1910, doi
    10.1111/j.2044-8295.1910.tb00206.x; Brown 1910, doi 10.1111/j.2044-8295.1910.tb00207.x). Without an estimate λ is 1.
    """
    number, together, odd, even, full = moments
    reliability, signal, noise, r, note = 1.0, np.nan, np.nan, np.nan, ""
    if not any(predictor in product.quantities for product in PRODUCTS.values()):
        note = "not observed again and again: its detail is taken as it is"
    elif number < MIN_PIXELS:
        note = f"fewer than {MIN_PIXELS} pixels have two halves: its detail is taken as it is"
    elif not (odd > 0 and even > 0 and full > 0):
        note = "no detail in its composites"
    else:
        signal = min(max(together, 0.0), full) / number
        noise = full / number - signal
        reliability, r = signal / (signal + noise), together / np.sqrt(odd * even)
    row: dict[str, float | int | str] = {"predictor": predictor, "reliability": reliability, "signal_variance": signal}
    return row | {"noise_variance": noise, "r_halves": r, "n": int(number), "note": note}


def reliability_table(
    composites: Sequence[TileComposite],
    use: Sequence[str],
    usable: NDArray[np.bool_],
    cells: Window,
    minimum_days: int,
    minimum_fraction: float,
    seed: int,
) -> pd.DataFrame:
    """Table of reliability of a region: a row a predictor, in the order of `use` (`estimate_reliability`).

    `usable` are the region's cells that train a model.
    """
    moments = {name: np.zeros(5) for name in use}
    for window in choose_windows(usable, cells, seed):
        for name, halves in warp_halves(composites, use, window, minimum_days).items():
            moments[name] += detail_moments(halves, usable[window.within(cells)], minimum_fraction)
    return pd.DataFrame([estimate_reliability(name, moments[name]) for name in use])


def _halves_of(stored: Bands, name: str, minimum_days: int) -> NDArray[np.float64]:
    """Halves of a predictor on a tile, and days of each, where it has enough days, both halves, and land as is told."""
    mean, days, odd, odd_days = (stored[f"{name}{kind}"] for kind in ("", "_days", "_odd", "_odd_days"))
    both = (days >= minimum_days) & (odd_days > 0) & (odd_days < days)
    if "water" in stored:
        both &= stored["water"] <= MAX_WATER
    with np.errstate(invalid="ignore", divide="ignore"):
        even = (days * mean.astype(float) - odd_days * odd.astype(float)) / (days - odd_days)
    return np.where(both, np.stack([mean, odd, even, days, odd_days, days - odd_days]), np.nan)
