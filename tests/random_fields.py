"""Random fields with a known covariance, and scores of what is made of them as they are in the population."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

COVARIANCES = {
    "exponential": lambda distance: np.exp(-3 * distance),
    "spherical": lambda distance: np.where(distance < 1, 1 - 1.5 * distance + 0.5 * distance**3, 0),
    "gaussian": lambda distance: np.exp(-3 * distance**2),
}
"""Of distances in ranges: at distance 1, 5 % are left, or nothing of the spherical one."""
CORRELATION, DEVIATION, BIAS = 0.7, 0.8, 0.3
"""Of an estimate of a field with the mean 0 and the standard deviation 1."""


def fields(name: str, side: int, reach: float, seed: int) -> Iterator[NDArray]:
    """Independent fields of `side` × `side` cells with variance 1, made on a torus that is twice as wide."""
    random = np.random.default_rng(seed)
    around = np.minimum(np.arange(2 * side), 2 * side - np.arange(2 * side)) / reach
    spectrum = np.fft.fft2(COVARIANCES[name](np.hypot(around[:, None], around))).real
    amplitude = np.sqrt(np.maximum(spectrum, 0)) / (2 * side)
    while True:
        noise = random.normal(size=(2, 2 * side, 2 * side))
        both = np.fft.fft2(amplitude * (noise[0] + 1j * noise[1]))
        yield both.real[:side, :side]
        yield both.imag[:side, :side]


def estimate(observed: NDArray, other: NDArray) -> NDArray:
    """An estimate of a field, made with an independent one of the same kind, that has `POPULATION`'s scores."""
    return BIAS + DEVIATION * (CORRELATION * observed + np.sqrt(1 - CORRELATION**2) * other)


def _population() -> dict[str, float]:
    variance = 1 + DEVIATION**2 - 2 * CORRELATION * DEVIATION
    deviation = np.sqrt(variance)
    return {
        "r": CORRELATION,
        "r2": 1 - variance - BIAS**2,
        "rmse": np.sqrt(variance + BIAS**2),
        "ubrmse": deviation,
        "bias": BIAS,
        # The mean of a folded normal distribution.
        "mae": deviation * np.sqrt(2 / np.pi) * np.exp(-(BIAS**2) / (2 * variance))
        + BIAS * (1 - 2 * norm.cdf(-BIAS / deviation)),
    }


POPULATION = _population()
"""Scores of `estimate` over infinitely many cells."""
