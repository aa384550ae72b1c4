"""Fixture of tests that learn."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """OpenMP's threads wait actively for each other, which takes seconds where other tests need the processors."""
    with threadpool_limits(1, "openmp"):
        yield
