"""Scores of maps against a true one."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, block_mean, repeated
from kilomoist.evaluation.scores import Pairs, skill
from kilomoist.grids import CELL_SIDE

if TYPE_CHECKING:
    import pandas as pd


def truth_table(parts: Iterable[tuple[Mapping[str, NDArray], NDArray]]) -> "pd.DataFrame":
    """Scores of maps against a true one, over the pixels that all have, as a whole and of deviations within cells.

    `parts` are of the maps by name and of the truth, (rows × 9, columns × 9) over whole cells. `support` is `1 km` or
    `within cells`: what a downscaled map adds lies in the deviations from the cell's mean, and copied values have none.
    There is no p: neighbouring pixels are alike, and nothing but their number would make it small.
    """
    import pandas as pd

    found: dict[str, dict[str, Pairs]] = {"1 km": {}, "within cells": {}}
    for maps, truth in parts:
        common = np.all([np.isfinite(values) for values in (truth, *maps.values())], axis=0)
        true, *fields = (np.where(common, values, np.nan).astype(float) for values in (truth, *maps.values()))
        for support, pairs in found.items():
            seen = cell_anomaly if support == "within cells" else np.asarray
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


def cell_anomaly(values: NDArray) -> Values:
    """Pixels' deviations from the mean of their cell's finite pixels."""
    mean, _ = block_mean(values, CELL_SIDE)
    return values - repeated(mean, CELL_SIDE)
