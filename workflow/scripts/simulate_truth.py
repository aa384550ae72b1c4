"""Write what a simulated month really is: soil moisture at 1 km, and field points that measure it."""

from kilomoist.files import replaced
from kilomoist.grids import M01, Box
from kilomoist.jobs import job
from kilomoist.rasters import write_raster
from kilomoist.simulation.field_points import field_points
from kilomoist.simulation.landscapes import read_landscape, truth
from kilomoist.simulation.scenes import make_scene


def simulate_truth(landscape: str, month: str, extent: Box, seed: int, truth_path: str, points_path: str) -> None:
    """Write the 1 km truth as GeoTIFF and 153 field points as CSV."""
    scene = make_scene(extent, seed)
    true = truth(read_landscape(landscape), month)
    tags = {"source": "simulated", "month": month}
    write_raster(truth_path, {"soil_moisture": true}, M01, scene.pixels, tags, {"soil_moisture": "m3 m-3"})
    with replaced(points_path) as partial:
        field_points(scene, true, month, extent).to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        simulate_truth(
            snakemake.input.landscape,
            snakemake.wildcards.month,
            tuple(snakemake.params.extent),
            snakemake.params.seed,
            snakemake.output.truth,
            snakemake.output.points,
        )
