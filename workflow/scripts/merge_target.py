"""Merge the target's cells with what the model says of them, as the target's error warrants or field points tell."""

import math

from kilomoist.files import read_table
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells
from kilomoist.mapping.merging import MAX_WIDTH, MIN_OWN_ERROR, measured_weighing, merge_weighed, taken, weigh
from kilomoist.rasters import read_raster, read_run, write_raster


@rule_script
def merge_target(
    *,
    samples: str,
    cells: str,
    estimates: str,
    measured: list[str],
    use: list[str],
    target_error: float,
    merged_cells: str,
) -> None:
    """Write the cells with the merged target in the place of the target, and a band `target_weight`.

    The weight is that of the table `measured`, if there is one and its interval is narrow enough. Tags tell the
    weight of the cells that have predictors, and the error (m³/m³) of the merged target.
    """
    table, region = read_cells(samples, cells, use)
    places = table["row"] - region.window.row, table["col"] - region.window.column
    y, estimated = table["target"].to_numpy(), read_raster(estimates)[0]["estimated"][places]
    found, how = weigh(y, estimated, target_error), "warranted"
    if measured:
        row = read_table(measured[0]).iloc[0]
        weight = taken(row["weight"], row["low"], row["high"])
        if weight is None:
            how = "warranted (the field points do not tell it)"
            LOGGER.warning(
                "map.reconcile is measured, but the residual weight has no 90 %% interval of a width up to %g (%s): "
                "the weight is that of warranted.",
                *(MAX_WIDTH, row["says"]),
            )
        else:
            found, how = measured_weighing(y, estimated, weight, row["low"], row["high"]), "measured at field points"
    merged = merge_weighed(region, table, estimated, found)
    if merged.contradicted:
        LOGGER.warning(
            "The target and what the model says of its cells differ by %.4f m³/m³ only, less than target_error %g "
            "allows for: whose the errors are is not known, both get half of the weight, and an error of %.4f. Who "
            "knows that the target errs by less sets target_error below %.4f; otherwise nothing need be done.",
            *(merged.difference, target_error, merged.error, math.sqrt(1 - MIN_OWN_ERROR) * merged.difference),
        )
    LOGGER.info("The target has weight %.3f, what the model says of its cells %.3f", merged.weight, 1 - merged.weight)
    tags = read_run(cells) | {
        "target_weighed": how,
        "target_weight": f"{merged.weight:.6f}",
        "target_error": f"{merged.error:.6f}",
    }
    bands = read_raster(cells)[0] | {"target": merged.analysis, "target_weight": merged.weights}
    write_raster(merged_cells, bands, M09, region.window, tags)
