"""HDF5 granules that would take what lies elsewhere, or more memory or time than a granule may: refused before."""

import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
from isal import isal_zlib

from kilomoist.earthdata.subsets import subset_of
from kilomoist.errors import InputError
from kilomoist.granules.hdf5 import read_attribute
from kilomoist.granules.smap import PART_OF, read_target
from kilomoist.grids import M09, Window
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name

SMAP = PRODUCTS["SPL4SMGP.008"]
FIELD = "Geophysical_Data/sm_surface"
WINDOW = Window(300, 2900, 20, 30)
GLOBE = M09.window.shape
NAME = granule_file_name(SMAP, datetime(2021, 8, 13), None)
MOISTURE = np.linspace(0.1, 0.4, 600, dtype=np.float32).reshape(20, 30)
Make = Callable[[h5py.File], None]


def write(path: Path, change: Make | None = None, **stored: object) -> Path:
    """A cut of a few cells, changed while it is open."""
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = M09.x_centres(WINDOW), M09.y_centres(WINDOW)
        file.create_dataset(FIELD, data=MOISTURE, **stored)
        if change:
            change(file)
    return path


def again(file: h5py.File, name: str, shape: tuple[int, ...], kind: object, **stored: object) -> h5py.Dataset:
    """A dataset in the place of another."""
    if name in file:
        del file[name]
    return file.create_dataset(name, shape, kind, **stored)


@cache
def stream_of_zeros() -> bytes:
    """What inflates to 1 GB."""
    packer = isal_zlib.compressobj(3)
    return b"".join([*(packer.compress(bytes(1 << 24)) for _ in range(64)), packer.flush()])


def bomb(file: h5py.File, *, twice: bool = False) -> None:
    """The whole globe in one chunk, whose stream inflates to 1 GB; or, deflated once more, has a few kB."""
    for name in ("x", "y", FIELD):
        del file[name]
    described, space = h5py.h5p.create(h5py.h5p.DATASET_CREATE), h5py.h5s.create_simple(GLOBE)
    described.set_chunk(GLOBE)
    for _ in range(2 if twice else 1):
        described.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (9,))
    stored = h5py.h5d.create(file["Geophysical_Data"].id, b"sm_surface", h5py.h5t.IEEE_F32LE, space, described)
    packed = stream_of_zeros()
    stored.write_direct_chunk((0, 0), zlib.compress(packed, 9) if twice else packed)


def long_chunk(file: h5py.File) -> None:
    time_of = again(file, "time", (1,), "f8", chunks=(1,), compression=1)
    time_of.id.write_direct_chunk((0,), bytes(9999))


def scaled(file: h5py.File) -> None:
    file[FIELD].attrs["units"] = "percent"  # a text of no fixed length


_OTHER_FILTERS = "is stored by other filters than deflate and shuffle"
_OTHER_TYPE = "holds neither numbers of a usual type nor text of usual length"
SPECIMENS: dict[str, tuple[Make, str]] = {
    "a bomb": (bomb, "compressed data of .*where 25048576 are expected"),
    "a bomb of one number": (long_chunk, "a chunk of '/time' has 9999 bytes, where 8 are expected"),
    "a bomb in a bomb": (lambda file: bomb(file, twice=True), _OTHER_FILTERS),
    "a filter of h5py's own": (
        lambda file: again(file, FIELD, (20, 30), "f4", compression="lzf"),
        _OTHER_FILTERS,
    ),
    "numbers packed in bits": (
        lambda file: again(file, FIELD, (20, 30), "f4", scaleoffset=2),
        _OTHER_FILTERS,
    ),
    "chunks as long as the grid": (
        lambda file: again(file, FIELD, GLOBE, "f4", chunks=(GLOBE[0] * GLOBE[1], 1), maxshape=(None, None)),
        "is divided into 3856 chunks of 6262144 × 1 numbers, more than",
    ),
    "a chunk a cell": (
        lambda file: again(file, FIELD, GLOBE, "f4", chunks=(1, 1)),
        "is divided into 6262144 chunks of 1 × 1 numbers, more than",
    ),
    "an axis longer than the grid has cells": (
        lambda file: again(file, "x", (GLOBE[0] * GLOBE[1] + 1,), "i1"),
        "its 'x' has 6262145 numbers, more than the 1624 × 3856 cells of its grid",
    ),
    "long texts": (lambda file: again(file, "time", (1 << 20,), "S65535", chunks=(1,)), "1048576 chunks of 1 numbers"),
    "a few longer texts": (lambda file: again(file, "time", (4000,), "S1000000"), _OTHER_TYPE),
    "texts of no length": (
        lambda file: again(file, "x", (30,), h5py.string_dtype()),
        _OTHER_TYPE,
    ),
    "references": (lambda file: again(file, "x", (30,), h5py.ref_dtype), _OTHER_TYPE),
    "a compound": (
        lambda file: again(file, FIELD, (20, 30), [("a", "f4", (1000,)), ("b", "f4")]),
        _OTHER_TYPE,
    ),
    "sequences": (lambda file: again(file, FIELD, (20, 30), h5py.vlen_dtype("f4")), _OTHER_TYPE),
    "nothing": (lambda file: file.__setitem__("time", h5py.Empty("f8")), _OTHER_TYPE),
    "a type of numbers": (lambda file: (file.pop(FIELD), file.__setitem__(FIELD, np.dtype("f4"))), "no dataset"),
    "a group": (lambda file: (file.pop(FIELD), file.create_group(FIELD)), "no dataset"),
    "never written": (lambda file: again(file, FIELD, (20, 30), "f4"), "were never written"),
    "never written in part": (
        lambda file: again(file, FIELD, (20, 30), "f4", chunks=(7, 30)).__setitem__(slice(0, 7), 0.2),
        "were never written",
    ),
    "written with another fill": (
        lambda file: again(file, FIELD, (20, 30), "f4", chunks=(7, 30), fillvalue=0.2),
        "were never written",
    ),
    "percent": (scaled, "has units percent, where m3 m-3 is expected"),
}

_READ = """
import sys
from pathlib import Path
from kilomoist.errors import InputError
from kilomoist.granules.smap import read_target
from kilomoist.products import PRODUCTS
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read_target(path, PRODUCTS["SPL4SMGP.008"], sys.argv[2])
        print("read")
    except InputError as error:
        print(error)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def read_apart(folder: Path) -> tuple[list[str], float]:
    """What a process of its own says of each file of a folder, and the GB that it took."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(folder), NAME], capture_output=True, text=True, check=True, timeout=120
    )
    *sentences, memory = done.stdout.splitlines()
    return sentences, int(memory) / 1e6


def test_what_would_take_more_than_a_granule_is_refused_before(tmp_path: Path) -> None:
    """All in one process that takes less than 1 GB, in a few seconds."""
    for number, (change, _) in enumerate(SPECIMENS.values()):
        size = write(tmp_path / f"{number:02}.h5", change).stat().st_size
        assert size < 10e6
    began = time.monotonic()
    sentences, memory = read_apart(tmp_path)
    assert memory < 0.5
    assert time.monotonic() - began < 60
    for (name, (_, said)), sentence in zip(SPECIMENS.items(), sentences, strict=True):
        with pytest.raises(InputError, match=said):
            raise InputError(f"{name}: {sentence}")


# Attributes


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A cut that says in a text of no fixed length what it is a part of."""
    return write(tmp_path / NAME, lambda file: file.attrs.__setitem__(PART_OF, NAME))


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_target(path, SMAP)
    return str(caught.value)


def test_a_damaged_heap_of_texts_ends_soon(told: Path) -> None:
    """HDF5 walks along an object of no length for ever, and takes all memory that a length asks for."""
    assert read_target(told, SMAP)[2] == WINDOW
    whole = told.read_bytes()
    heap = whole.index(b"GCOL")
    text = whole.index(len(NAME).to_bytes(4, "little") + heap.to_bytes(8, "little"))
    for place, value in ((heap + 16 + 8, bytes(8)), (text, (0x7FFF_FFFF).to_bytes(4, "little"))):
        told.write_bytes(whole[:place] + value + whole[place + len(value) :])
        began = time.monotonic()
        assert "its attribute 'part_of' cannot be read" in refusal(told)
        assert subset_of(told) is None
        assert time.monotonic() - began < 60
    (sentence,), memory = read_apart(told.parent)
    assert "cannot be read" in sentence
    assert memory < 0.5


def test_a_long_attribute_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with h5py.File(path, "w", libver="latest") as file:
        file["x"], file["y"], file[FIELD] = M09.x_centres(WINDOW), M09.y_centres(WINDOW), MOISTURE
        file[FIELD].attrs["units"] = np.full(100_000, b"m")
    assert "its attribute 'units' has more than 65536 bytes" in refusal(path)


def test_attributes_are_read_as_they_are(told: Path) -> None:
    with h5py.File(told, "r+") as file:
        file.attrs["number"], file.attrs["text"] = np.float32(0.5), np.bytes_(b"fixed")
        found = {name: read_attribute(file, name) for name in (PART_OF, "number", "text", "none")}
    assert found == {PART_OF: NAME, "number": np.float32(0.5), "text": b"fixed", "none": None}


# Whatever the storage, the same numbers


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"chunks": (20, 30)},
        {"compression": 1},
        {"compression": 9, "shuffle": True, "fletcher32": True},
        {"chunks": (7, 11), "compression": 4, "shuffle": True, "maxshape": (None, None)},
        {"chunks": (32, 64), "maxshape": (None, None)},
    ],
    ids=["in one piece", "a chunk", "deflated", "check sums", "chunks over the edge", "a chunk larger than the field"],
)
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8"])
def test_numbers_do_not_depend_on_their_storage(tmp_path: Path, stored: dict, kind: str) -> None:
    path = write(tmp_path / "cut.h5")
    with h5py.File(path, "r+") as file:
        del file[FIELD]
        file.create_dataset(FIELD, data=MOISTURE.astype(kind), **stored)
    values, valid, window = read_target(path, SMAP)
    np.testing.assert_array_equal(values, MOISTURE)
    assert valid.all()
    assert window == WINDOW


def test_chunks_that_deflate_did_not_make_smaller_are_read(tmp_path: Path) -> None:
    """Their filter is left out, as HDF5 writes them."""
    path = write(tmp_path / "cut.h5", chunks=(20, 30), compression=1, shuffle=True)
    with h5py.File(path, "r+") as file:
        shuffled = np.ascontiguousarray(MOISTURE.view(np.uint8).reshape(-1, 4).T).tobytes()
        file[FIELD].id.write_direct_chunk((0, 0), shuffled, filter_mask=0b10)
    np.testing.assert_array_equal(read_target(path, SMAP)[0], MOISTURE)


def test_chunks_of_the_fill_need_not_be_written(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.h5")
    with h5py.File(path, "r+") as file:
        again(file, FIELD, (20, 30), "f4", chunks=(7, 30), fillvalue=-9999)[:7] = MOISTURE[:7]
    values, valid, _ = read_target(path, SMAP)
    np.testing.assert_array_equal(values[:7], MOISTURE[:7])
    assert valid[:7].all()
    assert not valid[7:].any()


def test_a_chunk_that_lies_twice_in_the_index_is_refused(tmp_path: Path) -> None:
    """Another's numbers would be read, and its own place be empty."""
    path = write(tmp_path / "cut.h5", chunks=(7, 30), compression=1, fillvalue=-9999)
    with h5py.File(path) as file:
        place = file[FIELD].id.get_chunk_info(1)
    whole = path.read_bytes()
    # A key of the index: bytes of the chunk, filters left out, its row and column, a zero; then its address.
    key = b"".join(number.to_bytes(8, "little") for number in (7, 0, 0, place.byte_offset))
    assert whole.count(key) == 1
    path.write_bytes(whole.replace(key, bytes(8) + key[8:]))
    assert "lies at (0, 0) once too often" in refusal(path)


def circle(path: Path, kind: int, key: int) -> None:
    """Make the last index (B-tree of version 1) of a kind, whose keys have some bytes, a node above itself."""
    whole = bytearray(path.read_bytes())
    node = whole.rindex(b"TREE" + bytes([kind, 0]))
    whole[node + 5] = 1  # its level
    whole[node + 24 + key : node + 32 + key] = node.to_bytes(8, "little")  # its first child
    path.write_bytes(whole)


def test_an_index_that_turns_in_a_circle_does_not_crash(tmp_path: Path) -> None:
    """In another process: HDF5 calls itself until the stack is full."""
    circle(write(tmp_path / "0.h5", chunks=(7, 30), compression=1), 1, 8 + 3 * 8)
    circle(write(tmp_path / "1.h5", lambda file: file.move(FIELD, "Geophysical_Data/a")), 0, 8)
    (chunks, members), _ = read_apart(tmp_path)
    assert "the index of the chunks of '/Geophysical_Data/sm_surface' cannot be read" in chunks
    assert "the members of '/Geophysical_Data' cannot be listed" in members
