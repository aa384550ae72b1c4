"""Predicted against observed cells: of the map, and of the study's (its figure 4)."""

from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure

from kilomoist.names import LABELS, MAP_ONE_SCALE_UP, ONE_SCALE_UP, SMAP_9KM, STUDY_9KM
from kilomoist.reporting.figures.pages import BLUE, FAINT, ROUND_STEPS, new_page
from kilomoist.reporting.figures.scatter import common_limits, draw_comparison
from kilomoist.texts import named, said, text

COUNT_COLOURS = ListedColormap(colormaps["Blues"](np.linspace(0.3, 1, 256)))
"""Without the palest blues: a single cell must be seen on white."""
DENSE = 1000
"""More points than this are drawn as counts, because dots would hide each other."""


class Panel(NamedTuple):
    """Cells of a panel, and the row of scores that is printed there."""

    title: str
    observed: pd.Series
    predicted: pd.Series
    scores: pd.DataFrame
    missing: str
    """What is said where there are no cells."""


def draw_predicted_observed(
    path: str | Path, frame: pd.DataFrame, restored: pd.DataFrame, scores: pd.DataFrame, caption: str
) -> Figure:
    """Predicted against observed 9 km cells: the map one scale up, and the study's, training and test apart (figure 4).

    `frame` has columns observed, predicted (m³/m³) and split (`train` or `test`), `restored` those of
    `protocols/one_scale_up.parquet`. `scores` has protocol, label, n, r, r2, rmse, ubrmse, bias, note, which are
    printed and not computed again.
    """
    frame = frame.dropna(subset=["observed", "predicted"])
    own = scores[scores["protocol"] == ONE_SCALE_UP]
    made, known = own[own["label"] == MAP_ONE_SCALE_UP], restored.dropna()
    if known.empty:
        known = pd.DataFrame({"observed": [], "estimated": []}, dtype=float)
    why = str(made["note"].iloc[0]) if len(made) else text("cells.unscored")
    panels = [
        Panel(
            named(MAP_ONE_SCALE_UP),
            known["observed"],
            known["estimated"],
            made,
            f"{text('cells.none')}:\n{fill(said(why), 40)}",
        )
    ]
    for split, protocol in (("train", "train"), ("test", "random")):
        part, row = frame[frame["split"] == split], scores[scores["protocol"] == protocol]
        row = row[row["label"] == STUDY_9KM]
        title = f"{named(STUDY_9KM)}:\n{text(f'cells.{split}')}"
        panels.append(Panel(title, part["observed"], part["predicted"], row, text("cells.none")))
    limits = common_limits(frame["observed"], frame["predicted"], known["observed"], known["estimated"])
    notes, beside = [text("cells.note")], ""
    rmse = own.set_index("label")["rmse"]
    nulls = [f"{LABELS[name]}, one scale up" for name in ("bilinear", "bilinear_reconciled")]
    if rmse.reindex(nulls).notna().all():
        errors = [f"{rmse[name]:.4f} {text('figure.unit')}, “{named(name)}”" for name in nulls]
        beside = "\n".join([text("cells.null"), *errors])
        notes.insert(0, f"“{named(MAP_ONE_SCALE_UP)}”: {said(why)}.")
    with new_page(path, text("cells.title"), caption, "\n".join(notes), (13.2, 7)) as page:
        all_axes = page.subplots(1, 3, sharex=True, sharey=True)
        counts = []
        for axes, panel in zip(all_axes, panels, strict=True):
            if len(frame) > DENSE:
                # Regular hexagons are √3 times as high as they are apart in a row.
                grid: dict[str, Any] = {"gridsize": (60, 35), "extent": (*limits, *limits), "mincnt": 1}
                look = {"cmap": COUNT_COLOURS, "linewidths": 0}
                counts.append(axes.hexbin(panel.observed, panel.predicted, **grid, **look))
            else:
                axes.scatter(panel.observed, panel.predicted, s=12, color=BLUE, alpha=0.6, linewidths=0)
            draw_comparison(axes, panel.title, limits, panel.scores, beside if panel is panels[0] else "")
            axes.set_xlabel(f"{named(SMAP_9KM)} ({text('figure.unit')})")
            if panel.observed.empty:
                look_of = {"transform": axes.transAxes, "ha": "center", "va": "center", "color": FAINT, "size": 10}
                axes.text(0.5, 0.4, panel.missing, **look_of)
        all_axes[0].set_ylabel(text("cells.predicted"))
        page.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower center")
        if counts:
            largest = max((float(count.get_array().max()) for count in counts if len(count.get_array())), default=1.0)
            norm = LogNorm(1, max(largest, 2))
            for count in counts:
                count.set_norm(norm)
            bar = page.colorbar(counts[0], ax=all_axes, label=text("cells.count"), shrink=0.8, format="{x:,.0f}")
            ticks = (digit * 10**power for power in range(6) for digit in ROUND_STEPS[:3])
            bar.set_ticks([tick for tick in ticks if tick <= norm.vmax])
            bar.minorticks_off()
    return page
