"""Weigh what SMAP says beyond the predictors by field points."""

import pandas as pd

from kilomoist.evaluation.ranges import read_range
from kilomoist.evaluation.residual_weight import residual_weight
from kilomoist.files import write_table
from kilomoist.grids import M09, ease_from_geographic
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.reporting.field_points import PointSettings, field_points
from kilomoist.reporting.matching import ComparedMap, match_points


@rule_script
def weigh_residual(
    *,
    target: str,
    estimates: str,
    autocorrelation_range: str,
    points: str,
    settings: dict,
    month: str,
    seed: int,
    weight: str,
    matched: str,
) -> None:
    """Write the residual weight, and the pixels that it rests on: those with points where both rasters have a value."""
    measured, _ = field_points(points, month, PointSettings(**settings))
    maps = {"target": ComparedMap(target), "estimated": ComparedMap(estimates)}
    pixels, _ = match_points(measured, maps, points)
    places = pixels[["longitude", "latitude"]].to_numpy()
    row, column = M09.locate(*ease_from_geographic(*places.T))
    fields = {name: pixels[name].to_numpy() for name in ("observed", *maps)}
    metres = read_range(autocorrelation_range)
    found = residual_weight(fields, places, row * M09.columns + column % M09.columns, metres, seed)
    LOGGER.info(
        "Residual weight of %d pixels in %d cells: %s (%.3f, from %.3f to %.3f)",
        *(found.pixels, found.cells, found.says, found.weight, found.low, found.high),
    )
    write_table(weight, pd.DataFrame([found.row()]))
    write_table(matched, pixels)
