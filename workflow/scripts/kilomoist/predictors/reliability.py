"""Reliability of the predictors' detail, as its table tells it."""

from collections.abc import Sequence
from pathlib import Path


def read_reliability(path: str | Path, use: Sequence[str]) -> list[float]:
    """The reliability of predictors from a table of reliability, in the order of `use`."""
    import pandas as pd

    table = pd.read_csv(path).set_index("predictor")
    return [float(table.loc[name, "reliability"]) for name in use]
