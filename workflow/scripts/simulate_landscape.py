"""Make the landscape of a simulated scene: what does not change with time."""

from kilomoist.grids import M01
from kilomoist.jobs import rule_script
from kilomoist.rasters import write_raster
from kilomoist.simulation import landscapes
from kilomoist.simulation.scenes import make_scene


@rule_script
def simulate_landscape(*, scene: dict, landscape: str, elevation: str) -> None:
    """Write the fields of the scene's landscape, and its elevation at 1 km as GeoTIFF."""
    simulated = make_scene(**scene)
    fields = landscapes.landscape(simulated)
    landscapes.write_landscape(landscape, fields)
    tags = {"source": "simulated", "landscape": scene["landscape"]}
    bands = {"elevation": landscapes.elevation_map(fields)}
    write_raster(elevation, bands, M01, simulated.pixels, tags, {"elevation": "m"})
