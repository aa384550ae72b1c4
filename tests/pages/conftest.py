"""The browser that tests of pages share."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workflow_runs import DEMO

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, without a window."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root, as in a container, has no sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def run(demo: Path) -> Path:
    """The folder of a finished run."""
    return demo / DEMO
