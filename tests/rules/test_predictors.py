"""Rules of predictors.smk: composites of a few granules; predictors, cells and samples of a small region."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from earthdata.server import Earthdata
from granule_archives import INDEX, LST, MONTH, PASSES, TARGET, TILE, field, passes, temperature, vegetation
from numpy.typing import NDArray
from rule_bench import CONFIG, REGION, RUN, Bench
from small_region import BLOCKS, BOX, CELLS, USE, cell_bands, places, sample_table, write_cells
from viirs_granules import viirs_granule
from workflow_runs import snakemake

from kilomoist.files import read_json, write_json
from kilomoist.grids import M01, M09, Window, geographic_from_sinusoidal, tile_grid
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.rasters import mosaic, read_raster, write_raster

BLOCK = f"{RUN}/blocks/r000c000"
GRID = tile_grid(TILE, 1200)
KINDS = ("", "_days", "_odd", "_odd_days")


def composite(product: Product, suffix: str = ".tif") -> str:
    place = f"{product.name}/{TILE}" if product.tiled else product.name
    return f"results/composites/archive/{place}/{MONTH}{suffix}"


def run_composite(bench: Bench, rule: str, product: Product) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """Bands and inventory that a rule makes of a product's granules, without the unread ones of the archive."""
    for unread in (bench.folder / "granules/unread" / product.name).iterdir():
        unread.unlink()
    made, inventory = composite(product), composite(product, ".granules.json")
    bench.run(rule, made, inventory)
    return read_raster(bench.folder / made)[0], read_json(bench.folder / inventory)


def test_composite_tile_of_temperature(bench: Bench) -> None:
    """Days of 300, 302 and 310 K; on the first row the last day is cloudy, on the second its quality is not good."""
    bench.config |= {"predictors": {"use": ["lst_day"]}}
    kelvin = np.full((1200, 1200), 310.0)
    kelvin[0] = 0
    quality = np.zeros((1200, 1200))
    quality[0], quality[1] = 2, 1
    granules = [temperature(bench.folder / "granules", day, value) for day, value in ((3, 300.0), (4, 302.0))]
    granules.append(temperature(bench.folder / "granules", 21, kelvin, quality))
    bands, inventory = run_composite(bench, "composite_tile", LST)
    with rasterio.open(bench.folder / composite(LST)) as file:
        assert file.descriptions == tuple(f"lst_day{kind}" for kind in KINDS)
        assert file.transform.to_gdal()[:2] == pytest.approx(GRID.transform()[2::-2][:2])
        assert "Sinusoidal" in file.crs.to_wkt()
        assert set(file.dtypes) == {"float32"}
        assert np.isnan(file.nodata)
        told = {"source": "archive of simulated granules", "product": LST.name, "tile": TILE, "quality": "good"}
        assert told.items() <= file.tags().items()
    for kind, below, above in (
        *(("", 304, 301), ("_days", 3, 2)),
        *(("_odd", (300 + 310) / 2, 300), ("_odd_days", 2, 1)),
    ):
        np.testing.assert_allclose(bands[f"lst_day{kind}"][2:], below, atol=1e-3, err_msg=kind)
        np.testing.assert_allclose(bands[f"lst_day{kind}"][:2], above, atol=1e-3, err_msg=kind)
    assert (inventory["product"], inventory["tile"], inventory["month"]) == (LST.name, TILE, MONTH)
    assert [granule["name"] for granule in inventory["granules"]] == [path.name for path in granules]
    sums = [sha256(path.read_bytes()).hexdigest() for path in granules]
    assert [granule["sha256"] for granule in inventory["granules"]] == sums
    assert len(inventory["absent"]) == 28


def test_composite_tile_holds_what_is_in_use(bench: Bench) -> None:
    bench.config |= {"predictors": {"use": ["lst_range", "lst_night"]}}
    temperature(bench.folder / "granules", 3, 300.0)
    bands, _ = run_composite(bench, "composite_tile", LST)
    assert list(bands) == [f"lst_{name}{kind}" for name in ("night", "range") for kind in KINDS]
    assert not bands["lst_range_days"].any()


def test_composite_tile_makes_a_composite_of_each_product(bench: Bench) -> None:
    """In one job, each from its own granules and by its own quality."""
    for product in (INDEX, LST):
        for unread in (bench.folder / "granules/unread" / product.name).iterdir():
            unread.unlink()
    day = temperature(bench.folder / "granules", 3, 300.0, np.ones((1200, 1200)))
    arrays = {"NDVI": 4000, "EVI": 2000, "VI Quality": 0, "pixel reliability": 1}
    period = vegetation(bench.folder / "granules", datetime(2021, 8, 13), arrays)
    bench.config |= {"quality": bench.config["quality"] | {"temperature": "fair", "vegetation": "good"}}
    suffixes = (".tif", ".granules.json")
    bench.run("composite_tile", *(composite(product, suffix) for product in (INDEX, LST) for suffix in suffixes))
    for product, path, level, name, days in ((LST, day, "fair", "lst_day", 1), (INDEX, period, "good", "ndvi", 0)):
        bands, tags = read_raster(bench.folder / composite(product))
        assert (tags["product"], tags["quality"]) == (product.name, level)
        assert (bands[f"{name}_days"] == days).all()
        inventory = read_json(bench.folder / composite(product, ".granules.json"))
        assert [granule["name"] for granule in inventory["granules"]] == [path.name]


def test_composite_of_a_day_reads_the_night_for_the_range(bench: Bench) -> None:
    """Two nights for three days: the inventory tells the day's granules from the night's, which are not counted."""
    by_day, by_night = PRODUCTS["VNP21A1D.002"], PRODUCTS["VNP21A1N.002"]
    accurate = {"QC": 3 << 14}
    for product, days, stored in ((by_day, (1, 2, 3), 15500), (by_night, (2, 3), 14000)):
        for number in days:
            arrays = accurate | {"LST_1KM": stored + number}
            viirs_granule(bench.folder / "granules", product, datetime(2021, 8, number), TILE, arrays)
    bench.config["predictors"] = {"vegetation": INDEX.name, "temperature": by_day.name, "use": ["lst_range"]}
    made, inventory = composite(by_day), composite(by_day, ".granules.json")
    bench.run("composite_tile", made, inventory)
    bands, told = read_raster(bench.folder / made)[0], read_json(bench.folder / inventory)
    assert set(bands) == {f"lst_range{kind}" for kind in KINDS}
    np.testing.assert_allclose(bands["lst_range"], 30.0, atol=1e-4)
    assert (bands["lst_range_days"] == 2).all()
    assert (len(told["granules"]), len(told["absent"])) == (3, 28)
    assert told["partner"]["product"] == by_night.name
    assert (len(told["partner"]["granules"]), len(told["partner"]["absent"])) == (2, 29)
    assert told["observations"] == {"lst_range": 2 * 1200**2}


def test_composite_tile_of_vegetation(bench: Bench) -> None:
    """Two periods that share 12 and 3 days with August, of three; water and snow are told apart from them."""
    bits = np.full((1200, 1200), 1 << 11)
    bits[0] = 3 << 11  # land/water flag: shallow inland water
    snowy = np.zeros((1200, 1200))
    snowy[-1] = 2
    common = {"EVI": 2000, "VI Quality": bits, "pixel reliability": 0}
    bench.config |= {"predictors": bench.config["predictors"] | {"use": ["ndvi", "evi"]}}
    vegetation(bench.folder / "granules", datetime(2021, 7, 28), {"NDVI": 4000} | common)
    vegetation(bench.folder / "granules", datetime(2021, 8, 29), {"NDVI": 6000} | common | {"pixel reliability": snowy})
    bands, _ = run_composite(bench, "composite_tile", INDEX)
    assert list(bands) == [*(f"{name}{kind}" for name in ("ndvi", "evi") for kind in KINDS), "water", "snow"]
    np.testing.assert_allclose(bands["ndvi"][:-1], (12 * 0.4 + 3 * 0.6) / 15, atol=1e-6)
    np.testing.assert_allclose(bands["ndvi"][-1], 0.4, atol=1e-6)
    np.testing.assert_allclose(bands["evi"], 0.2, atol=1e-6)
    for name, part, value in (
        *(("ndvi_days", np.s_[:-1], 15), ("ndvi_days", -1, 12), ("water", 0, 1), ("water", np.s_[1:], 0)),
        *(("snow", -1, 0.5), ("snow", np.s_[:-1], 0)),
    ):
        assert (bands[name][part] == value).all(), name


def test_average_target(bench: Bench) -> None:
    """The mean of the fields that are there, cell by cell; a cell with one of two has that one's value."""
    window = Window(300, 3000, 2, 3)
    first = np.array([[0.1, 0.2, 0.3], [0.1, np.nan, np.nan]])
    for hour, values in ((1, first), (4, first + 0.1), (7, np.where(np.isnan(first), 0.4, first + 0.2))):
        field(bench.folder / "granules", datetime(2021, 8, 1, hour, 30), values, window)
    bands, inventory = run_composite(bench, "average_target", TARGET)
    with rasterio.open(bench.folder / composite(TARGET)) as file:
        assert file.crs.to_epsg() == 6933
        assert file.descriptions == ("soil_moisture", "fields")
        assert file.units[0] == "m3 m-3"
        assert file.shape == M09.window.shape
        assert file.transform.c == pytest.approx(M09.left)
        assert file.tags()["granules"] == "3"
    here = window.within(M09.window)
    np.testing.assert_allclose(bands["soil_moisture"][here], [[0.2, 0.3, 0.4], [0.2, 0.4, 0.4]], atol=1e-6)
    assert bands["fields"][here].tolist() == [[3, 3, 3], [3, 1, 1]]
    assert np.isfinite(bands["soil_moisture"]).sum() == 6
    assert (len(inventory["granules"]), len(inventory["absent"])) == (3, 245)
    assert inventory["tile"] is None


def write_passes(bench: Bench, minimum: int) -> None:
    """Three days of passes, of which two cells have five that count and one has three; the target of the run."""
    for number, pm in ((1, [[0, 8, 1]]), (2, [[0, 8, 1]]), (3, [[1, 7, 1]])):
        passes(bench.folder / "granules", number, Window(300, 3000, 1, 3), (number / 10, [[0, 8, 0]]), (0.5, pm))
    bench.config |= {"target": PASSES.name, "quality": bench.config["quality"] | {"minimum_passes": minimum}}


def test_average_target_of_passes(bench: Bench) -> None:
    """Both passes of a day count, where they are recommended; cells with fewer than asked for have no value."""
    write_passes(bench, 4)
    made, inventory = composite(PASSES), composite(PASSES, ".granules.json")
    bench.run("average_target", made, inventory)
    bands = read_raster(bench.folder / made)[0]
    here = Window(300, 3000, 1, 3).within(M09.window)
    np.testing.assert_allclose(bands["soil_moisture"][here], [[0.32, 0.32, np.nan]], atol=1e-6)
    assert bands["fields"][here].tolist() == [[5, 5, 3]]
    found = read_json(bench.folder / inventory)
    assert [granule["name"][15:23] for granule in found["granules"]] == ["20210801", "20210802", "20210803"]
    assert found["absent"] == [f"202108{day:02}" for day in range(4, 32)]


def write_composite(bench: Bench, product: Product, bands: Mapping[str, Any]) -> None:
    grid, tags = (M09, {"source": "archive", "product": TARGET.name}) if product is TARGET else (GRID, {})
    full = {name: np.broadcast_to(band, grid.window.shape).astype(np.float32) for name, band in bands.items()}
    write_raster(bench.path(composite(product)), full, grid, grid.window, tags)


def write_inventory_of(bench: Bench, product: Product, granules: list[str]) -> None:
    tile = None if product is TARGET else TILE
    used = [{"name": granule} for granule in granules]
    inventory = {"product": product.name, "tile": tile, "month": MONTH, "granules": used, "absent": []}
    write_json(bench.path(composite(product, ".granules.json")), inventory)


def write_composites(bench: Bench) -> None:
    """Temperature that follows the place, on 2 days in the east and 9 else; NDVI and EVI everywhere; the target."""
    x, y = np.meshgrid(GRID.x_centres(GRID.window), GRID.y_centres(GRID.window))
    longitude, latitude = geographic_from_sinusoidal(x, y)
    lst = {"lst_day": 300 + longitude - 99 + 2 * (latitude - 47), "lst_night": 280.0}
    lst |= {"lst_day_days": np.where(longitude > 99.2, 2.0, 9.0)}
    index = {"ndvi": 0.5, "evi": 0.3, "ndvi_days": 31, "evi_days": 31, "water": longitude < 98.7, "snow": 0}
    mean = np.full(M09.window.shape, np.nan, np.float32)
    mean[CELLS.within(M09.window)] = np.linspace(0.1, 0.3, CELLS.rows * CELLS.columns).reshape(CELLS.shape)
    for product, bands in ((LST, lst), (INDEX, index), (TARGET, {"soil_moisture": mean, "fields": 1})):
        write_composite(bench, product, bands)
        write_inventory_of(bench, product, ["a granule"])


def run_stack(bench: Bench) -> tuple[dict[str, NDArray], Window, dict[str, NDArray], Window]:
    """The block's predictors and cells, each with its window."""
    outputs = [f"{BLOCK}/predictors.tif", f"{BLOCK}/cells.tif"]
    bench.run("stack_block", *outputs)
    return *mosaic([bench.folder / outputs[0]], M01), *mosaic([bench.folder / outputs[1]], M09)


def refused_stack(bench: Bench) -> str:
    """The sentence of a `stack_block` that fails."""
    arguments = ("--allowed-rules", "stack_block", "--", f"{BLOCK}/cells.tif")
    return snakemake(bench.folder, *arguments, config=bench.config).sentence()


@pytest.mark.parametrize(("product", "where"), [(LST, f" on the tiles {TILE}"), (TARGET, "")], ids=["tiled", "target"])
def test_stack_block_needs_granules_of_every_product(bench: Bench, product: Product, where: str) -> None:
    write_composites(bench)
    write_inventory_of(bench, product, [])
    assert refused_stack(bench).startswith(f"There is no granule of {product.name} for {MONTH}{where}: ")


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
    bands, pixels, cells, window = run_stack(bench)
    assert list(bands) == [*USE, *(f"{name}_days" for name in USE), "water", "snow"]
    shares = [f"valid_fraction_{name}" for name in USE]
    assert list(cells) == ["target", *USE, "valid_fraction", *shares, "region_fraction"]
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


def write_layer(path: Path, values: NDArray, corner: tuple[float, float, float], **changes: Any) -> None:
    """A layer of the user; `corner` is its west, north and side in degrees."""
    rows, columns = values.shape
    profile = {"driver": "GTiff", "height": rows, "width": columns, "count": 1, "dtype": values.dtype, "nodata": -9999}
    place = {"crs": "EPSG:4326", "transform": rasterio.transform.from_origin(*corner, corner[2])}
    with rasterio.open(path, "w", **(profile | place | changes)) as file:
        file.write(values, 1)


def test_stack_block_with_layers(bench: Bench) -> None:
    """A static layer has no days; pixels that it does not know have no value of it; slope needs elevation alone."""
    write_composites(bench)
    x = 98.3 + 0.0025 * (np.arange(520) + 0.5) + np.zeros((480, 1))
    elevation = np.where(x < 98.6, -9999, 1000 + 20000 * (x - 98.6)).astype(np.float32)
    write_layer(bench.folder / "dem.tif", elevation, (98.3, 48.0, 0.0025))
    use = ["slope", "lst_range", "soil", "lst_day"]
    layers = {"elevation": "dem.tif", "soil": {"path": "dem.tif", "resampling": "mode"}}
    bench.config |= {"predictors": bench.config["predictors"] | {"use": use, "layers": layers}}
    bands, _ = read_raster(bench.path(composite(LST)))
    bands |= {"lst_range": bands["lst_day"] - 280, "lst_range_days": bands["lst_day_days"] - 7}
    write_composite(bench, LST, bands)
    stack, _, cells, window = run_stack(bench)
    # Days are of what is measured; the vegetation, whose product tells water and snow, is not in use.
    assert list(stack) == [*use, "lst_range_days", "lst_day_days"]
    longitude, latitude = places(window)
    inside = shapely.contains_xy(shapely.box(*BOX).buffer(-0.02), longitude, latitude)
    known = longitude > 98.62
    assert np.isfinite(stack["slope"][inside & known]).all()
    assert np.isnan(stack["slope"][longitude < 98.58]).all()
    slope = np.degrees(np.arctan(20 / (111.32 * np.cos(np.radians(latitude)))))
    soil = 1000 + 20000 * (longitude - 98.6)
    np.testing.assert_allclose(stack["slope"][inside & known], slope[inside & known], rtol=0.01)
    np.testing.assert_allclose(stack["soil"][inside & known], soil[inside & known], atol=20000 * 0.01)
    # The smallest number of days, 3, counts for the range too: the east has none of 9 − 7.
    assert np.isnan(stack["lst_range"]).all()
    together = np.isfinite(np.stack([stack[name] for name in use])).all(axis=0)
    assert not together.any()
    assert (cells["valid_fraction"] == 0).all()
    assert cells["valid_fraction_slope"].max() == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [({"nodata": None}, "holds -9999 but says no nodata value"), ({"nodata": None, "crs": None}, "has no CRS")],
    ids=["read", "looked at"],
)
def test_stack_block_refuses_layers(bench: Bench, change: dict[str, object], told: str) -> None:
    write_composites(bench)
    write_layer(bench.folder / "dem.tif", np.full((20, 20), -9999, np.int16), (98, 48.5, 0.1), **change)
    bench.config |= {"predictors": {"use": ["elevation"], "layers": {"elevation": "dem.tif"}}}
    sentence = refused_stack(bench)
    assert sentence.startswith("`predictors.layers.elevation` is dem.tif, which ")
    assert told in sentence
    # What a file says of itself is told before any job starts.
    assert not (bench.folder / "results/logs").exists()


SAMPLES = [f"{RUN}/{name}" for name in ("cells.tif", "soil_moisture_9km.tif", "samples.parquet")]


def run_samples(bench: Bench) -> pd.DataFrame:
    for name, window in BLOCKS.items():
        write_cells(bench.path(f"{RUN}/blocks/{name}/cells.tif"), window)
    bench.run("collect_samples", *SAMPLES)
    return pd.read_parquet(bench.folder / SAMPLES[2])


def test_collect_samples(bench: Bench) -> None:
    samples = run_samples(bench)
    bands, window = mosaic([bench.folder / SAMPLES[0]], M09)
    assert window == CELLS
    for name, band in cell_bands(CELLS).items():
        np.testing.assert_allclose(bands[name], band, atol=1e-6, err_msg=name)
    with rasterio.open(bench.folder / SAMPLES[1]) as file:
        assert (file.descriptions, file.units) == (("soil_moisture",), ("m3 m-3",))
        assert (file.tags()["source"], file.tags()["region"]) == ("archive", REGION)
        np.testing.assert_allclose(file.read(1), bands["target"], atol=1e-7)
    with rasterio.open(bench.folder / SAMPLES[1]) as file:
        assert "https://doi.org/10.5067/T5RUATAQREF8" in file.tags()["references"]
    assert samples.attrs["units"] | {"lst_day": "K", "target": "m3 m-3"} == samples.attrs["units"]
    assert samples.attrs["title"].startswith("cells of 9 km")
    assert len(samples) < CELLS.rows * CELLS.columns  # the corner without temperature
    pd.testing.assert_frame_equal(samples, sample_table(), check_dtype=False, atol=1e-6)


def test_collect_samples_tells_of_cells_with_too_few_passes(bench: Bench) -> None:
    write_passes(bench, 6)
    fields = np.zeros(M09.window.shape, np.float32)
    fields[CELLS.within(M09.window)] = 20
    fields[CELLS.row, CELLS.column : CELLS.column + 2] = 5
    mean = {"soil_moisture": np.where(fields >= 6, 0.2, np.nan).astype(np.float32), "fields": fields}
    write_raster(bench.path(composite(PASSES)), mean, M09, M09.window, {})
    for name, window in BLOCKS.items():
        write_cells(bench.path(f"{RUN}/blocks/{name}/cells.tif"), window)
    log = bench.run("collect_samples", *SAMPLES)
    assert (
        f"2 of the {CELLS.rows * CELLS.columns} cells that passes of recommended quality reach have fewer than" in log
    )


def test_collect_samples_keeps_the_share_that_is_asked_for(bench: Bench) -> None:
    bench.config = CONFIG | {"model": CONFIG["model"] | {"test_fraction": 0.5, "seed": 7}}
    split = run_samples(bench)["split"]
    assert (split == "test").sum() == -(-len(split) // 2)
    assert list(split) != list(sample_table()["split"])
    assert read_raster(bench.folder / SAMPLES[0])[1]["month"] == MONTH


def test_measure_agreement(bench: Bench) -> None:
    """Temperature is half noise, vegetation repeats exactly, and nothing has two halves of EVI."""
    random = np.random.default_rng(1)
    signal = random.normal(0, 3, GRID.window.shape)
    # A composite of two days: its noise has half of the variance of theirs.
    odd, even = 300 + signal + random.normal(0, np.sqrt(2) * 3, (2, *GRID.window.shape))
    bands = {"lst_day": (odd + even) / 2, "lst_day_odd": odd, "lst_day_days": 4.0, "lst_day_odd_days": 2.0}
    index = {"ndvi": signal, "ndvi_odd": signal, "ndvi_days": 31, "ndvi_odd_days": 15, "water": 0}
    index |= {"evi": signal, "evi_odd": signal, "evi_days": 16, "evi_odd_days": 16}
    write_composite(bench, LST, bands)
    write_composite(bench, INDEX, index)
    write_cells(bench.path(f"{RUN}/cells.tif"))
    log = bench.run("measure_reliability", f"{RUN}/tables/full/agreement.parquet")
    table = pd.read_parquet(bench.folder / f"{RUN}/tables/full/agreement.parquet").set_index("predictor")
    assert list(table.index) == USE
    assert table.loc["ndvi", "reliability"] == pytest.approx(1, abs=1e-6)
    assert table.loc["lst_day", "reliability"] == pytest.approx(0.5, abs=0.05)
    assert table.loc["lst_day", "signal_variance"] == pytest.approx(table.loc["lst_day", "noise_variance"], rel=0.2)
    assert table.loc["lst_day", "n"] == table.loc["ndvi", "n"] > 3000
    assert (table.loc["evi", "reliability"], table.loc["evi", "n"]) == (1, 0)
    assert table.loc["evi", "note"].startswith("fewer than 1000 pixels")
    assert "lst_day: 0." in log
