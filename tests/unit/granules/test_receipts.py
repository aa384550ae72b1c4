"""Receipts stand for granules, or say that there is none."""

from pathlib import Path

import pytest
from granule_archives import LST, MONTH, TILE, temperature

from kilomoist.errors import InputError
from kilomoist.files import read_json, sha256
from kilomoist.granules.archive import index_granules, write_absent, write_receipt
from kilomoist.predictors.inventories import choose_granules


@pytest.fixture
def receipts(tmp_path: Path) -> list[Path]:
    """Of 31 days: two granules are there, the others are absent."""
    paths = []
    for number in range(1, 32):
        path = tmp_path / f"receipts/2021-08-{number:02d}.json"
        if number in (3, 17):
            granule = temperature(tmp_path / "store", number, 300.0)
            write_receipt(path, LST.name, granule, {"size": 1})
        else:
            write_absent(path, LST.name)
        paths.append(path)
    return paths


def test_a_composite_counts_what_is_absent(receipts: list[Path]) -> None:
    chosen, absent = choose_granules(receipts, LST, TILE, MONTH)
    assert [granule.name[:16] for granule, _ in chosen] == ["MOD11A1.A2021215", "MOD11A1.A2021229"]
    assert len(absent) == 29
    assert absent[0] == "2021213"


def test_a_receipt_says_what_lies_where(receipts: list[Path]) -> None:
    said = read_json(receipts[2])
    granule = Path(said["path"])
    assert said["name"] == granule.name
    assert (said["size"], said["checksum"]) == (granule.stat().st_size, f"sha256:{sha256(granule)}")
    assert (said["product"], said["origin"]) == (LST.name, {"size": 1})


def test_a_receipt_does_not_change_when_the_granule_does_not(receipts: list[Path]) -> None:
    before = receipts[2].read_bytes(), receipts[0].read_bytes()
    write_receipt(receipts[2], LST.name, Path(read_json(receipts[2])["path"]), {"size": 1})
    write_absent(receipts[0], LST.name)
    assert (receipts[2].read_bytes(), receipts[0].read_bytes()) == before


def test_a_granule_that_is_gone_is_named_with_its_receipt(receipts: list[Path]) -> None:
    granule = Path(read_json(receipts[2])["path"])
    granule.unlink()
    said = f"{granule.name} was fetched but is no longer there: delete .*2021-08-03.json"
    with pytest.raises(InputError, match=said):
        index_granules(receipts, LST)
