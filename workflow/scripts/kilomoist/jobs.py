"""Jobs: a log file, a bound for GDAL's memory, one sentence instead of a traceback for what a user can mend."""

import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kilomoist.errors import InputError

LOGGER = logging.getLogger("kilomoist")
CACHE = 128
"""MB of rasters that GDAL keeps: by its own default a share of the machine's memory, however large that is."""


@contextmanager
def job(log: str | Path) -> Iterator[None]:
    """Write messages to `log`, the workflow's own to standard error too; end with status 1 after an `InputError`.

    Any other exception is a fault of the program: it is logged with its traceback and goes on.
    """
    os.environ.setdefault("GDAL_CACHEMAX", str(CACHE))  # GDAL reads it once, when the first raster is read
    logging.basicConfig(
        filename=log, filemode="w", level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    logging.captureWarnings(True)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.addFilter(lambda record: record.levelno < logging.ERROR)
    LOGGER.addHandler(terminal)
    try:
        yield
    except InputError as error:
        LOGGER.error("%s", error)
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception:
        LOGGER.exception("This is a fault of the program, please report it with this log.")
        raise
    finally:
        LOGGER.removeHandler(terminal)


def rule_script(function: Callable[..., None]) -> Callable[..., None]:
    """Decorator of the one function of a rule's script: it is called (`hand_over`) where Snakemake runs the script."""
    own = function.__globals__
    if own["__name__"] == "__main__":
        hand_over(own["snakemake"], function)
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
