"""Fixtures of unit tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

REAL = Path(__file__).parents[3] / "shared" / "real"


@pytest.fixture(scope="session")
def real() -> Callable[[str], Path]:
    """Path of the one real granule that a pattern names; the test is skipped where the folder is absent."""

    def find(pattern: str) -> Path:
        if not REAL.is_dir():
            pytest.skip("there are no real granules beside the repository")
        (path,) = REAL.glob(pattern)
        return path

    return find
