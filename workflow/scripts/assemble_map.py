"""Put the reconciled blocks together: the map, its quality flags, and the ranges of both maps."""

import numpy as np
import pandas as pd

from kilomoist.cells import block_mean
from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import job
from kilomoist.maps import bounds_of, finish_block, flag_block, legend
from kilomoist.methods import FEWEST_COARSE_CELLS
from kilomoist.models import load
from kilomoist.rasters import mosaic, write_raster
from kilomoist.scores import describe


def assemble_map(
    raw_blocks: list[str],
    stacks: list[str],
    cells_path: str,
    correction_path: str,
    model_path: str,
    target: str,
    few: dict[str, float],
    tags: dict[str, str],
    map_path: str,
    quality_path: str,
    table_path: str,
) -> None:
    """Write both rasters as COGs and the table of ranges."""
    model = load(model_path)
    bands, cells = mosaic([cells_path], M09)
    solved, _ = mosaic([correction_path], M09)
    reconciled = solved["reconciled"] > 0
    goal = np.where(reconciled, bands["target"], np.nan)
    pixels = cells.refined(CELL_SIDE)
    values, flags = np.full(pixels.shape, np.nan, np.float32), np.zeros(pixels.shape, np.uint8)
    for raw_block, stack_path in zip(raw_blocks, stacks, strict=True):
        raw, window = mosaic([raw_block], M01)
        stack, _ = mosaic([stack_path], M01)
        block = window.coarsened(CELL_SIDE)
        inner, here = block.within(cells), window.within(pixels)
        values[here] = finish_block(
            raw["soil_moisture"], solved["correction"], goal[inner], cells, block, bounds_of(target)
        )
        flags[here] = flag_block(values[here], stack, few, reconciled[inner])
    tags = tags | {"method": model.method, "model": model.kind, "alpha": f"{model.alpha:.4f}"}
    tags["reconciled"] = "yes" if reconciled.any() else "no"
    if model.alpha == 0:
        why = (
            f"only {model.coarse_cells} coarse cells of {CELL_SIDE * model.ratio} km "
            f"where {FEWEST_COARSE_CELLS} are needed"
            if model.coarse_cells < FEWEST_COARSE_CELLS
            else "the predictors tell nothing out of fold"
        )
        tags["note"] = f"alpha is 0, the map is the 9 km target, interpolated: {why}"
    write_raster(map_path, {"soil_moisture": values}, M01, pixels, tags, {"soil_moisture": "m3 m-3"}, True)
    write_raster(quality_path, {"quality": flags}, M01, pixels, tags | legend(), cloud_optimized=True)
    mapped = block_mean(values, CELL_SIDE)[1] > 0
    ranges = [
        {"map": name} | describe(part)
        for name, part in (
            ("9 km", bands["target"]),
            ("9 km where mapped", np.where(mapped, bands["target"], np.nan)),
            ("1 km", values),
        )
    ]
    with replaced(table_path) as partial:
        pd.DataFrame(ranges).to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        assemble_map(
            list(snakemake.input.raw),
            list(snakemake.input.stacks),
            *(snakemake.input[name] for name in ("cells", "correction", "model")),
            *(snakemake.params[name] for name in ("target", "few", "tags")),
            *snakemake.output,
        )
