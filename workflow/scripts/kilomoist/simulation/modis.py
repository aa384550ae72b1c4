"""Writer of MODIS granules as NASA's systems write them: MOD13 and MOD11 Collection 6.1, HDF4 with an HDF-EOS2 grid.

Datasets, their order, types, scales and fills, and the grid are those of real granules (doi 10.5067/MODIS/MOD13A1.061,
10.5067/MODIS/MOD11A1.061; HDF-EOS Library User's Guide), so that all that follows meets files of the real form. Of
the metadata there are the grid's and those by which a granule says which it is. Every file says that it is simulated in
its global attribute `kilomoist`, and the same input gives the same bytes.

Compression differs: all datasets are deflated at level 1 (real MOD13 uses 5, which takes longer) and in one piece (real
MOD13 has a chunk a row, which pyhdf cannot write).
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyhdf.error import HDF4Error
from pyhdf.HDF import HC, HDF
from pyhdf.SD import SD, SDC
from pyhdf.V import VG, V

from kilomoist.files import replaced, writing
from kilomoist.granules.formats import DESCRIPTOR, descriptors
from kilomoist.granules.simulated import MARK
from kilomoist.grids import TILE_SIDE, tile_indices
from kilomoist.product_types import Product
from kilomoist.simulation.file_names import granule_file_name

LEVEL = 1
"""Level of deflate: the fastest."""
_STRUCTURE_LENGTH = 32000
_DATA_GROUP = 720
_VGROUP = 1965
_HDF_TYPES = {"int8": SDC.INT8, "uint8": SDC.UINT8, "int16": SDC.INT16, "uint16": SDC.UINT16}


@dataclass(frozen=True)
class _Dataset:
    """A dataset of a tiled granule, and its attributes that tell what its numbers mean."""

    name: str
    """Of MOD13 without its beginning, such as "500m 16 days "."""
    type: str
    valid: tuple[int, int]
    fill: int
    """The number that stands where there is no observation."""
    units: str | None = None
    scale: float | None = None
    """As the file has it: MOD13 divides by it, MOD11 multiplies with it."""
    offset: float | None = None


_VEGETATION = (
    _Dataset("NDVI", "int16", (-2000, 10000), -3000, "NDVI", 10000.0, 0.0),
    _Dataset("EVI", "int16", (-2000, 10000), -3000, "EVI", 10000.0, 0.0),
    _Dataset("VI Quality", "uint16", (0, 65534), 65535, "bit field"),
    *(
        _Dataset(f"{band} reflectance", "int16", (0, 10000), -1000, "reflectance", 10000.0, 0.0)
        for band in ("red", "NIR", "blue", "MIR")
    ),
    _Dataset("view zenith angle", "int16", (0, 18000), -10000, "degrees", 100.0, 0.0),
    _Dataset("sun zenith angle", "int16", (0, 18000), -10000, "degrees", 100.0, 0.0),
    _Dataset("relative azimuth angle", "int16", (-18000, 18000), -4000, "degrees", 100.0, 0.0),
    _Dataset("composite day of the year", "int16", (1, 366), -1, "Julian day of the year "),
    _Dataset("pixel reliability", "int8", (0, 3), -1, "rank"),
)
# QC of 3 is "not produced, primarily for reasons other than cloud"; real files name no number as the fill of QC.
_TEMPERATURE = (
    _Dataset("LST_Day_1km", "uint16", (7500, 65535), 0, "K", 0.02),
    _Dataset("QC_Day", "uint8", (0, 255), 3),
    _Dataset("Day_view_time", "uint8", (0, 240), 255, "hrs", 0.1),
    _Dataset("Day_view_angl", "uint8", (0, 130), 255, "deg", 1.0, -65.0),
    _Dataset("LST_Night_1km", "uint16", (7500, 65535), 0, "K", 0.02),
    _Dataset("QC_Night", "uint8", (0, 255), 3),
    _Dataset("Night_view_time", "uint8", (0, 240), 255, "hrs", 0.1),
    _Dataset("Night_view_angl", "uint8", (0, 130), 255, "deg", 1.0, -65.0),
    _Dataset("Emis_31", "uint8", (1, 255), 0, None, 0.002, 0.49),
    _Dataset("Emis_32", "uint8", (1, 255), 0, None, 0.002, 0.49),
    _Dataset("Clear_day_cov", "uint16", (1, 65535), 0, None, 0.0005),
    _Dataset("Clear_night_cov", "uint16", (1, 65535), 0, None, 0.0005),
)


def write_tiled_granule(
    path: str | Path, product: Product, tile: str, time: datetime, arrays: dict[str, NDArray]
) -> None:
    """Write an HDF4 granule of a MOD13, MYD13, MOD11 or MYD11 product for a tile and its (first) day.

    `arrays` gives stored numbers by dataset, each of shape (pixels, pixels); datasets that it lacks hold their fill.
    Raises ValueError for a dataset that the product has not, a wrong shape, or numbers of another type.
    """
    table = _tiled_datasets(product)
    shape = (product.pixels, product.pixels)
    if unknown := set(arrays) - {dataset.name for dataset in table}:
        raise ValueError(f"{product.name} has no dataset {sorted(unknown)}")
    for dataset in table:
        array = arrays.get(dataset.name)
        if array is not None and (array.shape != shape or array.dtype != dataset.type):
            raise ValueError(f"{dataset.name} must be {dataset.type} of shape {shape}, not {array.dtype} {array.shape}")
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
                stored.setcompress(SDC.COMP_DEFLATE, LEVEL)
                array = arrays.get(dataset.name)
                stored.set(np.full(shape, dataset.fill, dataset.type) if array is None else np.ascontiguousarray(array))
                fields.add(_DATA_GROUP, stored.ref())
                stored.endaccess()
            texts = {
                "HDFEOSVersion": "HDFEOS_V2.19",
                "StructMetadata.0": _structure(product, tile, table).ljust(_STRUCTURE_LENGTH, "\0"),
                "CoreMetadata.0": _inventory(product, tile, time),
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


def _tiled_datasets(product: Product) -> tuple[_Dataset, ...]:
    """Datasets of a tiled product, in their order in the file."""
    if product.role == "temperature":
        return _TEMPERATURE
    prefix = product.layers["ndvi"].dataset.removesuffix("NDVI")
    return tuple(replace(row, name=prefix + row.name) for row in _VEGETATION)


def _attributes(dataset: _Dataset) -> list[tuple[str, int, Any]]:
    """Name, HDF4 type and value of a dataset's attributes."""
    kind = _HDF_TYPES[dataset.type]
    entries = [
        ("units", SDC.CHAR, dataset.units),
        ("valid_range", kind, list(dataset.valid)),
        ("_FillValue", kind, None if dataset.name.startswith("QC_") else dataset.fill),
        ("scale_factor", SDC.FLOAT64, dataset.scale),
        ("add_offset", SDC.FLOAT64, dataset.offset),
    ]
    return [entry for entry in entries if entry[-1] is not None]


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


def _structure(product: Product, tile: str, table: tuple[_Dataset, ...]) -> str:
    """StructMetadata.0: the grid as HDF-EOS2 describes it. MOD13 and MOD11 round the tile's side differently."""
    h, v = tile_indices(tile)
    temperature = product.role == "temperature"
    side = TILE_SIDE if temperature else 20015109.354 / 18
    left, top, right, bottom = (number * side for number in (h - 18, 9 - v, h - 17, 8 - v))
    grid = [
        f'GridName="{product.grid_name}"\nXDim={product.pixels}\nYDim={product.pixels}\n',
        f"UpperLeftPointMtrs=({left:.6f},{top:.6f})\nLowerRightMtrs=({right:.6f},{bottom:.6f})\n",
        "Projection=GCTP_SNSOID\n",
        f"ProjParams=(6371007.181000,0,0,0,0,0,0,0,{86400 if temperature else 0},0,0,0,0)\nSphereCode=-1\n",
        "GridOrigin=HDFE_GD_UL\n" if temperature else "",
    ]
    fields = [
        _entry(
            "OBJECT",
            f"DataField_{number}",
            f'DataFieldName="{dataset.name}"\nDataType=DFNT_{dataset.type.upper()}\nDimList=("YDim","XDim")\n',
        )
        for number, dataset in enumerate(table, start=1)
    ]
    groups = _entry("GROUP", "Dimension") + _entry("GROUP", "DataField", *fields) + _entry("GROUP", "MergedFields")
    grids = _entry("GROUP", "GridStructure", _entry("GROUP", "GRID_1", *grid, groups))
    return _entry("GROUP", "SwathStructure") + grids + _entry("GROUP", "PointStructure") + "END\n"


def _inventory(product: Product, tile: str, time: datetime) -> str:
    """CoreMetadata.0, inventory metadata in ODL: name, version, product, first day and tile of a granule."""
    name = granule_file_name(product, time, tile)
    collection = _value("VERSIONID", int(product.version)), _value("SHORTNAME", f'"{product.short_name}"')
    attributes = []
    for number, (axis, index) in enumerate(zip(("HORIZONTAL", "VERTICAL"), tile_indices(tile), strict=True), start=1):
        kind = {"CLASS": f'"{number}"'}
        information = _odl("GROUP", "INFORMATIONCONTENT", kind, _value("PARAMETERVALUE", f'"{index:02d}"', kind))
        title = _value("ADDITIONALATTRIBUTENAME", f'"{axis}TILENUMBER"', kind)
        attributes.append(_odl("OBJECT", "ADDITIONALATTRIBUTESCONTAINER", kind, title, information))
    groups = {
        "ECSDATAGRANULE": [_value("LOCALGRANULEID", f'"{name}"')],
        "COLLECTIONDESCRIPTIONCLASS": collection,
        "RANGEDATETIME": [_value("RANGEBEGINNINGDATE", f'"{time:%Y-%m-%d}"')],
        "ADDITIONALATTRIBUTES": attributes,
    }
    members = (_odl("GROUP", title, {}, *blocks) for title, blocks in groups.items())
    return _odl("GROUP", "INVENTORYMETADATA", {"GROUPTYPE": "MASTERGROUP"}, *members) + "\nEND\n"


def _value(name: str, value: Any, lines: Mapping[str, str] | None = None) -> str:
    return _odl("OBJECT", name, {"NUM_VAL": 1, **(lines or {}), "VALUE": value})


def _odl(kind: str, name: str, lines: Mapping[str, Any], *blocks: str) -> str:
    content = "".join(f"{key:<21}= {value}\n" for key, value in lines.items()) + "".join(blocks)
    return f"\n{kind:<23}= {name}\n{indent(content, '  ')}{chr(10) if blocks else ''}{f'END_{kind}':<23}= {name}\n"


def _entry(kind: str, name: str, *members: str) -> str:
    content = indent("".join(members), "\t")
    return f"{kind}={name}\n{content}END_{kind}={name}\n"
