"""Field points: every message about a bad table, values read from maps, and pixels with a value in all maps."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ismn_archives import file_name, header_values, hourly, write_archive
from pyproj import Transformer
from rasterio.transform import Affine, from_origin

from kilomoist.configuration.keys import Points
from kilomoist.errors import InputError
from kilomoist.grids import M01, M09, Window, ease_from_geographic, geographic_from_ease
from kilomoist.names import OWN_COLUMNS
from kilomoist.rasters import write_raster
from kilomoist.reporting.field_points import PointSettings, check_points, field_points, read_points
from kilomoist.reporting.matching import (
    OUTSIDE,
    UNMEASURED,
    ComparedMap,
    check_raster,
    match_points,
    point_counts,
    read_at,
)

HEADER = "id,longitude,latitude,soil_moisture\n"
CELLS = Window(210, 2990, 4, 5)
PIXELS = CELLS.refined(9)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "points.csv"


def described(**keys: Any) -> PointSettings:
    """What somebody writes under `points`, as a rule hands it over."""
    return PointSettings(**Points.model_validate(keys).reading)


def said(path: Path, text: str, encoding: str = "utf-8", **keys: Any) -> str:
    """The sentence about a CSV with this text, read with these keys under `points`."""
    path.write_text(text, encoding=encoding)
    with pytest.raises(InputError) as caught:
        read_points(path, described(**keys))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_table_is_read(table: Path) -> None:
    table.write_text(HEADER + "A1,100.5,47,0.123\nA2,-0.5,-85,0\n3,180,90,1\n", encoding="utf-8-sig")
    found = read_points(table, described())
    assert found["id"].astype(str).tolist() == ["A1", "A2", "3"]
    assert found["longitude"].tolist() == [100.5, -0.5, 180]
    assert found["latitude"].tolist() == [47, -85, 90]
    assert found["soil_moisture"].tolist() == [0.123, 0, 1]
    assert [found[name].dtype.kind for name in ("longitude", "latitude", "soil_moisture")] == ["f"] * 3


def test_further_columns_stay(table: Path) -> None:
    table.write_text("depth_cm,id,latitude,longitude,soil_moisture,notes\n5,A,47,100,0.2,wet\n")
    expected = {"depth_cm": 5, "id": "A", "latitude": 47, "longitude": 100, "soil_moisture": 0.2, "notes": "wet"}
    assert read_points(table, described()).iloc[0].to_dict() == expected


@pytest.mark.parametrize(
    ("header", "missing", "meant"),
    [
        ("id,lon,lat,soil_moisture", "longitude, latitude", "longitude: lon, latitude: lat"),
        ("id,longitude,latitude,sm", "soil_moisture", "soil_moisture: sm"),
        ("longitude,latitude,soil_moisture", "id", ""),
        (
            "ID,Longitude,Latitude,Soil_Moisture",
            "id, longitude, latitude, soil_moisture",
            "id: ID, longitude: Longitude, latitude: Latitude, soil_moisture: Soil_Moisture",
        ),
        (
            "Точка,Широта,Долгота,Влажность почвы",
            "id, longitude, latitude, soil_moisture",
            "id: Точка, longitude: Долгота, latitude: Широта, soil_moisture: Влажность почвы",
        ),
        ("id,Уртраг,Өргөрөг,soil_moisture", "longitude, latitude", "longitude: Уртраг, latitude: Өргөрөг"),
    ],
)
def test_missing_columns_are_named(table: Path, header: str, missing: str, meant: str) -> None:
    message = said(table, f"{header}\n")
    assert f"lack the column {missing}: there are {header.replace(',', ', ')}; " in message
    assert message.endswith(f"name yours in `points.columns`{', perhaps {' * bool(meant)}{meant}{'}' * bool(meant)}.")


@pytest.mark.parametrize("value", ["inf", "-inf", "1e999"])
@pytest.mark.parametrize("row", ["A,{},47,0.2", "A,100,{},0.2", "A,100,47,{}"])
def test_infinities_are_refused(table: Path, value: str, row: str) -> None:
    assert "points.csv" in said(table, HEADER + row.format(value))


def test_files_that_are_no_tables(table: Path) -> None:
    assert "cannot be read as a CSV" in said(table, "")
    assert "cannot be read as a CSV" in said(table, HEADER + "Ä,100,47,0.2\n", "latin-1"), "or Д in cp1251"
    assert "cannot be read as a CSV" in said(table, HEADER + 'A,"100,47\n')
    table.unlink()
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_points(table, described())


# Other columns, units, depths and CRS

FOREIGN = {
    "columns": {"id": "Plot", "longitude": "x", "latitude": "y", "soil_moisture": "VWC (%)", "date": "day"},
    "crs": "EPSG:32647",
    "units": "percent",
}
"""How the table of `foreign` is described."""


def foreign(**columns: Any) -> str:
    """A table in percent and UTM, with names of its own; it has further columns that are called as ours."""
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32647", always_xy=True).transform([99.0, 100.5], [47.0, 48.25])
    frame = pd.DataFrame({"Plot": ["A", "B"], "x": x, "y": y, "VWC (%)": [12.5, 100], "day": "2021-08-03", **columns})
    return frame.assign(longitude="east", id=0).to_csv(index=False)


SWAPPED = FOREIGN | {"columns": FOREIGN["columns"] | {"longitude": "y", "latitude": "x"}}  # type: ignore[operator]
PERCENT = {"units": "percent"}
NAMED = {"columns": {"id": "plot", "date": "Datum"}}  # an optional column that is named is wanted
DEPTHS = HEADER.replace("\n", ",depth_cm\n")
NUMBER, WITHIN = "expected a number with a decimal point", "cm, expected points within 0 to 5 cm; "


@pytest.mark.parametrize(
    ("text", "keys", "told"),
    [
        (HEADER, {}, "hold no row"),
        (HEADER.replace(",", ";"), {}, "hold no row"),
        (HEADER + "A,1,47,0\nB,2,47,0", {}, "soil_moisture goes from 0 to 0, .* a decimal comma may have cut"),
        (HEADER + "A,1,47,12.5\nB,2,47,31", {}, "soil_moisture goes from 12.5 to 31, expected .* in m³/m³, 0 to 1; "),
        (HEADER + "A,1,47,0.2\nB,2,47,31", {}, "it looks like percent: set `points.units` to percent"),
        (HEADER + "A,1,47,0.2\nB,2,47,-9999", {}, "^(?!.*percent).*-9999 to 0.2, .*; correct or leave out such points"),
        (HEADER + "A,1,47,0.2\nB,2,47,0.3", PERCENT, "it looks like m³/m³: set .* to m3/m3"),
        (HEADER + "A,1,47,12\nB,2,47,120", PERCENT, "12 to 120, .* water content in percent, 0 to 100; correct or"),
        (HEADER + "A,1,47,-1", PERCENT, "correct or leave out"),
        (HEADER + "A,47,100.5,0.2", {}, "A lies at longitude 47, latitude 100.5; they look swapped"),
        (HEADER + "A,653000,5230000,0.2", {}, "^(?!.*swapped).*they must be degrees"),
        (HEADER + 'A,1,47,0.2\nB,2,47,"0,2"', {}, f"soil_moisture of point B is 0,2, {NUMBER}"),
        (HEADER + "A,1,47,0.2\nB,2,47,dry", {}, f"soil_moisture of point B is dry, {NUMBER}"),
        (HEADER + "A,1,47,0.2\nB,2,47,", {}, f"soil_moisture of point B is empty, {NUMBER}"),
        (HEADER + "A,1,47,0.2\nB,2,47N,0.2", {}, f"latitude of point B is 47N, {NUMBER}"),
        (HEADER + "A,1,47,0.2\nB,,47,0.2", {}, f"longitude of point B is empty, {NUMBER}"),
        (HEADER + "A,1,47,0", NAMED, "lack the column plot, Datum: there are id, longitude, latitude, soil_moisture"),
        (HEADER.replace("\n", ",soil_moisture\n"), {}, "have the column soil_moisture more than once: keep the column"),
        (
            DEPTHS + "A,1,47,0.2,0.05\nB,2,47,0.2,0.3",
            {},
            f"depth_cm goes from 0.05 to 0.3 {WITHIN}it looks like metres",
        ),
        (DEPTHS + "A,1,47,0.2,-5\nB,2,47,0.2,-9", {}, f"depth_cm goes from -9 to -5 {WITHIN}count depths downwards"),
        (DEPTHS + "A,1,47,0.2,10\nB,2,47,0.2,30", {}, f"depth_cm goes from 10 to 30 {WITHIN}change `points.depth`"),
        (DEPTHS + "A,1,47,0.2,0-5\nB,2,47,0.2,5", {}, f"depth_cm of point A is 0-5, {NUMBER}"),
        (DEPTHS + "A,1,47,0.2,\nB,2,47,0.2,5", {}, f"depth_cm of point A is empty, {NUMBER}"),
        (foreign(), FOREIGN | {"crs": "EPSG:4326"}, "must be degrees, or in the CRS that `points.crs` names"),
        (foreign(), SWAPPED, "x and y look swapped: exchange `points.columns.longitude` and `points.columns.latitude`"),
        (
            foreign(x=[500000, 1e9]),
            FOREIGN,
            r"^(?!.*swapped).*point B lies at x 1e\+09, y .* of EPSG:32647, which is no place there; name the CRS",
        ),
        (foreign().replace("12.5", "12.5 %"), FOREIGN, r"VWC \(%\) of point A is 12.5 %, expected a number"),
        (foreign(day=["2021-08-03", "3.8."]), FOREIGN, "day of point B is 3.8., expected YYYY-MM-DD"),
    ],
)
def test_tables_that_cannot_be_right(table: Path, text: str, keys: dict[str, Any], told: str) -> None:
    assert re.search(told, said(table, text, **keys))


def test_columns_units_and_crs_of_ones_own(table: Path) -> None:
    table.write_text(foreign(notes="wet"))
    found = read_points(table, described(**FOREIGN))
    assert found["id"].tolist() == ["A", "B"]
    np.testing.assert_allclose(found["longitude"], [99, 100.5], atol=1e-8)
    np.testing.assert_allclose(found["latitude"], [47, 48.25], atol=1e-8)
    np.testing.assert_allclose(found["soil_moisture"], [0.125, 1])
    assert found["date"].tolist() == [pd.Timestamp("2021-08-03")] * 2
    assert found["notes"].tolist() == ["wet"] * 2


def test_columns_may_be_exchanged(table: Path) -> None:
    table.write_text("id,latitude,longitude,soil_moisture\nA,100,47,0.2\n")
    found = read_points(table, described(columns={"longitude": "latitude", "latitude": "longitude"}))
    assert found.loc[0, ["longitude", "latitude"]].tolist() == [100, 47]


def test_a_crs_that_is_none(table: Path) -> None:
    message = "`points.crs` is EPSG:99999, which PROJ does not know: expected a code such as EPSG:32647."
    table.write_text(foreign())
    with pytest.raises(InputError, match=message):
        read_points(table, described(**FOREIGN | {"crs": "EPSG:99999"}))


def test_depths_that_count(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = "".join(f"P{depth},100,47,0.2,{depth}\n" for depth in (0, 2.5, 5, 5.1, 10, 20))
    table.write_text(HEADER.replace("\n", ",depth_cm\n") + rows)
    with caplog.at_level(logging.INFO):
        assert read_points(table, described())["depth_cm"].tolist() == [0, 2.5, 5]
    assert "3 of 6 rows lie within 0 to 5 cm." in caplog.text
    assert read_points(table, described(depth=[5, 10]))["depth_cm"].tolist() == [5, 5.1, 10]


def test_points_without_depth_stay_and_it_is_told(table: Path, caplog: pytest.LogCaptureFixture) -> None:
    table.write_text(HEADER + "A,100,47,0.2\n")
    with caplog.at_level(logging.INFO):
        assert len(read_points(table, described())) == 1
    assert "has no column depth_cm: its points are taken as they are, of whatever depth." in caplog.text


# Dates


@pytest.mark.parametrize(
    ("month", "window", "chosen"),
    [
        ("2021-08", 0, ["P2", "P3"]),
        ("2021-08", 3, ["P1", "P2", "P3", "P4"]),
        ("2021-09", 0, ["P4", "P5"]),
        ("2021-10", 0, []),
    ],
)
def test_points_of_the_month_are_chosen(table: Path, month: str, window: int, chosen: list[str]) -> None:
    days = ("2021-07-28", "2021-07-29", "2021-08-01", "2021-08-31", "2021-09-03", "2021-09-04", "2020-08-15")
    rows = pd.DataFrame({"id": [f"P{number}" for number in range(7)], "longitude": 100, "latitude": 47, "date": days})
    rows.assign(soil_moisture=0.2).to_csv(table, index=False)
    assert field_points(table, month, described(window=window))[0]["id"].tolist() == chosen
    rows.drop(columns="date").assign(soil_moisture=0.2).to_csv(table, index=False)
    assert len(field_points(table, month, described(window=window))[0]) == 7, "without a date, of any month"


@pytest.mark.parametrize("date", ["15.08.2021", "08/15/2021", "2021-08-32", "August", "15.08.21", "2021-08-15x", ""])
def test_dates_that_are_no_dates(table: Path, date: str) -> None:
    rows = f"A,100,47,0.2,2021-08-01\nB,100,47,0.2,{date}\n"
    shown = re.escape(date or "empty")
    message = said(table, HEADER.replace("\n", ",date\n") + rows)
    assert re.search(rf"date of point B is {shown}, expected YYYY-MM-DD\.$", message)


BOXES = {"steppe": (98, 46, 101, 48), "chukotka": (178, 66, 190, 68)}


@pytest.mark.parametrize(
    ("places", "regions"),
    [
        (["100,47", "-175,67"], ["steppe", "chukotka"]),
        (["179,67"], ["chukotka"]),
        (["100,47", "10,67"], ["steppe"]),
    ],
)
def test_regions_that_hold_points_are_found(table: Path, places: list[str], regions: list[str]) -> None:
    table.write_text(HEADER + "".join(f"P{number},{place},0.2\n" for number, place in enumerate(places)))
    assert check_points(table, described(), BOXES) == regions


@pytest.mark.parametrize(
    ("rows", "boxes", "told"),
    [
        ("A,-165,67,0.2\nB,46.5,47,0.2", BOXES, r"2 points lies in any of the regions steppe, chukotka \(.*; give the"),
        # In a region where longitude and latitude are both below 90 only its box tells.
        ("A,47,60,0.2", {"a": (55, 40, 65, 50)}, "region a .*; their coordinates are swapped: exchange the two column"),
    ],
)
def test_points_beside_all_regions_are_told_before_any_job(table: Path, rows: str, boxes: Any, told: str) -> None:
    table.write_text(HEADER + rows)
    with pytest.raises(InputError, match=f"none of .*{told}"):
        check_points(table, described(), boxes)


def test_rows_of_one_point_in_the_month_are_averaged(table: Path) -> None:
    rows = [
        "A,100,47,2021-08-01,0.1",
        "B,101,47,2021-08-01,0.4",
        "A,100,47,2021-08-31,0.3",
        "A,100,47,2021-09-01,0.9",
        "B,101.5,47,2021-08-01,0.2",
        ",102,47,2021-08-01,0.2",
    ]
    table.write_text("id,longitude,latitude,date,soil_moisture\n" + "\n".join(rows))
    found, _ = field_points(table, "2021-08", described())
    assert list(found) == ["id", "longitude", "latitude", "soil_moisture", "measurements"]
    assert found["id"].tolist()[:3] == ["A", "B", "B"]
    np.testing.assert_allclose(found["soil_moisture"], [0.2, 0.4, 0.2, 0.2])
    assert found["measurements"].tolist() == [2, 1, 1, 1]
    assert field_points(table, "2021-10", described())[0].empty


@pytest.mark.parametrize("name", ["archive.zip", "archive"])
def test_points_of_an_archive(tmp_path: Path, name: str) -> None:
    path = write_archive(tmp_path / name, {file_name("A"): header_values(hourly("2021/08/01 00:00", 15 * 24, 0.3))})
    check_points(path, described(), {})
    found, _ = field_points(path, "2021-08", described())
    (row,) = found.to_dict("records")
    assert row.pop("soil_moisture") == pytest.approx(0.3)
    assert row == {"id": "NET/A", "longitude": 99, "latitude": 47.5, "measurements": 15 * 24}
    assert field_points(path, "2021-08", described(minimum_days=16))[0].empty
    assert field_points(path, "2021-07", described(window=31))[0]["measurements"].tolist() == [15 * 24]
    with pytest.raises(InputError, match="no sensor within 10–20 cm"):
        check_points(path, described(depth=[10, 20]), {})


# Values of maps


@pytest.fixture
def maps(tmp_path: Path) -> tuple[Path, Path]:
    """A 9 km and a 1 km map with gaps."""
    random, paths = np.random.default_rng(1), (tmp_path / "coarse.tif", tmp_path / "fine.tif")
    for path, grid, window in zip(paths, (M09, M01), (CELLS, PIXELS), strict=True):
        values = random.uniform(0.1, 0.3, window.shape).astype(np.float32)
        values[random.random(window.shape) < 0.2] = np.nan
        values[0, 0] = 0.25
        write_raster(path, {"soil_moisture": values}, grid, window, {})
    return paths


def points_at(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    points = at(*geographic_from_ease(x, y))
    return points.assign(id=np.arange(len(x)), soil_moisture=np.linspace(0.1, 0.3, len(x)), measurements=1)


def random_points(count: int) -> pd.DataFrame:
    """Points in and around the maps."""
    random = np.random.default_rng(2)
    x, y = M09.x_edges(CELLS)[[0, -1]], M09.y_edges(CELLS)[[0, -1]]
    return points_at(random.uniform(x[0] - 9000, x[1] + 9000, count), random.uniform(y[1] - 9000, y[0] + 9000, count))


def test_values_are_those_that_rasterio_samples(maps: tuple[Path, Path]) -> None:
    points = random_points(400)
    x, y = ease_from_geographic(points["longitude"], points["latitude"])
    for path in maps:
        with rasterio.open(path) as file:
            expected = [value[0] for value in file.sample(zip(x, y, strict=True))]
            left, bottom, right, top = file.bounds
        inside = (x >= left) & (x < right) & (y <= top) & (y > bottom)
        assert 0.2 < inside.mean() < 0.8
        found = read_at(path, points)
        np.testing.assert_array_equal(found[inside], np.array(expected)[inside])
        assert np.isnan(found[~inside]).all()


def test_corners_of_a_map(maps: tuple[Path, Path]) -> None:
    x, y = M01.x_edges(PIXELS), M01.y_edges(PIXELS)
    points = points_at(x[[0, 0, 0, -1]] + [1, -1, 1, 1], y[[0, 0, 0, -1]] + [-1, -1, 1, -1])
    found = read_at(maps[1], points)
    assert found[0] == np.float32(0.25)
    assert np.isnan(found[1:]).all()


def own(maps: tuple[Path, Path]) -> dict[str, ComparedMap]:
    """The maps by the names of their columns."""
    return {"coarse": ComparedMap(maps[0]), "fine": ComparedMap(maps[1])}


def test_pixels_have_all_values_and_means_of_their_points(maps: tuple[Path, Path]) -> None:
    points = random_points(3000).assign(measurements=np.arange(3000))
    coarse, fine = (read_at(path, points) for path in maps)
    matched = match_points(points, own(maps), "p.csv")[0]
    assert list(matched) == [*OWN_COLUMNS, "coarse", "fine"]
    both = np.isfinite(coarse) & np.isfinite(fine)
    assert 0 < both.sum() < np.isfinite(coarse).sum()
    assert matched["points"].sum() == both.sum()
    assert matched["points"].max() > 2
    assert matched["pixel"].is_unique
    counted = [int(name) for names in matched["id"] for name in names.split("; ")]
    assert sorted(counted) == np.flatnonzero(both).tolist()
    assert counted[0] == np.flatnonzero(both)[0]
    row, column = M01.locate(*ease_from_geographic(matched["longitude"], matched["latitude"]))
    assert matched["pixel"].tolist() == [f"r{r:05d}c{c:05d}" for r, c in zip(row, column, strict=True)]
    for _, pixel in matched.iterrows():
        inside = [int(name) for name in pixel["id"].split("; ")]
        assert pixel["points"] == len(inside)
        assert pixel["measurements"] == sum(inside)
        assert pixel["observed"] == pytest.approx(points["soil_moisture"].iloc[inside].mean())
        np.testing.assert_allclose(pixel["coarse"], coarse[inside])
        np.testing.assert_allclose(pixel["fine"], fine[inside])


def test_every_point_is_counted_and_those_not_used_by_reason(maps: tuple[Path, Path]) -> None:
    """Where the coarse map has no value, in a gap of the finer one, and the rest."""
    points = random_points(300)
    coarse, fine = (np.isfinite(read_at(path, points)) for path in maps)
    pixels, unmatched = match_points(points, own(maps), "p.csv")
    found = point_counts(300, 7, pixels, unmatched)
    assert (found["in"], found["out"]) == (307, (coarse & fine).sum())
    gaps = {OUTSIDE: (~coarse).sum(), "no value in a map": (coarse & ~fine).sum()}
    assert found["masked"] == {UNMEASURED: 7} | gaps
    assert min(gaps.values()) > 0
    with pytest.raises(ValueError, match="field points: 306 went in"):
        point_counts(299, 7, pixels, unmatched)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_order_of_points_changes_no_pixel(maps: tuple[Path, Path], random: Any, count: int) -> None:
    """And to give every point twice changes only the numbers of points."""
    points = random_points(count)
    order = list(range(count))
    random.shuffle(order)
    one = match_points(points, own(maps), "p.csv")[0].set_index("pixel").sort_index()
    other = match_points(points.iloc[order * 2], own(maps), "p.csv")[0].set_index("pixel").sort_index()
    unlike = ["id", "points", "measurements"]
    pd.testing.assert_frame_equal(one.drop(columns=unlike), other.drop(columns=unlike))
    assert (other["points"] == 2 * one["points"]).all()


def test_any_number_of_maps(maps: tuple[Path, Path], tmp_path: Path) -> None:
    """The run's own, of a band each, and other people's; pixels need a value in all of them."""
    points = random_points(500)
    columns = np.arange(PIXELS.columns) % 2
    bands = {"other": np.zeros(PIXELS.shape), "bilinear": np.tile(np.where(columns, 0.2, np.nan), (PIXELS.rows, 1))}
    write_raster(tmp_path / "comparison.tif", bands, M01, PIXELS, {})
    doubled = ComparedMap(str(maps[1]), scale=2, name="doubled")
    named = {**own(maps), "bilinear": ComparedMap(tmp_path / "comparison.tif", 2), "doubled": doubled}
    matched = match_points(points, named, "p.csv")[0]
    assert list(matched) == [*OWN_COLUMNS, *named]
    values = [read_at(source.path, points, source.band) for source in named.values()]
    assert matched["points"].sum() == np.isfinite(values).all(axis=0).sum()
    np.testing.assert_allclose(matched["doubled"], 2 * matched["fine"])
    assert (matched["bilinear"] == 0.2).all()


# Other people's maps

LONGITUDES = np.array([178.05, 179.95, -179.95, -178.05, 99.05, -75.05])
"""Middles of pixels of 0.1°."""


def other(path: Path, values: np.ndarray, transform: Affine, crs: str | None, **profile: Any) -> Path:
    bands = values[None] if values.ndim == 2 else values
    shape = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype}
    with rasterio.open(path, "w", driver="GTiff", transform=transform, crs=crs, **shape, **profile) as file:
        file.write(bands)
    return path


def at(longitude: Any, latitude: Any) -> pd.DataFrame:
    return pd.DataFrame({"longitude": np.asarray(longitude, float), "latitude": np.asarray(latitude, float)})


@pytest.mark.parametrize("west", [-180, 0])
def test_longitudes_from_either_meridian(tmp_path: Path, west: float) -> None:
    values = np.broadcast_to(np.arange(3600), (1800, 3600)).astype(np.int16)
    path = other(tmp_path / "global.tif", values, from_origin(west, 90, 0.1, 0.1), "EPSG:4326")
    expected = np.floor(((LONGITUDES - west) % 360) * 10)
    np.testing.assert_array_equal(read_at(path, at(LONGITUDES, np.full(6, 12.34))), expected)


@pytest.mark.parametrize("crs", ["EPSG:32647", "EPSG:6933", "+proj=sinu +R=6371007.181 +units=m"])
def test_maps_in_any_crs(tmp_path: Path, crs: str) -> None:
    random = np.random.default_rng(5)
    points = at(random.uniform(98.6, 99.4, 50), random.uniform(46.6, 47.4, 50))
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(points["longitude"], points["latitude"])
    left, top = x.min() - 400, y.max() + 400
    row, column = np.floor((top - y) / 1000).astype(int), np.floor((x - left) / 1000).astype(int)
    values = random.uniform(0, 1, (row.max() + 1, column.max() + 1)).astype(np.float32)
    path = other(tmp_path / "other.tif", values, from_origin(left, top, 1000, 1000), crs)
    np.testing.assert_array_equal(read_at(path, points), values[row, column])


def test_bands_and_nodata(tmp_path: Path) -> None:
    values = np.array([[[1, 2]], [[-9999, 250]]], np.int16)
    path = other(tmp_path / "other.tif", values, from_origin(99, 48, 1, 1), "EPSG:4326", nodata=-9999)
    points = at([99.5, 100.5, 101.5], [47.5, 47.5, 47.5])
    np.testing.assert_array_equal(read_at(path, points), [1, 2, np.nan])
    np.testing.assert_array_equal(read_at(path, points, 2), [np.nan, 250, np.nan])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("read", [check_raster, lambda path, band: read_at(path, at([99.5], [47.5]), band)])
def test_maps_that_cannot_be_read(tmp_path: Path, read: Callable[[Path, int], Any]) -> None:
    """Before any job and in it."""
    text = tmp_path / "text.tif"
    text.write_text("no raster")
    with pytest.raises(InputError, match=r"text.tif cannot be read as a raster \(.*try it with gdalinfo"):
        read(text, 1)
    values = np.zeros((2, 2), np.float32)
    path = other(tmp_path / "whole.tif", values, from_origin(99, 48, 1, 1), "EPSG:4326")
    read(path, 1)
    with pytest.raises(InputError, match=r"whole.tif has 1 bands and no band 2: correct `band`"):
        read(path, 2)
    placed, nowhere = from_origin(99, 48, 1, 1), Affine.identity()
    for name, transform, crs, told in (("a", placed, None, "has no CRS"), ("b", nowhere, "EPSG:4326", "where it lies")):
        path = other(tmp_path / f"{name}.tif", values, transform, crs)
        with pytest.raises(InputError, match=rf"{name}.tif .*{told}.*gdal_edit.py"):
            read(path, 1)


@pytest.mark.parametrize(
    ("stored", "nodata", "scale", "told"),
    [
        (25, None, 1, "goes from 25 to 25 at the points, expected soil moisture in m³/m³, 0 to 1; correct `scale`."),
        (-9999, None, 0.01, "goes from -99.99 to -99.99 at the points, .* declare its fill value as nodata"),
        (-9999, -9999, 0.01, "has no value at any of the 1 field points in the mapped region: give a raster of this"),
    ],
)
def test_maps_that_are_not_soil_moisture(
    maps: tuple[Path, Path], tmp_path: Path, stored: int, nodata: int | None, scale: float, told: str
) -> None:
    values = np.full((1, 1), stored, np.int16)
    path = other(tmp_path / "o.tif", values, from_origin(-180, 90, 360, 180), "EPSG:4326", nodata=nodata)
    middle = points_at(M01.x_centres(PIXELS)[:1], M01.y_centres(PIXELS)[:1])
    named = {**own(maps), "NASA": ComparedMap(path, scale=scale, name="NASA")}
    with pytest.raises(InputError, match=rf"`compare`: NASA \(.*o.tif, band 1\) {told}"):
        match_points(middle, named, "p.csv")
    assert match_points(middle, own(maps), "p.csv")[0]["coarse"].tolist() == [0.25]


# Points that lie elsewhere


def test_points_of_another_region(maps: tuple[Path, Path]) -> None:
    points = at([-3.7, -3.5], [40.4, 40.5]).assign(id=["A", "B"], soil_moisture=[0.1, 0.2], measurements=1)
    with pytest.raises(InputError) as caught:
        match_points(points, own(maps), "p.csv")
    assert str(caught.value) == (
        "field points p.csv: none of 2 points lies in the mapped region (they span longitude -3.7 to -3.5, "
        "latitude 40.4 to 40.5); give the points of this region."
    )


def test_points_on_gaps_alone_leave_an_empty_table(maps: tuple[Path, Path]) -> None:
    """Points that lie in the region, but where the 1 km map has no value."""
    points = random_points(300)
    coarse, fine = (read_at(path, points) for path in maps)
    gaps = points[np.isfinite(coarse) & np.isnan(fine)]
    assert len(gaps) > 3
    assert match_points(gaps, own(maps), "p.csv")[0].empty
