"""Which modules a script uses, and when its fingerprint changes."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from kilomoist import dependencies
from kilomoist.dependencies import fingerprint, modules_of

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
LIBRARY = SCRIPTS / "kilomoist"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small library of its own, and a script beside it, with empty caches."""
    folder = tmp_path / "kilomoist"
    folder.mkdir()
    texts = {
        "__init__": '"""The library."""\n',
        "grids": "SIDE = 9\n",
        "cells": "from kilomoist.grids import SIDE\n\ndef area():\n    return SIDE * SIDE\n",
        "maps": "import kilomoist.cells\n",
        "late": "def later():\n    from kilomoist import grids\n    return grids\n",
        "unused": "X = 1\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(dependencies, "LIBRARY", folder)
    forget()
    yield folder
    forget()


def forget() -> None:
    for function in (dependencies._tree, dependencies._digest, dependencies._imports, modules_of, fingerprint):
        function.cache_clear()


def script(library: Path, text: str) -> Path:
    path = library.parent / "script.py"
    path.write_text(text)
    return path


def names(path: Path) -> list[str]:
    return [module.stem for module in modules_of(path)]


def changed(library: Path, path: Path, module: str, old: str, new: str) -> bool:
    """Whether an edit changes the script's fingerprint."""
    before = fingerprint(path)
    file = library / module if module else path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    forget()
    return fingerprint(path) != before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from kilomoist.maps import x\n", ["cells", "grids", "maps"]),
        ("from kilomoist import cells\n", ["cells", "grids"]),
        ("import kilomoist.late as anything\n", ["grids", "late"]),
        ("def f():\n    if True:\n        from kilomoist.cells import area\n", ["cells", "grids"]),
        ("import numpy, os.path\nfrom pathlib import Path\n", []),
        ("import kilomoistened\nfrom other.kilomoist.grids import x\n", []),
        ("from kilomoist.grids import SIDE, Window as W\nfrom kilomoist import unused\n", ["grids", "unused"]),
    ],
)
def test_modules_are_found_through_others(library: Path, text: str, expected: list[str]) -> None:
    assert [name for name in names(script(library, text)) if name != "__init__"] == expected


def test_circles_end(library: Path) -> None:
    (library / "grids.py").write_text("from kilomoist import maps\n")
    assert [name for name in names(script(library, "import kilomoist.grids\n")) if name != "__init__"] == [
        "cells",
        "grids",
        "maps",
    ]


def test_comments_and_spaces_change_nothing(library: Path) -> None:
    path = script(library, "from kilomoist.maps import x\nx = 1\n")
    assert not changed(library, path, "grids.py", "SIDE = 9", "# a comment\nSIDE  =  9  # another\n\n")
    assert not changed(library, path, "", "x = 1", "x = (\n    1\n)  # why")
    assert not changed(library, path, "unused.py", "X = 1", "X = 2")


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("grids.py", "SIDE = 9", "SIDE = 10"),
        ("cells.py", "SIDE * SIDE", "SIDE + SIDE"),
        ("maps.py", "import kilomoist.cells", "import kilomoist.cells\nimport kilomoist.unused"),
        ("", "x = 1", "x = 2"),
    ],
)
def test_code_changes_the_fingerprint(library: Path, module: str, old: str, new: str) -> None:
    path = script(library, "from kilomoist.maps import x\nx = 1\n")
    assert changed(library, path, module, old, new)


def test_a_fingerprint_does_not_depend_on_the_folder(library: Path, tmp_path: Path) -> None:
    """A checkout in another folder does not run everything again."""
    path = script(library, "from kilomoist.maps import x\n")
    one = fingerprint(path)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (moved / "script.py").write_text(path.read_text())
    assert fingerprint(moved / "script.py") == one
    assert len(one) == 16


# This library


def test_scripts_use_what_they_should() -> None:
    composite, figures = (names(SCRIPTS / f"{name}.py") for name in ("composite_tile", "draw_maps"))
    assert {"composites", "granules", "products", "calendars", "rasters", "grids", "jobs", "files"} <= set(composite)
    assert not {"models", "methods", "scenes", "figures", "footprints", "configuration"} & set(composite)
    assert "figures" in figures
    assert not {"models", "composites", "scenes"} & set(figures)


def test_every_module_is_used() -> None:
    used = set().union(*(names(path) for path in SCRIPTS.glob("*.py")))
    planned = {"configuration", "dependencies", "calendars", "regions"}  # the workflow's own
    assert {path.stem for path in LIBRARY.glob("*.py")} - {"__init__"} <= used | planned


def test_imports_go_in_one_direction() -> None:
    """No module imports itself through others, at its top or inside functions."""
    graph: dict[str, set[str]] = {}
    modules = {path.stem for path in LIBRARY.glob("*.py")}
    for path in LIBRARY.glob("*.py"):
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "kilomoist":
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kilomoist."):
                found.add((node.module or "").split(".")[1])
            elif isinstance(node, ast.Import):
                found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("kilomoist.")}
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path} imports relatively"
        graph[path.stem] = found & modules
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert order.index("errors") < order.index("files") < order.index("rasters")
    assert order.index("grids") < order.index("cells") < order.index("methods")
    for module in ("grids", "errors", "products"):
        assert graph[module] == set()
