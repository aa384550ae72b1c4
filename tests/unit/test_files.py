"""Files that appear complete or not at all."""

import errno
import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from little_room import little_room
from workflow_runs import ROOT, environment, leave_half_a_file

from kilomoist.errors import InputError
from kilomoist.files import read_json, remove_abandoned, replaced, sha256, write_json


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.tif"
    with replaced(path) as partial:
        assert partial.parent == path.parent
        assert partial.suffix == ".tif"
        assert partial != path
        partial.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, InputError, OSError])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")

    def write() -> None:
        with replaced(path) as partial:
            partial.write_text("half")
            raise error("stopped")

    with pytest.raises(error, match="stopped"):
        write()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def fill_the_disk(folder: Path) -> None:
    """Begin to write a folder, in which a file does not find room."""
    with replaced(folder) as partial:
        partial.mkdir()
        raise OSError(errno.ENOSPC, "full", str(partial / "chunk"))


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    """In the place of an older one, of which nothing stays; a file in it that cannot be written is told."""
    folder = tmp_path / "store"
    for name in ("old", "new"):
        with replaced(folder) as partial:
            partial.mkdir()
            (partial / name).touch()
            assert [path.name for path in folder.glob("*")] == (["old"] if name == "new" else [])
    assert [path.name for path in folder.iterdir()] == ["new"]
    with pytest.raises(InputError, match=r"store cannot be written \(No space left on device\)"):
        fill_the_disk(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_file_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replaced(tmp_path / "file.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    """A job that was killed, and its successor."""
    path = tmp_path / "file.txt"
    left = leave_half_a_file(path)
    assert not path.exists()
    with replaced(path) as partial:
        assert partial != left
        partial.write_text("whole")
    assert path.read_text() == "whole"


def test_only_what_no_living_process_writes_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    dead = leave_half_a_file(path)
    recent, old = (dead.with_name(dead.name.replace(socket.gethostname(), f"node{number}")) for number in (1, 2))
    contained = dead.with_name(re.sub(r"\+\d+@", "+1@", dead.name))  # of a container that has this host's name
    for elsewhere, days in ((recent, 6), (old, 8), (contained, 6)):
        elsewhere.touch()
        os.utime(elsewhere, times=(time.time() - days * 24 * 3600,) * 2)
    with replaced(path) as own:
        own.write_text("whole")
        os.utime(own, times=(0, 0))
        remove_abandoned(tmp_path)
        assert set(path.parent.iterdir()) == {own, recent, contained}
    assert path.read_text() == "whole"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells when a process began")
def test_a_killed_process_is_dead_though_its_number_is_still_in_use(tmp_path: Path) -> None:
    """By itself, where its parent does not take notice, and by another process that got it."""
    code = "import sys, time; from kilomoist.files import replaced\n"
    code += "with replaced(sys.argv[1]) as partial: partial.touch(); print('begun', flush=True); time.sleep(60)"
    variables = environment() | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    path = tmp_path / "file.txt"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env=variables) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
        remove_abandoned(tmp_path)
        (left,) = tmp_path.iterdir()
        assert f"-{writer.pid}." in left.name
        again = left.with_name(left.name.replace(f"-{writer.pid}.", f"-{os.getpid()}."))
        again.touch()
        writer.kill()
        os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)
        os.kill(writer.pid, 0)  # its number is still in use
        remove_abandoned(tmp_path)
        assert list(tmp_path.iterdir()) == []


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, list(range(2000)))
    stop = threading.Event()
    wrong: list[Exception] = []

    def read() -> None:
        while not stop.is_set():
            try:
                assert len(read_json(path)) == 2000
            except Exception as error:  # kept for the test's own thread
                wrong.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        write_json(path, list(range(2000)))
    stop.set()
    reader.join()
    assert wrong == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match=r"cannot be written \(Permission denied\); .*: make its folder writable"):
        write_json(folder / "file.json", {})


@pytest.mark.parametrize("method", ["mkdir", "write_text"])
def test_refused_permission_is_one_sentence(tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, method, refuse)
    with pytest.raises(InputError) as caught:
        write_json(tmp_path / "file.json", {})
    said = r"file\.json cannot be written \(Permission denied\); \S+ .B of \S+ .B are free on the file system at /\S*: "
    advice = r"make its folder writable, make room, or use another --directory\."
    assert re.fullmatch(rf"{tmp_path}/{said}{advice}", str(caught.value))


def test_checksums() -> None:
    assert sha256(__file__) == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def test_json_has_one_form(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2.5, None], "a": "Ürümqi"})
    write_json(tmp_path / "b.json", {"a": "Ürümqi", "b": [1, 2.5, None]})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == {"a": "Ürümqi", "b": [1, 2.5, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "c.json", {"a": float("nan")})
    assert not (tmp_path / "c.json").exists()


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with (
        little_room(100),
        pytest.raises(InputError, match=r"file\.json cannot be written \(File too large\); .* make room"),
    ):
        write_json(path, list(range(2000)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_read_meanwhile_is_not_the_one_that_cannot_be_written(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()

    def copy() -> None:
        with replaced(tmp_path / "file.txt") as partial:
            partial.write_text((other / "granule").read_text())

    with pytest.raises(NotADirectoryError) as caught:
        copy()
    assert caught.value.filename == str(other / "granule")


def test_nothing_stays_of_a_folder_in_which_threads_write_on_after_the_error(tmp_path: Path) -> None:
    """As those of zarr do when one of them finds the disk full."""
    begun, ended = threading.Event(), threading.Event()

    def write_on(folder: Path) -> None:
        for number in range(200):
            try:
                (folder / "chunks").mkdir(parents=True, exist_ok=True)
                (folder / f"chunks/{number}").write_bytes(b"")
            except FileNotFoundError:  # deleted in between
                pass
            begun.set()
            time.sleep(0.002)
        ended.set()

    def fail() -> None:
        with replaced(tmp_path / "store.zarr") as partial:
            threading.Thread(target=write_on, args=(partial,)).start()
            begun.wait()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ended.wait(10)
    assert list(tmp_path.iterdir()) == []
