"""Field points against what SMAP says beyond the predictors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kilomoist.reporting.figures.pages import BLUE, FAINT, INK, ORANGE, new_page, signed_text

LINES = {"all soil moisture (1)": (1.0, "--"), "all error (0)": (0.0, ":")}


def draw_residual(path: str | Path, frame: pd.DataFrame, row: Mapping[str, Any], caption: str) -> Figure:
    """What points have beyond the model's mean against what SMAP has, with the slope w and those of weights 1 and 0.

    `frame` has columns observed, target and estimated in m³/m³, one row a pixel; `row` is that of the table. A page of
    words where there is no weight.
    """
    known = bool(np.isfinite(row["weight"]))
    size = (6, 5) if known else (7, 3)
    with new_page(path, "What SMAP says beyond the predictors, at field points", caption, "", size) as page:
        axes = page.subplots()
        if not known:
            axes.set_axis_off()
            axes.text(0.5, 0.5, f"Residual weight {row['says']}.", ha="center", va="center", color=FAINT, wrap=True)
            return page
        own = frame["target"] - frame["estimated"]
        axes.scatter(own, frame["observed"] - row["a"] - row["b"] * frame["estimated"], s=16, color=BLUE, alpha=0.6)
        ends = np.array([own.min(), own.max()])
        for name, (weight, style) in LINES.items():
            axes.plot(ends, weight * row["b"] * ends, color=INK, linewidth=0.9, linestyle=style, label=name)
        interval = " to ".join(signed_text(row[end], 2) for end in ("low", "high"))
        label = f"points: {signed_text(row['weight'], 2)} ({interval})"
        axes.plot(ends, row["w"] * ends, color=ORANGE, linewidth=1.8, label=label)
        axes.set(
            xlabel="SMAP \N{MINUS SIGN} model, out of fold (m³/m³)",
            ylabel="Measured \N{MINUS SIGN} (a + b · model) (m³/m³)",
        )
        axes.set_title(f"n = {row['pixels']} pixels in {row['cells']} cells", size=9)
        axes.legend(title="Weight of SMAP's own part", loc="best")
    return page
