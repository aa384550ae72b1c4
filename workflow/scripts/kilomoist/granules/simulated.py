"""The mark of a simulated granule."""

import os
from collections.abc import Sequence
from pathlib import Path

MARK = "kilomoist"
"""Attribute of a file by which a granule says that this project simulated it."""
_ENDS = 1 << 13
"""Bytes in which a file's own attributes lie: at the end of HDF4, at the beginning of HDF5."""


def is_simulated(path: str | Path) -> bool:
    """Mark of a simulated granule: True where the file holds it; what cannot be read holds none."""
    try:
        with open(path, "rb") as file:
            ends = file.read(_ENDS)
            file.seek(max(os.fstat(file.fileno()).st_size - _ENDS, 0))
            return MARK.encode() in ends + file.read()
    except OSError:  # whoever needs what is in it tells what is wrong
        return False


def describe_source(source: str, granules: Sequence[str | Path]) -> str:
    """The configuration's `source` as maps tell it: an archive may hold simulated granules, as the first tells."""
    simulated = source == "archive" and any(map(is_simulated, granules[:1]))
    return "archive of simulated granules" if simulated else source
