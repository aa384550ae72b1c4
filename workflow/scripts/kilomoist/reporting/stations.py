"""Soil moisture of a month from archives of the International Soil Moisture Network (ISMN).

Formats: the Readme that ISMN puts into each archive (“Variables stored in separate files”; Header+values, and CEOP,
also at https://ismn.earth/en/data/ceop-standard/). Quality flags: Dorigo et al. 2013, doi 10.2136/vzj2012.0097, and
https://ismn.earth/en/data/flag-overview/. Times are UTC, as SMAP's are; depths are in m, soil moisture in m³/m³.

The network's own package, `ismn` 1.5.4, is not used: it would add 18 packages of 91 MB to what the workflow installs
(netCDF4 and pyresample among them), for files of a line a measurement.
"""

import io
import itertools
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

import pandas as pd

from kilomoist.calendars import month_range
from kilomoist.errors import InputError
from kilomoist.reporting.tables import DAMAGES, LARGEST, check_members, opened_zip, packed_tables

LOGGER = logging.getLogger(__name__)

GOOD = "G"
"""ISMN's flag of a value that no test found fault with; C… is out of range, D… dubious, M missing, U untested."""

UNUSED = ("id", "longitude", "latitude", "reason")
"""Columns of the table of points that are not used."""
INCH = 2.54 / 2.5
"""By which the lower limit of depths reaches further: probes at 2, 4, 8 inches are meant to lie at 5, 10, 20 cm."""

_NAME = re.compile(r"(?!\.).*?_sm_(\d+\.\d+)_(\d+\.\d+)_(?:(.*?)_?(\d{8}_\d{8}.*)|(.*))\.stm")
"""Files of soil moisture (`sm`) by name: depths in m, sensor, days; macOS adds some that begin with a dot."""
_LONGEST = {"name": 255, "line": 2000}
"""Characters; no file system has longer names, and no format longer lines."""
_SHORTEST, _MOST_BLANK = 20, 1000
"""Characters of a measurement, and lines of a file that have none."""
_MOST_RECORDS = (31 + 2 * 31) * 24 * 60
"""Measurements of a file: one a minute in a month with the largest `points.window` around it."""
_DAY, _CLOCK = re.compile(r"\d{4}/\d\d/\d\d"), re.compile(r"\d\d:\d\d")
_NUMBER = re.compile(r"[-+]?\d+\.\d+")  # never without decimals, unlike the words of a station's name
_NOWHERE = (float("nan"), float("nan"))


@dataclass(frozen=True)
class File:
    """A file of soil moisture in an archive, by its name."""

    name: str
    top: float
    """cm, as `bottom`."""
    bottom: float
    sensor: str
    """Empty in old archives of the format CEOP."""
    days: str
    """First and last, YYYYMMDD_YYYYMMDD; empty where the name has none."""

    def __str__(self) -> str:
        return f"sensor {self.sensor or 'without a name'} at {self.top:g}–{self.bottom:g} cm"


Record = tuple[str, float, str]
"""Time (UTC), value (m³/m³) and ISMN's flag of a measurement."""


class Series(NamedTuple):
    """Measurements in a month, of a file."""

    station: str
    """Network/station."""
    longitude: float
    latitude: float
    records: Sequence[Record]


class Sensor(NamedTuple):
    """What counts of a sensor's measurements in a month."""

    file: File
    """The latest download."""
    station: str
    """Network/station."""
    longitude: float
    latitude: float
    good: int
    """Number of values that count."""
    mean: float
    """Of these, m³/m³; NaN where there are none."""
    days: int
    """Number of days (UTC) with a value that counts."""
    flagged: Counter[str]
    """Number of values that do not count, by flag."""

    @classmethod
    def of(cls, file: File, last: Series, records: Sequence[Record]) -> "Sensor":
        """A sensor by its latest file, what it holds, and the measurements of all of its files."""
        good = [value for _, value, flag in sorted(records) if flag == GOOD]
        days = len({time[:10] for time, _, flag in records if flag == GOOD})
        flagged = Counter(flag for _, _, flag in records if flag != GOOD)
        mean = sum(good) / len(good) if good else float("nan")
        return cls(file, *last[:3], len(good), mean, days, flagged)


def is_archive(path: str | Path) -> bool:
    """True where a path is a folder, or a zip file without tables, and so no table."""
    return Path(path).is_dir() or (Path(path).suffix.lower() == ".zip" and not packed_tables(path))


def within(top: Any, bottom: Any, depth: Sequence[float]) -> Any:
    """True of depths (cm; numbers or columns of them) within limits, both included, the lower one by `INCH` further."""
    return (depth[0] <= top) & (bottom <= round(INCH * depth[1], 3))


def archive_files(path: str | Path, depth: Sequence[float]) -> list[Path]:
    """Files that are read of an archive: the zip file, or a folder's files of sensors within `depth` (cm).

    No measurement is read. Raises `InputError` when the archive cannot be opened or holds no such sensor.
    """
    with _opened(path, depth) as (chosen, _, _):
        return [Path(path, file.name) for file in chosen] if Path(path).is_dir() else [Path(path)]


def days_around(month: str, window: int) -> tuple[date, date]:
    """First and last day of a month and of `window` days before and after it."""
    begin, end = month_range(month)
    return begin - timedelta(days=window), end + timedelta(days=window - 1)


def read_stations(
    path: str | Path, month: str, depth: Sequence[float], window: int, minimum_days: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Monthly means of an archive's stations: id, longitude, latitude, soil_moisture (m³/m³), measurements.

    Values with ISMN's flag `G` from `window` days before the month to `window` days after it (UTC) are averaged over
    each sensor whose depths lie `within` `depth` (many lie flat at 5 cm and do not reach up to the surface) and that
    has values on `minimum_days` days, then with equal weights over the sensors of a station and place. `measurements`
    is the number of values. A sensor in several files, of downloads that overlap, counts once, and so does each time.

    With it the sensors that are not used: `UNUSED`. Damaged files are among them. Raises `InputError` when the archive
    cannot be opened, holds no sensor within `depth`, or has only damaged files of these.
    """
    days = days_around(month, window)
    unused: list[tuple[str, float, float, str]] = []

    def series(file: File) -> Series | None:
        try:
            with opened(file.name) as content:
                return _series(content, *days)
        except DAMAGES as error:
            LOGGER.warning("%s: %s is damaged (%s): it is skipped.", path, file.name, error)
            unused.append((file.name, *_NOWHERE, f"damaged: {error}"))
            return None

    with _opened(path, depth) as (chosen, others, opened):
        found = list(_sensors(path, [(_place_of(opened, file)[0], file) for file in chosen], series))
        damaged = len(unused)
        unused += [(*_place_of(opened, file), f"{file}, not within {_shown(depth)}") for file in others]
    if not found:
        raise InputError(
            f"field points {path}: all {len(chosen)} files of soil moisture within {_shown(depth)} are damaged, the "
            f"last is {chosen[-1].name}: download the archive again."
        )
    kept = [own for own in found if own.days >= minimum_days]
    for own in found:
        reason = f"good values on {own.days} days in {month}, fewer than {minimum_days}"
        if not own.days:
            reason = f"no good value in {month}"
        if own.flagged:
            reason += f" (others have the flags {_counted(own.flagged)})"
        if own.days < minimum_days:
            unused.append((own.station, own.longitude, own.latitude, f"{own.file}: {reason}"))
    silent = sum(not own.days for own in found)
    flagged = sum((own.flagged for own in found), Counter())
    LOGGER.info(
        "%s: of %d sensors of soil moisture %d lie within %s; %d of these are averaged, %d have no good value in %s, "
        "%d have some on fewer than %d days, %d are damaged.",
        *(path, len(found) + damaged + len(others), len(found) + damaged, _shown(depth), len(kept), silent, month),
        *(len(found) - len(kept) - silent, minimum_days, damaged),
    )
    LOGGER.info(
        "%s: %d values have the flag %s, %d others do not count%s.",
        *(path, sum(own.good for own in found), GOOD, flagged.total()),
        f" ({_counted(flagged)})" if flagged else "",
    )
    rows = [(own.station, own.longitude, own.latitude, own.mean, own.good) for own in kept]
    frame = pd.DataFrame(rows, columns=["id", "longitude", "latitude", "soil_moisture", "measurements"])
    places = frame.groupby(["id", "longitude", "latitude"], as_index=False)
    means = places.agg({"soil_moisture": "mean", "measurements": "sum"})
    return means, pd.DataFrame(unused, columns=list(UNUSED))


def _counted(flagged: Counter[str]) -> str:
    return ", ".join(f"{flag}: {count}" for flag, count in sorted(flagged.items()))


def _sensors(
    path: str | Path, placed: Sequence[tuple[str, File]], series: Callable[[File], Series | None]
) -> Iterator[Sensor]:
    """Sensors, each once: where files of one differ the values of the latest download count, which is told.

    `placed` are files with the station that each names; `series` reads a file, None where it is damaged. One file is
    held at a time.
    """
    named: dict[tuple, set[str]] = {}
    for station, file in placed:
        named.setdefault((station, file.top, file.bottom), set()).add(file.sensor)
    together: dict[tuple, list[File]] = {}
    for station, file in placed:
        place = (station, file.top, file.bottom)
        # A name that is missing is that of the only sensor there.
        sensor = file.sensor or (min(named[place] - {""}, default="") if len(named[place]) == 2 else "")
        together.setdefault((*place, sensor), []).append(file)
    for files in together.values():
        records: dict[str, Record] = {}
        places = set()
        latest: tuple[File, Series] | None = None
        for file in sorted(files, key=lambda one: (one.days[-8:], one.name)):
            if (own := series(file)) is None:
                continue
            unlike = []
            for record in own.records:
                if (known := records.setdefault(record[0], record)) != record:
                    unlike.append((*known, *record[1:]))
                    records[record[0]] = record
            if unlike:
                LOGGER.warning(
                    "%s: %d values of %s, %s, are there twice and differ (%s: %g %s and %g %s): those of %s are taken.",
                    *(path, len(unlike), own.station, file, *unlike[0], file.name),
                )
            places.add((own.longitude, own.latitude))
            latest = file, own
        if latest and len(places) > 1:
            LOGGER.warning(
                "%s: %s, %s, lies elsewhere in each download: the place in %s is taken, which ends last.",
                *(path, latest[1].station, latest[0], latest[0].name),
            )
        if latest:
            yield Sensor.of(*latest, list(records.values()))


_Opener = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens a file by its name, to be read piece by piece."""


@contextmanager
def _opened(path: str | Path, depth: Sequence[float]) -> Iterator[tuple[list[File], list[File], _Opener]]:
    """An archive's files of soil moisture, of sensors within `depth` and of others, and what opens them."""
    path = Path(path)
    if path.is_dir():
        chosen, others = _chosen(path, [file.relative_to(path).as_posix() for file in path.rglob("*.stm")], depth)
        for file in chosen:
            # A link to nothing has no size, and is damaged when it is read.
            if (path / file.name).exists() and (size := (path / file.name).stat().st_size) > LARGEST * 10**6:
                raise InputError(
                    f"field points {path} hold the file {file.name} of {size / 1e6:.0f} MB, expected at most {LARGEST} "
                    "MB: divide it."
                )

        yield chosen, others, lambda name: (path / name).open("rb")
        return
    with opened_zip(path) as archive:
        chosen, others = _chosen(path, archive.namelist(), depth)
        check_members(path, [archive.getinfo(file.name) for file in chosen])

        yield chosen, others, archive.open


def _chosen(path: Path, names: Sequence[str], depth: Sequence[float]) -> tuple[list[File], list[File]]:
    """Files of soil moisture of sensors within `depth` (cm), and of others, by name. Raises `InputError`."""
    files = []
    for name in sorted(set(names)):
        last = PurePosixPath(name.replace("\\", "/")).name
        # The end first: it tells a long name that is none from one in a moment.
        if len(last) <= _LONGEST["name"] and last.endswith(".stm") and (match := _NAME.fullmatch(last)):
            top, bottom = (round(100 * float(limit), 3) for limit in match.group(1, 2))
            files.append(File(name, top, bottom, match[3] or match[5] or "", (match[4] or "")[:17]))
    if not files:
        raise InputError(
            f"field points {path} hold no file of soil moisture as in an archive of ISMN (*_sm_*.stm): give such an "
            "archive, its zip file or the folder that it was unpacked to (zip files in it are not opened), or a table."
        )
    chosen = [file for file in files if within(file.top, file.bottom, depth)]
    if not chosen:
        there = ", ".join(f"{top:g}–{bottom:g}" for top, bottom in sorted({(file.top, file.bottom) for file in files}))
        raise InputError(
            f"field points {path} hold no sensor within {_shown(depth)} (there are {there} cm): change `points.depth`."
        )
    return chosen, [file for file in files if not within(file.top, file.bottom, depth)]


def _place_of(opened: _Opener, file: File) -> tuple[str, float, float]:
    """Station, longitude and latitude by a file's first line; its name and no place where it has none."""
    try:
        with opened(file.name) as content:
            station, longitude, latitude, _ = _place(next(_lines(content), ""))
    except DAMAGES:
        return file.name, *_NOWHERE
    return station, longitude, latitude


def _lines(content: IO[bytes]) -> Iterator[str]:
    """Lines of a file; raises ValueError for one that is too long."""
    text = io.TextIOWrapper(content, "utf-8", "replace")
    longest = _LONGEST["line"]
    for number, line in enumerate(iter(lambda: text.readline(longest), ""), start=1):
        if len(line) == longest:
            raise ValueError(f"line {number} has more than {longest} characters")
        yield line


def _place(line: str) -> tuple[str, float, float, int]:
    """Network/station, longitude and latitude in a file's first line, and the column of the value; 0 in a header.

    A header has CSE, network, station, latitude, longitude, elevation, both depths and the sensor; a line of CEOP the
    nominal and the actual time before the same, and value and flags in place of the sensor.
    """
    words = line.split()
    ceop = len(words) > 4 and all(_DAY.fullmatch(words[at]) and _CLOCK.fullmatch(words[at + 1]) for at in (0, 2))
    start = 4 if ceop else 0
    # A station's name may have several words.
    for column in range(start + 3, len(words) - (6 if ceop else 4)):
        if all(_NUMBER.fullmatch(words[column + step]) for step in (0, 1, 3, 4)):
            latitude, longitude = words[column : column + 2]
            if abs(float(latitude)) > 90 or abs(float(longitude)) > 180:
                raise ValueError(f"its station lies at latitude {latitude}, longitude {longitude}")
            station = f"{words[start + 1]}/{' '.join(words[start + 2 : column])}"
            return station, float(longitude), float(latitude), column + 5 if ceop else 0
    raise ValueError("its first line is neither a header nor a measurement")


def _series(content: IO[bytes], first: date, last: date) -> Series:
    """A file's measurements from a first to a last day. Raises ValueError for what is in neither format."""
    lines = _lines(content)
    head = next(lines, None)
    if head is None:
        raise ValueError("it is empty")
    station, longitude, latitude, column = _place(head)
    # Header+values has time, value, ISMN's flag and the provider's; of CEOP the actual time counts.
    at, column, rest, start = (2, column, itertools.chain([head], lines), 1) if column else (0, 2, lines, 2)
    records = []
    # Days as text are in order too: of a series of years only the month is read in full.
    begin, end = f"{first:%Y/%m/%d}", f"{last:%Y/%m/%d}"
    blank = 0
    for number, line in enumerate(rest, start=start):
        words = line.split(None, at + 1)
        if not words:
            blank += 1
            if blank > _MOST_BLANK:
                raise ValueError(f"it has more than {_MOST_BLANK:,} empty lines")
            continue
        if len(words) <= at:
            raise ValueError(f"line {number} ends too early")
        if not begin <= words[at] <= end:
            if len(line) < _SHORTEST:
                raise ValueError(f"line {number} ends too early")
            continue
        words = line.split()
        if len(words) < column + 2 or not (_DAY.fullmatch(words[at]) and _CLOCK.fullmatch(words[at + 1])):
            raise ValueError(f"line {number} is no measurement: {line.strip()[:80]}")
        time, value, flag = f"{words[at]} {words[at + 1]}", float(words[column]), words[column + 1]
        datetime.strptime(time, "%Y/%m/%d %H:%M")
        if flag == GOOD and not 0 <= value <= 1:
            raise ValueError(f"line {number} has the flag {GOOD} and {value:g}, which is not soil moisture in m³/m³")
        records.append((time, value, flag))
        if len(records) > _MOST_RECORDS:
            raise ValueError(f"it has more than {_MOST_RECORDS:,} measurements around a month, more than one a minute")
    return Series(station, longitude, latitude, records)


def _shown(depth: Sequence[float]) -> str:
    return f"{depth[0]:g}–{depth[1]:g} cm"
