"""Published products that maps are compared with: their files, what they give, and real files of them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from rasterio.transform import from_origin
from witnesses import SHARED, with_witnesses

from kilomoist.compared_products import COMPARED_PRODUCTS
from kilomoist.configuration.keys import Configuration
from kilomoist.configuration.schema import load
from kilomoist.errors import InputError
from kilomoist.grids import M01, geographic_from_ease
from kilomoist.planning import needs, requirements
from kilomoist.reporting.matching import ComparedMap, check_raster, match_points

COPERNICUS = SHARED / "nature/cgls"
NAMES = {
    "NSIDC-0779": "NSIDC-0779_EASE2_G1km_SMAP_SM_DS_20220117.tif",
    "SPL2SMAP_S": "SMAP_L2_SM_SP_1BIWDV_20210301T053807_20210302T172013_009E36N_R17000_001.h5",
    "SSM1km": "c_gls_SSM1km_202305090000_CEURO_S1CSAR_V1.2.1.nc",
    "SWI1km": "c_gls_SWI1km_202104071200_CEURO_SCATSAR_V1.0.1.nc",
}
"""A file of each, as published programs name it."""
MONTHS = {"NSIDC-0779": "2022-01", "SPL2SMAP_S": "2021-03", "SSM1km": "2023-05", "SWI1km": "2021-04"}


def configured(months: tuple[str, ...] = ("2021-08",), **entry: Any) -> Configuration:
    return load({"months": [*months], "compare": [{"name": "other", **entry}]})


def compared(configuration: Configuration, month: str = "2021-08") -> dict[str, Any]:
    (found,) = needs.compared(configuration, month)
    return found


def raster(path: Path, values: list[float], dtype: str = "float32", nodata: float | None = None) -> Path:
    """Bands of one value each, 1° wide from 99° E and 48° N."""
    path.parent.mkdir(exist_ok=True, parents=True)
    profile = {"count": len(values), "height": 1, "width": 1, "dtype": dtype, "nodata": nodata}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:4326", transform=from_origin(99, 48, 1, 1), **profile
    ) as file:
        file.write(np.array(values, dtype)[:, None, None])
    return path


@pytest.mark.parametrize("product", COMPARED_PRODUCTS)
def test_files_of_a_month_are_found_at_any_depth(tmp_path: Path, product: str) -> None:
    month = MONTHS[product]
    file = tmp_path / "a/b" / NAMES[product]
    other = tmp_path / NAMES[product].replace(month.replace("-", ""), "201912")
    for path in (file, other, tmp_path / f"{file.name}.xml"):
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
    found = compared(configured((month,), path=str(tmp_path), product=product), month)
    assert found["files"] == [str(file)]


def test_a_scene_is_of_the_month_of_its_first_time(tmp_path: Path) -> None:
    """Of one that begins on 31 August by Sentinel-1, and ends with SMAP's pass on 1 September."""
    (tmp_path / NAMES["SPL2SMAP_S"].replace("20210301", "20210831").replace("20210302", "20210901")).touch()
    assert len(compared(configured(path=str(tmp_path), product="SPL2SMAP_S"))["files"]) == 1
    with pytest.raises(InputError, match="it holds no file of 2021-09 named SMAP_L2_SM_SP_"):
        configured(("2021-09",), path=str(tmp_path), product="SPL2SMAP_S")


def test_keys_of_the_user_take_the_place_of_the_product_s(tmp_path: Path) -> None:
    path = raster(tmp_path / "map.tif", [1.0])
    entry = {"path": str(path), "product": "SWI1km"}
    taken = {"variable": "SWI_005", "band": None, "scale": 0.5, "offset": 0.0, "relative": True}
    assert compared(configured(**entry)).items() >= taken.items()
    own = {"variable": None, "scale": 1.0}
    assert compared(configured(**entry, **own)).items() >= (taken | own).items()
    named = compared(configured(**entry | {"path": f'NETCDF:"{path}":SWI_040'}))
    assert (named["variable"], named["path"]) == ("SWI_040", str(path))
    assert not compared(configured(path=str(path)))["relative"]


def test_what_a_user_may_mistake_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`compare\[0\].product` .*NSIDC-0779, SPL2SMAP_S, SSM1km or SWI1km"):
        configured(path=str(tmp_path), product="SSM")
    with pytest.raises(
        InputError, match=r"it holds no file of 2021-08 named c_gls_SSM1km_202108\?{6}_CEURO_S1CSAR_V\*"
    ):
        configured(path=str(tmp_path), product="SSM1km")
    with pytest.raises(InputError, match=r"\(other\) is .*, a folder: give a file, or the `product` whose files"):
        configured(path=str(tmp_path))


def test_the_mean_of_a_month_s_files_counts(tmp_path: Path) -> None:
    """A day without a value, and a band of 6 p.m. that is not read."""
    for day, value in ((1, 0.1), (2, -9999.0), (3, 0.4)):
        name = f"NSIDC-0779_EASE2_G1km_SMAP_SM_DS_202108{day:02d}.tif"
        raster(tmp_path / "days" / name, [value, 0.9], nodata=-9999.0)
    configuration = configured(path=str(tmp_path / "days"), product="NSIDC-0779")
    assert requirements.raster_warnings(configuration) == []
    own = ComparedMap(raster(tmp_path / "own.tif", [0.2]))
    points = pd.DataFrame({"id": ["a"], "longitude": [99.5], "latitude": [47.5], "soil_moisture": 0.3})
    maps = {"fine": own, "other": ComparedMap(**compared(configuration))}
    table, _ = match_points(points.assign(measurements=1), maps, "points.csv")
    np.testing.assert_allclose(table["other"], 0.25)


@pytest.mark.parametrize(("value", "told"), [(101.0, "0 to 100; correct `scale` and"), (-1.0, "percent of saturation")])
def test_percent_of_saturation_are_between_0_and_100(tmp_path: Path, value: float, told: str) -> None:
    path = raster(tmp_path / "own.tif", [0.2])
    other = ComparedMap(raster(tmp_path / "swi.tif", [value]), name="SWI", relative=True)
    points = pd.DataFrame({"id": ["a"], "longitude": [99.5], "latitude": [47.5], "soil_moisture": 0.3})
    with pytest.raises(InputError, match=told):
        match_points(points.assign(measurements=1), {"fine": ComparedMap(path), "SWI": other}, "points.csv")


ROW, COLUMN = 1900, 26900
"""Upper left pixel of a scene in the global 1 km grid, near 99° E and 48° N."""
SCENE = "Soil_Moisture_Retrieval_Data_1km"


def scene(path: Path, values: np.ndarray, shift: float = 0.0, gap: bool = False) -> Path:
    """A granule of SPL2SMAP_S with simulated values, as SC_SPL2SMAP_S.dmr (`COMPARED_PRODUCTS`) tells of a real one."""
    row, column = (part + corner for part, corner in zip(np.indices(values.shape), (ROW, COLUMN), strict=True))
    x, y = M01.left + (column + 0.5) * M01.side, M01.top - (row + 0.5) * M01.side
    longitude, latitude = geographic_from_ease(x, y)
    latitude[-1] += shift
    if gap:
        latitude[0], longitude[0] = -9999, -9999
    path.parent.mkdir(exist_ok=True, parents=True)
    with h5py.File(path, "w") as file:
        for name, data in (("latitude_1km", latitude), ("longitude_1km", longitude), ("soil_moisture_1km", values)):
            dataset = file.create_dataset(f"{SCENE}/{name}", data=data.astype("f4"))
            if name == "soil_moisture_1km":
                dataset.attrs["_FillValue"], dataset.attrs["units"] = np.float32(-9999), np.bytes_("cm**3/cm**3")
    return path


def at_pixels(row: np.ndarray, column: np.ndarray) -> pd.DataFrame:
    """Points off the middle of pixels, counted from the scene's upper left."""
    x, y = M01.left + (COLUMN + column + 0.1) * M01.side, M01.top - (ROW + row + 0.8) * M01.side
    longitude, latitude = geographic_from_ease(x, y)
    return pd.DataFrame({"longitude": longitude, "latitude": latitude})


@pytest.mark.parametrize("gap", [False, True])
def test_scenes_lie_where_their_pixels_latitudes_and_longitudes_say(tmp_path: Path, gap: bool) -> None:
    """Two scenes of a month, of which the second has a fill; every pixel and one beyond each side."""
    values = np.random.default_rng(1).uniform(0.1, 0.4, (7, 5)).astype(np.float32)
    later = np.where(np.arange(5) == 2, -9999, values + 0.1)
    scene(tmp_path / NAMES["SPL2SMAP_S"], values, gap=gap)
    scene(tmp_path / "later" / NAMES["SPL2SMAP_S"].replace("20210301", "20210331"), later, gap=gap)
    configuration = configured(("2021-03",), path=str(tmp_path), product="SPL2SMAP_S")
    assert requirements.raster_warnings(configuration) == []
    row, column = (part.ravel() - 1 for part in np.indices((9, 7)))
    expected = np.pad(np.where(later < 0, values, values + 0.05), 1, constant_values=np.nan)
    found = ComparedMap(**compared(configuration, "2021-03")).read(at_pixels(row, column))
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-6)


def test_a_scene_off_the_grid_is_refused(tmp_path: Path) -> None:
    path = scene(tmp_path / "scene.h5", np.full((7, 5), 0.2), shift=0.02)
    with pytest.raises(InputError, match="latitude_1km and longitude_1km that are no rectangle of EASE-Grid"):
        check_raster(path, None, f"{SCENE}/soil_moisture_1km")


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_scenes_are_read_or_refused(tmp_path: Path, data: Any) -> None:
    path, whole = tmp_path / "a.h5", tmp_path / "whole.h5"
    if not whole.exists():
        scene(whole, np.full((7, 5), 0.2))
    path.write_bytes(data.draw(mutated(whole.read_bytes())))
    points = at_pixels(np.array([1, 6]), np.array([1, 4]))
    reads_or_refuses(lambda: ComparedMap(path, None, variable=f"{SCENE}/soil_moisture_1km").read(points))


@with_witnesses
@pytest.mark.parametrize(("product", "variable"), [("SSM1km", "ssm"), ("SWI1km", "SWI_005")])
def test_real_files_of_copernicus(product: str, variable: str) -> None:
    """Read by their own metadata with h5py: number · scale_factor within valid_range, at the centres that they give."""
    configuration = configured(("2017-06",), path=str(COPERNICUS), product=product)
    assert requirements.raster_warnings(configuration) == []
    found = compared(configuration, "2017-06")
    (path,) = found["files"]
    with h5py.File(path) as file:
        stored, (low, high) = file[variable][0], file[variable].attrs["valid_range"]
        assert file[variable].attrs["units"] == b"%"
        expected = np.where((stored >= low) & (stored <= high), stored * file[variable].attrs["scale_factor"], np.nan)
        latitude, longitude = file["lat"][:], file["lon"][:]
    assert np.nanmax(expected) <= 100
    rows, columns = np.random.default_rng(1).integers(0, 448, (2, 400))
    flagged = np.argwhere((stored > high) & (stored < 255))[::500]
    rows, columns = np.concatenate([[rows, columns], flagged.T], axis=1)
    assert len(flagged) > 3
    points = pd.DataFrame({"longitude": longitude[columns], "latitude": latitude[rows]})
    np.testing.assert_array_equal(ComparedMap(**found).read(points), expected[rows, columns])
