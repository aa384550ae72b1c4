"""Readers of granules: real files, what is wrong with files, and the search in folders."""

import itertools
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhdf.SD import SD, SDC

from kilomoist.errors import InputError
from kilomoist.granules.archive import search_archive
from kilomoist.granules.formats import descriptors
from kilomoist.granules.modis import read_datasets
from kilomoist.granules.simulated import is_simulated
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09, Window
from kilomoist.products import PRODUCTS, Product
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.modis import write_tiled_granule
from kilomoist.simulation.smap import compress_target, write_target_granule

Real = Callable[[str], Path]
DAY = datetime(2021, 8, 13)
LST = PRODUCTS["MOD11A1.061"]
SMALL = replace(LST, pixels=24)
"""MOD11A1 with tiny tiles: the same file in all else."""
SMAP = PRODUCTS["SPL4SMGP.008"]
FIELD = "Geophysical_Data/sm_surface"
TILED = ("MOD11A1.A2021227.h11v05*", "MOD13A2.A2021225.h11v06*", "MOD13A2.A2025113.h18v09*")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small tiled granule's bytes."""
    path = tmp_path_factory.mktemp("whole") / granule_file_name(LST, DAY, "h25v04")
    numbers = np.arange(7500, 7500 + 24 * 24, dtype=np.uint16).reshape(24, 24)
    write_tiled_granule(path, SMALL, "h25v04", DAY, {"LST_Day_1km": numbers})
    return path.read_bytes()


def write_cut(path: Path, x: np.ndarray | None, y: np.ndarray | None, values: np.ndarray, dataset: str = FIELD) -> Path:
    with h5py.File(path, "w") as file:
        file[dataset] = values
        for name, axis in (("x", x), ("y", y)):
            if axis is not None:
                file[name] = axis
    return path


def read_moisture(path: Path, product: Product = SMAP) -> tuple[np.ndarray, Window]:
    """Soil moisture, NaN where there is no value, and its window."""
    values, valid, window = read_target(path, product)
    return np.where(valid, values, np.nan), window


# Real granules


@pytest.mark.parametrize("pattern", TILED)
def test_real_tiled_granules_give_what_the_library_reads(real: Real, pattern: str) -> None:
    path = real(pattern)
    product = PRODUCTS[f"{path.name[:7]}.061"]
    arrays = read_datasets(path, product, product.datasets)
    assert list(arrays) == list(product.datasets)
    direct = SD(str(path), SDC.READ)
    for name, array in arrays.items():
        assert array.shape == (1200, 1200)
        assert array.dtype.isnative
        np.testing.assert_array_equal(array, direct.select(name).get())


def test_real_surface_temperature_has_its_known_numbers(real: Real) -> None:
    stored = read_datasets(real(TILED[0]), LST, ["LST_Day_1km"])["LST_Day_1km"]
    assert stored.dtype == np.uint16
    assert (stored > 0).mean() == pytest.approx(0.044, abs=0.001)
    kelvin = stored[stored > 0] * 0.02
    assert 280 < kelvin.min() < kelvin.max() < 330


def test_real_smap_cut_is_placed_and_masked(real: Real) -> None:
    path = real("SMAP_L4_SM_aup*")
    values, window = read_moisture(path, PRODUCTS["SPL4SMAU.004"])
    assert window == Window(40, 87, 508, 1123)
    assert values.dtype == np.float32
    with h5py.File(path) as file:
        stored = file["Analysis_Data/sm_surface_analysis"][()]
        np.testing.assert_array_equal(file["cell_column"][100, [0, -1]], [87, 87 + 1122])
    np.testing.assert_array_equal(np.isnan(values), stored == -9999)
    np.testing.assert_array_equal(values[stored != -9999], stored[stored != -9999])


def test_real_viirs_granule_is_no_granule_of_ours(real: Real, tmp_path: Path) -> None:
    """Terra's successor has other quality codes and fills: it is not found, and refused under a name of ours."""
    viirs = real("VNP13A2*.h5")
    (tmp_path / viirs.name).symlink_to(viirs)
    assert search_archive(tmp_path, PRODUCTS.values()) == {}
    renamed = tmp_path / "MOD13A2.A2025009.h18v09.061.2025031192612.hdf"
    renamed.symlink_to(viirs)
    ((_, path),) = search_archive(tmp_path, PRODUCTS.values()).items()
    assert path == renamed
    product = PRODUCTS["MOD13A2.061"]
    with pytest.raises(InputError) as caught:
        read_datasets(path, product, ["1 km 16 days NDVI"])
    said = f"{renamed} is an HDF5 file, but a granule of MOD13A2.061 is HDF4: delete it and fetch the granule again."
    assert str(caught.value) == said


@pytest.mark.parametrize("pattern", TILED)
def test_no_length_of_a_truncated_real_granule_passes(real: Real, tmp_path: Path, pattern: str) -> None:
    content = real(pattern).read_bytes()
    product = PRODUCTS[f"{pattern[:7]}.061"]
    path = tmp_path / "cut.hdf"
    # The last byte of an HDF4 file belongs to no element: without it nothing is lost.
    lengths = [*np.linspace(0, len(content) - 2, 40, dtype=int), *(len(content) - back for back in (3, 20, 300, 3000))]
    for length in lengths:
        path.write_bytes(content[:length])
        with pytest.raises(InputError):
            read_datasets(path, product, product.datasets)


def test_truncated_real_smap_granule_is_refused(real: Real, tmp_path: Path) -> None:
    content = real("SMAP_L4_SM_aup*").read_bytes()
    path = tmp_path / "cut.h5"
    for length in np.linspace(0, len(content) - 1, 25, dtype=int):
        path.write_bytes(content[:length])
        with pytest.raises(InputError):
            read_target(path, PRODUCTS["SPL4SMAU.004"])


# Damage


def test_every_truncation_of_a_small_granule_is_refused(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.hdf"
    for length in range(0, len(whole) - 1, 211):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=re.escape(str(path))):
            read_datasets(path, SMALL, SMALL.datasets)


def test_a_changed_byte_in_numbers_that_are_read_is_noticed(whole: bytes, tmp_path: Path) -> None:
    """The HDF4 library alone hands out wrong numbers here. What is not read may be damaged."""
    path = tmp_path / "damaged.hdf"
    path.write_bytes(whole)
    expected, noticed = read_datasets(path, SMALL, SMALL.datasets), 0
    streams = [entry for entry in np.concatenate([entries for _, entries in descriptors(whole)]) if entry["tag"] == 40]
    for _, _, offset, length in np.array(streams).tolist():
        content = bytearray(whole)
        content[offset + length // 2] ^= 0xFF
        path.write_bytes(content)
        try:
            found = read_datasets(path, SMALL, SMALL.datasets)
        except InputError as error:
            noticed += "is cut off or damaged (compressed data at byte" in str(error)
        else:
            for name, array in expected.items():
                np.testing.assert_array_equal(found[name], array)
    assert len(streams) > noticed == len(SMALL.datasets)


def assert_holes_do_no_harm(whole: bytes, product: Product, path: Path, begins: Iterable[int]) -> None:
    """Zeros, as an interrupted download leaves them: an `InputError`, or the hole hit nothing that matters."""
    path.write_bytes(whole)
    expected = read_datasets(path, product, product.datasets)
    for begin in begins:
        content = bytearray(whole)
        content[begin : begin + 4096] = bytes(len(content[begin : begin + 4096]))
        path.write_bytes(content)
        try:
            arrays = read_datasets(path, product, product.datasets)
        except InputError:
            continue
        for name, array in expected.items():
            np.testing.assert_array_equal(arrays[name], array)


def test_holes_in_a_small_granule_do_no_harm(whole: bytes, tmp_path: Path) -> None:
    assert_holes_do_no_harm(whole, SMALL, tmp_path / "hole.hdf", range(0, len(whole), 1024))


def test_holes_in_a_real_granule_do_no_harm(real: Real, tmp_path: Path) -> None:
    content = real(TILED[0]).read_bytes()
    assert_holes_do_no_harm(content, LST, tmp_path / "hole.hdf", range(0, len(content), 9 * 4096))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is an empty file"),
        (b"<!DOCTYPE html><title>Earthdata Login</title>", "is a web page"),
        (b"\xef\xbb\xbf\n <HTML>", "is a web page"),
        (b"HTTP/1.1 401\ncontent-type: text/html", "is a web page"),
        (b"Access denied", "is not an HDF file .*Access d"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file, but a granule of MOD11A1.061 is HDF4"),
        (b"\x0e\x03\x13\x01", "is cut off or damaged"),
        (b"\x0e\x03\x13\x01" + bytes(5000), "is cut off or damaged"),
        (b"\x0e\x03\x13\x01\x00\x00\x00\x00\x00\x04" * 9, "is cut off or damaged .*circle"),
    ],
)
def test_what_is_no_tiled_granule_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "MOD11A1.A2021225.h25v04.061.2021245000000.hdf"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_datasets(path, LST, LST.datasets)
    assert str(caught.value).startswith(str(path))
    assert "fetch the granule again" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is an empty file"),
        (b"<html>", "is a web page"),
        (b"\x0e\x03\x13\x01", "is an HDF4 file, but a granule of SPL4SMGP.008 is HDF5"),
        (b"\x89HDF\r\n\x1a\n" + bytes(3000), "is cut off or damaged"),
    ],
)
def test_what_is_no_smap_granule_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "SMAP_L4_SM_gph_20210813T013000_Vv8010_001.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_target(path, SMAP)


def test_absent_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist: fetch"):
        read_datasets(tmp_path / "absent.hdf", LST, LST.datasets)
    with pytest.raises(InputError, match="is a folder, not a granule"):
        read_target(tmp_path, SMAP)


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "circle.hdf").symlink_to("circle.hdf")
    with pytest.raises(InputError, match=r"cannot be read .Too many levels of symbolic links.: make the granule"):
        read_datasets(tmp_path / "circle.hdf", LST, LST.datasets)


def test_missing_dataset_is_named_with_what_is_there(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "granule.hdf"
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"no dataset '1 km 16 days NDVI'.*has Clear_day_cov.* and 4 more.*fetch"):
        read_datasets(path, SMALL, ["1 km 16 days NDVI"])


def test_simulated_granules_say_so(whole: bytes, tmp_path: Path, real: Real) -> None:
    path = tmp_path / "granule.hdf"
    for content, simulated in ((whole, True), (b"", False), (b"something else", False)):
        path.write_bytes(content)
        assert is_simulated(path) == simulated
    assert not is_simulated(tmp_path / "absent.hdf")
    vegetation = tmp_path / "vegetation.hdf"
    write_tiled_granule(vegetation, PRODUCTS["MOD13A2.061"], "h24v04", DAY, {})
    target = tmp_path / "target.h5"
    write_target_granule(target, SMAP, DAY, compress_target(Window(0, 0, 9, 9), np.zeros((9, 9), np.float32)))
    assert is_simulated(vegetation)
    assert is_simulated(target)
    for pattern in ("MOD11A1*", "SMAP*"):
        assert not is_simulated(real(pattern))


def test_wrong_shape_and_type_are_named(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "granule.hdf"
    path.write_bytes(whole)
    with pytest.raises(InputError, match="'LST_Day_1km' has 24 × 24 pixels where 1200 × 1200 are expected"):
        read_datasets(path, LST, ["LST_Day_1km"])
    for kind, dtype in ((SDC.FLOAT32, np.float32), (SDC.INT32, np.int32)):
        granule = SD(str(tmp_path / "other.hdf"), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
        granule.create("LST_Day_1km", kind, (24, 24))[:] = np.zeros((24, 24), dtype)
        granule.end()
        with pytest.raises(InputError, match="other numbers than the integers of 8 or 16 bits that are expected"):
            read_datasets(tmp_path / "other.hdf", SMALL, ["LST_Day_1km"])


# SMAP: masks and places


def test_only_values_survive(tmp_path: Path) -> None:
    window = Window(200, 2900, 2, 4)
    stored = np.array([[-9999, -0.01, 0, 0.9039], [1, 1.01, np.nan, np.inf]], np.float32)
    path = write_cut(tmp_path / "cut.h5", M09.x_centres(window), M09.y_centres(window), stored)
    values, found = read_moisture(path)
    assert found == window
    # Peat exceeds the valid_max of the files, 0.9.
    expected = np.array([[np.nan, np.nan, 0, 0.9039], [1, np.nan, np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(values, expected)


@given(
    window=st.builds(Window, st.integers(0, 1620), st.integers(0, 3850), st.integers(1, 4), st.integers(1, 6)),
    shift=st.floats(-0.09, 0.09),
    flipped=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_cut_is_placed(
    tmp_path_factory: pytest.TempPathFactory, window: Window, shift: float, flipped: bool
) -> None:
    x, y = M09.x_centres(window) + shift * M09.side, M09.y_centres(window) - shift * M09.side
    values = np.linspace(0, 1, window.rows * window.columns, dtype=np.float32).reshape(window.shape)
    order = slice(None, None, -1 if flipped else 1)
    path = write_cut(tmp_path_factory.mktemp("cut") / "cut.h5", x, y[order], values[order])
    found, place = read_moisture(path)
    assert place == window
    np.testing.assert_array_equal(found, values)


def test_the_whole_globe_needs_no_coordinates(tmp_path: Path) -> None:
    stored = np.broadcast_to(np.float32(0.25), M09.window.shape)
    values, window = read_moisture(write_cut(tmp_path / "globe.h5", None, None, stored))
    assert window == M09.window
    assert (values == 0.25).all()


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (None, None, "cannot be placed on the 9 km grid: it has 3 × 4 cells but no x and y"),
        (np.arange(4.0), np.arange(3.0), "its x are not the centres of adjacent cells"),
        (M09.x_centres(Window(0, 9, 3, 4)) + 0.2 * M09.side, M09.y_centres(Window(0, 9, 3, 4)), "its x are not"),
        (M09.x_centres(Window(0, 9, 3, 4)), M09.y_centres(Window(0, 0, 6, 4))[::2], "its y are not"),
        (M09.x_centres(Window(0, 9, 3, 4)), np.full(3, np.nan), "its y are not"),
        (M09.x_centres(Window(0, 9, 3, 4))[::-1], M09.y_centres(Window(0, 9, 3, 4)), "its x are not"),
        (M09.x_centres(Window(0, 3854, 3, 4)), M09.y_centres(Window(0, 9, 3, 4)), "its x name the cells 3854 to 3857"),
        (M09.x_centres(Window(0, 9, 3, 4)), M09.y_centres(Window(-1, 9, 3, 4)), "its y name the cells -1 to 1"),
        (M09.x_centres(Window(0, 9, 3, 5)), M09.y_centres(Window(0, 9, 3, 4)), "5 x and 3 y belong to 3 × 4 cells"),
    ],
)
def test_cuts_that_do_not_lie_on_the_cells_are_refused(
    tmp_path: Path, x: np.ndarray | None, y: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_target(write_cut(tmp_path / "cut.h5", x, y, np.zeros((3, 4), np.float32)), SMAP)


@pytest.mark.parametrize(
    ("dataset", "values", "message"),
    [
        ("Geophysical_Data/sm_rootzone", np.zeros((3, 4)), "no dataset '.*/sm_surface' .*has sm_rootzone"),
        ("soil", np.zeros((3, 4)), "no dataset .*has soil"),
        (FIELD, np.zeros((3, 4), int), "is int64 of shape"),
        (FIELD, np.zeros(3), "is float64 of shape .3,."),
        (f"{FIELD}/deeper", np.zeros(3), "no dataset"),
    ],
)
def test_smap_files_without_the_field_are_refused(
    tmp_path: Path, dataset: str, values: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_target(write_cut(tmp_path / "cut.h5", None, None, values, dataset), SMAP)


def test_damaged_chunk_of_a_smap_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "field.h5"
    with h5py.File(path, "w") as file:
        stored = file.create_dataset(FIELD, data=np.random.default_rng(0).random((50, 60), np.float32), compression=1)
        place = stored.id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + place.size // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match="cut off or damaged"):
        read_target(path, SMAP)


# Search


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_search_finds_granules_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    temperature = "MOD11A1.A2021225.h25v04.061.2021226120000.hdf"
    field = "SMAP_L4_SM_gph_20210813T013000_Vv8010_001.h5"
    touch(tmp_path / "a/b/c/d/e", temperature)
    touch(tmp_path, field, "MOD11A1.A2021225.h25v04.061.hdf", f".partial-7-{temperature}", f"{temperature}.xml")
    touch(tmp_path / "others", "MYD11A1.A2021225.h25v04.061.2021226120000.hdf", field.replace("Vv8", "Vv7"))
    touch(tmp_path / "others", "MOD11A1.A2021400.h25v04.061.2021226120000.hdf")
    (tmp_path / "links").mkdir()
    linked = "MOD11A1.A2021226.h25v04.061.2021227120000.hdf"
    (tmp_path / "links" / linked).symlink_to(tmp_path / "a/b/c/d/e" / temperature)
    assert search_archive(tmp_path, [LST, SMAP]) == {
        ("MOD11A1.061", "h25v04", DAY): tmp_path / "a/b/c/d/e" / temperature,
        ("MOD11A1.061", "h25v04", datetime(2021, 8, 14)): tmp_path / "links" / linked,
        ("SPL4SMGP.008", None, datetime(2021, 8, 13, 1, 30)): tmp_path / field,
    }


@pytest.mark.parametrize(
    ("product", "older", "newer"),
    [
        ("MOD11A1.061", *(f"MOD11A1.A2021225.h25v04.061.2021{made}.hdf" for made in ("226120000", "300000000"))),
        ("SPL4SMGP.008", *(f"SMAP_L4_SM_gph_20210813T013000_Vv80{made}.h5" for made in ("10_001", "11_001"))),
        ("SPL4SMGP.008", *(f"SMAP_L4_SM_gph_20210813T013000_Vv80{made}.h5" for made in ("10_001", "10_002"))),
    ],
)
def test_newest_production_wins_wherever_it_lies(tmp_path: Path, product: str, older: str, newer: str) -> None:
    for first, last in itertools.permutations(["a", "z"]):
        folder = tmp_path / first
        touch(folder / first, older)
        touch(folder / last, newer)
        assert list(search_archive(folder, [PRODUCTS[product]]).values()) == [folder / last / newer]


def test_copies_of_a_granule_are_chosen_by_path(tmp_path: Path) -> None:
    name = "MOD11A1.A2021225.h25v04.061.2021226120000.hdf"
    for folder in ("b", "c", "a"):
        touch(tmp_path / folder, name)
    assert list(search_archive(tmp_path, [LST]).values()) == [tmp_path / "c" / name]


def test_search_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent does not exist: set `archive`"):
        search_archive(tmp_path / "absent", [LST])
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file is not a folder"):
        search_archive(tmp_path / "file", [LST])


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    listed = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"closed of the archive cannot be listed \(Permission denied\)"):
        search_archive(tmp_path, [LST])


def test_search_is_quick_among_many_files(tmp_path: Path) -> None:
    """A hundredth of the hundred thousand files that archives hold; mostly of other products."""
    for number in range(1000):
        touch(tmp_path / f"{number % 10}", f"MOD09GA.A2021{number % 365 + 1:03d}.h25v04.061.{number:013d}.hdf")
    begin = time.perf_counter()
    assert search_archive(tmp_path, PRODUCTS.values()) == {}
    assert time.perf_counter() - begin < 0.2
    shutil.rmtree(tmp_path)


def test_linked_folders_are_searched_and_circles_end(tmp_path: Path) -> None:
    archive, elsewhere = tmp_path / "archive", tmp_path / "elsewhere"
    archive.mkdir()
    elsewhere.mkdir()
    name = "MOD11A1.A2021227.h11v05.061.2021228105320.hdf"
    (elsewhere / name).touch()
    (elsewhere / "circle").symlink_to(archive)
    (archive / "linked").symlink_to(elsewhere)
    assert list(search_archive(archive, [PRODUCTS["MOD11A1.061"]]).values()) == [archive / "linked" / name]
