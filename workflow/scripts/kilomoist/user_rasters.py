"""Rasters of the user's, in any format and CRS that GDAL reads: what can be wrong with one is told, the rest read."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import ProjError
from rasterio.enums import Interleaving
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterWindow

from kilomoist.errors import InputError
from kilomoist.files import NO_NETWORK, network_in
from kilomoist.grids import EASE_CRS, M01, Window, ease_from_geographic
from kilomoist.rasters import DAMAGES

SCENE_CENTRES = "latitude_1km", "longitude_1km"
"""Datasets beside one of SPL2SMAP_S that say where its pixels lie, which GDAL does not read (`compared_products`)."""
MOST_BLOCK, MOST_READ = 256, 30_000_000
"""MB of a block of a file, which GDAL unpacks whole for any pixel of it; pixels that are read at once."""
_THINNEST = 1e-12
"""Sides of a pixel in parts of the largest coordinate: about a millimetre."""
_SECONDS = 60
"""After which a library that has not opened a file hangs."""
LARGEST = 1e15
"""Beyond it no quantity of a map lies: fills of CF and CMOR (1e20, 9.97e36) and the largest floats do."""
LIMITS = {-(2.0**31), 2.0**31 - 1, 2.0**31, 2.0**32 - 1, 65535.0, -32768.0, -32767.0, 32767.0}
"""Limits of integers of 16 and 32 bits, where nearly all files keep "no value"."""
NINES = {-9999.0, -99999.0, -999999.0, -9999999.0}
SHORT_NINES = {-99.0, -999.0, 99.0, 999.0, 9999.0, 99999.0}
"""Numbers that stand for "no value" by habit, but can be values too."""
RESERVED = {"uint8": set(range(250, 256)), "int8": {-128, 127}}
"""Ends of the range of 8 bits, where products keep their codes."""
MIN_FILLED, MIN_COUNT = 0.01, 10
"""Share and number of pixels that a number must fill to be taken for a fill: measured values repeat less often."""
ENDS = {0.0, 1.0, 100.0}
"""Ends of shares and percents, and what masks and counts mostly are: never far from anything."""
FAR = 10
"""Times what the other values span (from 0, too) that any number lies beyond them, to be taken for a fill."""


@dataclass(frozen=True)
class UserRaster:
    """Band of an open raster, with how its stored numbers become values: number · scale + offset."""

    file: Any
    band: int
    crs: Any
    scale: float
    offset: float

    @property
    def turn(self) -> float:
        """Columns of a full circle of longitudes; infinite where columns are no longitudes."""
        place = self.file.transform
        if not self.crs.is_geographic or place.b or place.d:
            return np.inf
        return 2 * np.pi / self.crs.units_factor[1] / abs(place.a)

    def turned(self, columns: Any) -> Any:
        """Columns that lie whole turns beyond those that the raster has, to subtract: longitudes from −180° or 0°."""
        if np.isinf(self.turn):
            return np.zeros_like(columns)
        return self.turn * np.floor((columns - self.file.width / 2) / self.turn + 0.5)

    @property
    def round_the_globe(self) -> bool:
        """True where what lies beyond the left edge is at the right one; 180° is an edge of the grid too."""
        whole = abs(self.turn - self.file.width) < 0.1
        return bool(whole and abs(self.file.transform.c * self.crs.units_factor[1]) < np.pi - 1e-6)

    def read(self, first: int, last: int, start: int, end: int) -> np.ma.MaskedArray:
        """Stored numbers of rows and columns; columns outside of the file's only `round_the_globe`.

        Raises `InputError` for more than `MOST_READ`.
        """
        if (last - first) * (end - start) > MOST_READ:
            raise InputError(
                f"{self.file.name} has more than {MOST_READ // 10**6} million pixels in a few pixels of 1 km: make it "
                "coarser, for example by gdalwarp -tr 100 100 in metres."
            )
        width = self.file.width
        pieces, column = [], start
        while column < end:
            stop = min(end, (column // width + 1) * width)
            window = RasterWindow(column % width, first, stop - column, last - first)
            pieces.append(self.file.read(self.band, window=window, masked=True))
            column = stop
        return pieces[0] if len(pieces) == 1 else np.ma.concatenate(pieces, axis=1)

    def undeclared_fill(self, stored: NDArray[Any], classes: bool = False) -> str | None:
        """What the file says of a number among its valid ones that must stand for missing values, and the cure."""
        declares = self.file.nodatavals[self.band - 1]
        number = undeclared_fill(stored, self.file.dtypes[self.band - 1], declares is not None, classes)
        if number is None:
            return None
        said = "no nodata value" if declares is None else f"the nodata value {declares:g}"
        # As many digits as single it out.
        return (
            f"holds {number:g} but says {said}: if that stands for missing values, say so in "
            f"the file, for example by gdal_edit.py -a_nodata {number:.10g} {self.file.name}; if it is a value, "
            "declare another number that does not occur."
        )


def undeclared_fill(stored: NDArray[Any], dtype: str, declares: bool, classes: bool = False) -> float | None:
    """The smallest or largest of the numbers that a file holds as values, where it must stand for "no value"; or None.

    These are, however few: numbers beyond `LARGEST`, `LIMITS` and `NINES`. Others must fill `MIN_FILLED` of the pixels
    and lie far outside of the rest, which must not be 0 alone (a mask): `RESERVED` of 8 bits, where the file declares
    no fill, by a quarter of what the rest spans; `SHORT_NINES` by as much as it spans; any number but `ENDS`, of
    more bits, by `FAR` times as much, counted from 0 too. Classes are names, of which none is far from others.
    """
    if not stored.size:
        return None
    of_8_bits = dtype in RESERVED
    for number in (float(stored.min()), float(stored.max())):
        if abs(number) > LARGEST or number in LIMITS | NINES:
            return number
        reserved = RESERVED.get(dtype, set())
        rest = stored[~np.isin(stored, list(reserved))] if number in reserved else stored[stored != number]
        if classes or number in ENDS or not rest.any():
            continue
        if np.count_nonzero(stored == number) < max(MIN_COUNT, MIN_FILLED * stored.size):
            continue
        low, high = float(rest.min()), float(rest.max())
        gap = max(low - number, number - high)
        if number in reserved:
            far = not declares and gap > max((high - low) / 4, 1)
        elif number in SHORT_NINES:
            far = gap > max(high - low, 1)
        else:
            far = not of_8_bits and gap > FAR * (max(high, 0) - min(low, 0))
        if far:
            return number
    return None


def variables_of(file: Any, path: str | Path) -> dict[str, str]:
    """Names that GDAL opens the variables of a file by, by the variables' own names."""
    return {name.partition(str(path))[2].lstrip('":').lstrip("/"): name for name in file.subdatasets}


@contextmanager
def opened_raster(
    path: str | Path,
    named: str,
    *,
    variable: str | None = None,
    band: int | None = None,
    scale: float | None = None,
    offset: float | None = None,
) -> Iterator[UserRaster]:
    """A band of a raster that says where it lies; scale and offset are the file's own, unless they are given.

    Raises `InputError`, sentences that begin with `named`, also for what fails while the raster is open.
    """
    if Path(path).is_dir():
        raise InputError(f"{named} is a folder: give one file, for example made by gdal_translate.")
    try:
        # The warnings are of a raster that lies nowhere, which is told below.
        with rasterio.Env(**NO_NETWORK), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with _dataset(path, named, variable) as file:
                number = _band(file, named, band)
                _refuse_large_blocks(file, number, named)
                own = file.scales[number - 1], file.offsets[number - 1]
                values = (own[0] if scale is None else scale, own[1] if offset is None else offset)
                yield UserRaster(file, number, _crs(file, path, named), *values)
    except DAMAGES as error:
        raise InputError(f"{named} cannot be read as a raster ({error}): try it with gdalinfo.") from error


@cache
def _ends_gdal(path: str | Path, _changed: int) -> bool:
    """True where opening a file kills the process or never ends, as damaged netCDF and HDF5 do in their libraries."""
    program = "import sys, rasterio; rasterio.open(sys.argv[1])"
    command = [sys.executable, "-c", program, str(path)]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS).returncode < 0
    except subprocess.TimeoutExpired:
        return True


def _refuse_large_blocks(file: Any, number: int, named: str) -> None:
    """Raise `InputError` for a file of whose blocks one would fill the memory."""
    rows, columns = file.block_shapes[number - 1]
    bands = file.count if file.interleaving == Interleaving.pixel else 1
    size = rows * columns * bands * np.dtype(file.dtypes[number - 1]).itemsize
    if size > MOST_BLOCK * 10**6:
        raise InputError(
            f"{named} has blocks of {rows:,} × {columns:,} pixels, {size / 1e6:,.0f} MB each, expected at most "
            f"{MOST_BLOCK} MB: tile it, for example by gdal_translate -co TILED=YES."
        )


@contextmanager
def _dataset(path: str | Path, named: str, variable: str | None) -> Iterator[Any]:
    if Path(path).is_file():
        with open(path, "rb") as content:
            start = content.read(4)
        if found := network_in(path):
            raise InputError(f"{named} refers to a network ({found}): fetch what it stands for, and give that file.")
        if start[:4] == b"\x0e\x03\x13\x01":
            raise InputError(
                f"{named} is an HDF4 file, which the GDAL of this installation does not read: make a GeoTIFF of "
                "it, for example by gdal_translate of a system that has HDF4."
            )
        if (start[:3] == b"CDF" or start[:4] == b"\x89HDF") and _ends_gdal(path, Path(path).stat().st_mtime_ns):
            raise InputError(f"{named} is a damaged netCDF or HDF5 file, at which GDAL ends: fetch or write it again.")
    with rasterio.open(path) as file:
        variables = variables_of(file, path)
        if len(file.subdatasets) > 1 and file.driver == "GTiff":
            raise InputError(
                f"{named} has {len(file.subdatasets)} images: take one out, for example by gdal_translate "
                f"{file.subdatasets[0]} one.tif."
            )
        if variables and variable not in variables and (variable or len(variables) > 1):
            said = f"{variable} is none of them" if variable else "give one of them as `variable`"
            raise InputError(f"{named} has the variables {', '.join(sorted(variables))}: {said}.")
        alone = file.tags(1).get("NETCDF_VARNAME") if file.count else None
        if not variables and variable in (None, alone):
            if not file.count:
                raise InputError(f"{named} holds no raster: give a file in which gdalinfo shows a band or a variable.")
            yield file
            return
        driver = "HDF5" if file.driver.startswith("HDF5") else file.driver
        if driver not in ("HDF5", "netCDF"):
            raise InputError(f"{named} is a {driver} file, which has no variables: leave `variable` out.")
    by_hand = f'HDF5:"{path}"://{variable}' if driver == "HDF5" else f'NETCDF:"{path}":{variable}'
    name = variables.get(variable or "", next(iter(variables.values()), by_hand))
    try:
        chosen = rasterio.open(name)
    except RasterioError as error:
        raise InputError(f"{named} has no raster named {variable} ({error}): correct `variable`.") from error
    group = (variable or "").rpartition("/")[0]
    latitude, longitude = (variables.get(f"{group}/{name}") for name in SCENE_CENTRES)
    with chosen:
        if latitude is None or longitude is None:
            yield chosen
            return
        with _placed(chosen, _first_band(latitude), _first_band(longitude), named) as placed:
            yield placed


def _first_band(name: str) -> NDArray[np.float64]:
    with rasterio.open(name) as file:
        return file.read(1).astype(float)


@contextmanager
def _placed(scene: Any, latitude: NDArray, longitude: NDArray, named: str) -> Iterator[Any]:
    """A scene of the global 1 km grid, placed there by the latitude and longitude of its pixels' centres.

    Pixels without any do not count. Raises `InputError` where the others are no rectangle of the grid.
    """
    corners = set()
    if latitude.shape == longitude.shape == scene.shape:
        given = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
        row, column = M01.locate(*ease_from_geographic(longitude[given], latitude[given]))
        rows, columns = np.nonzero(given)
        corners = set(zip((row - rows).tolist(), (column - columns).tolist(), strict=True))
    if len(corners) != 1:
        raise InputError(
            f"{named} has {' and '.join(SCENE_CENTRES)} that are no rectangle of EASE-Grid 2.0 at 1 km: fetch it "
            "again, or leave it out."
        )
    place = Affine(*M01.transform(Window(*corners.pop(), *scene.shape)))
    both = {"src_crs": EASE_CRS, "crs": EASE_CRS, "src_transform": place, "transform": place}
    with WarpedVRT(scene, **both, width=scene.width, height=scene.height) as raster:
        yield raster


def _band(file: Any, named: str, band: int | None) -> int:
    """Number of the band that is meant: the only one, unless it is given."""
    if band is None and file.count > 1:
        names = [name for name in file.descriptions if name]
        told = f" ({', '.join(names[:8])}{', …' if len(names) > 8 else ''})" if names else ""
        raise InputError(
            f"{named} has {file.count} bands{told} where one is expected: say which by `band`, 1 to {file.count}."
        )
    number = band or 1
    if number > file.count:
        raise InputError(f"{named} has {file.count} bands and no band {number}: correct `band`.")
    if file.dtypes[number - 1].startswith("complex"):
        raise InputError(f"{named} holds complex numbers: give a raster of one real quantity.")
    return number


def _crs(file: Any, path: str | Path, named: str) -> Any:
    """CRS of a raster whose corners lie on the Earth."""
    crs, place = file.crs, file.transform
    if place.is_identity:
        raise InputError(
            f"{named} does not say where it lies (it has no geotransform): "
            f"give its corners, for example by gdal_edit.py -a_ullr WEST NORTH EAST SOUTH {path}."
        )
    if crs is None and "degrees_north" in file.tags().values():  # longitudes and latitudes by the CF conventions
        crs = rasterio.CRS.from_epsg(4326)
    if crs is None:
        raise InputError(
            f"{named} has no CRS: assign the one it was made in, for example by gdal_edit.py -a_srs EPSG:4326 {path}."
        )
    try:
        Transformer.from_crs("EPSG:4326", crs.to_wkt())
    except (ProjError, RasterioError) as error:
        raise InputError(
            f"{named} has a CRS that leads to no longitude and latitude ({error}): assign the one it was made in, "
            f"for example by gdal_edit.py -a_srs EPSG:4326 {path}."
        ) from error
    corners = np.array([place @ (x, y) for x in (0, file.width) for y in (0, file.height)])
    # Degrees of longitude from −180 or from 0, with a turn to spare; metres or feet of any projection.
    limit = 3 * np.pi / crs.units_factor[1] if crs.is_geographic else 1e9
    thin = min(np.hypot(place.a, place.d), np.hypot(place.b, place.e)) < _THINNEST * limit
    if thin or abs(place.determinant) < (_THINNEST * limit) ** 2 or not (np.abs(corners) <= limit).all():
        raise InputError(
            f"{named} has a geotransform that leads nowhere on the Earth ({', '.join(f'{n:g}' for n in place[:6])}): "
            f"give its corners, for example by gdal_edit.py -a_ullr WEST NORTH EAST SOUTH {path}."
        )
    return crs
