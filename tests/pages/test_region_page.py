"""index.html of a region in a browser, from disk, without a network."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from browsers import PHONE, WIDE, Opened, number, opened
from pyproj import Transformer
from workflow_runs import SMALL

from kilomoist.publishing.region_page import MonthFiles, compose_region_page

BOX = tuple(SMALL["regions"][0]["bbox"])
MONTHS = {"2021-05": 0.8, "2021-08": 1.0, "2021-09": 1.3}
"""Months, and by how much wetter they are than August."""
WITHIN = 0.0005


@pytest.fixture(scope="module")
def region(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a region with three months."""
    folder = tmp_path_factory.mktemp("region")
    months = []
    for month, wetter in MONTHS.items():
        (folder / month).mkdir()
        for name in ("soil_moisture", "soil_moisture_9km"):
            shutil.copy(run / f"{name}.tif", folder / month)
            with rasterio.open(folder / month / f"{name}.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as raster:
                raster.write(raster.read(1) * np.float32(wetter), 1)
        files = [folder / month / f"{name}.tif" for name in ("soil_moisture_9km", "soil_moisture")]
        months.append(MonthFiles(month, *files, run / "tables/full/verdict.parquet"))
    compose_region_page(folder / "index.html", months, (None, BOX, None))
    return folder


@pytest.fixture
def wide(browser: Any, region: Path) -> Iterator[Opened]:
    with opened(browser, region / "index.html") as page:
        yield page


def test_the_slider_goes_through_the_months(wide: Opened) -> None:
    """By keys; all on one scale of colours."""
    slider, name = wide.page.locator("#month"), wide.page.locator("#month-name")
    assert name.inner_text() == "September 2021"
    legend = wide.page.locator("#legends").inner_text()
    pictures = {}
    slider.focus()
    for key, text, month in (("Home", "May 2021", "2021-05"), ("ArrowRight", "August 2021", "2021-08")):
        wide.page.keyboard.press(key)
        name.filter(has_text=text).wait_for()
        wide.page.wait_for_timeout(100)
        assert slider.get_attribute("aria-valuetext") == text
        assert wide.page.locator("#open-map").get_attribute("href") == f"{month}/map.html"
        assert wide.page.locator("#legends").inner_text() == legend
        pictures[month] = wide.picture()[220:600, 100:600].astype(int)
    assert pictures["2021-05"].mean() > pictures["2021-08"].mean()  # drier is paler
    wide.page.select_option("#layer", "smap")
    wide.page.locator("#legends").filter(has_text="SMAP, 9 km").wait_for()


def test_a_place_in_all_months(wide: Opened, region: Path) -> None:
    x, y = wide.middle()
    wide.page.mouse.click(x - 31, y + 42)
    wide.page.locator("#series-place").filter(has_text="°").wait_for()
    said = wide.page.locator("#series-place").inner_text()
    latitude, longitude = (
        number(part.replace("°", " ")) for part in said.removeprefix("Mean of the region, and ").split(", ")
    )
    for name, layer in (("map-here", "soil_moisture"), ("smap-here", "soil_moisture_9km")):
        cells = wide.page.locator(f"td[data-{name}]").all_inner_texts()
        for month, cell in zip(MONTHS, cells, strict=True):
            with rasterio.open(region / month / f"{layer}.tif") as raster:
                place = Transformer.from_crs("EPSG:4326", raster.crs, always_xy=True).transform(longitude, latitude)
                (value,) = next(raster.sample([place]))
            assert float(cell) == pytest.approx(float(value), abs=WITHIN)
    assert wide.page.locator("#series polyline").count() == 4


def test_means_scores_and_links_of_every_month(wide: Opened, region: Path, run: Path) -> None:
    verdicts = pd.read_parquet(run / "tables/full/verdict.parquet")
    rows = wide.page.locator("tbody tr")
    assert rows.locator("th").all_inner_texts() == ["May 2021", "August 2021", "September 2021"]
    for index, month in enumerate(MONTHS):
        with rasterio.open(region / month / "soil_moisture.tif") as raster:
            mean = np.nanmean(raster.read(1), dtype=float)
        cells = rows.nth(index).locator("td").all_inner_texts()
        assert float(cells[0]) == pytest.approx(mean, abs=5.1e-5)
        assert float(cells[1]) == pytest.approx(mean, abs=2e-3)  # nearly all cells are reconciled
        assert all(re.fullmatch(r"[a-z ]+( \(0\.\d{4} / 0\.\d{4}\))?", cell) for cell in cells[4:7])
        links = rows.nth(index).locator("a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
        assert links == [f"{month}/map.html", f"{month}/report.html"]
    (truth,) = verdicts[verdicts["comparison"] == "simulated truth"]["rmse_map"][:1]
    assert f"({truth:.4f} / " in rows.first.inner_text()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_it_can_be_read_by_all(browser: Any, region: Path, size: tuple[int, int]) -> None:
    with opened(browser, region / "index.html", size) as page:
        assert page.serious() == []
        wanted = page.wanted_stops()
        assert len(wanted) > 10
        assert page.tab_stops() == wanted
        assert page.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert "Simulated data" in page.page.locator("header").inner_text()
        page.page.focus("#map")
        page.page.keyboard.press("ArrowDown")
        page.page.keyboard.press("Enter")
        page.page.locator("#series-place").filter(has_text="°").wait_for()


def test_a_region_of_one_month(browser: Any, run: Path) -> None:
    """The workflow's own page."""
    with opened(browser, run.parent / "index.html") as page:
        assert not page.page.locator("#month").is_visible()
        assert page.page.locator("#month-name").inner_text() == "August 2021"
        links = page.page.locator("tbody a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
        assert (run.parent / links[0]).exists()
        # Of one month there are no lines: the dots differ, and the axis has a unit.
        looks = page.page.locator("#series circle").evaluate_all("all => all.map((one) => one.getAttribute('fill'))")
        assert sorted(look == "none" for look in looks) == [False, True]
        assert "m³/m³" in page.page.locator("#series text").all_text_contents()
