"""NASA's Earthdata on the loopback interface: a proxy that plays the hosts a client talks to.

Clients use the real addresses and find the server by `HTTPS_PROXY`. It answers `CONNECT host:443`, then speaks TLS on
the same socket as that host, with a certificate that clients trust by `REQUESTS_CA_BUNDLE` and its like. Nothing in a
client knows of tests, and nothing leaves the machine: other hosts are refused and recorded.

What the hosts answer follows NASA's public documentation: the CMR Search API
(https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html), Earthdata Login
(https://urs.earthdata.nasa.gov/documentation), the Thin Egress App before the providers' data
(https://tea-docs.asf.alaska.edu), CloudFront's signed URLs, RFC 9110 for byte ranges.

    with Earthdata(granules, private) as earthdata:
        subprocess.run(command, env=os.environ | earthdata.environment)
        assert earthdata.fetched(name) == 1
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from errno import ENOTCONN
from fnmatch import fnmatchcase
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import trustme

from earthdata.catalogue import DATA, MAX_PAGE, BadQueryError, Catalogue, Granule, search_after
from earthdata.sidecars import sidecar

CMR = "cmr.earthdata.nasa.gov"
LOGIN = "urs.earthdata.nasa.gov"
STORE = "d111111abcdef8.cloudfront.net"
"""Where the providers' signed addresses lead."""
OUTLINES = "raw.githubusercontent.com"
"""Not NASA's: where Natural Earth's outlines of countries lie."""
STRANGER = "evil.example.com"
"""A host that nobody should send credentials to."""

_PIECE = 2**20
"""Bytes that are sent at once."""
_BURST = 0.05
"""Seconds of silence that a limited rate may catch up."""
_YEAR = 365 * 24 * 3600
_LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Earthdata Login</title></head><body>Log in</body></html>\n"


@dataclass(frozen=True)
class Answer:
    """A whole answer; as a fault, what the server says instead of its own."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Redirected:
    """As a fault: 302 to the same path of another host."""

    host: str = STRANGER


@dataclass(frozen=True)
class Cut:
    """As a fault: the connection closes after a share of the body."""

    share: float = 0.5


@dataclass(frozen=True)
class Shortened:
    """As a fault: a share of the body passes for the whole, with a length that agrees."""

    share: float = 0.5


@dataclass(frozen=True)
class Flipped:
    """As a fault: one bit of the body is wrong, at a share of it."""

    share: float = 0.5


@dataclass(frozen=True)
class Stalled:
    """As a fault: after a share of the body nothing comes for a time, then the rest."""

    seconds: float
    share: float = 0.5


Spoiled = Cut | Shortened | Flipped | Stalled
Fault = Answer | Redirected | Spoiled


def _page(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    body = f"<html><head><title>{status} {text}</title></head><body><h1>{status} {text}</h1></body></html>\n"
    return Answer(status, body.encode(), "text/html", headers or {})


def _json(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(content).encode(), headers=headers or {})


def too_many(seconds: int = 1) -> Answer:
    """429, with the time after which to ask again."""
    return _page(429, "Too Many Requests", {"Retry-After": str(seconds)})


UNAUTHORIZED = _json(401, {"error": "invalid_token", "error_description": "The token is not valid"})
EXPIRED = _json(401, {"error": "invalid_token", "error_description": "The token has expired"})
EULA = _json(
    403,
    {
        "status_code": 403,
        "error_description": "EULA Acceptance Failure",
        "resolution_url": f"https://{LOGIN}/approve_app?client_id=simulated",
    },
)
FORBIDDEN = _page(403, "Forbidden")
NOT_FOUND = _page(404, "Not Found")
TOO_MANY = too_many()
SERVER_ERROR = _page(500, "Internal Server Error")
UNAVAILABLE = _page(503, "Service Unavailable")
HTML_PAGE = Answer(200, _LOGIN_PAGE, "text/html; charset=utf-8")


@dataclass
class Request:
    """What a client asked, and what it got; `sent` grows while an answer is under way."""

    host: str
    method: str
    path: str
    """Without the query."""
    query: str
    headers: dict[str, str]
    """Names are written Like-This, however the client spelled them."""
    connection: int
    """Number of the connection that it came by."""
    status: int = 0
    sent: int = 0
    """Bytes of the body that went out, of a broken answer too; what the system buffered counts as sent."""

    @property
    def target(self) -> str:
        return self.host + self.path


@dataclass
class _Rule:
    pattern: str
    fault: Fault
    skip: int
    times: int | None


class Faults:
    """What shall go wrong."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(self, pattern: str, fault: Fault, times: int | None = 1, skip: int = 0) -> None:
        """Let answers to requests whose "host/path" matches a glob go wrong: `times` of them (None: all) after `skip`.

        What spoils a body waits for an answer that carries one: redirects and refusals are passed over. Of several
        rules the oldest that is not used up counts.
        """
        with self._lock:
            self._rules.append(_Rule(pattern, fault, skip, times))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, target: str, *, body: bool) -> Fault | None:
        """The fault of this answer, which is thereby used up."""
        with self._lock:
            for rule in self._rules:
                if rule.times == 0 or not fnmatchcase(target, rule.pattern):
                    continue
                if isinstance(rule.fault, Spoiled) and not body:
                    continue
                if rule.skip:
                    rule.skip -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule.fault
        return None


class Earthdata:
    """The server; a context in which it runs."""

    def __init__(
        self,
        folder: Path,
        private: Path,
        *,
        rate: float | None = None,
        failures: float = 0.0,
        seed: int = 0,
        algorithms: Mapping[str, str | None] | None = None,
        sidecars: bool = True,
        ranges: bool = True,
        html_login: bool = False,
        latency: float = 0.0,
        lifetime: float = 3600.0,
    ) -> None:
        """`folder` holds granules at any depth, `private` is an empty folder for certificates.

        rate: bytes of bodies per second, shared by all connections.
        failures: share of all answers that fail, at random by the seed: the same request fails again in another run.
        algorithms: of checksums by product, such as {"SPL4SMGP.008": None}.
        sidecars: whether `.dmrpp` files are there.
        ranges: whether byte ranges are served; otherwise always the whole.
        html_login: whether the login page comes with status 200 instead of 401.
        latency: seconds before each answer.
        lifetime: seconds for which signed addresses are valid.
        """
        self.user = f"moist_{secrets.token_hex(4)}"
        self.password = f"Pw-{secrets.token_urlsafe(18)}"
        self.token = _web_token(self.user, _YEAR * 5)
        self.expired_token = _web_token(self.user, -3600)
        self.faults = Faults()
        self.catalogue = Catalogue(algorithms or {})
        self.countries: list[dict[str, Any]] = []
        """Features that Natural Earth has."""
        self.closing = threading.Event()
        self.folder, self.private = folder, private
        self.latency = latency
        self.pace = _Pace(rate, self.closing)
        self._failures, self._seed = failures, seed
        self._sidecars, self._ranges, self._html_login = sidecars, ranges, html_login
        self._lifetime = lifetime
        self._key = secrets.token_bytes(32)
        self._expired = {self.expired_token}
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._finishing: list[Request] = []
        self._finished = threading.Condition()
        self._counts: dict[str, int] = {}
        self._documents: dict[tuple[Any, ...], bytes] = {}
        self._arrived: dict[str, list[tuple[int, int]]] = {}
        self._complete: dict[str, int] = {}
        self._hosts = {
            CMR: self._answer_cmr,
            LOGIN: self._answer_login,
            STORE: self._answer_store,
            OUTLINES: self._answer_outlines,
            STRANGER: self._answer_stranger,
            **{host: partial(self._answer_data, host) for host in DATA.values()},
        }

    def __enter__(self) -> Self:
        self.catalogue.scan(self.folder)
        authority = trustme.CA()
        self._certificates = self.private / "authority.pem"
        authority.cert_pem.write_to_path(str(self._certificates))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*self._hosts).configure_cert(self.tls)
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self._server.errors and kind is None:
            raise ExceptionGroup("the server itself failed", self._server.errors)

    @property
    def proxy(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a client's process.

        HTTP is led here too, and refused: earthaccess asks 169.254.169.254 whether it runs in Amazon's cloud.
        """
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), self.proxy)
        trusted = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), str(self._certificates))
        return {**proxies, "NO_PROXY": "", "no_proxy": "", **trusted, "EARTHDATA_TOKEN": self.token}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not turn up in a client's output or files."""
        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return self.token, self.expired_token, self.password, basic

    @property
    def requests(self) -> list[Request]:
        """All requests until now, in order of their arrival."""
        self._settle()
        return list(self._requests)

    def requested(self, pattern: str = "*") -> list[Request]:
        """The requests whose path, or host and path, match a glob."""
        return [one for one in self.requests if fnmatchcase(one.path, pattern) or fnmatchcase(one.target, pattern)]

    def sent(self, pattern: str = "*") -> int:
        """Bytes of bodies sent in answer to `requested(pattern)`."""
        return sum(request.sent for request in self.requested(pattern))

    def fetched(self, name: str) -> int:
        """How many times all bytes of a granule were delivered unspoiled, be it in several parts."""
        self._settle()
        return self._complete.get(name, 0)

    def scan(self) -> None:
        """Take in granules that came into the folder since the beginning."""
        self.catalogue.scan(self.folder)

    def prepare(self) -> None:
        """Make all entries and sidecars now: checksums of large granules take time that belongs to no client."""
        for found in self.catalogue.search({"provider": list(DATA)}):
            self.catalogue.entry(found)
            if found.path and not found.product.tiled:
                self._document(found.path)

    def forget(self, pattern: str) -> None:
        """The provider does not have the granules whose names match a glob."""
        self.catalogue.forget(pattern)

    def hide(self, pattern: str) -> None:
        """Searches do not find the granules whose names match a glob; their addresses work."""
        self.catalogue.hide(pattern)

    def list_only(self, *names: str, size: int = 1000) -> None:
        """Searches find these granules, but their addresses lead nowhere."""
        self.catalogue.list_only(names, size)

    def replace(self, name: str, path: Path) -> None:
        """The provider has another content under the same name, and a new revision of its entry."""
        self.catalogue.replace(name, path)
        with self._lock:
            self._arrived.pop(name, None)

    def expire_token(self) -> None:
        """From now on `token` has expired; there is a new one in its place."""
        self._expired.add(self.token)
        self.token = _web_token(self.user, _YEAR * 5)

    def _settle(self) -> None:
        """Wait for the last bytes that clients may have got already, although their connections did not say so yet."""
        with self._finished:
            waiting = list(self._finishing)
            self._finished.wait_for(lambda: not any(one is other for one in self._finishing for other in waiting), 1)

    # What the handler of a connection asks and tells.

    def record(self, request: Request) -> None:
        self._requests.append(request)

    def finishing(self, request: Request) -> None:
        """The last bytes of an answer are going out."""
        with self._finished:
            self._finishing.append(request)

    def finished(self, request: Request) -> None:
        """An answer is over, in one way or another."""
        with self._finished:
            self._finishing = [other for other in self._finishing if other is not request]
            self._finished.notify_all()

    def knows(self, host: str) -> bool:
        return host in self._hosts

    def answer(self, request: Request, body: bytes) -> "tuple[Answer | _Content, Spoiled | None]":
        """What a request gets, and how its body shall be spoiled."""
        answer = self._hosts[request.host](request, body)
        carries = answer.status in (200, 206) and request.method != "HEAD" and _length(answer) > 0
        fault = self.faults.take(request.target, body=carries) or self._failure(request, body=carries)
        if fault is None:
            return answer, None
        if isinstance(fault, Spoiled):
            return answer, fault
        if isinstance(answer, _Content):
            answer.close()
        if isinstance(fault, Redirected):
            return Answer(302, headers={"Location": f"https://{fault.host}{request.path}"}), None
        return fault, None

    def delivered(self, content: "_Content") -> None:
        """Count a granule when all of its bytes have arrived since it was counted last."""
        if content.granule is None:
            return
        name = content.granule.name
        with self._lock:
            reached = 0
            parts = sorted([*self._arrived.get(name, []), (content.begin, content.end)])
            for begin, end in parts:
                if begin <= reached:
                    reached = max(reached, end)
            if reached >= content.total:
                self._complete[name] = self._complete.get(name, 0) + 1
                parts = []
            self._arrived[name] = parts

    def _failure(self, request: Request, *, body: bool) -> Fault | None:
        """A failure at random, which depends on what was asked how often but not on the order of connections."""
        if not self._failures or request.host == STRANGER:
            return None
        query = request.query if request.host == CMR else ""  # other queries hold signatures
        asked = f"{request.method} {request.target}?{query} {request.headers.get('Range')}"
        with self._lock:
            times = self._counts[asked] = self._counts.get(asked, 0) + 1
        chance = Random(f"{self._seed} {times} {asked}")
        if chance.random() >= self._failures:
            return None
        failures: list[Fault] = [SERVER_ERROR, UNAVAILABLE, TOO_MANY]
        return chance.choice([*failures, Cut(chance.uniform(0.1, 0.9))] if body else failures)

    def _answer_cmr(self, request: Request, body: bytes) -> Answer:
        token = _bearer(request)
        if token and token != self.token:
            state = "has expired" if token in self._expired else "does not exist"
            return _json(401, {"errors": [f"Token {state}. Note the token value has been partially redacted."]})
        text = request.query + ("&" + body.decode() if request.method == "POST" else "")
        query = parse_qs(text, keep_blank_values=True)
        if request.path == "/search/granules.umm_json":
            try:
                return self._page_of_granules(query, request.headers.get("Cmr-Search-After"))
            except BadQueryError as error:
                return _json(400, {"errors": [str(error)]})
        if request.path == "/search/collections.umm_json":  # earthaccess asks it for the provider in the cloud
            known = {key: query[key] for key in ("short_name", "version") if key in query}
            found = {item.product.name: item.provider for item in self.catalogue.search(known)} if known else {}
            items = [{"meta": {"provider-id": provider}, "umm": {}} for provider in found.values()]
            return _json(200, {"hits": len(items), "took": 1, "items": items}, {"CMR-Hits": str(len(items))})
        return _json(404, {"errors": ["The requested resource does not exist."]})

    def _page_of_granules(self, query: dict[str, list[str]], after: str | None) -> Answer:
        try:
            size, number = int(query.get("page_size", ["10"])[-1]), int(query.get("page_num", ["1"])[-1])
        except ValueError as error:
            raise BadQueryError("page_size and page_num must be numbers") from error
        if not 0 <= size <= MAX_PAGE:
            raise BadQueryError(f"page_size must be a number between 0 and {MAX_PAGE}")
        found = self.catalogue.search(query)
        first = (number - 1) * size
        if after is not None:
            if "page_num" in query:
                raise BadQueryError("page_num is not allowed with search-after")
            places = [place for place, item in enumerate(found) if search_after(item) == after]
            if not places:
                raise BadQueryError(f"The search-after header [{after}] is not valid")
            first = places[0] + 1
        page = found[first : first + size]
        headers = {"CMR-Hits": str(len(found)), "CMR-Took": "1", "CMR-Request-Id": secrets.token_hex(16)}
        if page and len(page) == size:
            headers["CMR-Search-After"] = search_after(page[-1])
        items = ",".join(map(self.catalogue.entry, page))
        text = f'{{"hits":{len(found)},"took":1,"items":[{items}]}}'
        kind = "application/vnd.nasa.cmr.umm_results+json;version=1.6.6; charset=utf-8"
        return Answer(200, text.encode(), kind, headers)

    def _answer_login(self, request: Request, body: bytes) -> Answer:  # noqa: ARG002 (one form for all hosts)
        if request.path == "/api/users/find_or_create_token" and request.method == "POST":
            given = request.headers.get("Authorization", "")
            wanted = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            if not hmac.compare_digest(given.encode(), wanted.encode()):
                refused = {"error": "invalid_credentials", "error_description": "Invalid user credentials"}
                return _json(401, refused, {"WWW-Authenticate": 'Basic realm="Please enter your Earthdata Login"'})
            expires = datetime.fromtimestamp(_claims(self.token)["exp"], UTC)
            token = {"access_token": self.token, "token_type": "Bearer", "expiration_date": f"{expires:%m/%d/%Y}"}
            return _json(200, token)
        if request.path == "/oauth/authorize":
            if self._html_login:
                return HTML_PAGE
            return Answer(401, _LOGIN_PAGE, "text/html; charset=utf-8", {"WWW-Authenticate": 'Basic realm="Earthdata"'})
        if request.path == "/profile":  # earthaccess begins by looking at it
            return HTML_PAGE
        return NOT_FOUND

    def _answer_data(self, host: str, request: Request, body: bytes) -> Answer:  # noqa: ARG002
        """The provider's door: it looks at the token and sends the client to the store, with a signature."""
        token = _bearer(request)
        if token in self._expired:
            return EXPIRED
        if token != self.token:
            parameters = {
                "client_id": "simulated",
                "response_type": "code",
                "redirect_uri": f"https://{host}/login",
                "state": request.path,
                "app_type": "401",
            }
            return Answer(302, headers={"Location": f"https://{LOGIN}/oauth/authorize?{urlencode(parameters)}"})
        found, _ = self._find(request.path)
        if found is None or DATA[found.provider] != host:
            return NOT_FOUND
        expires = str(int(time.time() + self._lifetime))
        signed = {"A-userid": self.user, "Expires": expires, "Signature": self._sign(request.path, expires)}
        address = f"https://{STORE}{quote(request.path)}?{urlencode(signed)}&Key-Pair-Id=SIMULATED"
        return Answer(303, headers={"Location": address, "Cache-Control": "private, max-age=3540"})

    def _answer_store(self, request: Request, body: bytes) -> "Answer | _Content":  # noqa: ARG002
        if "Authorization" in request.headers:
            code, message = "InvalidArgument", "Only one auth mechanism allowed"
            return _store_error(400, code, message)
        given = {name: values[-1] for name, values in parse_qs(request.query).items()}
        expires = given.get("Expires", "0")
        if not hmac.compare_digest(given.get("Signature", ""), self._sign(request.path, expires)):
            return _store_error(403, "AccessDenied", "Access denied")
        if int(expires) < time.time():
            return _store_error(403, "AccessDenied", "Request has expired")
        return self._content(request) or _store_error(404, "NoSuchKey", "The specified key does not exist.")

    def _answer_outlines(self, request: Request, body: bytes) -> Answer:  # noqa: ARG002
        if request.path != "/nvkelso/natural-earth-vector/master/geojson/ne_10m_admin_0_countries.geojson":
            return NOT_FOUND
        text = json.dumps({"type": "FeatureCollection", "features": self.countries})
        return Answer(200, text.encode(), "text/plain; charset=utf-8")

    def _answer_stranger(self, request: Request, body: bytes) -> "Answer | _Content":  # noqa: ARG002
        """Anything to anybody: a client that follows a wrong redirect gets what it wanted."""
        return self._content(request) or HTML_PAGE

    def _sign(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"{path} {expires}".encode(), "sha256").hexdigest()

    def _find(self, path: str) -> tuple[Granule | None, str]:
        """The granule that a path belongs to, and which of its files it is: data, sidecar or metadata."""
        name = path.rpartition("/")[2]
        owners = {
            "data": name,
            "sidecar": name.removesuffix(".dmrpp"),
            "metadata": name.removesuffix(".json").removesuffix(".cmr"),
            "other metadata": name.removesuffix(".cmr.xml") + ".hdf",
        }
        for kind, owner in owners.items():
            found = self.catalogue.get(owner)
            if found and path == f"/{found.folder}/{name}":
                return found, kind
        return None, ""

    def _content(self, request: Request) -> "_Content | None":
        """The file of a path, or the part of it that was asked for."""
        found, kind = self._find(request.path)
        if found is None or found.path is None:
            return None
        try:
            state = found.path.stat()
            tag = hashlib.blake2b(
                f"{found.path} {state.st_size} {state.st_mtime_ns}".encode(), digest_size=16
            ).hexdigest()
            if kind == "data":
                content = _Content(os.open(found.path, os.O_RDONLY), state.st_size, found)
            elif "metadata" in kind:
                content = _Content(self.catalogue.metadata(found))
            elif self._sidecars and not found.product.tiled:
                content = _Content(self._document(found.path))
            else:
                return None
        except FileNotFoundError:  # taken away while the server runs
            return None
        content.headers = {"ETag": f'"{tag}"', "Last-Modified": formatdate(state.st_mtime, usegmt=True)}
        if self._ranges:
            content.headers["Accept-Ranges"] = "bytes"
            if request.headers.get("If-Range", f'"{tag}"') in content.headers.values():
                content.choose(request.headers.get("Range", ""))
        return content

    def _document(self, path: Path) -> bytes:
        """The sidecar of a file, which bears its name."""
        state = path.stat()
        key = (path, state.st_ino, state.st_size, state.st_mtime_ns)
        with self._lock:  # one thread makes it, for the HDF5 library lets only one work anyway
            if key not in self._documents:
                self._documents[key] = sidecar(path)
            return self._documents[key]


class _Content:
    """A file or a document, or the part of it that is sent."""

    def __init__(self, source: int | bytes, size: int | None = None, granule: Granule | None = None) -> None:
        self._source = source
        self.total = len(source) if isinstance(source, bytes) else size or 0
        self.granule = granule
        self.status = 200
        self.begin, self.end = 0, self.total
        self.headers: dict[str, str] = {}
        self.content_type = "application/octet-stream"

    def choose(self, wanted: str) -> None:
        """Restrict to a byte range as RFC 9110 has it; several ranges and nonsense are passed over."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted.strip())
        if not match or not (match[1] or match[2]) or (match[1] and match[2] and int(match[1]) > int(match[2])):
            return
        if match[1]:
            begin, end = int(match[1]), min(int(match[2] or self.total - 1) + 1, self.total)
        else:
            begin, end = max(self.total - int(match[2]), 0), self.total
        if begin >= self.total:
            self.status, self.begin, self.end = 416, 0, 0
            self.headers["Content-Range"] = f"bytes */{self.total}"
            return
        self.status, self.begin, self.end = 206, begin, end
        self.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{self.total}"

    def read(self, position: int, buffer: memoryview) -> None:
        """Fill the buffer from a position in the part."""
        position += self.begin
        if isinstance(self._source, bytes):
            buffer[:] = self._source[position : position + len(buffer)]
        elif os.preadv(self._source, [buffer], position) != len(buffer):
            raise ConnectionAbortedError("the file became shorter while it was sent")

    def close(self) -> None:
        if isinstance(self._source, int):
            os.close(self._source)


class _Pace:
    """Keeps all connections together at a rate; each gets its turn after a small piece."""

    def __init__(self, rate: float | None, closing: threading.Event) -> None:
        self._rate = rate
        self.piece = _PIECE if rate is None else int(min(max(rate / 100, 2**12), 2**16))
        self._closing = closing
        self._free = 0.0
        self._lock = threading.Lock()

    def wait(self, size: int) -> None:
        """Wait until so many bytes may go out."""
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            self._free = max(self._free, now - _BURST) + size / self._rate
            delay = self._free - now
        if delay > 0 and self._closing.wait(delay):
            raise ConnectionAbortedError("the server closes")


class _Server(ThreadingHTTPServer):
    """Accepts connections; a thread serves each of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, earthdata: Earthdata) -> None:
        self.earthdata = earthdata
        self.errors: list[Exception] = []
        self.numbers = count(1)
        self._open: dict[threading.Thread, socket.socket] = {}
        self._changing = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Connection)

    def server_bind(self) -> None:
        """Bind without asking for the name that belongs to the address, as http.server does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self.follow(thread, request)
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changing:
                del self._open[threading.current_thread()]

    def follow(self, thread: threading.Thread, connection: socket.socket) -> None:
        """Remember which socket a thread waits for."""
        with self._changing:
            self._open[thread] = connection

    def server_close(self) -> None:
        super().server_close()
        with self._changing:
            threads = dict(self._open)
        for connection in threads.values():
            try:
                # Not TLS's own method, which takes the session away from under the thread that uses it.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:  # its thread was faster
                continue
        for thread in threads:
            thread.join(10)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (socketserver's form)
        error = sys.exc_info()[1]
        # Clients that are killed, refuse the certificate or stop reading leave broken connections and handshakes
        # behind: that is theirs to do, and no matter for the screen. Anything else is a fault of this server.
        if isinstance(error, ConnectionError | ssl.SSLError) or getattr(error, "errno", None) == ENOTCONN:
            return
        if isinstance(error, Exception):
            self.errors.append(error)


class _Connection(BaseHTTPRequestHandler):
    """One connection: first that of a proxy, then that of the host which the client asked to be connected with."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._number = next(self.server.numbers)
        self._host: str | None = None
        self._buffer: memoryview | None = None

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        if self._host or port != "443" or not self.server.earthdata.knows(host):
            self._refuse(host)
            return
        self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        tls = self.server.earthdata.tls.wrap_socket(self.connection, server_side=True, do_handshake_on_connect=False)
        self.rfile.close()
        self.connection = tls
        self.server.follow(threading.current_thread(), tls)
        if self.server.earthdata.closing.is_set():  # the end may have come between the two, and shut the socket before
            raise ConnectionAbortedError("the server closes")
        tls.do_handshake()
        self.rfile = tls.makefile("rb")
        self._host = host
        self.close_connection = False

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _serve(self) -> None:
        earthdata = self.server.earthdata
        if self._host is None:
            self._refuse(urlsplit(self.path).netloc)
            return
        request = self._record(self._host)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if earthdata.latency and earthdata.closing.wait(earthdata.latency):
            raise ConnectionAbortedError("the server closes")
        answer, spoiled = earthdata.answer(request, body)
        content = answer if isinstance(answer, _Content) else _Content(answer.body)
        try:
            length = content.end - content.begin
            if isinstance(spoiled, Shortened):
                length = int(length * spoiled.share)
            self._send_head(answer, length, request)
            if request.method != "HEAD" and self._send_body(content, length, spoiled, request):
                if not isinstance(spoiled, Shortened | Flipped):
                    earthdata.delivered(content)
            elif request.method != "HEAD":
                self.close_connection = True
        finally:
            content.close()
            earthdata.finished(request)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _record(self, host: str) -> Request:
        target = urlsplit(self.path)
        headers = {name.title(): value for name, value in self.headers.items()}
        request = Request(host, self.command, target.path, target.query, headers, self._number)
        self.server.earthdata.record(request)
        return request

    def _refuse(self, host: str) -> None:
        """Whoever asks for a host that is not played here does not reach it."""
        request = self._record(host)
        self.close_connection = True
        self._send_head(Answer(502), 0, request)

    def _send_head(self, answer: Answer | _Content, length: int, request: Request) -> None:
        request.status = answer.status
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = "Unknown"
        headers = {
            "Date": self.date_time_string(),
            "Content-Type": answer.content_type,
            "Content-Length": str(length),
            **answer.headers,
            **({"Connection": "close"} if self.close_connection else {}),
        }
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def _send_body(self, content: _Content, length: int, spoiled: Spoiled | None, request: Request) -> bool:
        """Whether the body went out to its end."""
        pace = self.server.earthdata.pace
        if self._buffer is None:
            self._buffer = memoryview(bytearray(pace.piece))
        middle = None if spoiled is None or isinstance(spoiled, Shortened) else int(length * spoiled.share)
        position = 0
        while position < length:
            if position == middle and isinstance(spoiled, Cut):
                return False
            if (
                position == middle
                and isinstance(spoiled, Stalled)
                and self.server.earthdata.closing.wait(spoiled.seconds)
            ):
                raise ConnectionAbortedError("the server closes")
            end = length if middle is None or position >= middle else middle
            piece = self._buffer[: min(pace.piece, end - position)]
            content.read(position, piece)
            if position == middle and isinstance(spoiled, Flipped):
                piece[0] ^= 1
            pace.wait(len(piece))
            if position + len(piece) == length:
                self.server.earthdata.finishing(request)
            self.connection.sendall(piece)
            position += len(piece)
            request.sent = position
        return True

    def log_message(self, *_: Any) -> None:
        """Say nothing: tests read `Earthdata.requests`."""


def _length(answer: Answer | _Content) -> int:
    return answer.end - answer.begin if isinstance(answer, _Content) else len(answer.body)


def _store_error(status: int, code: str, message: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, text.encode(), "application/xml")


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _web_token(user: str, seconds: float) -> str:
    """A JSON Web Token like those of Earthdata Login, which expires after so many seconds."""
    now = int(time.time())
    header = {"typ": "JWT", "origin": "Earthdata Login", "sig": "edljwtpubkey_ops", "alg": "RS256"}
    claims = {
        "type": "User",
        "uid": user,
        "exp": now + int(seconds),
        "iat": min(now, now + int(seconds)) - 3600,
        "iss": f"https://{LOGIN}",
        "identity_provider": "edl_ops",
        "acr": "edl",
        "assurance_level": 3,
    }
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), secrets.token_bytes(256)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
