"""Warp from a tile to the 1 km EASE-Grid: means over the true footprints of pixels.

GDAL's `average` takes an axis-parallel box in the source grid, which is sheared far from its central meridian: the box
is much wider than the pixel (at 105° E, 47° N an LST pixel would enter 6 × 2 pixels instead of 3 × 2). Here pixels are
cut into strips along the source rows, over which the mean is exact.
"""

import numpy as np
from numpy.typing import NDArray

from kilomoist.grids import SPHERE_RADIUS, Grid, Window, latitude_edges, longitude_edges, sinusoidal_from_geographic

_STRAIGHT = 0.01
"""Source columns: sides that slant less within a strip are taken as upright, where the exact formula would divide a
difference of large numbers by nearly nothing."""
_ROWS_AT_ONCE = 64
"""Target rows handled together: some tens of MB for windows thousands of columns wide."""


def window_under(source: Grid, target: Window) -> Window | None:
    """Window of a sinusoidal tile that holds the footprints of an M01 window; None where they lie beside the tile."""
    edges = sinusoidal_from_geographic(longitude_edges(target), latitude_edges(target)[:, None])
    rows, columns = source.locate(*edges)
    first, left = int(rows.min()), int(columns.min())
    return Window(first, left, int(rows.max()) + 1 - first, int(columns.max()) + 1 - left).overlap(source.window)


def sum_footprints(
    layers: NDArray[np.floating], source: Grid, target: Window, first_row: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area-weighted sums of sinusoidal layers over the pixels of an M01 window.

    `layers` is (layers, rows, columns) over the `source` tile from `first_row` on, as far as the window's footprints
    reach (`window_under`), NaN where there is no value. Returns two arrays (layers, *target.shape): the sum of value ×
    share, and the sum of shares, the parts of the pixel's area that valid source pixels cover. Their ratio is the mean;
    the sums of several tiles add up.

    A pixel of EASE-Grid 2.0 spans a range of longitudes and of latitudes. A source row at latitude φ has x = R·λ·cos φ,
    so the pixel covers an interval of columns there. Pixels are cut into strips at the edges of the source rows, in
    which their sides are straight lines (cos φ is linear to 1e-8 over a source row): the integral over the slanted
    strip is exactly a difference of the row's values, summed up twice.
    """
    sums = np.zeros((len(layers), *target.shape))
    shares = np.zeros_like(sums)
    longitudes = np.radians(longitude_edges(target))
    positions = (source.top - SPHERE_RADIUS * np.radians(latitude_edges(target))) / source.side
    for start in range(0, target.rows, _ROWS_AT_ONCE):
        edges = positions[start : start + _ROWS_AT_ONCE + 1]
        first, last = max(0, int(np.floor(edges[0]))), min(source.rows, int(np.ceil(edges[-1])))
        if first >= last:
            continue
        cuts = np.union1d(edges, np.arange(first, last + 1))
        cuts = cuts[(cuts >= max(edges[0], first)) & (cuts <= min(edges[-1], last))]
        middles, heights = (cuts[:-1] + cuts[1:]) / 2, np.diff(cuts)
        target_row = np.searchsorted(edges, middles, side="right") - 1

        latitudes = (source.top - cuts * source.side) / SPHERE_RADIUS
        columns = (SPHERE_RADIUS * np.cos(latitudes)[:, None] * longitudes - source.left) / source.side
        inside = (columns[:, 1:] > 0).any(axis=0) & (columns[:, :-1] < source.columns).any(axis=0)
        if not inside.any():
            continue
        left, right = np.flatnonzero(inside)[[0, -1]]
        columns = columns[:, left : right + 2]
        # Not from the first column that is needed: sums from another column would have other last bits.
        east = min(source.columns, int(np.ceil(columns.max())))
        widths = np.diff((columns[:-1] + columns[1:]) / 2, axis=1)
        area = heights[:, None] / np.diff(edges)[target_row][:, None] / widths
        # Rounding must leave nothing of a tile in pixels beside it, or chunks of a map would differ from the whole.
        area[np.maximum(columns[:-1], columns[1:])[:, 1:] <= 0] = 0
        area[np.minimum(columns[:-1], columns[1:])[:, :-1] >= source.columns] = 0
        rows, starts = np.unique(target_row, return_index=True)
        strips = _Strips(np.floor(middles).astype(int) - first, columns, east, area, starts)
        here = slice(left, right + 1)
        for number, layer in enumerate(layers[:, first - first_row : last - first_row, :east]):
            valid = np.isfinite(layer)
            shares[number, start + rows, here] = strips.sums(valid)
            sums[number, start + rows, here] = strips.sums(np.where(valid, layer, 0))
    return sums, shares


class _Strips:
    """Strips of target pixels through source rows, between slanted lines.

    `row` is each strip's source row, `lines` the columns of the lines at the strips' edges (strips + 1, lines), of
    `columns` columns, `area` each part's share of its pixel (strips, lines − 1), `starts` a target row's first strip.
    """

    def __init__(self, row: NDArray[np.int64], lines: NDArray, columns: int, area: NDArray, starts: NDArray) -> None:
        self.row, self.area, self.starts = row, area, starts
        above, below = lines[:-1], lines[1:]
        self.slant = below - above
        self.straight = np.abs(self.slant) < _STRAIGHT
        self.ends = [self._place(position, columns) for position in (above, below)]
        self.middle = self._place((above + below) / 2, columns) if self.straight.any() else None
        self.found: list[tuple[NDArray, NDArray]] = []

    def sums(self, values: NDArray) -> NDArray[np.float64]:
        """Sum of value × share over each pixel, (target rows, lines − 1).

        A mean and its days, and often all layers of a product, are valid at the same pixels; days are often the same:
        what was found of the same values is not found again.
        """
        for known, result in self.found:
            if np.array_equal(known, values):
                return result
        parts = self.integrate(values.astype(float)) * self.area if values.any() else np.zeros_like(self.area)
        self.found.append((values, np.add.reduceat(parts, self.starts, axis=0)))
        return self.found[-1][1]

    def _place(self, position: NDArray, columns: int) -> tuple[NDArray, NDArray, NDArray | None]:
        """Flat index of the source pixel at a position, its part to the left, and columns beyond the tile."""
        clipped = np.clip(position, 0, columns)
        whole = np.minimum(clipped.astype(np.int64), columns - 1)
        beyond = np.maximum(position - columns, 0)
        return self.row[:, None] * columns + whole, clipped - whole, beyond if beyond.any() else None

    def integrate(self, values: NDArray) -> NDArray:
        """Mean over each strip of the sum of a row's values between two neighbouring lines, (strips, lines − 1)."""
        once = np.cumsum(values, axis=1) - values  # sum left of each source pixel
        twice = once + values / 2
        twice = np.cumsum(twice, axis=1) - twice

        def sum_up(place: tuple[NDArray, NDArray, NDArray | None]) -> NDArray:
            index, part, beyond = place
            result = values.take(index, mode="clip")  # the quickest way to take by a flat index
            result *= part / 2
            result += once.take(index, mode="clip")
            result *= part
            result += twice.take(index, mode="clip")
            if beyond is not None:
                result += beyond * values.sum(axis=1)[self.row][:, None]
            return result

        above, below = map(sum_up, self.ends)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = (below - above) / self.slant
        if self.middle is not None:
            index, part, _ = self.middle
            left = np.where(self.straight, once.take(index) + part * values.take(index), left)
        return np.diff(left, axis=1)
