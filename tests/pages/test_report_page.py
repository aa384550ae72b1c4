"""The report in a browser, opened from disk without a network."""

from pathlib import Path
from typing import Any

import pytest
from browsers import PHONE, WIDE, Opened

CUT_OFF = """() => [...document.querySelectorAll('p, li, h1, h2, figcaption, img, td, th')]
  .filter((one) => !one.closest('.wide') && one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.textContent.slice(0, 40))"""


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_report_is_whole_and_readable(browser: Any, run: Path, size: tuple[int, int]) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=True)
    report = Opened(context.new_page())
    report.page.on("console", lambda said: report.errors.append(said.text))
    context.on("request", lambda request: report.requests.append(request.url))
    report.page.goto((run / "report.html").as_uri())
    assert [url for url in report.requests if not url.startswith("data:")] == [(run / "report.html").as_uri()]
    assert report.errors == []
    assert report.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert report.page.evaluate(CUT_OFF) == []
    assert report.page.evaluate("[...document.images].filter((one) => !one.naturalWidth || !one.alt).length") == 0
    assert report.page.evaluate("document.images.length") == 3
    assert report.serious() == []
    wanted = report.wanted_stops()  # marks them
    assert report.tab_stops() == wanted
    context.close()
