"""Maps of both methods before reconciliation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, interpolate
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.learning import learners
from kilomoist.learning.details import MIN_COARSE_CELLS, Cells, pixel_detail
from kilomoist.learning.models import Model


def model_tags(model: Model) -> dict[str, str]:
    """What a map says of the model that made it."""
    tags = model.tags
    if model.alpha == 0:
        why = (
            f"only {model.coarse_cells} coarse cells of {CELL_SIDE * model.ratio} km "
            f"where {MIN_COARSE_CELLS} are needed"
            if model.coarse_cells < MIN_COARSE_CELLS
            else "the predictors tell nothing out of fold"
        )
        tags["note"] = f"alpha is 0, the map is the 9 km target, interpolated: {why}"
    return tags


def predict_valid(model: Model, predictors: NDArray) -> Values:
    """The estimator's mean at the pixels that have every predictor, NaN elsewhere; (rows, columns)."""
    valid = np.isfinite(predictors).all(axis=0)
    result = np.full(valid.shape, np.nan)
    if valid.any() and model.estimator is not None:
        result[valid] = learners.predict_mean(model.estimator, predictors[:, valid].T.astype(np.float32))
    return result


def predict_map(
    model: Model, predictors: NDArray, pixels: Window, cells: Cells, factor: int, reliability: Sequence[float] = ()
) -> Values:
    """The map of a window of pixels, before reconciliation; NaN where a predictor is missing.

    `predictors` is (predictors, *pixels.shape); `cells` holds the whole region's cells, which `detail` interpolates.
    `reliability` is for `deviations`.
    """
    if model.method == "absolute":
        return predict_valid(model, predictors)
    valid = np.isfinite(predictors).all(axis=0)
    base = np.where(valid, interpolate(cells.target, cells.window, pixels, factor), np.nan)
    if model.alpha == 0:
        return base
    return base + model.alpha * predict_valid(model, pixel_detail(predictors, pixels, cells, factor, reliability))
