"""Pages that a browser opens from a folder, without a server and without a network: one file, all in it."""

import html
import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize

from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE
from kilomoist.metadata import is_simulated
from kilomoist.publishing.packed import Packed
from kilomoist.reporting.figures.cartography import View
from kilomoist.texts import spoken, text, texts_of, unbroken

FACTORS = (1, 3, CELL_SIDE)
"""Pixels along a side of a square that is drawn."""
SIMPLER = 0.2
"""km: by how much an outline in a page may differ."""


def asset(name: str) -> str:
    """A text that this module carries for its pages."""
    return (files("kilomoist.publishing") / "pages_files" / name).read_text(encoding="utf-8")


def write_page(
    path: str | Path, template: str, parts: Mapping[str, str], content: Mapping[str, Any], rasters: Iterable[Packed]
) -> None:
    """Write a page: a template with all texts and further `parts` (HTML), content and rasters for its script."""
    whole = {**content, "texts": texts_of("page"), "rasters": []}
    blocks = []
    for raster in rasters:
        whole["rasters"].append(raster.about)
        blocks.append(f'<script type="text/plain" id="data-{raster.about["name"]}">{raster.text}</script>')
    # Within a script element only "<" can end or hide what follows.
    written = json.dumps(whole, ensure_ascii=False, sort_keys=True, allow_nan=False).replace("<", "\\u003c")
    said = {name: html.escape(words) for name, words in texts_of("page").items()} | {"language": spoken(), **parts}
    bundle = {"style": asset("page.css"), "script": asset("page.js"), "bundled": html.escape(asset("licences.txt"))}
    bound = {name: unbroken(words) for name, words in (said | {"content": written}).items()}
    page = Template(asset(template)).substitute(bound | bundle, rasters="\n".join(blocks))
    with replaced(path) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")


def factor_of(pixels: int, most: int) -> int:
    """Pixels along a side of the squares that are drawn, so that `pixels` make `most` squares, or as few as can be."""
    return next((factor for factor in FACTORS if pixels <= most * factor**2), FACTORS[-1])


def colours(name: str) -> str:
    """A colour map of matplotlib, 256 times `rrggbb`."""
    return mpl.colormaps[name](np.linspace(0, 1, 256), bytes=True)[:, :3].tobytes().hex()


def scale(norm: Normalize, colour_map: str, unit: str, digits: int) -> dict[str, Any]:
    """What a page knows of a scale of colours."""
    low, high = (float(f"{end:.6g}") for end in (norm.vmin, norm.vmax))
    return {"low": low, "high": high, "colours": colours(colour_map), "unit": unit, "digits": digits}


def place(view: View, transform: Any, shape: tuple[int, int], turn: float) -> dict[str, Any]:
    """Grid, projection, extent and outline of a page's map, in m; `turn` is once round the Earth."""
    rings = []
    for area in view.region.simplify(SIMPLER).explode():
        rings += [np.round(np.asarray(ring.coords)[:, :2] * 1000) for ring in (area.exterior, *area.interiors)]
    rows, columns = shape
    grid = {"left": transform.c, "top": transform.f, "side": transform.a, "rows": rows, "columns": columns}
    return {
        "grid": grid | {"turn": turn},
        # proj4 in the browser has no defaults for x_0 and y_0.
        "projection": view.projection.replace("+units=km", "+x_0=0 +y_0=0 +units=m"),
        "extent": [round(1000 * float(side)) for side in view.region.total_bounds],
        "outline": [ring.astype(int).ravel().tolist() for ring in rings],
    }


def note_of_source(source: str) -> str:
    """What a page says where its values are simulated, as HTML."""
    return f'<p class="simulated">{html.escape(text("page.simulated"))}</p>' if is_simulated(source) else ""
