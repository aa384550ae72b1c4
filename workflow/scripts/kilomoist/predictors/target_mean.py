"""Monthly mean of the target on the global 9 km grid."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import numpy as np

from kilomoist.granules.smap import read_target
from kilomoist.grids import M09
from kilomoist.product_types import Product
from kilomoist.rasters import Bands


def average_fields(granules: Iterable[Path], product: Product) -> Bands:
    """Mean of a target's fields over all of M09, each cell over the fields that cover it, and their number.

    Bands `soil_moisture` (m³/m³, NaN where no field has a value) and `fields`, float32, of M09's shape.
    """
    total, count = np.zeros(M09.window.shape), np.zeros(M09.window.shape, np.float32)
    fields = (read_target(path, product) for path in granules)
    # Nearly all fields of a month have values at the same cells, a quarter of the globe: only those are added up.
    for (window, mask), run in groupby(fields, key=lambda field: (field[2], field[1].tobytes())):
        valid = np.frombuffer(mask, bool).reshape(window.shape)
        cells, number = np.flatnonzero(valid), np.float32(0)
        sums = np.zeros(len(cells))
        for values, _, _ in run:
            sums += values.ravel()[cells]
            number += 1
        here = window.within(M09.window)
        total[here][valid] += sums
        count[here][valid] += number
    with np.errstate(invalid="ignore"):
        mean = (total / count).astype(np.float32)
    return {"soil_moisture": mean, "fields": count}
