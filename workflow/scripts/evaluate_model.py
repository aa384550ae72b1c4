"""Look into both models: importances, partial dependence, predictions of the study's, applicability of the map's."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from kilomoist.evaluation.importances import dependence_table, importance_table, product_groups
from kilomoist.files import write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells
from kilomoist.learning.learners import LearnerSettings, predict_mean
from kilomoist.learning.models import load
from kilomoist.learning.training_rows import learned_rows
from kilomoist.mapping.applicability import learn_applicability, write_applicability


@rule_script
def evaluate_model(
    *,
    samples: str,
    cells: str,
    models: list[str],
    use: list[str],
    products: Sequence[str],
    units: dict[str, str],
    learner: dict,
    minimum_valid_fraction: float,
    threads: int,
    predictions: str,
    importance: str,
    partial_dependence: str,
    applicability: str,
) -> None:
    """Write what `absolute` predicts at all rows, importances and partial dependence of the models that learned
    something, and the applicability of the first of all.

    Nothing of scores is imported here: flags of the map follow from this job.
    """
    table, region = read_cells(samples, cells, use)
    groups = product_groups(use, products)
    settings, loaded = LearnerSettings(**learner), {model.method: model for model in map(load, models)}
    rows, importances, dependences = {}, [], []
    for method, model in sorted(loaded.items()):
        if model.estimator is not None:
            rows[method] = learned_rows(method, table, region, use, minimum_valid_fraction, model.ratio)
            own = replace(settings, min_leaf=model.min_leaf, options=model.options, trend=model.trend)
            importances.append(importance_table(model, rows[method], own, groups, threads))
            dependences.append(dependence_table(model, rows[method], units, settings.seed))
    ranked = pd.concat(importances)
    LOGGER.info("Importances and variance inflation:\n%s", ranked.to_string(index=False))
    known, facts = learn_applicability(next(iter(loaded.values())), rows, ranked, use, settings.seed)
    if known:
        LOGGER.info("Threshold %(threshold)s, mean distance %(mean_distance)s, weights: %(weights)s.", facts["tags"])
    write_applicability(applicability, known, facts)
    write_table(importance, ranked)
    write_table(partial_dependence, pd.concat(dependences))
    predicted = predict_mean(loaded["absolute"].estimator, table[use].to_numpy(np.float32))
    columns = {"observed": table["target"], "predicted": predicted, "split": table["split"]}
    write_table(predictions, pd.DataFrame(columns))
