"""Fit the variogram of the target's cells: the range up to which they are autocorrelated."""

from dataclasses import asdict

from kilomoist.evaluation import variograms
from kilomoist.files import write_json, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.predictors.samples import read_samples


@rule_script
def estimate_range(*, samples: str, use: list[str], seed: int, variogram: str, lags: str) -> None:
    """Write the fitted variogram and its lags."""
    table = read_samples(samples, use)
    target, longitude, latitude = (table[name].to_numpy() for name in ("target", "lon", "lat"))
    found = asdict(variograms.variogram(target, variograms.lags_of(longitude, latitude, seed)))
    write_table(lags, found.pop("lags"))
    write_json(variogram, found)
    LOGGER.info("Variogram of the target, range %.0f km: %s", found["autocorrelation_range"] / 1000, found)
