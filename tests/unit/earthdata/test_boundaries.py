"""Outlines of countries from a server on this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kilomoist.earthdata.outlines import NATURAL_EARTH, fetch_outline
from kilomoist.errors import InputError
from kilomoist.regions import read_outline


def square(west: float, **properties: str) -> dict:
    ring = [[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


FEATURES = [
    square(100, ADM0_A3="MNG", ISO_A3="MNG", NAME="Mongolia"),
    square(2, ADM0_A3="FRA", ISO_A3="-99", NAME="France"),
    square(50, adm0_a3="OLD", name="Spelled as in older files"),
    square(52, adm0_a3="OLD", name="The same country's other half"),
]
ANSWERS = {
    "/countries": (200, "application/json", json.dumps({"type": "FeatureCollection", "features": FEATURES})),
    "/page": (200, "text/html", "<!DOCTYPE html><title>Sign in</title>"),
    "/list": (200, "application/json", "[1, 2, 3]"),
    "/other": (200, "application/json", '{"message": "moved"}'),
    "/busy": (503, "text/plain", "try later"),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, kind, text = ANSWERS.get(self.path, (404, "text/plain", "no such page"))
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        # A connection that breaks: more is promised than comes.
        self.send_header("Content-Length", str(len(content) + (1000 if self.path == "/cut" else 0)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def refused(country: str, url: str, path: Path) -> str:
    with pytest.raises(InputError) as caught:
        fetch_outline(country, path, url)
    assert not path.exists()
    assert list(path.parent.iterdir()) == []
    return str(caught.value)


def test_a_country_is_found(server: str, tmp_path: Path) -> None:
    path = tmp_path / "outlines" / "MNG.geojson"
    fetch_outline("MNG", path, f"{server}/countries")
    assert json.loads(path.read_text())["features"] == [FEATURES[0]]
    assert read_outline(path).bounds == (100, 0, 101, 1)
    assert [file.name for file in path.parent.iterdir()] == ["MNG.geojson"]


def test_a_country_without_iso_code_is_found(server: str, tmp_path: Path) -> None:
    fetch_outline("FRA", tmp_path / "FRA.geojson", f"{server}/countries")
    assert read_outline(tmp_path / "FRA.geojson").bounds == (2, 0, 3, 1)


def test_names_of_properties_in_lower_case(server: str, tmp_path: Path) -> None:
    fetch_outline("OLD", tmp_path / "OLD.geojson", f"{server}/countries")
    assert read_outline(tmp_path / "OLD.geojson").area == pytest.approx(2)


def test_an_unknown_country_is_told_which_there_are(server: str, tmp_path: Path) -> None:
    said = refused("XYZ", f"{server}/countries", tmp_path / "XYZ.geojson")
    assert said == "Natural Earth has no country XYZ: its ADM0_A3 codes are FRA, MNG, OLD."


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("/nowhere", "cannot be fetched (404"),
        ("/busy", "cannot be fetched (503"),
        ("/cut", "cannot be fetched ("),
        ("/page", "did not answer with GeoJSON ("),
        ("/list", "did not answer with a GeoJSON of features"),
        ("/other", "did not answer with a GeoJSON of features"),
    ],
)
def test_other_answers(server: str, tmp_path: Path, page: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, "/cut", (200, "application/json", '{"features": ['))
    said = refused("MNG", f"{server}{page}", tmp_path / "MNG.geojson")
    assert f"{server}{page} {expected}" in said
    assert "download an outline yourself and give it as `outline` in place of `country: MNG`" in said
    assert "\n" not in said


def test_no_server(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port
    said = refused("MNG", f"http://127.0.0.1:{port}/countries", tmp_path / "MNG.geojson")
    assert "cannot be fetched" in said
    assert "check the network" in said


def test_the_default_is_natural_earth_at_10_m() -> None:
    assert NATURAL_EARTH.startswith("https://")
    assert NATURAL_EARTH.endswith("ne_10m_admin_0_countries.geojson")
