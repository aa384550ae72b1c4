"""The proxy: connections by TLS to the hosts that are played, at a limited rate, and what spoils an answer."""

import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from errno import ENOTCONN
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, pairwise
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import trustme

from earthdata.answers import Answer, FilePart, Request
from earthdata.faults import Cut, Faults, Flipped, Redirected, Shortened, Spoiled, Stalled
from earthdata.journal import Journal

_PIECE = 2**20
"""Bytes that are sent at once."""
_BURST = 0.05
"""Seconds of silence that a limited rate may catch up."""


class Proxy(ThreadingHTTPServer):
    """A context in which connections are accepted; a thread serves each of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        hosts: Mapping[str, Callable[[Request], Answer]],
        faults: Faults,
        journal: Journal,
        rate: float | None,
        authority: Path,
    ) -> None:
        """`rate`: bytes of bodies per second; `authority`: the file that names who certifies the hosts."""
        self._hosts, self._faults, self.journal = hosts, faults, journal
        certifier = trustme.CA()
        certifier.cert_pem.write_to_path(str(authority))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certifier.issue_cert(*hosts).configure_cert(self.tls)
        self.closing = threading.Event()
        self._rate, self._free = rate, 0.0
        self.piece = _PIECE if rate is None else int(min(max(rate / 100, 2**12), 2**16))
        self.numbers = count(1)
        self._errors: list[Exception] = []
        self._open: dict[threading.Thread, socket.socket] = {}
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        super().__init__(("127.0.0.1", 0), _Connection)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        if self._errors and kind is None:
            raise ExceptionGroup("the server itself failed", self._errors)

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
            self._errors.append(error)

    def knows(self, host: str) -> bool:
        return host in self._hosts

    def answer(self, request: Request) -> tuple[Answer, Spoiled | None]:
        """Answer to a request, and how its body shall be spoiled."""
        answer = self._hosts[request.host](request)
        carries = answer.status in (200, 206) and request.method != "HEAD" and len(answer.body) > 0
        fault = self._faults.take(request, body=carries)
        if isinstance(fault, Spoiled):
            return answer, fault
        if isinstance(fault, Redirected):
            return Answer(302, headers={"Location": f"https://{fault.host}{request.path}"}), None
        return fault or answer, None

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than the server runs."""
        if seconds > 0 and self.closing.wait(seconds):
            raise ConnectionAbortedError("the server closes")

    def take_turn(self, size: int) -> None:
        """Wait until so many bytes may go out; all connections together keep the rate."""
        if self._rate:
            with self._changing:
                now = time.monotonic()
                self._free = max(self._free, now - _BURST) + size / self._rate
                delay = self._free - now
            self.sleep(delay)


class _Connection(BaseHTTPRequestHandler):
    """One connection: first that of a proxy, then that of the host which the client asked to be connected with."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def setup(self) -> None:
        super().setup()
        self._number = next(self.server.numbers)
        self._host: str | None = None

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        if self._host or port != "443" or not self.server.knows(host):
            self._refuse(host)
            return
        self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        tls = self.server.tls.wrap_socket(self.connection, server_side=True, do_handshake_on_connect=False)
        self.rfile.close()
        self.connection = tls
        self.server.follow(threading.current_thread(), tls)
        if self.server.closing.is_set():  # the end may have come between the two, and shut the socket before
            raise ConnectionAbortedError("the server closes")
        tls.do_handshake()
        self.rfile = tls.makefile("rb")
        self._host = host
        self.close_connection = False

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _serve(self) -> None:
        if self._host is None:
            self._refuse(urlsplit(self.path).netloc)
            return
        request = self._record(self._host)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer, spoiled = self.server.answer(request)
        body = answer.body[: int(len(answer.body) * spoiled.share)] if isinstance(spoiled, Shortened) else answer.body
        try:
            self._send_head(answer, len(body), request)
            if request.method == "HEAD":
                return
            if not self._send_body(body, spoiled, request):
                self.close_connection = True
            elif isinstance(body, FilePart) and not isinstance(spoiled, Shortened | Flipped):
                self.server.journal.delivered(request.name, body)
        finally:
            self.server.journal.finished(request)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _record(self, host: str) -> Request:
        target = urlsplit(self.path)
        headers = {name.title(): value for name, value in self.headers.items()}
        request = Request(host, self.command, target.path, target.query, headers, self._number)
        self.server.journal.record(request)
        return request

    def _refuse(self, host: str) -> None:
        """Whoever asks for a host that is not played here does not reach it."""
        request = self._record(host)
        self.close_connection = True
        self._send_head(Answer(502), 0, request)

    def _send_head(self, answer: Answer, length: int, request: Request) -> None:
        request.status = answer.status
        headers = {
            "Date": self.date_time_string(),
            "Content-Type": answer.content_type,
            "Content-Length": str(length),
            **answer.headers,
            **({"Connection": "close"} if self.close_connection else {}),
        }
        first = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
        lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def _send_body(self, body: bytes | FilePart, spoiled: Spoiled | None, request: Request) -> bool:
        """Send the body; True if it went out to its end."""
        middle = int(len(body) * spoiled.share) if isinstance(spoiled, Cut | Flipped | Stalled) else 0
        steps = [*range(0, middle, self.server.piece), *range(middle, len(body), self.server.piece), len(body)]
        for begin, end in pairwise(steps):
            piece = bytes(body[begin:end])
            if begin == middle and isinstance(spoiled, Cut):
                return False
            if begin == middle and isinstance(spoiled, Stalled):
                self.server.sleep(spoiled.seconds)
            if begin == middle and isinstance(spoiled, Flipped):
                piece = bytes([piece[0] ^ 1]) + piece[1:]
            self.server.take_turn(len(piece))
            if end == len(body):
                self.server.journal.finishing(request)
            self.connection.sendall(piece)
            request.sent = end
        return True

    def log_message(self, *_: Any) -> None:
        """Say nothing: tests read the journal."""
