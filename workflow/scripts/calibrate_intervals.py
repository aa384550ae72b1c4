"""Calibrate the intervals at 1 km by the errors of the map's method one scale up."""

from dataclasses import asdict

from kilomoist.files import write_json, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells, read_reliability
from kilomoist.learning.models import load
from kilomoist.mapping import calibration


@rule_script
def calibrate_intervals(
    *,
    samples: str,
    cells: str,
    model: str,
    restored: str,
    reliability: str,
    stacks: list[str],
    reconciled: bool,
    interval: float,
    minimum_valid_fraction: float,
    intervals: str,
    errors: str,
) -> None:
    """Write the calibration, and the errors one scale up with intervals that did not know them."""
    trained, found = load(model), calibration.CalibrationSet.read(restored)
    use = list(trained.predictors)
    scale_ratio = 1.0
    if trained.method == "detail" or reconciled:
        _, region = read_cells(samples, cells, use)
        variance = calibration.repeated_variance(stacks, region, use, read_reliability(reliability, use))
        scale_ratio = calibration.error_scale_ratio(region, variance, minimum_valid_fraction, trained.ratio)
    calibrated = calibration.calibrate(found, interval, round(scale_ratio, 6))
    LOGGER.info("Calibrated on %d cells: %s", calibrated.errors, calibrated)
    write_json(intervals, asdict(calibrated))
    write_table(errors, calibration.crossed_coverage(found, interval))
