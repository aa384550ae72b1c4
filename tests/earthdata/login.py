"""Earthdata Login: one user, whose password is worth a token."""

import base64
import json
import secrets
import time
from datetime import datetime, timedelta

from earthdata.answers import HTML_PAGE, NOT_FOUND, Answer, Request, document
from earthdata.hosts import LOGIN

_LIFE = 5 * 365 * 24 * 3600
"""Seconds for which a token is valid."""


class Login:
    def __init__(self) -> None:
        self.user = f"moist_{secrets.token_hex(4)}"
        self.password = f"Pw-{secrets.token_urlsafe(18)}"
        self.basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        self.token = _web_token(self.user)
        self.expired: set[str] = set()

    def expire(self) -> None:
        """From now on `token` has expired; there is a new one in its place."""
        self.expired.add(self.token)
        self.token = _web_token(self.user)

    def answer(self, request: Request) -> Answer:
        if request.path == "/api/users/find_or_create_token" and request.method == "POST":
            if request.headers.get("Authorization") != f"Basic {self.basic}":
                refused = {"error": "invalid_credentials", "error_description": "Invalid user credentials"}
                return document(401, refused, {"WWW-Authenticate": 'Basic realm="Please enter your Earthdata Login"'})
            expires = f"{datetime.now() + timedelta(seconds=_LIFE):%m/%d/%Y}"
            return document(200, {"access_token": self.token, "token_type": "Bearer", "expiration_date": expires})
        if request.path == "/oauth/authorize":
            return Answer(401, HTML_PAGE.body, HTML_PAGE.content_type, {"WWW-Authenticate": 'Basic realm="Earthdata"'})
        return HTML_PAGE if request.path == "/profile" else NOT_FOUND  # earthaccess begins by looking at the profile


def _web_token(user: str) -> str:
    """A JSON Web Token like those of Earthdata Login."""
    header = {"typ": "JWT", "origin": "Earthdata Login", "sig": "edljwtpubkey_ops", "alg": "RS256"}
    claims = {"type": "User", "uid": user, "exp": int(time.time()) + _LIFE, "iss": f"https://{LOGIN}"}
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), secrets.token_bytes(256)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
