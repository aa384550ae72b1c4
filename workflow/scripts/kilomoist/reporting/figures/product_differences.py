"""What each product sees more than the first one of its quantity."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from kilomoist.predictors.product_differences import ALL, MIN_OF_CLASS
from kilomoist.reporting.figures.pages import BLUE, INK, ORANGE, axis_label, label_of, new_page
from kilomoist.texts import text

_COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7")


def draw_differences(path: str | Path, table: pd.DataFrame, units: dict[str, str], caption: str) -> Figure:
    """Difference of each product from the first, with its standard deviation over pixels, by class of vegetation.

    `table` is that of `bridging.choose_differences`; a panel a quantity, a dashed line for all pixels.
    """
    names = list(table["quantity"].unique())
    note = text("differences.note")
    size = max(4.2 * len(names), 5.4), 4.6
    with new_page(path, text("differences.title"), caption, note, size) as page:
        for axes, name in zip(page.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            rows = table[(table["quantity"] == name) & (table["pixels"] >= MIN_OF_CLASS)]
            products = list(rows["product"].unique())
            known = rows.loc[rows["vegetation"] != ALL].sort_values("index")["vegetation"].unique()
            shown = list(known) if len(known) else [ALL]
            for number, product in enumerate(products):
                own = rows[rows["product"] == product].set_index("vegetation")
                whole, classes = own.loc[ALL], own[own.index.isin(shown)]
                colour = _COLOURS[number % len(_COLOURS)]
                label = f"{product} \N{MINUS SIGN} {whole['reference']} ({whole['months'].replace(' ', ', ')})"
                axes.axhline(whole["difference"], color=colour, linewidth=0.9, linestyle="--")
                places = [shown.index(each) + 0.16 * (number - (len(products) - 1) / 2) for each in classes.index]
                bars = {"fmt": "o", "markersize": 4, "color": colour, "label": label}
                axes.errorbar(places, classes["difference"], classes["spread"], **bars)
            words = [each.split(" ", 1)[-1].replace(" and ", "\nand ") for each in shown]
            axes.set_xticks(range(len(shown)), words)
            axes.axhline(0, color=INK, linewidth=0.6)
            axes.margins(x=0.15)
            axes.set_ylabel(axis_label(name, text("differences.difference"), units[name]))
            axes.set_xlabel(text("differences.class", name=label_of(shown[0].split(" ")[0])) if len(known) else "")
            if products:
                axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0))
    return page
