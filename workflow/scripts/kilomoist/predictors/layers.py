"""Static layers: rasters of the user's on any grid that do not change with the month, warped to the 1 km pixels.

GDAL's `average` takes an axis-parallel box in the raster's own grid, weighted by the part of each source pixel in it.
On grids whose axes point about north and east (longitude and latitude, UTM, most national grids) that box is the pixel;
on sheared grids (the sinusoidal grid far from its meridian) it is larger: see `footprints`.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject, transform, transform_bounds
from rasterio.windows import Window as RasterWindow

from kilomoist.errors import InputError
from kilomoist.grids import CELL_SIDE, EASE_CRS, M01, Window, geographic_from_ease, signed_longitude
from kilomoist.products import TERRAIN
from kilomoist.rasters import Bands
from kilomoist.regions import on_globe

MIN_COVER = 0.5
"""Share of a pixel's area that must have a value for the pixel to have it, as of MODIS."""
FILLS = {
    *(-9999.0, -99999.0, -32768.0, -32767.0, 32767.0, 65535.0, -(2.0**31), 2.0**31 - 1),
    *(float(np.float32(number)) for number in (-3.4028235e38, 3.4028235e38, 9.969209968386869e36)),
}
"""Numbers that mean "no value" in so many files that, as a raster's smallest or largest number, they must."""
_SOURCE_PIXELS = 1_000_000
"""Pixels of a raster that are warped at once: bounds memory, however fine the raster is."""
_MAX_SIDE = 216
"""Pixels of 1 km along a side that are warped at once, of a coarse raster."""


@dataclass(frozen=True)
class StaticLayer:
    """A raster of the user's with one band."""

    name: str
    path: Path
    resampling: Literal["average", "mode"]

    @property
    def key(self) -> str:
        return f"`predictors.layers.{self.name}` is {self.path}"


def check_layer(layer: StaticLayer, region: str = "", area: shapely.Geometry | None = None) -> None:
    """Raise `InputError` when a layer's file cannot be used, or does not reach over all of an area in degrees."""
    if Path(layer.path).is_dir():
        raise InputError(f"{layer.key}, which is a folder: give one file, for example made by gdal_translate.")
    with _opened(layer) as raster:
        if raster.count != 1:
            raise InputError(
                f"{layer.key}, which has {raster.count} bands where one is expected: "
                f"take one of them out, for example by gdal_translate -b 1 {layer.path} {layer.name}.tif."
            )
        if raster.crs is None:
            raise InputError(
                f"{layer.key}, which has no CRS: assign the one it was made in, "
                f"for example by gdal_edit.py -a_srs EPSG:4326 {layer.path}."
            )
        if raster.transform.is_identity:
            raise InputError(
                f"{layer.key}, which does not say where it lies (it has no geotransform): "
                f"give its corners, for example by gdal_edit.py -a_ullr WEST NORTH EAST SOUTH {layer.path}."
            )
        if area is not None and not _covers(raster, area):
            west, south, east, north = area.bounds
            raise InputError(
                f"{layer.key}, which does not reach over all of region {region} "
                f"({signed_longitude(west):g} to {signed_longitude(east):g}° E, {south:g} to {north:g}° N) but from "
                f"{_extent(raster)}: take a raster that covers the region, or a smaller region."
            )


def _covers(raster: Any, area: shapely.Geometry) -> bool:
    """True where the border of an area in degrees lies in a raster, to within half a pixel of it."""
    points = shapely.get_coordinates(shapely.segmentize(on_globe(area), 0.05))  # degrees
    # A hair's breadth within, so that a border at 180° is on one side of it.
    points[:, 0] = np.clip(points[:, 0], -180 + 1e-9, 180 - 1e-9)
    try:
        places = ~raster.transform @ np.array(transform("EPSG:4326", raster.crs, *points.T))
    except RasterioError:
        return False
    size = np.array([raster.width, raster.height])
    with np.errstate(invalid="ignore"):
        return bool((np.abs(np.stack(places, axis=-1) - size / 2) <= size / 2 + 0.5).all())


def _extent(raster: Any) -> str:
    """Bounds of a raster in degrees, or in its own coordinates where these have none."""
    west, south, east, north = raster.bounds
    try:
        west, south, east, north = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
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
    with _opened(layer) as raster:
        corners = transform(EASE_CRS, raster.crs, [left, right, right, left], [top, top, bottom, bottom])
        size = shapely.Polygon(np.column_stack(~raster.transform @ np.array(corners))).area  # in its own pixels
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


def _warp_tile(layer: StaticLayer, raster: Any, tile: Window, finer: bool) -> NDArray[np.float64]:
    result = np.full(tile.shape, np.nan)
    (left, right), (top, bottom) = M01.x_edges(tile)[[0, -1]], M01.y_edges(tile)[[0, -1]]
    west, south, east, north = transform_bounds(EASE_CRS, raster.crs, left, bottom, right, top)
    columns, rows = ~raster.transform @ np.array([[west, east, east, west], [north, north, south, south]])
    # Interpolation looks one pixel further than the tile reaches.
    first, last = max(int(rows.min()) - 2, 0), min(int(rows.max()) + 3, raster.height)
    start, end = max(int(columns.min()) - 2, 0), min(int(columns.max()) + 3, raster.width)
    if first >= last or start >= end:
        return result
    window = RasterWindow(start, first, end - start, last - first)
    stored = raster.read(1, window=window, masked=True)
    valid = ~np.ma.getmaskarray(stored) & np.isfinite(stored.data)
    values = np.where(valid, stored.data, 0).astype(float)
    for number in (values[valid].min(initial=np.inf), values[valid].max(initial=-np.inf)):
        if number in FILLS:
            said = "no nodata value" if raster.nodata is None else f"the nodata value {raster.nodata:g}"
            raise InputError(
                f"{layer.key}, which holds {number:g} but says {said}: if that stands for missing values, say so in "
                f"the file, for example by gdal_edit.py -a_nodata {number:g} {layer.path}."
            )
    if layer.resampling == "average":
        values = np.where(valid, values * raster.scales[0] + raster.offsets[0], 0)

    def warped(array: NDArray, resampling: Resampling, nodata: float | None = None) -> NDArray:
        return reproject(
            array,
            np.zeros((len(array), *tile.shape)),
            src_transform=raster.window_transform(window),
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


@contextmanager
def _opened(layer: StaticLayer) -> Iterator[Any]:
    try:
        with warnings.catch_warnings():  # of a raster that lies nowhere `check_layer` tells
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            raster = rasterio.open(layer.path)
        with raster:
            yield raster
    except RasterioIOError as error:
        raise InputError(f"{layer.key}, which cannot be read as a raster ({error}): try it with gdalinfo.") from error
