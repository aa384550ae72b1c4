"""Every stage against the least work that could do it, in one run: python benchmarks/stages.py.

Simulated data, the default region and month. "Least" is what a short script would do with plain pyhdf, h5py, rasterio
and scikit-learn: decode only the arrays that the default predictors need, mask and average them, warp once with GDAL,
fit one forest, predict every pixel; without checks, files in between, flags, inventories, reconciliation or a search
for the leaf size. Prints per stage and for the whole run (Snakemake with its imports and files, granules already there,
no figures) the ratio of CPU and of wall time to that.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from pyhdf.SD import SD, SDC
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject
from runs import Cost, run
from sklearn.ensemble import RandomForestRegressor

from kilomoist.calendars import Slot, slots
from kilomoist.cells import block_mean
from kilomoist.composites import average_fields, average_tile
from kilomoist.grids import CELL_SIDE, M01, M09, SINUSOIDAL_CRS, tile_grid
from kilomoist.methods import Cells, Tuning, fit_detail, predict_map
from kilomoist.models import Settings
from kilomoist.predictors import TileComposite, stack_predictors
from kilomoist.products import PRODUCTS, Product
from kilomoist.rasters import mosaic, write_raster
from kilomoist.samples import read_samples

RUN = "results/khangai/2021-08"
TILES = ("h24v04", "h25v04")
USE = ["ndvi", "evi", "lst_day"]
VEGETATION, TEMPERATURE = PRODUCTS["MOD13A1.061"], PRODUCTS["MOD11A1.061"]
DAYS = (12.0, 16.0, 3.0)


def timed(function: Callable[[], object]) -> tuple[object, Cost]:
    """What a function returns, and the time of this process that it took."""
    wall, cpu = time.monotonic(), time.process_time()
    result = function()
    return result, Cost(time.process_time() - cpu, time.monotonic() - wall)


def in_slots(paths: list[Path], product: Product) -> list[tuple[Path, Slot]]:
    """All granules of a month with their slots."""
    return list(zip(paths, slots(product, "2021-08"), strict=True))


def decode(path: Path, names: list[str]) -> list[np.ndarray]:
    file = SD(str(path), SDC.READ)
    arrays = [file.select(name).get() for name in names]
    file.end()
    return arrays


def least_vegetation(paths: list[Path]) -> dict[str, np.ndarray]:
    """Weighted means of both indices where reliability is 0."""
    total = {name: np.zeros((2400, 2400)) for name in ("ndvi", "evi")}
    weight = np.zeros((2400, 2400))
    for path, days in zip(paths, DAYS, strict=True):
        ndvi, evi, reliability = decode(path, [f"500m 16 days {name}" for name in ("NDVI", "EVI", "pixel reliability")])
        good = reliability == 0
        weight += days * good
        total["ndvi"] += days * good * ndvi
        total["evi"] += days * good * evi
    with np.errstate(invalid="ignore"):
        return {name: values / weight * 0.0001 for name, values in total.items()}


def least_temperature(paths: list[Path]) -> np.ndarray:
    """Mean of good temperatures by day."""
    total, count = np.zeros((1200, 1200)), np.zeros((1200, 1200))
    for path in paths:
        kelvin, quality = decode(path, ["LST_Day_1km", "QC_Day"])
        good = (kelvin > 0) & (quality & 3 == 0)
        total += np.where(good, kelvin, 0)
        count += good
    with np.errstate(invalid="ignore"):
        return np.where(count >= 3, total / count * 0.02, np.nan)


def least_target(paths: list[Path]) -> np.ndarray:
    total, count = np.zeros(M09.window.shape), np.zeros(M09.window.shape)
    for path in paths:
        with h5py.File(path) as file:
            field = file["Geophysical_Data/sm_surface"][:]
        good = field >= 0
        total += np.where(good, field, 0)
        count += good
    with np.errstate(invalid="ignore"):
        return total / count


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(folder, [])
        simulated = folder / "resources/simulated/full-2021"
        vegetation = {tile: sorted((simulated / "MOD13A1.061" / tile).glob("*.hdf")) for tile in TILES}
        temperature = {tile: sorted((simulated / "MOD11A1.061" / tile / "2021-08").glob("*.hdf")) for tile in TILES}
        target = sorted((simulated / "SPL4SMGP.008/2021-08").glob("*.h5"))
        ours: dict[str, Cost] = {}
        least: dict[str, Cost] = {}

        _, ours["vegetation"] = timed(
            lambda: [average_tile(in_slots(vegetation[tile], VEGETATION), VEGETATION, "good", USE) for tile in TILES]
        )
        indices, least["vegetation"] = timed(lambda: [least_vegetation(vegetation[tile]) for tile in TILES])
        _, ours["temperature"] = timed(
            lambda: [average_tile(in_slots(temperature[tile], TEMPERATURE), TEMPERATURE, "good", USE) for tile in TILES]
        )
        kelvin, least["temperature"] = timed(lambda: [least_temperature(temperature[tile]) for tile in TILES])
        _, ours["target"] = timed(lambda: average_fields(target, PRODUCTS["SPL4SMGP.008"]))
        _, least["target"] = timed(lambda: least_target(target))

        cells_bands, cells = mosaic([folder / RUN / "cells.tif"], M09)
        pixels = cells.refined(CELL_SIDE)
        composites = [
            TileComposite(product, tile, folder / f"results/composites/simulated/{product}/{tile}/2021-08.tif")
            for product in ("MOD13A1.061", "MOD11A1.061")
            for tile in TILES
        ]
        stack, ours["warp"] = timed(lambda: stack_predictors(composites, USE, cells, {"lst_day": 3}))

        def least_warp() -> np.ndarray:
            warped = np.full((3, *pixels.shape), np.nan, np.float32)
            layers = [("ndvi", indices), ("evi", indices), ("lst_day", kelvin)]
            for number, (layer, tiles) in enumerate(layers):
                for tile, values in zip(TILES, tiles, strict=True):
                    source = values[layer] if layer != "lst_day" else values
                    reproject(
                        source.astype(np.float32),
                        warped[number],
                        src_transform=Affine(*tile_grid(tile, len(source)).transform()),
                        src_crs=SINUSOIDAL_CRS,
                        src_nodata=np.nan,
                        dst_transform=Affine(*M01.transform(pixels)),
                        dst_crs=M01.crs,
                        dst_nodata=np.nan,
                        init_dest_nodata=False,
                        resampling=Resampling.average,
                    )
            return warped

        warped, least["warp"] = timed(least_warp)

        settings = Settings("random_forest", 200, 2021)
        samples = read_samples(folder / RUN / "samples.parquet", USE)
        region = Cells.of_samples(samples, cells_bands["target"], USE, cells)
        (model, _), ours["fit"] = timed(lambda: fit_detail(region, USE, settings, Tuning("auto"), 0.5))
        x, y = samples[USE].to_numpy(np.float32), samples["target"].to_numpy()
        leaf = model.min_leaf
        forest, least["fit"] = timed(
            lambda: RandomForestRegressor(200, min_samples_leaf=leaf, random_state=2021).fit(x, y)
        )
        predictors = np.stack([stack[layer] for layer in USE])
        _, ours["predict"] = timed(lambda: predict_map(model, predictors, pixels, region, CELL_SIDE))

        def least_predict() -> np.ndarray:
            valid = np.isfinite(warped).all(axis=0)
            values = np.full(valid.shape, np.nan, np.float32)
            values[valid] = forest.predict(warped[:, valid].T)
            return values

        values, least["predict"] = timed(least_predict)
        _, least["means"] = timed(lambda: block_mean(warped, CELL_SIDE))
        _, least["write"] = timed(
            lambda: write_raster(folder / "least.tif", {"soil_moisture": values}, M01, pixels, {}, cloud_optimized=True)
        )

        config = ["source=archive", f"archive={simulated}"]
        whole = run(folder, config, [f"{RUN}/soil_moisture.tif"])
    for stage, cost in ours.items():
        print(f"cpu_ratio_{stage} {cost.cpu / least[stage].cpu:.2f}")
        print(f"wall_ratio_{stage} {cost.wall / least[stage].wall:.2f}")
    least_cpu, least_wall = sum(cost.cpu for cost in least.values()), sum(cost.wall for cost in least.values())
    print(f"least_cpu {least_cpu:.1f} s")
    print(f"least_wall {least_wall:.1f} s")
    print(f"cpu_ratio {whole.cpu / least_cpu:.2f}")
    print(f"wall_ratio {whole.wall / least_wall:.2f}")


if __name__ == "__main__":
    main()
