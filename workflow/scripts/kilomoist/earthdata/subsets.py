"""Subsets of large HDF5 granules: the dataset that is wanted, moved as it is stored and kept in a small file.

A dataset's compressed chunks are placed by the file's DMR++ (a small XML document that OPeNDAP's Hyrax keeps beside it,
https://opendap.github.io/DMRpp-wiki/DMRpp.html) or by the file itself, of which only the places are read. They are
written as they are into a file with the same path, attributes and grid, so that the same reader serves both.
"""

import io
import itertools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import h5py
import numpy as np

from kilomoist.earthdata.documents import read_xml
from kilomoist.granules.ease_grid import describe, write_ease_grid, write_field
from kilomoist.granules.hdf5 import read_attribute
from kilomoist.granules.smap import PART_OF
from kilomoist.grids import M09

_DAP = "{http://xml.opendap.org/ns/DAP/4.0#}"
_DMRPP = "{http://xml.opendap.org/dap/dmrpp/1.0.0#}"
_TYPES = {"Float32": "<f4", "Float64": "<f8"}
_STRUCTURE = {"DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME", "_Netcdf4Dimid", "_Netcdf4Coordinates"}
"""Attributes in which HDF5 keeps links between datasets: they are made anew."""
_BLOCK = 2**16
"""Bytes that are read at once of a file whose structure is scattered; the default of libraries is 100 times larger."""
_STRUCTURE_SIZE = 2**25
"""Bytes after which a file's structure is not searched on: where there is so much of it, the whole file is no more."""
_MOST_CHUNKS = 1000
"""Each is a request, so that the whole file comes sooner than more of them."""
_LONGEST = 32_000
"""Bytes of an attribute, of the 64 KiB that HDF5 has for each: others say nothing that is read."""


class UnknownLayoutError(Exception):
    """A dataset is not stored as `write_subset` could copy it: the whole file is needed."""


@dataclass(frozen=True)
class Layout:
    """Storage of a dataset of floating-point numbers in chunks."""

    dataset: str
    type: str
    """NumPy's name of a floating-point type, such as <f4."""
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    filters: tuple[str, ...]
    """In the order in which they were applied."""
    chunks: dict[tuple[int, ...], tuple[int, int]]
    """Offset and length of each in the file, by its first row and column."""
    attributes: dict[str, Any]
    """Of the dataset."""
    of_file: dict[str, Any]
    """Attributes of the file's root."""


def layout_from_sidecar(document: bytes, dataset: str) -> Layout:
    """Layout of a dataset from the DMR++ of its file. Raises `UnknownLayoutError` for one that cannot be copied."""
    return _copyable(layout_in_sidecar(document, dataset))


def layout_in_sidecar(document: bytes, dataset: str) -> Layout:
    """Layout of any dataset of floating-point numbers in chunks. Raises `UnknownLayoutError` for other documents.

    Where the order of bytes is not told, as older documents do not, it is that of Hyrax's own machines, little-endian.
    """
    try:
        root = read_xml(document)
        node, path, sizes = root, "", _sizes(root, "")
        *groups, name = dataset.split("/")
        for group in groups:
            node = next(child for child in node.findall(f"{_DAP}Group") if child.get("name") == group)
            path = f"{path}/{group}"
            sizes |= _sizes(node, path)
        kind, variable = next(
            (child.tag.removeprefix(_DAP), child)
            for child in node
            if child.get("name") == name and child.find(f"{_DMRPP}chunks") is not None
        )
        if kind not in _TYPES:
            raise UnknownLayoutError(f"{dataset} holds numbers of type {kind}")
        shape = tuple(int(axis.get("size") or sizes[axis.get("name", "")]) for axis in variable.findall(f"{_DAP}Dim"))
        (stored,) = variable.findall(f"{_DMRPP}chunks")
        if stored.get("byteOrder", "LE") != "LE":
            raise UnknownLayoutError(f"{dataset} has no chunks of little-endian numbers")
        filters = tuple(stored.get("compressionType", "").split())
        chunk_shape = tuple(map(int, stored.findtext(f"{_DMRPP}chunkDimensionSizes", "").split()))
        if not chunk_shape:
            raise UnknownLayoutError(f"{dataset} is stored in one piece and not in chunks")
        chunks = {}
        for chunk in stored.findall(f"{_DMRPP}chunk"):
            if chunk.get("href") or chunk.get("fm", "0") != "0":
                raise UnknownLayoutError(f"{dataset} has chunks in another file or stored in another way")
            position = tuple(map(int, re.findall(r"\d+", chunk.get("chunkPositionInArray", "")))) or (0,) * len(shape)
            chunks[position] = int(chunk.get("offset", "")), int(chunk.get("nBytes", ""))
        attributes, of_file = _attributes(variable), _attributes(root)
        return Layout(dataset, _TYPES[kind], shape, chunk_shape, filters, chunks, attributes, of_file)
    # LookupError: a name that there is not; OverflowError: a number that no type holds.
    except (StopIteration, LookupError, ValueError, OverflowError) as error:
        raise UnknownLayoutError(f"the DMR++ does not describe {dataset} ({_short(error)})") from error


def layout_from_file(fetch: Callable[[int, int], bytes], size: int, dataset: str) -> Layout:
    """Layout of a dataset from its file of `size` bytes, of which `fetch(begin, end)` gets some.

    Raises `UnknownLayoutError` for a file that HDF5 cannot read so, or a dataset that `write_subset` cannot copy.
    """
    try:
        with h5py.File(_Remote(fetch, size), "r") as granule:
            stored = granule[dataset]
            if (number := stored.id.get_num_chunks()) > _MOST_CHUNKS:
                raise UnknownLayoutError(f"{dataset} is stored in {number} chunks, more than {_MOST_CHUNKS}")
            applied = stored.id.get_create_plist()
            filters = tuple(applied.get_filter(step)[3].decode() for step in range(applied.get_nfilters()))
            places = [stored.id.get_chunk_info(place) for place in range(number)]
            if any(place.filter_mask for place in places):
                raise UnknownLayoutError(f"{dataset} has chunks that are stored in another way")
            chunks = {tuple(place.chunk_offset): (place.byte_offset, place.size) for place in places}
            attributes = {name: stored.attrs[name] for name in stored.attrs if name not in _STRUCTURE}
            described = stored.dtype.str, stored.shape, stored.chunks or (), filters, chunks
            return _copyable(Layout(dataset, *described, attributes, dict(granule.attrs)))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UnknownLayoutError(f"{dataset} cannot be found in the file ({_short(error)})") from error


def _copyable(layout: Layout) -> Layout:
    """The layout, if `write_subset` can copy the dataset; raises `UnknownLayoutError` for any other."""
    dataset, shape, sides = layout.dataset, layout.shape, layout.chunk_shape
    if (
        shape != M09.window.shape
        or len(sides) != 2
        or not all(0 < side <= length for side, length in zip(sides, shape, strict=True))
    ):
        raise UnknownLayoutError(f"{dataset} has the shape {_short(shape)} in chunks of {_short(sides)}")
    if layout.filters not in (("deflate",), ("shuffle", "deflate")):
        raise UnknownLayoutError(f"{dataset} is stored with the filters {_short(' '.join(layout.filters)) or 'none'}")
    stored = np.dtype(layout.type)
    if stored.kind != "f" or stored.byteorder == ">":
        raise UnknownLayoutError(f"{dataset} holds numbers of type {layout.type}")
    expected = math.prod(-(-length // side) for length, side in zip(shape, sides, strict=True))
    corners = itertools.product(*(range(0, length, side) for length, side in zip(shape, sides, strict=True)))
    if expected > _MOST_CHUNKS:
        raise UnknownLayoutError(f"{dataset} is stored in {expected} chunks, more than {_MOST_CHUNKS}")
    if len(layout.chunks) != expected or set(layout.chunks) != set(corners):
        raise UnknownLayoutError(f"{dataset} has {len(layout.chunks)} chunks, not {expected} each at its place")
    raw = math.prod(sides) * stored.itemsize
    most = raw + raw // 1000 + 64  # bytes of what deflate cannot make smaller
    if not all(begin >= 0 and 0 < length <= most for begin, length in layout.chunks.values()):
        raise UnknownLayoutError(f"{dataset} has chunks of an impossible length or offset")
    return layout


def write_subset(path: str | Path, layout: Layout, parts: Mapping[tuple[int, ...], bytes], origin: str) -> None:
    """Write a dataset from the stored bytes of its chunks by their first row and column, with x, y and projection.

    `origin` names the granule that it is a subset of. The same input gives the same bytes. Raises `UnknownLayoutError`
    for a description, such as attributes, that HDF5 does not take.
    """
    content = io.BytesIO()  # HDF5 ends the process when it cannot close a file for want of room
    try:
        with h5py.File(content, "w", libver=("earliest", "v110")) as granule:
            describe(granule, layout.of_file | {PART_OF: origin})
            write_ease_grid(granule)
            stored = {"dtype": layout.type, "chunks": layout.chunk_shape, "shuffle": "shuffle" in layout.filters}
            write_field(granule, layout.dataset, parts, layout.attributes, **stored)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise UnknownLayoutError(f"{layout.dataset} cannot be written as it is described ({error})") from error
    Path(path).write_bytes(content.getbuffer())


def subset_of(path: str | Path) -> str | None:
    """The granule that a file says it is a subset of; None for any other file."""
    try:
        with h5py.File(path, "r") as granule:
            said = read_attribute(granule, PART_OF)
            return said.decode() if isinstance(said, bytes) else None
    # Of a damaged file HDF5 raises any of these: whoever reads its values names the damage.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return None


class _Remote(io.RawIOBase):
    """A file elsewhere, read in blocks that are kept."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._size, self._position = size, 0
        self._block = cache(self._fetch)
        self._get, self._fetched = fetch, 0

    def _fetch(self, begin: int) -> bytes:
        self._fetched += _BLOCK
        if self._fetched > _STRUCTURE_SIZE:
            raise UnknownLayoutError(f"its structure has more than {_STRUCTURE_SIZE} bytes")
        return self._get(begin, min(begin + _BLOCK, self._size))

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def readinto(self, buffer: Any) -> int:
        begin, end = self._position, min(self._position + len(buffer), self._size)
        first = begin - begin % _BLOCK
        content = b"".join(self._block(block) for block in range(first, end, _BLOCK))[begin - first : end - first]
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


def _short(told: object) -> str:
    """What a document tells, in words of a sentence."""
    return f"{' '.join(str(told).split()):.200}"


def _sizes(group: Element, path: str) -> dict[str, str]:
    """Lengths of a group's dimensions by their full names."""
    return {f"{path}/{axis.get('name')}": axis.get("size", "") for axis in group.findall(f"{_DAP}Dimension")}


def _attributes(node: Element) -> dict[str, Any]:
    """Attributes of a variable or of the document; texts stay texts."""
    found: dict[str, Any] = {}
    for attribute in node.findall(f"{_DAP}Attribute"):
        name, kind = attribute.get("name", ""), attribute.get("type", "")
        values = [value.text or "" for value in attribute.findall(f"{_DAP}Value")]
        if name in (*_STRUCTURE, "DIMENSION_LABELS", "") or not 0 < len(" ".join(values).encode()) < _LONGEST:
            continue
        if kind in _TYPES:
            numbers = np.array(values, _TYPES[kind])
            found[name] = numbers[0] if len(numbers) == 1 else numbers
        elif kind == "String":
            found[name] = " ".join(values)
    return found
