"""Make the maps that a map is compared with: both methods, reconciled and not, and the null models."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.evaluation.comparison import BANDS, cells_holding, compared_maps
from kilomoist.grids import CELL_SIDE, M01, Window
from kilomoist.jobs import rule_script
from kilomoist.learning.details import read_cells, read_reliability
from kilomoist.learning.models import load
from kilomoist.learning.predictions import predict_map, predict_valid
from kilomoist.rasters import Mosaic, raster_chunks, read_run
from kilomoist.reporting.field_points import PointSettings, field_points


@rule_script
def compare_maps(
    *,
    raw: list[str],
    stacks: list[str],
    samples: str,
    cells: str,
    model: str,
    alternative: str,
    reliability: str,
    points: str | None,
    settings: dict,
    month: str,
    minimum_valid_fraction: float,
    maps: str,
) -> None:
    """Write a band for each map, all over the same pixels; that of the map's own method comes from its raw blocks.

    With field `points` of the month only the cells that hold one have values.
    """
    own, other = load(model), load(alternative)
    use = list(own.predictors)
    table, region = read_cells(samples, cells, use)
    filled, shares = region.filled(), read_reliability(reliability, use)
    wanted = None
    if points is not None:
        measured, _ = field_points(points, month, PointSettings(**settings))
        wanted = cells_holding(measured["longitude"], measured["latitude"], region.window)
    with Mosaic(raw, M01) as mapped, Mosaic(stacks, M01) as stack:

        def predict(pixels: Window, here: NDArray[np.bool_]) -> NDArray:
            seen = np.where(here, stack.stack(pixels, use), np.nan)
            return predict_map(other, seen, pixels, filled, CELL_SIDE, shares)

        methods = {own.method: lambda pixels, _: mapped.read(pixels)["soil_moisture"], other.method: predict}
        study = predict_valid(own if own.method == "absolute" else other, filled.predictors)
        compared = compared_maps(methods, table, region, study, minimum_valid_fraction, Path(maps).parent, wanted)
        pixels, units = region.window.refined(CELL_SIDE), dict.fromkeys(BANDS, "m3 m-3")
        with raster_chunks(maps, M01, pixels, read_run(cells), units) as comparison:
            for part, bands in compared:
                comparison.write(bands, part)
