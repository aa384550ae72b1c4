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
from kilomoist.files import read_table
from kilomoist.grids import CELL_SIDE, EASE_WIDTH
from kilomoist.names import MAP_1KM, SMAP_9KM
from kilomoist.publishing.packed import MOISTURE_STEP, digits_of, pack, steps_of
from kilomoist.publishing.pages import factor_of, note_of_source, place, scale, write_page
from kilomoist.rasters import read_raster, read_run
from kilomoist.reporting.figures.cartography import Region, colour_scale, view_of
from kilomoist.reporting.verdicts import POINTS, SCALE_UP, TRUTH
from kilomoist.texts import month_text, named, text

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
    """Write `index.html` of the months, in their order; it opens on the last."""
    view, _ = view_of(months[0].fine, region)
    with rasterio.open(months[0].fine) as raster:
        where = place(view, raster.transform, raster.shape, EASE_WIDTH)
        factor = factor_of(len(months) * raster.width * raster.height, MOST)
    maps = [tuple(read_raster(file)[0]["soil_moisture"] for file in (each.coarse, each.fine)) for each in months]
    digits = digits_of(MOISTURE_STEP)
    content = where | {"kind": "region", "points": [], "layers": [], "months": []}
    norm = colour_scale([values for both in maps for values in both])
    content["scales"] = {"soil_moisture": scale(norm, "YlGnBu", text("figure.unit"), digits)}
    rasters, rows = [], []
    for each, (coarse, fine) in zip(months, maps, strict=True):
        drawn = block_mean(fine, factor)[0] if factor > 1 else fine
        for name, label, values, side in (("map", MAP_1KM, drawn, factor), ("smap", SMAP_9KM, coarse, CELL_SIDE)):
            key = f"{name}-{each.month}"
            rasters.append(pack(key, steps_of(values, MOISTURE_STEP), MOISTURE_STEP, side))
            content["layers"].append({"key": key, "label": named(label), "scale": "soil_moisture"})
        means = means_of(coarse, fine)
        content["months"].append({"month": each.month, "title": month_text(each.month), **means})
        rows.append(_row(each, means, digits))
    run = read_run(months[0].fine)
    parts = {
        "caption": html.escape(run["region"]),
        "note": note_of_source(run["source"]),
        "last": str(len(months) - 1),
        "without_choice": "" if len(months) > 1 else "hidden",
        "averaging": html.escape(text("page.averaged", number=factor)) if factor > 1 else "",
        "map_label": html.escape(named(MAP_1KM)),
        "smap_label": html.escape(named(SMAP_9KM)),
        "rows": "\n".join(rows),
    }
    write_page(path, "region.html", parts, content, rasters)


def means_of(coarse: NDArray[np.floating], fine: NDArray[np.floating]) -> dict[str, float | None]:
    """Mean of the map over its pixels, and of SMAP over the same where it has a value; None without any."""
    _, mapped = block_mean(fine, CELL_SIDE)
    weights = np.where(np.isfinite(coarse), mapped, 0)
    values = fine[np.isfinite(fine)]
    return {
        "map_mean": round(float(values.mean(dtype=float)), 6) if values.size else None,
        "smap_mean": round(float(np.average(np.nan_to_num(coarse), weights=weights)), 6) if weights.any() else None,
    }


def _row(each: MonthFiles, means: dict[str, float | None], digits: int) -> str:
    """Row of a month in the page's table, as HTML."""
    numbers = ["–" if value is None else f"{value:.{digits}f}" for value in means.values()]
    cells = [("", number) for number in numbers] + [(" data-map-here", "–"), (" data-smap-here", "–")]
    cells += [("", said) for said in verdict_texts(read_table(each.verdict))]
    said = "".join(f"<td{name}>{html.escape(cell)}</td>" for name, cell in cells)
    links = [
        _link(each.month, "map.html", text("page.open_page")),
        _link(each.month, "report.html", text("page.open_report")),
    ]
    return f'<tr><th scope="row">{html.escape(month_text(each.month))}</th>{said}<td>{" ".join(links)}</td></tr>'


def _link(month: str, file: str, label: str) -> str:
    """A link to a month's file, which says the month to who does not see its row."""
    named_for = html.escape(f"{label}, {month_text(month)}")
    return f'<a href="{month}/{file}" aria-label="{named_for}">{html.escape(label)}</a>'


def verdict_texts(verdicts: pd.DataFrame) -> list[str]:
    """What `tables/verdict.csv` says of the map beside interpolated SMAP in each of `COMPARISONS`."""
    texts = []
    for comparison in COMPARISONS:
        found = verdicts[(verdicts["comparison"] == comparison)].head(1)  # the first is interpolated SMAP
        for row in found.itertuples():
            word = named(str(row.verdict))
            numbers = f" ({row.rmse_map:.4f} / {row.rmse_reference:.4f})" if row.rmse_map > 0 else ""
            texts.append(word + numbers)
        if found.empty:
            texts.append("–")
    return texts
