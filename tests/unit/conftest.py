"""What several unit tests share."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from earthdata.server import Earthdata

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


@pytest.fixture
def serve(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Earthdata]]:
    """Starts servers that play NASA Earthdata with the granules of a folder; this process finds the last one."""
    with ExitStack() as running:

        def start(folder: Path, **options: Any) -> Earthdata:
            earthdata = running.enter_context(Earthdata(folder, tmp_path_factory.mktemp("private"), **options))
            for name, value in earthdata.environment.items():
                monkeypatch.setenv(name, value)
            assert os.environ["HTTPS_PROXY"].startswith("http://127.0.0.1:")
            return earthdata

        yield start
