"""Modules of a script, and its fingerprint."""

import ast
from collections import Counter
from collections.abc import Callable
from graphlib import TopologicalSorter
from itertools import count
from pathlib import Path

import pytest

from kilomoist.dependencies import fingerprint, modules_of

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
LIBRARY = SCRIPTS / "kilomoist"
TEXTS = {
    "script.py": "from kilomoist.mapping.maps import x\nx = 1\n",
    "kilomoist/__init__.py": '"""The library."""\n',
    "kilomoist/grids.py": "SIDE = 9\n",
    "kilomoist/cells.py": "from kilomoist.grids import SIDE\n\ndef area():\n    return SIDE * SIDE\n",
    "kilomoist/mapping/__init__.py": "",
    "kilomoist/mapping/maps.py": "import kilomoist.cells\n",
    "kilomoist/mapping/late.py": "def later():\n    from kilomoist import grids\n    return grids\n",
    "kilomoist/unused.py": "X = 1\n",
}
"""A small library, and a script that uses it."""
ORDER = [
    *("configuration", "granules", "earthdata", "simulation", "predictors", "learning", "mapping", "evaluation"),
    *("reporting", "publishing", "exporting", "planning"),
]
"""Packages in the order of the flow."""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the library with some other texts into a folder of its own; returns the script."""
    numbers = count()

    def write(**texts: str) -> Path:
        folder = tmp_path / str(next(numbers))
        for name, text in (TEXTS | texts).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder / "script.py"

    return write


def names(script: Path) -> list[str]:
    library = script.parent / "kilomoist"
    modules = (path.relative_to(library).with_suffix("").as_posix() for path in modules_of(script, library))
    return [name.replace("/", ".") for name in modules]


def mark(script: Path) -> str:
    return fingerprint(script, script.parent / "kilomoist")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from kilomoist.mapping.maps import x\n", ["cells", "grids", "mapping.maps"]),
        ("from kilomoist import cells\n", ["cells", "grids"]),
        ("from kilomoist.mapping import maps\n", ["cells", "grids", "mapping.maps"]),
        ("import kilomoist.mapping.late as anything\n", ["grids", "mapping.late"]),
        ("def f():\n    if True:\n        from kilomoist.cells import area\n", ["cells", "grids"]),
        ("import numpy, os.path\nfrom pathlib import Path\n", []),
        ("import kilomoistened\nfrom other.kilomoist.grids import x\n", []),
        ("from kilomoist.grids import SIDE, Window as W\nfrom kilomoist import unused\n", ["grids", "unused"]),
        ("if TYPE_CHECKING:\n    from kilomoist.cells import area\n", []),
        ("from kilomoist import __version__\n", []),
    ],
)
def test_modules_are_found_through_others(write: Write, text: str, expected: list[str]) -> None:
    assert names(write(**{"script.py": text})) == expected


def test_circles_end(write: Write) -> None:
    circle = {"kilomoist/grids.py": "from kilomoist.mapping import maps\n", "script.py": "import kilomoist.grids\n"}
    assert names(write(**circle)) == ["cells", "grids", "mapping.maps"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("kilomoist/grids.py", "# a comment\nSIDE  =  9  # another\n\n"),
        ("script.py", "from kilomoist.mapping.maps import x\nx = (\n    1\n)  # why\n"),
        ("kilomoist/unused.py", "X = 2\n"),
        ("kilomoist/__init__.py", "X = 2\n"),
        ("kilomoist/grids.py", '"""A docstring."""\n\nSIDE = 9\n"""Of the constant."""\n'),
        (
            "kilomoist/cells.py",
            'from kilomoist.grids import SIDE\n\ndef area() -> "int":\n    """Of a cell."""\n    return SIDE * SIDE\n',
        ),
        ("kilomoist/cells.py", "if TYPE_CHECKING:\n    import numpy\n" + TEXTS["kilomoist/cells.py"]),
    ],
)
def test_words_change_nothing(write: Write, file: str, text: str) -> None:
    assert mark(write(**{file: text})) == mark(write())


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("def f(x: int, *y: int, **z: int) -> int: return x", "def f(x, *y, **z): return x", True),
        ("def f():\n    x: int = 1\n    return x", "def f():\n    x = 1\n    return x", True),
        ("def f():\n    x: int\n    x = 1", "def f():\n    x = 1", True),
        ("class A:\n    def f(self, x: int) -> int: return x", "class A:\n    def f(self, x): return x", True),
        ("@dataclass\nclass A:\n    x: int = 1", "@dataclass\nclass A:\n    x: float = 1", False),
        ("class A(BaseModel):\n    x: Annotated[int, Field(ge=1)]", "class A(BaseModel):\n    x: int", False),
        ("class A(DataFrameModel):\n    x: Series[int]", "class A(DataFrameModel):\n    x: Series[float]", False),
        ("def f():\n    class A:\n        x: int", "def f():\n    class A:\n        x: float", False),
        ("def f(x=1): return x", "def f(x=2): return x", False),
        ("def f(): return 'a'", "def f(): return 'b'", False),
        ("@cache\ndef f(): return 1", "def f(): return 1", False),
    ],
)
def test_annotations_count_where_they_act(write: Write, before: str, after: str, same: bool) -> None:
    one, other = (mark(write(**{"kilomoist/cells.py": text + "\n"})) for text in (before, after))
    assert (one == other) == same


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("kilomoist/grids.py", "SIDE = 10\n"),
        ("kilomoist/cells.py", TEXTS["kilomoist/cells.py"].replace("*", "+")),
        ("kilomoist/mapping/maps.py", "import kilomoist.cells\nimport kilomoist.unused\n"),
        ("script.py", TEXTS["script.py"].replace("1", "2")),
    ],
)
def test_code_changes_the_fingerprint(write: Write, file: str, text: str) -> None:
    assert mark(write(**{file: text})) != mark(write())


def test_files_of_a_module_count_for_who_imports_it(write: Write) -> None:
    plain = mark(write())
    carried = [mark(write(**{"kilomoist/grids_files/page.css": text})) for text in ("a", "b")]
    assert len({plain, *carried}) == 3
    assert mark(write(**{"kilomoist/unused_files/page.css": "a"})) == plain


# This library


def modules() -> dict[str, set[str]]:
    """Modules of the library by dotted name, with those that they import."""
    found = {}
    for path in LIBRARY.rglob("*.py"):
        if path.name != "__init__.py":
            imported = (other.relative_to(LIBRARY).with_suffix("") for other in modules_of(path) if other != path)
            name = path.relative_to(LIBRARY).with_suffix("").as_posix().replace("/", ".")
            found[name] = {other.as_posix().replace("/", ".") for other in imported}
    return found


def phase(module: str) -> int:
    """The place of a module's package in the flow; 0 for those at the top."""
    return ORDER.index(module.split(".")[0]) + 1 if "." in module else 0


def test_imports_follow_the_flow() -> None:
    graph = modules()
    assert {module.split(".")[0] for module in graph if "." in module} <= set(ORDER)
    back = [(one, other) for one, imported in graph.items() for other in imported if phase(other) > phase(one)]
    assert not back
    TopologicalSorter(graph).prepare()  # raises CycleError
    used = {path.parent.name for script in SCRIPTS.glob("*.py") for path in modules_of(script)}
    assert "planning" not in used


def test_what_is_not_simulated_knows_no_simulator() -> None:
    for module, imported in modules().items():
        if module.split(".")[0] not in ("simulation", "planning"):
            assert not [other for other in imported if other.startswith("simulation.")], module
    for script in SCRIPTS.glob("*.py"):
        uses = any(path.parent.name == "simulation" for path in modules_of(script))
        assert uses == script.name.startswith("simulate_"), script.name


def test_packages_bring_nothing() -> None:
    """The import of a package would count for every script that needs one of its modules."""
    assert [path for path in LIBRARY.glob("*/**/__init__.py") if path.read_text(encoding="utf-8").strip()] == []


def test_a_class_has_a_name_of_its_own() -> None:
    """A reader who looks for a class finds one, whatever module is open."""
    found = Counter(
        node.name
        for path in LIBRARY.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, number in found.items() if number > 1] == []


def test_every_module_is_used() -> None:
    used = {path for script in SCRIPTS.glob("*.py") for path in modules_of(script)}
    elsewhere = (
        "configuration/",
        "planning/",
        "earthdata/access.py",
        "compared_products.py",
        "dependencies.py",
        "runs.py",
        "granules/simulated.py",
        "granules/lookalikes.py",
    )
    unused = [path for path in LIBRARY.rglob("*.py") if path.name != "__init__.py" and path not in used]
    names = (path.relative_to(LIBRARY).as_posix() for path in unused)
    assert [name for name in names if not name.startswith(elsewhere)] == []
