"""Find the correction of every cell that makes the map's cell means equal to the target."""

import numpy as np

from kilomoist.cells import correct_cells, measure
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import job
from kilomoist.rasters import mosaic, write_raster


def reconcile_map(
    raw_blocks: list[str],
    cells_path: str,
    minimum_valid_fraction: float,
    reconcile: bool,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write the correction (m³/m³) and which cells it reconciles (1 or 0); all 0 when `reconcile` is off."""
    bands, window = mosaic([cells_path], M09)
    mean, count, weights = np.full(window.shape, np.nan), np.zeros(window.shape), np.zeros((3, 3, *window.shape))
    for raw_block in raw_blocks:
        raw, pixels = mosaic([raw_block], M01)
        here = pixels.coarsened(CELL_SIDE).within(window)
        mean[here], count[here], weights[(..., *here)] = measure(raw["soil_moisture"], CELL_SIDE)
    if reconcile:
        correction, reconciled = correct_cells(bands["target"], mean, count, weights, CELL_SIDE, minimum_valid_fraction)
    else:
        correction, reconciled = np.zeros(window.shape), np.zeros(window.shape, bool)
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
