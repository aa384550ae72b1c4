"""Coverage and width of both intervals."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kilomoist.names import INTERVALS
from kilomoist.reporting.figures.pages import BLUE, FAINT, INK, ORANGE, ROUND_STEPS, label_of, new_page, percent_text
from kilomoist.texts import said, text

LOOKS = dict(zip(INTERVALS, (("coverage.total", BLUE, 0.17), ("coverage.conditional", ORANGE, -0.17)), strict=True))
"""What is drawn of each interval: the key of what it is called, its colour and its place beside the other."""
DOMINANT = 2 / 3
"""Share of the width from which on one part is said to make it."""
SAME = 0.995
"""Share of the width from which on nothing is left for the other part."""


def draw_coverage(path: str | Path, table: pd.DataFrame, caption: str) -> Figure:
    """Coverage and mean width of both intervals by group, a row of panels for each support; `tables/coverage.csv`."""
    notes = [text("coverage.note")]
    notes += dominance(table)
    supports = list(dict.fromkeys(table["support"]))
    groups = {support: list(dict.fromkeys(table.loc[table["support"] == support, "group"])) for support in supports}
    lines = [len(names) for names in groups.values()]
    size = (9, 1.6 + 0.2 * len(notes) + sum(0.75 + 0.27 * count for count in lines)) if lines else (7, 3)
    with new_page(path, text("coverage.title"), caption, "\n".join(notes), size) as page:
        if not lines:
            axes = page.subplots()
            axes.set_axis_off()
            axes.text(0.5, 0.5, text("coverage.none"), ha="center", va="center", color=FAINT, size=11)
            return page
        panels = page.subplots(len(supports), 2, squeeze=False, sharey="row", height_ratios=[2 + n for n in lines])
        for (shares, widths), support in zip(panels, supports, strict=True):
            rows = table[table["support"] == support]
            _draw_shares(shares, rows, groups[support])
            _draw_widths(widths, rows, groups[support])
            shares.set_title(_title(support))
        widest = max(axes.get_xlim()[1] for axes in panels[:, 1])
        for shares, widths in panels:
            widths.set_xlim(0, widest)
            for axes in (shares, widths):
                axes.tick_params(axis="y", length=0)
                axes.spines[["top", "right", "left"]].set_visible(False)
        panels[-1, 0].set_xlabel(text("coverage.share"))
        panels[-1, 1].set_xlabel(text("coverage.width"))
        handles = [
            Line2D([], [], color=colour, marker="o", linestyle="", label=text(name))
            for name, colour, _ in LOOKS.values()
        ]
        handles.append(Line2D([], [], color=INK, linewidth=0.9, linestyle="--", label=text("coverage.nominal")))
        page.legend(handles=handles, loc="outside lower center", ncols=3)
    return page


def dominance(table: pd.DataFrame) -> list[str]:
    """Sentences on supports where one part makes most of the total interval's mean width; the other adds the rest."""
    widths = table[table["group"] == "all"].pivot_table(index="support", columns="interval", values="width", sort=False)
    found = []
    for support, row in widths.iterrows():
        total, conditional = row.get("total", np.nan), row.get("conditional", np.nan)
        if part := main_part(total, conditional):
            share = conditional / total if part == "open" else 1 - conditional / total
            known = {"share": percent_text(100 * share), "width": f"{total:.3f}"}
            found.append(text(f"coverage.{part}", name=text(f"coverage.of.{support}"), **known))
    return found


def main_part(total: float, conditional: float) -> str:
    """What makes most of the total interval's width: `open` within cells, `smap`'s error; `same` where it adds nothing.

    Empty where neither makes most of it, or a width is not known or has no end.
    """
    inner = conditional / total if np.isfinite(total) and total > 0 else np.nan
    if inner >= SAME:
        return "same"
    return "open" if inner >= DOMINANT else "smap" if 1 - inner >= DOMINANT else ""


def _title(support: str) -> str:
    """What is compared with what."""
    return text(f"coverage.title.{support}")


def _group_label(group: str) -> str:
    """A group in print: classes of a vegetation index by its label."""
    first, *rest = group.split(" ")
    return said(" ".join([label_of(first), *rest]), "group")


def _draw_shares(axes: Axes, rows: pd.DataFrame, groups: list[str]) -> None:
    """Coverage of each group, a dot an interval, and what is nominal."""
    places = np.arange(len(groups))
    for kind, (_, colour, offset) in LOOKS.items():
        share = 100 * rows[rows["interval"] == kind].set_index("group")["coverage"].reindex(groups).to_numpy(float)
        axes.scatter(share, places - offset, color=colour, s=22, zorder=3, clip_on=False)
    axes.set(xlim=(min(50, 100 * rows["coverage"].min() - 5) if rows["coverage"].notna().any() else 50, 101))
    counts = rows.drop_duplicates("group").set_index("group")["n"]
    axes.set_yticks(places, [f"{_group_label(group)}  (n = {counts[group]:,})" for group in groups])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.grid(axis="x", color=FAINT, alpha=0.2, linewidth=0.6)
    if rows["coverage"].isna().all():
        look: dict[str, Any] = {"ha": "center", "va": "center", "color": FAINT, "size": 9, "backgroundcolor": "white"}
        axes.text(0.5, 0.5, text("coverage.unknown"), transform=axes.transAxes, **look)
    else:
        axes.axvline(100 * rows["nominal"].iloc[0], color=INK, linewidth=0.9, linestyle="--", zorder=1)


def _draw_widths(axes: Axes, rows: pd.DataFrame, groups: list[str]) -> None:
    """Mean width of each group, a bar an interval; a width without an end has none."""
    for kind, (_, colour, offset) in LOOKS.items():
        width = rows[rows["interval"] == kind].set_index("group")["width"].reindex(groups).to_numpy(float)
        bars = axes.barh(np.arange(len(groups)) - offset, np.where(np.isfinite(width), width, 0), 0.32, color=colour)
        texts = [f"{value:.3f}" if np.isfinite(value) else text("coverage.endless") for value in width]
        axes.bar_label(bars, texts, padding=3, size=7)
    axes.margins(x=0.15)
    axes.locator_params("x", nbins=4, steps=ROUND_STEPS)
