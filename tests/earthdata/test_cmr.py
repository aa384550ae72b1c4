"""The catalogue answers as the CMR does."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from granule_archives import TARGET, TILE

from earthdata.clients import FIELDS, FOLDER, TILES, URL, entries, fetch, names, search
from earthdata.hosts import CMR
from earthdata.server import Earthdata
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name


def file_entry(entry: dict[str, Any], suffix: str) -> dict[str, Any]:
    files = entry["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
    (found,) = (file for file in files if file["Name"].endswith(suffix))
    return found


def told_in_echo10(entry: dict[str, Any]) -> tuple[str, ...]:
    """Size, checksum and algorithm of a granule's file."""
    concept = requests.get(f"https://{CMR}/search/concepts/{entry['meta']['concept-id']}.echo10", timeout=20)
    files = ElementTree.fromstring(concept.content).findall("DataGranule/AdditionalFile")  # noqa: S314
    (file,) = (file for file in files if file.findtext("Name") == entry["umm"]["GranuleUR"] + ".hdf")
    return tuple(file.findtext(name, "") for name in ("SizeInBytes", "Checksum/Value", "Checksum/Algorithm"))


def link(entry: dict[str, Any]) -> str:
    (found,) = (link["URL"] for link in entry["umm"]["RelatedUrls"] if link["Type"] == "GET DATA")
    return found


def test_search_follows_time_name_and_collection(earthdata: Earthdata) -> None:
    assert names() == names(version="008") == FIELDS
    assert names(version="007") == []
    assert names(short_name="MOD11A1", **{"temporal[]": "2021-08-02T00:00:00Z,"}) == TILES[1:]
    assert names(short_name="MOD11A1", temporal=",2021-08-01T12:00:00Z") == TILES[:1]
    assert names(short_name="MOD11A1", sort_key="-start_date") == TILES[::-1]
    patterns = {"readable_granule_name[]": ["*_20210801T01????_*", "*T2?3000_vv8010_001"]}
    assert names(**patterns) == []
    assert names(**patterns, **{"options[readable_granule_name][pattern]": "true"}) == FIELDS
    assert names(**{"readable_granule_name[]": [FIELDS[0], FIELDS[2][:-3]]}) == [FIELDS[0], FIELDS[2]]
    assert not earthdata.requested("*oauth*")


@pytest.mark.usefixtures("earthdata")
def test_search_by_day_finds_the_evening_before() -> None:
    asked = {"temporal": "2021-08-01T00:00:00Z,2021-08-01T23:59:59Z"}
    assert names(**asked) == FIELDS


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"page_size": 2001}, "between 0 and 2000"),
        ({"shortname": "SPL4SMGP"}, "not recognized"),
        ({"temporal": "yesterday,"}, "not a valid datetime"),
        ({"sort_key": "start"}, "not a valid field for sorting"),
        ({"short_name": []}, "does not allow querying across granules"),
    ],
)
@pytest.mark.usefixtures("earthdata")
def test_search_refuses_what_the_cmr_refuses(query: dict[str, Any], told: str) -> None:
    response = search(**query)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert told in error


@pytest.mark.usefixtures("earthdata")
def test_entries_have_the_providers_form(archive: Path) -> None:
    tile, smap, hdf = entries(short_name="MOD11A1")[0], entries()[1], (archive / TILES[0]).read_bytes()
    stem = TILES[0].removesuffix(".hdf")
    assert tile["meta"]["provider-id"] == "LPCLOUD"
    assert tile["meta"]["native-id"] == tile["umm"]["GranuleUR"] == stem
    assert link(tile) == f"https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected/MOD11A1.061/{stem}/{TILES[0]}"
    (described,) = tile["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
    assert described == {"Name": "Not provided", "Size": len(hdf) / 2**20, "SizeUnit": "MB"}
    assert told_in_echo10(tile) == (str(len(hdf)), sha256(hdf).hexdigest(), "SHA-256")
    assert tile["umm"]["TemporalExtent"]["RangeDateTime"]["EndingDateTime"] == "2021-08-01T23:59:59.000Z"
    assert smap["meta"]["provider-id"] == "NSIDC_CPRD"
    assert smap["umm"]["GranuleUR"] == FIELDS[1]
    assert link(smap) == URL
    content = (archive / "deep" / "er" / FIELDS[1]).read_bytes()
    assert file_entry(smap, ".h5")["SizeInBytes"] == len(content)
    assert file_entry(smap, ".h5")["Checksum"] == {"Value": md5(content).hexdigest(), "Algorithm": "MD5"}  # noqa: S324


def test_checksums_are_of_the_wanted_kind(start: Callable[..., Earthdata]) -> None:
    start(algorithms={"SPL4SMGP.008": None, "MOD11A1.061": "BSD checksum"})
    assert "Checksum" not in file_entry(entries()[0], ".h5")
    _, checksum, algorithm = told_in_echo10(entries(short_name="MOD11A1")[0])
    assert algorithm == "BSD checksum"
    assert checksum.isdigit()
    with pytest.raises(ValueError, match="no products"):
        start(algorithms={"MOD11A1": None})


def test_searches_go_page_by_page(earthdata: Earthdata) -> None:
    """The last page too says after what the next would begin, as in recordings; that one is empty."""
    times = [datetime(2015, 4, 1) + timedelta(days=number) for number in range(41)]
    many = [granule_file_name(PRODUCTS["MYD11A1.061"], time, TILE) for time in times]
    earthdata.catalogue.list_only(*many)
    found, headers, sizes = [], {}, []
    while not sizes or sizes[-1]:
        response = search(headers, short_name="MYD11A1", page_size=20)
        assert response.headers["CMR-Hits"] == "41"
        sizes.append(len(response.json()["items"]))
        found += [item["umm"]["GranuleUR"] + ".hdf" for item in response.json()["items"]]
        headers = {"CMR-Search-After": response.headers.get("CMR-Search-After")}
    assert (found, sizes, headers) == (many, [20, 20, 1, 0], {"CMR-Search-After": None})


@pytest.mark.usefixtures("earthdata")
def test_a_concept_that_is_not_there_is_not_found() -> None:
    assert requests.get(f"https://{CMR}/search/concepts/G1-LPCLOUD.echo10", timeout=20).status_code == 404


def test_granules_change_and_vanish(earthdata: Earthdata, archive: Path) -> None:
    before = entries()[1]
    earthdata.catalogue.replace(FIELDS[1], archive / "deep" / "er" / FIELDS[2])
    after, changed = entries()[1], fetch(earthdata)
    assert file_entry(after, ".h5")["Checksum"] != file_entry(before, ".h5")["Checksum"]
    assert after["meta"]["revision-id"] == before["meta"]["revision-id"] + 1
    assert changed.content == (archive / "deep" / "er" / FIELDS[2]).read_bytes()
    earthdata.catalogue.forget(FIELDS[1])
    assert names() == [FIELDS[0], FIELDS[2]]
    assert fetch(earthdata).status_code == 404
    late = granule_file_name(TARGET, datetime(2021, 8, 1, 4, 30), None)
    earthdata.catalogue.list_only(late, size=5)
    assert late in names()
    assert fetch(earthdata, FOLDER + late).status_code == 404
    with pytest.raises(KeyError):
        earthdata.catalogue.forget("nothing*")
    with pytest.raises(ValueError, match="no granule's name"):
        earthdata.catalogue.list_only("notes.txt")
