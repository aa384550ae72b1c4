"""Leave-month-out: estimates of a month by models that saw other months alone."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kilomoist.errors import InputError
from kilomoist.evaluation.null_estimates import null_estimates
from kilomoist.learning import learners
from kilomoist.learning.absolute import tune_absolute
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.tuning import TuningOptions
from kilomoist.predictors.samples import PLACES

MAX_ROWS = 20_000
"""Rows of other months that a month is estimated from, drawn with the seed: as many as a large country has in a month.
With all of them the time would grow as the square of the months."""


def month_estimates(
    samples: pd.DataFrame,
    others: Mapping[str, pd.DataFrame],
    use: Sequence[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    threads: int = 1,
) -> tuple[pd.DataFrame, str]:
    """Estimates of every row of a month by models that saw other months alone: `absolute`, the mean, a linear model.

    `others` are the samples of the other months of the region: their rows train, `MAX_ROWS` of them at the most, and
    `absolute` is tuned on them.
    `detail` is not among the estimates: it is given the month's own SMAP at the coarser scale. Returns the estimates
    and a sentence on what was learned from. Raises `InputError` when there is no other month.
    """
    if not others:
        raise InputError("There is no other month to learn from: name more than one under `months`.")
    rows = pd.concat(list(others.values()), ignore_index=True)
    if len(rows) > MAX_ROWS:
        chosen_rows = np.random.default_rng(settings.seed).choice(len(rows), MAX_ROWS, replace=False)
        rows = rows.iloc[np.sort(chosen_rows)]
    x, y, of = rows[list(use)].to_numpy(float), rows["target"].to_numpy(), samples[list(use)].to_numpy(float)
    chosen = tune_absolute(rows.assign(split="train"), list(use), settings, tuning, threads).settings
    estimator = learners.fit(chosen, rows[list(use)].to_numpy(np.float32), y, threads, only_mean=True)
    table = samples[list(PLACES)].assign(
        observed=samples["target"],
        absolute=learners.predict_mean(estimator, samples[list(use)].to_numpy(np.float32)),
        **null_estimates(x, y, of),
    )
    options = {"min_leaf": chosen.min_leaf, **chosen.options}
    tuned = ", ".join(f"{name} {value:g}" for name, value in options.items())
    return table, f"trained on {len(rows)} rows of {', '.join(others)}; {tuned}"
