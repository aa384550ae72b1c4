"""Made-up archives of the International Soil Moisture Network, in both of its formats."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

Record = tuple[str, float, str]
"""Time (UTC), soil moisture in m³/m³, ISMN's flag."""


def hourly(first: str, hours: int, value: float = 0.2, flag: str = "G") -> list[Record]:
    """One value every hour from a time on."""
    begin = datetime.strptime(first, "%Y/%m/%d %H:%M")
    return [(f"{begin + timedelta(hours=number):%Y/%m/%d %H:%M}", value, flag) for number in range(hours)]


def file_name(station: str, top: float = 0, bottom: float = 0.05, sensor: str = "5TM", variable: str = "sm") -> str:
    """Where a sensor's file lies in an archive; depths in m."""
    return f"NET/{station}/NET_NET_{station}_{variable}_{top:.6f}_{bottom:.6f}_{sensor}_20210701_20210930.stm"


def header_values(
    records: Iterable[Record], station: str = "A", place: tuple[float, float] = (47.5, 99.0), sensor: str = "5TM"
) -> str:
    """A file in the format Header+values; `place` is latitude, longitude."""
    latitude, longitude = place
    head = f"NET        NET             {station:<15}{latitude:10.5f}{longitude:12.5f} 1322.00    0.00    0.05 {sensor}"
    return "\n".join([head, *(f"{time} {value:10.4f} {flag} M" for time, value, flag in records)]) + "\n"


def ceop(
    records: Iterable[Record], station: str = "A", place: tuple[float, float] = (47.5, 99.0), late: int = 0
) -> str:
    """A file in the format CEOP; the nominal times are `late` minutes later than the actual ones."""
    latitude, longitude = place
    lines = []
    for time, value, flag in records:
        nominal = datetime.strptime(time, "%Y/%m/%d %H:%M") + timedelta(minutes=late)
        lines.append(
            f"{nominal:%Y/%m/%d %H:%M} {time} NET        NET             {station:<15}{latitude:10.5f}"
            f"{longitude:12.5f} 1322.00    0.00    0.05 {value:8.4f} {flag} M"
        )
    return "\n".join(lines) + "\n"


def write_archive(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A zip file or, without `.zip` in its name, a folder; with the files that ISMN adds."""
    others = {
        "Readme.txt": "Variables stored in separate files",
        "NET/A/NET_NET_A_static_variables.csv": "quantity_name;unit;depth_from[m];depth_to[m];value\n",
        file_name("A", variable="ts"): "no soil moisture: not opened",
    }
    contents = {name: text.encode() if isinstance(text, str) else text for name, text in {**others, **files}.items()}
    if path.suffix == ".zip":
        with ZipFile(path, "w") as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return path
    for name, content in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path
