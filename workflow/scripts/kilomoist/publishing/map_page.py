"""`map.html`: SMAP and the map under a divider, with all that is known of a pixel."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from kilomoist.cells import block_mean, repeated
from kilomoist.files import read_table
from kilomoist.grids import CELL_SIDE, EASE_WIDTH
from kilomoist.mapping.flags import most_severe, severity_colours
from kilomoist.names import MAP_1KM, SMAP_9KM, variable_label
from kilomoist.publishing.packed import MOISTURE_STEP, Packed, digits_of, pack, round_step, steps_of
from kilomoist.publishing.pages import factor_of, note_of_source, place, scale, write_page
from kilomoist.quality_flags import FLAGS, NO_FLAG, SEVERITY
from kilomoist.rasters import read_raster, read_run
from kilomoist.reporting.figures.cartography import Region, colour_scale, view_of
from kilomoist.reporting.figures.pages import read_caption
from kilomoist.reporting.verdicts import briefly, sentence
from kilomoist.texts import named, text

MOST = 4_000_000
"""Squares of one layer in a page: a page of 15 MB holds about as many of all layers; Mongolia has 2.9 million."""

WIDTH_STEP = 0.001
"""m³/m³: of the conditional interval's width, which is told alone: its two ends would make a page a sixth larger."""


@dataclass(frozen=True)
class MappedRun:
    """Files of a run that its page shows; without interval or field points None."""

    coarse: str | Path
    fine: str | Path
    quality: str | Path
    predictors: str | Path
    verdict: str | Path
    interval: str | Path | None = None
    points: str | Path | None = None


@dataclass
class _Contents:
    """What a page shows, layer by layer in the order of its menus."""

    factor: int
    """Pixels along a side of the squares that are drawn."""
    layers: list[dict[str, str]] = field(default_factory=list)
    rasters: list[Packed] = field(default_factory=list)
    scales: dict[str, dict[str, Any]] = field(default_factory=dict)


def compose_map_page(
    path: str | Path, run: MappedRun, region: Region, use: Sequence[str], products: Sequence[str]
) -> None:
    """Write `map.html`: `use` are the predictors that are shown, `products` what the map is made from."""
    view, tags = view_of(run.fine, region)
    with rasterio.open(run.fine) as raster:
        where = place(view, raster.transform, raster.shape, EASE_WIDTH)
        contents = _Contents(factor_of(raster.width * raster.height, MOST))
    _add_moisture(contents, run)
    flags = _add_flags(contents, run.quality, tags.get("reconciled") != "no")
    _add_predictors(contents, run.predictors, use)
    content = where | {"kind": "map", "layers": contents.layers, "scales": contents.scales, "flags": flags}
    content["points"] = field_points(run.points) if run.points else []
    if run.interval:
        content["interval"] = text("page.interval", percent=_percent_of(run.interval))
    averaged = text("page.averaged_pixels", number=contents.factor) if contents.factor > 1 else ""
    parts = _parts(run, content, products) | {"averaging": html.escape(averaged)}
    write_page(path, "map.html", parts, content, contents.rasters)


def _squares(path: str | Path, band: str, factor: int) -> NDArray[np.floating]:
    """Means of a band over the squares that are drawn."""
    values = read_raster(path, (band,))[0][band]
    return block_mean(values, factor)[0] if factor > 1 else values


def flags_of_squares(flags: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Flags of `factor` × `factor` pixels: those that any pixel with a value has; no value, where none has one."""
    rows, columns = flags.shape
    squares = flags.reshape(rows // factor, factor, columns // factor, factor)
    empty = np.uint8(1 << FLAGS["no_value"].bit)
    any_flag = np.bitwise_or.reduce(squares, axis=(1, 3)) & ~empty
    return any_flag | (np.bitwise_and.reduce(squares, axis=(1, 3)) & empty)


def _add_moisture(contents: _Contents, run: MappedRun) -> None:
    """Add map, SMAP, their difference and the width of the interval."""
    factor = contents.factor
    coarse, fine = read_raster(run.coarse)[0]["soil_moisture"], _squares(run.fine, "soil_moisture", factor)
    steps = steps_of(fine, MOISTURE_STEP)
    digits = digits_of(MOISTURE_STEP)
    contents.rasters += [
        _read_out(pack("map", steps, MOISTURE_STEP, factor)),
        _read_out(pack("smap", steps_of(coarse, MOISTURE_STEP), MOISTURE_STEP, CELL_SIDE)),
    ]
    contents.layers += [
        _layer("smap", named(SMAP_9KM), "soil_moisture"),
        _layer("map", named(MAP_1KM), "soil_moisture"),
    ]
    contents.scales["soil_moisture"] = scale(colour_scale([coarse, fine]), "YlGnBu", text("figure.unit"), digits)
    difference = fine - repeated(coarse, CELL_SIDE // factor)
    contents.layers.append(_layer("difference", text("page.layer_difference"), "difference"))
    contents.scales["difference"] = scale(around_zero(difference), "RdBu", text("figure.unit"), digits)
    if run.interval:
        names = ("lower", "upper", "conditional_lower", "conditional_upper")
        bands = {name: _squares(run.interval, name, factor) for name in names}
        below, above = steps - steps_of(bands["lower"], MOISTURE_STEP), steps_of(bands["upper"], MOISTURE_STEP) - steps
        contents.rasters += [
            _read_out(pack(name, ends, MOISTURE_STEP, factor, smooth=False))
            for name, ends in (("below", below), ("above", above))
        ]
        contents.layers.append(_layer("width", text("page.layer_width"), "width"))
        width = bands["upper"] - bands["lower"]
        contents.scales["width"] = scale(colour_scale([width]), "YlOrBr", text("figure.unit"), digits)
        conditional = bands["conditional_upper"] - bands["conditional_lower"]
        if np.nan_to_num(width - conditional).max(initial=0) > WIDTH_STEP:  # with an error of SMAP's own
            steps = steps_of(conditional, WIDTH_STEP)
            contents.rasters.append(_read_out(pack("conditional", steps, WIDTH_STEP, factor, smooth=False)))


def _add_flags(contents: _Contents, quality: str | Path, reconciled: bool) -> dict[str, Any]:
    """Add the flags; returns their words, and the class, by the most severe one, of each value of `quality.tif`."""
    flags = flags_of_squares(read_raster(quality)[0]["quality"], contents.factor)
    contents.rasters.append(_read_out(pack("flags", flags.astype(float), 1.0, contents.factor)))
    contents.layers.append(_layer("flags", text("page.layer_flags")))
    classes = most_severe(reconciled)
    present = set(np.unique(classes[np.unique(flags)]).tolist())
    names = [named(name) for name in (*(FLAGS[name].meaning for name in SEVERITY), NO_FLAG)]
    shown = [
        {"label": name, "colour": colour[1:], "present": number in present}
        for number, (name, colour) in enumerate(zip(names, severity_colours(), strict=True))
    ]
    shown[SEVERITY.index("no_value")]["colour"] = None  # the grey of the region lies below
    words = [named(flag.meaning) for flag in sorted(FLAGS.values(), key=lambda flag: flag.bit)]
    return {"bits": words, "none": named(NO_FLAG), "classes": shown, "class_of": classes.tolist()}


def _add_predictors(contents: _Contents, predictors: str | Path, use: Sequence[str]) -> None:
    """Add the predictors in use; they are looked at, so that 250 steps are enough."""
    with rasterio.open(predictors) as raster:
        units = dict(zip(raster.descriptions, raster.units, strict=True))
    for name in use:
        values = _squares(predictors, name, contents.factor)
        step, unit = round_step(values), units[name] or ""
        key = f"predictor-{name}"
        contents.rasters.append(pack(key, steps_of(values, step), step, contents.factor))
        contents.layers.append(_layer(key, named(variable_label(name)), key))
        norm = colour_scale([values], 10 * step)
        contents.scales[key] = scale(norm, "viridis", "" if unit == "1" else unit, digits_of(step))


def _layer(key: str, label: str, scale: str = "") -> dict[str, str]:
    return {"key": key, "label": label} | ({"scale": scale} if scale else {})


def _read_out(packed: Packed) -> Packed:
    """The same, of what is told at the cursor whatever is drawn."""
    return Packed(packed.about | {"readout": True}, packed.text)


def around_zero(values: NDArray[np.floating]) -> Normalize:
    """Scale of colours as far below zero as above it: the 98th percentile of the magnitudes, 0.005 m³/m³ at least."""
    finite = np.abs(values[np.isfinite(values)])
    reach = max(float(np.percentile(finite, 98)) if finite.size else 0.0, 0.005)
    return Normalize(-reach, reach)


def field_points(path: str | Path) -> list[dict[str, Any]]:
    """Matched field points of `tables/field_points.csv`: a pixel each."""
    table = read_table(path)[["id", "longitude", "latitude", "observed"]].astype({"id": str})
    return [
        {
            "id": row.id,
            "longitude": round(row.longitude, 6),
            "latitude": round(row.latitude, 6),
            "value": round(row.observed, 4),
        }
        for row in table.itertuples()
    ]


def _percent_of(interval: str | Path) -> str:
    with rasterio.open(interval) as raster:
        return f"{100 * float(raster.tags()['interval']):g}"


def _parts(run: MappedRun, content: Mapping[str, Any], products: Sequence[str]) -> dict[str, str]:
    """Parts of the template that depend on the run, as HTML."""
    table = read_table(run.verdict)
    verdicts: Any = table.to_dict("records")
    made_from = text("page.made_from", products=", ".join(products))
    return {
        "caption": html.escape(read_caption(run.fine)),
        "note": note_of_source(read_run(run.fine)["source"]),
        "sources": html.escape(made_from),
        "brief": html.escape(briefly(table)),
        "verdicts": "\n".join(f"<li>{html.escape(sentence(row))}</li>" for row in verdicts),
        "without_interval": "" if run.interval else "hidden",
        "without_points": "" if content["points"] else "hidden",
    }
