"""Scores of an estimate against what it estimates, and its skill against null models.

What is told of maps is summed up part by part, so that memory does not grow with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CONSTANT = 1e-12
"""Numbers that differ by less are the same but for rounding."""
ESTIMATES = {
    "absolute": ("absolute", ""),
    "absolute_reconciled": ("absolute, reconciled", ""),
    "detail": ("detail", ""),
    "detail_reconciled": ("detail, reconciled", ""),
    "mean": ("null model", "mean"),
    "linear": ("null model", "linear"),
    "copied": ("null model", "copied"),
    "bilinear": ("null model", "bilinear"),
    "bilinear_reconciled": ("null model", "bilinear, reconciled"),
}
"""Method and model of every estimate that a protocol may have, in the order of the tables; the model is empty where it
is the configuration's kind."""
NULLS = tuple(name for name, (method, _) in ESTIMATES.items() if method == "null model")


@dataclass
class Pairs:
    """Observed and estimated values summed up part by part, where both are finite."""

    n: int = 0
    _mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    """Of observed, estimated and error (estimated − observed)."""
    _products: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    """Sums of products of deviations from the mean: of those three each with itself, of the first with the second."""
    _magnitudes: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    """Sums of |error| and error²."""
    _lowest: NDArray[np.float64] = field(default_factory=lambda: np.full(2, np.inf))
    _highest: NDArray[np.float64] = field(default_factory=lambda: np.full(2, -np.inf))

    def add(self, observed: NDArray, estimated: NDArray) -> None:
        """Take in a part. Moments are merged as by Chan et al. 1983 (doi 10.1080/00031305.1983.10483115)."""
        both = np.isfinite(observed) & np.isfinite(estimated)
        y, z = np.asarray(observed, float)[both], np.asarray(estimated, float)[both]
        if not len(y):
            return
        error = z - y
        means = np.array([y.mean(), z.mean(), error.mean()])
        own = [values - mean for values, mean in zip((y, z, error), means, strict=True)]
        products = np.array([(one * two).sum() for one, two in [*zip(own, own, strict=True), own[:2]]])
        apart, total = means - self._mean, self.n + len(y)
        self._products += products + np.append(apart**2, apart[0] * apart[1]) * (self.n * len(y) / total)
        self._mean += apart * (len(y) / total)
        self._magnitudes += [np.abs(error).sum(), (error**2).sum()]
        self._lowest = np.minimum(self._lowest, [y.min(), z.min()])
        self._highest = np.maximum(self._highest, [y.max(), z.max()])
        self.n = total

    @property
    def square(self) -> float:
        """Mean squared error."""
        return float(self._magnitudes[1] / self.n)

    def score(self) -> dict[str, float]:
        """The scores that `score` tells of."""
        from scipy.special import betainc  # not scipy.stats, whose import takes a second

        result = dict.fromkeys(("n", "r", "p", "r2", "rmse", "ubrmse", "bias", "mae"), float("nan"))
        result["n"] = self.n
        if self.n == 0:
            return result
        observed, estimated, error, both = self._products
        result |= {"rmse": float(np.sqrt(self.square)), "ubrmse": float(np.sqrt(error / self.n))}
        result |= {"bias": float(self._mean[2]), "mae": float(self._magnitudes[0] / self.n)}
        varied = self._highest - self._lowest > _CONSTANT
        if self.n >= 3 and varied[0]:
            result["r2"] = float(1 - self._magnitudes[1] / observed)
            if varied[1]:
                r = float(np.clip(both / np.sqrt(observed) / np.sqrt(estimated), -1, 1))
                # The exact distribution of r of independent normal pairs: (1 + r) / 2 is of a beta distribution.
                shape = self.n / 2 - 1
                result |= {"r": r, "p": float(2 * betainc(shape, shape, (1 - abs(r)) / 2))}
        return result


def score(observed: NDArray, estimated: NDArray) -> dict[str, float]:
    """n, r, p, r2, rmse, ubrmse, bias, mae of an estimate, over the pairs where both are finite.

    r is Pearson's, p its two-sided p-value for independent pairs; r2 is 1 − Σ(error²) / Σ(deviation of the observed
    from their mean²), which falls below 0 for estimates worse than that mean; bias is estimated − observed, and
    rmse² = ubrmse² + bias² (Entekhabi et al. 2010, doi 10.1175/2010JHM1223.1); mae is the mean absolute error. What
    cannot be computed (fewer than three pairs, no variance) is NaN.
    """
    pairs = Pairs()
    pairs.add(observed, estimated)
    return pairs.score()


def skill(square: float, squares: Mapping[str, float]) -> dict[str, Any]:
    """Skill of an estimate against each null model that there is, from its mean squared error and theirs by name."""
    return {f"skill_{null}": 1 - square / squares[null] for null in NULLS if squares.get(null)}
