"""Grids: EASE-Grid 2.0, on which maps are made, and the sinusoidal grid of MODIS.

Coordinates follow from the constants of the grids' definitions: Brodzik et al. 2012, doi 10.3390/ijgi1010032, and 2014
(correction), doi 10.3390/ijgi3031154; MODIS Land Team, https://modis-land.gsfc.nasa.gov/MODLAND_grid.html.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; west > east is a box across 180°."""
EASE_CRS = "EPSG:6933"
MAX_LATITUDE = 85.0
"""EASE-Grid 2.0 global ends at 85.04° north and south."""
SPHERE_RADIUS = 6371007.181
"""Radius of the MODIS sphere in m."""
SINUSOIDAL_CRS = f"+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={SPHERE_RADIUS} +units=m +no_defs"
TILE_SIDE = 2 * math.pi * SPHERE_RADIUS / 36
"""Side of a tile of the MODIS sinusoidal grid in m (10° of the sphere's equator)."""
CELL_SIDE = 9
"""Pixels (1 km) along a side of a cell (9 km)."""
COARSE_SIDE = 4
"""Cells (9 km) along a side of a coarse cell (36 km)."""


@dataclass(frozen=True)
class Window:
    """Half-open ranges of rows and columns of a grid."""

    row: int
    column: int
    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns

    def refined(self, factor: int) -> "Window":
        """The same area on a grid whose pixels are `factor` times smaller."""
        return Window(self.row * factor, self.column * factor, self.rows * factor, self.columns * factor)

    def coarsened(self, factor: int) -> "Window":
        """The same area on a grid whose pixels are `factor` times larger. Raises ValueError unless it fits exactly."""
        coarse = Window(self.row // factor, self.column // factor, self.rows // factor, self.columns // factor)
        if coarse.refined(factor) != self:
            raise ValueError(f"{self} does not consist of whole cells of {factor}")
        return coarse

    def overlap(self, other: "Window") -> "Window | None":
        """The window that two windows of a grid share; None where they share nothing."""
        row, column = max(self.row, other.row), max(self.column, other.column)
        rows = min(self.row + self.rows, other.row + other.rows) - row
        columns = min(self.column + self.columns, other.column + other.columns) - column
        return Window(row, column, rows, columns) if rows > 0 and columns > 0 else None

    def within(self, outer: "Window") -> tuple[slice, slice]:
        """Slices that cut this window out of an array over `outer`."""
        row, column = self.row - outer.row, self.column - outer.column
        if row < 0 or column < 0 or row + self.rows > outer.rows or column + self.columns > outer.columns:
            raise ValueError(f"{self} does not lie inside {outer}")
        return slice(row, row + self.rows), slice(column, column + self.columns)

    def pieces(self, rows: int, columns: int) -> "Iterator[Window]":
        """Windows of rows × columns, row by row from the north-west corner; the last ones are what is left."""
        for row in range(0, self.rows, rows):
            for column in range(0, self.columns, columns):
                shape = min(rows, self.rows - row), min(columns, self.columns - column)
                yield Window(self.row + row, self.column + column, *shape)


@dataclass(frozen=True)
class Grid:
    """A north-up grid of square pixels: upper-left corner and pixel side in m, in `crs`."""

    crs: str
    left: float
    top: float
    side: float
    rows: int
    columns: int

    @property
    def window(self) -> Window:
        """The whole grid."""
        return Window(0, 0, self.rows, self.columns)

    def transform(self, window: Window | None = None) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients (a, b, c, d, e, f) of a window, by default of the whole grid."""
        row, column = (window.row, window.column) if window else (0, 0)
        return self.side, 0.0, self.left + column * self.side, 0.0, -self.side, self.top - row * self.side

    def cut(self, window: Window) -> "Grid":
        """The grid of a window alone."""
        _, _, left, _, _, top = self.transform(window)
        return replace(self, left=left, top=top, rows=window.rows, columns=window.columns)

    def x_edges(self, window: Window) -> NDArray[np.floating]:
        """x of the `columns + 1` edges of a window's columns."""
        return self.left + (window.column + np.arange(window.columns + 1)) * self.side

    def y_edges(self, window: Window) -> NDArray[np.floating]:
        return self.top - (window.row + np.arange(window.rows + 1)) * self.side

    def x_centres(self, window: Window) -> NDArray[np.floating]:
        return self.left + (window.column + np.arange(window.columns) + 0.5) * self.side

    def y_centres(self, window: Window) -> NDArray[np.floating]:
        return self.top - (window.row + np.arange(window.rows) + 0.5) * self.side

    def locate(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the pixels that hold the points (x, y)."""
        row = np.floor((self.top - np.asarray(y, float)) / self.side).astype(np.int64)
        column = np.floor((np.asarray(x, float) - self.left) / self.side).astype(np.int64)
        return row, column

    def on_globe(self, window: Window) -> Iterator[tuple[Window, slice]]:
        """Pieces of a window of a grid round the Earth within the grid, each with its columns in the window.

        A window across 180° goes on beyond the grid's last column, which the first follows.
        """
        done = 0
        while done < window.columns:
            column = (window.column + done) % self.columns
            columns = min(window.columns - done, self.columns - column)
            yield replace(window, column=column, columns=columns), slice(done, done + columns)
            done += columns


M09 = Grid(EASE_CRS, -17367530.4451615, 7314540.8306386, 9008.055210146, 1624, 3856)
"""Cells: EASE-Grid 2.0 global, 9 km."""
M01 = replace(M09, side=M09.side / CELL_SIDE, rows=M09.rows * CELL_SIDE, columns=M09.columns * CELL_SIDE)
"""Pixels: EASE-Grid 2.0 global, 1 km; a cell is exactly 9 × 9 pixels."""
EASE_WIDTH = M09.columns * M09.side
"""m: once round the Earth."""
EASE_CRS_ACROSS = f"+proj=cea +lat_ts=30 +lon_0=180 +x_0={EASE_WIDTH / 2} +datum=WGS84 +units=m +no_defs"
"""The same coordinates, from 0° to 360° E: for GDAL and PROJ, `EASE_CRS` ends at 180°."""


def _transformer(source: str, target: str) -> Any:
    from pyproj import Transformer  # a tenth of a second that a plan without regions can save

    return Transformer.from_crs(source, target, always_xy=True)


def ease_from_geographic(longitude: ArrayLike, latitude: ArrayLike) -> tuple[NDArray, NDArray]:
    """EASE-Grid 2.0 x, y in m of longitude, latitude in degrees (WGS 84); beyond ±180° x goes on beyond the grid."""
    longitude = np.asarray(longitude, float)
    turns = np.round(longitude / 360)  # 0 for ±180: halves are rounded to even numbers
    x, y = _transformer("EPSG:4326", EASE_CRS).transform(longitude - 360 * turns, np.asarray(latitude, float))
    return x + turns * EASE_WIDTH, y


def geographic_from_ease(x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
    """Longitude, latitude in degrees (WGS 84) of EASE-Grid 2.0 x, y in m; longitudes are within ±180."""
    return _transformer(EASE_CRS, "EPSG:4326").transform(np.asarray(x, float), np.asarray(y, float))


def sinusoidal_from_geographic(longitude: ArrayLike, latitude: ArrayLike) -> tuple[NDArray, NDArray]:
    """Sinusoidal x, y in m of longitude, latitude in degrees; as MODIS does, a geodetic latitude is the sphere's."""
    phi = np.radians(np.asarray(latitude, float))
    return SPHERE_RADIUS * np.radians(np.asarray(longitude, float)) * np.cos(phi), SPHERE_RADIUS * phi


def geographic_from_sinusoidal(x: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
    """Longitude, latitude in degrees of sinusoidal x, y in m; longitudes beyond ±180 lie outside the Earth."""
    phi = np.asarray(y, float) / SPHERE_RADIUS
    return np.degrees(np.asarray(x, float) / (SPHERE_RADIUS * np.cos(phi))), np.degrees(phi)


def on_earth(grid: Grid) -> NDArray[np.bool_]:
    """Pixels of a MODIS tile whose centre lies on the Earth, and not beyond ±180°; (rows, columns)."""
    longitude, _ = geographic_from_sinusoidal(grid.x_centres(grid.window), grid.y_centres(grid.window)[:, None])
    return np.abs(longitude) <= 180


def signed_longitude(longitude: float) -> float:
    """A longitude in degrees as people write it, above -180 and up to 180."""
    return 180 - (180 - longitude) % 360


def longitude_edges(window: Window) -> NDArray[np.float64]:
    """Longitudes of the column edges of an M01 window; a column of EASE-Grid 2.0 has one longitude."""
    return geographic_from_ease(M01.x_edges(window), np.zeros(window.columns + 1))[0]


def latitude_edges(window: Window) -> NDArray[np.float64]:
    """Latitudes of the row edges of an M01 window, north to south; a row of EASE-Grid 2.0 has one latitude."""
    return geographic_from_ease(np.zeros(window.rows + 1), M01.y_edges(window))[1]


def cells_covering(bbox: Box) -> Window:
    """The smallest M09 window that covers a box; beyond the grid's last column where east lies beyond 180°."""
    west, south, east, north = bbox
    (left, right), (bottom, top) = ease_from_geographic([west, east], [south, north])
    row, column = math.floor((M09.top - top) / M09.side), math.floor((left - M09.left) / M09.side)
    end_row, end_column = math.ceil((M09.top - bottom) / M09.side), math.ceil((right - M09.left) / M09.side)
    return Window(row, column, end_row - row, end_column - column)


def tile_indices(tile: str) -> tuple[int, int]:
    """h and v of a tile name such as `h25v04`."""
    match = re.fullmatch(r"h(\d{2})v(\d{2})", tile)
    if not match or int(match[1]) > 35 or int(match[2]) > 17:
        raise ValueError(f"{tile!r} is not a tile of the MODIS sinusoidal grid (h00v00 to h35v17)")
    return int(match[1]), int(match[2])


def tile_grid(tile: str, pixels: int) -> Grid:
    """The grid of a MODIS tile with `pixels` (1200, 2400, …) along a side."""
    h, v = tile_indices(tile)
    return Grid(SINUSOIDAL_CRS, (h - 18) * TILE_SIDE, (9 - v) * TILE_SIDE, TILE_SIDE / pixels, pixels, pixels)
