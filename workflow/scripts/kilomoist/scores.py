"""Scores of an estimate against what it estimates, ranges of maps, coverage of intervals.

What is told of maps is summed up part by part, so that memory does not grow with them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, block_mean
from kilomoist.grids import CELL_SIDE

if TYPE_CHECKING:
    import pandas as pd

_CONSTANT = 1e-12
"""Numbers that differ by less are the same but for rounding."""
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
"""What `describe` tells of a distribution."""
CLASSES = (0.2, 0.4, 0.6)
"""Values of NDVI, or another vegetation index in use, that divide its classes: sparse, steppe, meadow, dense."""


@dataclass(frozen=True)
class Estimate:
    """How an estimate is called in tables; `model` is empty where it is the configuration's kind."""

    method: str
    model: str = ""


ESTIMATES: dict[str, Estimate] = {
    "absolute": Estimate("absolute"),
    "absolute_reconciled": Estimate("absolute, reconciled"),
    "detail": Estimate("detail"),
    "detail_reconciled": Estimate("detail, reconciled"),
    "mean": Estimate("null model", "mean"),
    "linear": Estimate("null model", "linear"),
    "copied": Estimate("null model", "copied"),
    "bilinear": Estimate("null model", "bilinear"),
    "bilinear_reconciled": Estimate("null model", "bilinear, reconciled"),
}
"""Every estimate that a protocol may have, in the order of the tables."""
NULLS = tuple(name for name, estimate in ESTIMATES.items() if estimate.method == "null model")


@dataclass
class Pairs:
    """Observed and estimated values summed up part by part, where both are finite."""

    n: int = 0
    _mean: Values = field(default_factory=lambda: np.zeros(3))
    """Of observed, estimated and error (estimated − observed)."""
    _products: Values = field(default_factory=lambda: np.zeros(4))
    """Sums of products of deviations from the mean: of those three each with itself, of the first with the second."""
    _magnitudes: Values = field(default_factory=lambda: np.zeros(2))
    """Sums of |error| and error²."""
    _lowest: Values = field(default_factory=lambda: np.full(2, np.inf))
    _highest: Values = field(default_factory=lambda: np.full(2, -np.inf))

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


def truth_table(parts: Iterable[tuple[Mapping[str, NDArray], NDArray]]) -> "pd.DataFrame":
    """Scores of maps against a true one, over the pixels that all have, as a whole and of deviations within cells.

    `parts` are of the maps by name and of the truth, (rows × 9, columns × 9) over whole cells. `support` is `1 km` or
    `within cells`: what a downscaled map adds lies in the deviations from the cell's mean, and copied values have none.
    There is no p: neighbouring pixels are alike, and nothing but their number would make it small.
    """
    import pandas as pd

    found: dict[str, dict[str, Pairs]] = {"1 km": {}, "within cells": {}}
    for maps, truth in parts:
        common = np.isfinite(truth) & np.all([np.isfinite(values) for values in maps.values()], axis=0)
        true, *fields = (np.where(common, values, np.nan).astype(float) for values in (truth, *maps.values()))
        for support, pairs in found.items():
            seen = deviations if support == "within cells" else np.asarray
            wanted = seen(true)[common]
            for name, values in zip(maps, fields, strict=True):
                pairs.setdefault(name, Pairs()).add(wanted, seen(values)[common])
    rows: list[dict[str, Any]] = []
    for support, pairs in found.items():
        squares = {name: one.square for name, one in pairs.items()}
        for name, one in pairs.items():
            scores = one.score()
            del scores["p"]
            rows.append({"map": name, "support": support} | scores | skill(one.square, squares))
    return pd.DataFrame(rows)


def deviations(values: NDArray) -> Values:
    """Pixels' deviations from the mean of their cell's finite pixels."""
    mean, _ = block_mean(values, CELL_SIDE)
    return values - np.kron(mean, np.ones((CELL_SIDE, CELL_SIDE)))


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


def describe_parts(parts: Callable[[], Iterable[NDArray[np.float32]]]) -> dict[str, float]:
    """What `describe` tells of a map in single precision, which is gone through twice, part by part.

    Percentiles are exact. The order of numbers in single precision is that of their 32 bits, but for the sign: the
    first time counts them by the upper 16 bits, the second time by the lower ones where a percentile lies.
    """
    n, total, ends, upper = 0, 0.0, [np.inf, -np.inf], np.zeros(1 << 16, np.int64)
    for part in parts():
        finite = part[np.isfinite(part)]
        n, total = n + finite.size, total + float(finite.sum(dtype=float))
        if finite.size:
            ends = [min(ends[0], float(finite.min())), max(ends[1], float(finite.max()))]
        upper += np.bincount(_ordered(finite) >> 16, minlength=1 << 16)
    if not n:
        return describe(np.empty(0))
    places = (n - 1) * (np.array(PERCENTILES) / 100)
    ranks = np.minimum(np.stack([np.floor(places), np.floor(places) + 1]).astype(np.int64), n - 1)
    counted = np.cumsum(upper)
    bins = np.searchsorted(counted, ranks, side="right")
    lower = {number: np.zeros(1 << 16, np.int64) for number in np.unique(bins)}
    for part in parts():
        ordered = _ordered(part[np.isfinite(part)])
        for number, counts in lower.items():
            counts += np.bincount(ordered[ordered >> 16 == number] & 0xFFFF, minlength=1 << 16)
    before = counted[bins] - upper[bins]
    keys = [
        number << 16 | int(np.searchsorted(np.cumsum(lower[number]), rank, side="right"))
        for number, rank in zip(bins.ravel(), (ranks - before).ravel(), strict=True)
    ]
    low, high = _numbers(np.array(keys, np.uint32)).astype(float).reshape(ranks.shape)
    percentiles = [np.quantile(pair, share) for *pair, share in zip(low, high, places - np.floor(places), strict=True)]
    names = [f"p{share:02d}" for share in PERCENTILES]
    summary = {"minimum": ends[0], "maximum": ends[1], "mean": total / n} | dict(zip(names, percentiles, strict=True))
    return {"n": n} | {name: float(value) for name, value in summary.items()}


def _ordered(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Integers in the order of numbers in single precision."""
    bits = values.view(np.uint32)
    return np.where(bits >> 31 == 1, ~bits, bits | np.uint32(1 << 31))


def _numbers(keys: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The numbers of `_ordered`'s integers."""
    return np.where(keys >> 31 == 1, keys & np.uint32((1 << 31) - 1), ~keys).astype(np.uint32).view(np.float32)


Intervals = tuple[Mapping[str, NDArray[np.bool_]], NDArray, NDArray, NDArray]
"""Groups of rows by name, and of every row what was observed and the lower and upper end of its interval."""


def coverage_rows(support: str, parts: Iterable[Intervals], interval: float) -> list[dict[str, object]]:
    """Nominal and actual coverage and mean width (m³/m³) of intervals, for each group of rows that has any."""
    sums: dict[str, Values] = {}
    for groups, observed, lower, upper in parts:
        inside = (observed >= lower) & (observed <= upper)
        for name, rows in groups.items():
            found = [rows.sum(), inside[rows].sum(), (upper - lower)[rows].sum(dtype=float)]
            sums[name] = sums.get(name, np.zeros(3)) + found
    return [
        {
            "support": support,
            "group": name,
            "n": int(n),
            "nominal": interval,
            "coverage": float(inside / n),
            "width": float(width / n),
        }
        for name, (n, inside, width) in sums.items()
        if n
    ]


def vegetation_classes(name: str, values: NDArray) -> dict[str, NDArray[np.bool_]]:
    """Rows of each class of a vegetation index, by what the class is called."""
    edges = (-np.inf, *CLASSES, np.inf)
    names = [f"{name} below {CLASSES[0]}", *(f"{name} {a} to {b}" for a, b in pairwise(CLASSES))]
    names.append(f"{name} {CLASSES[-1]} and above")
    return {
        label: (values >= low) & (values < high) for label, low, high in zip(names, edges[:-1], edges[1:], strict=True)
    }
