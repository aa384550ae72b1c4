"""The study's own evaluation: training rows and a random split, and correlations between predictors and target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.evaluation.effective_size import associations
from kilomoist.evaluation.null_estimates import null_estimates
from kilomoist.evaluation.scores import score
from kilomoist.predictors.samples import PLACES


def split_estimates(samples: pd.DataFrame, use: Sequence[str], absolute: NDArray) -> dict[str, pd.DataFrame]:
    """The study's protocols `train` and `random` from the estimates of a model of the training rows, one a row."""
    is_train = (samples["split"] == "train").to_numpy()
    x, y = samples[list(use)].to_numpy(float), samples["target"].to_numpy()
    table = samples[list(PLACES)].assign(observed=y, absolute=absolute, **null_estimates(x[is_train], y[is_train], x))
    return {name: table[rows].reset_index(drop=True) for name, rows in (("train", is_train), ("random", ~is_train))}


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
