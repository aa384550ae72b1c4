"""Rasters in another CRS: GDAL reads them where they are, with the values that lie there."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.warp import reproject
from rio_cogeo.cogeo import cog_validate
from small_runs import ACROSS, CELLS, Window, flags, moisture, write_run

from kilomoist.errors import InputError
from kilomoist.exporting.warping import check_target, warp_raster

UTM = "EPSG:32647"


def warped(folder: Path, name: str, crs: str, resolution: float | None, cells: Window = CELLS) -> Path:
    write_run(folder, cells=cells)
    warp_raster(folder / f"{name}.tif", folder / f"warped_{name}.tif", crs, resolution)
    return folder / f"warped_{name}.tif"


@pytest.mark.parametrize(
    ("crs", "resolution", "how"),
    [
        (UTM, 2000, "average"),
        (UTM, 1000, "bilinear"),
        (UTM, None, "bilinear"),
        (UTM, 250, "bilinear"),
        ("EPSG:4326", 0.05, "average"),
    ],
)
def test_a_map_keeps_its_values_and_places(tmp_path: Path, crs: str, resolution: float | None, how: str) -> None:
    """The map is nearly a plane from north to south, so that what is at a place is known."""
    path = warped(tmp_path, "soil_moisture", crs, resolution)
    assert cog_validate(path, strict=True)[:2] == (True, [])
    with rasterio.open(path) as file, rasterio.open(tmp_path / "soil_moisture.tif") as original:
        assert file.crs == rasterio.CRS.from_string(crs)
        if resolution:
            assert file.res == pytest.approx((resolution, resolution))
            np.testing.assert_allclose(np.array(file.bounds) / resolution % 1 % 1, 0, atol=1e-6)
        assert (file.descriptions, file.units) == (("soil_moisture",), ("m3 m-3",))
        assert np.isnan(file.nodata)
        assert file.tags()["region"] == "plain"
        assert file.tags()["warped"].endswith(f"by {how}")
        values = file.read(1)
        x, y = file.xy(file.height // 2, file.width // 2)
        place = Transformer.from_crs(crs, original.crs, always_xy=True).transform(x, y)
        (expected,) = original.sample([place])
        size = max((resolution or 1000) * (1 if crs == UTM else 1e5) / 1000, 1)
    assert values[values.shape[0] // 2, values.shape[1] // 2] == pytest.approx(expected[0], abs=0.0037 * size)
    assert np.nanmean(values) == pytest.approx(np.nanmean(moisture()), abs=0.002)


def test_all_bands_are_warped(tmp_path: Path) -> None:
    with rasterio.open(warped(tmp_path, "interval", UTM, 1000)) as file:
        assert file.descriptions == ("lower", "upper", "conditional_lower", "conditional_upper")
        lower, upper = file.read([1, 2])
    np.testing.assert_allclose((upper - lower)[np.isfinite(lower)], 0.08, atol=1e-5)


def test_flags_are_those_of_the_nearest_pixel(tmp_path: Path) -> None:
    """None is mixed from others, and outside of the map there is no value."""
    with rasterio.open(warped(tmp_path, "quality", UTM, 500)) as file:
        values, colours = file.read(1), file.colormap(1)
    assert set(np.unique(values)) == set(np.unique(flags()))
    assert values[0, 0] == values[-1, -1] == 128
    assert colours[128] != colours[0]


def test_a_map_across_180_degrees_is_whole(tmp_path: Path) -> None:
    with rasterio.open(warped(tmp_path, "soil_moisture", "EPSG:32601", 1000, ACROSS)) as file:
        values = file.read(1)
    assert np.isfinite(values).mean() > 0.8
    assert np.nanmean(values) == pytest.approx(np.nanmean(moisture(ACROSS)), abs=0.002)


def test_the_same_map_is_warped_to_the_same_bytes(tmp_path: Path) -> None:
    first = warped(tmp_path, "soil_moisture", UTM, 1000).read_bytes()
    assert warped(tmp_path, "soil_moisture", UTM, 1000).read_bytes() == first


@pytest.mark.parametrize(
    ("crs", "resolution", "said"),
    [
        ("EPSG:1", None, "`export.crs` is EPSG:1, which PROJ does not know: expected a code such as EPSG:32648."),
        ("EPSG:4326", 1000, "`export.resolution` is 1000, but `export.crs` (WGS 84) is in degrees: give degrees"),
        (UTM, 0.01, "`export.resolution` is 0.01, but `export.crs` (WGS 84 / UTM zone 47N) is in metres: give metres"),
    ],
)
def test_what_cannot_be_meant_is_told(crs: str, resolution: float | None, said: str) -> None:
    with pytest.raises(InputError) as caught:
        check_target(crs, resolution)
    assert str(caught.value).startswith(said)


def test_pixels_that_are_too_many_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected at most 250 million: give larger pixels"):
        warped(tmp_path, "soil_moisture", UTM, 1)


def test_pixels_of_the_maps_own_size_that_are_too_many_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kilomoist.exporting.warping.MOST", 100)
    with pytest.raises(InputError, match=r"`export.resolution` is None: with pixels of \d+\.?\d* the map has"):
        warped(tmp_path, "soil_moisture", UTM, None)


@pytest.mark.parametrize("how", ["bilinear", "nearest"])
def test_rows_that_are_warped_apart_fit_together(tmp_path: Path, how: str) -> None:
    """As GDAL warps all of it at once."""
    name = {"bilinear": "soil_moisture", "nearest": "quality"}[how]
    path = warped(tmp_path, name, UTM, 50)
    with rasterio.open(path) as file, rasterio.open(tmp_path / f"{name}.tif") as original:
        found = file.read(1)
        assert len(found) > 600
        nodata = {"src_nodata": np.nan, "dst_nodata": np.nan} if how == "bilinear" else {"init_dest_nodata": False}
        whole = np.full(found.shape, np.nan if how == "bilinear" else 128, found.dtype)
        places = {"dst_transform": file.transform, "dst_crs": file.crs, "tolerance": 0}
        reproject(rasterio.band(original, 1), whole, resampling=Resampling[how], **places, **nodata)
    np.testing.assert_allclose(found, whole, atol=1e-6)
