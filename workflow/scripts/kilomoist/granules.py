"""Readers of granules, and the search for them in a folder.

A granule comes from a network and from other people's folders, so nothing about it is taken for granted: whatever is
wrong with it is an `InputError` that names the file.

Formats: HDF4 Reference Manual and HDF Specification (The HDF Group, https://docs.hdfgroup.org/hdf4/),
SMAP L4_SM Product Specification Document (NASA GMAO Office Note 11), MOD13 and MOD11 User Guides for Collection 6.1.
"""

import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray
from pyhdf.error import HDF4Error
from pyhdf.SD import SD, SDC

from kilomoist.errors import InputError
from kilomoist.grids import M09, Window
from kilomoist.products import Format, Product, parse_name
from kilomoist.receipts import SUFFIX, granules_of

if TYPE_CHECKING:
    import h5py

_MAGIC: dict[Format, bytes] = {"HDF4": b"\x0e\x03\x13\x01", "HDF5": b"\x89HDF\r\n\x1a\n"}
_FETCH_AGAIN = "delete it and fetch the granule again"
_SNAP = 0.1
"""How far x and y may lie from the centre of a cell, in cells: subsetters round the grid's spacing."""

DESCRIPTOR = np.dtype([("tag", ">u2"), ("reference", ">u2"), ("offset", ">u4"), ("length", ">u4")])
"""One entry of an HDF4 file's directory: which element of which kind lies where."""
Elements = dict[tuple[int, int], tuple[int, int]]
"""Offset and length of an HDF4 file's elements by tag and reference."""
_DESCRIPTION = struct.Struct(">HHIHHH")
"""How a compressed element begins: kind, version, length, reference of its data, model, coder."""
_TYPES = {SDC.INT8: ">i1", SDC.UINT8: ">u1", SDC.INT16: ">i2", SDC.UINT16: ">u2"}
_NO_ELEMENT = 1
_COMPRESSED = 40
_DATA = 702
_DATA_GROUP = 720
_SPECIAL = 0x4000
_IS_COMPRESSED = 3
_DEFLATE = 4
_DEFLATED = 8
_UNWRITTEN = 0xFFFFFFFF
_PIECE = 1 << 21
"""Bytes that are inflated at once."""
_ENDS = 1 << 13
"""Bytes at either end of a granule in which its own attributes lie."""


def read_datasets(path: str | Path, product: Product, datasets: Iterable[str]) -> dict[str, NDArray]:
    """Stored numbers of the named datasets of a tiled granule, each of shape (pixels, pixels), in native byte order.

    Raises `InputError` when the file is not a whole HDF4 file, or when a dataset is missing, damaged, or not what
    the product has.
    """
    path = Path(path)
    check_format(path, product)
    shape = [product.pixels, product.pixels]
    arrays, checked = {}, False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        elements = _elements(path, content, product)
        with _wrapped(path, product):
            granule = SD(str(path), SDC.READ)
            try:
                present = granule.datasets()
                for name in datasets:
                    if name not in present:
                        raise _missing(path, product, name, present)
                    _, found, kind, _ = present[name]
                    if list(found) != shape:
                        raise InputError(
                            f"{path} is not a granule of {product.name}: its dataset {name!r} has {_times(found)} "
                            f"pixels where {_times(shape)} are expected; take it away or choose the product that it is."
                        )
                    if kind not in _TYPES:
                        raise InputError(
                            f"{path} is not a granule of {product.name}: its dataset {name!r} holds other numbers "
                            "than the integers of 8 or 16 bits that are expected; take granules as NASA publishes them."
                        )
                    dataset = granule.select(name)
                    stream = _stream_of(dataset.ref(), elements, content)
                    if stream is not None:
                        stored_as, (offset, length) = np.dtype(_TYPES[kind]), stream
                        with _inflating(path, offset, product):
                            size = stored_as.itemsize * product.pixels**2
                            inflated = _inflate(content[offset : offset + length], size)
                        numbers = inflated.view(stored_as).reshape(shape)
                        arrays[name] = numbers.astype(stored_as.newbyteorder("="), copy=False)
                    else:
                        if not checked:  # once a file: which streams the library reads is not known here
                            _check_streams(path, elements, content, product)
                            checked = True
                        arrays[name] = dataset.get()
            finally:
                granule.end()
    return arrays


def read_target(path: str | Path, product: Product) -> tuple[NDArray[np.float32], NDArray[np.bool_], Window]:
    """Soil moisture (m³/m³, rows from north to south) of a SMAP L4 granule, where it has values, and the M09 window
    that it covers.

    There are none where the file has its fill, a number outside the valid range, or no number. The file may be the
    whole globe or a subsetter's cut, which is placed by its `x` and `y`. Raises `InputError` when the file is not
    whole, lacks the dataset, or does not lie on the 9 km cells.
    """
    import h5py  # a job that reads tiles does without

    path = Path(path)
    check_format(path, product)
    layer = product.layers["soil_moisture"]
    with _wrapped(path, product), h5py.File(path, "r") as granule:
        stored = granule.get(layer.dataset)
        if not isinstance(stored, h5py.Dataset):
            group = granule.get(layer.dataset.split("/")[0])
            raise _missing(path, product, layer.dataset, group if isinstance(group, h5py.Group) else granule)
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
            f"{path} cannot be placed on the 9 km grid: it has {_times(values.shape)} cells but no x and y, which only "
            f"the whole globe of {_times(M09.window.shape)} cells can do without; keep x and y when cutting granules."
        )
    with np.errstate(invalid="ignore"):
        return values, layer.holds(values), window


def _read_whole(stored: "h5py.Dataset") -> NDArray[np.floating]:
    """All numbers of a dataset.

    A field that is one deflated chunk, as SMAP's are, is inflated here: HDF5's own inflation and copying take ten times
    as long, and a month has 248 fields. Raises what `_wrapped` knows when the chunk is damaged.
    """
    if stored.chunks != stored.shape or stored.compression != "gzip" or stored.fletcher32 or stored.scaleoffset:
        return stored[()]
    filters, chunk = stored.id.read_direct_chunk((0,) * stored.ndim)
    if filters:  # one of the filters was left out when the chunk was written
        return stored[()]
    try:
        content = _inflate(chunk, stored.dtype.itemsize * stored.size)
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # a class, though its stub says otherwise
        raise ValueError(f"compressed data of {stored.name!r}: {error}") from error
    if stored.shuffle:  # all first bytes, then all second ones, and so on
        content = np.ascontiguousarray(content.reshape(stored.dtype.itemsize, -1).T).ravel()
    return content.view(stored.dtype).reshape(stored.shape)


def is_simulated(path: str | Path) -> bool:
    """Whether a granule says of itself that this project simulated it (`eos`); what cannot be read says nothing.

    Its attributes lie at the end of an HDF4 file and at the beginning of an HDF5 file: little is read, because each job
    of a cluster asks.
    """
    try:
        with open(path, "rb") as file:
            ends = file.read(_ENDS)
            file.seek(max(os.fstat(file.fileno()).st_size - _ENDS, 0))
            return b"kilomoist" in ends + file.read()
    except OSError:  # whoever needs what is in it tells what is wrong
        return False


def check_format(path: Path, product: Product) -> None:
    """Raise `InputError` when the file's first bytes are not those of the product's format."""
    try:
        with open(path, "rb") as file:
            head = file.read(1024)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: fetch the granule of {product.name} or correct the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder, not a granule of {product.name}: give the path of a file.") from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): make the granule of {product.name} readable or fetch it again."
        ) from error
    if head.startswith(_MAGIC[product.format]):
        return
    if not head:
        found = "is an empty file"
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or b"html" in head.lower():
        found = "is a web page (perhaps of a login)"
    elif other := next((name for name, magic in _MAGIC.items() if head.startswith(magic)), None):
        found = f"is an {other} file"
    else:
        found = f"is not an HDF file (it begins with {head[:8]!r})"
    raise InputError(f"{path} {found}, but a granule of {product.name} is {product.format}: {_FETCH_AGAIN}.")


def search_archive(folder: str | Path, products: Iterable[Product]) -> dict[tuple[str, str | None, datetime], Path]:
    """Every granule of the products below `folder`, at any depth and behind links: (product name, tile, time) → path.

    Of several productions of one granule the newest counts (and of its copies the one whose path sorts last).
    Raises `InputError` when the folder or one below it cannot be listed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"The archive {folder} {found}: set `archive` to a folder of granules.")
    # The literal beginning of a name decides in no time about the many files that are something else.
    by_prefix: dict[str, list[Product]] = {}
    for product in products:
        by_prefix.setdefault(product.pattern.pattern.split("(")[0].replace("\\", ""), []).append(product)
    newest: dict[tuple[str, str | None, datetime], tuple[str, str]] = {}
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # links may lead in circles
            folders.clear()
            continue
        seen.add(real)
        folders.sort()  # of two links to one folder always the same is taken
        for prefix, candidates in by_prefix.items():
            for name in names:
                if not name.startswith(prefix):
                    continue
                for granule in filter(None, (parse_name(name, product) for product in candidates)):
                    key = (granule.product, granule.tile, granule.time)
                    newest[key] = max(newest.get(key, ("", "")), (granule.produced, os.path.join(parent, name)))
    return {key: Path(path) for key, (_, path) in sorted(newest.items(), key=lambda item: item[1][1])}


def index_granules(
    paths: Iterable[str | Path], products: Iterable[Product]
) -> dict[tuple[str, str | None, datetime], Path]:
    """Granules among files, receipts and folders: (product name, tile, time) → path.

    Folders are searched as by `search_archive`; each file is the one granule that it names, each receipt stands for
    one or for none. Raises `InputError` as both do.
    """
    products, given = list(products), list(map(Path, paths))
    found: dict[tuple[str, str | None, datetime], Path] = {}
    receipts = [path for path in given if path.suffix == SUFFIX]
    for path in [*(path for path in given if path.suffix != SUFFIX), *granules_of(receipts)]:
        if path.is_dir():
            found |= search_archive(path, products)
            continue
        for name in filter(None, (parse_name(path.name, product) for product in products)):
            found[(name.product, name.tile, name.time)] = path
    return found


def descriptors(content: bytes | mmap.mmap) -> Iterator[tuple[int, NDArray[np.void]]]:
    """The blocks of an HDF4 file's directory: where the entries lie in the file, and the entries (`DESCRIPTOR`).

    HDF Specification, chapter 2: a block is the number of entries (2 bytes), the position of the next block
    (4 bytes, 0 after the last) and the entries. Raises ValueError when the directory runs out of the file.
    """
    position = len(_MAGIC["HDF4"])
    visited = set()
    while position:
        if position in visited:
            raise ValueError("its directory turns in a circle")
        visited.add(position)
        try:
            count, following = struct.unpack_from(">HI", content, position)
            entries = np.frombuffer(content, DESCRIPTOR, count, position + 6).copy()
        except (struct.error, ValueError) as error:
            raise ValueError("its directory runs out of the file") from error
        yield position + 6, entries
        position = following


def _elements(path: Path, content: mmap.mmap, product: Product) -> Elements:
    """Where the elements of an HDF4 file lie. Raises `InputError` when any lies beyond its end."""
    try:
        entries = np.concatenate([block for _, block in descriptors(content)])
    except ValueError as error:
        raise _incomplete(path, product, str(error)) from error
    if not entries["tag"].all():  # no kind of element has the number 0, but zeros stand where a download stopped
        raise _incomplete(path, product, "its directory has holes")
    entries = entries[(entries["tag"] != _NO_ELEMENT) & (entries["offset"] != _UNWRITTEN)]
    end = int((entries["offset"].astype(np.int64) + entries["length"]).max(initial=0))
    if end > len(content):
        raise _incomplete(path, product, f"it ends after {len(content)} of at least {end} bytes")
    return {(tag, reference): (offset, length) for tag, reference, offset, length in entries.tolist()}


def _stream_of(reference: int, elements: Elements, content: mmap.mmap) -> tuple[int, int] | None:
    """Where the one deflated stream of a dataset lies, by the reference of its group; None when stored otherwise.

    HDF Specification, chapter 10 and 11: a numeric data group lists its elements by tag and reference; of a
    compressed one there is a description, which names the element that holds the stream.
    """
    offset, length = elements.get((_DATA_GROUP, reference), (0, 0))
    words = struct.unpack_from(f">{length // 2}H", content, offset)
    for tag, member in zip(words[::2], words[1::2], strict=True):
        start, size = elements.get((tag | _SPECIAL, member), (0, 0))
        if tag == _DATA and size >= _DESCRIPTION.size:
            kind, _, _, stream, _, coder = _DESCRIPTION.unpack_from(content, start)
            if (kind, coder) == (_IS_COMPRESSED, _DEFLATE):
                return elements.get((_COMPRESSED, stream))
    return None


def _inflate(stream: bytes, size: int) -> NDArray[np.uint8]:
    """What a deflated stream of `size` bytes holds, piece by piece: one large piece would take new memory each time.

    Raises `igzip_lib.IsalError` when it does not have its check sum and ValueError when it has another size.
    """
    content, filled, inflater = np.empty(size, np.uint8), 0, isal_zlib.decompressobj()
    while not inflater.eof:
        piece = np.frombuffer(inflater.decompress(stream, _PIECE), np.uint8)
        if not piece.size or filled + piece.size > size:
            break
        content[filled : filled + piece.size] = piece
        filled, stream = filled + piece.size, inflater.unconsumed_tail
    if filled != size or not inflater.eof:
        raise ValueError(f"it ends after {filled} bytes or does not end there, where {size} are expected")
    return content


@contextmanager
def _inflating(path: Path, offset: int, product: Product) -> Iterator[None]:
    """Turn what is wrong with a deflated stream of an HDF4 file, at a byte, into an `InputError`.

    The HDF4 library does not compare the check sums of compressed elements and hands out wrong numbers for a damaged
    one, without a word; and it takes several times as long.
    """
    try:
        yield
    except (igzip_lib.IsalError, ValueError) as error:  # type: ignore[misc]  # a class, though its stub says otherwise
        raise _incomplete(path, product, f"compressed data at byte {offset}: {error}") from error


def _check_streams(path: Path, elements: Elements, content: mmap.mmap, product: Product) -> None:
    """Raise `InputError` when any deflated stream of an HDF4 file is damaged: where the library reads it.

    What has no check sum (the list of a dataset's chunks, attributes) only the provider's check sum of the whole file
    protects.
    """
    for (tag, _), (offset, length) in elements.items():
        begin = content[offset : offset + 2]
        # Another method of compression than deflate begins otherwise, and a damaged beginning the library notices.
        if tag == _COMPRESSED and length > 2 and begin[0] & 0x0F == _DEFLATED and int.from_bytes(begin) % 31 == 0:
            with _inflating(path, offset, product):
                isal_zlib.decompress(content[offset : offset + length])


def _place(path: Path, shape: tuple[int, ...], x: NDArray, y: NDArray) -> tuple[Window, bool]:
    """The window whose cell centres are x and y, and whether y ascends (rows from south to north)."""
    if shape != (np.size(y), np.size(x)):
        raise InputError(
            f"{path} is damaged: {np.size(x)} x and {np.size(y)} y belong to {_times(shape)} cells; {_FETCH_AGAIN}."
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
                f"{nearest[-1]:.0f} of 0 to {count - 1}; {_FETCH_AGAIN}."
            )
    return Window(round(rows[0]), round(columns[0]), len(rows), len(columns)), ascending


@contextmanager
def _wrapped(path: Path, product: Product) -> Iterator[None]:
    """Turn what the HDF libraries raise about a damaged file into an `InputError`."""
    try:
        yield
    except (HDF4Error, OSError, RuntimeError, SystemError, KeyError, ValueError, TypeError, MemoryError) as error:
        # The libraries have no exception of their own for damage: a wild offset or size surfaces as any of these.
        raise _incomplete(path, product, " ".join(str(error).split())) from error


def _incomplete(path: Path, product: Product, detail: str) -> InputError:
    return InputError(f"{path} is cut off or damaged ({detail}): {_FETCH_AGAIN} of {product.name}.")


def _missing(path: Path, product: Product, name: str, present: Iterable[str]) -> InputError:
    names = sorted(present)
    listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return InputError(
        f"{path} has no dataset {name!r} as a granule of {product.name} has (it has {listed or 'none'}): "
        f"{_FETCH_AGAIN}, with all its datasets."
    )


def _refuse_folder(error: OSError) -> None:
    raise InputError(
        f"The folder {error.filename} of the archive cannot be listed ({error.strerror}): make it readable or move it "
        f"out of the archive."
    ) from error


def _times(shape: Iterable[int]) -> str:
    return " × ".join(str(length) for length in shape)
