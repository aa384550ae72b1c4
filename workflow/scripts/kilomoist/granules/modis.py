"""Reader of tiled granules, HDF4: MOD13 and MOD11 User Guides for Collection 6.1."""

import mmap
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyhdf.SD import SD, SDC

from kilomoist.errors import InputError
from kilomoist.granules import formats
from kilomoist.granules.formats import shape_text
from kilomoist.products import Product

_TYPES = {SDC.INT8: ">i1", SDC.UINT8: ">u1", SDC.INT16: ">i2", SDC.UINT16: ">u2"}


def read_datasets(path: str | Path, product: Product, datasets: Iterable[str]) -> dict[str, NDArray]:
    """Stored numbers of datasets of a tiled granule, each of shape (pixels, pixels), in native byte order.

    Raises `InputError` when the file is no whole HDF4 file, or a dataset is missing, damaged, or not the product's.
    """
    path = Path(path)
    formats.check_format(path, product)
    shape = (product.pixels, product.pixels)
    arrays, checked = {}, False
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        formats.naming_damage(path, product),
    ):
        elements = formats.elements_of(content)
        granule = SD(str(path), SDC.READ)
        try:
            present = granule.datasets()
            for name in datasets:
                if name not in present:
                    raise formats.missing_dataset(path, product, name, present)
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
                dataset = granule.select(name)
                if stream := formats.stream_of(dataset.ref(), elements, content):
                    stored_as, (offset, length) = np.dtype(_TYPES[kind]), stream
                    size = stored_as.itemsize * product.pixels**2
                    numbers = formats.inflate(content[offset : offset + length], size, f"at byte {offset}")
                    native = stored_as.newbyteorder("=")
                    arrays[name] = numbers.view(stored_as).reshape(shape).astype(native, copy=False)
                else:
                    if not checked:  # once a file: which streams the library reads is not known here
                        formats.check_streams(elements, content)
                        checked = True
                    arrays[name] = dataset.get()
        finally:
            granule.end()
    return arrays
