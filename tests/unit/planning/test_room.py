"""Room on disk: what a run needs, said before it starts, and a warning where it is not free."""

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kilomoist.configuration.keys import Configuration
from kilomoist.configuration.schema import load
from kilomoist.earthdata.catalogues import Entry, write_catalogue
from kilomoist.planning import needs, room

REGION = {"name": "here", "bbox": [98.5, 47.0, 99.5, 48.0]}


class Usage(NamedTuple):
    """What `os.statvfs` tells, as far as it is asked."""

    f_bavail: int
    f_frsize: int
    f_blocks: int
    f_favail: int
    f_files: int


def configured(**keys: Any) -> Configuration:
    return load({"regions": [REGION]} | keys)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_default_run_needs_what_it_was_measured_to_take() -> None:
    """`du -sb`: results 89.7 MB, two of its tiles hardly covered, and 255 MB of simulated granules."""
    default = load({})
    assert 89.7e6 < room.result_bytes(default) < 4 * 89.7e6
    assert room.simulated_bytes(default) == pytest.approx(255e6, rel=0.05)
    assert room.need(default, "store") == room.result_bytes(default) + room.simulated_bytes(default)


def test_months_count_and_composites_are_shared() -> None:
    one, two = (room.result_bytes(configured(months=months)) for months in (["2021-08"], ["2021-07", "2021-08"]))
    assert two == 2 * one
    other = {"name": "twin", "bbox": REGION["bbox"]}
    both = room.result_bytes(load({"regions": [REGION, other]}))
    assert one < both < 2 * one


def test_only_what_is_not_there_must_be_free(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = configured()
    need = room.need(configuration, "store")
    monkeypatch.setattr("os.statvfs", lambda _: Usage(need - 1, 1, 10 * need, 5, 9))
    (warning,) = room.warnings_of(need)
    assert warning.startswith("The run needs about ")
    assert warning.endswith("Make room, or use another --directory.")
    (here / "results").mkdir()
    (here / "results" / "map.tif").write_bytes(b"0")
    assert room.warnings_of(need) == []
    assert "0.001 kB are here already" in room.told(need)


def test_a_file_system_without_inodes_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.statvfs", lambda _: Usage(10**15, 1, 10**15, 0, 9))
    assert len(room.warnings_of(room.need(configured(), "store"))) == 1


def test_granules_that_catalogues_tell_of_count(here: Path) -> None:
    """Of those that the run wants; a product without a catalogue is not known yet."""
    configuration = configured(source="earthdata")
    assert room.granule_bytes(configuration, "store") == 0
    path = next(path for path in needs.catalogues(configuration) if "MOD11A1.061" in path)
    tile = Path(path).parts[-2]
    days = ["2021-08-13", "2021-08-14", "1999-01-01"]
    names = [f"MOD11A1.A{datetime.fromisoformat(day):%Y%j}.{tile}.061.2021226093212.hdf" for day in days]
    rest = dict.fromkeys(("sidecar", "checksum", "algorithm", "produced"), "")
    entries = [
        Entry(name, day, tile, f"https://example.org/{name}", size=2_000_000, estimated_size=2_000_000, **rest)
        for name, day in zip(names, days, strict=True)
    ]
    write_catalogue(here / path, entries)
    assert room.granule_bytes(configuration, "store") == 4_000_000
