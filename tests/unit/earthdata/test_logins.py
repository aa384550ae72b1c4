"""Credentials: where they are found, and sentences when they are missing, wrong or refused."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from earthdata.answers import EULA, FORBIDDEN, UNAUTHORIZED, UNAVAILABLE, Answer, document
from earthdata.hosts import CMR, DATA, LOGIN, STORE
from earthdata.server import Earthdata
from granule_archives import temperature
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from requests import Response
from witnesses import SHARED, with_witnesses

from kilomoist.earthdata.catalogues import search_month
from kilomoist.earthdata.documents import MOST
from kilomoist.earthdata.downloads import Session, fetch_content, logged_in
from kilomoist.earthdata.logins import HOST, Login, bearer_token, find_login
from kilomoist.errors import InputError
from kilomoist.products import PRODUCTS

SECRET = "Tr0ub4dor-&-3"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and no credentials in the environment."""
    for name in ("EARTHDATA_TOKEN", "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write_netrc(home: Path, text: str, mode: int = 0o600) -> None:
    (home / ".netrc").write_text(text)
    (home / ".netrc").chmod(mode)


def web_token(expires: datetime) -> str:
    parts = ({"typ": "JWT"}, {"uid": "someone", "exp": int(expires.timestamp())})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".sig"


def complaint() -> str:
    with pytest.raises(InputError) as caught:
        find_login()
    return str(caught.value)


def test_a_token_comes_before_a_password_before_netrc(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_netrc(home, f"machine {HOST} login from-file password {SECRET}\n")
    assert find_login() == Login(str(home / ".netrc"), user="from-file", password=SECRET)
    (home / ".netrc").rename(home / "elsewhere")
    monkeypatch.setenv("NETRC", str(home / "elsewhere"))
    assert find_login().user == "from-file"
    monkeypatch.setenv("EARTHDATA_USERNAME", "from-environment")
    monkeypatch.setenv("EARTHDATA_PASSWORD", SECRET)
    assert find_login().user == "from-environment"
    monkeypatch.setenv("EARTHDATA_TOKEN", "  a-token\n")
    assert find_login() == Login("EARTHDATA_TOKEN", token="a-token")
    monkeypatch.setenv("EARTHDATA_TOKEN", "")
    assert find_login().user == "from-environment"


def test_half_a_login_is_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHDATA_USERNAME", "me")
    assert complaint().startswith("EARTHDATA_USERNAME is set but EARTHDATA_PASSWORD is not")
    monkeypatch.delenv("EARTHDATA_USERNAME")
    monkeypatch.setenv("EARTHDATA_PASSWORD", SECRET)
    assert complaint().startswith("EARTHDATA_PASSWORD is set but EARTHDATA_USERNAME is not")
    assert SECRET not in complaint()


def test_without_any_login_all_ways_are_named() -> None:
    said = complaint()
    for way in ("EARTHDATA_TOKEN", "EARTHDATA_USERNAME and EARTHDATA_PASSWORD", "~/.netrc", f"https://{HOST}"):
        assert way in said


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("machine example.com login me password {secret}\n", 0o600, f"has no entry for {HOST}, of 1 machines"),
        ("", 0o600, f"has no entry for {HOST}, of 0 machines"),
        ("machine {host} login me password {secret}\n", 0o644, "chmod 600"),
        ("machine {host} login me {secret}\n", 0o600, "cannot be read as netrc (line"),
        ("machine {host} password {secret}\n", 0o600, "has no login or no password"),
        ("machine {host} login me\n", 0o600, "has no login or no password"),
    ],
)
def test_a_wrong_netrc_is_explained(home: Path, text: str, mode: int, expected: str) -> None:
    write_netrc(home, text.format(host=HOST, secret=SECRET), mode)
    said = complaint()
    assert expected in said
    assert str(home / ".netrc") in said
    assert SECRET not in said


def test_an_expired_token_is_refused_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    monkeypatch.setenv("EARTHDATA_TOKEN", web_token(now - timedelta(days=3)))
    said = complaint()
    assert f"expired on {now - timedelta(days=3):%Y-%m-%d}" in said
    assert "Generate Token" in said
    monkeypatch.setenv("EARTHDATA_TOKEN", web_token(now + timedelta(days=3)))
    assert find_login().token
    for odd in ("no-web-token", "a.b.c", "a.bm90IGpzb24.c", "a.e30.c", "a.eyJleHAiOiAibm93In0.c"):
        monkeypatch.setenv("EARTHDATA_TOKEN", odd)
        assert find_login().token == odd


MALFORMED = {
    "line break": "eyJ0eXAi\neyJ1aWQi.{secret}",
    "header": "x\r\nX-Injected: {secret}",
    "tab": "{secret}\t{secret}",
    "space": "Bearer {secret}",
    "null": "{secret}\x1f",
    "accent": "{secret}é",
    "not Latin-1": "{secret}ё",
    "no UTF-8": "{secret}\udce4",
    "no-break space": "{secret}\u00a0{secret}",
    "long": "{secret}" * 1000,
}


@pytest.mark.parametrize("form", MALFORMED.values(), ids=MALFORMED)
def test_a_token_that_cannot_be_sent_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", form.format(secret=SECRET))
    said = complaint()
    assert said.startswith("EARTHDATA_TOKEN is no token")
    assert SECRET not in said


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("me", f"{SECRET}\r", "The password of EARTHDATA_USERNAME and EARTHDATA_PASSWORD cannot be sent"),
        ("me", f"{SECRET}\nX-Injected: 1", "The password"),
        ("me", f"{SECRET}\udce4", "The password"),
        ("me", SECRET * 100, "The password"),
        (f"{SECRET}\n", SECRET, "The user name"),
        (f"me:{SECRET}", SECRET, "has a colon"),
    ],
)
def test_what_basic_authentication_cannot_carry_is_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, user: str, password: str, expected: str
) -> None:
    monkeypatch.setenv("EARTHDATA_USERNAME", user)
    monkeypatch.setenv("EARTHDATA_PASSWORD", password)
    said = complaint()
    assert expected in said
    assert SECRET not in said


NETRC = f"machine {HOST} login me password {SECRET}\n"


@pytest.mark.parametrize(
    "content",
    [
        *(NETRC.encode(encoding) for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig")),
        f"# größe\n{NETRC}".encode("cp1252"),
        f"# размер\n{NETRC}".encode("cp1251"),
        NETRC.replace(SECRET, f"{SECRET}ä").encode("cp850"),
        NETRC.replace("me", "me\x00").encode(),
        NETRC.replace(HOST, f"{SECRET}.example.com").encode(),
    ],
)
def test_netrc_in_other_encodings_is_explained_unseen(home: Path, content: bytes) -> None:
    write_netrc(home, "")
    (home / ".netrc").write_bytes(content)
    said = complaint()
    assert str(home / ".netrc") in said
    assert SECRET not in said


def test_netrc_may_have_words_of_all_languages(home: Path) -> None:
    write_netrc(home, f"# größe, размер\n{NETRC.replace(SECRET, 'пароль')}")
    assert find_login().password == "пароль"


@with_witnesses
@pytest.mark.parametrize(
    "name", ["files/netrc/cp1252_umlaut.netrc", "files/netrc/utf16_powershell.netrc", "faults/exceptions/netrc*"]
)
def test_netrc_as_people_have_them(home: Path, name: str) -> None:
    """`../shared/files/README.md`: a sentence for each."""
    (found,) = SHARED.glob(name)
    write_netrc(home, "")
    (home / ".netrc").write_bytes(found.read_bytes())
    said = complaint()
    assert f"{home / '.netrc'} cannot be read as netrc" in said
    assert "se cret" not in said


@given(
    mutated(
        f'machine example.com login a password b\n{NETRC}macdef x\n  y\n\ndefault login c password "d e"\n'.encode()
    )
)
@settings(max_examples=100, deadline=None)
def test_any_netrc_is_a_login_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.netrc"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETRC", str(path))
        reads_or_refuses(find_login)


def test_credentials_are_not_in_representations() -> None:
    assert SECRET not in repr(Login("x", token=SECRET)) + repr(Login("x", user="me", password=SECRET))


# What NASA answers


@pytest.fixture
def earthdata(serve: Callable[..., Earthdata], tmp_path: Path) -> Earthdata:
    """A server with one granule, and its token in the environment."""
    temperature(tmp_path / "granules", 1, 300.0)
    return serve(tmp_path / "granules")


def address() -> str:
    (entry,) = search_month(PRODUCTS["MOD11A1.061"], "h24v04", "2021-08", Session())
    return entry.url


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (UNAUTHORIZED, "NASA refused EARTHDATA_TOKEN (HTTP 401)"),
        (EULA, "log in at https://urs.earthdata.nasa.gov/approve_app?client_id=simulated and accept it"),
        (FORBIDDEN, "approve the application of this host under Applications → Authorized Apps"),
    ],
)
def test_refusals_are_explained(earthdata: Earthdata, fault: Answer, expected: str) -> None:
    earthdata.faults.add("data.lpdaac*", fault)
    with pytest.raises(InputError) as caught:
        fetch_content(address(), logged_in())
    assert expected in str(caught.value)
    assert not any(secret in str(caught.value) for secret in earthdata.secrets)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (
            "http://urs.earthdata.nasa.gov/approve_app?client_id=x",
            "https://urs.earthdata.nasa.gov/approve_app?client_id=x",
        ),
        ("https://uat.urs.earthdata.nasa.gov/accept?a=b", "https://uat.urs.earthdata.nasa.gov/accept?a=b"),
        ("http://urs.earthdata.nasa.gov:80/accept", "https://urs.earthdata.nasa.gov/accept"),
        ("https://evil.example.com/approve", None),
        ("https://urs.earthdata.nasa.gov@evil.example.com/approve", None),
        ("https://urs.earthdata.nasa.gov.evil.example.com/approve", None),
        ("https://evil.example.com/https://urs.earthdata.nasa.gov/approve", None),
        ("https://urs.earthdata.nasa.gov/\nhttps://evil.example.com", None),
        ("javascript:alert(1)//urs.earthdata.nasa.gov/", None),
        (["https://evil.example.com"], None),
        (None, None),
    ],
)
def test_a_page_of_the_login_is_named_whoever_refuses(
    earthdata: Earthdata, status: int, page: Any, expected: str | None
) -> None:
    said = {"error": "invalid_token", "resolution_url": page}
    earthdata.faults.add(f"{DATA['LPCLOUD']}/*", document(status, said))
    with pytest.raises(InputError) as caught:
        fetch_content(address(), logged_in(), 0, 1)
    if expected:
        assert f"log in at {expected}, accept" in str(caught.value)
    else:
        assert "evil" not in str(caught.value)
        assert f"HTTP {status}" in str(caught.value)


@with_witnesses
def test_the_recorded_refusal_names_its_page(earthdata: Earthdata) -> None:
    recorded = json.loads((SHARED / "earthdata/edl/answers.json").read_text())["TEA EULA 403 (bearer)"]
    earthdata.faults.add(f"{DATA['LPCLOUD']}/*", document(403, recorded))
    with pytest.raises(InputError) as caught:
        fetch_content(address(), logged_in(), 0, 1)
    assert f"log in at {recorded['resolution_url'].replace('http:', 'https:')} and accept it" in str(caught.value)


def test_a_token_given_for_a_password_is_looked_at(earthdata: Earthdata, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("EARTHDATA_USERNAME", earthdata.login.user)
    monkeypatch.setenv("EARTHDATA_PASSWORD", earthdata.login.password)
    forms = ({"access_token": f"x\n{SECRET}"}, {"access_token": None}, [SECRET], {})
    for answer in (*(document(200, form) for form in forms), Answer(200, b"[" * 100_000), Answer(200, b"[" * MOST * 2)):
        earthdata.faults.add(f"{LOGIN}/*", answer)
        with pytest.raises(InputError, match=r"did not give a token|gave no token") as caught:
            logged_in()
        assert SECRET not in str(caught.value)


class Replies:
    """A session that gets the same answer to everything, without a server."""

    def __init__(self, status: int, content: bytes) -> None:
        self._status, self._content = status, content

    def post(self, url: str, **_: Any) -> Response:
        response = Response()
        response.status_code, response.url, response.raw = self._status, url, BytesIO(self._content)
        return response


@given(
    mutated(b'{"access_token": "abc", "resolution_url": "https://urs.earthdata.nasa.gov/approve_app?client_id=x"}'),
    st.sampled_from([200, 204, 401, 403, 500]),
)
def test_any_answer_of_the_login_is_a_token_or_a_sentence(content: bytes, status: int) -> None:
    login = Login("a file", user="me", password=SECRET)
    try:
        said = bearer_token(login, Replies(status, content))
    except InputError as error:
        said = str(error)
    assert said.isprintable()
    assert SECRET not in said


def test_a_password_of_all_letters_is_sent_as_utf_8(earthdata: Earthdata, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7617; the server, which has another, refuses it."""
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("EARTHDATA_USERNAME", earthdata.login.user)
    monkeypatch.setenv("EARTHDATA_PASSWORD", "größe-пароль")
    with pytest.raises(InputError, match="refused the user name and password"):
        logged_in()
    sent = base64.b64decode(earthdata.requested(f"{LOGIN}/*")[-1].headers["Authorization"].removeprefix("Basic "))
    assert sent.decode().endswith(":größe-пароль")


def test_an_unknown_token_is_refused(earthdata: Earthdata, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data's host sends such a client on to the login page, which answers 401."""
    monkeypatch.setenv("EARTHDATA_TOKEN", SECRET)
    with pytest.raises(InputError, match=r"NASA refused EARTHDATA_TOKEN \(HTTP 401\)") as caught:
        fetch_content(address(), logged_in())
    assert SECRET not in str(caught.value)
    assert "Authorization" not in earthdata.requested(f"{LOGIN}/*")[-1].headers


def test_a_token_that_was_revoked_is_refused(earthdata: Earthdata) -> None:
    session = logged_in()
    earthdata.login.expire()
    with pytest.raises(InputError, match="perhaps it expired or was revoked"):
        fetch_content(address(), session)


def test_the_credentials_of_netrc_go_to_the_login_alone(earthdata: Earthdata, home: Path) -> None:
    """requests would send what netrc has for a host, or by default, in place of the token."""
    hosts = "".join(f"machine {host} login me password {SECRET}\n" for host in (DATA["LPCLOUD"], STORE))
    write_netrc(home, hosts + f"default login me password {SECRET}\n")
    content, _ = fetch_content(address(), logged_in(), 0, 4)
    assert content == b"\x0e\x03\x13\x01"
    sent = {request.host: request.headers.get("Authorization") for request in earthdata.requested()}
    assert sent == {CMR: None, DATA["LPCLOUD"]: f"Bearer {earthdata.login.token}", STORE: None}


def test_a_password_is_exchanged_for_a_token(earthdata: Earthdata, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("EARTHDATA_USERNAME", earthdata.login.user)
    monkeypatch.setenv("EARTHDATA_PASSWORD", earthdata.login.password)
    session = logged_in()
    assert session.token == earthdata.login.token
    monkeypatch.setenv("EARTHDATA_PASSWORD", SECRET)
    with pytest.raises(InputError) as caught:
        logged_in()
    assert "refused the user name and password of EARTHDATA_USERNAME and EARTHDATA_PASSWORD" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_login_host_that_is_down_is_named(earthdata: Earthdata, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    write_netrc(home, f"machine {HOST} login {earthdata.login.user} password {earthdata.login.password}\n")
    earthdata.faults.add(f"{LOGIN}/*", UNAVAILABLE, times=None)
    with pytest.raises(InputError, match="did not give a token") as caught:
        Session(pause=0).log_in(find_login())
    assert earthdata.login.password not in str(caught.value)
