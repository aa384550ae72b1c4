"""Do everything one level up: learn at 36 km, map 9 km, and keep what the maps say where SMAP is known."""

from kilomoist.evaluation.restoration import degrade_restore
from kilomoist.files import replaced
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, job
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.tuning import TuningOptions
from kilomoist.predictors.samples import read_samples
from kilomoist.rasters import mosaic


def degrade_and_restore(
    samples_path: str,
    cells_path: str,
    use: list[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    minimum_fraction: float,
    threads: int,
    path: str,
) -> None:
    """Write the estimates of every method and null model at 9 km; the table's `note` says what could not be learned."""
    bands, window = mosaic([cells_path], M09)
    samples = read_samples(samples_path, use)
    cells = Cells.of_samples(samples, bands["target"], use, window)
    table, note = degrade_restore(cells, use, settings, tuning, minimum_fraction, threads)
    if note:
        LOGGER.warning("degrade_restore: %s.", note)
    table.attrs["note"] = note
    with replaced(path) as partial:
        table.to_parquet(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        degrade_and_restore(
            *snakemake.input,
            snakemake.params.use,
            LearnerSettings(
                snakemake.params.kind, snakemake.params.trees, snakemake.params.seed, trend=snakemake.params.trend
            ),
            TuningOptions(snakemake.params.min_leaf, snakemake.params.search, snakemake.params.detail_ratio),
            snakemake.params.minimum_valid_fraction,
            snakemake.threads,
            snakemake.output.estimates,
        )
