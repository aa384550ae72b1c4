"""Simulated measurements at points in the field."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.calendars import month_range
from kilomoist.grids import M01, ease_from_geographic
from kilomoist.simulation.scenes import Scene

FIELD_POINTS = 153
"""As many as the study had."""
FIELD_ERROR = 0.07
"""m³/m³: standard deviation of a point from its pixel, with its own error. Makes r at points like the study's."""
MARGIN = 0.5
"""Degrees between the border of the scene and its field points."""


def field_points(scene: Scene, true: NDArray, month: str, extent: tuple[float, float, float, float]) -> pd.DataFrame:
    """Simulated samples of the upper 5 cm at random places: id, longitude, latitude, date, depth_cm, soil_moisture."""
    random = scene.random("field points", month)
    begin, end = month_range(month)
    west, south, east, north = extent
    rows: list[tuple] = []
    while len(rows) < FIELD_POINTS:
        longitude = round(random.uniform(west + MARGIN, east - MARGIN), 5)
        latitude = round(random.uniform(south + MARGIN, north - MARGIN), 5)
        row, column = M01.locate(*ease_from_geographic(longitude, latitude))
        value = true[row - scene.pixels.row, column - scene.pixels.column]
        day = int(random.integers((end - begin).days))
        measured = float(value + FIELD_ERROR * random.standard_normal())
        if np.isfinite(value):
            date = begin.replace(day=day + 1).isoformat()
            moisture = round(min(max(measured, 0.01), 0.6), 4)
            rows.append((f"S{len(rows) + 1:03d}", longitude, latitude, date, 5, moisture))
    return pd.DataFrame(rows, columns=["id", "longitude", "latitude", "date", "depth_cm", "soil_moisture"])
