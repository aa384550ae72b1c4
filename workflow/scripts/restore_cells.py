"""Restore SMAP's cells from coarser ones by the map's method, where SMAP is known, and calibrate intervals by that."""

from dataclasses import asdict, replace

from kilomoist.files import write_json, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells, read_reliability
from kilomoist.learning.models import load
from kilomoist.learning.tuning import learner_of
from kilomoist.mapping import calibration


@rule_script
def restore_cells(
    *,
    samples: str,
    cells: str,
    model: str,
    reliability: list[str],
    stacks: list[str],
    learner: dict,
    reconciled: bool,
    interval: float | None,
    minimum_valid_fraction: float,
    threads: int,
    estimates: str,
    intervals: str = "",
    errors: str = "",
) -> None:
    """Write what the method says of each cell, out of fold, beside the null models and the spread that it expects; with
    an `interval` also its calibration at 1 km by these errors, and these with intervals that did not know them.
    """
    trained = load(model)
    use = list(trained.predictors)
    table, region = read_cells(samples, cells, use)
    settings, tuning = learner_of(learner)
    settings = replace(settings, min_leaf=trained.min_leaf, options=trained.options, trend=trained.trend)
    made = calibration.MapSettings(reconciled, interval, minimum_valid_fraction)
    if trained.method == "detail":
        found = calibration.detail_errors(region, settings, trained, made, threads)
    else:
        found = calibration.absolute_errors(region, table, settings, tuning, trained, made, threads)
    LOGGER.info("One scale up: %d cells, %s.", len(found.table), found.note)
    found.write(estimates)
    if interval is None:
        return
    scale_ratio = 1.0
    if trained.method == "detail" or reconciled:
        variance = calibration.repeated_variance(stacks, region, use, read_reliability(reliability[0], use))
        scale_ratio = calibration.error_scale_ratio(region, variance, minimum_valid_fraction, trained.ratio)
    calibrated = calibration.calibrate(found, interval, round(scale_ratio, 6))
    LOGGER.info("Calibrated on %d cells: %s", calibrated.errors, calibrated)
    write_json(intervals, asdict(calibrated))
    write_table(errors, calibration.crossed_coverage(found, interval))
