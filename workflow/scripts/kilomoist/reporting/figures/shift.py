"""Predictors at 9 km and at 1 km."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kilomoist.reporting.figures import pages
from kilomoist.texts import text


def draw_shift(path: str | Path, table: pd.DataFrame, histograms: pd.DataFrame, caption: str) -> Figure:
    """Distributions of every predictor at 9 km (training rows) and 1 km (pixels), a row of panels a space.

    `table` and `histograms` are those of `mapping.shifts.shift_tables`.
    """
    spaces, names = (list(dict.fromkeys(table[column])) for column in ("space", "predictor"))
    notes = [text("shift.note")]
    if "deviation" in spaces:
        notes.append(text("shift.deviations"))
    lines = pages.panel_lines(dict.fromkeys(spaces, names))
    columns = max(len(part) for _, part in lines)
    size = max(2.7 * columns + 0.6, 6.6), 1.2 + 0.2 * len(notes) + 2.6 * len(lines)
    with pages.new_page(path, text("shift.title"), caption, "\n".join(notes), size) as page:
        panels = page.subplots(len(lines), columns, squeeze=False)
        for row, (space, part) in zip(panels, lines, strict=True):
            for axes in row[len(part) :]:
                axes.set_axis_off()
            for axes, name in zip(row, part, strict=False):
                summary = table[(table["space"] == space) & (table["predictor"] == name)].set_index("support")
                bins = histograms[(histograms["space"] == space) & (histograms["predictor"] == name)]
                _draw_distributions(axes, summary, bins)
                deviation = text("shift.deviation") if space == "deviation" else ""
                axes.set_xlabel(pages.axis_label(name, deviation, summary["unit"].iloc[0]))
            row[0].set_ylabel(text("shift.density"))
        handles = [
            Patch(color=pages.MISSING, alpha=0.4, label=text("shift.range")),
            Line2D([], [], color=pages.BLUE, linewidth=1.4, label=text("shift.rows")),
            Line2D([], [], color=pages.ORANGE, linewidth=1.4, label=text("shift.pixels")),
        ]
        page.legend(handles=handles, loc="outside lower center", ncols=3)
    return page


def _draw_distributions(axes: Axes, summary: pd.DataFrame, bins: pd.DataFrame) -> None:
    """Two histograms as densities, on the training rows' range, as far as the first and last percent of the pixels."""
    training, pixels = summary.loc["9 km"], summary.loc["1 km"]
    axes.axvspan(training["minimum"], training["maximum"], color=pages.MISSING, alpha=0.4, linewidth=0)
    edges = np.append(bins["lower"], bins["upper"].iloc[-1])
    for column, colour in (("rows", pages.BLUE), ("pixels", pages.ORANGE)):
        density = bins[column].to_numpy() / max(bins[column].sum(), 1) / np.diff(edges)
        axes.stairs(density, edges, color=colour, linewidth=1.4)
    low = np.nanmin([training["minimum"], pixels["p01"]])
    high = np.nanmax([training["maximum"], pixels["p99"]])
    margin = 0.05 * (high - low) or 1.0
    axes.set(xlim=(low - margin, high + margin), yticks=[], ylim=(0, 1.18 * axes.get_ylim()[1]))
    axes.locator_params("x", nbins=5, steps=pages.ROUND_STEPS)
    axes.spines[["top", "right", "left"]].set_visible(False)
    outside = pages.percent_text(100 * pixels["outside"])
    shown = text("shift.outside", share=outside) if outside else text("figure.no_value")
    axes.text(0.5, 0.98, shown, transform=axes.transAxes, ha="center", va="top", size=8)
