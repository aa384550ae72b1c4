"""Quality bits of stored numbers against the conditions of a product."""

from collections.abc import Mapping
from functools import cache, reduce

import numpy as np
from numpy.typing import NDArray

from kilomoist.product_types import Condition, Quality


def meets(quality: Quality, numbers: Mapping[str, NDArray]) -> NDArray[np.bool_]:
    """Mask where any of a quality's alternatives holds, given the stored numbers of the datasets that it names."""
    accepted = np.zeros(next(iter(numbers.values())).shape, bool)
    for alternative in quality:
        accepted |= reduce(np.logical_and, (_satisfies(held, numbers[held.dataset]) for held in alternative))
    return accepted


def _satisfies(condition: Condition, stored: NDArray) -> NDArray[np.bool_]:
    return _table(condition, stored.dtype).take(stored.view(f"u{stored.dtype.itemsize}"))


@cache
def _table(condition: Condition, dtype: np.dtype) -> NDArray[np.bool_]:
    """Truth of a condition for each of the 256 or 65,536 numbers of an integer type, by its bits."""
    code = np.dtype(f"u{dtype.itemsize}")
    every = np.arange(np.iinfo(code).max + 1).astype(code).view(dtype)
    if condition.bits is not None:
        every = (every >> condition.first_bit) & ((1 << condition.bits) - 1)
    return np.isin(every, list(condition.values))
