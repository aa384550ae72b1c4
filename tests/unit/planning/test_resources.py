"""Memory and time that jobs ask for, from what was measured."""

import pytest

from kilomoist.grids import Window
from kilomoist.planning.resources import MIN_MINUTES, SNAKEMAKE_MB, measured, memory, minutes

BLOCKS = [Window(0, 0, 10, 100), Window(0, 100, 10, 300)]
"""4 thousand cells, 3 of them in the larger block."""


@pytest.mark.parametrize(
    ("slopes", "expected"),
    [({}, 100), ({"of_region": 10}, 140), ({"of_block": 10}, 130), ({"of_region": 1, "of_block": 2}, 110)],
)
def test_a_job_takes_more_for_each_thousand_cells_of_its_region_and_its_largest_block(
    slopes: dict[str, float], expected: float
) -> None:
    assert measured(100, BLOCKS, **slopes) == expected
    assert measured(100) == 100


def test_what_is_asked_for_has_a_margin_and_grows_with_the_attempt() -> None:
    assert memory(300, 1) == SNAKEMAKE_MB + 450
    assert memory(300, 3) == 3 * memory(300, 1)
    assert minutes(600, 1) == 50
    assert minutes(600, 2) == 100


def test_no_job_asks_for_less_than_a_start_may_take() -> None:
    assert [minutes(2, attempt) for attempt in (1, 2)] == [MIN_MINUTES, 2 * MIN_MINUTES]
