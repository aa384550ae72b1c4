"""Pages of figures, as PNG, SVG or PDF whose bytes depend on their input alone, and what all figures look like.

Colours are told apart by colour-blind readers and in print without colour.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from kilomoist.files import replaced
from kilomoist.names import variable_label
from kilomoist.quality_flags import NO_VALUE_COLOUR
from kilomoist.rasters import read_run
from kilomoist.texts import month_text, named, text

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "figure.dpi": 180,
    "svg.hashsalt": "kilomoist",  # else names in an SVG are random
    "pdf.fonttype": 42,  # text that other programs can edit
}
BLUE, ORANGE, INK, FAINT, MISSING = "#0072B2", "#E69F00", "#222222", "#666666", NO_VALUE_COLOUR
ROUND_STEPS = (1, 2, 5, 10)
MAX_COLUMNS = 6
"""Panels beside each other: more go on in the next line."""


def read_caption(raster: str | Path) -> str:
    """Region, month and source of the run that made a raster, for print."""
    run = read_run(raster)
    return f"{run['region']}  ·  {month_text(run['month'])}  ·  {named(run['source'])}"


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
def new_page(path: str | Path, title: str, caption: str, note: str, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure of `size` inches under a heading of up to three lines; written to `path` when the block ends."""
    width, height = size
    # compress: without it labels beside axes of equal aspect can end up beyond the page.
    below_heading = (0, 0, 1, 1 - (0.65 + 0.2 * note.count("\n") + 0.2 * bool(note)) / height)
    layout = ConstrainedLayoutEngine(rect=below_heading, w_pad=0.08, h_pad=0.08, compress=True)
    # after_reset: a matplotlibrc on this machine must not change the picture.
    with style.context(STYLE, after_reset=True):
        figure = Figure(figsize=size, layout=layout)
        heading = ((title, 0.12, 13, "bold"), (caption, 0.40, 9, "normal"), (note, 0.62, 8, "normal"))
        for words, below, points, weight in heading:
            if words:
                figure.text(0.12 / width, 1 - below / height, words, va="top", color=INK, size=points, weight=weight)
        yield figure
        save_page(figure, path, title, caption)


def save_page(figure: Figure, path: str | Path, title: str, caption: str) -> None:
    """Write a figure in the format of the suffix of `path`, with its title and caption."""
    # matplotlib would name its version and the date, and the bytes would change with them.
    said: dict[str, dict[str, str | None]] = {
        ".svg": {"Title": title, "Description": caption, "Creator": None, "Date": None},
        ".pdf": {"Title": title, "Subject": caption, "Creator": None, "Producer": None, "CreationDate": None},
    }
    if engine := figure.get_layout_engine():
        # Laid out here once, because `savefig` draws the whole page for it and throws that away.
        engine.execute(figure)
        figure.set_layout_engine(None)
    with replaced(path) as partial:
        png = {"Title": title, "Description": caption, "Software": None}
        figure.savefig(partial, metadata=said.get(partial.suffix, png))


def label_of(name: str) -> str:
    """Name of the target or a predictor in print."""
    return named(variable_label(name))


def percent_text(share: float) -> str:
    """A percentage for print, told from 0 and from 100 where it differs."""
    if np.isnan(share):
        return ""
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.5 <= share < 100:
        return "> 99 %"
    return f"{share:.1f} %" if 0 < share < 9.95 else f"{share:.0f} %"


def signed_text(value: float, digits: int) -> str:
    """A number with a true minus sign, and without any when it rounds to zero."""
    return f"{value:z.{digits}f}".replace("-", "−")


def degrees_text(value: float, positive: str, negative: str) -> str:
    """A longitude or latitude for print, with the text of the key of its side; 0° and 180° have none."""
    side = "" if abs(value) in (0, 180) else text(positive if value > 0 else negative)
    return f"{abs(value):g}°{side}"
