"""By how much probes differ from their pixel's mean of a month, m³/m³: as their own table tells, else as OzNet's do."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.calendars import month_range
from kilomoist.evaluation.probes import REPRESENTATIVENESS, TEMPORAL, representativeness_error, temporal_scatter
from kilomoist.jobs import LOGGER
from kilomoist.reporting.field_points import PointSettings, read_points
from kilomoist.reporting.stations import is_archive


def place_deviation(measured: pd.DataFrame, month: str, day: float) -> float:
    """Representativeness (m³/m³) that the points tell, less what their days add, else that of the sources.

    `measured` are those of `field_points`, `day` the scatter of days.
    """
    values, *where = (measured[name].to_numpy() for name in ("soil_moisture", "longitude", "latitude"))
    found, pairs = representativeness_error(values, *where)
    LOGGER.info(
        "Representativeness by %d pairs of near points: %.3f m³/m³ (else %.3f).", pairs, found, REPRESENTATIVENESS
    )
    if np.isnan(found):
        return REPRESENTATIVENESS
    of_days = (day**2 / _visits(measured["measurements"], month)).mean()
    return max(found**2 - of_days, 0.0) ** 0.5


def day_deviation(points: str | Path, settings: PointSettings) -> float:
    """Scatter of days (m³/m³) that repeated dates tell, else that of the sources. Raises as `read_points`."""
    table = None if is_archive(points) else read_points(points, settings)
    found, degrees = (np.nan, 0) if table is None or "date" not in table else temporal_scatter(table)
    LOGGER.info("Scatter of days by %d degrees of freedom: %.3f m³/m³ (else %.3f).", degrees, found, TEMPORAL)
    return TEMPORAL if np.isnan(found) else found


def pixel_deviation(pixels: pd.DataFrame, month: str, place: float, day: float) -> NDArray[np.float64]:
    """Standard deviation (m³/m³) of the mean of each pixel's probes from the pixel's mean of the month.

    `pixels` are those of `read_pixels`; a visit of a probe deviates by `place` and `day`, days apart on their own.
    """
    visits = _visits(pixels["measurements"] / pixels["points"], month)
    return np.sqrt((place**2 + day**2 / visits) / pixels["points"]).to_numpy()


def _visits(measurements: pd.Series, month: str) -> pd.Series:
    """Days of a month on which a point was visited, at most."""
    begin, end = month_range(month)
    return measurements.clip(1, (end - begin).days)
