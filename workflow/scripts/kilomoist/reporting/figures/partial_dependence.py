"""Partial dependence of predicted soil moisture."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from kilomoist.reporting.figures.pages import Caption, axis_label, label_of, new_page, panel_lines
from kilomoist.reporting.figures.style import BLUE, FAINT, MISSING, MOISTURE_UNIT, ROUND_STEPS


def draw_partial_dependence(path: str | Path, table: pd.DataFrame, caption: Caption) -> Figure:
    """Mean prediction of a model where a predictor takes each of many values; a row of panels a method.

    `table` has columns method, predictor, unit, value, prediction (m³/m³), and minimum, p05, p95, maximum of the
    predictor in the training rows.
    """
    notes = [
        "Mean prediction over training rows with one predictor set to each value and the others left as they are.",
        "Beyond the training rows nothing was learned: a forest goes on as at their edge, a linear trend straight on.",
    ]
    if "detail" in set(table["method"]):
        notes.append("Method detail: both axes are deviations from the mean over coarse cells, interpolated.")
    # Deviations within cells are taken by `absolute` alone.
    taken = {method: list(rows["predictor"].unique()) for method, rows in table.groupby("method", sort=False)}
    lines = panel_lines(taken)
    columns = max(len(part) for _, part in lines)
    size = max(2.5 * columns + 1, 6.6), 1.1 + 0.2 * len(notes) + 2.6 * len(lines)
    with new_page(path, "Partial dependence of predicted soil moisture", caption, "\n".join(notes), size) as page:
        panels = page.subplots(len(lines), columns, sharey="row", squeeze=False)
        for row, (method, part) in zip(panels, lines, strict=True):
            deviation = ":\ndeviation from coarse cells" if method == "detail" else ""
            for axes in row[len(part) :]:
                axes.set_axis_off()
            for axes, name in zip(row, part, strict=False):
                rows = table[(table["method"] == method) & (table["predictor"] == name)]
                first = rows.iloc[0]
                axes.axvspan(first["p05"], first["p95"], color=MISSING, alpha=0.4, linewidth=0)
                for end in ("minimum", "maximum"):
                    axes.axvline(first[end], color=FAINT, linewidth=0.9, linestyle="--")
                axes.plot(rows["value"], rows["prediction"], color=BLUE, linewidth=1.6)
                axes.set_xlabel(axis_label(name, deviation, first["unit"]))
                axes.margins(x=0)
                for axis in (axes.xaxis, axes.yaxis):
                    axis.set_major_locator(MaxNLocator(5, steps=ROUND_STEPS))
                axes.spines[["top", "right"]].set_visible(False)
            row[0].set_title(label_of(method))
            row[0].set_ylabel(f"Soil moisture{deviation} ({MOISTURE_UNIT})")
        handles = [
            Line2D([], [], color=BLUE, linewidth=1.6, label="mean prediction"),
            Patch(color=MISSING, alpha=0.4, label="5–95 % of the training rows"),
            Line2D([], [], color=FAINT, linewidth=0.9, linestyle="--", label="their minimum and maximum"),
        ]
        page.legend(handles=handles, loc="outside lower center", ncols=3)
    return page
