"""One warp from a MODIS tile to the 1 km EASE-Grid: means over the true footprints of pixels.

GDAL's `average` takes an axis-parallel box in the source grid. Far from its central meridian the sinusoidal grid is
sheared and that box is much wider than the pixel (at 105° E, 47° N one LST pixel would enter 6 × 2 pixels instead of
3 × 2). Here each pixel is cut into strips along the source rows; within a strip the mean along the row is exact.
"""

import numpy as np
from numpy.typing import NDArray

from kilomoist.grids import SPHERE_RADIUS, Grid, Window, latitude_edges, longitude_edges

_LARGEST_STEP = 0.5
"""How far, in source columns, the sides of a pixel may move within a strip that is taken as a rectangle."""
_ROWS_AT_ONCE = 64
"""Target rows handled together: bounds memory to some tens of MB for windows thousands of columns wide."""


def sum_footprints(
    layers: NDArray[np.floating], source: Grid, target: Window
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area-weighted sums of sinusoidal layers over the pixels of an M01 window.

    `layers` is (layers, rows, columns) over the whole `source` tile, NaN where there is no value. Returns two arrays
    (layers, *target.shape): the sum of value × share, and the sum of shares, where a share is the part of the
    pixel's area that a valid source pixel covers. Their ratio is the mean; the sums of several tiles add up.

    A pixel of EASE-Grid 2.0 spans a range of longitudes and of latitudes. A source row at latitude φ has
    x = R·λ·cos φ, so the pixel covers one interval of columns there. Each pixel is cut at the edges of the source
    rows, and further where the grid is sheared; in each strip φ is that of its middle, and the integral along the
    source row is exact (a difference of its cumulative sum).
    """
    sums = np.zeros((len(layers), *target.shape))
    shares = np.zeros_like(sums)
    longitudes = np.radians(longitude_edges(target))
    # Edges of the target's rows, counted in source rows from the tile's top.
    positions = (source.top - SPHERE_RADIUS * np.radians(latitude_edges(target))) / source.side
    # From the top to the bottom of a source row the pixel's sides move by λ·sin φ columns.
    shear = np.abs(longitudes).max() * np.sin(np.abs(np.radians(latitude_edges(target)))).max()
    finer = max(1, int(np.ceil(shear / _LARGEST_STEP)))
    for start in range(0, target.rows, _ROWS_AT_ONCE):
        edges = positions[start : start + _ROWS_AT_ONCE + 1]
        first, last = max(0, int(np.floor(edges[0]))), min(source.rows, int(np.ceil(edges[-1])))
        if first >= last:
            continue
        cuts = np.union1d(edges, np.arange(first * finer, last * finer + 1) / finer)
        cuts = cuts[(cuts >= max(edges[0], first)) & (cuts <= min(edges[-1], last))]
        middles, heights = (cuts[:-1] + cuts[1:]) / 2, np.diff(cuts)
        strip_row = np.floor(middles).astype(int) - first
        target_row = np.searchsorted(edges, middles, side="right") - 1

        latitudes = (source.top - middles * source.side) / SPHERE_RADIUS
        columns = (SPHERE_RADIUS * np.cos(latitudes)[:, None] * longitudes - source.left) / source.side
        inside = (columns[:, 1:] > 0).any(axis=0) & (columns[:, :-1] < source.columns).any(axis=0)
        if not inside.any():
            continue
        left, right = np.flatnonzero(inside)[[0, -1]]
        columns = columns[:, left : right + 2]

        clipped = np.clip(columns, 0, source.columns)
        whole = np.minimum(clipped.astype(np.int64), source.columns - 1)
        part = clipped - whole
        flat = strip_row[:, None] * source.columns + whole
        area = heights[:, None] / np.diff(edges)[target_row][:, None] / np.diff(columns, axis=1)
        rows, starts = np.unique(target_row, return_index=True)
        here = slice(left, right + 1)
        for number, layer in enumerate(layers[:, first:last]):
            valid = np.isfinite(layer)
            for into, row_values in ((sums, np.where(valid, layer, 0.0)), (shares, valid.astype(float))):
                before = np.cumsum(row_values, axis=1, dtype=float) - row_values
                integral = before.ravel()[flat] + part * row_values.ravel()[flat]
                strips = np.diff(integral, axis=1) * area
                into[number, start + rows, here] = np.add.reduceat(strips, starts, axis=0)
    return sums, shares
