"""Reading of tiled granules, whatever their format."""

from collections.abc import Iterable
from pathlib import Path

from numpy.typing import NDArray

from kilomoist.granules import modis, viirs
from kilomoist.product_types import Product

_READERS = {"HDF4": modis.read_datasets, "HDF5": viirs.read_datasets}


def read_datasets(
    path: str | Path, product: Product, datasets: Iterable[str], name: str | None = None
) -> dict[str, NDArray]:
    """Stored numbers of datasets of a tiled granule, by the reader of the product's format; raises what that raises."""
    return _READERS[product.format](path, product, datasets, name)
