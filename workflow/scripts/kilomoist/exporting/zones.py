"""Means of a map over zones, such as provinces, weighted by the area that each pixel shares with them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import shapely
from exactextract import exact_extract
from exactextract.feature import JSONFeatureSource
from exactextract.raster import NumPyRasterSource
from numpy.typing import NDArray

from kilomoist.exporting.bands import RunBands
from kilomoist.grids import M01, Window, ease_from_geographic
from kilomoist.outlines import Zones
from kilomoist.quality_flags import FLAGS
from kilomoist.regions import on_globe, projected

_KM2, _DIGITS = 1e6, 4


def zone_table(zones: Zones, run: RunBands) -> pd.DataFrame:
    """Area-weighted means of a run over zones, a row each; empty where no pixel with a value lies in one.

    Pixels of EASE-Grid 2.0 have equal areas, so that shares of pixels are weights. `soil_moisture_9km` is of the pixels
    that have a value in the map. `lower_mean` and `upper_mean` are means of the pixels' interval, no interval of the
    mean.
    """
    rows = []
    for name, area in zip(zones.names, zones.areas, strict=True):
        flat = projected(area, ease_from_geographic)
        pixels, shares = _pixels_in(flat, run.window)
        rows.append({"zone": name, "area_km2": round(flat.area / _KM2, 1), **_means(run, pixels, shares, flat.area)})
    return pd.DataFrame(rows)


def _pixels_in(area: shapely.Geometry, window: Window) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Flat places in a window of pixels that share something with an area of the grid, and the share of each."""
    found = list(_pieces_in(area, window))
    pixels, shares = ([piece[part] for piece in found] for part in (0, 1))
    return np.concatenate([*pixels, np.zeros(0, np.int64)]), np.concatenate([*shares, np.zeros(0)])


def _pieces_in(area: shapely.Geometry, window: Window) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(area)}
    for piece, columns in M01.on_globe(window):  # a window across 180° is two
        cut = M01.cut(piece)
        right, bottom = cut.left + cut.columns * cut.side, cut.top - cut.rows * cut.side
        grid = NumPyRasterSource(np.zeros(piece.shape, np.uint8), cut.left, bottom, right, cut.top)
        (told,) = exact_extract(grid, JSONFeatureSource([feature]), ["cell_id", "coverage"])
        row, column = np.divmod(np.asarray(told["properties"]["cell_id"], np.int64), cut.columns)
        yield row * window.columns + columns.start + column, np.asarray(told["properties"]["coverage"], float)


def _means(run: RunBands, pixels: NDArray[np.int64], shares: NDArray[np.float64], area: float) -> dict[str, Any]:
    """Values of a zone's row."""
    moisture = run.bands["soil_moisture"].ravel()[pixels]
    there = np.isfinite(moisture)
    weights, flags = shares[there], run.quality.ravel()[pixels][there]
    counted = weights.sum()
    named = {"lower": "lower_mean", "upper": "upper_mean"}

    def mean(values: NDArray[Any]) -> float:
        known = np.isfinite(values)
        total = weights[known].sum()
        return round(float(values[known] @ weights[known] / total), _DIGITS) if total else np.nan

    return {
        "pixels": round(float(counted), 1),
        "covered": round(float(counted * M01.side**2 / area), _DIGITS),
        **{named.get(name, name): mean(band.ravel()[pixels][there]) for name, band in run.bands.items()},
        **{
            f"share_{name}": mean((flags >> flag.bit & 1).astype(float))
            for name, flag in FLAGS.items()
            if name != "no_value"
        },
    }


def zone_features(zones: Zones, table: pd.DataFrame) -> dict[str, Any]:
    """GeoJSON of zones in degrees with the values of their `zone_table`; what is empty there is null."""
    features = [
        {
            "type": "Feature",
            "properties": {name: None if pd.isna(value) else value for name, value in row.items()},
            "geometry": shapely.geometry.mapping(shapely.transform(on_globe(area), lambda points: points.round(6))),
        }
        for row, area in zip(table.to_dict("records"), zones.areas, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}
