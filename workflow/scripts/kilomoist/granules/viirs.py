"""Reader of tiled granules, HDF5 with an HDF-EOS5 grid: VIIRS' vegetation indices and surface temperature.

HDF-EOS5 Data Model, File Format and Library (NASA ESDS-RFC-008). GDAL and xarray stumble over the two fills of VNP13.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.granules import formats
from kilomoist.granules.formats import FETCH_AGAIN, shape_text
from kilomoist.granules.hdf5 import dataset_of, member_of, names_in, read_attribute, read_whole
from kilomoist.granules.identity import (
    Statement,
    check_attributes,
    check_core_metadata,
    check_grid,
    check_statements,
    expected_attributes,
    own_name,
    text_of,
)
from kilomoist.product_types import Product

if TYPE_CHECKING:
    import h5py

_INFORMATION = "HDFEOS INFORMATION"
_LONGEST = (1 << 20,)
"""Bytes of a text of metadata, in HDF-EOS of at most 64 KiB."""


def read_datasets(
    path: str | Path, product: Product, datasets: Iterable[str], name: str | None = None
) -> dict[str, NDArray]:
    """Stored numbers of datasets of a tiled granule, each of shape (pixels, pixels), in native byte order.

    `name` is the file name of the granule, by default the file's own. Raises `InputError` when the file is no whole
    HDF5 file or says that it is another granule, or a dataset is missing, damaged, or not the product's.
    """
    import h5py  # a job that reads HDF4 does without

    path = Path(path)
    formats.check_format(path, product)
    with formats.naming_damage(path, product), h5py.File(path, "r") as granule:
        stored = {title: _dataset(path, product, granule, title) for title in datasets}
        for title, dataset in stored.items():
            check_attributes(path, product, title, _attributes(dataset, expected_attributes(product, title)))
        _check_identity(path, product, granule, name or path.name)
        fills = {title: expected_attributes(product, title).get("_FillValue") for title in stored}
        return {
            title: read_whole(dataset, fills[title]).astype(dataset.dtype.newbyteorder("="), copy=False)
            for title, dataset in stored.items()
        }


def _dataset(path: Path, product: Product, granule: "h5py.File", title: str) -> "h5py.Dataset":
    """A dataset of the product's grid. Raises `InputError` when it is missing, or not of the product's form."""
    import h5py

    shape = (product.pixels, product.pixels)
    fields = f"HDFEOS/GRIDS/{product.grid_name}/Data Fields"
    found = dataset_of(path, product, granule, f"{fields}/{title}", shape)
    if found is None:
        grid = member_of(path, product, granule, fields)
        present = names_in(grid if isinstance(grid, h5py.Group) else granule)
        raise formats.missing_dataset(path, product, title, present)
    wrong = None
    if found.shape != shape:
        wrong = f"has {shape_text(found.shape)} pixels where {shape_text(shape)} are expected; take it away "
        wrong += "or choose the product that it is"
    elif not np.issubdtype(found.dtype, np.integer) or found.dtype.itemsize > 2:
        wrong = "holds other numbers than the integers of 8 or 16 bits that are expected; "
        wrong += "take granules as NASA publishes them"
    if wrong:
        raise InputError(f"{path} is not a granule of {product.name}: its dataset {title!r} {wrong}.")
    return found


def _attributes(dataset: "h5py.Dataset", names: Iterable[str]) -> dict[str, Any]:
    """Those attributes of a dataset that it has, whichever letters of their names are capitals."""
    own = {title.lower(): title for title in dataset.attrs}
    return {name: read_attribute(dataset, own[name.lower()]) for name in names if name.lower() in own}


def _check_identity(path: Path, product: Product, granule: "h5py.File", name: str) -> None:
    """Raise `InputError` when a file's metadata tell another granule or grid than a file name does."""
    check_statements(path, product, _statements(product, granule, name))
    texts = {}
    for title in ("CoreMetadata.0", "StructMetadata.0"):
        stored = dataset_of(path, product, granule, f"{_INFORMATION}/{title}", _LONGEST)
        if stored is not None and stored.dtype.kind == "S":
            texts[title] = b"".join(np.ravel(read_whole(stored))).partition(b"\0")[0].decode("latin-1")
    if "CoreMetadata.0" in texts:
        check_core_metadata(path, product, texts["CoreMetadata.0"], name)
    if "StructMetadata.0" not in texts:
        raise InputError(
            f"{path} is not a granule of {product.name} as NASA publishes it: it has no StructMetadata.0, which tells "
            f"where its pixels lie; {FETCH_AGAIN}."
        )
    check_grid(path, product, texts["StructMetadata.0"], name)


def _statements(product: Product, granule: "h5py.File", name: str) -> Iterator[Statement]:
    """What the file's own attributes tell of its name, product and version."""
    told = {title: text_of(read_attribute(granule, title)) for title in ("LocalGranuleID", "ShortName", "VersionID")}
    yield own_name("LocalGranuleID", told["LocalGranuleID"], name, product)
    yield "ShortName", told["ShortName"], product.short_name
    yield "VersionID", told["VersionID"] and told["VersionID"].zfill(len(product.version)), product.version
