"""map.html in a browser, from disk, without a network."""

import csv
import json
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
from matplotlib import colormaps
from pyproj import Geod, Transformer
from workflow_runs import SMALL

from kilomoist.grids import CELL_SIDE, M01, M09, Window, geographic_from_ease
from kilomoist.names import MAP_ONE_SCALE_UP
from kilomoist.publishing.map_page import MappedRun, compose_map_page
from kilomoist.quality_flags import FLAGS, NO_FLAG
from kilomoist.rasters import write_raster
from kilomoist.reporting.verdicts import SCALE_UP, not_compared, verdict_table
from kilomoist.texts import speaking

BOX = tuple(SMALL["regions"][0]["bbox"])
USE = ["ndvi", "evi", "lst_day"]
WITHIN = 0.0005
SAID = """() => document.querySelector('#status').textContent
  .includes(document.querySelector('dd[data-value=place]').textContent)"""
"""Whether what is shown of the cursor's place has been said aloud."""
GO = """async ([longitude, latitude, told]) => {
  document.querySelector('#longitude').value = longitude;
  document.querySelector('#latitude').value = latitude;
  document.querySelector('#go').requestSubmit();
  const place = () => document.querySelector('dd[data-value=place]')?.textContent;
  for (let frame = 0; frame < 300 && place() !== told; frame++) await new Promise(requestAnimationFrame);
  const values = [...document.querySelectorAll('dd[data-value]')].map((one) => [one.dataset.value, one.textContent]);
  return Object.fromEntries([...values, ['asked', told]]);
}"""
"""Go to a place and read what is told of it."""


@pytest.fixture
def wide(browser: Any, run: Path) -> Iterator[Opened]:
    with opened(browser, run / "map.html") as page:
        yield page


def bands(run: Path, name: str) -> np.ndarray:
    """Bands of a raster of the run as rasterio reads them."""
    with rasterio.open(run / f"{name}.tif") as raster:
        return raster.read()


def centre(run: Path, row: int, column: int) -> tuple[float, float]:
    """Longitude and latitude of a pixel's centre by PROJ."""
    with rasterio.open(run / "soil_moisture.tif") as raster:
        x, y = raster.xy(row, column)
        return Transformer.from_crs(raster.crs, "EPSG:4326", always_xy=True).transform(x, y)


def pixel_of(run: Path, longitude: float, latitude: float) -> tuple[int, int]:
    """Row and column of the pixel that holds a place, by PROJ."""
    with rasterio.open(run / "soil_moisture.tif") as raster:
        return raster.index(
            *Transformer.from_crs("EPSG:4326", raster.crs, always_xy=True).transform(longitude, latitude)
        )


def go(page: Opened, longitude: float, latitude: float) -> dict[str, str]:
    """Have the page show a place that is written into its form; returns what it tells of it."""
    north, east = "N" if latitude > 0 else "S", "E" if longitude > 0 else "W"
    told = f"{abs(latitude):.4f}°\N{NO-BREAK SPACE}{north}, {abs(longitude):.4f}°\N{NO-BREAK SPACE}{east}"
    return page.page.evaluate(GO, [longitude, latitude, told])


def words(flags: int) -> str:
    names = [flag.meaning for flag in sorted(FLAGS.values(), key=lambda flag: flag.bit) if flags >> flag.bit & 1]
    return "; ".join(names) or NO_FLAG


def test_values_are_those_of_the_rasters(wide: Opened, run: Path) -> None:
    """At 50 pixels, of which some have no value: the map, its interval and SMAP's cell; flags exactly."""
    (fine,), (lower, upper, *_), (coarse,) = (bands(run, n) for n in ("soil_moisture", "interval", "soil_moisture_9km"))
    (quality,) = bands(run, "quality")
    random = np.random.default_rng(17)
    rows, columns = (random.integers(side, size=47).tolist() for side in fine.shape)
    rows, columns = [*rows, 0, 0, fine.shape[0] - 1], [*columns, 0, fine.shape[1] - 1, fine.shape[1] - 1]
    for row, column in zip(rows, columns, strict=True):
        told = go(wide, *centre(run, row, column))
        assert told["place"] == told["asked"]
        place = row, column
        cell = coarse[row // CELL_SIDE, column // CELL_SIDE]
        np.testing.assert_allclose(number(told["map"]), fine[place], rtol=0, atol=WITHIN)
        np.testing.assert_allclose(number(told["smap"]), cell, rtol=0, atol=WITHIN)
        ends = told["interval"].split(" to ")
        found = [number(end) for end in ends] if len(ends) == 2 else [np.nan, np.nan]
        np.testing.assert_allclose(found, [lower[place], upper[place]], rtol=0, atol=WITHIN)
        assert told["flags"] == words(int(quality[place]))
    shown = quality[rows, columns]
    assert len(np.unique(shown)) >= 3  # some flags, and pixels without a value
    assert np.isfinite(fine[rows, columns]).sum() >= 30


def test_the_map_is_drawn_where_its_values_are(wide: Opened, run: Path) -> None:
    """Colours on the screen are those of the raster's values at the coordinates that are told there."""
    content = json.loads(wide.page.locator("#page").text_content())
    scale = content["scales"]["soil_moisture"]
    (fine,), (coarse,) = bands(run, "soil_moisture"), bands(run, "soil_moisture_9km")
    low, high = (np.percentile(np.nan_to_num(fine[np.isfinite(fine)]), share) for share in (1, 99))
    assert scale["low"] <= low + 1e-6
    assert scale["high"] >= high - 1e-6
    outline = np.array(content["outline"][0]).reshape(-1, 2)
    corners = Transformer.from_crs(content["projection"], "EPSG:4326", always_xy=True).transform(*outline.T)
    np.testing.assert_allclose([*np.min(corners, axis=1), *np.max(corners, axis=1)], BOX, atol=0.005)
    for _ in range(4):  # until a pixel of the map is 11 pixels of the screen wide
        wide.page.click("#zoom-in")
    wide.page.wait_for_timeout(200)
    picture = wide.picture().astype(int)
    x, y = wide.middle()
    random = np.random.default_rng(5)
    compared = 0
    for across, down in zip(random.integers(-250, 250, 40), random.integers(-250, 250, 40), strict=True):
        if abs(across) < 30:  # the divider
            continue
        at = int(x + across), int(y + down)
        wide.page.mouse.move(at[0] + 0.5, at[1] + 0.5)
        place = pixel_of(run, *wide.place())
        value = fine[place] if across > 0 else coarse[place[0] // CELL_SIDE, place[1] // CELL_SIDE]
        np.testing.assert_allclose(wide.number("map"), fine[place], rtol=0, atol=WITHIN)
        if np.isnan(value):
            expected = np.array([0xBD, 0xBD, 0xBD])
        else:
            share = (value - scale["low"]) / (scale["high"] - scale["low"])
            expected = np.array(colormaps["YlGnBu"](share, bytes=True)[:3], int)
        around = picture[at[1] - 1 : at[1] + 2, at[0] - 1 : at[0] + 2]  # the frame may begin between two pixels
        assert np.abs(around - expected).max(axis=-1).min() <= 4, (place, value)
        compared += 1
    assert compared > 20


def test_the_divider_moves(wide: Opened) -> None:
    """By the mouse and by keys; what it uncovers is the other layer."""
    divider = wide.page.locator("#divider")
    x, y = wide.middle("#divider")
    before = wide.picture()
    assert divider.get_attribute("aria-valuenow") == "50"
    wide.page.mouse.move(x, y)
    wide.page.mouse.down()
    wide.page.mouse.move(x - 200, y)
    wide.page.mouse.up()
    assert int(divider.get_attribute("aria-valuenow")) == pytest.approx(50 - 100 * 200 / 890, abs=1)
    after = wide.picture()
    assert (before[300:700, 300:420] != after[300:700, 300:420]).any(axis=-1).mean() > 0.5  # uncovered
    np.testing.assert_array_equal(before[300:700, 520:700], after[300:700, 520:700])  # the map on both
    divider.focus()
    for key, expected in (("Home", "0"), ("ArrowRight", "2"), ("PageUp", "12"), ("End", "100"), ("ArrowLeft", "98")):
        wide.page.keyboard.press(key)
        assert divider.get_attribute("aria-valuenow") == expected
        assert divider.get_attribute("aria-valuetext").startswith(
            f"{expected}\N{NO-BREAK SPACE}%: SMAP, 9 km on the left"
        )


def test_layers_switch(wide: Opened, run: Path) -> None:
    """Every layer on either side: drawn, named, with a legend of its own, told at the cursor."""
    options = wide.page.locator("#layer-right option").evaluate_all("all => all.map((one) => [one.value, one.text])")
    layers = dict(options)
    assert list(layers) == ["smap", "map", "difference", "width", "flags", *(f"predictor-{name}" for name in USE)]
    x, y = wide.middle()
    seen = {}
    for key, label in layers.items():
        wide.page.select_option("#layer-right", key)
        wide.page.locator("#name-right").filter(has_text=label).wait_for(state="attached")
        wide.page.mouse.move(x + 100, y - 40)
        wide.page.wait_for_timeout(60)  # a frame
        seen[key] = wide.picture()[int(y) - 250 : int(y) + 200, int(x) + 40 : int(x) + 280].tobytes()
        title = "Most severe flag" if key == "flags" else label
        assert title in wide.page.locator("#legends").inner_text()
    assert len(set(seen.values())) == len(layers)
    (quality,) = bands(run, "quality")
    legend = wide.page.locator("#legends")
    wide.page.select_option("#layer-right", "flags")
    legend.filter(has_text="Most severe flag").wait_for()
    assert ("few observations" in legend.inner_text()) == bool((quality >> 2 & 1).any())
    assert "frozen" not in legend.inner_text()
    # What a predictor says at the cursor is its raster's, to half of a step of a hundredth.
    ndvi = bands(run, "predictors")[0]
    wide.page.select_option("#layer-right", "predictor-ndvi")
    go(wide, *centre(run, 90, 140))
    reach = np.nanmax(ndvi) - np.nanmin(ndvi)
    assert wide.number("predictor-ndvi") == pytest.approx(ndvi[90, 140], abs=float(reach) / 200)


def test_field_points(wide: Opened, run: Path) -> None:
    """They are drawn with their values' colours when asked for, and can be gone to by name."""
    points = pd.read_csv(run / "tables/field_points.csv")
    before = wide.picture()
    wide.page.check("#points")
    assert "field points (m³/m³)" in wide.page.locator("#legends").inner_text()
    wide.page.wait_for_timeout(60)
    assert (before != wide.picture()).any(axis=-1).sum() > 20 * len(points)
    wide.page.select_option("#point", label=points["id"][3])
    wide.page.locator("dd[data-value=point]").wait_for()
    assert wide.number("point") == pytest.approx(points["observed"][3], abs=5e-5)
    assert wide.number("map") == pytest.approx(points["fine"][3], abs=WITHIN)


def test_a_keyboard_is_enough(wide: Opened, run: Path) -> None:
    """Move, zoom, keep, copy and remove without a mouse; focus is shown wherever it is."""
    (fine,) = bands(run, "soil_moisture")
    wide.page.focus("#map")
    wide.page.keyboard.press("ArrowDown")
    wide.page.locator("dd[data-value=place]").wait_for()
    row, column = pixel_of(run, *wide.place())
    for key in ("Shift+ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowUp", "ArrowLeft", "ArrowDown"):
        wide.page.keyboard.press(key)
    wide.page.wait_for_function(SAID)  # where the cursor stops
    place = pixel_of(run, *wide.place())
    assert place == (row - 10, column + 10)
    assert wide.number("map") == pytest.approx(float(fine[place]), abs=WITHIN)
    assert wide.value("map") in wide.page.locator("#status").inner_text()
    wide.page.keyboard.press("Enter")
    wide.page.keyboard.press("Shift+ArrowUp")
    wide.page.keyboard.press("Enter")
    wide.page.keyboard.press("Enter")  # the same once more
    kept = wide.page.locator("#kept-list li")
    kept.nth(1).wait_for()
    picture = wide.picture()
    wide.page.keyboard.press("+")
    wide.page.wait_for_timeout(100)
    assert (picture != wide.picture()).any()
    wide.page.focus("#copy")
    wide.page.keyboard.press("Enter")
    table = list(csv.DictReader(wide.page.input_value("#csv").splitlines()))
    assert len(table) == 2
    assert table[0]["map_1km"] == f"{wide_number(kept.first.inner_text()):.4f}"
    assert table[0]["flags"]
    wide.page.locator("#kept-list button").first.focus()
    wide.page.keyboard.press("Enter")
    assert kept.count() == 1


def wide_number(text: str) -> float:
    """The map's value in the lines of a kept pixel."""
    return number(text.split("map, 1 km: ")[1])


def test_a_click_keeps_a_value(wide: Opened) -> None:
    x, y = wide.middle()
    for across in (60, 90):
        wide.page.mouse.click(x + across, y - 50)
    wide.page.locator("#kept-list li").nth(1).wait_for()
    assert wide.value("map") in wide.page.locator("#kept-list li").last.inner_text()
    wide.page.mouse.click(x + 90, y - 50)
    assert wide.page.locator("#kept-list li").count() == 2


def test_kept_values_have_their_flags(wide: Opened, run: Path) -> None:
    """Also where there is no value: that is what they say."""
    (quality,) = bands(run, "quality")
    kept = wide.page.locator("#kept-list li")
    for number_, flags in enumerate((4, 128)):
        row, column = np.argwhere(quality == flags)[0]
        go(wide, *centre(run, row, column))
        wide.page.focus("#map")
        wide.page.keyboard.press("Enter")
        kept.nth(number_).wait_for()
    assert kept.first.inner_text().count(": ") == 4
    assert "flags: few observations" in kept.first.inner_text()
    assert "flags: no value" in kept.last.inner_text()
    assert "–" not in kept.last.inner_text()


def test_the_layer_that_was_chosen_last_is_shown(wide: Opened) -> None:
    """Though an earlier one is ready later; the divider names both."""
    wide.page.evaluate("""() => {
      const read = Response.prototype.arrayBuffer;
      Response.prototype.arrayBuffer = async function () {
        await new Promise((resolve) => setTimeout(resolve, 300));
        return read.call(this);
      };
    }""")
    wide.page.select_option("#layer-right", "predictor-evi")
    wide.page.select_option("#layer-right", "difference")
    wide.page.wait_for_timeout(500)
    assert wide.page.locator("#name-right").inner_text() == "map minus SMAP"
    said = "50\N{NO-BREAK SPACE}%: SMAP, 9 km on the left, map minus SMAP on the right"
    assert wide.page.locator("#divider").get_attribute("aria-valuetext") == said


def test_a_phone_shows_the_value_beside_the_finger(browser: Any, run: Path) -> None:
    with opened(browser, run / "map.html", PHONE) as page:
        x, y = page.middle()
        page.page.touchscreen.tap(x + 60, y)
        page.page.locator("#kept-list li").wait_for()
        readout, frame = (page.page.locator(one).bounding_box() for one in ("#readout", "#map"))
        assert readout["y"] + readout["height"] <= frame["y"] < y < PHONE[1]
        told = f"map, 1 km: {page.value('map')} · {page.value('interval')}"
        assert page.page.locator("#readout").inner_text() == told


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_it_can_be_read_by_all(browser: Any, run: Path, size: tuple[int, int]) -> None:
    """axe-core finds nothing serious, everything is within reach of a keyboard, nothing is wider than the window."""
    with opened(browser, run / "map.html", size) as page:
        x, y = page.middle()
        page.page.touchscreen.tap(x + 60, y) if size == PHONE else page.page.mouse.click(x + 60, y)
        page.page.locator("#kept-list li").wait_for()
        page.page.focus("#copy")
        page.page.keyboard.press("Enter")
        assert page.serious() == []
        wanted = page.wanted_stops()
        assert len(wanted) > 15
        assert page.tab_stops() == wanted
        assert page.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        box = page.page.locator("#map").bounding_box()
        assert box["width"] * box["height"] > 0.3 * size[0] * size[1]
        assert "Simulated data" in page.page.locator("header").inner_text()
        assert "SPL4SMGP.008" in page.page.locator("aside").inner_text()


def test_the_scale_bar_is_true(wide: Opened) -> None:
    """Its length is that on the globe between its ends, at the centre of the view."""
    x, y = wide.middle()
    ends = []
    for across in (-280, 280):
        wide.page.mouse.move(x + across, y)
        ends.append(wide.place())
    _, _, metres = Geod(ellps="WGS84").inv(*ends[0], *ends[1])
    bar = wide.page.locator("#scale")
    km = float(bar.inner_text().removesuffix(" km"))
    assert bar.bounding_box()["width"] == pytest.approx(km * 1000 * 560 / metres, rel=0.02)


def test_links_lead_to_files(wide: Opened, run: Path) -> None:
    links = wide.page.locator("a[href]").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert {"provenance.json", "../index.html", "report.html", "README.txt"} == set(links)
    assert all((run / link).is_file() for link in links)


def files_of(run: Path, **others: Path) -> MappedRun:
    names = {"coarse": "soil_moisture_9km", "fine": "soil_moisture", "quality": "quality", "predictors": "predictors"}
    rasters = {key: run / f"{name}.tif" for key, name in names.items()}
    return MappedRun(**rasters, verdict=run / "tables/full/verdict.parquet", **others)


def test_a_page_is_made_alike(run: Path, tmp_path: Path) -> None:
    """The same bytes from the same files, wherever they lie; nothing of the machine in it."""
    files = files_of(run, interval=run / "interval.tif", points=run / "tables/full/field_points.parquet")
    products = ["MOD13A1.061", "MOD11A1.061", "SPL4SMGP.008"]
    compose_map_page(tmp_path / "map.html", files, (None, BOX, None), USE, products)
    made = (tmp_path / "map.html").read_bytes()
    assert made == (run / "map.html").read_bytes()
    assert str(run).encode() not in made


def test_the_interval_in_a_cell_is_told_where_it_differs(browser: Any, run: Path, tmp_path: Path) -> None:
    """The small scene has no error of SMAP's own: there the two are one."""
    assert 'id="data-conditional"' not in (run / "map.html").read_text(encoding="utf-8")
    shutil.copy(run / "interval.tif", tmp_path)
    with rasterio.open(tmp_path / "interval.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as raster:
        raster.write(raster.read(2) + np.float32(0.03), 2)
    files = files_of(run, interval=tmp_path / "interval.tif")
    compose_map_page(tmp_path / "map.html", files, (None, BOX, None), USE, ["SPL4SMGP.008"])
    _, _, lower, upper = bands(run, "interval")
    with opened(browser, tmp_path / "map.html") as page:
        told = go(page, *centre(run, 90, 140))
        assert told["conditional"].endswith("m³/m³ wide")
        assert number(told["conditional"]) == pytest.approx(upper[90, 140] - lower[90, 140], abs=WITHIN + 1e-6)
        page.page.focus("#map")
        page.page.keyboard.press("Enter")
        page.page.locator("#kept-list li").filter(has_text=told["conditional"]).wait_for()
        page.page.focus("#copy")
        page.page.keyboard.press("Enter")
        (row,) = csv.DictReader(page.page.input_value("#csv").splitlines())
        assert float(row["conditional_width"]) == number(told["conditional"])


def test_without_interval_and_points(browser: Any, run: Path, tmp_path: Path) -> None:
    compose_map_page(tmp_path / "map.html", files_of(run), (None, BOX, None), USE, ["SPL4SMGP.008"])
    with opened(browser, tmp_path / "map.html") as page:
        go(page, *centre(run, 90, 140))
        assert page.page.locator("dd[data-value=interval]").count() == 0
        assert not page.page.locator("#points").is_visible()
        assert "width" not in page.page.locator("#layer-left option").evaluate_all("all => all.map((one) => one.value)")
        x, y = page.middle()
        page.page.mouse.click(x + 60, y)
        page.page.focus("#copy")
        page.page.keyboard.press("Enter")
        assert page.page.input_value("#csv").startswith("longitude,latitude,smap_9km,map_1km,quality,flags\n")


def test_in_mongolian(browser: Any, run: Path, tmp_path: Path) -> None:
    """All of it, within a phone's width."""
    files = files_of(run, interval=run / "interval.tif", points=run / "tables/full/field_points.parquet")
    with speaking("mn"):
        compose_map_page(tmp_path / "map.html", files, (None, BOX, None), USE, ["SPL4SMGP.008"])
    with opened(browser, tmp_path / "map.html", PHONE) as page:
        x, y = page.middle()
        page.page.touchscreen.tap(x + 60, y)
        page.page.locator("#kept-list li").wait_for()
        assert page.page.locator("html").get_attribute("lang") == "mn"
        shown = page.page.locator("body").inner_text()
        assert "Хөрсний чийг" in shown
        assert "зураг, 1 км" in page.page.locator("#layer-right").inner_text()
        known = r"SMAP|Enter|soil_moisture|tif|kilomoist|OpenLayers|proj4|RMSE|CSV|EASE|SPL4SMGP|steppe|NDVI|EVI|LST"
        known += "|interval|conditional_(?:lower|upper)"
        assert set(re.findall(r"[A-Za-z]{3,}", re.sub(known, "", shown))) == set()
        assert page.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert page.serious() == []


def test_across_180_degrees(browser: Any, tmp_path: Path) -> None:
    """Pixels east and west of 180° are found by their own longitudes."""
    cells = Window(900, M09.columns - 6, 8, 12)
    pixels = cells.refined(CELL_SIDE)
    tags = {"source": "archive", "region": "fiji", "month": "2021-08", "target": "SPL4SMGP.008", "reconciled": "yes"}
    rows, columns = np.indices(pixels.shape)
    fine = (0.1 + 0.001 * columns + 0.0005 * rows).astype(np.float32)
    write_raster(tmp_path / "soil_moisture.tif", {"soil_moisture": fine}, M01, pixels, tags)
    coarse = fine[4::CELL_SIDE, 4::CELL_SIDE].copy()
    write_raster(tmp_path / "soil_moisture_9km.tif", {"soil_moisture": coarse}, M09, cells, tags)
    write_raster(tmp_path / "quality.tif", {"quality": np.zeros(pixels.shape, np.uint8)}, M01, pixels, tags)
    write_raster(tmp_path / "predictors.tif", {"ndvi": fine}, M01, pixels, tags, {"ndvi": "1"})
    (tmp_path / "tables/full").mkdir(parents=True)
    verdict = verdict_table([not_compared(SCALE_UP, MAP_ONE_SCALE_UP, "3 cells < 400")], tags)
    verdict.to_parquet(tmp_path / "tables/full/verdict.parquet")
    compose_map_page(tmp_path / "map.html", files_of(tmp_path), (None, None, None), ["ndvi"], ["SPL4SMGP.008"])
    east, north = M01.x_centres(pixels), M01.y_centres(pixels)
    with opened(browser, tmp_path / "map.html") as page:
        assert "Simulated data" not in page.page.locator("header").inner_text()
        verdict = page.page.locator("section[aria-labelledby=verdict-title]")
        assert "one scale up: cannot be told" in verdict.inner_text()
        verdict.locator("summary").click()
        assert "3 cells < 400" in verdict.inner_text()
        for row, column in ((5, 3), (40, 53), (40, 54), (60, 100)):
            x = east[column] - (M01.columns * M01.side if column >= 54 else 0)
            longitude, latitude = (float(part) for part in geographic_from_ease(x, north[row]))
            assert (longitude > 0) == (column < 54)
            go(page, longitude, latitude)
            assert page.number("map") == pytest.approx(fine[row, column], abs=WITHIN)
