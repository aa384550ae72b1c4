"""Variograms of fields whose range is known."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from geodesics import MONGOLIA, cells, geodesic
from scipy.linalg import cholesky
from scipy.optimize import nnls
from scipy.spatial.distance import cdist

from kilomoist.evaluation.cross_validation import TooFewBlocksError, block_folds
from kilomoist.evaluation.distances import arc_length, geocentric
from kilomoist.evaluation.variograms import MAX_LAG, Variogram, lags_of, variogram
from kilomoist.grids import M09, Window

PLACES = cells(MONGOLIA)[2:]
"""Longitudes and latitudes."""


def fitted(values: np.ndarray, places: tuple[np.ndarray, np.ndarray] = PLACES, seed: int = 1) -> Variogram:
    return variogram(values, lags_of(*places, seed))


@cache
def correlated(model: str, autocorrelation_range: float) -> np.ndarray:
    """Ten Gaussian fields over `MONGOLIA` with variance 1 and a known variogram of geodesic distances."""
    u = arc_length(cdist(*[geocentric(*PLACES)] * 2)) / autocorrelation_range
    covariance = np.maximum(1 - 1.5 * u + 0.5 * u**3, 0) * (u < 1) if model == "spherical" else np.exp(-3 * u)
    covariance[np.diag_indices(len(u))] += 1e-9
    factor = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
    return (factor @ np.random.default_rng(7).standard_normal((len(u), 10))).T


@pytest.mark.parametrize(
    ("model", "autocorrelation_range"), [("spherical", 60e3), ("spherical", 100e3), ("exponential", 80e3)]
)
def test_a_known_range_comes_back(model: str, autocorrelation_range: float) -> None:
    found = [fitted(field) for field in correlated(model, autocorrelation_range)]
    # A single field of so few ranges across has not exactly the range of what it was drawn from.
    assert np.mean([each.autocorrelation_range for each in found]) == pytest.approx(autocorrelation_range, rel=0.2)
    assert sum(abs(each.autocorrelation_range / autocorrelation_range - 1) < 0.25 for each in found) >= 6
    assert sum(each.model == model for each in found) >= 8
    assert np.mean([each.sill for each in found]) == pytest.approx(1, abs=0.15)
    assert np.mean([each.nugget for each in found]) < 0.1
    assert not any(each.limited for each in found)


def test_a_nugget_is_told_from_the_rest() -> None:
    noise = np.random.default_rng(8).standard_normal((10, len(PLACES[0])))
    found = [fitted(field) for field in np.sqrt(0.7) * correlated("spherical", 60e3) + np.sqrt(0.3) * noise]
    assert np.mean([each.autocorrelation_range for each in found]) == pytest.approx(60e3, rel=0.2)
    assert np.mean([each.nugget for each in found]) == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_no_range_fits_better(noise: float) -> None:
    field = correlated("exponential", 80e3)[0] + noise * np.random.default_rng(8).standard_normal(len(PLACES[0]))
    found = fitted(field)
    lag, observed, pairs = (found.lags[name].to_numpy() for name in ("lag_m", "semivariance", "pairs"))
    weight = np.sqrt(pairs) / lag

    def fit(model: str, autocorrelation_range: float) -> tuple[np.ndarray, float]:
        u = lag / autocorrelation_range
        shape = np.where(u < 1, 1.5 * u - 0.5 * u**3, 1) if model == "spherical" else 1 - np.exp(-3 * u)
        return nnls(np.stack([np.ones(len(u)), shape], axis=1) * weight[:, None], observed * weight)

    parts, error = fit(found.model, found.autocorrelation_range)
    assert parts == pytest.approx([found.nugget, found.sill - found.nugget], abs=1e-9)
    assert error == pytest.approx(np.linalg.norm((found.lags["fitted"] - observed) * weight))
    others = [fit(model, length)[1] for model in ("spherical", "exponential") for length in np.geomspace(20e3, 200e3)]
    assert min(others) > error * (1 - 1e-3)


def test_a_range_does_not_know_of_180_degrees() -> None:
    across = Window(MONGOLIA.row, M09.columns - 20, *MONGOLIA.shape)
    there = cells(across)[2:]
    assert there[0].min() < -177 < 177 < there[0].max()
    field = correlated("spherical", 60e3)[0]
    one, other = fitted(field), fitted(field, there)
    assert other.autocorrelation_range == pytest.approx(one.autocorrelation_range, rel=1e-6)
    np.testing.assert_allclose(other.lags, one.lags, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_noise_has_no_range(seed: int) -> None:
    found = fitted(np.random.default_rng(seed).normal(0.2, 0.03, len(PLACES[0])), seed=seed)
    assert found.model == "nugget"
    assert 7e3 < found.autocorrelation_range < 14e3  # cells are 7.1 km × 11.4 km
    assert found.nugget == found.sill == pytest.approx(0.03**2, rel=0.05)
    assert not found.limited


def test_a_trend_has_the_longest_range_that_is_looked_for() -> None:
    longitude, latitude = PLACES
    found = fitted(latitude)
    assert found.limited
    greatest = geodesic(longitude[:1], latitude[:1], (longitude[-64:], latitude[-64:])).max()
    assert found.autocorrelation_range == pytest.approx(MAX_LAG * greatest, rel=0.05)
    with pytest.raises(TooFewBlocksError):
        block_folds(*cells(MONGOLIA)[:2], latitude, found.autocorrelation_range, 5)


def test_a_constant_field_has_no_range() -> None:
    found = fitted(np.full(len(PLACES[0]), 0.2))
    assert (found.model, found.sill, found.nugget, found.limited) == ("nugget", 0, 0, False)


def test_lags_are_means_over_all_pairs() -> None:
    places = cells(Window(210, 3000, 12, 12))[2:]
    values = np.random.default_rng(9).standard_normal(144)
    lags = fitted(values, places, 3).lags
    one, other = np.triu_indices(144, 1)
    distance = geodesic(*places, places)[one, other]
    square = (values[one] - values[other]) ** 2 / 2
    edges = np.append(0, np.geomspace(1.5 * M09.side, MAX_LAG * distance.max(), 20))
    expected = [
        (distance[within].mean(), square[within].mean(), within.sum())
        for within in ((distance >= low) & (distance < high) for low, high in pairwise(edges))
        if within.sum() >= 30
    ]
    np.testing.assert_allclose(lags[["lag_m", "semivariance", "pairs"]], expected, rtol=1e-6)
    # Which rows make pairs depends on the seed only where there are more rows than are needed.
    np.testing.assert_allclose(fitted(values, places, 4).lags, lags)


def test_many_rows_are_sampled() -> None:
    field = correlated("spherical", 60e3)[0]
    everything = fitted(field)
    one, same, other = (variogram(field, lags_of(*PLACES, seed, 300, 1500)) for seed in (1, 1, 2))
    assert one.lags["pairs"].sum() < 300 * 1500 < everything.lags["pairs"].sum()
    assert one.lags.equals(same.lags)
    assert not one.lags.equals(other.lags)
    assert one.autocorrelation_range == pytest.approx(everything.autocorrelation_range, rel=0.2)
    assert lags_of(*cells(Window(202, 2992, 150, 150))[2:], 1).kind.size == 20_000_000


def test_too_few_rows_are_said() -> None:
    with pytest.raises(ValueError, match="4 rows have too few pairs"):
        fitted(np.arange(4.0), (np.arange(4.0), np.zeros(4)))
