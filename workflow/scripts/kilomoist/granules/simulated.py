"""The mark of a simulated granule."""

import os
from pathlib import Path

_ENDS = 1 << 13
"""Bytes at either end of a granule in which its own attributes lie."""


def is_simulated(path: str | Path) -> bool:
    """Whether a granule says of itself that this project simulated it (`eos`); what cannot be read says nothing.

    Its attributes lie at the end of an HDF4 file and at the beginning of an HDF5 file: little is read, because each job
    of a cluster asks.
    """
    try:
        with open(path, "rb") as file:
            ends = file.read(_ENDS)
            file.seek(max(os.fstat(file.fileno()).st_size - _ENDS, 0))
            return b"kilomoist" in ends + file.read()
    except OSError:  # whoever needs what is in it tells what is wrong
        return False
