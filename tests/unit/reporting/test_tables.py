"""Tables of field points as programs and people save them: the same points, or one sentence."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from witnesses import SHARED, with_witnesses

from kilomoist.configuration.keys import Points
from kilomoist.errors import InputError
from kilomoist.reporting.field_points import PointSettings, field_points, how_read, read_points

POINTS = SHARED / "files" / "points"
CYRILLIC = {"id": "Точка", "longitude": "Долгота", "latitude": "Широта", "soil_moisture": "Влажность", "date": "Дата"}
GERMAN = {"id": "Fläche", "longitude": "Länge", "latitude": "Breite", "soil_moisture": "Bodenfeuchte", "date": "Datum"}
PLAIN = "id,longitude,latitude,soil_moisture\n"
DATED = "id,longitude,latitude,soil_moisture,date\n"


def described(**keys: Any) -> PointSettings:
    return PointSettings(**Points.model_validate(keys).reading)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def said(path: Path, **keys: Any) -> str:
    """The sentence about a table."""
    with pytest.raises(InputError) as caught:
        field_points(path, "2021-08", described(**keys))
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) - len(str(path)) < 400
    return message


def text(names: dict[str, str], separator: str, decimal: str, dates: str) -> str:
    """A header and two points of August 2021."""
    rows = [[*names.values()]]
    for name, (x, y, value), day in zip("АБ", ((99.5, 47.25, 0.235), (100.0, 48.5, 0.3)), (3, 31), strict=True):
        if names is GERMAN:
            name = {"А": "Grünland", "Б": "Süd-2"}[name]
        numbers = [f"{number:g}".replace(".", decimal) for number in (x, y, value)]
        rows.append([name, *numbers, date(2021, 8, day).strftime(dates)])
    return "".join(separator.join(row) + "\r\n" for row in rows)


# The forms in which Excel of each country writes a CSV


@pytest.mark.parametrize(
    ("names", "separator", "decimal", "dates", "encoding", "told"),
    [
        (CYRILLIC, ";", ",", "%d.%m.%Y", "cp1251", "separator ;, decimal comma, cp1251, dates DD.MM.YYYY"),
        (CYRILLIC, ";", ",", "%d.%m.%Y", "utf-8-sig", "separator ;, decimal comma, UTF-8, dates DD.MM.YYYY"),
        (CYRILLIC, "\t", ",", "%d.%m.%Y", "utf-16", "separator tab, decimal comma, utf-16, dates DD.MM.YYYY"),
        (CYRILLIC, "\t", ".", "%Y.%m.%d", "utf-16-be", "separator tab, decimal point, utf-16-be, dates YYYY-MM-DD"),
        (CYRILLIC, ",", ".", "%Y.%m.%d", "cp1251", "separator ,, decimal point, cp1251, dates YYYY-MM-DD"),
        (GERMAN, ";", ",", "%d.%m.%Y", "cp1252", "separator ;, decimal comma, cp1252, dates DD.MM.YYYY"),
        (GERMAN, ";", ",", "%d.%m.%Y %H:%M", "utf-8", "separator ;, decimal comma, UTF-8, dates DD.MM.YYYY"),
        (GERMAN, "|", ".", "%m/%d/%Y", "cp1252", "separator |, decimal point, cp1252, dates MM/DD/YYYY"),
        (GERMAN, ",", ".", "%Y/%m/%d %H:%M:%S", "utf-16-le", "separator ,, decimal point, utf-16-le, dates YYYY-"),
    ],
)
def test_forms_are_found_out_and_told(
    tmp_path: Path, names: dict[str, str], separator: str, decimal: str, dates: str, encoding: str, told: str
) -> None:
    path = write(tmp_path / "p.csv", text(names, separator, decimal, dates).encode(encoding))
    found = read_points(path, described(columns=names))
    assert found["longitude"].tolist() == [99.5, 100]
    assert found["latitude"].tolist() == [47.25, 48.5]
    assert found["soil_moisture"].tolist() == [0.235, 0.3]
    assert found["date"].tolist() == [pd.Timestamp("2021-08-03"), pd.Timestamp("2021-08-31")]
    assert found["id"].tolist() == (["А", "Б"] if names is CYRILLIC else ["Grünland", "Süd-2"])
    assert (how_read(path, described(columns=names)) or "").startswith(f"Field points {path} are read as: {told}")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_any_system(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "p.csv", (PLAIN + "A,99,47,0.2\nB,99,47,0.3\n").replace("\n", end))
    assert read_points(path, described())["id"].tolist() == ["A", "B"]


def test_a_plain_form_needs_no_word(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", DATED + "A,99.5,47.5,0.2,2021-08-31\n")
    assert how_read(path, described()) is None
    assert how_read(tmp_path, described()) is None, "an archive"


def test_each_part_of_a_form_can_be_forced(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "sep=;\n" + DATED.replace(",", ";") + "Д;653,125;47,25;0,2;03.04.2021\n")
    keys = {"separator": ";", "decimal": ",", "encoding": "utf-8", "crs": "EPSG:32647"}
    for order, month in (("DD.MM.YYYY", 4), ("MM/DD/YYYY", 3)):
        found = read_points(path, described(**keys, dates=order))
        assert found["date"].item().month == month
    single = write(tmp_path / "s.csv", (PLAIN + "Д,99,47,0.2\n").encode("cp1251"))
    assert read_points(single, described(encoding="cp1251"))["id"].tolist() == ["Д"]
    assert read_points(single, described(encoding="latin-1"))["id"].tolist() == ["Ä"]


@pytest.mark.parametrize("encoding", ["klingon", "hex", "a\0b"])
def test_encodings_that_are_none(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "p.csv", PLAIN)
    assert "which is no encoding that Python knows" in said(path, encoding=encoding)


# What may be meant in two ways is asked for


@pytest.mark.parametrize(
    ("rows", "month"),
    [
        (["31.08.2021", "03.04.2021"], 4),
        (["08/31/2021", "03/04/2021"], 3),
        (["2021-04-03", "2021/04/03"], 4),
        (["05.05.2021", "04.04.2021"], 4),  # the same in both orders
        (["20210404", "2021-4-3"], 4),
        (["3.4.2021 7:05", "31-08-2021 19:30:59"], None),
    ],
)
def test_other_rows_tell_the_order_of_dates(tmp_path: Path, rows: list[str], month: int | None) -> None:
    text = "".join(f"{number},99,47,0.2,{day}\n" for number, day in enumerate(rows))
    found = read_points(write(tmp_path / "p.csv", DATED + text), described())
    assert month is None or found["date"].iloc[1].month == month


@pytest.mark.parametrize("day", ["03.04.2021", "03/04/2021", "3-4-2021 10:00"])
def test_dates_that_may_be_two_are_asked_for(tmp_path: Path, day: str) -> None:
    path = write(tmp_path / "p.csv", DATED + f"A,99,47,0.2,05.05.2021\nB,99,47,0.2,{day}\n")
    assert f"{day} may be DD.MM.YYYY or MM/DD/YYYY, and no other row tells: set `points.dates`" in said(path)


def test_commas_that_may_be_two_are_asked_for(tmp_path: Path) -> None:
    head = PLAIN.replace(",", ";")
    path = write(tmp_path / "p.csv", head + "A;653,125;5,230,125;23,512\n".replace("5,230,125", "523,125"))
    assert "653,125 may be a number with a decimal comma or one of thousands" in said(path, crs="EPSG:32647")
    # A number that cannot be one of thousands tells.
    write(path, head + "A;99,512;47,125;0,235\n")
    assert read_points(path, described())["longitude"].tolist() == [99.512]
    write(path, PLAIN + 'A,"99,512","47,125","0,235"\n')
    assert read_points(path, described())["soil_moisture"].tolist() == [0.235]


def test_decimal_commas_between_separating_ones_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", PLAIN + "A,99,5,47,5,0,21\n")
    assert "row 2 has 7 cells, the header 4: where commas are decimal signs separate columns by semic" in said(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PLAIN.encode() + "Д,99,47,0.2\n".encode("cp1251"), "may be in cp1251 (Cyrillic) or cp1252"),
        ("Ä,longitude\nЖёлтый\n".encode() + b"\xff", "it is damaged, or no table; save it anew"),
        (b"\x1f\x8b\x08\x00", "is compressed by gzip: unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "of the form before 2007, or has a password: save it as .xlsx"),
        (b"%PDF-1.7", "is a PDF"),
        (b"PK\x03\x04 and no more", "cannot be read as a workbook (BadZipFile: "),
        (b"\x01\x02,\x03\n", "it is no text"),
        (b"", "it is empty"),
        (b'"id,longitude\n1,2\n', "check its quotation marks"),
        (PLAIN.encode() + b"A" * 200_000 + b",1,2,0.3\n", "cannot be read as a CSV (field larger"),
        (PLAIN.encode() + b'"A\nB",1,2,"0.3\n' + b"x" * 9999 + b'"\n', "of point A B is 0.3 xxx"),
        (b"strange," * 9999 + b"end\n", "have 10,000 columns, expected at most 1,000: give those that count."),
        (b"strange," * 999 + b"end\n", "lack the column id, longitude, latitude, soil_moisture: there are strange, "),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, told: str) -> None:
    assert told in said(write(tmp_path / "p.csv", content))


# Cells


def test_ids_are_text_and_blanks_are_nothing(tmp_path: Path) -> None:
    rows = ["NA,99,47,0.1", "007,99, 47 ,0.2", "7,99,47,0.3", "nan ,99,47,.4", "1e3,99,47,5E-1", "TRUE,+99,47,0.6"]
    path = write(tmp_path / "p.csv", PLAIN + "\n,,,\n".join(rows) + "\n\n")
    found, unused = field_points(path, "2021-08", described())
    assert found["id"].tolist() == ["NA", "007", "7", "nan", "1e3", "TRUE"]
    assert found["soil_moisture"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert unused.empty


@pytest.mark.parametrize("number", ["1_0", "0x1", "٠", "1.2.3", "1 2", "−1", "5,5.5", "NaN"])
def test_what_is_no_number(tmp_path: Path, number: str) -> None:
    path = write(tmp_path / "p.csv", PLAIN + f'A,99,47,0.5\nB,99,47,"{number}"\n')
    assert f"soil_moisture of point B is {number}, expected a number with a decimal point" in said(path)


# Workbooks


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    for number, (title, rows) in enumerate(sheets.items()):
        sheet = book.create_sheet(title, number)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


HEAD = ["id", "longitude", "latitude", "soil_moisture", "date", "depth_cm"]
ROWS: list[list[Any]] = [
    [7, 99.5, 47.5, 0.235, datetime(2021, 8, 31), 5],
    ["007", 99.5, 47.75, 0.1, datetime(2021, 8, 3, 7, 5), 2.5],
    [None, None, None, None, None, None],
    ["NA", 99, 48, 0.2, date(2021, 9, 3), 5],
]


def test_a_workbook(tmp_path: Path) -> None:
    path = workbook(tmp_path / "p.xlsx", {"Notes": [["by whom", "nobody"]], "Цэг": [[], HEAD, *ROWS]})
    found, unused = field_points(path, "2021-08", described())
    assert found.to_numpy().tolist() == [["7", 99.5, 47.5, 0.235, 1], ["007", 99.5, 47.75, 0.1, 1]]
    assert unused["id"].tolist() == ["NA"]
    assert how_read(path, described()) == (
        f"Field points {path} are read as: sheet Цэг, decimal point, dates YYYY-MM-DD."
    )


def test_workbooks_that_need_a_word(tmp_path: Path) -> None:
    path = tmp_path / "p.xlsx"
    assert "several sheets with these columns (a, b): keep one" in said(workbook(path, {"a": [HEAD], "b": [HEAD]}))
    assert "hold no sheet with cells" in said(workbook(path, {"a": []}))
    assert "lack the column longitude" in said(workbook(path, {"a": [["id", "lat"]]}))
    # Excel of another country leaves some days as they are written, and may have turned others around.
    mixed = [*ROWS[:1], ["B", 99, 47, 0.2, "31.08.2021", 5]]
    assert "date of point B is 31.08.2021, expected YYYY-MM-DD" in said(workbook(path, {"a": [HEAD, *mixed]}))
    assert "soil_moisture of point C is #N/A" in said(
        workbook(path, {"a": [HEAD, ["C", 99, 47, "#N/A", date(2021, 8, 3), 5]]})
    )


def test_workbooks_are_bounded(tmp_path: Path) -> None:
    """A few kB that would fill the memory."""
    path = tmp_path / "p.xlsx"
    workbook(path, {"a": [HEAD]})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/media/a.bin", bytes(101 * 10**6))
    assert path.stat().st_size < 200_000
    assert "would unpack to 101 MB, expected at most 100 MB" in said(path)


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


@pytest.mark.parametrize(
    ("part", "xml", "told"),
    [
        (
            "sheet1.xml",
            SHEET.format("<row>" + "<c/>" * 4_000_000 + "</row>"),
            "hold more than 1,000,000 cells, or too many",
        ),
        (
            "styles.xml",
            "<styleSheet>" + "<xf/>" * 400_000 + "</styleSheet>",
            "hold more than 1,000,000 cells, or too many",
        ),
        ("sheet1.xml", SHEET.format('<row r="1"><c><v>1</v></c></row><row r="999999999"/>'), "or 1,048,576 rows: give"),
    ],
    ids=["cells", "styles", "gap"],
)
def test_a_workbook_of_more_than_a_table_is_refused_before(tmp_path: Path, part: str, xml: str, told: str) -> None:
    """Kilobytes that would take gigabytes, or a row of a number that no sheet has."""
    whole = workbook(tmp_path / "whole.xlsx", {"a": [HEAD]}).read_bytes()
    path = write(tmp_path / "p.xlsx", packed(lambda name, own: xml.encode() if name.endswith(part) else own, whole))
    assert told in said(path)


# Zip files of a table


def test_a_table_in_a_zip_file(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("my/plots.csv", PLAIN + "A,99,47,0.2\n")
        archive.writestr("__MACOSX/my/._plots.csv", b"\0\1")
        archive.writestr("readme.pdf", "")
    assert read_points(path, described())["id"].tolist() == ["A"]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.TXT", PLAIN)
    assert "hold several tables (my/plots.csv, more.TXT): give one of them" in said(path)


@pytest.mark.parametrize(
    ("name", "method", "told"),
    [
        ("../p.csv", zipfile.ZIP_DEFLATED, "leads out of the archive"),
        ("p.csv", zipfile.ZIP_BZIP2, "method 12, expected"),
    ],
)
def test_zip_files_that_are_not_unpacked(tmp_path: Path, name: str, method: int, told: str) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(name, PLAIN)
    assert told in said(path)


@pytest.mark.parametrize("flag", [0x20, 0x40])
def test_zip_files_of_another_kind(tmp_path: Path, flag: int) -> None:
    """Patched data and strong encryption, of which Python says that they are not implemented."""
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("p.csv", PLAIN)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= flag
    assert "cannot be read as a table" in said(write(path, bytes(content)))


# What lies in ../shared


@with_witnesses
@pytest.mark.parametrize(
    ("name", "ids", "values"),
    [
        ("csv.zip", ["A"], [0.2]),
        ("ids_that_read_as_missing.csv", ["NA", "None", "null"], [0.2, 0.4, 0.3]),
        ("trailing_comma.csv", ["A", "B"], [0.21, 0.25]),
    ],
)
def test_specimens_that_are_read(name: str, ids: list[str], values: list[float]) -> None:
    found, unused = field_points(POINTS / name, "2021-08", described())
    assert found["id"].tolist() == ids
    assert found["soil_moisture"].tolist() == values
    assert unused.empty


@with_witnesses
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.tar.gz", "it is damaged, or no table"),
        ("depth_in_metres_profile.csv", "depth_cm goes from 0.05 to 1 cm, .* it looks like metres"),
    ],
)
def test_specimens_that_are_refused(name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        field_points(POINTS / name, "2021-08", described())


# Depths


@pytest.mark.parametrize(
    ("depths", "told"),
    [
        ([0.05, 0.1, 2.0], "goes from 0.05 to 2 cm, .* it looks like metres"),
        ([0, 0.05, 0.5], "it looks like metres"),
        ([5, 100, 1000], "it looks like millimetres"),
        ([50, 100], "change `points.depth`, or give cm where these are millimetres"),
        ([-5, 5], "count depths downwards"),
    ],
)
def test_depths_that_are_no_cm(tmp_path: Path, depths: list[float], told: str) -> None:
    rows = "".join(f"P,99,47,0.2,{depth}\n" for depth in depths)
    with pytest.raises(InputError, match=told):
        read_points(write(tmp_path / "p.csv", PLAIN.replace("\n", ",depth_cm\n") + rows), described())


def test_probes_at_inches_count(tmp_path: Path) -> None:
    depths = (2.5, 5, 5.08, 5.1, 10.16, 20.32)
    rows = "".join(f"P{depth},99,47,0.2,{depth}\n" for depth in depths)
    path = write(tmp_path / "p.csv", PLAIN.replace("\n", ",depth_cm\n") + rows)
    for limit, wanted in ((5, 3), (10, 5), (20, 6)):
        assert read_points(path, described(depth=[0, limit]))["depth_cm"].tolist() == list(depths[:wanted])


# Points that are not used


def test_points_that_are_not_used_are_listed(tmp_path: Path) -> None:
    rows = [
        "A,99,47,0.1,2021-08-03,5",
        "A,99,47,0.3,2021-09-03,5",
        "A,99,47,0.5,2021-08-03,10",
        "B,99,47,0.2,2021-07-31,5",
        "C,99,47,0.2,2021-08-03,10",
        "D,99,47,0.2,2021-09-03,5",
        "D,99,47,0.2,2021-08-03,10",
    ]
    path = write(tmp_path / "p.csv", DATED.replace("\n", ",depth_cm\n") + "\n".join(rows))
    found, unused = field_points(path, "2021-08", described())
    assert found[["id", "soil_moisture", "measurements"]].to_numpy().tolist() == [["A", 0.1, 1]]
    month, depth = "not measured from 2021-08-01 to 2021-08-31", "not within 0 to 5 cm"
    assert dict(zip(unused["id"], unused["reason"], strict=True)) == {"B": month, "C": depth, "D": f"{month}; {depth}"}
    assert list(unused) == ["id", "longitude", "latitude", "reason"]


# Damaged tables

DAMAGED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FORMS = {
    "plain": (DATED + "A,99.5,47.5,0.2,2021-08-03\nB,99.6,47.5,0.3,2021-08-31\n").encode(),
    "russian": text(CYRILLIC, ";", ",", "%d.%m.%Y").encode("cp1251"),
    "unicode": text(CYRILLIC, "\t", ",", "%d.%m.%Y").encode("utf-16"),
}


@pytest.mark.parametrize("form", FORMS)
@DAMAGED
@given(data=st.data())
def test_damaged_text_is_read_or_refused(tmp_path: Path, form: str, data: st.DataObject) -> None:
    path = write(tmp_path / "p.csv", data.draw(mutated(FORMS[form])))
    names = {} if form == "plain" else {"columns": CYRILLIC}
    reads_or_refuses(lambda: field_points(path, "2021-08", described(**names)))


def packed(change: Callable[[str, bytes], bytes], content: bytes) -> bytes:
    """A zip file whose parts are changed before they are packed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as parts, zipfile.ZipFile(packed, "w") as changed:
        for name in parts.namelist():
            changed.writestr(name, change(name, parts.read(name)))
    return packed.getvalue()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A workbook's bytes, which tell when it was written."""
    return workbook(tmp_path_factory.mktemp("whole") / "p.xlsx", {"a": [HEAD, *ROWS]}).read_bytes()


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
@DAMAGED
@given(data=st.data())
def test_damaged_workbooks_are_read_or_refused(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    """Damaged as files, and in their parts."""
    path = tmp_path / "p.xlsx"
    part = data.draw(st.sampled_from([None, "xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"]))
    if part:
        write(path, packed(lambda name, own: data.draw(mutated(own)) if name == part else own, whole))
    else:
        write(path, data.draw(mutated(whole)))
    reads_or_refuses(lambda: field_points(path, "2021-08", described()))


@DAMAGED
@given(data=st.data())
def test_damaged_zip_files_of_a_table_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("plots.csv", FORMS["plain"])
    path = write(tmp_path / "p.zip", data.draw(mutated(whole.getvalue())))
    reads_or_refuses(lambda: field_points(path, "2021-08", described()))
