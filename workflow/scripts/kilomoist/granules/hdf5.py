"""Members of HDF5 files as people have them: their own, of a bearable size, and whole."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kilomoist.errors import InputError
from kilomoist.granules.formats import FETCH_AGAIN, shape_text
from kilomoist.product_types import Product

if TYPE_CHECKING:
    import h5py  # a job that reads HDF4 does without


def member_of(path: Path, product: Product, granule: "h5py.File", name: str) -> "h5py.Group | h5py.Dataset | None":
    """A group or dataset of the file itself; None where there is none. Raises `InputError` for a link."""
    import h5py

    member = granule
    for part in name.split("/"):
        link = member.get(part, getlink=True) if isinstance(member, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise _elsewhere(path, product, name, "is a link")
        member = member[part]
    return member


def dataset_of(
    path: Path, product: Product, granule: "h5py.File", name: str, grid: Sequence[int]
) -> "h5py.Dataset | None":
    """A dataset whose numbers lie in the file, and are no more than those of the grid; None where there is none.

    Raises `InputError` for others.
    """
    import h5py

    found = member_of(path, product, granule, name)
    if not isinstance(found, h5py.Dataset):
        return None
    if found.external or found.is_virtual:
        raise _elsewhere(path, product, name, "keeps its numbers in other files")
    for shape in (found.shape or (), found.chunks or ()):
        if math.prod(shape) > math.prod(grid):
            raise InputError(
                f"{path} is not a granule of {product.name}: its {name!r} has {shape_text(shape)} numbers, more than "
                f"the {shape_text(grid)} cells of its grid; {FETCH_AGAIN}."
            )
    return found


def _elsewhere(path: Path, product: Product, name: str, how: str) -> InputError:
    return InputError(
        f"{path} is not a granule of {product.name} as NASA publishes it: its {name!r} {how}, which is not followed; "
        f"{FETCH_AGAIN}."
    )
