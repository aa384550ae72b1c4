"""Searches in NASA's catalogue, and the files that keep their answers."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from earthdata.answers import NOT_FOUND, SERVER_ERROR, Answer, document, too_many
from earthdata.faults import Cut, Stalled
from earthdata.hosts import CMR
from earthdata.server import Earthdata
from granule_archives import temperature
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from requests import Response
from witnesses import SHARED, with_witnesses

from kilomoist.calendars import slots
from kilomoist.earthdata.catalogues import (
    Entry,
    find_granule,
    newest_granule,
    read_catalogue,
    search_month,
    untold,
    write_catalogue,
)
from kilomoist.earthdata.documents import MOST
from kilomoist.earthdata.downloads import Session
from kilomoist.errors import InputError
from kilomoist.files import sha256
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name

LST, VI, TARGET = PRODUCTS["MOD11A1.061"], PRODUCTS["MOD13A1.061"], PRODUCTS["SPL4SMGP.008"]
SERVE = Callable[..., Earthdata]
SEARCH, CONCEPTS = f"{CMR}/search/granules.umm_json", f"{CMR}/search/concepts/*"
RECORDINGS, FAULTS = SHARED / "earthdata/cmr", SHARED / "faults"


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
    assert read_catalogue(tmp_path / "empty.csv", LST) == []


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
    august.faults.add(SEARCH, page([item(name) for name in NAMES[:2]], hits=3))
    with pytest.raises(InputError, match=r"announced 3 granules of MOD11A1.061, 2021-08, but listed 2: run again"):
        search_month(LST, "h24v04", "2021-08", Session())


# Answers that a test writes

NAMES = names_of(LST, "h24v04", ["2021-08"])
NASA = "https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected/MOD11A1.061"


def item(name: str, *files: Any, url: str | None = None, **meta: str) -> dict[str, Any]:
    """A granule in UMM-G, with what is told of its files."""
    links = [{"URL": f"{NASA}/{name}" if url is None else url, "Type": "GET DATA"}]
    described = {"ArchiveAndDistributionInformation": list(files)}
    umm = {"GranuleUR": name.removesuffix(".hdf"), "DataGranule": described, "RelatedUrls": links}
    return {"meta": {"concept-id": "G1-LPCLOUD", "format": "application/vnd.nasa.cmr.umm+json"} | meta, "umm": umm}


def page(items: Any, hits: int | None = None, after: str | None = None, **headers: str) -> Answer:
    told = {"CMR-Hits": str(len(items) if hits is None else hits)}
    return document(200, {"items": items}, told | ({"CMR-Search-After": after} if after else {}) | headers)


def answered(earthdata: Earthdata, *pages: Answer, product: Product = LST, month: str = "2021-08") -> list[Entry]:
    """What a search makes of some pages."""
    earthdata.faults.clear()
    for answer in pages:
        earthdata.faults.add(SEARCH, answer)
    return search_month(product, "h24v04" if product.tiled else None, month, Session(pause=0.0))


@pytest.fixture
def cmr(serve: SERVE, tmp_path: Path) -> Earthdata:
    """A server without granules, whose answers a test writes."""
    return serve(tmp_path)


def test_pages_are_asked_for_until_one_brings_nothing(cmr: Earthdata) -> None:
    """Short pages, a mark on the last page, and a number of hits that grows and shrinks meanwhile."""
    items = [item(name) for name in NAMES[:5]]
    pages = [page(items[:2], 9, "a"), page(items[2:3], 4, "b"), page(items[3:], 4, "c"), page([], 4)]
    assert [entry.granule for entry in answered(cmr, *pages)] == NAMES[:5]
    marks = [request.headers.get("Cmr-Search-After") for request in cmr.requested(SEARCH)]
    assert marks == [None, "a", "b", "c"]
    # A proxy in between that forgets the mark sends the first page for ever.
    cmr.faults.clear()
    cmr.faults.add(SEARCH, page(items, after="a"), times=None)
    assert len(search_month(LST, "h24v04", "2021-08", Session())) == 5
    cmr.faults.clear()
    cmr.faults.add(SEARCH, page(items, 6, "a"), times=None)
    with pytest.raises(InputError, match=r"announced 6 granules of MOD11A1.061, 2021-08, but listed 5"):
        search_month(LST, "h24v04", "2021-08", Session())


def test_a_part_of_an_answer_is_asked_for_again(cmr: Earthdata) -> None:
    """CMR gives what it has found when its time is over, and says so in a header alone."""
    whole = [item(name) for name in NAMES]
    part = page(whole[:7], **{"CMR-Timed-Out": "true"})
    assert len(answered(cmr, part, part, page(whole, **{"CMR-Timed-Out": "false"}))) == 31
    with pytest.raises(InputError, match=r"did not answer the search for MOD11A1.061, 2021-08 \(it ran out of time"):
        answered(cmr, part, part, part)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"items": {}}', "something else than a list"),
        (b"[]", "something else than a list"),
        (b"<html>", "JSONDecodeError"),
        (b'{"items": [', "JSONDecodeError"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\xfa", "UnicodeDecodeError"),
    ],
)
def test_what_is_no_list_of_granules_is_refused(cmr: Earthdata, body: bytes, told: str) -> None:
    with pytest.raises(InputError, match=rf"did not answer the search for .*{told}"):
        answered(cmr, *[Answer(200, body)] * 3)


class Endless:
    """A session that lists ever more granules, in pages of a megabyte."""

    pause = 0.0

    def __init__(self) -> None:
        self.pages = 0

    def get(self, *_: Any, **__: Any) -> Response:
        self.pages += 1
        response = Response()
        response.status_code = 200
        response.headers["CMR-Search-After"] = str(self.pages)
        response.raw = BytesIO(json.dumps({"items": [{"number": self.pages, "rest": "x" * 1_000_000}]}).encode())
        return response


def test_answers_have_a_limit() -> None:
    """Of one, of all together; and of a document, which may be packed as large as one likes."""
    with pytest.raises(InputError, match=rf"did not answer the search for .* \(it sent more than {MOST} bytes\)"):
        search_month(LST, "h24v04", "2021-08", Replies(b" " * (MOST + 1)))
    with pytest.raises(InputError, match=rf"did not answer the search for .* \(it sent more than {MOST} bytes\)"):
        search_month(LST, "h24v04", "2021-08", Replies(LISTED.encode(), b" " * (MOST + 1)))
    endless = Endless()
    with pytest.raises(InputError, match=r"lists \d\d granules of MOD11A1.061, 2021-08, and no end of them"):
        search_month(LST, "h24v04", "2021-08", endless)
    assert endless.pages == MOST // 1_000_000 + 1


def test_an_answer_that_breaks_off_is_asked_for_again(august: Earthdata) -> None:
    august.faults.add(SEARCH, Cut())
    august.faults.add(CONCEPTS, Cut())
    assert len(search_month(LST, "h24v04", "2021-08", Session(pause=0.0))) == 31


def test_a_granule_without_a_link_costs_itself_alone(cmr: Earthdata, caplog: pytest.LogCaptureFixture) -> None:
    broken = [
        item(NAMES[1], url=""),
        item(NAMES[2], url=f"s3://{NAMES[2]}"),
        item(NAMES[3], url=f"http://example.com/{NAMES[3]}"),
        item(NAMES[4], url=f"https://[x/{NAMES[4]}"),
        item(NAMES[5]) | {"umm": {"GranuleUR": "SC:MOD11A1.061:1"} | {"RelatedUrls": None}},
        {"umm": None},
        "x",
    ]
    broken[4]["umm"]["DataGranule"] = {"Identifiers": [{"Identifier": NAMES[5]}]}
    with caplog.at_level(logging.WARNING):
        found = answered(cmr, page([item(NAMES[0]), *broken, item(NAMES[6])]))
    assert [entry.granule for entry in found] == [NAMES[0], NAMES[6]]
    named = [*(name.removesuffix(".hdf") for name in NAMES[1:5]), "SC:MOD11A1.061:1"]
    links = [record.getMessage() for record in caplog.records if "no download link" in record.getMessage()]
    assert [re.search(r"link for (\S+) of", text)[1] for text in links] == named
    (strange,) = (record.getMessage() for record in caplog.records if "whose names" in record.getMessage())
    assert strange.startswith("NASA's catalogue (CMR) lists 2 granules of MOD11A1.061 whose names are not")


def test_the_clouds_archive_counts_before_older_ones(cmr: Earthdata, caplog: pytest.LogCaptureFixture) -> None:
    """Of the same granule in two collections, and of an older production of it in the cloud."""
    old = f"https://e4ftl01.cr.usgs.gov/MOLT/MOD11A1.061/2021.08.01/{NAMES[0]}"
    newer = NAMES[1][:-17] + "2030001000000.hdf"
    items = [
        *(item(NAMES[0], url=old), item(NAMES[0]), item(NAMES[1])),
        item(newer, url=old.replace(NAMES[0], newer)),
        *(item(NAMES[2], url=""), item(NAMES[2])),
    ]
    for order in (items, items[::-1]):
        assert [entry.url for entry in answered(cmr, page(order))] == [f"{NASA}/{name}" for name in NAMES[:3]]
    assert not caplog.records
    both = item(NAMES[0], url=old)
    both["umm"]["RelatedUrls"] += [{"URL": f"{NASA}/{NAMES[0]}", "Type": "GET DATA"}]
    assert [entry.url for entry in answered(cmr, page([both]))] == [f"{NASA}/{NAMES[0]}"]


def test_any_granule_is_found_behind_one_without_a_link(cmr: Earthdata) -> None:
    cmr.faults.add(SEARCH, page([item(NAMES[0], url=""), item(NAMES[1])], hits=31))
    assert find_granule(LST, "2021-08", Session()).granule == NAMES[1]


def test_the_newest_granule_is_that_which_began_last(cmr: Earthdata) -> None:
    """Also behind a name that is not the product's; and of a product without granules there is none."""
    assert newest_granule(LST, Session()) is None
    cmr.faults.add(
        SEARCH, page([item("MOD11A1.A2021299.h24v04.006.2021300000000.hdf"), item(NAMES[9]), item(NAMES[8])])
    )
    assert newest_granule(LST, Session()).time == datetime(2021, 8, 10)
    cmr.faults.add(SEARCH, Answer(400), times=3)
    with pytest.raises(InputError, match=r"did not answer the search for MOD11A1.061 \(HTTP 400\)"):
        newest_granule(LST, Session(pause=0.0))


# Sizes and checksums

MD5 = {"Value": "D41D8CD98F00B204E9800998ECF8427E", "Algorithm": "MD5"}


def described(size: Any = None, checksum: Any = None, name: str = NAMES[0], **others: Any) -> dict[str, Any]:
    """What UMM-G tells of a file."""
    told = {"SizeInBytes": size, "Checksum": checksum} | others
    return {"Name": name} | {field: value for field, value in told.items() if value is not None}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([described(5, MD5)], (5, 5, MD5["Value"].lower(), "MD5")),
        ([described("150383099.0")], (150383099, 150383099, "", "")),
        ([described(5.5, Size="2", SizeUnit="kb")], (0, 2048, "", "")),
        ([described(Size=1.5, SizeUnit="GB")], (0, 3 * 2**29, "", "")),
        ([described(Size=59.2, SizeUnit="NA")], (0, 0, "", "")),
        ([{"SizeInBytes": 5}], (5, 5, "", "")),
        ([described(5, name="Not provided"), described(6, name="Not provided")], (0, 0, "", "")),
        ([described(9, name="Not provided"), described(5)], (5, 5, "", "")),
        ([described(), described(5, MD5)], (5, 5, MD5["Value"].lower(), "MD5")),
        ([described(True, {"Value": "Not provided", "Algorithm": "MD5"})], (0, 0, "", "")),
        ([described(-5, {"Value": "00"})], (0, 0, "", "")),
        ([described(1e300, [MD5])], (0, 0, "", "")),
        ([described([5], {"Value": 4294775258, "Algorithm": "POSIX"})], (0, 0, "4294775258", "POSIX")),
        ([7, None, [], described("nan", Size="inf", SizeUnit="MB")], (0, 0, "", "")),
    ],
)
def test_sizes_and_checksums_are_taken_as_they_are_told(cmr: Earthdata, files: Any, expected: Any) -> None:
    (entry,) = answered(cmr, page([item(NAMES[0], *files)]))
    assert (entry.size, entry.estimated_size, entry.checksum, entry.algorithm) == expected
    assert not cmr.requested(CONCEPTS)  # the record is in UMM-G: there is no more in it


def test_the_size_of_several_files_is_not_that_of_one(cmr: Earthdata) -> None:
    several = item(NAMES[0], {"Name": "Not provided", "SizeInBytes": 5})
    several["umm"]["RelatedUrls"] += [{"URL": f"{NASA}/other.tif", "Type": "GET DATA"}]
    (entry,) = answered(cmr, page([several]))
    assert (entry.size, entry.estimated_size) == (0, 0)


IN_ECHO10 = "application/echo10+xml"
ECHO10 = """<Granule><DataGranule><SizeMBDataGranule>71.4</SizeMBDataGranule><AdditionalFile><Name>{0}.xml</Name>
<SizeInBytes>1</SizeInBytes></AdditionalFile><AdditionalFile><Name>{0}</Name><SizeInBytes>7</SizeInBytes><Checksum>
<Value>AB</Value><Algorithm>SHA-256</Algorithm></Checksum></AdditionalFile></DataGranule></Granule>"""


def test_what_umm_does_not_tell_is_asked_of_echo10(cmr: Earthdata) -> None:
    unnamed = {"Name": "Not provided", "Size": 71.4, "SizeUnit": "MB"}
    complete = {"Name": NAMES[1], "SizeInBytes": 5, "Checksum": MD5}
    items = [item(NAMES[0], unnamed, format=IN_ECHO10), item(NAMES[1], complete, format=IN_ECHO10)]
    cmr.faults.add(CONCEPTS, Answer(200, ECHO10.format(NAMES[0]).encode(), "application/echo10+xml"))
    cmr.faults.add(SEARCH, page(items))
    first, second = search_month(LST, "h24v04", "2021-08", Session())
    assert (first.size, first.estimated_size, first.checksum, first.algorithm) == (7, 7, "ab", "SHA-256")
    assert (second.size, second.checksum) == (5, MD5["Value"].lower())
    assert len(cmr.requested(CONCEPTS)) == 1
    assert untold([first, second]) == ""


def test_where_echo10_tells_nothing_either_it_is_said(cmr: Earthdata) -> None:
    unnamed = {"Name": "Not provided", "Size": 71.4, "SizeUnit": "MB"}
    items = [item(name, unnamed, format=IN_ECHO10) for name in NAMES[:2]]
    cmr.faults.add(CONCEPTS, NOT_FOUND)
    cmr.faults.add(CONCEPTS, Answer(200, b"<Granule/>"))
    cmr.faults.add(SEARCH, page(items))
    found = search_month(LST, "h24v04", "2021-08", Session())
    assert {(entry.size, entry.estimated_size, entry.checksum) for entry in found} == {(0, round(71.4 * 2**20), "")}
    assert untold(found) == "of 2 granules NASA's catalogue tells no checksum of 2, no exact size of 2"
    cmr.faults.add(CONCEPTS, Answer(200, b"<html>", "text/html"), times=None)
    cmr.faults.add(SEARCH, page(items))
    with pytest.raises(InputError, match=r"did not answer the search for .*something else than XML"):
        search_month(LST, "h24v04", "2021-08", Session(pause=0.0))


@pytest.mark.parametrize("algorithm", [None, "SHA-256", "BSD checksum"])
def test_size_and_checksum_are_those_of_the_file(serve: SERVE, tmp_path: Path, algorithm: str | None) -> None:
    """And not those of the metadata that CMR lists beside it."""
    path = temperature(tmp_path, 3, 300.0)
    serve(tmp_path, algorithms={LST.name: algorithm})
    (entry,) = search_month(LST, "h24v04", "2021-08", Session())
    assert entry.size == entry.estimated_size == path.stat().st_size
    assert entry.algorithm == (algorithm or "")
    if algorithm == "SHA-256":
        assert entry.checksum == sha256(path)
    else:
        assert bool(entry.checksum) == bool(algorithm)


# Recordings

LPDAAC = "https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected"


def recorded(name: str) -> Any:
    return json.loads((RECORDINGS / name).read_text())


def like(product: Product, pattern: str, time_format: str) -> Product:
    """A product whose granules have other names."""
    return replace(product, pattern=re.compile(pattern), time_format=time_format)


@with_witnesses
@pytest.mark.parametrize(
    ("name", "product", "month", "size"),
    [("mod11a1", "MOD11A1.061", "2025-10", 1192573), ("mod13a1", "MOD13A1.061", "2025-09", 74854008)],
)
def test_recorded_modis_of_lpcloud(cmr: Earthdata, name: str, product: str, month: str, size: int) -> None:
    """Its size in MB has a whole number of bytes, but no more is known than that it is the granule's."""
    body = recorded(f"{name}_lpcloud_RECONSTRUCTED.json")
    (entry,) = answered(cmr, document(200, body, {"CMR-Hits": "1"}), product=PRODUCTS[product], month=month)
    stem = body["items"][0]["umm"]["GranuleUR"]
    assert entry.url == f"{LPDAAC}/{product}/{stem}/{stem}.hdf"
    assert (entry.granule, entry.size, entry.estimated_size, entry.checksum) == (f"{stem}.hdf", 0, size, "")
    assert [request.path for request in cmr.requested(CONCEPTS)] == ["/search/concepts/G0-LPCLOUD.echo10"]


@with_witnesses
def test_recorded_granules_of_several_files(cmr: Earthdata) -> None:
    """HLS: the one size told is that of 18 files; GRACE: each file has its own."""
    body = recorded("lpcloud_hlsl30_answer.json")
    hls = like(LST, r"HLS\.L30\.(?P<tile>T15UXP)\.(?P<time>\d{7})(?P<produced>T\d{6})\.v2\.0\.B05\.tif", "%Y%j")
    (entry,) = answered(cmr, document(200, body["body"], hits(body)), page([]), product=hls, month="2024-02")
    stem = "HLS.L30.T15UXP.2024042T165831.v2.0"
    assert entry.url == f"{LPDAAC}/HLSL30.020/{stem}/{stem}.B05.tif"
    assert (entry.size, entry.estimated_size, entry.checksum) == (0, 0, "")
    body = recorded("pocloud_umm_answer.json")
    grace = like(TARGET, r"GRD-3_(?P<time>2002\d{3})-(?P<produced>\d{7})_GRAC_JPLEM_BA01_0600_LND_v04\.nc", "%Y%j")
    announced = {"CMR-Hits": "2", "CMR-Search-After": body["headers"]["CMR-Search-After"]}
    (entry,) = answered(cmr, document(200, body["body"], announced), page([], 2), product=grace, month="2002-05")
    assert entry.granule == "GRD-3_2002122-2002138_GRAC_JPLEM_BA01_0600_LND_v04.nc"
    assert (entry.size, entry.algorithm, entry.checksum) == (1098347, "MD5", grace_checksum(body))


def hits(body: Any) -> dict[str, str]:
    return {name: body["headers"][name] for name in ("CMR-Hits", "CMR-Search-After")}


def grace_checksum(body: Any) -> str:
    files = body["body"]["items"][1]["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
    return next(file["Checksum"]["Value"] for file in files if file["Name"].endswith(".nc"))


@with_witnesses
def test_recorded_granules_of_older_archives(cmr: Earthdata) -> None:
    """LAADS tells bytes without a name, NSIDC's old archive a size without a unit."""
    laads = like(TARGET, r"MYD021KM\.A(?P<time>\d{7}\.\d{4})\.006\.(?P<produced>\d{13})\.hdf", "%Y%j.%H%M")
    body = document(200, recorded("G1593453400-LAADS_umm.json"), {"CMR-Hits": "1"})
    (entry,) = answered(cmr, body, product=laads, month="2019-02")
    assert (entry.granule, entry.place) == ("MYD021KM.A2019051.0430.006.2019051235515.hdf", "0430")
    assert (entry.size, entry.checksum, entry.produced) == (69035465, "", "2019-02-20T23:55:15.000Z")
    atl06 = like(TARGET, r"ATL06_(?P<time>\d{14})_(?P<produced>\d{8})_005_01\.h5", "%Y%m%d%H%M%S")
    body = document(200, recorded("atl06_umm.json"), {"CMR-Hits": "1"})
    (entry,) = answered(cmr, body, product=atl06, month="2019-02")
    assert entry.url.endswith("/DP7/ATLAS/ATL06.005/2019.02.21/ATL06_20190221121851_08410203_005_01.h5")
    assert (entry.size, entry.estimated_size, entry.checksum) == (0, 0, "")


def capitalized(value: Any) -> Any:
    """GraphQL's names of fields as UMM-G has them."""
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: capitalized(item) for name, item in value.items()}
    return [capitalized(item) for item in value] if isinstance(value, list) else value


@with_witnesses
def test_recorded_descriptions_of_files(cmr: Earthdata) -> None:
    """A file named twice, first alone (larc); a record of 2025 of LPCLOUD, with a name and SHA-512 (ASTER)."""
    name = "CAL_LID_L2_VFM-Standard-V4-51.2022-01-15T23-28-52ZD.hdf"
    calipso = like(TARGET, r"CAL_LID_L2_VFM-Standard-(?P<produced>V4-51)\.(?P<time>.{19})ZD\.hdf", "%Y-%m-%dT%H-%M-%S")
    body = item(name, url=f"https://asdc.larc.nasa.gov/{name}")
    body["umm"] |= recorded("larc_asdc_file_named_twice.json")
    (entry,) = answered(cmr, page([body]), product=calipso, month="2022-01")
    assert (entry.algorithm, entry.checksum) == ("MD5", "9d2bbf8e8fa88c2b105da6b7a9940093")
    assert (entry.size, entry.estimated_size) == (0, 49340905)
    aster = like(LST, r"AST_L1A_004(?P<time>\d{8})(?P<tile>\d{6})_(?P<produced>\d{14})\.hdf", "%m%d%Y")
    told = recorded("lpcloud_ast_l1a_sha512.json")
    body = item(f"{told['granuleUr']}.hdf", format="application/vnd.nasa.cmr.umm+json")
    body["umm"]["DataGranule"] = capitalized(told["dataGranule"])
    (entry,) = answered(cmr, page([body]), product=aster, month="2017-07")
    assert entry.size == 116692871 == round(told["granuleSize"] * 2**20)
    assert (entry.algorithm, entry.checksum[:8], len(entry.checksum)) == ("SHA-512", "9f00984d", 128)


@with_witnesses
def test_recorded_smap(cmr: Earthdata) -> None:
    facts = recorded("spl4smgp_008_facts.json")
    described = {"Name": facts["file"], "SizeInBytes": f"{facts['bytes']}.0"}
    (entry,) = answered(cmr, page([item(facts["file"], described, url=facts["url"])]), product=TARGET, month="2026-09")
    assert (entry.day, entry.place, entry.size) == ("2026-09-11", "2230", facts["bytes"])
    assert entry.sidecar == facts["url"] + ".dmrpp"


# Damaged answers and files


@with_witnesses
@pytest.mark.parametrize("path", sorted(FAULTS.glob("exceptions/cmr--*")), ids=lambda path: path.name)
def test_recorded_faults(cmr: Earthdata, path: Path) -> None:
    """The granule whose record is damaged is found all the same or left out; the sound one is found."""
    items = json.loads(path.read_bytes())
    cmr.faults.add(CONCEPTS, NOT_FOUND, times=None)
    for product in (LST, TARGET):
        cmr.faults.add(SEARCH, page(items))
        found = search_month(product, None, "2021-08", Session(pause=0.0))
        assert len(found) == (product is TARGET) or product is LST
        assert all(entry.url.endswith(entry.granule) and entry.size >= 0 for entry in found)


ITEMS = [
    item(NAMES[0], {"Name": "Not provided", "Size": 1.5, "SizeUnit": "MB"}, format=IN_ECHO10),
    item(NAMES[1], {"Name": NAMES[1], "SizeInBytes": 5, "Checksum": MD5}),
]
LISTED = json.dumps({"items": ITEMS})


class Replies:
    """A session that gives the same answers to all, without a server."""

    pause = 0.0

    def __init__(self, search: bytes, concept: bytes = b"<Granule/>") -> None:
        self._search, self._concept = search, concept

    def get(self, url: str, **_: Any) -> Response:
        response = Response()
        response.status_code = 200
        response.raw = BytesIO(self._search if "granules" in url else self._concept)
        return response


OTHERS = (st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9))
VALUES = st.one_of(*OTHERS, st.just([[1], {"a": 2}]), st.just({"x": [None]}))


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    """An answer of CMR's in which one value has become another."""
    answer = json.loads(LISTED)
    at: Any = answer
    while True:
        keys = list(at) if isinstance(at, dict) else range(len(at))
        key = draw(st.sampled_from(keys)) if keys else None
        if key is None or not isinstance(at[key], dict | list) or not at[key] or draw(st.integers(0, 4)) == 0:
            break
        at = at[key]
    if key is not None:
        at[key] = draw(VALUES)
    return json.dumps(answer).encode()


@settings(max_examples=100)
@given(body=st.one_of(altered(), mutated(LISTED.encode())), of_viirs=st.booleans())
def test_any_answer_is_read_or_refused(body: bytes, of_viirs: bool) -> None:
    """And as what it has come to last."""
    product = PRODUCTS["VNP21A1D.002" if of_viirs else LST.name]
    if of_viirs:
        body = body.replace(b"MOD11A1", b"VNP21A1D").replace(b".061", b".002").replace(b".hdf", b".h5")
    reads_or_refuses(lambda: search_month(product, "h24v04", "2021-08", Replies(body)))
    reads_or_refuses(lambda: newest_granule(product, Replies(body)))


@settings(max_examples=50)
@given(body=mutated(ECHO10.format(NAMES[0]).encode()))
def test_any_echo10_is_read_or_refused(body: bytes) -> None:
    reads_or_refuses(lambda: search_month(LST, "h24v04", "2021-08", Replies(LISTED.encode(), body)))


VIIRS = granule_file_name(PRODUCTS["VNP21A1D.002"], datetime(2021, 8, 1), "h24v04")
"""A granule of another product, of the same day and tile."""
HEADER = "granule,day,place,url,sidecar,size,checksum,algorithm,produced"
ROW = f"{NAMES[0]},2021-08-01,h24v04,{NASA}/{NAMES[0]},,7,ab,MD5,2021"


def listed() -> Entry:
    return Entry(NAMES[0], "2021-08-01", "h24v04", f"{NASA}/{NAMES[0]}", "", 7, "ab", "SHA, or so", "", 7)


def test_a_catalogue_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    write_catalogue(path, [listed(), replace(listed(), size=0)])
    assert read_catalogue(path, LST) == [listed(), replace(listed(), size=0)]
    text = path.read_text()
    assert text.splitlines()[0] == f"{HEADER},estimated_size"
    path.write_text(text.replace("algorithm,", ""))
    with pytest.raises(InputError, match=r"catalogue\.csv is not a catalogue .*: delete it"):
        read_catalogue(path, LST)


def test_a_catalogue_of_an_older_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(f"{HEADER}\n{ROW}\n")
    assert [(entry.size, entry.estimated_size) for entry in read_catalogue(path, LST)] == [(7, 7)]


@pytest.mark.parametrize(
    "changed",
    [
        {"granule": "../../../../victim.txt"},
        {"granule": VIIRS, "url": f"{NASA}/{VIIRS}"},
        {"granule": f"../{NAMES[0]}", "url": f"{NASA}/../{NAMES[0]}"},
        {"granule": f"{NAMES[0]}\0"},
        {"granule": f"{NAMES[0]}\n"},
        {"granule": f"/{NAMES[0]}"},
        {"granule": NAMES[1]},
        {"place": "h25v04"},
        {"place": "../h24v04"},
        {"day": "2021-08-02"},
        {"url": f"file:///{NAMES[0]}"},
        {"url": f"https://[x/{NAMES[0]}"},
        {"url": f"{NASA}/x.hdf"},
        {"sidecar": "ftp://x/y.dmrpp"},
        {"size": -1},
        {"size": "9" * 400},
        {"estimated_size": "1.5"},
        {"checksum": "../x"},
        {"algorithm": "MD5\nx"},
    ],
)
def test_names_and_values_that_no_catalogue_has_are_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    path = tmp_path / "catalogue.csv"
    write_catalogue(path, [replace(listed(), **changed)])
    with pytest.raises(InputError, match=r"catalogue\.csv is not a catalogue .*: delete it"):
        read_catalogue(path, LST)


@pytest.mark.parametrize("content", ["", "\n\n", "a,b\n", HEADER.replace("url,", "") + "\n", "," * 200_000])
def test_a_file_without_columns_is_no_empty_catalogue(tmp_path: Path, content: str) -> None:
    """All granules of a month would be absent."""
    path = tmp_path / "catalogue.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=r"catalogue\.csv is not a catalogue of MOD11A1.061 \(it has no column"):
        read_catalogue(path, LST)


@with_witnesses
def test_the_recorded_catalogue_that_leaves_its_folder_is_refused() -> None:
    with pytest.raises(InputError, match=r"'\.\./\.\./\.\./\.\./victim\.txt' is no granule of"):
        read_catalogue(FAULTS / "catalogue-dotdot.csv", LST)


@settings(max_examples=100)
@given(content=mutated(f"{HEADER},estimated_size\n{ROW},7\n".encode()))
def test_any_file_is_read_as_a_catalogue_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.csv"
    path.write_bytes(content)
    reads_or_refuses(lambda: read_catalogue(path, LST))
