"""What the page of a map computes."""

import numpy as np

from kilomoist.publishing.map_page import MOST, flags_of_squares
from kilomoist.publishing.pages import factor_of
from kilomoist.quality_flags import FLAGS

EMPTY = 1 << FLAGS["no_value"].bit


def test_a_country_is_drawn_in_all_pixels_and_a_continent_in_larger_squares() -> None:
    assert factor_of(936 * 3114, MOST) == 1
    assert factor_of(4608 * 6912, MOST) == 3


def test_a_square_has_the_flags_of_its_pixels_and_is_empty_where_all_are() -> None:
    flags = np.zeros((3, 9), np.uint8)
    flags[0, 0], flags[1, 1] = 1, 4
    flags[:, 3:6], flags[2, 5] = EMPTY, 2
    flags[:, 6:] = EMPTY
    assert flags_of_squares(flags, 3).tolist() == [[5, 2, EMPTY]]
    np.testing.assert_array_equal(flags_of_squares(flags, 1), flags)
