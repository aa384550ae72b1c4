"""Maps in a local projection, with outline, graticule and scale bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.features import geometry_window
from rasterio.transform import from_bounds
from rasterio.warp import reproject, transform_bounds
from shapely.geometry import box

from kilomoist.grids import geographic_from_ease, signed_longitude
from kilomoist.regions import region_area
from kilomoist.reporting.figures.pages import INK, MISSING, ROUND_STEPS, degrees_text
from kilomoist.texts import text

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top; in degrees west, south, east, north."""
Region = tuple[str | Path | None, Bounds | None, str | None]
"""Outline (any vector file), box in degrees, layer of the outline; without outline and box what a map covers counts."""
MAX_SIDE = 1500
"""Longest side in pixels of what is read and drawn of a map: bounds memory whatever the region."""
SLIMMEST = 0.4
"""Smallest ratio of a map's sides on the page."""


@dataclass(frozen=True)
class View:
    """Local projection within bounds, and the region in it, of a panel."""

    projection: str
    bounds: Bounds
    region: geopandas.GeoSeries

    def inches(self, widest: float) -> tuple[float, float]:
        """Width and height of a panel, at most `widest` wide and 6 high."""
        left, bottom, right, top = self.bounds
        aspect = (top - bottom) / (right - left)
        width = min(widest, 6 / aspect)
        return width, width * aspect


def view_of(path: str | Path, region: Region) -> tuple[View, dict[str, str]]:
    """View of the whole of a raster on EASE-Grid 2.0, with room for labels, and the raster's tags.

    The projection is Lambert azimuthal equal-area, in km, around the raster's centre.
    """
    with rasterio.open(path) as raster:
        footprint, crs, tags = tuple(raster.bounds), raster.crs, raster.tags()
    left, bottom, right, top = footprint
    longitude, latitude = geographic_from_ease((left + right) / 2, (bottom + top) / 2)
    projection = f"+proj=laea +lon_0={longitude:.4f} +lat_0={latitude:.4f} +datum=WGS84 +units=km +no_defs"
    bounds = roomy_bounds(transform_bounds(crs, projection, *footprint))
    return View(projection, bounds, _area(footprint, crs, *region).to_crs(projection)), tags


def roomy_bounds(bounds: Bounds) -> Bounds:
    """Bounds with their short side stretched to `SLIMMEST` of the long side, so that titles and labels fit."""
    left, bottom, right, top = bounds
    least = SLIMMEST * max(right - left, top - bottom)
    x, y = max(least - (right - left), 0) / 2, max(least - (top - bottom), 0) / 2
    return left - x, bottom - y, right + x, top + y


def _area(
    footprint: Bounds, crs: CRS, outline: str | Path | None, bbox: Bounds | None, layer: str | None
) -> geopandas.GeoSeries:
    """Area of the region; straight sides get corners in between, because they are curved in other projections."""
    if outline or bbox:  # across 180°, where files cut their outlines, in one piece
        return geopandas.GeoSeries([region_area(bbox, outline, layer=layer)], crs="EPSG:4326").segmentize(0.1)
    return geopandas.GeoSeries([box(*footprint)], crs=crs).segmentize(10_000)


def read_view(path: str | Path, view: View, resampling: Resampling = Resampling.average) -> NDArray[np.float32]:
    """Band 1 in a view, NaN where there is no value.

    At most `MAX_SIDE` pixels a side are read (from overviews, where the file has them) and returned.
    """
    left, bottom, right, top = view.bounds
    pixel = max(right - left, top - bottom) / MAX_SIDE
    shape = max(round((top - bottom) / pixel), 1), max(round((right - left) / pixel), 1)
    result = np.full(shape, np.nan, np.float32)
    with rasterio.open(path) as raster:
        window = geometry_window(raster, [box(*transform_bounds(view.projection, raster.crs, *view.bounds))])
        shrink = max(window.width / MAX_SIDE, window.height / MAX_SIDE, 1)
        rows, columns = max(round(window.height / shrink), 1), max(round(window.width / shrink), 1)
        values = raster.read(1, window=window, out_shape=(rows, columns), resampling=resampling)
        reproject(
            values.astype(np.float32),
            result,
            src_transform=from_bounds(*raster.window_bounds(window), columns, rows),
            src_crs=raster.crs,
            src_nodata=np.nan,
            dst_transform=from_bounds(*view.bounds, shape[1], shape[0]),
            dst_crs=view.projection,
            dst_nodata=np.nan,
            resampling=Resampling.nearest,  # cells must look like cells
        )
    return result


def colour_scale(maps: Sequence[NDArray[np.floating]], least: float = 0.01) -> Normalize:
    """Scale from the lowest 1st to the highest 99th percentile of the maps, so that all fit it; `least` wide or more.

    Below 0.01 m³/m³ colours would show noise.
    """
    ends = [np.percentile(values[np.isfinite(values)], [1, 99]) for values in maps if np.isfinite(values).any()]
    if not ends:
        return Normalize(0, 0.5)
    low, high = float(np.min(ends)), float(np.max(ends))
    margin = max(0.0, least - (high - low)) / 2
    return Normalize(low - margin, high + margin)


def draw_map(
    axes: Axes, values: NDArray[np.float32], view: View, norm: Normalize, colours: str | Colormap = "YlGnBu"
) -> AxesImage:
    """A map: the region in grey under the values, its outline above them, lines of longitude and latitude, scale."""
    left, bottom, right, top = view.bounds
    view.region.plot(ax=axes, facecolor=MISSING, edgecolor="none", zorder=0)
    extent = left, right, bottom, top
    image = axes.imshow(values, cmap=colours, norm=norm, extent=extent, interpolation="nearest", zorder=1)
    view.region.boundary.plot(ax=axes, color=INK, linewidth=0.8, zorder=3)
    _graticule(axes, view)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xlabel="", ylabel="")
    lengths = (step * 10.0**power for power in range(-2, 5) for step in ROUND_STEPS)
    length, thickness = max(km for km in lengths if km <= (right - left) / 4), (right - left) / 150
    bar = AnchoredSizeBar(
        axes.transData, length, text("figure.km", length=f"{length:g}"), "lower right", pad=0.3, size_vertical=thickness
    )
    bar.patch.set(linewidth=0, alpha=0.85)
    axes.add_artist(bar)
    if not np.isfinite(values).any():
        axes.text(0.5, 0.5, text("figure.no_value"), transform=axes.transAxes, ha="center", va="center", size=11)
    return image


def _graticule(axes: Axes, view: View) -> None:
    """Lines of longitude and latitude, labelled where they meet the lower and the left side."""
    left, bottom, right, top = view.bounds
    west, south, east, north = transform_bounds(view.projection, "EPSG:4326", *view.bounds)
    east += 360 * (east < west)
    project = Transformer.from_crs("EPSG:4326", view.projection, always_xy=True).transform
    look: dict[str, Any] = {"color": INK, "linewidth": 0.4, "alpha": 0.35, "zorder": 2}
    along = np.linspace(0, 1, 200)
    ticks: list[list[tuple[float, str]]] = [[], []]
    # A slim map has room for few labels along its short side.
    slim = (right - left) / (top - bottom)
    columns, rows = (MaxNLocator(int(np.clip(round(5 * room), 3, 5)), steps=ROUND_STEPS) for room in (slim, 1 / slim))
    for longitude in columns.tick_values(west, east):
        x, y = project(np.full(along.size, longitude), south + along * (north - south))
        axes.plot(x, y, **look)
        ticks[0].append(
            (float(np.interp(bottom, y, x)), degrees_text(signed_longitude(longitude), "figure.east", "figure.west"))
        )
    for latitude in rows.tick_values(south, north):
        x, y = project(west + along * (east - west), np.full(along.size, latitude))
        axes.plot(x, y, **look)
        ticks[1].append((float(np.interp(left, x, y)), degrees_text(latitude, "figure.north", "figure.south")))
    for axis, marks in zip((axes.xaxis, axes.yaxis), ticks, strict=True):
        axis.set_ticks(*zip(*marks, strict=True))
