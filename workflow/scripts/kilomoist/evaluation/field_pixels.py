"""Pixels with field points, as `tables/field_points.csv` has them."""

from pathlib import Path

import pandas as pd

from kilomoist.files import read_table
from kilomoist.grids import CELL_SIDE
from kilomoist.names import OWN_COLUMNS


def read_pixels(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Pixels that hold field points, a row each, and the columns that are maps."""
    pixels = read_table(path)
    maps = [name for name in pixels if name not in OWN_COLUMNS]
    return pixels.astype(dict.fromkeys(["observed", *maps], float)), maps


def cells_of(pixels: pd.DataFrame) -> pd.DataFrame:
    """Row and column, in the global 9 km grid, of the cell that holds each pixel."""
    return pixels["pixel"].astype("string").str.extract(r"r(?P<row>\d+)c(?P<column>\d+)").astype(int) // CELL_SIDE
