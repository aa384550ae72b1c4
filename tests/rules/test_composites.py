"""Rules of composites.smk on a few granules."""

import json
from datetime import datetime
from hashlib import sha256

import numpy as np
import pytest
import rasterio
from granule_archives import INDEX, LST, MONTH, TARGET, TILE, field, temperature, vegetation
from rule_bench import Bench

from kilomoist.grids import M09, Window, tile_grid
from kilomoist.rasters import read_raster

LST_COMPOSITE = f"results/composites/archive/{LST.name}/{TILE}/{MONTH}"
INDEX_COMPOSITE = f"results/composites/archive/{INDEX.name}/{TILE}/{MONTH}"
KINDS = ("", "_std", "_days", "_odd", "_odd_days")
TARGET_MEAN = f"results/composites/archive/{TARGET.name}/{MONTH}"


def test_composite_tile_of_temperature(bench: Bench) -> None:
    """Days of 300, 302 and 310 K; on the first row the last day is cloudy, on the second its quality is not good."""
    kelvin = np.full((1200, 1200), 310.0)
    kelvin[0] = 0
    quality = np.zeros((1200, 1200))
    quality[0], quality[1] = 2, 1
    granules = [temperature(bench.folder / "granules", day, value) for day, value in ((3, 300.0), (4, 302.0))]
    granules.append(temperature(bench.folder / "granules", 21, kelvin, quality))
    for unread in (bench.folder / "granules/unread" / LST.name).iterdir():
        unread.unlink()
    bench.run("composite_tile", f"{LST_COMPOSITE}.tif", f"{LST_COMPOSITE}.granules.json")

    with rasterio.open(bench.folder / f"{LST_COMPOSITE}.tif") as file:
        assert file.descriptions == tuple(f"lst_day{kind}" for kind in KINDS)
        assert file.transform.to_gdal()[:2] == pytest.approx(tile_grid(TILE, 1200).transform()[2::-2][:2])
        assert "Sinusoidal" in file.crs.to_wkt()
        assert set(file.dtypes) == {"float32"}
        assert np.isnan(file.nodata)
        tags = file.tags()
        assert (tags["source"], tags["product"], tags["tile"], tags["quality"]) == (
            "archive of simulated granules",
            LST.name,
            TILE,
            "good",
        )
    bands, _ = read_raster(bench.folder / f"{LST_COMPOSITE}.tif")
    np.testing.assert_allclose(bands["lst_day"][2:], 304, atol=1e-3)
    np.testing.assert_allclose(bands["lst_day"][:2], 301, atol=1e-3)
    np.testing.assert_allclose(bands["lst_day_std"][2:], np.std([300, 302, 310]), atol=1e-3)
    assert (bands["lst_day_days"][2:] == 3).all()
    assert (bands["lst_day_days"][:2] == 2).all()
    np.testing.assert_allclose(bands["lst_day_odd"][2:], (300 + 310) / 2, atol=1e-3)
    np.testing.assert_allclose(bands["lst_day_odd"][:2], 300, atol=1e-3)
    assert (bands["lst_day_odd_days"][2:] == 2).all()

    inventory = json.loads((bench.folder / f"{LST_COMPOSITE}.granules.json").read_text())
    assert (inventory["product"], inventory["tile"], inventory["month"]) == (LST.name, TILE, MONTH)
    assert [granule["name"] for granule in inventory["granules"]] == [path.name for path in granules]
    assert [granule["sha256"] for granule in inventory["granules"]] == [
        sha256(path.read_bytes()).hexdigest() for path in granules
    ]
    assert len(inventory["absent"]) == 28


def test_composite_tile_holds_what_is_in_use(bench: Bench) -> None:
    bench.config |= {"predictors": bench.config["predictors"] | {"use": ["lst_range", "ndvi", "lst_night"]}}
    temperature(bench.folder / "granules", 3, 300.0)
    for unread in (bench.folder / "granules/unread" / LST.name).iterdir():
        unread.unlink()
    bench.run("composite_tile", f"{LST_COMPOSITE}.tif", f"{LST_COMPOSITE}.granules.json")
    bands, _ = read_raster(bench.folder / f"{LST_COMPOSITE}.tif")
    assert list(bands) == [f"lst_{name}{kind}" for name in ("night", "range") for kind in KINDS]
    assert not bands["lst_range_days"].any()


def test_composite_tile_of_vegetation(bench: Bench) -> None:
    """Two periods that share 12 and 3 days with August, of three; water and snow are told apart from them."""
    for unread in (bench.folder / "granules/unread" / INDEX.name).iterdir():
        unread.unlink()
    bits = np.zeros((1200, 1200))
    bits[0] = 3 << 11  # land/water flag: shallow inland water
    bits[1:] = 1 << 11
    common = {"EVI": 2000, "VI Quality": bits, "pixel reliability": 0}
    vegetation(bench.folder / "granules", datetime(2021, 7, 28), {"NDVI": 4000} | common)
    snowy = np.zeros((1200, 1200))
    snowy[-1] = 2
    vegetation(bench.folder / "granules", datetime(2021, 8, 29), {"NDVI": 6000} | common | {"pixel reliability": snowy})
    bench.run("composite_tile", f"{INDEX_COMPOSITE}.tif", f"{INDEX_COMPOSITE}.granules.json")
    bands, _ = read_raster(bench.folder / f"{INDEX_COMPOSITE}.tif")
    assert list(bands) == [*(f"{name}{kind}" for name in ("ndvi", "evi") for kind in KINDS), "water", "snow"]
    np.testing.assert_allclose(bands["ndvi"][:-1], (12 * 0.4 + 3 * 0.6) / 15, atol=1e-6)
    assert (bands["ndvi_days"][:-1] == 15).all()
    np.testing.assert_allclose(bands["ndvi"][-1], 0.4, atol=1e-6)
    assert (bands["ndvi_days"][-1] == 12).all()
    np.testing.assert_allclose(bands["evi"], 0.2, atol=1e-6)
    assert (bands["water"][0] == 1).all()
    assert not bands["water"][1:].any()
    assert (bands["snow"][-1] == 0.5).all()
    assert not bands["snow"][:-1].any()


def test_average_target(bench: Bench) -> None:
    """The mean of the fields that are there, cell by cell; a cell with one of two has that one's value."""
    for unread in (bench.folder / "granules/unread" / TARGET.name).iterdir():
        unread.unlink()
    window = Window(300, 3000, 2, 3)
    first = np.array([[0.1, 0.2, 0.3], [0.1, np.nan, np.nan]])
    for hour, values in ((1, first), (4, first + 0.1), (7, np.where(np.isnan(first), 0.4, first + 0.2))):
        field(bench.folder / "granules", datetime(2021, 8, 1, hour, 30), values, window)
    bench.run("average_target", f"{TARGET_MEAN}.tif", f"{TARGET_MEAN}.granules.json")
    with rasterio.open(bench.folder / f"{TARGET_MEAN}.tif") as file:
        assert file.crs.to_epsg() == 6933
        assert file.descriptions == ("soil_moisture", "fields")
        assert file.units[0] == "m3 m-3"
        assert file.shape == M09.window.shape
        assert file.transform.c == pytest.approx(M09.left)
        assert file.tags()["granules"] == "3"
        mean, count = file.read()
    here = window.within(M09.window)
    expected = [[0.2, 0.3, 0.4], [0.2, 0.4, 0.4]]
    np.testing.assert_allclose(mean[here], expected, atol=1e-6)
    assert count[here].tolist() == [[3, 3, 3], [3, 1, 1]]
    assert np.isfinite(mean).sum() == 6
    inventory = json.loads((bench.folder / f"{TARGET_MEAN}.granules.json").read_text())
    assert (len(inventory["granules"]), len(inventory["absent"])) == (3, 245)
    assert inventory["tile"] is None
