"""Flags of the map."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from rasterio.enums import Resampling

from kilomoist.mapping.flags import most_severe, severity_colours
from kilomoist.quality_flags import FLAGS, NO_FLAG, SEVERITY
from kilomoist.reporting.figures.cartography import Region, draw_map, read_view, view_of
from kilomoist.reporting.figures.pages import INK, MISSING, new_page, percent_text
from kilomoist.texts import named, text


def draw_quality(path: str | Path, quality: str | Path, table: pd.DataFrame, caption: str, region: Region) -> Figure:
    """Most severe flag of every pixel, and the share of the pixels with a value that each flag is set on.

    Reads `quality.tif`; `table` is its `flags.flag_table`.
    """
    view, tags = view_of(quality, region)
    flags = read_view(quality, view, Resampling.nearest)
    reconciled = tags.get("reconciled") != "no"
    places = np.where(np.isnan(flags), np.nan, most_severe(reconciled)[np.nan_to_num(flags).astype(np.uint8)])
    places[places == SEVERITY.index("no_value")] = np.nan  # the grey of the region, nothing outside of it
    colours = severity_colours()
    scale = Normalize(-0.5, len(colours) - 0.5)
    note = text("quality.note")
    if not reconciled:
        note += "\n" + text("quality.unreconciled", flag=named(FLAGS["not_reconciled"].meaning))

    width, height = view.inches(5.2)
    size = width + 5.6, max(1.6 + height, 3.6)
    with new_page(path, text("quality.title"), caption, note, size) as page:
        left_axes, bars = page.subplots(1, 2, width_ratios=(width, 2.6))
        draw_map(left_axes, places, view, scale, ListedColormap(colours))
        left_axes.set_title(f"a   {text('quality.severe')}")
        shares = 100 * table.set_index("flag")["share"]
        names = [*(FLAGS[name].meaning for name in SEVERITY if name != "no_value"), NO_FLAG]
        shown = [named(name) for name in names]
        drawn = bars.barh(shown, shares[names], color=colours[1:], edgecolor=INK, linewidth=0.4)
        bars.bar_label(drawn, [percent_text(share) for share in shares[names]], padding=3, size=8)
        bars.scatter(np.full(len(names), -6), shown, marker="s", s=50, color=colours[1:], edgecolor=INK, linewidth=0.4)
        bars.axvline(0, color=INK, linewidth=0.6)
        bars.invert_yaxis()
        bars.set(xlim=(-12, 122), xticks=range(0, 101, 25), xlabel=text("quality.share"))
        bars.set_title(f"b   {text('quality.each')}")
        bars.tick_params(axis="y", length=0)
        bars.spines[["top", "right", "left"]].set_visible(False)
        bars.spines["bottom"].set_bounds(0, 100)
        page.legend(handles=[Patch(color=MISSING, label=named("no value"))], loc="outside lower left")
    return page
