"""Rules of simulation.smk: what they wrote in the shared run, because even the small scene takes its time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from granule_archives import MONTH, TILE, average_tile
from rasterio.warp import transform
from workflow_runs import SMALL, block_mean, link, succeed

from kilomoist.granules.simulated import is_simulated
from kilomoist.granules.smap import read_target
from kilomoist.grids import M01, M09, cells_covering
from kilomoist.predictors.inventories import choose_granules
from kilomoist.products import PRODUCTS
from kilomoist.rasters import read_raster

SCENE = "resources/simulated/small-2021"
EXTENT = (97.5, 46.0, 101.5, 49.0)


@pytest.fixture(scope="module")
def truth(demo: Path) -> np.ndarray:
    with rasterio.open(demo / SCENE / "truth" / MONTH / "soil_moisture.tif") as file:
        return file.read(1)


def test_simulate_landscape(demo: Path) -> None:
    """Three points a pixel on the cells that cover the scene."""
    with np.load(demo / SCENE / "landscape.npz") as fields:
        assert {"elevation", "wetness", "lake"} <= set(fields.files)
        shape = cells_covering(EXTENT).refined(27).shape
        for name in fields.files:
            assert fields[name].shape == shape
            assert np.isfinite(fields[name]).all()
        assert set(np.unique(fields["lake"])) == {0, 1}
        assert 0 < fields["lake"].mean() < 0.1


def test_simulate_landscape_gives_elevation_as_a_layer(demo: Path) -> None:
    """Named under `predictors.layers` it is a predictor like any other raster."""
    with np.load(demo / SCENE / "landscape.npz") as fields:
        points = fields["elevation"]
    with rasterio.open(demo / SCENE / "truth/elevation.tif") as file:
        assert (file.crs.to_epsg(), file.descriptions, file.units) == (6933, ("elevation",), ("m",))
        assert (file.tags()["source"], file.tags()["landscape"]) == ("simulated", "steppe")
        assert file.transform.a == pytest.approx(M01.side)
        np.testing.assert_allclose(file.read(1), block_mean(points, 3)[0], rtol=1e-6)


def test_simulate_truth(demo: Path, truth: np.ndarray) -> None:
    path = demo / SCENE / "truth" / MONTH
    with rasterio.open(path / "soil_moisture.tif") as file:
        assert file.crs.to_epsg() == 6933
        assert (file.descriptions, file.units) == (("soil_moisture",), ("m3 m-3",))
        assert file.shape == cells_covering(EXTENT).refined(9).shape
        assert file.transform.a == pytest.approx(M01.side)
        assert file.tags()["source"] == "simulated"
        points = pd.read_csv(path / "field_points.csv")
        rows, columns = rasterio.transform.rowcol(
            file.transform, *transform("EPSG:4326", file.crs, points["longitude"], points["latitude"])
        )
    assert 0 < np.isnan(truth).mean() < 0.1  # lakes
    assert 0.04 < np.nanmin(truth) < np.nanmax(truth) < 0.29
    assert list(points) == ["id", "longitude", "latitude", "date", "depth_cm", "soil_moisture"]
    assert len(points) == points["id"].nunique() == 153
    assert points["date"].str.startswith(MONTH).all()
    there = truth[np.asarray(rows, int), np.asarray(columns, int)]
    assert np.isfinite(there).all()
    assert np.abs((points["soil_moisture"] - there).mean()) < 0.02


def test_simulate_target(demo: Path, truth: np.ndarray) -> None:
    """Fields wet and dry; the month's mean, as the demo's composite has it, is that of the truth over each cell."""
    window, product = cells_covering(EXTENT), PRODUCTS["SPL4SMGP.008"]
    here = window.within(M09.window)
    composite, _ = read_raster(demo / "results/composites/simulated" / product.name / f"{MONTH}.tif")
    mean, fields = composite["soil_moisture"][here], composite["fields"][here]
    expected, count = block_mean(truth)
    land = count > 40.5
    assert np.array_equal(np.isfinite(mean), land)
    np.testing.assert_allclose(mean[land], expected[land], atol=1e-6)
    assert np.array_equal(fields, np.where(land, 248, 0))
    assert np.isfinite(composite["soil_moisture"]).sum() == land.sum()
    first, last = (
        read_target(path, product) for path in sorted((demo / SCENE / product.name / MONTH).glob("*.h5"))[:200:199]
    )
    assert first[2] == last[2] == M09.window
    assert np.array_equal(first[1], last[1])
    assert np.abs(first[0] - last[0])[first[1]].max() > 0.001


def test_simulate_temperature(demo: Path) -> None:
    """Clouds leave gaps that differ from day to day; nearly every pixel is seen a few times a month."""
    product = PRODUCTS["MOD11A1.061"]
    chosen, absent = choose_granules([demo / SCENE / product.name / TILE / MONTH], product, TILE, MONTH)
    assert (len(chosen), absent) == (31, [])
    bands = average_tile(chosen[::5], product, "good")
    days = bands["lst_day_days"]
    scene = days > 0
    assert 0.05 < scene.mean() < 0.5  # the scene covers a part of the tile
    assert len(np.unique(days[scene])) > 3
    assert 270 < np.nanmin(bands["lst_day"]) < np.nanmax(bands["lst_day"]) < 330
    assert np.nanmean(bands["lst_night"]) < np.nanmean(bands["lst_day"]) - 5


def test_simulate_vegetation(demo: Path) -> None:
    product = PRODUCTS["MOD13A1.061"]
    chosen, absent = choose_granules([demo / SCENE / product.name / TILE], product, TILE, MONTH)
    assert [path.name[9:16] for path, _ in chosen] == ["2021209", "2021225", "2021241"]
    assert ([slot.days for _, slot in chosen], absent) == ([12, 16, 3], [])
    bands = average_tile(chosen[1:2], product, "good")
    scene = bands["ndvi_days"] > 0
    assert 0.02 < scene.mean() < 0.5
    assert -0.2 <= np.nanmin(bands["ndvi"]) < np.nanmax(bands["ndvi"]) <= 1
    assert np.nanmean(bands["evi"]) < np.nanmean(bands["ndvi"])
    assert 0 < bands["water"][scene].mean() < 0.1


def test_simulate_viirs(demo: Path, tmp_path: Path) -> None:
    """Both rules, of the demo's landscape: the same surface as MODIS sees, in files of the other form."""
    link(demo / SCENE, tmp_path / SCENE)
    used = {"vegetation": "VNP13A2.002", "temperature": "VNP21A1D.002", "use": ["ndvi", "lst_day"]}
    granule = f"{SCENE}/VNP13A2.002/{TILE}/VNP13A2.A2021217.{TILE}.002.2021237000000.h5"
    days = f"{SCENE}/VNP21A1D.002/{TILE}/{MONTH}"
    rules = ("--allowed-rules", "simulate_vegetation", "simulate_temperature")
    succeed(tmp_path, *rules, "--", granule, days, config=SMALL | {"predictors": used})
    chosen, absent = choose_granules([tmp_path / days], PRODUCTS["VNP21A1D.002"], TILE, MONTH)
    assert (len(chosen), absent) == (31, [])
    assert is_simulated(chosen[0][0])
    warm = average_tile(chosen[::5], PRODUCTS["VNP21A1D.002"], "good")["lst_day"]
    assert 270 < np.nanmin(warm) < np.nanmax(warm) < 330
    [seen], absent = choose_granules([tmp_path / granule], PRODUCTS["VNP13A2.002"], TILE, MONTH)
    assert seen[1].days == 8  # of 5 to 20 August: every day is in two periods
    assert len(absent) == 5
    bands = average_tile([seen], PRODUCTS["VNP13A2.002"], "good")
    scene = bands["ndvi_days"] > 0
    assert 0.02 < scene.mean() < 0.5
    assert 0 <= np.nanmin(bands["ndvi"][bands["water"] == 0]) < np.nanmax(bands["ndvi"]) <= 1
