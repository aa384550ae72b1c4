"""Variograms of fields whose range is known."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from geodesics import MONGOLIA, cells, geodesic
from scipy.linalg import cholesky
from scipy.spatial.distance import cdist

from kilomoist.evaluation.cross_validation import TooFewBlocksError, block_folds
from kilomoist.evaluation.distances import arc_length, geocentric
from kilomoist.evaluation.variograms import MAX_LAG, lags_of, variogram, variogram_range
from kilomoist.grids import M09, Window


@cache
def correlated(model: str, autocorrelation_range: float) -> np.ndarray:
    """Ten Gaussian fields over `MONGOLIA` with variance 1 and a known variogram of geodesic distances."""
    longitude, latitude = cells(MONGOLIA)[2:]
    u = arc_length(cdist(*[geocentric(longitude, latitude)] * 2)) / autocorrelation_range
    covariance = np.maximum(1 - 1.5 * u + 0.5 * u**3, 0) * (u < 1) if model == "spherical" else np.exp(-3 * u)
    covariance[np.diag_indices(len(u))] += 1e-9
    factor = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
    return (factor @ np.random.default_rng(7).standard_normal((len(u), 10))).T


@pytest.mark.parametrize(
    ("model", "autocorrelation_range"), [("spherical", 60e3), ("spherical", 100e3), ("exponential", 80e3)]
)
def test_a_known_range_comes_back(model: str, autocorrelation_range: float) -> None:
    longitude, latitude = cells(MONGOLIA)[2:]
    found = [variogram_range(field, longitude, latitude, 1) for field in correlated(model, autocorrelation_range)]
    # A single field of so few ranges across has not exactly the range of what it was drawn from.
    assert np.mean([each.autocorrelation_range for each in found]) == pytest.approx(autocorrelation_range, rel=0.2)
    assert sum(abs(each.autocorrelation_range / autocorrelation_range - 1) < 0.25 for each in found) >= 6
    assert sum(each.model == model for each in found) >= 8
    assert np.mean([each.sill for each in found]) == pytest.approx(1, abs=0.15)
    assert np.mean([each.nugget for each in found]) < 0.1
    assert not any(each.limited for each in found)


def test_a_nugget_is_told_from_the_rest() -> None:
    longitude, latitude = cells(MONGOLIA)[2:]
    noise = np.random.default_rng(8).standard_normal((10, len(longitude)))
    fields = np.sqrt(0.7) * correlated("spherical", 60e3) + np.sqrt(0.3) * noise
    found = [variogram_range(field, longitude, latitude, 1) for field in fields]
    assert np.mean([each.autocorrelation_range for each in found]) == pytest.approx(60e3, rel=0.2)
    assert np.mean([each.nugget for each in found]) == pytest.approx(0.3, abs=0.1)


def test_a_range_does_not_know_of_180_degrees() -> None:
    across = Window(MONGOLIA.row, M09.columns - 20, *MONGOLIA.shape)
    here, there = cells(MONGOLIA)[2:], cells(across)[2:]
    assert there[0].min() < -177 < 177 < there[0].max()
    field = correlated("spherical", 60e3)[0]
    one, other = variogram_range(field, *here, 1), variogram_range(field, *there, 1)
    assert other.autocorrelation_range == pytest.approx(one.autocorrelation_range, rel=1e-6)
    np.testing.assert_allclose(other.lags, one.lags, rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_noise_has_no_range(seed: int) -> None:
    longitude, latitude = cells(MONGOLIA)[2:]
    noise = np.random.default_rng(seed).normal(0.2, 0.03, len(longitude))
    found = variogram_range(noise, longitude, latitude, seed)
    assert found.model == "nugget"
    assert 7e3 < found.autocorrelation_range < 14e3  # cells are 7.1 km × 11.4 km
    assert found.nugget == found.sill == pytest.approx(0.03**2, rel=0.05)
    assert not found.limited


def test_a_trend_has_the_longest_range_that_is_looked_for() -> None:
    longitude, latitude = cells(MONGOLIA)[2:]
    found = variogram_range(latitude, longitude, latitude, 1)
    assert found.limited
    greatest = geodesic(longitude[:1], latitude[:1], (longitude[-64:], latitude[-64:])).max()
    assert found.autocorrelation_range == pytest.approx(MAX_LAG * greatest, rel=0.05)
    with pytest.raises(TooFewBlocksError):
        block_folds(*cells(MONGOLIA)[:2], latitude, found.autocorrelation_range, 5)


def test_a_constant_field_has_no_range() -> None:
    longitude, latitude = cells(MONGOLIA)[2:]
    found = variogram_range(np.full(len(longitude), 0.2), longitude, latitude, 1)
    assert (found.model, found.sill, found.nugget, found.limited) == ("nugget", 0, 0, False)


def test_lags_are_means_over_all_pairs() -> None:
    longitude, latitude = cells(Window(210, 3000, 12, 12))[2:]
    values = np.random.default_rng(9).standard_normal(144)
    lags = variogram_range(values, longitude, latitude, 3).lags
    one, other = np.triu_indices(144, 1)
    distance = geodesic(longitude, latitude, (longitude, latitude))[one, other]
    square = (values[one] - values[other]) ** 2 / 2
    longest = MAX_LAG * distance.max()
    edges = np.append(0, np.geomspace(1.5 * M09.side, longest, 20))
    expected = [
        (distance[within].mean(), square[within].mean(), within.sum())
        for within in ((distance >= low) & (distance < high) for low, high in pairwise(edges))
        if within.sum() >= 30
    ]
    np.testing.assert_allclose(lags[["lag_m", "semivariance", "pairs"]], expected, rtol=1e-6)
    # Which rows make pairs depends on the seed only where there are more rows than are needed.
    np.testing.assert_allclose(variogram_range(values, longitude, latitude, 4).lags, lags)


def test_many_rows_are_sampled() -> None:
    longitude, latitude = cells(MONGOLIA)[2:]
    field = correlated("spherical", 60e3)[0]
    everything = variogram_range(field, longitude, latitude, 1)
    one, same, other = (variogram(field, lags_of(longitude, latitude, seed, 300, 1500)) for seed in (1, 1, 2))
    assert one.lags["pairs"].sum() < 300 * 1500 < everything.lags["pairs"].sum()
    assert one.lags.equals(same.lags)
    assert not one.lags.equals(other.lags)
    assert one.autocorrelation_range == pytest.approx(everything.autocorrelation_range, rel=0.2)
    assert lags_of(*cells(Window(202, 2992, 150, 150))[2:], 1).kind.size == 20_000_000


def test_too_few_rows_are_said() -> None:
    with pytest.raises(ValueError, match="4 rows have too few pairs"):
        variogram_range(np.arange(4.0), np.arange(4.0), np.zeros(4), 1)
