"""Importance of the predictors (figure 3 of the study)."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from kilomoist.names import method_label
from kilomoist.reporting.figures.pages import BLUE, FAINT, INK, ORANGE, ROUND_STEPS, label_of, new_page, signed_text
from kilomoist.texts import named, text


def draw_importance(path: str | Path, table: pd.DataFrame, caption: str, own: str = "detail") -> Figure:
    """Importance of every predictor and group of predictors, a row of panels a method (figure 3 of the study).

    Left the growth of the error by shuffling on blocks held out, with its standard deviation over folds; right shares
    in percent. `table` has columns method, predictor, entry (`predictor` or `group`), impurity_percent,
    permutation_percent, rmse, rmse_growth, rmse_growth_sd (m³/m³) and vif; `own` is the method of the run's map.
    """
    methods = list(dict.fromkeys(table["method"]))
    first = table[table["method"] == methods[0]]
    # From below: groups, then predictors, the largest of the first method on top; the others keep that order.
    order = list(first.sort_values(["entry", "rmse_growth"])["predictor"])
    groups = int((first["entry"] == "group").sum())
    kinds = [
        ("permutation_percent", text("importance.permutation"), ORANGE),
        ("impurity_percent", text("importance.impurity"), BLUE),
    ]
    if table["impurity_percent"].isna().all():  # the learner has no splits to ask
        kinds = kinds[:1]
    notes = [
        text("importance.note.permutation"),
        (f"{text('importance.note.impurity')}  " if kinds[1:] else "") + text("importance.note.vif"),
    ]
    if groups:
        notes.append(text("importance.note.groups"))

    size = 9, 0.9 + 0.2 * len(notes) + len(methods) * (0.9 + 0.46 * len(order))
    with new_page(path, text("importance.title"), caption, "\n".join(notes), size) as page:
        panels = page.subplots(len(methods), 2, sharey="row", squeeze=False)
        for (growth, shares), method in zip(panels, methods, strict=True):
            rows = table[table["method"] == method].set_index("predictor")
            rows = rows.loc[[name for name in order if name in rows.index]]
            places = np.arange(len(rows)) + np.where(np.arange(len(rows)) < groups, 0, 0.3)
            _draw_growth(growth, places, rows)
            for offset, (column, label, colour) in zip((-0.19, 0.19) if kinds[1:] else (0,), kinds, strict=True):
                values = rows[column].to_numpy(float)
                bars = shares.barh(places + offset, values, height=0.36, color=colour, label=label)
                texts = ["" if np.isnan(value) else f"{signed_text(value, 0)} %" for value in values]
                shares.bar_label(bars, texts, padding=3, size=8)
            shares.set(xlim=(0, 116), xlabel=text("importance.share"), xticks=range(0, 101, 20))
            growth.set_title(named(method_label(method, own)))
            growth.set_yticks(places, [_with_inflation(name, rows.loc[name, "vif"]) for name in rows.index])
            for axes in (growth, shares):
                axes.axvline(0, color=INK, linewidth=0.6)
                if groups:
                    axes.axhline(groups - 0.35, color=FAINT, linewidth=0.6, linestyle=":")
                axes.tick_params(axis="y", length=0)
                axes.spines[["top", "right", "left"]].set_visible(False)
            shares.spines["bottom"].set_bounds(0, 100)
        handles = [Patch(color=colour, label=label) for _, label, colour in reversed(kinds)]
        page.legend(handles=handles, loc="outside lower center", ncols=2)
    return page


def _draw_growth(axes: Axes, places: NDArray, rows: pd.DataFrame) -> None:
    """Growth of the RMSE by shuffling, a bar a row of the table, with its standard deviation and the number."""
    mean, spread = rows["rmse_growth"].to_numpy(), rows["rmse_growth_sd"].to_numpy()
    axes.barh(places, mean, height=0.5, color=ORANGE)
    axes.errorbar(mean, places, xerr=spread, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.5)
    ends = np.maximum(mean + spread, 0)
    for place, value, end in zip(places, mean, ends, strict=True):
        axes.annotate(
            signed_text(value, 4), (end, place), xytext=(5, 0), textcoords="offset points", va="center", size=8
        )
    low, high = min(float((mean - spread).min()), 0), max(float(ends.max()), 1e-4)  # room for what adds nothing
    axes.set(xlim=(low - 0.03 * (high - low), high + 0.2 * (high - low)))
    axes.set_xlabel(text("importance.growth", rmse=f"{rows['rmse'].iloc[0]:.3f}"))
    axes.locator_params("x", nbins=4, steps=ROUND_STEPS)


def _with_inflation(name: str, inflation: float) -> str:
    """Names of a predictor or group for print, with the variance inflation factor where it is known."""
    label = " + ".join(label_of(part) for part in name.split(" + "))
    return label if np.isnan(inflation) else f"{label}\nVIF {inflation:.1f}".replace("inf", "∞")
