"""A Python that has imported what Snakemake and the jobs import, and forks itself for each program it is asked to run.

Hundreds of tests start Snakemake and a job or two each, and most of their time is spent importing the same libraries. A
program that runs here has arguments, directory, environment and streams of its own. Where the start itself matters it
is not run here: the whole run that others read (`demo`), killed runs, copies of the workflow, clusters.
"""

import atexit
import gc
import json
import os
import pkgutil
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow/scripts"


class WarmPython:
    """The process that forks; it ends with the one that started it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self._address = str(Path(self._folder.name, "socket"))
        # What stands where Snakemake looks for the interpreter of its scripts.
        self._interpreter = Path(self._folder.name, "python")
        words = shlex.join([sys.executable, "-IS", __file__, "run", self._address])
        self._interpreter.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        self._interpreter.chmod(0o755)
        words = [sys.executable, __file__, "serve", self._address, str(self._interpreter)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it listens

    def run(self, request: Mapping[str, Any], output: int, timeout: float) -> int:
        """Run `python arguments…` with its standard output and error in a file; returns its exit code.

        A request holds `arguments`, `cwd`, `env` and whether the library is `ours`: jobs of another one start as usual.
        """
        with open(os.devnull) as nothing:
            return ask(self._address, request, [nothing.fileno(), output, output], timeout)

    def close(self) -> None:
        self._process.communicate()
        self._folder.cleanup()


def ask(address: str, request: Mapping[str, Any], streams: Sequence[int], timeout: float | None = None) -> int:
    """Have a program run, and wait for its exit code; it is killed if this process ends. Raises TimeoutError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        text = json.dumps(request).encode()
        socket.send_fds(connection, [len(text).to_bytes(8, "big")], list(streams))
        connection.sendall(text)
        connection.settimeout(timeout)
        answer = connection.recv(8)
        assert answer, "the warm Python has ended"
        return int(answer)


def serve(address: str, interpreter: str) -> None:
    """Import everything, then fork for each connection until the process that started this one has ended."""
    sys.path.insert(0, str(SCRIPTS))
    import kilomoist
    from kilomoist.dependencies import fingerprint

    for module in pkgutil.walk_packages(kilomoist.__path__, "kilomoist."):
        import_module(module.name)
    for script in SCRIPTS.glob("*.py"):
        fingerprint(ROOT / "workflow/rules/../scripts" / script.name)  # as Snakemake says it
    for name in ("snakemake.executors.dryrun", "snakemake.executors.local", "nbformat"):
        import_module(name)
    import_module("snakemake.cli").get_argument_parser()  # imports its plugins
    sys.path.remove(str(SCRIPTS))
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that end
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print(flush=True)
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in ready:  # closed
                return
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                keep(connection, interpreter)
            connection.close()


def keep(connection: socket.socket, interpreter: str) -> None:
    """Run one program in a process of its own, kill it if who asked has ended, tell its exit code, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    header, streams, _, _ = socket.recv_fds(connection, 8, 3)
    text = b""
    while len(text) < int.from_bytes(header, "big"):
        text += connection.recv(1 << 16)
    ended, open_until_then = os.pipe()
    child = os.fork()
    if child == 0:
        connection.close()
        program(json.loads(text), streams, interpreter)
    os.close(open_until_then)
    ready, _, _ = select.select([connection, ended], [], [])
    if ended not in ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if ended in ready:
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def program(request: Mapping[str, Any], streams: Sequence[int], interpreter: str) -> NoReturn:
    """Be what `python arguments…` is in a new process."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    tempfile.tempdir = None
    status: int | str | None = None
    try:
        run(request, interpreter)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    end(status)


def run(request: Mapping[str, Any], interpreter: str) -> None:
    """Run a module or a file as the main program."""
    first, *rest = request["arguments"]
    if first == "-m":
        if request["ours"]:
            sys.executable = interpreter
        else:
            for name in [name for name in sys.modules if name.partition(".")[0] == "kilomoist"]:
                del sys.modules[name]
        sys.argv = rest
        sys.path.insert(0, request["cwd"])
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        sys.path.insert(0, str(Path(first).resolve().parent))
        runpy.run_path(first, run_name="__main__")


def end(status: int | str | None) -> NoReturn:
    """End as an interpreter does, but leave the memory to the system: to take all apart takes 0.3 s."""
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    else:
        asked = {"arguments": sys.argv[3:], "cwd": os.getcwd(), "env": dict(os.environ), "ours": True}
        sys.exit(ask(sys.argv[2], asked, [0, 1, 2]))
