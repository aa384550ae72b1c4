"""Ratio of the error standard deviation at 1 km to that one scale up."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import Values, coarsen
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, M01
from kilomoist.learning.details import Cells, detail_rows, pixel_detail
from kilomoist.mapping.calibration import MIN_ERRORS
from kilomoist.rasters import Mosaic, chunks_of

MIN_EXPONENT = 0.05
"""Smallest exponent H of `error_scale_ratio`; fields without any structure have 0."""


def repeated_variance(stacks: list[str], cells: Cells, use: list[str], reliability: Sequence[float]) -> Values:
    """Variance over the region of each predictor's detail at 1 km, as far as that repeats; (predictors,).

    `stacks` are the region's blocks of predictors, `reliability` the share of each predictor's variance that repeats.
    """
    pixels, total, squares = 0, np.zeros(len(use)), np.zeros(len(use))
    filled = cells.filled()
    with Mosaic(stacks, M01) as stack:
        for chunk in chunks_of(cells.window):
            window = chunk.refined(CELL_SIDE)
            detail = pixel_detail(stack.stack(window, use), window, filled, CELL_SIDE)
            valid = detail[:, np.isfinite(detail).all(axis=0)]
            pixels += valid.shape[1]
            total += valid.sum(axis=1, dtype=float)
            squares += (valid**2).sum(axis=1, dtype=float)
    return (squares / pixels - (total / pixels) ** 2) * reliability


def error_scale_ratio(
    cells: Cells, detail_variance: NDArray, weights: NDArray, minimum_fraction: float, factor: int = COARSE_SIDE
) -> float:
    """Ratio of the standard deviation of detail at 1 km to that of detail at 9 km beyond `factor` times coarser cells.

    Soil moisture's own is unknown at 1 km. There are two guesses, and the geometric mean of both is taken:

    - It loses as much as the predictors do: Σ w·s1 / s9 with the deviations s9 of their details at 9 km, s1 of those at
      1 km that repeat (`detail_variance`, (predictors,), their squares), `weights` (predictors,) of their importance.
    - It goes on as it is: between 18·`factor` and 9·`factor` km its detail shrinks by 2^H; for a field that is alike on
      all scales (variance ∝ distance^2H: Mandelbrot and Van Ness 1968, doi 10.1137/1010093) the ratio follows as
      factor^−H · √((1 − 9^−2H) / (1 − factor^−2H)).

    Where the region has too few coarse cells for one, the other is taken; 1 where it has for none.
    """
    x, y = detail_rows(cells, minimum_fraction, factor)
    guesses = []
    if len(y) > 1 and np.isfinite(detail_variance).all() and (x.std(axis=0) > 0).all():
        shares = weights / weights.sum() if np.isfinite(weights).all() and weights.sum() > 0 else 1 / len(weights)
        guesses.append(float(np.sum(shares * np.sqrt(detail_variance) / x.std(axis=0, dtype=float))))
    pairs = [coarsen(layer, cells.window, 2, minimum_fraction) for layer in (cells.target, *cells.predictors)]
    twice = Cells(pairs[0][0], np.stack([layer for layer, _ in pairs[1:]]), pairs[0][1])
    coarser = detail_rows(twice, minimum_fraction, factor)[1]
    if len(coarser) >= MIN_ERRORS and coarser.std() > 0 and y.std() > 0:
        exponent = max(math.log2(coarser.std() / y.std()), MIN_EXPONENT)
        left = (1 - CELL_SIDE ** (-2 * exponent)) / (1 - factor ** (-2 * exponent))
        guesses.append(factor**-exponent * math.sqrt(left))
    return float(np.exp(np.mean(np.log(guesses)))) if guesses and min(guesses) > 0 else 1.0
