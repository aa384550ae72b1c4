"""Files of configuration: what is refused before Snakemake loads them."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from mutations import mutated, reads_or_refuses

from kilomoist.configuration.loading import check_file
from kilomoist.errors import InputError

ROOT = Path(__file__).parents[3]
PYTHON = (
    "__use_yte__: true\n__definitions__:\n  - import pathlib\n  - pathlib.Path('ran').touch()\nscene: {extent: small}\n"
)
COPIES = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("name", ["config/config.yaml", "config/mongolia-2021-08.yaml", ".test/config/config.yaml"])
def test_our_own_files_are_taken(name: str) -> None:
    check_file(ROOT / name)


def test_json_is_taken(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"months": ["2021-08"]}')
    check_file(tmp_path / "c.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PYTHON, "has `__use_yte__`, by which Snakemake runs Python that the file holds: leave it out"),
        ("scene: {0000-00-00: small}", "cannot be read as a configuration (year 0 is out of range)"),
        ("trees: " + "9" * 5000, "cannot be read as a configuration (Exceeds the limit"),
        ("a: " + "[" * 5000, "cannot be read as a configuration (maximum recursion depth"),
        ("[" * 50_000, "cannot be read as a configuration (maximum recursion depth"),
        (COPIES, "cannot be read as a configuration (a mapping has more than 10,000 keys)"),
        ("a: " + "x" * 100_000, "cannot be read as a configuration (it has 100 kB, expected at most 100 kB)"),
        ("a: !!python/name:os.system", "cannot be read as a configuration (could not determine a constructor"),
        ("a: 1\n\tb: 2", "cannot be read as a configuration ("),
        ("- a", "holds no keys"),
        ("", "holds no keys"),
        ("months: [2021-08]\0", "cannot be read as a configuration ("),
    ],
)
def test_a_file_that_snakemake_stumbles_over_is_refused(tmp_path: Path, content: str, told: str) -> None:
    path, begin = tmp_path / "config.yaml", time.monotonic()
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        check_file(path)
    assert str(caught.value).startswith(f"{path} {told}")
    assert "\n" not in str(caught.value)
    assert not Path("ran").exists()
    assert time.monotonic() - begin < 10


def test_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.yaml"):
        with pytest.raises(InputError, match="cannot be read as a configuration"):
            check_file(path)


@given(mutated((ROOT / "config/mongolia-2021-08.yaml").read_bytes()))
@settings(max_examples=60)
def test_any_file_is_taken_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_bytes(content)
    reads_or_refuses(lambda: check_file(path))
