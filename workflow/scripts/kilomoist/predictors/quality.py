"""Quality of observations: which quality bits are accepted."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from kilomoist.products import Condition, Quality


def meets(quality: Quality, numbers: dict[str, NDArray]) -> NDArray[np.bool_]:
    """Where one of a quality's alternatives holds, given the stored numbers of the datasets it names.

    A quality without alternatives holds nowhere.
    """
    accepted: NDArray[np.bool_] | None = None
    for alternative in quality:
        first, *others = (_satisfies(condition, numbers[condition.dataset]) for condition in alternative)
        for other in others:
            first &= other
        accepted = first if accepted is None else accepted | first
    return np.zeros(next(iter(numbers.values())).shape, bool) if accepted is None else accepted


def _satisfies(condition: Condition, stored: NDArray) -> NDArray[np.bool_]:
    """Where a condition holds: looked up, since there are 256 or 65,536 numbers at the most."""
    return _table(condition, stored.dtype).take(stored.view(f"u{stored.dtype.itemsize}"))


@cache
def _table(condition: Condition, dtype: np.dtype) -> NDArray[np.bool_]:
    """Whether a condition holds for every number of an integer type, by its bits."""
    code = np.dtype(f"u{dtype.itemsize}")
    every = np.arange(np.iinfo(code).max + 1).astype(code).view(dtype)
    if condition.bits is not None:
        every = (every >> condition.first_bit) & ((1 << condition.bits) - 1)
    return np.isin(every, list(condition.values))
