"""Weigh the target's cells against what the model says of them, as far as the target's error warrants."""

from kilomoist.details import Cells
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, job
from kilomoist.methods import Tuning
from kilomoist.models import Settings
from kilomoist.rasters import mosaic, write_raster
from kilomoist.samples import read_samples
from kilomoist.uncertainty import weigh_target


def weigh_cells(
    samples_path: str,
    cells_path: str,
    use: list[str],
    settings: Settings,
    tuning: Tuning,
    target_error: float,
    threads: int,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write the cells with the weighed target in the place of the target, and its weight as a tag."""
    samples = read_samples(samples_path, use)
    bands, window = mosaic([cells_path], M09)
    cells = Cells.of_samples(samples, bands["target"], use, window)
    goal, weight = weigh_target(cells, samples, use, settings, tuning, target_error, threads)
    LOGGER.info("The target has weight %.3f, what the model says of its cells %.3f", weight, 1 - weight)
    write_raster(path, bands | {"target": goal}, M09, window, tags | {"target_weight": f"{weight:.6f}"})


if __name__ == "__main__":
    with job(snakemake.log[0]):
        weigh_cells(
            *(snakemake.input[name] for name in ("samples", "cells")),
            snakemake.params.use,
            Settings(
                snakemake.params.kind, snakemake.params.trees, snakemake.params.seed, trend=snakemake.params.trend
            ),
            Tuning(snakemake.params.min_leaf, snakemake.params.search),
            snakemake.params.target_error,
            snakemake.threads,
            snakemake.params.tags,
            snakemake.output.cells,
        )
