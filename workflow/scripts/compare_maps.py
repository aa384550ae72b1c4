"""Make the maps that a map is compared with: both methods, reconciled and not, and the null models."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import interpolate
from kilomoist.grids import CELL_SIDE, M01, M09, Window
from kilomoist.jobs import job
from kilomoist.learning.details import Cells
from kilomoist.learning.models import load
from kilomoist.learning.predictions import predict_map
from kilomoist.predictors.reliability import read_reliability
from kilomoist.predictors.samples import read_samples
from kilomoist.rasters import Mosaic, chunks_of, mosaic, raster_chunks
from kilomoist.reconciliation import Reconciliation

BANDS = (
    *("absolute", "absolute_reconciled", "detail", "detail_reconciled"),
    *("mean", "copied", "bilinear", "bilinear_reconciled"),
)
"""Every map that is compared, in the order of the file."""


def compare_maps(
    raw_blocks: list[str],
    stacks: list[str],
    samples_path: str,
    cells_path: str,
    model_path: str,
    alternative_path: str,
    reliability_path: str,
    minimum_fraction: float,
    tags: dict[str, str],
    path: str,
) -> None:
    """Write a band for each map, all over the same pixels; that of the map's own method comes from its raw blocks."""
    model, alternative = load(model_path), load(alternative_path)
    use = list(model.predictors)
    bands, window = mosaic([cells_path], M09, ["target"])
    samples = read_samples(samples_path, use)
    cells = Cells.of_samples(samples, bands["target"], use, window).filled()
    mean = samples.loc[samples["split"] == "train", "target"].mean()
    reliability = read_reliability(reliability_path, use)
    measured = {name: Reconciliation(window, CELL_SIDE) for name in ("absolute", "detail", "bilinear")}
    units = dict.fromkeys(BANDS, "m3 m-3")
    # Predicted once and kept in a file: reconciliation must know all of a map before it can correct any of it.
    with (
        raster_chunks(path, M01, window.refined(CELL_SIDE), tags, units) as comparison,
        Mosaic(raw_blocks, M01) as raw,
        TemporaryFile(dir=Path(path).parent) as predicted,
    ):
        with Mosaic(stacks, M01) as stack:
            for chunk in chunks_of(window):
                pixels = chunk.refined(CELL_SIDE)
                other = predict_map(alternative, stack.stack(pixels, use), pixels, cells, CELL_SIDE, reliability)
                predicted.write(other.astype(np.float64).tobytes())
                own = raw.read(pixels)["soil_moisture"]
                maps = plain_maps(cells, pixels, {model.method: own, alternative.method: other})
                for name, reconciliation in measured.items():
                    reconciliation.measure(maps[name], chunk)
        corrections = {name: one.solve(bands["target"], minimum_fraction)[0] for name, one in measured.items()}
        del measured
        predicted.seek(0)
        for chunk in chunks_of(window):
            pixels = chunk.refined(CELL_SIDE)
            own = raw.read(pixels)["soil_moisture"]
            other = np.frombuffer(predicted.read(8 * own.size), np.float64).reshape(own.shape)
            maps = plain_maps(cells, pixels, {model.method: own, alternative.method: other})
            copied = np.kron(bands["target"][chunk.within(window)], np.ones((CELL_SIDE, CELL_SIDE)))
            for name, values in (("mean", mean), ("copied", copied)):
                maps[name] = np.where(np.isfinite(maps["bilinear"]), values, np.nan)
            for name, correction in corrections.items():
                maps[f"{name}_reconciled"] = maps[name] + interpolate(correction, window, pixels, CELL_SIDE)
            comparison.write({name: maps[name].astype(np.float32) for name in BANDS}, pixels)


def plain_maps(cells: Cells, pixels: Window, methods: Mapping[str, NDArray]) -> dict[str, NDArray[np.float64]]:
    """Maps that reconciliation starts from: both methods', and the target interpolated where both have a value."""
    valid = np.isfinite([*methods.values()]).all(axis=0)
    bilinear = np.where(valid, interpolate(cells.target, cells.window, pixels, CELL_SIDE), np.nan)
    return {name: values.astype(float) for name, values in methods.items()} | {"bilinear": bilinear}


if __name__ == "__main__":
    with job(snakemake.log[0]):
        compare_maps(
            list(snakemake.input.raw),
            list(snakemake.input.stacks),
            *(snakemake.input[name] for name in ("samples", "cells", "model", "alternative", "reliability")),
            snakemake.params.minimum_valid_fraction,
            snakemake.params.tags,
            snakemake.output.maps,
        )
