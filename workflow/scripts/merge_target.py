"""Merge the target's cells with what the model says of them, as far as the target's error warrants."""

import math

from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells
from kilomoist.learning.tuning import learner_of
from kilomoist.mapping.merging import MIN_OWN_ERROR, merged_target
from kilomoist.rasters import read_raster, read_run, write_raster


@rule_script
def merge_target(
    *, samples: str, cells: str, use: list[str], learner: dict, target_error: float, threads: int, merged_cells: str
) -> None:
    """Write the cells with the merged target in the place of the target, and a band `target_weight`.

    Tags tell the weight of the cells that have predictors, and the error (m³/m³) of the merged target.
    """
    table, region = read_cells(samples, cells, use)
    merged = merged_target(region, table, use, *learner_of(learner), target_error, threads)
    if merged.contradicted:
        LOGGER.warning(
            "target_error %g is too large for these data: the target and what the model says of its cells differ by "
            "%.4f only. Both get half of the weight, and an error of %.4f; set target_error to less than %.4f, or "
            "map.reconcile to true.",
            *(target_error, merged.difference, merged.error, math.sqrt(1 - MIN_OWN_ERROR) * merged.difference),
        )
    LOGGER.info("The target has weight %.3f, what the model says of its cells %.3f", merged.weight, 1 - merged.weight)
    tags = read_run(cells) | {"target_weight": f"{merged.weight:.6f}", "target_error": f"{merged.error:.6f}"}
    bands = read_raster(cells)[0] | {"target": merged.analysis, "target_weight": merged.weights}
    write_raster(merged_cells, bands, M09, region.window, tags)
