"""From the blocks of a map to the map: reconciliation, bounds, flags."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import interpolate, settle
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.products import PRODUCTS


@dataclass(frozen=True)
class Flag:
    """One bit of `quality.tif`."""

    bit: int
    meaning: str


FLAGS: dict[str, Flag] = {
    "few_observations": Flag(2, "few observations"),
    "water_or_snow": Flag(3, "water, snow or ice in the pixel"),
    "not_reconciled": Flag(4, "cell not reconciled"),
    "no_value": Flag(7, "no value"),
}
WATER_OR_SNOW_SHARE = 0.05
"""Share of a pixel that water, or snow, must cover to be flagged."""


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


def interval_block(
    values: NDArray, below: NDArray, above: NDArray, error: float, interval: float, bounds: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower and upper end of a block's intervals, within bounds: they move with the map as it is reconciled.

    `below` and `above` are how far the method may be wrong, `error` the target's standard error (m³/m³), with which
    they are widened to √(offset² + (z·error)²), z the normal quantile of `interval`.
    """
    from scipy.stats import norm

    own = norm.ppf((1 + interval) / 2) * error
    lower, upper = values - np.hypot(below, own), values + np.hypot(above, own)
    return np.clip(lower, *bounds).astype(np.float32), np.clip(upper, *bounds).astype(np.float32)


def flag_block(
    values: NDArray, stack: Mapping[str, NDArray], few: Mapping[str, float], reconciled: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Flags of a block: `stack` as `predictors.stack_predictors` makes it, `few` the days below which a predictor
    has few observations, `reconciled` the block's reconciled cells. Pixels without a value only say so.
    """
    raised = {
        "few_observations": np.any([stack[f"{name}_days"] < days for name, days in few.items()], axis=0),
        "water_or_snow": np.any(
            [stack[name] > WATER_OR_SNOW_SHARE for name in ("water", "snow") if name in stack], axis=0
        ),
        "not_reconciled": ~np.kron(reconciled, np.ones((CELL_SIDE, CELL_SIDE), bool)),
    }
    flags = np.zeros(values.shape, np.uint8)
    for name, where in raised.items():
        flags |= (np.broadcast_to(where, values.shape).astype(np.uint8) << FLAGS[name].bit).astype(np.uint8)
    return np.where(np.isfinite(values), flags, np.uint8(1 << FLAGS["no_value"].bit))


def legend() -> dict[str, str]:
    """The meaning of each bit, as tags of `quality.tif`."""
    return {f"bit_{flag.bit}": flag.meaning for flag in FLAGS.values()}
