"""Tokens: what they are given for, and where they are looked at."""

import json
import time
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import requests
from witnesses import SHARED, with_witnesses

from earthdata.answers import EULA
from earthdata.clients import URL, fetch, search
from earthdata.hosts import LOGIN
from earthdata.server import Earthdata


def test_a_password_is_worth_a_token(earthdata: Earthdata) -> None:
    address = f"https://{LOGIN}/api/users/find_or_create_token"
    given = requests.post(address, auth=(earthdata.login.user, earthdata.login.password), timeout=20)
    assert given.json()["access_token"] == earthdata.login.token
    assert datetime.strptime(given.json()["expiration_date"], "%m/%d/%Y") > datetime.now() + timedelta(days=365)
    refused = requests.post(address, auth=(earthdata.login.user, "wrong"), timeout=20)
    assert refused.status_code == 401
    assert refused.json()["error"] == "invalid_credentials"
    claims = json.loads(urlsafe_b64decode(earthdata.login.token.split(".")[1] + "=="))
    assert claims["exp"] > time.time()
    assert claims["uid"] == earthdata.login.user


def test_without_a_token_the_login_page_comes(earthdata: Earthdata) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        response = requests.get(URL, headers=headers, timeout=20)
        assert [step.status_code for step in response.history] == [302]
        assert urlsplit(response.url)[1:3] == (LOGIN, "/oauth/authorize")
        assert response.status_code == 401
        assert response.text.startswith("<!DOCTYPE html>")
    assert earthdata.requested()[-1].headers.get("Authorization") is None


def test_expired_tokens_are_told_apart(earthdata: Earthdata) -> None:
    old = {"Authorization": f"Bearer {earthdata.login.token}"}
    earthdata.login.expire()
    response = requests.get(URL, headers=old, timeout=20)
    assert (response.status_code, response.json()["error_description"]) == (401, "The token has expired")
    assert "has expired" in search(old).json()["errors"][0]
    assert "does not exist" in search({"Authorization": "Bearer wrong"}).json()["errors"][0]
    assert fetch(earthdata).status_code == 200


@with_witnesses
def test_answers_have_the_form_of_recorded_ones(earthdata: Earthdata) -> None:
    recorded = json.loads((SHARED / "earthdata/edl/answers.json").read_text())
    address = f"https://{LOGIN}/api/users/find_or_create_token"
    given, refused = (
        requests.post(address, auth=(earthdata.login.user, password), timeout=20)
        for password in (earthdata.login.password, "wrong")
    )
    assert set(given.json()) == set(recorded["find_or_create_token 200"])
    assert refused.json() == recorded["find_or_create_token 401"]
    said, expected = json.loads(bytes(EULA.body)), recorded["TEA EULA 403 (bearer)"]
    assert said | {"resolution_url": ""} == expected | {"resolution_url": ""}
    assert urlsplit(said["resolution_url"])[::2] == urlsplit(expected["resolution_url"])[::2]  # the scheme and the page
    found = [fetch(earthdata, URL.replace("T0130", "T0430")), fetch(earthdata, Range="bytes=99999999999-")]
    for response, name in zip(found, ["TEA missing object", "TEA range past the end"], strict=True):
        assert recorded[name].startswith(str(response.status_code))
        (text,) = (text for text in ("Data Not Available", "Invalid Range") if text in recorded[name])
        assert text in response.text
        assert "Content-Range" not in response.headers
    answer = requests.get(URL, headers={"Authorization": "Bearer x"}, timeout=20, allow_redirects=False)
    query = urlsplit(answer.headers["Location"]).query
    assert [part.partition("=")[0] for part in query.split("&")] == [
        *("client_id", "response_type", "redirect_uri", "state", "app_type")
    ]
    assert query.endswith("app_type=401")
    assert answer.status_code == 302
