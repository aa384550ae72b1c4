"""Scores of an estimate against what it estimates, correlations, ranges of maps."""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_CONSTANT = 1e-12
"""Numbers that differ by less are the same but for rounding."""
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
"""What `describe` tells of a distribution."""


def score(observed: NDArray, estimated: NDArray) -> dict[str, float]:
    """n, r, p, r2, rmse, ubrmse, bias, mae of an estimate, over the pairs where both are finite.

    r is Pearson's, p its two-sided p-value for independent pairs; r2 is 1 − Σ(error²) / Σ(deviation of the observed
    from their mean²), which falls below 0 for estimates worse than that mean; bias is estimated − observed, and
    rmse² = ubrmse² + bias² (Entekhabi et al. 2010, doi 10.1175/2010JHM1223.1); mae is the mean absolute error. What
    cannot be computed (fewer than three pairs, no variance) is NaN.
    """
    from scipy.stats import pearsonr

    both = np.isfinite(observed) & np.isfinite(estimated)
    y, z = np.asarray(observed, float)[both], np.asarray(estimated, float)[both]
    result = dict.fromkeys(("n", "r", "p", "r2", "rmse", "ubrmse", "bias", "mae"), float("nan"))
    result["n"] = len(y)
    if len(y) == 0:
        return result
    error = z - y
    result |= {"rmse": float(np.sqrt(np.mean(error**2))), "ubrmse": float(np.std(error)), "bias": float(error.mean())}
    result["mae"] = float(np.abs(error).mean())
    if len(y) >= 3 and np.ptp(y) > _CONSTANT:
        result["r2"] = float(1 - np.sum(error**2) / np.sum((y - y.mean()) ** 2))
        if np.ptp(z) > _CONSTANT:
            correlation = pearsonr(y, z)
            result |= {"r": float(correlation.statistic), "p": float(correlation.pvalue)}
    return result


def correlations(samples: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Pearson's r with p and n of every pair of columns: first, second, r, p, n."""
    rows = []
    for first, second in combinations(names, 2):
        pair = score(samples[first].to_numpy(), samples[second].to_numpy())
        rows.append({"first": first, "second": second, "r": pair["r"], "p": pair["p"], "n": pair["n"]})
    return pd.DataFrame(rows)


def describe(values: NDArray) -> dict[str, int | float]:
    """Number, minimum, maximum, mean and percentiles of a map's finite values."""
    finite = np.asarray(values, float)[np.isfinite(values)]
    shares = {f"p{share:02d}": share for share in PERCENTILES}
    percentiles = np.percentile(finite, list(shares.values())) if finite.size else [np.nan] * len(shares)
    summary = {"minimum": np.nan, "maximum": np.nan, "mean": np.nan}
    if finite.size:
        summary = {"minimum": finite.min(), "maximum": finite.max(), "mean": finite.mean()}
    numbers = [*summary.values(), *percentiles]
    return {"n": finite.size} | dict(zip([*summary, *shares], map(float, numbers), strict=True))
