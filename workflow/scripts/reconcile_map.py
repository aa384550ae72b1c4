"""Find the correction of every cell that makes the map's cell means equal to the target, as far as it counts."""

import numpy as np

from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import rule_script
from kilomoist.metadata import describe
from kilomoist.rasters import Mosaic, chunks_of, mosaic, read_run, write_raster
from kilomoist.reconciliation import Reconciliation

MEANING = (
    "weight w of the target's own value in what the cell's mean is held to, f + w (target - f), f what the predictors "
    "say of the cell; 1: the mean is the target's value, 0: all of it is the model's, or the cell is not reconciled"
)


@rule_script
def reconcile_map(
    *,
    raw: list[str],
    cells: str,
    minimum_valid_fraction: float,
    reconcile: bool,
    origin: dict[str, list[str]],
    correction: str,
    target_weight: str,
) -> None:
    """Write the correction (m³/m³), which cells it reconciles (1 or 0), all 0 when `reconcile` is off, and the weight.

    The weight is that of the product's own value in what a cell is held to: of merged cells as they have it, else 1
    where a cell is reconciled; 0 where it is not, NaN where the product has no value.
    """
    bands, window = mosaic([cells], M09)
    found, reconciled = np.zeros(window.shape), np.zeros(window.shape, bool)
    if reconcile:
        reconciliation = Reconciliation(window, CELL_SIDE)
        with Mosaic(raw, M01) as blocks:
            for chunk in chunks_of(window):
                reconciliation.measure(blocks.read(chunk.refined(CELL_SIDE))["soil_moisture"], chunk)
        found, reconciled = reconciliation.solve(bands["target"], minimum_valid_fraction)
    solved = {"correction": found, "reconciled": reconciled.astype(float)}
    run = read_run(cells)
    write_raster(correction, solved, M09, window, run)
    weight = np.where(reconciled, bands.get("target_weight", 1.0), 0.0)
    weights = {"target_weight": np.where(np.isfinite(bands["target"]), weight, np.nan).astype(np.float32)}
    tags = describe(run, "target_weight_9km", **origin) | {"meaning": MEANING}
    write_raster(target_weight, weights, M09, window, tags, {"target_weight": "1"}, cloud_optimized=True)
