"""Layouts of datasets from DMR++ documents, and files that are written by them."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from earthdata.sidecars import sidecar
from granule_archives import MONTH, TARGET, field
from hypothesis import given, settings
from mutations import mutated
from witnesses import SHARED, with_witnesses

from kilomoist.calendars import slots
from kilomoist.earthdata.subsets import (
    Layout,
    UnknownLayoutError,
    layout_from_file,
    layout_from_sidecar,
    layout_in_sidecar,
    subset_of,
    write_subset,
)
from kilomoist.errors import InputError
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09

DATASET = TARGET.layers["soil_moisture"].dataset


@pytest.fixture(scope="module")
def granule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated, a field of few different numbers."""
    moisture = np.full(M09.window.shape, 0.25)
    return field(tmp_path_factory.mktemp("nasa"), slots(TARGET, MONTH)[0].time, moisture, M09.window)


def copied(layout: Layout, granule: Path, path: Path) -> None:
    """What a retrieval does with a layout, without a network."""
    content = granule.read_bytes()
    parts = {place: content[offset : offset + length] for place, (offset, length) in layout.chunks.items()}
    write_subset(path, layout, parts, granule.name)


def edited(granule: Path, *changes: tuple[str, str]) -> bytes:
    """The DMR++ of a granule, of its field's description some words changed."""
    document = sidecar(granule).decode("ISO-8859-1")
    begin = document.index('name="sm_surface"')
    before, after = document[:begin], document[begin:]
    for old, new in changes:
        assert old in after
        after = after.replace(old, new, 1)
    return (before + after).encode("ISO-8859-1")


def refusal(document: bytes) -> str:
    with pytest.raises(UnknownLayoutError) as caught:
        layout_from_sidecar(document, DATASET)
    return str(caught.value)


def test_a_sidecar_and_its_file_describe_the_same(granule: Path) -> None:
    content = granule.read_bytes()
    of_file = layout_from_file(lambda begin, end: content[begin:end], len(content), DATASET)
    of_sidecar = layout_from_sidecar(sidecar(granule), DATASET)
    for name in ("dataset", "type", "shape", "chunk_shape", "filters", "chunks"):
        assert getattr(of_file, name) == getattr(of_sidecar, name)


@with_witnesses
@pytest.mark.parametrize(
    ("name", "dataset", "expected"),
    [
        # No byteOrder, no fillValue, no deflateLevel, as older documents.
        ("2020*", "lat", ("<f4", (2030, 1354), (1015, 677), ("deflate",), 4, (0, 677), (2093518, 1940803))),
        ("3B-HHR*", "lat", ("<f4", (1800,), (1800,), ("deflate",), 1, (0,), (9642214, 3315))),
        (
            "3B-HHR*",
            "precipitationCal",
            ("<f4", (1, 3600, 1800), (1, 145, 1800), ("deflate",), 25, (0, 145, 0), (167390, 96825)),
        ),
        # A dimension of a group between.
        (
            "ATL08*",
            "gt1r/land_segments/canopy/h_canopy",
            ("<f4", (11304,), (10000,), ("deflate",), 2, (10000,), (17201411, 64)),
        ),
        (
            "ATL08*",
            "gt1r/land_segments/delta_time",
            ("<f8", (11304,), (10000,), ("deflate",), 2, (0,), (20303436, 38688)),
        ),
        (
            "tempo*",
            "support_data/gas_profile",
            ("<f4", (119, 2048, 72), (119, 128, 72), ("shuffle", "deflate"), 16, (0, 128, 0), (22998511, 1176688)),
        ),
    ],
)
def test_recorded_sidecars_are_understood(name: str, dataset: str, expected: tuple[Any, ...]) -> None:
    (found,) = (SHARED / "earthdata/dmrpp").glob(name)
    layout = layout_in_sidecar(found.read_bytes(), dataset)
    *form, count, place, where = expected
    assert [layout.type, layout.shape, layout.chunk_shape, layout.filters] == form
    assert (len(layout.chunks), layout.chunks[place]) == (count, where)
    with pytest.raises(UnknownLayoutError, match="has the shape"):  # nothing else than SMAP's grid is copied
        layout_from_sidecar(found.read_bytes(), dataset)


@with_witnesses
@pytest.mark.parametrize(
    ("name", "dataset", "reason"),
    [
        ("tempo*", "product/vertical_column_total", "is stored in one piece"),
        ("tempo*", "product/main_data_quality_flag", "numbers of type Int16"),
        ("2020*", "wind_speed", "numbers of type Int16"),
        ("ATL08*", "gt1r/land_segments/nothing", "does not describe"),
        ("ATL08*", "gt1r/nothing/delta_time", "does not describe"),
        ("ATL08*", DATASET, "does not describe"),
    ],
)
def test_recorded_sidecars_without_such_a_dataset(name: str, dataset: str, reason: str) -> None:
    (found,) = (SHARED / "earthdata/dmrpp").glob(name)
    with pytest.raises(UnknownLayoutError, match=reason):
        layout_from_sidecar(found.read_bytes(), dataset)


TYPE = 'compressionType="deflate"'
CHUNK = 'chunkPositionInArray="[0,0]"'


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((TYPE, 'compressionType="deflate deflate"'), "filters deflate deflate"),
        ((TYPE, 'compressionType="shuffle shuffle deflate"'), "filters shuffle shuffle deflate"),
        ((TYPE, 'compressionType="deflate shuffle"'), "filters deflate shuffle"),
        ((TYPE, 'compressionType="fletcher32 deflate"'), "filters fletcher32 deflate"),
        ((TYPE, ""), "filters none"),
        (('byteOrder="LE"', 'byteOrder="BE"'), "no chunks of little-endian"),
        ((CHUNK, 'chunkPositionInArray="[1,0]"'), "each at its place"),
        ((CHUNK, 'chunkPositionInArray="[0,0,0]"'), "each at its place"),
        ((CHUNK, f'{CHUNK} href="file:///other.h5"'), "in another file"),
        ((CHUNK, f'{CHUNK} fm="1"'), "stored in another way"),
        (('nBytes="', 'nBytes="-'), "impossible length"),
        (('nBytes="', 'nBytes="9999999'), "impossible length"),
        (('offset="', 'offset="-'), "impossible length"),
        (("1624 3856</", "0 3856</"), "in chunks of"),
        (("1624 3856</", "1624 99999999999999999999</"), "in chunks of"),
        (("1624 3856</", "1 1</"), "stored in 6262144 chunks"),
    ],
)
def test_what_cannot_be_copied_is_refused(granule: Path, change: tuple[str, str], reason: str) -> None:
    assert reason in refusal(edited(granule, change))


@pytest.mark.parametrize("change", [(' deflateLevel="1"', ""), (' fillValue="-9999"', ""), (' byteOrder="LE"', "")])
def test_what_older_sidecars_leave_out_is_not_missed(granule: Path, tmp_path: Path, change: tuple[str, str]) -> None:
    part = tmp_path / granule.name
    copied(layout_from_sidecar(edited(granule, change), DATASET), granule, part)
    np.testing.assert_equal(read_target(part, TARGET), read_target(granule, TARGET))


def remote(path: Path) -> tuple[Callable[[int, int], bytes], int]:
    content = path.read_bytes()
    return lambda begin, end: content[begin:end], len(content)


def test_a_field_in_very_many_chunks_comes_with_its_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "granule.h5", "w") as granule:
        granule.create_dataset(DATASET, data=np.zeros(M09.window.shape, "f4"), chunks=(28, 28), compression=1)
    with pytest.raises(UnknownLayoutError, match="is stored in 8004 chunks, more than 1000"):
        layout_from_file(*remote(tmp_path / "granule.h5"), DATASET)


def test_a_structure_without_an_end_is_not_searched_on(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "granule.h5", "w", libver="latest") as granule:
        stored = granule.create_dataset(DATASET, data=np.zeros((8, 8), "f4"), chunks=(8, 8))
        stored.attrs["long"] = np.zeros(40_000_000, "u1")
    with pytest.raises(UnknownLayoutError, match="structure has more than 33554432 bytes"):
        layout_from_file(*remote(tmp_path / "granule.h5"), DATASET)


def test_any_file_has_a_layout_or_is_refused(granule: Path, tmp_path: Path) -> None:
    whole = granule.read_bytes()
    structure = 6000

    @given(mutated(whole[:structure]))
    @settings(max_examples=60, deadline=None)
    def read(content: bytes) -> None:
        damaged = content + whole[structure:]
        with suppress(UnknownLayoutError, InputError):
            layout = layout_from_file(lambda begin, end: damaged[begin:end], len(damaged), DATASET)
            assert layout.shape == M09.window.shape
            copied(layout, granule, tmp_path / "part.h5")
            read_target(tmp_path / "part.h5", TARGET)

    read()


def retrieve_by(document: bytes, granule: Path, path: Path) -> None:
    """A field by a DMR++: it may come, or not be copied, or be found damaged."""
    with suppress(UnknownLayoutError, InputError):
        copied(layout_from_sidecar(document, DATASET), granule, path)
        read_target(path, TARGET)


@with_witnesses
@pytest.mark.parametrize("name", ["dmrpp--*", "dmrpp_pipe--*"])
def test_sidecars_on_which_the_workflow_broke(granule: Path, tmp_path: Path, name: str) -> None:
    found = sorted((SHARED / "faults/exceptions").glob(name))
    assert found
    for document in found:
        retrieve_by(document.read_bytes(), granule, tmp_path / "part.h5")


def test_any_sidecar_copies_or_is_refused(granule: Path, tmp_path: Path) -> None:
    document = sidecar(granule)
    begin = document.index(b'name="sm_surface"')

    @given(mutated(document[begin : begin + 2500]))
    @settings(max_examples=60, deadline=None)
    def read(content: bytes) -> None:
        retrieve_by(document[:begin] + content + document[begin + 2500 :], granule, tmp_path / "part.h5")

    read()


def test_any_part_names_a_granule_or_none(granule: Path, tmp_path: Path) -> None:
    copied(layout_from_sidecar(sidecar(granule), DATASET), granule, tmp_path / "part.h5")
    whole = (tmp_path / "part.h5").read_bytes()
    assert subset_of(tmp_path / "part.h5") == granule.name

    @given(mutated(whole[:6000]))
    @settings(max_examples=60, deadline=None)
    def read(content: bytes) -> None:
        (tmp_path / "damaged.h5").write_bytes(content + whole[6000:])
        assert isinstance(subset_of(tmp_path / "damaged.h5"), str | None)

    read()


@with_witnesses
def test_a_damaged_part_is_no_part(tmp_path: Path) -> None:
    (found,) = (SHARED / "faults/exceptions").glob("part_of--*")
    path = tmp_path / "damaged.h5"
    path.write_bytes(found.read_bytes())
    assert subset_of(path) is None
