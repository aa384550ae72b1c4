"""A national map.html in Chromium: python benchmarks/pages.py.

Random fields on Mongolia's 936 × 3114 pixels as rough as the default run's map and predictors (neighbours differ by
0.08 standard deviations of the map, 0.1 and 0.2 of predictors); the interval's width changes from pixel to pixel.
Once inside the country's outline, once on all of the rectangle. Prints of each: MB of the page; seconds and MB of the
process that writes it; seconds from the address to the painted map; milliseconds until the first value is told at the
cursor, and of a further one; milliseconds of a frame with a new view.
"""

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from national import EXTENT, OUTLINE, region
from numpy.typing import NDArray
from runs import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from browsers import Opened, opened
from playwright.sync_api import sync_playwright

from kilomoist.cells import block_mean
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.names import MAP_1KM
from kilomoist.publishing.map_page import MappedRun, compose_map_page
from kilomoist.rasters import write_raster
from kilomoist.reporting.verdicts import NO_POINTS, POINTS, not_compared, verdict_table

PRODUCTS = ["MOD13A1.061", "MOD11A1.061", "SPL4SMGP.008"]
TAGS = {"source": "simulated", "region": "mongolia", "month": "2021-08", "target": PRODUCTS[-1], "reconciled": "yes"}
PREDICTORS = {"ndvi": (0.42, 0.19, 0.1, "1"), "evi": (0.25, 0.12, 0.1, "1"), "lst_day": (306.0, 4.6, 0.2, "K")}
"""Mean, standard deviation, roughness and unit."""
SEED = 2021


def field(random: np.random.Generator, shape: tuple[int, int], roughness: float) -> NDArray[np.float32]:
    """A random field of variance 1, smooth but for the differences of neighbours, of this standard deviation."""
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    wave_number = np.hypot(down, across)
    wave_number[0, 0] = np.inf
    noise = random.normal(size=shape)
    smooth = np.fft.irfft2(np.fft.rfft2(noise) * wave_number**-1.7, shape)
    smooth /= smooth.std()
    rough = roughness / np.sqrt(2) * random.normal(size=shape)
    return (smooth + rough).astype(np.float32)


def write_run(folder: Path, outlined: bool) -> MappedRun:
    """Rasters of a national run."""
    cells, pixels, inside = region()
    random = np.random.default_rng(SEED)
    where = inside if outlined else np.ones(pixels.shape, bool)

    def within(values: NDArray) -> NDArray[np.float32]:
        return np.where(where, values, np.nan).astype(np.float32)

    fine = within(np.clip(0.15 + 0.05 * field(random, pixels.shape, 0.08), 0.02, 0.6))
    coarse = block_mean(fine, CELL_SIDE)[0].astype(np.float32)
    below, above = (0.023 + 0.003 * np.abs(random.normal(size=pixels.shape)) for _ in range(2))
    interval = {"lower": within(fine - below), "upper": within(fine + above)}
    interval |= {"conditional_lower": within(fine - 0.7 * below), "conditional_upper": within(fine + 0.7 * above)}
    rare = field(random, pixels.shape, 0.05)
    flags = (rare > 1.5) * 4 + (rare < -2) * 8
    quality = np.where(where, flags, 128).astype(np.uint8)
    predictors = {
        name: within(mean + deviation * field(random, pixels.shape, roughness))
        for name, (mean, deviation, roughness, _) in PREDICTORS.items()
    }
    units = {name: unit for name, (*_, unit) in PREDICTORS.items()}
    paths = {name: folder / f"{name}.tif" for name in ("coarse", "fine", "quality", "predictors", "interval")}
    write_raster(paths["coarse"], {"soil_moisture": coarse}, M09, cells, TAGS)
    write_raster(paths["fine"], {"soil_moisture": fine}, M01, pixels, TAGS)
    write_raster(paths["quality"], {"quality": quality}, M01, pixels, TAGS)
    write_raster(paths["predictors"], predictors, M01, pixels, TAGS, units)
    write_raster(paths["interval"], interval, M01, pixels, TAGS | {"interval": "0.9"})
    verdict = folder / "verdict.parquet"
    verdict_table([not_compared(POINTS, MAP_1KM, NO_POINTS)], TAGS).to_parquet(verdict)
    return MappedRun(**paths, verdict=verdict)


def told(page: Opened, x: float, y: float) -> float:
    """Milliseconds until another pixel's value is told after the mouse moves."""
    before = page.page.locator("#values").inner_text()
    start = time.perf_counter()
    page.page.mouse.move(x, y)
    page.page.wait_for_function("before => document.querySelector('#values').innerText !== before", arg=before)
    return 1000 * (time.perf_counter() - start)


FRAMES = """async () => {
  const took = [];
  for (let turn = 0; turn < 10; turn++) {
    const start = performance.now();
    document.querySelector(turn % 2 ? '#zoom-in' : '#zoom-out').click();
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    took.push(performance.now() - start);
  }
  return took;
}"""
"""Milliseconds of frames with a new view each."""

with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    for name in ("country", "rectangle"):
        folder = Path(scratch) / name
        run = write_run(folder, outlined=name == "country")
        start = time.perf_counter()
        compose_map_page(folder / "map.html", run, (OUTLINE, EXTENT, None), list(PREDICTORS), PRODUCTS)
        print(f"page_write_{name} {time.perf_counter() - start:.1f} s")
        print(f"page_size_{name} {(folder / 'map.html').stat().st_size / 1e6:.2f} MB")
        opening = []
        for turn in range(3):
            start = time.perf_counter()
            with opened(browser, folder / "map.html") as page:
                opening.append(time.perf_counter() - start)
                if turn == 2:
                    x, y = page.middle()
                    print(f"page_first_value_{name} {told(page, x + 50, y):.0f} ms")
                    print(f"page_next_value_{name} {told(page, x + 90, y + 20):.0f} ms")
                    print(f"page_frame_{name} {statistics.median(page.page.evaluate(FRAMES)):.0f} ms")
        print(f"page_open_{name} {statistics.median(opening):.2f} s")
    print(f"page_write_memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
