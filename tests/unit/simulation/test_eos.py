"""Writers of granules: read back, compared with real files, opened with GDAL, written twice."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from little_room import little_room
from pyhdf.HDF import HDF
from pyhdf.SD import SD
from pyhdf.V import V  # noqa: F401 - HDF.vgstart needs the module
from pyproj import CRS

from kilomoist.errors import InputError
from kilomoist.granules.archive import search_archive
from kilomoist.granules.hdf4 import descriptors
from kilomoist.granules.simulated import is_simulated
from kilomoist.granules.smap import read_target
from kilomoist.granules.tiles import read_datasets
from kilomoist.grids import M09, Window, tile_grid
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS, parse_name
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.smap import compress_target, write_target_granule
from kilomoist.simulation.tiles import write_tiled_granule

Real = Callable[[str], Path]
DAY = datetime(2021, 8, 13)
NOON = datetime(2021, 8, 13, 13, 30)
LST = PRODUCTS["MOD11A1.061"]
SMALL = replace(LST, pixels=24)
VIIRS = [name for name, product in PRODUCTS.items() if product.tiled and product.format == "HDF5"]
VIIRS_SMALL = replace(PRODUCTS["VNP21A1N.002"], pixels=24)
SMAP = PRODUCTS["SPL4SMGP.008"]
WINDOW = Window(169, 2867, 104, 346)
MEANING = {"units", "valid_range", "_FillValue", "scale_factor", "add_offset"}
times = st.datetimes(datetime(2015, 4, 1), datetime(2029, 12, 31)).map(lambda time: time.replace(microsecond=0))


def numbers(product: Product) -> dict[str, np.ndarray]:
    """Some stored numbers for the datasets of a product's layers."""
    generator = np.random.default_rng(0)
    shape = (product.pixels, product.pixels)
    return {
        layer.dataset: generator.integers(*layer.valid, shape).astype("u2" if product.role == "temperature" else "i2")
        for layer in product.layers.values()
    }


def field() -> np.ndarray:
    values = np.random.default_rng(1).random(WINDOW.shape, np.float32)
    values[5, 7:9] = np.nan
    return values


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Granules of several products on h11v05, of which nearly all datasets hold their fill."""
    folder = tmp_path_factory.mktemp("granules")
    paths = {}
    for name in ("MOD11A1.061", "MYD11A1.061", "MOD13A2.061", "MOD13A1.061", "VNP13A2.002", "VJ121A1D.002"):
        product = PRODUCTS[name]
        paths[name] = folder / granule_file_name(product, DAY, "h11v05")
        write_tiled_granule(paths[name], product, "h11v05", DAY, numbers(product))
    for product in (SMAP, PRODUCTS["SPL4SMAU.008"]):
        paths[product.name] = folder / granule_file_name(product, NOON, None)
        write_target_granule(paths[product.name], product, NOON, compress_target(WINDOW, field()))
    return paths


# Names


@given(product=st.sampled_from(list(PRODUCTS.values())), time=times)
def test_names_say_what_they_were_made_of(product: Product, time: datetime) -> None:
    tile = "h25v04" if product.tiled else None
    granule = parse_name(granule_file_name(product, time, tile), product)
    assert granule is not None
    expected = time if product.calendar == "3-hourly" else datetime(time.year, time.month, time.day)
    assert (granule.product, granule.time, granule.tile) == (product.name, expected, tile)


def test_names_look_like_real_ones() -> None:
    assert granule_file_name(LST, DAY, "h25v04") == "MOD11A1.A2021225.h25v04.061.2021245000000.hdf"
    viirs = granule_file_name(PRODUCTS["VJ121A1N.002"], DAY, "h25v04")
    assert viirs == "VJ121A1N.A2021225.h25v04.002.2021245000000.h5"
    assert granule_file_name(SMAP, NOON, None) == "SMAP_L4_SM_gph_20210813T133000_Vv8010_001.h5"
    assert granule_file_name(PRODUCTS["SPL4SMAU.004"], DAY, None) == "SMAP_L4_SM_aup_20210813T000000_Vv4010_001.h5"
    assert granule_file_name(PRODUCTS["SPL3SMP_E.005"], DAY, None) == "SMAP_L3_SM_P_E_20210813_R18290_001.h5"


# Round trips


def test_written_granules_are_found_and_read(written: dict[str, Path]) -> None:
    assert all(map(is_simulated, written.values()))
    found = search_archive(written[LST.name].parent, PRODUCTS.values())
    assert sorted(found.values()) == sorted(written.values())
    for name, path in written.items():
        if PRODUCTS[name].tiled:
            for dataset, array in read_datasets(path, PRODUCTS[name], numbers(PRODUCTS[name])).items():
                np.testing.assert_array_equal(array, numbers(PRODUCTS[name])[dataset])


@pytest.mark.parametrize("product", [SMALL, VIIRS_SMALL], ids=["MODIS", "VIIRS"])
@given(array=arrays("<u2", (24, 24)))
@settings(max_examples=15, deadline=None)
def test_any_numbers_come_back(tmp_path_factory: pytest.TempPathFactory, product: Product, array: np.ndarray) -> None:
    path, dataset = tmp_path_factory.mktemp("Ürümqi 乌鲁木齐") / "granule", product.layers["lst_night"].dataset
    write_tiled_granule(path, product, "h00v08", DAY, {dataset: array})
    np.testing.assert_array_equal(read_datasets(path, product, [dataset])[dataset], array)


def test_datasets_that_are_not_given_hold_their_fill(written: dict[str, Path]) -> None:
    for name in ("MOD11A1.061", "MOD13A2.061"):
        granule = SD(str(written[name]))
        for dataset in set(granule.datasets()) - set(numbers(PRODUCTS[name])):
            stored = granule.select(dataset)
            fill = 3 if dataset.startswith("QC_") else stored.attributes()["_FillValue"]
            assert (stored.get() == fill).all()


def test_viirs_datasets_that_are_not_given_hold_their_fill(written: dict[str, Path]) -> None:
    for name in ("VNP13A2.002", "VJ121A1D.002"):
        with h5py.File(written[name]) as file:
            fields = file[f"HDFEOS/GRIDS/{PRODUCTS[name].grid_name}/Data Fields"]
            for dataset in set(fields) - set(numbers(PRODUCTS[name])) - {"Projection"}:
                # Of two fills, that of land; QC, which tells none, says "not produced".
                fills = np.ravel(fields[dataset].attrs.get("_FillValue", 3))
                assert (fields[dataset][()] == fills[-1]).all()


def test_transposed_and_sliced_arrays_are_written_as_they_look(tmp_path: Path) -> None:
    array = np.arange(48 * 24, dtype=np.uint16).reshape(48, 24)[::2].T
    write_tiled_granule(tmp_path / "granule.hdf", SMALL, "h25v04", DAY, {"LST_Day_1km": array})
    np.testing.assert_array_equal(read_datasets(tmp_path / "granule.hdf", SMALL, ["LST_Day_1km"])["LST_Day_1km"], array)


@pytest.mark.parametrize("name", [SMAP.name, "SPL4SMAU.008"])
def test_smap_field_comes_back_with_fill_around_it(written: dict[str, Path], name: str) -> None:
    values, valid, window = read_target(written[name], PRODUCTS[name])
    assert window == M09.window
    assert values.shape == (1624, 3856)
    np.testing.assert_array_equal(np.where(valid, values, np.nan)[WINDOW.within(M09.window)], field())
    assert valid.sum() == np.isfinite(field()).sum()


@pytest.mark.parametrize(
    ("given_arrays", "message"),
    [
        ({"LST": np.zeros((24, 24), "u2")}, r"has no dataset \['LST'\]"),
        ({"LST_Day_1km": np.zeros((24, 23), "u2")}, r"must be uint16 of shape \(24, 24\)"),
        ({"LST_Day_1km": np.zeros((24, 24), "f4")}, "must be uint16 of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, given_arrays: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_tiled_granule(tmp_path / "granule.hdf", SMALL, "h25v04", DAY, given_arrays)
    assert list(tmp_path.iterdir()) == []


def test_a_field_beyond_the_globe_is_refused() -> None:
    with pytest.raises(ValueError, match="does not lie inside"):
        compress_target(Window(1600, 0, 104, 346), field())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match="cannot be written"):
        write_tiled_granule(tmp_path / "granule.hdf", SMALL, "h25v04", DAY, {})


# The same as real files


@pytest.mark.parametrize(("name", "pattern"), [("MOD11A1.061", "MOD11A1*h11v05*"), ("MOD13A2.061", "MOD13A2*h11v06*")])
def test_datasets_are_those_of_real_granules(written: dict[str, Path], real: Real, name: str, pattern: str) -> None:
    ours, theirs = SD(str(written[name])), SD(str(real(pattern)))
    assert ours.info()[0] == theirs.info()[0] == 12
    for number in range(12):
        mine, true = ours.select(number), theirs.select(number)
        assert mine.info()[:4] == true.info()[:4]  # without the number of attributes
        assert mine.dimensions(full=1) == true.dimensions(full=1)
        # Value, type and length of each attribute that tells readers such as GDAL or xarray what numbers mean.
        told, known = (
            {key: (value, *kind) for key, (value, _, *kind) in dataset.attributes(full=1).items() if key in MEANING}
            for dataset in (mine, true)
        )
        assert told == {key: value for key, value in known.items() if value[0] != "NA\0"}
        assert set(mine.attributes()) <= MEANING
        assert mine.getcompress()[0] == true.getcompress()[0]


def test_500_m_vegetation_differs_from_1_km_by_name_and_size_only(written: dict[str, Path]) -> None:
    fine, coarse = SD(str(written["MOD13A1.061"])), SD(str(written["MOD13A2.061"]))
    for number in range(12):
        name, rank, shape, *rest = fine.select(number).info()
        name_1km, rank_1km, _, *rest_1km = coarse.select(number).info()
        assert (name.replace("500m", "1 km"), rank, rest) == (name_1km, rank_1km, rest_1km)
        assert shape == [2400, 2400]
        assert list(fine.select(number).dimensions()) == [f"{axis}Dim:MODIS_Grid_16DAY_500m_VI" for axis in "YX"]


@pytest.mark.parametrize(
    ("pattern", "tile"),
    [("MOD11A1*", "h11v05"), ("MOD13A2.A2021225*", "h11v06"), ("MOD13A2.A2025113*", "h18v09")],
)
def test_structure_is_that_of_real_granules(tmp_path: Path, real: Real, pattern: str, tile: str) -> None:
    path = real(pattern)
    product = PRODUCTS[f"{path.name[:7]}.061"]
    write_tiled_granule(tmp_path / "granule.hdf", product, tile, DAY, {})
    ours, theirs = SD(str(tmp_path / "granule.hdf")).attributes(), SD(str(path)).attributes()
    assert ours["StructMetadata.0"] == theirs["StructMetadata.0"]
    assert ours["HDFEOSVersion"] == theirs["HDFEOSVersion"]
    assert set(ours) - set(theirs) == {"kilomoist"}
    assert ours["kilomoist"] == "simulated"


def inventory(core: str) -> dict[str, str]:
    """Lines of the objects of CoreMetadata.0 that have a value, without their class; of attributes by their name."""
    found: dict[str, str] = {}
    additional = ""
    for name, lines in re.findall(r"OBJECT +?= (\w+)\n((?:[ \t]+(?:NUM_VAL|CLASS|VALUE) .*\n)+)[ \t]+END_OBJECT", core):
        plain = "".join(line for line in lines.splitlines(keepends=True) if not line.lstrip().startswith("CLASS"))
        if name == "ADDITIONALATTRIBUTENAME":
            additional = plain.split('"')[1]
        found[additional if name == "PARAMETERVALUE" else name] = plain
    return found


@pytest.mark.parametrize(
    ("pattern", "tile", "time"),
    [
        ("MOD11A1*", "h11v05", datetime(2021, 8, 15)),
        ("MOD13A2.A2021225*", "h11v06", DAY),
        ("MOD13A2.A2025113*", "h18v09", datetime(2025, 4, 23)),
    ],
)
def test_granules_name_themselves_as_real_ones_do(
    tmp_path: Path, real: Real, pattern: str, tile: str, time: datetime
) -> None:
    path = real(pattern)
    product = PRODUCTS[f"{path.name[:7]}.061"]
    write_tiled_granule(tmp_path / "granule.hdf", product, tile, time, {})
    ours, theirs = (
        inventory(SD(str(file)).attributes()["CoreMetadata.0"]) for file in (tmp_path / "granule.hdf", path)
    )
    for granule in (ours, theirs):  # the time of production differs
        granule["LOCALGRANULEID"] = re.sub(r"\d{13}", "", granule["LOCALGRANULEID"])
    told = {"LOCALGRANULEID", "SHORTNAME", "VERSIONID", "RANGEBEGINNINGDATE"}
    told |= {"HORIZONTALTILENUMBER", "VERTICALTILENUMBER"}
    assert told <= set(ours)
    assert {name: ours[name] for name in told} == {name: theirs[name] for name in told}


def described(path: Path, product: Product) -> dict[str, dict[str, tuple]]:
    """Type and numbers of each attribute of the datasets of a grid of HDF-EOS5, those of a dataset itself as `""`."""
    with h5py.File(path) as file:
        grid = file[f"HDFEOS/GRIDS/{product.grid_name}"]
        found = {}
        for name, dataset in [*grid["Data Fields"].items(), *((axis, grid[axis]) for axis in ("XDim", "YDim"))]:
            found[name] = {"": (dataset.dtype.str, dataset.shape, dataset.compression)}
            for key in dataset.attrs:
                if key not in ("DIMENSION_LIST", "REFERENCE_LIST"):
                    value = np.asarray(dataset.attrs[key])
                    found[name][key] = (value.dtype.kind, value.shape, value.tolist())
        return found


def test_viirs_datasets_are_those_of_a_real_granule(tmp_path: Path, real: Real) -> None:
    product, path = PRODUCTS["VNP13A2.002"], real("VNP13A2*.h5")
    write_tiled_granule(tmp_path / "granule.h5", product, "h18v09", datetime(2025, 1, 9), {})
    ours, theirs = described(tmp_path / "granule.h5", product), described(path, product)
    assert ours.keys() == theirs.keys()
    left_out = {"Legend", "add_offset_err", "scale_factor_err", "calibrated_nt"}
    for name, attributes in theirs.items():
        assert ours[name] == {key: value for key, value in attributes.items() if key not in left_out}
    with h5py.File(tmp_path / "granule.h5") as mine, h5py.File(path) as true:
        for axis in ("XDim", "YDim"):
            coordinates = f"HDFEOS/GRIDS/{product.grid_name}/{axis}"
            np.testing.assert_allclose(mine[coordinates], true[coordinates], rtol=0, atol=0.001)
        assert list(mine) == list(true)
        assert list(mine["HDFEOS"]) == list(true["HDFEOS"])
        for name in ("ShortName", "VersionID", "Conventions"):
            assert mine.attrs[name] == true.attrs[name]
        own = re.compile(rb"(VNP13A2\.A2025009\.h18v09\.002)\.\d{13}\.h5")
        names = [own.fullmatch(file.attrs["LocalGranuleID"]) for file in (mine, true)]
        assert names[0]
        assert names[1]
        assert names[0][1] == names[1][1]


def test_viirs_structure_is_that_of_a_real_granule_and_what_gdal_asks_for(tmp_path: Path, real: Real) -> None:
    product, path = PRODUCTS["VNP13A2.002"], real("VNP13A2*.h5")
    write_tiled_granule(tmp_path / "granule.h5", product, "h18v09", datetime(2025, 1, 9), {})
    texts, cores = [], []
    for granule in (tmp_path / "granule.h5", path):
        with h5py.File(granule) as file:
            information = file["HDFEOS INFORMATION"]
            assert information["StructMetadata.0"].dtype == "S32000"
            texts.append(information["StructMetadata.0"][()].decode())
            cores.append(inventory(information["CoreMetadata.0"][()].decode()))
            assert information.attrs["HDFEOSVersion"] == b"HDFEOS_5.1.16"
    ours, theirs = texts
    ours = ours.replace("\t\tGridOrigin=HE5_HDFE_GD_UL\n", "").replace("DeflateLevel=1", "DeflateLevel=5")
    for extra in ("Dimension_[23]", "DataField_(1[89]|2[0-9]|3[0-3])"):
        ours = re.sub(rf"\t+OBJECT={extra}\n(.*\n)*?\t+END_OBJECT={extra}\n", "", ours)
    assert ours == theirs
    told, known = cores
    for name in ("RANGEBEGINNINGDATE", "SHORTNAME", "HORIZONTALTILENUMBER"):
        assert told[name].split() == known[name].split()


def groups(path: Path) -> dict[str, tuple[str, list[tuple[int, str]]]]:
    """Class and members (kind, name of dataset or group) of the HDF-EOS2 groups and the root."""
    granule, file = SD(str(path)), HDF(str(path))
    api = file.vgstart()
    names = {granule.select(number).ref(): granule.select(number).info()[0] for number in range(12)}
    found = {}
    reference = -1
    while True:
        try:
            reference = api.getid(reference)
        except Exception:
            break
        group = api.attach(reference)
        if group._class in ("GRID", "GRID Vgroup", "CDF0.0"):
            members = group.tagrefs() if group._class != "CDF0.0" else []
            kinds = [(tag, names[ref] if tag == 720 else api.attach(ref)._name) for tag, ref in members]
            found[group._name] = (group._class, kinds)
        group.detach()
    api.end()
    file.close()
    return found


@pytest.mark.parametrize(("name", "pattern"), [("MOD11A1.061", "MOD11A1*"), ("MOD13A2.061", "MOD13A2.A2021*")])
def test_compression_is_that_of_real_granules(written: dict[str, Path], real: Real, name: str, pattern: str) -> None:
    """By the numbers of compressed streams: one a dataset, or one a row."""
    found, expected = (
        sum(np.count_nonzero(entries["tag"] == 40) for _, entries in descriptors(path.read_bytes()))
        for path in (written[name], real(pattern))
    )
    assert found == expected == 12 * (1 if name == "MOD11A1.061" else 1200)


def test_groups_are_those_of_hdf_eos(written: dict[str, Path], real: Real) -> None:
    ours, theirs = groups(written[LST.name]), groups(real("MOD11A1*"))
    root = next(name for name, (kind, _) in theirs.items() if kind == "CDF0.0")
    del theirs[root]
    assert ours.pop(written[LST.name].name) == ("CDF0.0", [])
    assert ours == theirs


def test_smap_attributes_are_those_of_real_granules(tmp_path: Path, real: Real) -> None:
    product = PRODUCTS["SPL4SMAU.004"]
    with h5py.File(real("SMAP_L4_SM_aup*")) as theirs:
        time = datetime(2020, 1, 28, 15)
        write_target_granule(tmp_path / "granule.h5", product, time, compress_target(WINDOW, field()))
        with h5py.File(tmp_path / "granule.h5") as ours:
            # References differ, and our granules have the name of the grid mapping of later versions.
            other = {"DIMENSION_LIST", "REFERENCE_LIST", "grid_mapping"}
            meaning = {"units", "_FillValue", "valid_min", "valid_max"}
            for name in ("time", "x", "y", "Analysis_Data/sm_surface_analysis"):
                assert ours[name].dtype == theirs[name].dtype
                assert meaning & set(theirs[name].attrs) <= set(ours[name].attrs)
                for key in set(ours[name].attrs) - other:
                    mine, true = ours[name].attrs[key], theirs[name].attrs[key]
                    assert type(mine) is type(true)
                    if key != "long_name":
                        np.testing.assert_array_equal(mine, true)
            assert ours["time"][0] == theirs["time"][0]
            told, known = (file["Metadata/DatasetIdentification"].attrs for file in (ours, theirs))
            assert {name: value.replace(b"Vv4010", b"Vv4030") for name, value in told.items()} == {
                name: known[name] for name in ("fileName", "shortName", "ECSVersionID")
            }


# What the format says


def test_smap_layout(written: dict[str, Path]) -> None:
    with h5py.File(written[SMAP.name]) as file:
        stored = file["Geophysical_Data/sm_surface"]
        assert stored.chunks == stored.shape == (1624, 3856)
        assert (stored.compression, stored.dtype, stored.fillvalue) == ("gzip", np.dtype("<f4"), -9999)
        assert [list(dimension.keys()) for dimension in stored.dims] == [["y"], ["x"]]
        assert stored.attrs["units"] == b"m3 m-3"
        assert stored.attrs["valid_max"] == np.float32(0.9)
        # The units are 64.184 s off what the numbers count from.
        assert datetime(2000, 1, 1, 12) + timedelta(seconds=file["time"][0]) == NOON
        assert file["time"].attrs["units"] == b"seconds since 2000-01-01 11:58:55.816"
        assert file.attrs["kilomoist"] == b"simulated"
        assert (np.diff(file["y"]) < 0).all()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_rasterio_opens_smap_granules(written: dict[str, Path]) -> None:
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(f"HDF5:{written[SMAP.name]}://Geophysical_Data/sm_surface") as dataset:
        np.testing.assert_array_equal(
            dataset.read(1)[WINDOW.within(M09.window)], np.where(np.isnan(field()), np.float32(-9999), field())
        )


# The same bytes

WRITE = """
import sys; from datetime import datetime; import numpy as np
from dataclasses import replace; from kilomoist.grids import Window; from kilomoist.products import PRODUCTS
from kilomoist.simulation.smap import compress_target, write_target_granule
from kilomoist.simulation.tiles import write_tiled_granule
tiled = replace(PRODUCTS["MOD11A1.061"], pixels=24)
write_tiled_granule(sys.argv[1], tiled, "h25v04", datetime(2021, 8, 13), {"QC_Day": np.eye(24, dtype="u1")})
tiled = replace(PRODUCTS["VNP13A1.002"], pixels=24)
array = {"500 m 16 days pixel reliability": np.eye(24, dtype="i1")}
write_tiled_granule(sys.argv[3], tiled, "h25v04", datetime(2021, 8, 13), array)
field = compress_target(Window(169, 2867, 3, 3), np.eye(3, dtype="f4"))
write_target_granule(sys.argv[2], PRODUCTS["SPL4SMGP.008"], datetime(2021, 8, 13, 1, 30), field)
"""


def test_bytes_depend_on_neither_process_nor_path_nor_clock(tmp_path: Path) -> None:
    digests = []
    for folder in (tmp_path / "a", tmp_path / "a much longer path" / "deeper"):
        paths = folder / "granule.hdf", folder / ("granule" * 5 + ".h5"), folder / "viirs.h5"
        subprocess.run([sys.executable, "-c", WRITE, *paths], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)})
        for path in paths:
            assert str(tmp_path).encode() not in path.read_bytes()
            assert b"partial" not in path.read_bytes()
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert digests[0] == digests[1]


# GDAL


@pytest.mark.parametrize("name", VIIRS)
def test_gdal_sees_a_grid_of_viirs(tmp_path: Path, name: str) -> None:
    """By its HDF5 driver, every dataset: where it lies, its numbers, and what they are multiplied by."""
    rasterio = pytest.importorskip("rasterio")
    product, path = replace(PRODUCTS[name], pixels=60), tmp_path / "granule.h5"
    expected, stored = tile_grid("h11v05", product.pixels), numbers(product)
    write_tiled_granule(path, product, "h11v05", DAY, stored)
    with warnings.catch_warnings(action="ignore"), rasterio.open(path) as file:  # the file is no grid
        subdatasets = file.subdatasets
    assert len(subdatasets) == (16 if product.role == "vegetation" else 7)
    for subdataset in subdatasets:
        with rasterio.open(subdataset) as dataset:
            crs = CRS(dataset.crs.to_wkt())
            assert (crs.coordinate_operation.method_name, crs.ellipsoid.semi_major_metre) == ("Sinusoidal", 6371007.181)
            assert crs.ellipsoid.inverse_flattening == 0
            np.testing.assert_allclose(dataset.transform, [*expected.transform(), 0, 0, 1], rtol=0, atol=0.01)
            for layer in product.layers.values():
                if subdataset.endswith(f"/{layer.dataset.replace(' ', '_')}"):
                    np.testing.assert_array_equal(dataset.read(1), stored.pop(layer.dataset))
                    assert dataset.scales == (layer.scale,)
    assert not stored


def gdal(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def gdal_with_hdf4() -> None:
    if not shutil.which("gdalinfo"):
        pytest.skip("GDAL's programs are not installed")
    if "HDF4" not in gdal("gdalinfo", "--formats"):
        pytest.skip("GDAL is built without HDF4")


@pytest.mark.usefixtures("gdal_with_hdf4")
@pytest.mark.parametrize("name", ["MOD11A1.061", "MOD13A1.061", "MOD13A2.061"])
def test_gdal_sees_a_grid(written: dict[str, Path], tmp_path: Path, name: str) -> None:
    product, path = PRODUCTS[name], written[name]
    listed = json.loads(gdal("gdalinfo", "-json", str(path)))["metadata"]
    subdatasets = [value for key, value in listed["SUBDATASETS"].items() if key.endswith("_NAME")]
    expected = {f'HDF4_EOS:EOS_GRID:"{path}":{product.grid_name}:{dataset}' for dataset in SD(str(path)).datasets()}
    # GDAL quotes names with blanks.
    assert {
        name.replace(f'{product.grid_name}:"', f"{product.grid_name}:").rstrip('"') for name in subdatasets
    } == expected
    dataset, array = next(iter(numbers(product).items()))
    (subdataset,) = (name for name in subdatasets if name.rstrip('"').endswith(dataset))
    found = json.loads(gdal("gdalinfo", "-json", subdataset))
    crs = CRS(found["coordinateSystem"]["wkt"])
    assert (crs.coordinate_operation.method_name, crs.ellipsoid.semi_major_metre) == ("Sinusoidal", 6371007.181)
    assert crs.ellipsoid.inverse_flattening == 0
    a, b, c, d, e, f = tile_grid("h11v05", product.pixels).transform()
    np.testing.assert_allclose(found["geoTransform"], [c, a, b, f, d, e], rtol=0, atol=0.01)
    gdal("gdal_translate", "-q", "-of", "ENVI", subdataset, str(tmp_path / "values"))
    values = np.fromfile(tmp_path / "values", array.dtype).reshape(array.shape)
    np.testing.assert_array_equal(values, array)


def test_a_granule_without_room_never_appears(tmp_path: Path) -> None:
    path = tmp_path / "granule"
    numbers = np.random.default_rng(1).integers(7500, 65535, (24, 24)).astype("uint16")
    soil_moisture = compress_target(WINDOW, np.random.default_rng(1).random(WINDOW.shape).astype(np.float32))

    def write(product: Product) -> None:
        if product.tiled:
            write_tiled_granule(path, product, "h24v04", DAY, {product.layers["lst_night"].dataset: numbers})
        else:
            write_target_granule(path, product, NOON, soil_moisture)

    for product in (SMALL, VIIRS_SMALL, SMAP):
        write(product)
        size = path.stat().st_size
        path.unlink()
        for room in (size // 2, size - 1):  # with less the HDF4 library ends the process
            with little_room(room), pytest.raises(InputError, match=r"granule cannot be written \(.*make room"):
                write(product)
            assert list(tmp_path.iterdir()) == []
