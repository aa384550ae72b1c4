"""Count the errors of the map's method one scale up, and calibrate the intervals at 1 km by them."""

from dataclasses import asdict, replace

from kilomoist.files import write_json, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells, read_reliability
from kilomoist.learning.models import load
from kilomoist.learning.tuning import learner_of
from kilomoist.mapping import calibration


@rule_script
def calibrate_intervals(
    *,
    samples: str,
    cells: str,
    model: str,
    reliability: str,
    stacks: list[str],
    learner: dict,
    reconciled: bool,
    interval: float,
    minimum_valid_fraction: float,
    threads: int,
    intervals: str,
    errors: str,
) -> None:
    """Write the calibration, and the errors one scale up with intervals that did not know them."""
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
    scale_ratio = 1.0
    if trained.method == "detail" or reconciled:
        variance = calibration.repeated_variance(stacks, region, use, read_reliability(reliability, use))
        scale_ratio = calibration.error_scale_ratio(region, variance, minimum_valid_fraction, trained.ratio)
    calibrated = calibration.calibrate(found, interval, round(scale_ratio, 6))
    LOGGER.info("Calibrated on %d cells: %s", calibrated.errors, calibrated)
    write_json(intervals, asdict(calibrated))
    write_table(errors, calibration.crossed_coverage(found, interval))
