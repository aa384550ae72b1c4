"""Jobs: a log file, a bound for GDAL's memory, one sentence instead of a traceback for what a user can mend."""

import gc
import inspect
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from kilomoist.disks import failing, unwritable
from kilomoist.errors import InputError

LOGGER = logging.getLogger("kilomoist")
CACHE = 128
"""MB of rasters that GDAL keeps: by its own default a share of the machine's memory, however large that is."""


class _Log(logging.StreamHandler):
    """A log that says on standard error, once, that it cannot be written; the job goes on without it."""

    def __init__(self, path: str | Path) -> None:
        self._path, self._is_whole = path, True
        try:
            super().__init__(_opened(path))
        except OSError as error:
            super().__init__(_opened(os.devnull))
            self._tell(error)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        error = sys.exception()
        if isinstance(error, OSError):
            self._tell(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):  # of what could not be written either, and is told
            self.stream.close()
        super().close()

    def _tell(self, error: OSError) -> None:
        if self._is_whole:
            print(f"Warning: {unwritable(self._path, error.strerror or str(error))}", file=sys.stderr)
        self._is_whole = False


def _opened(path: str | Path) -> TextIO:
    return open(path, "w", encoding="utf-8", errors="backslashreplace")


@contextmanager
def job(log: str | Path) -> Iterator[None]:
    """Write messages to `log`, the workflow's own to standard error too; end with status 1 after an `InputError`.

    So it does where a disk is full or fails, whatever was written there. Any other exception is a fault of the program:
    it is logged with its traceback and goes on. What numpy warns of, such as a division by zero, is in the log whatever
    Python was told to ignore. The last line tells the CPU time of the process and of those that it started.
    """
    os.environ.setdefault("GDAL_CACHEMAX", str(CACHE))  # GDAL reads it once, when the first raster is read
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(handlers=[_Log(log)], level=logging.INFO, format=form, force=True)
    logging.captureWarnings(True)
    warnings.simplefilter("default", RuntimeWarning)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.addFilter(lambda record: record.levelno < logging.ERROR)
    LOGGER.addHandler(terminal)
    try:
        yield
        # Snakemake's own benchmark looks at a job every half second, and after 15 s only twice a minute.
        logging.info("Took %.2f s of CPU.", sum(os.times()[:4]))
    except Exception as error:
        said = failing(error) if isinstance(error, OSError) else error
        if not isinstance(said, InputError):
            LOGGER.exception("This is a fault of the program, please report it with this log.")
            raise
        LOGGER.error("%s", said)
        print(f"Error: {said}", file=sys.stderr)
        sys.exit(1)
    finally:
        LOGGER.removeHandler(terminal)


def rule_script(function: Callable[..., None]) -> Callable[..., None]:
    """Decorator of the one function of a rule's script: it is called (`hand_over`) where Snakemake runs the script."""
    own = function.__globals__
    if own["__name__"] == "__main__":
        hand_over(own["snakemake"], function)
        gc.freeze()  # else all that was imported is looked through before the process ends, a third of a second
    return function


def hand_over(snakemake: Any, function: Callable[..., None]) -> None:
    """Call a script's function with its rule's inputs, outputs, params, wildcards and threads, each by its own name.

    Files become text, lists of files lists of text. Only `code`, and wildcards that it does not ask for, stay behind:
    for any other name too many, twice or missing raises a TypeError.
    """
    files = [*snakemake.input.items(), *snakemake.output.items()]
    plain = [(name, str(value) if isinstance(value, str) else list(map(str, value))) for name, value in files]
    named: dict[str, Any] = {}
    for name, value in [*plain, *snakemake.params.items()]:
        if name in named:
            raise TypeError(f"{snakemake.rule} has {name} twice among its inputs, outputs and params")
        named[name] = value
    named.pop("code", None)
    asked, others = inspect.signature(function).parameters, {**snakemake.wildcards, "threads": snakemake.threads}
    with job(snakemake.log[0]):
        function(**{name: value for name, value in others.items() if name in asked} | named)
