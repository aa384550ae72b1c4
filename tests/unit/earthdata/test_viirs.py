"""VIIRS from NASA Earthdata: found, fetched, verified and planned, each product of the table."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from earthdata.answers import HTML_PAGE, document
from earthdata.faults import Cut, Flipped
from earthdata.hosts import CMR, DATA, STORE
from earthdata.server import Earthdata
from granule_archives import MONTH, TILE, temperature
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated, reads_or_refuses
from viirs_granules import viirs_granule

from kilomoist.earthdata.catalogues import Entry, read_catalogue, search_month, untold, write_catalogue
from kilomoist.earthdata.diagnosis import Diagnosis
from kilomoist.earthdata.downloads import Session
from kilomoist.earthdata.logins import find_login
from kilomoist.earthdata.store import retrieve, verification
from kilomoist.earthdata.traffic import expected_traffic
from kilomoist.errors import InputError
from kilomoist.files import read_json, sha256
from kilomoist.granules.archive import index_granules, write_receipt
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS
from kilomoist.simulation.file_names import granule_file_name

SERVE = Callable[..., Earthdata]
VIIRS = [product for name, product in PRODUCTS.items() if name.startswith(("VNP", "VJ1"))]
DAY, NIGHT, INDEX = (PRODUCTS[name] for name in ("VNP21A1D.002", "VNP21A1N.002", "VNP13A2.002"))
THIRD, FOURTH = datetime(2021, 8, 3), datetime(2021, 8, 4)
LPCLOUD = f"https://{DATA['LPCLOUD']}/lp-prod-protected"
of_viirs = pytest.mark.parametrize("product", VIIRS, ids=lambda product: product.name)


def first_days(product: Product) -> list[datetime]:
    """First days in August 2021 by the products' own documentation: each day, or day of the year 217, 225, 233, 241."""
    numbers = (5, 13, 21, 29) if product.role == "vegetation" else range(1, 32)
    return [datetime(2021, 8, number) for number in numbers]


@of_viirs
def test_a_month_of_each_product(serve: SERVE, tmp_path: Path, product: Product) -> None:
    """Neither other tiles, months and versions nor the products whose names are alike; the catalogue is read again."""
    earthdata = serve(tmp_path)
    others = [datetime(2021, 7, 28), datetime(2021, 9, 6)]
    for other in PRODUCTS.values():
        if other.tiled:
            names = [granule_file_name(other, time, tile) for time in first_days(product) for tile in (TILE, "h25v04")]
            earthdata.catalogue.list_only(*names, size=2_000_000)
    earthdata.catalogue.list_only(*(granule_file_name(product, time, TILE) for time in others))
    found = search_month(product, TILE, MONTH, Session())
    names = [granule_file_name(product, time, TILE) for time in first_days(product)]
    assert [entry.granule for entry in found] == names
    assert all(name.endswith(".h5") and name.startswith(f"{product.short_name}.A2021") for name in names)
    for entry in found:
        stem = entry.granule.removesuffix(".h5")
        assert entry.url == f"{LPCLOUD}/{product.name}/{stem}/{entry.granule}"
        assert (entry.place, entry.sidecar, entry.size, entry.algorithm) == (TILE, "", 2_000_000, "SHA-256")
    assert untold(found) == ""
    asked = earthdata.requested(f"{CMR}/search/granules*")[0].parameters
    assert (asked["short_name"], asked["version"]) == ([product.short_name], ["002"])
    write_catalogue(tmp_path / "catalogue.csv", found)
    assert read_catalogue(tmp_path / "catalogue.csv", product) == found


def record(described: dict[str, Any], reference: str, link: str) -> dict[str, Any]:
    """A granule in UMM-G, as LPCLOUD may have it."""
    files = {"ArchiveAndDistributionInformation": [described]}
    umm = {"GranuleUR": reference, "RelatedUrls": [{"URL": link, "Type": "GET DATA"}], "DataGranule": files}
    return {"meta": {"concept-id": "G1-LPCLOUD", "format": "application/vnd.nasa.cmr.umm+json"}, "umm": umm}


@of_viirs
@pytest.mark.parametrize("ending", ["", ".h5"])
def test_records_in_umm_are_understood(
    serve: SERVE, tmp_path: Path, caplog: pytest.LogCaptureFixture, product: Product, ending: str
) -> None:
    """With all that is told of a file, as LPCLOUD's ASTER has it; with a size in MB alone; and without a link."""
    earthdata = serve(tmp_path)
    names = [granule_file_name(product, time, TILE) for time in first_days(product)[:3]]
    stems = [name.removesuffix(".h5") + ending for name in names]
    complete = {"Name": names[0], "SizeInBytes": 7, "Checksum": {"Value": "AB" * 64, "Algorithm": "SHA-512"}}
    unnamed = {"Name": "Not provided", "Size": 1.5, "SizeUnit": "MB"}
    linked = zip((complete, unnamed), stems[:2], names[:2], strict=True)
    items = [record(told, stem, f"{LPCLOUD}/{name}") for told, stem, name in linked]
    items.append(record({}, stems[2], f"s3://lp-prod-protected/{names[2]}"))
    earthdata.faults.add(f"{CMR}/search/granules*", document(200, {"items": items}, {"CMR-Hits": "3"}))
    first, second = search_month(product, TILE, MONTH, Session())
    assert (first.granule, first.size, first.checksum, first.algorithm) == (names[0], 7, "ab" * 64, "SHA-512")
    assert (second.granule, second.size, second.estimated_size, second.checksum) == (names[1], 0, 3 * 2**19, "")
    assert second.url == f"{LPCLOUD}/{names[1]}"
    assert f"no download link for {stems[2]} of {product.name}" in caplog.text
    assert untold([first, second]) == "of 2 granules NASA's catalogue tells no checksum of 1, no exact size of 1"
    traffic = expected_traffic(product, [first, second], {(entry.day, TILE) for entry in (first, second)}, tmp_path)
    assert traffic == {"granules": 2, "absent": 0, "there": 0} | dict.fromkeys(
        ("whole MB", "to move MB", "on disk MB"), 7 + 3 * 2**19
    )


# Fetched


class Store:
    """A store, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, list[str]()

    def get(self, product: Product, **changes: Any) -> Path:
        (entry,) = search_month(product, TILE, MONTH, Session())
        return retrieve(replace(entry, **changes), product, self.folder, self.session, self.told.append)

    def session(self) -> Session:
        session = Session(patience=(5, 1), pause=0)
        session.log_in(find_login())
        return session


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A granule of each product; of a day it is large enough for a transfer to break off."""
    folder = tmp_path_factory.mktemp("granules")
    noise = np.random.default_rng(1).integers(9000, 9900, (DAY.pixels, DAY.pixels))
    for product in VIIRS:
        viirs_granule(folder, product, first_days(product)[0], TILE, {"LST_1KM": noise} if product is DAY else None)
    return folder


@pytest.mark.parametrize(
    ("product", "algorithm"),
    [*((product, "SHA-256") for product in VIIRS), (NIGHT, None)],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_granule_is_fetched_verified_and_has_a_receipt(
    serve: SERVE, store: Store, granules: Path, monkeypatch: pytest.MonkeyPatch, product: Product, algorithm: str | None
) -> None:
    earthdata = serve(granules, algorithms={product.name: algorithm})
    (original,) = granules.glob(f"{product.short_name}.*")
    path = store.get(product)
    assert path.read_bytes() == original.read_bytes()
    assert earthdata.fetched(path.name) == 1
    (entry,) = search_month(product, TILE, MONTH, Session())
    said = "size, SHA-256 and reading" if algorithm else "size and reading only, because the catalogue has no checksum"
    assert store.told[-1].endswith(
        f"whole file fetched, {path.stat().st_size / 1e6:.2f} MB moved "
        f"({path.stat().st_size} bytes), verified by its {said}."
    )
    assert verification(path, entry) == f"verified by its {said}"
    # Again it is there, and the receipt stands for it until it changes.
    assert store.get(product) == path
    assert earthdata.fetched(path.name) == 1
    monkeypatch.chdir(store.folder.parent)
    write_receipt("receipt.json", product.name, path.relative_to(store.folder.parent), {"size": entry.size})
    assert read_json(Path("receipt.json"))["checksum"] == f"sha256:{sha256(original)}"
    assert index_granules(["receipt.json"], product) == {
        (product.name, TILE, first_days(product)[0]): path.relative_to(store.folder.parent)
    }
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"is not the file that receipt\.json stands for"):
        index_granules(["receipt.json"], product)


def test_the_diagnosis_examines_each_product(serve: SERVE, granules: Path) -> None:
    """Day and night too are two; of each the file's size and checksum are told by ECHO10, and its first bytes."""
    serve(granules)
    findings = list(Diagnosis(pause=0).steps([(product, TILE) for product in VIIRS], [MONTH]))
    assert {finding.outcome for finding in findings} == {"ok", "note"}
    for product in VIIRS:
        (path,) = granules.glob(f"{product.short_name}.*")
        size = path.stat().st_size
        said = [finding.sentence for finding in findings if path.name in finding.sentence]
        assert said[0].startswith(f"NASA has 1 granules of {product.name} on {TILE} in {MONTH}; {path.name} (G")
        assert f"{path.name}, {size} bytes, SHA-256" in said[1]
        of_file = [finding for finding in findings if finding.facts.get("asked", "").endswith(f"/{path.name}")]
        closed, came = sorted(of_file, key=lambda finding: finding.facts["login"])
        assert closed.sentence.startswith("Without a login its file gives: HTTP 302")
        assert came.sentence.endswith(f"Content-Range bytes 0-999/{size}, as the catalogue says.")
        assert came.facts["first bytes"].startswith("894844460d0a1a0a")  # HDF5, by its specification
    notes = [finding.sentence for finding in findings if finding.outcome == "note"]
    assert [note.partition(":")[0] for note in notes] == [product.name for product in VIIRS]


@pytest.mark.parametrize("fault", [Cut(0.5), Flipped(), HTML_PAGE], ids=["cut", "wrong bit", "page"])
def test_what_breaks_on_the_way_is_found_out(serve: SERVE, store: Store, granules: Path, fault: Any) -> None:
    earthdata = serve(granules)
    earthdata.faults.add(f"{STORE}/*.h5", fault)
    if fault is HTML_PAGE:
        with pytest.raises(InputError, match=r"sent a web page \(perhaps of a login\) in place of VNP21A1D"):
            store.get(DAY)
    assert store.get(DAY).read_bytes() == next(granules.glob("VNP21A1D*")).read_bytes()
    assert len(list(store.folder.glob("[!.]*"))) == 1


def damaged(path: Path) -> None:
    """The deflated rows of the first dataset are other bytes."""
    with h5py.File(path) as granule:
        dataset = granule[f"HDFEOS/GRIDS/{DAY.grid_name}/Data Fields/LST_1KM"]
        place = dataset.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 100 : place + 200] = bytes(100)
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def linked(path: Path) -> None:
    with h5py.File(path, "a") as granule:
        fields = granule[f"HDFEOS/GRIDS/{DAY.grid_name}/Data Fields"]
        del fields["QC"]
        fields["QC"] = h5py.ExternalLink("/etc/passwd", "x")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (damaged, "is cut off or damaged"),
        (cut, "is cut off or damaged"),
        (linked, "is a link, which is not followed"),
        (
            lambda path: temperature(path.parent, 3, 300.0).replace(path),
            "is an HDF4 file, but a granule of VNP21A1D",
        ),
        (lambda path: path.write_bytes(b""), "is an empty file"),
        (lambda path: path.write_text("<html>"), "is a web page"),
        (lambda path: viirs_granule(path.parent, NIGHT, THIRD, TILE).replace(path), "its LocalGranuleID is VNP21A1N"),
        (
            lambda path: viirs_granule(path.parent, DAY, datetime(2021, 8, 4), TILE).replace(path),
            "ID is VNP21A1D.A2021216",
        ),
        (lambda path: viirs_granule(path.parent, DAY, THIRD, "h25v04").replace(path), "A2021215.h25v04"),
    ],
    ids=["damaged", "cut", "link", "HDF4", "empty", "page", "night", "other day", "other tile"],
)
def test_a_wrong_file_at_nasa_is_an_error(
    serve: SERVE, store: Store, tmp_path: Path, change: Callable[[Path], object], expected: str
) -> None:
    """Though size and checksum are the catalogue's: what the reader says of it is told, and nothing is kept."""
    folder = tmp_path / "nasa"
    folder.mkdir()
    change(viirs_granule(folder, DAY, THIRD, TILE))
    for other in folder.glob("*.h5"):
        if other.name != granule_file_name(DAY, THIRD, TILE):
            other.unlink()
    serve(folder)
    with pytest.raises(InputError, match=r"It came so twice: refresh the catalogue") as caught:
        store.get(DAY)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(store.folder.glob("[!.]*")) == []


def test_a_wrong_file_in_the_store_is_moved_aside(serve: SERVE, store: Store, granules: Path) -> None:
    serve(granules, algorithms={DAY.name: None})
    path = store.get(DAY)
    content = path.read_bytes()
    damaged(path)
    assert store.get(DAY).read_bytes() == content
    assert {other.name for other in store.folder.glob("[!.]*")} == {path.name, f"{path.name}.wrong"}
    assert any("is cut off or damaged" in said and "It is moved to" in said for said in store.told)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Product, Path]:
    """A night with tiny tiles: the same file in all else."""
    product = replace(NIGHT, pixels=24)
    return product, viirs_granule(tmp_path_factory.mktemp("small"), product, THIRD, TILE)


@settings(max_examples=100)
@given(data=st.data())
def test_any_file_in_the_store_is_read_or_refused(small: tuple[Product, Path], data: st.DataObject) -> None:
    """Of which the catalogue knows neither size nor checksum; there is nobody to fetch another from."""
    product, whole = small
    content = whole.read_bytes()
    path = whole.parent / "store" / whole.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.draw(mutated(content)))
    entry = Entry(whole.name, f"{THIRD:%F}", TILE, f"{LPCLOUD}/{whole.name}", "", 0, "", "", "")

    def nobody() -> Session:
        raise InputError("nobody is there")

    reads_or_refuses(lambda: retrieve(entry, product, path.parent, nobody, print))
