"""The range of autocorrelation that jobs take from a variogram, without what fits one."""

import math
from pathlib import Path

from kilomoist.files import own_file, read_json


def read_range(path: str | Path) -> float:
    """The range of autocorrelation, m, of a variogram that a job wrote. Raises `InputError` for anything else."""
    with own_file(path, "a variogram"):
        found = read_json(path)["autocorrelation_range"]
        if not (isinstance(found, float) and 0 <= found < math.inf):
            raise ValueError(f"its range is {found}")
        return found
