"""Pages of figures: every function that draws a figure writes a PNG whose bytes depend on its input alone."""

import math
from calendar import month_name
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from kilomoist.files import replaced
from kilomoist.rasters import read_run
from kilomoist.reporting.figures.style import INK, STYLE

MAX_COLUMNS = 6
"""Panels beside each other: more go on in the next line."""

LABELS = {
    "target": "Soil moisture",
    "soil_moisture": "Soil moisture",
    "ndvi": "NDVI",
    "evi": "EVI",
    "lst_day": "LST, day",
    "lst_night": "LST, night",
    "lst_range": "LST, range",
    "elevation": "Elevation",
    "slope": "Slope",
    "northness": "Northness",
    "eastness": "Eastness",
    "absolute": "Method absolute (the study's)",
    "detail": "Method detail",
}
"""Names of columns and methods in print; others are printed as they are, without underscores."""

_SOURCES = {
    "simulated": "simulated data",
    "archive": "granules of an archive",
    "archive of simulated granules": "simulated data",
    "earthdata": "NASA granules (earthdata)",
}


@dataclass(frozen=True)
class Caption:
    """Region, month (YYYY-MM) and source of a figure's data."""

    region: str
    month: str
    source: str
    """A key of `_SOURCES`."""

    def __str__(self) -> str:
        year, month = self.month.split("-")
        return f"{self.region}  ·  {month_name[int(month)]} {year}  ·  {_SOURCES[self.source]}"


def read_caption(raster: str | Path) -> Caption:
    """Caption of figures of the run that made a raster."""
    run = read_run(raster)
    return Caption(run["region"], run["month"], run["source"])


def panel_lines(names: Mapping[str, Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Each group's names in lines of as many panels as a page is wide, as equal as can be."""
    return [
        (group, part.tolist())
        for group, own in names.items()
        for part in np.array_split(np.asarray(own), math.ceil(len(own) / MAX_COLUMNS))
    ]


def axis_label(name: str, deviation: str, unit: object) -> str:
    """A predictor with its unit, which tables of indices alone hold as the number 1."""
    return f"{label_of(name)}{deviation}{'' if str(unit) == '1' else f' ({unit})'}"


@contextmanager
def new_page(path: str | Path, title: str, caption: Caption, note: str, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure of `size` inches under a heading of up to three lines; written to `path` when the block ends."""
    width, height = size
    # compress: without it labels beside axes of equal aspect can end up beyond the page.
    below_heading = (0, 0, 1, 1 - (0.65 + 0.2 * note.count("\n") + 0.2 * bool(note)) / height)
    layout = ConstrainedLayoutEngine(rect=below_heading, w_pad=0.08, h_pad=0.08, compress=True)
    # after_reset: a matplotlibrc on this machine must not change the picture.
    with style.context(STYLE, after_reset=True):
        figure = Figure(figsize=size, layout=layout)
        for text, below, font_size, weight in (
            (title, 0.12, 13, "bold"),
            (str(caption), 0.40, 9, "normal"),
            (note, 0.62, 8, "normal"),
        ):
            if text:
                position = 0.12 / width, 1 - below / height
                figure.text(*position, text, va="top", color=INK, size=font_size, weight=weight)
        yield figure
        with replaced(path) as partial:
            # matplotlib would name its version, and the bytes would change with it.
            figure.savefig(partial, metadata={"Software": None, "Title": title, "Description": str(caption)})


def label_of(name: str) -> str:
    """Name of a column or method in print."""
    return LABELS.get(name, name.replace("_", " "))
