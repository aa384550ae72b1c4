"""Estimate every cell by models that did not see it: what the predictors alone say of SMAP's cells."""

import numpy as np

from kilomoist.grids import M09
from kilomoist.jobs import rule_script
from kilomoist.learning.absolute import estimate_out_of_fold
from kilomoist.learning.details import read_cells
from kilomoist.learning.tuning import learner_of
from kilomoist.rasters import read_run, write_raster


@rule_script
def estimate_cells(*, samples: str, cells: str, use: list[str], learner: dict, threads: int, estimates: str) -> None:
    """Write the estimates of `absolute` out of fold, on spatial folds of all samples, m³/m³; NaN in other cells."""
    table, region = read_cells(samples, cells, use)
    estimated = np.full(region.window.shape, np.nan)
    places = table["row"] - region.window.row, table["col"] - region.window.column
    estimated[places] = estimate_out_of_fold(table, use, *learner_of(learner), threads)
    write_raster(estimates, {"estimated": estimated}, M09, region.window, read_run(cells))
