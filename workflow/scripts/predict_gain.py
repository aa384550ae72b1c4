"""Predict the map's gain over interpolated SMAP, and say which to use, before any truth is read."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from kilomoist.evaluation.gain import evidence, predicted_gain
from kilomoist.files import write_table
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells, read_reliability
from kilomoist.learning.models import load
from kilomoist.learning.tuning import learner_of
from kilomoist.rasters import mosaic


@rule_script
def predict_gain(
    *,
    samples: str,
    cells: str,
    analysis: str,
    model: str,
    reliability: list[str],
    learner: dict,
    reconcile: bool,
    minimum_valid_fraction: float,
    gain: str,
) -> None:
    """Write a row: gain with its interval, verdict, reasons and parts."""
    trained = load(model)
    use = list(trained.predictors)
    table, region = read_cells(samples, cells, use)
    held_to = mosaic([analysis], M09, ["target"])[0]["target"] if reconcile else None
    repeated = float(np.mean(read_reliability(reliability[0], use))) if reliability else 1.0
    settings, _ = learner_of(learner)
    known = evidence(region, table, trained, settings, held_to, minimum_valid_fraction, repeated)
    found = predicted_gain(known)
    LOGGER.info(
        "Whether to use the map: %s (gain over interpolated SMAP: %.2f; %s)", found.verdict, found.gain, found.reasons
    )
    write_table(gain, pd.DataFrame([asdict(found)]))
