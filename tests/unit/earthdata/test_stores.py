"""Granules that are fetched: whole or the wanted field alone, verified, whatever goes wrong on the way."""

import errno
import hashlib
import os
import shutil
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from earthdata import answers
from earthdata.answers import EULA, HTML_PAGE, SERVER_ERROR, Answer, too_many
from earthdata.faults import Cut, Fault, Flipped, Redirected, Shortened, Stalled
from earthdata.hosts import DATA, STORE, STRANGER
from earthdata.server import Earthdata
from granule_archives import LST, MONTH, TARGET, TILE, field, temperature

from kilomoist.calendars import slots
from kilomoist.earthdata.access import check_access
from kilomoist.earthdata.catalogues import Entry, search_month
from kilomoist.earthdata.documents import MOST
from kilomoist.earthdata.downloads import Session, fetch_content, logged_in
from kilomoist.earthdata.logins import find_login
from kilomoist.earthdata.store import retrieve
from kilomoist.errors import InputError
from kilomoist.granules.smap import read_target
from kilomoist.grids import M09
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS, parse_name
from kilomoist.simulation.file_names import granule_file_name

VI = PRODUCTS["MOD13A1.061"]
SERVE = Callable[..., Earthdata]


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of LST, large enough for a transfer to break off, and soil moisture beside another field."""
    folder = tmp_path_factory.mktemp("granules")
    random = np.random.default_rng(1)
    temperature(folder, 3, random.uniform(280, 310, (1200, 1200)))
    moisture = random.uniform(0.05, 0.4, M09.window.shape)
    moisture[::7] = np.nan
    path = field(folder, slots(TARGET, MONTH)[0].time, np.round(moisture, 3), M09.window)
    with h5py.File(path, "a") as granule:
        granule["other"] = np.zeros(M09.window.shape)  # as real granules have, and nobody wants
    return folder


@pytest.fixture
def earthdata(serve: SERVE, granules: Path) -> Earthdata:
    """A server with both granules."""
    return serve(granules)


class Store:
    """A store, its client without much patience, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.sessions = 0

    def session(self) -> Session:
        self.sessions += 1
        session = Session(patience=(5, 1), pause=0)
        session.log_in(find_login())
        return session

    def get(self, product: Product, **changes: Any) -> Path:
        return retrieve(entry_of(product, **changes), product, self.folder, self.session, self.told.append)

    def names(self) -> set[str]:
        """Of files but that of the locks."""
        return {path.name for path in self.folder.iterdir()} - {".lock"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def entry_of(product: Product, **changes: Any) -> Entry:
    (entry,) = search_month(product, TILE if product.tiled else None, MONTH, Session())
    return replace(entry, **changes)


def original(folder: Path, product: Product) -> Path:
    (path,) = folder.glob("MOD11A1*" if product is LST else "SMAP*")
    return path


# Whole files


def test_a_file_comes_whole_and_is_not_fetched_again(earthdata: Earthdata, store: Store, granules: Path) -> None:
    path = store.get(LST)
    assert path.read_bytes() == original(granules, LST).read_bytes()
    assert store.names() == {path.name}
    assert store.told[-1].endswith("verified by its size, SHA-256 and reading.")
    assert f"({path.stat().st_size} bytes)" in store.told[-1]
    assert store.get(LST) == path
    assert store.sessions == 1
    assert earthdata.fetched(path.name) == 1


@pytest.mark.parametrize(
    "fault",
    [Cut(), Stalled(seconds=3), SERVER_ERROR, answers.UNAVAILABLE, answers.TOO_MANY, Shortened(), Flipped()],
    ids=["cut", "stalled", "500", "503", "429", "too short", "wrong bit"],
)
def test_what_may_pass_is_tried_again(earthdata: Earthdata, store: Store, granules: Path, fault: Fault) -> None:
    earthdata.faults.add(f"{STORE}/*", fault)
    assert store.get(LST).read_bytes() == original(granules, LST).read_bytes()
    assert len(store.names()) == 1


def test_a_broken_transfer_goes_on_where_it_stopped(earthdata: Earthdata, store: Store, granules: Path) -> None:
    size = original(granules, LST).stat().st_size
    earthdata.faults.add(f"{STORE}/*", Cut(0.5), times=3)
    store.get(LST)
    first, *others = [request.headers.get("Range") for request in earthdata.requested(f"{STORE}/*")]
    assert (first, len(others)) == (None, 3)
    assert all(str(one).endswith("-") for one in others)
    # Less than a piece of what was sent is lost with each connection.
    assert size <= earthdata.sent(f"{STORE}/*") <= size + 3 * 2**16


def test_a_killed_transfer_goes_on_where_it_stopped(earthdata: Earthdata, store: Store, granules: Path) -> None:
    content = original(granules, LST).read_bytes()
    store.folder.mkdir()
    part = store.folder / f"{original(granules, LST).name}.part"
    part.write_bytes(content[: len(content) // 2])
    assert store.get(LST).read_bytes() == content
    assert earthdata.sent(f"{STORE}/*") == len(content) - len(content) // 2


@pytest.mark.usefixtures("earthdata")
@pytest.mark.parametrize("longer", [False, True])
def test_a_wrong_part_does_not_spoil_the_file(store: Store, granules: Path, longer: bool) -> None:
    """Left by an older production: of the right size in the end, but not the checksum; or too long already."""
    content = original(granules, LST).read_bytes()
    store.folder.mkdir()
    (store.folder / f"{original(granules, LST).name}.part").write_bytes(content + b"more" if longer else bytes(1000))
    assert store.get(LST).read_bytes() == content


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (answers.UNAUTHORIZED, "NASA refused EARTHDATA_TOKEN"),
        (EULA, "accept it"),
        (answers.FORBIDDEN, "Authorized Apps"),
        (answers.NOT_FOUND, "is in NASA's catalogue but not at"),
        (HTML_PAGE, "sent a web page (perhaps of a login) in place of MOD11A1"),
        (Cut(0.0), "broke off 6 times on its way"),
        (Shortened(), "bytes where the catalogue says"),
        (Flipped(), "does not have the SHA-256"),
        (SERVER_ERROR, "answered with HTTP 500"),
    ],
    ids=["401", "eula", "403", "404", "html", "cut", "too short", "wrong bit", "500"],
)
def test_what_does_not_pass_is_one_sentence(earthdata: Earthdata, store: Store, fault: Fault, expected: str) -> None:
    earthdata.faults.add("d*/*MOD11A1*.hdf", fault, times=None)
    with pytest.raises(InputError) as caught:
        store.get(LST)
    said = str(caught.value)
    assert expected in said
    assert "\n" not in said
    assert not any(secret in said for secret in earthdata.secrets)
    assert not [name for name in store.names() if not name.endswith(".part")]


@pytest.mark.usefixtures("earthdata")
@pytest.mark.parametrize("size", [1000, 0])
def test_a_file_without_an_end_is_not_fetched(store: Store, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the catalogue says or, where it does not say, than any granule."""
    monkeypatch.setattr("kilomoist.earthdata.downloads.LARGEST", 2000)
    with pytest.raises(InputError, match=rf"MOD11A1\S+ does not end after {size or 2000} bytes, (which|and no)"):
        store.get(LST, size=size, checksum="")
    (part,) = store.names()
    assert (store.folder / part).stat().st_size <= 2**16


@pytest.mark.parametrize("address", ["https://[x/y", "https://\udcff", "https://x\u2100.nasa.gov/y", "https://x:y/"])
def test_a_redirect_to_no_address_is_one_sentence(earthdata: Earthdata, store: Store, address: str) -> None:
    answer = Answer(302, headers={"Location": address.encode("utf-8", "surrogateescape").decode("latin-1")})
    earthdata.faults.add(f"{DATA['LPCLOUD']}/*", answer, times=None)
    with pytest.raises(InputError, match=rf"{DATA['LPCLOUD']} cannot be reached for MOD11A1"):
        store.get(LST)


def test_the_body_of_a_redirect_is_left(earthdata: Earthdata, store: Store, granules: Path) -> None:
    url = entry_of(LST).url
    again = Answer(302, bytes(2 * MOST), headers={"Location": url})
    earthdata.faults.add(f"{DATA['LPCLOUD']}/*", again)
    assert store.get(LST).read_bytes() == original(granules, LST).read_bytes()
    assert earthdata.sent(f"{DATA['LPCLOUD']}/*") < MOST


@pytest.mark.parametrize("content", [b"x" * (MOST + 1), b"[" * 100_000, b'{"resolution_url": [[]]}'])
def test_a_refusal_of_any_form_is_one_sentence(earthdata: Earthdata, store: Store, content: bytes) -> None:
    earthdata.faults.add(f"{DATA['LPCLOUD']}/*", Answer(403, content), times=None)
    with pytest.raises(InputError, match="approve the application of this host"):
        store.get(LST)


def test_a_page_with_the_name_of_data_is_found_out(earthdata: Earthdata, store: Store) -> None:
    """Some hosts say that their login page is a file."""
    earthdata.faults.add(f"{STORE}/*", replace(HTML_PAGE, content_type="application/octet-stream"), times=None)
    with pytest.raises(InputError, match="is a web page"):
        store.get(LST, size=0, checksum="", algorithm="")


def test_the_token_does_not_follow_a_redirect(earthdata: Earthdata, store: Store) -> None:
    earthdata.faults.add(f"{DATA['LPCLOUD']}/*", Redirected())
    store.get(LST)
    # Nor does it go to strangers because a catalogue says so.
    store.folder = store.folder.with_name("other")
    store.get(LST, url=entry_of(LST).url.replace(DATA["LPCLOUD"], STRANGER))
    redirected, asked = earthdata.requested(f"{STRANGER}/*")
    assert not {"Authorization", "Cookie"} & {*redirected.headers, *asked.headers}


def test_a_wrong_file_is_moved_aside(earthdata: Earthdata, store: Store, granules: Path) -> None:
    content = original(granules, LST).read_bytes()
    path = store.get(LST)
    path.write_bytes(content[:-1])
    assert store.get(LST).read_bytes() == content
    assert store.names() == {path.name, f"{path.name}.wrong"}
    assert (store.folder / f"{path.name}.wrong").read_bytes() == content[:-1]
    assert any("It is moved to" in said for said in store.told)
    assert earthdata.fetched(path.name) == 2


def test_a_file_that_somebody_brought_is_verified(earthdata: Earthdata, store: Store, granules: Path) -> None:
    for product in (LST, TARGET):
        store.folder.mkdir(exist_ok=True)
        path = store.folder / original(granules, product).name
        path.write_bytes(original(granules, product).read_bytes())
        assert store.get(product) == path
    assert store.sessions == 0
    assert not earthdata.requested("data.*")


@pytest.mark.usefixtures("earthdata")
def test_without_a_checksum_a_file_is_read(store: Store) -> None:
    store.get(LST, algorithm="", checksum="")
    assert "verified by its size and reading only, because the catalogue has no checksum" in store.told[-1]


def test_checksums_of_all_kinds(store: Store, granules: Path) -> None:
    """Of a file that is there; a wrong one would be fetched again, but there is nobody to fetch it from."""
    store.folder.mkdir()
    whole = original(granules, LST)
    content = whole.read_bytes()

    def nobody() -> Session:
        raise ConnectionError

    def told(algorithm: str, checksum: str) -> str:
        shutil.copy(whole, store.folder)
        with suppress(ConnectionError):
            entry = Entry(whole.name, "", "", "", "", len(content), checksum, algorithm, "")
            retrieve(entry, LST, store.folder, nobody, store.told.append)
        return store.told[-1]

    names = {
        "MD5": "md5",
        "SHA-1": "sha1",
        "SHA-256": "sha256",
        "SHA256": "sha256",
        "SHA-512": "sha512",
        "SHA-2": "sha384",
    }
    known = {name: hashlib.new(function, content).hexdigest() for name, function in names.items()}
    known |= {"Adler-32": f"{zlib.adler32(content):08x}", "CRC-32": str(zlib.crc32(content))}
    for algorithm, checksum in known.items():
        assert told(algorithm, checksum).endswith(f"is there, verified by its size, {algorithm} and reading")
        assert f"does not have the {algorithm} 000" in told(algorithm, "0" * len(checksum))
    for algorithm in ("POSIX", "SYSV", "BSD checksum", "Fletcher-32", "shake_128", ""):
        assert f"size and reading only, because {algorithm} is not known here" in told(algorithm, "1" * 64)
    assert "size and reading only, because the catalogue has no checksum" in told("MD5", "")


@pytest.mark.usefixtures("earthdata")
def test_a_store_without_locks_is_told(store: Store, granules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Lustre that is mounted without `flock`."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.lockf", refuse)
    assert store.get(LST).read_bytes() == original(granules, LST).read_bytes()
    assert (
        store.told[0] == f"{store.folder} has no locks (Function not implemented): let no other run fetch into it "
        "meanwhile."
    )


@pytest.mark.usefixtures("earthdata")
@pytest.mark.parametrize("link", [True, False])
def test_a_store_that_cannot_be_made_is_one_sentence(store: Store, tmp_path: Path, link: bool) -> None:
    """A link that leads nowhere, and a file in place of a folder."""
    store.folder.symlink_to(tmp_path / "gone") if link else store.folder.touch()
    store.folder /= "granules"
    with pytest.raises(InputError, match=rf"{store.folder} cannot be made \((File exists|Not a directory)\)"):
        store.get(LST)


# The wanted field alone


def same_field(part: Path, whole: Path) -> None:
    """The part reads as the whole does, and stores the same bytes in the same place with the same words."""
    np.testing.assert_equal(read_target(part, TARGET), read_target(whole, TARGET))
    dataset = TARGET.layers["soil_moisture"].dataset
    with h5py.File(part) as ours, h5py.File(whole) as theirs:
        for name in (dataset, "x", "y"):
            assert ours[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(ours[name][()], theirs[name][()])
        assert ours[dataset].id.read_direct_chunk((0, 0)) == theirs[dataset].id.read_direct_chunk((0, 0))
        assert ours[dataset].dims[0].keys() == ["y"]
        for name in ("units", "_FillValue", "long_name", "valid_max", "grid_mapping"):
            assert ours[dataset].attrs[name] == theirs[dataset].attrs[name]
            assert type(ours[dataset].attrs[name]) is type(theirs[dataset].attrs[name])
        assert ours.attrs["Filename"] == theirs.attrs["Filename"]
        assert set(ours) == {"x", "y", "EASE2_global_projection", dataset.split("/")[0]}


def test_a_field_comes_alone_by_its_sidecar(earthdata: Earthdata, store: Store, granules: Path) -> None:
    path = store.get(TARGET)
    same_field(path, original(granules, TARGET))
    assert "fetched alone by its DMR++" in store.told[-1]
    moved = earthdata.sent(f"{STORE}/*")
    assert f"({moved} bytes)" in store.told[-1]
    assert [request.status for request in earthdata.requested(f"{STORE}/*")] == [200, 206]
    before = path.read_bytes()
    assert store.get(TARGET).read_bytes() == before
    assert store.sessions == 1
    path.unlink()
    assert store.get(TARGET).read_bytes() == before


def test_without_a_sidecar_places_are_read_from_the_file(serve: SERVE, store: Store, granules: Path) -> None:
    earthdata = serve(granules, sidecars=False)
    path = store.get(TARGET)
    same_field(path, original(granules, TARGET))
    assert "fetched alone by ranges of the file" in store.told[-1]
    statuses = [request.status for request in earthdata.requested(f"{STORE}/*.h5")]
    assert set(statuses) == {206}
    assert earthdata.fetched(path.name) == 0


def test_without_ranges_the_whole_file_comes(serve: SERVE, store: Store, granules: Path) -> None:
    earthdata = serve(granules, ranges=False)
    path = store.get(TARGET)
    assert path.read_bytes() == original(granules, TARGET).read_bytes()
    assert any("the whole file is fetched, because" in said for said in store.told)
    assert earthdata.fetched(path.name) == 1


@pytest.mark.parametrize("document", [b"<Dataset/>", b"no XML", b"<html></html>", b" " * (MOST + 1)])
def test_a_useless_sidecar_is_passed_over(earthdata: Earthdata, store: Store, granules: Path, document: bytes) -> None:
    earthdata.faults.add("*.dmrpp", Answer(200, document, "application/vnd.opendap.dap4.dmrpp+xml"), times=None)
    same_field(store.get(TARGET), original(granules, TARGET))
    assert "by ranges of the file" in store.told[-1]


@pytest.mark.parametrize(
    "fault", [Cut(), Flipped(), SERVER_ERROR, Stalled(seconds=3)], ids=["cut", "bit", "500", "stalled"]
)
def test_a_spoiled_range_is_fetched_again(earthdata: Earthdata, store: Store, granules: Path, fault: Fault) -> None:
    earthdata.faults.add(f"{STORE}/*.h5", fault)
    same_field(store.get(TARGET), original(granules, TARGET))


def test_a_field_that_stays_damaged_is_an_error(earthdata: Earthdata, store: Store) -> None:
    earthdata.faults.add(f"{STORE}/*.h5", Flipped(), times=None)
    with pytest.raises(InputError, match="came damaged twice"):
        store.get(TARGET)
    assert store.names() == set()


@pytest.mark.usefixtures("earthdata")
def test_another_file_than_the_catalogue_says_is_an_error(store: Store) -> None:
    size = entry_of(TARGET).size
    with pytest.raises(InputError, match=rf"has {size} bytes at NASA where the catalogue says {size + 1}"):
        store.get(TARGET, size=size + 1)


def test_a_new_production_replaces_a_part(earthdata: Earthdata, store: Store, tmp_path: Path) -> None:
    """The same name and another content: the part in the store is of the old one."""
    path = store.get(TARGET)
    new = field(tmp_path / "new", slots(TARGET, MONTH)[0].time, np.full(M09.window.shape, 0.3), M09.window)
    earthdata.catalogue.replace(path.name, new)
    same_field(store.get(TARGET), new)
    assert store.names() == {path.name, f"{path.name}.wrong"}
    assert read_target(path, TARGET)[0].max() == np.float32(0.3)


STORAGE_REFUSES = Answer(403, b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
"""As S3 answers whoever may not list a folder, for a file that is not in it."""


@pytest.mark.parametrize("fault", [STORAGE_REFUSES, answers.NOT_FOUND], ids=["403 of the storage", "404 of the door"])
def test_a_sidecar_that_is_not_there_is_passed_over(
    earthdata: Earthdata, store: Store, granules: Path, fault: Answer
) -> None:
    where = STORE if fault is STORAGE_REFUSES else DATA["NSIDC_CPRD"]
    earthdata.faults.add(f"{where}/*.dmrpp", fault, times=None)
    same_field(store.get(TARGET), original(granules, TARGET))
    assert any("no use of the DMR++, because" in said for said in store.told)
    assert "by ranges of the file" in store.told[-1]


@pytest.mark.parametrize("product", [LST, TARGET], ids=["whole", "range"])
def test_a_storage_that_refuses_a_file_is_named(earthdata: Earthdata, store: Store, product: Product) -> None:
    earthdata.faults.add(f"{STORE}/*", STORAGE_REFUSES, times=None)
    with pytest.raises(InputError, match=rf"The storage {STORE} refused a file of data\.\w+\.earthdatacloud") as caught:
        store.get(product)
    assert "approve" not in str(caught.value)


@pytest.mark.parametrize("whole", [True, False])
def test_a_part_is_kept_where_the_end_is_not_told(
    earthdata: Earthdata, store: Store, granules: Path, whole: bool
) -> None:
    """Without size and checksum, and from a door that answers a range beyond the end with 416 and no size."""
    content = original(granules, LST).read_bytes()
    store.folder.mkdir()
    part = store.folder / f"{original(granules, LST).name}.part"
    part.write_bytes(content if whole else content + b"more")
    assert store.get(LST, size=0, checksum="", algorithm="").read_bytes() == content
    assert earthdata.sent(f"{STORE}/*") == (1 if whole else len(content))


def test_a_range_that_was_not_asked_for_is_not_used(earthdata: Earthdata, store: Store, granules: Path) -> None:
    content = original(granules, LST).read_bytes()
    store.folder.mkdir()
    (store.folder / f"{original(granules, LST).name}.part").write_bytes(content[:1000])
    other = Answer(
        206, content[500:900], "application/octet-stream", {"Content-Range": f"bytes 500-899/{len(content)}"}
    )
    earthdata.faults.add(f"{STORE}/*", other)
    assert store.get(LST).read_bytes() == content


@pytest.mark.parametrize("status", [204, 300, 400, 405, 418])
def test_other_answers_are_no_data(earthdata: Earthdata, store: Store, status: int) -> None:
    earthdata.faults.add(f"{STORE}/*", Answer(status), times=None)
    with pytest.raises(InputError, match=f"answered with HTTP {status}"):
        store.get(LST)


def test_another_granule_under_the_name_is_an_error(earthdata: Earthdata, store: Store, tmp_path: Path) -> None:
    """Size and checksum agree with the catalogue, which has the wrong file; so does the name."""
    first = slots(TARGET, MONTH)[0].time
    later = field(tmp_path / "new", slots(TARGET, MONTH)[1].time, np.full(M09.window.shape, 0.3), M09.window)
    earthdata.catalogue.replace(granule_file_name(TARGET, first, None), later)
    with pytest.raises(InputError, match=f"it is taken for: its Filename is {later.name}"):
        store.get(TARGET)
    assert store.names() == set()


def test_access_is_tried_before_anything_is_fetched(earthdata: Earthdata) -> None:
    check_access(LST, MONTH, [], logged_in())
    assert earthdata.sent(f"{STORE}/*") == 1
    earthdata.faults.add("data.lpdaac*", EULA)
    with pytest.raises(InputError, match="accept it"):
        check_access(LST, MONTH, [], logged_in())
    check_access(TARGET, MONTH, [], logged_in())


@pytest.mark.parametrize(
    ("pattern", "name", "way"),
    [
        ("MOD11A1*", "MOD11A1.061", "whole file fetched"),
        ("MOD13A2.A2021225*", "MOD13A2.061", "whole file fetched"),
        ("VNP13A2*", "VNP13A2.002", "whole file fetched"),
        ("SMAP*", "SPL4SMAU.004", "the whole file is fetched, because"),
    ],
)
def test_real_granules_come_through(
    serve: SERVE, store: Store, tmp_path: Path, real: Callable[[str], Path], pattern: str, name: str, way: str
) -> None:
    """Of SMAP there is only a subsetter's cut, in rows of one chunk each: no layout that is copied in parts."""
    original, product = real(pattern), PRODUCTS[name]
    (tmp_path / "nasa").mkdir()
    shutil.copy(original, tmp_path / "nasa")
    serve(tmp_path / "nasa")
    granule = parse_name(original.name, product)
    assert granule
    (entry,) = search_month(product, granule.tile, f"{granule.time:%Y-%m}", Session())
    path = retrieve(entry, product, store.folder, store.session, store.told.append)
    assert path.read_bytes() == original.read_bytes()
    assert any(way in said for said in store.told)


def test_access_is_tried_where_a_period_of_the_month_before_comes_first(serve: SERVE, tmp_path: Path) -> None:
    """CMR lists what began in July first, on as many tiles as there are."""
    earthdata = serve(tmp_path)
    days = [slot.time for month in ("2021-07", "2021-08") for slot in slots(VI, month)]
    tiles = [f"h{h:02d}v{v:02d}" for h in range(18, 28) for v in (3, 4, 5)]
    earthdata.catalogue.list_only(*(granule_file_name(VI, day, tile) for day in days for tile in tiles))
    check_access(VI, "2021-08", [], logged_in())
    (asked,) = earthdata.requested(f"{DATA['LPCLOUD']}/*")
    assert ".A2021" in asked.name


def test_all_of_a_file_of_unknown_size_is_fetched_once(store: Store, earthdata: Earthdata, granules: Path) -> None:
    """Killed between the last byte and the check; a `.part` of something else is begun anew."""
    whole = original(granules, LST)
    part = store.folder / f"{whole.name}.part"
    for left in (whole.read_bytes(), whole.read_bytes() + b"more"):
        store.folder.mkdir(exist_ok=True)
        part.write_bytes(left)
        before = earthdata.sent(f"{STORE}/*")
        path = store.get(LST, size=0)
        assert path.read_bytes() == whole.read_bytes()
        assert store.names() == {path.name}
        assert (earthdata.sent(f"{STORE}/*") - before < 1000) == (left == whole.read_bytes())
        path.unlink()


def test_pauses_grow_and_differ(earthdata: Earthdata, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second, doubled each time, and up to half a second by chance; or as long as the server says."""
    url = entry_of(LST).url
    pauses: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", pauses.append)
    for _ in range(2):
        earthdata.faults.add(f"{STORE}/*", SERVER_ERROR, times=5)
        fetch_content(url, logged_in(), 0, 1)
    earthdata.faults.add(f"{STORE}/*", too_many(7))
    fetch_content(url, logged_in(), 0, 1)
    first, second, (told,) = pauses[:4], pauses[4:8], pauses[8:]
    for run in (first, second):
        for pause, least in zip(run, (1, 2, 4, 8), strict=True):
            assert least <= pause <= least + 0.5
    assert first != second
    assert told == 7
