"""Soil moisture that a user measured at field points, read and checked."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.grids import Box
from kilomoist.reporting.stations import archive_files, days_around, is_archive, read_stations

LOGGER = logging.getLogger(__name__)

COLUMNS = ("id", "longitude", "latitude", "soil_moisture")
"""Columns a table of field points needs; `date` (YYYY-MM-DD) and `depth_cm` may be there."""
LARGEST = {"m3/m3": 1.0, "percent": 100.0}
"""Larger numbers are no volumetric water content in the unit."""
GEOGRAPHIC = "EPSG:4326"


@dataclass(frozen=True)
class PointSettings:
    """Keys of `points`: how field points are read, and which measurements count."""

    columns: Mapping[str, str]
    """Names in the user's table of `COLUMNS`, `date` and `depth_cm`."""
    crs: str
    units: str
    """One of `LARGEST`."""
    depth: Sequence[float]
    """Upper and lower limit, cm."""
    window: int
    """Days before and after the month."""
    minimum_days: int


def check_points(path: str | Path, settings: PointSettings, boxes: Mapping[str, Box]) -> list[str]:
    """Names of the regions whose box holds a point of a CSV; all of an archive's, whose measurements are not read.

    `boxes` are in degrees, the east beyond 180 where they cross it. Raises `InputError` for what can be told of field
    points in a moment, and when no region has any.
    """
    if is_archive(path):
        archive_files(path, settings.depth)
        return list(boxes)
    points = read_points(path, settings)
    longitude, latitude = points["longitude"], points["latitude"]
    found = [name for name, box in boxes.items() if _inside(longitude, latitude, box).any()]
    if not found:
        swapped = any(_inside(latitude, longitude, box).any() for box in boxes.values())
        where = f"{'region' if len(boxes) == 1 else 'any of the regions'} {', '.join(boxes)}"
        refuse_outside(points, path, where, swapped)
    return found


def _inside(longitude: pd.Series, latitude: pd.Series, box: Box) -> NDArray[np.bool_]:
    west, south, east, north = box
    return ((longitude - west) % 360 <= east - west) & latitude.between(south, north)


def field_points(path: str | Path, month: str, settings: PointSettings) -> pd.DataFrame:
    """Measured soil moisture of a month, one row a point: id, longitude, latitude, soil_moisture (m³/m³), measurements.

    `path` is a CSV or an archive of ISMN: `read_stations`. Rows of a CSV with one id at one place (other dates, other
    depths) are a point, their mean; `measurements` counts them. Raises `InputError` as both readers do.
    """
    if is_archive(path):
        return read_stations(path, month, settings.depth, settings.window, settings.minimum_days)
    points = read_points(path, settings)
    if "date" in points:  # otherwise they count in every month
        points = points[points["date"].between(*map(pd.Timestamp, days_around(month, settings.window)))]
    places = points.groupby(["id", "longitude", "latitude"], as_index=False, sort=False, dropna=False)
    return places.agg(soil_moisture=("soil_moisture", "mean"), measurements=("soil_moisture", "size"))


def read_points(path: str | Path, settings: PointSettings) -> pd.DataFrame:
    """Read and check a CSV of field points, of the depths that count. Raises `InputError` for what cannot be right.

    The columns that `settings` names get the names of `COLUMNS`, `date` and `depth_cm`; others stay. Coordinates become
    degrees (WGS 84), soil moisture m³/m³, dates (YYYY-MM-DD) times.
    """
    frame = _table(path, settings.columns)
    if frame.empty:
        raise InputError(f"field points {path} hold no row.")
    _convert(frame, path, settings.columns)
    _to_degrees(frame, path, settings.crs)
    _to_fraction(frame, path, settings)
    return _at_depth(frame, path, settings)


def _table(path: str | Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Table of field points under the names that are used here."""
    try:
        frame = pd.read_csv(path, encoding="utf-8-sig", dtype={columns["id"]: str})
        head = pd.read_csv(path, encoding="utf-8-sig", dtype=str, header=None, nrows=1)  # where none is renamed
    except (OSError, ValueError) as error:
        raise InputError(
            f"field points {path} cannot be read as a CSV ({error}): save it as UTF-8 with commas."
        ) from error
    if twice := [column for column in columns.values() if (head == column).sum(axis=None) > 1]:
        raise InputError(f"field points {path} have the column {twice[0]} more than once: keep the column that counts.")
    # A column that somebody names is wanted; under its usual name it may be absent.
    needed = [column for name, column in columns.items() if name in COLUMNS or column != name]
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise InputError(
            f"field points {path} lack the column {', '.join(missing)}: there are "
            f"{', '.join(map(str, frame.columns))}; separate columns by commas and name yours in `points.columns`."
        )
    named = {name: frame[column] for name, column in columns.items() if column in frame.columns}
    return pd.DataFrame({column: frame[column] for column in frame if column not in columns.values()} | named)


def _convert(frame: pd.DataFrame, path: str | Path, columns: Mapping[str, str]) -> None:
    """Dates as times, and numbers for the text of other columns."""
    for name in ("date", *COLUMNS[1:], "depth_cm"):
        if name not in frame:
            continue
        if name == "date":
            found, expected = pd.to_datetime(frame[name], format="%Y-%m-%d", errors="coerce"), "YYYY-MM-DD"
        else:
            found = pd.to_numeric(frame[name], errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)
            expected = "a number with a decimal point; leave out points without it"
        if found.isna().any():
            wrong = frame[found.isna()].iloc[0]
            value = "empty" if pd.isna(wrong[name]) else wrong[name]
            raise InputError(
                f"field points {path}: {columns[name]} of point {wrong['id']} is {value}, expected {expected}."
            )
        frame[name] = found


def _to_degrees(frame: pd.DataFrame, path: str | Path, crs: str) -> None:
    """Coordinates in degrees (WGS 84) in place of those in `crs`."""
    import pyproj

    try:
        source = pyproj.CRS(crs)
        transformer = pyproj.Transformer.from_crs(source, GEOGRAPHIC, always_xy=True)
    except pyproj.exceptions.CRSError:
        raise InputError(
            f"`points.crs` is {crs}, which PROJ does not know: expected a code such as EPSG:32647."
        ) from None
    beyond = (frame["latitude"].abs() > 90) | (frame["longitude"].abs() > 180)
    if source.is_geographic and beyond.any():
        wrong = frame[beyond].iloc[0]
        swapped = abs(wrong["latitude"]) > 90 >= abs(wrong["longitude"])
        hint = "they look swapped" if swapped else "they must be degrees, or in the CRS that `points.crs` names"
        raise InputError(
            f"field points {path}: point {wrong['id']} lies at longitude {wrong['longitude']:g}, latitude "
            f"{wrong['latitude']:g}; {hint}: longitude is east within ±180, latitude north within ±90."
        )
    if source == pyproj.CRS(GEOGRAPHIC):
        return
    x, y = frame["longitude"].to_numpy(), frame["latitude"].to_numpy()
    frame["longitude"], frame["latitude"] = transformer.transform(x, y)
    nowhere, swapped = ~np.isfinite(frame[["longitude", "latitude"]]).all(axis=1), False
    if area := source.area_of_use:
        made_for = (area.west, area.south, area.east + 360 * (area.east < area.west), area.north)
        if not _inside(frame["longitude"], frame["latitude"], made_for).any():
            longitude, latitude = map(pd.Series, transformer.transform(y, x))
            swapped = _inside(longitude, latitude, made_for).all()
    if nowhere.any() or swapped:
        number = int(np.argmax(nowhere))  # the first where all look swapped
        hint = "name the CRS of the coordinates in `points.crs`"
        if swapped:
            hint = "x and y look swapped: exchange `points.columns.longitude` and `points.columns.latitude`"
        raise InputError(
            f"field points {path}: point {frame['id'].iloc[number]} lies at x {x[number]:g}, y {y[number]:g} of "
            f"{crs}, which is no place there; {hint}."
        )


def _to_fraction(frame: pd.DataFrame, path: str | Path, settings: PointSettings) -> None:
    """Soil moisture in m³/m³ in place of what is in the table's unit."""
    largest, values = LARGEST[settings.units], frame["soil_moisture"]
    low, high = values.min(), values.max()
    # Nobody measures less than 1 % everywhere.
    fraction = settings.units == "percent" and 0 < high <= LARGEST["m3/m3"]
    if low < 0 or high > largest or fraction:
        hint = "correct or leave out such points"
        if low >= 0 and settings.units == "m3/m3" and high <= LARGEST["percent"]:
            hint = "it looks like percent: set `points.units` to percent"
        elif low >= 0 and fraction:
            hint = "it looks like m³/m³: set `points.units` to m3/m3"
        raise InputError(
            f"field points {path}: {settings.columns['soil_moisture']} goes from {low:g} to {high:g}, expected "
            f"volumetric water content in {settings.units.replace('3', '³')}, 0 to {largest:g}; {hint}."
        )
    frame["soil_moisture"] = values / largest


def _at_depth(frame: pd.DataFrame, path: str | Path, settings: PointSettings) -> pd.DataFrame:
    """Rows of the depths that count."""
    (top, bottom), column = settings.depth, settings.columns["depth_cm"]
    if "depth_cm" not in frame:
        LOGGER.info("%s has no column %s: its points are taken as they are, of whatever depth.", path, column)
        return frame
    shallowest, deepest = frame["depth_cm"].min(), frame["depth_cm"].max()
    wanted = frame["depth_cm"].between(top, bottom)
    if shallowest < 0 or 0 < deepest < 1 or not wanted.any():
        hint = "it looks like metres: give cm" if deepest < 1 else "change `points.depth`"
        hint = "count depths downwards" if shallowest < 0 else hint
        raise InputError(
            f"field points {path}: {column} goes from {shallowest:g} to {deepest:g} cm, "
            f"expected points within {top:g} to {bottom:g} cm; {hint}."
        )
    if not wanted.all():
        LOGGER.info("%s: %d of %d rows lie within %g to %g cm.", path, wanted.sum(), len(frame), top, bottom)
    return frame[wanted]


def refuse_outside(points: pd.DataFrame, path: str | Path, where: str, swapped: bool = False) -> NoReturn:
    """Raise `InputError` for points of which none lies in a region, with what may be the reason."""
    advice = "their coordinates are swapped: exchange the two columns" if swapped else "give the points of this region"
    spans = (f"{name} {points[name].min():g} to {points[name].max():g}" for name in ("longitude", "latitude"))
    raise InputError(
        f"field points {path}: none of {len(points)} points lies in {where} (they span {', '.join(spans)}); {advice}."
    )
