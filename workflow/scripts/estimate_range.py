"""Fit the variogram of the target's cells: the range up to which they are autocorrelated."""

from dataclasses import asdict

from kilomoist.evaluation.variograms import variogram_range
from kilomoist.files import write_json, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.predictors.samples import read_samples


@rule_script
def estimate_range(*, samples: str, use: list[str], seed: int, variogram: str, lags: str) -> None:
    """Write the fitted variogram and its lags."""
    table = read_samples(samples, use)
    target, longitude, latitude = (table[name].to_numpy() for name in ("target", "lon", "lat"))
    fitted = variogram_range(target, longitude, latitude, seed)
    LOGGER.info(
        "Variogram of the target: %s, range %.0f km%s, sill %.6f, nugget %.6f.",
        fitted.model,
        fitted.autocorrelation_range / 1000,
        " (limited by the region)" if fitted.limited else "",
        fitted.sill,
        fitted.nugget,
    )
    write_table(lags, fitted.lags)
    write_json(variogram, {name: value for name, value in asdict(fitted).items() if name != "lags"})
