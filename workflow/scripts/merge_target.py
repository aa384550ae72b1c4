"""Merge the target's cells against what the model says of them, as far as the target's error warrants."""

import math

from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, job
from kilomoist.learning.details import read_cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.merging import MIN_OWN_ERROR, merge_target
from kilomoist.rasters import read_raster, write_raster


def merge_cells(
    samples_path: str,
    cells_path: str,
    use: list[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    target_error: float,
    threads: int,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write the cells with the merged target in the place of the target, and its weight and error (m³/m³) as tags."""
    samples, cells = read_cells(samples_path, cells_path, use)
    merged = merge_target(cells, samples, use, settings, tuning, target_error, threads)
    if merged.contradicted:
        LOGGER.warning(
            "target_error %g is too large for these data: the target and what the model says of its cells differ by "
            "%.4f only. Both get half of the weight, and an error of %.4f; set target_error to less than %.4f, or "
            "map.reconcile to true.",
            *(target_error, merged.difference, merged.error, math.sqrt(1 - MIN_OWN_ERROR) * merged.difference),
        )
    LOGGER.info("The target has weight %.3f, what the model says of its cells %.3f", merged.weight, 1 - merged.weight)
    found = {"target_weight": f"{merged.weight:.6f}", "target_error": f"{merged.error:.6f}"}
    bands, _ = read_raster(cells_path)
    write_raster(path, bands | {"target": merged.goal}, M09, cells.window, tags | found)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        merge_cells(
            *(snakemake.input[name] for name in ("samples", "cells")),
            snakemake.params.use,
            LearnerSettings(
                snakemake.params.kind, snakemake.params.trees, snakemake.params.seed, trend=snakemake.params.trend
            ),
            TuningOptions(snakemake.params.min_leaf, snakemake.params.search),
            snakemake.params.target_error,
            snakemake.threads,
            snakemake.params.tags,
            snakemake.output.cells,
        )
