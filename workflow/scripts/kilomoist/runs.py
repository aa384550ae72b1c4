"""A run's rasters as one xarray Dataset, read when values are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from kilomoist.errors import InputError
from kilomoist.grids import Window
from kilomoist.quality_flags import FLAGS
from kilomoist.rasters import Header, read_header, read_raster

MOISTURE = "volume_fraction_of_condensed_water_in_soil"
"""CF's standard name."""


@dataclass(frozen=True)
class _Variable:
    """A band as a variable."""

    file: str
    band: str
    long_name: str
    others: Mapping[str, Any] = field(default_factory=dict)


_PLACED = {"grid_mapping": "spatial_ref"}
_OF_FLAGS = {
    "standard_name": "quality_flag",
    "flag_masks": np.array([1 << flag.bit for flag in FLAGS.values()], np.uint8),
    "flag_meanings": " ".join(FLAGS),
}
_OF_MOISTURE = {"standard_name": MOISTURE, "cell_methods": "area: mean time: mean"}
_VARIABLES = {
    "soil_moisture": _Variable("soil_moisture.tif", "soil_moisture", "soil moisture, map of 1 km", _OF_MOISTURE),
    "lower": _Variable("interval.tif", "lower", "lower end of the total interval", _OF_MOISTURE),
    "upper": _Variable("interval.tif", "upper", "upper end of the total interval", _OF_MOISTURE),
    "conditional_lower": _Variable(
        "interval.tif", "conditional_lower", "lower end of the interval if SMAP's cell is right", _OF_MOISTURE
    ),
    "conditional_upper": _Variable(
        "interval.tif", "conditional_upper", "upper end of the interval if SMAP's cell is right", _OF_MOISTURE
    ),
    "dissimilarity": _Variable(
        "applicability.tif", "dissimilarity", "dissimilarity of the predictors to what the model was trained on"
    ),
    "quality": _Variable("quality.tif", "quality", "quality flags, a bit each", _OF_FLAGS),
    "soil_moisture_9km": _Variable(
        "soil_moisture_9km.tif", "soil_moisture", "soil moisture, SMAP's cells of 9 km", _OF_MOISTURE
    ),
    "target_weight_9km": _Variable(
        "target_weight_9km.tif", "target_weight", "weight of SMAP's own value in what the cell's mean is held to"
    ),
}
"""Variables of a run by name, in their order."""
OPTIONAL = ("interval.tif",)
"""Files that a run may be made without."""


def open_run(folder: str | Path) -> xarray.Dataset:
    """The map of a run with its intervals, flags and 9 km cells: `results/{region}/{month}`, read when asked for.

    On y, x lie `soil_moisture`, `lower`, `upper`, `conditional_lower`, `conditional_upper` (the last four where the run
    has intervals), `dissimilarity`, `quality` and a boolean of each flag (`quality_flags.FLAGS`), on y_9km, x_9km
    `soil_moisture_9km` and `target_weight_9km`. `lon` and `lat` are in degrees; `spatial_ref` holds the coordinate
    reference system, `time` the month's first day. Raises `InputError` where no run is.
    """
    _require_run(Path(folder))
    return xarray.open_dataset(folder, engine=_RunBackend)


class _RunBackend(BackendEntrypoint):
    """How xarray opens the folder of a run."""

    open_dataset_parameters: ClassVar[tuple[str, ...]] = ("filename_or_obj", "drop_variables")

    def open_dataset(self, filename_or_obj: Any, *, drop_variables: Any = None) -> xarray.Dataset:
        folder, headers = Path(filename_or_obj), {}
        for file in dict.fromkeys(variable.file for variable in _VARIABLES.values()):
            if (folder / file).exists() or file not in OPTIONAL:
                headers[file] = read_header(folder / file)
        main, variables = headers["soil_moisture.tif"], {}
        for name, variable in _VARIABLES.items():
            if header := headers.get(variable.file):
                band = _Band(folder / variable.file, variable.band, header)
                variables[name] = _lazy(band, _attributes(variable, header))
        for name, flag in FLAGS.items():
            bit = _Flag(folder / "quality.tif", "quality", headers["quality.tif"], flag.bit)
            variables[name] = _lazy(bit, {"long_name": flag.meaning, **_PLACED})
        coordinates = {
            "spatial_ref": xarray.Variable((), 0, CRS(main.wkt).to_cf() | {"spatial_ref": main.wkt}),
            "time": _month(main.tags["month"]),
            **_places(main, ""),
            **_places(headers["soil_moisture_9km.tif"], "_9km"),
        }
        dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
        kept = {name: variable for name, variable in variables.items() if name not in dropped}
        attributes = {name: text for name, text in main.tags.items() if name != "AREA_OR_POINT"}
        return xarray.Dataset(kept, coordinates, attributes)


class _Band(BackendArray):
    """A band of a raster that is read part by part; the file is open only meanwhile."""

    def __init__(self, path: Path, band: str, header: Header) -> None:
        self._path, self._band = path, band
        self.dims = ("y_9km", "x_9km") if path.stem.endswith("_9km") else ("y", "x")
        self.shape, self.dtype = header.shape, np.dtype(header.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        (row, rows, down), (column, columns, across) = map(_range, key, self.shape)
        window = Window(row, column, rows, columns)
        return read_raster(self._path, [self._band], window)[0][self._band][down, across]


class _Flag(_Band):
    """One bit of a band of bits, as a boolean."""

    def __init__(self, path: Path, band: str, header: Header, bit: int) -> None:
        super().__init__(path, band, header)
        self.dtype, self._bit = np.dtype(bool), bit

    def _read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        return (super()._read(key) >> self._bit) & 1 == 1


def _range(wanted: int | slice, length: int) -> tuple[int, int, int | slice]:
    """First index and number of what must be read along an axis, and what of that is wanted."""
    if not isinstance(wanted, slice):
        return int(wanted), 1, 0
    places = range(*wanted.indices(length))
    if not places:
        return 0, 1, slice(0, 0)
    first = min(places[0], places[-1])
    return first, abs(places[-1] - places[0]) + 1, slice(None, None, places.step)


def _attributes(variable: _Variable, header: Header) -> dict[str, Any]:
    """What a variable is, and what its file says of it."""
    said = {"long_name": variable.long_name, **variable.others, **_PLACED}
    if "flag_masks" not in said:
        said["units"] = header.units[variable.band] or "1"
    said |= {
        name: header.tags[name] for name in ("interval", "target_error", "target_error_left") if name in header.tags
    }
    return said | {name: float(header.tags[name]) for name in ("threshold",) if name in header.tags}


def _lazy(array: _Band, attributes: Mapping[str, Any]) -> xarray.Variable:
    """A variable whose values are read when they are asked for."""
    return xarray.Variable(array.dims, indexing.LazilyIndexedArray(array), attributes)


def _month(month: str) -> xarray.Variable:
    """The month's first day."""
    first = np.datetime64(datetime.strptime(month, "%Y-%m"), "ns")
    return xarray.Variable((), first, {"standard_name": "time", "long_name": "first day of the month"})


def _places(header: Header, suffix: str) -> dict[str, xarray.Variable]:
    """Coordinates of the centres of a raster's pixels: in m by row and column, and in degrees."""
    rows, columns = header.shape
    y, x = f"y{suffix}", f"x{suffix}"
    easting = header.transform.c + (np.arange(columns) + 0.5) * header.transform.a
    northing = header.transform.f + (np.arange(rows) + 0.5) * header.transform.e
    geographic = Transformer.from_crs(header.wkt, "EPSG:4326", always_xy=True)
    # A column of EASE-Grid 2.0 has one longitude, a row one latitude: views of these take no memory.
    longitude = geographic.transform(easting, np.full(columns, northing[0]))[0]
    latitude = geographic.transform(np.full(rows, easting[0]), northing)[1]
    degrees = {
        "lon": (np.broadcast_to(longitude, header.shape), "longitude", "degrees_east"),
        "lat": (np.broadcast_to(latitude[:, None], header.shape), "latitude", "degrees_north"),
    }
    metres = {x: (easting, "projection_x_coordinate", "X"), y: (northing, "projection_y_coordinate", "Y")}
    return {
        name: xarray.Variable(name, values, {"standard_name": named, "units": "m", "axis": axis})
        for name, (values, named, axis) in metres.items()
    } | {
        f"{name}{suffix}": xarray.Variable((y, x), values, {"standard_name": named, "units": units})
        for name, (values, named, units) in degrees.items()
    }


def _require_run(folder: Path) -> None:
    """Raise `InputError` unless a folder holds a run's files."""
    if not (folder / "soil_moisture.tif").exists():
        found = sorted(path.parent for path in folder.glob("*/soil_moisture.tif")) or sorted(
            path.parent for path in folder.glob("*/*/soil_moisture.tif")
        )
        advice = f"{found[0]}" if found else "results/khangai/2021-08"
        raise InputError(
            f"{folder} is no folder of a run (it has no soil_moisture.tif): open that of a region and month, "
            f"such as {advice}."
        )
    for name in dict.fromkeys(variable.file for variable in _VARIABLES.values()):
        if name not in OPTIONAL and not (folder / name).exists():
            raise InputError(f"{folder / name} is missing, which every run has: run snakemake again, or copy it too.")
