"""A browser that opens pages from disk, without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.image import imread
from numpy.typing import NDArray

WIDE, PHONE = (1280, 800), (390, 844)
FOCUSED = """() => [document.activeElement.dataset.stop ?? '', getComputedStyle(document.activeElement).outlineStyle]"""
MARKED = """() => [...document.querySelectorAll('a[href],button,select,input,textarea,summary,[tabindex="0"]')]
  .filter((one) => one.checkVisibility())
  .map((one, at) => one.dataset.stop = `${at} ${one.tagName} ${one.id || one.textContent.slice(0, 20)}`)"""


@dataclass
class Opened:
    """A page in a browser, and what went wrong or out in it."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def value(self, name: str) -> str:
        """What is told of the pixel at the cursor under a name."""
        return self.page.locator(f"dd[data-value={name}]").inner_text()

    def number(self, name: str) -> float:
        """The same as a number; NaN where there is no value."""
        return number(self.value(name))

    def picture(self) -> NDArray[np.uint8]:
        """Red, green and blue of the window as it looks."""
        return (imread(BytesIO(self.page.screenshot()))[..., :3] * 255).round().astype(np.uint8)

    def place(self) -> tuple[float, float]:
        """Longitude and latitude that are told at the cursor."""
        latitude, longitude = self.value("place").split(", ")
        return number(longitude.replace("°", " ")), number(latitude.replace("°", " "))

    def middle(self, selector: str = "#map") -> tuple[float, float]:
        """Centre of an element on the screen."""
        box = self.page.locator(selector).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def serious(self) -> list[str]:
        """Rules of axe-core that the page violates seriously or worse, each with its places."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        bad = [one for one in found if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in bad]

    def tab_stops(self) -> set[str]:
        """Everything that the tabulator key alone comes to, from the top to the end, each with its focus shown."""
        self.page.locator("h1").evaluate("(one) => {one.tabIndex = -1; one.focus()}")
        stops: list[str] = []
        while len(stops) < 200:
            self.page.keyboard.press("Tab")
            stop, outline = self.page.evaluate(FOCUSED)
            if not stop or stop in stops:
                break
            assert outline != "none", stop
            stops.append(stop)
        return set(stops)

    def wanted_stops(self) -> set[str]:
        """Everything that can be operated and is shown; each is marked for `tab_stops`."""
        return set(self.page.evaluate(MARKED))


def number(text: str) -> float:
    """The first number of a text; NaN without."""
    first = text.replace("−", "-").split()[0]
    return np.nan if first == "–" else float(first)


@contextmanager
def opened(browser: Any, path: Path, size: tuple[int, int] = WIDE) -> Iterator[Opened]:
    """Open a page from disk with the network off; at the end nothing may have gone wrong or out."""
    window = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=window, offline=True, has_touch=size == PHONE)
    result = Opened(context.new_page())
    context.on("request", lambda request: result.requests.append(request.url))
    result.page.on("console", lambda said: result.errors.append(said.text))
    result.page.on("pageerror", lambda error: result.errors.append(str(error)))
    try:
        result.page.goto(path.as_uri())
        result.page.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
        yield result
        assert result.requests == [path.as_uri()]
        assert result.errors == []
    finally:
        context.close()
