"""Means over zones, by hand, on pixels of which each has its own number."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from small_runs import ACROSS, CELLS, flags, moisture, write_run
from workflow_runs import ROOT

from kilomoist.exporting.bands import RunBands, read_bands
from kilomoist.exporting.zones import zone_features, zone_table
from kilomoist.grids import M01, Window, geographic_from_ease
from kilomoist.outlines import Zones


def opened(folder: Path) -> RunBands:
    names = ("soil_moisture", "soil_moisture_9km", "quality")
    return read_bands(*(folder / f"{name}.tif" for name in names), [folder / "interval.tif"])


@pytest.fixture
def run(tmp_path: Path) -> RunBands:
    return opened(write_run(tmp_path))


def box(pixels: Window, west: float, north: float, east: float, south: float) -> shapely.Geometry:
    """A box in degrees whose sides lie so many pixels from the corner of a window."""
    left, top = M01.x_edges(pixels)[0], M01.y_edges(pixels)[0]
    x, y = left + np.array([west, east]) * M01.side, top - np.array([south, north]) * M01.side
    (start, end), (low, high) = geographic_from_ease(x, y)
    return shapely.box(start, low, end + 360 * (end < start), high)


def zones(**areas: shapely.Geometry) -> Zones:
    return Zones(list(areas), list(areas.values()), ())


def mean(values: NDArray, weights: NDArray) -> float:
    known = np.isfinite(values) & (weights > 0)
    return float(np.average(values[known].astype(float), weights=weights[known]))


def test_a_mean_weighs_pixels_by_what_they_share(run: RunBands) -> None:
    """Four columns and a half, from the middle of a row on."""
    pixels = CELLS.refined(9)
    weights = np.zeros(pixels.shape)
    weights[4:10, 5:9], weights[4:10, 9] = 1, 0.5
    weights[4] *= 0.5
    row = zone_table(zones(half=box(pixels, 5, 4.5, 9.5, 10)), run).iloc[0]
    assert row["pixels"] == pytest.approx(4.5 * 5.5, abs=0.1)
    assert row["area_km2"] == pytest.approx(4.5 * 5.5 * M01.side**2 / 1e6, rel=1e-3)
    assert row["covered"] == 1
    assert row["soil_moisture"] == pytest.approx(mean(moisture(), weights), abs=1e-4)
    assert row["lower_mean"] == pytest.approx(row["soil_moisture"] - 0.03, abs=1e-4)
    assert row["upper_mean"] == pytest.approx(row["soil_moisture"] + 0.05, abs=1e-4)
    cells = np.nanmean(moisture().reshape(3, 9, 4, 9), axis=(1, 3))
    assert row["soil_moisture_9km"] == pytest.approx(mean(np.kron(cells, np.ones((9, 9))), weights), abs=1e-4)
    assert row["share_few_observations"] == 1
    assert row["share_frozen"] == 0


def test_pixels_without_a_value_do_not_count(run: RunBands) -> None:
    row = zone_table(zones(corner=box(CELLS.refined(9), 0, 0, 4, 2)), run).iloc[0]
    assert (row["pixels"], row["covered"]) == (4, 0.5)
    assert row["soil_moisture"] == pytest.approx(moisture()[:2, 2:4].mean(), abs=1e-4)
    assert row["share_frozen"] == 0.5
    assert row["share_few_observations"] == 1
    assert "share_no_value" not in row


def test_zones_beyond_the_map_have_a_row(run: RunBands) -> None:
    pixels = CELLS.refined(9)
    table = zone_table(zones(out=box(pixels, 200, 0, 210, 5), over=box(pixels, 26, 0, 46, 5)), run)
    assert table["zone"].tolist() == ["out", "over"]
    assert table["pixels"].tolist() == [0, 50]
    assert table["covered"].tolist() == [0, 0.5]
    assert np.isnan(table["soil_moisture"][0])


def test_a_map_without_zones_has_rows_without_values(run: RunBands) -> None:
    """Of a region in which none of the user's zones lies."""
    far = zones(out=box(CELLS.refined(9), 200, 0, 210, 5), antipode=shapely.box(-100, -40, -99, -39))
    table = zone_table(far, run)
    assert table["zone"].tolist() == ["out", "antipode"]
    assert table["pixels"].tolist() == [0, 0]
    assert table["soil_moisture"].isna().all()
    assert zone_features(far, table)["features"][1]["properties"]["soil_moisture"] is None


def test_zones_across_180_degrees(tmp_path: Path) -> None:
    pixels = ACROSS.refined(9)
    run = opened(write_run(tmp_path, cells=ACROSS))
    whole = box(pixels, 0, 0, pixels.columns, pixels.rows)
    assert whole.bounds[0] < 180 < whole.bounds[2]
    west = box(pixels, 19, 0, 36, 27)
    assert west.bounds[0] < -179
    table = zone_table(zones(whole=whole, west=west), run)
    assert table["covered"].tolist() == pytest.approx([1 - 4 / (27 * 36), 1], abs=1e-4)
    np.testing.assert_allclose(
        table["soil_moisture"], [np.nanmean(moisture(ACROSS)), moisture(ACROSS)[:, 19:].mean()], atol=1e-4
    )


def test_features_are_geojson_with_the_values(run: RunBands) -> None:
    pixels = CELLS.refined(9)
    areas = zones(Архангай=box(pixels, 2, 2, 9, 9), out=box(pixels, 200, 0, 210, 5))
    found = zone_features(areas, zone_table(areas, run))
    first, second = json.loads(json.dumps(found, allow_nan=False))["features"]
    assert first["properties"]["zone"] == "Архангай"
    assert first["properties"]["soil_moisture"] == pytest.approx(moisture()[2:9, 2:9].mean(), abs=1e-4)
    assert second["properties"]["soil_moisture"] is None
    assert shapely.geometry.shape(first["geometry"]).bounds == pytest.approx(areas.areas[0].bounds, abs=1e-5)


def test_flags_are_counted_as_they_are(run: RunBands) -> None:
    np.testing.assert_array_equal(run.quality, flags())


def test_the_documentation_explains_every_column(run: RunBands) -> None:
    table = zone_table(zones(whole=box(CELLS.refined(9), 0, 0, 9, 9)), run)
    text = (ROOT / "docs/exports.md").read_text(encoding="utf-8")
    explained = {
        name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall("`(.+?)`", row)
    }
    assert {"share_…" if name.startswith("share_") else name for name in table} <= explained
