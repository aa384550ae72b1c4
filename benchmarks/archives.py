"""Archives of simulated granules as large as a country's, made by the project's own simulator."""

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow/scripts"))

from kilomoist.calendars import slots
from kilomoist.configuration.keys import ErrorKeys
from kilomoist.grids import Box, geographic_from_sinusoidal, tile_grid
from kilomoist.products import PRODUCTS
from kilomoist.regions import region_area, tiles_of
from kilomoist.simulation.file_names import granule_file_name
from simulate_landscape import simulate_landscape
from simulate_target import simulate_target
from simulate_temperature import simulate_temperature
from simulate_truth import simulate_truth
from simulate_vegetation import simulate_vegetation

VEGETATION, TEMPERATURE, TARGET = "MOD13A1.061", "MOD11A1.061", "SPL4SMGP.008"
SEED = 2021


def around(tiles: list[str]) -> Box:
    """West, south, east, north of whole tiles: NASA's granules do not end where a region does."""
    grids = [tile_grid(tile, 1) for tile in tiles]
    corners = [
        geographic_from_sinusoidal(*np.meshgrid(grid.x_edges(grid.window), grid.y_edges(grid.window))) for grid in grids
    ]
    longitudes, latitudes = np.concatenate(corners, axis=1).reshape(2, -1)
    west, east = np.clip([longitudes.min(), longitudes.max()], -180, 180)
    return float(west), float(latitudes.min()), float(east), float(latitudes.max())


def make_archive(folder: Path, extent: Box, outline: Path | None, month: str) -> Path:
    """Simulate whole tiles for a region within `extent` and a month; nothing where that was done before.

    Returns the folder of the granules; beside it lie the landscape and the truth.
    """
    granules, landscape, truth = folder / "granules", str(folder / "landscape.npz"), str(folder / "truth.tif")
    done = folder / "complete"
    if done.exists():
        return granules
    tiles, product = tiles_of(region_area(extent, outline)), PRODUCTS[VEGETATION]
    scene = {"extent": around(tiles), "seed": SEED, "landscape": "steppe"}
    (granules / TARGET).mkdir(parents=True)
    simulate_landscape(scene=scene, landscape=landscape, elevation=str(folder / "elevation.tif"))
    points = str(folder / "field_points.csv")
    simulate_truth(landscape=landscape, month=month, scene=scene, truth=truth, points=points)
    with ProcessPoolExecutor(2) as pool:
        monthly = {"month": month, "scene": scene}
        smap = {"truth": truth, "product": TARGET, "granules": str(granules / TARGET), "threads": 1}
        smap |= {"landscape": landscape, "error": ErrorKeys().model_dump()}
        jobs = [pool.submit(simulate_target, **smap, **monthly)]
        for tile in tiles:
            own = {"landscape": landscape, "tile": tile}
            daily = str(granules / TEMPERATURE / tile)
            jobs.append(pool.submit(simulate_temperature, product=TEMPERATURE, granules=daily, **own, **monthly))
            for slot in slots(product, month):
                path = granules / VEGETATION / tile / granule_file_name(product, slot.time, tile)
                period = {"first_day": slot.time.strftime(product.time_format), "granule": str(path), "scene": scene}
                jobs.append(pool.submit(simulate_vegetation, product=VEGETATION, **own, **period))
        for job in jobs:
            job.result()
    done.touch()
    return granules
