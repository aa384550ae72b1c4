"""The map as a slide."""

from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kilomoist.metadata import is_simulated
from kilomoist.names import MAP_1KM
from kilomoist.reporting.figures.cartography import Region, View, colour_scale, draw_map, read_view, view_of
from kilomoist.reporting.figures.maps import made_by
from kilomoist.reporting.figures.pages import FAINT, INK, MISSING, ORANGE, STYLE, read_caption, save_page
from kilomoist.texts import named, text
from kilomoist.version import VERSION

_SIZE, _DPI = (16, 9), 120
"""Inches, and pixels an inch: 1920 × 1080 pixels."""
_FONT = {"font.size": 15, "figure.dpi": _DPI, "savefig.dpi": _DPI, "axes.linewidth": 1.0}
_LEFT = 0.04
_ROOM = 12.0, 6.0
"""Width and height in inches that the map may have."""


def draw_slide(path: str | Path, map_: str | Path, region: Region, resolution: float = np.nan) -> Figure:
    """The map with its title, legend, scale and source, and a mark where nothing of it is measured.

    `resolution` is the effective one in km (NaN: not known).
    """
    caption, title = read_caption(map_), f"{text('maps.title')}: {named(MAP_1KM)}"
    view, tags = view_of(map_, region)
    values = read_view(map_, view)
    with style.context(STYLE | _FONT, after_reset=True):
        figure = Figure(figsize=_SIZE)
        figure.text(_LEFT, 0.95, title, size=28, weight="bold", color=INK, va="top")
        figure.text(_LEFT, 0.875, caption, size=20, color=INK, va="top")
        if is_simulated(tags["source"]):
            box = {"boxstyle": "round,pad=0.4", "facecolor": ORANGE, "edgecolor": "none"}
            words = text("slide.simulated")
            figure.text(1 - _LEFT, 0.945, words, size=18, weight="bold", color=INK, ha="right", va="top", bbox=box)
        axes, bar = _panels(figure, view)
        image = draw_map(axes, values, view, colour_scale([values]))
        label = f"{text('figure.soil_moisture')} ({text('figure.unit')})"
        figure.colorbar(image, cax=bar, label=label, extend="both", extendfrac=0.04)
        handles = [
            Patch(color=MISSING, label=named("no value")),
            Line2D([], [], color=INK, linewidth=1.5, label=text("maps.region")),
        ]
        figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.475, 0.065), ncols=2)
        figure.text(_LEFT, 0.03, _source(tags, resolution), size=12.5, color=FAINT, va="bottom")
        save_page(figure, path, title, caption)
    return figure


def _panels(figure: Figure, view: View) -> tuple[Axes, Axes]:
    """Axes of the map, as large as the slide has room for, and of its colour bar; both in the middle."""
    left, bottom, right, top = view.bounds
    height = min(_ROOM[1], _ROOM[0] * (top - bottom) / (right - left))
    width = height * (right - left) / (top - bottom)
    x, y = (_SIZE[0] - width) / 2 - 0.4, 1.45 + (_ROOM[1] - height) / 2
    places = ((x, y, width, height), (x + width + 0.4, y, 0.3, height))
    axes, bar = (figure.add_axes((x / 16, y / 9, width / 16, height / 9)) for x, y, width, height in places)
    return axes, bar


def _source(tags: dict[str, str], resolution: float) -> str:
    """What the map was made from and by, in a line."""
    parts = [text("slide.source", target=tags["target"]), made_by(tags).strip()]
    if np.isfinite(resolution):
        parts.append(text("maps.resolution", map=named(MAP_1KM), resolution=f"{resolution:.1f}"))
    return " ".join([*parts, f"kilomoist {VERSION}."])
