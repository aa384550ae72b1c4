"""Reader of SMAP granules, HDF5.

L4: SMAP L4_SM Product Specification Document (NASA GMAO Office Note 11). L3: what `products` cites; such a file has
neither x and y nor a projection, and flags beside each field.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.granules.formats import FETCH_AGAIN, check_format, missing_dataset, naming_damage, shape_text
from kilomoist.granules.hdf5 import dataset_of, member_of, names_in, read_attribute, read_pieces, read_whole
from kilomoist.granules.identity import (
    Statement,
    check_attributes,
    check_statements,
    expected_attributes,
    own_name,
    text_of,
)
from kilomoist.granules.quality import meets
from kilomoist.grids import M09, Window
from kilomoist.product_types import Product
from kilomoist.products import parse_name

if TYPE_CHECKING:
    import h5py

PART_OF = "part_of"
"""Attribute that names the granule of which a file is a part."""
TIME_EPOCH = datetime(2000, 1, 1, 12)
"""What `time` counts from, whatever its units say."""
_TIME_UNITS = "seconds since 2000-01-01 1"
_TIME_TOLERANCE = 900
"""Seconds: fields are three hours apart."""
_SNAP = 0.1
"""Largest distance of x and y from the centre of a cell, in cells: subsetters round the grid's spacing."""


def read_target(
    path: str | Path, product: Product, name: str | None = None, field: str = "soil_moisture"
) -> tuple[NDArray[np.float32], NDArray[np.bool_], Window]:
    """Soil moisture (m³/m³, from the north) of a SMAP granule, mask of its values, and the M09 window it covers.

    `field` is one of the product's layers; values of a quality that is not accepted are none. The file may be the whole
    globe or a subsetter's cut, which its `x` and `y` place. `name` is the file name of the granule, by default the
    file's own. Raises `InputError` when the file is not whole, says that it is another granule, lacks a dataset, keeps
    it elsewhere, or does not lie on the 9 km cells.
    """
    import h5py  # a job that reads tiles does without

    path = Path(path)
    check_format(path, product)
    layer = product.layers[field]
    quality = layer.quality.get("good", ())
    with naming_damage(path, product), h5py.File(path, "r") as granule:
        check_statements(path, product, _statements(path, product, granule, name or path.name))
        stored = _grid_of(path, product, granule, layer.dataset, np.floating)
        expected = expected_attributes(product, layer.dataset)
        check_attributes(path, product, layer.dataset, {title: read_attribute(stored, title) for title in expected})
        axes = [axis for name in ("x", "y") if (axis := dataset_of(path, product, granule, name, M09.window.shape))]
        if len(axes) == 2:
            window, ascending = _place(path, stored.shape, *axes)
        elif stored.shape == M09.window.shape:
            window, ascending = M09.window, False
        else:
            raise InputError(
                f"{path} cannot be placed on the 9 km grid: it has {shape_text(stored.shape)} cells but no x and y, "
                f"which only the whole globe of {shape_text(M09.window.shape)} cells can do without; keep x and y when "
                f"cutting."
            )
        values, valid, filled = np.empty(stored.shape, np.float32), np.empty(stored.shape, bool), 0
        for piece in read_pieces(stored, expected.get("_FillValue")):
            numbers, place = piece.astype(np.float32, copy=False), slice(filled, filled + piece.size)
            values.reshape(-1)[place] = numbers
            with np.errstate(invalid="ignore"):
                valid.reshape(-1)[place] = layer.holds(numbers)
            filled += piece.size
        names = {condition.dataset for alternative in quality for condition in alternative}
        flags = {name: read_whole(_grid_of(path, product, granule, name, np.uint16)) for name in names}
        if any(array.shape != values.shape for array in flags.values()):
            raise InputError(
                f"{path} is damaged: {', '.join(names)} and {layer.dataset} differ in shape; {FETCH_AGAIN}."
            )
    if quality:
        valid &= meets(quality, flags)
    rows = slice(None, None, -1 if ascending else 1)
    return values[rows], valid[rows], window


def _grid_of(path: Path, product: Product, granule: "h5py.File", name: str, kind: type) -> "h5py.Dataset":
    """A dataset of rows and columns, whose numbers are of a kind; raises `InputError` as `read_target`."""
    import h5py

    stored = dataset_of(path, product, granule, name, M09.window.shape)
    if stored is None:
        group = member_of(path, product, granule, name.split("/")[0])
        raise missing_dataset(path, product, name, names_in(group if isinstance(group, h5py.Group) else granule))
    if stored.ndim != 2 or not np.issubdtype(stored.dtype, kind):
        wanted = "floating-point numbers" if kind is np.floating else "unsigned integers of 16 bits"
        raise InputError(
            f"{path} is not a granule of {product.name}: its dataset {name!r} is {stored.dtype} of shape "
            f"{stored.shape}, not a grid of {wanted}; take granules as NASA publishes them."
        )
    return stored


def _statements(path: Path, product: Product, granule: "h5py.File", name: str) -> Iterator[Statement]:
    """What the file tells of its name, product, version and time."""
    yield own_name("Filename", text_of(read_attribute(granule, "Filename")), name, product)
    whole = text_of(read_attribute(granule, PART_OF))  # its name, and what tells one production from another
    yield own_name(PART_OF, whole and whole.split()[0], name, product)
    for group in ("DatasetIdentification", "SeriesIdentification"):
        item = member_of(path, product, granule, f"Metadata/{group}")
        if item is not None:
            yield own_name("fileName", text_of(read_attribute(item, "fileName")), name, product)
            yield "shortName", text_of(read_attribute(item, "shortName")), product.short_name
            yield "ECSVersionID", text_of(read_attribute(item, "ECSVersionID")), product.version
    time, named = dataset_of(path, product, granule, "time", M09.window.shape), parse_name(name, product)
    if named and time is not None and time.size == 1 and time.dtype.kind in "fiu":
        units = text_of(read_attribute(time, "units"))
        seconds, expected = float(read_whole(time).ravel()[0]), (named.time - TIME_EPOCH).total_seconds()
        # A file that counts from elsewhere was not written by NASA, and its units may tell the truth or not.
        if units is None or units.startswith(_TIME_UNITS):
            told = expected if abs(seconds - expected) < _TIME_TOLERANCE else seconds
            yield f"time, in seconds since {TIME_EPOCH},", told, expected


def _place(path: Path, shape: tuple[int, ...], *axes: "h5py.Dataset") -> tuple[Window, bool]:
    """The window whose cell centres are x and y; True where y ascends (rows from the south)."""
    x_size, y_size = (axis.size for axis in axes)
    if shape != (y_size, x_size) or any(axis.ndim != 1 or axis.dtype.kind not in "fiu" for axis in axes):
        raise InputError(
            f"{path} is damaged: {x_size} x and {y_size} y belong to {shape_text(shape)} cells; {FETCH_AGAIN}."
        )
    x, y = (read_whole(axis).astype(float) for axis in axes)
    columns, rows = (x - M09.left) / M09.side - 0.5, (M09.top - y) / M09.side - 0.5
    ascending = len(rows) > 1 and rows[0] > rows[-1]
    rows = rows[::-1] if ascending else rows
    for axis, positions, count in (("x", columns, M09.columns), ("y", rows, M09.rows)):
        nearest = np.rint(positions)
        if not np.all(np.abs(positions - nearest) <= _SNAP) or np.any(np.diff(nearest) != 1):
            raise InputError(
                f"{path} does not lie on the 9 km cells of EASE-Grid 2.0: its {axis} are not the centres of adjacent "
                f"cells; take granules as NASA publishes them, or cut but not resampled."
            )
        if nearest[0] < 0 or nearest[-1] >= count:
            raise InputError(
                f"{path} reaches beyond the EASE-Grid 2.0 globe: its {axis} name the cells {nearest[0]:.0f} to "
                f"{nearest[-1]:.0f} of 0 to {count - 1}; {FETCH_AGAIN}."
            )
    return Window(round(rows[0]), round(columns[0]), len(rows), len(columns)), ascending
