"""`index.html` of a region: all its months on one scale of colours, series, scores, and links."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray

from kilomoist.cells import block_mean
from kilomoist.grids import CELL_SIDE, EASE_WIDTH
from kilomoist.names import MAP_1KM, SMAP_9KM
from kilomoist.publishing.packed import MOISTURE_STEP, digits_of, pack, steps_of
from kilomoist.publishing.page_texts import PAGE_TEXTS
from kilomoist.publishing.pages import MOISTURE_UNIT, note_of_source, place, scale, write_page
from kilomoist.rasters import read_raster, read_run
from kilomoist.reporting.figures.cartography import Region, colour_scale, view_of
from kilomoist.reporting.verdicts import POINTS, SCALE_UP, TRUTH

FACTORS = (1, 3, CELL_SIDE)
"""Pixels along a side of a square that is drawn."""
MOST = 10_000_000
"""Squares of all months together in one page: a few MB."""

COMPARISONS = (SCALE_UP, POINTS, TRUTH)
"""Comparisons of `tables/verdict.csv` in the page's table; not all of them are in every run."""


@dataclass(frozen=True)
class MonthFiles:
    """Files of a region's month that the page shows."""

    month: str
    coarse: str | Path
    fine: str | Path
    verdict: str | Path


def compose_region_page(path: str | Path, months: Sequence[MonthFiles], region: Region) -> None:
    """Write `index.html` of the months, the first of which comes first."""
    view, _ = view_of(months[0].fine, region)
    with rasterio.open(months[0].fine) as raster:
        where = place(view, raster.transform, raster.shape, EASE_WIDTH)
        factor = factor_of(len(months) * raster.width * raster.height)
    maps = [tuple(read_raster(file)[0]["soil_moisture"] for file in (each.coarse, each.fine)) for each in months]
    digits = digits_of(MOISTURE_STEP)
    content = where | {"kind": "region", "points": [], "layers": [], "months": []}
    norm = colour_scale([values for both in maps for values in both])
    content["scales"] = {"soil_moisture": scale(norm, "YlGnBu", MOISTURE_UNIT, digits)}
    rasters, rows = [], []
    for each, (coarse, fine) in zip(months, maps, strict=True):
        drawn = block_mean(fine, factor)[0] if factor > 1 else fine
        for name, label, values, side in (("map", MAP_1KM, drawn, factor), ("smap", SMAP_9KM, coarse, CELL_SIDE)):
            key = f"{name}-{each.month}"
            rasters.append(pack(key, steps_of(values, MOISTURE_STEP), MOISTURE_STEP, side))
            content["layers"].append({"key": key, "label": label, "scale": "soil_moisture"})
        means = means_of(coarse, fine)
        content["months"].append({"month": each.month, "title": month_text(each.month), **means})
        rows.append(_row(each, means, digits))
    run = read_run(months[0].fine)
    parts = {
        "caption": html.escape(run["region"]),
        "note": note_of_source(run["source"]),
        "last": str(len(months) - 1),
        "without_choice": "" if len(months) > 1 else "hidden",
        "averaging": html.escape(PAGE_TEXTS["averaged"].format(number=factor)) if factor > 1 else "",
        "map_label": html.escape(MAP_1KM),
        "smap_label": html.escape(SMAP_9KM),
        "rows": "\n".join(rows),
    }
    write_page(path, "region.html", parts, content, rasters)


def factor_of(pixels: int) -> int:
    """Pixels along a side of the squares that are drawn, so that `pixels` make `MOST` squares, or as few as can be."""
    return next((factor for factor in FACTORS if pixels <= MOST * factor**2), FACTORS[-1])


def means_of(coarse: NDArray[np.floating], fine: NDArray[np.floating]) -> dict[str, float | None]:
    """Mean of the map over its pixels, and of SMAP over the same where it has a value; None without any."""
    _, mapped = block_mean(fine, CELL_SIDE)
    weights = np.where(np.isfinite(coarse), mapped, 0)
    values = fine[np.isfinite(fine)]
    return {
        "map_mean": round(float(values.mean(dtype=float)), 6) if values.size else None,
        "smap_mean": round(float(np.average(np.nan_to_num(coarse), weights=weights)), 6) if weights.any() else None,
    }


def month_text(month: str) -> str:
    """A month, `2021-08`, in words."""
    year, number = month.split("-")
    return f"{PAGE_TEXTS[f'month_{int(number)}']} {year}"


def _row(each: MonthFiles, means: dict[str, float | None], digits: int) -> str:
    """Row of a month in the page's table, as HTML."""
    numbers = ["–" if value is None else f"{value:.{digits}f}" for value in means.values()]
    cells = [("", number) for number in numbers] + [(" data-map-here", "–"), (" data-smap-here", "–")]
    cells += [("", text) for text in verdict_texts(pd.read_parquet(each.verdict))]
    said = "".join(f"<td{name}>{html.escape(cell)}</td>" for name, cell in cells)
    links = " ".join(
        f'<a href="{each.month}/{file}" aria-label="{html.escape(f"{PAGE_TEXTS[text]}, {month_text(each.month)}")}">'
        f"{html.escape(PAGE_TEXTS[text])}</a>"
        for file, text in (("map.html", "open_page"), ("report.html", "open_report"))
    )
    return f'<tr><th scope="row">{html.escape(month_text(each.month))}</th>{said}<td>{links}</td></tr>'


def verdict_texts(verdicts: pd.DataFrame) -> list[str]:
    """What `tables/verdict.csv` says of the map beside interpolated SMAP in each of `COMPARISONS`."""
    texts = []
    for comparison in COMPARISONS:
        found = verdicts[(verdicts["comparison"] == comparison)].head(1)  # the first is interpolated SMAP
        for row in found.itertuples():
            word = PAGE_TEXTS[f"verdict_{str(row.verdict).replace(' ', '_')}"]
            numbers = {"map": f"{row.rmse_map:.4f}", "smap": f"{row.rmse_reference:.4f}"}
            texts.append(PAGE_TEXTS["verdict_rmse"].format(verdict=word, **numbers) if row.rmse_map > 0 else word)
        if found.empty:
            texts.append("–")
    return texts
