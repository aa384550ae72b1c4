"""Train the model that makes the map."""

from dataclasses import replace

from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE, M09
from kilomoist.jobs import LOGGER, job
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.detail import MIN_COARSE_CELLS, fit_detail
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.models import save
from kilomoist.learning.tuning import TuningOptions
from kilomoist.predictors.samples import read_samples
from kilomoist.rasters import mosaic


def train_model(
    samples_path: str,
    cells_path: str,
    use: list[str],
    method: str,
    settings: LearnerSettings,
    tuning: TuningOptions,
    minimum_fraction: float,
    threads: int,
    source: str,
    model_path: str,
    table_path: str,
) -> None:
    """Write the model and the table of what was compared out of fold."""
    samples = read_samples(samples_path, use)
    if method == "absolute":
        model, table = fit_absolute(samples, use, settings, tuning, threads)
    else:
        bands, window = mosaic([cells_path], M09)
        cells = Cells.of_samples(samples, bands["target"], use, window)
        model, table = fit_detail(cells, use, settings, tuning, minimum_fraction, threads)
        if model.coarse_cells < MIN_COARSE_CELLS:
            LOGGER.warning(
                "Only %d coarse cells of %d km, %d are needed to learn detail: alpha is 0, the map interpolates SMAP.",
                model.coarse_cells,
                CELL_SIDE * model.ratio,
                MIN_COARSE_CELLS,
            )
        elif tuning.detail_ratio == "auto":
            LOGGER.info("Detail is learned from coarse cells of %d km.", CELL_SIDE * model.ratio)
    LOGGER.info("Compared out of fold:\n%s", table.to_string(index=False))
    LOGGER.info("Method %s, min_leaf %d, alpha %.3f, %d rows", method, model.min_leaf, model.alpha, model.training_rows)
    if model.options:
        LOGGER.info("Options %s", dict(model.options))
    save(model_path, replace(model, source=source))
    with replaced(table_path) as partial:
        table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        train_model(
            snakemake.input.samples,
            snakemake.input.cells,
            snakemake.params.use,
            snakemake.params.method,
            LearnerSettings(
                *(snakemake.params[name] for name in ("kind", "trees", "seed")),
                trend=snakemake.params.trend,
                quantiles=snakemake.params.quantiles,
            ),
            TuningOptions(snakemake.params.min_leaf, snakemake.params.search, snakemake.params.detail_ratio),
            snakemake.params.minimum_valid_fraction,
            snakemake.threads,
            snakemake.params.source,
            *snakemake.output,
        )
