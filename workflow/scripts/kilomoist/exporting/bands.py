"""What a run says of each pixel of 1 km, read from its rasters."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kilomoist.cells import repeated
from kilomoist.grids import CELL_SIDE, M01, M09, Window
from kilomoist.rasters import mosaic


@dataclass(frozen=True)
class RunBands:
    """Arrays over a window of pixels: m³/m³ by name, NaN where there is no value, and flags."""

    bands: dict[str, NDArray[np.floating]]
    """`soil_moisture`, `soil_moisture_9km` of each pixel's cell, and the `lower` and `upper` of an interval, if any."""
    quality: NDArray[np.uint8]
    window: Window


def read_bands(map_: str | Path, target: str | Path, quality: str | Path, interval: Sequence[str | Path]) -> RunBands:
    """Bands of the rasters of a run; `interval` is none or one."""
    bands, window = mosaic([map_], M01)
    cells, covered = mosaic([target], M09)
    own = cells["soil_moisture"][window.coarsened(CELL_SIDE).within(covered)]
    bands["soil_moisture_9km"] = repeated(own, CELL_SIDE)
    for path in interval:
        bands |= mosaic([path], M01, ["lower", "upper"])[0]
    return RunBands(bands, mosaic([quality], M01)[0]["quality"], window)
