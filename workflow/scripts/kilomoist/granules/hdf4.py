"""HDF4 files read without the HDF4 library, which damaged files crash, stall and mislead.

HDF Specification and Developer's Guide, HDF Reference Manual (The HDF Group, https://docs.hdfgroup.org/hdf4/). A file
is a directory and elements, each of which a tag (its kind) and a reference name. Read are datasets (SDS) and attributes
as the library writes them, of which the numbers are stored whole, deflated, or in deflated chunks; the rest is refused.
Nothing is believed alone: no two elements may share bytes or a name, nothing may belong to two datasets, what is told
twice must agree, and every length is known before anything of that length is read. Numbers are big-endian.

All functions raise ValueError for what is damaged, or stored otherwise.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilomoist.granules.formats import MAGIC, inflate

DESCRIPTOR = np.dtype([("tag", ">u2"), ("reference", ">u2"), ("offset", ">u4"), ("length", ">u4")])
"""Entry of the directory: kind, name and place of an element."""

_NO_ELEMENT, _LINKED, _COMPRESSED, _CHUNK, _NUMBER_TYPE, _DIMENSIONS, _DATA = 1, 20, 40, 61, 106, 701, 702
_DATA_GROUP, _TABLE_HEAD, _TABLE, _GROUP = 720, 1962, 1963, 1965
"""Tags."""
_SPECIAL, _USERS = 0x4000, 0x8000
"""Bits of a tag: of elements that are stored in a special way, and of tags that users define."""
_IS_LINKED, _IS_COMPRESSED, _IS_CHUNKED = 1, 3, 5
"""Special ways, as the first number of the element tells them."""
_UNWRITTEN, _ABSENT = 0xFFFFFFFF, -1
"""Offset and length of an element without content, in the file and here."""
_STREAM = np.dtype(
    [("kind", ">u2"), ("version", ">u2"), ("length", ">u4"), ("stream", ">u2"), ("model", ">u2"), ("coder", ">u2")]
)
"""Compressed element: bytes that it inflates to, reference of the stream, how numbers and bytes are coded."""
_DEFLATE = 4
_CHUNK_FIELDS = (("origin", 24), ("chk_tag", 23), ("chk_ref", 23))
"""Fields of a table of chunks, with their types: place in the grid of chunks, and the element that holds the chunk."""
_NUMBER_TYPES: dict[bytes, np.dtype] = {
    b"\1\x14\x08\1": np.dtype(">i1"),
    b"\1\x15\x08\1": np.dtype(">u1"),
    b"\1\x16\x10\1": np.dtype(">i2"),
    b"\1\x17\x10\1": np.dtype(">u2"),
}
"""Types of a dataset's numbers by version, type, bits and order of bytes."""
_TEXTS = (3, 4)
_TYPES = {5: ">f4", 6: ">f8", 20: ">i1", 21: ">u1", 22: ">i2", 23: ">u2", 24: ">i4", 25: ">u4"}
"""Types of an attribute's values: those of text, and of numbers."""


@dataclass(frozen=True)
class Group:
    """A Vgroup: tags and references of its members."""

    name: str
    kind: str
    members: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class StoredDataset:
    """Form of a dataset; the type is None for other numbers than integers of 8 or 16 bits."""

    group: Group
    shape: tuple[int, ...]
    type: np.dtype | None
    reference: int
    """Of the element that holds the numbers."""


class _Table(NamedTuple):
    """Description of a Vdata: its fields' names, types and counts, the rows and their bytes."""

    name: str
    kind: str
    fields: tuple[tuple[str, int, int], ...]
    rows: int
    row_size: int


@dataclass(frozen=True)
class _Chunking:
    """A chunked element: bytes of a number, lengths of its axes and of chunks, chunks along axes, and their table."""

    number_size: int
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    grid: tuple[int, ...]
    compressed: bool
    rows: NDArray[np.void]


class _Fields:
    """Numbers and texts of an element, one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content, self._position = content, 0

    def numbers(self, form: str) -> tuple[int, ...]:
        """The next numbers, by their form as `struct` has it."""
        form = f">{form}"
        try:
            found = struct.unpack_from(form, self._content, self._position)
        except struct.error as error:
            raise ValueError("an element ends too early") from error
        self._position += struct.calcsize(form)
        return found

    def text(self) -> str:
        """The next text, which its length precedes."""
        begin = self._position + 2
        self._position = begin + int.from_bytes(self._content[begin - 2 : begin])
        if self._position > len(self._content):
            raise ValueError("an element ends too early")
        return self._content[begin : self._position].decode("latin-1")


def descriptors(content: bytes) -> Iterator[tuple[int, NDArray[np.void]]]:
    """Blocks of the directory that have entries: position of the entries, and the entries (`DESCRIPTOR`).

    HDF Specification, chapter 2: a block is the number of entries (2 bytes), the position of the next block (4 bytes, 0
    after the last) and the entries.
    """
    position, remaining = len(MAGIC["HDF4"]), len(content)
    visited = set()
    while position:
        if position in visited:
            raise ValueError("its directory turns in a circle")
        visited.add(position)
        try:
            count, following = struct.unpack_from(">HI", content, position)
            entries = np.frombuffer(content, DESCRIPTOR, count, position + 6)
        except (struct.error, ValueError) as error:
            raise ValueError("its directory runs out of the file") from error
        remaining -= 6 + entries.nbytes
        if remaining < 0:
            raise ValueError("blocks of its directory share bytes")
        if count:
            yield position + 6, entries
        position = following


def _check_unique(references: NDArray) -> None:
    """Raise ValueError when two elements of a kind claim a third one: one of their references is wrong."""
    if (np.bincount(references) > 1).any():
        raise ValueError("two of its datasets have numbers in one place")


class _Elements:
    """Elements of an HDF4 file, by tag and reference."""

    def __init__(self, content: bytes) -> None:
        self._content, self._bytes = content, np.frombuffer(content, np.uint8)
        blocks = list(descriptors(content))
        if not blocks:
            raise ValueError("its directory is empty")
        entries = np.frombuffer(b"".join(block.tobytes() for _, block in blocks), DESCRIPTOR)
        if not entries["tag"].all():  # no kind of element has the number 0, but zeros stand where a download stopped
            raise ValueError("its directory has holes")
        entries = entries[entries["tag"] != _NO_ELEMENT]
        tags = entries["tag"].astype(np.int64)
        special = (tags & (_SPECIAL | _USERS)) == _SPECIAL
        keys = np.where(special, tags & ~_SPECIAL, tags) << 16 | entries["reference"]
        order = np.argsort(keys)
        self._keys, self.special = keys[order], special[order]
        self.offsets, self.lengths = (entries[name][order].astype(np.int64) for name in ("offset", "length"))
        if (self._keys[1:] == self._keys[:-1]).any():
            raise ValueError("its directory has two elements of one name")
        self.lengths[(self.offsets == _UNWRITTEN) & (self.lengths == _UNWRITTEN)] = _ABSENT
        self._check_places([(start - 6, 6 + block.nbytes) for start, block in blocks])
        single = ~np.isin(self._keys >> 16, (_COMPRESSED, _CHUNK))  # those are many, and looked up all at once
        columns = (column[single].tolist() for column in (self.offsets, self.lengths, self.special))
        self._single = dict(zip(self._keys[single].tolist(), zip(*columns, strict=True), strict=True))

    def _check_places(self, blocks: list[tuple[int, int]]) -> None:
        """Raise ValueError when an element lies beyond the file's end, in the directory's blocks or in another one."""
        filled = self.lengths > 0
        offsets, lengths = np.concatenate([[self.offsets[filled], self.lengths[filled]], np.array(blocks).T], axis=1)
        ends = offsets + lengths
        if ends.max() > len(self._content):
            raise ValueError(f"it ends after {len(self._content)} of at least {ends.max()} bytes")
        order = np.argsort(offsets)
        shared = ends[order[:-1]] > offsets[order[1:]]
        if shared.any():
            raise ValueError(f"two of its elements share byte {offsets[order[1:]][shared][0]}")

    def references(self, tag: int) -> list[int]:
        """References of all elements of a kind."""
        return (self._keys[self._keys >> 16 == tag] & 0xFFFF).tolist()

    def chunked(self) -> list[int]:
        """References of all chunked datasets' numbers. Raises ValueError where a stream belongs to two elements."""
        special = np.flatnonzero(self.special & (self.lengths != _ABSENT))
        kinds = self.heads(special, np.dtype(">u2"))
        _check_unique(self.heads(special[kinds == _IS_COMPRESSED], _STREAM)["stream"])
        return (self._keys[special[(kinds == _IS_CHUNKED) & (self._keys[special] >> 16 == _DATA)]] & 0xFFFF).tolist()

    def find(self, tag: int, references: NDArray) -> NDArray[np.int64]:
        """Places of elements in the directory."""
        keys = tag << 16 | references.astype(np.int64)
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        absent = (self._keys[found] != keys) | (self.lengths[found] == _ABSENT)
        if absent.any():
            raise ValueError(f"it lacks the element {references[absent][0]} of kind {tag}")
        return found

    def heads(self, places: NDArray[np.int64], head: np.dtype) -> NDArray:
        """What elements begin with."""
        if (self.lengths[places] < head.itemsize).any():
            raise ValueError("an element ends too early")
        found = self._bytes[self.offsets[places, None] + np.arange(head.itemsize)]
        return found.view(head)[:, 0]

    def content(self, tag: int, reference: int, special: bool = False) -> bytes:
        """Content of one element."""
        offset, length, is_special = self._single.get(tag << 16 | reference, (0, _ABSENT, special))
        if length == _ABSENT:
            raise ValueError(f"it lacks the element {reference} of kind {tag}")
        if is_special != special:
            raise ValueError(f"its element {reference} of kind {tag} is stored in a way that is not read")
        return self._content[offset : offset + length]


class Hdf4File:
    """Datasets and attributes of an HDF4 file, given its content."""

    def __init__(self, content: bytes) -> None:
        self._content, self._elements = content, _Elements(content)
        roots = [group for group in map(self._group, self._elements.references(_GROUP)) if group.kind == "CDF0.0"]
        if len(roots) != 1:
            raise ValueError(f"it has {len(roots)} tables of contents")
        self.root = roots[0]
        """Group that lists the datasets' groups and the file's own attributes."""
        members = [reference for tag, reference in self.root.members if tag == _GROUP]
        named = [group for group in map(self._group, members) if group.kind == "Var0.0"]
        self.datasets = {group.name: group for group in named}
        """Groups of what belongs to a dataset, by its name."""
        if len(self.datasets) != len(named):
            raise ValueError("two of its datasets have one name")
        self._tables = {reference: self._table(reference) for reference in self._elements.references(_TABLE_HEAD)}
        self._attributes = {
            reference: (table.name, self._values(table, reference))
            for reference, table in self._tables.items()
            if table.kind == "Attr0.0"
        }
        self._claimed: set[tuple[int, int]] = set()
        self._chunkings = {reference: self._chunking(reference) for reference in self._elements.chunked()}
        chunks = [chunking.rows["reference"] for chunking in self._chunkings.values()]
        _check_unique(np.concatenate([np.empty(0, np.uint16), *chunks]))
        _check_unique(np.array([reference for group in named for tag, reference in group.members if tag == _DATA], int))

    def dataset(self, name: str) -> StoredDataset:
        """Form of a dataset, which its numeric group must confirm. Raises KeyError where there is none."""
        group = self.datasets[name]
        references = dict(group.members)
        try:
            members = {tag: references[tag] for tag in (_DATA, _NUMBER_TYPE, _DIMENSIONS)}
            words = self._elements.content(_DATA_GROUP, references[_DATA_GROUP])
        except KeyError as error:
            raise ValueError(f"its dataset {name!r} lacks numbers or their form") from error
        confirmed = _Fields(words).numbers(f"{len(words) // 2}H")
        if not members.items() <= set(zip(confirmed[::2], confirmed[1::2], strict=True)):
            raise ValueError(f"its dataset {name!r} tells two places of its numbers or of their form")
        form = _Fields(self._elements.content(_DIMENSIONS, members[_DIMENSIONS]))
        (rank,) = form.numbers("H")
        shape = form.numbers(f"{rank}I")
        if form.numbers("HH") != (_NUMBER_TYPE, members[_NUMBER_TYPE]):
            raise ValueError(f"its dataset {name!r} tells two types of its numbers")
        number_type = self._elements.content(_NUMBER_TYPE, members[_NUMBER_TYPE])
        return StoredDataset(group, shape, _NUMBER_TYPES.get(number_type), members[_DATA])

    def attributes(self, group: Group) -> dict[str, Any]:
        """Attributes of a dataset's group, or of the root: texts, numbers and lists of numbers."""
        references = (reference for tag, reference in group.members if tag == _TABLE_HEAD)
        return dict(self._attributes[reference] for reference in references if reference in self._attributes)

    def numbers(self, dataset: StoredDataset) -> NDArray:
        """Numbers of a dataset of a known type in native byte order. It is as large as its shape: check that before."""
        if dataset.type is None:
            raise ValueError(f"numbers of its dataset {dataset.group.name!r} are of a type that is not read")
        size = dataset.type.itemsize * math.prod(dataset.shape)
        (place,) = self._elements.find(_DATA, np.array([dataset.reference]))
        kind = self._elements.heads(np.array([place]), np.dtype(">u2"))[0] if self._elements.special[place] else None
        if kind == _IS_CHUNKED:
            stored = self._unchunked(dataset, dataset.type)
        elif kind == _IS_COMPRESSED:
            stored = next(self._inflated(_DATA, np.array([dataset.reference]), size)).view(dataset.type)
        elif kind is None and self._elements.lengths[place] == size:
            stored = np.frombuffer(self._elements.content(_DATA, dataset.reference), dataset.type).copy()
        else:
            raise ValueError(
                f"numbers of its dataset {dataset.group.name!r} are stored otherwise than whole, deflated or in "
                "deflated chunks"
            )
        return stored.reshape(dataset.shape).astype(dataset.type.newbyteorder("="), copy=False)

    def _group(self, reference: int) -> Group:
        """HDF Specification, Vgroup: number of members, their tags, their references, name and class."""
        fields = _Fields(self._elements.content(_GROUP, reference))
        (count,) = fields.numbers("H")
        tags, references = fields.numbers(f"{count}H"), fields.numbers(f"{count}H")
        members = tuple(dict.fromkeys(zip(tags, references, strict=True)))
        return Group(fields.text(), fields.text(), members)

    def _table(self, reference: int) -> _Table:
        """HDF Specification, Vdata description: order, rows, bytes of a row, fields, name and class.

        Of each field there are the type, bytes, offset, count and name, each for all fields in turn.
        """
        fields = _Fields(self._elements.content(_TABLE_HEAD, reference))
        interlaced, rows, row_size, count = fields.numbers("HIHH")
        numbers = fields.numbers(f"{4 * count}H")
        types, counts = numbers[:count], numbers[3 * count :]
        described = tuple([(fields.text(), types[number], counts[number]) for number in range(count)])
        if interlaced:
            raise ValueError(f"its table {reference} is stored in a way that is not read")
        return _Table(fields.text(), fields.text(), described, rows, row_size)

    def _values(self, table: _Table, reference: int) -> Any:
        """Values of an attribute, a table of one field."""
        content = self._elements.content(_TABLE, reference)
        kind, count = table.fields[0][1:] if len(table.fields) == 1 else (0, 0)
        size = 1 if kind in _TEXTS else np.dtype(_TYPES.get(kind, "V")).itemsize
        if not size or table.row_size != size * count or len(content) != table.rows * table.row_size:
            raise ValueError(f"its attribute {table.name!r} has other values than it says")
        if kind in _TEXTS:
            if table.rows != 1 or not content.isascii():
                raise ValueError(f"its attribute {table.name!r} is no text")
            return content.decode()
        values = np.frombuffer(content, _TYPES[kind]).tolist()
        return values[0] if len(values) == 1 else values

    def _chunking(self, reference: int) -> _Chunking:
        """HDF Specification, chunked element, and its table of chunks."""
        fields = _Fields(self._elements.content(_DATA, reference, special=True))
        _, _, version, flags, length, chunk_length, number_size = fields.numbers("HIBIIII")
        tag, table_reference, _, _, rank = fields.numbers("HHHHI")
        axes = fields.numbers(f"{3 * rank}I")  # of each axis a flag, its length and that of chunks
        shape, chunk, table = axes[1::3], axes[2::3], self._tables.get(table_reference)
        fits = all(0 < part <= whole for whole, part in zip(shape, chunk, strict=True))
        if not fits or (version, tag, length, chunk_length) != (0, _TABLE_HEAD, math.prod(shape), math.prod(chunk)):
            raise ValueError("chunks of a dataset are not of its form")
        grid = tuple(-(-whole // part) for whole, part in zip(shape, chunk, strict=True))
        row = np.dtype([("origin", ">i4", (rank,)), ("tag", ">u2"), ("reference", ">u2")])
        form = tuple((name, kind, rank if name == "origin" else 1) for name, kind in _CHUNK_FIELDS)
        if table is None or (table.fields, table.rows, table.row_size) != (form, math.prod(grid), row.itemsize):
            raise ValueError("a dataset lacks chunks, or their table is another one")
        rows = np.frombuffer(self._rows(table_reference, table.rows * table.row_size), row)
        return _Chunking(number_size, shape, chunk, grid, flags == _IS_COMPRESSED, rows)

    def _rows(self, reference: int, size: int) -> bytes:
        """Rows of a table, which lie in one place or in blocks.

        HDF Specification, linked block element: lengths of the element and of blocks but the first, number of blocks in
        a list, reference of the first list. A list has the reference of the next one, and those of blocks or zeros.
        """
        self._claim(_TABLE, reference)
        (place,) = self._elements.find(_TABLE, np.array([reference]))
        if not self._elements.special[place]:
            content = self._elements.content(_TABLE, reference)
        else:
            fields = _Fields(self._elements.content(_TABLE, reference, special=True))
            kind, length, _, count, following = fields.numbers("HIIIH")
            if (kind, length) != (_IS_LINKED, size):
                raise ValueError(f"its table {reference} is stored in a way that is not read")
            blocks = []
            while following:
                self._claim(_LINKED, following)
                following, *listed = _Fields(self._elements.content(_LINKED, following)).numbers(f"H{count}H")
                blocks += [block for block in listed if block]
            for block in blocks:
                self._claim(_LINKED, block)
            content = b"".join(self._elements.content(_LINKED, block) for block in blocks)[:size]
        if len(content) != size:
            raise ValueError(f"its table {reference} has {len(content)} of {size} bytes")
        return content

    def _claim(self, tag: int, reference: int) -> None:
        """Note that an element is part of a table. Raises ValueError when it is part of one already."""
        if (tag, reference) in self._claimed:
            raise ValueError(f"two of its tables have the element {reference} of kind {tag}")
        self._claimed.add((tag, reference))

    def _unchunked(self, dataset: StoredDataset, number_type: np.dtype) -> NDArray:
        """Numbers of a chunked dataset, of which every chunk must be there. The last of a row may reach beyond it."""
        chunking, size = self._chunkings[dataset.reference], number_type.itemsize
        chunk, grid, rows, rank = chunking.chunk, chunking.grid, chunking.rows, len(chunking.shape)
        if (chunking.shape, chunking.number_size, chunking.compressed) != (dataset.shape, size, True):
            raise ValueError(f"chunks of its dataset {dataset.group.name!r} are not of its form, or not deflated")
        numbers = np.ravel_multi_index(tuple(rows["origin"].T), grid)
        if (np.bincount(numbers) > 1).any() or (rows["tag"] != _CHUNK).any():
            raise ValueError(f"its dataset {dataset.group.name!r} lacks chunks")
        stored = np.empty((len(rows), size * math.prod(chunk)), np.uint8)
        contents = self._inflated(_CHUNK, rows["reference"], stored.shape[1])
        for number, content in zip(numbers.tolist(), contents, strict=True):
            stored[number] = content
        axes = [axis for pair in zip(range(rank), range(rank, 2 * rank), strict=True) for axis in pair]
        covered = [count * part for count, part in zip(grid, chunk, strict=True)]
        whole = stored.view(number_type).reshape(grid + chunk).transpose(axes).reshape(covered)
        return whole[tuple(map(slice, dataset.shape))]

    def _inflated(self, tag: int, references: NDArray, size: int) -> Iterator[NDArray[np.uint8]]:
        """Contents of deflated elements, `size` bytes each."""
        places = self._elements.find(tag, references)
        if not self._elements.special[places].all():
            raise ValueError("compressed data are described as uncompressed")
        heads = self._elements.heads(places, _STREAM)
        for name, expected in (("kind", _IS_COMPRESSED), ("version", 0), ("length", size), ("model", 0)):
            if (heads[name] != expected).any():
                raise ValueError(f"the description of compressed data has another {name} than {expected}")
        if (heads["coder"] != _DEFLATE).any():
            raise ValueError("data are compressed otherwise than by deflate")
        streams = self._elements.find(_COMPRESSED, heads["stream"])
        if self._elements.special[streams].any():
            raise ValueError("compressed data are stored in a way that is not read")
        content = memoryview(self._content)
        for offset, length in zip(
            self._elements.offsets[streams].tolist(), self._elements.lengths[streams].tolist(), strict=True
        ):
            yield inflate(content[offset : offset + length], size, f"at byte {offset}")
