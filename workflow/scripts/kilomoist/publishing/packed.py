"""Rasters as text in a page: whole steps of a quantity, filtered, deflated, in base64."""

import base64
import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOISTURE_STEP = 0.0005
"""m³/m³: no value in a page is further than half of it from the raster's."""
LEVELS = 250
"""Steps over the range of what is only looked at."""
_MOST = 65_534
"""Steps that 16 bits tell apart, beside the code of no value."""


@dataclass(frozen=True)
class Packed:
    """A raster of whole steps in a page: what its script needs to know of it, and its text."""

    about: dict[str, Any]
    text: str


def steps_of(values: NDArray[np.floating], step: float) -> NDArray[np.float64]:
    """Values in whole steps, NaN where there is no value."""
    return np.round(values.astype(np.float64) / step)


def round_step(values: NDArray[np.floating], levels: int = LEVELS) -> float:
    """The smallest of 1, 2 and 5 times a power of ten by which the range of the values has at most so many steps."""
    finite = values[np.isfinite(values)]
    span = float(np.ptp(finite)) if finite.size else 0.0
    if span == 0:
        return 0.001
    least = span / levels
    power = 10.0 ** math.floor(math.log10(least))
    return next(
        float(f"{step:.0e}") for step in (power, 2 * power, 5 * power, 10 * power) if step >= least * (1 - 1e-9)
    )


def digits_of(step: float) -> int:
    """Decimals of a number in these steps."""
    return max(0, -math.floor(math.log10(step) + 1e-9))


def pack(name: str, steps: NDArray[np.floating], step: float, factor: int = 1, *, smooth: bool = True) -> Packed:
    """Pack whole steps (NaN: no value) of a raster whose pixels are `factor` times larger than those of 1 km.

    Codes count from the smallest step, from 1; 0 is no value. Of a `smooth` raster each row holds the differences from
    the left neighbour, zigzag. Low bytes come before high bytes. Raises ValueError where 16 bits do not suffice.
    """
    known = np.isfinite(steps)
    first = int(steps[known].min()) if known.any() else 0
    codes = np.where(known, np.nan_to_num(steps) - first + 1, 0).astype(np.int64)
    if codes.max(initial=0) > _MOST:
        raise ValueError(f"{name} has {codes.max()} steps of {step}")
    if smooth:
        change = np.diff(codes, axis=1, prepend=0).astype(np.int16)  # modulo 2¹⁶
        codes = ((change << 1) ^ (change >> 15)).view(np.uint16)
    planes = np.stack([codes & 255, codes >> 8]).astype(np.uint8).tobytes()
    rows, columns = steps.shape
    about = {"name": name, "rows": rows, "columns": columns, "step": step, "first": first, "factor": factor}
    return Packed(about | {"differences": smooth}, base64.b64encode(zlib.compress(planes, 9)).decode("ascii"))
