"""What tiled granules of HDF-EOS2 and HDF-EOS5 share: datasets, the description of the grid, inventory metadata.

HDF-EOS Library User's Guide; HDF-EOS5 Data Model, File Format and Library (NASA ESDS-RFC-008).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from textwrap import indent
from typing import Any

from numpy.typing import NDArray

from kilomoist.grids import tile_indices
from kilomoist.product_types import Product
from kilomoist.simulation.file_names import granule_file_name

STRUCTURE_LENGTH = 32000
"""Bytes of StructMetadata.0, which ends with zeros."""
ROUNDED_SIDE = 20015109.354 / 18
"""Side of a tile, m, as MOD13 and VIIRS round it; MOD11 does not."""


@dataclass(frozen=True)
class Dataset:
    """A dataset of a tiled granule, and its attributes that tell what its numbers mean."""

    name: str
    """Of vegetation indices without its beginning, such as "500m 16 days "."""
    type: str
    valid: tuple[int, int]
    fill: int
    """The number that stands where there is no observation."""
    units: str | None = None
    scale: float | str | None = None
    """As the file has it: MOD13 divides by it, others multiply with it."""
    offset: float | str | None = None
    fills: tuple[int, ...] | None = ()
    """What the file names as fills, where that is not `fill` alone; None where it names none."""


def datasets_of(product: Product, table: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """Datasets of a tiled product by their whole names, in their order in the file."""
    prefix = product.layers["ndvi"].dataset.removesuffix("NDVI") if product.role == "vegetation" else ""
    return tuple(replace(dataset, name=prefix + dataset.name) for dataset in table)


def check_arrays(product: Product, table: Sequence[Dataset], arrays: Mapping[str, NDArray]) -> None:
    """Raise ValueError for a dataset that the product has not, a wrong shape, or numbers of another type."""
    shape = (product.pixels, product.pixels)
    if unknown := set(arrays) - {dataset.name for dataset in table}:
        raise ValueError(f"{product.name} has no dataset {sorted(unknown)}")
    for dataset in table:
        array = arrays.get(dataset.name)
        if array is not None and (array.shape != shape or array.dtype != dataset.type):
            raise ValueError(f"{dataset.name} must be {dataset.type} of shape {shape}, not {array.dtype} {array.shape}")


def structure(
    product: Product, tile: str, side: float, projection: str, fields: Iterable[str], dimensions: str = ""
) -> str:
    """StructMetadata.0 up to the structure of points: the grid, whose tiles have a side (m), and its fields."""
    h, v = tile_indices(tile)
    left, top, right, bottom = (number * side for number in (h - 18, 9 - v, h - 17, 8 - v))
    grid = [
        f'GridName="{product.grid_name}"\nXDim={product.pixels}\nYDim={product.pixels}\n',
        f"UpperLeftPointMtrs=({left:.6f},{top:.6f})\nLowerRightMtrs=({right:.6f},{bottom:.6f})\n",
        projection,
        entry("GROUP", "Dimension", dimensions),
        entry("GROUP", "DataField", *(entry("OBJECT", f"DataField_{n}", text) for n, text in enumerate(fields, 1))),
        entry("GROUP", "MergedFields"),
    ]
    grids = entry("GROUP", "GridStructure", entry("GROUP", "GRID_1", *grid))
    return entry("GROUP", "SwathStructure") + grids + entry("GROUP", "PointStructure")


def entry(kind: str, name: str, *members: str) -> str:
    """A group or object of StructMetadata.0."""
    content = indent("".join(members), "\t")
    return f"{kind}={name}\n{content}END_{kind}={name}\n"


def inventory(product: Product, tile: str, time: datetime) -> str:
    """CoreMetadata.0, inventory metadata in ODL: name, version, product, first day and tile of a granule."""
    name = granule_file_name(product, time, tile)
    collection = _value("VERSIONID", int(product.version)), _value("SHORTNAME", f'"{product.short_name}"')
    attributes = []
    for number, (axis, index) in enumerate(zip(("HORIZONTAL", "VERTICAL"), tile_indices(tile), strict=True), start=1):
        kind = {"CLASS": f'"{number}"'}
        information = _odl("GROUP", "INFORMATIONCONTENT", kind, _value("PARAMETERVALUE", f'"{index:02d}"', kind))
        title = _value("ADDITIONALATTRIBUTENAME", f'"{axis}TILENUMBER"', kind)
        attributes.append(_odl("OBJECT", "ADDITIONALATTRIBUTESCONTAINER", kind, title, information))
    groups = {
        "ECSDATAGRANULE": [_value("LOCALGRANULEID", f'"{name}"')],
        "COLLECTIONDESCRIPTIONCLASS": collection,
        "RANGEDATETIME": [_value("RANGEBEGINNINGDATE", f'"{time:%Y-%m-%d}"')],
        "ADDITIONALATTRIBUTES": attributes,
    }
    members = (_odl("GROUP", title, {}, *blocks) for title, blocks in groups.items())
    return _odl("GROUP", "INVENTORYMETADATA", {"GROUPTYPE": "MASTERGROUP"}, *members) + "\nEND\n"


def _value(name: str, value: Any, lines: Mapping[str, str] | None = None) -> str:
    return _odl("OBJECT", name, {"NUM_VAL": 1, **(lines or {}), "VALUE": value})


def _odl(kind: str, name: str, lines: Mapping[str, Any], *blocks: str) -> str:
    content = "".join(f"{key:<21}= {value}\n" for key, value in lines.items()) + "".join(blocks)
    return f"\n{kind:<23}= {name}\n{indent(content, '  ')}{chr(10) if blocks else ''}{f'END_{kind}':<23}= {name}\n"
