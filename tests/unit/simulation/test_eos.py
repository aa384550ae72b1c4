"""Writers of granules: read back, compared with real files, opened with GDAL, written twice."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
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
from kilomoist.granules.modis import read_datasets
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09, Window, tile_grid
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS, parse_name
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.modis import write_tiled_granule
from kilomoist.simulation.smap import compress_target, write_target_granule

Real = Callable[[str], Path]
DAY = datetime(2021, 8, 13)
NOON = datetime(2021, 8, 13, 13, 30)
LST = PRODUCTS["MOD11A1.061"]
SMALL = replace(LST, pixels=24)
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
    for name in ("MOD11A1.061", "MYD11A1.061", "MOD13A2.061", "MOD13A1.061"):
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
    expected = datetime(time.year, time.month, time.day) if product.tiled else time
    assert (granule.product, granule.time, granule.tile) == (product.name, expected, tile)


def test_names_look_like_real_ones() -> None:
    assert granule_file_name(LST, DAY, "h25v04") == "MOD11A1.A2021225.h25v04.061.2021245000000.hdf"
    assert granule_file_name(SMAP, NOON, None) == "SMAP_L4_SM_gph_20210813T133000_Vv8010_001.h5"
    assert granule_file_name(PRODUCTS["SPL4SMAU.004"], DAY, None) == "SMAP_L4_SM_aup_20210813T000000_Vv4010_001.h5"


# Round trips


def test_written_granules_are_found_and_read(written: dict[str, Path]) -> None:
    found = search_archive(written[LST.name].parent, PRODUCTS.values())
    assert sorted(found.values()) == sorted(written.values())
    for name, path in written.items():
        if PRODUCTS[name].tiled:
            for dataset, array in read_datasets(path, PRODUCTS[name], numbers(PRODUCTS[name])).items():
                np.testing.assert_array_equal(array, numbers(PRODUCTS[name])[dataset])


@given(array=arrays("<u2", (24, 24)))
@settings(max_examples=15, deadline=None)
def test_any_numbers_come_back(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("Ürümqi 乌鲁木齐") / "granule.hdf"
    write_tiled_granule(path, SMALL, "h00v08", DAY, {"LST_Night_1km": array})
    np.testing.assert_array_equal(read_datasets(path, SMALL, ["LST_Night_1km"])["LST_Night_1km"], array)


def test_datasets_that_are_not_given_hold_their_fill(written: dict[str, Path]) -> None:
    for name in ("MOD11A1.061", "MOD13A2.061"):
        granule = SD(str(written[name]))
        for dataset in set(granule.datasets()) - set(numbers(PRODUCTS[name])):
            stored = granule.select(dataset)
            fill = 3 if dataset.startswith("QC_") else stored.attributes()["_FillValue"]
            assert (stored.get() == fill).all()


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
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
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
    for name, lines in re.findall(r"OBJECT +?= (\w+)\n((?: +(?:NUM_VAL|CLASS|VALUE) .*\n)+) +END_OBJECT", core):
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
from kilomoist.simulation.modis import write_tiled_granule
from kilomoist.simulation.smap import compress_target, write_target_granule
tiled = replace(PRODUCTS["MOD11A1.061"], pixels=24)
write_tiled_granule(sys.argv[1], tiled, "h25v04", datetime(2021, 8, 13), {"QC_Day": np.eye(24, dtype="u1")})
field = compress_target(Window(169, 2867, 3, 3), np.eye(3, dtype="f4"))
write_target_granule(sys.argv[2], PRODUCTS["SPL4SMGP.008"], datetime(2021, 8, 13, 1, 30), field)
"""


def test_bytes_depend_on_neither_process_nor_path_nor_clock(tmp_path: Path) -> None:
    digests = []
    for folder in (tmp_path / "a", tmp_path / "a much longer path" / "deeper"):
        paths = folder / "granule.hdf", folder / ("granule" * 5 + ".h5")
        subprocess.run([sys.executable, "-c", WRITE, *paths], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)})
        for path in paths:
            assert str(tmp_path).encode() not in path.read_bytes()
            assert b"partial" not in path.read_bytes()
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert digests[0] == digests[1]


# GDAL


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
            write_tiled_granule(path, product, "h24v04", DAY, {"LST_Day_1km": numbers})
        else:
            write_target_granule(path, product, NOON, soil_moisture)

    for product in (SMALL, SMAP):
        write(product)
        size = path.stat().st_size
        path.unlink()
        for room in (size // 2, size - 1):  # with less the HDF4 library ends the process
            with little_room(room), pytest.raises(InputError, match=r"granule cannot be written \(.*make room"):
                write(product)
            assert list(tmp_path.iterdir()) == []
