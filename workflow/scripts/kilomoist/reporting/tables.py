"""Tables as people save them: text of any separator, decimal sign, encoding and order of dates, or a workbook.

What a table does not say of itself is found out from all of it; what could be meant in two ways is asked for.
"""

import csv
import io
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import pandas as pd

from kilomoist.errors import InputError

LARGEST = 100
"""MB that a table, or a file of an archive, may hold, unpacked; hourly values of a century take less."""
MOST_UNPACKED = 50
"""Times its size that a zip file may unpack to; lines that begin with a time shrink to a thirtieth at best."""
MOST_CELLS, MOST_COLUMNS = 10_000_000, 1000
MOST_TAGS, MOST_ROWS = {"cells": 4_000_000, "styles": 400_000}, 2**20
"""Tags of a workbook, of which a cell has four, and those of all but cells: openpyxl takes microseconds for each of the
first, tens for the others, of which Excel has 65,490 styles. Rows of a sheet."""
DAMAGES = (ValueError, OSError, EOFError, RuntimeError, BadZipFile, zlib.error)
"""What a damaged file raises; of zip files, whose parts are also refused as not implemented."""
SEPARATORS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
"""Separators by the names that they have in `points.separator`."""
DATES = {
    "YYYY-MM-DD": r"(?=\d{8}(?!\d)|\d{4}\D)(?P<y>\d{4})([-/.]?)(?P<m>\d\d?)\2(?P<d>\d\d?)",
    "DD.MM.YYYY": r"(?P<d>\d\d?)([-/.])(?P<m>\d\d?)\2(?P<y>\d{4})",
    "MM/DD/YYYY": r"(?P<m>\d\d?)([-/.])(?P<d>\d\d?)\2(?P<y>\d{4})",
}
"""Orders of a date's parts, by the form that each is best known in; a time may follow."""
_CLOCK = re.compile(r"\d\d?:\d\d\S*(?:\s[AaPp][Mm])?")
_NUMBER = {
    sign: rf"[-+]?(?:[0-9]+(?:{re.escape(sign)}[0-9]*)?|{re.escape(sign)}[0-9]+)(?:[eE][-+]?[0-9]+)?" for sign in ".,"
}
_PAGES = ("cp1251", "cp1252")
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SHARED = bytes(
    code for code in range(128, 256) if len({bytes([code]).decode(page, "replace") for page in _PAGES}) == 1
)
"""Signs such as ° that are the same in both code pages."""
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "is a workbook of the form before 2007, or has a password: save it as .xlsx without one",
    b"\x1f\x8b": "is compressed by gzip: unpack it and give the table in it",
    b"BZh": "is compressed by bzip2: unpack it and give the table in it",
    b"\xfd7zXZ": "is compressed by xz: unpack it and give the table in it",
    b"7z\xbc\xaf": "is an archive of 7-Zip: unpack it and give the table in it",
    b"Rar!": "is an archive of RAR: unpack it and give the table in it",
    b"%PDF": "is a PDF: give the table as a CSV or .xlsx",
}
"""First bytes of files that are often taken for a table."""


class Form(NamedTuple):
    """How a table is read: keys of `points`, or what was found; a workbook has a sheet in place of the first two."""

    separator: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    dates: str | None = None
    sheet: str | None = None

    @property
    def is_plain(self) -> bool:
        """True of what needs no word: commas, UTF-8, decimal points, dates that begin with the year."""
        wanted = {"separator": ",", "encoding": "UTF-8", "decimal": ".", "dates": "YYYY-MM-DD"}
        return all(getattr(self, name) in (usual, None) for name, usual in wanted.items()) and not self.sheet

    def __str__(self) -> str:
        parts = (
            f"sheet {self.sheet}" if self.sheet else f"separator {self.separator}",
            f"decimal {'comma' if self.decimal == ',' else 'point'}",
            self.encoding,
            f"dates {self.dates}" if self.dates else None,
        )
        return ", ".join(filter(None, parts))


def clipped(text: str, length: int = 80) -> str:
    """Text of a file for a message: in one line, and no longer than that."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length] + "…"


# Zip files


@contextmanager
def opened_zip(path: str | Path) -> Iterator[ZipFile]:
    """A zip file of field points. Raises `InputError` where it is none."""
    try:
        archive = ZipFile(path)
    # Its index is read here, whose damages have many names.
    except DAMAGES as error:
        raise InputError(
            f"field points {path} cannot be opened as a zip file ({error}): download the archive again."
        ) from error
    with archive:
        yield archive


def check_members(path: str | Path, members: Collection[ZipInfo]) -> None:
    """Raise `InputError` for files of a zip file that are not unpacked: by name, method, password or size."""
    for member in members:
        name, reason = member.filename, None
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            reason = "whose name leads out of the archive: make the archive anew"
        elif member.flag_bits & 1:
            reason = "which has a password: unpack it and give the folder or the table"
        elif member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            reason = f"compressed by method {member.compress_type}, expected deflate: unpack it and zip it anew"
        elif member.file_size > LARGEST * 10**6:
            reason = f"of {member.file_size / 1e6:.0f} MB when unpacked, expected at most {LARGEST} MB: divide it"
        if reason:
            raise InputError(f"field points {path} hold the file {clipped(name)}, {reason}.")
    size = Path(path).stat().st_size
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_UNPACKED * size:
        raise InputError(
            f"field points {path} ({size / 1e6:.1f} MB) would unpack to {unpacked / 1e6:.0f} MB, expected at most "
            f"{MOST_UNPACKED} times its size: unpack it yourself and give what counts of it."
        )


def packed_tables(path: str | Path) -> list[str]:
    """Names of the tables in a zip file; none in an archive of ISMN, which may hold some beside its measurements."""
    with opened_zip(path) as archive:
        names = archive.namelist()
    if any(name.endswith(".stm") for name in names):
        return []
    kinds = (".csv", ".txt", ".tsv", ".xlsx")
    return [name for name in names if name.lower().endswith(kinds) and not name.startswith("__MACOSX/")]


def _content(path: str | Path) -> bytes:
    """A table's bytes; of a zip file those of the one table in it."""
    try:
        if Path(path).suffix.lower() != ".zip":
            if Path(path).stat().st_size > LARGEST * 10**6:
                raise InputError(f"field points {path} hold more than {LARGEST} MB: give the rows that count.")
            return Path(path).read_bytes()
        if len(names := packed_tables(path)) != 1:
            raise InputError(
                f"field points {path} hold several tables ({clipped(', '.join(names))}): give one of them."
            )
        with opened_zip(path) as archive:
            check_members(path, [archive.getinfo(names[0])])
            return archive.read(names[0])
    except DAMAGES as error:
        raise InputError(f"field points {path} cannot be read as a table ({error}): give a CSV or .xlsx.") from error


# Cells


def read_cells(path: str | Path, needed: Collection[str], form: Form) -> tuple[pd.DataFrame, Form]:
    """Cells of a table as text, without blanks around them, and the form with what was found of it.

    The first row that is not empty has the columns' names; `needed` are those by which separator and sheet are told.
    Empty rows, and empty cells beyond the header's, are left out. Raises `InputError` for what is no table.
    """
    content = _content(path)
    for start, told in _FOREIGN.items():
        if content.startswith(start):
            raise InputError(f"field points {path} cannot be read as a table: it {told}.")
    if content.startswith(b"PK\x03\x04"):
        rows, sheet = _sheet(path, content, needed)
        return _frame(path, rows), form._replace(sheet=sheet, separator=None, encoding=None)
    text, encoding = _decoded(path, content, form.encoding)
    if declared := re.match(r"sep=([^\r\n])\r?\n", text):  # written for Excel's eyes
        text = text[declared.end() :]
    heads = {name: _head(text, sign) for name, sign in SEPARATORS.items()}
    likely = max(heads, key=lambda name: (set(needed) <= set(heads[name]), len(heads[name])))
    by_sign = {sign: name for name, sign in SEPARATORS.items()}
    separator = form.separator or (by_sign.get(declared[1]) if declared else None) or likely
    try:
        return _frame(path, _rows(text, SEPARATORS[separator])), form._replace(separator=separator, encoding=encoding)
    except csv.Error as error:
        raise InputError(
            f"field points {path} cannot be read as a CSV ({error}): check its quotation marks, or save it anew."
        ) from error


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)


def _head(text: str, separator: str) -> list[str]:
    """First row that is not empty, as far as it can be read."""
    try:
        rows = ([cell.strip() for cell in row] for row in _rows(text, separator))
        return next((row for row in rows if any(row)), [])
    except csv.Error:
        return []


def _frame(path: str | Path, rows: Iterable[Sequence[str]]) -> pd.DataFrame:
    """Rows of text below a header."""
    head: list[str] = []
    table: list[list[str]] = []
    cells = 0
    for number, row in enumerate(rows, start=1):
        own = [cell.strip() for cell in row]
        while own and not own[-1]:
            own.pop()
        cells += len(row)
        if cells > MOST_CELLS:
            raise InputError(f"field points {path} hold more than {MOST_CELLS:,} cells: give the rows that count.")
        if not own:
            continue
        if not head:
            head = own
            if len(head) > MOST_COLUMNS:
                raise InputError(
                    f"field points {path} have {len(head):,} columns, expected at most {MOST_COLUMNS:,}: give those "
                    "that count."
                )
        elif len(own) > len(head):
            raise InputError(
                f"field points {path}: row {number} has {len(own)} cells, the header {len(head)}: where commas are "
                "decimal signs separate columns by semicolons, or quote what holds a separator."
            )
        else:
            table.append(own + [""] * (len(head) - len(own)))
    if not head:
        raise InputError(f"field points {path} cannot be read as a CSV (it is empty): give a table with a header.")
    return pd.DataFrame(table, columns=head, dtype=str)


def _decoded(path: str | Path, content: bytes, encoding: str | None) -> tuple[str, str]:
    """Text of a file, and its encoding: as named, or found out."""
    found = encoding or next((name for bom, name in _BOMS.items() if content.startswith(bom)), None)
    if not found and b"\0" in content:  # UTF-16 without a mark, or no text
        found = "utf-16-le" if content[1::2].count(0) > content[::2].count(0) else "utf-16-be"
    try:
        text = content.decode(found or "utf-8")
    except UnicodeDecodeError as error:
        if found or not content[: error.start].isascii():
            advice = "correct `points.encoding`" if encoding else "it is damaged, or no table; save it anew as a CSV"
            raise InputError(f"field points {path} cannot be read as a CSV ({error}): {advice}.") from error
        found = _code_page(path, content)
        text = content.decode(found, "replace")
    except (LookupError, ValueError):
        raise InputError(
            f"`points.encoding` is {found}, which is no encoding that Python knows: expected a name such as cp1251."
        ) from None
    if re.search(r"[\x00-\x08\x0e-\x1f]", text):
        raise InputError(f"field points {path} cannot be read as a table: it is no text; give a CSV or .xlsx.")
    return text.removeprefix("\ufeff"), {"utf-8-sig": "UTF-8"}.get(found or "", found or "UTF-8")


def _code_page(path: str | Path, content: bytes) -> str:
    """The code page of Windows that a text which is not UTF-8 is in, by the company that its letters keep.

    In cp1251 words of Cyrillic letters have no other; in cp1252 accented letters stand among plain ones.
    """
    words = re.findall(rb"[A-Za-z\x80-\xff]{2,}", content.translate(bytes.maketrans(_SHARED, b" " * len(_SHARED))))
    cyrillic = {not re.search(rb"[A-Za-z]", word) for word in words if not word.isascii()}
    if len(cyrillic) != 1:
        raise InputError(
            f"field points {path} cannot be read as a CSV in UTF-8, and may be in cp1251 (Cyrillic) or cp1252 (western "
            "Europe): name it in `points.encoding`, or save it as UTF-8."
        )
    return "cp1251" if cyrillic.pop() else "cp1252"


def _sheet(path: str | Path, content: bytes, needed: Collection[str]) -> tuple[list[list[str]], str]:
    """Rows of a workbook's sheet that has the needed columns, else of the first, and its name."""
    import openpyxl

    try:
        with ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
            if unpacked > LARGEST * 10**6:
                raise InputError(
                    f"field points {path} would unpack to {unpacked / 1e6:.0f} MB, expected at most {LARGEST} MB: give "
                    "the rows that count."
                )
            tags = {"cells": 0, "styles": 0}
            for name in (name for name in parts.namelist() if name.endswith((".xml", ".rels"))):
                kind = "cells" if name.startswith(("xl/worksheets/", "xl/sharedStrings")) else "styles"
                tags[kind] += parts.read(name).count(b"<")
            if any(count > MOST_TAGS[kind] for kind, count in tags.items()):
                raise InputError(
                    f"field points {path} hold more than {MOST_TAGS['cells'] // 4:,} cells, or too many styles: give "
                    "the rows that count, or save it as a CSV."
                )
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {sheet.title: list(_sheet_rows(path, sheet)) for sheet in book.worksheets}
    except InputError:
        raise
    except Exception as error:  # openpyxl checks nothing: a damaged workbook raises whatever it stumbles over
        reason = f"{type(error).__name__}: {error}"
        raise InputError(
            f"field points {path} cannot be read as a workbook ({clipped(reason)}): save it as .xlsx or as a CSV."
        ) from error
    filled = {title: rows for title, rows in sheets.items() if rows}
    if not filled:
        raise InputError(f"field points {path} hold no sheet with cells: give a table with a header.")
    fitting = [title for title, rows in filled.items() if set(needed) <= {cell.strip() for cell in rows[0]}]
    if len(fitting) > 1:
        raise InputError(
            f"field points {path} hold several sheets with these columns ({clipped(', '.join(fitting))}): keep one."
        )
    title = fitting[0] if fitting else next(iter(filled))
    return filled[title], title


def _sheet_rows(path: str | Path, sheet: Any) -> Iterator[list[str]]:
    """Rows of a sheet that are not empty."""
    sheet.reset_dimensions()  # programs write them wrong
    cells = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells += len(row)
        if cells > MOST_CELLS or number > MOST_ROWS:
            raise InputError(
                f"field points {path} hold more than {MOST_CELLS:,} cells or {MOST_ROWS:,} rows: give the rows that "
                "count."
            )
        texts = [_text(cell) for cell in row]
        if any(texts):
            yield texts


def _text(cell: object) -> str:
    """A workbook's value as text; whole days without a time."""
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return str(cell.date())
    return "" if cell is None else str(cell)


# Numbers and dates


def decimal_sign(path: str | Path, cells: pd.Series) -> str:
    """Decimal sign of a table's numbers, by all of them. Raises `InputError` where it may be one of thousands."""
    commas, points = (
        cells[cells.str.fullmatch(_NUMBER[sign]) & cells.str.contains(sign, regex=False)] for sign in ",."
    )
    if commas.empty or len(points):
        return "."
    if commas.str.fullmatch(r"[-+]?[1-9][0-9]{0,2},[0-9]{3}").all():
        raise InputError(
            f"field points {path}: {clipped(commas.iloc[0])} may be a number with a decimal comma or one of thousands, "
            "and no other number tells: set `points.decimal` to a comma, or leave out the commas of thousands."
        )
    return ","


def numbers(cells: pd.Series, decimal: str) -> pd.Series:
    """Numbers for text; NaN where it is none."""
    good = cells.str.fullmatch(_NUMBER[decimal])
    return cells.str.replace(decimal, ".", regex=False).where(good, "nan").map(float)


def dates(path: str | Path, cells: pd.Series, order: str | None) -> tuple[str, pd.Series]:
    """Order of the parts of dates, of `DATES`, and days for text; NaT where a cell has none in this order.

    Without `order` the one that fits every cell, else the one that fits most. Raises `InputError` where two fit.
    """
    parts = [re.split(r"T|\s+", cell, maxsplit=1) for cell in cells]
    texts = [day if not clock or _CLOCK.fullmatch(clock[0]) else "" for day, *clock in parts]
    found = {name: pd.Series(texts, cells.index).map(_days(texts, name)) for name in ([order] if order else DATES)}
    fitting = [name for name, days in found.items() if days.notna().all()]
    if len(fitting) > 1 and (unlike := found[fitting[0]] != found[fitting[1]]).any():
        raise InputError(
            f"field points {path}: the date {clipped(cells[unlike].iloc[0])} may be {' or '.join(fitting)}, and no "
            "other row tells: set `points.dates` to one of them."
        )
    best = max(found, key=lambda name: found[name].notna().sum())
    return best, found[best]


def _days(texts: Iterable[str], order: str) -> pd.Series:
    """Days by their texts, each of which is read once: a table has many times of a day."""
    known = pd.Series(list(dict.fromkeys(texts)), dtype=str)
    parts = known.str.extract(rf"^{DATES[order]}$", flags=re.ASCII)
    days = pd.to_datetime(parts["y"] + "-" + parts["m"] + "-" + parts["d"], format="%Y-%m-%d", errors="coerce")
    return days.set_axis(known)
