"""The script that pages carry: it is what its sources make, says whose work is in it, and holds no text of its own."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from string import Template

import pytest
from workflow_runs import ROOT

from kilomoist.publishing.pages import asset
from kilomoist.texts import texts_of

SOURCES = ROOT / "workflow/pages"
BUILT = ROOT / "workflow/scripts/kilomoist/publishing/pages_files"


def test_it_is_built_from_its_sources(tmp_path: Path) -> None:
    """The same bytes, whoever builds it."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("node and npm are not installed")
    copy = shutil.copytree(SOURCES, tmp_path / "pages", ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"]
    installed = subprocess.run(install, cwd=copy, capture_output=True, text=True, check=False)
    if "EUSAGE" in installed.stderr or "EINTEGRITY" in installed.stderr:
        pytest.fail(installed.stderr)
    if installed.returncode != 0:
        pytest.skip("npm cannot install: is there a registry?")
    subprocess.run(["node", "build.js", str(tmp_path / "built")], cwd=copy, check=True)
    built = sorted(path.name for path in (tmp_path / "built").iterdir())
    assert built == ["licences.txt", "page.css", "page.js"]
    for name in built:
        assert (tmp_path / "built" / name).read_bytes() == (BUILT / name).read_bytes(), f"{name}: run make pages"


def test_its_versions_are_pinned() -> None:
    asked = json.loads((SOURCES / "package.json").read_text())["devDependencies"]
    lock = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    for name, version in asked.items():
        assert lock[f"node_modules/{name}"]["version"] == version
    assert all(one.get("integrity") for name, one in lock.items() if name)
    assert not any("resolved" in one for one in lock.values())  # the address of a registry: any will do


def test_licences_of_what_is_in_it_are_there() -> None:
    text = asset("licences.txt")
    for name in ("ol", "proj4"):
        assert re.search(rf"^{name} \d", text, re.MULTILINE)
    assert "Redistributions in binary form must reproduce" in text


def test_every_text_of_the_pages_is_in_the_catalogue_and_used() -> None:
    texts = texts_of("page").keys()
    script = "".join(path.read_text(encoding="utf-8") for path in (SOURCES / "src").glob("*.js"))
    library = "".join(path.read_text(encoding="utf-8") for path in BUILT.parent.glob("*page*.py"))
    said = {key for call in re.findall(r"say\(([^)]*)\)", script) for key in re.findall(r"'(\w+)'", call)}
    looked_up = set(re.findall(r'text\("page\.(\w+)"', library))
    by_name = {"north", "south", "east", "west", "map_mean", "smap_mean", "map_here", "smap_here"}
    placed = {name for page in ("map.html", "region.html") for name in Template(asset(page)).get_identifiers()}
    assert said | looked_up | by_name <= texts
    assert texts <= said | looked_up | by_name | placed
