"""Searches in NASA's catalogue, and the files that keep their answers."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from earthdata.answers import SERVER_ERROR, Answer, too_many
from earthdata.faults import Stalled
from earthdata.hosts import CMR
from earthdata.server import Earthdata
from granule_archives import temperature

from kilomoist.calendars import slots
from kilomoist.earthdata.catalogues import Entry, read_catalogue, search_month, write_catalogue
from kilomoist.earthdata.downloads import Session
from kilomoist.errors import InputError
from kilomoist.files import sha256
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name

LST, VI, TARGET = PRODUCTS["MOD11A1.061"], PRODUCTS["MOD13A1.061"], PRODUCTS["SPL4SMGP.008"]
SERVE = Callable[..., Earthdata]


def names_of(product: Any, tile: str | None, months: list[str]) -> list[str]:
    return [granule_file_name(product, slot.time, tile) for month in months for slot in slots(product, month)]


def test_a_month_of_one_tile(serve: SERVE, tmp_path: Path) -> None:
    """Neither other tiles nor the granules of the days around; with what the catalogue says about each."""
    earthdata = serve(tmp_path)
    months = ["2021-07", "2021-08", "2021-09"]
    earthdata.catalogue.list_only(*names_of(LST, "h24v04", months), *names_of(LST, "h25v04", months), size=2_000_000)
    found = search_month(LST, "h24v04", "2021-08", Session())
    assert [entry.granule for entry in found] == names_of(LST, "h24v04", ["2021-08"])
    assert [entry.day for entry in found] == [f"2021-08-{day:02d}" for day in range(1, 32)]
    assert {(entry.place, entry.size, entry.sidecar) for entry in found} == {("h24v04", 2_000_000, "")}
    assert all(entry.url.endswith(f"/{entry.granule}") and entry.url.startswith("https://") for entry in found)
    assert found[0].produced.startswith("2021-08")


def test_periods_are_listed_in_the_month_of_their_first_day(serve: SERVE, tmp_path: Path) -> None:
    """The last period of a year reaches into January; CMR finds it for both months."""
    earthdata = serve(tmp_path)
    earthdata.catalogue.list_only(*dict.fromkeys(names_of(VI, "h24v04", ["2020-12", "2021-01", "2021-02"])))
    days = {
        month: [entry.day for entry in search_month(VI, "h24v04", month, Session())]
        for month in ("2020-12", "2021-01", "2021-02")
    }
    # 2020 is a leap year: day 337 is 2 December.
    assert days["2020-12"] == ["2020-12-02", "2020-12-18"]
    assert days["2021-01"] == ["2021-01-01", "2021-01-17"]
    assert days["2021-02"] == ["2021-02-02", "2021-02-18"]


def test_fields_of_the_evening_before_are_left_out(serve: SERVE, tmp_path: Path) -> None:
    """The field of 22:30 ends when the next day begins, and CMR returns it for that day too."""
    earthdata = serve(tmp_path)
    earthdata.catalogue.list_only(*names_of(TARGET, None, ["2021-01", "2021-02", "2021-03"]))
    found = search_month(TARGET, None, "2021-02", Session())
    assert len(found) == 28 * 8
    assert {entry.place for entry in found[:8]} == {f"{minute // 60:02d}30" for minute in range(60, 1440, 180)}
    assert found[0].sidecar == found[0].url + ".dmrpp"


def test_of_two_productions_the_newest_counts(serve: SERVE, tmp_path: Path) -> None:
    earthdata = serve(tmp_path)
    new = granule_file_name(LST, datetime(2021, 8, 3), "h24v04")
    old = new[:-17] + "2021216000000.hdf"
    assert old < new
    earthdata.catalogue.list_only(old, new)
    (entry,) = search_month(LST, "h24v04", "2021-08", Session())
    assert entry.granule == new


def test_a_product_that_is_not_there_has_an_empty_catalogue(serve: SERVE, tmp_path: Path) -> None:
    serve(tmp_path)
    assert search_month(LST, "h24v04", "2021-08", Session()) == []
    write_catalogue(tmp_path / "empty.csv", [])
    assert read_catalogue(tmp_path / "empty.csv") == []


@pytest.fixture
def august(serve: SERVE, tmp_path: Path) -> Earthdata:
    """A server that lists the 31 granules of a month."""
    earthdata = serve(tmp_path)
    earthdata.catalogue.list_only(*names_of(LST, "h24v04", ["2021-08"]))
    return earthdata


def test_a_busy_catalogue_is_asked_again(august: Earthdata) -> None:
    august.faults.add(f"{CMR}/*", SERVER_ERROR)
    august.faults.add(f"{CMR}/*", too_many(1))
    assert len(search_month(LST, "h24v04", "2021-08", Session())) == 31


def test_a_silent_catalogue_is_named(august: Earthdata) -> None:
    august.faults.add(f"{CMR}/*", Stalled(seconds=3.0), times=None)
    with pytest.raises(InputError, match=r"\(CMR\) did not answer the search for MOD11A1.061"):
        search_month(LST, "h24v04", "2021-08", Session(patience=(1, 0.2)))


def test_less_than_announced_is_an_error(august: Earthdata) -> None:
    """A page that is too short ends earthaccess's search without a word."""
    august.faults.add(f"{CMR}/*", Answer(200, headers={"CMR-Hits": "32"}))
    with pytest.raises(InputError, match=r"announced 32 granules of MOD11A1.061 from 2021-08-01 on but listed 31"):
        search_month(LST, "h24v04", "2021-08", Session())


@pytest.mark.parametrize("algorithm", [None, "SHA-256", "BSD checksum"])
def test_size_and_checksum_are_those_of_the_file(serve: SERVE, tmp_path: Path, algorithm: str | None) -> None:
    """And not those of the metadata that CMR lists beside it."""
    path = temperature(tmp_path, 3, 300.0)
    serve(tmp_path, algorithms={LST.name: algorithm})
    (entry,) = search_month(LST, "h24v04", "2021-08", Session())
    assert entry.size == path.stat().st_size
    assert entry.algorithm == (algorithm or "")
    if algorithm == "SHA-256":
        assert entry.checksum == sha256(path)
    else:
        assert bool(entry.checksum) == bool(algorithm)


def test_a_catalogue_is_read_as_it_was_written(tmp_path: Path) -> None:
    days = ("2021-08-01", "2021-08-02")
    entries = [Entry(f"granule,{day}", day, "h24v04", "https://x", "", 7, "", "", "") for day in days]
    write_catalogue(tmp_path / "catalogue.csv", entries)
    assert read_catalogue(tmp_path / "catalogue.csv") == entries
    text = (tmp_path / "catalogue.csv").read_text()
    assert text.splitlines()[0] == "granule,day,place,url,sidecar,size,checksum,algorithm,produced"
    (tmp_path / "catalogue.csv").write_text(text.replace("algorithm,", ""))
    with pytest.raises(InputError, match=r"catalogue\.csv is not a catalogue .*: delete it"):
        read_catalogue(tmp_path / "catalogue.csv")
