"""Snakemake as a user runs it, and what it leaves behind: shared by the tests of rules and of the whole workflow."""

import atexit
import csv
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from warm_python import WarmPython

from kilomoist.rasters import read_raster

ROOT = Path(__file__).resolve().parents[1]
MONTH = "2021-08"
SMALL: dict[str, Any] = yaml.safe_load((ROOT / ".test/config/config.yaml").read_text(encoding="utf-8"))
"""A region of 21 × 33 cells on one tile: enough coarse cells to learn detail, and not many more."""
DEMO = "results/steppe/2021-08"
"""Where the map of `SMALL` is."""
SCENES = "resources/simulated"
"""Where simulated scenes are."""
WITHOUT_FIGURES = (
    *("--omit-from", "draw_figures", "draw_figures_with_points"),
    *("write_map_page", "write_region_page"),
)
"""Figures and pages are not compared, and to draw them takes as long as to make a map."""


@dataclass(frozen=True)
class Finished:
    """What a run of Snakemake said."""

    code: int
    output: str
    """Standard output and standard error together, as on a screen."""

    def sentence(self) -> str:
        """The one line that tells what is wrong; the run must have failed without a traceback."""
        assert self.code == 1, self.output
        assert "Traceback" not in self.output, self.output
        # Snakemake shows a failed job's log too, where the same sentence stands.
        told = {line.split("Error: ", 1)[1] for line in self.output.splitlines() if line.startswith("Error: ")}
        (sentence,) = told
        return sentence


def environment() -> dict[str, str]:
    """This process's environment; compiled modules are kept although some test machines forbid it.

    Every job is a process that imports the same packages: to compile them anew takes longer than most jobs.
    """
    variables = dict(os.environ)
    if variables.pop("PYTHONDONTWRITEBYTECODE", None):
        variables["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "kilomoist-tests-bytecode")
    return variables


def command(
    folder: Path, *arguments: str, config: Mapping[str, Any] | None = None, cores: int | None = 1, tree: Path = ROOT
) -> list[str]:
    """The command line of Snakemake for a configuration, which is kept as a file in the folder of the run.

    Without a number of cores, a profile says how much runs at a time.
    """
    words = [sys.executable, "-m", "snakemake"]
    if config is not None:
        text = json.dumps(config)
        file = folder / f"config-{sha256(text.encode()).hexdigest()[:12]}.json"
        file.write_text(text)
        words += ["--configfile", file.name]  # takes all words up to the next option
    if cores is not None:
        words += ["--cores", str(cores)]
    return [*words, "--snakefile", str(tree / "Snakefile"), *arguments]


def snakemake(
    folder: Path,
    *arguments: str,
    config: Mapping[str, Any] | None = None,
    cores: int | None = 1,
    tree: Path = ROOT,
    variables: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    cold: bool = False,
) -> Finished:
    """Run Snakemake in a folder, as a user does after `cd`; `prefix` is a command that runs commands.

    It and its jobs are forked from a process that has imported what they import. If `cold`, or with a prefix or another
    profile, they start as a user starts them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = [*prefix, *command(folder, *arguments, config=config, cores=cores, tree=tree)]
    around = environment() | dict(variables or {})
    if cold or prefix or cores is None:
        done = subprocess.run(
            words,
            cwd=folder,
            env=around,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        return Finished(done.returncode, done.stdout)
    return forked(words[1:], folder, around, ours=tree == ROOT)


def forked(arguments: Sequence[str], folder: Path, variables: Mapping[str, str], ours: bool) -> Finished:
    """Run `python arguments…` in a fork of a process that has imported much; the library too, if it is `ours`."""
    request = {"arguments": arguments, "cwd": str(folder), "env": dict(variables), "ours": ours}
    with tempfile.TemporaryFile("w+") as said:
        code = warm_python().run(request, said.fileno(), timeout=900)
        said.seek(0)
        return Finished(code, said.read())


@cache
def warm_python() -> WarmPython:
    """The process that runs of this process are forked from."""
    python = WarmPython()
    atexit.register(python.close)
    return python


def succeed(folder: Path, *arguments: str, **options: Any) -> Finished:
    """Run Snakemake; it must end well."""
    done = snakemake(folder, *arguments, **options)
    assert done.code == 0, done.output
    return done


def kill_once(happened: Callable[[], object], folder: Path, *arguments: str, **options: Any) -> None:
    """Start Snakemake and `kill -9` it and its jobs as soon as something has happened; it must not have ended then."""
    assert kill_when(happened, folder, *arguments, **options), "Snakemake had ended before it was killed"


def kill_when(
    happened: Callable[[], object],
    folder: Path,
    *arguments: str,
    config: Mapping[str, Any],
    cores: int,
    variables: Mapping[str, str] | None = None,
) -> bool:
    """Start Snakemake and `kill -9` it and its jobs as soon as something has happened; False where it ended before."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        command(folder, *arguments, config=config, cores=cores),
        cwd=folder,
        env=environment() | dict(variables or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, so that nothing else is killed
    )
    try:
        deadline = time.monotonic() + 120
        while process.poll() is None and not happened():
            assert time.monotonic() < deadline, "what was waited for did not happen"
            time.sleep(0.02)
        return process.poll() is None
    finally:
        with suppress(ProcessLookupError):  # all have ended by themselves, as is told
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def kill_in(
    rules: Collection[str], folder: Path, *arguments: str, config: Mapping[str, Any], delay: float
) -> str | None:
    """`kill -9` a run so many seconds after a job of any of some rules has begun, and unlock its folder.

    Returns the rule; None where the run ended before.
    """
    mark = folder / ".before"
    mark.touch()
    begun: list[tuple[float, str]] = []

    def happened() -> bool:
        if not begun:
            logs, after = folder / "results/logs", mark.stat().st_mtime
            own = (log.relative_to(logs).parts[0] for log in logs.rglob("*.log") if log.stat().st_mtime > after)
            begun.extend((time.monotonic(), rule) for rule in own if rule in rules)
        return bool(begun) and time.monotonic() - begun[0][0] >= delay

    killed = kill_when(happened, folder, *arguments, config=config, cores=2)
    mark.unlink()
    if not killed:
        return None
    succeed(folder, "--unlock", config=config)
    return begun[0][1]


@dataclass(frozen=True)
class Pending:
    """A file that Snakemake would make."""

    rule: str
    path: str


def planned(folder: Path, config: Mapping[str, Any], tree: Path = ROOT, **options: Any) -> set[Pending]:
    """The files that a run would make."""
    lines = succeed(folder, "--summary", config=config, tree=tree, **options).output.splitlines()
    table = lines[next(number for number, line in enumerate(lines) if line.startswith("output_file\t")) :]
    rows = csv.DictReader(table, delimiter="\t")
    return {Pending(row["rule"], row["output_file"]) for row in rows if row["plan"] == "update pending"}


def rules(pending: set[Pending]) -> set[str]:
    return {file.rule for file in pending}


def once(shared: Path, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first process that asks for it makes; the others wait for it and share it."""
    folder, failure, success = shared / name, shared / f"{name}.failed", shared / f"{name}.made"
    with open(shared / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if failure.exists():
            raise RuntimeError(f"another process could not make {folder}: {failure.read_text()}")
        if not success.exists():
            folder.mkdir()
            try:
                make(folder)
            except BaseException as error:
                failure.write_text(str(error))
                raise
            success.touch()
    return folder


def files(folder: Path, *parts: str) -> set[str]:
    """Every file below some parts of a folder but the locks of a store, by its path in the folder."""
    found = (path for part in parts for path in (folder / part).rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)) for path in found if path.name != ".lock"}


def holding(folder: Path, *texts: str) -> list[Path]:
    """Files below a folder that hold any of some texts."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in paths if any(text.encode() in path.read_bytes() for text in texts)]


def link(source: Path, target: Path) -> None:
    """Copy a folder; granules by hard links, which take no space. Everything else a later run may write to in place."""

    def copy(file: str, copied: str) -> None:
        if Path(file).suffix in (".hdf", ".h5", ".npz"):
            os.link(file, copied)
        else:
            shutil.copy2(file, copied)

    shutil.copytree(source, target, copy_function=copy)


def leave_half_a_file(path: Path) -> Path:
    """Begin to write a file in a process that dies at it; returns what it leaves."""
    before = set(path.parent.glob(".partial-*"))
    code = "import os, sys; from kilomoist.files import replaced\n"
    code += "with replaced(sys.argv[1]) as partial: partial.write_text('x'); os._exit(9)"
    variables = environment() | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    died = subprocess.run([sys.executable, "-c", code, str(path)], env=variables, check=False)
    assert died.returncode == 9
    (left,) = set(path.parent.glob(".partial-*")) - before
    return left


def copy_tree(target: Path) -> Path:
    """Copy what the workflow consists of, with the times of its files."""
    for name in (".test", "Snakefile", "config", "profiles", "workflow"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return target


def values(path: Path, band: str = "soil_moisture") -> NDArray[Any]:
    """One band of a raster."""
    return read_raster(path)[0][band]


def identical(first: Path, second: Path, run: str = DEMO) -> list[str]:
    """What differs between two runs of one map, among the values of its rasters, its samples, its model, its tables."""
    different = []
    names = "soil_moisture", "interval", "quality", "applicability", "soil_moisture_9km", "predictors"
    for name in (f"{name}.tif" for name in names):
        ours, theirs = (read_raster(folder / run / name)[0] for folder in (first, second))
        if list(ours) != list(theirs) or any(ours[band].tobytes() != theirs[band].tobytes() for band in ours):
            different.append(name)
    # The truth is known of simulated granules alone, even where others hold the same.
    names = {"truth.parquet", "coverage.parquet", "verdict.parquet"}
    known = names if not (second / run / "tables/full/truth.parquet").exists() else set()
    tables = sorted({path.name for path in (first / run / "tables/full").iterdir()} - known)
    others = ["samples.parquet", "model.skops", *(f"tables/full/{table}" for table in tables)]
    return different + [
        name for name in others if (first / run / name).read_bytes() != (second / run / name).read_bytes()
    ]


@cache
def terra_is_there() -> bool:
    """Whether R and its package terra are installed."""
    words = ["Rscript", "-e", "library(terra)"]
    return bool(shutil.which("Rscript")) and not subprocess.run(words, capture_output=True, check=False).returncode


def block_mean(fine: NDArray, factor: int = 9) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean and number of finite pixels of each cell, written down once more so that tests do not trust the library."""
    rows, columns = fine.shape[0] // factor, fine.shape[1] // factor
    blocks = fine.astype(float).reshape(rows, factor, columns, factor)
    count = np.isfinite(blocks).sum(axis=(1, 3))
    with np.errstate(invalid="ignore"):
        return np.nansum(blocks, axis=(1, 3)) / count, count


def take_scene(demo: Path, folder: Path, scene: str, *others: str) -> None:
    """Take the scene of `demo` for one that differs from it in the granules of some other products alone."""
    link(demo / SCENES / "small-2021", folder / SCENES / scene)
    for product in others:
        shutil.rmtree(folder / SCENES / scene / product)
