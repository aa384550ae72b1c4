"""Simulated passes of SPL3SMP_E: gaps as SMAP's orbits leave them, and means that are the cells' own."""

import numpy as np
import pytest
from granule_archives import PASSES

from kilomoist.simulation.passes import DOUBTFUL_ERROR, in_swath, retrievals
from kilomoist.simulation.scenes import make_scene

SCENE = make_scene((97.5, 46.0, 101.5, 49.0), 2021)
AM, PM = "Soil_Moisture_Retrieval_Data_AM", "Soil_Moisture_Retrieval_Data_PM"
MONTH = "2021-08"


@pytest.mark.parametrize(("latitude", "least", "most"), [(0, 2.5, 3.0), (47, 1.7, 2.3), (-47, 1.7, 2.3)])
def test_a_place_is_seen_every_two_to_three_days(latitude: float, least: float, most: float) -> None:
    """In each direction, as the mission has it: 3 days at the equator and 2 from 45° on; the same after 8 days."""
    longitudes, latitudes = np.linspace(-180, 180, 721), np.full(721, latitude)
    for ascending in (False, True):
        days = [in_swath(longitudes, latitudes, day, ascending) for day in range(16)]
        assert least < 1 / np.mean(days) < most
        for day in range(8):
            np.testing.assert_array_equal(days[day], days[day + 8])
        gap = max(
            len(run) for place in np.transpose(days) for run in "".join(str(int(seen)) for seen in place).split("1")
        )
        assert gap <= 4


def stored(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Soil moisture and flags of all passes of a month."""
    made = retrievals(SCENE, mean, PASSES, MONTH)
    values = np.concatenate([made[f"{AM}/soil_moisture"], made[f"{PM}/soil_moisture_pm"]])
    return values, np.concatenate([made[f"{AM}/retrieval_qual_flag"], made[f"{PM}/retrieval_qual_flag_pm"]])


def test_retrievals_that_count_have_the_mean_of_the_cell() -> None:
    """Also where soil is so dry or wet that noise would lead beyond the bounds, where there is less of it."""
    mean = np.random.default_rng(1).uniform(0.06, 0.3, SCENE.window.shape)
    mean[0, :5], mean[1] = (0.0, 0.001, 0.01, 0.99, 1.0), np.nan
    values, flags = stored(mean)
    counts = np.isin(flags, (0, 8))
    land = np.isfinite(mean)
    number = counts.sum(axis=0)
    assert not counts[:, ~land].any()
    assert number[land].min() >= 15
    assert ((values[counts] >= 0) & (values[counts] <= 1)).all()
    found = np.where(counts, values.astype(float), 0).sum(axis=0)[land] / number[land]
    np.testing.assert_allclose(found, mean[land], atol=1e-7)
    spread = np.array([values[counts[:, 5, column], 5, column].std() for column in range(SCENE.window.columns)])
    assert 0.03 < spread.mean() < 0.08  # single retrievals, with the soil's own course


def test_what_is_not_recommended_is_wrong_and_flagged() -> None:
    values, flags = stored(np.full(SCENE.window.shape, 0.2))
    assert set(np.unique(flags)) == {0, 1, 7, 8, 65534}
    np.testing.assert_allclose(values[flags == 1], 0.2 + DOUBTFUL_ERROR, rtol=1e-6)
    assert (values[np.isin(flags, (7, 65534))] == -9999).all()
    seen = flags != 65534
    assert 0.4 < seen.mean() < 0.65
    assert 0.03 < (flags[seen] == 1).mean() < 0.09


def test_the_same_seed_gives_the_same_passes() -> None:
    mean = np.full(SCENE.window.shape, 0.2)
    np.testing.assert_array_equal(stored(mean)[0], stored(mean)[0])
