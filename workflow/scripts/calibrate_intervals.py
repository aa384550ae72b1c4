"""Count what the method of the map is wrong by one scale up, and what that means at 1 km."""

from dataclasses import asdict, replace

import numpy as np

from kilomoist.files import replaced, write_json
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import LOGGER, job
from kilomoist.learning.details import Cells, pixel_detail, read_cells
from kilomoist.learning.learners import LearnerSettings, impurity_importance
from kilomoist.learning.models import load
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.calibration import absolute_errors, calibrate, crossed_coverage, detail_errors
from kilomoist.mapping.error_scale_ratio import error_scale_ratio
from kilomoist.predictors.reliability import read_reliability
from kilomoist.rasters import Mosaic, chunks_of


def calibrate_intervals(
    samples_path: str,
    cells_path: str,
    model_path: str,
    reliability_path: str,
    stacks: list[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    reconciled: bool,
    interval: float,
    minimum_fraction: float,
    threads: int,
    calibration_path: str,
    errors_path: str,
) -> None:
    """Write the calibration, and the errors one scale up with intervals that did not know them."""
    model = load(model_path)
    use = list(model.predictors)
    samples, cells = read_cells(samples_path, cells_path, use)
    own = replace(settings, min_leaf=model.min_leaf, options=model.options, trend=model.trend)
    if model.method == "detail":
        errors, least = detail_errors(cells, own, model, reconciled, interval, minimum_fraction, threads)
    else:
        errors, least = absolute_errors(
            cells, samples, own, tuning, model, reconciled, interval, minimum_fraction, threads
        )
    scale_ratio = 1.0
    if model.method == "detail" or reconciled:
        importance = impurity_importance(model.estimator, len(use))
        repeated = detail_variance(stacks, cells, use) * read_reliability(reliability_path, use)
        scale_ratio = round(error_scale_ratio(cells, repeated, importance, minimum_fraction, model.ratio), 6)
    calibration = calibrate(errors, interval, scale_ratio, least)
    LOGGER.info("Calibrated on %d cells: %s", calibration.rows, calibration)
    write_json(calibration_path, asdict(calibration))
    with replaced(errors_path) as partial:
        crossed_coverage(errors, interval).to_parquet(partial, index=False)


def detail_variance(stacks: list[str], cells: Cells, use: list[str]) -> np.ndarray:
    """Variance of each predictor's detail at 1 km over the region, (predictors,)."""
    sums = np.zeros((3, len(use)))
    filled = cells.filled()
    with Mosaic(stacks, M01) as stack:
        for chunk in chunks_of(cells.window):
            pixels = chunk.refined(CELL_SIDE)
            detail = pixel_detail(stack.stack(pixels, use), pixels, filled, CELL_SIDE)
            valid = detail[:, np.isfinite(detail).all(axis=0)]
            moments = valid.sum(axis=1, dtype=float), (valid**2).sum(axis=1, dtype=float)
            sums += [np.full(len(use), valid.shape[1]), *moments]
    return sums[2] / sums[0] - (sums[1] / sums[0]) ** 2


if __name__ == "__main__":
    with job(snakemake.log[0]):
        calibrate_intervals(
            *(snakemake.input[name] for name in ("samples", "cells", "model", "reliability")),
            list(snakemake.input.stacks),
            LearnerSettings(snakemake.params.kind, snakemake.params.trees, snakemake.params.seed),
            TuningOptions(snakemake.params.min_leaf, snakemake.params.search),
            *(snakemake.params[name] for name in ("reconciled", "interval", "minimum_valid_fraction")),
            snakemake.threads,
            *snakemake.output,
        )
