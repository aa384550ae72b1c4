"""Degrade and restore: learned at 36 km, mapped to 9 km, where SMAP is known, beside null models of maps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kilomoist.evaluation.null_estimates import null_estimates
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, M09, geographic_from_ease
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.coarser_scale import MIN_TRAINING_ROWS, coarse_experiment, null_models
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.predictions import predict_map
from kilomoist.learning.tuning import TuningOptions
from kilomoist.reconciliation import reconcile


def restored_estimates(
    cells: Cells,
    use: Sequence[str],
    settings: LearnerSettings,
    tuning: TuningOptions,
    minimum_fraction: float,
    threads: int = 1,
) -> tuple[pd.DataFrame, str]:
    """Everything one level up: learned at 36 km (`detail`: from 144 km to 36 km), mapped to 9 km, where SMAP is known.

    `cells` are the region's 9 km cells. Returns the estimates of all complete cells that lie in a coarse cell with a
    value, and a sentence on what could not be learned (empty when all could); the table is empty when nothing could.
    """
    use = list(use)
    above, below, samples = coarse_experiment(cells, use, minimum_fraction)
    fine, stack, valid = below.window, below.predictors, below.complete()
    if len(samples) < MIN_TRAINING_ROWS:
        return pd.DataFrame(), f"{len(samples)} complete cells of 36 km, {MIN_TRAINING_ROWS} are needed to learn"
    detail, _ = fit_detail(above, use, settings, tuning, minimum_fraction, threads)
    models, note = [fit_absolute(samples, use, settings, tuning, threads)[0], detail], ""
    if detail.estimator is None:
        del models[1]
        side = CELL_SIDE * COARSE_SIDE * detail.ratio
        note = f"detail: {detail.coarse_cells} complete cells of {side} km, too few to learn detail from"
    maps = {model.method: predict_map(model, stack, fine, above, COARSE_SIDE) for model in models}
    maps |= {
        f"{name}_reconciled": reconcile(values, above.target, COARSE_SIDE, above.window, minimum_fraction)[0]
        for name, values in maps.items()
    }
    maps |= null_models(above.target, above.window, valid, COARSE_SIDE, minimum_fraction)
    row, column = np.nonzero(valid)
    longitude, latitude = geographic_from_ease(M09.x_centres(fine)[column], M09.y_centres(fine)[row])
    places = {"row": row + fine.row, "col": column + fine.column, "lon": longitude, "lat": latitude}
    linear = null_estimates(samples[use].to_numpy(float), samples["target"].to_numpy(), stack[:, valid].T)
    fields = {name: values[valid] for name, values in maps.items()}
    return pd.DataFrame(places | {"observed": below.target[valid]} | fields | linear), note
