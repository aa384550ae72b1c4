"""Field points against what SMAP says beyond the predictors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kilomoist.evaluation.worth import WEIGHT_INTERVAL
from kilomoist.names import STUDY_9KM
from kilomoist.reporting.figures.pages import BLUE, FAINT, INK, ORANGE, new_page, signed_text
from kilomoist.texts import named, said, text

LINES = {"residual.moisture": (1.0, "--"), "residual.error": (0.0, ":")}


def draw_residual(path: str | Path, frame: pd.DataFrame, row: Mapping[str, Any], caption: str) -> Figure:
    """What points have beyond the model's mean against what SMAP has, with the slope w and those of weights 1 and 0.

    `frame` has columns observed, target and estimated in m³/m³, one row a pixel; `row` is that of the table. A page of
    words where there is no weight.
    """
    known = bool(np.isfinite(row["weight"]))
    size = (7, 6.4) if known else (7, 3)
    numbers = {"a": signed_text(row["a"], 3), "b": signed_text(row["b"], 2), "w": signed_text(row["w"], 2)}
    note = text("residual.note", map=named(STUDY_9KM), **numbers) if known else ""
    with new_page(path, text("residual.title"), caption, note, size) as page:
        axes = page.subplots()
        if not known:
            axes.set_axis_off()
            axes.text(
                0.5,
                0.5,
                text("residual.unknown", why=said(row["says"])),
                ha="center",
                va="center",
                color=FAINT,
                wrap=True,
            )
            return page
        own = frame["target"] - frame["estimated"]
        axes.scatter(own, frame["observed"] - row["a"] - row["b"] * frame["estimated"], s=16, color=BLUE, alpha=0.6)
        ends = np.array([own.min(), own.max()])
        for name, (weight, style) in LINES.items():
            axes.plot(ends, weight * row["b"] * ends, color=INK, linewidth=0.9, linestyle=style, label=text(name))
        interval = text("figure.between", low=signed_text(row["low"], 2), high=signed_text(row["high"], 2))
        found = {
            "weight": signed_text(row["weight"], 2),
            "confidence": f"{100 * WEIGHT_INTERVAL:.0f}",
            "interval": interval,
        }
        label = text("residual.points", **found)
        axes.plot(ends, row["w"] * ends, color=ORANGE, linewidth=1.8, label=label)
        axes.set(
            xlabel=text("residual.x"),
            ylabel=text("residual.y"),
        )
        axes.set_title(text("residual.n", pixels=row["pixels"], cells=row["cells"]), size=9)
        page.legend(title=text("residual.weight"), loc="outside lower center", ncols=3)
    return page
