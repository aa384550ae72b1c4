"""Stacks of predictors on the 1 km grid, warped from the composites of tiles, and their means over the 9 km cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import block_mean
from kilomoist.grids import CELL_SIDE, M01, M09, Grid, Window, on_earth, tile_grid
from kilomoist.predictors.footprints import rows_under, sum_footprints
from kilomoist.products import PRODUCTS
from kilomoist.rasters import Bands, chunks_of, read_raster, read_window

MIN_COVER = 0.5
"""Share of a pixel's area that valid observations must cover."""
MAX_WATER = 0.5
"""Largest share of observations of water on a vegetation pixel that is still taken as land."""
SURFACES = ("water", "snow")
"""Bands of a composite that are shares of observations marked so."""


@dataclass(frozen=True)
class TileComposite:
    """Composite of a product on a tile."""

    product: str
    tile: str
    path: Path


def tile_composites(tiles: Sequence[tuple[str, str]], paths: Sequence[str]) -> list[TileComposite]:
    """Composites, from their products and tiles in the order of their paths."""
    return [TileComposite(product, tile, Path(path)) for (product, tile), path in zip(tiles, paths, strict=True)]


def needed_days(minimum_days: int) -> dict[str, float]:
    """Days of valid observations that a tile's pixel needs, by predictor; of temperatures, which are observed daily."""
    products = (product for product in PRODUCTS.values() if product.role == "temperature")
    return {name: minimum_days for product in products for name in product.quantities}


def stack_chunks(
    composites: Sequence[TileComposite],
    static: Bands,
    target: str | Path,
    use: Sequence[str],
    minimum_days: Mapping[str, float],
    inside: NDArray[np.bool_],
    block: Window,
) -> Iterator[tuple[Window, Bands, dict[str, NDArray[np.float64]]]]:
    """Predictors of a block's pixels, NaN outside the region, and its cells with their target, chunk after chunk.

    `static` bands and `inside`, the region's pixels, cover the block; `target` is a raster on M09. Yields the chunk's
    window of cells, its predictors (`stack_predictors`, those in `use` first) and its cells (`aggregate`, after
    `target`, which is NaN where no pixel is of the region).
    """
    measured = [name for name in use if any(name in product.quantities for product in PRODUCTS.values())]
    for chunk in chunks_of(block):
        here = chunk.refined(CELL_SIDE).within(block.refined(CELL_SIDE))
        bands = stack_predictors(composites, measured, chunk, minimum_days)
        bands |= {name: layer[here] for name, layer in static.items()}
        ordered = {name: bands[name] for name in use} | bands
        stack = {name: np.where(inside[here], band, np.float32(np.nan)) for name, band in ordered.items()}
        cells = aggregate(stack, use, inside[here])
        moisture = read_window(target, "soil_moisture", M09, chunk)
        yield chunk, stack, {"target": np.where(cells["region_fraction"] > 0, moisture, np.nan)} | cells


def stack_predictors(
    composites: Sequence[TileComposite], use: Sequence[str], cells: Window, minimum_days: Mapping[str, float]
) -> Bands:
    """Composites warped to the pixels of a window of cells: means over footprints of which half is covered.

    Returns float32 bands (rows × 9, columns × 9): per predictor in `use` its mean (`{predictor}`) and the mean days
    of its valid observations (`{predictor}_days`), and `water` and `snow` (share of the pixel, times share of the
    observations) where a product tells them. A tile's pixel enters only where its days reach
    `minimum_days[predictor]` (more than 0 where not given), and where it is land as far as its product tells.
    """
    window = cells.refined(CELL_SIDE)
    sums: dict[str, NDArray[np.float32]] = {}
    shares: dict[str, NDArray[np.float32]] = {}
    for composite in composites:
        product = PRODUCTS[composite.product]
        own = [name for name in use if name in product.quantities]
        names = [*(name for name in SURFACES if getattr(product, name)), *own, *(f"{name}_days" for name in own)]
        for name in names:
            sums.setdefault(name, np.zeros(window.shape, np.float32))
            shares.setdefault(name, np.zeros(window.shape, np.float32))
        grid = tile_grid(composite.tile, product.pixels)
        # An edge of pixels lies at 180°, so that no footprint has a part on either side.
        for pixels, columns in M01.on_globe(window):
            if rows := rows_under(grid, pixels):
                subset = Window(rows.start, 0, len(rows), grid.columns)
                layers = _layers_of(composite, own, minimum_days, grid, subset)
                found = sum_footprints(np.stack(list(layers.values())), grid, pixels, rows.start)
                for name, total, share in zip(layers, *found, strict=True):
                    sums[name][:, columns] += total
                    shares[name][:, columns] += share
    for name, share in shares.items():
        covered = share >= MIN_COVER
        np.divide(sums[name], share, out=sums[name], where=covered)
        if name in SURFACES:
            np.clip(sums[name], 0, 1, out=sums[name])  # differences of running sums are a little less than no water
        sums[name][~covered] = np.nan
    order = [*use, *(f"{name}_days" for name in use), *(name for name in SURFACES if name in sums)]
    return {name: sums[name] if name in sums else np.full(window.shape, np.nan, np.float32) for name in order}


def _layers_of(
    composite: TileComposite, use: Sequence[str], minimum_days: Mapping[str, float], grid: Grid, subset: Window
) -> Bands:
    """Surfaces, and means and days of the predictors `use`, over a subset of a tile; NaN where they do not enter."""
    stored, _ = read_raster(composite.path, [*use, *(f"{name}_days" for name in use), *SURFACES], subset)
    layers: Bands = {name: stored[name] for name in SURFACES if name in stored}
    # The reflectance of water says nothing about soil, however good its quality is.
    land = stored["water"] <= MAX_WATER if "water" in stored else True
    for name in use:
        enough = land & (stored[f"{name}_days"] >= max(minimum_days.get(name, 0), 1e-6))
        layers[name] = np.where(enough, stored[name], np.nan)
        layers[f"{name}_days"] = np.where(enough, stored[f"{name}_days"], np.nan)
    beyond = ~on_earth(grid.cut(subset))
    if beyond.any():
        for layer in layers.values():
            layer[beyond] = np.nan  # it was never processed, but is no sea
    return layers


def aggregate(stack: Bands, use: Sequence[str], inside: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    """Cell means of the predictors over the pixels of the region that have all of them.

    `inside` is the region's pixels. Bands (rows, columns): predictors (NaN where no pixel has all), `valid_fraction`
    (share of the cell's 81 pixels inside with all predictors), `valid_fraction_{predictor}` and `region_fraction`.
    """
    values = np.stack([stack[name] for name in use]).astype(float)
    each = np.isfinite(values) & inside
    together = each.all(axis=0)
    means, counts = block_mean(np.where(together, values, np.nan), CELL_SIDE)
    masks = {f"valid_fraction_{name}": valid for name, valid in zip(use, each, strict=True)}
    masks["region_fraction"] = inside
    fractions = {name: block_mean(np.where(mask, 0.0, np.nan), CELL_SIDE)[1] for name, mask in masks.items()}
    counted = {"valid_fraction": counts[0]} | fractions
    return dict(zip(use, means, strict=True)) | {name: count / CELL_SIDE**2 for name, count in counted.items()}
