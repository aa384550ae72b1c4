"""What each product sees more than the first one of its quantity."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kilomoist.reporting.figures.pages import BLUE, INK, ORANGE, axis_label, label_of, new_page

_COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7")


def draw_differences(path: str | Path, table: pd.DataFrame, units: dict[str, str], caption: str) -> Figure:
    """Difference of each product from the first, with its standard deviation over pixels, by class of vegetation.

    `table` is that of `bridging.choose_differences`; a panel a quantity, a dashed line for all pixels.
    """
    names = list(table["quantity"].unique())
    note = "Taken away before observations are averaged.\nDashed: all pixels; bars: standard deviation over pixels."
    size = max(4.2 * len(names), 5.4), 4.6
    with new_page(path, "Differences between products", caption, note, size) as page:
        for axes, name in zip(page.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            rows = table[(table["quantity"] == name) & (table["pixels"] > 0)]
            products = list(rows["product"].unique())
            for number, product in enumerate(products):
                own = rows[rows["product"] == product]
                whole, classes = own[own["vegetation"] == "all"].iloc[0], own[own["vegetation"] != "all"]
                colour, label = (
                    _COLOURS[number % len(_COLOURS)],
                    f"{product} − {whole['reference']} ({whole['months']})",
                )
                axes.axhline(whole["difference"], color=colour, linewidth=0.9, linestyle="--")
                shown = classes if len(classes) else own
                places = np.arange(len(shown)) + 0.16 * (number - (len(products) - 1) / 2)
                axes.errorbar(
                    places, shown["difference"], shown["spread"], fmt="o", markersize=4, color=colour, label=label
                )
                words = shown["vegetation"].str.replace(r"^\w+ ", "", regex=True)
                axes.set_xticks(np.arange(len(shown)), [word.replace(" and ", "\nand ") for word in words])
            axes.axhline(0, color=INK, linewidth=0.6)
            axes.margins(x=0.15)
            axes.set_ylabel(axis_label(name, ", difference", units[name]))
            indices = rows["vegetation"].str.extract(r"^(\w+) (?:below|\d)")[0].dropna().unique()
            axes.set_xlabel(f"Class of {label_of(indices[0])}" if len(indices) else "")
            if products:
                axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0))
    return page
