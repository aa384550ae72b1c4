"""Writer of SMAP L4 granules as NASA's system writes them: SPL4SMGP and SPL4SMAU, HDF5."""

import zlib
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from kilomoist.files import replaced, writing
from kilomoist.granules.ease_grid import describe, write_ease_grid
from kilomoist.grids import M09, Window, geographic_from_ease
from kilomoist.products import Product
from kilomoist.simulation.file_names import SMAP_KINDS, granule_file_name
from kilomoist.simulation.modis import LEVEL

_COORDINATES_LEVEL = 4
"""Level of deflate for what is compressed once a process: a twentieth of the size."""


def compress_target(window: Window, values: NDArray[np.float32]) -> bytes:
    """The compressed global field of soil moisture: `values` (m³/m³) on the cells of `window`, fill elsewhere.

    NaN becomes fill. Compression is most of the work of writing a SMAP granule, and threads can share it.
    """
    field = np.full(M09.window.shape, _TARGET_FILL, "<f4")
    field[window.within(M09.window)] = np.where(np.isnan(values), np.float32(_TARGET_FILL), values)
    return zlib.compress(field.data, LEVEL)


def write_target_granule(path: str | Path, product: Product, time: datetime, field: bytes) -> None:
    """Write an HDF5 granule of SPL4SMGP or SPL4SMAU with the field that `compress_target` made."""
    short_name, _ = product.name.split(".")
    seconds = (time - _TIME_EPOCH).total_seconds()
    # "v110" is the newest format that HDF5 1.10 to 1.14 read; what h5py writes as "latest" only HDF5 2 does.
    with (
        replaced(path) as partial_path,
        writing(RuntimeError),
        h5py.File(partial_path, "w", libver=("earliest", "v110")) as granule,
    ):
        describe(granule, _target_attributes(product, time))
        write_ease_grid(granule)
        describe(granule.create_dataset("time", data=[seconds]), _TIME | {"actual_range": np.array([seconds] * 2)})
        for name, (content, attributes) in _coordinates().items():
            _write_field(granule, name, content, attributes)
        limits = {"valid_min": np.float32(0), "valid_max": np.float32(0.9)}
        described = {
            "long_name": _LONG_NAMES[short_name],
            "units": "m3 m-3",
            **limits,
            **_fills(np.float32(_TARGET_FILL)),
        }
        _write_field(granule, product.layers["soil_moisture"].dataset, field, described)
        for group, entries in _target_metadata(product, time).items():
            describe(granule.create_group(f"Metadata/{group}"), entries)


_TARGET_FILL = -9999.0

_TITLES = {
    "SPL4SMGP": "SMAP L4_SM Geophysical (GPH) Data Granule",
    "SPL4SMAU": "SMAP L4_SM Analysis Update (AUP) Data Granule",
}
_LONG_NAMES = {
    "SPL4SMGP": "Top layer soil moisture (0-5 cm)",
    "SPL4SMAU": "Analysis surface soil moisture (0-5 cm)",
}
_TIME_EPOCH = datetime(2000, 1, 1, 12)
_TIME: dict[str, Any] = {
    "long_name": "Time",
    # The numbers count from `_TIME_EPOCH`, 64.184 s later than what the files say.
    "units": "seconds since 2000-01-01 11:58:55.816",
    "delta_t": "0000-00-00 03:00:00",
}


def _fills(fill: np.generic) -> dict[str, np.generic]:
    return dict.fromkeys(("_FillValue", "missing_value", "fmissing_value"), fill)


def _target_attributes(product: Product, time: datetime) -> dict[str, str]:
    short_name, version = product.name.split(".")
    return {
        "Title": _TITLES[short_name],
        "Filename": granule_file_name(product, time, None),
        "Source": {"007": "v17.11.1", "008": "v18.1.0"}.get(version, "simulated"),
        "Institution": "NASA Global Modeling and Assimilation Office",
        "Conventions": "CF",
        "History": "File written by ldas2daac.x",
        "Contact": "http://gmao.gsfc.nasa.gov",
        "Comment": "HDF-5",
        "References": "see SMAP L4_SM Product Specification Documentation",
        "kilomoist": "simulated",
    }


def _target_metadata(product: Product, time: datetime) -> dict[str, dict[str, Any]]:
    """The groups of `Metadata`, in short. A field stands for the 3 hours around its time."""
    short_name, version = product.name.split(".")
    first, last, made = (
        f"{time + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S}.000Z" for minutes in (-90, 90, 3 * 24 * 60)
    )
    series = {
        "shortName": short_name,
        "ECSVersionID": version,
        "VersionID": f"Vv{int(version)}010",
        "longName": "SMAP L4 Global 3-hourly 9 km EASE-Grid Surface and Root Zone Soil Moisture, simulated",
        "language": "eng",
        "characterSet": "utf8",
    }
    return {
        "DatasetIdentification": series
        | {
            "SMAPShortName": f"L4_SM_{SMAP_KINDS[short_name]}",
            "fileName": granule_file_name(product, time, None),
            "creationDate": made,
        },
        "SeriesIdentification": series | {"SMAPShortName": "L4_SM", "format": "HDF5", "mission": "SMAP"},
        "Extent": {
            "description": "Global land excluding inland water and permanent ice.",
            "rangeBeginningDateTime": first,
            "rangeEndingDateTime": last,
            "northBoundLatitude": np.float32(85.044),
            "southBoundLatitude": np.float32(-85.044),
            "westBoundLongitude": np.float32(-180),
            "eastBoundLongitude": np.float32(180),
        },
        "ProcessStep": {
            "epochUTCDate": "2000-01-01T11:58:55.816Z",
            "timeVariableEpoch": "J2000",
            "stepDateTime": made,
        },
    }


@cache
def _coordinates() -> dict[str, tuple[bytes, dict[str, Any]]]:
    """The compressed coordinates of all cells, which are the same in every granule, and their attributes."""
    columns, rows = np.arange(M09.columns, dtype="<u4"), np.arange(M09.rows, dtype="<u4")
    longitude, _ = geographic_from_ease(M09.x_centres(M09.window), np.zeros(M09.columns))
    _, latitude = geographic_from_ease(np.zeros(M09.rows), M09.y_centres(M09.window))
    degrees, index = _fills(np.float32(_TARGET_FILL)), _fills(np.uint32(4294967294))
    described = {
        "cell_lat": (latitude[:, None], "degrees", degrees, "The latitude of the center of each cell"),
        "cell_lon": (longitude, "degrees", degrees, "The longitude of the center of each cell"),
        "cell_row": (rows[:, None], "dimensionless", index, "The row index of each cell"),
        "cell_column": (columns, "dimensionless", index, "The column index of each cell"),
    }
    coordinates = {}
    for name, (values, units, fills, meaning) in described.items():
        kind = fills["_FillValue"].dtype
        attributes = {
            "long_name": f"{meaning} in the cylindrical 9 km Earth-fixed EASE-Grid 2.0.",
            "units": units,
            "valid_min": values.min().astype(kind),
            "valid_max": values.max().astype(kind),
            **fills,
        }
        grid = np.ascontiguousarray(np.broadcast_to(values, M09.window.shape).astype(kind.newbyteorder("<")))
        coordinates[name] = zlib.compress(grid.data, _COORDINATES_LEVEL), attributes
    return coordinates


def _write_field(granule: h5py.File, name: str, content: bytes, attributes: dict[str, Any]) -> None:
    """Write a compressed global grid as the one chunk of a dataset; its fill value has the dataset's type."""
    fill = attributes["_FillValue"]
    shape = M09.window.shape
    kind = fill.dtype.newbyteorder("<")
    field = granule.create_dataset(
        name, shape, kind, chunks=shape, compression="gzip", compression_opts=LEVEL, fillvalue=fill
    )
    field.id.write_direct_chunk((0, 0), content)
    for axis, scale in enumerate("yx"):
        field.dims[axis].label = scale
        field.dims[axis].attach_scale(granule[scale])
    describe(field, attributes | {"grid_mapping": "EASE2_global_projection"})
