"""Cells of M09 and distances on the ellipsoid, by nothing of what is tested but the grid."""

import numpy as np
from pyproj import Geod

from kilomoist.grids import M09, Window, geographic_from_ease

WGS84 = Geod(ellps="WGS84")
MONGOLIA = Window(202, 2992, 40, 64)
"""44.4° to 48.5° N."""


def cells(window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row, column, longitude, latitude of all cells of a window."""
    i, j = np.indices(window.shape).reshape(2, -1)
    longitude, latitude = geographic_from_ease(M09.x_centres(window)[j], M09.y_centres(window)[i])
    return i + window.row, j + window.column, longitude, latitude


def geodesic(longitude: np.ndarray, latitude: np.ndarray, to: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """All distances in m between two sets of points, without anything of what is tested."""
    i, j = np.indices((len(longitude), len(to[0]))).reshape(2, -1)
    return WGS84.inv(longitude[i], latitude[i], to[0][j], to[1][j])[2].reshape(len(longitude), -1)
