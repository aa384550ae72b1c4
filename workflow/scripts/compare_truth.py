"""Compare every map with the simulated truth at 1 km, as a whole and within cells."""

from kilomoist.files import replaced
from kilomoist.grids import M01
from kilomoist.jobs import job
from kilomoist.protocols import truth_table
from kilomoist.rasters import mosaic


def compare_truth(truth_path: str, maps_path: str, map_path: str, path: str) -> None:
    """Write the table, over the pixels that have a value in all maps."""
    maps, pixels = mosaic([maps_path], M01)
    finished, _ = mosaic([map_path], M01)
    truth, scene = mosaic([truth_path], M01)
    table = truth_table(
        {"soil_moisture.tif": finished["soil_moisture"]} | maps, truth["soil_moisture"][pixels.within(scene)]
    )
    with replaced(path) as partial:
        table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        compare_truth(*snakemake.input, snakemake.output.table)
