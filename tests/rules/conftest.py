"""What tests of rules share."""

from pathlib import Path

import pytest
from rule_bench import Bench, make_bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder in which one rule runs."""
    return make_bench(tmp_path)
