"""Whole Mongolia in August 2021 against the least work and two peers: python benchmarks/national.py [--archive FOLDER].

Simulated granules as many as NASA's, and stored as those are (217 MOD11A1 of a deflated stream a dataset, 21 MOD13A1
of a stream a row, 248 SPL4SMGP on 7 whole tiles), which `--archive` keeps for the next time. Each of these runs from
granules to the map in turn, in processes of its own on 2 cores, with the same forest (`absolute`, 100 trees of full
depth on the random 80 % of the cells), inside the outline:

- `least`: one process with plain pyhdf, h5py, rasterio and scikit-learn, nothing checked, nothing else written;
- `gdal`: GDAL's command line mosaics and warps every day, then the same in NumPy (needs gdal-bin with HDF4);
- `xarray`: a notebook's way, with xarray and rioxarray;
- `absolute`: the workflow with that forest, Snakemake, imports, tables and figures included, reconciled, without
  intervals, pages, and protocols beyond `random`;
- `default`: the workflow as people run it, `detail` with intervals, every protocol and the scene's field points; the
  row `pages` is what pages, report, READMEs and styles take after it, `exports` every format that needs no other file.

Prints jobs, CPU and wall seconds and the largest memory of each, the ratios of `absolute` and `default` to the other
three, CPU seconds by rule, and the wall time of a second run that finds nothing to do.
"""

import argparse
import itertools
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from archives import TARGET, TEMPERATURE, VEGETATION, make_archive
from numpy.typing import NDArray
from runs import ROOT, cpu_of_rules, jobs_of, largest_job, run

from kilomoist.grids import CELL_SIDE, M01, M09, SINUSOIDAL_CRS, Window, cells_covering, tile_grid
from kilomoist.regions import pixels_inside, region_area

EXTENT = (87.7, 41.55, 119.95, 52.15)
OUTLINE = ROOT / "benchmarks/mongolia.geojson"
MONTH = "2021-08"
PEERS = ("least", "gdal", "xarray")
UNITS = {"jobs": "jobs", "cpu": "s", "wall": "s", "memory": "MB", "idle_wall": "s"}
RATIOS = (("cpu", "least"), *(("wall", peer) for peer in PEERS))
DAYS = (12.0, 16.0, 3.0)
TREES, SEED = 100, 2021
MINIMUM_DAYS = 3
DEFAULT = {
    "source": "archive",
    "regions": [{"name": "mongolia", "bbox": list(EXTENT), "outline": str(OUTLINE)}],
}
ABSOLUTE = {
    **DEFAULT,
    "model": {"method": "absolute", "trees": TREES, "min_leaf": 1, "seed": SEED},
    "map": {"interval": None, "block": 352},
    "evaluation": {"protocols": []},
}
"""What the workflow is asked for; the country is one block."""
PAGES = ("write_report", "describe_files", "write_map_page", "write_region_page")
WITHOUT_PAGES = ["--omit-from", *PAGES]
FORMATS = ("netcdf", "zarr", "stac", "png", "svg", "pdf")


def region() -> tuple[Window, Window, NDArray[np.bool_]]:
    """Cells and pixels of the country's window, and which pixels lie inside."""
    area = region_area(EXTENT, OUTLINE)
    cells = cells_covering(area.bounds)
    return cells, cells.refined(CELL_SIDE), pixels_inside(area, cells)


def tiles_of(granules: Path, product: str) -> dict[str, list[Path]]:
    """A product's granules by tile, in the order of time."""
    return {folder.name: sorted(folder.glob("*.hdf")) for folder in sorted((granules / product).iterdir())}


def decode(path: Path, names: list[str]) -> list[NDArray]:
    from pyhdf.SD import SD, SDC

    file = SD(str(path), SDC.READ)
    arrays = [file.select(name).get() for name in names]
    file.end()
    return arrays


def forest_map(predictors: NDArray[np.float32], target: NDArray, inside: NDArray[np.bool_], path: Path) -> None:
    """The study's method with plain scikit-learn: means of cells, forest on 80 % of them, every pixel inside."""
    import rasterio
    from rasterio.transform import Affine
    from sklearn.ensemble import RandomForestRegressor

    valid = inside & np.isfinite(predictors).all(axis=0)
    layers, rows, columns = predictors.shape
    blocks = (layers, rows // CELL_SIDE, CELL_SIDE, columns // CELL_SIDE, CELL_SIDE)
    counts = valid.reshape(blocks[1:]).sum(axis=(1, 3))
    sums = np.where(valid, predictors, 0).reshape(blocks).sum(axis=(2, 4), dtype=float)
    trains = (counts * 2 >= CELL_SIDE**2) & np.isfinite(target)
    x, y = (sums[:, trains] / counts[trains]).T.astype(np.float32), target[trains]
    chosen = np.random.default_rng(SEED).permutation(len(y))[: int(0.8 * len(y))]
    forest = RandomForestRegressor(TREES, random_state=SEED, n_jobs=2).fit(x[chosen], y[chosen])
    result = np.full((rows, columns), np.nan, np.float32)
    result[valid] = forest.predict(predictors[:, valid].T)
    profile = {"driver": "COG", "compress": "deflate", "dtype": "float32", "nodata": np.nan, "count": 1}
    transform = Affine(*M01.transform(region()[1]))
    with rasterio.open(path, "w", height=rows, width=columns, crs=M01.crs, transform=transform, **profile) as file:
        file.write(result, 1)


def mean_target(granules: Path, cells: Window) -> NDArray:
    """The mean of the month's fields over the country's cells."""
    import h5py

    total, count = np.zeros(M09.window.shape), np.zeros(M09.window.shape)
    for path in sorted((granules / TARGET).glob("*.h5")):
        with h5py.File(path) as file:
            field = file["Geophysical_Data/sm_surface"][:]
        good = field >= 0
        total += np.where(good, field, 0)
        count += good
    with np.errstate(invalid="ignore"):
        return (total / count)[cells.within(M09.window)]


def least(granules: Path, folder: Path) -> None:
    """Decode, mask and average each tile, warp once with GDAL's `average`, and the forest."""
    from rasterio.transform import Affine
    from rasterio.warp import Resampling, reproject

    cells, pixels, inside = region()
    is_land = np.isin(np.arange(8), (1, 2, 4))
    warped = np.full((3, *pixels.shape), np.nan, np.float32)

    def warp(values: NDArray, number: int, tile: str) -> None:
        reproject(
            values.astype(np.float32),
            warped[number],
            src_transform=Affine(*tile_grid(tile, len(values)).transform()),
            src_crs=SINUSOIDAL_CRS,
            src_nodata=np.nan,
            dst_transform=Affine(*M01.transform(pixels)),
            dst_crs=M01.crs,
            dst_nodata=np.nan,
            init_dest_nodata=False,
            resampling=Resampling.average,
        )

    for tile, paths in tiles_of(granules, VEGETATION).items():
        sums, weight = np.zeros((2, 2400, 2400)), np.zeros((2400, 2400))
        names = [f"500m 16 days {name}" for name in ("NDVI", "EVI", "pixel reliability", "VI Quality")]
        for path, days in zip(paths, DAYS, strict=True):
            ndvi, evi, reliability, bits = decode(path, names)
            good = (reliability == 0) & is_land[bits >> 11 & 7]
            weight += days * good
            for number, index in enumerate((ndvi, evi)):
                sums[number] += days * good * index
        with np.errstate(invalid="ignore"):
            for number in range(2):
                warp(sums[number] / weight * 0.0001, number, tile)
    for tile, paths in tiles_of(granules, TEMPERATURE).items():
        total, count = np.zeros((1200, 1200)), np.zeros((1200, 1200))
        for path in paths:
            kelvin, quality = decode(path, ["LST_Day_1km", "QC_Day"])
            good = (kelvin > 0) & (quality & 3 == 0)
            total += np.where(good, kelvin, 0)
            count += good
        with np.errstate(invalid="ignore"):
            warp(np.where(count >= MINIMUM_DAYS, total / count * 0.02, np.nan), 2, tile)
    forest_map(warped, mean_target(granules, cells), inside, folder / "map.tif")


def gdal(granules: Path, folder: Path) -> None:
    """Mosaic and warp every day and period with GDAL's command line, then mask and average what it wrote."""
    import rasterio

    cells, pixels, inside = region()
    x, y = M01.x_edges(pixels), M01.y_edges(pixels)
    where = ["-t_srs", "EPSG:6933", "-te", *map(str, (x[0], y[-1], x[-1], y[0]))]
    where += ["-ts", str(pixels.columns), str(pixels.rows), "-r", "near", "-overwrite", "-q"]

    def warp(paths: list[Path], grid: str, dataset: str) -> NDArray:
        sources = [f'HDF4_EOS:EOS_GRID:"{path}":{grid}:{dataset}' for path in paths]
        subprocess.run(["gdalbuildvrt", "-q", "-overwrite", folder / "mosaic.vrt", *sources], check=True)
        subprocess.run(["gdalwarp", *where, folder / "mosaic.vrt", folder / "warped.tif"], check=True)
        with rasterio.open(folder / "warped.tif") as file:
            return file.read(1)

    vegetation, temperature = (list(tiles_of(granules, product).values()) for product in (VEGETATION, TEMPERATURE))
    sums, weight = np.zeros((2, *pixels.shape)), np.zeros(pixels.shape)
    for paths, days in zip(zip(*vegetation, strict=True), DAYS, strict=True):
        names = [f"500m 16 days {name}" for name in ("NDVI", "EVI", "pixel reliability")]
        ndvi, evi, reliability = (warp(list(paths), "MODIS_Grid_16DAY_500m_VI", name) for name in names)
        good = reliability == 0
        weight += days * good
        for number, index in enumerate((ndvi, evi)):
            sums[number] += days * good * index
    total, count = np.zeros(pixels.shape), np.zeros(pixels.shape)
    for paths in zip(*temperature, strict=True):
        kelvin, quality = (warp(list(paths), "MODIS_Grid_Daily_1km_LST", name) for name in ("LST_Day_1km", "QC_Day"))
        good = (kelvin > 0) & (quality & 3 == 0)
        total += np.where(good, kelvin, 0)
        count += good
    with np.errstate(invalid="ignore"):
        lst = np.where(count >= MINIMUM_DAYS, total / count * 0.02, np.nan)
        predictors = np.stack([*(sums / weight * 0.0001), lst]).astype(np.float32)
    forest_map(predictors, mean_target(granules, cells), inside, folder / "map.tif")


def xarray(granules: Path, folder: Path) -> None:
    """What a notebook does: a labelled array of each tile's month, masked, averaged, merged and reprojected."""
    import rioxarray  # noqa: F401  # gives arrays their `rio`
    import xarray as xr
    from rasterio.enums import Resampling
    from rasterio.transform import Affine
    from rioxarray.merge import merge_arrays

    cells, pixels, inside = region()
    transform = Affine(*M01.transform(pixels))

    def labelled(path: Path, tile: str, names: list[str]) -> xr.Dataset:
        arrays = decode(path, names)
        grid = tile_grid(tile, len(arrays[0]))
        window = grid.window
        places = {"y": grid.y_centres(window), "x": grid.x_centres(window)}
        return xr.Dataset({name: (("y", "x"), array) for name, array in zip(names, arrays, strict=True)}, places)

    def month(product: str, names: list[str]) -> list[xr.Dataset]:
        return [
            xr.concat([labelled(path, tile, names) for path in paths], "time")
            for tile, paths in tiles_of(granules, product).items()
        ]

    def reprojected(parts: list[xr.DataArray]) -> NDArray:
        whole = merge_arrays([part.rio.write_crs(SINUSOIDAL_CRS).rio.write_nodata(np.nan) for part in parts])
        resampling = Resampling.average
        return whole.rio.reproject(M01.crs, transform=transform, shape=pixels.shape, resampling=resampling).to_numpy()

    names = [f"500m 16 days {name}" for name in ("NDVI", "EVI", "pixel reliability")]
    weights = xr.DataArray(np.array(DAYS), dims="time")
    indices: dict[str, list[xr.DataArray]] = {name: [] for name in names[:2]}
    for tile in month(VEGETATION, names):
        for name, parts in indices.items():
            index = tile[name].where(tile[names[2]] == 0)
            parts.append((index.weighted(weights).mean("time") * 0.0001).astype("float32"))
    layers = [reprojected(parts) for parts in indices.values()]
    temperatures = []
    for tile in month(TEMPERATURE, ["LST_Day_1km", "QC_Day"]):
        kelvin = tile["LST_Day_1km"].where((tile["LST_Day_1km"] > 0) & (tile["QC_Day"] & 3 == 0))
        mean = kelvin.mean("time").where(kelvin.count("time") >= MINIMUM_DAYS) * 0.02
        temperatures.append(mean.astype("float32"))
    layers.append(reprojected(temperatures))
    forest_map(np.stack(layers).astype(np.float32), mean_target(granules, cells), inside, folder / "map.tif")


def measure(peer: str, granules: Path) -> dict[str, float]:
    """CPU and wall seconds of a peer in a process of its own, all below it included, and its largest memory (MB)."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, __file__, "--archive", granules.parent, "--peer", peer, "--folder", folder],
            capture_output=True,
            text=True,
        )
        wall = time.monotonic() - start
    if done.returncode:
        sys.exit(f"{done.stderr}\n{peer} failed.")
    cpu, memory = json.loads(done.stdout.splitlines()[-1])
    return {"cpu": cpu, "wall": wall, "memory": memory}


def runs_of(folder: Path, rows: dict[str, tuple[dict[str, Any], list[str]]], granules: Path) -> dict[str, Any]:
    """Costs of runs of the workflow in one folder, one after another, and of the last one again; prints CPU by rule."""
    folder.mkdir()
    found, before = {}, Counter[str]()
    for row, (keys, options) in rows.items():
        config = [f"{key}={json.dumps(value)}" for key, value in {**keys, "archive": str(granules)}.items()]
        jobs = jobs_of(folder)
        cost = run(folder, config, options)
        spent = Counter(cpu_of_rules(folder)) - before
        before += spent
        for rule, cpu in spent.most_common():
            print(f"cpu_of_{row}_{rule} {cpu:.1f} s")
        print(f"cpu_of_{row}_without_a_rule {cost.cpu - spent.total():.1f} s")
        rule, memory = largest_job(folder, spent)
        print(f"largest_job_{row}_{rule} {memory:.0f} MB")
        found[row] = {"jobs": jobs_of(folder) - jobs, "cpu": cost.cpu, "wall": cost.wall, "memory": memory}
    found[row]["idle_wall"] = run(folder, config, options).wall
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, help="where the simulated granules are, or are to be kept")
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.peer:
        {"least": least, "gdal": gdal, "xarray": xarray}[chosen.peer](chosen.archive / "granules", chosen.folder)
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        print(json.dumps([cpu, max(usage.ru_maxrss for usage in usages) / 1024]))
        return
    with tempfile.TemporaryDirectory() as name:
        # In a process of its own: what is started from one that was large counts as large.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            made = pool.submit(make_archive, chosen.archive or Path(name) / "archive", EXTENT, OUTLINE, MONTH)
            granules = made.result().resolve()
        found = {peer: measure(peer, granules) for peer in chosen.peers}
        found |= runs_of(Path(name) / "absolute", {"absolute": (ABSOLUTE, WITHOUT_PAGES)}, granules)
        points = {"field_points": str(granules.parent / "field_points.csv")}
        everything = DEFAULT | points
        exported = everything | {"export": {"formats": FORMATS}}
        rows = {"default": (everything, WITHOUT_PAGES), "pages": (everything, []), "exports": (exported, [])}
        found |= runs_of(Path(name) / "default", rows, granules)
    for row, costs in found.items():
        for name, value in costs.items():
            unit = UNITS[name]
            print(f"{name}_{row} {value:.{int(unit == 's')}f} {unit}")
    for row, (kind, peer) in itertools.product(("absolute", "default"), RATIOS):
        if peer in found:
            print(f"{kind}_ratio_{row}_{peer} {found[row][kind] / found[peer][kind]:.2f}")


if __name__ == "__main__":
    main()
