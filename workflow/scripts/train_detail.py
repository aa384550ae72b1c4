"""Train the model of what cells have beyond coarser ones."""

from dataclasses import replace

from kilomoist.files import own_file, write_table
from kilomoist.grids import CELL_SIDE
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import MIN_COARSE_CELLS, read_cells
from kilomoist.learning.models import save
from kilomoist.learning.tuning import learner_of


@rule_script
def train_detail(
    *,
    samples: str,
    cells: str,
    use: list[str],
    learner: dict,
    quantiles: bool,
    alternative: bool,
    minimum_valid_fraction: float,
    threads: int,
    model: str,
    search: str,
) -> None:
    """Write the model and the table of what was compared out of fold."""
    settings, tuning = learner_of(learner | {"quantiles": quantiles}, small=alternative)
    table, region = read_cells(samples, cells, use)
    trained, compared = fit_detail(region, use, settings, tuning, minimum_valid_fraction, threads)
    side = CELL_SIDE * trained.ratio
    if trained.coarse_cells < MIN_COARSE_CELLS:
        LOGGER.warning(
            "Only %d coarse cells of %d km, %d are needed to learn detail: alpha is 0, the map interpolates SMAP.",
            *(trained.coarse_cells, side, MIN_COARSE_CELLS),
        )
    elif tuning.detail_ratio == "auto":
        LOGGER.info("Detail is learned from coarse cells of %d km.", side)
    LOGGER.info("Compared out of fold:\n%s", compared.to_string(index=False))
    found = trained.min_leaf, trained.alpha, trained.training_rows, dict(trained.options)
    LOGGER.info("min_leaf %d, alpha %.3f, %d rows, options %s", *found)
    with own_file(samples, "a table of samples with their source"):
        source = table.attrs["source"]
    save(model, replace(trained, source=source))
    write_table(search, compared)
