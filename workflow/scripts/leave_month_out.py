"""Estimate a month by models of the other months of its region."""

from pathlib import Path

from kilomoist.evaluation.months import month_estimates
from kilomoist.files import write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.tuning import learner_of
from kilomoist.predictors.samples import read_samples


@rule_script
def leave_month_out(
    *, samples: str, others: list[str], use: list[str], learner: dict, threads: int, estimates: str
) -> None:
    """Write the estimates, with what they were learned from as the table's `note`; `others` are their samples."""
    tables = {Path(path).parent.name: read_samples(path, use) for path in others}
    table, note = month_estimates(read_samples(samples, use), tables, use, *learner_of(learner, small=True), threads)
    LOGGER.info("%s", note)
    table.attrs["note"] = note
    write_table(estimates, table)
