"""Runs and servers that tests share."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from earthdata.server import Earthdata
from hypothesis import settings
from workflow_runs import ROOT, SMALL, copy_tree, once, succeed

# The first example may import a library, on processors that other tests share.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of this pytest share."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def demo(shared: Path) -> Path:
    """The folder of an undisturbed run of the whole workflow on the small scene; read it, do not change it."""
    return once(shared, "demo", lambda folder: succeed(folder, config=SMALL, cores=2, cold=True))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Earthdata]]:
    """Starts servers that play NASA Earthdata with the granules of a folder; this process finds the last one."""
    with ExitStack() as running:

        def start(folder: Path, **options: Any) -> Earthdata:
            earthdata = running.enter_context(Earthdata(folder, **options))
            for name, value in earthdata.environment.items():
                monkeypatch.setenv(name, value)
            return earthdata

        yield start


@pytest.fixture(scope="session")
def installed(shared: Path) -> Path:
    """A folder that holds the library as pip installs it, without the repository and offline."""

    def install(folder: Path) -> None:
        source = copy_tree(shared / "package")
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy2(ROOT / name, source)
        options = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation")
        subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(source)], check=True
        )

    return once(shared, "installed", install)
