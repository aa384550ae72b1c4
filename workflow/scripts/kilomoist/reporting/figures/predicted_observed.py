"""Predicted against observed cells (figure 4 of the study)."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure

from kilomoist.reporting.figures.pages import BLUE, FAINT, ROUND_STEPS, label_of, new_page
from kilomoist.reporting.figures.scatter import common_limits, draw_comparison

COUNT_COLOURS = ListedColormap(colormaps["Blues"](np.linspace(0.3, 1, 256)))
"""Without the palest blues: a single cell must be seen on white."""
DENSE = 1000
"""More points than this are drawn as counts, because dots would hide each other."""


def draw_predicted_observed(path: str | Path, frame: pd.DataFrame, scores: pd.DataFrame, caption: str) -> Figure:
    """Predicted against observed 9 km cells, training and test apart (figure 4 of the study).

    `frame` has columns observed, predicted (m³/m³) and split (`train` or `test`); `scores` has protocol (`train`, or
    `random` for the test cells), n, r, r2, rmse, ubrmse, bias, which are printed and not computed again.
    """
    frame = frame.dropna(subset=["observed", "predicted"])
    limits = common_limits(frame["observed"], frame["predicted"])
    panels = [("train", "train", "Training cells"), ("test", "random", "Test cells (random split)")]
    note = "Neighbouring cells sit in both halves of a random split: the test score is not the accuracy at 1 km."
    scores = scores[scores["method"] == "absolute"]
    if len(scores):
        first = scores.iloc[0]
        note = f"{label_of(first['method'])}, {label_of(first['model'])}: the model that the study scores.\n{note}"
    with new_page(path, "Predicted against observed soil moisture at 9 km", caption, note, (9, 5.2)) as page:
        both = page.subplots(1, 2, sharex=True, sharey=True)
        counts = []
        for axes, (split, protocol, title) in zip(both, panels, strict=True):
            part = frame[frame["split"] == split]
            if len(frame) > DENSE:
                # Regular hexagons are √3 times as high as they are apart in a row.
                grid: dict[str, Any] = {"gridsize": (60, 35), "extent": (*limits, *limits), "mincnt": 1}
                look = {"cmap": COUNT_COLOURS, "linewidths": 0}
                counts.append(axes.hexbin(part["observed"], part["predicted"], **grid, **look))
            else:
                axes.scatter(part["observed"], part["predicted"], s=12, color=BLUE, alpha=0.6, linewidths=0)
            draw_comparison(axes, title, limits, scores[scores["protocol"] == protocol])
            axes.set_xlabel("Observed (m³/m³)")
            if part.empty:
                axes.text(0.5, 0.25, "no cells", transform=axes.transAxes, ha="center", color=FAINT, size=11)
        both[0].set_ylabel("Predicted (m³/m³)")
        if counts:
            largest = max((float(count.get_array().max()) for count in counts if len(count.get_array())), default=1.0)
            norm = LogNorm(1, max(largest, 2))
            for count in counts:
                count.set_norm(norm)
            bar = page.colorbar(counts[0], ax=both, label="Cells per hexagon", shrink=0.8, format="{x:,.0f}")
            ticks = (digit * 10**power for power in range(6) for digit in ROUND_STEPS[:3])
            bar.set_ticks([tick for tick in ticks if tick <= norm.vmax])
            bar.minorticks_off()
    return page
