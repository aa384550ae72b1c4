"""Restore SMAP's cells from coarser ones by the map's method: what it is worth one scale up, where SMAP is known."""

from dataclasses import replace

from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells
from kilomoist.learning.models import load
from kilomoist.learning.tuning import learner_of
from kilomoist.mapping.calibration import MapSettings, absolute_errors, detail_errors


@rule_script
def restore_cells(
    *,
    samples: str,
    cells: str,
    model: str,
    learner: dict,
    reconciled: bool,
    interval: float | None,
    minimum_valid_fraction: float,
    threads: int,
    estimates: str,
) -> None:
    """Write what the method says of each cell, out of fold, beside the null models and the spread that it expects."""
    trained = load(model)
    table, region = read_cells(samples, cells, list(trained.predictors))
    settings, tuning = learner_of(learner)
    settings = replace(settings, min_leaf=trained.min_leaf, options=trained.options, trend=trained.trend)
    made = MapSettings(reconciled, interval, minimum_valid_fraction)
    if trained.method == "detail":
        found = detail_errors(region, settings, trained, made, threads)
    else:
        found = absolute_errors(region, table, settings, tuning, trained, made, threads)
    LOGGER.info("One scale up: %d cells, %s.", len(found.table), found.note)
    found.write(estimates)
