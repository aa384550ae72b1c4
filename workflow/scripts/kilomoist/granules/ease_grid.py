"""Coordinates and projection of the global 9 km grid, as SMAP L4 keeps them in its files."""

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from kilomoist.grids import M09

_PROJECTION = {
    "grid_mapping_name": "lambert_cylindrical_equal_area",
    "standard_parallel": 30.0,
    "false_easting": 0.0,
    "false_northing": 0.0,
    "longitude_of_central_meridian": 0.0,
}


def write_ease_grid(granule: h5py.File) -> None:
    """Write x, y and the projection of the global 9 km grid."""
    for axis, centres in (("x", M09.x_centres(M09.window)), ("y", M09.y_centres(M09.window))):
        scale = granule.create_dataset(axis, data=centres)
        scale.make_scale(axis)
        name = f"{axis.upper()} coordinate of cell center in EASE 2.0 global projection"
        standard = f"projection_{axis}_coordinate"
        describe(scale, {"long_name": name, "standard_name": standard, "axis": axis.upper(), "units": "m"})
    describe(granule.create_dataset("EASE2_global_projection", (), "S1"), _PROJECTION)


def write_field(
    granule: h5py.File, name: str, parts: Mapping[tuple[int, ...], bytes], attributes: Mapping[str, Any], **stored: Any
) -> None:
    """Write a dataset of the grid from its deflated chunks by their first row and column; `stored` as h5py takes it.

    It is linked with the file's x and y, if there are.
    """
    fill = np.ravel(attributes["_FillValue"])[0] if "_FillValue" in attributes else None
    field = granule.create_dataset(name, M09.window.shape, compression="gzip", fillvalue=fill, **stored)
    for position, part in parts.items():
        field.id.write_direct_chunk(position, part)
    for axis, scale in enumerate(scale for scale in "yx" if scale in granule):
        field.dims[axis].label = scale
        field.dims[axis].attach_scale(granule[scale])
    describe(field, attributes)


def describe(item: h5py.HLObject, attributes: Mapping[str, Any]) -> None:
    """Set attributes; texts become bytes of fixed length, as in the real files."""
    for name, value in attributes.items():
        item.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
