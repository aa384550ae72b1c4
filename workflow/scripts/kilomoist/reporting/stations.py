"""Soil moisture of a month from archives of the International Soil Moisture Network (ISMN).

Formats: the Readme that ISMN puts into each archive (“Variables stored in separate files”; Header+values, and CEOP,
also at https://ismn.earth/en/data/ceop-standard/). Quality flags: Dorigo et al. 2013, doi 10.2136/vzj2012.0097, and
https://ismn.earth/en/data/flag-overview/. Times are UTC, as SMAP's are; depths are in m, soil moisture in m³/m³.

The network's own package, `ismn` 1.5.4, is not used: it would add 18 packages of 91 MB to what the workflow installs
(netCDF4 and pyresample among them), for files of a line a measurement.
"""

import logging
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import pandas as pd

from kilomoist.calendars import month_range
from kilomoist.errors import InputError

LOGGER = logging.getLogger(__name__)

GOOD = "G"
"""ISMN's flag of a value that no test found fault with; C… is out of range, D… dubious, M missing, U untested."""

_NAME = re.compile(r"(?:^|/)(?!\.)[^/]*?_sm_(\d+\.\d+)_(\d+\.\d+)_[^/]*\.stm$")
"""Files of soil moisture (`sm`) by name, which says the depths in m; macOS adds some that begin with a dot."""
_TIME = r"\d{4}/\d\d/\d\d \d\d:\d\d"
_NUMBER = r"[-+]?\d+\.\d+"  # never without decimals, unlike the words of a station's name
_PLACE = rf"\S+\s+(\S+)\s+(\S.*?)\s+({_NUMBER})\s+({_NUMBER})\s+\S+\s+{_NUMBER}\s+{_NUMBER}"
_HEADER = re.compile(rf"{_PLACE}(?:\s+\S.*)?")
"""CSE, network, station, latitude, longitude, elevation, depths, sensor: the first line of Header+values."""
_RECORD = re.compile(rf"({_TIME})\s+(\S+)\s+(\S+)(?:\s+\S.*)?")
"""Time, value, ISMN's flag and the provider's: every other line of Header+values."""
_CEOP = re.compile(rf"{_TIME}\s+({_TIME})\s+{_PLACE}\s+(\S+)\s+(\S+)(?:\s+\S.*)?")
"""Nominal and actual time, the place as in a header but for the sensor, value, flags: every line of CEOP."""


@dataclass(frozen=True)
class Sensor:
    """Measurements of a sensor in a month: good values (m³/m³), their days (UTC), the number of others by flag."""

    station: str
    """Network/station."""
    longitude: float
    latitude: float
    good: list[float]
    dates: set[date]
    flagged: Counter[str]


def is_archive(path: str | Path) -> bool:
    """True where a path is a folder or a zip file, and so no table."""
    return Path(path).is_dir() or Path(path).suffix.lower() == ".zip"


def archive_files(path: str | Path, depth: Sequence[float]) -> list[Path]:
    """Files that are read of an archive: the zip file, or a folder's files of sensors within `depth` (cm).

    No measurement is read. Raises `InputError` when the archive cannot be opened or holds no such sensor.
    """
    with _opened(path, depth) as (_, chosen, _):
        return [Path(path, name) for name in chosen] if Path(path).is_dir() else [Path(path)]


def days_around(month: str, window: int) -> tuple[date, date]:
    """First and last day of a month and of `window` days before and after it."""
    begin, end = month_range(month)
    return begin - timedelta(days=window), end + timedelta(days=window - 1)


def read_stations(path: str | Path, month: str, depth: Sequence[float], window: int, minimum_days: int) -> pd.DataFrame:
    """Monthly means of an archive's stations: id, longitude, latitude, soil_moisture (m³/m³), measurements.

    Values with ISMN's flag `G` from `window` days before the month to `window` days after it (UTC) are averaged over
    each sensor whose depths lie within `depth` (cm, both limits included; many lie flat at 5 cm and do not reach up to
    the surface) and that has values on `minimum_days` days, then with equal weights over the sensors of a station and
    place. `measurements` is the number of values.

    Damaged files are named in the log and skipped; what is left out is counted there. Raises `InputError` when the
    archive cannot be opened, holds no sensor within `depth`, or has only damaged files of these.
    """
    days = days_around(month, window)
    found: list[Sensor] = []
    with _opened(path, depth) as (number, chosen, read):
        for name in chosen:
            try:
                found.append(_sensor(read(name).decode("utf-8", "replace"), *days))
            except (ValueError, OSError, RuntimeError, NotImplementedError, BadZipFile, zlib.error) as error:
                LOGGER.warning("%s: %s is damaged (%s): it is skipped.", path, name, error)
    if not found:
        raise InputError(
            f"field points {path}: all {len(chosen)} files of soil moisture within {_shown(depth)} are damaged, the "
            f"last is {name}: download the archive again."
        )
    kept = [own for own in found if len(own.dates) >= minimum_days]
    silent = sum(not sensor.dates for sensor in found)
    flagged = sum((sensor.flagged for sensor in found), Counter())
    LOGGER.info(
        "%s: of %d sensors of soil moisture %d lie within %s; %d of these are averaged, %d have no good value in %s, "
        "%d have some on fewer than %d days, %d are damaged.",
        *(path, number, len(chosen), _shown(depth), len(kept), silent, month),
        *(len(found) - len(kept) - silent, minimum_days, len(chosen) - len(found)),
    )
    LOGGER.info(
        "%s: %d values have the flag %s, %d others do not count%s.",
        *(path, sum(len(sensor.good) for sensor in found), GOOD, flagged.total()),
        f" ({', '.join(f'{flag}: {count}' for flag, count in sorted(flagged.items()))})" if flagged else "",
    )
    rows = [(own.station, own.longitude, own.latitude, sum(own.good) / len(own.good), len(own.good)) for own in kept]
    frame = pd.DataFrame(rows, columns=["id", "longitude", "latitude", "soil_moisture", "measurements"])
    places = frame.groupby(["id", "longitude", "latitude"], as_index=False)
    return places.agg({"soil_moisture": "mean", "measurements": "sum"})


@contextmanager
def _opened(path: str | Path, depth: Sequence[float]) -> Iterator[tuple[int, list[str], Callable[[str], bytes]]]:
    """Number of an archive's files of soil moisture, those of sensors within `depth`, and the reader of a file."""
    path = Path(path)
    if path.is_dir():
        names = [file.relative_to(path).as_posix() for file in path.rglob("*.stm")]
        yield *_within(path, names, depth), lambda name: (path / name).read_bytes()
        return
    try:
        archive = ZipFile(path)
    except (OSError, BadZipFile) as error:
        raise InputError(
            f"field points {path} cannot be opened as a zip file ({error}): download the archive again."
        ) from error
    with archive:
        yield *_within(path, archive.namelist(), depth), archive.read


def _within(path: Path, names: list[str], depth: Sequence[float]) -> tuple[int, list[str]]:
    """Number of files of soil moisture, and those of sensors within `depth` (cm), in order. Raises `InputError`."""
    limits = {name: match.groups() for name in sorted(names) if (match := _NAME.search(name))}
    if not limits:
        raise InputError(
            f"field points {path} hold no file of soil moisture as in an archive of ISMN (*_sm_*.stm): give such an "
            "archive, its zip file or the folder that it was unpacked to, or a CSV."
        )
    depths = {name: tuple(round(100 * float(limit), 3) for limit in own) for name, own in limits.items()}
    chosen = [name for name, (top, bottom) in depths.items() if depth[0] <= top and bottom <= depth[1]]
    if not chosen:
        there = ", ".join(f"{top:g}–{bottom:g}" for top, bottom in sorted(set(depths.values())))
        raise InputError(
            f"field points {path} hold no sensor within {_shown(depth)} (there are {there} cm): change `points.depth`."
        )
    return len(depths), chosen


def _sensor(text: str, first: date, last: date) -> Sensor:
    """A file's measurements from a first to a last day. Raises ValueError for what is in neither format."""
    lines = text.splitlines()
    if not lines:
        raise ValueError("it is empty")
    ceop = _CEOP.fullmatch(lines[0].strip())
    head = ceop or _HEADER.fullmatch(lines[0].strip())
    if not head:
        raise ValueError("its first line is neither a header nor a measurement")
    network, station, latitude, longitude = head.groups()[1:5] if ceop else head.groups()
    if abs(float(latitude)) > 90 or abs(float(longitude)) > 180:
        raise ValueError(f"its station lies at latitude {latitude}, longitude {longitude}")
    sensor = Sensor(f"{network}/{station}", float(longitude), float(latitude), [], set(), Counter())
    pattern, column, start = (_CEOP, 2, 0) if ceop else (_RECORD, 0, 1)
    # Days as text are in order too: of a series of years only the month is read in full.
    begin, end = f"{first:%Y/%m/%d}", f"{last:%Y/%m/%d}"
    for number, line in enumerate(lines[start:], start=start + 1):
        words = line.split(None, column + 1)
        if not words:
            continue
        if len(words) <= column:
            raise ValueError(f"line {number} ends too early")
        if not begin <= words[column] <= end:
            continue
        match = pattern.fullmatch(line.strip())
        if not match:
            raise ValueError(f"line {number} is no measurement: {line.strip()[:80]}")
        time, value, flag = match[1], float(match[pattern.groups - 1]), match[pattern.groups]
        day = datetime.strptime(time, "%Y/%m/%d %H:%M").date()
        if flag != GOOD:
            sensor.flagged[flag] += 1
            continue
        if not 0 <= value <= 1:
            raise ValueError(f"line {number} has the flag {GOOD} and {value:g}, which is not soil moisture in m³/m³")
        sensor.good.append(value)
        sensor.dates.add(day)
    return sensor


def _shown(depth: Sequence[float]) -> str:
    return f"{depth[0]:g}–{depth[1]:g} cm"
