"""Measure the coverage of the map's intervals at the field points."""

import numpy as np
import pandas as pd
import rasterio

from kilomoist.calendars import month_range
from kilomoist.evaluation.field_pixels import read_pixels
from kilomoist.evaluation.probes import (
    REPRESENTATIVENESS,
    TEMPORAL,
    field_coverage,
    representativeness_error,
    temporal_scatter,
)
from kilomoist.files import write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.reporting.field_points import PointSettings, field_points, read_points
from kilomoist.reporting.matching import read_at
from kilomoist.reporting.stations import is_archive


def _place_deviation(points: str, month: str, settings: PointSettings, day: float) -> float:
    """Representativeness (m³/m³) that the points tell, less what their days add, else that of the sources."""
    measured, _ = field_points(points, month, settings)
    values, *where = (measured[name].to_numpy() for name in ("soil_moisture", "longitude", "latitude"))
    found, pairs = representativeness_error(values, *where)
    LOGGER.info(
        "Representativeness by %d pairs of near points: %.3f m³/m³ (else %.3f).", pairs, found, REPRESENTATIVENESS
    )
    if np.isnan(found):
        return REPRESENTATIVENESS
    of_days = (day**2 / _visits(measured["measurements"], month)).mean()
    return max(found**2 - of_days, 0.0) ** 0.5


def _day_deviation(points: str, settings: PointSettings) -> float:
    """Scatter of days (m³/m³) that repeated dates tell, else that of the sources."""
    table = None if is_archive(points) else read_points(points, settings)
    found, degrees = (np.nan, 0) if table is None or "date" not in table else temporal_scatter(table)
    LOGGER.info("Scatter of days by %d degrees of freedom: %.3f m³/m³ (else %.3f).", degrees, found, TEMPORAL)
    return TEMPORAL if np.isnan(found) else found


def _visits(measurements: pd.Series, month: str) -> pd.Series:
    """Days of a month on which a point was visited, at most."""
    begin, end = month_range(month)
    return measurements.clip(1, (end - begin).days)


@rule_script
def measure_field_coverage(
    *,
    matched: str,
    intervals: str,
    points: str,
    settings: dict,
    representativeness: float | None,
    temporal: float | None,
    month: str,
    nominal: float,
    coverage: str,
) -> None:
    """Write nominal and actual coverage and mean width (m³/m³) of the intervals of pattern, value and probe."""
    how = PointSettings(**settings)
    day = _day_deviation(points, how) if temporal is None else temporal
    place = _place_deviation(points, month, how, day) if representativeness is None else representativeness
    pixels, _ = read_pixels(matched)
    with rasterio.open(intervals) as file:
        bands = {name: number for number, name in enumerate(file.descriptions, start=1)}
    pixels = pixels.assign(**{name: read_at(intervals, pixels, number) for name, number in bands.items()}).dropna()
    visits = _visits(pixels["measurements"] / pixels["points"], month)
    deviation = np.sqrt((place**2 + day**2 / visits) / pixels["points"]).to_numpy()
    write_table(coverage, field_coverage(pixels, deviation, nominal))
