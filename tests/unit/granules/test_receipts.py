"""Receipts: whose granule they stand for, and that it is still that file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from granule_archives import LST, MONTH, TARGET, TILE, temperature
from hypothesis import given, settings
from mutations import mutated, reads_or_refuses
from witnesses import SHARED, with_witnesses

from kilomoist.errors import InputError
from kilomoist.files import read_json, write_json
from kilomoist.granules.archive import index_granules, verifications, write_absent, write_receipt
from kilomoist.predictors.inventories import write_inventory

ORIGIN = {"size": 1, "checksum": "", "algorithm": "", "verified": "verified by its size and reading only"}


@pytest.fixture
def receipt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a granule in the store of the folder that the workflow runs in."""
    monkeypatch.chdir(tmp_path)
    granule = temperature(Path("resources/granules"), 3, 300.0)
    path = Path(f"resources/receipts/{LST.name}/{TILE}/{MONTH}-03.json")
    path.parent.mkdir(parents=True)
    write_receipt(path, LST.name, granule, ORIGIN)
    return path


def granule_of(receipt: Path) -> Path:
    return Path(read_json(receipt)["path"])


def complaint(receipt: Path, **changes: Any) -> str:
    receipt.write_text(json.dumps(read_json(receipt) | changes))
    with pytest.raises(InputError) as caught:
        index_granules([receipt], LST)
    assert str(receipt) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_receipt_stands_for_its_granule(receipt: Path) -> None:
    assert list(index_granules([receipt], LST).values()) == [granule_of(receipt)]
    write_json(receipt, read_json(receipt) | {"path": str(granule_of(receipt).resolve())})
    assert list(index_granules([receipt], LST).values()) == [granule_of(receipt)]


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content[:-1] + b"!"])
def test_a_granule_that_changed_is_told(receipt: Path, change: Callable[[bytes], bytes]) -> None:
    granule = granule_of(receipt)
    granule.write_bytes(change(granule.read_bytes()))
    assert "is not the file that" in complaint(receipt)
    assert "delete the receipt" in complaint(receipt)


def test_a_receipt_points_into_its_store(receipt: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Though the file elsewhere is the same."""
    granule = granule_of(receipt)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / granule.name
    elsewhere.write_bytes(granule.read_bytes())
    for path in (
        elsewhere,
        f"resources/granules/../../../{elsewhere.parent.name}/{granule.name}",
        f"../{granule.name}",
    ):
        assert f"no granule of {LST.name} in the store" in complaint(receipt, path=str(path))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"path": None}, "'path' is None"),
        ({"path": ["x"]}, "'path' is ['x']"),
        ({"path": "\x00"}, "no granule of"),
        ({"path": "x" * 5000}, "no granule of"),
        ({"name": "other.hdf"}, "no granule of"),
        ({"path": "resources/granules/notes.txt", "name": "notes.txt"}, "no granule of"),
        ({"checksum": 3}, "'checksum' is 3"),
        ({"size": "large"}, "'size' is 'large'"),
        ({"checksum": "sha256:00"}, "another size or SHA-256"),
        ({"origin": None}, "'origin' is None"),
        ({"origin": {"verified": 1e400}}, "'origin' is {'verified': inf}"),
        ({"absent": "no", "path": 3}, "'path' is 3"),
    ],
)
def test_wrong_receipts_are_told(receipt: Path, changes: dict[str, Any], expected: str) -> None:
    assert expected in complaint(receipt, **changes)


def test_a_receipt_of_another_product_is_told(receipt: Path) -> None:
    with pytest.raises(InputError, match=f"no granule of {TARGET.name}"):
        index_granules([receipt], TARGET)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"null", b"{}", b"\xff\xfe{}", b"[" * 100_000])
def test_what_is_no_receipt_is_told(receipt: Path, content: bytes) -> None:
    receipt.write_bytes(content)
    with pytest.raises(InputError, match="is no receipt of a granule"):
        index_granules([receipt], LST)


@with_witnesses
@pytest.mark.parametrize("name", ["JSONDecodeError", "KeyError", "OSError", "TypeError", "UnicodeDecodeError"])
def test_receipts_on_which_the_workflow_broke(receipt: Path, name: str) -> None:
    (found,) = (SHARED / "faults/exceptions").glob(f"receipt--{name}-*")
    receipt.write_bytes(found.read_bytes())
    with pytest.raises(InputError, match="receipt"):
        index_granules([receipt], LST)


def test_any_receipt_is_read_or_told(receipt: Path) -> None:
    whole = receipt.read_bytes()

    @given(mutated(whole))
    @settings(max_examples=150, deadline=None)
    def read(content: bytes) -> None:
        receipt.write_bytes(content)
        reads_or_refuses(lambda: index_granules([receipt], LST))
        reads_or_refuses(lambda: verifications([receipt]))

    read()


def test_inventories_say_how_granules_were_verified(receipt: Path, tmp_path: Path) -> None:
    granule, absent = granule_of(receipt), receipt.with_name("absent.json")
    write_absent(absent, LST.name)
    assert verifications([receipt, absent, granule, tmp_path]) == {granule.name: ORIGIN["verified"]}
    write_inventory("inventory.json", LST, TILE, MONTH, {granule: verifications([receipt])[granule.name]}, [])
    (told,) = json.loads(Path("inventory.json").read_text())["granules"]
    assert (told["name"], told["verified"]) == (granule.name, ORIGIN["verified"])
