"""Styles by which QGIS opens a run's rasters: a `.qml` beside each, in the form that QGIS 3.22 writes.

Colours are told apart by colour-blind readers: of soil moisture YlGnBu (ColorBrewer, as in the figures), of other
numbers viridis.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex

from kilomoist.publishing.categories import Category, write_xml
from kilomoist.rasters import Header

MOISTURE_COLOURS, OTHER_COLOURS = (
    tuple(to_hex(colour).upper() for colour in colormaps[name](np.linspace(0, 1, 9))) for name in ("YlGnBu", "viridis")
)
NEAR, NEARER, FAR, FARTHER = "#E1ECF4", "#9DC3DD", "#CC79A7", "#882255"
"""Of pixels inside and outside the area of applicability."""
UNITS = {"m3 m-3": " m³/m³", "1": ""}
"""Units behind a number of the legend; of others as they are, after a space."""
_WIDEST = (0.0, 0.5)
"""m³/m³: the scale of a map without values."""


@dataclass(frozen=True)
class Scale:
    """Colours of numbers from `low` to `high`; what lies beyond has the colour of that end."""

    low: float
    high: float
    colours: Sequence[str]
    unit: str = ""
    decimals: int = 2


@dataclass(frozen=True)
class Step:
    """Colour and words for numbers up to `end`."""

    end: float
    colour: str
    label: str


def moisture_scale(ranges: pd.DataFrame) -> Scale:
    """One scale for all maps of a run: the 1st to 99th percentile of the 9 km and the 1 km map, of `tables/maps.csv`.

    As in the figures, with ends at whole hundredths of m³/m³. A fixed scale would spend most colours on values that a
    dry region never has.
    """
    shown = ranges[ranges["map"].isin(["9 km", "1 km"])]
    low, high = shown["p01"].min(), shown["p99"].max()
    if not np.isfinite([low, high]).all():
        return Scale(*_WIDEST, MOISTURE_COLOURS, UNITS["m3 m-3"])
    low = math.floor(100 * low) / 100
    return Scale(low, max(math.ceil(100 * high) / 100, low + 0.01), MOISTURE_COLOURS, UNITS["m3 m-3"])


def band_scale(header: Header, band: str, statistics: Mapping[str, float]) -> Scale:
    """Scale of a band within two standard deviations of its mean, and within its values."""
    unit = UNITS.get(header.units[band], f" {header.units[band]}")
    if not statistics:
        return Scale(0, 1, OTHER_COLOURS, unit)
    mean, around = statistics["MEAN"], 2 * statistics["STDDEV"]
    low, high = max(statistics["MINIMUM"], mean - around), min(statistics["MAXIMUM"], mean + around)
    decimals = max(0, 1 - math.floor(math.log10(high - low))) if high > low else 2
    low, high = round(low, decimals), round(high, decimals)
    return Scale(low, max(high, low + 10**-decimals), OTHER_COLOURS, unit, decimals)


def applicability_steps(threshold: float) -> list[Step]:
    """Classes of the dissimilarity index by the threshold; one where the map uses no predictor."""
    if not threshold:
        return [Step(math.inf, NEAR, "inside: the map uses no predictor")]
    half, twice = threshold / 2, threshold * 2
    return [
        Step(half, NEAR, f"inside: like the training rows (index up to {half:.2g})"),
        Step(threshold, NEARER, f"inside, nearer to the edge (up to {threshold:.2g}, the threshold)"),
        Step(twice, FAR, f"outside (up to {twice:.2g})"),
        Step(math.inf, FARTHER, f"far outside (above {twice:.2g})"),
    ]


def notes_of(tags: Mapping[str, str]) -> str:
    """Notes of a layer, which QGIS shows beside its name: what it is, and what it was made from."""
    return ". ".join(tags[name] for name in ("title", "origin", "products", "software", "references") if name in tags)


def write_scale(path: str | Path, scale: Scale, notes: str) -> None:
    """Write a style that shows band 1 by a scale, with a continuous legend."""
    places = np.linspace(scale.low, scale.high, len(scale.colours))
    items = [
        (_number(place), colour, f"{place:.{scale.decimals}f}{scale.unit}")
        for place, colour in zip(places.tolist(), scale.colours, strict=True)
    ]
    _write(path, _pseudocolour(scale, items, "INTERPOLATED"), notes)


def write_steps(path: str | Path, steps: Sequence[Step], notes: str) -> None:
    """Write a style that shows band 1 by classes."""
    items = [(_number(step.end), step.colour, step.label) for step in steps]
    # QGIS classifies from one number to another, whatever the classes' own are.
    ends = [step.end for step in steps if math.isfinite(step.end)] or [1.0]
    _write(path, _pseudocolour(Scale(0, max(ends), ()), items, "DISCRETE"), notes)


def write_categories(path: str | Path, found: Sequence[Category], notes: str) -> None:
    """Write a style that shows the categories of band 1."""
    renderer = _element("rasterrenderer", type="paletted", band=1, opacity=1, alphaBand=-1, nodataColor="")
    palette = ElementTree.SubElement(renderer, "colorPalette")
    for category in found:
        colour = "#{:02X}{:02X}{:02X}".format(*category.colour)
        palette.append(_element("paletteEntry", value=category.value, color=colour, alpha=255, label=category.label))
    _write(path, renderer, notes)


def _pseudocolour(scale: Scale, items: Sequence[tuple[str, str, str]], kind: str) -> ElementTree.Element:
    low, high = _number(scale.low), _number(scale.high)
    ends = {"classificationMin": low, "classificationMax": high}
    renderer = _element(
        "rasterrenderer", type="singlebandpseudocolor", band=1, opacity=1, alphaBand=-1, nodataColor="", **ends
    )
    shader = ElementTree.SubElement(ElementTree.SubElement(renderer, "rastershader"), "colorrampshader")
    # clip 0: beyond the ends the colours go on. Mode 1: the numbers are those that stand here.
    shader.attrib |= {"colorRampType": kind, "classificationMode": "1", "clip": "0", "labelPrecision": "4"}
    shader.attrib |= {"minimumValue": low, "maximumValue": high}
    for value, colour, label in items:
        shader.append(_element("item", value=value, color=colour, alpha=255, label=label))
    legend = _element("rampLegendSettings", useContinuousLegend=1, orientation=2, direction=0, prefix="")
    legend.attrib |= {"suffix": scale.unit, "minimumLabel": "", "maximumLabel": ""}
    form = ElementTree.SubElement(ElementTree.SubElement(legend, "numericFormat", id="basic"), "Option", type="Map")
    for name, of, value in (("decimals", "int", str(scale.decimals)), ("show_trailing_zeros", "bool", "true")):
        form.append(_element("Option", name=name, type=of, value=value))
    shader.append(legend)
    return renderer


def _write(path: str | Path, renderer: ElementTree.Element, notes: str) -> None:
    root = _element("qgis", version="3.22.0", styleCategories="Symbology|Notes")
    ElementTree.SubElement(root, "pipe").append(renderer)
    root.append(_element("userNotes", value=notes))
    write_xml(path, root, "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n")


def _element(tag: str, /, **attributes: Any) -> ElementTree.Element:
    return ElementTree.Element(tag, {key: str(value) for key, value in attributes.items()})


def _number(value: float) -> str:
    return f"{value:.9g}"
