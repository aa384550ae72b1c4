"""HDF files as people have them: first bytes, the HDF4 directory, deflated streams, and sentences for what is wrong.

HDF4: Reference Manual and HDF Specification (The HDF Group, https://docs.hdfgroup.org/hdf4/).
"""

import mmap
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray
from pyhdf.error import HDF4Error

from kilomoist.errors import InputError
from kilomoist.product_types import Format, Product

MAGIC: dict[Format, bytes] = {"HDF4": b"\x0e\x03\x13\x01", "HDF5": b"\x89HDF\r\n\x1a\n"}
FETCH_AGAIN = "delete it and fetch the granule again"
DESCRIPTOR = np.dtype([("tag", ">u2"), ("reference", ">u2"), ("offset", ">u4"), ("length", ">u4")])
"""Entry of the HDF4 directory: kind and place of an element."""
Elements = dict[tuple[int, int], tuple[int, int]]
"""Offset and length of elements by tag and reference."""

_PIECE = 1 << 21
"""Bytes that are inflated at once."""
_DESCRIPTION = struct.Struct(">HHIHHH")
"""Beginning of a compressed element: kind, version, length, reference of its data, model, coder."""
_NO_ELEMENT, _COMPRESSED, _DATA, _DATA_GROUP, _SPECIAL = 1, 40, 702, 720, 0x4000
_TABLE_HEAD, _TABLE = 1962, 1963
"""Tags of elements, and the bit in the tag of an element that is stored in a special way."""
_IS_COMPRESSED, _DEFLATE = 3, 4
_DEFLATED = 8
_UNWRITTEN = 0xFFFFFFFF


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
    if head.startswith(MAGIC[product.format]):
        return
    if not head:
        found = "is an empty file"
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or b"html" in head.lower():
        found = "is a web page (perhaps of a login)"
    elif other := next((name for name, magic in MAGIC.items() if head.startswith(magic)), None):
        found = f"is an {other} file"
    else:
        found = f"is not an HDF file (it begins with {head[:8]!r})"
    raise InputError(f"{path} {found}, but a granule of {product.name} is {product.format}: {FETCH_AGAIN}.")


@contextmanager
def naming_damage(path: Path, product: Product) -> Iterator[None]:
    """Turn what the HDF libraries, and functions here, raise about a damaged file into an `InputError`."""
    try:
        yield
    # The libraries have no exception of their own for damage: a wild offset or size surfaces as any of these.
    except (HDF4Error, OSError, RuntimeError, SystemError, KeyError, ValueError, TypeError, MemoryError) as error:
        detail = " ".join(str(error).split())
        raise InputError(f"{path} is cut off or damaged ({detail}): {FETCH_AGAIN} of {product.name}.") from error


def missing_dataset(path: Path, product: Product, name: str, present: Iterable[str]) -> InputError:
    """Sentence for a granule without a dataset, of those that are `present`."""
    names = sorted(present)
    listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return InputError(
        f"{path} has no dataset {name!r} as a granule of {product.name} has (it has {listed or 'none'}): "
        f"{FETCH_AGAIN}, with all its datasets."
    )


def shape_text(shape: Iterable[int]) -> str:
    """Lengths of an array's sides, for messages."""
    return " × ".join(map(str, shape))


@contextmanager
def _inflating(place: str) -> Iterator[None]:
    """Name the place of a deflated stream in the ValueError that says what is wrong with it."""
    try:
        yield
    except (igzip_lib.IsalError, ValueError) as error:  # type: ignore[misc]  # a class, though its stub says otherwise
        raise ValueError(f"compressed data {place}: {error}") from error


def inflate(stream: bytes, size: int, place: str) -> NDArray[np.uint8]:
    """The `size` bytes of a deflated stream, by pieces: a large array would take new memory each time.

    Raises ValueError for another check sum or size, with the stream's place in the file.
    """
    content, filled, inflater = np.empty(size, np.uint8), 0, isal_zlib.decompressobj()
    with _inflating(place):
        while not inflater.eof:
            piece = np.frombuffer(inflater.decompress(stream, _PIECE), np.uint8)
            if not piece.size or filled + piece.size > size:
                break
            content[filled : filled + piece.size] = piece
            filled, stream = filled + piece.size, inflater.unconsumed_tail
        if filled != size or not inflater.eof:
            raise ValueError(f"it ends after {filled} bytes or does not end there, where {size} are expected")
    return content


def descriptors(content: bytes | mmap.mmap) -> Iterator[tuple[int, NDArray[np.void]]]:
    """Blocks of an HDF4 file's directory: position of the entries, and the entries (`DESCRIPTOR`).

    HDF Specification, chapter 2: a block is the number of entries (2 bytes), the position of the next block (4 bytes, 0
    after the last) and the entries. Raises ValueError when the directory runs out of the file.
    """
    position = len(MAGIC["HDF4"])
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


def elements_of(content: mmap.mmap) -> Elements:
    """Places of an HDF4 file's elements. Raises ValueError when any lies beyond its end."""
    entries = np.concatenate([block for _, block in descriptors(content)])
    if not entries["tag"].all():  # no kind of element has the number 0, but zeros stand where a download stopped
        raise ValueError("its directory has holes")
    entries = entries[(entries["tag"] != _NO_ELEMENT) & (entries["offset"] != _UNWRITTEN)]
    end = int((entries["offset"].astype(np.int64) + entries["length"]).max(initial=0))
    if end > len(content):
        raise ValueError(f"it ends after {len(content)} of at least {end} bytes")
    return {(tag, reference): (offset, length) for tag, reference, offset, length in entries.tolist()}


def stream_of(reference: int, elements: Elements, content: mmap.mmap) -> tuple[int, int] | None:
    """Place of the one deflated stream of a dataset, by the reference of its group; None when stored otherwise.

    HDF Specification, chapters 10 and 11: a numeric data group lists its elements by tag and reference; the description
    of a compressed element names the element that holds the stream.
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


def text_attributes(titles: Iterable[str], elements: Elements, content: mmap.mmap) -> dict[str, str]:
    """Texts of those attributes of an HDF4 file that there are, up to the zeros that fill them up.

    HDF Specification, chapter 6: an attribute is a table (Vdata); its description holds its name after the name's
    length (2 bytes), and has the reference of the element that holds its values. pyhdf takes 100 times as long.
    """
    names = {struct.pack(">H", len(title)) + title.encode(): title for title in titles}
    found = {}
    for tag, reference in elements:
        if tag == _TABLE_HEAD:
            offset, length = elements[tag, reference]
            described = content[offset : offset + length]
            for name, title in names.items():
                if name in described:
                    begin, size = elements.get((_TABLE, reference), (0, 0))
                    found[title] = content[begin : begin + size].partition(b"\0")[0].decode("latin-1")
    return found


def check_streams(elements: Elements, content: mmap.mmap) -> None:
    """Raise ValueError when any deflated stream of an HDF4 file is damaged, before the HDF4 library reads it.

    The library compares no check sums, and hands out wrong numbers for a damaged element. What else there is (the list
    of a dataset's chunks, attributes) only the provider's check sum of the file protects.
    """
    for (tag, _), (offset, length) in elements.items():
        begin = content[offset : offset + 2]
        # Another method of compression than deflate begins otherwise, and a damaged beginning the library notices.
        if tag == _COMPRESSED and length > 2 and begin[0] & 0x0F == _DEFLATED and int.from_bytes(begin) % 31 == 0:
            with _inflating(f"at byte {offset}"):
                isal_zlib.decompress(content[offset : offset + length])
