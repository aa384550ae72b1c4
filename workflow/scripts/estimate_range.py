"""Estimate how far the target's cells are alike: the range of its variogram."""

from dataclasses import asdict

from kilomoist.evaluation.variograms import variogram_range
from kilomoist.files import replaced, write_json
from kilomoist.jobs import LOGGER, job
from kilomoist.predictors.samples import read_samples


def estimate_range(samples_path: str, use: list[str], seed: int, range_path: str, lags_path: str) -> None:
    """Write the fitted variogram and its lags."""
    samples = read_samples(samples_path, use)
    fitted = variogram_range(*(samples[name].to_numpy() for name in ("target", "lon", "lat")), seed)
    LOGGER.info(
        "Variogram of the target: %s, range %.0f km%s, sill %.6f, nugget %.6f.",
        fitted.model,
        fitted.autocorrelation_range / 1000,
        " (limited by the region)" if fitted.limited else "",
        fitted.sill,
        fitted.nugget,
    )
    with replaced(lags_path) as partial:
        fitted.lags.to_csv(partial, index=False)
    write_json(range_path, {name: value for name, value in asdict(fitted).items() if name != "lags"})


if __name__ == "__main__":
    with job(snakemake.log[0]):
        estimate_range(snakemake.input.samples, snakemake.params.use, snakemake.params.seed, *snakemake.output)
