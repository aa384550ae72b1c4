"""Field points and maps at the same pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray

from kilomoist.counts import balanced
from kilomoist.errors import InputError
from kilomoist.grids import M01, ease_from_geographic, geographic_from_ease
from kilomoist.names import map_label
from kilomoist.reporting.field_points import GEOGRAPHIC, LARGEST, refuse_outside
from kilomoist.reporting.stations import UNUSED
from kilomoist.user_rasters import opened_raster

OUTSIDE, UNMEASURED = "outside of the mapped region", "no measurement that counts in the month"
"""Why a field point is not used."""


@dataclass(frozen=True)
class ComparedMap:
    """Band of a raster that is compared with the field points: a map of the run's own, or an entry of `compare`."""

    path: str | Path
    band: int | None = 1
    """None: the only one."""
    scale: float | None = None
    offset: float | None = None
    """Stored number · scale + offset is m³/m³; None: the file's own."""
    variable: str | None = None
    """Of a netCDF or HDF5 file with several."""
    name: str | None = None
    """That of the entry; None of the run's own maps, which need no check."""
    files: Sequence[str | Path] = ()
    """Whose mean counts, where `path` is their folder; none: `path` itself."""
    relative: bool = False
    """Percent of saturation, and not m³/m³."""

    @property
    def how(self) -> dict[str, Any]:
        """How the raster is opened."""
        return {"variable": self.variable, "band": self.band, "scale": self.scale, "offset": self.offset}

    def read(self, points: pd.DataFrame) -> NDArray[np.float64]:
        """Value at each point, the mean of the files that have one there; NaN where none has."""
        values = [read_at(path, points, **self.how) for path in self.files or [self.path]]
        return pd.DataFrame(values, columns=points.index).mean().to_numpy(float)


def check_raster(path: str | Path, band: int | None = 1, variable: str | None = None) -> None:
    """Raise `InputError` when `read_at` could not read a raster."""
    with opened_raster(path, str(path), variable=variable, band=band):
        pass


def with_bands(points: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Points with the value of each band of a raster of the run's own, by its name: those that have all."""
    with rasterio.open(path) as file:
        bands = {name: number for number, name in enumerate(file.descriptions, start=1)}
    return points.assign(**{name: read_at(path, points, number) for name, number in bands.items()}).dropna()


def read_at(path: str | Path, points: pd.DataFrame, band: int | None = 1, **how: Any) -> NDArray[np.float64]:
    """Value of a raster's band in the pixel that holds each point; NaN outside of it and where it has no value.

    Any raster and CRS that GDAL reads; nothing is interpolated. `how` are variable, scale and offset of
    `opened_raster`. Raises `InputError` when it cannot be read, does not say where it lies or has no such band.
    """
    from pyproj import Transformer

    values = np.full(len(points), np.nan)
    with opened_raster(path, str(path), band=band, **how) as raster:
        file = raster.file
        transformer = Transformer.from_crs(GEOGRAPHIC, raster.crs.to_wkt(), always_xy=True)
        x, y = transformer.transform(points["longitude"].to_numpy(), points["latitude"].to_numpy())
        with np.errstate(invalid="ignore"):
            column, row = ~file.transform @ (x, y)
            column, row = np.floor(column - raster.turned(column)), np.floor(row)
            inside = (row >= 0) & (row < file.height) & (column >= 0) & (column < file.width)
        # Pixel by pixel, because the raster may cover the Earth and the points a valley; GDAL keeps the blocks.
        for number in np.flatnonzero(inside):
            first, start = int(row[number]), int(column[number])
            stored = raster.read(first, first + 1, start, start + 1)
            values[number] = np.ma.filled(stored.astype(float) * raster.scale + raster.offset, np.nan)[0, 0]
    return values


def match_points(
    points: pd.DataFrame, maps: Mapping[str, ComparedMap], path: str | Path, method: str = "detail"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Field points and any number of maps at the same pixels of 1 km, a row a pixel, and the points left out.

    `points` is what `field_points` returns; the first map decides which of them lie in the region. Only points where
    every map has a value count. Those in one pixel of the global 1 km grid are averaged: pixel (r, row, c, column), id
    (of all of them, with semicolons), points and measurements (their numbers), longitude and latitude (of the pixel's
    centre), observed, then the maps, in m³/m³ or, relative ones, percent (a raster on another grid is read at each
    point). The others come with the columns `UNUSED`, whose reason names the maps without a value; `method` makes the
    map.

    Raises `InputError` when no point lies in the region, or for a map of `compare` without a value at those that do, or
    with values that are no soil moisture.
    """
    points = points.reset_index(drop=True)
    values = {column: source.read(points) for column, source in maps.items()}
    table = pd.DataFrame(values, index=points.index)
    inside = table.iloc[:, 0].notna()
    if len(points) and not inside.any():
        refuse_outside(points, path, "the mapped region")
    for column, source in maps.items():
        if source.name and len(points):
            _check_compared(source, table[column], inside)
    gaps = table.isna()
    return _average_pixels(points, table[~gaps.any(axis=1)]), _unmatched_points(points, gaps, method)


def point_counts(measured: int, unmeasured: int, pixels: pd.DataFrame, unmatched: pd.DataFrame) -> dict[str, Any]:
    """What became of all field points, by reason (`counts.balanced`).

    `measured` and `unmeasured` are numbers of points that `field_points` returns, `pixels` and `unmatched` what
    `match_points` makes of the first.
    """
    outside = int((unmatched["reason"] == OUTSIDE).sum())
    reasons = {UNMEASURED: unmeasured, OUTSIDE: outside, "no value in a map": len(unmatched) - outside}
    return balanced("field points", measured + unmeasured, int(pixels["points"].sum()), reasons)


def _unmatched_points(points: pd.DataFrame, gaps: pd.DataFrame, method: str) -> pd.DataFrame:
    """Field points at which some map has a gap: `UNUSED`, with the maps' names as reason."""
    names = np.array([map_label(column, method) for column in gaps])
    frame = points[[*UNUSED[:3]]].assign(
        reason=[OUTSIDE if row[0] else f"no value in: {'; '.join(names[row])}" for row in gaps.to_numpy()]
    )
    return frame[gaps.any(axis=1)]


def _check_compared(source: ComparedMap, values: pd.Series, inside: pd.Series) -> None:
    """Raise `InputError` for values at the points that are no soil moisture, or none at those inside the region."""
    named = f"`compare`: {source.name} ({source.path}, band {source.band or 1})"
    if values[inside].isna().all():
        where = f"any of the {inside.sum()} field points in the mapped region"
        raise InputError(f"{named} has no value at {where}: give a raster of this region, or leave it out.")
    low, high, largest = values.min(), values.max(), LARGEST["percent" if source.relative else "m3/m3"]
    if low < 0 or high > largest:
        unit = "percent of saturation" if source.relative else "soil moisture in m³/m³"
        raise InputError(
            f"{named} goes from {low:g} to {high:g} at the points, expected {unit}, 0 to {largest:g}; "
            f"{_advice(source, values)}"
        )


def _advice(source: ComparedMap, values: pd.Series) -> str:
    """What to do about values of a map that are no soil moisture."""
    path = source.files[0] if source.files else source.path
    with opened_raster(path, str(path), **source.how) as raster:
        stored = ((values.dropna() - raster.offset) / raster.scale).round(6).to_numpy()
        own = raster.file.scales[raster.band - 1], raster.file.offsets[raster.band - 1]
        unit = raster.file.units[raster.band - 1] or "none"
        if fill := raster.undeclared_fill(stored):
            return f"declare its fill value as nodata (gdal_edit.py -a_nodata): it {fill}"
    stands = f"the stored numbers go from {stored.min():g} to {stored.max():g}"
    from_percent = "" if source.relative else " (0.01 from percent)"
    return (
        f"correct `scale`{from_percent} and `offset`: {stands}, multiplied by {raster.scale:g} with "
        f"{raster.offset:g} added; the file's own scale is {own[0]:g}, its offset {own[1]:g}, its unit {unit}."
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
