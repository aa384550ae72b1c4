"""Outlines of countries from Natural Earth, which a server on this machine plays."""

import json
import socket
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from earthdata.answers import NOT_FOUND, UNAVAILABLE, Answer
from earthdata.faults import Cut, Fault
from earthdata.server import Earthdata
from hypothesis import given, settings
from mutations import mutated, reads_or_refuses
from requests import Response

from kilomoist.earthdata.outlines import NATURAL_EARTH, fetch_outline
from kilomoist.errors import InputError
from kilomoist.outlines import read_outline


def square(west: float, **properties: str) -> dict:
    ring = [[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


NO_FEATURES = "did not answer with a GeoJSON of features ("
FEATURES = [
    square(100, ADM0_A3="MNG", ISO_A3="MNG", NAME="Mongolia"),
    square(2, ADM0_A3="FRA", ISO_A3="-99", NAME="France"),
    square(50, adm0_a3="OLD", name="Spelled as in older files"),
    square(52, adm0_a3="OLD", name="The same country's other half"),
]


@pytest.fixture(autouse=True)
def natural_earth(serve: Callable[..., Earthdata], tmp_path_factory: pytest.TempPathFactory) -> Earthdata:
    earthdata = serve(tmp_path_factory.mktemp("granules"))
    earthdata.countries = FEATURES
    return earthdata


def refused(country: str, path: Path) -> str:
    with pytest.raises(InputError) as caught:
        fetch_outline(country, path)
    assert list(path.parent.iterdir()) == []
    return str(caught.value)


def test_a_country_is_found(tmp_path: Path) -> None:
    path = tmp_path / "outlines" / "MNG.geojson"
    fetch_outline("MNG", path)
    assert json.loads(path.read_text())["features"] == [FEATURES[0]]
    assert read_outline(path).area.bounds == (100, 0, 101, 1)
    assert [file.name for file in path.parent.iterdir()] == ["MNG.geojson"]


@pytest.mark.parametrize(("country", "bounds", "area"), [("FRA", (2, 0, 3, 1), 1), ("OLD", (50, 0, 53, 1), 2)])
def test_a_country_of_another_form_is_found(tmp_path: Path, country: str, bounds: tuple, area: float) -> None:
    """Without ISO code, and with names of properties in lower case."""
    fetch_outline(country, tmp_path / "outline.geojson")
    outline = read_outline(tmp_path / "outline.geojson").area
    assert (outline.bounds, outline.area) == (bounds, pytest.approx(area))


def test_an_unknown_country_is_told_which_there_are(tmp_path: Path) -> None:
    said = refused("XYZ", tmp_path / "XYZ.geojson")
    assert said == "Natural Earth has no country XYZ: its ADM0_A3 codes are FRA, MNG, OLD."


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (NOT_FOUND, "cannot be fetched (404"),
        (UNAVAILABLE, "cannot be fetched (503"),
        (Cut(), "cannot be fetched ("),
        (Answer(200, b"<!DOCTYPE html><title>Sign in</title>", "text/html"), NO_FEATURES),
        (Answer(200, b"[1, 2, 3]"), NO_FEATURES),
        (Answer(200, b'{"message": "moved"}'), NO_FEATURES),
        (Answer(200, b'{"features": 3}'), NO_FEATURES),
        (Answer(200, b'{"features": [3, {}, {"properties": []}, {"properties": {"ADM0_A3": {}}}]}'), NO_FEATURES),
        (Answer(200, b"[" * 100_000), NO_FEATURES),
        (Answer(200, b" " * (2**25 + 1)), NO_FEATURES),
        (Answer(302, headers={"Location": "https://[x/y"}), NO_FEATURES),
    ],
    ids=["404", "503", "cut", "page", "list", "other", "number", "features", "deep", "large", "redirect"],
)
def test_other_answers(natural_earth: Earthdata, tmp_path: Path, fault: Fault, expected: str) -> None:
    natural_earth.faults.add("*", fault)
    said = refused("MNG", tmp_path / "MNG.geojson")
    assert f"{NATURAL_EARTH} {expected}" in said
    assert "download an outline yourself and give it as `outline` in place of `country: MNG`" in said
    assert "\n" not in said


@settings(max_examples=100)
@given(mutated(json.dumps({"type": "FeatureCollection", "features": FEATURES}).encode()))
def test_any_answer_is_an_outline_or_told(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    response = Response()
    response.status_code, response.raw = 200, BytesIO(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("requests.get", lambda *_, **__: response)
        reads_or_refuses(lambda: fetch_outline("FRA", tmp_path_factory.getbasetemp() / "mutated.geojson"))


def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{closed.getsockname()[1]}")
    said = refused("MNG", tmp_path / "MNG.geojson")
    assert "cannot be fetched" in said
    assert "check the network" in said
