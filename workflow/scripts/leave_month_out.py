"""Estimate a month by models of the other months of its region."""

from pathlib import Path

from kilomoist.evaluation.months import leave_month_out
from kilomoist.files import replaced
from kilomoist.jobs import LOGGER, job
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.tuning import TuningOptions
from kilomoist.predictors.samples import read_samples


def estimate_month(
    samples_path: str,
    others: dict[str, str],
    use: list[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    threads: int,
    path: str,
) -> None:
    """Write the estimates, with what they were learned from as the table's `note`; `others` are samples by month."""
    tables = {month: read_samples(samples, use) for month, samples in others.items()}
    table, note = leave_month_out(read_samples(samples_path, use), tables, use, settings, tuning, threads)
    LOGGER.info("%s", note)
    table.attrs["note"] = note
    with replaced(path) as partial:
        table.to_parquet(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        estimate_month(
            snakemake.input.samples,
            {Path(path).parent.name: path for path in snakemake.input.others},
            snakemake.params.use,
            LearnerSettings(
                snakemake.params.kind, snakemake.params.trees, snakemake.params.seed, trend=snakemake.params.trend
            ),
            TuningOptions(snakemake.params.min_leaf, snakemake.params.search),
            snakemake.threads,
            snakemake.output.estimates,
        )
