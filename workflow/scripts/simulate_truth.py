"""Write the truth of a simulated month: soil moisture at 1 km, and field points that measure it."""

from kilomoist.files import write_table
from kilomoist.grids import M01
from kilomoist.jobs import rule_script
from kilomoist.rasters import write_raster
from kilomoist.simulation import landscapes
from kilomoist.simulation.field_points import field_points
from kilomoist.simulation.scenes import make_scene


@rule_script
def simulate_truth(*, landscape: str, month: str, scene: dict, truth: str, points: str) -> None:
    """Write the 1 km truth as GeoTIFF and 153 field points as CSV."""
    simulated = make_scene(**scene)
    true = landscapes.truth(landscapes.read_landscape(landscape), month)
    tags = {"source": "simulated", "month": month}
    write_raster(truth, {"soil_moisture": true}, M01, simulated.pixels, tags, {"soil_moisture": "m3 m-3"})
    write_table(points, field_points(simulated, true, month, scene["extent"]))
