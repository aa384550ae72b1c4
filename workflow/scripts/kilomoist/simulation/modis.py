"""Writers of granules as NASA's systems write them: the same names, types, attributes, layout and metadata.

They serve simulated granules, so that everything downstream meets files of the real form. Layout and attributes are
those of MOD13 and MOD11 Collection 6.1 (doi 10.5067/MODIS/MOD13A1.061, 10.5067/MODIS/MOD11A1.061; HDF-EOS2 grids,
HDF-EOS Library User's Guide) and of SMAP L4_SM (Product Specification Document, NASA GMAO Office Note 11). Every file
says that it is simulated in its global attribute `kilomoist`, and the same input gives the same bytes.

Three things differ from real granules. MODIS: all datasets are compressed at deflate's level 1 (real MOD13 uses 5,
which takes longer) and in one piece (real MOD13 has a chunk a row, which pyhdf cannot write).
SMAP: of the 40 fields of SPL4SMGP there is one.
"""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyhdf.error import HDF4Error
from pyhdf.HDF import HC, HDF
from pyhdf.SD import SD, SDC
from pyhdf.V import VG, V

from kilomoist.files import replaced, writing
from kilomoist.granules.hdf4 import DESCRIPTOR, descriptors
from kilomoist.grids import TILE_SIDE, geographic_from_sinusoidal, tile_indices
from kilomoist.products import Product
from kilomoist.simulation.file_names import granule_file_name, production_time

LEVEL = 1
"""Level of deflate: the fastest."""

_STRUCTURE_LENGTH = 32000
_DATA_GROUP = 720
_VGROUP = 1965
_HDF_TYPES = {"int8": SDC.INT8, "uint8": SDC.UINT8, "int16": SDC.INT16, "uint16": SDC.UINT16}


@dataclass(frozen=True)
class _Dataset:
    """A dataset of a tiled granule, as its attributes describe it."""

    name: str
    long_name: str
    type: str
    valid: tuple[int, int]
    fill: int
    """The number that stands where there is no observation."""
    units: str | None = None
    scale: float | None = None
    """As the file has it: MOD13 divides by it, MOD11 multiplies with it."""
    offset: float | None = None
    note: tuple[str, str] | None = None
    """Name and text of an attribute that explains the numbers."""
    fill_text: str | None = None
    """What the attribute `_FillValue` says instead of the number."""


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
                for title, kind, value in _attributes(dataset, product):
                    stored.attr(title).set(kind, value)
                stored.setcompress(SDC.COMP_DEFLATE, LEVEL)
                array = arrays.get(dataset.name)
                stored.set(np.full(shape, dataset.fill, dataset.type) if array is None else np.ascontiguousarray(array))
                fields.add(_DATA_GROUP, stored.ref())
                stored.endaccess()
            for title, text in _global_attributes(product, tile, time, table).items():
                granule.attr(title).set(SDC.CHAR, text)
            for group in (grid, fields, attributes):
                group.detach()
            groups.end()
            granule.end()
            file.close()
        _rename_root(partial_path, granule_file_name(product, time, tile))


_QUALITY_LEGEND = """
\t Bit Fields Description (Right to Left):\x20
\t[0-1] : MODLAND_QA [2 bit range]\x20
\t\t 00: VI produced, good quality\x20
\t\t 01: VI produced, but check other QA\x20
\t\t 10: Pixel produced, but most probably cloudy\x20
\t\t 11: Pixel not produced due to other reasons than clouds\x20
\t[2-5] : VI usefulness [4 bit range]\x20
\t\t 0000: Highest quality\x20
\t\t 0001: Lower quality \x20
\t\t 0010..1010: Decreasing quality\x20
\t\t 1100: Lowest quality\x20
\t\t 1101: Quality so low that it is not useful\x20
\t\t 1110: L1B data faulty\x20
\t\t 1111: Not useful for any other reason/not processed\x20
\t[6-7] : Aerosol quantity [2 bit range]\x20
\t\t 00: Climatology\x20
\t\t 01: Low\x20
\t\t 10: Average\x20
\t\t 11: High (11)\x20
\t[8] : Adjacent cloud detected; [1 bit range]\x20
\t\t 1: Yes\x20
\t\t 0: No\x20
\t[9] : Atmosphere BRDF correction performed [1 bit range]\x20
\t\t 1: Yes\x20
\t\t 0: No\x20
\t[10] : Mixed clouds  [1 bit range]\x20
\t\t 1: Yes\x20
\t\t 0: No\x20
\t[11-13] : Land/Water Flag [3 bit range]\x20
\t\t 000: Shallow ocean\x20
\t\t 001: Land (Nothing else but land)\x20
\t\t 010: Ocean coastlines and lake shorelines\x20
\t\t 011: Shallow inland water\x20
\t\t 100: Ephemeral water\x20
\t\t 101: Deep inland water\x20
\t\t 110: Moderate or continental ocean\x20
\t\t 111: Deep ocean\x20
\t[14] : Possible snow/ice [1 bit range]\x20
\t\t 1: Yes\x20
\t\t 0: No\x20
\t[15] : Possible shadow [1 bit range]\x20
\t\t 1: Yes\x20
\t\t 0: No\x20
"""
_MIR_LEGEND = """
\t The MIR band saved in the VI product is MODIS band 7\x20
\t\t Bandwidth : 2105-2155 nm\x20
\t\t Band center: 2130 nm\x20
"""
_RANK_LEGEND = """
\t Rank Keys:\x20
\t[-1] : Fill/No Data-Not Processed.\x20
\t [0] : Good data      - Use with confidence\x20
\t [1] : Marginal data  - Useful, but look at other QA information\x20
\t [2] : Snow/Ice       - Target covered with snow/ice\x20
\t [3] : Cloudy         - Target not visible, covered with cloud\x20
"""

_vi = partial(_Dataset, long_name="", type="int16", valid=(-2000, 10000), fill=-3000, scale=10000.0)
_reflectance = partial(_vi, valid=(0, 10000), fill=-1000, units="reflectance")
_angle = partial(_vi, valid=(0, 18000), fill=-10000, units="degrees", scale=100.0)
_VEGETATION = (  # names without their beginning, such as "500m 16 days "; long names are the names
    _vi("NDVI", units="NDVI"),
    _vi("EVI", units="EVI"),
    _Dataset("VI Quality", "", "uint16", (0, 65534), 65535, "bit field", note=("Legend", _QUALITY_LEGEND)),
    _reflectance("red reflectance"),
    _reflectance("NIR reflectance"),
    _reflectance("blue reflectance"),
    _reflectance("MIR reflectance", note=("Legend", _MIR_LEGEND)),
    _angle("view zenith angle"),
    _angle("sun zenith angle"),
    _angle("relative azimuth angle", valid=(-18000, 18000), fill=-4000),
    _Dataset("composite day of the year", "", "int16", (1, 366), -1, "Julian day of the year "),
    _Dataset("pixel reliability", "", "int8", (0, 3), -1, "rank", note=("Legend", _RANK_LEGEND)),
)

_lst = partial(
    _Dataset,
    type="uint16",
    valid=(7500, 65535),
    fill=0,
    units="K",
    scale=0.02,
    note=("LST", "LST data * scale_factor"),
)
# 3: not produced, primarily for reasons other than cloud. The files call the text "NA" the fill value.
_quality = partial(_Dataset, type="uint8", valid=(0, 255), fill=3, fill_text="NA\0")
_view_time = partial(
    _Dataset,
    type="uint8",
    valid=(0, 240),
    fill=255,
    units="hrs",
    scale=0.1,
    note=("View_time", "View_time data * scale_factor"),
)
_view_angle = partial(
    _Dataset,
    type="uint8",
    valid=(0, 130),
    fill=255,
    units="deg",
    scale=1.0,
    offset=-65.0,
    note=("View_angle", "View_angle data * scale_factor + add_offset"),
)
_emissivity = partial(_Dataset, type="uint8", valid=(1, 255), fill=0, scale=0.002, offset=0.49)
_coverage = partial(_Dataset, type="uint16", valid=(1, 65535), fill=0, scale=0.0005)
_TEMPERATURE = (
    _lst("LST_Day_1km", "Daily daytime 1km grid Land-surface Temperature"),
    _quality("QC_Day", "Quality control for daytime LST and emissivity"),
    _view_time("Day_view_time", "Time of daytime Land-surface Temperature observation"),
    _view_angle("Day_view_angl", "View zenith angle of daytime Land-surface Temperature"),
    _lst("LST_Night_1km", "Daily nighttime 1km grid Land-surface Temperature"),
    _quality("QC_Night", "Quality control for nighttime LST and emissivity"),
    _view_time("Night_view_time", "Time of nighttime Land-surface Temperature observation"),
    _view_angle("Night_view_angl", "View zenith angle of nighttime Land-surface Temperature"),
    _emissivity("Emis_31", "Band 31 emissivity", note=("Emis_31", "Emis_31 data * scale_factor + add_offset")),
    _emissivity("Emis_32", "Band 32 emissivity", note=("Emis_32", "Emis_32 data * scale_factor + add_offset")),
    _coverage(
        "Clear_day_cov", "day clear-sky coverage", note=("day clear_sky_cov", "day_clear_sky_cov data * scale_factor")
    ),
    _coverage(
        "Clear_night_cov",
        "night clear-sky coverage",
        note=("night clear_sky_cov", "nit_clear_sky_cov data * scale_factor"),
    ),
)


def _tiled_datasets(product: Product) -> tuple[_Dataset, ...]:
    """The datasets of a tiled product, in their order in the file."""
    if product.role == "temperature":
        return _TEMPERATURE
    prefix = product.layers["ndvi"].dataset.removesuffix("NDVI")
    return tuple(replace(row, name=prefix + row.name, long_name=prefix + row.name) for row in _VEGETATION)


def _attributes(dataset: _Dataset, product: Product) -> list[tuple[str, int, Any]]:
    """Name, HDF4 type and value of a dataset's attributes, in their order in the file."""
    temperature = product.role == "temperature"
    kind = _HDF_TYPES[dataset.type]
    fill = (kind, dataset.fill) if dataset.fill_text is None else (SDC.CHAR, dataset.fill_text)
    scale_error = ("scale_factor_err", SDC.FLOAT64, 0.0)
    # The library's own call writes an offset always and after the scale's error, and MOD13 uses it.
    offset = dataset.offset if temperature else 0.0
    offsets = [] if offset is None else [("add_offset", SDC.FLOAT64, offset)]
    entries: list[tuple[str, int, Any]] = [("long_name", SDC.CHAR, dataset.long_name)]
    if dataset.units:
        entries.append(("units", SDC.CHAR, dataset.units))
    if temperature:
        entries.append(("Number Type", SDC.CHAR, dataset.type))
    entries += [("valid_range", kind, list(dataset.valid)), ("_FillValue", *fill)]
    if dataset.note:
        entries.append((dataset.note[0], SDC.CHAR, dataset.note[1]))
    if dataset.scale:
        entries.append(("scale_factor", SDC.FLOAT64, dataset.scale))
        entries += [*offsets, scale_error] if temperature else [scale_error, *offsets]
        entries += [("add_offset_err", SDC.FLOAT64, 0.0), ("calibrated_nt", SDC.INT32, 5)]
    return entries


def _vgroup(groups: V, name: str, kind: str) -> VG:
    """A new group of an HDF4 file, of a class."""
    group = groups.create(name)
    group._class = kind
    return group


def _rename_root(path: Path, name: str) -> None:
    """Call the root of an HDF4 file `name`: the library calls it like the file, which has a temporary name.

    The root is the Vgroup of class `CDF0.0`, which the library writes last. Its entry in the directory says where it
    lies and how long it is; in it, the length of its name (2 bytes) stands before the name.
    """
    content = path.read_bytes()
    old, new = (struct.pack(">H", len(text)) + text for text in (os.fsencode(path), name.encode()))
    for position, entries in descriptors(content):
        for number, (tag, _, begin, length) in enumerate(entries.tolist()):
            end = begin + length
            root = content[begin:end]
            if tag == _VGROUP and b"CDF0.0" in root and old in root:
                if content[end:].strip(b"\0"):
                    raise RuntimeError(f"{path}: the root group is not the last element")
                root = root.replace(old, new)
                entry = position + number * DESCRIPTOR.itemsize
                length_at = entry + DESCRIPTOR.itemsize - 4  # the length is the last of an entry's numbers
                path.write_bytes(
                    content[:length_at] + struct.pack(">I", len(root)) + content[length_at + 4 : begin] + root + b"\0"
                )
                return
    raise RuntimeError(f"{path} has no root group of its name")


def _global_attributes(product: Product, tile: str, time: datetime, table: Sequence[_Dataset]) -> dict[str, str]:
    short_name, version = product.name.split(".")
    return {
        "HDFEOSVersion": "HDFEOS_V2.19",
        "StructMetadata.0": _structure(product, tile, table).ljust(_STRUCTURE_LENGTH, "\0"),
        "CoreMetadata.0": _odl("INVENTORYMETADATA", _inventory(product, tile, time)),
        "ArchiveMetadata.0": _odl("ARCHIVEDMETADATA", _archive(product, tile)),
        "identifier_product_doi": f"10.5067/MODIS/{short_name}.{version}",
        "identifier_product_doi_authority": "http://dx.doi.org",
        "kilomoist": "simulated",
    }


def _structure(product: Product, tile: str, table: Sequence[_Dataset]) -> str:
    """StructMetadata.0: the grid as HDF-EOS2 describes it. MOD13 and MOD11 round the tile's side differently."""
    h, v = tile_indices(tile)
    temperature = product.role == "temperature"
    side = TILE_SIDE if temperature else 20015109.354 / 18
    left, top, right, bottom = (number * side for number in (h - 18, 9 - v, h - 17, 8 - v))
    parameters = f"(6371007.181000,0,0,0,0,0,0,0,{86400 if temperature else 0},0,0,0,0)"
    lines = ["GROUP=SwathStructure", "END_GROUP=SwathStructure", "GROUP=GridStructure", "\tGROUP=GRID_1"]
    lines += [
        f'\t\tGridName="{product.grid_name}"',
        f"\t\tXDim={product.pixels}",
        f"\t\tYDim={product.pixels}",
        f"\t\tUpperLeftPointMtrs=({left:.6f},{top:.6f})",
        f"\t\tLowerRightMtrs=({right:.6f},{bottom:.6f})",
        "\t\tProjection=GCTP_SNSOID",
        f"\t\tProjParams={parameters}",
        "\t\tSphereCode=-1",
        *(["\t\tGridOrigin=HDFE_GD_UL"] if temperature else []),
        "\t\tGROUP=Dimension",
        "\t\tEND_GROUP=Dimension",
        "\t\tGROUP=DataField",
    ]
    for number, dataset in enumerate(table, start=1):
        lines += [
            f"\t\t\tOBJECT=DataField_{number}",
            f'\t\t\t\tDataFieldName="{dataset.name}"',
            f"\t\t\t\tDataType=DFNT_{dataset.type.upper()}",
            '\t\t\t\tDimList=("YDim","XDim")',
            f"\t\t\tEND_OBJECT=DataField_{number}",
        ]
    lines += ["\t\tEND_GROUP=DataField", "\t\tGROUP=MergedFields", "\t\tEND_GROUP=MergedFields", "\tEND_GROUP=GRID_1"]
    lines += ["END_GROUP=GridStructure", "GROUP=PointStructure", "END_GROUP=PointStructure", "END", ""]
    return "\n".join(lines)


def _inventory(product: Product, tile: str, time: datetime) -> list[tuple[str, Any]]:
    """CoreMetadata.0: what readers ask for, of what the real one holds."""
    short_name, version = product.name.split(".")
    h, v = tile_indices(tile)
    last = time + timedelta(days=15 if product.calendar == "16-day" else 0)
    additional = {"HORIZONTALTILENUMBER": f"{h:02d}", "VERTICALTILENUMBER": f"{v:02d}", "TileID": f"51{h:03d}{v:03d}"}
    platform = "Terra" if short_name.startswith("MOD") else "Aqua"
    return [
        (
            "ECSDATAGRANULE",
            [
                ("LOCALGRANULEID", granule_file_name(product, time, tile)),
                ("PRODUCTIONDATETIME", f"{production_time(time):%Y-%m-%dT%H:%M:%S}.000Z"),
                ("DAYNIGHTFLAG", "Both" if product.role == "temperature" else "Day"),
                ("REPROCESSINGACTUAL", "simulated"),
            ],
        ),
        # As a number the version has no zero before it: 61.
        ("COLLECTIONDESCRIPTIONCLASS", [("VERSIONID", int(version)), ("SHORTNAME", short_name)]),
        (
            "RANGEDATETIME",
            [
                ("RANGEBEGINNINGDATE", f"{time:%Y-%m-%d}"),
                ("RANGEBEGINNINGTIME", "00:00:00"),
                ("RANGEENDINGDATE", f"{last:%Y-%m-%d}"),
                ("RANGEENDINGTIME", "23:59:59"),
            ],
        ),
        (
            "ASSOCIATEDPLATFORMINSTRUMENTSENSOR",
            [
                (
                    "ASSOCIATEDPLATFORMINSTRUMENTSENSORCONTAINER",
                    [
                        ("ASSOCIATEDSENSORSHORTNAME", "MODIS"),
                        ("ASSOCIATEDPLATFORMSHORTNAME", platform),
                        ("ASSOCIATEDINSTRUMENTSHORTNAME", "MODIS"),
                    ],
                )
            ],
        ),
        (
            "ADDITIONALATTRIBUTES",
            [
                (
                    "ADDITIONALATTRIBUTESCONTAINER",
                    [("ADDITIONALATTRIBUTENAME", name), ("INFORMATIONCONTENT", [("PARAMETERVALUE", value)])],
                )
                for name, value in additional.items()
            ],
        ),
    ]


def _archive(product: Product, tile: str) -> list[tuple[str, Any]]:
    """ArchiveMetadata.0, in short; the rectangle ends at the date line where the tile reaches beyond the Earth."""
    h, v = tile_indices(tile)
    x, y = np.meshgrid([(h - 18) * TILE_SIDE, (h - 17) * TILE_SIDE], [(9 - v) * TILE_SIDE, (8 - v) * TILE_SIDE])
    with np.errstate(divide="ignore", invalid="ignore"):
        longitude, latitude = geographic_from_sinusoidal(x, np.clip(y, -8.999 * TILE_SIDE, 8.999 * TILE_SIDE))
    longitude = np.clip(longitude, -180, 180)
    return [
        ("TILEINFO", [("HORIZONTALTILENUMBER", f"{h:02d}"), ("VERTICALTILENUMBER", f"{v:02d}")]),
        ("PROJECT", [("LONGNAME", f"Simulated granule of {product.name}"), ("PROCESSINGCENTER", "kilomoist")]),
        (
            "BOUNDINGRECTANGLE",
            [
                ("NORTHBOUNDINGCOORDINATE", float(latitude.max())),
                ("SOUTHBOUNDINGCOORDINATE", float(latitude.min())),
                ("EASTBOUNDINGCOORDINATE", float(longitude.max())),
                ("WESTBOUNDINGCOORDINATE", float(longitude.min())),
            ],
        ),
    ]


def _odl(name: str, members: list[tuple[str, Any]]) -> str:
    """A text of the object description language in which EOS writes metadata.

    A list of members is a group, anything else the value of an object. Names that end with CONTAINER may come
    several times, and CLASS numbers them and all that they hold.
    """
    lines = ["", f"{'GROUP':<23}= {name}", f"  {'GROUPTYPE':<21}= MASTERGROUP", ""]
    lines += _odl_members(members, "  ", None)
    return "\n".join([*lines, f"{'END_GROUP':<23}= {name}", "", "END", ""])


def _odl_members(members: list[tuple[str, Any]], indent: str, number: int | None) -> list[str]:
    lines = []
    containers = 0
    for name, value in members:
        container = name.endswith("CONTAINER")
        containers += container
        inner = containers if container else number
        kind = "GROUP" if isinstance(value, list) and not container else "OBJECT"
        marks = [] if inner is None else [f'{indent}  {"CLASS":<21}= "{inner}"']
        lines.append(f"{indent}{kind:<23}= {name}")
        if isinstance(value, list):
            lines += [*marks, "", *_odl_members(value, indent + "  ", inner)]
        else:
            text = f'"{value}"' if isinstance(value, str) else str(value)
            lines += [*marks, f"{indent}  {'NUM_VAL':<21}= 1", f"{indent}  {'VALUE':<21}= {text}"]
        lines += [f"{indent}{f'END_{kind}':<23}= {name}", ""]
    return lines
