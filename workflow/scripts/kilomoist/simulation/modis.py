"""Writer of MODIS granules as NASA's systems write them: MOD13 and MOD11 Collection 6.1, HDF4 with an HDF-EOS2 grid.

Datasets, their order, types, scales and fills, and the grid are those of real granules (doi 10.5067/MODIS/MOD13A1.061,
10.5067/MODIS/MOD11A1.061; HDF-EOS Library User's Guide), so that all that follows meets files of the real form. Of
the metadata there are the grid's and those by which a granule says which it is. Every file says that it is simulated in
its global attribute `kilomoist`, and the same input gives the same bytes.

As in real granules, datasets of MOD11 are deflated in one piece and those of MOD13 in a chunk a row; but those of MOD13
at level 1, where real ones have 5, which takes longer.
"""

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.files import replaced
from kilomoist.granules.simulated import MARK
from kilomoist.grids import TILE_SIDE
from kilomoist.product_types import Product
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.hdf4 import Hdf4Writer
from kilomoist.simulation.hdf_eos import (
    ROUNDED_SIDE,
    STRUCTURE_LENGTH,
    Dataset,
    check_arrays,
    datasets_of,
    inventory,
    structure,
)

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
    file = Hdf4Writer()
    axes = [file.dimension(f"{title}:{product.grid_name}", product.pixels) for title in ("YDim", "XDim")]
    datasets, numeric = [], []
    for dataset in table:
        array = arrays.get(dataset.name)
        numbers = np.full(shape, dataset.fill, dataset.type) if array is None else array
        told = [file.attribute(title, value) for title, value in _attributes(dataset).items()]
        added = file.dataset(dataset.name, numbers, dataset.fill, product.role == "vegetation", axes, told)
        datasets.append(added[0])
        numeric.append(added[1])
    fields = file.group("Data Fields", "GRID Vgroup", numeric)
    file.group(product.grid_name, "GRID", [fields, file.group("Grid Attributes", "GRID Vgroup")])
    texts = {
        "HDFEOSVersion": "HDFEOS_V2.19",
        "StructMetadata.0": _structure(product, tile, table).ljust(STRUCTURE_LENGTH, "\0"),
        "CoreMetadata.0": inventory(product, tile, time),
        MARK: "simulated",
    }
    own = [file.attribute(title, text) for title, text in texts.items()]
    file.group(granule_file_name(product, time, tile), "CDF0.0", [*axes, *datasets, *own])
    with replaced(path) as partial:
        partial.write_bytes(file.content())


def _attributes(dataset: Dataset) -> dict[str, str | NDArray]:
    """Attributes of a dataset."""
    numbers = {"valid_range": dataset.valid, "_FillValue": None if dataset.fills is None else dataset.fill}
    factors = {"scale_factor": dataset.scale, "add_offset": dataset.offset}
    told: dict[str, str | NDArray] = {"units": dataset.units} if dataset.units else {}
    told |= {title: np.array(value, dataset.type) for title, value in numbers.items() if value is not None}
    return told | {title: np.array(value, float) for title, value in factors.items() if value is not None}


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
