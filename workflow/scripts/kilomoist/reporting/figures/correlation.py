"""Correlation matrix (figure 2 of the study)."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from kilomoist.reporting.figures.pages import FAINT, INK, label_of, new_page, signed_text
from kilomoist.texts import text


def draw_correlation(path: str | Path, table: pd.DataFrame, caption: str) -> Figure:
    """Correlations of every pair of variables as a triangle of coloured cells (figure 2 of the study).

    `table` has columns first, second, r, n, effective_n, p_effective with each pair once or in both orders; variables
    keep its order.
    """
    table = table[table["first"] != table["second"]]
    names = list(dict.fromkeys([*table["first"], *table["second"]]))
    position = {name: index for index, name in enumerate(names)}
    r, p = np.full((2, len(names), len(names)), np.nan)
    for row in table.itertuples():
        high, low = sorted((position[row.first], position[row.second]), reverse=True)
        r[high, low], p[high, low] = row.r, row.p_effective
    r, p = r[1:, :-1], p[1:, :-1]
    note = (
        f"{text('correlation.note', n=_span(table['n']), effective=_span(table['effective_n']))}\n"
        f"{text('correlation.stars')}"
    )

    side = 0.9 * len(r)
    size = max(2.6 + side, 5.6), 2 + side
    with new_page(path, text("correlation.title"), caption, note, size) as page:
        axes = page.subplots()
        colours = colormaps["RdBu_r"]
        image = axes.imshow(r, cmap=colours, vmin=-1, vmax=1)
        for (row, column), value in np.ndenumerate(r):
            if column > row:
                continue
            stars = "**" if p[row, column] < 0.01 else "*" if p[row, column] < 0.05 else ""
            shown = "–" if np.isnan(value) else signed_text(value, 2) + stars
            axes.text(column, row, shown, ha="center", va="center", color=_readable(colours, (value + 1) / 2), size=11)
        axes.hlines(np.arange(len(r) - 1) + 0.5, -0.5, len(r) - 0.5, color="white")
        axes.vlines(np.arange(len(r) - 1) + 0.5, -0.5, len(r) - 0.5, color="white")
        labels = [label_of(name) for name in names]
        axes.set_xticks(range(len(r)), labels[:-1], rotation=0 if len(r) < 6 else 90)
        axes.set_yticks(range(len(r)), labels[1:])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        page.colorbar(image, ax=axes, label=text("correlation.r"), shrink=0.9, ticks=[-1, -0.5, 0, 0.5, 1])
    return page


def _span(numbers: pd.Series) -> str:
    """Smallest and largest of numbers, rounded, once where they are the same; `–` without any."""
    known = numbers.dropna().round()
    return "–".join(f"{number:,.0f}" for number in sorted({known.min(), known.max()})) if len(known) else "–"


def _readable(colours: Colormap, position: float) -> str:
    """Black or white, whichever stands out from a colour map's colour at 0…1."""
    if np.isnan(position):
        return FAINT
    return INK if np.dot(colours(position)[:3], [0.299, 0.587, 0.114]) > 0.5 else "white"
