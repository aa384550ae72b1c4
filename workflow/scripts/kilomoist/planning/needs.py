"""Needs of a run: geometry, granules and composites, what its jobs must know, and the memory and time they ask for.

Snakemake imports this module whenever it reads the workflow, in every job again: import nothing heavy here.
"""

import itertools
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import shapely

from kilomoist import products as products_table
from kilomoist.calendars import month_range, slots
from kilomoist.configuration.keys import Configuration, Region
from kilomoist.files import refuse_wildcards
from kilomoist.grids import Window, cells_covering
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS, TERRAIN
from kilomoist.regions import blocks_of, region_area, tiles_of
from kilomoist.simulation.file_names import granule_file_name

RECEIPT = "resources/receipts/{product}/{place}/{day}.json"
CATALOGUE = "resources/catalogue/{product}/{extent}/{month}.csv"
MEMORY_MARGIN, TIME_MARGIN = 1.5, 5
"""Factors from measured (docs/cluster.md, benchmarks/sizes.py) to requested: nodes and their files may be slower."""
SNAKEMAKE_MB = 450
"""Snakemake itself, twice in each job on a cluster: once in the job, once in its step."""
MIN_MINUTES = 10
Archive = Mapping[tuple[str, str | None, datetime], Path]
"""Granules of an archive: (product name, tile, time) → path."""


@cache
def area(region: Region) -> shapely.Geometry:
    """Area of a region in degrees; a country's outline is not there yet, but lies inside its box."""
    path, layer = (region.outline.path, region.outline.layer) if region.outline else (None, None)
    return region_area(region.bbox, path, region.name, layer)


@cache
def tiles(region: Region) -> list[str]:
    """Tiles of a region."""
    return tiles_of(area(region))


@cache
def blocks(region: Region, side: int) -> dict[str, Window]:
    """Windows of cells of a region's blocks, by name."""
    return blocks_of(cells_covering(area(region).bounds), side)


def places(product: Product, region: Region) -> list[str] | list[None]:
    """Tiles of a product on which a region needs granules; None alone for a product without tiles."""
    return tiles(region) if product.tiled else [None]


def predictor_products(configuration: Configuration) -> list[str]:
    """Names of the products that measure predictors in use, vegetation first."""
    keys = configuration.predictors
    return [name for name in keys.products if set(PRODUCTS[name].quantities) & set(keys.use)]


def shared_quantities(configuration: Configuration) -> list[str]:
    """Predictors in use that several products measure: those products' differences are taken away."""
    return products_table.shared_quantities(predictor_products(configuration), configuration.predictors.use)


def partners(configuration: Configuration, product: Product) -> list[Product]:
    """Products whose granules a composite of a product needs beside its own."""
    return [PRODUCTS[product.partner]] if product.needs_partner(configuration.predictors.use) else []


def products(configuration: Configuration) -> list[Product]:
    """Every product that a run reads, the target last."""
    composed = [PRODUCTS[name] for name in predictor_products(configuration)]
    read = (each.name for product in composed for each in (product, *partners(configuration, product)))
    return [PRODUCTS[name] for name in (*dict.fromkeys(read), configuration.target)]


def origin(configuration: Configuration) -> dict[str, list[str]]:
    """Names of the products that a run reads, the target first, and of the user's layers."""
    *others, target = products(configuration)
    names = [product.name for product in (target, *others)]
    return {"products": names, "layers": list(configuration.predictors.layers_in_use())}


def receipts(product: Product, tile: str | None, month: str) -> list[str]:
    """Receipts of a month's granules, by (first) day and by tile or, without tiles, time of the day."""
    times = (slot.time for slot in slots(product, month))
    return [RECEIPT.format(product=product.name, place=tile or f"{time:%H%M}", day=f"{time:%F}") for time in times]


def all_receipts(configuration: Configuration) -> list[str]:
    """Receipts of all granules of all runs, each once; none where nothing is fetched."""
    if configuration.source != "earthdata":
        return []
    runs = itertools.product(configuration.regions, configuration.months, products(configuration))
    found = [receipts(product, tile, month) for region, month, product in runs for tile in places(product, region)]
    return list(dict.fromkeys(itertools.chain(*found)))


def catalogue(product: str, place: str, day: str) -> str:
    """Catalogue that lists a granule: of the month of its (first) day."""
    extent = place if PRODUCTS[product].tiled else "global"
    return CATALOGUE.format(product=product, extent=extent, month=day[:7])


def catalogues(configuration: Configuration) -> list[str]:
    """Catalogues of all granules of all runs, each once."""
    paths = map(Path, all_receipts(configuration))
    return list(dict.fromkeys(catalogue(path.parts[-3], path.parts[-2], path.stem) for path in paths))


def archived_granules(archive: Archive, product: Product, tile: str | None, month: str) -> list[str]:
    """Paths of a month's granules that an archive holds."""
    keys = [(product.name, tile, slot.time) for slot in slots(product, month)]
    return [str(archive[key]) for key in keys if key in archive]


def simulated_granules(product: Product, tile: str | None, month: str) -> list[str]:
    """Paths below a scene's folder of a month's simulated granules; a job makes a month of daily ones, a folder."""
    folder = f"{product.name}/{tile}" if tile else product.name
    if product.calendar != "16-day":
        return [f"{folder}/{month}"]
    return [f"{folder}/{granule_file_name(product, slot.time, tile)}" for slot in slots(product, month)]


def composite_keys(configuration: Configuration, region: Region) -> list[tuple[str, str]]:
    """Product and tile of every composite of a region."""
    return [(product, tile) for product in predictor_products(configuration) for tile in tiles(region)]


def quantities(configuration: Configuration, product: Product) -> list[str]:
    """Predictors in use that a product measures, in its own order, so that their order in `use` changes nothing."""
    return [name for name in product.quantities if name in configuration.predictors.use]


def halves(configuration: Configuration) -> bool:
    """Whether composites keep halves of their month: maps of `detail`, all intervals and compared maps rest on them."""
    compares = configuration.source == "simulated" or configuration.field_points or configuration.map.comparison
    return configuration.model.method == "detail" or configuration.map.interval is not None or bool(compares)


def units(configuration: Configuration) -> dict[str, str]:
    """Units of the bands of the predictors' stack; that of a user's layer is unknown, whatever it is."""
    *used, _ = products(configuration)
    measured = {name: unit for product in used for name, unit in product.quantities.items()}
    known = measured | TERRAIN | {"elevation": "m"}
    of_predictors = {name: known.get(name, "as stored") for name in configuration.predictors.use}
    return of_predictors | {f"{name}_days": "days" for name in measured} | {"water": "1", "snow": "1"}


def few_days(configuration: Configuration, month: str) -> dict[str, float]:
    """Days of valid observations below which a pixel's predictor is flagged: twice what it needs, or half the month."""
    begin, end = month_range(month)
    enough = {"temperature": 2.0 * configuration.quality.minimum_days, "vegetation": (end - begin).days / 2}
    return {
        name: enough[PRODUCTS[product].role]
        for product in predictor_products(configuration)
        for name in configuration.predictors.use
        if name in PRODUCTS[product].quantities
    }


def vegetation_index(configuration: Configuration) -> str | None:
    """Vegetation index in use by which pixels are divided into classes; None where there is none."""
    used = [PRODUCTS[name] for name in configuration.predictors.products]
    layers = {layer for product in used if product.role == "vegetation" for layer in product.layers}
    return next((name for name in configuration.predictors.use if name in layers), None)


def target_error(configuration: Configuration) -> float:
    """Standard error of the target's monthly cells, m³/m³: the user's, or what is known of it."""
    if configuration.target_error is not None:
        return configuration.target_error
    simulated = configuration.source == "simulated"
    return configuration.scene.error.deviation if simulated else PRODUCTS[configuration.target].error


def minimum_passes(configuration: Configuration, target: Product) -> int:
    """Passes that a cell of the target's monthly mean needs; 1 where every field covers every cell."""
    return configuration.quality.minimum_passes if target.passes else 1


def scored_models(configuration: Configuration) -> list[str]:
    """Models that are scored: the map's, and as alternative `absolute` always, `detail` by `degrade_restore` alone."""
    both = configuration.model.method == "detail" or "degrade_restore" in configuration.evaluation.protocols
    return ["model", "alternative"] if both else ["model"]


def own_configuration(configuration: Configuration, region: str, month: str) -> dict[str, Any]:
    """Resolved configuration of a run: its region and month, without `export` and `report`, which change no map."""
    dumped = configuration.model_dump(mode="json", exclude={"export", "report"})
    return dumped | {"regions": [keys for keys in dumped["regions"] if keys["name"] == region], "months": [month]}


def compared(configuration: Configuration, month: str) -> list[dict[str, Any]]:
    """Keys of the other maps that a run's month is compared with, their files, and whether they are relative."""
    found = []
    for raster in configuration.compare:
        files = raster.files(month)
        refuse_wildcards(files)
        relative = raster.published is not None and raster.published.relative
        keys = raster.of_month(month).model_dump(mode="json", exclude={"product"})
        found.append(keys | {"files": [str(file) for file in files], "relative": relative})
    return found


def field_point_files(configuration: Configuration) -> list[str]:
    """Files that the user's points are read from: of an archive's folder all, so that a change of any counts."""
    path = configuration.field_points
    if path is None:
        return []
    from kilomoist.reporting.stations import archive_files, is_archive

    files = archive_files(path, configuration.points.depth) if is_archive(path) else [path]
    refuse_wildcards(files)
    return [str(file) for file in files]


def exports(configuration: Configuration) -> list[str]:
    """Files that are exported of each run, but figures, by their paths in its folder."""
    rasters = ["soil_moisture", "quality", *(["interval"] if configuration.map.interval else [])]
    files = {
        "netcdf": ["soil_moisture.nc"],
        "stac": ["item.json"],
        "raster": [f"raster/{name}.tif" for name in rasters],
        "zones": ["zones.csv", "zones.geojson"],
        "points": ["points.csv"],
        "png": ["slide.png"],
    }
    return [f"exports/{file}" for name in configuration.export.formats for file in files.get(name, ())]


def region_exports(configuration: Configuration) -> list[str]:
    """Files that are exported of each region, of all its months, by their paths in its folder."""
    files = {"zarr": "exports/soil_moisture.zarr", "stac": "exports/collection.json"}
    return [files[name] for name in configuration.export.formats if name in files]


def measured(base: float, blocks: Collection[Window] = (), *, of_region: float = 0, of_block: float = 0) -> float:
    """Use of a job: `base`, and more for each thousand cells of its region and of the largest of its blocks."""
    cells = [block.rows * block.columns / 1000 for block in blocks]
    return base + of_region * sum(cells) + of_block * max(cells, default=0)


def memory(mb: float, attempt: int) -> int:
    """MB to ask for, by MB that were measured: with a margin, and more at each attempt."""
    return attempt * (SNAKEMAKE_MB + round(MEMORY_MARGIN * mb))


def expected(seconds: float, _attempt: int) -> int:
    """Seconds that a job is expected to take, whichever attempt: what was measured."""
    return max(round(seconds), 1)


def minutes(seconds: float, attempt: int) -> int:
    """Minutes to ask for, by seconds that were measured: with a margin, and more at each attempt."""
    return attempt * max(MIN_MINUTES, round(TIME_MARGIN * seconds / 60))
