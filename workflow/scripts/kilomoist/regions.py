"""Regions: their outline, tiles, cells, blocks and pixels."""

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity

from kilomoist import grids
from kilomoist.errors import InputError
from kilomoist.grids import M01, Box, Window
from kilomoist.outlines import read_outline

_MAX_SEGMENT = 0.02
"""Degrees: straight lines in longitude and latitude are curves in the grids, so areas are densified first."""
_MIN_TILE_AREA = (grids.TILE_SIDE / 1200) ** 2
"""m²: a tile that holds less of a region than one LST pixel is not needed."""


def on_globe(area: shapely.Geometry) -> shapely.Geometry:
    """An area in degrees with what lies beyond ±180 (as far as ±360) moved by a turn, to where it is within."""
    west, _, east, _ = area.bounds
    if (west >= -180 and east <= 180) or west < -360 or east > 360:
        return area
    return shapely.union_all([_moved(area, turn - 180, turn + 180, -turn) for turn in (-360, 0, 360)])


def _in_one_piece(area: shapely.Geometry) -> shapely.Geometry:
    """An area within ±180° with its negative longitudes counted on beyond 180, where that makes it narrower."""
    west, _, east, _ = area.bounds
    if east - west <= 180:  # at least half a turn would remain
        return area
    joined = shapely.union(_moved(area, 0, 180, 0), _moved(area, -180, 0, 360))
    left, _, right, _ = joined.bounds
    return joined if right - left < east - west else area


def _moved(area: shapely.Geometry, west: float, east: float, shift: float) -> shapely.Geometry:
    """The part of an area between two longitudes, moved in longitude."""
    _, south, _, north = area.bounds
    cut = shapely.intersection(area, shapely.box(west, south, east, north))
    return affinity.translate(cut.buffer(0), shift)  # without the lines where an area only touches the cut


def region_area(
    bbox: Box | None, outline: str | Path | None = None, name: str = "", layer: str | None = None
) -> shapely.Geometry:
    """The region in degrees: its box, its outline (a layer of a vector file), or their intersection.

    A region across 180° is in one piece, with longitudes from 0 to 360, if that is narrower. Raises `InputError` when
    box and outline share nothing, and for what lies beyond the grid.
    """
    areas = []
    if bbox:
        west, south, east, north = bbox
        areas.append(shapely.box(west, south, east + 360 if west > east else east, north))
    if outline:
        areas.append(read_outline(outline, layer).area)
    area = shapely.intersection_all([on_globe(part) for part in areas])
    if area.area == 0:
        raise InputError(f"region {name}: bbox {list(bbox or [])} and outline {outline} share no area: change either.")
    west, south, east, north = area.bounds
    if south < -grids.MAX_LATITUDE or north > grids.MAX_LATITUDE:
        hint = "they look swapped" if abs(north) <= 180 else "they look like metres: is the CRS right?"
        raise InputError(
            f"region {name} reaches from {south:g}° to {north:g}° latitude, the grid ends at ±85°; "
            f"if that is not meant, look at the coordinates{f' of {outline}' if outline else ''}: {hint}."
        )
    if west < -180 or east > 180:
        raise InputError(
            f"region {name} reaches from {west:g}° to {east:g}° longitude: longitudes lie between -360 and 360 degrees."
        )
    return _in_one_piece(area)


def tiles_of(area: shapely.Geometry) -> list[str]:
    """Tiles that share more with an area in degrees than one LST pixel, in order of name."""
    outline = projected(area, grids.sinusoidal_from_geographic).buffer(0)
    west, south, east, north = (int(bound // grids.TILE_SIDE) for bound in outline.bounds)
    tiles = []
    for h in range(west + 18, east + 19):
        for v in range(8 - north, 9 - south):
            square = shapely.box(*(number * grids.TILE_SIDE for number in (h - 18, 8 - v, h - 17, 9 - v)))
            if outline.intersection(square).area > _MIN_TILE_AREA:
                tiles.append(f"h{h:02d}v{v:02d}")
    return tiles


def blocks_of(cells: Window, side: int) -> dict[str, Window]:
    """Blocks of at most `side` × `side` of a region's cells, by name, from the north-west corner.

    They differ by no more than a row and a column of cells, so that jobs of blocks end together.
    """
    return {
        f"r{row:03d}c{column:03d}": Window(cells.row + top, cells.column + left, bottom - top, right - left)
        for row, (top, bottom) in enumerate(_parts(cells.rows, side))
        for column, (left, right) in enumerate(_parts(cells.columns, side))
    }


def _parts(length: int, longest: int) -> list[tuple[int, int]]:
    """Start and end of the fewest parts of at most `longest` into which `length` is cut evenly."""
    number = math.ceil(length / longest)
    ends = [length * part // number for part in range(number + 1)]
    return list(pairwise(ends))


def pixels_inside(area: shapely.Geometry, cells: Window) -> NDArray[np.bool_]:
    """Pixels of an M09 window whose centre lies in an area in degrees, (rows × 9, columns × 9)."""
    from rasterio.features import geometry_mask  # imported here because plans need this module, but no rasters
    from rasterio.transform import Affine

    window = cells.refined(grids.CELL_SIDE)
    outline = projected(area, grids.ease_from_geographic)
    pieces = [(piece.shape, Affine(*M01.transform(piece))) for piece, _ in M01.on_globe(window)]
    return np.hstack([geometry_mask([outline], *place, invert=True) for place in pieces])


def projected(area: shapely.Geometry, project: Callable[..., tuple[NDArray, NDArray]]) -> shapely.Geometry:
    """An area in degrees in the coordinates of a grid."""
    outline = shapely.segmentize(on_globe(area), _MAX_SEGMENT)
    return shapely.transform(outline, lambda points: np.column_stack(project(*points.T)))
