"""Answers go wrong as a test asks for it, or at random."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests

from earthdata import answers
from earthdata.answers import SERVER_ERROR, UNAVAILABLE, Answer
from earthdata.clients import FIELDS, URL, fetch, names, search, session
from earthdata.faults import Cut, Fault, Flipped, Redirected, Shortened, Stalled
from earthdata.hosts import CMR, STRANGER
from earthdata.server import Earthdata


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (answers.UNAUTHORIZED, 401, "invalid_token"),
        (answers.EULA, 403, "EULA Acceptance Failure"),
        (answers.FORBIDDEN, 403, "Could not access data"),
        (answers.NOT_FOUND, 404, "Data Not Available"),
        (answers.too_many(7), 429, "Too Many"),
        (SERVER_ERROR, 500, "Internal"),
        (UNAVAILABLE, 503, "Unavailable"),
        (answers.HTML_PAGE, 200, "<!DOCTYPE html>"),
    ],
)
def test_answers_can_be_others(earthdata: Earthdata, fault: Answer, status: int, told: str) -> None:
    earthdata.faults.add(f"*/{FIELDS[1]}", fault)
    response = fetch(earthdata)
    assert (response.status_code, response.history) == (status, [])
    assert told in response.text
    assert response.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert fetch(earthdata).ok
    assert earthdata.fetched(FIELDS[1]) == 1


def test_redirects_can_lead_astray(earthdata: Earthdata, content: bytes) -> None:
    earthdata.faults.add("data.*/*", Redirected())
    response = fetch(earthdata)
    assert urlsplit(response.url).hostname == STRANGER
    assert response.content == content
    assert [request.headers.get("Authorization") for request in earthdata.requested(f"{STRANGER}/*")] == [None]


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_bodies_can_be_cut(earthdata: Earthdata, content: bytes, share: float) -> None:
    earthdata.faults.add(f"*/{FIELDS[1]}", Cut(share))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch(earthdata)
    assert earthdata.sent() == earthdata.requested()[-1].sent == int(len(content) * share)
    assert earthdata.fetched(FIELDS[1]) == 0


@pytest.mark.parametrize("fault", [Shortened(), Flipped()])
def test_bodies_can_be_wrong(earthdata: Earthdata, content: bytes, fault: Fault) -> None:
    earthdata.faults.add(f"*/{FIELDS[1]}", fault)
    got = fetch(earthdata).content
    half = len(content) // 2
    assert got == content[:half] + (bytes([content[half] ^ 1]) + content[half + 1 :] if fault == Flipped() else b"")
    assert earthdata.fetched(FIELDS[1]) == 0
    assert fetch(earthdata).content == content


def test_bodies_can_stall(earthdata: Earthdata) -> None:
    earthdata.faults.add(f"*/{FIELDS[1]}", Stalled(seconds=30))
    begin = time.monotonic()
    with session(earthdata) as client, pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        client.get(URL, timeout=0.3)
    assert 0.2 < time.monotonic() - begin < 5
    earthdata.faults.add(f"*/{FIELDS[1]}", Stalled(seconds=0.2))
    assert fetch(earthdata).ok


def test_faults_are_counted(earthdata: Earthdata) -> None:
    earthdata.faults.add(f"{CMR}/*", UNAVAILABLE, times=2)
    assert [search().status_code for _ in range(3)] == [503, 503, 200]
    earthdata.faults.add("*", SERVER_ERROR, times=None)
    assert {search().status_code for _ in range(3)} == {500}
    earthdata.faults.clear()
    assert names() == FIELDS


def test_failures_come_at_random_and_again(start: Callable[..., Earthdata]) -> None:
    def outcomes(seed: int) -> list[int]:
        earthdata = start(failures=0.4, seed=seed)
        found = []
        for _ in range(60):
            try:
                found.append(fetch(earthdata).status_code)
            except requests.exceptions.ChunkedEncodingError:
                found.append(0)
        return found

    first = outcomes(2)
    assert set(first) >= {0, 200, 500}
    assert 10 < first.count(200) < 35  # both answers of a download may fail
    assert outcomes(2) == first
    assert outcomes(3) != first
