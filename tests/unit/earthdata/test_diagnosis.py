"""What the services answer about one granule of each product, told step by step; and that no secret is in it."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import certifi
import numpy as np
import pytest
from earthdata.answers import EULA, FORBIDDEN, HTML_PAGE, NOT_FOUND, UNAVAILABLE, Answer, document
from earthdata.faults import Cut, Redirected
from earthdata.hosts import CMR, DATA, LOGIN, STORE
from earthdata.server import Earthdata
from granule_archives import LST, MONTH, TARGET, TILE, field, temperature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated
from witnesses import SHARED, with_witnesses

from kilomoist.calendars import slots
from kilomoist.earthdata.diagnosis import Diagnosis, Finding
from kilomoist.grids import M09
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name

BOTH = [(LST, TILE), (TARGET, None)]
SEARCH = f"{CMR}/search/granules.umm_json"
ECHO10 = f"{CMR}/search/concepts/*"
SECRET = "Tr0ub4dor-&-3"
# Elements as CMR's own tests have them (umm-spec-lib, echo10 granules), SHA-256 of nothing.
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
GRANULE_ECHO10 = f"""<?xml version="1.0" encoding="UTF-8"?>
<Granule><GranuleUR>G</GranuleUR><DataGranule><AdditionalFile><Name>a.hdf</Name><SizeInBytes>1192551</SizeInBytes>
<Checksum><Value>{EMPTY_SHA256}</Value><Algorithm>SHA-256</Algorithm></Checksum></AdditionalFile></DataGranule></Granule>
"""


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of LST on one tile, and one field."""
    folder = tmp_path_factory.mktemp("nasa")
    temperature(folder, 3, 300.0)
    field(folder, slots(TARGET, MONTH)[0].time, np.full(M09.window.shape, 0.2), M09.window)
    return folder


@pytest.fixture
def nasa(serve: Callable[..., Earthdata], granules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Earthdata:
    """The services, where whoever asks has an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("EARTHDATA_USERNAME", "EARTHDATA_PASSWORD", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    return serve(granules)


def diagnose(products: list[Any] = BOTH, months: Sequence[str] = (MONTH,)) -> tuple[list[Finding], str]:
    """Findings, and the text of the report."""
    diagnosis = Diagnosis(pause=0)
    findings = list(diagnosis.steps(products, months))
    text = json.dumps(diagnosis.report(), allow_nan=False)
    for finding in findings:
        assert finding.outcome in ("ok", "note", "failed")
        assert finding.sentence.endswith("."), finding.sentence
        assert "\n" not in finding.sentence
    return findings, text


def told(findings: list[Finding], outcome: str) -> list[str]:
    return [finding.sentence for finding in findings if finding.outcome == outcome]


def facts_of(findings: list[Finding], words: str) -> dict[str, Any]:
    """Facts of the first finding that says some words."""
    return next(finding.facts for finding in findings if words in finding.sentence)


def test_services_that_work_are_told_with_what_came(nasa: Earthdata) -> None:
    nasa.faults.add(ECHO10, NOT_FOUND, times=None)
    findings, text = diagnose()
    assert told(findings, "failed") == []
    said, noted = told(findings, "ok"), told(findings, "note")
    assert noted.count("Its ECHO10 form: HTTP 404.") == 2
    for host in (CMR, LOGIN):
        assert f"{host} answers (HTTP 404)." in said
    assert "A login is found: EARTHDATA_TOKEN." in said
    for product, path in ((LST, "MOD11A1*"), (TARGET, "SMAP*")):
        (granule,) = nasa.folder.glob(path)
        size, provider = granule.stat().st_size, DATA["LPCLOUD" if product.tiled else "NSIDC_CPRD"]
        (listed,) = [sentence for sentence in said if "NASA has 1 granules of" in sentence and product.name in sentence]
        assert granule.name in listed
        entry = nasa.catalogue.get(granule.name)
        assert entry
        found = facts_of(findings, listed)
        assert found["item"] == json.loads(nasa.catalogue.entry(entry))  # as it came
        assert found["hits"] == 1
        closed = f"Without a login its file gives: HTTP 302 from {provider}, HTTP 401 from {LOGIN}."
        opened = f"Login accepted: HTTP 303 from {provider}, HTTP 206 from {STORE}; 1000 bytes came, Content-Range "
        assert closed in said
        assert any(sentence.startswith(f"{opened}bytes 0-999/{size}") for sentence in said + noted)
    first = {facts["first bytes"][:8] for facts in (finding.facts for finding in findings) if "first bytes" in facts}
    assert first == {"0e031301", "89484446"}  # HDF4 and HDF5, by their specifications
    # Of the field, the last one, the catalogue has size and checksum.
    assert f"{granule.name}, {size} bytes" in listed
    assert "no checksum" not in listed.partition(f"{granule.name}, {size} bytes")[2].partition(";")[0]
    assert f"{opened}bytes 0-999/{size}, as the catalogue says." in said
    sidecar = facts_of(findings, "DMR++ of")
    assert "Geophysical_Data/sm_surface in 1 chunks of (1624, 3856), <f4, filters deflate" in said[-1]
    assert sidecar["begin"].startswith("<?xml")
    assert 'name="sm_surface"' in sidecar["field"]
    versions = json.loads(text)["versions"]
    assert versions.keys() >= {"kilomoist", "python", "requests", "gdal"}
    # Neither asks for more than it tells of.
    assert {one.headers.get("Range") for one in nasa.requested(f"{STORE}/*") if not one.path.endswith(".dmrpp")} == {
        "bytes=0-999"
    }


def test_only_hosts_of_the_data_get_the_token(nasa: Earthdata) -> None:
    diagnose()
    assert {one.host for one in nasa.requested() if "Authorization" in one.headers} == set(DATA.values())


def test_checksum_and_size_of_the_echo10_form_are_told(nasa: Earthdata) -> None:
    nasa.faults.add(ECHO10, Answer(200, GRANULE_ECHO10.encode(), "application/echo10+xml"), times=None)
    findings, _ = diagnose([(LST, TILE)])
    assert "Its ECHO10 form: a.hdf, 1192551 bytes, SHA-256." in told(findings, "ok")
    described = facts_of(findings, "ECHO10")
    assert described["document"] == GRANULE_ECHO10
    assert described["files"][0]["Checksum"] == {"Algorithm": "SHA-256", "Value": EMPTY_SHA256}


@with_witnesses
def test_an_answer_of_the_real_catalogue_is_told_as_it_came(nasa: Earthdata) -> None:
    """The file without a name and checksum; nothing is behind its address here."""
    recorded = (SHARED / "earthdata/cmr/mod11a1_lpcloud_RECONSTRUCTED.json").read_bytes()
    nasa.faults.add(SEARCH, Answer(200, recorded))
    findings, _ = diagnose([(LST, TILE)])
    (listed,) = [sentence for sentence in told(findings, "ok") if "NASA has" in sentence]
    assert listed.endswith(
        "MOD11A1.A2025276.h10v06.061.2025277095431.hdf (G0-LPCLOUD, revision 1): "
        "Not provided, 1.1373262405395508 MB, no checksum."
    )
    assert facts_of(findings, listed)["item"] == json.loads(recorded)["items"][0]
    assert nasa.requested("/search/concepts/G0-LPCLOUD.echo10")
    assert any("The file does not come: HTTP 404" in sentence for sentence in told(findings, "failed"))


@pytest.mark.parametrize(
    ("pattern", "fault", "outcome", "expected"),
    [
        ("data.*", EULA, "failed", "log in at https://urs.earthdata.nasa.gov/approve_app"),
        ("data.*", FORBIDDEN, "failed", "HTTP 403 from data.lpdaac"),
        ("data.*", document(401, {"error": "invalid_token"}), "failed", "HTTP 401 from data.lpdaac"),
        (f"{STORE}/*", NOT_FOUND, "failed", f"The file does not come: HTTP 303 from {DATA['LPCLOUD']}, HTTP 404 from"),
        (f"{STORE}/*", UNAVAILABLE, "failed", "HTTP 503 from"),
        (f"{STORE}/*", HTML_PAGE, "failed", "A web page came in place of the file"),
        ("data.*", Redirected("urs.earthdata.nasa.gov"), "failed", "HTTP 404 from urs.earthdata.nasa.gov"),
        ("data.*", Redirected("no.such.host.example"), "failed", "The proxy that HTTPS_PROXY names does not lead to"),
        (f"{STORE}/*", Cut(), "failed", "cannot be reached"),
        (
            f"{STORE}/*",
            Answer(206, b"x", "", {"Content-Range": "bytes 0-0/5"}),
            "failed",
            "bytes 0-0/5; the catalogue says",
        ),
        (f"{STORE}/*", Answer(206, b"x", ""), "note", "the catalogue's size cannot be compared"),
        (f"{STORE}/*", Answer(200, b"x" * 5000, ""), "note", "gives no ranges of bytes"),
        (
            SEARCH,
            UNAVAILABLE,
            "failed",
            f"Search for MOD11A1.061 on {TILE} in {MONTH}: NASA's catalogue",
        ),
        (SEARCH, document(200, {"hits": 0, "items": []}), "failed", "has no granule of MOD11A1.061"),
        (SEARCH, document(200, {"hits": 1, "items": [{"umm": {}}]}), "failed", "is not understood"),
        (SEARCH, Answer(200, b"<html>", "text/html"), "failed", "is not understood"),
        (SEARCH, document(200, {"hits": 1, "items": [{"umm\n": "\ud800"}]}), "failed", "is not understood"),
        (ECHO10, Answer(200, GRANULE_ECHO10.replace("1192551", "²").encode()), "ok", "a.hdf, ² bytes, SHA-256"),
        (ECHO10, Answer(200, b"<Granule", ""), "note", "Its ECHO10 form is not understood"),
    ],
)
def test_a_step_that_fails_is_told(nasa: Earthdata, pattern: str, fault: Any, outcome: str, expected: str) -> None:
    nasa.faults.add(pattern, fault, times=None)
    findings, _ = diagnose()
    assert any(expected in sentence for sentence in told(findings, outcome)), findings


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (NOT_FOUND, "No DMR++: The file does not come"),
        (FORBIDDEN, "No DMR++: "),
        (Answer(200, b"<Dataset/>", "application/xml"), "DMR++ of 10 bytes, not understood"),
    ],
)
def test_a_run_can_do_without_a_dmrpp(nasa: Earthdata, answer: Answer, expected: str) -> None:
    nasa.faults.add(f"{STORE}/*.dmrpp", answer, times=None)
    findings, _ = diagnose([(TARGET, None)])
    assert expected in told(findings, "note")[-1]
    assert told(findings, "failed") == []


def test_steps_after_a_failure_are_tried(nasa: Earthdata, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a login all that needs none; without the catalogue the login; one product after another."""
    monkeypatch.setenv("EARTHDATA_TOKEN", "")
    findings, _ = diagnose()
    (missing,) = told(findings, "failed")
    assert missing.startswith("There is no Earthdata login")
    assert sum("Without a login its file gives" in sentence for sentence in told(findings, "ok")) == 2
    nasa.faults.add(f"{CMR}/*", UNAVAILABLE, times=None)
    monkeypatch.setenv("EARTHDATA_USERNAME", nasa.login.user)
    monkeypatch.setenv("EARTHDATA_PASSWORD", nasa.login.password)
    findings, _ = diagnose()
    assert f"{LOGIN} gave a token for it." in told(findings, "ok")
    assert [sentence[-35:] for sentence in told(findings, "failed")] == ["NASA's catalogue answered HTTP 503."] * 2


def test_a_network_that_is_not_there_is_told_for_each_host(nasa: Earthdata, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    findings, _ = diagnose([(LST, TILE)])
    failed = told(findings, "failed")
    for host in (CMR, LOGIN):
        (said,) = [sentence for sentence in failed if sentence.startswith(f"{host} or a host that it names has a")]
        assert "unable to get local issuer certificate" in said  # OpenSSL's words
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://somebody:{SECRET}@127.0.0.1:9")
    findings, text = diagnose([(LST, TILE)])
    assert f"The proxy that HTTPS_PROXY names does not lead to {LOGIN}" in " ".join(told(findings, "failed"))
    assert json.loads(text)["proxy"] == "127.0.0.1:9"
    assert SECRET not in text
    assert nasa.requested() == []


def test_a_clock_that_is_wrong_is_told(nasa: Earthdata) -> None:
    late = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    nasa.faults.add(f"{CMR}/", Answer(200, b"", headers={"Date": late}))
    nasa.faults.add(f"{LOGIN}/", Answer(200, b"", headers={"Date": "yesterday"}))
    findings, _ = diagnose([])
    (wrong,) = told(findings, "note")
    assert wrong.startswith(("This machine's clock is 600 s behind", "This machine's clock is 599 s behind"))
    assert not any("clock" in sentence for sentence in told(findings, "ok"))


# Until when a product can be had


@pytest.mark.parametrize(
    ("product", "newest", "months", "outcome", "expected"),
    [
        ("MOD11A1.061", datetime(2026, 11, 13), ["2026-10"], "ok", "newest granule of 2026-11-13."),
        (
            *("MOD11A1.061", datetime(2026, 11, 13), ["2026-12", "2026-10", "2026-11"], "note"),
            "2026-11-13, before the end of 2026-11, 2026-12: wait for others, or take VNP21A1D.002 and VNP21A1N.002.",
        ),
        ("MOD13A1.061", datetime(2026, 8, 13), ["2026-08"], "note", "08: wait for others, or take VNP13A1.002."),
        ("MOD13A1.061", datetime(2026, 8, 29), ["2026-08"], "ok", "newest granule of 2026-08-29."),
        ("VNP13A1.002", datetime(2026, 8, 21), ["2026-08"], "note", "08: wait for others, or take VJ113A1.002."),
        ("VJ121A1N.002", datetime(2026, 8, 30), ["2026-08"], "note", "before the end of 2026-08: wait for others."),
        ("SPL4SMGP.008", datetime(2026, 8, 31, 22, 30), ["2026-08"], "ok", "newest granule of 2026-08-31."),
        ("SPL4SMGP.008", datetime(2026, 8, 31, 19, 30), ["2026-08"], "note", "before the end of 2026-08: wait for"),
    ],
)
def test_until_when_a_product_can_be_had_is_told(
    nasa: Earthdata, product: str, newest: datetime, months: list[str], outcome: str, expected: str
) -> None:
    """By the granule that began last, on whichever tile; of a product in use that the first month lacks too."""
    wanted = PRODUCTS[product]
    for time in (newest, newest - timedelta(days=16), newest - timedelta(days=400)):
        nasa.catalogue.list_only(granule_file_name(wanted, time, "h10v05" if wanted.tiled else None))
    findings, _ = diagnose([(wanted, TILE if wanted.tiled else None)], months)
    (said,) = [one for one in findings if one.sentence.startswith(f"{product}: ")]
    assert (said.outcome, expected in said.sentence) == (outcome, True), said.sentence
    assert said.facts == {"product": product, "newest": f"{newest:%F}"}
    asked = nasa.requested(SEARCH)[1].parameters
    assert asked == {"short_name": [product[:-4]], "version": [product[-3:]], "sort_key": ["-start_date"]} | {
        "page_size": ["10"]
    }


def test_a_product_that_was_never_there_is_told(nasa: Earthdata) -> None:
    findings, _ = diagnose([(PRODUCTS["VJ113A1.002"], TILE)])
    assert told(findings, "failed") == [
        f"NASA's catalogue has no granule of VJ113A1.002 on {TILE} in {MONTH}.",
        "VJ113A1.002: NASA's catalogue has no granule of any time.",
    ]
    # Where the catalogue does not answer, the second question is not asked.
    nasa.faults.add(SEARCH, UNAVAILABLE, times=None)
    before = len(nasa.requested(SEARCH))
    findings, _ = diagnose([(LST, TILE)])
    assert len(told(findings, "failed")) == 1
    assert {one.parameters.get("sort_key") for one in nasa.requested(SEARCH)[before:]} == {None}


# Secrets


def web_token(user: str, seconds: int) -> str:
    claims = {"type": "User", "uid": user, "exp": int(datetime.now(UTC).timestamp()) + seconds}
    parts = [json.dumps(part).encode() for part in ({"typ": "JWT", "alg": "RS256"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in [*parts, b"signature" * 9])


@pytest.mark.parametrize(
    "form",
    [
        "good",
        "expired",
        "revoked",
        "broken line",
        "with a blank",
        "cyrillic",
        "control",
        "password",
        "wrong",
        "strange",
        "netrc",
    ],
)
def test_no_secret_is_told(nasa: Earthdata, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Not even where the hosts repeat all that they know of a user."""
    user, password = nasa.login.user, nasa.login.password
    tokens = {
        "good": nasa.login.token,
        "expired": web_token(user, -1000),
        "revoked": web_token(user, 1000),
        "broken line": nasa.login.token[:60] + "\n" + nasa.login.token[60:],
        "with a blank": nasa.login.token[:60] + " " + nasa.login.token[60:],
        "cyrillic": "токен-" + nasa.login.token,
        "control": nasa.login.token[:60] + "\x01" + nasa.login.token[60:],
    }
    token = tokens.get(form, "")
    monkeypatch.setenv("EARTHDATA_TOKEN", token)
    if given := {"password": password, "wrong": SECRET, "strange": SECRET + "ё"}.get(form):
        monkeypatch.setenv("EARTHDATA_USERNAME", user)
        monkeypatch.setenv("EARTHDATA_PASSWORD", given)
    if form == "netrc":
        (tmp_path / ".netrc").write_text(f"machine {LOGIN} login {user} password {password}\n")
        (tmp_path / ".netrc").chmod(0o600)
    sent = f"{user} {nasa.login.token}" + (f" {password} {nasa.login.basic}" if not token else "")
    signed = f"https://{STORE}/a.hdf?A-userid={user}&Signature=of-theirs"
    repeats = Answer(403, f"{sent} {signed}".encode(), headers={"Set-Cookie": "session=of-theirs", "X-User": user})
    for answer in (None, repeats):
        if answer:
            nasa.faults.add(f"{STORE}/*", answer, times=None)
        findings, text = diagnose()
        assert bool(told(findings, "failed")) == (answer is not None or form not in ("good", "password", "netrc"))
        secrets = [user, password, SECRET, nasa.login.basic, str(tmp_path), "of-theirs"]
        for whole in (token, nasa.login.token):
            secrets += [piece for piece in whole.replace(".", " ").replace("\x01", " ").split() if len(piece) > 12]
        shown = text + "".join(finding.sentence for finding in findings)
        assert [secret for secret in secrets if secret in shown] == []


@pytest.mark.usefixtures("nasa")
def test_a_home_without_a_name_spoils_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    findings, _ = diagnose([(LST, TILE)])
    assert facts_of(findings, "NASA has")["asked"] == f"https://{SEARCH}"


# Whatever comes


@with_witnesses
@pytest.mark.parametrize("folder", ["cmr", "dmrpp"])
def test_recordings_of_other_products_are_told(nasa: Earthdata, folder: str) -> None:
    recordings = sorted((SHARED / "earthdata" / folder).iterdir())
    assert len(recordings) > 3
    for recording in recordings:
        nasa.faults.clear()
        nasa.faults.add({"cmr": SEARCH, "dmrpp": f"{STORE}/*.dmrpp"}[folder], Answer(200, recording.read_bytes(), ""))
        findings, _ = diagnose([(TARGET, None)])
        if folder == "cmr":
            assert any("has no link to its file" in one or "not understood" in one for one in told(findings, "failed"))
        else:
            assert "not understood: the DMR++ does not describe Geophysical_Data" in told(findings, "note")[-1]


def test_numbers_of_any_length_lead_to_a_report(nasa: Earthdata) -> None:
    """Of a clock, of the catalogue's size, and of the file's; without the last two nothing can be compared."""
    item = json.loads(nasa.catalogue.entry(nasa.catalogue.all()[0]))
    for file in item["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]:
        file["SizeInBytes"] = "9" * 5000
    part = Answer(206, b"x", headers={"Content-Range": f"bytes 0-0/{'9' * 5000}"})
    nasa.faults.add(SEARCH, document(200, {"hits": 1, "items": [item]}), times=None)
    nasa.faults.add(f"{CMR}/", Answer(200, headers={"Date": f"Mon, {'9' * 30} Jan 2021 00:00:00 GMT"}))
    nasa.faults.add(f"{STORE}/*", part, times=None)
    findings, _ = diagnose([(LST, TILE)])
    assert any("size cannot be compared" in one for one in told(findings, "note"))
    assert len([one for one in findings if "clock" in one.sentence]) == 1  # of the other host


@pytest.mark.parametrize("depth", [60, 900, 100_000])
def test_answers_without_a_bottom_lead_to_a_report(nasa: Earthdata, depth: int) -> None:
    item = json.loads(nasa.catalogue.entry(nasa.catalogue.all()[0]))
    page = json.dumps({"hits": 1, "items": [item | {"more": "HERE"}]}).replace('"HERE"', "[" * depth + "]" * depth)
    nasa.faults.add(SEARCH, Answer(200, page.encode()), times=None)
    findings, _ = diagnose([(LST, TILE)])
    assert any("is not understood (ValueError('it sent JSON" in one for one in told(findings, "failed"))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_answer_of_the_catalogue_leads_to_a_report(nasa: Earthdata, data: st.DataObject) -> None:
    item = json.loads(nasa.catalogue.entry(nasa.catalogue.all()[0]))
    page = json.dumps({"hits": 1, "items": [item]}).encode()
    nasa.faults.clear()
    nasa.faults.add(SEARCH, Answer(200, data.draw(mutated(page))))
    nasa.faults.add(ECHO10, Answer(200, data.draw(mutated(GRANULE_ECHO10.encode()))))
    diagnose([(LST, TILE)])
