"""Values of a map at a user's places."""

from pathlib import Path

import numpy as np
import pandas as pd

from kilomoist.errors import InputError
from kilomoist.exporting.bands import RunBands
from kilomoist.grids import M01, ease_from_geographic
from kilomoist.quality_flags import FLAGS
from kilomoist.reporting.tables import Form, clipped, numbers, read_cells

COLUMNS = ("id", "longitude", "latitude")
"""Columns that a table of places needs; others are left out."""
_DIGITS = 4
OUTSIDE, WITHOUT = "outside of the mapped region", "no value in this pixel"


def read_places(path: str | Path) -> pd.DataFrame:
    """Places of a table: id, longitude, latitude in degrees. Raises `InputError` for what is no such table."""
    try:
        table, _ = read_cells(path, COLUMNS, Form())
    except InputError as error:  # which knows tables of field points alone
        raise InputError(str(error).replace("field points", "`export.points`", 1)) from None
    found = list(table)
    wrong = [name for name in COLUMNS if found.count(name) != 1]
    if wrong or table.empty:
        what = f"column {wrong[0]} {'more than once' if wrong[0] in found else 'missing'}" if wrong else "no row"
        raise InputError(
            f"`export.points` {path}: {what} (there are {clipped(', '.join(found), 200)}): give a table with the "
            f"columns {', '.join(COLUMNS)}."
        )
    places = table[[*COLUMNS]].copy()
    for name, most in (("longitude", 180), ("latitude", 90)):
        # A comma in degrees is none of thousands.
        places[name] = numbers(table[name].str.replace(",", ".", regex=False), ".")
        beyond = ~(places[name].abs() <= most)
        if beyond.any():
            first = table[beyond].iloc[0]
            raise InputError(
                f"`export.points` {path}: {name} of {clipped(first['id'])} is {clipped(first[name]) or 'empty'}, "
                f"expected degrees within ±{most}."
            )
    return places


def point_table(places: pd.DataFrame, run: RunBands) -> pd.DataFrame:
    """Values of a run at places, a row each in their order, with flags by number and by name; empty without a value."""
    row, column = M01.locate(*ease_from_geographic(places["longitude"], places["latitude"]))
    row, column = row - run.window.row, (column - run.window.column) % M01.columns
    inside = (row >= 0) & (row < run.window.rows) & (column < run.window.columns)
    at = np.where(inside, row, 0), np.where(inside, column, 0)
    table = places.reset_index(drop=True)
    for name, band in run.bands.items():
        table[name] = np.where(inside, band[at].astype(float).round(_DIGITS), np.nan)
    flags = run.quality[at]
    table["quality"] = pd.Series(flags).astype("Int64").where(inside)
    names = ["; ".join(name for name, flag in FLAGS.items() if value >> flag.bit & 1) for value in flags]
    table["flags"] = np.where(inside, names, "")
    note = np.where(np.isfinite(table["soil_moisture"]), "", WITHOUT)
    return table.assign(note=np.where(inside, note, OUTSIDE))
