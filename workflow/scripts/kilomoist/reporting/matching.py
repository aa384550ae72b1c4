"""Field points and maps at the same pixels."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from kilomoist.errors import InputError
from kilomoist.grids import M01, ease_from_geographic, geographic_from_ease
from kilomoist.names import OWN_MAPS
from kilomoist.reporting.field_points import GEOGRAPHIC, LARGEST, refuse_outside
from kilomoist.reporting.stations import UNUSED


@dataclass(frozen=True)
class ComparedMap:
    """Band of a raster that is compared with the field points: a map of the run's own, or an entry of `compare`."""

    path: str | Path
    band: int = 1
    scale: float = 1.0
    """By which stored numbers are multiplied to give m³/m³."""
    name: str | None = None
    """That of the entry; None of the run's own maps, which need no check."""


def check_raster(path: str | Path, band: int) -> None:
    """Raise `InputError` when `read_at` could not read a raster."""
    with _opened(path, band):
        pass


def read_at(path: str | Path, points: pd.DataFrame, band: int = 1) -> NDArray[np.float64]:
    """Value of a raster's band in the pixel that holds each point; NaN outside of it and where it has no value.

    Any raster and CRS that GDAL reads; nothing is interpolated. Raises `InputError` when it cannot be read, does not
    say where it lies or has no such band.
    """
    from pyproj import Transformer

    values = np.full(len(points), np.nan)
    with _opened(path, band) as file:
        transformer = Transformer.from_crs(GEOGRAPHIC, file.crs.to_wkt(), always_xy=True)
        x, y = transformer.transform(points["longitude"].to_numpy(), points["latitude"].to_numpy())
        with np.errstate(invalid="ignore"):
            if file.crs.is_geographic:  # some rasters count longitudes from 0 to 360
                x = file.bounds.left + (x - file.bounds.left) % 360
            column, row = map(np.floor, ~file.transform @ (x, y))
            inside = (row >= 0) & (row < file.height) & (column >= 0) & (column < file.width)
        # Pixel by pixel, because the raster may cover the Earth and the points a valley; GDAL keeps the blocks.
        for number in np.flatnonzero(inside):
            pixel = Window(int(column[number]), int(row[number]), 1, 1)
            values[number] = file.read(band, window=pixel, masked=True).astype(float).filled(np.nan)[0, 0]
    return values


@contextmanager
def _opened(path: str | Path, band: int) -> Iterator[rasterio.DatasetReader]:
    """A raster that has the band and says where it lies. Raises `InputError`."""
    try:
        with rasterio.open(path) as file:
            if band > file.count:
                raise InputError(f"{path} has {file.count} bands and no band {band}: correct `band` in `compare`.")
            if file.crs is None or file.transform.is_identity:
                raise InputError(
                    f"{path} does not say where it lies (its CRS is {file.crs}, its first pixel at "
                    f"{file.bounds.left:g}, {file.bounds.top:g}): assign CRS and extent, for example by "
                    "gdal_translate -a_srs ... -a_ullr ..."
                )
            yield file
    except rasterio.errors.RasterioError as error:
        raise InputError(f"{path} cannot be read as a raster ({error}): give a file that gdalinfo can read.") from error


def match_points(points: pd.DataFrame, maps: Mapping[str, ComparedMap], path: str | Path) -> pd.DataFrame:
    """Field points and any number of maps at the same pixels of 1 km: a row a pixel, a column a map.

    `points` is what `field_points` returns; the first map decides which of them lie in the region. Only points where
    every map has a value count. Those in one pixel of the global 1 km grid are averaged: pixel (r, row, c, column), id
    (of all of them, with semicolons), points and measurements (their numbers), longitude and latitude (of the pixel's
    centre), observed, then the maps, in m³/m³ (a raster on another grid is read at each point).

    Raises `InputError` when no point lies in the region, or for a map of `compare` without a value at those that do, or
    with values that are no soil moisture.
    """
    points = points.reset_index(drop=True)
    values = {column: source.scale * read_at(source.path, points, source.band) for column, source in maps.items()}
    table = pd.DataFrame(values, index=points.index)
    inside = table.iloc[:, 0].notna()
    if len(points) and not inside.any():
        refuse_outside(points, path, "the mapped region")
    for column, source in maps.items():
        if source.name and len(points):
            _check_compared(source, table[column], inside)
    return _average_pixels(points, table[table.notna().all(axis=1)])


def unmatched_points(points: pd.DataFrame, maps: Mapping[str, ComparedMap]) -> pd.DataFrame:
    """Field points at which some map has no value: `UNUSED`, with the maps' names as reason.

    `points` and `maps` are those of `match_points`, which leaves these out.
    """
    gaps = {OWN_MAPS.get(column, column): np.isnan(read_at(own.path, points, own.band)) for column, own in maps.items()}
    table = pd.DataFrame(gaps)
    frame = points[[*UNUSED[:3]]].reset_index(drop=True)
    frame["reason"] = [
        "outside of the mapped region" if row[0] else f"no value in: {'; '.join(table.columns[row])}"
        for row in table.to_numpy(bool)
    ]
    return frame[table.any(axis=1)]


def _check_compared(source: ComparedMap, values: pd.Series, inside: pd.Series) -> None:
    """Raise `InputError` for values at the points that are no soil moisture, or none at those inside the region."""
    named = f"`compare`: {source.name} ({source.path}, band {source.band})"
    if values[inside].isna().all():
        where = f"any of the {inside.sum()} field points in the mapped region"
        raise InputError(f"{named} has no value at {where}: give a raster of this region, or leave it out.")
    low, high = values.min(), values.max()
    if low < 0 or high > LARGEST["m3/m3"]:
        hint = "declare its fill value as nodata (gdal_edit.py -a_nodata)" if low < 0 else "correct `scale`"
        raise InputError(
            f"{named} goes from {low:g} to {high:g} at the points, expected soil moisture in m³/m³, 0 to 1; {hint}."
        )


def _average_pixels(points: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of points averaged over pixels of the 1 km grid, in the order of each pixel's first point."""
    points = points.loc[table.index]
    row, column = M01.locate(*ease_from_geographic(points["longitude"], points["latitude"]))
    column %= M01.columns  # 180° E is 180° W
    x, y = M01.left + (column + 0.5) * M01.side, M01.top - (row + 0.5) * M01.side
    longitude, latitude = geographic_from_ease(x, y)
    # Other maps must not have these names: `OWN_COLUMNS`.
    parts = {
        "pixel": [f"r{r:05d}c{c:05d}" for r, c in zip(row, column, strict=True)],
        "id": points["id"].astype(str),
        "points": 1,
        "measurements": points["measurements"],
        "longitude": longitude,
        "latitude": latitude,
        "observed": points["soil_moisture"],
    }
    together = {"id": "; ".join, "points": "sum", "measurements": "sum", "longitude": "first", "latitude": "first"}
    frame = pd.DataFrame(parts, index=table.index).join(table)
    how = {name: together.get(name, "mean") for name in frame if name != "pixel"}
    return frame.groupby("pixel", sort=False).agg(how).reset_index()
