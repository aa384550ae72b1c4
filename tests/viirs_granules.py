"""Small granules of VIIRS with known content."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.product_types import Product
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.tiles import write_tiled_granule

TYPES = {"VI Quality": np.uint16, "QC": np.uint16, "LST_1KM": np.uint16, "pixel reliability": np.int8}
"""Of datasets, by the end of their names; of all others int16."""


def viirs_granule(
    folder: Path, product: Product, time: datetime, tile: str, arrays: Mapping[str, int | NDArray] | None = None
) -> Path:
    """A granule, from stored numbers by dataset; those that are read and not given are 1 everywhere."""
    path = folder / granule_file_name(product, time, tile)
    stored = {}
    for name in product.datasets_of(product.layers):
        kind = next((kind for end, kind in TYPES.items() if name.endswith(end)), np.int16)
        stored[name] = np.broadcast_to((arrays or {}).get(name, 1), (product.pixels, product.pixels)).astype(kind)
    write_tiled_granule(path, product, tile, time, stored)
    return path
