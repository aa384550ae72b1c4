"""Values at a user's places."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_runs import ACROSS, CELLS, moisture, write_run

from kilomoist.errors import InputError
from kilomoist.exporting.bands import read_bands
from kilomoist.exporting.points import OUTSIDE, WITHOUT, point_table, read_places
from kilomoist.grids import M01, Window, geographic_from_ease


def places(cells: Window, *pixels: tuple[int, int]) -> pd.DataFrame:
    """Places in the middle of pixels of a window, and one in the ocean."""
    row, column = np.array(pixels).T
    area = cells.refined(9)
    longitude, latitude = geographic_from_ease(
        M01.left + (area.column + column + 0.5) * M01.side, M01.y_centres(area)[row]
    )
    turned = (np.asarray(longitude) + 180) % 360 - 180
    ids = [f"P{number}" for number in range(len(pixels))]
    frame = pd.DataFrame({"id": ids, "longitude": turned, "latitude": latitude})
    return pd.concat([frame, pd.DataFrame([{"id": "far", "longitude": 0, "latitude": 0}])], ignore_index=True)


@pytest.mark.parametrize("cells", [CELLS, ACROSS], ids=["inland", "across"])
@pytest.mark.parametrize("interval", [True, False])
def test_points_have_the_values_of_their_pixels(tmp_path: Path, cells: Window, interval: bool) -> None:
    write_run(tmp_path, cells=cells)
    names = ("soil_moisture", "soil_moisture_9km", "quality")
    run = read_bands(*(tmp_path / f"{name}.tif" for name in names), [tmp_path / "interval.tif"] * interval)
    table = point_table(places(cells, (0, 5), (20, 30), (1, 1)), run)
    ends = ["lower", "upper"] if interval else []
    values = ["soil_moisture", "soil_moisture_9km", *ends]
    assert list(table) == ["id", "longitude", "latitude", *values, "quality", "flags", "note"]
    expected = moisture(cells)[[0, 20], [5, 30]]
    np.testing.assert_allclose(table["soil_moisture"][:2], expected, atol=6e-5)
    if interval:
        np.testing.assert_allclose(table["upper"][:2] - table["lower"][:2], 0.08, atol=2e-4)
    cell = np.nanmean(moisture(cells)[18:27, 27:36])
    assert table["soil_moisture_9km"][1] == pytest.approx(cell, abs=1e-4)
    assert table["flags"].tolist() == ["few_observations; frozen", "", "no_value", ""]
    assert table["quality"].tolist() == [36, 0, 128, pd.NA]
    assert table["note"].tolist() == ["", "", WITHOUT, OUTSIDE]
    assert table.loc[2:, ["soil_moisture", *ends]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id,longitude,latitude,height\nАлаг,99.5,47.25,1\n", "utf-8"),
        ("id;latitude;longitude\nАлаг;47,250;99,500\n", "cp1251"),
        ("id\tlongitude\tlatitude\nАлаг\t99.5\t47.25\n", "utf-16"),
    ],
)
def test_tables_of_places_are_read_as_people_save_them(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "places.csv").write_bytes(text.encode(encoding))
    assert read_places(tmp_path / "places.csv").to_numpy().tolist() == [["Алаг", 99.5, 47.25]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,lon,lat\na,1,2\n", "column id missing (there are name, lon, lat): give a table with the columns id, "),
        ("id,longitude,latitude,id\na,1,2,b\n", "column id more than once (there are id, longitude, latitude, id)"),
        ("id,longitude,latitude\n", "no row (there are id, longitude, latitude)"),
        ("id,longitude,latitude\na,47,102\n", "latitude of a is 102, expected degrees within ±90."),
        ("id,longitude,latitude\na,east,47\n", "longitude of a is east, expected degrees within ±180."),
        ("id,longitude,latitude\na,,47\n", "longitude of a is empty, expected degrees within ±180."),
        ("", "cannot be read as a CSV (it is empty)"),
    ],
)
def test_other_tables_are_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "places.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_places(path)
    assert str(caught.value).startswith(f"`export.points` {path}")
    assert said in str(caught.value)
