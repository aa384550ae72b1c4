"""GeoTIFFs on the grids: written whole and renamed, with described bands and the tags that say what they hold."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.errors
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import Interleaving
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine
from rasterio.windows import Window as RasterWindow

from kilomoist.disks import WriteError, writing
from kilomoist.errors import InputError
from kilomoist.files import own_file, replaced
from kilomoist.grids import EASE_CRS_ACROSS, Grid, Window

DAMAGES = (rasterio.errors.RasterioError, CPLE_BaseError, UnicodeDecodeError, MemoryError)
"""What GDAL and its wrapper raise of a damaged file."""
Bands = dict[str, NDArray[np.float32]]
"""Arrays of one shape by the name of the quantity."""
TILE = 256
"""Pixels along the side of a raster's tiles."""
_KIND = "a raster of this workflow"
CHUNK = (28, 256)
"""Rows and columns of cells that are handled at once: about one row of tiles and exactly nine columns of them."""
_GDAL_ERRORS = (rasterio.errors.RasterioIOError, CPLE_BaseError)
"""What rasterio raises where GDAL fails: most of it as its own, some as GDAL's."""
_TILED = {"driver": "GTiff", "tiled": True, "blockxsize": TILE, "blockysize": TILE, "BIGTIFF": "IF_SAFER"}
# A quarter of deflate's time; maps for everybody are cloud-optimized, and deflated when they are copied.
_COMPRESSED = {"compress": "zstd", "zstd_level": 1, "predictor": 2, "interleave": "band"}


@dataclass(frozen=True)
class _Statistics:
    """Statistics of a band's finite values."""

    size: int = 0
    n: int = 0
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    squares: float = 0.0

    def with_values(self, array: NDArray[np.floating]) -> "_Statistics":
        """Those of values before and these."""
        finite = array[np.isfinite(array)].astype(float)
        size, n = self.size + array.size, self.n + finite.size
        low, high = finite.min(initial=self.low), finite.max(initial=self.high)
        return _Statistics(size, n, low, high, self.total + finite.sum(), self.squares + (finite**2).sum())

    def tags(self) -> dict[str, str]:
        """GDAL's names and numbers, to the nine digits that single precision can need; none without values."""
        if not self.n:
            return {}
        mean = self.total / self.n
        deviation = math.sqrt(max(self.squares / self.n - mean**2, 0))
        numbers = {"MINIMUM": self.low, "MAXIMUM": self.high, "MEAN": mean, "STDDEV": deviation}
        numbers["VALID_PERCENT"] = 100 * self.n / self.size
        return {f"STATISTICS_{name}": f"{number:.9g}" for name, number in numbers.items()}


@dataclass
class RasterWriter:
    """A GeoTIFF that is written chunk by chunk; a context that finishes it."""

    path: Path
    grid: Grid
    window: Window
    tags: dict[str, str]
    """Written at the end: they can tell what only all chunks know."""
    units: Mapping[str, str]
    colours: Mapping[int, tuple[int, int, int]] | None
    statistics: bool = False
    """Whether bands of numbers get their statistics, as GDAL calls them, by which viewers stretch colours."""
    _file: rasterio.io.DatasetWriter | None = None
    _counted: dict[int, "_Statistics"] = field(default_factory=dict)

    def write(self, bands: Mapping[str, NDArray[Any]], chunk: Window) -> None:
        """Write bands (name → array of `chunk.shape`) over a chunk of the window; the first sets names and dtype."""
        if self._file is None:
            self._file = self._create(list(bands), next(iter(bands.values())).dtype)
        where = RasterWindow.from_slices(*chunk.within(self.window))
        for number, (name, array) in enumerate(bands.items(), start=1):
            if array.shape != chunk.shape:
                raise ValueError(f"band {name} has shape {array.shape}, its window {chunk.shape}")
            with writing(*_GDAL_ERRORS):
                self._file.write(array, number, window=where)
            if self.statistics and np.issubdtype(array.dtype, np.floating):
                self._counted[number] = self._counted.get(number, _Statistics()).with_values(array)

    def _create(self, names: Sequence[str], dtype: np.dtype[Any]) -> rasterio.io.DatasetWriter:
        area = self.grid.cut(self.window)
        # Coordinates beyond 180° need a CRS that has them, or reprojection loses what lies there.
        crs = area.crs if self.window.column + area.columns <= self.grid.columns else EASE_CRS_ACROSS
        place = {"height": area.rows, "width": area.columns, "transform": Affine(*area.transform()), "crs": crs}
        nodata = np.nan if np.issubdtype(dtype, np.floating) else None
        options = _TILED | _COMPRESSED | place
        file = rasterio.open(self.path, "w", **options, count=len(names), dtype=dtype, nodata=nodata)
        if self.colours:  # before any value: only then can TIFF have a palette
            file.write_colormap(1, self.colours)
        file.descriptions, file.units = names, [self.units.get(name) for name in names]
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file:
            if kind is None:
                self._file.update_tags(**self.tags)
                for number, counted in self._counted.items():
                    self._file.update_tags(number, **counted.tags())
            self._file.close()


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
    """A GeoTIFF over `window`, cloud-optimized or not, that is written by chunks and appears when all is done.

    Floating-point bands have NaN as nodata, also where no chunk was written, and where they are cloud-optimized their
    statistics; integer bands have neither. `units` are those of bands by name, `colours` red, green and blue (0…255) of
    the values of a single uint8 band.
    """
    with replaced(path) as partial:
        plain = partial.with_name(f"{partial.stem}-plain.tif") if cloud_optimized else partial
        try:
            with RasterWriter(plain, grid, window, dict(tags), units or {}, colours, cloud_optimized) as writer:
                yield writer
            _require_whole(plain)
            if cloud_optimized:
                # GDAL's COG driver only copies. Flags must not be averaged on their way into overviews.
                with rasterio.open(plain) as file:
                    resampling = "AVERAGE" if np.issubdtype(file.dtypes[0], np.floating) else "NEAREST"
                profile = {"compress": "DEFLATE", "level": 1, "blocksize": TILE}  # a third less time, 2 % more bytes
                with writing(*_GDAL_ERRORS):
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
) -> None:
    """Write bands (name → array of `window.shape`, all of one dtype) as a GeoTIFF, as `raster_chunks` does."""
    with raster_chunks(path, grid, window, tags, units, cloud_optimized) as raster:
        raster.write(bands, window)


def _require_whole(path: Path) -> None:
    """Raise `WriteError` unless every tile lies within the file, and none where another lies.

    GDAL writes most when a file is closed, and rasterio does not tell that it failed. The directory then places a tile
    without room beyond the end, or where the next tile was written.
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
    """Start in the file and size of each tile of a band; zeros where it was not written."""
    for (row, column), _ in file.block_windows(number):
        tags = (f"BLOCK_{key}_{column}_{row}" for key in ("OFFSET", "SIZE"))
        start, size = (int(file.get_tag_item(tag, "TIFF", bidx=number) or 0) for tag in tags)
        yield start, size


def chunks_of(cells: Window) -> Iterator[Window]:
    """Chunks of a window of cells that are handled at once, whatever the blocks: in columns, each from the north.

    In this order a raster's tile is finished before the next tiles are begun, and read once.
    """
    yield from sorted(cells.pieces(*CHUNK), key=lambda chunk: chunk.column)


def read_raster(
    path: str | Path, names: Collection[str] | None = None, subset: Window | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Bands by their descriptions, and the tags, of a GeoTIFF that `write_raster` wrote.

    `names` chooses bands, of those that are there; `subset` rows and columns, counted from the raster's corner.
    """
    with _opened(path) as file:
        whole = Window(0, 0, *file.shape)
        return _read(file, names, (subset or whole).within(whole)), file.tags()


def read_tags(path: str | Path) -> dict[str, str]:
    """Tags of a GeoTIFF."""
    with _opened(path) as file:
        return file.tags()


@dataclass(frozen=True)
class Header:
    """What a GeoTIFF says of itself before any value is read."""

    shape: tuple[int, int]
    dtype: str
    transform: Affine
    wkt: str
    """Its coordinate reference system."""
    units: dict[str, str]
    """Of each band by its description, in the file's order; empty where none is said."""
    tags: dict[str, str]


def read_header(path: str | Path) -> Header:
    """Header of a GeoTIFF that `write_raster` wrote."""
    with _opened(path) as file:
        if file.crs is None:
            raise InputError(f"{path} has no CRS: delete it and run snakemake again.")
        units = dict(zip(file.descriptions, (unit or "" for unit in file.units), strict=True))
        return Header(file.shape, file.dtypes[0], file.transform, file.crs.to_wkt(), units, file.tags())


def read_statistics(path: str | Path) -> dict[str, float]:
    """Statistics of the first band of a cloud-optimized GeoTIFF, by GDAL's names (`MEAN`, …); empty without a value."""
    with _opened(path) as file:
        said = {name: text for name, text in file.tags(1).items() if name.startswith("STATISTICS_")}
        return {name.removeprefix("STATISTICS_"): float(text) for name, text in said.items()}


def read_run(path: str | Path) -> dict[str, str]:
    """Source, region, month and target of the run that made a GeoTIFF: tags of what follows from it."""
    with own_file(path, "a raster of a run"):
        tags = read_tags(path)
        return {name: tags[name] for name in ("source", "region", "month", "target")}


def read_window(path: str | Path, band: str, grid: Grid, window: Window) -> NDArray[Any]:
    """A band over a window of a grid round the Earth, of a raster that covers it where the window lies."""
    with _opened(path) as file:
        whole = _window(file, grid)
        return np.hstack([_read(file, [band], piece.within(whole))[band] for piece, _ in grid.on_globe(window)])


class Mosaic:
    """Rasters on one grid, put together by their places and read by windows; a context that closes them."""

    def __init__(self, paths: Sequence[str | Path], grid: Grid) -> None:
        self._windows: dict[str | Path, Window] = {}
        self._files: dict[str | Path, rasterio.DatasetReader] = {}
        for path in paths:
            with _opened(path) as file:
                self._windows[path] = _window(file, grid)
        windows = self._windows.values()
        row, column = min(window.row for window in windows), min(window.column for window in windows)
        south = max(window.row + window.rows for window in windows)
        east = max(window.column + window.columns for window in windows)
        self.window = Window(row, column, south - row, east - column)
        """The window that they cover together."""

    def read(self, chunk: Window, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
        """Bands (`names`, or all) over a window of the grid, NaN where no raster is; none where it shares no raster."""
        shared = {path: both for path, window in self._windows.items() if (both := window.overlap(chunk))}
        # Rasters stay open while chunks lie in them, lest GDAL decode the tiles between two chunks twice.
        for path in self._files.keys() - shared:
            self._files.pop(path).close()
        bands: dict[str, NDArray[Any]] = {}
        for path, both in shared.items():
            with own_file(path, _KIND):
                file = self._files[path] = self._files.get(path) or rasterio.open(path)
                found = _read(file, names, both.within(self._windows[path]))
            for name, values in found.items():
                if both == chunk:
                    bands[name] = values
                else:
                    bands.setdefault(name, np.full(chunk.shape, np.nan, values.dtype))[both.within(chunk)] = values
        return bands

    def stack(self, chunk: Window, names: Sequence[str]) -> NDArray[Any]:
        """Bands in the order of `names` over a window of the grid, (names, *chunk.shape)."""
        with own_file(", ".join(map(str, self._windows)), f"{_KIND} with {', '.join(names)}"):
            bands = self.read(chunk, names)
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
    """Where a raster lies on a grid. Raises ValueError for one that does not lie on it."""
    row, column = grid.locate(file.transform.c + grid.side / 2, file.transform.f - grid.side / 2)
    window = Window(int(row), int(column), file.height, file.width)
    # A region across 180° counts its columns on beyond the grid's last one.
    within = 0 <= row <= grid.rows - file.height and 0 <= column <= 2 * grid.columns - file.width
    if not within or not file.transform.almost_equals(Affine(*grid.transform(window)), precision=1e-3):
        raise ValueError(f"it lies at {tuple(file.transform)[:6]}, which is not on the grid")
    return window


def _read(
    file: rasterio.DatasetReader, names: Collection[str] | None, where: tuple[slice, slice]
) -> dict[str, NDArray[Any]]:
    """Bands by their descriptions over rows and columns, of `names` alone where they are given."""
    chosen = {name: number for number, name in enumerate(file.descriptions, 1) if names is None or name in names}
    if not chosen:
        raise InputError(
            f"{file.name} has none of the bands {', '.join(names or [])}: delete it and run snakemake again."
        )
    values = file.read(list(chosen.values()), window=RasterWindow.from_slices(*where))
    return dict(zip(chosen, values, strict=True))


@contextmanager
def _opened(path: str | Path) -> Iterator[rasterio.DatasetReader]:
    with own_file(path, _KIND), rasterio.open(path) as file:
        yield file
