"""The catalogue answers as the CMR does."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import md5, sha512
from pathlib import Path
from typing import Any

import earthaccess
import pytest
from granule_archives import TARGET, TILE

from earthdata.clients import FIELDS, FOLDER, TILES, URL, entries, fetch, names, search
from earthdata.server import Earthdata
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name


def file_entry(entry: dict[str, Any], suffix: str) -> dict[str, Any]:
    files = entry["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
    (found,) = (file for file in files if file["Name"].endswith(suffix))
    return found


def link(entry: dict[str, Any]) -> str:
    (found,) = (link["URL"] for link in entry["umm"]["RelatedUrls"] if link["Type"] == "GET DATA")
    return found


def test_search_follows_time_name_and_collection(earthdata: Earthdata) -> None:
    assert names() == names(version="008") == FIELDS
    assert names(version="007") == []
    assert names(short_name="MOD11A1", **{"temporal[]": "2021-08-02T00:00:00Z,"}) == TILES[1:]
    assert names(short_name="MOD11A1", temporal=",2021-08-01T12:00:00Z") == TILES[:1]
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
    tile, smap = entries(short_name="MOD11A1")[0], entries()[1]
    stem = TILES[0].removesuffix(".hdf")
    assert tile["meta"]["provider-id"] == "LPCLOUD"
    assert tile["meta"]["native-id"] == tile["umm"]["GranuleUR"] == stem
    assert link(tile) == f"https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected/MOD11A1.061/{stem}/{TILES[0]}"
    assert file_entry(tile, ".hdf")["Checksum"] == {
        "Value": sha512((archive / TILES[0]).read_bytes()).hexdigest(),
        "Algorithm": "SHA-512",
    }
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
    checksum = file_entry(entries(short_name="MOD11A1")[0], ".hdf")["Checksum"]
    assert checksum["Algorithm"] == "BSD checksum"
    assert checksum["Value"].isdigit()
    with pytest.raises(ValueError, match="no products"):
        start(algorithms={"MOD11A1": None})


def test_earthaccess_searches_page_by_page(earthdata: Earthdata) -> None:
    times = [datetime(2015, 4, 1) + timedelta(days=number) for number in range(4100)]
    many = [granule_file_name(PRODUCTS["MYD11A1.061"], time, TILE) for time in times]
    earthdata.catalogue.list_only(*many)
    query = earthaccess.DataGranules().short_name("MYD11A1").version("061")
    assert query.hits() == 4100
    assert [granule["umm"]["GranuleUR"] + ".hdf" for granule in query.get_all()] == many
    asked = earthdata.requested("*granules.umm_json")
    assert [request.headers.get("Cmr-Search-After") is None for request in asked] == [True, True, True, False, False]
    query.temporal("2016-01-01", "2016-01-31").granule_name(f"*.{TILE}.*")
    assert len(query.get_all()) == 31
    exact = earthaccess.DataGranules().short_name("MYD11A1").granule_name(many[7])
    assert [granule["meta"]["native-id"] for granule in exact.get()] == [many[7].removesuffix(".hdf")]


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
