"""Readers of granules: real files, what is wrong with files, the search in folders, and receipts."""

import itertools
import os
import re
import shutil
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from granule_archives import MONTH, TILE, read_all, refusal, temperature
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from pyhdf.SD import SD, SDC
from witnesses import SHARED, with_witnesses

from kilomoist.calendars import slots
from kilomoist.errors import InputError
from kilomoist.files import read_json, sha256
from kilomoist.granules.archive import index_granules, search_archive, write_absent, write_receipt
from kilomoist.granules.hdf4 import descriptors
from kilomoist.granules.identity import check_core_metadata, check_grid
from kilomoist.granules.lookalikes import find_lookalikes, lookalike_sentences
from kilomoist.granules.simulated import is_simulated
from kilomoist.granules.smap import read_target
from kilomoist.granules.tiles import read_datasets
from kilomoist.grids import M09, Window
from kilomoist.predictors.inventories import choose_granules
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
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
CELLS = np.zeros((3, 4), np.float32)
X, Y = M09.x_centres(Window(0, 9, 3, 4)), M09.y_centres(Window(0, 9, 3, 4))
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


def test_real_viirs_granule_gives_what_its_file_holds(real: Real) -> None:
    path, product = real("VNP13A2*.h5"), PRODUCTS["VNP13A2.002"]
    arrays = read_all(path, product)
    assert list(arrays) == list(product.datasets_of(product.layers))
    with h5py.File(path) as file:
        fields = file["HDFEOS/GRIDS/VIIRS_Grid_16Day_VI_1km/Data Fields"]
        for name, array in arrays.items():
            assert array.shape == (1200, 1200)
            assert array.dtype.isnative
            np.testing.assert_array_equal(array, fields[name][()])


def test_real_viirs_granule_is_no_granule_of_modis(real: Real, tmp_path: Path) -> None:
    """Terra's successor has other quality codes and fills: it is refused under the name of a granule of Terra's."""
    renamed = tmp_path / "MOD13A2.A2025009.h18v09.061.2025031192612.hdf"
    renamed.symlink_to(real("VNP13A2*.h5"))
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


# Granules that are not what they are taken for

NAMED = granule_file_name(LST, DAY, "h25v04")
MOISTURE = "SMAP_L4_SM_aup_20200128T150000_Vv4030_001.h5"
ANALYSIS = PRODUCTS["SPL4SMAU.004"]
ANALYSED = "Analysis_Data/sm_surface_analysis"


@pytest.mark.parametrize("pattern", TILED)
@pytest.mark.parametrize(
    ("part", "other"),
    [(r"h\d\d", "h24"), (r"v\d\d", "v04"), (r"A\d{4}", "A2019"), (r"A(\d{4})\d\d\d", r"A\g<1>001"), ("MOD", "MYD")],
    ids=["column", "row", "year", "day", "satellite"],
)
def test_a_real_granule_under_another_name_is_refused(
    real: Real, tmp_path: Path, pattern: str, part: str, other: str
) -> None:
    path = real(pattern)
    renamed = tmp_path / re.sub(part, other, path.name)
    renamed.symlink_to(path)
    product = PRODUCTS[f"{renamed.name[:7]}.061"]
    said = f"{renamed} is not the granule of {product.name} that it is taken for: its LOCALGRANULEID is {path.name}"
    with pytest.raises(InputError, match=re.escape(said)):
        read_all(renamed, product)
    with pytest.raises(InputError, match="LOCALGRANULEID"):  # the name may be another than the file's, as of a download
        read_datasets(path, product, product.datasets_of(product.layers), renamed.name)


@pytest.mark.parametrize(
    ("told", "other", "title"),
    [
        (b'"MOD11A1.A2021225.h25v04.061', b'"MOD11A1.A2021225.h24v04.061', "LOCALGRANULEID"),
        (b'"MOD11A1.A2021225.h25v04.061', b'"MOD11A1.A2021225.h25v04.006', "LOCALGRANULEID"),
        (b'= "MOD11A1"', b'= "MYD11A1"', "SHORTNAME"),
        (b"= 61\n", b"= 6 \n", "VERSIONID"),
        (b'"2021-08-13"', b'"2021-08-12"', "RANGEBEGINNINGDATE"),
        (b'"25"', b'"24"', "HORIZONTALTILENUMBER"),
        (b'"04"', b'"05"', "VERTICALTILENUMBER"),
        (b'GridName="MODIS_Grid_Daily_1km_LST"', b'GridName="MODIS_Grid_8Days_1km_LST"', "grid"),
        (b"XDim=24", b"XDim=48", "XDim"),
        (b"YDim=24", b"YDim=12", "YDim"),
        (b"PointMtrs=(7", b"PointMtrs=(8", "UpperLeftPointMtrs"),
        (b"LowerRightMtrs=(", b"LowerRightMtrs=[", "LowerRightMtrs"),
        (b"GCTP_SNSOID", b"GCTP_LAMAZ_", "projection"),
        (b"(6371007.181000", b"(6378137.000000", "radius of the sphere"),
    ],
)
def test_each_thing_that_a_tiled_granule_says_is_compared(
    whole: bytes, tmp_path: Path, told: bytes, other: bytes, title: str
) -> None:
    path = tmp_path / NAMED
    path.write_bytes(whole)
    assert read_all(path, SMALL)
    assert told in whole
    path.write_bytes(whole.replace(told, other))
    with pytest.raises(InputError, match=rf"is not the granule of MOD11A1.061 that it is taken for: its {title} is"):
        read_all(path, SMALL)


def test_a_tiled_granule_without_its_grid_is_refused(whole: bytes, granule: Path) -> None:
    granule.write_bytes(whole.replace(b"StructMetadata.0", b"StructMetadata.x"))
    with pytest.raises(InputError, match=r"as NASA publishes it: it has no StructMetadata.0"):
        read_all(granule, SMALL)
    granule.write_bytes(whole.replace(b"CoreMetadata.0", b"CoreMetadata.x"))
    assert read_all(granule, SMALL)


@pytest.mark.parametrize(
    ("pattern", "title", "kind", "value"),
    [
        (TILED[0], "scale_factor", SDC.FLOAT64, 0.01),
        (TILED[0], "add_offset", SDC.FLOAT64, -273.15),
        (TILED[0], "units", SDC.CHAR, "degC"),
        (TILED[0], "_FillValue", SDC.UINT16, 65535),
        (TILED[0], "_FillValue", SDC.CHAR, "NA"),
        (TILED[0], "valid_range", SDC.UINT16, [0, 400]),
        (TILED[1], "scale_factor", SDC.FLOAT64, 0.0001),
        (TILED[1], "units", SDC.CHAR, "EVI"),
        (TILED[1], "_FillValue", SDC.INT16, 0),
        (TILED[1], "valid_range", SDC.INT16, [-10000, 10000]),
    ],
)
def test_a_real_granule_with_other_scale_units_or_fill_is_refused(
    real: Real, tmp_path: Path, pattern: str, title: str, kind: int, value: object
) -> None:
    path = Path(shutil.copy(real(pattern), tmp_path))
    path.chmod(0o600)
    product = PRODUCTS[f"{path.name[:7]}.061"]
    dataset = next(iter(product.datasets_of(product.layers)))
    file = SD(str(path), SDC.WRITE)
    file.select(dataset).attr(title).set(kind, value)
    file.end()
    with pytest.raises(InputError, match=rf"its dataset '{dataset}' has {title} .*, where .* is expected; take"):
        read_all(path, product)


def test_viirs_says_what_it_is_as_modis_does(real: Real) -> None:
    """HDF-EOS5 keeps the same texts: a product row is all that their check asks for."""
    path = real("VNP13A2*.h5")
    pattern = re.compile(r"VNP13A2\.A(?P<time>\d{7})\.(?P<tile>h\d\dv\d\d)\.002\.(?P<produced>\d{13})\.h5")
    grid = "VIIRS_Grid_16Day_VI_1km"
    viirs = replace(PRODUCTS["MOD13A2.061"], name="VNP13A2.002", pattern=pattern, grid_name=grid)
    with h5py.File(path) as file:
        core, structure = (file[f"HDFEOS INFORMATION/{name}Metadata.0"][()].decode() for name in ("Core", "Struct"))
    check_core_metadata(path, viirs, core, path.name)
    check_grid(path, viirs, structure, path.name)
    for check, text, title in (
        (check_core_metadata, core, "LOCALGRANULEID"),
        (check_grid, structure, "UpperLeftPointMtrs"),
    ):
        with pytest.raises(InputError, match=f"its {title} is"):
            check(path, viirs, text, path.name.replace("h18v09", "h17v09"))


@pytest.mark.parametrize(
    ("name", "product"),
    [
        (MOISTURE.replace("20200128", "20210815"), ANALYSIS),
        (MOISTURE.replace("T15", "T18"), ANALYSIS),
        (MOISTURE.replace("Vv4", "Vv5"), PRODUCTS["SPL4SMAU.005"]),
    ],
)
def test_a_real_smap_granule_under_another_name_is_refused(
    real: Real, tmp_path: Path, name: str, product: Product
) -> None:
    (tmp_path / name).symlink_to(real(MOISTURE))
    said = f"{name} is not the granule of {product.name} that it is taken for: its Filename is {MOISTURE}, where {name}"
    with pytest.raises(InputError, match=re.escape(said)):
        read_target(tmp_path / name, product)


@pytest.mark.parametrize(
    ("place", "title", "value"),
    [
        ("/", "Filename", "/discover/aup/SMAP_L4_SM_aup_20200128T180000_Vv4030_001.h5"),
        ("/", "part_of", "SMAP_L4_SM_aup_20200129T150000_Vv4030_001.h5 MD5:0123"),
        ("Metadata/DatasetIdentification", "fileName", MOISTURE.replace("aup", "gph")),
        ("Metadata/DatasetIdentification", "shortName", "SPL4SMGP"),
        ("Metadata/SeriesIdentification", "ECSVersionID", "005"),
        (ANALYSED, "units", "percent"),
        (ANALYSED, "units", np.array([b"m3 m-2"])),
        (ANALYSED, "_FillValue", np.float32(0.002)),
        (ANALYSED, "missing_value", np.array([-9999, -1], np.float32)),
        (ANALYSED, "scale_factor", 100.0),
        (ANALYSED, "add_offset", np.float32(0.1)),
    ],
)
def test_each_thing_that_a_smap_granule_says_is_compared(
    real: Real, tmp_path: Path, place: str, title: str, value: object
) -> None:
    path = Path(shutil.copy(real(MOISTURE), tmp_path))
    path.chmod(0o600)
    with h5py.File(path, "r+") as file:
        file[place].attrs[title] = value
    with pytest.raises(InputError, match=f"{title} .*, where .* is expected"):
        read_target(path, ANALYSIS)


def test_the_time_of_a_smap_granule_is_compared(real: Real, tmp_path: Path) -> None:
    path = Path(shutil.copy(real(MOISTURE), tmp_path))
    path.chmod(0o600)
    for seconds, refused in ((10800.0, True), (-64.184, False), (np.nan, True)):
        with h5py.File(path, "r+") as file:
            file["time"][0] = (datetime(2020, 1, 28, 15) - datetime(2000, 1, 1, 12)).total_seconds() + seconds
        if refused:
            with pytest.raises(InputError, match=r"its time, in seconds since 2000-01-01 12:00:00, is"):
                read_target(path, ANALYSIS)
        else:
            read_target(path, ANALYSIS)


def test_numbers_that_fill_an_attribute_of_length_one_are_the_same(tmp_path: Path) -> None:
    path = write_cut(tmp_path / "cut.h5", CELLS, x=X, y=Y)
    with h5py.File(path, "r+") as file:
        attributes = {"units": "m3 m-3 ", "_FillValue": [-9999], "scale_factor": [1], "add_offset": np.float32(0)}
        file[FIELD].attrs.update(attributes)
    assert read_target(path, SMAP)[2] == Window(0, 9, 3, 4)


# Files that reach out of themselves, or are larger than they look


@with_witnesses
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("smap-scale.h5", "has scale_factor 100.0, where 1.0 is expected"),
        ("hdf5-3GB-shape.h5", "'Geophysical_Data/sm_surface' has 30000 × 25000 numbers, more than the 1624 × 3856"),
        ("hdf5-axes.h5", "'x' has 400000000 numbers, more than"),
        (
            "hdf5-external-raw.h5",
            "'Geophysical_Data/sm_surface' keeps its numbers in other files, which is not followed",
        ),
    ],
)
def test_faulty_files_are_refused_before_they_are_read(name: str, said: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=said):
            read_target(SHARED / "faults" / name, SMAP)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [FIELD, "x", "Geophysical_Data"])
@pytest.mark.parametrize("kind", ["soft", "external"])
def test_links_are_not_followed(tmp_path: Path, name: str, kind: str) -> None:
    path, other = (write_cut(tmp_path / title, CELLS, x=X, y=Y) for title in ("cut.h5", "other.h5"))
    with h5py.File(path, "r+") as file:
        file.move(name, "elsewhere")
        file[name] = h5py.ExternalLink(other.name, name) if kind == "external" else h5py.SoftLink("/elsewhere")
    with pytest.raises(InputError, match=r"its '(Geophysical_Data/sm_surface|x)' is a link, which is not followed"):
        read_target(path, SMAP)


def test_datasets_of_other_files_and_large_chunks_are_refused(tmp_path: Path) -> None:
    other = write_cut(tmp_path / "other.h5", CELLS)
    layout = h5py.VirtualLayout(CELLS.shape, CELLS.dtype)
    layout[:] = h5py.VirtualSource(str(other), FIELD, CELLS.shape)
    (tmp_path / "raw").write_bytes(X.tobytes())
    for name, said in (
        ("virtual", "keeps its numbers in"),
        ("raw", "'x' keeps its numbers in"),
        ("chunk", "more than"),
    ):
        path = tmp_path / f"{name}.h5"
        with h5py.File(path, "w") as file:
            file["y"] = Y
            if name == "virtual":
                file.create_virtual_dataset(FIELD, layout)
            else:
                chunk = {"chunks": (30000, 25000), "maxshape": (None, None)} if name == "chunk" else {}
                file.create_dataset(FIELD, CELLS.shape, "f4", **chunk)
            stored = [(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)] if name == "raw" else None
            file.create_dataset("x", data=None if stored else X, shape=X.shape, dtype="f8", external=stored)
        with pytest.raises(InputError, match=said):
            read_target(path, SMAP)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A small part of a granule with all that it may say of itself, and its bytes."""
    path = tmp_path_factory.mktemp("cut") / granule_file_name(SMAP, DAY, None)
    write_cut(path, CELLS, x=X, y=Y, time=[(DAY - datetime(2000, 1, 1, 12)).total_seconds()])
    with h5py.File(path, "r+") as file:
        file.attrs["Filename"] = file.attrs["part_of"] = np.bytes_(path.name)
        file.create_group("Metadata/DatasetIdentification").attrs["shortName"] = "SPL4SMGP"
        file[FIELD].attrs.update({"units": "m3 m-3", "_FillValue": np.float32(-9999)})
    assert read_target(path, SMAP)[2] == Window(0, 9, 3, 4)
    return path, path.read_bytes()


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_damage_of_a_small_smap_file_gives_a_sentence(cut: tuple[Path, bytes], data: st.DataObject) -> None:
    path, content = cut
    path.write_bytes(data.draw(mutated(content)))
    reads_or_refuses(lambda: read_target(path, SMAP))


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
        window = Window(100, 200, 50, 60)
        file["x"], file["y"] = M09.x_centres(window), M09.y_centres(window)
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


def test_a_folder_that_snakemake_takes_for_a_wildcard_is_named(tmp_path: Path) -> None:
    name = "MOD11A1.A2021214.h25v04.061.2021223150811.hdf"
    (tmp_path / "{tile}").mkdir()
    (tmp_path / "{tile}" / name).touch()
    with pytest.raises(InputError, match=r"\{tile\} would be taken for a wildcard"):
        search_archive(tmp_path, [LST])


CUTS = ("_subsetted.nc4", "_Geophysical_Data_sm_surface_subsetted.nc4", "_HEGOUT.nc")


@pytest.mark.parametrize("cut", CUTS)
def test_a_subsetter_s_cut_counts_where_the_whole_granule_is_not_there(tmp_path: Path, cut: str) -> None:
    whole = "SMAP_L4_SM_gph_20210813T013000_Vv8010_001.h5"
    touch(tmp_path / "z", whole.replace(".h5", cut))
    # By its first bytes, because not every file with such a name is HDF5.
    assert search_archive(tmp_path, [SMAP]) == {}
    (told,) = lookalike_sentences(SMAP, find_lookalikes(tmp_path, SMAP))
    assert told.startswith(
        f"1 file looks like {SMAP.name} but ends in {cut} without being NetCDF-4 (HDF5), for example "
    )
    (tmp_path / "z" / whole.replace(".h5", cut)).write_bytes(b"\x89HDF\r\n\x1a\n")
    assert find_lookalikes(tmp_path, SMAP) == []
    ((key, path),) = search_archive(tmp_path, [SMAP]).items()
    assert key == (SMAP.name, None, datetime(2021, 8, 13, 1, 30))
    assert path.name.endswith(cut)
    touch(tmp_path / "a", whole)
    assert list(search_archive(tmp_path, [SMAP]).values()) == [tmp_path / "a" / whole]
    (tmp_path / "a" / whole.replace("8010_001.h5", f"8011_001{cut}")).write_bytes(b"\x89HDF\r\n\x1a\n")
    assert list(search_archive(tmp_path, [SMAP]).values()) == [
        tmp_path / "a" / whole.replace("8010_001.h5", f"8011_001{cut}")
    ]


def test_netcdf_that_a_subsetter_writes_is_placed(tmp_path: Path) -> None:
    """Chunks of rows, x and y as dimensions, and a grid mapping, as NetCDF-4 has them; written by the HDF5 library."""
    window, path = Window(300, 2900, 20, 30), tmp_path / f"SMAP_L4_SM_gph_20210813T013000_Vv8010_001{CUTS[0]}"
    stored = np.linspace(0, 0.5, 600, dtype=np.float32).reshape(20, 30)
    with h5py.File(path, "w") as file:
        field = file.create_dataset(FIELD, data=stored, chunks=(7, 30), compression=4, shuffle=True, fillvalue=-9999)
        for number, (name, values) in enumerate({"y": M09.y_centres(window), "x": M09.x_centres(window)}.items()):
            file[name] = values
            file[name].make_scale(name)
            field.dims[number].attach_scale(file[name])
        field.attrs.update(
            _FillValue=np.float32(-9999), units=np.bytes_("m3 m-3"), grid_mapping="EASE2_global_projection"
        )
        file["EASE2_global_projection"] = np.bytes_("")
    values, found = read_moisture(path)
    assert found == window
    np.testing.assert_array_equal(values, stored)


NAMES = {
    "SMAP_L4_SM_gph_20210813T013000_Vv8010_001_regridded_subsetted.nc4": "ends in _regridded_subsetted.nc4",
    "SMAP_L4_SM_gph_20210813T013000_Vv8010_001_HEGOUT.tif": "ends in _HEGOUT.tif",
    "SMAP_L4_SM_gph_20210813T013000_Vv8010_001.h5.iso.xml": "is only what goes with a granule",
    "SMAP_L4_SM_gph_20210813T013000_Vv7032_001.h5": "is of version Vv7032, and version 008 is wanted",
    "SMAP_L4_SM_aup_20210813T013000_Vv8010_001.h5": "is of SMAP_L4_SM_aup, another product",
    "smap_l4_sm_gph_20210813t013000_vv8010_001.h5": "is written in other capital and small letters: give them NASA's",
    "SPL4SMGP_2021-08-13.nc": "is not named as NASA names granules",
    "MOD11A1.A2021225.h25v04.061.2021226120000.NRT.hdf": "is near real time (NRT), which NASA replaces",
    "MOD11A1.A2021225.h25v04.006.2021226120000.hdf": "is of version 006, and version 061 is wanted",
    "MYD11A1.A2021225.h25v04.061.2021226120000.hdf": "is of MYD11A1, another product",
    "MOD11A2.A2021225.h25v04.061.2021226120000.hdf": "is of MOD11A2, another product",
    "VNP21A1D.A2021225.h25v04.002.2021226120000.h5": "is of VNP21A1D, another product",
    "MOD11A1.A2021225.h25v04.061.2021226120000.hdf.xml": "is only what goes with a granule",
    "BROWSE.MOD11A1.A2021225.h25v04.061.2021226120000.hdf.jpg": "is only what goes with a granule",
    "MOD11A1.A2021225.h25v04.061.2021226120000.hdf.part": "is not wholly downloaded",
    "MOD11A1.A2021225.h25v04.061.2021226120000.hdf.gz": "is packed: unpack them",
    "MOD11A1.A2021225.h25v04.061.2021226120000 (1).hdf": "is named as copies: give them NASA's names",
    "MOD11A1.A2021225.h25v04.061.2021226120000 - Copy.hdf": "is named as copies: give them NASA's names",
    "Copy of MOD11A1.A2021225.h25v04.061.2021226120000.hdf": "begins with 'Copy of ': give them NASA's names",
    "mod11a1.a2021225.h25v04.061.2021226120000.HDF": "is written in other capital and small letters: give them NASA's",
    "MOD11A1.A2021225.h25v04.061.2021226120000.h5": "ends in .h5",
    "MOD11A1.A2021225.h25v04.061.hdf": "ends in .hdf",
    "MOD11A1.A2021400.h25v04.061.2021226120000.hdf": "is of a day that the calendar does not have",
    "MOD11A1.061_LST_Day_1km_doy2021225_aid0001.tif": "is not named as NASA names granules",
}


@pytest.mark.parametrize(("name", "reason"), NAMES.items())
def test_why_a_file_is_no_granule_is_told(tmp_path: Path, name: str, reason: str) -> None:
    touch(tmp_path / "deep", name, "MOD09GA.A2021225.h25v04.061.2021226120000.hdf", "notes.txt")
    product = SMAP if name[:2].upper() in ("SM", "SP") else LST
    assert search_archive(tmp_path, [product]) == {}
    (file,) = find_lookalikes(tmp_path, product)
    (sentence,) = lookalike_sentences(product, [file])
    assert sentence.startswith(f"1 file looks like {product.name} but {reason}")
    assert sentence.endswith(f", for example {tmp_path / 'deep' / name}.")


def test_lookalikes_are_counted_by_reason(tmp_path: Path) -> None:
    names = [slot.time.strftime("MOD13Q1.A%Y%j.h25v04.061.2021226120000.hdf") for slot in slots(LST, MONTH)]
    touch(tmp_path, *names, "MOD13A1.A2021209.h25v04.006.2021226120000.hdf")
    product = PRODUCTS["MOD13A1.061"]
    older, other = lookalike_sentences(product, find_lookalikes(tmp_path, product))
    assert older.startswith("1 file looks like MOD13A1.061 but is of version 006")
    assert other.startswith("31 files look like MOD13A1.061 but are of MOD13Q1, another product, for example ")
    assert other.endswith(f"{names[0]}.")
    # What is named as it should be is a granule of its product, whatever it resembles.
    assert find_lookalikes(tmp_path, LST) == []


@given(st.sampled_from([name.encode() for name in NAMES]).flatmap(mutated))
@settings(max_examples=200, deadline=None)
def test_any_name_is_a_granule_or_not(tmp_path_factory: pytest.TempPathFactory, name: bytes) -> None:
    folder = tmp_path_factory.mktemp("names")
    file = os.path.join(os.fsencode(folder), name.replace(b"/", b"").replace(b"\0", b"")[:200] or b"x")
    if not os.path.isdir(file):
        open(file, "wb").close()
    for product in (SMAP, LST):
        found = search_archive(folder, [product])
        for sentence in lookalike_sentences(product, find_lookalikes(folder, product)):
            assert not found
            assert sentence.encode()


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
