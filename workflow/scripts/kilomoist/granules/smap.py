"""Reader of SMAP L4 granules, HDF5: SMAP L4_SM Product Specification Document (NASA GMAO Office Note 11)."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.granules.formats import FETCH_AGAIN, check_format, inflate, missing_dataset, naming_damage, shape_text
from kilomoist.grids import M09, Window
from kilomoist.products import Product

if TYPE_CHECKING:
    import h5py

_SNAP = 0.1
"""Largest distance of x and y from the centre of a cell, in cells: subsetters round the grid's spacing."""


def read_target(path: str | Path, product: Product) -> tuple[NDArray[np.float32], NDArray[np.bool_], Window]:
    """Soil moisture (m³/m³, from the north) of a SMAP L4 granule, mask of its values, and the M09 window it covers.

    The file may be the whole globe or a subsetter's cut, which its `x` and `y` place. Raises `InputError` when it is
    not whole, lacks the dataset, or does not lie on the 9 km cells.
    """
    import h5py  # a job that reads tiles does without

    path = Path(path)
    check_format(path, product)
    layer = product.layers["soil_moisture"]
    with naming_damage(path, product), h5py.File(path, "r") as granule:
        stored = granule.get(layer.dataset)
        if not isinstance(stored, h5py.Dataset):
            group = granule.get(layer.dataset.split("/")[0])
            raise missing_dataset(path, product, layer.dataset, group if isinstance(group, h5py.Group) else granule)
        if stored.ndim != 2 or not np.issubdtype(stored.dtype, np.floating):
            raise InputError(
                f"{path} is not a granule of {product.name}: its dataset {layer.dataset!r} is {stored.dtype} of "
                f"shape {stored.shape}, not a grid of floating-point numbers; take granules as NASA publishes them."
            )
        values = _read_whole(stored).astype(np.float32, copy=False)
        axes = [granule[name][()] for name in ("x", "y") if isinstance(granule.get(name), h5py.Dataset)]
    if len(axes) == 2:
        window, ascending = _place(path, values.shape, *axes)
        values = values[::-1] if ascending else values
    elif values.shape == M09.window.shape:
        window = M09.window
    else:
        raise InputError(
            f"{path} cannot be placed on the 9 km grid: it has {shape_text(values.shape)} cells but no x and y, which "
            f"only the whole globe of {shape_text(M09.window.shape)} cells can do without; keep x and y when cutting."
        )
    with np.errstate(invalid="ignore"):
        return values, layer.holds(values), window


def _read_whole(stored: "h5py.Dataset") -> NDArray[np.floating]:
    """All numbers of a dataset.

    SMAP's fields are one deflated chunk, which HDF5 takes ten times as long to inflate and copy; a month has 248.
    """
    if stored.chunks != stored.shape or stored.compression != "gzip" or stored.fletcher32 or stored.scaleoffset:
        return stored[()]
    left_out, chunk = stored.id.read_direct_chunk((0,) * stored.ndim)  # filters, when the chunk was written
    if left_out:
        return stored[()]
    content = inflate(chunk, stored.dtype.itemsize * stored.size, f"of {stored.name!r}")
    if stored.shuffle:  # all first bytes, then all second bytes, and so on
        content = np.ascontiguousarray(content.reshape(stored.dtype.itemsize, -1).T).ravel()
    return content.view(stored.dtype).reshape(stored.shape)


def _place(path: Path, shape: tuple[int, ...], x: NDArray, y: NDArray) -> tuple[Window, bool]:
    """The window whose cell centres are x and y; True where y ascends (rows from the south)."""
    if shape != (np.size(y), np.size(x)):
        raise InputError(
            f"{path} is damaged: {np.size(x)} x and {np.size(y)} y belong to {shape_text(shape)} cells; {FETCH_AGAIN}."
        )
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
