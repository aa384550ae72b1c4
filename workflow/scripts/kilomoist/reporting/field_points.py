"""Soil moisture that a user measured at field points, read and checked."""

import difflib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.grids import Box
from kilomoist.reporting.stations import archive_files, days_around, is_archive, read_stations, within
from kilomoist.reporting.tables import Form, clipped, dates, decimal_sign, numbers, read_cells

LOGGER = logging.getLogger(__name__)

COLUMNS = ("id", "longitude", "latitude", "soil_moisture")
"""Columns a table of field points needs; `date` and `depth_cm` may be there."""
LARGEST = {"m3/m3": 1.0, "percent": 100.0}
"""Larger numbers are no volumetric water content in the unit."""
GEOGRAPHIC = "EPSG:4326"
_USUAL = {
    "id": "plot site point station probe name цэг точка пункт nummer",
    "longitude": "lon long lng x east easting уртраг долгота länge rechtswert",
    "latitude": "lat y north northing өргөрөг широта breite hochwert",
    "soil_moisture": "moisture sm vwc swc theta чийг влажность bodenfeuchte wassergehalt",
    "date": "day time datum огноо дата",
    "depth_cm": "depth гүн глубина tiefe",
}
"""What columns are often called, to ask whether they are meant."""


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
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    dates: str | None = None


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


def field_points(path: str | Path, month: str, settings: PointSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measured soil moisture of a month, one row a point: id, longitude, latitude, soil_moisture (m³/m³), measurements.

    With it the points that are not used: id, longitude, latitude, reason. `path` is a table or an archive of ISMN:
    `read_stations`. Rows of a table with one id at one place (other dates, other depths) are a point, their mean;
    `measurements` counts them. Raises `InputError` as both readers do.
    """
    if is_archive(path):
        return read_stations(path, month, settings.depth, settings.window, settings.minimum_days)
    points, form = _read(path, settings)
    LOGGER.info("%s is read as: %s.", path, form)
    points["reason"] = ""
    if "date" in points:  # otherwise they count in every month
        first, last = days_around(month, settings.window)
        outside = ~points["date"].between(pd.Timestamp(first), pd.Timestamp(last))
        points.loc[outside, "reason"] = f"not measured from {first} to {last}"
    points.loc[~_at_depth(points, path, settings), "reason"] = f"not within {_shown(settings.depth)}"
    place = ["id", "longitude", "latitude"]
    counted = points[points["reason"] == ""].groupby(place, as_index=False, sort=False)
    measured = counted.agg(soil_moisture=("soil_moisture", "mean"), measurements=("soil_moisture", "size"))
    others = points.groupby(place, as_index=False, sort=False)["reason"].agg(lambda own: "; ".join(sorted(set(own))))
    unused = others[~pd.MultiIndex.from_frame(others[place]).isin(pd.MultiIndex.from_frame(measured[place]))]
    return measured, unused.reset_index(drop=True)


def read_points(path: str | Path, settings: PointSettings) -> pd.DataFrame:
    """Read and check a table of field points, of the depths that count. Raises `InputError` for what cannot be right.

    The columns that `settings` names get the names of `COLUMNS`, `date` and `depth_cm`; others stay, as text.
    Coordinates become degrees (WGS 84), soil moisture m³/m³, dates times.
    """
    frame, _ = _read(path, settings)
    return frame[_at_depth(frame, path, settings)]


def how_read(path: str | Path, settings: PointSettings) -> str | None:
    """What was found out of a table's form, in a sentence; None where it is plain, or no table."""
    if is_archive(path):
        return None
    _, form = _read(path, settings)
    return None if form.is_plain else f"Field points {path} are read as: {form}."


def _read(path: str | Path, settings: PointSettings) -> tuple[pd.DataFrame, Form]:
    """Rows of a table at any depth, and how it was read."""
    columns = settings.columns
    # A column that somebody names is wanted; under its usual name it may be absent.
    needed = [column for name, column in columns.items() if name in COLUMNS or column != name]
    form = Form(settings.separator, settings.encoding, settings.decimal, settings.dates)
    table, form = read_cells(path, needed, form)
    _check_columns(path, list(table), needed, columns)
    named = {name: table[column] for name, column in columns.items() if column in table}
    others = table.loc[:, ~table.columns.duplicated()].drop(columns=list(columns.values()), errors="ignore")
    frame = pd.DataFrame({column: others[column] for column in others} | named)
    if frame.empty:
        raise InputError(f"field points {path} hold no row.")
    form = _convert(frame, path, columns, form)
    _to_degrees(frame, path, settings.crs)
    _to_fraction(frame, path, settings)
    return frame, form


def _check_columns(path: str | Path, found: Sequence[str], needed: Sequence[str], columns: Mapping[str, str]) -> None:
    """Raise `InputError` for columns that are missing, with those that may be meant, or that are there twice."""
    if twice := [column for column in columns.values() if found.count(column) > 1]:
        raise InputError(f"field points {path} have the column {twice[0]} more than once: keep the column that counts.")
    missing = {name: column for name, column in columns.items() if column in needed and column not in found}
    if not missing:
        return
    meant = {name: near for name, column in missing.items() if (near := _nearest(name, column, found))}
    example = ", perhaps {" + ", ".join(f"{name}: {column}" for name, column in meant.items()) + "}" if meant else ""
    raise InputError(
        f"field points {path} lack the column {', '.join(missing.values())}: there are "
        f"{clipped(', '.join(found), 200)}; name yours in `points.columns`{example}."
    )


def _nearest(name: str, wanted: str, found: Collection[str]) -> str | None:
    """The column that is called most like a wanted one, or as it often is."""
    plain = {column.casefold(): column for column in found if column}
    for word in (wanted.casefold(), *_USUAL[name].split()):
        near = difflib.get_close_matches(word, plain, 1, cutoff=0.8) or [own for own in plain if own.startswith(word)]
        if near and (len(word) > 1 or near[0] == word):
            return plain[near[0]]
    return None


def _convert(frame: pd.DataFrame, path: str | Path, columns: Mapping[str, str], form: Form) -> Form:
    """Dates as times, and numbers, for the text of columns; the form with what was found."""
    numeric = [name for name in (*COLUMNS[1:], "depth_cm") if name in frame]
    sign = form.decimal or decimal_sign(path, pd.concat([frame[name] for name in numeric]))
    order, found = form.dates, {}
    if "date" in frame:
        order, days = dates(path, frame["date"], form.dates)
        found["date"] = days, order
    number = f"a number with a decimal {'comma' if sign == ',' else 'point'}; leave out points without it"
    found |= {name: (numbers(frame[name], sign).replace([np.inf, -np.inf], np.nan), number) for name in numeric}
    for name, (converted, expected) in found.items():
        if converted.isna().any():
            wrong = frame[converted.isna()].iloc[0]
            value = clipped(wrong[name]) or "empty"
            raise InputError(
                f"field points {path}: {columns[name]} of point {clipped(wrong['id'])} is {value}, expected {expected}."
            )
        frame[name] = converted
    return form._replace(decimal=sign, dates=order if "date" in frame else None)


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
            f"field points {path}: point {clipped(wrong['id'])} lies at longitude {wrong['longitude']:g}, latitude "
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
            f"field points {path}: point {clipped(frame['id'].iloc[number])} lies at x {x[number]:g}, y {y[number]:g} "
            f"of {crs}, which is no place there; {hint}."
        )


def _to_fraction(frame: pd.DataFrame, path: str | Path, settings: PointSettings) -> None:
    """Soil moisture in m³/m³ in place of what is in the table's unit."""
    largest, values = LARGEST[settings.units], frame["soil_moisture"]
    low, high = values.min(), values.max()
    # Nobody measures less than 1 % everywhere.
    fraction = settings.units == "percent" and 0 < high <= LARGEST["m3/m3"]
    if low < 0 or high > largest or fraction or high == 0:
        hint = "correct or leave out such points"
        if high == 0:
            hint = "a decimal comma may have cut the numbers in two: separate columns by semicolons"
        elif low >= 0 and settings.units == "m3/m3" and high <= LARGEST["percent"]:
            hint = "it looks like percent: set `points.units` to percent"
        elif low >= 0 and fraction:
            hint = "it looks like m³/m³: set `points.units` to m3/m3"
        raise InputError(
            f"field points {path}: {settings.columns['soil_moisture']} goes from {low:g} to {high:g}, expected "
            f"volumetric water content in {settings.units.replace('3', '³')}, 0 to {largest:g}; {hint}."
        )
    frame["soil_moisture"] = values / largest


def _at_depth(frame: pd.DataFrame, path: str | Path, settings: PointSettings) -> pd.Series:
    """True for rows of the depths that count. Raises `InputError` for depths that are no cm."""
    column = settings.columns["depth_cm"]
    if "depth_cm" not in frame:
        LOGGER.info("%s has no column %s: its points are taken as they are, of whatever depth.", path, column)
        return pd.Series(True, frame.index)
    depths = frame["depth_cm"]
    wanted = within(depths, depths, settings.depth)
    hint = None
    if depths.min() < 0:
        hint = "count depths downwards"
    elif depths.between(0, 1, inclusive="neither").any():  # nobody buries a probe less than 1 cm deep
        hint = "it looks like metres: give cm"
    elif depths.max() >= 1000:
        hint = "it looks like millimetres: give cm"
    elif not wanted.any():
        hint = "change `points.depth`, or give cm where these are millimetres"
    if hint:
        raise InputError(
            f"field points {path}: {column} goes from {depths.min():g} to {depths.max():g} cm, "
            f"expected points within {_shown(settings.depth)}; {hint}."
        )
    if not wanted.all():
        LOGGER.info("%s: %d of %d rows lie within %s.", path, wanted.sum(), len(frame), _shown(settings.depth))
    return wanted


def _shown(depth: Sequence[float]) -> str:
    return f"{depth[0]:g} to {depth[1]:g} cm"


def refuse_outside(points: pd.DataFrame, path: str | Path, where: str, swapped: bool = False) -> NoReturn:
    """Raise `InputError` for points of which none lies in a region, with what may be the reason."""
    advice = "their coordinates are swapped: exchange the two columns" if swapped else "give the points of this region"
    spans = (f"{name} {points[name].min():g} to {points[name].max():g}" for name in ("longitude", "latitude"))
    raise InputError(
        f"field points {path}: none of {len(points)} points lies in {where} (they span {', '.join(spans)}); {advice}."
    )
