"""Styles for QGIS: their scales and what their files hold."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_hex

from kilomoist.grids import M01, Window
from kilomoist.publishing.categories import Category
from kilomoist.publishing.styles import (
    MOISTURE_COLOURS,
    OTHER_COLOURS,
    Scale,
    applicability_steps,
    band_scale,
    moisture_scale,
    write_categories,
    write_scale,
    write_steps,
)
from kilomoist.rasters import read_header, read_statistics, write_raster
from kilomoist.statistics import describe


def ranges(**maps: tuple[float, float]) -> pd.DataFrame:
    rows = [(name.replace("_", " "), low, high) for name, (low, high) in maps.items()]
    return pd.DataFrame(rows, columns=["map", "p01", "p99"])


def test_colours_are_those_of_the_figures() -> None:
    for name, colours in (("YlGnBu", MOISTURE_COLOURS), ("viridis", OTHER_COLOURS)):
        drawn = [to_hex(colormaps[name](place)) for place in np.linspace(0, 1, 9)]
        for ours, theirs in zip(colours, drawn, strict=True):
            difference = np.subtract(*(list(bytes.fromhex(text[1:])) for text in (ours, theirs)))
            assert np.abs(difference.astype(int)).max() <= 2, (name, ours, theirs)


@pytest.mark.parametrize(
    ("coarse", "fine", "low", "high"),
    [
        ((0.0684, 0.2372), (0.0677, 0.2366), 0.06, 0.24),
        ((0.11, 0.19), (0.102, 0.221), 0.10, 0.23),
        ((0.121, 0.121), (0.121, 0.121), 0.12, 0.13),
        ((0.12, 0.12), (0.12, 0.12), 0.12, 0.13),
        ((0.1, 0.2), (np.nan, np.nan), 0.1, 0.2),
        ((np.nan, np.nan), (np.nan, np.nan), 0.0, 0.5),
    ],
)
def test_both_maps_have_one_scale(
    coarse: tuple[float, float], fine: tuple[float, float], low: float, high: float
) -> None:
    """The third row of the table is part of the first."""
    table = ranges(**{"9_km": coarse, "9_km_where_mapped": (0.0, 0.9), "1_km": fine})
    scale = moisture_scale(table)
    assert (scale.low, scale.high) == pytest.approx((low, high))
    assert scale.unit == " m³/m³"


def test_the_scale_is_of_the_table_that_the_map_is_written_with() -> None:
    values = np.linspace(0.1, 0.3, 101)
    table = pd.DataFrame([{"map": "9 km"} | describe(values), {"map": "1 km"} | describe(values)])
    assert (moisture_scale(table).low, moisture_scale(table).high) == (0.10, 0.30)


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        (np.linspace(290, 310, 324), "K", Scale(290, 310, OTHER_COLOURS, " K", 0)),
        (np.array([280.0, *[300.0] * 322, 320.0]), "K", Scale(296.9, 303.1, OTHER_COLOURS, " K", 1)),
        (np.array([0.1, 0.2] * 162), "1", Scale(0.1, 0.2, OTHER_COLOURS, "", 2)),
        (np.full(324, 5.0), "1", Scale(5.0, 5.01, OTHER_COLOURS, "", 2)),
        (np.full(324, np.nan), "1", Scale(0, 1, OTHER_COLOURS, "", 2)),
    ],
)
def test_a_band_is_shown_between_what_most_of_it_holds(
    tmp_path: Path, values: np.ndarray, unit: str, expected: Scale
) -> None:
    window = Window(1900, 26900, 18, 18)
    band = values.reshape(18, 18).astype(np.float32)
    write_raster(tmp_path / "band.tif", {"band": band, "other": band * 2}, M01, window, {}, {"band": unit}, True)
    scale = band_scale(read_header(tmp_path / "band.tif"), "band", read_statistics(tmp_path / "band.tif"))
    assert (scale.low, scale.high) == pytest.approx((expected.low, expected.high))
    assert (scale.unit, scale.decimals, scale.colours) == (expected.unit, expected.decimals, expected.colours)


def test_applicability_breaks_at_the_threshold() -> None:
    steps = applicability_steps(0.4)
    assert [step.end for step in steps] == [0.2, 0.4, 0.8, np.inf]
    assert [step.label.split()[0].strip(":,") for step in steps] == ["inside", "inside", "outside", "far"]
    (only,) = applicability_steps(0.0)
    assert (only.end, only.label) == (np.inf, "inside: the map uses no predictor")


def test_styles_are_xml_with_the_notes_and_the_same_bytes(tmp_path: Path) -> None:
    notes = 'soil moisture of "steppe" & others <1>'
    for _ in range(2):
        for name, write, what in (
            ("scale", write_scale, Scale(0.1, 0.2, MOISTURE_COLOURS, " m³/m³")),
            ("steps", write_steps, applicability_steps(0.4)),
            ("categories", write_categories, [Category(4, 1, "few & far", ("frozen",), (1, 2, 255))]),
        ):
            path = tmp_path / f"{name}.qml"
            before = path.read_bytes() if path.exists() else None
            write(path, what, notes)
            assert before in (None, path.read_bytes())
            root = ElementTree.parse(path).getroot()  # noqa: S314
            assert root.tag == "qgis"
            said = root.find("userNotes")
            assert said is not None
            assert said.get("value") == notes
    entry = next(ElementTree.parse(tmp_path / "categories.qml").iter("paletteEntry"))  # noqa: S314
    assert entry.attrib == {"value": "4", "color": "#0102FF", "alpha": "255", "label": "few & far; also frozen"}
    items = list(ElementTree.parse(tmp_path / "scale.qml").iter("item"))  # noqa: S314
    assert [item.get("label") for item in items][::4] == ["0.10 m³/m³", "0.15 m³/m³", "0.20 m³/m³"]
