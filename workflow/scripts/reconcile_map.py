"""Find the correction of every cell that makes the map's cell means equal to the target."""

import numpy as np

from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import job
from kilomoist.rasters import Mosaic, chunks_of, mosaic, write_raster
from kilomoist.reconciliation import Reconciliation


def reconcile_map(
    raw_blocks: list[str],
    cells_path: str,
    minimum_valid_fraction: float,
    reconcile: bool,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write the correction (m³/m³) and which cells it reconciles (1 or 0); all 0 when `reconcile` is off."""
    bands, window = mosaic([cells_path], M09, ["target"])
    correction, reconciled = np.zeros(window.shape), np.zeros(window.shape, bool)
    if reconcile:
        reconciliation = Reconciliation(window, CELL_SIDE)
        with Mosaic(raw_blocks, M01) as raw:
            for chunk in chunks_of(window):
                reconciliation.measure(raw.read(chunk.refined(CELL_SIDE))["soil_moisture"], chunk)
        correction, reconciled = reconciliation.solve(bands["target"], minimum_valid_fraction)
    write_raster(path, {"correction": correction, "reconciled": reconciled.astype(float)}, M09, window, tags)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        reconcile_map(
            list(snakemake.input.raw),
            snakemake.input.cells,
            snakemake.params.minimum_valid_fraction,
            snakemake.params.reconcile,
            snakemake.params.tags,
            snakemake.output.correction,
        )
