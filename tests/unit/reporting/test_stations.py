"""Archives of ISMN: both formats, flags, depths, months, and what is damaged."""

import logging
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ismn_archives import Record, ceop, file_name, header_values, hourly, write_archive
from mutations import mutated, reads_or_refuses
from witnesses import SHARED, with_witnesses

from kilomoist.errors import InputError
from kilomoist.reporting.stations import archive_files, is_archive, read_stations

AUGUST = 31 * 24
SURFACE = (0.0, 5.0)


def read(path: Path, month: str = "2021-08", minimum_days: int = 1, window: int = 0) -> pd.DataFrame:
    return read_stations(path, month, SURFACE, window, minimum_days)[0]


def unused(path: Path, month: str = "2021-08", minimum_days: int = 15) -> dict[str, list[str]]:
    """Why sensors are not used, by their points."""
    _, frame = read_stations(path, month, SURFACE, 0, minimum_days)
    assert list(frame) == ["id", "longitude", "latitude", "reason"]
    return frame.groupby("id")["reason"].agg(list).to_dict()


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
    flags = "(others have the flags C02: 3, C03,D10: 4, M: 2, U: 1)"
    assert unused(path) == {"NET/A": [f"sensor 5TM at 0–5 cm: good values on 1 days in 2021-08, fewer than 15 {flags}"]}


def test_sensors_within_the_depth_are_averaged(tmp_path: Path) -> None:
    """Both limits are included, and a sensor that lies flat at 5 cm is within 0–5 cm."""
    depths = {(0, 0.05): 0.1, (0.05, 0.05): 0.3, (0, 0.051): 0.9, (0.05, 0.1): 0.9, (0, 0.19): 0.9, (0.07, 0.07): 0.5}
    files = {file_name("A", *depth): header_values(hourly("2021/08/01 00:00", 1, x)) for depth, x in depths.items()}
    path = write_archive(tmp_path / "a.zip", files)
    assert read(path)["soil_moisture"].tolist() == [pytest.approx(0.2)]
    assert read_stations(path, "2021-08", (7, 7), 0, 1)[0]["soil_moisture"].tolist() == [pytest.approx(0.5)]
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
    path = write_archive(tmp_path / "a.zip", files)
    with caplog.at_level(logging.INFO):
        found = read(path, minimum_days=15)
    assert found["id"].tolist() == ["NET/A"]
    assert unused(path) == {
        "NET/B": ["sensor 5TM at 0–5 cm: good values on 14 days in 2021-08, fewer than 15"],
        "NET/C": ["sensor 5TM at 0–5 cm: no good value in 2021-08"],
        "NET/D": ["sensor 5TM at 10–10 cm, not within 0–5 cm"],
    }
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
    (reason,) = unused(tmp_path / "a.zip", minimum_days=1)[file_name("A")]
    assert reason.startswith("damaged: ")
    assert told in reason
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


def test_a_file_that_cannot_be_opened_is_damaged(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a", {file_name("A"): GOOD_FILE})
    (path / file_name("B")).parent.mkdir()
    (path / file_name("B")).symlink_to(tmp_path / "gone")
    assert read(path)["id"].tolist() == ["NET/B"]
    assert "No such file" in unused(path, minimum_days=1)[file_name("B")][0]


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


# The same sensor in several downloads


@with_witnesses
def test_the_specimen_of_two_downloads() -> None:
    path = SHARED / "files" / "ismn_overlap" / "two_downloads"
    (row,) = read(path, minimum_days=15).to_dict("records")
    assert row["soil_moisture"] == pytest.approx(0.196774, abs=5e-7)
    assert row["measurements"] == 744


def download(days: str, station: str = "A", sensor: str = "5TM") -> str:
    """Where a sensor's file lies in a download of some days."""
    return f"Data_{days}/NET/{station}/NET_NET_{station}_sm_0.050000_0.050000_{sensor}{'_' * bool(sensor)}{days}.stm"


EARLY, LATE = "20210701_20210816", "20210810_20210930"


@pytest.mark.parametrize("place", ["archive.zip", "folder"])
@pytest.mark.parametrize("writers", [(header_values, header_values), (ceop, header_values), (header_values, ceop)])
@pytest.mark.parametrize("days", [(EARLY, LATE), (LATE, EARLY)])
def test_a_sensor_in_two_downloads_counts_once(
    tmp_path: Path, place: str, writers: tuple[Callable[..., str], ...], days: tuple[str, str]
) -> None:
    """In whatever format and order, where they overlap and where they do not."""
    records = [*hourly("2021/08/01 00:00", 9 * 24, 0.1), *hourly("2021/08/10 00:00", 22 * 24, 0.3)]
    parts = {EARLY: records[: 16 * 24], LATE: records[9 * 24 :]}
    files = {download(own): write(parts[own]) for own, write in zip(days, writers, strict=True)}
    files[download(EARLY, sensor="other")] = header_values(hourly("2021/08/01 00:00", AUGUST, 0.5))
    (row,) = read(write_archive(tmp_path / place, files)).to_dict("records")
    assert row["measurements"] == 2 * AUGUST
    assert row["soil_moisture"] == pytest.approx(((9 * 0.1 + 22 * 0.3) / 31 + 0.5) / 2)


def test_a_sensor_without_a_name_is_the_only_one_there(tmp_path: Path) -> None:
    """Names of CEOP's files need not have it."""
    records = hourly("2021/08/01 00:00", AUGUST)
    files = {download(EARLY, sensor=""): ceop(records), download(LATE): header_values(records)}
    assert read(write_archive(tmp_path / "a", files))["measurements"].tolist() == [AUGUST]


@pytest.mark.parametrize("write", [header_values, ceop])
def test_values_that_differ_between_downloads_are_told(
    tmp_path: Path, write: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    """That which ends last counts: ISMN flags again with more data."""
    records = hourly("2021/08/10 00:00", 4, 0.2)
    files = {
        download(LATE): write([*records[:2], ("2021/08/10 02:00", 0.4, "G"), ("2021/08/10 03:00", 0.2, "D03")]),
        download(EARLY): header_values(records),
    }
    found = read(write_archive(tmp_path / "a.zip", files))
    assert found[["soil_moisture", "measurements"]].to_numpy().tolist() == [[pytest.approx(0.8 / 3), 3]]
    assert (
        "2 values of NET/A, sensor 5TM at 5–5 cm, are there twice and differ (2021/08/10 02:00: 0.2 G and 0.4 G): "
        f"those of {download(LATE)} are taken." in caplog.text
    )


def test_times_that_come_twice_in_a_file_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = [("2021/08/10 02:00", 0.2, "G"), ("2021/08/10 02:00", 0.2, "G"), ("2021/08/10 02:00", 0.4, "G")]
    path = write_archive(tmp_path / "a.zip", {file_name("A"): header_values(records[:2])})
    assert read(path)["measurements"].tolist() == [1]
    assert "differ" not in caplog.text
    path = write_archive(tmp_path / "b.zip", {file_name("A"): header_values(records)})
    assert read(path)["soil_moisture"].tolist() == [0.4]
    assert "1 values of NET/A, sensor 5TM at 0–5 cm, are there twice and differ" in caplog.text


def test_a_place_that_differs_between_downloads_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = hourly("2021/08/10 00:00", 4)
    files = {download(LATE): header_values(records), download(EARLY): header_values(records, place=(47.5001, 99))}
    assert read(write_archive(tmp_path / "a", files))[["latitude", "measurements"]].to_numpy().tolist() == [[47.5, 4]]
    assert "NET/A, sensor 5TM at 5–5 cm, lies elsewhere in each download" in caplog.text


def test_probes_at_two_inches_count(tmp_path: Path) -> None:
    files = {file_name("A", 0.0508, 0.0508): header_values(hourly("2021/08/01 00:00", 5))}
    assert read(write_archive(tmp_path / "a", files))["id"].tolist() == ["NET/A"]


# Archives that are more than they seem


def test_what_unpacks_to_too_much_is_refused_before(tmp_path: Path) -> None:
    """An archive of 0.5 MB with a file of 102 MB, another with several of 10 MB."""
    block, large, many = b"2021/08/01 00:00\n" * 600_000, tmp_path / "large.zip", tmp_path / "many.zip"
    with ZipFile(large, "w", ZIP_DEFLATED, compresslevel=1) as archive, archive.open(file_name("A"), "w") as file:
        for _ in range(10):
            file.write(block)
    assert "of 102 MB when unpacked, expected at most 100 MB" in said(large)
    with ZipFile(many, "w", ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(file_name(f"A{number}"), block)
    assert "would unpack to 51 MB, expected at most 50 times its size" in said(many)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            "2021/08/01 00:00 0.2 G M\n" * 134_000,
            "more than 133,920 measurements around a month, more than one a minute",
        ),
        ("\n" * 1001, "it has more than 1,000 empty lines"),
        ("a b c\n" * 10, "line 2 ends too early"),
    ],
    ids=["the same minute", "nothing", "words"],
)
def test_lines_that_no_sensor_writes_are_damage(tmp_path: Path, lines: str, told: str) -> None:
    path = write_archive(tmp_path / "a", {file_name("A"): header_values([]) + lines, file_name("B"): GOOD_FILE})
    assert any(told in reason for reasons in unused(path).values() for reason in reasons)


def test_of_an_archive_one_file_is_held_at_a_time(tmp_path: Path) -> None:
    """Here they would be 2 MB together; of large archives gigabytes."""
    whole = header_values(hourly("2021/08/01 00:00", 500))
    files = {file_name("A", sensor=f"S{number:02}"): whole for number in range(20)}
    path = write_archive(tmp_path / "a", files)
    read(path)
    peaks = []
    for _ in range(3):  # other threads of the process are counted too
        tracemalloc.start()
        read(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert min(peaks) < 600_000


def test_names_that_are_no_files_of_soil_moisture_take_no_time(tmp_path: Path) -> None:
    names = [f"{'_sm_1.1_1.1_' * 20}{number}x" for number in range(2000)]
    path, begin = write_archive(tmp_path / "a.zip", dict.fromkeys(names, "") | {file_name("B"): GOOD_FILE}), time.time()
    assert archive_files(path, (0, 5)) == [path]
    assert time.time() - begin < 2


def test_a_file_of_a_folder_that_is_too_large(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a", {file_name("A"): GOOD_FILE})
    with (path / file_name("A")).open("r+b") as file:
        file.truncate(101 * 10**6)
    assert "of 101 MB, expected at most 100 MB" in said(path)


@pytest.mark.parametrize(
    ("name", "method", "flag", "told"),
    [
        (f"../{file_name('A')}", ZIP_DEFLATED, 0, "whose name leads out of the archive"),
        (f"/{file_name('A')}", ZIP_DEFLATED, 0, "whose name leads out of the archive"),
        (file_name("A"), ZIP_BZIP2, 0, "compressed by method 12, expected deflate"),
        (file_name("A"), ZIP_DEFLATED, 1, "which has a password: unpack it"),
    ],
)
def test_files_that_are_not_unpacked(tmp_path: Path, name: str, method: int, flag: int, told: str) -> None:
    path = tmp_path / "a.zip"
    with ZipFile(path, "w", method) as archive:
        archive.writestr(name, GOOD_FILE)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= flag  # of the general purpose flags: encrypted
    path.write_bytes(content)
    assert told in said(path)


@with_witnesses
def test_the_specimen_of_another_version() -> None:
    (path,) = (SHARED / "faults" / "exceptions").glob("ismnzip--*")
    with pytest.raises(InputError, match="cannot be opened as a zip file"):
        read_stations(path, "2021-08", SURFACE, 0, 1)


@pytest.mark.parametrize(
    "line",
    [
        "N N " + "1.0 " * 20_000 + "x",
        "N N A" + " " * 200_000 + "x",
        "2021/08/01 00:00 2021/08/01 00:00 N N " + "1.0 " * 20_000,
        "\0" * 200_000,
        "N N " + "1.0 " * 400 + "x",
    ],
)
def test_lines_that_are_too_long_take_no_time(tmp_path: Path, line: str) -> None:
    path = write_archive(tmp_path / "a", {file_name("A"): line, file_name("B"): GOOD_FILE})
    begin = time.perf_counter()
    assert read(path)["id"].tolist() in (["NET/B"], ["N/1.0", "NET/B"], ["NET/B", "N/1.0"])
    assert time.perf_counter() - begin < 2


DAMAGED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@both_formats
@DAMAGED
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path: Path, write: Callable[..., str], data: st.DataObject) -> None:
    content = data.draw(mutated(write(hourly("2021/08/01 00:00", 30)).encode()))
    path = write_archive(tmp_path / "a", {file_name("A"): content})
    reads_or_refuses(lambda: read(path))


@DAMAGED
@given(data=st.data())
def test_damaged_archives_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = write_archive(tmp_path / "whole.zip", {file_name("A"): GOOD_FILE, file_name("B", 0.1, 0.1): GOOD_FILE})
    path = tmp_path / "a.zip"
    path.write_bytes(data.draw(mutated(whole.read_bytes())))
    reads_or_refuses(lambda: read(path))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(-60, 32 * 24), st.integers(0, 10000), st.sampled_from(["G", "G", "D01", "M"])),
        min_size=1,
        max_size=30,
        unique_by=lambda draw: draw[0],
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
