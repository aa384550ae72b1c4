"""Writer of VIIRS granules as NASA's systems write them: VNP13, VJ113, VNP21A1 and VJ121A1, HDF5 with an HDF-EOS5 grid.

Groups, datasets, their order, types, scales, fills and attributes are those of a real VNP13A2 granule (doi
10.5067/VIIRS/VNP13A2.002) and, in the same form, of LAADS' file specification of VNP21A1, whose QC says of its scale
"n/a", as that of MOD21 does. Of the metadata there are the grid's and those by which a granule says which it is.
Every file says that it is simulated in its global attribute `kilomoist`, and the same input gives the same bytes.

Compression differs: it is at level 1 and in one piece, where the real granule has a chunk a row at level 5. And
StructMetadata.0 says more, so that GDAL (3.7 and later) opens every dataset as a grid, which it does not with the real
VNP13A2: from which corner the grid begins (`GridOrigin`), how large it is along its dimensions, and datasets once more
by the names that GDAL gives them, with underscores for blanks.
"""

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from kilomoist.files import replaced
from kilomoist.granules.ease_grid import describe
from kilomoist.granules.simulated import MARK
from kilomoist.grids import SPHERE_RADIUS, tile_grid
from kilomoist.product_types import Product
from kilomoist.simulation.deflate import LEVEL
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.hdf_eos import (
    ROUNDED_SIDE,
    STRUCTURE_LENGTH,
    Dataset,
    check_arrays,
    datasets_of,
    entry,
    inventory,
    structure,
)

_VEGETATION = (
    *(
        Dataset(name, "int16", (-10000, 10000), -13000, name, 0.0001, 0.0, fills=(-15000, -13000))
        for name in ("NDVI", "EVI", "EVI2")
    ),
    Dataset("VI Quality", "uint16", (0, 65534), 65535, "bit field"),
    *(
        Dataset(f"{band} reflectance", "int16", (0, 10000), -1000, "reflectance", 0.0001, 0.0)
        for band in ("red", "NIR", "blue", "green", "SWIR1", "SWIR2", "SWIR3")
    ),
    Dataset("view zenith angle", "int16", (0, 18000), -20000, "degrees", 0.01, 0.0),
    Dataset("sun zenith angle", "int16", (0, 18000), -20000, "degrees", 0.01, 0.0),
    Dataset("relative azimuth angle", "int16", (-18000, 18000), -20000, "degrees", 0.01, 0.0),
    Dataset("composite day of the year", "int16", (1, 366), -1, "Julian day of the year "),
    Dataset("pixel reliability", "int8", (0, 11), -1, "rank", fills=(-4, -1)),
)
# QC of 3 is "not produced, for reasons other than cloud".
_TEMPERATURE = (
    Dataset("LST_1KM", "uint16", (7500, 65535), 0, "K", 0.02, 0.0),
    Dataset("QC", "uint16", (0, 65535), 3, "n/a", "n/a", "n/a", fills=None),
    *(Dataset(f"Emis_{band}", "uint8", (1, 255), 0, "n/a", 0.002, 0.49) for band in (14, 15, 16)),
    Dataset("View_Angle", "uint8", (0, 130), 255, "deg", 1.0, -65.0),
    Dataset("View_Time", "uint8", (0, 240), 255, "hrs", 0.1, 0.0),
)
_NATIVE = {"int8": "SCHAR", "uint8": "UCHAR", "int16": "SHORT", "uint16": "USHORT"}
"""Types as StructMetadata.0 names them, after H5T_NATIVE_."""
_PROJECTION_FIELD = (
    'DataFieldName="Projection"\nDataType=H5T_NATIVE_INT\nDimList=("dimofone")\nMaxdimList=("dimofone")\n'
)


def write_tiled_granule(
    path: str | Path, product: Product, tile: str, time: datetime, arrays: dict[str, NDArray]
) -> None:
    """Write an HDF5 granule of a VNP13, VJ113, VNP21A1 or VJ121A1 product for a tile and its (first) day.

    `arrays` gives stored numbers by dataset, each of shape (pixels, pixels); datasets that it lacks hold their fill.
    Raises ValueError for a dataset that the product has not, a wrong shape, or numbers of another type.
    """
    table = datasets_of(product, _VEGETATION if product.role == "vegetation" else _TEMPERATURE)
    check_arrays(product, table, arrays)
    shape = (product.pixels, product.pixels)
    content = BytesIO()  # HDF5 ends the process when it cannot close a file for want of room
    # "v110" is the newest format that HDF5 1.10 to 1.14 read; what h5py writes as "latest" only HDF5 2 does.
    with h5py.File(content, "w", libver=("earliest", "v110")) as granule:
        identity = {"ShortName": product.short_name, "VersionID": product.version}
        name = granule_file_name(product, time, tile)
        describe(granule, {"LocalGranuleID": name, **identity, "Conventions": "CF-1.6", MARK: "simulated"})
        granule.create_group("HDFEOS/ADDITIONAL/FILE_ATTRIBUTES")
        grid = granule.create_group(f"HDFEOS/GRIDS/{product.grid_name}")
        fields = grid.create_group("Data Fields")
        _write_axes(grid, product, tile)
        for dataset in table:
            array = arrays.get(dataset.name)
            numbers = np.full(shape, dataset.fill, dataset.type) if array is None else array
            stored = fields.create_dataset(
                dataset.name, data=numbers, chunks=shape, compression="gzip", compression_opts=LEVEL
            )
            for axis, title in enumerate(("YDim", "XDim")):
                stored.dims[axis].attach_scale(grid[title])
            for title, value in _attributes(dataset).items():
                stored.attrs[title] = value
        information = granule.create_group("HDFEOS INFORMATION")
        describe(information, {"HDFEOSVersion": "HDFEOS_5.1.16"})
        core, described = inventory(product, tile, time), _structure(product, tile, table)
        information["CoreMetadata.0"] = np.bytes_(core.encode())
        information["StructMetadata.0"] = np.array(described.encode(), f"S{STRUCTURE_LENGTH}")
    with replaced(path) as partial_path:
        partial_path.write_bytes(content.getbuffer())


def _write_axes(grid: h5py.Group, product: Product, tile: str) -> None:
    """Write the coordinates of a tile's grid, which the real granule has of the pixels' corners, and its projection."""
    side, _, left, _, _, top = tile_grid(tile, product.pixels).transform()
    steps = np.arange(product.pixels)
    for axis, coordinates in (("x", left + side * steps), ("y", top - side * steps)):
        scale = grid.create_dataset(f"{axis.upper()}Dim", data=coordinates)
        scale.make_scale(f"{axis.upper()}Dim")
        standard = f"projection_{axis}_coordinate"
        describe(scale, {"long_name": f"{axis} coordinate of projection", "standard_name": standard, "units": "m"})
    described = dict.fromkeys(("longitude_of_central_meridian", "false_easting", "false_northing"), np.zeros(1))
    projection = {"grid_mapping_name": "sinusoidal", **described, "earth_radius": np.array([SPHERE_RADIUS])}
    describe(grid["Data Fields"].create_dataset("Projection", (1,), "i4"), projection)


def _attributes(dataset: Dataset) -> Mapping[str, Any]:
    """Attributes of a dataset, each an array of one number or more, as HDF-EOS5 writes them."""
    numbers = {
        "valid_range": dataset.valid,
        "_FillValue": None if dataset.fills is None else dataset.fills or (dataset.fill,),
    }
    others = {
        "long_name": dataset.name,
        "units": dataset.units,
        "scale_factor": dataset.scale,
        "add_offset": dataset.offset,
        "grid_mapping": "Projection",
    }
    told = {title: np.array(value, dataset.type) for title, value in numbers.items() if value is not None}
    for title, value in others.items():
        if value is not None:
            told[title] = np.array([value.encode() if isinstance(value, str) else value])
    return told


def _structure(product: Product, tile: str, table: tuple[Dataset, ...]) -> str:
    """StructMetadata.0: the grid as HDF-EOS5 describes it, and what GDAL asks for beside it."""
    projection = "Projection=HE5_GCTP_SNSOID\nProjParams=(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)\nSphereCode=-1\n"
    projection += "GridOrigin=HE5_HDFE_GD_UL\n"
    sizes = {"dimofone": 1, "YDim": product.pixels, "XDim": product.pixels}
    dimensions = "".join(
        entry("OBJECT", f"Dimension_{number}", f'DimensionName="{name}"\nSize={size}\n')
        for number, (name, size) in enumerate(sizes.items(), start=1)
    )
    types = {dataset.name: _NATIVE[dataset.type] for dataset in table}
    underscored = {name.replace(" ", "_"): kind for name, kind in types.items() if " " in name}
    fields = [*map(_field, types.items()), _PROJECTION_FIELD, *map(_field, underscored.items())]
    described = structure(product, tile, ROUNDED_SIDE, projection, fields, dimensions)
    return described + entry("GROUP", "ZaStructure") + "END\n"


def _field(field: tuple[str, str]) -> str:
    """Name and type of a field of the grid, as StructMetadata.0 tells them."""
    name, kind = field
    return (
        f'DataFieldName="{name}"\nDataType=H5T_NATIVE_{kind}\nDimList=("YDim","XDim")\nMaxdimList=("YDim","XDim")\n'
        f"CompressionType=HE5_HDFE_COMP_DEFLATE\nDeflateLevel={LEVEL}\n"
    )
