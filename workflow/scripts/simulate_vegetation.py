"""Write one 16-day vegetation granule as MODIS or VIIRS would see a simulated scene."""

from datetime import datetime

from kilomoist.grids import tile_grid
from kilomoist.jobs import rule_script
from kilomoist.products import PRODUCTS
from kilomoist.simulation.landscapes import read_landscape
from kilomoist.simulation.observations import Footprints, vegetation_period
from kilomoist.simulation.scenes import make_scene
from kilomoist.simulation.tiles import write_tiled_granule


@rule_script
def simulate_vegetation(*, landscape: str, product: str, tile: str, first_day: str, scene: dict, granule: str) -> None:
    """Write the granule whose period begins on `first_day` (year and day of the year)."""
    described, simulated = PRODUCTS[product], make_scene(**scene)
    time = datetime.strptime(first_day, described.time_format)
    footprints = Footprints(simulated, tile_grid(tile, described.pixels), samples=2)
    arrays = vegetation_period(simulated, read_landscape(landscape), footprints, described, time)
    write_tiled_granule(granule, described, tile, time, arrays)
