"""Logins at NASA Earthdata: credentials, and sentences for refusals.

Credentials come from the environment variable EARTHDATA_TOKEN, from EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or from
a netrc file, in this order. No message, log or file of this project repeats them.

Source: Earthdata Login documentation (https://urs.earthdata.nasa.gov/documentation).
"""

import base64
import json
import netrc
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth

from kilomoist.earthdata.documents import body_of, read_json
from kilomoist.errors import InputError

HOST = "urs.earthdata.nasa.gov"
"""Earthdata Login."""
NASA = ".nasa.gov"
"""Ending of the names of NASA's hosts: to these alone the token is sent."""
TOKEN = "EARTHDATA_TOKEN"  # noqa: S105 - a variable's name
_USER, _PASSWORD = "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"
_HOW = (
    f"set {TOKEN} (made at https://{HOST}, “Generate Token”), or {_USER} and {_PASSWORD}, or write the line "
    f"“machine {HOST} login NAME password WORD” into ~/.netrc"
)
_SENDABLE = re.compile(r"[!-~]{1,8000}")
"""What a token is made of; the longest field of a header that common servers take has some 8,000 bytes."""
_PAGE = re.compile(rf"https?://((?:uat\.)?{re.escape(HOST)})(?::\d+)?(/[!-~]{{0,500}})", re.IGNORECASE)
"""A page of Earthdata Login or of its twin for tests."""


@dataclass(frozen=True)
class Login:
    """Credentials, and their origin, by which messages name them."""

    origin: str
    token: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def find_login() -> Login:
    """The first credentials that there are. Raises `InputError` when there are none or they cannot be meant."""
    if token := os.environ.get(TOKEN, "").strip(" \t\r\n"):
        if not _SENDABLE.fullmatch(token):
            raise InputError(
                f"{TOKEN} is no token, which is 1 to 8,000 printable ASCII characters without white space: set it to "
                f"the token alone, as https://{HOST} (“Generate Token”) shows it, in one line and without “Bearer”."
            )
        _refuse_expired(token)
        return Login(TOKEN, token=token)
    user, password = (os.environ.get(name, "") for name in (_USER, _PASSWORD))
    if user and password:
        return _with_password(f"{_USER} and {_PASSWORD}", user, password)
    if user or password:
        there, missing = (_USER, _PASSWORD) if user else (_PASSWORD, _USER)
        raise InputError(f"{there} is set but {missing} is not: set both, or neither to use a netrc file.")
    return _from_netrc(Path(os.environ.get("NETRC") or os.path.expanduser("~/.netrc")))


def bearer_token(login: Login, session: requests.Session) -> str:
    """Token for the data hosts, which Earthdata Login gives for a name and password; raises `InputError` without."""
    if login.token:
        return login.token
    url = f"https://{HOST}/api/users/find_or_create_token"
    # RFC 7617: UTF-8, where requests takes Latin-1.
    credentials = HTTPBasicAuth(login.user.encode(), login.password.encode())
    try:
        with session.post(url, auth=credentials, headers={"Accept": "application/json"}, stream=True) as answer:
            said = body_of(answer)
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise refusal(answer, said, login)
        answer.raise_for_status()
        token = read_json(said)["access_token"]
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        # The cause is not told: it may quote what was sent.
        raise InputError(
            f"https://{HOST} did not give a token for {login.origin} ({type(error).__name__}): "
            f"see https://status.earthdata.nasa.gov and the network, or set {TOKEN}."
        ) from None
    if not isinstance(token, str) or not _SENDABLE.fullmatch(token):
        raise InputError(f"https://{HOST} gave no token that could be sent for {login.origin}: set {TOKEN} instead.")
    return token


def refusal(answer: requests.Response, said: bytes, login: Login) -> InputError:
    """Sentence for an answer with HTTP status 401 or 403: with the page that NASA names, or else by who answered.

    `said` is the body of the answer.
    """
    status, host = answer.status_code, urlsplit(answer.url).hostname
    asked = urlsplit((answer.history or [answer])[0].url).hostname
    page = _resolution(said)
    if status == requests.codes.forbidden and b"eula" in said.lower():
        return InputError(
            f"NASA gives the data of {asked} only to those who accepted their licence (HTTP {status}): "
            f"log in at {page or f'https://{HOST}/profile (menu EULAs)'} and accept it, then run again."
        )
    if page:
        return InputError(
            f"{asked} refused the user of {login.origin} (HTTP {status}): log in at {page}, accept what it asks for, "
            "and run again."
        )
    if from_storage(answer, said):
        return InputError(
            f"The storage {host} refused a file of {asked} (HTTP 403), because it is not there, or because a network "
            "in between does not let it pass: run again, and if it stays so try another network or ask the archive's "
            "user services at https://forum.earthdata.nasa.gov."
        )
    if status == requests.codes.forbidden:
        return InputError(
            f"{asked} refused the user of {login.origin} (HTTP 403): log in at https://{HOST}/profile, "
            "approve the application of this host under Applications → Authorized Apps, and run again."
        )
    if login.token:
        return InputError(
            f"NASA refused {login.origin} (HTTP 401), perhaps it expired or was revoked: make a new token at "
            f"https://{HOST} (“Generate Token”) and set {TOKEN} to it."
        )
    return InputError(
        f"Earthdata Login refused the user name and password of {login.origin} (HTTP 401): try them at https://{HOST}, "
        "where a forgotten password can be renewed, and correct them."
    )


def from_storage(answer: requests.Response, said: bytes) -> bool:
    """Whether an HTTP 403 with a body is of the storage behind NASA's hosts, as for a file that is not there."""
    outside = not f"{urlsplit(answer.url).hostname}".endswith(NASA)
    return answer.status_code == requests.codes.forbidden and outside and not _resolution(said)


def _with_password(origin: str, user: str, password: str) -> Login:
    """Name and password; raises `InputError` for what basic authentication of HTTP cannot carry (RFC 7617)."""
    for what, text in (("user name", user), ("password", password)):
        # Bytes of another encoding than the system's are surrogates here.
        if len(text) > 1000 or re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text):
            raise InputError(
                f"The {what} of {origin} cannot be sent: it has more than 1,000 characters, a control character (such "
                "as an end of a line), or bytes that are no UTF-8; correct it."
            )
    if ":" in user:
        raise InputError(f"The user name of {origin} has a colon, which no name at Earthdata Login has: correct it.")
    return Login(origin, user=user, password=password)


def _from_netrc(path: Path) -> Login:
    try:
        mode = path.stat().st_mode
        hosts = netrc.netrc(path).hosts
    except FileNotFoundError:
        raise InputError(f"There is no Earthdata login, and no file {path}: {_HOW}.") from None
    except netrc.NetrcParseError as error:
        # Its text may quote a password.
        raise InputError(
            f"{path} cannot be read as netrc (line {error.lineno}, or its permissions): expected a line "
            f"“machine {HOST} login NAME password WORD” and the permissions of chmod 600 {path}."
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            f"{path} cannot be read as netrc, because it is not in UTF-8 but in another encoding, as PowerShell and "
            f"old editors write it: save it as UTF-8, with a line “machine {HOST} login NAME password WORD”."
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): chmod 600 {path}.") from None
    if HOST not in hosts:  # what it names instead may be a password in a wrong place
        raise InputError(f"{path} has no entry for {HOST}, of {len(hosts)} machines: {_HOW}.")
    if mode & 0o077:  # permissions of others than the owner
        raise InputError(f"{path} holds a password that others on this machine can read: chmod 600 {path}.")
    user, _, password = hosts[HOST]
    if not user or not password:
        raise InputError(f"{path} has no login or no password for {HOST}: {_HOW}.")
    return _with_password(str(path), user, password)


def _refuse_expired(token: str) -> None:
    """Raise `InputError` when a token, a JSON web token, says that it has expired."""
    try:
        payload = token.split(".")[1]
        expires = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
        ended = datetime.fromtimestamp(expires, UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError):
        return  # another form of token, which only Earthdata Login can judge
    if ended < datetime.now(UTC):
        raise InputError(
            f"{TOKEN} expired on {ended:%Y-%m-%d}: make a new token at https://{HOST} (“Generate Token”) and set "
            f"{TOKEN} to it."
        )


def _resolution(said: bytes) -> str:
    """Page that NASA names for accepting something, as HTTPS; empty without one at Earthdata Login."""
    try:
        page = _PAGE.fullmatch(str(read_json(said)["resolution_url"]))
    except (ValueError, KeyError, TypeError):
        return ""
    return f"https://{page[1]}{page[2]}" if page else ""
