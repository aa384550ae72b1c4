"""Colours, letters and numbers of all figures, told apart by colour-blind readers and in print without colour."""

import numpy as np

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "figure.dpi": 180,
}
BLUE, ORANGE, INK, FAINT, MISSING = "#0072B2", "#E69F00", "#222222", "#666666", "#BDBDBD"

MOISTURE_UNIT = "m³/m³"

NO_VALUE = "no value in this map"

ROUND_STEPS = (1, 2, 5, 10)


def percent_text(share: float) -> str:
    """A percentage for print, told from 0 and from 100 where it differs."""
    if np.isnan(share):
        return ""
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.5 <= share < 100:
        return "> 99 %"
    return f"{share:.1f} %" if 0 < share < 9.95 else f"{share:.0f} %"


def signed_text(value: float, digits: int) -> str:
    """A number with a true minus sign, and without any when it rounds to zero."""
    return f"{value:z.{digits}f}".replace("-", "−")
