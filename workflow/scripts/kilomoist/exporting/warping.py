"""Rasters of a run in another coordinate reference system and resolution, warped once from the analysis grid."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import aligned_target, calculate_default_transform, reproject

from kilomoist.errors import InputError
from kilomoist.grids import Grid, Window
from kilomoist.mapping.flags import colour_table
from kilomoist.quality_flags import FLAGS
from kilomoist.rasters import TILE, raster_chunks

MOST = 250_000_000
"""Pixels of a raster in another CRS: at 1 km more than twice the land of the Earth."""
_ROWS = 2 * TILE
"""Rows that are warped at once, which bounds memory whatever the resolution."""
_LARGEST_DEGREES = 5
"""Degrees that a pixel may have: larger numbers are metres."""


def check_target(crs: str, resolution: float | None) -> None:
    """Raise `InputError` for a CRS that nobody knows, and for a resolution in another unit than its own."""
    import pyproj

    try:
        target = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise InputError(
            f"`export.crs` is {crs}, which PROJ does not know: expected a code such as EPSG:32648."
        ) from None
    if resolution and target.is_geographic and resolution > _LARGEST_DEGREES:
        raise InputError(
            f"`export.resolution` is {resolution:g}, but `export.crs` ({target.name}) is in degrees: give degrees, for "
            "example 0.01, or a CRS in metres."
        )
    if resolution and target.is_projected and resolution < 1:
        raise InputError(
            f"`export.resolution` is {resolution:g}, but `export.crs` ({target.name}) is in metres: give metres, for "
            "example 1000, or a CRS in degrees."
        )


def warp_raster(path: str | Path, target: str | Path, crs: str, resolution: float | None) -> None:
    """Write a raster of the run in a CRS, on pixels that lie at multiples of the resolution (None: about its own).

    Floating-point bands are averaged where pixels become larger, and interpolated between the four nearest where they
    do not; flags are those of the nearest pixel.
    """
    with rasterio.open(path) as file:
        flags = not np.issubdtype(file.dtypes[0], np.floating)
        grid = _target_grid(file, crs, resolution)
        how = _resampling(file, grid, flags)
        bands, place = dict(zip(file.descriptions, file.read(), strict=True)), (file.transform, file.crs)
        units = dict(zip(file.descriptions, file.units, strict=True))
        tags = {name: text for name, text in file.tags().items() if name != "AREA_OR_POINT"}
    tags["warped"] = f"once from {Path(path).name}, EASE-Grid 2.0 (EPSG:6933), by {how.name}"
    colours = colour_table(tags.get("reconciled") != "no") if flags else None
    with raster_chunks(target, grid, grid.window, tags, units, cloud_optimized=True, colours=colours) as raster:
        for row in range(0, grid.rows, _ROWS):
            chunk = Window(row, 0, min(_ROWS, grid.rows - row), grid.columns)
            raster.write({name: _warped(band, place, grid, chunk, how) for name, band in bands.items()}, chunk)


def _target_grid(file: rasterio.DatasetReader, crs: str, resolution: float | None) -> Grid:
    place = file.crs, crs, file.width, file.height
    try:
        transform, width, height = calculate_default_transform(*place, *file.bounds, resolution=resolution)
    except rasterio.errors.CRSError as error:
        raise InputError(f"`export.crs` is {crs}, which the map cannot be brought to ({error}).") from error
    if resolution:
        transform, width, height = aligned_target(transform, width, height, resolution)
    if width * height > MOST:
        raise InputError(
            f"`export.resolution` is {resolution}: with pixels of {transform.a:g} the map has {width} × {height} in "
            f"{crs}, expected at most {MOST // 10**6} million: give larger pixels, in the unit of the CRS."
        )
    return Grid(crs, transform.c, transform.f, transform.a, height, width)


def _resampling(file: rasterio.DatasetReader, grid: Grid, flags: bool) -> Resampling:
    """How pixels get their values: a mean of what they cover, where they cover more than one."""
    if flags:
        return Resampling.nearest
    own, _, _ = calculate_default_transform(file.crs, grid.crs, file.width, file.height, *file.bounds)
    return Resampling.average if grid.side > 1.01 * own.a else Resampling.bilinear


def _warped(band: NDArray[Any], place: tuple[Affine, CRS], grid: Grid, chunk: Window, how: Resampling) -> NDArray[Any]:
    """A chunk of a grid of a band at a `place`; NaN, or of flags what only says `no value`, where the band is not."""
    flags = how == Resampling.nearest
    result = np.full(chunk.shape, 1 << FLAGS["no_value"].bit if flags else np.nan, band.dtype)
    nothing = {"init_dest_nodata": False} if flags else {"src_nodata": np.nan, "dst_nodata": np.nan}
    transform, crs = place
    reproject(
        band,
        result,
        src_transform=transform,
        src_crs=crs,
        dst_transform=Affine(*grid.transform(chunk)),
        dst_crs=grid.crs,
        resampling=how,
        tolerance=0,  # places are computed, not interpolated: chunks fit together
        **nothing,
    )
    return result
