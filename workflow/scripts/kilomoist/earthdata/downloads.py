"""Downloads from NASA Earthdata: patient with networks, careful with the token, whole or in ranges of bytes."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from kilomoist.disks import written
from kilomoist.earthdata.documents import MOST, body_of
from kilomoist.earthdata.logins import HOST, NASA, Login, bearer_token, find_login, from_storage, refusal
from kilomoist.errors import InputError

_TRIES = 6
_PIECE = 2**16
"""Bytes that are written at once; so many are lost when a connection breaks off."""
_BUSY = [408, 429, 500, 502, 503, 504]
"""HTTP statuses that may pass."""
LARGEST = 2**30
"""Bytes of a granule: those that are read have up to some 150 MB."""
_PROGRESS = 10.0
"""Seconds between two messages about a file."""

logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote signed addresses

_BROKEN = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    requests.ConnectionError,
)
"""Errors of requests for a body that breaks off or stalls."""


class NotServedError(Exception):
    """A server has no such file, or gives no ranges of bytes: there is another way to the data."""


class Session(requests.Session):
    """A session that waits for slow and busy servers, and gives its token to the host that was asked and to no other.

    Failed connections and answers that may pass (HTTP 429, 5xx) are tried again, with growing, random pauses or after
    the time that the server names. Proxies and certificates come from the environment, but never credentials: requests
    would send those of a netrc file in place of the token.
    """

    def __init__(self, patience: tuple[float, float] = (20, 60), pause: float = 0.5) -> None:
        """`patience`: seconds to connect, and without any byte; `pause`: seconds by which pauses between tries grow."""
        super().__init__()
        self.headers["Accept-Encoding"] = "identity"  # sizes and offsets are those of the stored bytes
        retries = Retry(
            total=_TRIES,
            connect=3,  # nobody there: more likely a missing network than a busy server
            backoff_factor=pause,
            backoff_jitter=pause,
            backoff_max=60,
            status_forcelist=_BUSY,
            allowed_methods=None,
            raise_on_status=False,
            retry_after_max=600,
        )
        self.mount("https://", HTTPAdapter(max_retries=retries))
        self.patience, self.pause = patience, pause
        self.login, self.token = Login("no login"), ""
        self.auth = self._authorize

    def log_in(self, login: Login) -> None:
        """Send a token with every request from now on. Raises `InputError` when there is none to be had."""
        self.login, self.token = login, bearer_token(login, self)

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        address = urlsplit(str(request.url))
        if self.token and address.scheme == "https" and (address.hostname or "").endswith(NASA):
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request with the session's patience, unless another is given."""
        return super().send(request, **options | {"timeout": options.get("timeout") or self.patience})

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where a redirect leads; its body, which requests would read whole, is left."""
        target = super().get_redirect_target(resp)
        if target:
            resp.close()
        return target

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Follow a redirect without the token, unless it leads to the same host."""
        if self.should_strip_auth(str(response.request.url), str(prepared_request.url)):
            prepared_request.headers.pop("Authorization", None)


def logged_in() -> Session:
    """A session with the first login that is found. Raises `InputError` when there is none or it is refused."""
    session = Session()
    session.log_in(find_login())
    return session


def fetch_file(url: str, part: Path, size: int, session: Session, tell: Callable[[str], None]) -> int:
    """Fetch a file of `size` bytes (0: unknown) into `part`, going on after what is there; returns the bytes moved.

    `tell` is given a sentence every ten seconds. Raises `InputError` when the server refuses, has no such file, sends
    more than the file has, or breaks off again and again; what came stays in `part`.
    """
    moved = 0
    known = "which NASA's catalogue says" if size else "and no granule is so large"
    for attempt in range(_TRIES):
        have = part.stat().st_size if part.exists() else 0
        if size and have == size:
            return moved
        begin = 0 if size and have > size else have
        if not size and have:
            begin -= 1  # all of a file is so told from more than all of it, also where the answer does not say the size
        try:
            with _get(url, session, {"Range": f"bytes={begin}-"} if begin else {}) as answer:
                if begin and answer.status_code != requests.codes.ok and _first_byte(answer) != begin:
                    part.unlink()  # of another file, or no range that was asked for
                    continue
                goes_on = begin and answer.status_code == requests.codes.partial_content
                with written(part), open(part, "r+b" if goes_on else "wb") as file:
                    file.seek(begin if goes_on else 0)
                    told = time.monotonic()
                    for piece in answer.iter_content(_PIECE):
                        file.write(piece)
                        moved += len(piece)
                        if file.tell() > (size or LARGEST):
                            raise InputError(
                                f"{_name(url)} does not end after {size or LARGEST} bytes, {known}: refresh the "
                                "catalogue by snakemake --forcerun list_granules."
                            )
                        if time.monotonic() - told > _PROGRESS:
                            told = time.monotonic()
                            tell(f"{_name(url)}: {file.tell() / 1e6:.0f} of {size / 1e6:.0f} MB")
                return moved
        except _BROKEN:
            time.sleep(attempt * session.pause)
    raise _broken_off(url)


def fetch_content(url: str, session: Session, offset: int | None = None, length: int = 0) -> tuple[bytes, int]:
    """A small file, or `length` bytes of a large file from `offset` on; and the size of the whole file (0: not told).

    Raises `NotServedError` when the server has no such file or would send more than what is wanted, `InputError` when
    it refuses or breaks off again and again.
    """
    headers = {} if offset is None else {"Range": f"bytes={offset}-{offset + length - 1}"}
    for attempt in range(_TRIES):
        try:
            with _get(url, session, headers, optional=True) as answer:
                if headers and _first_byte(answer) != offset:
                    raise NotServedError(f"{urlsplit(url).hostname} does not give the range of bytes that is wanted")
                said = answer.headers.get("Content-Range", "").rpartition("/")[2]
                whole = int(said) if re.fullmatch(r"\d{1,18}", said, re.ASCII) else 0
                content = body_of(answer, length or MOST)
        except ValueError as error:
            raise NotServedError(f"{_name(url)} is not what is wanted: {error}") from error
        except _BROKEN:
            content, whole = b"", 0
        if content and len(content) == (length or len(content)):
            return content, whole
        if offset is not None and 0 < whole < offset + length:
            raise NotServedError(f"{_name(url)} ends after {whole} bytes")
        time.sleep(attempt * session.pause)
    raise _broken_off(url)


@contextmanager
def _get(url: str, session: Session, headers: dict[str, str], optional: bool = False) -> Iterator[requests.Response]:
    """A successful answer whose body is not read yet, or that there is no such range of bytes.

    Raises `NotServedError` when an `optional` file is not there, and `InputError` for every other failure. Its cause is
    not told, which may quote headers and signed addresses.
    """
    host = urlsplit(url).hostname
    try:
        answer = session.get(url, headers=headers, stream=True)
    except requests.exceptions.SSLError:
        raise InputError(
            f"{host} or a host that it names has a certificate that this machine does not trust: if your network puts "
            "its own in between, name its authority's file in REQUESTS_CA_BUNDLE."
        ) from None
    except (requests.RequestException, ValueError) as error:  # of redirects to what is no address
        raise InputError(
            f"{host} cannot be reached for {_name(url)} ({type(error).__name__}): check the network, see "
            "https://status.earthdata.nasa.gov, and run again."
        ) from None
    with answer:
        status = answer.status_code
        if headers and status == requests.codes.requested_range_not_satisfiable:
            yield answer
            return
        refused, said = status in (requests.codes.unauthorized, requests.codes.forbidden), b""
        if refused:
            with suppress(ValueError):  # of any size, it explains nothing
                said = body_of(answer)
        if status in (requests.codes.not_found, requests.codes.gone) or (
            optional and not headers and from_storage(answer, said)
        ):
            if optional:
                raise NotServedError(f"{_name(url)} is not at {host} (HTTP {status})")
            raise InputError(
                f"{_name(url)} is in NASA's catalogue but not at {host} (HTTP {status}): refresh the catalogue by "
                "snakemake --forcerun list_granules."
            )
        if refused:
            raise refusal(answer, said, session.login)
        if status not in (requests.codes.ok, requests.codes.partial_content):
            raise InputError(
                f"{host} answered with HTTP {status} for {_name(url)}, after several tries where that may pass: see "
                "https://status.earthdata.nasa.gov and run again later."
            )
        if "html" in answer.headers.get("Content-Type", "").lower():
            raise InputError(
                f"{urlsplit(str(answer.url)).hostname} sent a web page (perhaps of a login) in place of {_name(url)}: "
                f"log in at https://{HOST}/profile, approve the application of {host} under Applications → Authorized "
                "Apps, and run again."
            )
        yield answer


def _first_byte(answer: requests.Response) -> int | None:
    """Offset at which a partial answer begins; None for any other, and where it does not say."""
    said = re.match(r"bytes (\d{1,18})-", answer.headers.get("Content-Range", ""), re.ASCII)
    return int(said[1]) if said and answer.status_code == requests.codes.partial_content else None


def _broken_off(url: str) -> InputError:
    return InputError(
        f"{_name(url)} broke off {_TRIES} times on its way from {urlsplit(url).hostname}: check the network and run "
        "again, which keeps what came."
    )


def _name(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[-1]
