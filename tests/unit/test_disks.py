"""Disks that are full or fail: one sentence, whatever is written, and nothing half-written."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from workflow_runs import ROOT

from kilomoist.disks import NEED, UnwritableError, failing, room, size_text, unwritable, written

WRITERS = 20
SENTENCE = (
    r"{file} cannot be written \([^()]+\); [\d.]+ .B of [\d.]+ .B are free on the file system at /\S*; "
    r"all of the run needs about 12 GB: make its folder writable, make room, or use another --directory\."
)
COMPILER = shutil.which("gcc") or shutil.which("cc")


def failing_writes(folder: Path) -> dict[str, str]:
    """Environment of a process whose writes fail as it is told; without a compiler, files of one size at the most."""
    if not (COMPILER and sys.platform == "linux"):
        return {}
    library = folder / "failing_writes.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, ROOT / "tests/failing_writes.c", "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def test_every_writer_says_what_cannot_be_written(tmp_path: Path) -> None:
    """On disks that take nothing, or a few kB of each file: full ones, and ones that fail."""
    preloaded = failing_writes(tmp_path)
    reasons = {errno.ENOSPC: "No space left on device", errno.EIO: "Input/output error"}
    disks = [f"{number}:{room}" for number, room in ((errno.EIO, 0), (errno.EIO, 4096), (errno.ENOSPC, 4096))]
    path = f"{ROOT / 'workflow/scripts'}:{ROOT / 'tests'}"
    child = subprocess.run(
        [sys.executable, ROOT / "tests/all_writers.py", tmp_path, *disks],
        env=os.environ | preloaded | {"PYTHONPATH": path, NEED: str(12 * 10**9)},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr[-3000:]
    assert "Traceback" not in child.stderr
    found = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(found) == WRITERS * len(disks)
    for case in found:
        reason = reasons[int(case["disk"].split(":")[0])] if preloaded else "File too large"
        if case["file"].endswith("job.log"):  # the job goes on without it
            assert case["said"] == []
            case["said"] = ["UnwritableError", next(line for line in child.stderr.splitlines() if case["file"] in line)]
            case["said"][1] = case["said"][1].removeprefix("Warning: ")
        else:
            assert case["left"] == [], case
        kind, said = case["said"]
        assert kind == "UnwritableError", case
        assert re.fullmatch(SENTENCE.format(file=re.escape(case["file"])), said), said
        assert f"({reason})" in said
    assert child.stderr.count("Warning: ") == len(disks)
    assert child.stderr.count("Error: The sentence of a job.\n") == len(disks)


def write(partial: Path, error: Exception) -> None:
    with written(partial.with_name("map.tif"), partial):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("HDF5 does not tell"), ValueError("nor does it"), OSError("nor this")])
def test_the_disk_is_asked_where_a_library_does_not_tell(tmp_path: Path, error: Exception) -> None:
    """Of a disk that takes something the error is another one, and goes on as it is."""
    with pytest.raises(type(error), match=str(error)):
        write(tmp_path / "partial.tif", error)
    with pytest.raises(UnwritableError, match=r"/gone/map\.tif cannot be written \(No such file or directory\); "):
        write(tmp_path / "gone" / "partial.tif", error)
    assert list(tmp_path.iterdir()) == []


def test_errors_of_any_write_are_told_from_others() -> None:
    full = failing(OSError(errno.ENOSPC, "full", "scratch/x.bin"))
    assert str(full).startswith("scratch/x.bin cannot be written (No space left on device); ")
    assert str(failing(OSError(errno.EDQUOT, "full"))).startswith("A file cannot be written (Disk quota exceeded); ")
    assert failing(FileNotFoundError(errno.ENOENT, "absent", "scratch/x.bin")) is None
    assert failing(OSError("a library's")) is None


def test_room_is_that_of_the_file_system(tmp_path: Path) -> None:
    """Also where folders are not there yet; without the run's need where it is not known."""
    mount, free, size = room(tmp_path / "not" / "yet" / "there.tif")
    usage = shutil.disk_usage(tmp_path)
    assert os.path.ismount(mount)
    assert tmp_path.is_relative_to(mount)
    assert abs(free - usage.free) < 10**9
    assert size == usage.total
    assert "needs" not in str(unwritable(tmp_path / "map.tif", "full"))


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 kB"),
        (4096, "4.1 kB"),
        (999_949, "1 MB"),
        (2_500_000, "2.5 MB"),
        (12e9, "12 GB"),
        (3.14159e12, "3.14 TB"),
    ],
)
def test_sizes_are_said_in_units_of_a_thousand(size: float, said: str) -> None:
    assert size_text(size) == said
