"""The workflow as a module of another one: its rules from a path, or from git with the library installed."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from workflow_runs import ROOT, SMALL, Pending, copy_tree, once, planned, rules, snakemake, succeed

LANDSCAPE = "resources/simulated/small-2021/landscape.npz"
OWN = """\
rule all:
    input:
        "summer/notes.txt",


use rule * from kilomoist as km_*


rule note:
    input:
        expand(rules.km_simulate_landscape.output.landscape, scene_name="small-2021"),
    output:
        "{month}/notes.txt",
    shell:
        "wc -c {input} > {output}"


onstart:
    print("this workflow's own start")
    kilomoist.onstart()
"""

Outer = Callable[..., Path]


@pytest.fixture(scope="module")
def landscape(shared: Path) -> Path:
    """A folder in which the workflow, by itself, has made one file."""
    return once(shared, "landscape", lambda folder: succeed(folder, LANDSCAPE, config=SMALL))


@pytest.fixture(scope="module")
def repository(shared: Path) -> Path:
    """A git repository that holds the workflow."""

    def commit(folder: Path) -> None:
        git = ["git", "-C", str(copy_tree(folder)), "-c", "user.name=Anyone", "-c", "user.email=anyone@example.org"]
        for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "All"], ["tag", "v1"]):
            subprocess.run([*git, *words], check=True)

    return once(shared, "repository", commit)


@pytest.fixture
def outer(tmp_path: Path, repository: Path) -> Outer:
    """Writes another workflow that uses the rules, with the profile that they need."""

    def write(origin: str, use: str) -> Path:
        snakefile = {
            "path": repr(str(ROOT / "workflow/Snakefile")),
            "git": f'gitfile({str(repository)!r}, path="workflow/Snakefile", tag="v1")',
        }
        folder = tmp_path / "outer"
        shutil.copytree(ROOT / "profiles/default", folder / "profiles/default")
        module = f"module kilomoist:\n    snakefile: {snakefile[origin]}\n    config: config\n\n\n"
        (folder / "Snakefile").write_text(module + use)
        return folder

    return write


@pytest.fixture
def library(tmp_path: Path, installed: Path) -> Callable[[str], dict[str, str]]:
    """Variables with which Python finds the installed library for git, and none at all for a path."""
    (tmp_path / "sitecustomize.py").write_text(
        'import sys\nsys.path[:] = [folder for folder in sys.path if not folder.endswith("workflow/scripts")]\n'
    )

    def variables(origin: str) -> dict[str, str]:
        folders = {"path": [tmp_path], "git": [tmp_path, installed]}[origin]
        return {"PYTHONPATH": os.pathsep.join(map(str, folders))}

    return variables


def test_the_jobs_of_a_checkout_import_its_own_library(tmp_path: Path) -> None:
    """Another one is installed where Snakemake runs, as with two checkouts and one environment."""
    tree, folder = copy_tree(tmp_path / "tree"), tmp_path / "run"
    path = tree / "workflow/scripts/kilomoist/jobs.py"
    own = path.read_text().replace('"Took %.2f s', '"The checkout took %.2f s')
    assert own != path.read_text()
    path.write_text(own)
    succeed(folder, LANDSCAPE, config=SMALL, tree=tree)
    (log,) = folder.glob("results/logs/simulate_landscape/**/*.log")
    assert "The checkout took" in log.read_text()


@pytest.mark.parametrize("prefix", ["", "km_"])
@pytest.mark.parametrize("origin", ["path", "git"])
def test_a_module_plans_what_the_workflow_plans(
    landscape: Path, outer: Outer, library: Callable, origin: str, prefix: str
) -> None:
    """Also that what the workflow has made by itself need not be made again: its code is the same."""
    tree = outer(origin, f"use rule * from kilomoist as {prefix}*\n" if prefix else "use rule * from kilomoist\n")
    own = planned(landscape, SMALL)
    assert "simulate_truth" in rules(own)
    assert "simulate_landscape" not in rules(own)
    theirs = planned(landscape, SMALL, tree, variables=library(origin), cold=True)
    assert theirs == {Pending(prefix + file.rule, file.path) for file in own}


@pytest.mark.parametrize("origin", ["path", "git"])
def test_another_workflow_keeps_what_is_its_own(
    tmp_path: Path, landscape: Path, outer: Outer, library: Callable, origin: str
) -> None:
    """Its default target, its own use of the module's wildcards and its handlers; a module's job runs within it."""
    tree = outer(origin, OWN)
    folder = tmp_path / "run"
    done = succeed(folder, config=SMALL, tree=tree, variables=library(origin), cold=True)
    assert "this workflow's own start" in done.output
    assert (folder / "summer/notes.txt").exists()
    assert (folder / LANDSCAPE).read_bytes() == (landscape / LANDSCAPE).read_bytes()
    assert not (folder / "results/steppe").exists()


def test_a_library_that_is_not_installed_is_told(tmp_path: Path, outer: Outer, library: Callable) -> None:
    tree = outer("git", "use rule * from kilomoist\n")
    done = snakemake(tmp_path / "run", "--dry-run", config=SMALL, tree=tree, variables=library("path"), cold=True)
    assert "kilomoist is not installed" in done.sentence()
    assert "pip install" in done.sentence()
