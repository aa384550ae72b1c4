"""Write the daily temperature granules of a month and tile as MODIS or VIIRS would see a simulated scene."""

from pathlib import Path

from kilomoist.calendars import slots
from kilomoist.grids import tile_grid
from kilomoist.jobs import rule_script
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name
from kilomoist.simulation.landscapes import read_landscape
from kilomoist.simulation.observations import TemperatureView
from kilomoist.simulation.scenes import make_scene
from kilomoist.simulation.tiles import write_tiled_granule


@rule_script
def simulate_temperature(*, landscape: str, product: str, tile: str, month: str, scene: dict, granules: str) -> None:
    """Write one granule a day into the folder `granules`."""
    described = PRODUCTS[product]
    grid = tile_grid(tile, described.pixels)
    view = TemperatureView(make_scene(**scene), read_landscape(landscape), grid, month)
    for slot in slots(described, month):
        path = Path(granules) / granule_file_name(described, slot.time, tile)
        write_tiled_granule(path, described, tile, slot.time, view.day(described, slot.time))
