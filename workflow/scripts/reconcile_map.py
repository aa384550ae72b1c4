"""Find the correction of every cell that makes the map's cell means equal to the target."""

import numpy as np

from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import rule_script
from kilomoist.rasters import Mosaic, chunks_of, mosaic, read_run, write_raster
from kilomoist.reconciliation import Reconciliation


@rule_script
def reconcile_map(
    *, raw: list[str], cells: str, minimum_valid_fraction: float, reconcile: bool, correction: str
) -> None:
    """Write the correction (m³/m³) and which cells it reconciles (1 or 0); all 0 when `reconcile` is off."""
    bands, window = mosaic([cells], M09, ["target"])
    found, reconciled = np.zeros(window.shape), np.zeros(window.shape, bool)
    if reconcile:
        reconciliation = Reconciliation(window, CELL_SIDE)
        with Mosaic(raw, M01) as blocks:
            for chunk in chunks_of(window):
                reconciliation.measure(blocks.read(chunk.refined(CELL_SIDE))["soil_moisture"], chunk)
        found, reconciled = reconciliation.solve(bands["target"], minimum_valid_fraction)
    solved = {"correction": found, "reconciled": reconciled.astype(float)}
    write_raster(correction, solved, M09, window, read_run(cells))
