"""Monthly mean of the target on the global 9 km grid."""

from collections.abc import Iterable
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.granules.smap import read_target
from kilomoist.grids import M09, Window
from kilomoist.predictors.tallies import NO_VALUE, QUALITY, Tally
from kilomoist.product_types import Product
from kilomoist.rasters import Bands, read_window


def average_fields(granules: Iterable[Path], product: Product, minimum: int = 1, tally: Tally | None = None) -> Bands:
    """Mean of a target's fields over all of M09, each cell over the fields that cover it, and their number.

    Bands `soil_moisture` (m³/m³, NaN where fewer than `minimum` fields have a value) and `fields`, float32, of M09's
    shape. A granule has a field for each of the product's layers, which the `tally` counts.
    """
    total, count = np.zeros(M09.window.shape), np.zeros(M09.window.shape, np.float32)
    tally = Tally() if tally is None else tally
    named = ((path.name, layer, path) for path in granules for layer in product.layers)
    fields = ((name, layer, *read_target(path, product, field=layer)) for name, layer, path in named)
    why = f"{NO_VALUE} or {QUALITY}" if any(layer.quality for layer in product.layers.values()) else NO_VALUE
    # Nearly all fields of a month have values at the same cells, a quarter of the globe: only those are added up.
    for (window, mask), run in groupby(fields, key=lambda field: (field[4], field[3].tobytes())):
        valid = np.frombuffer(mask, bool).reshape(window.shape)
        cells, number = np.flatnonzero(valid), np.float32(0)
        sums = np.zeros(len(cells))
        for name, layer, values, _, _ in run:
            taken = values.ravel()[cells]
            tally.add(name, layer, valid.size, {why: valid.size - len(cells)}, partial(np.asarray, taken))
            sums += taken
            number += 1
        here = window.within(M09.window)
        total[here][valid] += sums
        count[here][valid] += number
    with np.errstate(invalid="ignore"):
        mean = (total / count).astype(np.float32)
    mean[(count > 0) & (count < minimum)] = np.nan  # the others keep the bits of 0 / 0
    return {"soil_moisture": mean, "fields": count}


def few_passes(mean: str | Path, window: Window, inside: NDArray[np.bool_], minimum: int) -> str:
    """How many of the cells `inside` a region's window have fewer passes than `minimum`, in words; empty for none.

    `mean` is a raster of `average_fields`. Cells without any pass, such as the sea, are not counted.
    """
    passes = read_window(mean, "fields", M09, window)[inside]
    seen = passes[passes > 0]
    few = int((seen < minimum).sum())
    if not few:
        return ""
    return (
        f"{few} of the {len(seen)} cells that passes of recommended quality reach have fewer than "
        f"quality.minimum_passes, {minimum} (the median cell has {np.median(seen):.0f}), and no target"
    )
