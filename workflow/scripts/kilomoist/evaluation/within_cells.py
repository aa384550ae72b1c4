"""Deviations of field points within cells of 9 km, which SMAP's own map says nothing of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kilomoist.evaluation.bootstrap import ScoredRows
from kilomoist.evaluation.field_pixels import cells_of
from kilomoist.grids import M09, geographic_from_ease
from kilomoist.names import RANKED

COLUMNS = (
    *("cells", "n", "r", "r_low", "r_high", "skill", "skill_low", "skill_high"),
    *("observed_deviation", "map_deviation"),
)
"""Of `within_cells`. The last two are standard deviations of the deviations, m³/m³."""
_OF_RANKS = ("cells", "n", "r", "r_low", "r_high", "observed_deviation")


def deviations_within_cells(pixels: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Deviations of each pixel from the mean of the others in its cell, m³/m³: a row a pixel of cells with two or more.

    `pixels` are rows of `tables/field_points.csv`. Has row and column of the cell in the global 9 km grid, and the
    columns. By k / (k − 1) they are deviations from the mean of all k, and like these sum up to 0 in each cell.
    """
    frame = cells_of(pixels).join(pixels[[*columns]])
    frame = frame[frame.duplicated(["row", "column"], keep=False)]
    cells = frame.groupby(["row", "column"])[[*columns]]
    others = (cells.transform("sum") - frame[[*columns]]).div(cells.transform("size") - 1, axis=0)
    # A map that is the same all over a cell deviates by nothing, and not by rounding.
    return frame[["row", "column"]].join((frame[[*columns]] - others).round(9)).reset_index(drop=True)


def within_cells(pixels: pd.DataFrame, maps: Sequence[str], seed: int) -> dict[str, dict[str, Any]]:
    """Scores of each map's deviations within cells against those observed: `COLUMNS`; r is NaN of a constant map.

    A map in percent of saturation (`RANKED`) has r alone, of the deviations' ranks.
    Skill is 1 − MSE / MSE of no deviation, which is what SMAP at 9 km says. Intervals of 95 % are by blocks of whole
    cells, of a range of one: what reaches farther is in the mean of the others, and taken away.
    """
    table = deviations_within_cells(pixels, ["observed", *maps])
    cells = len(table[["row", "column"]].drop_duplicates())
    if not cells:
        return {name: {column: 0 if column in ("cells", "n") else np.nan for column in COLUMNS} for name in maps}
    x = M09.left + (table["column"] + 0.5) * M09.side
    y = M09.top - (table["row"] + 0.5) * M09.side
    # All pixels of a cell lie at its centre, so that they are drawn together.
    places = np.stack(geographic_from_ease(x.to_numpy(), y.to_numpy()), axis=1)
    observed, estimates = table["observed"].to_numpy(), {name: table[name].to_numpy() for name in maps}
    found = {}
    absolute = {name: values for name, values in estimates.items() if not name.endswith(RANKED)}
    relative = {name: table[name].rank().to_numpy() for name in maps if name not in absolute}
    rows = ScoredRows(observed, absolute, places, geographic=True, seed=seed)
    ranked = ScoredRows(table["observed"].rank().to_numpy(), relative, places, geographic=True, seed=seed)
    for name, estimated in estimates.items():
        intervals = (ranked if name in relative else rows).intervals(name, M09.side)
        scores: dict[str, float] = {"n": len(table), "cells": cells}
        scores |= {"observed_deviation": observed.std(), "map_deviation": estimated.std()}
        # The mean of what is observed is 0, so that R² is the skill against no deviation.
        for column, own in (("r", intervals["r"]), ("skill", intervals["r2"])):
            scores |= {column: own.value, f"{column}_low": own.lower, f"{column}_high": own.upper}
        kept = COLUMNS if name in absolute else _OF_RANKS
        found[name] = {column: scores[column] if column in kept else np.nan for column in COLUMNS}
    return found
