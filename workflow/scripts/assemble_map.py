"""Put the reconciled blocks together: the map, and the ranges of both maps."""

from itertools import zip_longest

import numpy as np
import pandas as pd

from kilomoist.cells import block_mean
from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import job
from kilomoist.maps import bounds_of, finish_block, interval_block
from kilomoist.methods import FEWEST_COARSE_CELLS
from kilomoist.models import load
from kilomoist.rasters import mosaic, read_raster, write_raster
from kilomoist.scores import describe


def assemble_map(
    raw_blocks: list[str],
    offsets: list[str],
    cells_path: str,
    target_path: str,
    correction_path: str,
    model_path: str,
    target: str,
    target_error: float,
    interval: float | None,
    tags: dict[str, str],
    map_path: str,
    table_path: str,
) -> None:
    """Write the map as a COG and the table of ranges.

    `cells_path` holds what the map is held to, the target of `target_path` or a weighed one; `offsets` are the
    intervals of the blocks, none where the map has no interval.
    """
    model = load(model_path)
    bands, cells = mosaic([cells_path], M09)
    coarse, _ = mosaic([target_path], M09)
    weight = float(read_raster(cells_path)[1].get("target_weight", 1))
    solved, _ = mosaic([correction_path], M09)
    reconciled = solved["reconciled"] > 0
    goal = np.where(reconciled, bands["target"], np.nan)
    pixels = cells.refined(CELL_SIDE)
    maps = {name: np.full(pixels.shape, np.nan, np.float32) for name in ("soil_moisture", "lower", "upper")}
    values = maps["soil_moisture"]
    for raw_block, offset_path in zip_longest(raw_blocks, offsets):
        raw, window = mosaic([raw_block], M01)
        block = window.coarsened(CELL_SIDE)
        inner, here = block.within(cells), window.within(pixels)
        values[here] = finish_block(
            raw["soil_moisture"], solved["correction"], goal[inner], cells, block, bounds_of(target)
        )
        if offset_path:
            offset, _ = mosaic([offset_path], M01)
            maps["lower"][here], maps["upper"][here] = interval_block(
                values[here], offset["below"], offset["above"], weight**0.5 * target_error, interval, bounds_of(target)
            )
    tags = tags | {"method": model.method, "model": model.kind, "alpha": f"{model.alpha:.4f}"}
    tags["reconciled"] = "yes" if reconciled.any() else "no"
    if weight < 1:
        tags["reconciled"] = f"as far as warranted: the target has weight {weight:.3f}, the model's mean the rest"
    if offsets:
        conditional = " (0: intervals are conditional on the target)" if target_error == 0 else ""
        tags |= {"interval": f"{interval:g}", "target_error": f"{target_error:g} m3 m-3{conditional}"}
        if not np.isfinite(maps["lower"]).any():
            tags["interval"] = "none: the region is too small to count errors one scale up"
    else:
        maps = {"soil_moisture": values}
    if model.alpha == 0:
        why = (
            f"only {model.coarse_cells} coarse cells of {CELL_SIDE * model.ratio} km "
            f"where {FEWEST_COARSE_CELLS} are needed"
            if model.coarse_cells < FEWEST_COARSE_CELLS
            else "the predictors tell nothing out of fold"
        )
        tags["note"] = f"alpha is 0, the map is the 9 km target, interpolated: {why}"
    write_raster(map_path, maps, M01, pixels, tags, dict.fromkeys(maps, "m3 m-3"), True)
    mapped = block_mean(values, CELL_SIDE)[1] > 0
    ranges = [
        {"map": name} | describe(part)
        for name, part in (
            ("9 km", coarse["soil_moisture"]),
            ("9 km where mapped", np.where(mapped, coarse["soil_moisture"], np.nan)),
            ("1 km", values),
        )
    ]
    with replaced(table_path) as partial:
        pd.DataFrame(ranges).to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        assemble_map(
            list(snakemake.input.raw),
            list(snakemake.input.offsets),
            *(snakemake.input[name] for name in ("cells", "target", "correction", "model")),
            *(snakemake.params[name] for name in ("target", "target_error", "interval", "tags")),
            *snakemake.output,
        )
