"""Reader of tiled granules, HDF4: MOD13 and MOD11 User Guides for Collection 6.1."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.granules import formats, hdf4
from kilomoist.granules.formats import shape_text
from kilomoist.granules.identity import (
    check_attributes,
    check_core_metadata,
    check_grid,
    check_statements,
)
from kilomoist.product_types import Product

_CORE, _STRUCTURE = "CoreMetadata.0", "StructMetadata.0"


def read_datasets(
    path: str | Path, product: Product, datasets: Iterable[str], name: str | None = None
) -> dict[str, NDArray]:
    """Stored numbers of datasets of a tiled granule, each of shape (pixels, pixels), in native byte order.

    `name` is the file name of the granule, by default the file's own. Raises `InputError` when the file is no whole
    HDF4 file or says that it is another granule, or a dataset is missing, damaged, or not the product's.
    """
    path = Path(path)
    formats.check_format(path, product)
    with formats.naming_damage(path, product):
        granule = hdf4.Hdf4File(path.read_bytes())
        selected = {title: _dataset(path, product, title, granule) for title in datasets}
        for title, dataset in selected.items():
            check_attributes(path, product, title, granule.attributes(dataset.group))
        texts = {title: str(value).partition("\0")[0] for title, value in granule.attributes(granule.root).items()}
        _check_identity(path, product, name or path.name, texts)
        types = {title: dataset.type for title, dataset in selected.items() if dataset.type}
        _check_types(path, product, types, texts[_STRUCTURE])
        return {title: granule.numbers(dataset) for title, dataset in selected.items()}


def _dataset(path: Path, product: Product, name: str, granule: hdf4.Hdf4File) -> hdf4.StoredDataset:
    """Form of a dataset. Raises `InputError` when it is missing, or not of the product's form."""
    if name not in granule.datasets:
        raise formats.missing_dataset(path, product, name, granule.datasets)
    dataset, shape = granule.dataset(name), (product.pixels, product.pixels)
    wrong = None
    if dataset.shape != shape:
        wrong = f"has {shape_text(dataset.shape)} pixels where {shape_text(shape)} are expected; take it away "
        wrong += "or choose the product that it is"
    elif dataset.type is None:
        wrong = "holds other numbers than the integers of 8 or 16 bits that are expected; "
        wrong += "take granules as NASA publishes them"
    if wrong:
        raise InputError(f"{path} is not a granule of {product.name}: its dataset {name!r} {wrong}.")
    return dataset


def _check_identity(path: Path, product: Product, name: str, texts: dict[str, str]) -> None:
    """Raise `InputError` when a file's HDF-EOS metadata tell another granule or grid than a file name does."""
    if _CORE in texts:
        check_core_metadata(path, product, texts[_CORE], name)
    if _STRUCTURE not in texts:
        raise InputError(
            f"{path} is not a granule of {product.name} as NASA publishes it: it has no {_STRUCTURE}, which tells "
            f"where its pixels lie; {formats.FETCH_AGAIN}."
        )
    check_grid(path, product, texts[_STRUCTURE], name)


def _check_types(path: Path, product: Product, types: dict[str, np.dtype], structure: str) -> None:
    """Raise `InputError` when a dataset's numbers are of another type than StructMetadata.0 tells."""
    told = dict(re.findall(r'DataFieldName="([^"]*)"\s*DataType=DFNT_(\w+)', structure))
    statements = ((f"type of {name!r}", found.name.upper(), told.get(name)) for name, found in types.items())
    check_statements(path, product, statements)
