"""Partial dependence of predicted soil moisture."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kilomoist.names import method_label
from kilomoist.reporting.figures import pages
from kilomoist.texts import named, text


def draw_partial_dependence(path: str | Path, table: pd.DataFrame, caption: str, own: str = "detail") -> Figure:
    """Mean prediction of a model where a predictor takes each of many values; a row of panels a method.

    `table` has columns method, predictor, unit, value, prediction (m³/m³), and minimum, p05, p95, maximum of the
    predictor in the training rows; `own` is the method of the run's map.
    """
    notes = [
        text("dependence.note"),
        text("dependence.beyond"),
    ]
    if "detail" in set(table["method"]):
        notes.append(text("dependence.detail", map=named(method_label("detail", own))))
    # Deviations within cells are taken by `absolute` alone.
    taken = {method: list(rows["predictor"].unique()) for method, rows in table.groupby("method", sort=False)}
    lines = pages.panel_lines(taken)
    columns = max(len(part) for _, part in lines)
    size = max(2.5 * columns + 1, 6.6), 1.1 + 0.2 * len(notes) + 2.6 * len(lines)
    with pages.new_page(path, text("dependence.title"), caption, "\n".join(notes), size) as page:
        panels = page.subplots(len(lines), columns, sharey="row", squeeze=False)
        for row, (method, part) in zip(panels, lines, strict=True):
            deviation = f":\n{text('dependence.deviation')}" if method == "detail" else ""
            for axes in row[len(part) :]:
                axes.set_axis_off()
            for axes, name in zip(row, part, strict=False):
                rows = table[(table["method"] == method) & (table["predictor"] == name)]
                first = rows.iloc[0]
                axes.axvspan(first["p05"], first["p95"], color=pages.MISSING, alpha=0.4, linewidth=0)
                for end in ("minimum", "maximum"):
                    axes.axvline(first[end], color=pages.FAINT, linewidth=0.9, linestyle="--")
                axes.plot(rows["value"], rows["prediction"], color=pages.BLUE, linewidth=1.6)
                axes.set_xlabel(pages.axis_label(name, deviation, first["unit"]))
                axes.margins(x=0)
                axes.locator_params(nbins=5, steps=pages.ROUND_STEPS)
                axes.spines[["top", "right"]].set_visible(False)
            row[0].set_title(named(method_label(method, own)))
            row[0].set_ylabel(f"{text('figure.soil_moisture')}{deviation} ({text('figure.unit')})")
        handles = [
            Line2D([], [], color=pages.BLUE, linewidth=1.6, label=text("dependence.mean")),
            Patch(color=pages.MISSING, alpha=0.4, label=text("dependence.inner")),
            Line2D([], [], color=pages.FAINT, linewidth=0.9, linestyle="--", label=text("dependence.ends")),
        ]
        page.legend(handles=handles, loc="outside lower center", ncols=3)
    return page
