"""Writer of MODIS granules as NASA's systems write them: MOD13 and MOD11 Collection 6.1, HDF4 with an HDF-EOS2 grid.

Datasets, their order, types, scales and fills, and the grid are those of real granules (doi 10.5067/MODIS/MOD13A1.061,
10.5067/MODIS/MOD11A1.061; HDF-EOS Library User's Guide), so that all that follows meets files of the real form. Of
the metadata there are the grid's and those by which a granule says which it is. Every file says that it is simulated in
its global attribute `kilomoist`, and the same input gives the same bytes.

As in real granules, datasets of MOD11 are deflated in one piece and those of MOD13 in a chunk a row; but those of MOD13
at level 1, where real ones have 5, which takes longer.
"""

import ctypes
import os
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyhdf import _hdfext
from pyhdf.error import HDF4Error
from pyhdf.HDF import HC, HDF
from pyhdf.SD import SD, SDC, SDS
from pyhdf.V import VG, V

from kilomoist.disks import writing
from kilomoist.files import replaced
from kilomoist.granules.hdf4 import DESCRIPTOR, descriptors
from kilomoist.granules.simulated import MARK
from kilomoist.grids import TILE_SIDE
from kilomoist.product_types import Product
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.hdf_eos import (
    ROUNDED_SIDE,
    STRUCTURE_LENGTH,
    Dataset,
    check_arrays,
    datasets_of,
    inventory,
    structure,
)

LEVEL = 1
"""Level of deflate: the fastest."""
_DATA_GROUP = 720
_VGROUP = 1965
_CHUNKED_AND_COMPRESSED = 3
_HDF_TYPES = {"int8": SDC.INT8, "uint8": SDC.UINT8, "int16": SDC.INT16, "uint16": SDC.UINT16}


_VEGETATION = (
    Dataset("NDVI", "int16", (-2000, 10000), -3000, "NDVI", 10000.0, 0.0),
    Dataset("EVI", "int16", (-2000, 10000), -3000, "EVI", 10000.0, 0.0),
    Dataset("VI Quality", "uint16", (0, 65534), 65535, "bit field"),
    *(
        Dataset(f"{band} reflectance", "int16", (0, 10000), -1000, "reflectance", 10000.0, 0.0)
        for band in ("red", "NIR", "blue", "MIR")
    ),
    Dataset("view zenith angle", "int16", (0, 18000), -10000, "degrees", 100.0, 0.0),
    Dataset("sun zenith angle", "int16", (0, 18000), -10000, "degrees", 100.0, 0.0),
    Dataset("relative azimuth angle", "int16", (-18000, 18000), -4000, "degrees", 100.0, 0.0),
    Dataset("composite day of the year", "int16", (1, 366), -1, "Julian day of the year "),
    Dataset("pixel reliability", "int8", (0, 3), -1, "rank"),
)
# QC of 3 is "not produced, primarily for reasons other than cloud"; real files name no number as the fill of QC.
_TEMPERATURE = (
    Dataset("LST_Day_1km", "uint16", (7500, 65535), 0, "K", 0.02),
    Dataset("QC_Day", "uint8", (0, 255), 3, fills=None),
    Dataset("Day_view_time", "uint8", (0, 240), 255, "hrs", 0.1),
    Dataset("Day_view_angl", "uint8", (0, 130), 255, "deg", 1.0, -65.0),
    Dataset("LST_Night_1km", "uint16", (7500, 65535), 0, "K", 0.02),
    Dataset("QC_Night", "uint8", (0, 255), 3, fills=None),
    Dataset("Night_view_time", "uint8", (0, 240), 255, "hrs", 0.1),
    Dataset("Night_view_angl", "uint8", (0, 130), 255, "deg", 1.0, -65.0),
    Dataset("Emis_31", "uint8", (1, 255), 0, None, 0.002, 0.49),
    Dataset("Emis_32", "uint8", (1, 255), 0, None, 0.002, 0.49),
    Dataset("Clear_day_cov", "uint16", (1, 65535), 0, None, 0.0005),
    Dataset("Clear_night_cov", "uint16", (1, 65535), 0, None, 0.0005),
)


def write_tiled_granule(
    path: str | Path, product: Product, tile: str, time: datetime, arrays: dict[str, NDArray]
) -> None:
    """Write an HDF4 granule of a MOD13, MYD13, MOD11 or MYD11 product for a tile and its (first) day.

    `arrays` gives stored numbers by dataset, each of shape (pixels, pixels); datasets that it lacks hold their fill.
    Raises ValueError for a dataset that the product has not, a wrong shape, or numbers of another type.
    """
    table = datasets_of(product, _VEGETATION if product.role == "vegetation" else _TEMPERATURE)
    check_arrays(product, table, arrays)
    shape = (product.pixels, product.pixels)
    with replaced(path) as partial_path:
        with writing(HDF4Error, ValueError):
            # HDF-EOS2 makes its groups first and fills them with the datasets: two views of one open file.
            file = HDF(str(partial_path), HC.CREATE | HC.TRUNC | HC.WRITE)
            groups = file.vgstart()
            titles = (product.grid_name, "GRID"), ("Data Fields", "GRID Vgroup"), ("Grid Attributes", "GRID Vgroup")
            grid, fields, attributes = (_vgroup(groups, title, kind) for title, kind in titles)
            grid.insert(fields)
            grid.insert(attributes)
            granule = SD(str(partial_path), SDC.WRITE)
            for dataset in table:
                stored = granule.create(dataset.name, _HDF_TYPES[dataset.type], shape)
                for axis, title in enumerate(("YDim", "XDim")):
                    stored.dim(axis).setname(f"{title}:{product.grid_name}")
                for title, kind, value in _attributes(dataset):
                    stored.attr(title).set(kind, value)
                if product.role == "vegetation":
                    _set_chunks(stored, (1, product.pixels))
                else:
                    stored.setcompress(SDC.COMP_DEFLATE, LEVEL)
                array = arrays.get(dataset.name)
                stored.set(np.full(shape, dataset.fill, dataset.type) if array is None else np.ascontiguousarray(array))
                fields.add(_DATA_GROUP, stored.ref())
                stored.endaccess()
            texts = {
                "HDFEOSVersion": "HDFEOS_V2.19",
                "StructMetadata.0": _structure(product, tile, table).ljust(STRUCTURE_LENGTH, "\0"),
                "CoreMetadata.0": inventory(product, tile, time),
                MARK: "simulated",
            }
            for title, text in texts.items():
                granule.attr(title).set(SDC.CHAR, text)
            for group in (grid, fields, attributes):
                group.detach()
            groups.end()
            granule.end()
            file.close()
        _rename_root(partial_path, granule_file_name(product, time, tile))


def _attributes(dataset: Dataset) -> list[tuple[str, int, Any]]:
    """Name, HDF4 type and value of a dataset's attributes."""
    kind = _HDF_TYPES[dataset.type]
    entries = [
        ("units", SDC.CHAR, dataset.units),
        ("valid_range", kind, list(dataset.valid)),
        ("_FillValue", kind, None if dataset.fills is None else dataset.fill),
        ("scale_factor", SDC.FLOAT64, dataset.scale),
        ("add_offset", SDC.FLOAT64, dataset.offset),
    ]
    return [entry for entry in entries if entry[-1] is not None]


class _Chunks(ctypes.Structure):
    """HDF_CHUNK_DEF of the HDF4 library: lengths of chunks, and how they are compressed."""

    _fields_ = (
        ("lengths", ctypes.c_int32 * 32),
        ("coder", ctypes.c_int32),
        ("model", ctypes.c_int32),
        ("coder_settings", ctypes.c_int32 * 5),
        ("model_settings", ctypes.c_int32),
    )


def _set_chunks(dataset: SDS, lengths: tuple[int, int]) -> None:
    """Store a new dataset in deflated chunks. pyhdf has no function for that, but the library below it has."""
    set_chunk = ctypes.CDLL(_hdfext.__file__).SDsetchunk
    set_chunk.argtypes = (ctypes.c_int32, _Chunks, ctypes.c_int32)
    chunks = _Chunks((ctypes.c_int32 * 32)(*lengths), SDC.COMP_DEFLATE, 0, (ctypes.c_int32 * 5)(LEVEL), 0)
    if set_chunk(dataset._id, chunks, _CHUNKED_AND_COMPRESSED) < 0:
        raise HDF4Error("SDsetchunk failed")


def _vgroup(groups: V, name: str, kind: str) -> VG:
    """A new group of an HDF4 file."""
    group = groups.create(name)
    group._class = kind
    return group


def _rename_root(path: Path, name: str) -> None:
    """Rename the root of an HDF4 file, which the library calls like the file, by its temporary name.

    The root is the Vgroup of class `CDF0.0`, which the library writes last. Its entry in the directory holds its place
    and length; in it, the length of its name (2 bytes) stands before the name.
    """
    content = path.read_bytes()
    old, new = (struct.pack(">H", len(text)) + text for text in (os.fsencode(path), name.encode()))
    for position, entries in descriptors(content):
        for number, (tag, _, begin, length) in enumerate(entries.tolist()):
            end = begin + length
            root = content[begin:end]
            if tag == _VGROUP and b"CDF0.0" in root and old in root and not content[end:].strip(b"\0"):
                root = root.replace(old, new)
                length_end = position + (number + 1) * DESCRIPTOR.itemsize  # the length is an entry's last number
                before, after = content[: length_end - 4], content[length_end:begin]
                path.write_bytes(before + struct.pack(">I", len(root)) + after + root + b"\0")
                return
    raise RuntimeError(f"{path} does not end with a root group of its name")


def _structure(product: Product, tile: str, table: tuple[Dataset, ...]) -> str:
    """StructMetadata.0: the grid as HDF-EOS2 describes it. MOD13 and MOD11 round the tile's side differently."""
    temperature = product.role == "temperature"
    projection = "Projection=GCTP_SNSOID\n"
    projection += f"ProjParams=(6371007.181000,0,0,0,0,0,0,0,{86400 if temperature else 0},0,0,0,0)\nSphereCode=-1\n"
    projection += "GridOrigin=HDFE_GD_UL\n" if temperature else ""
    fields = (
        f'DataFieldName="{dataset.name}"\nDataType=DFNT_{dataset.type.upper()}\nDimList=("YDim","XDim")\n'
        for dataset in table
    )
    side = TILE_SIDE if temperature else ROUNDED_SIDE
    return structure(product, tile, side, projection, fields) + "END\n"
