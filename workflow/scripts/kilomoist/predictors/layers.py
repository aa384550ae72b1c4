"""Static layers: rasters of the user's on any grid that do not change with the month, warped to the 1 km pixels.

GDAL's `average` takes an axis-parallel box in the raster's own grid, weighted by the part of each source pixel in it.
On grids whose axes point about north and east (longitude and latitude, UTM, most national grids) that box is the pixel;
on sheared grids (the sinusoidal grid far from its meridian) it is larger: see `footprints`.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject, transform, transform_bounds

from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, EASE_CRS, M01, Window, geographic_from_ease, signed_longitude
from kilomoist.products import TERRAIN
from kilomoist.rasters import Bands
from kilomoist.regions import on_globe
from kilomoist.user_rasters import UserRaster, opened_raster

MIN_COVER = 0.5
"""Share of a pixel's area that must have a value for the pixel to have it, as of tiled products."""
_SOURCE_PIXELS = 1_000_000
"""Pixels of a raster that are warped at once: bounds memory, however fine the raster is."""
_MAX_SIDE = 216
"""Pixels of 1 km along a side that are warped at once, of a coarse raster."""
_LOOKED_AT = 4_000_000
"""Pixels of a raster that are looked at in a moment, before the first job."""


@dataclass(frozen=True)
class StaticLayer:
    """Band of a raster of the user's; scale and offset are the file's own, unless they are given."""

    name: str
    path: Path
    resampling: Literal["average", "mode"]
    variable: str | None = None
    band: int | None = None
    scale: float | None = None
    offset: float | None = None

    @property
    def key(self) -> str:
        return f"`predictors.layers.{self.name}` is {self.path}, which"

    def opened(self) -> AbstractContextManager[UserRaster]:
        """The open raster. Raises `InputError`."""
        how = {"variable": self.variable, "band": self.band, "scale": self.scale, "offset": self.offset}
        return opened_raster(self.path, self.key, **how)  # type: ignore[arg-type]


def check_layer(layer: StaticLayer, region: str = "", area: shapely.Geometry | None = None) -> None:
    """Raise `InputError` when a layer's file cannot be used, or does not reach over all of an area in degrees."""
    with layer.opened() as raster:
        if area is None:
            return
        places = _border(raster, area)
        size = np.array([raster.file.width, raster.file.height])
        with np.errstate(invalid="ignore"):
            covers = (np.abs(places - size / 2) <= size / 2 + 0.5).all()  # to within half a pixel
        if not covers:
            west, south, east, north = area.bounds
            raise InputError(
                f"{layer.key} does not reach over all of region {region} "
                f"({signed_longitude(west):g} to {signed_longitude(east):g}° E, {south:g} to {north:g}° N) but from "
                f"{_extent(raster)}: take a raster that covers the region, or a smaller region."
            )
        start, first = np.clip(np.floor(places.min(axis=0)), 0, size - 1).astype(int)
        end, last = np.clip(np.ceil(places.max(axis=0)), (start + 1, first + 1), size).astype(int)
        if (end - start) * (last - first) <= _LOOKED_AT:
            _refuse_fill(layer, raster, raster.read(first, last, start, end).compressed())


def _refuse_fill(layer: StaticLayer, raster: UserRaster, stored: NDArray) -> None:
    told = raster.undeclared_fill(stored[np.isfinite(stored)], layer.resampling == "mode")
    if told:
        raise InputError(f"{layer.key} {told}")


def _border(raster: UserRaster, area: shapely.Geometry) -> NDArray[np.float64]:
    """Columns and rows of a raster at the border of an area in degrees, (points, 2); NaN beyond its CRS."""
    points = shapely.get_coordinates(shapely.segmentize(on_globe(area), 0.05))  # degrees
    # A hair's breadth within, so that a border at 180° is on one side of it.
    points[:, 0] = np.clip(points[:, 0], -180 + 1e-9, 180 - 1e-9)
    try:
        columns, rows = ~raster.file.transform @ np.array(transform("EPSG:4326", raster.crs, *points.T))
    except RasterioError:
        return np.full(points.shape, np.nan)
    return np.stack([columns - raster.turned(columns), rows], axis=-1)


def _extent(raster: UserRaster) -> str:
    """Bounds of a raster in degrees, or in its own coordinates where these have none."""
    west, south, east, north = raster.file.bounds
    try:
        west, south, east, north = transform_bounds(raster.crs, "EPSG:4326", *raster.file.bounds)
    except Exception:  # GDAL and PROJ have many ways to refuse, and this only tells where the raster is
        return f"{west:g} to {east:g} and {south:g} to {north:g} in its own CRS"
    return f"{west:.4g} to {east:.4g}° E and {south:.4g} to {north:.4g}° N"


def stack_layers(layers: Sequence[StaticLayer], use: Sequence[str], cells: Window, region: Window) -> Bands:
    """Layers of `use`, and terrain in it, on the pixels of a window of cells.

    Returns float32 bands (rows × 9, columns × 9) in the order of `use`, NaN where less than half of a pixel has a
    value. Raises `InputError` when a layer holds numbers that are no values. `region` is as of `warp_layer`.
    """
    window = cells.refined(CELL_SIDE)
    bands: Bands = {}
    for layer in layers:
        if layer.name == "elevation" and set(use) & set(TERRAIN):
            # Slopes at the edge of a block need the pixels beside it.
            around = Window(window.row - 1, window.column - 1, window.rows + 2, window.columns + 2)
            elevation = warp_layer(layer, around, region)
            bands |= terrain(elevation, window)
            bands["elevation"] = elevation[1:-1, 1:-1]
        else:
            bands[layer.name] = warp_layer(layer, window, region)
    return {name: bands[name] for name in use if name in bands}


def terrain(elevation: NDArray, window: Window) -> Bands:
    """Slope (degrees), northness and eastness, the horizontal part of the ground's unit normal, over an M01 window.

    `elevation` (m) is of the window and a pixel around it, (rows + 2, columns + 2). The normal's horizontal part is
    sin(slope) in the direction in which the ground falls: unlike an angle it can be averaged, and flat ground has 0.
    Gradients are Horn's (1981, doi 10.1109/PROC.1981.11918), over the pixels' sizes on the ground: a pixel at latitude
    φ is k·cos φ / √(1 − e² sin² φ) times its side wide, and as much shorter as it keeps its area (Snyder 1987, doi
    10.3133/pp1395, eq. 10-1 and 10-13). A missing neighbour continues the line from the opposite neighbour.
    """
    middle = elevation[1:-1, 1:-1]
    rows, columns = middle.shape

    def height(down: int, right: int) -> NDArray[np.floating]:
        here, opposite = (
            elevation[1 + side * down : 1 + side * down + rows, 1 + side * right : 1 + side * right + columns]
            for side in (1, -1)
        )
        return np.where(np.isfinite(here), here, 2 * middle - np.where(np.isfinite(opposite), opposite, middle))

    latitude = np.radians(geographic_from_ease(np.zeros(rows), np.clip(M01.y_centres(window), -M01.top, M01.top))[1])
    squared = 0.00669437999014  # e² of WGS 84
    standard = np.cos(np.radians(30)) / np.sqrt(1 - squared * 0.25)  # EPSG:6933's parallel of true scale
    width = M01.side * (np.cos(latitude) / np.sqrt(1 - squared * np.sin(latitude) ** 2) / standard)[:, None]
    weights = ((-1, 1), (0, 2), (1, 1))
    east = sum(weight * (height(n, 1) - height(n, -1)) for n, weight in weights) / (8 * width)
    length = M01.side**2 / width
    north = sum(weight * (height(-1, n) - height(1, n)) for n, weight in weights) / (8 * length)
    steep = np.where(np.isfinite(middle), np.hypot(east, north), np.nan)
    bands = {"slope": np.degrees(np.arctan(steep))}
    bands |= {"northness": -north / np.hypot(1, steep), "eastness": -east / np.hypot(1, steep)}
    return {name: band.astype(np.float32) for name, band in bands.items()}


def warp_layer(layer: StaticLayer, window: Window, region: Window) -> NDArray[np.float32]:
    """A layer on the pixels of an M01 window: means over them, interpolated where the raster is coarser than 1 km.

    `mode` gives the number that covers most of a pixel. The middle of `region`, a window of cells, tells which it is.
    """
    pixels = region.refined(CELL_SIDE)
    middle = Window(pixels.row + pixels.rows // 2, (pixels.column + pixels.columns // 2) % M01.columns, 1, 1)
    (left, right), (top, bottom) = M01.x_edges(middle), M01.y_edges(middle)
    result = np.full(window.shape, np.nan, np.float32)
    with layer.opened() as raster:
        corners = transform(EASE_CRS, raster.crs, [left, right, right, left], [top, top, bottom, bottom])
        size = shapely.Polygon(np.column_stack(~raster.file.transform @ np.array(corners))).area  # in its own pixels
        side = max(1, min(_MAX_SIDE, int(np.sqrt(_SOURCE_PIXELS / size))))
        for piece, columns in M01.on_globe(window):
            # Tiles begin at multiples of their side, so that a pixel is the same in whatever block it lies.
            for row in range(max(piece.row, 0) // side * side, min(piece.row + piece.rows, M01.rows), side):
                for column in range(piece.column // side * side, piece.column + piece.columns, side):
                    tile = Window(row, column, min(side, M01.rows - row), min(side, M01.columns - column))
                    values = _warp_tile(layer, raster, tile, finer=size >= 1)
                    if both := tile.overlap(piece):
                        result[:, columns][both.within(piece)] = values[both.within(tile)]
    return result


def _warp_tile(layer: StaticLayer, raster: UserRaster, tile: Window, finer: bool) -> NDArray[np.float64]:
    result = np.full(tile.shape, np.nan)
    (left, right), (top, bottom) = M01.x_edges(tile)[[0, -1]], M01.y_edges(tile)[[0, -1]]
    west, south, east, north = transform_bounds(EASE_CRS, raster.crs, left, bottom, right, top)
    columns, rows = ~raster.file.transform @ np.array([[west, east, east, west], [north, north, south, south]])
    turned = raster.turned(columns.mean())
    columns -= turned
    # Interpolation looks one pixel further than the tile reaches.
    first, last = max(int(rows.min()) - 2, 0), min(int(rows.max()) + 3, raster.file.height)
    start, end = int(columns.min()) - 2, int(columns.max()) + 3
    if not raster.round_the_globe:
        start, end = max(start, 0), min(end, raster.file.width)
    if first >= last or start >= end:
        return result
    stored = raster.read(first, last, start, end)
    valid = ~np.ma.getmaskarray(stored) & np.isfinite(stored.data)
    values = np.where(valid, stored.data, 0).astype(float)
    _refuse_fill(layer, raster, values[valid])
    if layer.resampling == "average":
        values = np.where(valid, values * raster.scale + raster.offset, 0)

    def warped(array: NDArray, resampling: Resampling, nodata: float | None = None) -> NDArray:
        return reproject(
            array,
            np.zeros((len(array), *tile.shape)),
            src_transform=raster.file.transform @ Affine.translation(start + turned, first),
            src_crs=raster.crs,
            src_nodata=nodata,
            dst_transform=Affine(*M01.transform(tile)),
            dst_crs=EASE_CRS,
            dst_nodata=nodata,
            resampling=resampling,
        )[0]

    # Missing values are 0 here: both sums are linear, and their ratio is the mean of those that are there.
    means = Resampling.average if finer else Resampling.bilinear
    total, share = warped(np.stack([values, valid.astype(float)]), means)
    covered = share >= MIN_COVER
    if layer.resampling == "mode":
        (most,) = warped(np.where(valid, values, np.nan)[None], Resampling.mode, np.nan)
        return np.where(covered, most, np.nan)
    return np.divide(total, share, out=result, where=covered)
