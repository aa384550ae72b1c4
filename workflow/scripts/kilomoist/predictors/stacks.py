"""Stacks of predictors on the 1 km grid, warped from the composites of tiles, and their means over the 9 km cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import block_mean
from kilomoist.grids import CELL_SIDE, M01, M09, Grid, Window, on_earth, tile_grid
from kilomoist.predictors.footprints import sum_footprints, window_under
from kilomoist.predictors.product_differences import NO_DIFFERENCES, ProductDifferences, merge_bands
from kilomoist.products import PRODUCTS, measuring, shared_quantities
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
    differences: ProductDifferences = NO_DIFFERENCES
    """What the products of its region and month see more than the first one of a quantity."""


def tile_composites(
    tiles: Sequence[tuple[str, str]], paths: Sequence[str], differences: ProductDifferences = NO_DIFFERENCES
) -> list[TileComposite]:
    """Composites, from their products and tiles in the order of their paths."""
    places = zip(tiles, paths, strict=True)
    return [TileComposite(product, tile, Path(path), differences) for (product, tile), path in places]


def with_granules(composites: Sequence[TileComposite], inventories: Sequence[Mapping[str, Any]]) -> list[TileComposite]:
    """Composites without those of no granule on tiles where another product of the same role has some.

    They would tell of neither water nor snow, and count in the mean of what does.
    """
    made = {(inventory["product"], inventory["tile"]) for inventory in inventories if inventory["granules"]}

    def replaced(empty: TileComposite) -> bool:
        role = PRODUCTS[empty.product].role
        return any(tile == empty.tile and PRODUCTS[product].role == role for product, tile in made)

    return [each for each in composites if (each.product, each.tile) in made or not replaced(each)]


def stack_chunks(
    composites: Sequence[TileComposite],
    static: Bands,
    target: str | Path,
    use: Sequence[str],
    minimum_days: int,
    inside: NDArray[np.bool_],
    block: Window,
) -> Iterator[tuple[Window, Bands, dict[str, NDArray[np.float64]]]]:
    """Predictors of a block's pixels, NaN outside the region, and its cells with their target, chunk after chunk.

    `static` bands and `inside`, the region's pixels, cover the block; `target` is a raster on M09. Yields the chunk's
    window of cells, its predictors (`stack_predictors`, those in `use` first) and its cells (`aggregate`, after
    `target`, which is NaN where no pixel is of the region).
    """
    measured = [name for name in use if name not in static]
    for chunk in chunks_of(block):
        here = chunk.refined(CELL_SIDE).within(block.refined(CELL_SIDE))
        asked = _cells_inside(inside[here], chunk)  # footprints beside the region need not be summed
        bands = _widened(stack_predictors(composites, measured, asked, minimum_days), asked, chunk)
        bands |= {name: layer[here] for name, layer in static.items()}
        ordered = {name: bands[name] for name in use} | bands
        stack = {name: np.where(inside[here], band, np.float32(np.nan)) for name, band in ordered.items()}
        cells = aggregate(stack, use, inside[here])
        moisture = read_window(target, "soil_moisture", M09, chunk)
        yield chunk, stack, {"target": np.where(cells["region_fraction"] > 0, moisture, np.nan)} | cells


def _cells_inside(inside: NDArray[np.bool_], chunk: Window) -> Window:
    """Smallest window of cells with all pixels of a chunk that are inside; of one cell where none is."""
    cells = inside.reshape(chunk.rows, CELL_SIDE, chunk.columns, CELL_SIDE).any(axis=(1, 3))
    if not cells.any():
        return Window(chunk.row, chunk.column, 1, 1)
    rows, columns = (np.unique(places).tolist() for places in np.nonzero(cells))
    shape = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    return Window(chunk.row + rows[0], chunk.column + columns[0], *shape)


def _widened(bands: Bands, cells: Window, chunk: Window) -> Bands:
    """Bands of the pixels of some cells over those of a chunk, NaN elsewhere."""
    rows, columns = cells.refined(CELL_SIDE).within(whole := chunk.refined(CELL_SIDE))
    beside = (rows.start, whole.rows - rows.stop), (columns.start, whole.columns - columns.stop)
    return {name: np.pad(band, beside, constant_values=np.nan) for name, band in bands.items()}


def stack_predictors(
    composites: Sequence[TileComposite], use: Sequence[str], cells: Window, minimum_days: int
) -> Bands:
    """Composites warped to the pixels of a window of cells: means over footprints of which half is covered.

    Returns float32 bands (rows × 9, columns × 9): per predictor in `use` its mean (`{predictor}`) and the mean days
    of its valid observations (`{predictor}_days`), and `water` and `snow` (share of the pixel, times share of the
    observations) where a product tells them. A tile's pixel enters only where it has a valid observation, of
    temperatures, which are observed daily, on `minimum_days`, and where it is land as far as its product tells.

    What several products measure is merged without the products' differences (`merge_bands`); their days add up, and
    it is the sum that must reach `minimum_days`.
    """
    shared = merged_quantities(composites, use)
    stack = _warp(composites, [name for name in use if name not in shared], cells, minimum_days)
    if shared:
        apart, differences = stack_products(composites, shared, cells), composites[0].differences
        index = unmerged_index(composites, differences.index, cells)
        for name in shared:
            merged = merge_bands(apart, name, differences, index)
            few = merged[f"{name}_days"] < fewest_days(measuring(name, apart)[0], minimum_days)
            stack |= {band: np.where(few, np.float32(np.nan), values) for band, values in merged.items()}
    return stack


def merged_quantities(composites: Sequence[TileComposite], use: Sequence[str]) -> list[str]:
    """Quantities in use that several products measure, or one of which something is taken away."""
    products = [composite.product for composite in composites]
    taken = {name for each in composites for name, product in each.differences.of_all if product in products}
    shared = shared_quantities(products, use)
    return [name for name in use if name in shared or name in taken]


def stack_products(composites: Sequence[TileComposite], use: Sequence[str], cells: Window) -> dict[str, Bands]:
    """Means and days of quantities at the pixels of a window of cells, as each product measures them, by product.

    As `stack_predictors` gives them, but of any number of days.
    """
    found = {}
    for product in dict.fromkeys(composite.product for composite in composites):
        if own := [name for name in use if name in PRODUCTS[product].quantities]:
            found[product] = _warp([each for each in composites if each.product == product], own, cells, 0)
    return found


def unmerged_index(composites: Sequence[TileComposite], index: str | None, cells: Window) -> NDArray[np.float32] | None:
    """Vegetation index by whose classes products differ, of all products that measure it, their differences left in."""
    if index is None or not measuring(index, (composite.product for composite in composites)):
        return None
    return merge_bands(stack_products(composites, [index], cells), index, NO_DIFFERENCES, None)[index]


def fewest_days(product: str, minimum_days: int) -> int:
    """Days with a valid observation that a pixel of a product needs."""
    return minimum_days if PRODUCTS[product].role == "temperature" else 0


def _warp(composites: Sequence[TileComposite], use: Sequence[str], cells: Window, minimum_days: int) -> Bands:
    """Bands of `stack_predictors`, where one product measures each predictor in `use`."""
    window = cells.refined(CELL_SIDE)
    surfaces = [name for name in SURFACES if any(getattr(PRODUCTS[each.product], name) for each in composites)]
    names = [*use, *(f"{name}_days" for name in use), *surfaces]
    sums, shares = ({name: np.zeros(window.shape, np.float32) for name in names} for _ in range(2))
    for composite in composites:
        product = PRODUCTS[composite.product]
        grid = tile_grid(composite.tile, product.pixels)
        own = [name for name in use if name in product.quantities]
        if not own and not any(getattr(product, name) for name in SURFACES):
            continue
        fewest = fewest_days(composite.product, minimum_days)
        # An edge of pixels lies at 180°, so that no footprint has a part on either side.
        for pixels, columns in M01.on_globe(window):
            if under := window_under(grid, pixels):
                subset = replace(under, column=0, columns=grid.columns)
                layers = _layers_of(composite, own, fewest, grid, subset)
                found = sum_footprints(np.stack(list(layers.values())), grid, pixels, subset.row)
                for name, total, share in zip(layers, *found, strict=True):
                    sums[name][:, columns] += total
                    shares[name][:, columns] += share
    for name, share in shares.items():
        covered = share >= MIN_COVER
        np.divide(sums[name], share, out=sums[name], where=covered)
        if name in SURFACES:
            np.clip(sums[name], 0, 1, out=sums[name])  # differences of running sums are a little less than no water
        sums[name][~covered] = np.nan
    return sums


def _layers_of(composite: TileComposite, use: Sequence[str], minimum_days: int, grid: Grid, subset: Window) -> Bands:
    """Surfaces, and means and days of the predictors `use`, over a subset of a tile; NaN where they do not enter."""
    stored, _ = read_raster(composite.path, [*use, *(f"{name}_days" for name in use), *SURFACES], subset)
    layers: Bands = {name: stored[name] for name in SURFACES if name in stored}
    # The reflectance of water says nothing about soil, however good its quality is.
    land = stored["water"] <= MAX_WATER if "water" in stored else True
    for name in use:
        enough = land & (stored[f"{name}_days"] >= max(minimum_days, 1e-6))
        layers[name] = np.where(enough, stored[name], np.nan)
        layers[f"{name}_days"] = np.where(enough, stored[f"{name}_days"], np.nan)
    beyond = ~on_earth(grid.cut(subset))
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
    means, _ = block_mean(np.where(together, values, np.nan), CELL_SIDE)
    shares, _ = block_mean(np.stack([together, *each, inside]), CELL_SIDE)
    names = [*use, "valid_fraction", *(f"valid_fraction_{name}" for name in use), "region_fraction"]
    return dict(zip(names, [*means, *shares], strict=True))
