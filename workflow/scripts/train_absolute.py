"""Train the study's model, and keep what it says of every cell out of fold: what the predictors alone say of SMAP."""

from dataclasses import replace

import numpy as np

from kilomoist.files import own_file, write_table
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.details import read_cells
from kilomoist.learning.models import save
from kilomoist.learning.tuning import learner_of
from kilomoist.rasters import read_run, write_raster


@rule_script
def train_absolute(
    *,
    samples: str,
    cells: str,
    use: list[str],
    learner: dict,
    quantiles: bool,
    alternative: bool,
    threads: int,
    model: str,
    search: str,
    estimates: str,
) -> None:
    """Write the model, the table of what was compared out of fold, and what the models that chose it say, m³/m³; NaN in
    cells that are no samples.
    """
    table, region = read_cells(samples, cells, use)
    wanted = learner_of(learner | {"quantiles": quantiles}, small=alternative)
    trained, tuned = fit_absolute(table, use, *wanted, threads)
    LOGGER.info("Compared out of fold:\n%s", tuned.compared.to_string(index=False))
    LOGGER.info("min_leaf %d, %d rows, options %s", trained.min_leaf, trained.training_rows, dict(trained.options))
    with own_file(samples, "a table of samples with their source"):
        source = table.attrs["source"]
    save(model, replace(trained, source=source))
    write_table(search, tuned.compared)
    estimated = np.full(region.window.shape, np.nan)
    estimated[table["row"] - region.window.row, table["col"] - region.window.column] = tuned.predicted
    write_raster(estimates, {"estimated": estimated}, M09, region.window, read_run(cells))
