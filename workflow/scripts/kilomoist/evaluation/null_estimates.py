"""Null models of the training rows, which need no forest: their mean, and a linear regression."""

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits


def null_estimates(x: NDArray, y: NDArray, of: NDArray) -> dict[str, NDArray]:
    """Estimates at `of` (n, predictors) by training rows x (rows, predictors), y (rows,): `mean` and `linear`, (n,).

    Least squares with an intercept, in the precision of the predictors; jobs that only score fit it without importing
    the libraries of models.
    """
    from scipy.linalg import lstsq

    with threadpool_limits(1):  # more threads of BLAS would add in another order
        centre, target = x.mean(axis=0), y.astype(x.dtype)
        slopes = lstsq(x - centre, target - target.mean())[0]
        linear = of @ slopes + (target.mean() - centre @ slopes)
    return {"mean": np.full(len(of), y.mean()), "linear": linear}
