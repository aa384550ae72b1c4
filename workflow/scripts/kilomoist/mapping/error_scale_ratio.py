"""Ratio of the error standard deviation at 1 km to that one scale up."""

import math

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import coarsen
from kilomoist.grids import CELL_SIDE, COARSE_SIDE
from kilomoist.learning.details import Cells, detail_rows
from kilomoist.mapping.calibration import MIN_ROWS

MIN_EXPONENT = 0.05
"""Smallest exponent H of `error_scale_ratio`; fields without any structure have 0."""


def error_scale_ratio(
    cells: Cells, detail_variance: NDArray, weights: NDArray, minimum_fraction: float, factor: int = COARSE_SIDE
) -> float:
    """Detail that 1 km has beyond 9 km, as a share of what 9 km has beyond the `factor` times coarser scale.

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
    if len(coarser) >= MIN_ROWS and coarser.std() > 0 and y.std() > 0:
        exponent = max(math.log2(coarser.std() / y.std()), MIN_EXPONENT)
        left = (1 - CELL_SIDE ** (-2 * exponent)) / (1 - factor ** (-2 * exponent))
        guesses.append(factor**-exponent * math.sqrt(left))
    return float(np.exp(np.mean(np.log(guesses)))) if guesses and min(guesses) > 0 else 1.0
