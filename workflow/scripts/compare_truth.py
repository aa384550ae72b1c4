"""Compare every map with the simulated truth at 1 km, as a whole and within cells."""

from kilomoist.evaluation.truth import truth_table
from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import job
from kilomoist.rasters import Mosaic, chunks_of


def compare_truth(truth_path: str, maps_path: str, map_path: str, path: str) -> None:
    """Write the table, over the pixels that have a value in all maps."""
    with Mosaic([maps_path], M01) as maps, Mosaic([map_path], M01) as finished, Mosaic([truth_path], M01) as truth:
        parts = (chunk.refined(CELL_SIDE) for chunk in chunks_of(maps.window.coarsened(CELL_SIDE)))
        table = truth_table(
            (
                {"soil_moisture.tif": finished.read(pixels, ["soil_moisture"])["soil_moisture"]} | maps.read(pixels),
                truth.read(pixels, ["soil_moisture"])["soil_moisture"],
            )
            for pixels in parts
        )
    with replaced(path) as partial:
        table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        compare_truth(*snakemake.input, snakemake.output.table)
