"""Archives of ISMN: both formats, flags, depths, months, and what is damaged."""

import logging
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ismn_archives import Record, ceop, file_name, header_values, hourly, write_archive

from kilomoist.errors import InputError
from kilomoist.reporting.stations import archive_files, is_archive, read_stations

AUGUST = 31 * 24
SURFACE = (0.0, 5.0)


def read(path: Path, month: str = "2021-08", minimum_days: int = 1, window: int = 0) -> pd.DataFrame:
    return read_stations(path, month, SURFACE, window, minimum_days)


def said(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


both_formats = pytest.mark.parametrize("write", [header_values, ceop])


@both_formats
@pytest.mark.parametrize("place", ["archive.zip", "folder", "folder/at/some depth"])
def test_both_formats_in_zip_and_folder(tmp_path: Path, write: Callable[..., str], place: str) -> None:
    records = [*hourly("2021/08/01 00:00", AUGUST // 2, 0.1), *hourly("2021/08/16 12:00", AUGUST // 2, 0.3)]
    files = {
        file_name("A"): write(records),
        file_name("Far_away-2"): write(hourly("2021/08/02 00:00", 48, 0.25), "Far_away-2", (-47.25, -179.5)),
    }
    write_archive(tmp_path / place, files)
    found = read(tmp_path / Path(place).parts[0])
    assert list(found) == ["id", "longitude", "latitude", "soil_moisture", "measurements"]
    assert found["id"].tolist() == ["NET/A", "NET/Far_away-2"]
    np.testing.assert_allclose(found["soil_moisture"], [0.2, 0.25])
    assert found["measurements"].tolist() == [AUGUST, 48]
    assert found.loc[1, ["longitude", "latitude"]].tolist() == [-179.5, -47.25]


@both_formats
def test_the_month_is_that_of_utc(tmp_path: Path, write: Callable[..., str]) -> None:
    records = [
        ("2021/07/31 23:59", 0.9, "G"),
        ("2021/08/01 00:00", 0.1, "G"),
        ("2021/08/31 23:59", 0.3, "G"),
        ("2021/09/01 00:00", 0.9, "G"),
        ("2020/08/15 00:00", 0.9, "G"),
    ]
    path = write_archive(tmp_path / "a.zip", {file_name("A"): write(records)})
    assert read(path)[["soil_moisture", "measurements"]].to_numpy().tolist() == [[pytest.approx(0.2), 2]]
    assert read(path, window=1)["measurements"].tolist() == [4]
    assert read(path, "2021-09")["soil_moisture"].tolist() == [pytest.approx(0.9)]
    assert read(path, "2022-08").empty


def test_the_actual_time_of_ceop_counts(tmp_path: Path) -> None:
    """Its nominal time is rounded to half an hour; Header+values has only the actual time."""
    records = [("2021/07/31 23:50", 0.1, "G"), ("2021/08/31 23:50", 0.3, "G")]
    path = write_archive(tmp_path / "a.zip", {file_name("A"): ceop(records, late=10)})
    assert read(path)["soil_moisture"].tolist() == [pytest.approx(0.3)]


@both_formats
def test_only_good_values_count_and_others_are_told(
    tmp_path: Path, write: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    records = [
        *hourly("2021/08/01 00:00", 10, 0.2),
        *hourly("2021/08/01 10:00", 3, 0.7, "C02"),
        *hourly("2021/08/01 13:00", 2, -9999.0, "M"),
        *hourly("2021/08/01 15:00", 4, 0.5, "C03,D10"),
        *hourly("2021/08/01 19:00", 1, 0.5, "U"),
    ]
    path = write_archive(tmp_path / "a.zip", {file_name("A"): write(records)})
    with caplog.at_level(logging.INFO):
        found = read(path)
    assert found[["soil_moisture", "measurements"]].to_numpy().tolist() == [[pytest.approx(0.2), 10]]
    assert "10 values have the flag G, 10 others do not count (C02: 3, C03,D10: 4, M: 2, U: 1)" in caplog.text


def test_sensors_within_the_depth_are_averaged(tmp_path: Path) -> None:
    """Both limits are included, and a sensor that lies flat at 5 cm is within 0–5 cm."""
    depths = {(0, 0.05): 0.1, (0.05, 0.05): 0.3, (0, 0.051): 0.9, (0.05, 0.1): 0.9, (0, 0.19): 0.9, (0.07, 0.07): 0.5}
    files = {file_name("A", *depth): header_values(hourly("2021/08/01 00:00", 1, x)) for depth, x in depths.items()}
    path = write_archive(tmp_path / "a.zip", files)
    assert read(path)["soil_moisture"].tolist() == [pytest.approx(0.2)]
    assert read_stations(path, "2021-08", (7, 7), 0, 1)["soil_moisture"].tolist() == [pytest.approx(0.5)]
    with pytest.raises(InputError, match=r"no sensor within 20–30 cm \(there are 0–5, 0–5.1, 0–19, 5–5, 5–10, 7–7 cm"):
        read_stations(path, "2021-08", (20, 30), 0, 1)


def test_sensors_of_a_station_have_equal_weights(tmp_path: Path) -> None:
    files = {
        file_name("A", sensor="5TM_A"): header_values(hourly("2021/08/01 00:00", 100, 0.1)),
        file_name("A", sensor="5TM_B"): header_values(hourly("2021/08/01 00:00", 2, 0.3)),
        file_name("B"): header_values(hourly("2021/08/01 00:00", 7, 0.4), "B"),
        file_name("B", sensor="moved"): header_values(hourly("2021/08/01 00:00", 7, 0.2), "B", (47.6, 99)),
    }
    found = read(write_archive(tmp_path / "a.zip", files))
    assert found["id"].tolist() == ["NET/A", "NET/B", "NET/B"]
    np.testing.assert_allclose(found["soil_moisture"], [0.2, 0.4, 0.2])
    assert found["measurements"].tolist() == [102, 7, 7]


def test_few_days_are_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {
        file_name("A"): header_values(hourly("2021/08/01 00:00", 15 * 24)),
        file_name("B"): header_values(hourly("2021/08/01 00:00", 14 * 24), "B"),
        file_name("C"): header_values(hourly("2021/07/01 00:00", 14 * 24), "C"),
        file_name("D", 0.1, 0.1): header_values(hourly("2021/08/01 00:00", AUGUST), "D"),
    }
    with caplog.at_level(logging.INFO):
        found = read(write_archive(tmp_path / "a.zip", files), minimum_days=15)
    assert found["id"].tolist() == ["NET/A"]
    assert (
        "of 4 sensors of soil moisture 3 lie within 0–5 cm; 1 of these are averaged, 1 have no good value in 2021-08, "
        "1 have some on fewer than 15 days, 0 are damaged." in caplog.text
    )


def test_a_month_without_values_is_an_empty_table(tmp_path: Path) -> None:
    found = read(write_archive(tmp_path / "a.zip", {file_name("A"): header_values([])}))
    assert found.empty
    assert list(found) == ["id", "longitude", "latitude", "soil_moisture", "measurements"]


@pytest.mark.parametrize(
    ("head", "station"),
    [
        ("N N A 47.5 99.0 1322.00 0.00 0.05", "A"),  # without a sensor, as in older archives
        ("N N A 47.50000 99.00000 158.0 0.0000 0.0500 'Meter-5TM'", "A"),  # as in those of 2026
        ("N N A 47.50000 99.00000 nan 0.0000 0.0500 'Meter-5TM'", "A"),
        ("N N A 47.50000 99.00000 -2.00 0.00 0.05 ThetaProbe ML2X with blanks", "A"),
        ("CSE N Two words 2 47.5 99.0 1322.0 0.00 0.05 5TM", "Two words 2"),
    ],
)
def test_headers(tmp_path: Path, head: str, station: str) -> None:
    path = write_archive(tmp_path / "a.zip", {file_name("A"): f"{head}\r\n2021/08/01 00:00 0.2 G\r\n\r\n"})
    (row,) = read(path).to_dict("records")
    assert (row["id"], row["longitude"], row["latitude"], row["measurements"]) == (f"N/{station}", 99, 47.5, 1)


GOOD_FILE = header_values(hourly("2021/08/01 00:00", 5), "B")
HEAD = header_values([])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "it is empty"),
        (b"\x00\xff\x1f\x8b" * 50, "its first line is neither a header nor a measurement"),
        ("<html>Please log in</html>\n", "its first line is neither"),
        (HEAD + "2021/08/01 00:00 0.2 G M\n2021/08/01 01:0", "line 3 is no measurement: 2021/08/01 01:0"),
        (HEAD + "2021/08/1x 00:00 0.2 G M\n", "line 2 is no measurement"),
        (HEAD + "2021/08/01 25:00 0.2 G M\n", "does not match format"),
        (HEAD + "2021/08/01 00:00 wet G M\n", "could not convert string to float: 'wet'"),
        (HEAD + "2021/08/01 00:00 28.3 G M\n", "28.3, which is not soil moisture in m³/m³"),
        (HEAD + "2021/08/01 00:00 nan G M\n", "nan, which is not soil moisture"),
        (header_values([], place=(147.5, 99)), "latitude 147.50000, longitude 99.00000"),
        (ceop([("2021/08/01 00:00", 0.2, "G")]) + "2021/08/01\n", "line 2 ends too early"),
    ],
)
def test_damaged_files_are_named_and_skipped(
    tmp_path: Path, content: str | bytes, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    files = {file_name("A"): content, file_name("B"): GOOD_FILE}
    with caplog.at_level(logging.INFO):
        found = read(write_archive(tmp_path / "a.zip", files))
    assert found["id"].tolist() == ["NET/B"]
    (warning,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert f"a.zip: {file_name('A')} is damaged (" in warning
    assert told in warning
    assert "1 are damaged" in caplog.text
    alone = write_archive(tmp_path / "b.zip", {file_name("A"): content})
    assert f"all 1 files of soil moisture within 0–5 cm are damaged, the last is {file_name('A')}" in said(alone)


def test_a_damaged_zip(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_archive(tmp_path / "a.zip", {file_name("A"): GOOD_FILE, file_name("B"): GOOD_FILE})
    whole = path.read_bytes()
    with ZipFile(path) as archive:
        start = archive.getinfo(file_name("A")).header_offset
    path.write_bytes(whole[: start + 200] + bytes(50) + whole[start + 250 :])
    assert len(read(path)) == 1
    assert "Bad CRC-32" in caplog.text
    path.write_bytes(whole[: len(whole) // 2])
    assert "cannot be opened as a zip file" in said(path)
    assert "cannot be opened as a zip file" in said(tmp_path / "absent.zip")


def test_archives_of_something_else(tmp_path: Path) -> None:
    told = "hold no file of soil moisture as in an archive of ISMN (*_sm_*.stm)"
    assert told in said(write_archive(tmp_path / "a.zip", {}))
    assert told in said(write_archive(tmp_path / "folder", {}))
    # What macOS puts beside the files it packs
    name = file_name("A")
    assert told in said(write_archive(tmp_path / "mac.zip", {f"__MACOSX/{name[:6]}._{name[6:]}": "x"}))


def test_files_of_an_archive(tmp_path: Path) -> None:
    files = {file_name("A"): GOOD_FILE, file_name("B", 0.1, 0.1): GOOD_FILE}
    folder, zipped = (write_archive(tmp_path / name, files) for name in ("folder", "a.zip"))
    assert archive_files(folder, SURFACE) == [folder / file_name("A")]
    assert archive_files(zipped, SURFACE) == [zipped]
    assert [is_archive(path) for path in (folder, zipped, tmp_path / "points.csv")] == [True, True, False]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(-60, 32 * 24), st.integers(0, 10000), st.sampled_from(["G", "G", "D01", "M"])),
        min_size=1,
        max_size=30,
    )
)
def test_both_formats_say_the_same(tmp_path: Path, draws: list[tuple[int, int, str]]) -> None:
    """The mean of the good values of the month, in whatever order and format they come."""
    records: list[Record] = [
        (hourly("2021/07/01 00:00", hour + AUGUST + 1)[-1][0], value / 1e4, flag) for hour, value, flag in draws
    ]
    expected = [value for time, value, flag in records if flag == "G" and time[:7] == "2021/08"]
    for write in (header_values, ceop):
        found = read(write_archive(tmp_path / f"{write.__name__}.zip", {file_name("A"): write(records)}))
        assert len(found) == bool(expected)
        if expected:
            assert found["soil_moisture"].item() == pytest.approx(np.mean(expected))
            assert found["measurements"].item() == len(expected)
