"""Pictures of a run: correlations, importances, partial dependence, predictions, maps, flags, shifts, field points.

Every function draws one page, writes it as a PNG whose bytes depend on its input alone, and returns the figure.
Colours keep their order for colour-blind readers and in print without colour.
"""

import math
from calendar import month_name
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import rasterio
from matplotlib import colormaps, style
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window
from shapely.geometry import box

from kilomoist.files import replaced
from kilomoist.grids import EASE_CRS, geographic_from_ease, signed_longitude
from kilomoist.maps import FLAGS, NO_FLAG, SEVERITY, most_severe, severity_colours
from kilomoist.regions import region_area

if TYPE_CHECKING:
    import geopandas

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top; in degrees west, south, east, north."""

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "figure.dpi": 180,
}
BLUE, ORANGE, INK, FAINT, MISSING = "#0072B2", "#E69F00", "#222222", "#666666", "#BDBDBD"
MOISTURE_COLOURS = "YlGnBu"
CORRELATION_COLOURS = "RdBu_r"
COUNT_COLOURS = ListedColormap(colormaps["Blues"](np.linspace(0.3, 1, 256)))
"""Without the palest blues: a single cell must be seen on white."""
MOISTURE_UNIT = "m³/m³"
NO_FIELD_POINTS = (
    "No field points lie on the maps.\nSet field_points in the configuration to compare with measurements."
)
NO_VALUE = "no value in this map"
NO_CELLS = "no cells"

MAXIMUM_SIDE = 1500
"""Longest side in pixels of what is read and drawn of a map: bounds memory whatever the region."""
SLIMMEST = 0.4
"""Smallest ratio of a map's sides on the page."""
ZOOM_SIDE = 100.0
"""Shorter side of the enlarged window in km; at most a third of the region's."""
ROUND_STEPS = (1, 2, 5, 10)
MOST_COLUMNS = 6
"""Panels beside each other: more go on in the next line."""
DENSE = 1000
"""More points than this are drawn as counts, because dots would hide each other."""

LABELS = {
    "target": "Soil moisture",
    "soil_moisture": "Soil moisture",
    "ndvi": "NDVI",
    "evi": "EVI",
    "lst_day": "LST, day",
    "lst_night": "LST, night",
    "lst_range": "LST, range",
    "elevation": "Elevation",
    "slope": "Slope",
    "northness": "Northness",
    "eastness": "Eastness",
    "absolute": "Method absolute (the study's)",
    "detail": "Method detail",
}
"""How columns and methods are called in print; others are printed as they are, without underscores."""


_SOURCES = {
    "simulated": "simulated data",
    "archive": "granules of an archive",
    "archive of simulated granules": "simulated data",
    "earthdata": "NASA granules (earthdata)",
}


@dataclass(frozen=True)
class Caption:
    """What every figure says about its data; `month` is `YYYY-MM`."""

    region: str
    month: str
    source: str
    """A key of `_SOURCES`."""

    def __str__(self) -> str:
        year, month = self.month.split("-")
        return f"{self.region}  ·  {month_name[int(month)]} {year}  ·  {_SOURCES[self.source]}"


def draw_correlation(path: str | Path, table: pd.DataFrame, caption: Caption) -> Figure:
    """Correlations of every pair of variables as a triangle of coloured cells (figure 2 of the study).

    `table` has columns first, second, r, n, effective_n, p_effective with each pair once or in both orders; variables
    keep its order.
    """
    table = table[table["first"] != table["second"]]
    names = list(dict.fromkeys([*table["first"], *table["second"]]))
    position = {name: index for index, name in enumerate(names)}
    r, p = np.full((2, len(names), len(names)), np.nan)
    for row in table.itertuples():
        high, low = sorted((position[row.first], position[row.second]), reverse=True)
        r[high, low], p[high, low] = row.r, row.p_effective
    r, p = r[1:, :-1], p[1:, :-1]
    note = (
        f"n = {_span(table['n'])} cells, whose neighbours are alike: worth {_span(table['effective_n'])}\n"
        "independent ones (Dutilleul's effective sample size), by which  ** p < 0.01,  * p < 0.05"
    )

    side = 0.9 * len(r)
    with _page(path, "Correlation of the monthly 9 km values", caption, note, (max(2.6 + side, 5.6), 2 + side)) as page:
        axes = page.subplots()
        colours = colormaps[CORRELATION_COLOURS]
        image = axes.imshow(r, cmap=colours, vmin=-1, vmax=1)
        for (row, column), value in np.ndenumerate(r):
            if column > row:
                continue
            text = "–" if np.isnan(value) else _signed(value, 2) + _stars(p[row, column])
            axes.text(column, row, text, ha="center", va="center", color=_readable(colours, (value + 1) / 2), size=11)
        axes.hlines(np.arange(len(r) - 1) + 0.5, -0.5, len(r) - 0.5, color="white")
        axes.vlines(np.arange(len(r) - 1) + 0.5, -0.5, len(r) - 0.5, color="white")
        labels = [_label(name) for name in names]
        axes.set_xticks(range(len(r)), labels[:-1], rotation=0 if len(r) < 6 else 90)
        axes.set_yticks(range(len(r)), labels[1:])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        page.colorbar(image, ax=axes, label="Pearson r", shrink=0.9, ticks=[-1, -0.5, 0, 0.5, 1])
    return page


def draw_importance(path: str | Path, table: pd.DataFrame, caption: Caption) -> Figure:
    """Importance of every predictor and group of predictors, a row of panels a method (figure 3 of the study).

    Left what shuffling adds to the error on blocks held out, with its standard deviation over the folds; right shares
    in percent. `table` has columns method, predictor, entry (`predictor` or `group`), impurity_percent,
    permutation_percent, rmse, rmse_growth, rmse_growth_sd (m³/m³) and vif.
    """
    methods = list(dict.fromkeys(table["method"]))
    first = table[table["method"] == methods[0]]
    # From below: groups, then predictors, the largest of the first method on top; the others keep that order.
    order = list(first.sort_values(["entry", "rmse_growth"])["predictor"])
    groups = int((first["entry"] == "group").sum())
    kinds = [("permutation_percent", "permutation", ORANGE), ("impurity_percent", "impurity", BLUE)]
    if table["impurity_percent"].isna().all():  # the learner has no splits to ask
        kinds = kinds[:1]
    notes = [
        "Permutation: error that shuffling adds on blocks that models had not seen; ± 1 standard deviation over folds.",
        ("Impurity: variance that splits remove in the training rows.  " if kinds[1:] else "")
        + "VIF: variance inflation factor, 1 where the other predictors tell nothing.",
    ]
    if groups:
        notes.append("Below the line: predictors of one origin, shuffled together; shares are among such groups.")

    size = 9, 0.9 + 0.2 * len(notes) + len(methods) * (0.9 + 0.46 * len(order))
    with _page(path, "Importance of the predictors", caption, "\n".join(notes), size) as page:
        panels = page.subplots(len(methods), 2, sharey="row", squeeze=False)
        for (growth, shares), method in zip(panels, methods, strict=True):
            rows = table[table["method"] == method].set_index("predictor")
            rows = rows.loc[[name for name in order if name in rows.index]]
            places = np.arange(len(rows)) + np.where(np.arange(len(rows)) < groups, 0, 0.3)
            _draw_growth(growth, places, rows)
            for offset, (column, label, colour) in zip((-0.19, 0.19) if kinds[1:] else (0,), kinds, strict=True):
                values = rows[column].to_numpy(float)
                bars = shares.barh(places + offset, values, height=0.36, color=colour, label=label)
                texts = ["" if np.isnan(value) else f"{_signed(value, 0)} %" for value in values]
                shares.bar_label(bars, texts, padding=3, size=8)
            shares.set(xlim=(0, 116), xlabel="Share (%)", xticks=range(0, 101, 20))
            growth.set_title(_label(method))
            growth.set_yticks(places, [_with_inflation(name, rows.loc[name, "vif"]) for name in rows.index])
            for axes in (growth, shares):
                axes.axvline(0, color=INK, linewidth=0.6)
                if groups:
                    axes.axhline(groups - 0.35, color=FAINT, linewidth=0.6, linestyle=":")
                axes.tick_params(axis="y", length=0)
                axes.spines[["top", "right", "left"]].set_visible(False)
            shares.spines["bottom"].set_bounds(0, 100)
        handles = [Patch(color=colour, label=label) for _, label, colour in reversed(kinds)]
        page.legend(handles=handles, loc="outside lower center", ncols=2)
    return page


def _draw_growth(axes: Axes, places: NDArray, rows: pd.DataFrame) -> None:
    """What shuffling adds to the RMSE, a bar a row of the table, with its standard deviation and the number."""
    mean, spread = rows["rmse_growth"].to_numpy(), rows["rmse_growth_sd"].to_numpy()
    axes.barh(places, mean, height=0.5, color=ORANGE)
    axes.errorbar(mean, places, xerr=spread, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.5)
    ends = np.maximum(mean + spread, 0)
    for place, value, end in zip(places, mean, ends, strict=True):
        axes.annotate(_signed(value, 4), (end, place), xytext=(5, 0), textcoords="offset points", va="center", size=8)
    low, high = min(float((mean - spread).min()), 0), max(float(ends.max()), 1e-4)  # room for what adds nothing
    axes.set(xlim=(low - 0.03 * (high - low), high + 0.2 * (high - low)))
    axes.set_xlabel(f"Added to an RMSE of {rows['rmse'].iloc[0]:.3f} by shuffling ({MOISTURE_UNIT})")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=ROUND_STEPS))


def draw_partial_dependence(path: str | Path, table: pd.DataFrame, caption: Caption) -> Figure:
    """What a model predicts on average when one predictor takes each of many values; a row of panels a method.

    `table` has columns method, predictor, unit, value, prediction (m³/m³), and minimum, p05, p95, maximum of the
    predictor in the training rows.
    """
    methods = list(dict.fromkeys(table["method"]))
    notes = [
        "Mean prediction over training rows with one predictor set to each value and the others left as they are.",
        "Beyond the training rows nothing was learned: a forest goes on as at their edge, a linear trend straight on.",
    ]
    if "detail" in methods:
        notes.append("Method detail: both axes are deviations from the mean over coarse cells, interpolated.")
    # Deviations within cells are taken by `absolute` alone.
    taken = {method: list(dict.fromkeys(rows["predictor"])) for method, rows in table.groupby("method")}
    lines = [(method, part) for method in methods for part in _lines(taken[method])]
    columns = max(len(part) for _, part in lines)
    size = max(2.5 * columns + 1, 6.6), 1.1 + 0.2 * len(notes) + 2.6 * len(lines)
    with _page(path, "Partial dependence of predicted soil moisture", caption, "\n".join(notes), size) as page:
        panels = page.subplots(len(lines), columns, sharey="row", squeeze=False)
        for row, (method, part) in zip(panels, lines, strict=True):
            deviation = ":\ndeviation from coarse cells" if method == "detail" else ""
            for axes in row[len(part) :]:
                axes.set_axis_off()
            for axes, name in zip(row, part, strict=False):
                rows = table[(table["method"] == method) & (table["predictor"] == name)]
                first = rows.iloc[0]
                axes.axvspan(first["p05"], first["p95"], color=MISSING, alpha=0.4, linewidth=0)
                for end in ("minimum", "maximum"):
                    axes.axvline(first[end], color=FAINT, linewidth=0.9, linestyle="--")
                axes.plot(rows["value"], rows["prediction"], color=BLUE, linewidth=1.6)
                unit = "" if str(first["unit"]) == "1" else f" ({first['unit']})"
                axes.set_xlabel(f"{_label(name)}{deviation}{unit}")
                axes.margins(x=0)
                for axis in (axes.xaxis, axes.yaxis):
                    axis.set_major_locator(MaxNLocator(5, steps=ROUND_STEPS))
                axes.spines[["top", "right"]].set_visible(False)
            row[0].set_title(_label(method))
            row[0].set_ylabel(f"Soil moisture{deviation} ({MOISTURE_UNIT})")
        handles = [
            Line2D([], [], color=BLUE, linewidth=1.6, label="mean prediction"),
            Patch(color=MISSING, alpha=0.4, label="5–95 % of the training rows"),
            Line2D([], [], color=FAINT, linewidth=0.9, linestyle="--", label="their minimum and maximum"),
        ]
        page.legend(handles=handles, loc="outside lower center", ncols=3)
    return page


def draw_predicted_observed(path: str | Path, frame: pd.DataFrame, scores: pd.DataFrame, caption: Caption) -> Figure:
    """Predicted against observed 9 km cells, training and test apart (figure 4 of the study).

    `frame` has columns observed, predicted (m³/m³) and split (`train` or `test`); `scores` has protocol (`train`, or
    `random` for the test cells), n, r, r2, rmse, ubrmse, bias, which are printed and not computed again.
    """
    frame = frame.dropna(subset=["observed", "predicted"])
    limits = _limits(frame["observed"], frame["predicted"])
    panels = [("train", "train", "Training cells"), ("test", "random", "Test cells (random split)")]
    note = "Neighbouring cells sit in both halves of a random split: the test score is not the accuracy at 1 km."
    scores = scores[scores["method"] == "absolute"]
    if len(scores):
        first = scores.iloc[0]
        note = f"{_label(first['method'])}, {_label(first['model'])}: the model that the study scores.\n{note}"
    with _page(path, "Predicted against observed soil moisture at 9 km", caption, note, (9, 5.2)) as page:
        both = page.subplots(1, 2, sharex=True, sharey=True)
        counts = []
        for axes, (split, protocol, title) in zip(both, panels, strict=True):
            part = frame[frame["split"] == split]
            if len(frame) > DENSE:
                # Regular hexagons are √3 times as high as they are apart in a row.
                counts.append(
                    axes.hexbin(
                        part["observed"],
                        part["predicted"],
                        gridsize=(60, 35),
                        extent=(*limits, *limits),
                        mincnt=1,
                        cmap=COUNT_COLOURS,
                        linewidths=0,
                    )
                )
            else:
                axes.scatter(part["observed"], part["predicted"], s=12, color=BLUE, alpha=0.6, linewidths=0)
            _compare(axes, title, limits, scores[scores["protocol"] == protocol])
            axes.set_xlabel(f"Observed ({MOISTURE_UNIT})")
            if part.empty:
                axes.text(0.5, 0.25, NO_CELLS, transform=axes.transAxes, ha="center", color=FAINT, size=11)
        both[0].set_ylabel(f"Predicted ({MOISTURE_UNIT})")
        if counts:
            largest = max((float(count.get_array().max()) for count in counts if len(count.get_array())), default=1.0)
            norm = LogNorm(1, max(largest, 2))
            for count in counts:
                count.set_norm(norm)
            ticks = [digit * 10**power for power in range(6) for digit in ROUND_STEPS[:3]]
            ticks = [tick for tick in ticks if tick <= norm.vmax]
            bar = page.colorbar(
                counts[0], ax=both, label="Cells per hexagon", shrink=0.8, ticks=ticks, format="{x:,.0f}"
            )
            bar.minorticks_off()
    return page


def draw_field_validation(path: str | Path, frame: pd.DataFrame, table: pd.DataFrame, caption: Caption) -> Figure:
    """Both maps against field measurements (figures 6 and 7 of the study); a page that says so when there are none.

    `frame` has columns observed, coarse (9 km) and fine (1 km) in m³/m³, one row a pixel; `table` has map (`9 km`,
    `1 km`), n, r, p, rmse, ubrmse, bias, which are printed and not computed again.
    """
    frame = frame.dropna(subset=["observed"]).dropna(subset=["coarse", "fine"], how="all")
    with _page(path, "The maps against field measurements", caption, "", (9, 5) if len(frame) else (7, 3)) as page:
        if frame.empty:
            axes = page.subplots()
            axes.set_axis_off()
            axes.text(0.5, 0.5, NO_FIELD_POINTS, ha="center", va="center", color=FAINT, size=11, linespacing=1.6)
            return page
        limits = _limits(frame["observed"], frame["coarse"], frame["fine"])
        both = page.subplots(1, 2, sharex=True, sharey=True)
        for axes, column, name in zip(both, ("coarse", "fine"), ("9 km", "1 km"), strict=True):
            part = frame[["observed", column]].dropna()
            axes.scatter(part["observed"], part[column], s=16, color=BLUE, alpha=0.6, linewidths=0)
            if part["observed"].nunique() > 2:
                slope, intercept = np.polyfit(part["observed"], part[column], 1)
                ends = np.array([part["observed"].min(), part["observed"].max()])
                axes.plot(ends, slope * ends + intercept, color=ORANGE, linewidth=1.5, label="least squares")
            _compare(axes, f"Map at {name}", limits, table[table["map"] == name])
            axes.set_xlabel(f"Measured ({MOISTURE_UNIT})")
        both[0].set_ylabel(f"Map ({MOISTURE_UNIT})")
    return page


def draw_maps(
    path: str | Path,
    coarse_path: str | Path,
    fine_path: str | Path,
    caption: Caption,
    outline_path: str | Path | None = None,
    bbox: Bounds | None = None,
) -> Figure:
    """Both maps side by side, whole and enlarged, with one colour scale (figure 5 of the study).

    Reads band 1 (m³/m³, NaN where there is no value) of `soil_moisture_9km.tif` and `soil_moisture.tif`. The region is
    the `outline_path` (any vector file), else the `bbox` in degrees, else what the 1 km map covers.
    """
    with rasterio.open(fine_path) as raster:
        footprint, crs, tags = tuple(raster.bounds), raster.crs, raster.tags()
    projection = _local_projection(footprint)
    bounds = _roomy(transform_bounds(crs, projection, *footprint))
    region = _region(footprint, crs, outline_path, bbox).to_crs(projection)
    views = [(bounds, _read(source, projection, bounds)) for source in (coarse_path, fine_path)]
    scale = _colour_scale([values for _, values in views])
    note = _made_by(tags) + "Colours span the 2nd to 98th percentile of the maps."
    zoom = _most_varied(views[1][1], bounds)
    if zoom:
        views += [(zoom, _read(source, projection, zoom)) for source in (coarse_path, fine_path)]
        note += "  c, d: the rectangle in a, b, a well-filled part where the 1 km map varies most."
    titles = ("a   Target at 9 km", "b   Predicted at 1 km", "c   Target, enlarged", "d   Predicted, enlarged")

    left, bottom, right, top = bounds
    aspect = (top - bottom) / (right - left)
    width = min(4.4, 6 / aspect)  # of a panel, in inches
    size = 2 * width + 2.2, 1.5 + (width * aspect + 0.6) * (len(views) // 2)
    with _page(path, "Soil moisture, monthly mean", caption, note, size) as page:
        panels = page.subplots(len(views) // 2, 2, squeeze=False)
        for axes, title, (view, values) in zip(panels.flat, titles, views, strict=False):
            image = _draw_map(axes, values, view, projection, region, scale)
            axes.set_title(title)
        for axes in panels[:, 1]:
            axes.tick_params(labelleft=False)
        if zoom:
            for axes in panels[0]:
                frame = Rectangle(zoom[:2], zoom[2] - zoom[0], zoom[3] - zoom[1], fill=False, color=INK, linewidth=1.4)
                frame.set_path_effects([withStroke(linewidth=3, foreground="white")])
                axes.add_patch(frame)
        page.colorbar(
            image,
            ax=panels,
            label=f"Soil moisture ({MOISTURE_UNIT})",
            extend="both",
            extendfrac=0.04,
            shrink=0.8,
            aspect=30,
        )
        page.legend(
            handles=[Patch(color=MISSING, label="no value"), Line2D([], [], color=INK, linewidth=1, label="region")],
            loc="outside lower center",
            ncols=2,
        )
    return page


def draw_quality(
    path: str | Path,
    quality_path: str | Path,
    table: pd.DataFrame,
    caption: Caption,
    outline_path: str | Path | None = None,
    bbox: Bounds | None = None,
) -> Figure:
    """The most severe flag of every pixel, and the share of the pixels with a value that each flag is set on.

    Reads `quality.tif`; `table` is what `maps.flag_table` tells of it. The region is that of `draw_maps`.
    """
    with rasterio.open(quality_path) as raster:
        footprint, crs, tags = tuple(raster.bounds), raster.crs, raster.tags()
    projection = _local_projection(footprint)
    bounds = _roomy(transform_bounds(crs, projection, *footprint))
    region = _region(footprint, crs, outline_path, bbox).to_crs(projection)
    flags = _read(quality_path, projection, bounds, Resampling.nearest)
    reconciled = tags.get("reconciled") != "no"
    places = np.where(np.isnan(flags), np.nan, most_severe(reconciled)[np.nan_to_num(flags).astype(np.uint8)])
    places[places == SEVERITY.index("no_value")] = np.nan  # the grey of the region, nothing outside of it
    colours = severity_colours()
    scale = Normalize(-0.5, len(colours) - 0.5)
    note = "A pixel can have several flags: the map shows the most severe one, in the order of the bars, from above."
    if not reconciled:
        note += f"\nNo cell is reconciled (map.reconcile): “{FLAGS['not_reconciled'].meaning}” is left out of a."

    left, bottom, right, top = bounds
    aspect = (top - bottom) / (right - left)
    width = min(5.2, 6 / aspect)  # of the map, in inches
    with _page(path, "Quality of the 1 km map", caption, note, (width + 5.6, max(1.6 + width * aspect, 3.6))) as page:
        left_axes, bars = page.subplots(1, 2, width_ratios=(width, 2.6))
        _draw_map(left_axes, places, bounds, projection, region, scale, ListedColormap(colours))
        left_axes.set_title("a   Most severe flag")
        shares = 100 * table.set_index("flag")["share"]
        names = [*(FLAGS[name].meaning for name in SEVERITY if name != "no_value"), NO_FLAG]
        drawn = bars.barh(names, shares[names], color=colours[1:], edgecolor=INK, linewidth=0.4)
        bars.bar_label(drawn, [_percent(share) for share in shares[names]], padding=3, size=8)
        bars.scatter(np.full(len(names), -6), names, marker="s", s=50, color=colours[1:], edgecolor=INK, linewidth=0.4)
        bars.axvline(0, color=INK, linewidth=0.6)
        bars.invert_yaxis()
        bars.set(xlim=(-12, 122), xticks=range(0, 101, 25), xlabel="Share of the pixels with a value (%)")
        bars.set_title("b   Pixels with each flag")
        bars.tick_params(axis="y", length=0)
        bars.spines[["top", "right", "left"]].set_visible(False)
        bars.spines["bottom"].set_bounds(0, 100)
        page.legend(handles=[Patch(color=MISSING, label="no value")], loc="outside lower left")
    return page


def draw_shift(path: str | Path, table: pd.DataFrame, histograms: pd.DataFrame, caption: Caption) -> Figure:
    """Distributions of every predictor at 9 km (training rows) and 1 km (pixels), a row of panels a space.

    `table` and `histograms` are those of `shifts.shift_tables`.
    """
    spaces, names = (list(dict.fromkeys(table[column])) for column in ("space", "predictor"))
    notes = [
        "Grey: the range of the training rows; a forest goes on beyond it as at its edge, a linear trend straight on."
    ]
    if "deviation" in spaces:
        notes.append(
            "Deviations are what the model sees: at 9 km from the mean over coarse cells, at 1 km from that over 9 km."
        )
    lines = [(space, part) for space in spaces for part in _lines(names)]
    columns = max(len(part) for _, part in lines)
    size = max(2.7 * columns + 0.6, 6.6), 1.2 + 0.2 * len(notes) + 2.6 * len(lines)
    with _page(path, "Predictors at 9 km and at 1 km", caption, "\n".join(notes), size) as page:
        panels = page.subplots(len(lines), columns, squeeze=False)
        for row, (space, part) in zip(panels, lines, strict=True):
            for axes in row[len(part) :]:
                axes.set_axis_off()
            for axes, name in zip(row, part, strict=False):
                summary = table[(table["space"] == space) & (table["predictor"] == name)].set_index("support")
                bins = histograms[(histograms["space"] == space) & (histograms["predictor"] == name)]
                _draw_distributions(axes, summary, bins)
                unit = summary["unit"].iloc[0]
                axes.set_xlabel(
                    f"{_label(name)}{', deviation' if space == 'deviation' else ''}"
                    + ("" if str(unit) == "1" else f" ({unit})")
                )
            row[0].set_ylabel("Density")
        handles = [
            Patch(color=MISSING, alpha=0.4, label="range of the training rows"),
            Line2D([], [], color=BLUE, linewidth=1.4, label="9 km, training rows"),
            Line2D([], [], color=ORANGE, linewidth=1.4, label="1 km, pixels of the map"),
        ]
        page.legend(handles=handles, loc="outside lower center", ncols=3)
    return page


def _draw_distributions(axes: Axes, summary: pd.DataFrame, bins: pd.DataFrame) -> None:
    """Two histograms as densities, on the training rows' range, as far as the first and last percent of the pixels."""
    training, pixels = summary.loc["9 km"], summary.loc["1 km"]
    axes.axvspan(training["minimum"], training["maximum"], color=MISSING, alpha=0.4, linewidth=0)
    edges = np.append(bins["lower"], bins["upper"].iloc[-1])
    for column, colour in (("rows", BLUE), ("pixels", ORANGE)):
        density = bins[column].to_numpy() / max(bins[column].sum(), 1) / np.diff(edges)
        axes.stairs(density, edges, color=colour, linewidth=1.4)
    low = np.nanmin([training["minimum"], pixels["p01"]])
    high = np.nanmax([training["maximum"], pixels["p99"]])
    margin = 0.05 * (high - low) or 1.0
    axes.set(xlim=(low - margin, high + margin), yticks=[], ylim=(0, 1.18 * axes.get_ylim()[1]))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=ROUND_STEPS))
    axes.spines[["top", "right", "left"]].set_visible(False)
    text = NO_VALUE if np.isnan(pixels["outside"]) else f"{_percent(100 * pixels['outside'])} of the pixels outside"
    axes.text(0.5, 0.98, text, transform=axes.transAxes, ha="center", va="top", size=8)


def _lines(names: Sequence[str]) -> list[Sequence[str]]:
    """Names in lines of as many panels as a page is wide, as equal as can be."""
    count = math.ceil(len(names) / MOST_COLUMNS)
    return [part.tolist() for part in np.array_split(np.asarray(names), count)]


def _percent(share: float) -> str:
    """A percentage for print, told from 0 and from 100 where it differs."""
    if np.isnan(share):
        return ""
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.5 <= share < 100:
        return "> 99 %"
    return f"{share:.1f} %" if 0 < share < 9.95 else f"{share:.0f} %"


def _made_by(tags: Mapping[str, str]) -> str:
    """How a map was made, as far as its tags say, on a line of its own."""
    if "method" not in tags:
        return ""
    said = tags.get("reconciled", "")
    short = {"": "", "yes": ", reconciled with the target", "no": ", not reconciled"}
    reconciled = short.get(said, f", reconciled {said}")
    note = f".  {tags['note'][0].upper()}{tags['note'][1:]}" if "note" in tags else ""
    return f"Method {tags['method']}, {_label(tags.get('model', ''))}{reconciled}{note}.\n"


@contextmanager
def _page(path: str | Path, title: str, caption: Caption, note: str, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure of `size` inches under a heading of up to three lines; written to `path` when the block ends."""
    width, height = size
    # compress: without it labels beside axes of equal aspect can end up beyond the page.
    below_heading = (0, 0, 1, 1 - (0.65 + 0.2 * note.count("\n") + 0.2 * bool(note)) / height)
    layout = ConstrainedLayoutEngine(rect=below_heading, w_pad=0.08, h_pad=0.08, compress=True)
    # after_reset: a matplotlibrc on this machine must not change the picture.
    with style.context(STYLE, after_reset=True):
        figure = Figure(figsize=size, layout=layout)
        for text, below, font_size, weight in (
            (title, 0.12, 13, "bold"),
            (str(caption), 0.40, 9, "normal"),
            (note, 0.62, 8, "normal"),
        ):
            if text:
                position = 0.12 / width, 1 - below / height
                figure.text(*position, text, va="top", color=INK, size=font_size, weight=weight)
        yield figure
        with replaced(path) as partial:
            # matplotlib would name its version, and the bytes would change with it.
            figure.savefig(partial, metadata={"Software": None, "Title": title, "Description": str(caption)})


def _compare(axes: Axes, title: str, limits: tuple[float, float], scores: pd.DataFrame) -> None:
    """What every panel of two soil moistures has: equal axes, the 1:1 line and the scores of the table's first row."""
    axes.plot(limits, limits, color=INK, linewidth=0.8, linestyle="--", label="1:1", zorder=1.5)
    axes.set(xlim=limits, ylim=limits, aspect="equal", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=ROUND_STEPS))
    axes.legend(loc="lower right")
    if len(scores):
        axes.text(
            0.03,
            0.97,
            _score_text(scores.iloc[0]),
            transform=axes.transAxes,
            va="top",
            size=8.5,
            linespacing=1.35,
            zorder=1.6,  # below what is drawn: no point may be hidden
        )


def _score_text(scores: Mapping[str, Any]) -> str:
    """The scores that are there, one a line; r with its interval, p as neighbours allow, where they are known."""
    low, high = (scores.get(f"r_{side}", np.nan) for side in ("low", "high"))
    interval = f" ({_signed(low, 2)} to {_signed(high, 2)})" if pd.notna(low) and pd.notna(high) else ""
    effective = "p_effective" if pd.notna(scores.get("p_effective")) else "p"
    formats = {
        "n": lambda value: f"n = {value:,.0f}",
        "r": lambda value: f"r = {_signed(value, 2)}{interval}",
        effective: lambda value: "p < 0.001" if value < 0.001 else f"p = {value:.3f}",
        "r2": lambda value: f"R² = {_signed(value, 2)}",
        "rmse": lambda value: f"RMSE = {value:.3f} {MOISTURE_UNIT}",
        "ubrmse": lambda value: f"ubRMSE = {value:.3f} {MOISTURE_UNIT}",
        "bias": lambda value: f"bias = {_signed(value, 3)} {MOISTURE_UNIT}",
    }
    return "\n".join(write(scores[name]) for name, write in formats.items() if pd.notna(scores.get(name)))


def _signed(value: float, digits: int) -> str:
    """A number with a true minus sign, and without one when it rounds to zero."""
    return f"{value:z.{digits}f}".replace("-", "−")


def _stars(p: float) -> str:
    return "**" if p < 0.01 else "*" if p < 0.05 else ""


def _span(numbers: pd.Series) -> str:
    """The least and the largest of numbers, rounded, once where they are the same; `–` without any."""
    known = numbers.dropna().round()
    return "–".join(f"{number:,.0f}" for number in sorted({known.min(), known.max()})) if len(known) else "–"


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " "))


def _with_inflation(name: str, inflation: float) -> str:
    """Names of a predictor or group for print, with the variance inflation factor where there is one."""
    label = " + ".join(_label(part) for part in name.split(" + "))
    return label if np.isnan(inflation) else f"{label}\nVIF {inflation:.1f}".replace("inf", "∞")


def _readable(colours: Colormap, position: float) -> str:
    """Black or white, whichever stands out from a colour map's colour at 0…1."""
    if np.isnan(position):
        return FAINT
    return INK if np.dot(colours(position)[:3], [0.299, 0.587, 0.114]) > 0.5 else "white"


def _limits(*columns: pd.Series) -> tuple[float, float]:
    """Common limits of both axes that hold every value with a margin."""
    values = np.concatenate([np.asarray(column, float) for column in columns])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 0.5
    margin = max(0.05 * np.ptp(values), 0.005)
    return float(values.min() - margin), float(values.max() + margin)


def _colour_scale(maps: list[NDArray[np.float32]]) -> Normalize:
    """From the lowest 2nd to the highest 98th percentile of the maps, so that both fit one scale."""
    ends = [np.percentile(values[np.isfinite(values)], [2, 98]) for values in maps if np.isfinite(values).any()]
    if not ends:
        return Normalize(0, 0.5)
    low, high = float(np.min(ends)), float(np.max(ends))
    margin = max(0.0, 0.01 - (high - low)) / 2  # below 0.01 m³/m³ colours would show noise
    return Normalize(low - margin, high + margin)


def _local_projection(footprint: Bounds) -> str:
    """Lambert azimuthal equal-area, in km, around the centre of a rectangle of EASE-Grid 2.0."""
    left, bottom, right, top = footprint
    longitude, latitude = geographic_from_ease((left + right) / 2, (bottom + top) / 2)
    return f"+proj=laea +lon_0={float(longitude):.4f} +lat_0={float(latitude):.4f} +datum=WGS84 +units=km +no_defs"


def _roomy(bounds: Bounds) -> Bounds:
    """Bounds with their short side stretched to `SLIMMEST` of the long one, so that titles and labels fit."""
    left, bottom, right, top = bounds
    least = SLIMMEST * max(right - left, top - bottom)
    x, y = max(least - (right - left), 0) / 2, max(least - (top - bottom), 0) / 2
    return left - x, bottom - y, right + x, top + y


def _region(footprint: Bounds, crs: CRS, outline_path: str | Path | None, bbox: Bounds | None) -> "geopandas.GeoSeries":
    """The region's area; straight sides get corners in between, because they are curved in other projections."""
    import geopandas  # half a second, and only maps need it

    if outline_path and crs == EASE_CRS:
        return geopandas.read_file(outline_path).geometry
    if outline_path or bbox:  # across 180°, where files cut their outlines, in one piece
        return geopandas.GeoSeries([region_area(bbox, outline_path)], crs="EPSG:4326").segmentize(0.1)
    return geopandas.GeoSeries([box(*footprint)], crs=crs).segmentize(10_000)


def _read(
    path: str | Path, projection: str, bounds: Bounds, resampling: Resampling = Resampling.average
) -> NDArray[np.float32]:
    """Band 1 within `bounds` of a `projection`, NaN where there is no value.

    At most `MAXIMUM_SIDE` pixels a side are read (from overviews, where the file has them) and returned.
    """
    left, bottom, right, top = bounds
    pixel = max(right - left, top - bottom) / MAXIMUM_SIDE
    shape = max(round((top - bottom) / pixel), 1), max(round((right - left) / pixel), 1)
    result = np.full(shape, np.nan, np.float32)
    with rasterio.open(path) as raster:
        wanted = raster.window(*transform_bounds(projection, raster.crs, *bounds))
        rows, columns = (
            (max(int(np.floor(first)), 0), min(int(np.ceil(end)), size))
            for (first, end), size in zip(wanted.toranges(), raster.shape, strict=True)
        )
        window = Window.from_slices(rows, columns)
        shrink = max(window.width / MAXIMUM_SIDE, window.height / MAXIMUM_SIDE, 1)
        rows, columns = max(round(window.height / shrink), 1), max(round(window.width / shrink), 1)
        values = raster.read(1, window=window, out_shape=(rows, columns), resampling=resampling)
        reproject(
            values.astype(np.float32),
            result,
            src_transform=from_bounds(*raster.window_bounds(window), columns, rows),
            src_crs=raster.crs,
            src_nodata=np.nan,
            dst_transform=from_bounds(*bounds, shape[1], shape[0]),
            dst_crs=projection,
            dst_nodata=np.nan,
            resampling=Resampling.nearest,  # cells must look like cells
        )
    return result


def _most_varied(values: NDArray[np.float32], bounds: Bounds) -> Bounds | None:
    """Where the standard deviation of a map is largest among windows of the map's shape that are well filled.

    None when the map has no value.
    """
    left, bottom, right, top = bounds
    parts = max(3.0, min(right - left, top - bottom) / ZOOM_SIDE)
    rows, columns = (max(int(side / parts), 1) for side in values.shape)
    down, across = values.shape[0] // rows, values.shape[1] // columns
    windows = values[: down * rows, : across * columns].reshape(down, rows, across, columns)
    filled = np.isfinite(windows).mean(axis=(1, 3))
    if not filled.any():
        return None
    mean = np.nansum(windows, axis=(1, 3), keepdims=True) / np.maximum(
        np.isfinite(windows).sum((1, 3), keepdims=True), 1
    )
    spread = np.where(filled >= 0.9 * filled.max(), np.nansum((windows - mean) ** 2, axis=(1, 3)), -1)
    row, column = np.unravel_index(np.argmax(spread), spread.shape)
    pixel = (right - left) / values.shape[1]
    west, north = left + column * columns * pixel, top - row * rows * pixel
    return west, north - rows * pixel, west + columns * pixel, north


def _draw_map(
    axes: Axes,
    values: NDArray[np.float32],
    bounds: Bounds,
    projection: str,
    region: "geopandas.GeoSeries",
    norm: Normalize,
    colours: str | Colormap = MOISTURE_COLOURS,
) -> AxesImage:
    """One map: the region in grey under the values, its outline above them, lines of longitude and latitude, scale."""
    left, bottom, right, top = bounds
    region.plot(ax=axes, facecolor=MISSING, edgecolor="none", zorder=0)
    image = axes.imshow(
        values,
        cmap=colours,
        norm=norm,
        extent=(left, right, bottom, top),
        interpolation="nearest",
        zorder=1,
    )
    region.boundary.plot(ax=axes, color=INK, linewidth=0.8, zorder=3)
    _graticule(axes, bounds, projection)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xlabel="", ylabel="")
    length = _round_down((right - left) / 4)
    thickness = (right - left) / 150
    bar = AnchoredSizeBar(axes.transData, length, f"{length:g} km", "lower right", pad=0.3, size_vertical=thickness)
    bar.patch.set(linewidth=0, alpha=0.85)
    axes.add_artist(bar)
    if not np.isfinite(values).any():
        axes.text(0.5, 0.5, NO_VALUE, transform=axes.transAxes, ha="center", va="center", size=11)
    return image


def _graticule(axes: Axes, bounds: Bounds, projection: str) -> None:
    """Lines of longitude and latitude, labelled where they meet the lower and the left side."""
    left, bottom, right, top = bounds
    west, south, east, north = transform_bounds(projection, "EPSG:4326", *bounds)
    east += 360 * (east < west)
    project = Transformer.from_crs("EPSG:4326", projection, always_xy=True).transform
    look: dict[str, Any] = {"color": INK, "linewidth": 0.4, "alpha": 0.35, "zorder": 2}
    along = np.linspace(0, 1, 200)
    ticks: list[list[tuple[float, str]]] = [[], []]
    # A slim map has room for few labels along its short side.
    slim = (right - left) / (top - bottom)
    columns, rows = (MaxNLocator(int(np.clip(round(5 * room), 3, 5)), steps=ROUND_STEPS) for room in (slim, 1 / slim))
    for longitude in columns.tick_values(west, east):
        x, y = project(np.full(along.size, longitude), south + along * (north - south))
        axes.plot(x, y, **look)
        ticks[0].append((float(np.interp(bottom, y, x)), _degrees(signed_longitude(longitude), "EW")))
    for latitude in rows.tick_values(south, north):
        x, y = project(west + along * (east - west), np.full(along.size, latitude))
        axes.plot(x, y, **look)
        ticks[1].append((float(np.interp(left, x, y)), _degrees(latitude, "NS")))
    for axis, marks, low, high in zip((axes.xaxis, axes.yaxis), ticks, (left, bottom), (right, top), strict=True):
        seen = [(place, label) for place, label in marks if low <= place <= high]
        axis.set_ticks([place for place, _ in seen], [label for _, label in seen])


def _degrees(value: float, sides: str) -> str:
    return f"{abs(value):g}°{'' if value in (0, 180) else sides[0] if value > 0 else sides[1]}"


def _round_down(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step for step in ROUND_STEPS if step <= value / power) * power)
