"""The commands that the documentation shows, as they stand there, and the names that it points to."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from granule_archives import empty_archive
from workflow_runs import ROOT, copy_tree, environment, forked

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "config").glob("*.*"))]
ELSEWHERE = ("…", "...", "--profile", "--unlock", "--report", ".zip", "dot")
"""Of commands that are parts of one, need another program or a file that nobody has, or plan nothing."""
LIBRARY = ROOT / "workflow/scripts/kilomoist"
PACKAGES = sorted(path.parent.name for path in LIBRARY.glob("*/__init__.py"))
TILES = [f"h{h}v0{v}" for h in range(23, 27) for v in (3, 4)]


def commands() -> dict[str, Path]:
    """Each command that stands alone on a line, and the last document that shows it."""
    found = {}
    for document in DOCUMENTS:
        text = re.sub(r"\\\n *", "", document.read_text())
        for line in re.findall(r"^(?:#? *)(snakemake .*)$", text, re.MULTILINE):
            words = shlex.split(re.sub(r"   .*", "", line), comments=True)  # what a comment line says of it
            if words[1].startswith("-") or words[1] == "plan":
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


def test_the_study_names_what_does_each_step() -> None:
    text = (ROOT / "docs/study.md").read_text()
    assert len(re.findall(rf"`(?:{'|'.join(PACKAGES)})\.[a-z_]+\.\w+`", text)) > 8
    assert len(re.findall(r"`tests/[a-z_/]+\.py`", text)) > 15


def test_the_flow_can_be_drawn(tree: Path) -> None:
    """What `dot` is given; `--rulegraph` is the study's first figure."""
    shown = "snakemake --rulegraph dot"
    assert shown in (ROOT / "docs/study.md").read_text()
    assert shown in (ROOT / "docs/design.md").read_text()
    done = subprocess.run(
        [sys.executable, "-m", *shown.split()], cwd=tree, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("digraph")
    for rule in ("composite_tile", "stack_block", "train_model", "predict_block", "assemble_map"):
        assert f'label = "{rule}"' in done.stdout
