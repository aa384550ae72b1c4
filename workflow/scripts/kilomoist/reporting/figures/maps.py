"""Both maps side by side (figure 5 of the study)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from kilomoist.names import MAP_1KM, SMAP_9KM
from kilomoist.reporting.figures.cartography import Bounds, Region, colour_scale, draw_map, read_view, view_of
from kilomoist.reporting.figures.pages import INK, MISSING, label_of, new_page
from kilomoist.texts import named, said, text

ZOOM_SIDE = 100.0
"""Shorter side of the enlarged window in km; at most a third of the region's."""


def draw_both_maps(
    path: str | Path,
    coarse: str | Path,
    fine: str | Path,
    caption: str,
    region: Region,
    resolution: float = np.nan,
    verdict: str = "",
) -> Figure:
    """Both maps side by side, whole and enlarged, with one colour scale (figure 5 of the study).

    Reads band 1 (m³/m³, NaN where there is no value) of `soil_moisture_9km.tif` and `soil_moisture.tif`. `resolution`
    is the effective one of the latter (km; NaN: not known), `verdict` a line on what the map is worth.
    """
    whole, tags = view_of(fine, region)
    views = [(whole, read_view(source, whole)) for source in (coarse, fine)]
    scale = colour_scale([values for _, values in views])
    note = made_by(tags) + text("maps.colours")
    if np.isfinite(resolution):
        note = f"{text('maps.resolution', map=named(MAP_1KM), resolution=f'{resolution:.1f}')} {note}"
    note = f"{verdict}\n{note}" if verdict else note
    zoom = _most_varied(views[1][1], whole.bounds)
    if zoom:
        part = replace(whole, bounds=zoom)
        views += [(part, read_view(source, part)) for source in (coarse, fine)]
        note += f"  {text('maps.zoom')}"
    names = [f"{named(name)}{part}" for part in ("", text("maps.enlarged")) for name in (SMAP_9KM, MAP_1KM)]
    titles = [f"{letter}   {name}" for letter, name in zip("abcd", names, strict=True)]

    width, height = whole.inches(4.4)
    size = 2 * width + 2.2, 1.5 + (height + 0.6) * (len(views) // 2)
    with new_page(path, text("maps.title"), caption, note, size) as page:
        panels = page.subplots(len(views) // 2, 2, squeeze=False)
        for axes, title, (view, values) in zip(panels.flat, titles, views, strict=False):
            image = draw_map(axes, values, view, scale)
            axes.set_title(title)
        for axes in panels[:, 1]:
            axes.tick_params(labelleft=False)
        if zoom:
            for axes in panels[0]:
                frame = Rectangle(zoom[:2], zoom[2] - zoom[0], zoom[3] - zoom[1], fill=False, color=INK, linewidth=1.4)
                frame.set_path_effects([withStroke(linewidth=3, foreground="white")])
                axes.add_patch(frame)
        label = f"{text('figure.soil_moisture')} ({text('figure.unit')})"
        page.colorbar(image, ax=panels, label=label, extend="both", extendfrac=0.04, shrink=0.8, aspect=30)
        handles = [
            Patch(color=MISSING, label=named("no value")),
            Line2D([], [], color=INK, linewidth=1, label=text("maps.region")),
        ]
        page.legend(handles=handles, loc="outside lower center", ncols=2)
    return page


def made_by(tags: Mapping[str, str]) -> str:
    """Method of a map and how it is reconciled, as far as its tags say, on a line of its own."""
    if "method" not in tags:
        return ""
    known = tags.get("reconciled", "")
    reconciled = f", {text('maps.reconciled', how=said(known))}" if known else ""
    if known in ("yes", "no"):
        reconciled = f", {text(f'maps.reconciled.{known}')}"
    note = said(tags.get("note", ""))
    note = f".  {note[0].upper()}{note[1:]}" if note else ""
    return f"{text('maps.method', method=tags['method'])}, {label_of(tags.get('model', ''))}{reconciled}{note}.\n"


def _most_varied(values: NDArray[np.float32], bounds: Bounds) -> Bounds | None:
    """Bounds of the well-filled window of the map's shape with the largest standard deviation; None without a value."""
    left, bottom, right, top = bounds
    parts = max(3.0, min(right - left, top - bottom) / ZOOM_SIDE)
    rows, columns = (max(int(side / parts), 1) for side in values.shape)
    down, across = values.shape[0] // rows, values.shape[1] // columns
    windows = values[: down * rows, : across * columns].reshape(down, rows, across, columns)
    count = np.isfinite(windows).sum((1, 3), keepdims=True)
    filled = count[:, 0, :, 0] / (rows * columns)
    if not filled.any():
        return None
    mean = np.nansum(windows, axis=(1, 3), keepdims=True) / np.maximum(count, 1)
    spread = np.where(filled >= 0.9 * filled.max(), np.nansum((windows - mean) ** 2, axis=(1, 3)), -1)
    row, column = np.unravel_index(np.argmax(spread), spread.shape)
    pixel = (right - left) / values.shape[1]
    west, north = left + column * columns * pixel, top - row * rows * pixel
    return west, north - rows * pixel, west + columns * pixel, north
