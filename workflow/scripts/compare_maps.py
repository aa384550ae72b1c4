"""Make the maps that a map is compared with: both methods, reconciled and not, and the null models."""

import numpy as np

from kilomoist.agreement import read_reliability
from kilomoist.cells import null_models, reconcile
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import job
from kilomoist.methods import Cells, predict_map
from kilomoist.models import load
from kilomoist.rasters import mosaic, write_raster
from kilomoist.samples import read_samples


def compare_maps(
    raw_blocks: list[str],
    stacks: list[str],
    samples_path: str,
    cells_path: str,
    model_path: str,
    alternative_path: str,
    agreement_path: str,
    minimum_fraction: float,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write a band for each map, all over the same pixels; that of the map's own method comes from its raw blocks."""
    model, alternative = load(model_path), load(alternative_path)
    use = list(model.predictors)
    bands, window = mosaic([cells_path], M09)
    cells = Cells.of_samples(read_samples(samples_path, use), bands["target"], use, window)
    pixels = window.refined(CELL_SIDE)
    reliability = read_reliability(agreement_path, use)
    plain = {one.method: np.full(pixels.shape, np.nan) for one in (model, alternative)}
    for raw_block, stack_path in zip(raw_blocks, stacks, strict=True):
        raw, block = mosaic([raw_block], M01)
        stack, _ = mosaic([stack_path], M01)
        here = block.within(pixels)
        plain[model.method][here] = raw["soil_moisture"]
        plain[alternative.method][here] = predict_map(
            alternative, np.stack([stack[name] for name in use]), block, cells, CELL_SIDE, reliability
        )
    maps = {}
    for name in ("absolute", "detail"):
        maps[name] = plain[name]
        maps[f"{name}_reconciled"], _ = reconcile(plain[name], cells.target, CELL_SIDE, window, minimum_fraction)
    valid = np.isfinite(plain["absolute"]) & np.isfinite(plain["detail"])
    maps |= null_models(cells.target, window, valid, CELL_SIDE, minimum_fraction)
    units = dict.fromkeys(maps, "m3 m-3")
    write_raster(path, {name: values.astype(np.float32) for name, values in maps.items()}, M01, pixels, tags, units)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        compare_maps(
            list(snakemake.input.raw),
            list(snakemake.input.stacks),
            *(snakemake.input[name] for name in ("samples", "cells", "model", "alternative", "agreement")),
            snakemake.params.minimum_valid_fraction,
            snakemake.params.tags,
            snakemake.output.maps,
        )
