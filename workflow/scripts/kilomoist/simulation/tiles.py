"""Writing of simulated tiled granules, whatever their format."""

from datetime import datetime
from pathlib import Path

from numpy.typing import NDArray

from kilomoist.product_types import Product
from kilomoist.simulation import modis, viirs

_WRITERS = {"HDF4": modis.write_tiled_granule, "HDF5": viirs.write_tiled_granule}


def write_tiled_granule(
    path: str | Path, product: Product, tile: str, time: datetime, arrays: dict[str, NDArray]
) -> None:
    """Write a granule of a tiled product by the writer of its format; raises what that raises."""
    _WRITERS[product.format](path, product, tile, time, arrays)
