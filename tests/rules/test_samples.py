"""Rules of samples.smk on a small region."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from earthdata.server import Earthdata
from granule_archives import INDEX, LST, MONTH, TARGET, TILE
from rule_bench import CONFIG, REGION, RUN, Bench
from small_region import BLOCKS, BOX, CELLS, USE, cell_bands, places, sample_table, write_cells
from workflow_runs import snakemake

from kilomoist.files import write_json
from kilomoist.grids import M01, M09, geographic_from_sinusoidal, tile_grid
from kilomoist.products import Product
from kilomoist.rasters import mosaic, read_raster, write_raster

BLOCK = f"{RUN}/blocks/r000c000"


def write_composites(bench: Bench) -> None:
    """Temperature that follows the place, on 2 days in the east and 9 else; NDVI and EVI everywhere; the target."""
    grid = tile_grid(TILE, 1200)
    x, y = np.meshgrid(grid.x_centres(grid.window), grid.y_centres(grid.window))
    longitude, latitude = geographic_from_sinusoidal(x, y)
    bands = {"lst_day": 300 + longitude - 99 + 2 * (latitude - 47), "lst_night": np.full(x.shape, 280.0)}
    bands |= {f"{name}_std": np.zeros(x.shape) for name in bands}
    bands["lst_day_days"] = np.where(longitude > 99.2, 2.0, 9.0)
    path = bench.path(f"results/composites/archive/{LST.name}/{TILE}/{MONTH}.tif")
    write_raster(path, {name: band.astype(np.float32) for name, band in bands.items()}, grid, grid.window, {})
    index = {"ndvi": 0.5, "evi": 0.3, "ndvi_days": 31, "evi_days": 31, "water": 0, "snow": 0}
    bands = {name: np.full(x.shape, value, np.float32) for name, value in index.items()}
    bands["water"] = np.where(longitude < 98.7, 1, 0).astype(np.float32)
    path = bench.path(f"results/composites/archive/{INDEX.name}/{TILE}/{MONTH}.tif")
    write_raster(path, bands, grid, grid.window, {})
    mean = np.full(M09.window.shape, np.nan, np.float32)
    mean[CELLS.within(M09.window)] = np.linspace(0.1, 0.3, CELLS.rows * CELLS.columns).reshape(CELLS.shape)
    path = bench.path(f"results/composites/archive/{TARGET.name}/{MONTH}.tif")
    tags = {"source": "archive", "product": TARGET.name}
    write_raster(path, {"soil_moisture": mean, "fields": np.ones_like(mean)}, M09, M09.window, tags)
    for product, tile in ((LST, TILE), (INDEX, TILE), (TARGET, None)):
        write_inventory_of(bench, product, tile, ["a granule"])


def write_inventory_of(bench: Bench, product: Product, tile: str | None, granules: list[str]) -> None:
    place = f"{product.name}/{tile}" if tile else product.name
    inventory = {"product": product.name, "tile": tile, "month": MONTH, "granules": granules, "absent": []}
    write_json(bench.path(f"results/composites/archive/{place}/{MONTH}.granules.json"), inventory)


@pytest.mark.parametrize(
    ("product", "tile", "where"), [(LST, TILE, f" on the tiles {TILE}"), (TARGET, None, "")], ids=["tiled", "target"]
)
def test_stack_block_needs_granules_of_every_product(
    bench: Bench, product: Product, tile: str | None, where: str
) -> None:
    write_composites(bench)
    write_inventory_of(bench, product, tile, [])
    done = snakemake(bench.folder, "--allowed-rules", "stack_block", "--", f"{BLOCK}/cells.tif", config=bench.config)
    assert done.sentence().startswith(f"There is no granule of {product.name} for {MONTH}{where}: ")


@pytest.mark.parametrize("given", ["box", "outline in UTM", "country"])
def test_stack_block(bench: Bench, given: str) -> None:
    """Predictors where the region, the water and the days allow; cells that count them.

    An outline may have any CRS. A country's is fetched from the address that its rule knows.
    """
    write_composites(bench)
    area = shapely.box(*BOX)
    if given != "box":
        area = shapely.Polygon([(98.4, 46.9), (99.6, 46.9), (99.6, 48.0)]).intersection(area)
        frame = geopandas.GeoDataFrame({"ADM0_A3": ["MNG"]}, geometry=[area.segmentize(0.01)], crs="EPSG:4326")
        frame.to_crs("EPSG:32647").to_file(bench.folder / "outline.gpkg", engine="pyogrio")
        own = {"outline": "outline.gpkg"} if given == "outline in UTM" else {"country": "MNG"}
        bench.config |= {"regions": [{"name": REGION, "bbox": list(BOX), **own}], "map": {"block": 256}}
    if given == "country":
        with Earthdata(bench.folder / "granules") as server:
            server.countries = frame.__geo_interface__["features"]
            bench.run("fetch_outline", "resources/outlines/MNG.geojson", variables=server.environment)
    bench.run("stack_block", f"{BLOCK}/predictors.tif", f"{BLOCK}/cells.tif")
    bands, pixels = mosaic([bench.folder / f"{BLOCK}/predictors.tif"], M01)
    cells, window = mosaic([bench.folder / f"{BLOCK}/cells.tif"], M09)
    assert list(bands) == [*USE, *(f"{name}_days" for name in USE), "water", "snow"]
    assert list(cells) == [
        *("target", *USE, "valid_fraction"),
        *(f"valid_fraction_{name}" for name in USE),
        "region_fraction",
    ]
    with rasterio.open(bench.folder / f"{BLOCK}/predictors.tif") as file:
        assert file.crs.to_epsg() == 6933
        assert np.isnan(file.nodata)
    assert pixels == window.refined(9)
    if given == "box":
        assert window == BLOCKS["r000c000"]
    longitude, latitude = places(window)
    inside = shapely.contains_xy(area, longitude, latitude)
    # A pixel is at most 0.013° wide: within that of a border either side may win.
    clear = shapely.distance(area.boundary, shapely.points(longitude, latitude)) > 0.02
    seen = inside & (longitude < 99.2)
    near = np.abs(longitude - 99.2) < 0.02
    land = np.abs(longitude - 98.7) > 0.02
    assert np.array_equal(np.isfinite(bands["lst_day"])[clear & ~near], seen[clear & ~near])
    assert np.array_equal(np.isfinite(bands["ndvi"])[clear & land], (inside & (longitude > 98.7))[clear & land])
    well = seen & clear & ~near
    expected = 300 + longitude - 99 + 2 * (latitude - 47)
    np.testing.assert_allclose(bands["lst_day"][well], expected[well], atol=0.02)
    assert (bands["lst_day_days"][well] == 9).all()

    np.testing.assert_allclose(
        cells["region_fraction"], inside.reshape(window.rows, 9, window.columns, 9).mean(axis=(1, 3)), atol=0.15
    )
    together = np.isfinite(np.stack([bands[name] for name in USE])).all(axis=0)
    counted = together.reshape(window.rows, 9, window.columns, 9).mean(axis=(1, 3))
    np.testing.assert_allclose(cells["valid_fraction"], counted, atol=1e-6)
    assert np.array_equal(np.isfinite(cells["target"]), cells["region_fraction"] > 0)


def test_stack_block_with_layers(bench: Bench) -> None:
    """A static layer has no days; pixels that it does not know have no value of it; slope needs elevation alone."""
    write_composites(bench)
    west, north, side = 98.3, 48.0, 0.0025
    rows, columns = 480, 520
    x = west + side * (np.arange(columns) + 0.5) + np.zeros((rows, 1))
    elevation = np.where(x < 98.6, -9999, 1000 + 20000 * (x - 98.6))
    profile = {"driver": "GTiff", "height": rows, "width": columns, "count": 1, "dtype": "float32", "nodata": -9999}
    place = {"crs": "EPSG:4326", "transform": rasterio.transform.from_origin(west, north, side, side)}
    with rasterio.open(bench.folder / "dem.tif", "w", **profile, **place) as file:
        file.write(elevation.astype(np.float32), 1)
    use = ["slope", "lst_range", "soil", "lst_day"]
    layers = {"elevation": "dem.tif", "soil": {"path": "dem.tif", "resampling": "mode"}}
    bench.config |= {"predictors": bench.config["predictors"] | {"use": use, "layers": layers}}
    path = bench.path(f"results/composites/archive/{LST.name}/{TILE}/{MONTH}.tif")
    bands, _ = read_raster(path)
    bands |= {"lst_range": bands["lst_day"] - 280, "lst_range_days": bands["lst_day_days"] - 7}
    write_raster(path, bands, tile_grid(TILE, 1200), tile_grid(TILE, 1200).window, {})
    bench.run("stack_block", f"{BLOCK}/predictors.tif", f"{BLOCK}/cells.tif")
    stack, _ = mosaic([bench.folder / f"{BLOCK}/predictors.tif"], M01)
    cells, window = mosaic([bench.folder / f"{BLOCK}/cells.tif"], M09)
    # Days are of what is measured; the vegetation, whose product tells water and snow, is not in use.
    assert list(stack) == [*use, "lst_range_days", "lst_day_days"]
    longitude, latitude = places(window)
    inside = shapely.contains_xy(shapely.box(*BOX).buffer(-0.02), longitude, latitude)
    known = longitude > 98.62
    assert np.isfinite(stack["slope"][inside & known]).all()
    assert np.isnan(stack["slope"][longitude < 98.58]).all()
    expected = np.degrees(np.arctan(20 / (111.32 * np.cos(np.radians(latitude)))))
    np.testing.assert_allclose(stack["slope"][inside & known], expected[inside & known], rtol=0.01)
    np.testing.assert_allclose(
        stack["soil"][inside & known], (1000 + 20000 * (longitude - 98.6))[inside & known], atol=20000 * 0.01
    )
    # The smallest number of days, 3, counts for the range too: the east has none of 9 − 7.
    assert np.isnan(stack["lst_range"]).all()
    together = np.isfinite(np.stack([stack[name] for name in use])).all(axis=0)
    assert not together.any()
    assert (cells["valid_fraction"] == 0).all()
    assert cells["valid_fraction_slope"].max() == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [({"nodata": None}, "holds -9999 but says no nodata value"), ({"crs": None}, "has no CRS")],
    ids=["read", "looked at"],
)
def test_stack_block_refuses_layers(bench: Bench, change: dict[str, object], told: str) -> None:
    write_composites(bench)
    profile = {"driver": "GTiff", "height": 20, "width": 20, "count": 1, "dtype": "int16", "crs": "EPSG:4326"}
    place = {"transform": rasterio.transform.from_origin(98, 48.5, 0.1, 0.1)}
    with rasterio.open(bench.folder / "dem.tif", "w", **(profile | place | change)) as file:
        file.write(np.full((20, 20), -9999, np.int16), 1)
    bench.config |= {"predictors": {"use": ["elevation"], "layers": {"elevation": "dem.tif"}}}
    done = snakemake(bench.folder, "--allowed-rules", "stack_block", "--", f"{BLOCK}/cells.tif", config=bench.config)
    assert done.sentence().startswith("`predictors.layers.elevation` is dem.tif, which ")
    assert told in done.sentence()
    # What a file says of itself is told before any job starts.
    assert (bench.folder / "results/logs").exists() == ("read" in told or "holds" in told)


def test_collect_samples(bench: Bench) -> None:
    for name, window in BLOCKS.items():
        write_cells(bench.path(f"{RUN}/blocks/{name}/cells.tif"), window)
    outputs = [f"{RUN}/{name}" for name in ("cells.tif", "soil_moisture_9km.tif", "samples.parquet")]
    bench.run("collect_samples", *outputs)
    bands, window = mosaic([bench.folder / outputs[0]], M09)
    assert window == CELLS
    for name, band in cell_bands(CELLS).items():
        np.testing.assert_allclose(bands[name], band, atol=1e-6, err_msg=name)
    with rasterio.open(bench.folder / outputs[1]) as file:
        assert (file.descriptions, file.units) == (("soil_moisture",), ("m3 m-3",))
        assert (file.tags()["source"], file.tags()["region"]) == ("archive", REGION)
        np.testing.assert_allclose(file.read(1), bands["target"], atol=1e-7)
    samples, expected = pd.read_parquet(bench.folder / outputs[2]), sample_table()
    assert len(samples) < CELLS.rows * CELLS.columns  # the corner without temperature
    pd.testing.assert_frame_equal(samples, expected, check_dtype=False, atol=1e-6)


def test_collect_samples_keeps_the_share_that_is_asked_for(bench: Bench) -> None:
    bench.config = CONFIG | {"model": CONFIG["model"] | {"test_fraction": 0.5, "seed": 7}}
    for name, window in BLOCKS.items():
        write_cells(bench.path(f"{RUN}/blocks/{name}/cells.tif"), window)
    outputs = [f"{RUN}/{name}" for name in ("samples.parquet", "cells.tif", "soil_moisture_9km.tif")]
    bench.run("collect_samples", *outputs)
    split = pd.read_parquet(bench.folder / outputs[0])["split"]
    assert (split == "test").sum() == -(-len(split) // 2)
    assert list(split) != list(sample_table()["split"])
    assert read_raster(bench.folder / outputs[1])[1]["month"] == MONTH


def test_measure_agreement(bench: Bench) -> None:
    """Temperature is half noise, vegetation repeats exactly, and nothing has two halves of EVI."""
    random = np.random.default_rng(1)
    grid = tile_grid(TILE, 1200)
    signal = random.normal(0, 3, grid.window.shape)
    # A composite of two days: its noise has half of the variance of theirs.
    odd, even = 300 + signal + random.normal(0, np.sqrt(2) * 3, (2, *grid.window.shape))
    bands = {"lst_day": (odd + even) / 2, "lst_day_odd": odd, "lst_day_days": 4.0, "lst_day_odd_days": 2.0}
    index = {"ndvi": signal, "ndvi_odd": signal, "ndvi_days": 31, "ndvi_odd_days": 15, "water": 0}
    index |= {"evi": signal, "evi_odd": signal, "evi_days": 16, "evi_odd_days": 16}
    for product, layers in ((LST, bands), (INDEX, index)):
        path = bench.path(f"results/composites/archive/{product.name}/{TILE}/{MONTH}.tif")
        full = {name: np.broadcast_to(band, signal.shape).astype(np.float32) for name, band in layers.items()}
        write_raster(path, full, grid, grid.window, {})
    write_cells(bench.path(f"{RUN}/cells.tif"))
    log = bench.run("measure_reliability", f"{RUN}/tables/agreement.csv")
    table = pd.read_csv(bench.folder / f"{RUN}/tables/agreement.csv").set_index("predictor")
    assert list(table.index) == USE
    assert table.loc["ndvi", "reliability"] == pytest.approx(1, abs=1e-6)
    assert table.loc["lst_day", "reliability"] == pytest.approx(0.5, abs=0.05)
    assert table.loc["lst_day", "signal_variance"] == pytest.approx(table.loc["lst_day", "noise_variance"], rel=0.2)
    assert table.loc["lst_day", "n"] == table.loc["ndvi", "n"] > 3000
    assert (table.loc["evi", "reliability"], table.loc["evi", "n"]) == (1, 0)
    assert table.loc["evi", "note"].startswith("fewer than 1000 pixels")
    assert "lst_day: 0." in log
