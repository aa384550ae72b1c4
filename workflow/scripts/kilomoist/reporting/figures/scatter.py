"""Scatter plots of two soil moistures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kilomoist.files import read_table
from kilomoist.reporting.figures.pages import INK, ROUND_STEPS, signed_text
from kilomoist.texts import text


def read_scores(scores: str, intervals: str) -> pd.DataFrame:
    """Scores of a table together with how their intervals were found, of the table beside it."""
    return read_table(scores).merge(read_table(intervals))


def draw_comparison(
    axes: Axes, title: str, limits: tuple[float, float], scores: pd.DataFrame, beside: str = ""
) -> None:
    """Equal axes, the 1:1 line and below them the scores of the table's first row, in a panel of two soil moistures.

    `beside` is what goes with these scores. No point may be hidden: nothing is written where there may be one.
    """
    axes.plot(limits, limits, color=INK, linewidth=0.8, linestyle="--", label="1:1", zorder=1.5)
    axes.set(xlim=limits, ylim=limits, aspect="equal", title=title)
    axes.locator_params(nbins=6, steps=ROUND_STEPS)
    if len(scores):
        shown = "\n".join(filter(None, (_score_text(scores.iloc[0]), beside)))
        below: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (0, -38), "textcoords": "offset points"}
        axes.annotate(shown, (0, 0), va="top", size=8.5, linespacing=1.35, annotation_clip=False, **below)


def _score_text(scores: Mapping[str, Any]) -> str:
    """Scores that are there, each on a line; r with its interval, p of r as neighbours allow, where known."""
    low, high = (scores.get(f"r_{side}", np.nan) for side in ("low", "high"))
    interval = (
        f" ({text('figure.between', low=signed_text(low, 2), high=signed_text(high, 2))})"
        if pd.notna(low) and pd.notna(high)
        else ""
    )
    effective = "p_effective" if pd.notna(scores.get("p_effective")) else "p"

    def write_p(value: float) -> str:
        shown = "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
        return shown if effective == "p" else text("figure.p_effective", p=shown)

    formats = {
        "n": lambda value: f"n = {value:,.0f}",
        "r": lambda value: f"r = {signed_text(value, 2)}{interval}",
        effective: write_p,
        "r2": lambda value: f"R² = {signed_text(value, 2)}",
        "rmse": lambda value: f"RMSE = {value:.4f} {text('figure.unit')}",
        "ubrmse": lambda value: f"ubRMSE = {value:.4f} {text('figure.unit')}",
        "bias": lambda value: f"{text('figure.bias')} = {signed_text(value, 3)} {text('figure.unit')}",
    }
    return "\n".join(write(scores[name]) for name, write in formats.items() if pd.notna(scores.get(name)))


def common_limits(*columns: pd.Series) -> tuple[float, float]:
    """Limits of both axes that hold every value with a margin."""
    values = np.concatenate([np.asarray(column, float) for column in columns])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 0.5
    margin = max(0.05 * np.ptp(values), 0.005)
    return float(values.min() - margin), float(values.max() + margin)
