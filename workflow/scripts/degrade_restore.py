"""Do everything one level up: learn at 36 km, map 9 km, and keep what the maps say where SMAP is known."""

from kilomoist.evaluation.restoration import restored_estimates
from kilomoist.files import write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells
from kilomoist.learning.tuning import learner_of


@rule_script
def degrade_restore(
    *,
    samples: str,
    cells: str,
    use: list[str],
    learner: dict,
    minimum_valid_fraction: float,
    threads: int,
    estimates: str,
) -> None:
    """Write the estimates of every method and null model at 9 km; the table's `note` says what could not be learned."""
    _, region = read_cells(samples, cells, use)
    table, note = restored_estimates(region, use, *learner_of(learner), minimum_valid_fraction, threads)
    if note:
        LOGGER.warning("degrade_restore: %s.", note)
    table.attrs["note"] = note
    write_table(estimates, table)
