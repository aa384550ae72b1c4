"""The study's protocols: training rows, and a random split."""

from collections.abc import Sequence

import pandas as pd
from numpy.typing import NDArray

from kilomoist.evaluation.null_estimates import null_estimates
from kilomoist.predictors.samples import PLACES


def split_estimates(samples: pd.DataFrame, use: Sequence[str], absolute: NDArray) -> dict[str, pd.DataFrame]:
    """The study's protocols `train` and `random` from the estimates of a model of the training rows, one a row."""
    is_train = (samples["split"] == "train").to_numpy()
    x, y = samples[list(use)].to_numpy(float), samples["target"].to_numpy()
    table = samples[list(PLACES)].assign(observed=y, absolute=absolute, **null_estimates(x[is_train], y[is_train], x))
    return {name: table[rows].reset_index(drop=True) for name, rows in (("train", is_train), ("random", ~is_train))}
