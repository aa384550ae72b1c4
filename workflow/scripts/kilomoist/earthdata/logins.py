"""Logins at NASA Earthdata: credentials, and sentences for refusals.

Credentials come from the environment variable EARTHDATA_TOKEN, from EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or from
a netrc file, in this order. No message, log or file of this project repeats them.

Source: Earthdata Login documentation (https://urs.earthdata.nasa.gov/documentation).
"""

import base64
import json
import netrc
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from kilomoist.errors import InputError

HOST = "urs.earthdata.nasa.gov"
"""Earthdata Login."""
TOKEN = "EARTHDATA_TOKEN"  # noqa: S105 - a variable's name
_USER, _PASSWORD = "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"
_HOW = (
    f"set {TOKEN} (made at https://{HOST}, “Generate Token”), or {_USER} and {_PASSWORD}, or write the line "
    f"“machine {HOST} login NAME password WORD” into ~/.netrc"
)


@dataclass(frozen=True)
class Login:
    """Credentials, and their origin, by which messages name them."""

    origin: str
    token: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def find_login() -> Login:
    """The first credentials that there are. Raises `InputError` when there are none or they cannot be meant."""
    if token := os.environ.get(TOKEN, "").strip():
        _refuse_expired(token)
        return Login(TOKEN, token=token)
    user, password = (os.environ.get(name, "") for name in (_USER, _PASSWORD))
    if user and password:
        return Login(f"{_USER} and {_PASSWORD}", user=user, password=password)
    if user or password:
        there, missing = (_USER, _PASSWORD) if user else (_PASSWORD, _USER)
        raise InputError(f"{there} is set but {missing} is not: set both, or neither to use a netrc file.")
    return _from_netrc(Path(os.environ.get("NETRC") or Path.home() / ".netrc"))


def bearer_token(login: Login, session: requests.Session) -> str:
    """Token for the data hosts, which Earthdata Login gives for a name and password; raises `InputError` without."""
    if login.token:
        return login.token
    url = f"https://{HOST}/api/users/find_or_create_token"
    try:
        answer = session.post(url, auth=(login.user, login.password), headers={"Accept": "application/json"})
        if answer.status_code == requests.codes.unauthorized:
            raise refusal(answer, login)
        answer.raise_for_status()
        return str(answer.json()["access_token"])
    except (requests.RequestException, KeyError) as error:
        # The cause is not told: it may quote what was sent.
        raise InputError(
            f"https://{HOST} did not give a token for {login.origin} ({type(error).__name__}): "
            f"see https://status.earthdata.nasa.gov and the network, or set {TOKEN}."
        ) from None


def refusal(answer: requests.Response, login: Login) -> InputError:
    """Sentence for an answer with HTTP status 401 or 403."""
    if answer.status_code == requests.codes.forbidden:
        host = answer.url.split("/")[2]
        if "eula" in answer.text.lower():
            return InputError(
                f"NASA gives the data of {host} only to those who accepted their licence (HTTP 403): "
                f"log in at {_resolution(answer)} and accept it, then run again."
            )
        return InputError(
            f"{host} refused the user of {login.origin} (HTTP 403): log in at https://{HOST}/profile, "
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
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): chmod 600 {path}.") from None
    if HOST not in hosts:
        machines = ", ".join(sorted(hosts)) or "no machine"
        raise InputError(f"{path} names {machines}, but not {HOST}: {_HOW}.")
    if mode & 0o077:  # permissions of others than the owner
        raise InputError(f"{path} holds a password that others on this machine can read: chmod 600 {path}.")
    user, _, password = hosts[HOST]
    if not user or not password:
        raise InputError(f"{path} has no login or no password for {HOST}: {_HOW}.")
    return Login(str(path), user=user, password=password)


def _refuse_expired(token: str) -> None:
    """Raise `InputError` when a token, a JSON web token, says that it has expired."""
    try:
        payload = token.split(".")[1]
        expires = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
        ended = datetime.fromtimestamp(expires, UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return  # another form of token, which only Earthdata Login can judge
    if ended < datetime.now(UTC):
        raise InputError(
            f"{TOKEN} expired on {ended:%Y-%m-%d}: make a new token at https://{HOST} (“Generate Token”) and set "
            f"{TOKEN} to it."
        )


def _resolution(answer: requests.Response) -> str:
    """Page that NASA names for accepting a licence."""
    try:
        page = answer.json()["resolution_url"]
    except (requests.exceptions.JSONDecodeError, KeyError, TypeError):
        page = ""
    return page if str(page).startswith(f"https://{HOST}/") else f"https://{HOST}/profile (menu EULAs)"
