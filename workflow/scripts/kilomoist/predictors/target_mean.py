"""Monthly mean of the target on the global 9 km grid."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.errors import InputError
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09, Window
from kilomoist.products import Product
from kilomoist.rasters import Bands


def average_fields(granules: Iterable[Path], product: Product) -> Bands:
    """Mean of a target's fields over all of M09, each cell over the fields that cover it, and their number.

    Bands `soil_moisture` (m³/m³, NaN where no field has a value) and `fields`, float32, of M09's shape.
    """
    total, count = np.zeros(M09.window.shape), np.zeros(M09.window.shape, np.float32)
    run: _Run | None = None
    for path in granules:
        values, valid, window = read_target(path, product)
        if run is None or run.window != window or not np.array_equal(run.valid, valid):
            if run:
                run.settle(total, count)
            run = _Run(window, valid)
        run.add(values)
    if run:
        run.settle(total, count)
    with np.errstate(invalid="ignore"):
        mean = (total / count).astype(np.float32)
    return {"soil_moisture": mean, "fields": count}


class _Run:
    """Consecutive fields with values at the same cells, as nearly all of a month have: a quarter of the globe, so that
    only those are added up."""

    def __init__(self, window: Window, valid: NDArray[np.bool_]) -> None:
        self.window, self.valid = window, valid
        self._cells = np.flatnonzero(valid)
        self._sums, self._fields = np.zeros(len(self._cells)), 0

    def add(self, values: NDArray[np.float32]) -> None:
        self._sums += values.ravel()[self._cells]
        self._fields += 1

    def settle(self, total: NDArray[np.float64], count: NDArray[np.float32]) -> None:
        """Add the sums and their numbers to those of M09."""
        here = self.window.within(M09.window)
        total[here][self.valid] += self._sums
        count[here][self.valid] += np.float32(self._fields)


def require_share(found: int, expected: int, smallest: float, product: str, month: str) -> None:
    """Raise `InputError` when fewer of the month's fields are there than the smallest share allows."""
    if found < smallest * expected:
        raise InputError(
            f"{product} has {found} of {expected} fields of {month}, a share of {found / expected:.2f} where "
            f"quality.minimum_target_share asks for {smallest}: add the missing granules or lower the share."
        )
