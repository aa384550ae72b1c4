"""Field points: what a user measured in the soil, checked, and what the maps say there."""

from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray

from kilomoist.calendars import month_range
from kilomoist.errors import InputError
from kilomoist.grids import EASE_WIDTH, ease_from_geographic

COLUMNS = ("id", "longitude", "latitude", "soil_moisture")
"""Columns a table of field points needs; `date` (YYYY-MM-DD) and `depth_cm` may be there."""
LARGEST = 1.0
"""m³/m³: larger numbers are not volumetric fractions."""


def read_points(path: str | Path) -> pd.DataFrame:
    """Read and check a CSV of field points. Raises `InputError` for what cannot be right.

    Numbers must be numbers, longitudes within ±180, latitudes within ±90, soil moisture within 0…1 m³/m³.
    """
    try:
        frame = pd.read_csv(path, encoding="utf-8-sig", dtype={"id": str})
    except (OSError, ValueError) as error:
        raise InputError(
            f"field points {path} cannot be read as a CSV ({error}): save it as UTF-8 with commas."
        ) from error
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise InputError(
            f"field points {path} lack the column {', '.join(missing)}: needed are {', '.join(COLUMNS)}, separated by "
            f"commas, there are {', '.join(map(str, frame.columns))}."
        )
    if frame.empty:
        raise InputError(f"field points {path} hold no row.")
    for name in COLUMNS[1:]:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        wrong = frame[numbers.isna()]
        if len(wrong):
            value = wrong[name].iloc[0]
            raise InputError(
                f"field points {path}: {name} of point {wrong['id'].iloc[0]} is {_shown(value)}, "
                "expected a number with a decimal point; leave out points without a value."
            )
        frame[name] = numbers.astype(float)
    if (frame["latitude"].abs() > 90).any() or (frame["longitude"].abs() > 180).any():
        wrong = frame[(frame["latitude"].abs() > 90) | (frame["longitude"].abs() > 180)].iloc[0]
        hint = "they look swapped" if abs(wrong["latitude"]) > 90 >= abs(wrong["longitude"]) else "they must be degrees"
        raise InputError(
            f"field points {path}: point {wrong['id']} lies at longitude {wrong['longitude']:g}, latitude "
            f"{wrong['latitude']:g}; {hint}: longitude is east within ±180, latitude north within ±90."
        )
    if (frame["soil_moisture"] > LARGEST).any() or (frame["soil_moisture"] < 0).any():
        low, high = frame["soil_moisture"].min(), frame["soil_moisture"].max()
        hint = (
            "it looks like percent: divide by 100"
            if high > LARGEST and low >= 0
            else "correct or leave out such points"
        )
        raise InputError(
            f"field points {path}: soil_moisture goes from {low:g} to {high:g}, "
            f"expected volumetric water content in m³/m³, 0 to 1; {hint}."
        )
    return frame


def _shown(value: object) -> str:
    return "empty" if pd.isna(value) else str(value)


def points_of_month(points: pd.DataFrame, month: str, path: str | Path) -> pd.DataFrame:
    """The points dated within a month; all of them where there is no `date`.

    Raises `InputError` when a date is not YYYY-MM-DD. Other months of the run may have none.
    """
    if "date" not in points:
        return points
    dates = pd.to_datetime(points["date"], format="%Y-%m-%d", errors="coerce")
    if dates.isna().any():
        wrong = points[dates.isna()].iloc[0]
        raise InputError(
            f"field points {path}: date of point {wrong['id']} is {_shown(wrong['date'])}, expected YYYY-MM-DD."
        )
    begin, end = map(pd.Timestamp, month_range(month))
    return points[(dates >= begin) & (dates < end)]


def read_at(path: str | Path, points: pd.DataFrame) -> NDArray[np.float64]:
    """Value of a map's first band at each point's pixel; NaN outside the map and where it has no value."""
    with rasterio.open(path) as file:
        x, y = ease_from_geographic(points["longitude"], points["latitude"])
        column, row = ~file.transform @ (x, y)
        column, row = np.floor(column).astype(int), np.floor(row).astype(int)
        column %= round(EASE_WIDTH / file.transform.a)  # a map across 180° goes on beyond the grid's last column
        inside = (row >= 0) & (row < file.height) & (column >= 0) & (column < file.width)
        values = np.full(len(points), np.nan)
        values[inside] = file.read(1)[row[inside], column[inside]]
    return values


def match_points(points: pd.DataFrame, coarse: str | Path, fine: str | Path, path: str | Path) -> pd.DataFrame:
    """Points with a value in both maps: id, longitude, latitude, observed, coarse (9 km), fine (1 km).

    Raises `InputError` when no point lies on the map at all.
    """
    table = pd.DataFrame(
        {
            "id": points["id"].astype(str),
            "longitude": points["longitude"],
            "latitude": points["latitude"],
            "observed": points["soil_moisture"],
            "coarse": read_at(coarse, points),
            "fine": read_at(fine, points),
        }
    )
    if len(points) and table["coarse"].isna().all():
        swapped = points.rename(columns={"longitude": "latitude", "latitude": "longitude"})
        fits = swapped["latitude"].abs().le(90).all() and np.isfinite(read_at(coarse, swapped)).any()
        advice = "their coordinates are swapped: exchange the two columns" if fits else "give the points of this region"
        raise InputError(
            f"field points {path}: none of {len(points)} points lies in the mapped region (they span longitude "
            f"{points['longitude'].min():g} to {points['longitude'].max():g}, latitude {points['latitude'].min():g} to "
            f"{points['latitude'].max():g}); {advice}."
        )
    return table.dropna(subset=["coarse", "fine"]).reset_index(drop=True)
