"""Jobs: messages when something goes wrong, and the hand-over by name."""

import errno
import logging
import os
import re
import runpy
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from snakemake.iocontainers import Namedlist

from kilomoist.errors import InputError
from kilomoist.jobs import CACHE, LOGGER, hand_over, job

SENTENCE = "granule.hdf is cut off: fetch it again."


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`job` sets up the logging of its whole process, and GDAL's memory."""
    monkeypatch.setenv("GDAL_CACHEMAX", "64")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize("cause", [None, KeyError("missing")])
def test_what_a_user_can_mend_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cause: Exception | None
) -> None:
    """Without a traceback, whatever it came from."""
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit) as caught, job(log):
        raise InputError(SENTENCE) from cause
    assert caught.value.code == 1
    streams = capsys.readouterr()
    assert streams.err == f"Error: {SENTENCE}\n"
    assert streams.out == ""
    (line,) = log.read_text().splitlines()
    assert line.endswith(f"ERROR {SENTENCE}")


@pytest.mark.parametrize("kind", [ValueError, MemoryError, OSError])
def test_faults_of_the_program_go_on_and_are_logged(tmp_path: Path, kind: type[Exception]) -> None:
    log = tmp_path / "job.log"
    with pytest.raises(kind, match="wild"), job(log):
        raise kind("something wild")
    text = log.read_text()
    assert "This is a fault of the program, please report it with this log." in text
    assert "Traceback (most recent call last)" in text
    assert f"{kind.__name__}: something wild" in text


def test_the_log_begins_anew_and_holds_messages_and_warnings(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    log.write_text("of an earlier run\n")
    with job(log):
        LOGGER.info("α is %.2f", 0.5)
        logging.getLogger("another").warning("odd")
        LOGGER.debug("not shown")
        warnings.warn("mind the gap", RuntimeWarning, stacklevel=1)
    text = log.read_text()
    assert "INFO α is 0.50\n" in text
    assert "WARNING odd\n" in text
    assert "mind the gap" in text
    assert "not shown" not in text
    assert "earlier" not in text


def test_the_log_ends_with_the_cpu_time_of_the_job_and_what_it_started(tmp_path: Path) -> None:
    """That of a child too, which uses more than Python's start."""
    before = sum(os.times()[:4])
    with job(tmp_path / "job.log"):
        subprocess.run([sys.executable, "-c", "while __import__('time').process_time() < 0.5: pass"], check=True)
    after = sum(os.times()[:4])
    (took,) = re.findall(r"Took ([\d.]+) s of CPU\.$", (tmp_path / "job.log").read_text())
    assert before + 0.5 <= float(took) + 0.01
    assert float(took) <= after + 0.01


def test_what_numpy_warns_of_is_in_the_log_of_each_job(tmp_path: Path) -> None:
    """Whatever Python was told, as by PYTHONWARNINGS."""
    warnings.simplefilter("ignore")
    for name in ("first", "second"):
        with job(tmp_path / name):
            np.divide(np.ones(3), np.zeros(3))
        assert "RuntimeWarning: divide by zero encountered in divide" in (tmp_path / name).read_text()


def test_jobs_one_after_another_have_logs_of_their_own(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with job(tmp_path / name):
            LOGGER.info("this is %s", name)
    for name in ("first", "second"):
        line, took = (tmp_path / name).read_text().splitlines()
        assert line.endswith(f"INFO this is {name}")
        assert " Took " in took


def test_memory_of_gdal_is_bounded_unless_the_user_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for set_before, expected in ((True, "64"), (False, str(CACHE))):
        if not set_before:
            monkeypatch.delenv("GDAL_CACHEMAX")
        with job(tmp_path / "log"):
            assert os.environ["GDAL_CACHEMAX"] == expected


class Handed:
    """Snakemake's object of a job, as far as `hand_over` asks."""

    rule, threads = "stack_block", 2

    def __init__(self, log: Path, **params: object) -> None:
        self.log = [log]
        self.input = Namedlist(fromdict={"stack": "stack.tif", "blocks": ["a.tif", "b.tif"], "outline": []})
        self.output = Namedlist(fromdict={"cells": "cells.tif"})
        self._params = {"use": ["ndvi"], "interval": 0.9, "code": "0123", **params}
        self.wildcards = Namedlist(fromdict={"region": "khangai", "month": "2021-08"})

    @property
    def params(self) -> Namedlist:
        """A new object each time, as Snakemake gives it."""
        return Namedlist(fromdict=self._params)


@pytest.mark.parametrize(("run_name", "told"), [("__main__", "cells.tif\n"), ("stack_block", "")])
def test_a_script_is_called_where_snakemake_runs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run_name: str, told: str
) -> None:
    script = tmp_path / "stack_block.py"
    script.write_text(
        "from kilomoist.jobs import rule_script\n\n@rule_script\ndef stack_block(*, cells, **_):\n    print(cells)\n"
    )
    runpy.run_path(str(script), {"snakemake": Handed(tmp_path / "job.log")}, run_name)
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("first", "seldom"),
    [("snakemake = type('Job', (), {'rule': 'stack_block'})", True), ("import snakemake", False), ("", False)],
)
def test_garbage_is_looked_for_seldom_in_a_job_alone(first: str, seldom: bool) -> None:
    """Not in a notebook that imports Snakemake, too."""
    lines = ["import gc", first, "before = gc.get_threshold()[0]", "import kilomoist"]
    lines += ["print(gc.isenabled(), gc.get_threshold()[0] > before)"]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout == f"True {seldom}\n"


def test_everything_is_handed_over_by_its_name(tmp_path: Path) -> None:
    seen = {}

    def stack_block(*, threads: int, month: str, **files: object) -> None:
        seen.update(files, threads=threads, month=month)

    hand_over(Handed(tmp_path / "job.log"), stack_block)
    files = {"stack": "stack.tif", "blocks": ["a.tif", "b.tif"], "outline": [], "cells": "cells.tif"}
    assert seen == files | {"use": ["ndvi"], "interval": 0.9, "threads": 2, "month": "2021-08"}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"samples": "", "extra": 1}, "unexpected keyword argument 'extra'"),
        ({"samples": "", "cells": 1}, "stack_block has cells twice among its inputs"),
        ({}, "missing .* 'samples'"),
    ],
)
def test_a_name_too_many_twice_or_missing_is_refused(tmp_path: Path, params: dict, message: str) -> None:
    def stack_block(
        *, stack: str, blocks: list, outline: list, cells: str, use: list, interval: float, samples: str
    ) -> None:
        raise AssertionError(f"called with {stack}, {blocks}, {outline}, {cells}, {use}, {interval}, {samples}")

    with pytest.raises(TypeError, match=message):
        hand_over(Handed(tmp_path / "job.log", **params), stack_block)


def test_a_full_disk_is_one_sentence_wherever_it_is_met(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of a temporary file that no writer of the workflow's own opened."""
    with pytest.raises(SystemExit) as caught, job(tmp_path / "job.log"):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "scratch"))
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"Error: {tmp_path / 'scratch'} cannot be written (No space left on device); ")
    assert said.count("\n") == 1


def test_a_log_that_cannot_be_opened_is_said_once_and_the_job_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        logging.getLogger("another").warning("nowhere")
        raise InputError(SENTENCE)

    with pytest.raises(SystemExit), job(tmp_path):  # a folder
        fail()
    warning, error = capsys.readouterr().err.splitlines()
    assert warning.startswith(f"Warning: {tmp_path} cannot be written (Is a directory); ")
    assert error == f"Error: {SENTENCE}"


def test_a_message_that_cannot_be_made_is_no_fault_of_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", True)
    with job(tmp_path / "job.log"):
        logging.getLogger("another").info("%d is no number", "one")
    assert "TypeError: %d format" in capsys.readouterr().err
