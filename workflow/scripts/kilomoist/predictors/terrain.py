"""Terrain: slope and aspect."""

import numpy as np
from numpy.typing import NDArray

from kilomoist.grids import M01, Window, geographic_from_ease
from kilomoist.rasters import Bands


def terrain(elevation: NDArray, window: Window) -> Bands:
    """Slope (degrees), northness and eastness, the horizontal part of the ground's unit normal, over an M01 window.

    `elevation` (m) is of the window and a pixel around it, (rows + 2, columns + 2). The normal's horizontal part is
    sin(slope) in the direction in which the ground falls: unlike an angle it can be averaged, and flat ground has 0.
    Gradients are Horn's (1981, doi 10.1109/PROC.1981.11918), over the pixels' sizes on the ground: a pixel at latitude
    φ is k·cos φ / √(1 − e² sin² φ) times its side wide, and as much shorter as it keeps its area (Snyder 1987, doi
    10.3133/pp1395, eq. 10-1 and 10-13). A missing neighbour continues the line from the opposite neighbour.
    """
    middle = elevation[1:-1, 1:-1]
    rows, columns = middle.shape
    around = {
        (down, right): elevation[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    }

    def height(down: int, right: int) -> NDArray[np.floating]:
        here, opposite = around[down, right], around[-down, -right]
        opposite = np.where(np.isfinite(opposite), opposite, middle)
        return np.where(np.isfinite(here), here, 2 * middle - opposite)

    latitude = geographic_from_ease(np.zeros(rows), np.clip(M01.y_centres(window), -M01.top, M01.top))[1]
    width = M01.side * _parallel_scale(latitude)[:, None]
    east = sum(weight * (height(n, 1) - height(n, -1)) for n, weight in ((-1, 1), (0, 2), (1, 1))) / (8 * width)
    length = M01.side**2 / width
    north = sum(weight * (height(-1, n) - height(1, n)) for n, weight in ((-1, 1), (0, 2), (1, 1))) / (8 * length)
    steep = np.where(np.isfinite(middle), np.hypot(east, north), np.nan)
    bands = {"slope": np.degrees(np.arctan(steep))}
    bands |= {"northness": -north / np.hypot(1, steep), "eastness": -east / np.hypot(1, steep)}
    return {name: band.astype(np.float32) for name, band in bands.items()}


def _parallel_scale(latitude: NDArray) -> NDArray[np.float64]:
    """Width on the ground of 1 m in EPSG:6933, at latitudes in degrees; its standard parallel is 30°."""
    sine, squared = np.sin(np.radians(latitude)), 0.00669437999014  # e² of WGS 84
    standard = np.cos(np.radians(30)) / np.sqrt(1 - squared * 0.25)
    return np.cos(np.radians(latitude)) / np.sqrt(1 - squared * sine**2) / standard
