"""What the documentation shows, as it stands there: commands, the library in a notebook; and what it points to."""

import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from granule_archives import empty_archive
from workflow_runs import DEMO, MONTH, ROOT, copy_tree, environment, forked, succeed, terra_is_there, values

from kilomoist.rasters import read_raster

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "config").glob("*.*"))]
ELSEWHERE = ("…", "...", "--profile", "--unlock", "--report", ".zip", "dot")
"""Of commands that are parts of one, need another program or a file that nobody has, or plan nothing."""
LIBRARY = ROOT / "workflow/scripts/kilomoist"
PACKAGES = sorted(path.parent.name for path in LIBRARY.glob("*/__init__.py"))
TILES = [f"h{h}v0{v}" for h in range(23, 27) for v in (3, 4)]
READING = (ROOT / "docs/reading.md").read_text(encoding="utf-8")
SHOWN = (ROOT / "docs/library.md").read_text(encoding="utf-8").partition("## As a module")[0]
KEEP = """
print(kilomoist.__file__, kilomoist.__version__, hasattr(kilomoist, "no_such_name"))
np.savez("found.npz", kelvin=kelvin, moisture=moisture, place=place, cell=cell, **composite)
"""


def python(folder: Path, *arguments: str, **variables: str) -> str:
    """Standard output of a Python of its own, which must end well."""
    around = environment() | variables
    words = [sys.executable, *arguments]
    done = subprocess.run(words, cwd=folder, env=around, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands() -> dict[str, Path]:
    """Each command that stands alone on a line, and the last document that shows it."""
    found = {}
    for document in DOCUMENTS:
        text = re.sub(r"\\\n *", "", document.read_text())
        for line in re.findall(r"^(?:#? *)(snakemake .*)$", text, re.MULTILINE):
            words = shlex.split(re.sub(r"   .*", "", line), comments=True)  # what a comment line says of it
            if words[1].startswith("-") or words[1] in ("plan", "doctor"):
                found[shlex.join(words)] = document
    return {shown: path for shown, path in found.items() if not any(part in shown for part in ELSEWHERE)}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with granules that are names alone, and field points."""
    folder = copy_tree(tmp_path_factory.mktemp("project"))
    empty_archive(folder / "granules", {"MOD11A1.061": TILES, "MOD13A1.061": TILES, "SPL4SMGP.008": [None]})
    (folder / "plots.csv").write_text("id,longitude,latitude,soil_moisture\na,99.5,47.5,0.2\n")
    return folder


def test_commands_are_found() -> None:
    assert len(commands()) > 8
    assert "snakemake --configfile .test/config/config.yaml --cores 2" in commands()
    assert {path.name for path in commands().values()} >= {"README.md", "study.md", "field-points.md"}


@pytest.mark.parametrize("shown", commands())
def test_a_command_of_the_documentation_plans_its_jobs(tree: Path, shown: str) -> None:
    words = shlex.split(shown.replace("/path/to/granules", "granules"))
    done = forked(["-m", *words, "--dry-run"], tree, environment(), ours=False)
    assert done.code == 0, done.output
    assert re.search(r"^total +\d+$", done.output, re.MULTILINE), done.output


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_what_is_there(document: Path) -> None:
    """Its modules, by their paths from the repository, the library or the benchmarks, and `package.module.name`."""
    text = document.read_text()
    paths = set(re.findall(r"`((?:[\w-]+/)*\w+\.py)`", text)) - {"__init__.py"}
    there = (ROOT, LIBRARY, ROOT / "benchmarks")
    assert {path for path in paths if not any((folder / path).is_file() for folder in there)} == set()
    for module, name in re.findall(rf"`(?:kilomoist\.)?((?:{'|'.join(PACKAGES)})\.[a-z_]+)\.(\w+)", text):
        assert hasattr(importlib.import_module(f"kilomoist.{module}"), name), f"{module}.{name}"


def headings(document: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them: lower case, without marks, blanks as hyphens."""
    found = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_somewhere(document: Path) -> None:
    """To a file of the repository, and there to a heading."""
    broken = set()
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        if not file.exists() or (anchor and anchor not in headings(file)):
            broken.add(target)
    assert not broken


def test_the_study_names_what_does_each_step() -> None:
    text = (ROOT / "docs/study.md").read_text()
    assert len(re.findall(rf"`(?:{'|'.join(PACKAGES)})\.[a-z_]+\.\w+`", text)) > 8
    assert len(re.findall(r"`tests/[a-z_/]+\.py`", text)) > 15


def test_the_flow_can_be_drawn(tree: Path) -> None:
    """What `dot` is given; `--rulegraph` is the study's first figure."""
    shown = "snakemake --rulegraph dot"
    assert shown in (ROOT / "docs/study.md").read_text()
    assert shown in (ROOT / "docs/design.md").read_text()
    drawn = python(tree, "-m", *shown.split())
    assert drawn.startswith("digraph")
    for rule in ("composite_tile", "stack_block", "train_detail", "predict_block", "assemble_map"):
        assert f'label = "{rule}"' in drawn


def test_a_package_holds_the_library_alone(installed: Path) -> None:
    modules = {path.relative_to(LIBRARY) for path in LIBRARY.rglob("*.py")}
    assert {path.relative_to(installed / "kilomoist") for path in (installed / "kilomoist").rglob("*.py")} == modules
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"kilomoist"}


def test_what_is_shown_for_a_notebook_runs(demo: Path, installed: Path, tmp_path: Path) -> None:
    """Without the repository, on the granules and the map of a whole run, whose own values it comes to."""
    (tmp_path / "granules").symlink_to(demo / "resources/simulated/small-2021")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/khangai").symlink_to(demo / Path(DEMO).parent)
    blocks = re.findall(r"^```python\n(.*?)^```", SHOWN, re.MULTILINE | re.DOTALL)
    said = python(tmp_path, "-c", "\n".join([*blocks, KEEP]), PYTHONPATH=str(installed))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert said.splitlines()[-1] == f"{installed / 'kilomoist/__init__.py'} {version} False"
    assert "31 granules, 0 absent" in said
    found = dict(np.load(tmp_path / "found.npz"))
    assert 200 < np.nanmin(found["kelvin"]) < np.nanmax(found["kelvin"]) < 350
    assert np.isnan(found["kelvin"]).any()  # clouds
    moisture, target = (values(demo / DEMO / name) for name in ("soil_moisture.tif", "soil_moisture_9km.tif"))
    np.testing.assert_array_equal(found.pop("moisture"), moisture)
    assert (found.pop("place"), found.pop("cell")) == (moisture[94, 148], target[94 // 9, 148 // 9])
    composite = read_raster(demo / f"results/composites/simulated/MOD11A1.061/h24v04/{MONTH}.tif")[0]
    for name, band in composite.items():
        np.testing.assert_array_equal(found[name], band)


@pytest.mark.parametrize(("language", "program"), [("r", ["Rscript", "-e"]), ("python", [sys.executable, "-c"])])
def test_what_is_shown_for_reading_runs(demo: Path, language: str, program: list[str]) -> None:
    """In the folder of a run, and without this project."""
    if language == "r" and not terra_is_there():
        pytest.skip("R's terra is not installed")
    (shown,) = re.findall(rf"^```{language}\n(.*?)^```", READING, re.MULTILINE | re.DOTALL)
    done = subprocess.run([*program, shown], cwd=demo / DEMO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    moisture, flags = (values(demo / DEMO / f"{name}.tif", name) for name in ("soil_moisture", "quality"))
    if language == "python":
        sound = moisture[flags & 138 == 0].mean()
        assert done.stdout.startswith("SIMULATED: soil moisture")
        assert done.stdout.endswith(f"of the pixels sound: {sound:.3f}\n")
    else:
        sound = moisture[np.isin(flags, [0, 4])].mean(dtype=float)
        ends = read_raster(demo / DEMO / "interval.tif")[0]
        told = re.findall(r"^\S+ +(0\.\d+)$", done.stdout, re.MULTILINE)
        assert float(told[0]) == pytest.approx(sound, abs=1e-6)
        assert float(told[1]) == pytest.approx(np.nanmean(ends["upper"] - ends["lower"], dtype=float), abs=1e-6)
        assert "no flag" in done.stdout


def test_mongolia_can_be_planned(tmp_path: Path) -> None:
    """The study's own run, by names of granules alone; the outline would be fetched by a job of the run.

    Tiles are those of the box, also when the outline is there: `TILES` without h26v03.
    """
    tiles = [tile for tile in TILES if tile != "h26v03"]
    empty_archive(tmp_path / "archive", {"MOD11A1.061": tiles, "MOD13A1.061": tiles, "SPL4SMGP.008": [None]})
    study = ["--configfile", str(ROOT / "config/mongolia-2021-08.yaml")]
    said = succeed(tmp_path, "--dry-run", *study, "--config", "source=archive", "archive=archive").output
    table = [line.split() for line in said.splitlines()]
    jobs = Counter({words[0]: int(words[1]) for words in table if len(words) == 2 and words[1].isdigit()})
    assert jobs["fetch_outline"] == 1
    assert jobs["average_target"] == 1
    assert jobs["composite_tile"] == len(tiles)
    for tile in tiles:
        assert f"Composite {tile} over {MONTH}" in said
