"""GeoTIFFs on the grids: written whole and renamed, with described bands and the tags that say what they hold."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.errors
import rasterio.windows
from numpy.typing import NDArray
from rasterio.enums import Interleaving
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine

from kilomoist.errors import InputError
from kilomoist.files import WriteError, replaced, writing
from kilomoist.grids import EASE_CRS_ACROSS, Grid, Window

Bands = dict[str, NDArray[np.float32]]
"""Arrays of one shape by the name of the quantity."""
TILE = 256
"""Pixels along the side of a raster's tiles."""
CHUNK = (28, 256)
"""Rows and columns of cells that are handled at once: about one row of tiles and exactly nine columns of them."""


class RasterWriter:
    """A GeoTIFF that takes shape part by part; `raster_chunks` opens and finishes it."""

    def __init__(
        self,
        path: Path,
        grid: Grid,
        window: Window,
        tags: Mapping[str, str],
        units: Mapping[str, str],
        colours: Mapping[int, tuple[int, int, int]] | None,
    ) -> None:
        self.tags = dict(tags)
        """Written at the end, so that they can tell what only all parts know."""
        self._path, self._grid, self._window, self._units, self._colours = path, grid, window, units, colours
        self._file: rasterio.io.DatasetWriter | None = None

    def write(self, bands: Mapping[str, NDArray[Any]], part: Window) -> None:
        """Write bands (name → array of `part.shape`) where a part of the window lies.

        The first part says which bands there are, and their one dtype.
        """
        if self._file is None:
            self._file = self._create(list(bands), next(iter(bands.values())).dtype)
        row, column = part.within(self._window)
        for number, (name, array) in enumerate(bands.items(), start=1):
            if array.shape != part.shape:
                raise ValueError(f"band {name} has shape {array.shape}, its window {part.shape}")
            with writing(rasterio.errors.RasterioIOError):
                self._file.write(array, number, window=rasterio.windows.Window.from_slices(row, column))

    def _create(self, names: Sequence[str], dtype: np.dtype[Any]) -> rasterio.io.DatasetWriter:
        window, grid = self._window, self._grid
        file = rasterio.open(
            self._path,
            "w",
            driver="GTiff",
            count=len(names),
            height=window.rows,
            width=window.columns,
            dtype=dtype,
            # Coordinates beyond 180° need a CRS that has them, or what lies there is lost when the map is reprojected.
            crs=grid.crs if window.column + window.columns <= grid.columns else EASE_CRS_ACROSS,
            transform=Affine(*grid.transform(window)),
            nodata=np.nan if np.issubdtype(dtype, np.floating) else None,
            tiled=True,
            blockxsize=TILE,
            blockysize=TILE,
            # A quarter of deflate's time; maps for everybody are cloud-optimized, and deflated when they are copied.
            compress="zstd",
            zstd_level=1,
            predictor=2,
            interleave="band",
            BIGTIFF="IF_SAFER",
        )
        if self._colours:  # before any value: then TIFF can still become one of a palette
            file.write_colormap(1, self._colours)
        for number, name in enumerate(names, start=1):
            file.set_band_description(number, name)
            if name in self._units:
                file.set_band_unit(number, self._units[name])
        return file

    def close(self, complete: bool) -> None:
        """Close the file; with its tags when it is complete."""
        if self._file:
            if complete:
                self._file.update_tags(**self.tags)
            self._file.close()
            if complete:
                _require_whole(self._path)


@contextmanager
def raster_chunks(
    path: str | Path,
    grid: Grid,
    window: Window,
    tags: Mapping[str, str],
    units: Mapping[str, str] | None = None,
    cloud_optimized: bool = False,
    colours: Mapping[int, tuple[int, int, int]] | None = None,
) -> Iterator[RasterWriter]:
    """A GeoTIFF over `window`, or a cloud-optimized one, that is written part by part and appears when all is done.

    Floating-point bands have NaN as nodata, also where no part was written; integer bands have none. `units` gives the
    unit of bands by name, `colours` red, green and blue (0…255) of the values of a single uint8 band. Memory is that of
    a part and of GDAL's cache: parts as `chunks_of` gives them, in its order, fill tile after tile.
    """
    with replaced(path) as partial:
        plain = partial.with_name(f"{partial.stem}-plain.tif") if cloud_optimized else partial
        writer, complete = RasterWriter(plain, grid, window, tags, units or {}, colours), False
        try:
            try:
                yield writer
                complete = True
            finally:
                writer.close(complete)
            if cloud_optimized:
                # GDAL's COG driver only copies. Flags must not be averaged on their way into overviews.
                with rasterio.open(plain) as file:
                    resampling = "AVERAGE" if np.issubdtype(file.dtypes[0], np.floating) else "NEAREST"
                profile = {"compress": "DEFLATE", "level": 1, "blocksize": TILE}  # a third less time, 2 % more bytes
                with writing(rasterio.errors.RasterioIOError):
                    copy_raster(plain, partial, driver="COG", resampling=resampling, **profile)
                _require_whole(partial)
        finally:
            if cloud_optimized:
                plain.unlink(missing_ok=True)


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
    """Write bands (name → array of `window.shape`, all of one dtype) as a GeoTIFF, as `raster_chunks` does."""
    with raster_chunks(path, grid, window, tags, units, cloud_optimized, colours) as raster:
        raster.write(bands, window)


def _require_whole(path: Path) -> None:
    """Raise `WriteError` unless every tile lies within the file, and none where another lies.

    GDAL writes most when a file is closed, and rasterio does not tell that it failed. A tile without room is said to
    lie beyond the end, or where the next one was written.
    """
    try:
        with rasterio.open(path) as file:
            numbers = [1] if file.interleaving == Interleaving.pixel else file.indexes  # bands share tiles, or not
            places = np.array(sorted(place for number in numbers for place in _tile_places(file, number)))
    except rasterio.errors.RasterioIOError as error:  # its directory, which is written last, is not there
        raise WriteError("not all of it was written") from error
    starts, sizes = places.T
    if not sizes.all() or (starts + sizes > np.append(starts[1:], path.stat().st_size)).any():
        raise WriteError("not all of it was written")


def _tile_places(file: rasterio.DatasetReader, number: int) -> Iterator[tuple[int, int]]:
    """Where each tile of a band starts in the file, and its size; zeros where it was not written."""
    for (row, column), _ in file.block_windows(number):
        start, size = (
            file.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=number) for what in ("OFFSET", "SIZE")
        )
        yield int(start or 0), int(size or 0)


def chunks_of(cells: Window) -> Iterator[Window]:
    """Cut a window of cells into parts that are handled at once, whatever the blocks: in columns, each from the north.

    In this order a raster's tile is finished before the next ones are begun, and read once.
    """
    rows, columns = CHUNK
    for column in range(0, cells.columns, columns):
        for row in range(0, cells.rows, rows):
            yield Window(
                cells.row + row,
                cells.column + column,
                min(rows, cells.rows - row),
                min(columns, cells.columns - column),
            )


def read_raster(
    path: str | Path, names: Collection[str] | None = None, part: Window | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Bands by their descriptions, and the tags, of a GeoTIFF that `write_raster` wrote.

    `names` chooses bands, of those that are there; `part` rows and columns, counted from the raster's corner.
    """
    with _opened(path) as file:
        chosen = _chosen(file, names)
        window = rasterio.windows.Window(part.column, part.row, part.columns, part.rows) if part else None
        bands = file.read(list(chosen.values()), window=window)
        return dict(zip(chosen, bands, strict=True)), file.tags()


def read_tags(path: str | Path) -> dict[str, str]:
    """The tags of a GeoTIFF."""
    with _opened(path) as file:
        return file.tags()


def read_run(path: str | Path) -> dict[str, str]:
    """Source, region, month and target of the run that made a GeoTIFF: tags of what follows from it."""
    tags = read_tags(path)
    return {name: tags[name] for name in ("source", "region", "month", "target")}


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


class Mosaic:
    """Rasters on one grid, put together by their places, read window by window; a context that closes them."""

    def __init__(self, paths: Sequence[str | Path], grid: Grid) -> None:
        self._windows: dict[str | Path, Window] = {}
        self._files: dict[str | Path, rasterio.DatasetReader] = {}
        for path in paths:
            with _opened(path) as file:
                self._windows[path] = _window(file, grid)
        windows = self._windows.values()
        row, column = min(window.row for window in windows), min(window.column for window in windows)
        self.window = Window(
            row,
            column,
            max(window.row + window.rows for window in windows) - row,
            max(window.column + window.columns for window in windows) - column,
        )
        """What they cover together."""

    def read(self, part: Window, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """Bands by their descriptions over a window of the grid, NaN where no raster is; `names` chooses some.

        A window that no raster shares has no bands.
        """
        shared = {path: both for path, window in self._windows.items() if (both := _overlap(window, part))}
        # Rasters stay open while parts lie in them, lest GDAL decode the tiles between two parts twice.
        for path in self._files.keys() - shared:
            self._files.pop(path).close()
        bands: dict[str, NDArray[Any]] = {}
        for path, both in shared.items():
            with _named(path):
                file = self._files[path] = self._files.get(path) or rasterio.open(path)
                chosen = _chosen(file, names)
                row, column = both.within(self._windows[path])
                found = file.read(list(chosen.values()), window=rasterio.windows.Window.from_slices(row, column))
            for name, values in zip(chosen, found, strict=True):
                if both == part:
                    bands[name] = values
                else:
                    bands.setdefault(name, np.full(part.shape, np.nan, values.dtype))[both.within(part)] = values
        return bands

    def stack(self, part: Window, names: Sequence[str]) -> NDArray[Any]:
        """Bands in the order of `names` over a window of the grid, (names, *part.shape)."""
        bands = self.read(part, names)
        return np.stack([bands[name] for name in names])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files.values():
            file.close()


def mosaic(
    paths: Sequence[str | Path], grid: Grid, names: Collection[str] | None = None
) -> tuple[dict[str, NDArray[Any]], Window]:
    """Bands of rasters on one grid, put together by their places, and the window that they cover; NaN where none is."""
    with Mosaic(paths, grid) as whole:
        return whole.read(whole.window, names), whole.window


def _window(file: rasterio.DatasetReader, grid: Grid) -> Window:
    row, column = grid.locate(file.transform.c + grid.side / 2, file.transform.f - grid.side / 2)
    return Window(int(row), int(column), file.height, file.width)


def _chosen(file: rasterio.DatasetReader, names: Collection[str] | None) -> dict[str, int]:
    """The numbers of a file's bands by their descriptions, of `names` alone where they are given."""
    return {name: number for number, name in enumerate(file.descriptions, start=1) if names is None or name in names}


def _overlap(first: Window, second: Window) -> Window | None:
    """What two windows share."""
    row, column = max(first.row, second.row), max(first.column, second.column)
    rows = min(first.row + first.rows, second.row + second.rows) - row
    columns = min(first.column + first.columns, second.column + second.columns) - column
    return Window(row, column, rows, columns) if rows > 0 and columns > 0 else None


@contextmanager
def _opened(path: str | Path) -> Iterator[rasterio.DatasetReader]:
    with _named(path), rasterio.open(path) as file:
        yield file


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Name the file in what GDAL says of it."""
    try:
        yield
    except rasterio.errors.RasterioIOError as error:
        raise InputError(f"{path} cannot be read as a raster ({error}): delete it and run snakemake again.") from error
