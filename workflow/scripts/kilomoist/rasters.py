"""GeoTIFFs on the grids: written whole and renamed, with described bands and the tags that say what they hold."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.windows
from numpy.typing import NDArray
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine

from kilomoist.errors import InputError
from kilomoist.files import replaced
from kilomoist.grids import EASE_CRS_ACROSS, Grid, Window


def write_raster(
    path: str | Path,
    bands: Mapping[str, NDArray[Any]],
    grid: Grid,
    window: Window,
    tags: Mapping[str, str],
    units: Mapping[str, str] | None = None,
    cloud_optimized: bool = False,
    colours: Mapping[int, tuple[int, int, int]] | None = None,
) -> None:
    """Write bands (name → array of `window.shape`, all of one dtype) as a GeoTIFF, or as a cloud-optimized one.

    Floating-point bands have NaN as nodata; integer bands have none. `units` gives the unit of bands by name, `colours`
    red, green and blue (0…255) of the values of a single uint8 band.
    """
    arrays = list(bands.values())
    dtype = arrays[0].dtype
    profile = {
        "driver": "GTiff",
        "count": len(arrays),
        "height": window.rows,
        "width": window.columns,
        "dtype": dtype,
        # Coordinates beyond 180° need a CRS that has them, or what lies there is lost to those who reproject the map.
        "crs": grid.crs if window.column + window.columns <= grid.columns else EASE_CRS_ACROSS,
        "transform": Affine(*grid.transform(window)),
        "nodata": np.nan if np.issubdtype(dtype, np.floating) else None,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "zlevel": 1,
        "interleave": "band",
        "BIGTIFF": "IF_SAFER",
    }
    with replaced(path) as partial:
        plain = partial.with_name(f"{partial.stem}-plain.tif") if cloud_optimized else partial
        try:
            with rasterio.open(plain, "w", **profile) as file:
                if colours:  # before any value: then TIFF can still become one of a palette
                    file.write_colormap(1, colours)
                for number, (name, array) in enumerate(bands.items(), start=1):
                    if array.shape != window.shape:
                        raise ValueError(f"band {name} has shape {array.shape}, its window {window.shape}")
                    file.write(array, number)
                    file.set_band_description(number, name)
                    if units and name in units:
                        file.set_band_unit(number, units[name])
                file.update_tags(**tags)
            if cloud_optimized:
                # GDAL's COG driver only copies. Flags must not be averaged on their way into overviews.
                resampling = "AVERAGE" if np.issubdtype(dtype, np.floating) else "NEAREST"
                copy_raster(plain, partial, driver="COG", compress="DEFLATE", blocksize=256, resampling=resampling)
        finally:
            if cloud_optimized:
                plain.unlink(missing_ok=True)


def read_raster(
    path: str | Path, names: Collection[str] | None = None, part: Window | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Bands by their descriptions, and the tags, of a GeoTIFF that `write_raster` wrote.

    `names` chooses bands, of those that are there; `part` rows and columns, counted from the raster's corner.
    """
    with _opened(path) as file:
        described = {name: number for number, name in enumerate(file.descriptions, start=1)}
        chosen = [name for name in described if names is None or name in names]
        window = rasterio.windows.Window(part.column, part.row, part.columns, part.rows) if part else None
        bands = file.read([described[name] for name in chosen], window=window)
        return dict(zip(chosen, bands, strict=True)), file.tags()


def read_tags(path: str | Path) -> dict[str, str]:
    """The tags of a GeoTIFF."""
    with _opened(path) as file:
        return file.tags()


def read_window(path: str | Path, band: str, grid: Grid, window: Window) -> NDArray[Any]:
    """One band over a window of a grid round the Earth, of a raster that covers it where the window lies."""
    with _opened(path) as file:
        number = file.descriptions.index(band) + 1
        values = np.empty(window.shape, file.dtypes[number - 1])
        for part, columns in grid.on_globe(window):
            row, column = part.within(_window(file, grid))
            values[:, columns] = file.read(
                number, window=(row.indices(file.height)[:2], column.indices(file.width)[:2])
            )
        return values


def mosaic(paths: Sequence[str | Path], grid: Grid) -> tuple[dict[str, NDArray[Any]], Window]:
    """Bands of rasters on one grid, put together by their places, and the window that they cover; NaN where none is."""
    parts = []
    for path in paths:
        with _opened(path) as file:
            parts.append((_window(file, grid), dict(zip(file.descriptions, file.read(), strict=True))))
    if len(parts) == 1:
        return parts[0][1], parts[0][0]
    windows = [window for window, _ in parts]
    row, column = min(window.row for window in windows), min(window.column for window in windows)
    whole = Window(
        row,
        column,
        max(window.row + window.rows for window in windows) - row,
        max(window.column + window.columns for window in windows) - column,
    )
    bands = {name: np.full(whole.shape, np.nan, band.dtype) for name, band in parts[0][1].items()}
    for window, part in parts:
        for name, band in bands.items():
            band[window.within(whole)] = part[name]
    return bands, whole


def _window(file: rasterio.DatasetReader, grid: Grid) -> Window:
    row, column = grid.locate(file.transform.c + grid.side / 2, file.transform.f - grid.side / 2)
    return Window(int(row), int(column), file.height, file.width)


@contextmanager
def _opened(path: str | Path) -> Iterator[rasterio.DatasetReader]:
    try:
        with rasterio.open(path) as file:
            yield file
    except rasterio.errors.RasterioIOError as error:
        raise InputError(f"{path} cannot be read as a raster ({error}): delete it and run snakemake again.") from error
