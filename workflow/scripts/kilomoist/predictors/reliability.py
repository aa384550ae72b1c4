"""Reliability of the predictors' detail, from its table."""

from collections.abc import Sequence
from pathlib import Path


def read_reliability(path: str | Path, use: Sequence[str]) -> list[float]:
    """Reliability of the predictors in `use`, in its order."""
    import pandas as pd

    table = pd.read_csv(path).set_index("predictor")
    return [float(table.loc[name, "reliability"]) for name in use]
