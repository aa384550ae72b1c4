"""Connections: kept, limited, refused, and gone in the end."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from earthdata.clients import FIELDS, FOLDER, URL, fetch, search, session
from earthdata.hosts import CMR
from earthdata.server import Earthdata


def test_connections_are_kept_alive(earthdata: Earthdata) -> None:
    with session(earthdata) as client:
        for name in FIELDS[1:] * 3:
            assert client.get(FOLDER + name, timeout=20).ok
    assert len({request.connection for request in earthdata.requested()}) == 2  # one to each host


def test_connections_share_the_rate(start: Callable[..., Earthdata], tmp_path: Path) -> None:
    for name in FIELDS[1:]:
        (tmp_path / name).write_bytes(bytes(1_000_000))
    earthdata = start(tmp_path, rate=2_000_000)

    def end(name: str) -> float:
        assert len(fetch(earthdata, FOLDER + name).content) == 1_000_000
        return time.monotonic()

    begin = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(end, FIELDS[1:]))
    assert 0.8 < ends[1] - begin < 3
    assert ends[1] - ends[0] < 0.5  # neither waited for the other


def test_other_hosts_are_refused(earthdata: Earthdata) -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://example.com/secret", timeout=20)
    assert requests.get("http://example.com/plain", timeout=20).status_code == 502
    assert [(one.host, one.method, one.status) for one in earthdata.requested()] == [
        ("example.com", "CONNECT", 502),
        ("example.com", "GET", 502),
    ]


def test_server_leaves_nothing_behind(
    archive: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, files = set(threading.enumerate()), len(os.listdir("/dev/fd"))
    with Earthdata(archive, rate=10_000) as earthdata:
        for name, value in earthdata.environment.items():
            monkeypatch.setenv(name, value)
        program = f"import os, requests; requests.get({URL!r}, headers=dict(Authorization=os.environ['A']))"
        killed = subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | {"A": f"Bearer {earthdata.login.token}"},
            stderr=subprocess.DEVNULL,
        )
        while not earthdata.sent():
            time.sleep(0.01)
        killed.kill()
        killed.wait()
        with monkeypatch.context() as strict:
            strict.delenv("REQUESTS_CA_BUNDLE")
            strict.delenv("CURL_CA_BUNDLE")
            with pytest.raises(requests.exceptions.SSLError):
                search()
        idle = socket.create_connection(("127.0.0.1", earthdata.port))
        idle.sendall(f"CONNECT {CMR}:443 HTTP/1.1\r\n\r\n".encode())
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(idle.getpeername())
    idle.close()
    assert set(threading.enumerate()) == threads
    assert len(os.listdir("/dev/fd")) == files
    assert capfd.readouterr() == ("", "")
    assert not Path(earthdata.environment["SSL_CERT_FILE"]).parent.exists()
