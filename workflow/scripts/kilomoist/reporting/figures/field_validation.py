"""Maps against field measurements (figures 6 and 7 of the study)."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kilomoist.names import LABELS, OWN_MAPS
from kilomoist.reporting.figures.pages import BLUE, FAINT, ORANGE, new_page
from kilomoist.reporting.figures.scatter import common_limits, draw_comparison
from kilomoist.texts import named, text


def draw_points(path: str | Path, frame: pd.DataFrame, table: pd.DataFrame, caption: str) -> Figure:
    """Both maps against field measurements (figures 6 and 7 of the study); a page that says so when there are none.

    `frame` has columns observed, coarse (9 km) and fine (1 km) in m³/m³, one row a pixel; `table` has map (`9 km`,
    `1 km`), n, r, p, rmse, ubrmse, bias, which are printed and not computed again.
    """
    frame = frame.dropna(subset=["observed"]).dropna(subset=["coarse", "fine"], how="all")
    title, size = text("field.title"), (9, 6.4) if len(frame) else (7, 3)
    with new_page(path, title, caption, "", size) as page:
        if frame.empty:
            axes = page.subplots()
            axes.set_axis_off()
            axes.text(0.5, 0.5, text("field.none"), ha="center", va="center", color=FAINT, size=11, linespacing=1.6)
            return page
        limits = common_limits(frame["observed"], frame["coarse"], frame["fine"])
        both = page.subplots(1, 2, sharex=True, sharey=True)
        for axes, column in zip(both, ("coarse", "fine"), strict=True):
            part = frame[["observed", column]].dropna()
            axes.scatter(part["observed"], part[column], s=16, color=BLUE, alpha=0.6, linewidths=0)
            if part["observed"].nunique() > 2:
                slope, intercept = np.polyfit(part["observed"], part[column], 1)
                ends = np.array([part["observed"].min(), part["observed"].max()])
                axes.plot(ends, slope * ends + intercept, color=ORANGE, linewidth=1.5, label=text("field.line"))
            draw_comparison(axes, named(LABELS[column]), limits, table[table["map"] == OWN_MAPS[column]])
            axes.set_xlabel(text("field.measured"))
        both[0].set_ylabel(text("field.map"))
        page.legend(*both[-1].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return page
