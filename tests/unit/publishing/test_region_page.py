"""What the page of a region computes."""

import numpy as np

from kilomoist.publishing.pages import FACTORS, factor_of
from kilomoist.publishing.region_page import MOST, means_of


def test_large_series_are_drawn_in_larger_squares() -> None:
    assert factor_of(MOST, MOST) == 1
    assert factor_of(MOST + 1, MOST) == 3
    assert factor_of(12 * 3114 * 936, MOST) == 3  # a year of Mongolia
    assert factor_of(10**9, MOST) == FACTORS[-1]


def test_means_are_of_the_same_pixels() -> None:
    fine = np.full((18, 9), np.nan)
    fine[:9], fine[9, 0] = 0.2, 0.4
    assert means_of(np.array([[0.1], [0.5]]), fine) == {
        "map_mean": round((81 * 0.2 + 0.4) / 82, 6),
        "smap_mean": round((81 * 0.1 + 0.5) / 82, 6),
    }
    assert means_of(np.array([[np.nan], [np.nan]]), fine)["smap_mean"] is None
    assert means_of(np.array([[0.1], [0.5]]), np.full((18, 9), np.nan)) == {"map_mean": None, "smap_mean": None}
