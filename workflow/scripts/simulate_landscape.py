"""Make the landscape of a simulated scene: what does not change with time."""

from kilomoist.grids import Box
from kilomoist.jobs import job
from kilomoist.scenes import landscape, make_scene, write_landscape


def simulate_landscape(path: str, extent: Box, seed: int) -> None:
    """Write the fields of the scene that covers `extent`."""
    write_landscape(path, landscape(make_scene(extent, seed)))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        simulate_landscape(snakemake.output.landscape, tuple(snakemake.params.extent), snakemake.params.seed)
