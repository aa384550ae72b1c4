"""HDF4 without its library: the same as the library reads from whole files, and nothing else from damaged ones."""

import random
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import granule_archives
import numpy as np
import pytest
from granule_archives import read_all
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated
from pyhdf.SD import SD, SDC
from witnesses import SHARED, with_witnesses

from kilomoist.errors import InputError
from kilomoist.granules.formats import inflate
from kilomoist.granules.hdf4 import DESCRIPTOR, Hdf4File, descriptors
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.modis import write_tiled_granule

DAY = datetime(2021, 8, 13)
TILE = "h25v04"
WHOLE, ROWS = (replace(PRODUCTS[name], pixels=24) for name in ("MOD11A1.061", "MOD13A1.061"))
"""Tiny tiles of the two layouts: a deflated stream a dataset, and a chunk a row."""
SPECIAL = 0x4000
LINKED, STREAM, CHUNK, NUMBER_TYPE, DATA, DATA_GROUP, TABLE_HEAD, GROUP = 20, 40, 61, 106, 702, 720, 1962, 1965
TYPES = {SDC.INT8: "i1", SDC.UINT8: "u1", SDC.INT16: "i2", SDC.UINT16: "u2"}

Numbers = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("granules")


@pytest.fixture(scope="module", params=[WHOLE, ROWS], ids=["whole", "rows"])
def granule(request: pytest.FixtureRequest, folder: Path) -> tuple[Product, Path, bytes, Numbers]:
    """A small granule whose datasets all differ: product, path, bytes and what the HDF4 library reads."""
    product = request.param
    path = folder / granule_file_name(product, DAY, TILE)
    write_tiled_granule(path, product, TILE, DAY, {})
    file, generator = SD(str(path)), np.random.default_rng(1)
    names = {name: TYPES[kind] for name, (_, _, kind, _) in file.datasets().items()}
    file.end()
    written = {name: generator.integers(0, 120, (24, 24)).astype(kind) for name, kind in names.items()}
    write_tiled_granule(path, product, TILE, DAY, written)
    file = SD(str(path))
    read = {name: file.select(name).get() for name in product.datasets_of(product.layers)}
    file.end()
    return product, path, path.read_bytes(), read


def refusal(granule: tuple[Product, Path, bytes, Numbers], content: bytes) -> str:
    """Sentence about a changed granule (`granule_archives.refusal`)."""
    product, path, _, expected = granule
    return granule_archives.refusal(path, product, content, expected)


def elements(content: bytes, tag: int) -> list[tuple[int, int, int, int]]:
    """Of each element of a kind: reference, offset, length, and where the directory has its entry."""
    found = []
    for position, entries in descriptors(content):
        for number, (kind, reference, offset, length) in enumerate(entries.tolist()):
            if kind == tag:
                found.append((reference, offset, length, position + number * DESCRIPTOR.itemsize))
    return found


def changed(content: bytes, position: int, new: bytes) -> bytes:
    assert content[position : position + len(new)] != new
    return content[:position] + new + content[position + len(new) :]


# Against the library


@pytest.mark.parametrize("pattern", ["MOD11A1*", "MOD13A2.A2021*", "MOD13A2.A2025*"])
def test_everything_in_a_real_granule_is_as_the_library_reads_it(real: Callable[[str], Path], pattern: str) -> None:
    path = real(pattern)
    found, expected = Hdf4File(path.read_bytes()), SD(str(path))
    assert list(found.datasets) == list(expected.datasets())
    assert found.attributes(found.root) == expected.attributes()
    for name, (_, shape, kind, _) in expected.datasets().items():
        dataset, witness = found.dataset(name), expected.select(name)
        assert (dataset.shape, dataset.type) == (shape, np.dtype(TYPES[kind]).newbyteorder(">"))
        assert found.attributes(dataset.group) == witness.attributes()
        np.testing.assert_array_equal(found.numbers(dataset), witness.get())
    expected.end()


def test_both_layouts_of_simulated_granules_are_as_the_library_reads_them(
    granule: tuple[Product, Path, bytes, Numbers],
) -> None:
    assert refusal(granule, granule[2]) == ""


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_whole_and_deflated(tmp_path: Path, kind: int, compressed: bool) -> None:
    numbers = np.arange(35).reshape(5, 7).astype(TYPES[kind])
    path = tmp_path / "file.hdf"
    file = SD(str(path), SDC.WRITE | SDC.CREATE)
    dataset = file.create("numbers", kind, numbers.shape)
    if compressed:
        dataset.setcompress(SDC.COMP_DEFLATE, 6)
    dataset[:] = numbers
    dataset.attr("factor").set(SDC.FLOAT32, 0.5)
    dataset.attr("range").set(SDC.INT32, [-5, 5])
    dataset.endaccess()
    file.end()
    found = Hdf4File(path.read_bytes())
    read = found.numbers(found.dataset("numbers"))
    assert read.dtype == numbers.dtype
    assert read.flags.writeable
    np.testing.assert_array_equal(read, numbers)
    assert found.attributes(found.datasets["numbers"]) == {"factor": 0.5, "range": [-5, 5]}


@pytest.mark.parametrize("coder", [SDC.COMP_RLE, SDC.COMP_SKPHUFF])
def test_other_compression_is_refused(tmp_path: Path, coder: int) -> None:
    path = tmp_path / "file.hdf"
    file = SD(str(path), SDC.WRITE | SDC.CREATE)
    dataset = file.create("numbers", SDC.INT16, (5, 7))
    dataset.setcompress(coder, 2)
    dataset[:] = np.zeros((5, 7), np.int16)
    dataset.endaccess()
    file.end()
    found = Hdf4File(path.read_bytes())
    with pytest.raises(ValueError, match="compressed otherwise than by deflate"):
        found.numbers(found.dataset("numbers"))


def test_numbers_that_are_not_there_or_in_pieces_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.hdf"
    file = SD(str(path), SDC.WRITE | SDC.CREATE)
    file.create("never written", SDC.INT16, (5, 7))
    for name in ("first", "second"):
        file.create(name, SDC.INT16, (SDC.UNLIMITED, 7))
    for row in range(3):
        for name in ("first", "second"):
            file.select(name)[row] = np.zeros(7, np.int16)
    file.end()
    found = Hdf4File(path.read_bytes())
    for name, said in (("never written", "lacks numbers or their form"), ("first", "stored otherwise than whole")):
        with pytest.raises(ValueError, match=said):
            found.numbers(found.dataset(name))


def test_reading_imports_no_hdf4_library() -> None:
    code = "import sys, kilomoist.granules.tiles, kilomoist.predictors.composites; sys.exit('pyhdf' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# Damage


@with_witnesses
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hdf4-segv-1746", "its attribute 'scale_factor_err' has other values than it says"),
        ("hdf4-hang-6040", "it lacks the element 255 of kind 1965"),
        ("hdf4-6.8GB-1654", "its attribute 'Number Type' is no text"),
        ("hdf4-silent-11322", "the description of compressed data has another length than 1440000"),
    ],
)
def test_files_that_break_the_library_are_refused(name: str, said: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=rf"{name}.MOD11A1.hdf is cut off or damaged \({said}\): delete it and"):
            read_all(SHARED / "faults" / f"{name}.MOD11A1.hdf", PRODUCTS["MOD11A1.061"])
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_no_single_change_gives_other_numbers(granule: tuple[Product, Path, bytes, Numbers]) -> None:
    """Bytes changed, cut out, put in and copied from elsewhere in the file; a whole file is read after all of them."""
    content, generator, refused = granule[2], random.Random(18), 0
    for _ in range(400):
        place, other, length = generator.randrange(len(content)), generator.randrange(len(content)), 2
        changes = [
            changed(content, place, bytes([content[place] ^ 1 << generator.randrange(8)])),
            content[:place] + content[other : other + length] + content[place + length :],
            content[:place] + content[place + length :],
            content[:place] + bytes(length) + content[place:],
        ]
        refused += bool(refusal(granule, generator.choice(changes)))
    assert refused > 200
    assert refusal(granule, content) == ""


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_damage_gives_a_sentence_or_the_same_numbers(
    granule: tuple[Product, Path, bytes, Numbers], data: st.DataObject
) -> None:
    refusal(granule, data.draw(mutated(granule[2], edits=1)))


@pytest.mark.parametrize("tag", [STREAM, GROUP, TABLE_HEAD, NUMBER_TYPE, DATA_GROUP])
def test_elements_of_one_name_or_that_share_bytes_are_refused(
    granule: tuple[Product, Path, bytes, Numbers], tag: int
) -> None:
    content = granule[2]
    (first, offset, length, _), (_, _, _, entry) = elements(content, tag)[:2]
    assert "has two elements of one name" in refusal(granule, changed(content, entry + 2, struct.pack(">H", first)))
    elsewhere = changed(content, entry + 4, struct.pack(">II", offset, length))
    assert "two of its elements share byte" in refusal(granule, elsewhere)


def test_what_belongs_to_another_dataset_is_refused(granule: tuple[Product, Path, bytes, Numbers]) -> None:
    product, _, content, _ = granule
    tag = DATA if product is WHOLE else CHUNK
    (_, offset, _, _), (_, other, _, _) = elements(content, tag | SPECIAL)[:2]
    stream = content[offset + 8 : offset + 10]
    assert "have numbers in one place" in refusal(granule, changed(content, other + 8, stream))
    (_, offset, _, _), (_, other, _, _) = elements(content, DATA_GROUP)[:2]
    for begin, said in ((0, "tells two places"), (4, "tells two places")):  # of numbers, and of their type
        member = content[offset + begin : offset + begin + 4]
        assert said in refusal(granule, changed(content, other + begin, member))


def test_another_type_than_the_grid_s_description_tells_is_refused(
    granule: tuple[Product, Path, bytes, Numbers],
) -> None:
    content = granule[2]
    offset = elements(content, NUMBER_TYPE)[0][1]
    signed, unsigned = b"\1\x16\x10\1", b"\1\x17\x10\1"
    other = signed if content[offset : offset + 4] == unsigned else unsigned
    said = refusal(granule, changed(content, offset, other))
    assert "is not the granule of" in said
    assert "its type of" in said


@pytest.mark.parametrize("granule", [ROWS], indirect=True)
def test_chunks_are_each_there_once(granule: tuple[Product, Path, bytes, Numbers]) -> None:
    content = granule[2]
    place = content.find(struct.pack(">iiHH", 3, 0, CHUNK, elements(content, CHUNK | SPECIAL)[3][0]))
    assert place > 0
    row = 12
    for position, new, said in (
        (place, struct.pack(">i", 2), "lacks chunks"),
        (place, struct.pack(">i", 24), "invalid entry in coordinates array"),
        (place + 8, struct.pack(">H", LINKED), "lacks chunks"),
        (place + 10, content[place + 10 - row : place + 12 - row], "have numbers in one place"),
        (place + 10, struct.pack(">H", 65000), "it lacks the element 65000 of kind 61"),
    ):
        assert said in refusal(granule, changed(content, position, new))
    # The description: chunks of two rows, of no row, of more rows than there are; not deflated.
    (_, offset, _, _) = elements(content, DATA | SPECIAL)[0]
    first_chunk, flags = offset + 35 + 8, offset + 7
    for position, value, said in (
        (first_chunk, 2, "not of its form"),
        (first_chunk, 0, "not of its form"),
        (first_chunk, 2**31, "not of its form"),
        (flags, 0, "not deflated"),
    ):
        assert said in refusal(granule, changed(content, position, struct.pack(">I", value)))


def test_a_stream_ends_with_its_element() -> None:
    """Bytes after a stream, fewer bytes, and more numbers than there are pixels."""
    for stream, said in (
        (zlib.compress(bytes(100)) + b"x", "does not end there, where 100 are expected"),
        (zlib.compress(bytes(100))[:-1], "does not end there, where 100 are expected"),
        (zlib.compress(bytes(99)), "ends after 99 bytes"),
        (zlib.compress(bytes(10**8)), "where 100 are expected"),
        (zlib.compress(bytes(100))[:-1] + b"x", "Incorrect checksum"),
    ):
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=said):
                inflate(stream, 100, "here")
            assert tracemalloc.get_traced_memory()[1] < 2e6
        finally:
            tracemalloc.stop()


# Files that are larger than they look


def written(entries: list[tuple[int, int, bytes]]) -> bytes:
    """A file of elements, given by tag, reference and content."""
    head = 4 + 6 + len(entries) * DESCRIPTOR.itemsize
    directory, contents = b"", b""
    for tag, reference, content in entries:
        directory += struct.pack(">HHII", tag, reference, head + len(contents), len(content))
        contents += content
    return b"\x0e\x03\x13\x01" + struct.pack(">HI", len(entries), 0) + directory + contents


def root() -> tuple[int, int, bytes]:
    return GROUP, 1, struct.pack(">HHH", 0, 0, 6) + b"CDF0.0"


def test_blocks_of_a_directory_that_share_bytes_are_refused() -> None:
    """A chain of blocks of 60,000 entries, each six bytes behind the one before it: 10 MB would be read as 7 TB."""
    size = 10**7
    content = bytearray(b"\x0e\x03\x13\x01" + bytes(size))
    for position in range(4, size // 2, 6):
        content[position : position + 6] = struct.pack(">HI", 60000, position + 6)
    with pytest.raises(ValueError, match="blocks of its directory share bytes"):
        list(descriptors(bytes(content)))


def test_a_table_of_chunks_belongs_to_one_dataset() -> None:
    """Sixty thousand datasets, each with the same 60,000 chunks, would be read for hours."""
    names = b"".join(struct.pack(">H", len(name)) + name for name in (b"origin", b"chk_tag", b"chk_ref", b"", b""))
    head = struct.pack(">HIHH12H", 0, 24, 8, 3, 24, 23, 23, 4, 2, 2, 0, 4, 6, 1, 1, 1) + names
    chunked = struct.pack(">HIBIIIIHHHHI", 5, 0, 0, 3, 24, 1, 2, TABLE_HEAD, 9, 1, 0, 1) + struct.pack(">III", 0, 24, 1)
    rows = b"".join(struct.pack(">iHH", number, CHUNK, number + 1) for number in range(24))
    whole = [root(), (TABLE_HEAD, 9, head), (TABLE_HEAD + 1, 9, rows), (DATA | SPECIAL, 2, chunked)]
    assert Hdf4File(written(whole)).datasets == {}
    with pytest.raises(ValueError, match="two of its tables have the element 9 of kind 1963"):
        Hdf4File(written([*whole, (DATA | SPECIAL, 3, chunked)]))
    # Rows in blocks: each block once, and no list of blocks that goes round.
    linked = struct.pack(">HIIIH", 1, len(rows), 96, 2, 5)
    for listed, said in (((0, 6, 7), None), ((0, 6, 6), "the element 6 of kind 20"), ((5, 6, 7), "element 5 of")):
        parts = [(LINKED, 5, struct.pack(">HHH", *listed)), (LINKED, 6, rows[:96]), (LINKED, 7, rows[96:])]
        content = written([*whole[:2], (TABLE_HEAD + 1 | SPECIAL, 9, linked), *parts, whole[3]])
        if said is None:
            assert Hdf4File(content).datasets == {}
        else:
            with pytest.raises(ValueError, match=said):
                Hdf4File(content)


def test_two_datasets_of_one_name_and_files_without_a_root_are_refused() -> None:
    named = struct.pack(">HH", 0, 4) + b"same" + struct.pack(">H", 6) + b"Var0.0"
    both = (GROUP, 1, struct.pack(">HHHHHHH", 2, GROUP, GROUP, 2, 3, 0, 6) + b"CDF0.0")
    with pytest.raises(ValueError, match="two of its datasets have one name"):
        Hdf4File(written([both, (GROUP, 2, named), (GROUP, 3, named)]))
    with pytest.raises(ValueError, match="it has 0 tables of contents"):
        Hdf4File(written([(GROUP, 2, named)]))
    for cut in (named[:-1], named[:6], named[:3], b""):
        with pytest.raises(ValueError, match="an element ends too early"):
            Hdf4File(written([(GROUP, 2, cut)]))
    with pytest.raises(ValueError, match="its directory is empty"):
        Hdf4File(b"\x0e\x03\x13\x01" + bytes(6))
