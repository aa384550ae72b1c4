"""What files say of themselves: refused where it is not what they are taken for.

A check applies where a file, and its name, tell: cuts of granules may lack some of NASA's metadata. HDF-EOS metadata:
HDF-EOS Library User's Guide; ECS inventory metadata in ODL.
"""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from kilomoist.errors import InputError
from kilomoist.granules.formats import FETCH_AGAIN
from kilomoist.grids import SPHERE_RADIUS, tile_grid
from kilomoist.product_types import Product
from kilomoist.products import parse_name

Statement = tuple[str, object, object]
"""What a file tells something by, what it tells, and what is expected; None where nothing is told or expected."""
NEUTRAL = {"scale_factor": 1.0, "add_offset": 0.0}
"""Attributes that change what stored numbers mean, and the values that do not."""
_NOTHING = "n/a"
"""What attributes of VNP21 say where a dataset has no scale."""
_LONGEST = 200
"""Characters of a sentence for what a file tells."""
_CORNER_TOLERANCE = 0.1
"""m: products round their corners differently, by a millimetre."""


def check_statements(path: Path, product: Product, statements: Iterable[Statement]) -> None:
    """Raise `InputError` for the first statement that is not as expected."""
    for title, told, expected in statements:
        if told is not None and expected is not None and told != expected:
            raise InputError(
                f"{path} is not the granule of {product.name} that it is taken for: its {title} is {_shown(told)}, "
                f"where {expected} is expected; {FETCH_AGAIN}, or give the file its own name."
            )


def own_name(title: str, told: str | None, name: str, product: Product) -> Statement:
    """Statement of a granule's own name, which may be told as a path; another production of the granule is as good."""
    if not told:
        return title, None, None
    told = PurePosixPath(told).name
    own, named = parse_name(told, product), parse_name(name, product)
    same = own is not None and (named is None or (own.time, own.tile) == (named.time, named.tile))
    return title, told, told if same else name


def expected_attributes(product: Product, dataset: str) -> Mapping[str, Any]:
    """Attributes by which a dataset tells what its numbers mean, with their values in the product."""
    layers = (layer.attributes for layer in product.layers.values() if layer.dataset == dataset)
    return NEUTRAL | next(layers, {})


def check_attributes(path: Path, product: Product, dataset: str, found: Mapping[str, Any]) -> None:
    """Raise `InputError` where a dataset's scale, units, fill or range are not the product's."""
    for title, expected in expected_attributes(product, dataset).items():
        told = found.get(title)
        if told is not None and text_of(told) != _NOTHING and not _agree(told, expected):
            shown = _shown(text_of(told) or told)
            raise InputError(
                f"{path} is not a granule of {product.name}: its dataset {dataset!r} has {title} {shown}, where "
                f"{expected} is expected; take granules as NASA publishes them."
            )


def text_of(value: Any) -> str | None:
    """Text of an attribute, without the zeros that fill it up; None for numbers, and where there is none."""
    single = np.ravel(value)[0] if np.size(value) == 1 else value
    if isinstance(single, bytes):
        single = single.decode(errors="replace")
    return single.strip("\0 \n") if isinstance(single, str) else None


def check_core_metadata(path: Path, product: Product, core: str, name: str) -> None:
    """Raise `InputError` where CoreMetadata.0 tells another granule than a file name does."""
    told = _inventory(core)
    named = parse_name(name, product)
    first_day, tile = (f"{named.time:%Y-%m-%d}", named.tile or "") if named else (None, "")
    statements: list[Statement] = [
        own_name("LOCALGRANULEID", told.get("LOCALGRANULEID"), name, product),
        ("SHORTNAME", told.get("SHORTNAME"), product.short_name),
        ("RANGEBEGINNINGDATE", told.get("RANGEBEGINNINGDATE"), first_day),
    ]
    numbers = {"VERSIONID": product.version, "HORIZONTALTILENUMBER": tile[1:3], "VERTICALTILENUMBER": tile[4:6]}
    for title, number in numbers.items():
        if number:
            statements.append((title, told.get(title, number).zfill(len(number)), number))
    check_statements(path, product, statements)


def check_grid(path: Path, product: Product, structure: str, name: str) -> None:
    """Raise `InputError` where StructMetadata.0 tells another grid than the product's, on the tile of a file name."""
    grids = dict(re.findall(r'GridName="([^"]*)"(.*?)GROUP=', structure, re.DOTALL))
    entries = dict(re.findall(r"(\w+)=(\S*)", grids.get(product.grid_name, "")))
    projection, radius = entries.get("Projection", ""), entries.get("ProjParams", "").strip("(").split(",")[0]
    statements: list[Statement] = [
        ("grid", product.grid_name if product.grid_name in grids else " and ".join(grids), product.grid_name),
        *((axis, entries.get(axis, "none"), str(product.pixels)) for axis in ("XDim", "YDim")),
        ("projection", projection.removeprefix("HE5_"), "GCTP_SNSOID"),
        ("radius of the sphere", radius, f"{SPHERE_RADIUS:.6f}"),
    ]
    named = parse_name(name, product)
    if named and named.tile:
        side, _, left, _, _, top = tile_grid(named.tile, product.pixels).transform()
        length = side * product.pixels
        corners = {"UpperLeftPointMtrs": (left, top), "LowerRightMtrs": (left + length, top - length)}
        for title, corner in corners.items():
            expected = f"({corner[0]:.6f},{corner[1]:.6f})"
            told = entries.get(title, "none")
            numbers = re.fullmatch(r"\((-?\d+\.?\d*),(-?\d+\.?\d*)\)", told)
            near = numbers and math.dist(map(float, numbers.groups()), corner) < _CORNER_TOLERANCE
            statements.append((title, told, told if near else expected))
    check_statements(path, product, statements)


def _inventory(core: str) -> dict[str, str]:
    """Values of inventory metadata by object; of additional attributes by their name."""
    values: dict[str, str] = {}
    title = additional = ""
    for key, value in re.findall(r'^[ \t]*(OBJECT|VALUE)[ \t]*=[ \t]*"?([^"\n]*)', core, re.MULTILINE):
        if key == "OBJECT":
            title = value.strip()
        elif title == "ADDITIONALATTRIBUTENAME":
            additional = value.strip()
        else:
            values.setdefault(additional if title == "PARAMETERVALUE" else title, value.strip())
    return values


def _shown(value: object) -> str:
    """What a file tells, in one line, whatever it holds."""
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _agree(found: Any, expected: Any) -> bool:
    if isinstance(expected, str):
        return text_of(found) == expected
    told, known = (np.ravel(value).tolist() for value in (found, expected))
    return len(told) == len(known) and all(
        isinstance(one, int | float) and math.isclose(one, other, rel_tol=1e-6)
        for one, other in zip(told, known, strict=True)
    )
