"""Put the reconciled blocks together: the map, and the ranges of both maps."""

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import block_mean
from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE, M01, M09, Window
from kilomoist.jobs import job
from kilomoist.mapping.intervals import interval_block
from kilomoist.mapping.maps import bounds_of, finish_block
from kilomoist.rasters import Mosaic, chunks_of, mosaic, raster_chunks, read_tags
from kilomoist.statistics import describe, describe_chunks


def assemble_map(
    raw_blocks: list[str],
    offsets: list[str],
    cells_path: str,
    target_path: str,
    correction_path: str,
    target: str,
    target_error: float,
    interval: float | None,
    tags: dict[str, str],
    map_path: str,
    table_path: str,
) -> None:
    """Write the map as a COG and the table of ranges.

    `cells_path` holds what the map is held to, the target of `target_path` or a merged one; `offsets` are the
    intervals of the blocks, none where the map has no interval.
    """
    bands, cells = mosaic([cells_path], M09, ["target"])
    coarse, _ = mosaic([target_path], M09)
    merged = read_tags(cells_path)  # only the merged ones say so
    weight, error = float(merged.get("target_weight", 1)), float(merged.get("target_error", target_error))
    solved, _ = mosaic([correction_path], M09)
    reconciled = solved["reconciled"] > 0
    goal = np.where(reconciled, bands["target"], np.nan)
    tags = read_tags(raw_blocks[0]) | tags  # of the model that made them, without loading it
    tags["reconciled"] = "yes" if reconciled.any() else "no"
    if weight < 1:
        tags["reconciled"] = f"as far as warranted: the target has weight {weight:.3f}, the model's mean the rest"
    if offsets:
        said = " (0: intervals are conditional on the target)" if target_error == 0 else ""
        if weight < 1:
            said = f" said, {error:.4f} m3 m-3 left after weighing"
        tags |= {"interval": f"{interval:g}", "target_error": f"{target_error:g} m3 m-3{said}"}
    units = dict.fromkeys(("soil_moisture", "lower", "upper"), "m3 m-3")
    mapped, bounded = np.zeros(cells.shape, bool), False
    with ExitStack() as opened:
        raw = opened.enter_context(Mosaic(raw_blocks, M01))
        offset = opened.enter_context(Mosaic(offsets, M01)) if offsets else None
        raster = opened.enter_context(
            raster_chunks(map_path, M01, cells.refined(CELL_SIDE), tags, units, cloud_optimized=True)
        )
        for chunk in chunks_of(cells):
            pixels, here = chunk.refined(CELL_SIDE), chunk.within(cells)
            values = finish_block(
                raw.read(pixels)["soil_moisture"], solved["correction"], goal[here], cells, chunk, bounds_of(target)
            )
            maps = {"soil_moisture": values}
            if offset:
                sides = offset.read(pixels)
                maps["lower"], maps["upper"] = interval_block(
                    values, sides["below"], sides["above"], error, interval, bounds_of(target)
                )
                bounded |= bool(np.isfinite(maps["lower"]).any())
            raster.write(maps, pixels)
            mapped[here] = block_mean(values, CELL_SIDE)[1] > 0
        if offsets and not bounded:
            raster.tags["interval"] = "none: the region is too small to count errors one scale up"
    ranges = [
        {"map": name} | describe(chunk)
        for name, chunk in (
            ("9 km", coarse["soil_moisture"]),
            ("9 km where mapped", np.where(mapped, coarse["soil_moisture"], np.nan)),
        )
    ]
    ranges.append({"map": "1 km"} | describe_chunks(lambda: map_chunks(map_path, cells)))
    with replaced(table_path) as partial:
        pd.DataFrame(ranges).to_csv(partial, index=False)


def map_chunks(path: str, cells: Window) -> Iterator[NDArray[np.float32]]:
    """The map chunk by chunk, whatever the blocks."""
    with Mosaic([path], M01) as whole:
        for chunk in chunks_of(cells):
            yield whole.read(chunk.refined(CELL_SIDE), ["soil_moisture"])["soil_moisture"]


if __name__ == "__main__":
    with job(snakemake.log[0]):
        assemble_map(
            list(snakemake.input.raw),
            list(snakemake.input.offsets),
            *(snakemake.input[name] for name in ("cells", "target", "correction")),
            *(snakemake.params[name] for name in ("target", "target_error", "interval", "tags")),
            *snakemake.output,
        )
