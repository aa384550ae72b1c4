"""The tests' Earthdata answers as the real one does, seen by clients that know nothing of it."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import md5, sha512
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import earthaccess
import h5py
import numpy as np
import pytest
import requests
from earthaccess.auth import Auth
from earthaccess.store import Store
from granule_archives import LST, TARGET, TILE, day, field, temperature
from large_granules import large_target

from earthdata import server
from earthdata.server import CMR, LOGIN, STORE, STRANGER, Answer, Cut, Earthdata, Fault, Flipped, Shortened, Stalled
from earthdata.sidecars import DAP, DMRPP
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09, Window
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name

TIMES = [datetime(2021, 7, 31, 22, 30), *(datetime(2021, 8, 1, hour, 30) for hour in (1, 22))]
FIELDS = [granule_file_name(TARGET, time, None) for time in TIMES]
TILES = [granule_file_name(LST, day(number), TILE) for number in (1, 2)]
DATA = "https://data.nsidc.earthdatacloud.nasa.gov/nsidc-cumulus-prod-protected/SMAP/SPL4SMGP/008/2021/08/01/"
OPEN_FILES = "/dev/fd"
SEARCH = f"https://{CMR}/search/granules.umm_json"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "deep" / "er").mkdir(parents=True)
    moisture = np.linspace(0.1, 0.4, 600).reshape(20, 30)
    for number, time_ in enumerate(TIMES):
        field(folder / "deep" / "er", time_, moisture + 0.01 * number, Window(200, 2900, 20, 30))
    for number in (1, 2):
        temperature(folder, number, 300 + number)
    (folder / "notes.txt").write_text("no granule")
    return folder


@pytest.fixture
def start(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Earthdata]]:
    """Starts a server that this process's clients talk to."""
    running: list[Earthdata] = []

    def begin(folder: Path = archive, **options: Any) -> Earthdata:
        private = tmp_path / f"private-{len(running)}"
        private.mkdir()
        earthdata = Earthdata(folder, private, **options).__enter__()
        running.append(earthdata)
        for name, value in earthdata.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("NETRC", os.devnull)  # the developer's own credentials stay out of it
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
            assert urlsplit(os.environ[name]).hostname == "127.0.0.1"
        return earthdata

    yield begin
    for earthdata in running:
        earthdata.__exit__(None, None, None)


@pytest.fixture
def earthdata(start: Callable[..., Earthdata]) -> Earthdata:
    return start()


def session(earthdata: Earthdata) -> requests.Session:
    client = requests.Session()
    client.headers["Authorization"] = f"Bearer {earthdata.token}"
    return client


def fetch(earthdata: Earthdata, url: str, **headers: str) -> requests.Response:
    with session(earthdata) as client:
        return client.get(url, headers=headers, timeout=20)


def entries(**query: Any) -> list[dict[str, Any]]:
    response = requests.get(SEARCH, params={"short_name": "SPL4SMGP", "page_size": 100} | query, timeout=20)
    assert response.status_code == 200, response.text
    return response.json()["items"]


def names(**query: Any) -> list[str]:
    return [entry["umm"]["DataGranule"]["Identifiers"][0]["Identifier"] for entry in entries(**query)]


def file_entry(entry: dict[str, Any], suffix: str) -> dict[str, Any]:
    files = entry["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
    (found,) = (file for file in files if file["Name"].endswith(suffix))
    return found


def url(entry: dict[str, Any], kind: str = "GET DATA") -> str:
    (found,) = (link["URL"] for link in entry["umm"]["RelatedUrls"] if link["Type"] == kind)
    return found


def test_search_follows_time_name_and_collection(earthdata: Earthdata) -> None:
    assert names() == FIELDS
    assert names(version="008") == FIELDS
    assert names(version="007") == []
    assert names(short_name="MOD11A1", **{"temporal[]": "2021-08-02T00:00:00Z,"}) == TILES[1:]
    assert names(short_name="MOD11A1", temporal=",2021-08-01T12:00:00Z") == TILES[:1]
    patterns = {"readable_granule_name[]": ["*_20210801T01????_*", "*T2?3000_vv8010_001"]}
    assert names(**patterns) == []
    assert names(**patterns, **{"options[readable_granule_name][pattern]": "true"}) == FIELDS
    assert names(**{"readable_granule_name[]": [FIELDS[0], FIELDS[2][:-3]]}) == [FIELDS[0], FIELDS[2]]
    assert names(sort_key="-start_date") == FIELDS[::-1]
    assert not earthdata.requested("*oauth*")


def test_search_by_day_finds_the_evening_before(earthdata: Earthdata) -> None:
    assert earthdata.fetched(FIELDS[0]) == 0
    asked = {"temporal": "2021-08-01T00:00:00Z,2021-08-01T23:59:59Z"}
    assert names(**asked) == FIELDS
    assert names(**asked, **{"options[temporal][exclude_boundary]": "true"}) == FIELDS[1:]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"page_size": 2001}, "between 0 and 2000"),
        ({"shortname": "SPL4SMGP"}, "not recognized"),
        ({"temporal": "yesterday,"}, "not a valid datetime"),
        ({"short_name": []}, "does not allow querying across granules"),
    ],
)
@pytest.mark.usefixtures("earthdata")
def test_search_refuses_what_the_cmr_refuses(query: dict[str, Any], told: str) -> None:
    response = requests.get(SEARCH, params={"short_name": "SPL4SMGP"} | query, timeout=20)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert told in error


def test_entries_have_the_providers_form(earthdata: Earthdata, archive: Path) -> None:
    tile, smap = entries(short_name="MOD11A1")[0], entries()[-1]
    stem = TILES[0].removesuffix(".hdf")
    assert tile["meta"]["provider-id"] == "LPCLOUD"
    assert tile["meta"]["native-id"] == tile["umm"]["GranuleUR"] == stem
    assert url(tile) == (f"https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected/MOD11A1.061/{stem}/{TILES[0]}")
    assert file_entry(tile, ".hdf")["Checksum"] == {
        "Value": sha512((archive / TILES[0]).read_bytes()).hexdigest(),
        "Algorithm": "SHA-512",
    }
    assert tile["umm"]["TemporalExtent"]["RangeDateTime"]["EndingDateTime"] == "2021-08-01T23:59:59.000Z"
    assert smap["meta"]["provider-id"] == "NSIDC_CPRD"
    assert smap["umm"]["GranuleUR"] == FIELDS[-1]
    content = (archive / "deep" / "er" / FIELDS[-1]).read_bytes()
    assert file_entry(smap, ".h5")["SizeInBytes"] == len(content)
    assert file_entry(smap, ".h5")["Checksum"] == {"Value": md5(content).hexdigest(), "Algorithm": "MD5"}  # noqa: S324
    assert url(smap) == DATA + FIELDS[-1]
    # Each of an entry's files can be fetched, and the browse image is of the public.
    assert fetch(earthdata, DATA + file_entry(smap, ".cmr.json")["Name"]).json() == {"GranuleUR": FIELDS[-1]}
    xml = url(tile).replace(".hdf", ".cmr.xml")
    assert len(fetch(earthdata, xml).content) == file_entry(tile, ".cmr.xml")["SizeInBytes"]
    assert "-public/" in url(tile, "GET RELATED VISUALIZATION")


def test_checksums_are_of_the_wanted_kind(start: Callable[..., Earthdata]) -> None:
    start(algorithms={"SPL4SMGP.008": None, "MOD11A1.061": "BSD checksum"})
    assert "Checksum" not in file_entry(entries()[0], ".h5")
    checksum = file_entry(entries(short_name="MOD11A1")[0], ".hdf")["Checksum"]
    assert checksum["Algorithm"] == "BSD checksum"
    assert checksum["Value"].isdigit()
    with pytest.raises(ValueError, match="no products"):
        start(algorithms={"MOD11A1": None})


def test_earthaccess_searches_page_by_page(earthdata: Earthdata) -> None:
    times = [datetime(2015, 4, 1) + timedelta(days=number) for number in range(4100)]
    many = [granule_file_name(PRODUCTS["MYD11A1.061"], time_, TILE) for time_ in times]
    earthdata.list_only(*many)
    query = earthaccess.DataGranules().short_name("MYD11A1").version("061")
    assert query.hits() == 4100
    found = query.get_all()
    assert [granule["umm"]["GranuleUR"] + ".hdf" for granule in found] == many
    asked = earthdata.requested("*granules.umm_json")
    assert [request.headers.get("Cmr-Search-After") is None for request in asked] == [True, True, True, False, False]
    query.temporal("2016-01-01", "2016-01-31").granule_name(f"*.{TILE}.*")
    assert len(query.get_all()) == 31
    exact = earthaccess.DataGranules().short_name("MYD11A1").granule_name(many[7])
    assert [granule["meta"]["native-id"] for granule in exact.get()] == [many[7].removesuffix(".hdf")]


def test_earthaccess_logs_in_and_downloads(
    earthdata: Earthdata, tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("EARTHDATA_USERNAME", earthdata.user)
    monkeypatch.setenv("EARTHDATA_PASSWORD", earthdata.password)
    auth = Auth().login(strategy="environment")
    found = earthaccess.DataGranules(auth).short_name("MOD11A1").cloud_hosted().get_all()
    paths = Store(auth).get(found, tmp_path / "got", threads=2, show_progress=False)
    assert {path.name: path.read_bytes() for path in paths} == {name: (archive / name).read_bytes() for name in TILES}
    # It asks over HTTP whether it runs in Amazon's cloud; that does not leave the machine either.
    assert {request.status for request in earthdata.requests if request.host == "169.254.169.254"} == {502}


def test_login_gives_the_token_for_the_password(earthdata: Earthdata) -> None:
    address = f"https://{LOGIN}/api/users/find_or_create_token"
    given = requests.post(address, auth=(earthdata.user, earthdata.password), timeout=20)
    assert given.json()["access_token"] == earthdata.token
    assert datetime.strptime(given.json()["expiration_date"], "%m/%d/%Y") > datetime.now() + timedelta(days=365)
    refused = requests.post(address, auth=(earthdata.user, "wrong"), timeout=20)
    assert refused.status_code == 401
    assert refused.json()["error"] == "invalid_credentials"
    claims = [json.loads(urlsafe_b64decode(token.split(".")[1] + "==")) for token in earthdata.secrets[:2]]
    assert claims[0]["exp"] > time.time() > claims[1]["exp"]
    assert claims[0]["uid"] == claims[1]["uid"] == earthdata.user


def test_data_lie_behind_a_signed_address(earthdata: Earthdata, archive: Path) -> None:
    response = fetch(earthdata, DATA + FIELDS[1])
    assert [step.status_code for step in response.history] == [303]
    assert urlsplit(response.url).hostname == STORE
    assert response.content == (archive / "deep" / "er" / FIELDS[1]).read_bytes()
    door, store = earthdata.requests
    assert door.headers["Authorization"] == f"Bearer {earthdata.token}"
    assert "Authorization" not in store.headers
    assert (store.status, store.sent) == (200, len(response.content))
    assert earthdata.sent("*.h5") == earthdata.sent(f"{STORE}/*") == len(response.content)
    assert earthdata.fetched(FIELDS[1]) == 1
    # The signature is worth nothing for another file, and none may be brought beside it.
    assert requests.get(response.url.replace("T0130", "T2230"), timeout=20).status_code == 403
    assert fetch(earthdata, response.url).status_code == 400
    assert earthdata.requests[-1].headers["Authorization"] == f"Bearer {earthdata.token}"


def test_signed_addresses_expire(start: Callable[..., Earthdata]) -> None:
    response = fetch(start(lifetime=-1), DATA + FIELDS[1])
    assert response.status_code == 403
    assert "expired" in response.text


@pytest.mark.parametrize("html_login", [False, True])
def test_without_a_token_the_login_page_comes(start: Callable[..., Earthdata], html_login: bool) -> None:
    earthdata = start(html_login=html_login)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        response = requests.get(DATA + FIELDS[1], headers=headers, timeout=20)
        assert [step.status_code for step in response.history] == [302]
        assert urlsplit(response.url)[1:3] == (LOGIN, "/oauth/authorize")
        assert response.status_code == (200 if html_login else 401)
        assert response.text.startswith("<!DOCTYPE html>")
    assert earthdata.requests[-1].headers.get("Authorization") is None


def test_expired_tokens_are_told_apart(earthdata: Earthdata) -> None:
    headers = {"Authorization": f"Bearer {earthdata.expired_token}"}
    response = requests.get(DATA + FIELDS[1], headers=headers, timeout=20)
    assert (response.status_code, response.json()["error_description"]) == (401, "The token has expired")
    assert requests.get(SEARCH, params={"short_name": "SPL4SMGP"}, headers=headers, timeout=20).status_code == 401
    old = earthdata.token
    earthdata.expire_token()
    headers = {"Authorization": f"Bearer {old}"}
    assert requests.get(DATA + FIELDS[1], headers=headers, timeout=20).status_code == 401
    assert fetch(earthdata, DATA + FIELDS[1]).status_code == 200


def test_ranges(earthdata: Earthdata, archive: Path) -> None:
    content = (archive / "deep" / "er" / FIELDS[1]).read_bytes()
    size = len(content)
    wanted = {
        "bytes=10-19": (206, content[10:20], f"bytes 10-19/{size}"),
        "bytes=-7": (206, content[-7:], f"bytes {size - 7}-{size - 1}/{size}"),
        f"bytes={size - 3}-": (206, content[-3:], f"bytes {size - 3}-{size - 1}/{size}"),
        f"bytes={size - 3}-{size + 99}": (206, content[-3:], f"bytes {size - 3}-{size - 1}/{size}"),
        f"bytes={size}-": (416, b"", f"bytes */{size}"),
        "bytes=1-2,5-6": (200, content, None),
    }
    for text, expected in wanted.items():
        response = fetch(earthdata, DATA + FIELDS[1], Range=text)
        assert (response.status_code, response.content, response.headers.get("Content-Range")) == expected
    tag = response.headers["ETag"]
    assert fetch(earthdata, DATA + FIELDS[1], **{"Range": "bytes=0-0", "If-Range": tag}).status_code == 206
    assert fetch(earthdata, DATA + FIELDS[1], **{"Range": "bytes=0-0", "If-Range": '"old"'}).status_code == 200
    with session(earthdata) as client:
        head = client.head(DATA + FIELDS[1], allow_redirects=True, timeout=20)
    assert (head.headers["Content-Length"], head.headers["Accept-Ranges"], head.content) == (str(size), "bytes", b"")
    assert earthdata.requests[-1].sent == 0


def test_parts_add_up_to_a_delivery(earthdata: Earthdata) -> None:
    for text, complete in (("bytes=100-", 0), ("bytes=0-49", 0), ("bytes=50-99", 1), ("bytes=0-", 2), ("bytes=5-", 2)):
        fetch(earthdata, DATA + FIELDS[1], Range=text)
        assert earthdata.fetched(FIELDS[1]) == complete


def test_without_ranges_the_whole_comes(start: Callable[..., Earthdata]) -> None:
    response = fetch(start(ranges=False), DATA + FIELDS[1], Range="bytes=10-19")
    assert response.status_code == 200
    assert "Accept-Ranges" not in response.headers
    assert len(response.content) > 10


def inflated(earthdata: Earthdata, name: str, *path: str) -> np.ndarray:
    """One variable of a granule, fetched as its sidecar says."""
    tree = ET.fromstring(fetch(earthdata, f"{DATA}{name}.dmrpp").content)  # noqa: S314 (our own server's)
    found = tree.findall("/".join(f"d:*[@name='{part}']" for part in path), {"d": DAP})
    (variable,) = (item for item in found if item.tag != f"{{{DAP}}}Dimension")  # which has its scale's name
    chunks = variable.find(f"{{{DMRPP}}}chunks")
    assert chunks is not None
    (chunk,) = chunks.findall(f"{{{DMRPP}}}chunk")
    offset, size = int(chunk.attrib["offset"]), int(chunk.attrib["nBytes"])
    content = fetch(earthdata, DATA + name, Range=f"bytes={offset}-{offset + size - 1}").content
    assert len(content) == size
    packed = chunks.attrib.get("compressionType") == "deflate"
    kind = variable.tag.removeprefix(f"{{{DAP}}}").lower()
    return np.frombuffer(zlib.decompress(content) if packed else content, np.dtype(kind).newbyteorder("<"))


def test_sidecars_say_where_values_lie(earthdata: Earthdata, archive: Path) -> None:
    with h5py.File(archive / "deep" / "er" / FIELDS[1]) as granule:
        moisture = granule["Geophysical_Data/sm_surface"][()]
        columns, x = granule["cell_column"][()], granule["x"][()]
    assert np.array_equal(inflated(earthdata, FIELDS[1], "Geophysical_Data", "sm_surface"), moisture.ravel())
    assert np.array_equal(inflated(earthdata, FIELDS[1], "cell_column"), columns.ravel())
    assert np.array_equal(inflated(earthdata, FIELDS[1], "x"), x)
    text = fetch(earthdata, f"{DATA}{FIELDS[1]}.dmrpp").text
    assert '<Dimension name="y" size="1624" />' in text
    assert '<Dim name="/y" />' in text
    assert "<dmrpp:chunkDimensionSizes>1624 3856</dmrpp:chunkDimensionSizes>" in text
    assert 'compressionType="deflate" deflateLevel="1" fillValue="-9999" byteOrder="LE"' in text
    assert "<Value>SPL4SMGP</Value>" in text


def test_sidecars_can_be_absent(start: Callable[..., Earthdata]) -> None:
    assert fetch(start(sidecars=False), f"{DATA}{FIELDS[1]}.dmrpp").status_code == 404


def test_granules_vanish_hide_and_change(earthdata: Earthdata, archive: Path) -> None:
    before = file_entry(entries()[1], ".h5")["Checksum"]
    first = entries()[1]["meta"]["revision-id"]
    tag = fetch(earthdata, DATA + FIELDS[1]).headers["ETag"]
    earthdata.replace(FIELDS[1], archive / "deep" / "er" / FIELDS[2])
    assert file_entry(entries()[1], ".h5")["Checksum"] != before
    assert entries()[1]["meta"]["revision-id"] == first + 1
    changed = fetch(earthdata, DATA + FIELDS[1])
    assert changed.headers["ETag"] != tag
    assert changed.content == (archive / "deep" / "er" / FIELDS[2]).read_bytes()
    earthdata.hide("*20210801T01*")
    assert names() == [FIELDS[0], FIELDS[2]]
    assert fetch(earthdata, DATA + FIELDS[1]).status_code == 200
    earthdata.forget(FIELDS[1])
    assert fetch(earthdata, DATA + FIELDS[1]).status_code == 404
    late = granule_file_name(TARGET, datetime(2021, 8, 1, 4, 30), None)
    earthdata.list_only(late, size=5)
    assert late in names()
    assert fetch(earthdata, DATA + late).status_code == 404
    with pytest.raises(KeyError):
        earthdata.forget("nothing*")
    with pytest.raises(ValueError, match="no granule's name"):
        earthdata.list_only("notes.txt")


def test_new_granules_are_taken_in(start: Callable[..., Earthdata], tmp_path: Path) -> None:
    folder = tmp_path / "granules"
    folder.mkdir()
    earthdata = start(folder)
    assert names() == []
    (folder / FIELDS[1]).write_bytes(b"\x89HDF")
    earthdata.scan()
    assert names() == FIELDS[1:2]


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (server.UNAUTHORIZED, 401, "invalid_token"),
        (server.EULA, 403, "EULA Acceptance Failure"),
        (server.FORBIDDEN, 403, "Forbidden"),
        (server.NOT_FOUND, 404, "Not Found"),
        (server.too_many(7), 429, "Too Many"),
        (server.SERVER_ERROR, 500, "Internal"),
        (server.UNAVAILABLE, 503, "Unavailable"),
        (server.HTML_PAGE, 200, "<!DOCTYPE html>"),
    ],
)
def test_answers_can_be_others(earthdata: Earthdata, fault: Answer, status: int, told: str) -> None:
    earthdata.faults.add(f"*/{FIELDS[1]}", fault)
    response = fetch(earthdata, DATA + FIELDS[1])
    assert (response.status_code, response.history) == (status, [])
    assert told in response.text
    assert response.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert fetch(earthdata, DATA + FIELDS[1]).ok
    assert earthdata.fetched(FIELDS[1]) == 1


def test_redirects_can_lead_astray(earthdata: Earthdata, archive: Path) -> None:
    earthdata.faults.add("data.*/*", server.Redirected())
    response = fetch(earthdata, DATA + FIELDS[1])
    assert urlsplit(response.url).hostname == STRANGER
    assert response.content == (archive / "deep" / "er" / FIELDS[1]).read_bytes()
    assert [request.headers.get("Authorization") for request in earthdata.requested(f"{STRANGER}/*")] == [None]


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_bodies_can_be_cut(earthdata: Earthdata, archive: Path, share: float) -> None:
    size = (archive / "deep" / "er" / FIELDS[1]).stat().st_size
    earthdata.faults.add(f"*/{FIELDS[1]}", Cut(share))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch(earthdata, DATA + FIELDS[1])
    assert earthdata.sent() == earthdata.requests[-1].sent == int(size * share)
    assert earthdata.fetched(FIELDS[1]) == 0


@pytest.mark.parametrize("fault", [Shortened(), Flipped()])
def test_bodies_can_be_wrong(earthdata: Earthdata, archive: Path, fault: Fault) -> None:
    content = (archive / "deep" / "er" / FIELDS[1]).read_bytes()
    earthdata.faults.add(f"*/{FIELDS[1]}", fault)
    got = fetch(earthdata, DATA + FIELDS[1]).content
    if fault == Shortened():
        assert got == content[: len(content) // 2]
    else:
        assert len(got) == len(content)
        assert [place for place, (one, other) in enumerate(zip(got, content, strict=True)) if one != other] == [
            len(content) // 2
        ]
    assert earthdata.fetched(FIELDS[1]) == 0
    assert fetch(earthdata, DATA + FIELDS[1]).content == content


def test_bodies_can_stall(earthdata: Earthdata) -> None:
    earthdata.faults.add(f"*/{FIELDS[1]}", Stalled(30))
    begin = time.monotonic()
    with session(earthdata) as client, pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        client.get(DATA + FIELDS[1], timeout=0.3)
    assert 0.2 < time.monotonic() - begin < 5
    earthdata.faults.add(f"*/{FIELDS[1]}", Stalled(0.2))
    assert fetch(earthdata, DATA + FIELDS[1]).ok


def test_faults_are_counted(earthdata: Earthdata) -> None:
    earthdata.faults.add(f"{CMR}/*", server.UNAVAILABLE, times=2, skip=1)
    asked = [requests.get(SEARCH, params={"short_name": "SPL4SMGP"}, timeout=20).status_code for _ in range(4)]
    assert asked == [200, 503, 503, 200]
    earthdata.faults.add("*", server.SERVER_ERROR, times=None)
    assert {requests.get(SEARCH, timeout=20).status_code for _ in range(3)} == {500}
    earthdata.faults.clear()
    assert names() == FIELDS


def test_answers_can_take_their_time(start: Callable[..., Earthdata]) -> None:
    start(latency=0.2)
    begin = time.monotonic()
    assert names() == FIELDS
    assert 0.2 < time.monotonic() - begin < 2


def test_failures_come_at_random_and_again(start: Callable[..., Earthdata]) -> None:
    def outcomes(seed: int) -> list[int]:
        earthdata = start(failures=0.4, seed=seed)
        found = []
        for _ in range(60):
            try:
                found.append(fetch(earthdata, DATA + FIELDS[1]).status_code)
            except requests.exceptions.ChunkedEncodingError:
                found.append(0)
        return found

    first = outcomes(2)
    assert set(first) >= {0, 200, 500}
    assert 10 < first.count(200) < 35  # both answers of a download may fail
    assert outcomes(2) == first
    assert outcomes(3) != first


def test_connections_are_kept_alive(earthdata: Earthdata) -> None:
    with session(earthdata) as client:
        for name in FIELDS[1:] * 3:
            assert client.get(DATA + name, timeout=20).ok
    assert len({request.connection for request in earthdata.requests}) == 2  # one to each host


def test_connections_share_the_rate(start: Callable[..., Earthdata], tmp_path: Path) -> None:
    folder = tmp_path / "granules"
    folder.mkdir()
    for name in FIELDS[1:]:
        (folder / name).write_bytes(bytes(1_000_000))
    earthdata = start(folder, rate=2_000_000)
    ends: list[float] = []

    def client(name: str) -> None:
        assert len(fetch(earthdata, DATA + name).content) == 1_000_000
        ends.append(time.monotonic())

    threads = [threading.Thread(target=client, args=(name,)) for name in FIELDS[1:]]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 2
    assert 0.8 < ends[1] - begin < 3
    assert ends[1] - ends[0] < 0.5  # neither waited for the other


def test_other_hosts_are_refused(earthdata: Earthdata) -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://example.com/secret", timeout=20)
    assert requests.get("http://example.com/plain", timeout=20).status_code == 502
    assert [(one.host, one.method, one.status) for one in earthdata.requests] == [
        ("example.com", "CONNECT", 502),
        ("example.com", "GET", 502),
    ]


def test_server_leaves_nothing_behind(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, files = set(threading.enumerate()), len(os.listdir(OPEN_FILES))
    with Earthdata(archive, tmp_path, rate=10_000) as earthdata:
        for name, value in earthdata.environment.items():
            monkeypatch.setenv(name, value)
        program = (
            f"import os, requests; requests.get({DATA + FIELDS[1]!r}, headers=dict(Authorization=os.environ['A']))"
        )
        killed = subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | {"A": f"Bearer {earthdata.token}"},
            stderr=subprocess.DEVNULL,
        )
        while not earthdata.sent():
            time.sleep(0.01)
        killed.kill()
        killed.wait()
        with monkeypatch.context() as strict:
            strict.delenv("REQUESTS_CA_BUNDLE")
            strict.delenv("CURL_CA_BUNDLE")
            with pytest.raises(requests.exceptions.SSLError):
                requests.get(SEARCH, timeout=20)
        idle = socket.create_connection(("127.0.0.1", urlsplit(earthdata.proxy).port or 0))
        idle.sendall(f"CONNECT {CMR}:443 HTTP/1.1\r\n\r\n".encode())
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(idle.getpeername())
    idle.close()
    assert set(threading.enumerate()) == threads
    assert len(os.listdir(OPEN_FILES)) == files
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["authority.pem"]


def test_large_targets_have_the_real_size(start: Callable[..., Earthdata], tmp_path: Path) -> None:
    folder = tmp_path / "granules"
    folder.mkdir()
    for name, time_ in zip(FIELDS[1:], TIMES[1:], strict=True):
        large_target(folder / name, time_, seed=3)
    sizes = [(folder / name).stat().st_size for name in FIELDS[1:]]
    assert all(145e6 < size < 160e6 for size in sizes)
    earthdata = start(folder)
    earthdata.prepare()
    values = [inflated(earthdata, name, "Geophysical_Data", "sm_surface") for name in FIELDS[1:]]
    assert 1.5e6 < earthdata.sent(f"*/{FIELDS[1]}") < 3.5e6
    assert not np.array_equal(*values)
    moisture, valid, window = read_target(folder / FIELDS[1], TARGET)
    moisture = np.where(valid, moisture, np.nan)
    assert window == M09.window
    assert np.array_equal(np.nan_to_num(moisture, nan=-9999).ravel(), values[0])
    with h5py.File(folder / FIELDS[1]) as granule:
        fields = granule["Geophysical_Data"]
        assert len(fields) >= 40
        assert {item.chunks for item in fields.values()} == {(1624, 3856)}
        assert fields["surface_temp"].attrs["units"] == b"K"
