"""Every reader on damaged files, a few of each seed; `benchmarks/faults.py` has many."""

import pytest
from damaged_readers import READERS
from fuzzing import fuzz

CASES = 100


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused(name: str) -> None:
    tally = fuzz(READERS[name], range(CASES), seed=2026)
    assert tally.counts.total() == CASES
    assert tally.counts["refused"] > 0
    assert tally.faults == {}, tally.examples
