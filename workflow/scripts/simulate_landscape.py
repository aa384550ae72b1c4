"""Make the landscape of a simulated scene: what does not change with time."""

from kilomoist.grids import M01, Box
from kilomoist.jobs import job
from kilomoist.rasters import write_raster
from kilomoist.simulation.landscapes import elevation_map, landscape, write_landscape
from kilomoist.simulation.scenes import make_scene


def simulate_landscape(path: str, elevation_path: str, extent: Box, seed: int, kind: str) -> None:
    """Write the fields of the scene that covers `extent`, and its elevation at 1 km as GeoTIFF."""
    scene = make_scene(extent, seed, kind)
    fields = landscape(scene)
    write_landscape(path, fields)
    tags = {"source": "simulated", "landscape": kind}
    write_raster(elevation_path, {"elevation": elevation_map(fields)}, M01, scene.pixels, tags, {"elevation": "m"})


if __name__ == "__main__":
    with job(snakemake.log[0]):
        simulate_landscape(
            snakemake.output.landscape,
            snakemake.output.elevation,
            tuple(snakemake.params.extent),
            snakemake.params.seed,
            snakemake.params.landscape,
        )
