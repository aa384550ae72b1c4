"""Correlations between predictors and target."""

from typing import Any

import numpy as np
import pandas as pd

from kilomoist.evaluation.effective_size import associations
from kilomoist.evaluation.scores import score


def correlations(samples: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Pearson's r of every pair of columns, at the rows where all are finite: first, second, r, p, n.

    `p` takes rows as independent, `p_effective` as many as `effective_n` says (`associations`).
    """
    rows = samples[np.isfinite(samples[names].to_numpy(float)).all(axis=1)]
    variables = {name: rows[name].to_numpy(float) for name in names}
    table: list[dict[str, Any]] = []
    for (first, second), found in associations(variables, rows[["lon", "lat"]].to_numpy(), geographic=True).items():
        pair = score(variables[first], variables[second])
        numbers = {name: pair[name] for name in ("r", "p", "n")}
        effective = {"effective_n": found.effective_n, "p_effective": found.p}
        table.append({"first": first, "second": second, **numbers, **effective})
    return pd.DataFrame(table)
