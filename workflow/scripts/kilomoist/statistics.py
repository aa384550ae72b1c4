"""Number, mean, extremes and percentiles of a map."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
"""Of a distribution, in %."""
_NAMES = ("minimum", "maximum", "mean", *(f"p{share:02d}" for share in PERCENTILES))


def describe(values: NDArray) -> dict[str, int | float]:
    """Number, minimum, maximum, mean and percentiles of a map's finite values."""
    finite = np.asarray(values, float)[np.isfinite(values)]
    if not finite.size:
        return {"n": 0} | dict.fromkeys(_NAMES, np.nan)
    numbers = [finite.min(), finite.max(), finite.mean(), *np.percentile(finite, PERCENTILES)]
    return {"n": finite.size} | dict(zip(_NAMES, map(float, numbers), strict=True))


def describe_chunks(chunks: Callable[[], Iterable[NDArray[np.float32]]]) -> dict[str, int | float]:
    """`describe` of a map in single precision, exactly, in two passes over its chunks.

    But for the sign, such numbers are in the order of their 32 bits: the first pass counts them by the upper 16, the
    second by the lower 16 where a percentile lies.
    """
    n, total, ends, upper = 0, 0.0, [np.inf, -np.inf], np.zeros(1 << 16, np.int64)
    for chunk in chunks():
        finite = chunk[np.isfinite(chunk)]
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
    for chunk in chunks():
        ordered = _ordered(chunk[np.isfinite(chunk)])
        for number, counts in lower.items():
            counts += np.bincount(ordered[ordered >> 16 == number] & 0xFFFF, minlength=1 << 16)
    before = counted[bins] - upper[bins]
    keys = [
        number << 16 | int(np.searchsorted(np.cumsum(lower[number]), rank, side="right"))
        for number, rank in zip(bins.ravel(), (ranks - before).ravel(), strict=True)
    ]
    bits = np.array([key ^ 1 << 31 if key >> 31 else key ^ 0xFFFFFFFF for key in keys], np.uint32)  # undoes `_ordered`
    low, high = bits.view(np.float32).astype(float).reshape(ranks.shape)
    percentiles = [np.quantile(pair, share) for *pair, share in zip(low, high, places - np.floor(places), strict=True)]
    return {"n": n} | dict(zip(_NAMES, map(float, [*ends, total / n, *percentiles]), strict=True))


def _ordered(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Integers in the order of numbers in single precision."""
    bits = values.view(np.uint32)
    return np.where(bits >> 31 == 1, ~bits, bits | np.uint32(1 << 31))
