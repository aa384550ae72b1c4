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
    """Tags of a map that tell of its model."""
    if model.alpha > 0:
        return model.tags
    why = "the predictors tell nothing out of fold"
    if model.coarse_cells < MIN_COARSE_CELLS:
        size = CELL_SIDE * model.ratio
        why = f"only {model.coarse_cells} coarse cells of {size} km where {MIN_COARSE_CELLS} are needed"
    return model.tags | {"note": f"alpha is 0, the map is SMAP, interpolated: {why}"}


def predict_valid(model: Model, predictors: NDArray) -> Values:
    """Mean that the estimator predicts at pixels that have every predictor, NaN elsewhere; (rows, columns)."""
    valid = np.isfinite(predictors).all(axis=0)
    result = np.full(valid.shape, np.nan)
    if valid.any() and model.estimator is not None:
        result[valid] = learners.predict_mean(model.estimator, predictors[:, valid].T.astype(np.float32))
    return result


def predict_map(
    model: Model, predictors: NDArray, pixels: Window, cells: Cells, factor: int, reliability: Sequence[float] = ()
) -> Values:
    """Map of a window of pixels before reconciliation; NaN where a predictor is missing.

    `predictors` is (predictors, *pixels.shape), `cells` the whole region's, `reliability` that of `pixel_detail`.
    """
    if model.method == "absolute":
        return predict_valid(model, predictors)
    valid = np.isfinite(predictors).all(axis=0)
    base = np.where(valid, interpolate(cells.target, cells.window, pixels, factor), np.nan)
    if model.alpha == 0:
        return base
    return base + model.alpha * predict_valid(model, pixel_detail(predictors, pixels, cells, factor, reliability))
