"""HDF4 files written without the HDF4 library, which takes some 20 µs a chunk: MOD13 has a chunk a row.

HDF Specification and Developer's Guide, HDF Reference Manual (The HDF Group, https://docs.hdfgroup.org/hdf4/). Elements
and their order in groups are those that the library writes for datasets (SDS) and HDF-EOS2, so that whatever reads real
granules reads these; `granules.hdf4` explains elements, tags and references.
"""

import struct
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilomoist.granules.formats import MAGIC
from kilomoist.granules.hdf4 import DESCRIPTOR
from kilomoist.simulation.deflate import LEVEL, deflate

GROUP, TABLE, DATA_GROUP = 1965, 1962, 720
"""Tags of what groups have as members: groups, tables (of attributes) and numeric groups (of datasets)."""
_NO_ELEMENT, _LINKED, _COMPRESSED, _CHUNK, _NUMBER_TYPE, _DIMENSIONS, _DATA = 1, 20, 40, 61, 106, 701, 702
_SCALES, _TABLE_ROWS = 721, 1963
_SPECIAL, _UNWRITTEN = 0x4000, 2**32 - 1
"""Bit of the tag of an element that is stored in a special way; offset and length of one without content."""
_TEXT, _FLOAT32, _UINT16, _INT32 = 4, 5, 23, 24
_TYPES = {"float64": 6, "int8": 20, "uint8": 21, "int16": 22, "uint16": _UINT16, "int32": _INT32}
"""Numbers by which HDF4 knows types."""
_IS_LINKED, _IS_COMPRESSED, _IS_CHUNKED, _DEFLATE = 1, 3, 5, 4
_BLOCK = np.dtype([("count", ">u2"), ("next", ">u4"), ("entries", DESCRIPTOR, 16)])
"""A block of the directory, of as many entries as the library's own."""
_LINKED_SIZE, _LINKED_COUNT = 4096, 16
"""Bytes of a block of a table of chunks, and blocks of a list of them."""
Member = tuple[int, int]
"""Tag and reference of an element."""


class Field(NamedTuple):
    """A field of a table: its name, the type and bytes of a number, numbers in a row."""

    name: str
    type: int
    size: int
    numbers: int = 1


def _text(*texts: str) -> bytes:
    """Texts, each after its length."""
    encoded = (text.encode() for text in texts)
    return b"".join(struct.pack(">H", len(text)) + text for text in encoded)


class Hdf4Writer:
    """Elements of a new HDF4 file."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, int]] = []  # tag, reference, length
        self._contents: list[bytes] = []
        self._given = Counter[int]()

    def content(self) -> bytes:
        """The whole file: its directory, and the elements in the order in which they were added."""
        blocks = np.zeros(-(-len(self._entries) // 16), _BLOCK)
        begin = len(MAGIC["HDF4"]) + blocks.nbytes
        entries = np.full(len(blocks) * 16, np.array((_NO_ELEMENT, 0, _UNWRITTEN, _UNWRITTEN), DESCRIPTOR))
        tags, references, lengths = np.array(self._entries).T
        offsets = np.where(lengths > 0, begin + np.cumsum(lengths) - lengths, _UNWRITTEN)
        columns = {"tag": tags, "reference": references, "offset": offsets}
        columns["length"] = np.where(lengths > 0, lengths, _UNWRITTEN)
        for name, numbers in columns.items():
            entries[name][: len(numbers)] = numbers
        blocks["count"], blocks["entries"] = 16, entries.reshape(-1, 16)
        blocks["next"][:-1] = len(MAGIC["HDF4"]) + _BLOCK.itemsize * np.arange(1, len(blocks))
        return b"".join([MAGIC["HDF4"], blocks.tobytes(), *self._contents])

    def group(self, name: str, kind: str, members: Sequence[Member] = ()) -> Member:
        """Add a Vgroup of a class and its members."""
        tags, references = zip(*members, strict=True) if members else ((), ())
        listed = struct.pack(f">H{2 * len(members)}H", len(members), *tags, *references)
        return GROUP, self._add(GROUP, listed + _text(name, kind) + struct.pack(">4HB", 0, 0, 3, 0, 0))

    def attribute(self, name: str, value: str | NDArray) -> Member:
        """Add an attribute, of text or of numbers."""
        return self._attribute("VALUES", name, "Attr0.0", value)

    def dimension(self, name: str, length: int) -> Member:
        """Add an axis of datasets."""
        values = self._attribute("Values", name, "DimVal0.1", np.array([length], np.int32))
        return self.group(name, "Dim0.0", [values])

    def dataset(
        self, name: str, numbers: NDArray, fill: int, by_rows: bool, axes: Sequence[Member], told: Sequence[Member]
    ) -> tuple[Member, Member]:
        """Add a dataset of rows and columns, deflated in one piece or row by row; its group and its numeric group.

        `told` are its attributes.
        """
        kind = numbers.dtype.newbyteorder(">")
        stored = np.ascontiguousarray(numbers, kind)
        data = self._chunked(stored, fill) if by_rows else self._deflated(_DATA, stored)
        size, code = kind.itemsize, _TYPES[numbers.dtype.name]
        form = self._add(_NUMBER_TYPE, struct.pack(">4B", 1, code, 8 * size, 1))
        of_type = (_NUMBER_TYPE, form)
        self._add(_DIMENSIONS, struct.pack(">H2I6H", 2, *numbers.shape, *of_type * 3), form)
        parts = (_DATA, data), of_type, (_DIMENSIONS, form)
        listed = [number for member in (*parts, (_SCALES, form)) for number in member]
        numeric = DATA_GROUP, self._add(DATA_GROUP, struct.pack(">8H", *listed))
        # A table without rows tells datasets from the coordinates of axes.
        mark = self._table([Field("", _FLOAT32, 4)], "SDS variable", "SDSVar", b"", 0)
        return self.group(name, "Var0.0", [*axes, *told, mark, *parts, numeric]), numeric

    def _add(self, tag: int, content: bytes, reference: int | None = None) -> int:
        """Add an element; its reference, by default the next of its kind."""
        plain = tag & ~_SPECIAL
        if reference is None:
            self._given[plain] += 1
            reference = self._given[plain]
        self._entries.append((tag, reference, len(content)))
        self._contents.append(content)
        return reference

    def _attribute(self, field: str, name: str, kind: str, value: str | NDArray) -> Member:
        """Add a table of one field: a text in one row, or numbers in one each."""
        if isinstance(value, str):
            content = value.encode()
            return self._table([Field(field, _TEXT, 1, len(content))], name, kind, content, 1)
        content = value.astype(value.dtype.newbyteorder(">")).tobytes()
        return self._table([Field(field, _TYPES[value.dtype.name], value.itemsize)], name, kind, content, value.size)

    def _table(self, fields: Sequence[Field], name: str, kind: str, content: bytes, rows: int) -> Member:
        """Add a Vdata, whose rows lie in one place."""
        return self._described(fields, name, kind, rows, self._add(_TABLE_ROWS, content))

    def _described(self, fields: Sequence[Field], name: str, kind: str, rows: int, reference: int) -> Member:
        """Add the description of a Vdata to its rows."""
        sizes = [field.size * field.numbers for field in fields]
        columns = [*(field.type for field in fields), *sizes, *np.cumsum([0, *sizes[:-1]]).tolist()]
        columns += [field.numbers for field in fields]
        head = struct.pack(f">HI2H{len(columns)}H", 0, rows, sum(sizes), len(fields), *columns)
        names = _text(*(field.name for field in fields), name, kind)
        self._add(TABLE, head + names + struct.pack(">6HB", 0, 0, 3, 0, 3, 0, 0), reference)
        return TABLE, reference

    def _deflated(self, tag: int, numbers: NDArray) -> int:
        """Add an element of deflated numbers."""
        stream = self._add(_COMPRESSED, deflate(numbers.tobytes()))
        coding = struct.pack(">HHI4H", _IS_COMPRESSED, 0, numbers.nbytes, stream, 0, _DEFLATE, LEVEL)
        return self._add(tag | _SPECIAL, coding)

    def _chunked(self, numbers: NDArray, fill: int) -> int:
        """Add an element of numbers in deflated chunks, a row each."""
        rows = np.zeros(len(numbers), [("origin", ">i4", 2), ("tag", ">u2"), ("reference", ">u2")])
        rows["origin"][:, 0], rows["tag"] = np.arange(len(numbers)), _CHUNK
        rows["reference"] = [self._deflated(_CHUNK, row) for row in numbers]
        places = Field("origin", _INT32, 4, 2), Field("chk_tag", _UINT16, 2), Field("chk_ref", _UINT16, 2)
        name = f"_HDF_CHK_TBL_{_DATA}_{self._given[_DATA] + 1}"
        table = self._described(places, name, "_HDF_CHK_TBL_0", len(rows), self._linked(rows.tobytes(), rows.itemsize))
        (length, width), size = numbers.shape, numbers.itemsize
        form = struct.pack(">B4I", 0, _IS_COMPRESSED, numbers.size, width, size)
        form += struct.pack(">4HI", *table, _NO_ELEMENT, 0, 2)
        form += struct.pack(">6I", 1, length, 1, 0, width, width)  # whether an axis is divided, its length, a chunk's
        form += struct.pack(">I", size) + np.array(fill, numbers.dtype).tobytes()
        coding = struct.pack(">HI3H", _IS_COMPRESSED, 6, 0, _DEFLATE, LEVEL)
        return self._add(_DATA | _SPECIAL, struct.pack(">HI", _IS_CHUNKED, len(form)) + form + coding)

    def _linked(self, rows: bytes, row: int) -> int:
        """Add rows in blocks, the first of one row, as the library leaves a table that grows; its reference."""
        pieces = (rows[at : at + _LINKED_SIZE] for at in range(row, len(rows), _LINKED_SIZE))
        padded = [rows[:row], *(piece.ljust(_LINKED_SIZE, b"\0") for piece in pieces)]
        blocks = [self._add(_LINKED, piece) for piece in padded]
        following = 0
        for at in reversed(range(0, len(blocks), _LINKED_COUNT)):
            listed = blocks[at : at + _LINKED_COUNT] + [0] * _LINKED_COUNT
            following = self._add(_LINKED, struct.pack(">17H", following, *listed[:_LINKED_COUNT]))
        head = struct.pack(">H3IH", _IS_LINKED, len(rows), _LINKED_SIZE, _LINKED_COUNT, following)
        return self._add(_TABLE_ROWS | _SPECIAL, head)
