"""Diagnosis of NASA Earthdata: what its services answer about one granule of each product, without a login and with it.

Each step is told in one sentence, and the next ones are tried whatever became of it. The report holds public answers as
they came (UMM-G, ECHO10, the begin of the DMR++), of all others a few harmless headers. Credentials are in neither: see
`Diagnosis.redacted`.
"""

import base64
import json
import os
import platform
import re
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

import requests

from kilomoist.calendars import month_range, slots
from kilomoist.earthdata.access import check_catalogue
from kilomoist.earthdata.catalogues import newest_granule
from kilomoist.earthdata.documents import MOST, read_json, read_xml
from kilomoist.earthdata.downloads import Session
from kilomoist.earthdata.logins import HOST, Login, find_login, refusal
from kilomoist.earthdata.subsets import UnknownLayoutError, layout_from_sidecar
from kilomoist.errors import InputError
from kilomoist.product_types import Product
from kilomoist.products import parse_name

CMR = "cmr.earthdata.nasa.gov"
"""The Common Metadata Repository, NASA's catalogue."""
_SOFTWARE = ("kilomoist", "requests", "urllib3", "rasterio", "h5py", "snakemake")
_HEADERS = (
    *("Accept-Ranges", "Age", "CMR-Hits", "CMR-Request-Id", "CMR-Search-After", "CMR-Timed-Out", "CMR-Took"),
    *("Cache-Control", "Content-Encoding", "Content-Length", "Content-Range", "Content-Type", "Date", "ETag"),
    *("Last-Modified", "Location", "Retry-After", "Server", "Via", "WWW-Authenticate"),
)
"""Headers of answers that are reported; cookies and whatever else may identify a user are not."""
_EXCERPT = 1000
"""Bytes of a granule that are asked for, and of a document that are reported where not all of it is wanted."""
_CLOCK = 60
"""Seconds by which a clock may be wrong: signed addresses hold for an hour or less."""
_SIZE = re.compile(r"[0-9]{1,15}")
_WEB_TOKEN = re.compile(r"eyJ[\w-]{5,}[\w.=-]*")
_QUERY = re.compile(r"(https?://[^\s\"'<>?]*)\?[^\s\"'<>]*")

Outcome = Literal["ok", "note", "failed"]


@dataclass(frozen=True)
class Finding:
    """What one step found."""

    outcome: Outcome
    """`failed` where a run would fail, `note` where it would go another way or nobody knows."""
    sentence: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answer:
    """An answer, or the reason (`problem`) why there is none; `facts` are what is reported of it."""

    facts: dict[str, Any]
    response: requests.Response = field(default_factory=requests.Response)
    content: bytes = b""
    problem: str = ""

    @property
    def status(self) -> int:
        return self.response.status_code if not self.problem else 0

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    @property
    def way(self) -> str:
        """Statuses and hosts of the redirects that were followed, and of their end."""
        steps = [*self.response.history, self.response]
        return ", ".join(f"HTTP {step.status_code} from {urlsplit(str(step.url)).hostname}" for step in steps)


class Diagnosis:
    """Questions to the services, step by step, and the report of what came."""

    def __init__(self, pause: float = 0.2) -> None:
        """`pause`: seconds by which pauses between tries grow."""
        self.visitor, self.member = Session(pause=pause), Session(pause=pause)
        self.findings: list[Finding] = []
        self._login: Login | None = None

    def steps(self, products: Iterable[tuple[Product, str | None]], months: Sequence[str]) -> Iterator[Finding]:
        """Findings as they come, of products each with a tile where it has tiles; redacted.

        Of the first month a granule is examined; of all is told whether NASA's catalogue has come so far.
        """
        for finding in self._steps(products, months):
            line = " ".join(finding.sentence.split())
            clean = Finding(finding.outcome, self.redacted(line), self.redacted(finding.facts))
            self.findings.append(clean)
            yield clean

    def report(self) -> dict[str, Any]:
        """All findings so far, with what they depend on, for a JSON file."""
        import rasterio  # which knows its GDAL

        proxy = urlsplit(getproxies().get("https", ""))
        return {
            "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "versions": {name: metadata.version(name) for name in _SOFTWARE}
            | {"python": platform.python_version(), "gdal": rasterio.__gdal_version__, "ssl": ssl.OPENSSL_VERSION}
            | {"system": platform.platform()},
            "proxy": f"{proxy.hostname}:{proxy.port}" if proxy.hostname else "none",
            "own certificates": bool(os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")),
            "findings": [asdict(finding) for finding in self.findings],
        }

    def redacted(self, content: Any) -> Any:
        """Content of a report without what is secret or names the user, in whichever text it stands.

        That are credentials, the token that was given for them, anything like a JSON web token, the user's name at
        Earthdata Login and that of the home folder.
        """
        if isinstance(content, dict):
            return {name: self.redacted(value) for name, value in content.items()}
        if isinstance(content, list | tuple):
            return [self.redacted(value) for value in content]
        if not isinstance(content, str):
            return content
        content = content.encode("utf-8", "replace").decode()  # JSON can hold half of a character
        if Path.home().name:  # in a container home may be /
            content = content.replace(str(Path.home()), "~")
        for secret in self._secrets():
            content = content.replace(secret, "[redacted]")
        for user in self._users():
            content = re.sub(rf"(?<![^\W_]){re.escape(user)}(?![^\W_])", "[user]", content)
        return _WEB_TOKEN.sub("[token]", content)

    def _secrets(self) -> list[str]:
        login = self._login or Login("no login")
        basic = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
        whole = [secret for secret in (login.token, self.member.token, login.password, basic) if secret]
        pieces = [piece for secret in whole for piece in secret.split() if len(piece) > 5]  # across a line's end
        return sorted({*whole, *pieces}, key=len, reverse=True)

    def _users(self) -> set[str]:
        users = {Path.home().name, self._login.user if self._login else ""}
        with suppress(IndexError, ValueError, AttributeError):  # tokens of another form name nobody
            payload = self.member.token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            users |= {str(claims.get(name, "")) for name in ("uid", "sub")}
        return {user for user in users if user}

    def _steps(self, products: Iterable[tuple[Product, str | None]], months: Sequence[str]) -> Iterator[Finding]:
        for host in (CMR, HOST):
            yield from self._reach(host)
        yield from self._log_in()
        for product, tile in products:
            yield from self._examine(product, tile, months)

    def _reach(self, host: str) -> Iterator[Finding]:
        """Network, proxy and certificate, and the clock."""
        answer = _ask(self.visitor, f"https://{host}/", allow_redirects=False)
        if answer.problem:
            yield Finding("failed", answer.problem, answer.facts)
            return
        yield Finding("ok", f"{host} answers (HTTP {answer.status}).", answer.facts)
        with suppress(
            KeyError, TypeError, ValueError, OverflowError
        ):  # an answer without a date tells nothing of the clock
            ahead = time.time() - parsedate_to_datetime(answer.response.headers["Date"]).timestamp()
            right = abs(ahead) <= _CLOCK
            said = f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} that of {host}"
            advice = "" if right else ": set it, because tokens, certificates and signed addresses expire by it"
            yield Finding("ok" if right else "note", f"{said}{advice}.", {"seconds ahead": round(ahead)})

    def _log_in(self) -> Iterator[Finding]:
        try:
            self._login = find_login()
        except InputError as error:
            yield Finding("failed", str(error))
            return
        yield Finding("ok", f"A login is found: {self._login.origin}.", {"origin": self._login.origin})
        try:
            self.member.log_in(self._login)
        except (InputError, ValueError) as error:
            told = str(error) if isinstance(error, InputError) else f"{HOST} could not be asked with this login."
            yield Finding("failed", told)
            return
        if not self._login.token:
            yield Finding("ok", f"{HOST} gave a token for it.")

    def _examine(self, product: Product, tile: str | None, months: Sequence[str]) -> Iterator[Finding]:
        """What there is of a product in the first month, what becomes of the first granule, and what is the newest."""
        found = self._search(product, tile, months[0])
        yield found
        if "hits" in found.facts:
            yield self._newest(product, months)
        if found.outcome == "failed":
            return
        try:
            check_catalogue(product.name, months[0])
            yield Finding("ok", "A run's own search understands such answers.")
        except InputError as error:
            yield Finding("failed", str(error))
        item, url = found.facts["item"], found.facts["url"]
        described = self._echo10(item)
        yield described
        first = {"Range": f"bytes=0-{_EXCERPT - 1}"}
        answer = _ask(self.visitor, url, headers=first)
        outcome: Outcome = "failed" if answer.problem else "ok"
        yield Finding(outcome, answer.problem or f"Without a login its file gives: {answer.way}.", answer.facts)
        if not self.member.token:
            return
        yield self._fetch(url, _sizes(item, described, url.rsplit("/", 1)[-1]))
        if product.subset_size:
            yield self._sidecar(item, url, product.layers["soil_moisture"].dataset)

    def _search(self, product: Product, tile: str | None, month: str) -> Finding:
        """The first granule of a search as a run makes it: its item and the address of its file are in the facts."""
        begin, end = month_range(month)
        temporal = f"{begin}T00:00:00Z,{end - timedelta(days=1)}T23:59:59Z"
        query = {"short_name": product.short_name, "version": product.version, "temporal": temporal, "page_size": "1"}
        if tile:
            query |= {
                "readable_granule_name[]": f"{product.short_name}.A*.{tile}.*",
                "options[readable_granule_name][pattern]": "true",
            }
        answer = _ask(self.visitor, f"https://{CMR}/search/granules.umm_json", MOST, params=query)
        facts = {"product": product.name, "tile": tile, "month": month, "query": query} | answer.facts
        where = f"{product.name}{f' on {tile}' if tile else ''} in {month}"
        if answer.problem or answer.status != requests.codes.ok:
            told = answer.problem or f"NASA's catalogue answered HTTP {answer.status}."
            return Finding("failed", f"Search for {where}: {told}", facts)
        try:
            page = read_json(answer.content)
            facts["hits"] = page["hits"]
            if not page["items"]:
                return Finding("failed", f"NASA's catalogue has no granule of {where}.", facts)
            facts["item"] = item = page["items"][0]
            links = [str(link.get("URL")) for link in item["umm"]["RelatedUrls"] if link.get("Type") == "GET DATA"]
            files = [url for url in links if url.startswith("https://") and parse_name(url.rsplit("/", 1)[-1], product)]
            if not files:
                return Finding("failed", f"{item['umm']['GranuleUR']} of {where} has no link to its file.", facts)
            facts["url"] = files[0]
            listed = item["umm"]["DataGranule"].get("ArchiveAndDistributionInformation", [])
            told = "; ".join(map(_file_text, listed)) or "no file described"
            meta = f"{item['meta']['concept-id']}, revision {item['meta']['revision-id']}"
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            facts.setdefault("begin", answer.text[:_EXCERPT])
            return Finding("failed", f"The catalogue's answer for {where} is not understood ({error!r}).", facts)
        name = files[0].rsplit("/", 1)[-1]
        return Finding("ok", f"NASA has {page['hits']} granules of {where}; {name} ({meta}): {told}.", facts)

    def _newest(self, product: Product, months: Sequence[str]) -> Finding:
        """Until when there are granules of a product, and the months that go on after that."""
        try:
            newest = newest_granule(product, self.visitor)
        except InputError as error:
            return Finding("failed", str(error))
        facts = {"product": product.name, "newest": newest and f"{newest.time:%F}"}
        if newest is None:
            return Finding("failed", f"{product.name}: NASA's catalogue has no granule of any time.", facts)
        told = f"{product.name}: newest granule of {newest.time:%F}"
        if later := [month for month in sorted(months) if slots(product, month)[-1].time > newest.time]:
            instead = f", or take {' and '.join(product.successors)}" if product.successors else ""
            return Finding("note", f"{told}, before the end of {', '.join(later)}: wait for others{instead}.", facts)
        return Finding("ok", f"{told}.", facts)

    def _echo10(self, item: dict[str, Any]) -> Finding:
        """The concept in ECHO10, which may have checksum and exact size where UMM-G has none."""
        answer = _ask(self.visitor, f"https://{CMR}/search/concepts/{item['meta']['concept-id']}.echo10", MOST)
        if answer.problem or answer.status != requests.codes.ok:
            return Finding("note", answer.problem or f"Its ECHO10 form: HTTP {answer.status}.", answer.facts)
        facts = answer.facts | {"document": answer.text}
        try:
            root = read_xml(answer.content)
        except ValueError as error:
            return Finding("note", f"Its ECHO10 form is not understood ({error}).", facts)
        facts["files"] = [
            {
                "Name": node.findtext("Name") or node.findtext("ProducerGranuleId"),
                "SizeInBytes": node.findtext("SizeInBytes") or node.findtext("DataGranuleSizeInBytes"),
                "Checksum": {name: node.findtext(f"Checksum/{name}") for name in ("Algorithm", "Value")},
            }
            for node in root.iter()
            if node.tag == "AdditionalFile" or node.find("Checksum") is not None
        ]
        told = "; ".join(map(_file_text, facts["files"])) or "no file described"
        return Finding("ok" if facts["files"] else "note", f"Its ECHO10 form: {told}.", facts)

    def _fetch(self, url: str, sizes: list[int]) -> Finding:
        """The first bytes of the file, with the login; `sizes` are those that the catalogue tells."""
        answer = _ask(self.member, url, headers={"Range": f"bytes=0-{_EXCERPT - 1}"})
        told = self._refused(answer)
        if told:
            return Finding("failed", told, answer.facts)
        host = urlsplit(str(answer.response.url)).hostname
        facts = answer.facts | {"first bytes": answer.content[:16].hex(), "sizes in the catalogue": sizes}
        if answer.status != requests.codes.partial_content:
            way = f"Login accepted, but {host} gives no ranges of bytes ({answer.way}): whole files are fetched."
            return Finding("note", way, facts)
        stated = answer.response.headers.get("Content-Range", "")
        whole = stated.rpartition("/")[2]
        said = f"Login accepted: {answer.way}; {len(answer.content)} bytes came, Content-Range {stated or 'missing'}"
        if not sizes or not _SIZE.fullmatch(whole):
            return Finding("note", f"{said}; the catalogue's size cannot be compared.", facts)
        if int(whole) not in sizes:
            return Finding("failed", f"{said}; the catalogue says {' or '.join(map(str, sizes))} bytes.", facts)
        return Finding("ok", f"{said}, as the catalogue says.", facts)

    def _refused(self, answer: _Answer) -> str:
        """Why a file does not come; empty when it does."""
        if answer.problem:
            return answer.problem
        if answer.status in (requests.codes.unauthorized, requests.codes.forbidden) and self._login:
            return f"{answer.way}: {refusal(answer.response, answer.content, self._login)}"
        if "html" in answer.response.headers.get("Content-Type", "").lower() and answer.response.ok:
            return f"A web page came in place of the file ({answer.way}), perhaps that of a login."
        return "" if answer.response.ok else f"The file does not come: {answer.way}."

    def _sidecar(self, item: dict[str, Any], url: str, dataset: str) -> Finding:
        """The DMR++; without one a run finds the field in the file itself."""
        links = [str(link.get("URL", "")) for link in item["umm"]["RelatedUrls"]]
        beside = f"{url}.dmrpp"
        sidecar = next((link for link in links if link.startswith("https://") and link.endswith(".dmrpp")), beside)
        answer = _ask(self.member, sidecar, MOST)
        facts = answer.facts | {"linked": sidecar in links}
        if told := self._refused(answer):
            return Finding("note", f"No DMR++: {told}", facts)
        place = max(answer.text.find(f'name="{dataset.rpartition("/")[2]}"') - 100, 0)
        facts |= {"begin": answer.text[:_EXCERPT], "size": len(answer.content)}
        facts["field"] = answer.text[place : place + 3 * _EXCERPT]
        try:
            layout = layout_from_sidecar(answer.content, dataset)
        except UnknownLayoutError as error:
            return Finding("note", f"DMR++ of {len(answer.content)} bytes, not understood: {error}.", facts)
        filters = ", ".join(sorted(layout.filters))
        stored = f"{dataset} in {len(layout.chunks)} chunks of {layout.chunk_shape}, {layout.type}, filters {filters}"
        return Finding("ok", f"DMR++ of {len(answer.content)} bytes: {stored}.", facts)


def _ask(session: Session, url: str, limit: int = _EXCERPT, **options: Any) -> _Answer:
    """The answer to a request, and at most `limit` bytes of it, more or less; all of a refusal."""
    host, facts = url.split("/")[2], {"asked": _without_query(url), "login": bool(session.token)}
    begin = time.monotonic()
    try:
        with session.get(url, stream=True, **options) as response:
            content, most = b"", limit if response.ok else MOST
            pieces = response.iter_content(_EXCERPT if most == _EXCERPT else 2**16)
            while len(content) < most and (piece := next(pieces, b"")):
                content += piece
    except (requests.RequestException, ValueError) as error:  # http.client's ValueError quotes the token
        return _Answer(facts | {"error": _cause(error)}, problem=_problem(error, host))
    facts["seconds"] = round(time.monotonic() - begin, 2)
    facts["answers"] = [
        {"status": one.status_code, "address": _without_query(str(one.url))}
        | {name: _without_query(one.headers[name]) for name in _HEADERS if name in one.headers}
        for one in (*response.history, response)
    ]
    answer = _Answer(facts, response, content)
    if not response.ok:
        facts["refusal"] = _without_query(answer.text[:_EXCERPT])
    return answer


def _problem(error: Exception, host: str) -> str:
    """Why there is no answer, without the error's own words, which may quote what was sent."""
    if isinstance(error, requests.exceptions.SSLError):
        return (
            f"{host} or a host that it names has a certificate that this machine does not trust ({_cause(error)}): "
            "if your network puts its own in between, name its authority's file in REQUESTS_CA_BUNDLE."
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return f"The proxy that HTTPS_PROXY names does not lead to {host} or a host that it names: check it."
    if isinstance(error, requests.exceptions.InvalidHeader) or not isinstance(error, requests.RequestException):
        return f"The login cannot be sent to {host}: its token has characters that no token has; copy it again."
    return f"{host} or a host that it names cannot be reached ({_cause(error)}): check the network."


def _cause(error: Exception) -> str:
    """Kind of the error that another wraps, and what TLS says of a certificate."""
    cause = getattr(next(iter(error.args), None), "reason", None) or error
    said = getattr(next(iter(cause.args), None), "verify_message", "")
    return f"{type(cause).__name__}: {said}" if said else type(cause).__name__


def _without_query(text: str) -> str:
    """Text without the queries of addresses, which are signatures and names of users."""
    return _QUERY.sub(r"\1?[cut]", text)


def _file_text(file: dict[str, Any]) -> str:
    """A file of UMM-G or ECHO10 in words."""
    sizes = [f"{file['SizeInBytes']} bytes"] if file.get("SizeInBytes") else []
    sizes += [f"{file['Size']} {file.get('SizeUnit', '')}".strip()] if "Size" in file else []
    checksum = (file.get("Checksum") or {}).get("Algorithm")
    return ", ".join([str(file.get("Name") or "no name"), *(sizes or ["no size"]), checksum or "no checksum"])


def _sizes(item: dict[str, Any], described: Finding, name: str) -> list[int]:
    """Exact sizes of a file by UMM-G and ECHO10, in bytes."""
    listed = item["umm"]["DataGranule"].get("ArchiveAndDistributionInformation", [])
    files = (*listed, *described.facts.get("files", []))
    stated = [file.get("SizeInBytes") for file in files if file.get("Name") in (name, "Not provided")]
    texts = [str(size).removesuffix(".0") for size in stated]
    return sorted({int(text) for text in texts if _SIZE.fullmatch(text)})
