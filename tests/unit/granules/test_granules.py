"""Readers of granules: real files, what is wrong with files, the search in folders, and receipts."""

import itertools
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from granule_archives import MONTH, TILE, temperature
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhdf.SD import SD, SDC

from kilomoist.errors import InputError
from kilomoist.files import read_json, sha256
from kilomoist.granules.archive import index_granules, search_archive, write_absent, write_receipt
from kilomoist.granules.formats import descriptors
from kilomoist.granules.modis import read_datasets
from kilomoist.granules.simulated import is_simulated
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09, Window
from kilomoist.predictors.inventories import choose_granules
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


@pytest.fixture
def granule(whole: bytes, tmp_path: Path) -> Path:
    """The small tiled granule."""
    path = tmp_path / "granule.hdf"
    path.write_bytes(whole)
    return path


def read_all(path: Path, product: Product) -> dict[str, np.ndarray]:
    """All datasets of a tiled granule that its product needs."""
    return read_datasets(path, product, product.datasets_of(product.layers))


def refusal(path: Path, product: Product, content: bytes, expected: dict[str, np.ndarray]) -> str:
    """Sentence about a damaged granule; empty where it gives the expected numbers nevertheless."""
    path.write_bytes(content)
    try:
        found = read_all(path, product)
    except InputError as error:
        return str(error)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    return ""


def write_cut(path: Path, values: np.ndarray, dataset: str = FIELD, **axes: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in {dataset: values, **axes}.items():
            file[name] = array
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
    arrays = read_all(path, product)
    assert list(arrays) == list(product.datasets_of(product.layers))
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
            read_all(path, product)


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
            read_all(path, SMALL)


def test_a_changed_byte_in_numbers_that_are_read_is_noticed(whole: bytes, granule: Path) -> None:
    """The HDF4 library alone hands out wrong numbers here. What is not read may be damaged."""
    expected, noticed = read_all(granule, SMALL), 0
    streams = [entry for entry in np.concatenate([entries for _, entries in descriptors(whole)]) if entry["tag"] == 40]
    for _, _, offset, length in np.array(streams).tolist():
        content = bytearray(whole)
        content[offset + length // 2] ^= 0xFF
        said = refusal(granule, SMALL, content, expected)
        assert not said or "is cut off or damaged (compressed data at byte" in said
        noticed += bool(said)
    assert len(streams) > noticed == len(expected) == 4


@pytest.mark.parametrize(("pattern", "step"), [("", 1024), (TILED[0], 9 * 4096)], ids=["small", "real"])
def test_holes_do_no_harm(whole: bytes, real: Real, tmp_path: Path, pattern: str, step: int) -> None:
    """Zeros, as an interrupted download leaves them: an `InputError`, or the hole hit nothing that matters."""
    product, intact = (LST, real(pattern).read_bytes()) if pattern else (SMALL, whole)
    path = tmp_path / "hole.hdf"
    path.write_bytes(intact)
    expected = read_all(path, product)
    for begin in range(0, len(intact), step):
        content = bytearray(intact)
        content[begin : begin + 4096] = bytes(len(content[begin : begin + 4096]))
        refusal(path, product, content, expected)


@pytest.mark.parametrize(
    ("product", "content", "message"),
    [
        (LST, b"", "is an empty file"),
        (LST, b"<!DOCTYPE html><title>Earthdata Login</title>", "is a web page"),
        (LST, b"\xef\xbb\xbf\n <HTML>", "is a web page"),
        (LST, b"HTTP/1.1 401\ncontent-type: text/html", "is a web page"),
        (LST, b"Access denied", "is not an HDF file .*Access d"),
        (LST, b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file, but a granule of MOD11A1.061 is HDF4"),
        (LST, b"\x0e\x03\x13\x01", "is cut off or damaged"),
        (LST, b"\x0e\x03\x13\x01" + bytes(5000), "is cut off or damaged"),
        (LST, b"\x0e\x03\x13\x01\x00\x00\x00\x00\x00\x04" * 9, "is cut off or damaged .*circle"),
        (SMAP, b"", "is an empty file"),
        (SMAP, b"<html>", "is a web page"),
        (SMAP, b"\x0e\x03\x13\x01", "is an HDF4 file, but a granule of SPL4SMGP.008 is HDF5"),
        (SMAP, b"\x89HDF\r\n\x1a\n" + bytes(3000), "is cut off or damaged"),
    ],
)
def test_what_is_no_granule_is_named(tmp_path: Path, product: Product, content: bytes, message: str) -> None:
    path = tmp_path / "granule"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        (read_target if product is SMAP else read_all)(path, product)
    assert str(caught.value).startswith(str(path))
    assert "fetch the granule again" in str(caught.value)


def test_absent_and_unreadable_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist: fetch"):
        read_all(tmp_path / "absent.hdf", LST)
    with pytest.raises(InputError, match="is a folder, not a granule"):
        read_target(tmp_path, SMAP)
    (tmp_path / "circle.hdf").symlink_to("circle.hdf")
    with pytest.raises(InputError, match=r"cannot be read .Too many levels of symbolic links.: make the granule"):
        read_all(tmp_path / "circle.hdf", LST)


def test_missing_dataset_is_named_with_what_is_there(granule: Path) -> None:
    with pytest.raises(InputError, match=r"no dataset '1 km 16 days NDVI'.*has Clear_day_cov.* and 4 more.*fetch"):
        read_datasets(granule, SMALL, ["1 km 16 days NDVI"])


def test_simulated_granules_say_so(granule: Path, tmp_path: Path, real: Real) -> None:
    assert is_simulated(granule)
    for content in (b"", b"something else"):
        granule.write_bytes(content)
        assert not is_simulated(granule)
    assert not is_simulated(tmp_path / "absent.hdf")
    vegetation, target = tmp_path / "vegetation.hdf", tmp_path / "target.h5"
    write_tiled_granule(vegetation, PRODUCTS["MOD13A2.061"], "h24v04", DAY, {})
    write_target_granule(target, SMAP, DAY, compress_target(Window(0, 0, 9, 9), np.zeros((9, 9), np.float32)))
    assert is_simulated(vegetation)
    assert is_simulated(target)
    for pattern in ("MOD11A1*", "SMAP*"):
        assert not is_simulated(real(pattern))


def test_wrong_shape_and_type_are_named(granule: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'LST_Day_1km' has 24 × 24 pixels where 1200 × 1200 are expected"):
        read_datasets(granule, LST, ["LST_Day_1km"])
    for kind, dtype in ((SDC.FLOAT32, np.float32), (SDC.INT32, np.int32)):
        other = SD(str(tmp_path / "other.hdf"), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
        other.create("LST_Day_1km", kind, (24, 24))[:] = np.zeros((24, 24), dtype)
        other.end()
        with pytest.raises(InputError, match="other numbers than the integers of 8 or 16 bits that are expected"):
            read_datasets(tmp_path / "other.hdf", SMALL, ["LST_Day_1km"])


# SMAP: masks and places


def test_only_values_survive(tmp_path: Path) -> None:
    window = Window(200, 2900, 2, 4)
    stored = np.array([[-9999, -0.01, 0, 0.9039], [1, 1.01, np.nan, np.inf]], np.float32)
    path = write_cut(tmp_path / "cut.h5", stored, x=M09.x_centres(window), y=M09.y_centres(window))
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
    path = write_cut(tmp_path_factory.mktemp("cut") / "cut.h5", values[order], x=x, y=y[order])
    found, place = read_moisture(path)
    assert place == window
    np.testing.assert_array_equal(found, values)


def test_the_whole_globe_needs_no_coordinates(tmp_path: Path) -> None:
    stored = np.broadcast_to(np.float32(0.25), M09.window.shape)
    values, window = read_moisture(write_cut(tmp_path / "globe.h5", stored))
    assert window == M09.window
    assert (values == 0.25).all()


CELLS = np.zeros((3, 4), np.float32)
X, Y = M09.x_centres(Window(0, 9, 3, 4)), M09.y_centres(Window(0, 9, 3, 4))


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ({}, "cannot be placed on the 9 km grid: it has 3 × 4 cells but no x and y"),
        ({"x": np.arange(4.0), "y": np.arange(3.0)}, "its x are not the centres of adjacent cells"),
        ({"x": X + 0.2 * M09.side, "y": Y}, "its x are not"),
        ({"x": X, "y": M09.y_centres(Window(0, 0, 6, 4))[::2]}, "its y are not"),
        ({"x": X, "y": np.full(3, np.nan)}, "its y are not"),
        ({"x": X[::-1], "y": Y}, "its x are not"),
        ({"x": M09.x_centres(Window(0, 3854, 3, 4)), "y": Y}, "its x name the cells 3854 to 3857"),
        ({"x": X, "y": M09.y_centres(Window(-1, 9, 3, 4))}, "its y name the cells -1 to 1"),
        ({"x": M09.x_centres(Window(0, 9, 3, 5)), "y": Y}, "5 x and 3 y belong to 3 × 4 cells"),
        ({"dataset": "Geophysical_Data/sm_rootzone"}, "no dataset '.*/sm_surface' .*has sm_rootzone"),
        ({"dataset": "soil"}, "no dataset .*has soil"),
        ({"values": CELLS.astype(int)}, "is int64 of shape"),
        ({"values": np.zeros(3)}, "is float64 of shape .3,."),
        ({"dataset": f"{FIELD}/deeper", "values": np.zeros(3)}, "no dataset"),
    ],
)
def test_cuts_off_the_cells_or_without_the_field_are_refused(tmp_path: Path, cut: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_target(write_cut(tmp_path / "cut.h5", **{"values": CELLS} | cut), SMAP)


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
    daily = "MOD11A1.A2021225.h25v04.061.2021226120000.hdf"
    field = "SMAP_L4_SM_gph_20210813T013000_Vv8010_001.h5"
    touch(tmp_path / "a/b/c/d/e", daily)
    touch(tmp_path, field, "MOD11A1.A2021225.h25v04.061.hdf", f".partial-7-{daily}", f"{daily}.xml")
    touch(tmp_path / "others", "MYD11A1.A2021225.h25v04.061.2021226120000.hdf", field.replace("Vv8", "Vv7"))
    touch(tmp_path / "others", "MOD11A1.A2021400.h25v04.061.2021226120000.hdf")
    (tmp_path / "links").mkdir()
    linked = "MOD11A1.A2021226.h25v04.061.2021227120000.hdf"
    (tmp_path / "links" / linked).symlink_to(tmp_path / "a/b/c/d/e" / daily)
    assert search_archive(tmp_path, [LST, SMAP]) == {
        ("MOD11A1.061", "h25v04", DAY): tmp_path / "a/b/c/d/e" / daily,
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


# Receipts


@pytest.fixture
def receipts(tmp_path: Path) -> list[Path]:
    """Of 31 days: two granules are there, the others are absent."""
    paths = []
    for number in range(1, 32):
        path = tmp_path / f"receipts/2021-08-{number:02d}.json"
        if number in (3, 17):
            granule = temperature(tmp_path / "store", number, 300.0)
            write_receipt(path, LST.name, granule, {"size": 1})
        else:
            write_absent(path, LST.name)
        paths.append(path)
    return paths


def test_a_composite_counts_what_is_absent(receipts: list[Path]) -> None:
    chosen, absent = choose_granules(receipts, LST, TILE, MONTH)
    assert [granule.name[:16] for granule, _ in chosen] == ["MOD11A1.A2021215", "MOD11A1.A2021229"]
    assert len(absent) == 29
    assert absent[0] == "2021213"


def test_a_receipt_says_what_lies_where(receipts: list[Path]) -> None:
    said = read_json(receipts[2])
    granule = Path(said["path"])
    assert said["name"] == granule.name
    assert (said["size"], said["checksum"]) == (granule.stat().st_size, f"sha256:{sha256(granule)}")
    assert (said["product"], said["origin"]) == (LST.name, {"size": 1})


def test_a_receipt_does_not_change_when_the_granule_does_not(receipts: list[Path]) -> None:
    before = receipts[2].read_bytes(), receipts[0].read_bytes()
    write_receipt(receipts[2], LST.name, Path(read_json(receipts[2])["path"]), {"size": 1})
    write_absent(receipts[0], LST.name)
    assert (receipts[2].read_bytes(), receipts[0].read_bytes()) == before


def test_a_granule_that_is_gone_is_named_with_its_receipt(receipts: list[Path]) -> None:
    granule = Path(read_json(receipts[2])["path"])
    granule.unlink()
    said = f"{granule.name} was fetched but is no longer there: delete .*2021-08-03.json"
    with pytest.raises(InputError, match=said):
        index_granules(receipts, LST)
