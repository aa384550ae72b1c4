"""What every job does around its work: a log file, a bound for GDAL's memory, one sentence instead of a traceback for
what a user can mend.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kilomoist.errors import InputError

LOGGER = logging.getLogger("kilomoist")
CACHE = 128
"""MB of rasters that GDAL keeps: by its own default a share of the machine's memory, however large that is."""


@contextmanager
def job(log: str | Path) -> Iterator[None]:
    """Write messages to `log`, the workflow's own to standard error too; end with status 1 after an `InputError`.

    Its sentence goes to both. Any other exception goes on with its traceback, which is logged too: it is a fault of the
    program.
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
