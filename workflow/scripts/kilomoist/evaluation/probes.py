"""What a field probe shows of its pixel: how far its place in the pixel and its days in the month move it.

Coverage of the map's intervals at field points: of the pattern, of the value, and of what a probe shows.

Both are standard deviations in m³/m³, measured where the points allow; otherwise they are those of the OzNet network
(Yanco, Australia, 2016–2021: Yu et al. 2025, github.com/yuyi13/OzNet_AOA).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.evaluation.distances import chord_length, geocentric
from kilomoist.evaluation.field_pixels import cells_of
from kilomoist.evaluation.variograms import MIN_PAIRS

REPRESENTATIVENESS = 19e-4**0.5
"""Root of the semivariance of monthly means of OzNet's 7 pairs of sites nearer than `NEAR`, 302 pairs of months: an
upper guess, with the probes' own calibration."""
TEMPORAL = 0.046
"""Scatter of OzNet's daily values about the mean of their month."""
NEAR = 1500.0
"""m: about the diagonal of a pixel."""


def representativeness_error(values: NDArray, longitude: NDArray, latitude: NDArray) -> tuple[float, int]:
    """Standard deviation of points from the mean of their pixel, and the pairs it is from: NaN below `MIN_PAIRS`.

    The variance of points within a pixel is the mean semivariance of the pairs in it (Journel and Huijbregts 1978,
    Mining Geostatistics, II.C.1); here of all pairs nearer than `NEAR`, the nugget with what rises up to there, and
    with what the days of single visits add. All arguments (n,), of one month.
    """
    from scipy.spatial import KDTree

    if not len(values):
        return np.nan, 0
    pairs = KDTree(geocentric(longitude, latitude)).query_pairs(float(chord_length(NEAR)), output_type="ndarray")
    if len(pairs) < MIN_PAIRS:
        return np.nan, len(pairs)
    first, second = np.asarray(values, float)[pairs.T]
    return float(np.sqrt(np.mean((first - second) ** 2) / 2)), len(pairs)


def temporal_scatter(visits: pd.DataFrame) -> tuple[float, int]:
    """Standard deviation of days about the mean of their month at a point, and its degrees of freedom.

    `visits` have id, longitude, latitude, date and soil_moisture, of any months; those of a day are averaged. NaN below
    `MIN_PAIRS` degrees of freedom. Days that follow each other are alike, so that few of them say too little.
    """
    place, date = ["id", "longitude", "latitude"], visits["date"]
    days = visits.groupby([*place, date.dt.normalize()])["soil_moisture"].mean().reset_index()
    months = days.groupby([*place, days["date"].dt.to_period("M")])["soil_moisture"]
    degrees = len(days) - months.ngroups
    if degrees < MIN_PAIRS:
        return np.nan, degrees
    return float(np.sqrt(((days["soil_moisture"] - months.transform("mean")) ** 2).sum() / degrees)), degrees


def probe_interval(
    value: NDArray, ends: tuple[NDArray, NDArray], deviation: NDArray, nominal: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper end of what a probe shows with probability `nominal`: √(half² + (z·deviation)²) to each side.

    `ends` are those of the value's interval, `deviation` the standard deviation of the probe from its pixel's mean of
    the month; m³/m³, (n,) all.
    """
    from scipy.special import ndtri

    own = ndtri((1 + nominal) / 2) * deviation
    return value - np.hypot(value - ends[0], own), value + np.hypot(ends[1] - value, own)


def coverage_interval(inside: NDArray[np.bool_], cells: NDArray) -> tuple[float, float]:
    """95 % interval of the share of points inside of theirs (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    `cells` (n,) name the 9 km cell of each, whose points weigh as one in the effective number (Σn)² / Σn² (Kish 1965).
    """
    if not len(inside):
        return np.nan, np.nan
    _, counts = np.unique(cells, return_counts=True)
    n, share, z = len(inside) ** 2 / (counts**2).sum(), inside.mean(), 1.959964
    center, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float((center - half) / (1 + z**2 / n)), float((center + half) / (1 + z**2 / n))


def field_coverage(pixels: pd.DataFrame, deviation: NDArray, nominal: float) -> pd.DataFrame:
    """Coverage of the map's intervals at the pixels with field points: a row an interval, widths in m³/m³.

    `pixels` are rows of `tables/field_points.csv` with the bands of `interval.tif`; `deviation` (n,) is that of
    `probe_interval`. The interval of coverage is that of `coverage_interval`.
    """
    fine, observed, lower, upper, inner_lower, inner_upper = (
        pixels[name].to_numpy(float)
        for name in ("fine", "observed", "lower", "upper", "conditional_lower", "conditional_upper")
    )
    cells = cells_of(pixels).groupby(["row", "column"]).ngroup().to_numpy()
    ends = {"conditional": (inner_lower, inner_upper), "total": (lower, upper)}
    ends["probe"] = probe_interval(fine, (lower, upper), deviation, nominal)
    rows = []
    for name, (below, above) in ends.items():
        inside = (observed >= below) & (observed <= above)
        low, high = coverage_interval(inside, cells)
        share, width = (inside.mean(), (above - below).mean()) if len(inside) else (np.nan, np.nan)
        found = {"coverage": share, "coverage_low": low, "coverage_high": high, "width": width}
        rows.append({"interval": name, "n": len(inside), "nominal": nominal} | found)
    return pd.DataFrame(rows)
