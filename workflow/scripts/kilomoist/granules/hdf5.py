"""Members of HDF5 files as people have them: their own, of a bearable size, and whole.

HDF5 File Format Specification (The HDF Group, https://support.hdfgroup.org/documentation/hdf5/latest/_s_p_e_c.html).
"""

import itertools
import math
import operator
import os
import resource
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.granules.formats import FETCH_AGAIN, inflate, inflated, shape_text
from kilomoist.product_types import Product

if TYPE_CHECKING:
    import h5py  # a job that reads HDF4 does without

_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3
"""Numbers of filters; the third is Fletcher's check sum."""
_PIPELINES = [(), (_DEFLATE,), (_SHUFFLE, _DEFLATE), (_DEFLATE, _CHECKSUM), (_SHUFFLE, _DEFLATE, _CHECKSUM)]
"""Filters in the order in which they are applied: HDF5 looks for others in libraries of the machine, and inflates what
is deflated twice to any size."""
_WIDEST = 8
"""Bytes of a number at the most."""
_MOST_CHUNKS = 100_000
_FILL_OF_CHUNKS = 4
"""Times the grid that chunks may hold: those at the edges reach beyond it."""
_LONGEST_ATTRIBUTE = 1 << 16
"""Bytes, as HDF5 itself has it for attributes that are kept with their object."""
_TRIAL_SECONDS, _TRIAL_MEMORY = 2, 1 << 28
"""CPU time and bytes of a trial, which takes a thousandth of either."""


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


def names_in(group: "h5py.Group") -> list[str]:
    """Names of a group's members; raises ValueError for a group that cannot be listed.

    As the index of chunks (`_chunks_in`), that of a group may turn in a circle.
    """
    if not _ends(lambda: list(group)):
        raise ValueError(f"the members of {group.name!r} cannot be listed")
    return list(group)


def dataset_of(
    path: Path, product: Product, granule: "h5py.File", name: str, grid: Sequence[int]
) -> "h5py.Dataset | None":
    """A dataset whose numbers or texts lie in the file, no more than the cells of the grid; None where there is none.

    `read_whole` reads it. Raises `InputError` for other datasets.
    """
    import h5py

    found = member_of(path, product, granule, name)
    if not isinstance(found, h5py.Dataset):
        return None
    if found.external or found.is_virtual:
        raise _elsewhere(path, product, name, "keeps its numbers in other files")
    cells = math.prod(grid)
    for shape in (found.shape or (), found.chunks or ()):
        if math.prod(shape) > cells:
            raise _not_of(
                path,
                product,
                f"its {name!r} has {shape_text(shape)} numbers, more than the {shape_text(grid)} cells of its grid",
            )
    if found.chunks:
        along = [-(-length // side) for length, side in zip(found.shape, found.chunks, strict=True)]
        if math.prod(along) > _MOST_CHUNKS or math.prod(along) * math.prod(found.chunks) > _FILL_OF_CHUNKS * cells:
            many = f"its {name!r} is divided into {math.prod(along)} chunks of {shape_text(found.chunks)} numbers"
            raise _not_of(path, product, f"{many}, more than a grid of {shape_text(grid)} cells needs")
    if _filters_of(found) not in _PIPELINES:
        raise _not_of(path, product, f"its {name!r} is stored by other filters than deflate and shuffle")
    kind = found.dtype.kind
    standard = kind in "iuf" and found.id.get_type().equal(h5py.h5t.py_create(found.dtype))
    if not (standard or kind == "S") or found.size is None or found.size * found.dtype.itemsize > _WIDEST * cells:
        raise _not_of(path, product, f"its {name!r} holds neither numbers of a usual type nor text of usual length")
    return found


def read_whole(stored: "h5py.Dataset", fill: Any = None) -> NDArray[Any]:
    """All numbers, or texts, of a dataset of `dataset_of`.

    `fill` are the numbers that mean no value, by which what was never written may be told; None where they are not
    known, and any may that the file names. Raises ValueError for chunks of another size, or that were never written.

    HDF5 itself inflates to whatever size a stream has, and takes ten times as long; a month has 248 fields.
    """
    if not stored.chunks:
        if stored.size and not stored.id.get_storage_size():
            _require_fill(stored, fill)
        return np.asarray(stored[()])
    # What h5py asks HDF5 for anew each time is asked for once: a field may have a chunk a row.
    shape, sides, kind, filters, title = stored.shape, stored.chunks, stored.dtype, _filters_of(stored), stored.name
    corners = list(itertools.product(*map(range, itertools.repeat(0), shape, sides)))
    size = kind.itemsize * math.prod(sides)

    def numbers_at(corner: tuple[int, ...]) -> NDArray[Any]:
        left_out, chunk = stored.id.read_direct_chunk(corner)
        if len(chunk) > 2 * size + 1024:  # deflate makes nothing longer by more than a thousandth
            raise ValueError(f"a chunk of {title!r} has {len(chunk)} bytes, where {size} are expected")
        applied = [number for place, number in enumerate(filters) if not left_out >> place & 1]
        return _unpacked(chunk, applied, size, kind.itemsize, title).view(kind).reshape(sides)

    if sides == shape:
        # One that was never written raises: that and any damage the index tells below.
        with suppress(RuntimeError, OSError):
            return numbers_at(corners[0])
    written = _chunks_in(stored, set(corners))
    if not written.issuperset(corners):
        _require_fill(stored, fill)
    whole = np.full(shape, stored.fillvalue, kind)
    for corner in filter(written.__contains__, corners):
        part = whole[tuple(map(slice, corner, map(operator.add, corner, sides)))]
        part[...] = numbers_at(corner)[tuple(map(slice, part.shape))]
    return whole


def read_pieces(stored: "h5py.Dataset", fill: Any = None) -> Iterator[NDArray[Any]]:
    """What `read_whole` reads, flat and by pieces, as its only deflated stream gives them where it has but one.

    The processor's cache holds a piece: whoever does several things with a large field does all of them there.
    """
    if stored.chunks == stored.shape and _filters_of(stored) == (_DEFLATE,):
        size, chunk = stored.dtype.itemsize * stored.size, b""
        with suppress(RuntimeError, OSError):  # of one that was never written, as in `read_whole`
            left_out, chunk = stored.id.read_direct_chunk((0,) * stored.ndim)
        if chunk and not left_out:
            for piece in inflated(chunk, size, f"of {stored.name!r}"):
                yield piece.view(stored.dtype)
            return
    yield read_whole(stored, fill).reshape(-1)


def read_attribute(item: "h5py.HLObject", name: str) -> Any:
    """Value of an attribute; None where there is none. Raises ValueError for one that is long or cannot be read.

    Texts of no fixed length lie in a heap, of which HDF5 reads damaged ones without an end or with gigabytes of memory:
    they are read in another process first.
    """
    attributes = item.attrs
    if name not in attributes:
        return None
    described = attributes.get_id(name)
    shape, kind = described.shape, described.dtype
    if math.prod(shape or ()) * kind.itemsize > _LONGEST_ATTRIBUTE:
        raise ValueError(f"its attribute {name!r} has more than {_LONGEST_ATTRIBUTE} bytes")
    if kind.hasobject and not _ends(lambda: attributes[name]):
        raise ValueError(f"its attribute {name!r} cannot be read")
    return attributes[name]


def _ends(read: Callable[[], object]) -> bool:
    """Whether something ends without error in a process of its own, of limited time and memory."""
    with warnings.catch_warnings():
        # Python warns of locks of other threads: the child only reads, and asks for none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (_TRIAL_SECONDS, _TRIAL_SECONDS))
            taken = Path("/proc/self/statm")
            if taken.exists():
                limit = int(taken.read_text().split()[0]) * resource.getpagesize() + _TRIAL_MEMORY
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            read()
            status = 0
        finally:
            os._exit(status)  # whatever was raised: nothing of the parent's may run twice
    return os.waitpid(child, 0)[1] == 0


def _chunks_in(stored: "h5py.Dataset", corners: set[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """Those corners at which a chunk was written. Raises ValueError for a chunk elsewhere or twice, or no such index.

    HDF5 walks along an index that turns in a circle until it crashes: it is walked in another process first.
    """
    left, title = corners.copy(), stored.name

    def keep(place: Any) -> None:
        if place.chunk_offset not in left:
            raise ValueError(f"a chunk of {title!r} lies at {place.chunk_offset} once too often")
        left.remove(place.chunk_offset)

    if not _ends(lambda: stored.id.chunk_iter(lambda _: None)):
        raise ValueError(f"the index of the chunks of {title!r} cannot be read")
    stored.id.chunk_iter(keep)
    return corners - left


def _unpacked(chunk: bytes, applied: Sequence[int], size: int, width: int, title: str) -> NDArray[np.uint8]:
    """The `size` bytes of a chunk, of numbers of `width` bytes, before filters were applied; raises ValueError."""
    if _CHECKSUM in applied:
        chunk = chunk[:-4]  # deflate has its own
    content = inflate(chunk, size, f"of {title!r}") if _DEFLATE in applied else np.frombuffer(chunk, np.uint8)
    if content.size != size:
        raise ValueError(f"a chunk of {title!r} has {content.size} bytes, where {size} are expected")
    if _SHUFFLE in applied:  # all first bytes, then all second bytes, and so on
        content = np.ascontiguousarray(content.reshape(width, -1).T).ravel()
    return content


def _filters_of(stored: "h5py.Dataset") -> tuple[int, ...]:
    described = stored.id.get_create_plist()
    return tuple(described.get_filter(number)[0] for number in range(described.get_nfilters()))


def _require_fill(stored: "h5py.Dataset", fill: Any) -> None:
    """Raise ValueError where what was never written would be read as values."""
    import h5py

    chosen = stored.id.get_create_plist().fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED
    if not (chosen if fill is None else np.isin(stored.fillvalue, np.ravel(fill)).all()):
        raise ValueError(f"parts of {stored.name!r} were never written")


def _elsewhere(path: Path, product: Product, name: str, how: str) -> InputError:
    return InputError(
        f"{path} is not a granule of {product.name} as NASA publishes it: its {name!r} {how}, which is not followed; "
        f"{FETCH_AGAIN}."
    )


def _not_of(path: Path, product: Product, why: str) -> InputError:
    return InputError(f"{path} is not a granule of {product.name}: {why}; {FETCH_AGAIN}.")
