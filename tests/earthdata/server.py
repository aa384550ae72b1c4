"""NASA's Earthdata with the granules of a folder.

with Earthdata(granules) as earthdata:
    subprocess.run(command, env=os.environ | earthdata.environment)
    assert earthdata.fetched(name) == 1
"""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from earthdata.answers import NOT_FOUND, Answer, Request, document
from earthdata.catalogue import Catalogue
from earthdata.cmr import Cmr
from earthdata.faults import Faults
from earthdata.hosts import CMR, DATA, LOGIN, OUTLINES, STORE, STRANGER
from earthdata.journal import Journal
from earthdata.login import Login
from earthdata.proxy import Proxy
from earthdata.storage import Storage


class Earthdata:
    """A context in which the server runs."""

    def __init__(
        self,
        folder: Path,
        *,
        rate: float | None = None,
        failures: float = 0.0,
        seed: int = 0,
        algorithms: Mapping[str, str | None] | None = None,
        sidecars: bool = True,
        ranges: bool = True,
    ) -> None:
        """`folder` holds granules at any depth.

        rate: bytes of bodies per second, shared by all connections.
        failures: share of all answers that fail, at random by the seed: the same request fails again in another run.
        algorithms: of checksums by product, such as {"SPL4SMGP.008": None}.
        sidecars: whether `.dmrpp` files are there.
        ranges: whether byte ranges are served; otherwise always the whole.
        """
        self.folder, self._rate = folder, rate
        self.login, self.catalogue = Login(), Catalogue(algorithms or {})
        self.faults = Faults(failures, seed)
        self.countries: list[dict[str, Any]] = []
        """Features that Natural Earth has."""
        self._storage = Storage(self.catalogue, self.login, sidecars=sidecars, ranges=ranges)
        self._journal = Journal()
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self.catalogue.scan(self.folder)
        hosts = {
            CMR: Cmr(self.catalogue, self.login).answer,
            LOGIN: self.login.answer,
            **dict.fromkeys(DATA.values(), self._storage.redirect),
            STORE: self._storage.serve,
            STRANGER: self._storage.give,
            OUTLINES: self._answer_outlines,
        }
        self._authority = Path(self._running.enter_context(TemporaryDirectory())) / "authority.pem"
        proxy = Proxy(hosts, self.faults, self._journal, self._rate, self._authority)
        self.port = self._running.enter_context(proxy).server_port
        return self

    def __exit__(self, *raised: object) -> None:
        self._running.__exit__(*raised)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a client's process; plain HTTP is led here too, and refused."""
        names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
        trusted = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), str(self._authority))
        return {
            **dict.fromkeys(names, f"http://127.0.0.1:{self.port}"),
            "NO_PROXY": "",
            "no_proxy": "",
            **trusted,
            "EARTHDATA_TOKEN": self.login.token,
        }

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not turn up in a client's output or files."""
        return self.login.token, self.login.password, self.login.basic

    def requested(self, pattern: str = "*") -> list[Request]:
        """The requests whose path, or host and path, match a glob, in order of their arrival."""
        return self._journal.requests(pattern)

    def sent(self, pattern: str = "*") -> int:
        """Bytes of bodies sent in answer to `requested(pattern)`."""
        return sum(request.sent for request in self.requested(pattern))

    def fetched(self, name: str) -> int:
        """Number of times that all bytes of a granule were delivered unspoiled, be it in several parts."""
        return self._journal.fetched(name)

    def prepare(self) -> None:
        """Make all entries and sidecars now: checksums of large granules take time that belongs to no client."""
        for found in self.catalogue.all():
            self.catalogue.entry(found)
            if found.path and not found.product.tiled:
                self._storage.sidecar(found.path)

    def _answer_outlines(self, request: Request) -> Answer:
        if request.path != "/nvkelso/natural-earth-vector/master/geojson/ne_10m_admin_0_countries.geojson":
            return NOT_FOUND
        return document(200, {"type": "FeatureCollection", "features": self.countries})
