"""A map from its blocks: reconciled, within bounds, cell means exact."""

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import interpolate
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.products import PRODUCTS
from kilomoist.reconciliation import settle


def bounds_of(target: str) -> tuple[float, float]:
    """Physical bounds of a target's soil moisture, m³/m³."""
    return PRODUCTS[target].layers["soil_moisture"].valid


def finish_block(
    raw: NDArray, correction: NDArray, target: NDArray, cells: Window, block: Window, bounds: tuple[float, float]
) -> NDArray[np.float32]:
    """A block of the final map: the raw one plus the interpolated correction, within bounds, cell means exact.

    `correction` is over the region's `cells`; `target` over the block, NaN in cells that are not reconciled.
    """
    smooth = raw + interpolate(correction, cells, block.refined(CELL_SIDE), CELL_SIDE)
    return settle(smooth, target, CELL_SIDE, bounds).astype(np.float32)
