"""Small granules of VIIRS, in the form of NASA's: HDF5 with an HDF-EOS5 grid, and nothing but what is read of it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
from granule_archives import granule_name
from numpy.typing import NDArray

from kilomoist.grids import SPHERE_RADIUS, tile_grid
from kilomoist.product_types import Product

TYPES = {"VI Quality": np.uint16, "QC": np.uint16, "LST_1KM": np.uint16, "pixel reliability": np.int8}
"""Of datasets, by the end of their names; of all others int16."""


def viirs_granule(
    folder: Path, product: Product, time: datetime, tile: str, arrays: Mapping[str, int | NDArray] | None = None
) -> Path:
    """A granule, from stored numbers by dataset; those that are not given are 1 everywhere."""
    path = folder / granule_name(product, time, tile)
    side, shape = product.pixels, (product.pixels, product.pixels)
    pixel, _, left, _, _, top = tile_grid(tile, side).transform()
    structure = f"""GROUP=GridStructure
GROUP=GRID_1
GridName="{product.grid_name}"
XDim={side}
YDim={side}
UpperLeftPointMtrs=({left:.6f},{top:.6f})
LowerRightMtrs=({left + side * pixel:.6f},{top - side * pixel:.6f})
Projection=HE5_GCTP_SNSOID
ProjParams=({SPHERE_RADIUS:.6f},0,0,0,0,0,0,0,0,0,0,0,0)
GROUP=Dimension
"""
    with h5py.File(path, "w", libver=("earliest", "v110")) as granule:
        granule.attrs.update(LocalGranuleID=path.name, ShortName=product.short_name, VersionID=product.version)
        granule["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(structure)
        fields = granule.create_group(f"HDFEOS/GRIDS/{product.grid_name}/Data Fields")
        for name in product.datasets_of(product.layers):
            kind = next((kind for end, kind in TYPES.items() if name.endswith(end)), np.int16)
            stored = np.broadcast_to((arrays or {}).get(name, 1), shape).astype(kind)
            fields.create_dataset(name, data=stored, chunks=(side // 4, side), compression="gzip", compression_opts=1)
        for layer in product.layers.values():
            for title, value in layer.attributes.items():
                fields[layer.dataset].attrs[title] = value
    return path
