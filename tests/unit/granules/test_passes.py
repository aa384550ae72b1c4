"""Granules of SPL3SMP_E, two passes with gaps, written with h5py as NASA's are known to be; no real one is here."""

import re
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from granule_archives import PASSES, passes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses

from kilomoist.errors import InputError
from kilomoist.granules.lookalikes import find_lookalikes
from kilomoist.granules.simulated import is_simulated
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09, Window

NAME = "SMAP_L3_SM_P_E_20210801_R19240_001.h5"
AM, PM = "Soil_Moisture_Retrieval_Data_AM", "Soil_Moisture_Retrieval_Data_PM"
WINDOW = Window(300, 3000, 1, 17)
WORDS = np.array([[*range(16), 65534]])


def by_hand(path: Path) -> Path:
    """A whole granule as h5py writes it, in chunks and without x and y."""
    with h5py.File(path, "w") as file:
        for group, suffix, moisture in ((AM, "", 0.23), (PM, "_pm", 0.27)):
            stored = {"shape": M09.window.shape, "chunks": (200, 300), "compression": 1}
            values = file.create_dataset(f"{group}/soil_moisture{suffix}", dtype="<f4", fillvalue=-9999, **stored)
            flags = file.create_dataset(f"{group}/retrieval_qual_flag{suffix}", dtype="<u2", fillvalue=65534, **stored)
            values.attrs["_FillValue"], values.attrs["units"] = np.float32(-9999), "cm**3/cm**3"
            values[300, 3000:3017], flags[300, 3000:3017] = moisture, WORDS[0]
        named = file.create_group("Metadata/DatasetIdentification").attrs
        named["fileName"], named["shortName"], named["ECSVersionID"] = NAME, "SPL3SMP_E", "006"
    return path


def test_only_recommended_retrievals_count(tmp_path: Path) -> None:
    """Words 0 and 8 of all; rows are counted from the north."""
    path = by_hand(tmp_path / NAME)
    for field, moisture in (("soil_moisture", 0.23), ("soil_moisture_pm", 0.27)):
        values, valid, window = read_target(path, PASSES, field=field)
        assert window == M09.window
        assert np.argwhere(valid).tolist() == [[300, 3000], [300, 3008]]
        np.testing.assert_array_equal(values[valid], np.float32(moisture))


def test_simulated_granules_have_the_same_form(tmp_path: Path) -> None:
    made = passes(tmp_path / "made", 1, WINDOW, (0.23, WORDS), (0.27, WORDS))
    hand = by_hand(tmp_path / NAME)
    assert made.name == NAME
    assert (is_simulated(made), is_simulated(hand)) == (True, False)
    with h5py.File(made) as one, h5py.File(hand) as other:
        for group in (AM, PM):
            assert set(one[group]) == set(other[group])
            for name in one[group]:
                assert (one[group][name].dtype, one[group][name].shape) == (other[group][name].dtype, M09.window.shape)
                np.testing.assert_array_equal(one[group][name][...], other[group][name][...])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("name", "fill"), [(f"{AM}/soil_moisture", -9999), (f"{PM}/retrieval_qual_flag_pm", 65534)])
def test_gdal_opens_them(tmp_path: Path, name: str, fill: int) -> None:
    made = passes(tmp_path, 1, WINDOW, (0.23, WORDS), (0.27, WORDS))
    with rasterio.open(f'HDF5:"{made}"://{name}') as dataset:
        assert (dataset.shape, dataset.nodata) == (M09.window.shape, fill)
        assert (dataset.read(1) != fill).sum() == {-9999: 17, 65534: 16}[fill]


@pytest.mark.parametrize(
    ("place", "change", "said"),
    [
        (f"{AM}/soil_moisture", None, f"has no dataset '{AM}/soil_moisture' .*it has retrieval_qual_flag"),
        (f"{PM}/retrieval_qual_flag_pm", None, f"has no dataset '{PM}/retrieval_qual_flag_pm'"),
        (f"{PM}/retrieval_qual_flag_pm", np.zeros((3, 4), np.uint16), "differ in shape"),
        (f"{AM}/retrieval_qual_flag", np.zeros(M09.window.shape, np.float32), "not a grid of unsigned integers of 16"),
        (f"{AM}/soil_moisture", np.zeros(M09.window.shape, np.int16), "not a grid of floating-point numbers"),
        (f"{AM}/soil_moisture", np.zeros((3, 4), np.float32), "3 × 4 cells but no x and y"),
    ],
)
def test_what_is_no_such_granule_is_told(tmp_path: Path, place: str, change: np.ndarray | None, said: str) -> None:
    path = by_hand(tmp_path / NAME)
    with h5py.File(path, "r+") as file:
        del file[place]
        if change is not None:
            file[place] = change
    with pytest.raises(InputError, match=said) as caught:
        read_target(path, PASSES, field="soil_moisture" if AM in place else "soil_moisture_pm")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("place", "title", "value"),
    [
        ("Metadata/DatasetIdentification", "fileName", NAME.replace("0801", "0802")),
        ("Metadata/DatasetIdentification", "shortName", "SPL3SMP"),
        ("Metadata/DatasetIdentification", "ECSVersionID", "005"),
        (f"{AM}/soil_moisture", "_FillValue", np.float32(-999)),
        (f"{AM}/soil_moisture", "scale_factor", 0.01),
    ],
)
def test_what_a_granule_says_is_compared(tmp_path: Path, place: str, title: str, value: object) -> None:
    path = by_hand(tmp_path / NAME)
    with h5py.File(path, "r+") as file:
        file[place].attrs[title] = value
    with pytest.raises(InputError, match=f"{title} .*, where .* is expected"):
        read_target(path, PASSES)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("SMAP_L3_SM_P_20210801_R19240_001.h5", "is of SMAP_L3_SM_P, another product"),
        ("SMAP_L3_FT_P_E_20210801_R19240_001.h5", "is of SMAP_L3_FT_P_E, another product"),
        ("SMAP_L3_SM_P_E_20210801_R18290_001.h5", "is of version R18290, and version 006 is wanted"),
        ("SMAP_L3_SM_P_E_20210801_R19240_001_HEGOUT.nc", "ends in _HEGOUT.nc"),
        ("SMAP_L3_SM_P_E_20210801_R19240_001.h5.part", "is not wholly downloaded"),
    ],
)
def test_why_a_file_is_no_granule_is_told(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / name).touch()
    (found,) = find_lookalikes(tmp_path, PASSES)
    assert re.sub("^are ", "is ", found.reason).replace("end in", "ends in") == reason
    assert (found.time, found.tile) == (datetime(2021, 8, 1), None)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A cut of a few cells, and its bytes."""
    path = tmp_path_factory.mktemp("small") / NAME
    window = Window(300, 3000, 3, 4)
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = M09.x_centres(window), M09.y_centres(window)
        for group, suffix in ((AM, ""), (PM, "_pm")):
            file[f"{group}/soil_moisture{suffix}"] = np.full(window.shape, 0.2, np.float32)
            file[f"{group}/retrieval_qual_flag{suffix}"] = np.zeros(window.shape, np.uint16)
    return path, path.read_bytes()


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_gives_a_sentence(small: tuple[Path, bytes], data: st.DataObject) -> None:
    path, content = small
    path.write_bytes(data.draw(mutated(content)))
    for field in PASSES.layers:
        reads_or_refuses(lambda field=field: read_target(path, PASSES, field=field))
