"""Measure the coverage of the map's intervals at the field points."""

import numpy as np
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


def _place_deviation(points: str, month: str, settings: PointSettings) -> float:
    """Representativeness (m³/m³) that the points themselves tell, else that of the sources."""
    measured, _ = field_points(points, month, settings)
    values, *where = (measured[name].to_numpy() for name in ("soil_moisture", "longitude", "latitude"))
    found, pairs = representativeness_error(values, *where)
    LOGGER.info(
        "Representativeness by %d pairs of near points: %.3f m³/m³ (else %.3f).", pairs, found, REPRESENTATIVENESS
    )
    return REPRESENTATIVENESS if np.isnan(found) else found


def _day_deviation(points: str, settings: PointSettings) -> float:
    """Scatter of days (m³/m³) that repeated dates tell, else that of the sources."""
    table = None if is_archive(points) else read_points(points, settings)
    found, degrees = (np.nan, 0) if table is None or "date" not in table else temporal_scatter(table)
    LOGGER.info("Scatter of days by %d degrees of freedom: %.3f m³/m³ (else %.3f).", degrees, found, TEMPORAL)
    return TEMPORAL if np.isnan(found) else found


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
    place = _place_deviation(points, month, how) if representativeness is None else representativeness
    day = _day_deviation(points, how) if temporal is None else temporal
    pixels, _ = read_pixels(matched)
    with rasterio.open(intervals) as file:
        bands = {name: number for number, name in enumerate(file.descriptions, start=1)}
    pixels = pixels.assign(**{name: read_at(intervals, pixels, number) for name, number in bands.items()}).dropna()
    begin, end = month_range(month)
    visits = (pixels["measurements"] / pixels["points"]).clip(1, (end - begin).days)
    deviation = np.sqrt((place**2 + day**2 / visits) / pixels["points"]).to_numpy()
    write_table(coverage, field_coverage(pixels, deviation, nominal))
