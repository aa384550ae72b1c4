"""Granules of VIIRS: damaged, or not what they are taken for, told in one sentence; the real VNP13A2 among them."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses

from kilomoist.errors import InputError
from kilomoist.granules.archive import search_archive
from kilomoist.granules.lookalikes import find_lookalikes, lookalike_sentences
from kilomoist.granules.simulated import is_simulated
from kilomoist.granules.tiles import read_datasets
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.tiles import write_tiled_granule

Real = Callable[[str], Path]
DAY = datetime(2021, 8, 13)
LST, VI = PRODUCTS["VNP21A1D.002"], PRODUCTS["VNP13A2.002"]
SMALL = replace(LST, pixels=24)
"""VNP21A1D with tiny tiles: the same file in all else."""
NAME = granule_file_name(LST, DAY, "h25v04")
REAL = "VNP13A2.A2025009.h18v09.002.2025031192612.h5"
FIELDS = f"HDFEOS/GRIDS/{LST.grid_name}/Data Fields"
KELVIN = np.arange(7500, 7500 + 24 * 24, dtype=np.uint16).reshape(24, 24)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small granule's bytes."""
    path = tmp_path_factory.mktemp("whole") / NAME
    write_tiled_granule(path, SMALL, "h25v04", DAY, {"LST_1KM": KELVIN, "QC": KELVIN})
    return path.read_bytes()


@pytest.fixture
def granule(whole: bytes, tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(whole)
    return path


def read_all(path: Path, product: Product = SMALL) -> dict[str, np.ndarray]:
    """All datasets of a granule that its product needs."""
    return read_datasets(path, product, product.datasets_of(product.layers))


def sentence_about(path: Path) -> str:
    """What reading a granule is refused with; empty where it is read."""
    try:
        read_all(path)
    except InputError as error:
        return str(error)
    return ""


# What is written is read


def test_a_simulated_granule_is_read_and_says_what_it_is(granule: Path, real: Real) -> None:
    found = read_all(granule)
    np.testing.assert_array_equal(found["LST_1KM"], KELVIN)
    assert list(found) == ["LST_1KM", "QC"]
    assert is_simulated(granule)
    assert not is_simulated(real("VNP13A2*.h5"))


# What a granule is not


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (r"h\d\d", "h24"),
        (r"v\d\d", "v04"),
        (r"A2025", "A2024"),
        (r"A2025009", "A2025017"),
        ("VNP", "VJ1"),
    ],
    ids=["column", "row", "year", "period", "satellite"],
)
def test_a_real_granule_under_another_name_is_refused(real: Real, tmp_path: Path, part: str, other: str) -> None:
    """Among them a granule of S-NPP under the name of NOAA-20's."""
    path = real("VNP13A2*.h5")
    renamed = tmp_path / re.sub(part, other, path.name)
    renamed.symlink_to(path)
    product = PRODUCTS[f"{renamed.name[:7]}.002"]
    said = f"{renamed} is not the granule of {product.name} that it is taken for: its LocalGranuleID is {path.name}"
    with pytest.raises(InputError, match=re.escape(said)):
        read_all(renamed, product)
    with pytest.raises(InputError, match="LocalGranuleID"):  # the name may be another than the file's, as of a download
        read_datasets(path, product, product.datasets_of(product.layers), renamed.name)


@pytest.mark.parametrize("short_name", ["VNP13A1", "VNP21A1D", "VNP21A1N"])
def test_a_granule_of_noaa_20_under_s_npp_s_name_is_refused(tmp_path: Path, short_name: str) -> None:
    product = replace(PRODUCTS[f"{short_name}.002"], pixels=24)
    twin = replace(PRODUCTS[f"{short_name.replace('VNP', 'VJ1')}.002"], pixels=24)
    path = tmp_path / granule_file_name(product, DAY, "h25v04")
    write_tiled_granule(path, twin, "h25v04", DAY, {})
    assert read_all(path, twin)
    with pytest.raises(InputError, match=rf"its LocalGranuleID is {twin.short_name}.*, where {re.escape(path.name)}"):
        read_all(path, product)


def test_a_night_under_the_name_of_a_day_is_refused(tmp_path: Path) -> None:
    night = replace(PRODUCTS["VNP21A1N.002"], pixels=24)
    write_tiled_granule(tmp_path / NAME, night, "h25v04", DAY, {})
    with pytest.raises(InputError, match=r"its LocalGranuleID is VNP21A1N\.A2021225"):
        read_all(tmp_path / NAME)


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("LocalGranuleID", NAME.replace("A2021225", "A2021224")),
        ("LocalGranuleID", NAME.replace(".002.", ".001.")),
        ("ShortName", "VNP21A1N"),
        ("VersionID", "001"),
        ("VersionID", "1"),
    ],
)
def test_each_attribute_of_the_file_is_compared(granule: Path, title: str, value: str) -> None:
    with h5py.File(granule, "r+") as file:
        file.attrs[title] = np.bytes_(value.encode())
    with pytest.raises(InputError, match=rf"the granule of VNP21A1D.002 that it is taken for: its {title} is"):
        read_all(granule)


@pytest.mark.parametrize("value", ["2", "002", np.array(b"002", "S8")], ids=["number", "text", "filled up"])
def test_a_version_may_be_written_in_several_ways(granule: Path, value: object) -> None:
    with h5py.File(granule, "r+") as file:
        file.attrs["VersionID"] = value
    assert read_all(granule)


@pytest.mark.parametrize(
    ("told", "other", "title"),
    [
        ('"VNP21A1D.A2021225.h25v04.002', '"VNP21A1D.A2021225.h24v04.002', "LOCALGRANULEID"),
        ('= "VNP21A1D"', '= "VNP21A1N"', "SHORTNAME"),
        ("= 2\n", "= 1\n", "VERSIONID"),
        ('"2021-08-13"', '"2021-08-12"', "RANGEBEGINNINGDATE"),
        ('"25"', '"24"', "HORIZONTALTILENUMBER"),
        ('"04"', '"05"', "VERTICALTILENUMBER"),
        ('GridName="VIIRS_Grid_Daily_1km_LST21"', 'GridName="VIIRS_Grid_8Day_1km_LST21"', "grid"),
        ("XDim=24", "XDim=48", "XDim"),
        ("YDim=24", "YDim=12", "YDim"),
        ("PointMtrs=(7", "PointMtrs=(8", "UpperLeftPointMtrs"),
        ("LowerRightMtrs=(", "LowerRightMtrs=[", "LowerRightMtrs"),
        ("HE5_GCTP_SNSOID", "HE5_GCTP_LAMAZ", "projection"),
        ("(6371007.181000", "(6378137.000000", "radius of the sphere"),
    ],
)
def test_each_thing_that_its_metadata_say_is_compared(granule: Path, told: str, other: str, title: str) -> None:
    changed = 0
    with h5py.File(granule, "r+") as file:
        information = file["HDFEOS INFORMATION"]
        for name in ("CoreMetadata.0", "StructMetadata.0"):
            text = information[name][()].decode()
            changed += told in text
            information[name][()] = text.replace(told, other).encode()
    assert changed == 1
    with pytest.raises(InputError, match=rf"the granule of VNP21A1D.002 that it is taken for: its {title} is"):
        read_all(granule)


def test_a_granule_without_its_grid_is_refused(granule: Path) -> None:
    with h5py.File(granule, "r+") as file:
        del file["HDFEOS INFORMATION/CoreMetadata.0"]
    assert read_all(granule)
    with h5py.File(granule, "r+") as file:
        del file["HDFEOS INFORMATION/StructMetadata.0"]
    with pytest.raises(InputError, match=r"as NASA publishes it: it has no StructMetadata.0"):
        read_all(granule)


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("scale_factor", [10000.0]),  # as MOD13 has it
        ("scale_factor", [0.001]),
        ("add_offset", [1.0]),
        ("units", [b"EVI"]),
        ("_FillValue", np.array([-13000], np.int16)),
        ("_FillValue", np.array([-3000, -13000], np.int16)),
        ("_FillValue", np.array([-13000, -15000], np.int16)),
        ("valid_range", np.array([-2000, 10000], np.int16)),
    ],
)
def test_a_real_granule_with_other_scale_units_or_fill_is_refused(
    real: Real, tmp_path: Path, title: str, value: list
) -> None:
    path = Path(shutil.copy(real("VNP13A2*.h5"), tmp_path))
    path.chmod(0o600)
    with h5py.File(path, "r+") as file:
        file[f"HDFEOS/GRIDS/{VI.grid_name}/Data Fields/1 km 16 days NDVI"].attrs[title] = value
    with pytest.raises(
        InputError, match=rf"its dataset '1 km 16 days NDVI' has {title} .*, where .* is expected; take"
    ):
        read_all(path, VI)


def test_quality_words_without_a_scale_say_so(granule: Path) -> None:
    """As MOD21's do: "n/a" is no scale, but a scale of 2 is another product's."""
    with h5py.File(granule) as file:
        assert file[f"{FIELDS}/QC"].attrs["scale_factor"] == b"n/a"
    with h5py.File(granule, "r+") as file:
        file[f"{FIELDS}/QC"].attrs["scale_factor"] = 2.0
    with pytest.raises(InputError, match=r"its dataset 'QC' has scale_factor 2\.0, where 1\.0 is expected"):
        read_all(granule)


STRANGE = (
    *("", "two\nlines", "x" * 3000, b"\xff\xfe", 1, float("nan"), np.zeros((2, 2)), np.array([], float)),
    *(h5py.Empty("f"), np.array([b"a", b"b"]), np.void(b"abc"), np.uint64(2**64 - 1), np.complex64(1j)),
)


@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_attributes_of_any_kind_are_told_in_one_short_line(granule: Path, number: int) -> None:
    places = [("/", title) for title in ("ShortName", "VersionID", "LocalGranuleID")]
    places += [(f"{FIELDS}/LST_1KM", title) for title in ("units", "scale_factor", "_FillValue", "valid_range")]
    for place, title in places:
        with h5py.File(granule, "r+") as file:
            before = file[place].attrs[title]
            file[place].attrs[title] = STRANGE[number]
        sentence = sentence_about(granule)
        assert "\n" not in sentence
        assert len(sentence) < 600
        with h5py.File(granule, "r+") as file:
            file[place].attrs[title] = before


# What is missing or of another form


def test_missing_dataset_is_named_with_what_is_there(granule: Path) -> None:
    with h5py.File(granule, "r+") as file:
        del file[f"{FIELDS}/QC"]
    with pytest.raises(
        InputError, match=r"no dataset 'QC' as a granule of VNP21A1D.002 has \(it has Emis_14, Emis_15, "
    ):
        read_all(granule)


def test_wrong_shape_and_type_are_named(granule: Path) -> None:
    with pytest.raises(InputError, match="'LST_1KM' has 24 × 24 pixels where 1200 × 1200 are expected"):
        read_all(granule, LST)
    with h5py.File(granule, "r+") as file:
        del file[f"{FIELDS}/QC"]
        file[f"{FIELDS}/QC"] = np.zeros((24, 24), np.float32)
    with pytest.raises(InputError, match="'QC' holds other numbers than the integers of 8 or 16 bits"):
        read_all(granule)


def test_version_1_has_other_names(tmp_path: Path) -> None:
    """`NPP_Grid_16Day_VI_500m` was the grid of version 1."""
    product = replace(PRODUCTS["VNP13A1.002"], pixels=24)
    path = tmp_path / granule_file_name(product, DAY, "h25v04")
    write_tiled_granule(path, replace(product, grid_name="NPP_Grid_16Day_VI_500m"), "h25v04", DAY, {})
    with pytest.raises(InputError, match="has no dataset '500 m 16 days NDVI'"):
        read_all(path, product)


@pytest.mark.parametrize("kind", ["soft", "external"])
@pytest.mark.parametrize("name", [f"{FIELDS}/QC", FIELDS, "HDFEOS INFORMATION/StructMetadata.0"])
def test_links_are_not_followed(granule: Path, whole: bytes, kind: str, name: str) -> None:
    (granule.parent / "other.h5").write_bytes(whole)
    with h5py.File(granule, "r+") as file:
        del file[name]
        file[name] = h5py.SoftLink("/HDFEOS") if kind == "soft" else h5py.ExternalLink("other.h5", f"/{name}")
    with pytest.raises(InputError, match="is a link, which is not followed"):
        read_all(granule)


def test_chunks_larger_than_the_grid_are_refused(granule: Path) -> None:
    with h5py.File(granule, "r+") as file:
        del file[f"{FIELDS}/QC"]
        file.create_dataset(f"{FIELDS}/QC", (24, 24), "u2", chunks=(1000, 1000), maxshape=(None, None))
    with pytest.raises(InputError, match="has 1000 × 1000 numbers, more than the 24 × 24 cells of its grid"):
        read_all(granule)


# Damage


def test_no_length_of_a_truncated_granule_passes(whole: bytes, granule: Path) -> None:
    for length in (0, 7, *range(8, len(whole) - 1, len(whole) // 60), len(whole) - 1):
        granule.write_bytes(whole[:length])
        with pytest.raises(InputError, match=re.escape(str(granule))):
            read_all(granule)


def test_damaged_numbers_are_noticed(whole: bytes, granule: Path) -> None:
    with h5py.File(granule) as file:
        chunk = file[f"{FIELDS}/LST_1KM"].id.get_chunk_info(0)
    for place in range(chunk.byte_offset + 2, chunk.byte_offset + chunk.size, 40):
        granule.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        if not sentence_about(granule):
            np.testing.assert_array_equal(read_all(granule)["LST_1KM"], KELVIN)


@pytest.mark.parametrize("content", [b"<html>log in</html>", b"", b"\x0e\x03\x13\x01 of MODIS"])
def test_what_is_no_hdf5_is_named(granule: Path, content: bytes) -> None:
    granule.write_bytes(content)
    with pytest.raises(InputError, match=r"(web page|empty file|HDF4 file).*, but a granule of VNP21A1D.002 is HDF5"):
        read_all(granule)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_damage_gives_a_sentence(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / NAME
    path.write_bytes(data.draw(mutated(whole)))
    reads_or_refuses(lambda: read_all(path))


# Names that are no granule's

NAMES = {
    "VNP13A2.A2025009.h18v09.001.2025031192612.h5": "is of version 001, and version 002 is wanted",
    "VJ113A2.A2025009.h18v09.002.2025031192612.h5": "is of VJ113A2, another product",
    "VJ213A2.A2025009.h18v09.002.2025031192612.h5": "is of VJ213A2, another product",
    "VNP13A1.A2025009.h18v09.002.2025031192612.h5": "is of VNP13A1, another product",
    "MOD13A2.A2025009.h18v09.061.2025031192612.hdf": "is of MOD13A2, another product",
    "VNP13A2.A2025009.h18v09.002.2025031192612.NRT.h5": "is near real time (NRT), which NASA replaces",
    "VNP13A2_NRT.A2025009.h18v09.002.2025031192612.h5": "is near real time (NRT), which NASA replaces",
    "VNP13A2.A2025009.h18v09.002.2025031192612.h5.xml": "is only what goes with a granule",
    "VNP13A2.A2025009.h18v09.002.2025031192612.cmr.xml": "is only what goes with a granule",
    "VNP13A2.A2025009.h18v09.002.2025031192612.h5.dmrpp": "is only what goes with a granule",
    "BROWSE.VNP13A2.A2025009.h18v09.002.2025031192612.1.jpg": "is only what goes with a granule",
    "VNP13A2.A2025009.h18v09.002.2025031192612.h5.part": "is not wholly downloaded",
    "VNP13A2.A2025009.h18v09.002.2025031192612 (1).h5": "is named as copies: give them NASA's names",
    "vnp13a2.a2025009.h18v09.002.2025031192612.h5": "is written in other capital and small letters",
    "VNP13A2.A2025009.h18v09.002.2025031192612.hdf": "ends in .hdf",
    "VNP13A2.A2025400.h18v09.002.2025031192612.h5": "is of a day that the calendar does not have",
    "VNP13A2.002__1_km_16_days_NDVI_doy2025009_aid0001.tif": "is not named as NASA names granules",
}


@pytest.mark.parametrize(("name", "reason"), NAMES.items())
def test_why_a_file_is_no_granule_is_told(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / "VNP09GA.A2025009.h18v09.002.2025031192612.h5").touch()
    assert search_archive(tmp_path, [VI]) == {}
    (file,) = find_lookalikes(tmp_path, VI)
    (sentence,) = lookalike_sentences(VI, [file])
    assert sentence.startswith(f"1 file looks like VNP13A2.002 but {reason}")
    assert sentence.endswith(f", for example {tmp_path / name}.")


def test_night_looks_like_day(tmp_path: Path) -> None:
    (tmp_path / NAME.replace("A1D", "A1N")).touch()
    (sentence,) = lookalike_sentences(LST, find_lookalikes(tmp_path, LST))
    assert sentence.startswith("1 file looks like VNP21A1D.002 but is of VNP21A1N, another product")
