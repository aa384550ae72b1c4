"""Fixtures of the tests of the server."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from granule_archives import field, temperature

from earthdata.clients import FIELDS, TIMES
from earthdata.server import Earthdata
from kilomoist.grids import Window


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "deep" / "er").mkdir(parents=True)
    moisture = np.linspace(0.1, 0.4, 600).reshape(20, 30)
    for number, time in enumerate(TIMES):
        field(folder / "deep" / "er", time, moisture + 0.01 * number, Window(200, 2900, 20, 30))
    for number in (1, 2):
        temperature(folder, number, 300 + number)
    (folder / "notes.txt").write_text("no granule")
    return folder


@pytest.fixture
def content(archive: Path) -> bytes:
    """Of the file that `fetch` gets."""
    return (archive / "deep" / "er" / FIELDS[1]).read_bytes()


@pytest.fixture
def start(archive: Path, serve: Callable[..., Earthdata], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Earthdata]:
    """Starts a server that this process's clients talk to."""
    monkeypatch.setenv("NETRC", os.devnull)  # the developer's own credentials stay out of it

    def begin(folder: Path = archive, **options: Any) -> Earthdata:
        return serve(folder, **options)

    return begin


@pytest.fixture
def earthdata(start: Callable[..., Earthdata]) -> Earthdata:
    return start()
