"""The report of a run: what it says, as blocks that are rendered as HTML and as PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kilomoist.metadata import OWN_CITATION, SOFTWARE, citation, is_simulated
from kilomoist.names import ONE_SCALE_UP, OWN_MAPS, SCALE_UP_SUPPORT, variable_label
from kilomoist.products import PRODUCTS
from kilomoist.publishing.intervals import has_intervals, interval_note, target_error
from kilomoist.reporting.figures.coverage import main_part
from kilomoist.reporting.figures.pages import degrees_text, percent_text, signed_text
from kilomoist.reporting.verdicts import briefly, sentence
from kilomoist.texts import TEXTS, month_text, named, said, text, unbroken

SHOWN_ABSENT = 8
"""Absent granules that are named; of more their number is told."""
FIELD_MAPS = ("coarse", "bilinear", "bilinear_reconciled", "fine")
"""Maps of the field check, beside those that the user compares."""

TOLERANCE = 0.05
"""How far a coverage may be from the nominal one before the report says that intervals are wide or narrow."""


@dataclass(frozen=True)
class Block:
    """A part of the report: a heading, a paragraph, a note, a list, a table or a picture, and what belongs to it."""

    kind: str
    text: str = ""
    rows: list[list[str]] = field(default_factory=list)
    """Items of a list, each alone in its row; rows of a table, its header first."""
    words: list[int] = field(default_factory=list)
    """Columns of a table that hold words; the others hold numbers."""


@dataclass(frozen=True)
class Report:
    """Title, what is reported on, and blocks."""

    title: str
    about: str
    blocks: list[Block]


@dataclass(frozen=True)
class Run:
    """What a report tells of: a run's provenance, its map's tags, its tables by name, its figures by name.

    `interval` are the tags of interval.tif, where there is one.
    """

    provenance: Mapping[str, Any]
    tags: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, str | Path]
    interval: Mapping[str, str] | None = None

    @property
    def configuration(self) -> Mapping[str, Any]:
        return self.provenance["configuration"]

    @property
    def simulated(self) -> bool:
        return is_simulated(self.tags["source"])

    @property
    def bounded(self) -> Mapping[str, str] | None:
        """Tags of interval.tif; None where it has no value, or is not there."""
        return self.interval if self.interval and has_intervals(self.interval) else None

    @property
    def widths(self) -> tuple[float, float]:
        """Mean widths of the total and the conditional intervals at 1 km, m³/m³."""
        coverage = self.tables["coverage"]
        of_all = coverage[(coverage["group"] == "all") & (coverage["support"] != SCALE_UP_SUPPORT)]
        width = of_all.set_index("interval")["width"]
        return float(width.get("total", np.nan)), float(width.get("conditional", np.nan))

    @property
    def nominal(self) -> str:
        return f"{100 * self.configuration['map']['interval']:.0f} %"


def report_of(run: Run) -> Report:
    """The report of a run, in the language that is spoken."""
    about = f"{run.tags['region']}  ·  {month_text(run.tags['month'])}  ·  {named(run.tags['source'])}"
    parts = (
        *(_short, _question, _data, _reading, _maps, _sure, _scores, _field, _quality),
        *(_provenance, _citations),
    )
    return Report(text("report.title"), about, [_unbroken(block) for part in parts for block in part(run)])


def _unbroken(block: Block) -> Block:
    """A block whose numbers stay with their sign of percent, in one line."""
    rows = block.rows if block.kind == "picture" else [[unbroken(cell) for cell in row] for row in block.rows]
    return replace(block, text=unbroken(block.text), rows=rows)


def _heading(key: str) -> Block:
    return Block("heading", text(key))


def _paragraph(words: str) -> Block:
    return Block("paragraph", words)


def _list(items: Sequence[str]) -> Block:
    return Block("list", rows=[[item] for item in items])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Block:
    words = [column for column, cell in enumerate(rows[0]) if column == 0 or cell[:1].isalpha()] if rows else []
    return Block("table", rows=[list(header), *map(list, rows)], words=words)


def _picture(run: Run, figure: str, caption: str = "") -> list[Block]:
    if figure not in run.figures:
        return []
    return [Block("picture", caption, [[str(run.figures[figure])]])]


def _number(value: float, digits: int = 3) -> str:
    return "–" if pd.isna(value) else signed_text(value, digits)


def _width(value: float) -> str:
    return text("coverage.endless") if np.isinf(value) else _number(value)


def _short(run: Run) -> list[Block]:
    maps = run.tables["maps"].set_index("map").loc["1 km"]
    blocks = [Block("note", text("report.simulated"))] if run.simulated else []
    blocks += [
        _heading("report.short"),
        _paragraph(text("report.values", **{key: _number(maps[of]) for key, of in _RANGE.items()})),
        _paragraph(briefly(run.tables["verdict"])),
        _list([sentence(row) for row in run.tables["verdict"].to_dict("records")]),
    ]
    if run.bounded and np.isfinite(run.widths).all():
        key = "report.width" if target_error(run.bounded)[0] else "report.width.same"
        total, conditional = map(_number, run.widths)
        told = text(key, total=total, conditional=conditional, nominal=run.nominal)
        blocks.append(_paragraph(f"{told} {interval_note(run.bounded)}"))
    flagless = run.tables["quality"].set_index("flag")["share"]["no flag"]
    return [*blocks, _paragraph(text("report.flagless", share=percent_text(100 * flagless)))]


_RANGE = {"mean": "mean", "low": "p05", "high": "p95"}


def _question(run: Run) -> list[Block]:
    predictors = ", ".join(_predictor(name) for name in run.configuration["predictors"]["use"])
    return [_heading("report.question"), _paragraph(text("report.question.text", predictors=predictors))]


def _predictor(name: str) -> str:
    label = named(variable_label(name))
    return f"{text(f'predictor.{name}')} ({label})" if f"predictor.{name}" in TEXTS else label


def _data(run: Run) -> list[Block]:
    granules = run.tables["granules"]
    rows = []
    for product, own in granules.groupby("product", sort=False):
        expected, found = int(own["expected"].sum()), int(own["found"].sum())
        tiles = "–" if (own["tile"] == "global").all() else str(len(own))
        role = named(PRODUCTS[str(product)].role)
        rows.append([str(product), role, tiles, *map(str, (expected, found, expected - found))])
    expected, absent = int(granules["expected"].sum()), int((granules["expected"] - granules["found"]).sum())
    names = [f"{row.product} {name}" for row in granules.itertuples() for name in str(row.absent or "").split()]
    if absent:
        more = [text("report.more", n=len(names) - SHOWN_ABSENT)] if len(names) > SHOWN_ABSENT else []
        told = text("report.incomplete", absent=absent, expected=expected, names=", ".join(names[:SHOWN_ABSENT] + more))
    else:
        told = text("report.complete", expected=expected)
    pixels = int(run.tables["maps"].set_index("map").loc["1 km", "n"])
    header = [text(f"report.column.{key}") for key in ("product", "measures", "tiles", "expected", "found", "absent")]
    return [
        _heading("report.data"),
        _table(header, rows),
        _paragraph(f"{told} {text('report.unfilled', n=f'{pixels:,}')}"),
    ]


def _maps(run: Run) -> list[Block]:
    return [_heading("report.maps"), *_picture(run, "maps", text("report.maps.caption"))]


def _sure(run: Run) -> list[Block]:
    heading = _heading("report.sure")
    if not run.bounded:
        return [heading, _paragraph(interval_note(run.interval) if run.interval else text("report.sure.none"))]
    coverage = run.tables["coverage"].query("group == 'all'")
    at_points = run.tables.get("field_coverage", pd.DataFrame({"n": []})).query("n > 0")
    found = pd.concat([coverage, at_points.assign(support="field points")]) if len(at_points) else coverage
    rows = [
        [named(row.support), named(row.interval), f"{row.n:,}", _held(row), _width(row.width)]
        for row in found.itertuples()
    ]
    header = [text(f"report.column.{key}") for key in ("compared_with", "interval", "n", "held", "mean_width")]
    part = main_part(*run.widths)
    after = [interval_note(run.bounded), *([text(f"report.mostly.{part}")] if part in ("smap", "open") else [])]
    return [
        heading,
        _paragraph(text("report.sure.text", nominal=run.nominal)),
        _table(header, rows),
        _paragraph(" ".join(after)),
        *([_paragraph(text("report.sure.points"))] if len(at_points) else []),
    ]


def _held(row: Any) -> str:
    """Share that intervals held, and whether that is far from nominal; at points the probe's alone can be."""
    if pd.isna(row.coverage):
        return "–"
    share, beyond = percent_text(100 * row.coverage), row.coverage - row.nominal
    if abs(beyond) <= TOLERANCE or (row.support == "field points" and row.interval != "probe"):
        return share
    return text("report.wide" if beyond > 0 else "report.narrow", share=share)


def _scores(run: Run) -> list[Block]:
    own = run.tables["scores"]
    own = own[own["protocol"] == ONE_SCALE_UP]
    not_said = _paragraph(text("report.scores.not"))
    if own["rmse"].isna().all():
        why = said(str(own["note"].iloc[0]).rstrip("."))
        return [_heading("report.scores"), _paragraph(text("report.scores.none", why=why)), not_said]
    header = [text(f"report.column.{key}") for key in ("map", "n", "rmse", "r", "bias")]
    rows = [
        [named(row.label), f"{row.n:,}", _number(row.rmse, 4), _number(row.r), _number(row.bias, 4)]
        for row in own.sort_values("rmse", kind="stable").itertuples()
    ]
    absolute = run.configuration["model"]["method"] == "absolute"  # which leaves out nothing
    told = text("report.scores.text.absolute" if absolute else "report.scores.text")
    return [
        _heading("report.scores"),
        _paragraph(told),
        _table(header, rows),
        not_said,
    ]


def _field(run: Run) -> list[Block]:
    found = run.tables.get("field_validation")
    if found is None or not len(found) or not found["n"].max() > 0:
        return [_heading("report.field"), _paragraph(text("report.field.none"))]
    own = {name: key for key, name in OWN_MAPS.items()}
    shown = found[[own.get(name, "user's") in (*FIELD_MAPS, "user's") for name in found["map"]]]
    header = [text(f"report.column.{key}") for key in ("map", "n", "r_interval", "rmse", "bias")]
    rows = [
        [named(row.label), f"{row.n:,}", _r(row), _number(row.rmse, 4), _number(row.bias, 4)]
        for row in shown.itertuples()
    ]
    words = text("report.field.text", n=int(shown["n"].max()))
    return [
        _heading("report.field"),
        _paragraph(words),
        _table(header, rows),
        *_picture(run, "field_validation", text("field.title")),
    ]


def _r(row: Any) -> str:
    ends = f" ({_number(row.r_low, 2)} … {_number(row.r_high, 2)})" if pd.notna(row.r_low) else ""
    return f"{_number(row.r, 2)}{ends}"


def _quality(run: Run) -> list[Block]:
    return [_heading("report.quality"), *_picture(run, "quality", text("report.quality.caption"))]


def _reading(run: Run) -> list[Block]:
    keys = ("value", *(["interval"] if run.bounded else []), "flags", "smap", "words")
    items = [text(f"report.reading.{key}") for key in keys]
    resolution = run.tables["maps"].set_index("map").loc["1 km", "effective_resolution"]
    if np.isfinite(resolution):
        items.insert(1, text("report.reading.resolution", resolution=_number(resolution, 1)))
    return [_heading("report.reading"), _list(items)]


def _box(bbox: Sequence[float]) -> str:
    """A box in degrees, west to east and south to north."""
    west, south, east, north = bbox
    across, along = ("figure.east", "figure.west"), ("figure.north", "figure.south")
    ends = [degrees_text(value, *across) for value in (west, east)]
    ends += [degrees_text(value, *along) for value in (south, north)]
    return f"{ends[0]} – {ends[1]}, {ends[2]} – {ends[3]}"


def _provenance(run: Run) -> list[Block]:
    configuration, tags, software = run.configuration, run.tags, run.provenance["software"]
    (region,) = (region for region in configuration["regions"] if region["name"] == tags["region"])
    place = _box(region["bbox"]) if region["bbox"] else ""
    outline = region["country"] or (region["outline"] or {}).get("path")
    where = ", ".join(str(part) for part in (tags["region"], place, outline) if part)
    shown = {
        "region": where,
        "month": month_text(tags["month"]),
        "source": named(tags["source"]),
        "target": tags["target"],
        "predictors": ", ".join(_predictor(name) for name in configuration["predictors"]["use"]),
        "model": f"{configuration['model']['method']}, {named(configuration['model']['kind'].replace('_', ' '))}",
        "reconciled": said(tags.get("reconciled", "–")),
        "software": f"{SOFTWARE}; Python {software['python']}, GDAL {software['gdal']}",
        "revision": run.provenance["git_revision"] or "–",
        "files": ", ".join(sorted(Path(path).name for path in run.provenance["files"])) or "–",
    }
    rows = [[text(f"report.provenance.{key}"), value] for key, value in shown.items()]
    return [
        _heading("report.provenance"),
        Block("pairs", rows=rows),
        _paragraph(f"{text('report.provenance.more')} {text('report.counts')}"),
    ]


def _citations(run: Run) -> list[Block]:
    products = [PRODUCTS[name] for name in dict.fromkeys(run.tables["granules"]["product"])]
    licence = text("report.licence.simulated" if run.simulated else "report.licence")
    return [_heading("report.citations"), _paragraph(licence), _list([OWN_CITATION, *map(citation, products)])]
