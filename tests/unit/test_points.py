"""Field points: every message about a bad table, and values read from maps."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio

from kilomoist.errors import InputError
from kilomoist.grids import M01, M09, Window, ease_from_geographic, geographic_from_ease
from kilomoist.points import match_points, points_of_month, read_at, read_points
from kilomoist.rasters import write_raster

HEADER = "id,longitude,latitude,soil_moisture\n"
CELLS = Window(210, 2990, 4, 5)
PIXELS = CELLS.refined(9)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "points.csv"


def said(path: Path, text: str, encoding: str = "utf-8") -> str:
    """The sentence about a CSV with this text."""
    path.write_text(text, encoding=encoding)
    with pytest.raises(InputError) as caught:
        read_points(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_table_is_read(table: Path) -> None:
    table.write_text(HEADER + "A1,100.5,47,0.123\nA2,-0.5,-85,0\n3,180,90,1\n", encoding="utf-8-sig")
    found = read_points(table)
    assert found["id"].astype(str).tolist() == ["A1", "A2", "3"]
    assert found["longitude"].tolist() == [100.5, -0.5, 180]
    assert found["latitude"].tolist() == [47, -85, 90]
    assert found["soil_moisture"].tolist() == [0.123, 0, 1]
    assert [found[name].dtype.kind for name in ("longitude", "latitude", "soil_moisture")] == ["f"] * 3


def test_further_columns_stay(table: Path) -> None:
    table.write_text("depth_cm,id,latitude,longitude,soil_moisture,notes\n5,A,47,100,0.2,wet\n")
    assert read_points(table).iloc[0].to_dict() == {
        "depth_cm": 5,
        "id": "A",
        "latitude": 47.0,
        "longitude": 100.0,
        "soil_moisture": 0.2,
        "notes": "wet",
    }


def test_percent_is_refused(table: Path) -> None:
    message = said(table, HEADER + "A,100,47,12.5\nB,101,47,31\n")
    assert "soil_moisture goes from 12.5 to 31, expected volumetric water content in m³/m³, 0 to 1" in message
    assert "it looks like percent: divide by 100" in message


def test_one_point_in_percent_is_refused(table: Path) -> None:
    assert "it looks like percent" in said(table, HEADER + "A,100,47,0.2\nB,101,47,31\n")


def test_fill_values_are_refused_and_not_called_percent(table: Path) -> None:
    message = said(table, HEADER + "A,100,47,0.2\nB,101,47,-9999\n")
    assert "soil_moisture goes from -9999 to 0.2" in message
    assert "correct or leave out such points" in message
    assert "percent" not in message


def test_swapped_coordinates_beyond_the_pole_are_refused(table: Path) -> None:
    message = said(table, HEADER + "A,47,100.5,0.2\n")
    assert "point A lies at longitude 47, latitude 100.5; they look swapped" in message


def test_coordinates_in_metres_are_refused(table: Path) -> None:
    message = said(table, HEADER + "A,653000,5230000,0.2\n")
    assert "they must be degrees" in message
    assert "swapped" not in message


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("id,lon,lat,soil_moisture", "longitude, latitude"),
        ("id,longitude,latitude,sm", "soil_moisture"),
        ("longitude,latitude,soil_moisture", "id"),
        ("id;longitude;latitude;soil_moisture", "id, longitude, latitude, soil_moisture"),
        ("ID,Longitude,Latitude,Soil_Moisture", "id, longitude, latitude, soil_moisture"),
    ],
)
def test_missing_columns_are_named(table: Path, header: str, missing: str) -> None:
    message = said(table, f"{header}\n")
    assert (
        f"lack the column {missing}: needed are id, longitude, latitude, soil_moisture, separated by commas, there are "
        in message
    )


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ('B,100,47,"0,2"', "soil_moisture", "0,2"),
        ("B,100,47,dry", "soil_moisture", "dry"),
        ("B,100,47,", "soil_moisture", "empty"),
        ("B,100,47N,0.2", "latitude", "47N"),
        ("B,,47,0.2", "longitude", "empty"),
    ],
)
def test_text_in_place_of_numbers_is_named(table: Path, row: str, column: str, value: str) -> None:
    message = said(table, HEADER + f"A,100,47,0.2\n{row}\n")
    assert f"{column} of point B is " in message
    assert value in message
    assert "expected a number with a decimal point" in message


@pytest.mark.parametrize("value", ["inf", "-inf", "1e999"])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_infinities_are_refused(table: Path, value: str, place: int) -> None:
    row = ["A", "100", "47", "0.2"]
    row[place] = value
    assert "points.csv" in said(table, HEADER + ",".join(row) + "\n")


def test_a_table_without_rows(table: Path) -> None:
    assert "hold no row" in said(table, HEADER)


def test_files_that_are_no_tables(table: Path) -> None:
    assert "cannot be read as a CSV" in said(table, "")
    assert "cannot be read as a CSV" in said(table, HEADER + "Ä,100,47,0.2\n", "latin-1")
    assert "cannot be read as a CSV" in said(table, HEADER + 'A,"100,47\n')
    table.unlink()
    with pytest.raises(InputError, match="cannot be read as a CSV"):
        read_points(table)


# Dates


def dated(*dates: str) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"P{number}" for number in range(len(dates))], "date": dates})


def test_points_of_the_month_are_chosen() -> None:
    points = dated("2021-07-31", "2021-08-01", "2021-08-31", "2021-09-01", "2020-08-15")
    assert points_of_month(points, "2021-08", "p.csv")["id"].tolist() == ["P1", "P2"]
    assert points_of_month(points, "2021-09", "p.csv")["id"].tolist() == ["P3"]


def test_points_without_date_are_of_any_month() -> None:
    points = pd.DataFrame({"id": ["A", "B"]})
    assert len(points_of_month(points, "2021-08", "p.csv")) == 2


def test_no_point_in_the_month() -> None:
    assert points_of_month(dated("2021-09-01", "2020-01-02"), "2021-08", "p.csv").empty


@pytest.mark.parametrize("date", ["15.08.2021", "08/15/2021", "2021-08-32", "August", "2021-08-15T10:00", ""])
def test_dates_that_are_no_dates(date: str) -> None:
    with pytest.raises(InputError, match=r"p.csv: date of point P1 is .*, expected YYYY-MM-DD"):
        points_of_month(dated("2021-08-01", date), "2021-08", "p.csv")


# Values of maps


@pytest.fixture
def maps(tmp_path: Path) -> tuple[Path, Path]:
    """A 9 km and a 1 km map with gaps."""
    random = np.random.default_rng(1)
    paths = tmp_path / "coarse.tif", tmp_path / "fine.tif"
    for path, grid, window in zip(paths, (M09, M01), (CELLS, PIXELS), strict=True):
        values = random.uniform(0.1, 0.3, window.shape).astype(np.float32)
        values[random.random(window.shape) < 0.2] = np.nan
        values[0, 0] = 0.25
        write_raster(path, {"soil_moisture": values}, grid, window, {})
    return paths


def points_at(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    longitude, latitude = geographic_from_ease(x, y)
    return pd.DataFrame(
        {
            "id": np.arange(len(x)),
            "longitude": longitude,
            "latitude": latitude,
            "soil_moisture": np.linspace(0.1, 0.3, len(x)),
        }
    )


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
    points = points_at(
        np.array([x[0] + 1, x[0] - 1, x[0] + 1, x[-1] + 1]), np.array([y[0] - 1, y[0] - 1, y[0] + 1, y[-1] - 1])
    )
    found = read_at(maps[1], points)
    assert found[0] == np.float32(0.25)
    assert np.isnan(found[1:]).all()


def test_matched_points_have_both_values(maps: tuple[Path, Path]) -> None:
    points = random_points(300)
    coarse, fine = (read_at(path, points) for path in maps)
    matched = match_points(points, *maps, "p.csv")
    assert list(matched) == ["id", "longitude", "latitude", "observed", "coarse", "fine"]
    both = np.isfinite(coarse) & np.isfinite(fine)
    assert 0 < both.sum() < np.isfinite(coarse).sum()
    assert matched["id"].tolist() == points.loc[both, "id"].astype(str).tolist()
    np.testing.assert_array_equal(matched["observed"], points["soil_moisture"][both])
    np.testing.assert_array_equal(matched["coarse"], coarse[both])
    np.testing.assert_array_equal(matched["fine"], fine[both])


def test_points_of_another_region(maps: tuple[Path, Path]) -> None:
    points = pd.DataFrame(
        {"id": ["A", "B"], "longitude": [-3.7, -3.5], "latitude": [40.4, 40.5], "soil_moisture": [0.1, 0.2]}
    )
    with pytest.raises(InputError) as caught:
        match_points(points, *maps, "p.csv")
    assert str(caught.value) == (
        "field points p.csv: none of 2 points lies in the mapped region (they span longitude -3.7 to -3.5, "
        "latitude 40.4 to 40.5); give the points of this region."
    )


def test_swapped_points_that_could_be_degrees(tmp_path: Path) -> None:
    """In a region where longitude and latitude are both below 90 only the map tells."""
    row, column = (int(index) for index in M09.locate(*ease_from_geographic(70.0, 45.0)))
    cells = Window(row - 1, column - 1, 3, 3)
    paths = tmp_path / "coarse.tif", tmp_path / "fine.tif"
    for path, grid, window in zip(paths, (M09, M01), (cells, cells.refined(9)), strict=True):
        write_raster(path, {"soil_moisture": np.full(window.shape, 0.2, np.float32)}, grid, window, {})
    points = pd.DataFrame({"id": ["A"], "longitude": [70.0], "latitude": [45.0], "soil_moisture": [0.1]})
    assert len(match_points(points, *paths, "p.csv")) == 1
    swapped = points.rename(columns={"longitude": "latitude", "latitude": "longitude"})
    with pytest.raises(InputError, match="their coordinates are swapped: exchange the two columns"):
        match_points(swapped, *paths, "p.csv")


def test_points_on_gaps_alone_leave_an_empty_table(maps: tuple[Path, Path]) -> None:
    """Points that lie in the region, but where the 1 km map has no value."""
    points = random_points(300)
    coarse, fine = (read_at(path, points) for path in maps)
    gaps = points[np.isfinite(coarse) & np.isnan(fine)]
    assert len(gaps) > 3
    assert match_points(gaps, *maps, "p.csv").empty
