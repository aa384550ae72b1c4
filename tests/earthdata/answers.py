"""Requests, answers, and the answers by which hosts refuse."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs

from earthdata.hosts import LOGIN


@dataclass
class Request:
    """A client's request and its answer; `sent` grows while an answer is under way."""

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

    @property
    def name(self) -> str:
        """Of the file that was asked for."""
        return self.path.rpartition("/")[2]

    @property
    def parameters(self) -> dict[str, list[str]]:
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def bearer(self) -> str:
        """The token; empty without one."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""


@dataclass(frozen=True)
class FilePart:
    """Bytes of a file, read when they are sent; a slice is a smaller part."""

    path: Path
    size: int
    """Of the whole file."""
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def __getitem__(self, wanted: slice) -> Self:
        begin, end, _ = wanted.indices(len(self))
        return replace(self, begin=self.begin + begin, end=self.begin + end)

    def __bytes__(self) -> bytes:
        with open(self.path, "rb") as file:
            content = os.pread(file.fileno(), len(self), self.begin)
        if len(content) != len(self):
            raise ConnectionAbortedError("the file became shorter while it was sent")
        return content


@dataclass(frozen=True)
class Answer:
    """A whole answer; as a fault, what a host says instead of its own."""

    status: int
    body: bytes | FilePart = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def page(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    body = f"<html><head><title>{status} {text}</title></head><body><h1>{status} {text}</h1></body></html>\n"
    return Answer(status, body.encode(), "text/html", headers or {})


def document(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(content).encode(), headers=headers or {})


def too_many(seconds: int = 1) -> Answer:
    """429, with the time after which to ask again."""
    return page(429, "Too Many Requests", {"Retry-After": str(seconds)})


UNAUTHORIZED = document(401, {"error": "invalid_token", "error_description": "The token is not valid"})
EXPIRED = document(401, {"error": "invalid_token", "error_description": "The token has expired"})
_AGREE = f"http://{LOGIN}/approve_app?client_id=simulated"  # as Earthdata Login writes it
_NOT_AGREED = {"status_code": 403, "error": "invalid_token", "error_description": "EULA Acceptance Failure"}
EULA = document(403, _NOT_AGREED | {"resolution_url": _AGREE})
FORBIDDEN = page(403, "Could not access data")
"""Of the Thin Egress App: the user is not of the group that may have the data."""
NOT_FOUND = page(404, "Data Not Available")
INVALID_RANGE = Answer(416, b"Invalid Range", "text/html")
TOO_MANY = too_many()
SERVER_ERROR = page(500, "Internal Server Error")
UNAVAILABLE = page(503, "Service Unavailable")
_LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Earthdata Login</title></head><body>Log in</body></html>\n"
HTML_PAGE = Answer(200, _LOGIN_PAGE, "text/html; charset=utf-8")
