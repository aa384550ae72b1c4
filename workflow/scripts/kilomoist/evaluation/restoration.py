"""Degrade and restore: learned at 36 km, mapped to 9 km, where SMAP is known."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.evaluation.null_estimates import null_estimates
from kilomoist.evaluation.null_models import null_models
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, M09, Window, geographic_from_ease
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.coarser_scale import MIN_TRAINING_ROWS, coarse_experiment
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
    level = coarse_experiment(cells, use, minimum_fraction)
    above, samples, fine, stack, valid = level.above, level.samples, level.window, level.stack, level.valid
    target, coarse = above.target, above.window
    if not level.can_learn:
        return pd.DataFrame(), f"{len(samples)} complete cells of 36 km, {MIN_TRAINING_ROWS} are needed to learn"
    detail, _ = fit_detail(above, use, settings, tuning, minimum_fraction, threads)
    absolute, _ = fit_absolute(samples, use, settings, tuning, threads)
    maps = {model.method: predict_map(model, stack, fine, above, COARSE_SIDE) for model in (absolute, detail)}
    maps |= {
        f"{name}_reconciled": reconcile(values, target, COARSE_SIDE, coarse, minimum_fraction)[0]
        for name, values in maps.items()
    }
    maps |= null_models(target, coarse, valid, COARSE_SIDE, minimum_fraction)
    x, y = samples[use].to_numpy(float), samples["target"].to_numpy()
    note = ""
    if detail.estimator is None:
        for name in ("detail", "detail_reconciled"):
            del maps[name]
        side = CELL_SIDE * COARSE_SIDE * detail.ratio
        note = f"detail: {detail.coarse_cells} complete cells of {side} km, too few to learn detail from"
    row, column = np.nonzero(valid)
    table = _placed(fine, row, column).assign(
        observed=level.truth[valid],
        **{name: values[valid] for name, values in maps.items()},
        **null_estimates(x, y, stack[:, valid].T),
    )
    return table, note


def _placed(window: Window, row: NDArray, column: NDArray) -> pd.DataFrame:
    longitude, latitude = geographic_from_ease(M09.x_centres(window)[column], M09.y_centres(window)[row])
    return pd.DataFrame({"row": row + window.row, "col": column + window.column, "lon": longitude, "lat": latitude})
