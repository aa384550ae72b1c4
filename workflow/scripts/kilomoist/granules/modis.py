"""Reader of tiled granules, HDF4: MOD13 and MOD11 User Guides for Collection 6.1."""

import mmap
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyhdf.error import HDF4Error
from pyhdf.SD import SD, SDC, SDS

from kilomoist.errors import InputError
from kilomoist.granules import formats
from kilomoist.granules.formats import Elements, shape_text
from kilomoist.granules.identity import check_attributes, check_core_metadata, check_grid, expected_attributes
from kilomoist.product_types import Product

_TYPES = {SDC.INT8: ">i1", SDC.UINT8: ">u1", SDC.INT16: ">i2", SDC.UINT16: ">u2"}

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
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        formats.naming_damage(path, product),
    ):
        elements = formats.elements_of(content)
        granule = SD(str(path), SDC.READ)
        try:
            present = granule.datasets()
            types = {title: _type_of(path, product, title, present) for title in datasets}
            selected = {title: granule.select(title) for title in types}
            for title, dataset in selected.items():
                check_attributes(path, product, title, _attributes(dataset, expected_attributes(product, title)))
            _check_identity(path, product, name or path.name, elements, content)
            return _read(product, selected, types, elements, content)
        finally:
            granule.end()


def _type_of(path: Path, product: Product, name: str, present: Mapping[str, tuple]) -> np.dtype:
    """Type of a dataset's stored numbers. Raises `InputError` when it is missing, or not of the product's form."""
    if name not in present:
        raise formats.missing_dataset(path, product, name, present)
    shape = (product.pixels, product.pixels)
    _, found, kind, _ = present[name]
    wrong = None
    if tuple(found) != shape:
        wrong = f"has {shape_text(found)} pixels where {shape_text(shape)} are expected; take it away "
        wrong += "or choose the product that it is"
    elif kind not in _TYPES:
        wrong = "holds other numbers than the integers of 8 or 16 bits that are expected; "
        wrong += "take granules as NASA publishes them"
    if wrong:
        raise InputError(f"{path} is not a granule of {product.name}: its dataset {name!r} {wrong}.")
    return np.dtype(_TYPES[kind])


def _attributes(dataset: SDS, names: Iterable[str]) -> dict[str, Any]:
    """Those attributes of a dataset that it has: all together have long texts, which pyhdf reads slowly."""
    found = {}
    for name in names:
        attribute = dataset.attr(name)
        with suppress(HDF4Error):  # the only way to ask whether there is one
            attribute.index()
            found[name] = attribute.get()
    return found


def _check_identity(path: Path, product: Product, name: str, elements: Elements, content: mmap.mmap) -> None:
    """Raise `InputError` when a file's HDF-EOS metadata tell another granule or grid than a file name does."""
    texts = formats.text_attributes((_CORE, _STRUCTURE), elements, content)
    if _CORE in texts:
        check_core_metadata(path, product, texts[_CORE], name)
    if _STRUCTURE not in texts:
        raise InputError(
            f"{path} is not a granule of {product.name} as NASA publishes it: it has no {_STRUCTURE}, which tells "
            f"where its pixels lie; {formats.FETCH_AGAIN}."
        )
    check_grid(path, product, texts[_STRUCTURE], name)


def _read(
    product: Product, selected: Mapping[str, SDS], types: Mapping[str, np.dtype], elements: Elements, content: mmap.mmap
) -> dict[str, NDArray]:
    """Numbers of datasets whose form is known."""
    arrays, checked = {}, False
    for name, dataset in selected.items():
        if stream := formats.stream_of(dataset.ref(), elements, content):
            offset, length = stream
            size = types[name].itemsize * product.pixels**2
            numbers = formats.inflate(content[offset : offset + length], size, f"at byte {offset}")
            native = types[name].newbyteorder("=")
            arrays[name] = numbers.view(types[name]).reshape(product.pixels, -1).astype(native, copy=False)
        else:
            if not checked:  # once a file: which streams the library reads is not known here
                formats.check_streams(elements, content)
                checked = True
            arrays[name] = dataset.get()
    return arrays
