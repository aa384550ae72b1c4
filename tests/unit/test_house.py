"""The files around the code agree with each other."""

import ast
import importlib
import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
SLURM_LOCK = (ROOT / "requirements-slurm.lock").read_text(encoding="utf-8")


def names(requirements: list[str]) -> set[str]:
    """Names of packages without versions and markers."""
    return {re.split(r"[^A-Za-z0-9_-]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def locked(lock: str = LOCK) -> dict[str, list[str]]:
    """Versions of each package in a lock; more than one where they depend on the Python or system."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock, re.MULTILINE):
        found.setdefault(name, []).append(version)
    return found


@pytest.mark.parametrize("lock", [LOCK, SLURM_LOCK], ids=["all", "slurm"])
def test_lock_names_no_address_or_folder(lock: str) -> None:
    assert not re.search(
        r"://|--(extra-)?index-url|--find-links|--trusted-host|file:|^[./~]|@ |/home/|/tmp/", lock, re.M
    )
    allowed = re.compile(
        r"[a-z0-9-]+==\S+( ; [^/\\]+)? \\"  # a package
        r"| {4}--hash=sha256:[0-9a-f]{64}( \\)?"
        r"| {4}# via( [a-z0-9-]+| kilomoist \(pyproject\.toml\)| .*build-system.*)?| {4}# {3}[ a-z0-9().-]+"
        r"|# The following packages .*|"
    )
    strange = [line for line in lock.splitlines() if not allowed.fullmatch(line)]
    assert not strange


def test_lock_pins_and_hashes_everything() -> None:
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == sum(map(len, locked().values()))
    assert all("--hash=sha256:" in block for block in blocks)
    wanted = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    assert names(wanted) <= locked().keys(), "run `make lock`"
    assert locked()["snakemake"][0].startswith("9.")


def test_slurm_is_locked_apart() -> None:
    """With the plugin every start of Snakemake looks for SLURM: a plain `make install` must not bring it."""
    extra = locked(SLURM_LOCK)
    assert names(PROJECT["project"]["optional-dependencies"]["slurm"]) <= extra.keys()
    assert not extra.keys() & locked().keys()
    assert SLURM_LOCK.count("--hash=sha256:") >= 2 * len(extra)


def test_conda_environment_is_current() -> None:
    generate = runpy.run_path(str(ROOT / "workflow/envs/generate.py"))
    committed = generate["ENVIRONMENT"].read_text(encoding="utf-8")
    assert committed == generate["environment"](), "run `python workflow/envs/generate.py`"
    packages = yaml.safe_load(committed)["dependencies"]
    conda_names = {name: name for name in names(PROJECT["project"]["dependencies"])} | generate["CONDA_NAMES"]
    assert names(packages) == {"python", *conda_names.values()}


def test_dependencies_are_what_the_code_imports() -> None:
    packages = {"sklearn": "scikit-learn", "mpl_toolkits": "matplotlib", "yaml": "pyyaml"}
    imported: set[str] = set()
    for path in (ROOT / "workflow/scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    imported -= {*sys.stdlib_module_names, "kilomoist"}
    needed = {packages.get(name, name).replace("_", "-") for name in imported}
    declared = names(PROJECT["project"]["dependencies"])
    # pydantic brings its core in exactly one version; pandas writes Parquet with pyarrow, geopandas reads with pyogrio;
    # rasterio's transforms are affine's; xarray writes with h5netcdf and zarr.
    assert needed - declared <= {"pydantic-core"}
    assert declared - needed <= {"snakemake", "pyarrow", "pyogrio", "affine", "h5netcdf", "zarr"}


def test_version_and_licence_are_said_once_or_alike() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"] == "MIT"
    assert "kilomoist developers" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_default_profile_lies_where_snakemake_looks() -> None:
    profile = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text(encoding="utf-8"))
    assert profile["rerun-incomplete"] is True


def test_the_catalogue_of_workflows_is_told_what_it_shows() -> None:
    """It lists what has workflow/Snakefile, config/README.md and this file, and shows the keys of the latter."""
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    assert usage["software-stack-deployment"]["conda"] == (ROOT / "workflow/envs/environment.yaml").exists()
    assert (ROOT / "workflow/Snakefile").exists()
    assert (ROOT / "config/README.md").exists()
    assert {"snakemake", "workflow"} <= set((ROOT / "README.md").read_text(encoding="utf-8").lower().split())


def test_every_profile_is_explained() -> None:
    text = (ROOT / "profiles/README.md").read_text(encoding="utf-8")
    profiles = {path.parent.name for path in (ROOT / "profiles").glob("*/config.yaml")}
    assert profiles == set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))


def test_make_says_what_it_can() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, text=True, capture_output=True, check=True
    ).stdout
    assert {line.split()[1] for line in shown.splitlines()} >= {"install", "demo", "test", "lint", "lock", "clean"}


def test_make_says_that_python_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    old.chmod(0o755)
    command = ["make", f"PYTHON={old}", "--always-make", ".venv/.installed"]
    # --always-make never gets as far as the environment: the check comes first.
    failed = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert failed.returncode != 0
    assert "needs Python 3.11 or newer" in failed.stderr
    assert "Python 3.9.2" in failed.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_a_benchmark_takes_what_the_library_and_the_tests_have(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test runs benchmarks; a name that moved would be noticed by who measures."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert imports
    for node in imports:
        module = importlib.import_module(str(node.module))
        missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
        assert missing == [], f"{node.module}, line {node.lineno}"


def test_the_container_takes_the_steps_of_make(tmp_path: Path) -> None:
    project = PROJECT["project"]
    lines = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    told = {name: [words for said, words in steps if said == name] for name, _ in steps}
    assert told.keys() == {"FROM", "RUN", "WORKDIR", "COPY", "CMD"}
    (base,) = told["FROM"]
    tagged = re.fullmatch(r"docker\.io/library/python:3\.(\d+)-slim", base)  # everybody's, by its tag
    assert int(tagged[1]) >= int(project["requires-python"].removeprefix(">=3."))
    system, install = told["RUN"]
    assert system.startswith("apt-get update && apt-get install --yes --no-install-recommends make && ")
    assert install == "make install"
    assert [json.loads(words) for words in told["CMD"]] == [["make", "demo"]]
    assert steps.index(["RUN", install]) > max(number for number, (said, _) in enumerate(steps) if said == "COPY")
    # What is copied suffices for both: make finds all that it goes by, pip the package, Snakemake the flow.
    for words in told["COPY"]:
        *sources, target = words.split()
        for name in sources:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, tmp_path / target)
    command = ["make", "--dry-run", "demo"]
    made = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=True).stdout
    assert "-r requirements.lock" in made
    assert "-e ." in made
    assert "snakemake --cores" in made
    package = f"{PROJECT['tool']['setuptools']['package-dir']['']}/{project['name']}/__init__.py"
    flow = ["Snakefile", "workflow/Snakefile", "config/config.yaml", "profiles/default/config.yaml"]
    for name in (project["readme"], *project["license-files"], package, *flow):
        assert (tmp_path / name).exists(), name


def test_what_numpy_warns_of_is_silenced_in_few_ways() -> None:
    """0 / 0 and comparisons with NaN, which say "no value" here; but no overflow, and not for a whole process."""
    for path in sorted((ROOT / "workflow" / "scripts").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            assert name not in {"seterr", "seterrcall"}, path
            if name == "errstate":
                silenced = {keyword.arg: getattr(keyword.value, "value", None) for keyword in node.keywords}
                assert silenced.items() <= {"invalid": "ignore", "divide": "ignore"}.items(), path
            if name in {"filterwarnings", "simplefilter"}:
                told = ast.unparse(node)
                assert "ignore" not in told or re.search("NotGeoreferenced|Non closed ring|Deprecation", told), path
