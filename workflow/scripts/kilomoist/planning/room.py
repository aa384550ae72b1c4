"""Room that a run takes on disk, about, and whether as much is free.

Snakemake imports this module whenever it reads the workflow, in every job again: import nothing heavy here.
"""

import itertools
import os
from pathlib import Path

from kilomoist.calendars import slots
from kilomoist.configuration.keys import Configuration
from kilomoist.disks import room, size_text
from kilomoist.grids import CELL_SIDE
from kilomoist.planning.needs import all_receipts, blocks, catalogues, composite_keys, places, products
from kilomoist.products import PRODUCTS

PIXEL_BYTES = 131
"""Bytes of all files of a region and month for each pixel of its window: those of the default run, with intervals."""
COMPOSITE_BYTES = 14
"""Bytes of a composite for each pixel of its tile: MOD13A1 with two quantities (`COMPOSITE_MB` in
benchmarks/scale.py)."""
SIMULATED_BYTES, SCENE_BYTES = 430_000, 121_000_000
"""Bytes of a simulated granule, mean of those of the default run, and of what its scene keeps beside them."""


def result_bytes(configuration: Configuration) -> int:
    """Bytes that composites and results of all regions and months take, about."""
    windows = [blocks(region, configuration.map.block).values() for region in configuration.regions]
    cells = sum(window.rows * window.columns for region in windows for window in region)
    keys = {key for region in configuration.regions for key in composite_keys(configuration, region)}
    of_composites = COMPOSITE_BYTES * sum(PRODUCTS[product].pixels ** 2 for product, _ in keys)
    return len(configuration.months) * (PIXEL_BYTES * CELL_SIDE**2 * cells + of_composites)


def simulated_bytes(configuration: Configuration) -> int:
    """Bytes that simulated granules of all regions and months take, about; 0 where none are simulated."""
    if configuration.source != "simulated":
        return 0
    wanted = {
        (product.name, tile, month)
        for product in products(configuration)
        for month in configuration.months
        for region in configuration.regions
        for tile in places(product, region)
    }
    granules = sum(len(slots(PRODUCTS[product], month)) for product, _, month in wanted)
    return SCENE_BYTES + SIMULATED_BYTES * granules


def granule_bytes(configuration: Configuration, store: str | Path) -> int:
    """Bytes that NASA's granules take in the store, as far as catalogues tell; 0 where none are fetched."""
    listed = [path for path in catalogues(configuration) if Path(path).exists()]
    if not listed:
        return 0
    from kilomoist.earthdata.catalogues import read_catalogue
    from kilomoist.earthdata.traffic import expected_traffic

    wanted = {Path(path).parts[-3:] for path in all_receipts(configuration)}
    found = 0
    for path in map(Path, listed):
        product = path.parts[-3]
        own = {(Path(day).stem, place) for name, place, day in wanted if name == product}
        found += expected_traffic(PRODUCTS[product], read_catalogue(path, PRODUCTS[product]), own, store)["on disk MB"]
    return found


def need(configuration: Configuration, store: str | Path) -> int:
    """Bytes that all regions and months take, about, granules that are fetched or simulated among them."""
    return result_bytes(configuration) + simulated_bytes(configuration) + granule_bytes(configuration, store)


def told(needed: int) -> str:
    """What a run needs on disk, what of it may be there, and what is free."""
    mount, free, size = room(Path())
    return (
        f"The run needs about {size_text(needed)} on disk; {size_text(_there())} are here already, "
        f"and {size_text(free)} of {size_text(size)} are free on the file system at {mount}."
    )


def warnings_of(needed: int) -> list[str]:
    """A sentence where less is free than a run needs beside what is here already."""
    free = room(Path())[1]
    # What is here is seldom asked for: many granules are many files to look at.
    is_enough = needed <= free or needed - _there() <= free
    return [] if is_enough else [f"{told(needed)} Make room, or use another --directory."]


def _there() -> int:
    """Bytes of all files below the folders that runs write."""
    found = 0
    for place, _, names in itertools.chain(*map(os.walk, ("results", "resources"))):
        found += sum(path.lstat().st_size for name in names if (path := Path(place, name)).exists())
    return found
