"""The HDF4 layout: directory, elements and deflated streams.

Format: HDF4 Reference Manual and HDF Specification (The HDF Group, https://docs.hdfgroup.org/hdf4/).
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray

from kilomoist.granules.formats import MAGIC, damaged_granule
from kilomoist.products import Product

DESCRIPTOR = np.dtype([("tag", ">u2"), ("reference", ">u2"), ("offset", ">u4"), ("length", ">u4")])
"""Entry of the directory: kind and place of an element."""
Elements = dict[tuple[int, int], tuple[int, int]]
"""Offset and length of elements by tag and reference."""
_DESCRIPTION = struct.Struct(">HHIHHH")
"""Beginning of a compressed element: kind, version, length, reference of its data, model, coder."""

_NO_ELEMENT = 1
_COMPRESSED = 40
_DATA = 702
_DATA_GROUP = 720
_SPECIAL = 0x4000
_IS_COMPRESSED = 3
_DEFLATE = 4
_DEFLATED = 8
_UNWRITTEN = 0xFFFFFFFF


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


def elements_of(path: Path, content: mmap.mmap, product: Product) -> Elements:
    """Places of an HDF4 file's elements. Raises `InputError` when any lies beyond its end."""
    try:
        entries = np.concatenate([block for _, block in descriptors(content)])
    except ValueError as error:
        raise damaged_granule(path, product, str(error)) from error
    if not entries["tag"].all():  # no kind of element has the number 0, but zeros stand where a download stopped
        raise damaged_granule(path, product, "its directory has holes")
    entries = entries[(entries["tag"] != _NO_ELEMENT) & (entries["offset"] != _UNWRITTEN)]
    end = int((entries["offset"].astype(np.int64) + entries["length"]).max(initial=0))
    if end > len(content):
        raise damaged_granule(path, product, f"it ends after {len(content)} of at least {end} bytes")
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


@contextmanager
def inflating(path: Path, offset: int, product: Product) -> Iterator[None]:
    """Turn what is wrong with a deflated stream of an HDF4 file, at a byte, into an `InputError`.

    The HDF4 library compares no check sums of compressed elements, hands out wrong numbers for a damaged
    element, and takes several times as long.
    """
    try:
        yield
    except (igzip_lib.IsalError, ValueError) as error:  # type: ignore[misc]  # a class, though its stub says otherwise
        raise damaged_granule(path, product, f"compressed data at byte {offset}: {error}") from error


def check_streams(path: Path, elements: Elements, content: mmap.mmap, product: Product) -> None:
    """Raise `InputError` when any deflated stream of an HDF4 file that the library reads is damaged.

    What else there is (the list of a dataset's chunks, attributes) only the provider's check sum of the file protects.
    """
    for (tag, _), (offset, length) in elements.items():
        begin = content[offset : offset + 2]
        # Another method of compression than deflate begins otherwise, and a damaged beginning the library notices.
        if tag == _COMPRESSED and length > 2 and begin[0] & 0x0F == _DEFLATED and int.from_bytes(begin) % 31 == 0:
            with inflating(path, offset, product):
                isal_zlib.decompress(content[offset : offset + length])
