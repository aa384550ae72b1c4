"""Granules of the tests of the server, and clients that know nothing of it."""

from datetime import datetime
from typing import Any

import requests
from granule_archives import LST, TARGET, TILE, day

from earthdata.hosts import CMR
from earthdata.server import Earthdata
from kilomoist.simulation.file_names import granule_file_name

TIMES = [datetime(2021, 7, 31, 22, 30), *(datetime(2021, 8, 1, hour, 30) for hour in (1, 22))]
FIELDS = [granule_file_name(TARGET, time, None) for time in TIMES]
TILES = [granule_file_name(LST, day(number), TILE) for number in (1, 2)]
FOLDER = "https://data.nsidc.earthdatacloud.nasa.gov/nsidc-cumulus-prod-protected/SMAP/SPL4SMGP/008/2021/08/01/"
URL = FOLDER + FIELDS[1]
SEARCH = f"https://{CMR}/search/granules.umm_json"


def session(earthdata: Earthdata) -> requests.Session:
    """A client that sends its token to whomever it asks, but not along redirects."""
    client = requests.Session()
    client.headers["Authorization"] = f"Bearer {earthdata.login.token}"
    return client


def fetch(earthdata: Earthdata, url: str = URL, **headers: str) -> requests.Response:
    with session(earthdata) as client:
        return client.get(url, headers=headers, timeout=20)


def search(headers: dict[str, str] | None = None, **query: Any) -> requests.Response:
    """The answer to a search, of SPL4SMGP unless the query asks otherwise."""
    asked = {"short_name": "SPL4SMGP", "page_size": 100} | query
    return requests.get(SEARCH, params=asked, headers=headers, timeout=20)


def entries(**query: Any) -> list[dict[str, Any]]:
    response = search(**query)
    assert response.status_code == 200, response.text
    return response.json()["items"]


def names(**query: Any) -> list[str]:
    return [entry["umm"]["DataGranule"]["Identifiers"][0]["Identifier"] for entry in entries(**query)]
