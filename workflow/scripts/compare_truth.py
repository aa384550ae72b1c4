"""Compare every map with the simulated truth at 1 km, as a whole and within cells."""

from kilomoist.evaluation.truth import truth_table
from kilomoist.files import write_table
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import rule_script
from kilomoist.names import map_label
from kilomoist.rasters import Mosaic, chunks_of


@rule_script
def compare_truth(*, truth: str, maps: str, soil_moisture: str, method: str, table: str) -> None:
    """Write the table, over the pixels that have a value in all maps; `method` makes the map."""
    with Mosaic([maps], M01) as compared, Mosaic([soil_moisture], M01) as finished, Mosaic([truth], M01) as true:
        chunks = (chunk.refined(CELL_SIDE) for chunk in chunks_of(compared.window.coarsened(CELL_SIDE)))
        scores = truth_table(
            (
                {"soil_moisture.tif": finished.read(pixels, ["soil_moisture"])["soil_moisture"]}
                | compared.read(pixels),
                true.read(pixels, ["soil_moisture"])["soil_moisture"],
            )
            for pixels in chunks
        )
    scores.insert(1, "label", [map_label(name, method) for name in scores["map"]])
    write_table(table, scores)
