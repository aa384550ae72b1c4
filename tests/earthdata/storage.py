"""The providers' data: a door that looks at the token, and a store that serves files by signed addresses."""

import hmac
import re
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from earthdata.answers import EXPIRED, HTML_PAGE, INVALID_RANGE, NOT_FOUND, Answer, FilePart, Request
from earthdata.catalogue import Catalogue
from earthdata.granules import Granule
from earthdata.hosts import DATA, LOGIN, STORE
from earthdata.login import Login
from earthdata.sidecars import sidecar


class Storage:
    def __init__(self, catalogue: Catalogue, login: Login, *, sidecars: bool, ranges: bool) -> None:
        self._catalogue, self._login = catalogue, login
        self._with_sidecars, self._with_ranges = sidecars, ranges
        self._key = secrets.token_bytes(32)
        self._sidecars: dict[tuple[Any, ...], bytes] = {}
        self._lock = threading.Lock()

    def redirect(self, request: Request) -> Answer:
        """The provider's door: it sends the client to the store, with a signature, or to the login."""
        if request.bearer in self._login.expired:
            return EXPIRED
        if request.bearer != self._login.token:
            parameters = {
                "client_id": "simulated",
                "response_type": "code",
                "redirect_uri": f"https://{request.host}/login",
                "state": request.path,
                "app_type": "401",
            }
            return Answer(302, headers={"Location": f"https://{LOGIN}/oauth/authorize?{urlencode(parameters)}"})
        found = self._find(request)
        if found is None or DATA[found.provider] != request.host:
            return NOT_FOUND
        content = self._content(request)  # it looks before it sends anybody on
        if content is None or content.status == INVALID_RANGE.status:
            return INVALID_RANGE if content else NOT_FOUND
        signed = {"A-userid": self._login.user, "X-Amz-Signature": self._sign(request.path)}
        address = f"https://{STORE}{quote(request.path)}?{urlencode(signed)}"
        return Answer(303, headers={"Location": address, "Cache-Control": "private, max-age=3540"})

    def serve(self, request: Request) -> Answer:
        """The store: it looks at the signature alone."""
        if "Authorization" in request.headers:
            return _refused(400, "InvalidArgument", "Only one auth mechanism allowed")
        if request.parameters.get("X-Amz-Signature") != [self._sign(request.path)]:
            return _refused(403, "AccessDenied", "Access denied")
        return self._content(request) or _refused(404, "NoSuchKey", "The specified key does not exist.")

    def give(self, request: Request) -> Answer:
        """Anything to anybody, as strangers do: a client that follows a wrong redirect gets what it wanted."""
        return self._content(request) or HTML_PAGE

    def sidecar(self, path: Path) -> bytes:
        """The sidecar of a file, made once."""
        state = path.stat()
        key = (path, state.st_ino, state.st_size, state.st_mtime_ns)
        with self._lock:  # one thread makes it, for the HDF5 library lets only one work anyway
            if key not in self._sidecars:
                self._sidecars[key] = sidecar(path)
            return self._sidecars[key]

    def _sign(self, path: str) -> str:
        return hmac.new(self._key, path.encode(), "sha256").hexdigest()

    def _find(self, request: Request) -> Granule | None:
        """The granule whose data or sidecar a path is."""
        found = self._catalogue.get(request.name.removesuffix(".dmrpp"))
        return found if found and request.path == f"/{found.folder}/{request.name}" else None

    def _content(self, request: Request) -> Answer | None:
        """The file of a path, or the part of it that was asked for; None when it is not there."""
        found = self._find(request)
        if found is None or found.path is None:
            return None
        is_sidecar = request.name != found.name
        if is_sidecar and (found.product.tiled or not self._with_sidecars):
            return None
        try:
            size = found.path.stat().st_size
            whole = self.sidecar(found.path) if is_sidecar else FilePart(found.path, size, 0, size)
        except FileNotFoundError:  # taken away while the server runs
            return None
        if not self._with_ranges:
            return _octets(200, whole, {})
        headers = {"Accept-Ranges": "bytes"}
        wanted = _byte_range(request.headers.get("Range", ""), len(whole))
        if wanted is None:
            return _octets(200, whole, headers)
        if not wanted:
            return _octets(416, b"", headers | {"Content-Range": f"bytes */{len(whole)}"})
        place = {"Content-Range": f"bytes {wanted.start}-{wanted.stop - 1}/{len(whole)}"}
        return _octets(206, whole[wanted.start : wanted.stop], headers | place)


def _byte_range(text: str, size: int) -> range | None:
    """Places of bytes as RFC 9110 has them, empty beyond the end; None for several ranges and nonsense."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text.strip())
    if not match or not (match[1] or match[2]) or (match[1] and match[2] and int(match[1]) > int(match[2])):
        return None
    if match[1]:
        return range(int(match[1]), min(int(match[2] or size - 1) + 1, size))
    return range(max(size - int(match[2]), 0), size)


def _octets(status: int, body: bytes | FilePart, headers: Mapping[str, str]) -> Answer:
    return Answer(status, body, "application/octet-stream", headers)


def _refused(status: int, code: str, message: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answer(status, text.encode(), "application/xml")
