"""The data dictionary: every public table and each of its columns, what it means, its unit, and how it is rounded.

Writes `docs/tables.md` when run.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kilomoist.names import LABELS, OWN_MAPS

if TYPE_CHECKING:
    import pandas as pd

MOISTURE = "m³/m³"
INTRODUCTION = """# Tables

Written by `python -m kilomoist.publishing.dictionary`.

`tables/NAME.csv` is for people: numbers are rounded to what they mean, and what matters most comes first.
`tables/full/NAME.parquet` beside it has the same rows with all digits; programs read that. A region's own tables lie in
`results/{region}/tables`, those of a run in `results/{region}/{month}/tables`.

`tables/columns.csv` of a run is this dictionary, of the tables that the run has.

Counts (`n`) of tables differ: each counts where all that it compares has a value. Not every cell that was learned from
can be restored from a coarser one, which must be complete, and not every pixel of the map has an interval or a truth.

An empty field is a number that is not known: too few rows, no interval that can be given, or nothing to say it of.
Rounding: `3` means three digits after the point, `3 significant` the first three digits that are not 0.
"""


@dataclass(frozen=True)
class Column:
    """A column of a table: its meaning, its unit (empty for text), and the digits that are kept."""

    meaning: str
    unit: str = ""
    decimals: int | None = None
    digits: int | None = None
    """Significant digits, where the size of numbers is not known before."""

    @property
    def rounding(self) -> str:
        if self.decimals is None:
            return f"{self.digits} significant" if self.digits else ""
        return str(self.decimals)


@dataclass(frozen=True)
class Table:
    """A table: what it holds, what a row is, and its columns in the order of the CSV."""

    about: str
    columns: Mapping[str, Column]
    """By name; a part in braces stands for any text, such as the name of a predictor."""

    def column(self, name: str) -> str | None:
        """The key of a column; None for one that is not in the dictionary."""
        if name in self.columns:
            return name
        patterned = (key for key in self.columns if "{" in key and re.fullmatch(re.sub(r"\{\w+\}", ".+", key), name))
        return next(patterned, None)

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Names of columns in the order of the dictionary."""
        order = list(self.columns)
        return sorted(names, key=lambda name: order.index(self.column(name) or order[-1]))


def _text(meaning: str) -> Column:
    return Column(meaning)


def _count(meaning: str) -> Column:
    return Column(meaning, "1")


def _number(meaning: str, unit: str = "1", decimals: int = 4) -> Column:
    return Column(meaning, unit, decimals)


def _moisture(meaning: str) -> Column:
    return Column(meaning, MOISTURE, 5)


def _quantity(meaning: str) -> Column:
    return Column(meaning, "see `unit`", digits=6)


def _p(meaning: str) -> Column:
    return Column(meaning, "1", digits=3)


def _with_ends(name: str, column: Column, ends: str = "95 %") -> dict[str, Column]:
    low, high = (
        Column(f"{side} end of its {ends} interval", column.unit, column.decimals) for side in ("Lower", "Upper")
    )
    return {name: column, f"{name}_low": low, f"{name}_high": high}


N = _count("Rows, cells, pixels or points that were compared")
SCORES = {
    "rmse": _moisture("Root of the mean squared error"),
    "r": _number("Pearson's correlation with what was compared"),
    "bias": _moisture("Mean of estimate minus observed"),
    "ubrmse": _moisture("Root mean squared error after the bias is taken away"),
    "mae": _moisture("Mean absolute error"),
    "r2": _number("1 − MSE / variance of the observed: not the square of r"),
}
SCORES_WITH_ENDS = {key: column for name, score in SCORES.items() for key, column in _with_ends(name, score).items()}
SKILLS = {
    "skill_bilinear_reconciled": _number(
        "1 − MSE / MSE of SMAP interpolated and reconciled: above 0 is better than it"
    ),
    "skill_bilinear": _number("The same against SMAP interpolated bilinearly"),
    "skill_copied": _number("The same against SMAP as it is: at 9 km, or where 9 km is restored the coarser cells"),
}
STUDY_SKILLS = {
    "skill_linear": _number("The same against a linear model of the training rows"),
    "skill_mean": _number("The same against the mean of the training rows"),
}
HOW_SURE = {
    "p_effective": _p("p of r for `effective_n` independent rows (Dutilleul's modified t test)"),
    "effective_n": _number("Independent rows that the rows, alike among neighbours, are worth for r", decimals=1),
    "p": _p("p of r if all rows were independent, which they are not"),
    "errors_km": _number("Distance to which errors are alike: length of the blocks for rmse, bias, mae", "km", 1),
    "r_km": _number("Distance to which what each row adds to r is alike: length of the blocks for r, r2", "km", 1),
    "errors_blocks": _number(
        "Effective number of blocks for rmse, bias, mae; below 10 there is no interval", decimals=1
    ),
    "r_blocks": _number("Effective number of blocks for r, r2; below 10 there is no interval", decimals=1),
}
DIFFERENCES = {
    **_with_ends("skill", _number("1 − MSE / MSE of the reference: above 0 is better than it")),
    **_with_ends(
        "rmse_difference", _moisture("RMSE of the map minus that of the reference: below 0 the map is better")
    ),
    "p_rmse": _p("p of that difference, by blocks"),
    **_with_ends("r_difference", _number("r of the map minus that of the reference")),
    "p_r": _p("p of Williams' test of both correlations"),
    "rmse_difference_blocks": _number("Effective number of blocks of the RMSE's difference", decimals=1),
    "r_difference_blocks": _number("Effective number of blocks of the difference of r", decimals=1),
    "r_between": _number("Correlation of map and reference with each other"),
    "effective_n": HOW_SURE["effective_n"],
}
PERCENTILES = {
    "p50": "Median", "p05": "5th percentile", "p95": "95th percentile",
    "p25": "25th percentile", "p75": "75th percentile", "p01": "1st percentile", "p99": "99th percentile",
}  # fmt: skip
PLACE = {
    "longitude": _number("Longitude, east positive", "°", 5),
    "latitude": _number("Latitude, north positive", "°", 5),
}
PIXEL = {
    "pixel": _text("Row and column of the pixel in the global 1 km grid"),
    "id": _text("Field points in the pixel"),
    "observed": _moisture("Mean of what was measured in the pixel"),
}
POINTS = {
    **PLACE,
    "points": _count("Field points in the pixel"),
    "measurements": _count("Measurements of the month in the pixel"),
}
PREDICTOR = _text("Predictor")
METHOD = _text("`absolute`, the study's method, or `detail`, what neighbours lack (docs/method.md)")
UNIT = _text("Unit of the predictor")
PROTOCOL = _text(
    "What was left out of training: `one_scale_up`: folds of space, where the map's method restores 9 km from coarser "
    "cells; `train`: nothing; `random`: the study's random 20 %; `random_folds`: each of five folds by chance; "
    "`blocks`: blocks as long as the range of `variogram`; `knndm`: folds as far away as the map's pixels are; "
    "`degrade_restore`: 9 km itself, restored from one level up by both methods"
)
LABEL = _text("What it is called in figures, pages and the report")
REFERENCE_LABEL = _text("What the reference is called there")
MAP = {"label": LABEL, "map": _text("Key of the map, which does not change")}
SEARCH = Table(
    "Settings that were compared out of fold when the {} was trained, a row a setting.",
    {
        "chosen": _text("Whether the model has this setting"),
        "rmse": _moisture("RMSE out of fold"),
        "min_leaf": _count("Training rows that a leaf of a tree holds at least"),
        "alpha": _number("Share of the detail that the map takes (`detail`), 1 for `absolute`"),
        "trees": _count("Trees of the forest"),
        "ratio": _count("`model.detail_ratio: auto`: cells along a side of a coarse cell"),
        "common_error": _moisture("`model.detail_ratio: auto`: mean error at all ratios, by which one is chosen"),
        "{option}": Column("Another option of the learner", "1", digits=4),
    },
)

TABLES: Mapping[str, Table] = {
    "verdict": Table(
        "Whether the map is better than SMAP without predictors, a row a comparison: docs/scores.md.",
        {
            "sentence": _text("What the row says"),
            "comparison": _text("Where: one scale up, at field points, in a simulated truth, or as predicted"),
            "verdict": _text("`better`, `equal`, `not better`, `worse` or `cannot be told`"),
            "map": _text("What is compared"),
            "reference": _text("What it is compared with"),
            "n": N,
            "gain": _number("1 − MSE of the map / MSE of the reference", decimals=3),
            "low": _number("Lower end of its interval", decimals=3),
            "high": _number("Upper end of its interval", decimals=3),
            "confidence": _number("How often such an interval holds the gain", decimals=2),
            "rmse_map": _moisture("Error of the map"),
            "rmse_reference": _moisture("Error of the reference"),
            "reason": _text("Why nothing can be told"),
            "remark": _text("What must be known of the numbers"),
        },
    ),
    "scores": Table(
        "Models and null models against SMAP at 9 km by each protocol, a row an estimate: docs/scores.md.",
        {
            "protocol": PROTOCOL,
            "label": LABEL,
            "method": _text("Method or null model that estimates"),
            "model": _text("Learner, or name of the null model"),
            "n": N,
            **SCORES_WITH_ENDS,
            **SKILLS,
            **STUDY_SKILLS,
            "note": _text("How it was scored, or why not"),
        },
    ),
    "field_validation": Table(
        "Maps against field points, a row a map, at pixels where all maps have a value.",
        {**MAP, "n": N, **SCORES_WITH_ENDS, **SKILLS},
    ),
    "truth": Table(
        "Maps against the simulated truth at 1 km, a row a map and support. Simulated data only.",
        {
            **MAP,
            "support": _text("`1 km`: the map as it is; `within cells`: deviations from the mean of each 9 km cell"),
            "n": N,
            **SCORES,
            **SKILLS,
            "skill_mean": STUDY_SKILLS["skill_mean"],
        },
    ),
    "gain": Table(
        "What the run predicts that its map gains over interpolated SMAP, before any truth is read. One row.",
        {
            "verdict": _text("`use the map`, `use SMAP` or `cannot be told`"),
            "gain": _number("1 − MSE of the map / MSE of SMAP interpolated", decimals=3),
            "low": _number("Lower end of its 70 % interval", decimals=3),
            "high": _number("Upper end of its 70 % interval", decimals=3),
            "reasons": _text("Why, in words"),
            "rmse_map": _moisture("Predicted error of the map"),
            "rmse_bilinear": _moisture("Predicted error of SMAP interpolated"),
            "detail_error_map": _moisture("Detail at 1 km that the map leaves out"),
            "detail_error_bilinear": _moisture("Detail at 1 km that interpolation leaves out"),
            "cell_error_map": _moisture("Error of the cells that the map is held to"),
            "independent_error": _moisture("SMAP's error that is independent of the predictors"),
            "told_error": _moisture("SMAP's error that goes with the predictors"),
        },
    ),
    "coverage": Table(
        "How often intervals hold what they are compared with, a row an interval and group: docs/trust.md.",
        {
            "support": _text("What is compared: SMAP's own pattern one scale up, or the simulated truth at 1 km"),
            "interval": _text("`conditional`: if SMAP's cell mean is right; `total`: with SMAP's own error"),
            "group": _text("`all`, a fold, or a class of the vegetation index"),
            "n": N,
            "nominal": _number("Share that the intervals promise to hold"),
            "coverage": _number("Share that they hold"),
            "width": _moisture("Mean width"),
            "score": _moisture("Interval score: width, and a penalty for what lies outside; small is good"),
        },
    ),
    "quality": Table(
        "Pixels of the map with each flag of quality.tif, a row a flag; a pixel can have several.",
        {
            "flag": _text("Flag"),
            "share": _number("Share of the pixels with a value"),
            "pixels": _count("Pixels"),
            "bit": _count("Bit in quality.tif, 0 the least"),
        },
    ),
    "maps": Table(
        "Range and percentiles of SMAP at 9 km and of the map, a row a map.",
        {
            **MAP,
            "n": _count("Cells or pixels with a value"),
            "mean": _moisture("Mean"),
            "minimum": _moisture("Smallest value"),
            "maximum": _moisture("Largest value"),
            **{name: _moisture(words) for name, words in PERCENTILES.items()},
            "effective_resolution": _number("Finest pattern that the map shows: docs/scores.md", "km", 2),
        },
    ),
    "granules": Table(
        "Granules of the month, a row a product and tile.",
        {
            "product": _text("Product and version"),
            "tile": _text("Tile of the sinusoidal grid, or `global`"),
            "expected": _count("Granules that the calendar asks for"),
            "found": _count("Granules that there were"),
            "absent": _text("Days or hours of those that were absent"),
        },
    ),
    "correlation": Table(
        "Correlations of the 9 km cells' monthly values, a row a pair.",
        {
            "first_label": LABEL,
            "second_label": LABEL,
            "r": _number("Pearson's correlation"),
            "p_effective": HOW_SURE["p_effective"],
            "n": _count("Cells"),
            "effective_n": HOW_SURE["effective_n"],
            "p": HOW_SURE["p"],
            "first": _text("Key of a variable"),
            "second": _text("Key of the other"),
        },
    ),
    "importance": Table(
        "What the models look at, a row a method and predictor, or group of predictors.",
        {
            "method": METHOD,
            "predictor": PREDICTOR,
            "entry": _text("`predictor`, or `group` of predictors that are shuffled together"),
            "rmse_growth": _moisture("What shuffling adds to the RMSE on blocks held out, mean over folds"),
            "rmse_growth_sd": _moisture("Its standard deviation over the folds"),
            "permutation_percent": _number("Share of what shuffling adds to the mean squared error", "%", 1),
            "impurity_percent": _number("Share of the variance that the trees' splits remove", "%", 1),
            "rmse": _moisture("RMSE unshuffled, mean over folds"),
            "vif": _number("Variance inflation factor: how far the other predictors tell this one", decimals=2),
        },
    ),
    "partial_dependence": Table(
        "What the models predict on average where one predictor is set to a value, a row a value.",
        {
            "method": METHOD,
            "predictor": PREDICTOR,
            "unit": UNIT,
            "value": _quantity("Value that it is set to"),
            "prediction": _moisture("Mean prediction"),
            "minimum": _quantity("Smallest value of the training rows"),
            "maximum": _quantity("Largest value of the training rows"),
            "p05": _quantity("5th percentile of the training rows"),
            "p95": _quantity("95th percentile of the training rows"),
        },
    ),
    "shift": Table(
        "Predictors in the training rows and in the pixels that are predicted, a row a predictor and support.",
        {
            "predictor": PREDICTOR,
            "unit": UNIT,
            "space": _text("`value`, or `deviation` from the coarser mean, which `detail` sees"),
            "support": _text("`9 km`: training rows; `1 km`: pixels"),
            "n": _count("Rows or pixels"),
            "outside": _number("Share outside of the range of the training rows"),
            "below": _number("Share below it"),
            "above": _number("Share above it"),
            "minimum": _quantity("Smallest value"),
            "maximum": _quantity("Largest value"),
            **{name: _quantity(words) for name, words in PERCENTILES.items()},
        },
    ),
    "shift_histograms": Table(
        "The distributions behind `shift`, a row a bin.",
        {
            "predictor": PREDICTOR,
            "unit": UNIT,
            "space": _text("As in `shift`"),
            "lower": _quantity("Lower edge of the bin"),
            "upper": _quantity("Upper edge of the bin"),
            "rows": _count("Training rows in it"),
            "pixels": _count("Pixels in it"),
        },
    ),
    "agreement": Table(
        "How much of each predictor's detail at 1 km repeats between halves of the month, a row a predictor.",
        {
            "predictor": PREDICTOR,
            "reliability": _number("Share of the detail's variance that repeats: what `detail` takes of it"),
            "r_halves": _number("Correlation of both halves' detail"),
            "signal_variance": Column("Variance that repeats", "unit²", digits=4),
            "noise_variance": Column("Variance that does not", "unit²", digits=4),
            "n": _count("Pixels with a value in both halves"),
            "note": _text("Why it is not known"),
        },
    ),
    "product_differences": Table(
        "What each product sees more than the first of a quantity, which was taken away, a row a class of vegetation.",
        {
            "quantity": _text("Predictor"),
            "product": _text("Product"),
            "reference": _text("Product that it is compared with"),
            "vegetation": _text("`all`, or class of the vegetation index"),
            "difference": Column("Mean of product minus reference", "unit of the quantity", digits=4),
            "spread": Column("Standard deviation over pixels", "unit of the quantity", digits=4),
            "pixels": _count("Pixels that both see"),
            "index": _number("Mean of the vegetation index in the class"),
            "months": _text("Months in which both were compared"),
            "granules": _count("Granules of the product"),
        },
    ),
    "differences": Table(
        "Differences between estimates of `scores` at the same rows, a row a pair.",
        {
            "protocol": _text("As in `scores`"),
            "label": LABEL,
            "reference_label": REFERENCE_LABEL,
            "estimate": _text("Key of the estimate"),
            "reference": _text("Key of the estimate that it is compared with"),
            "n": N,
            **DIFFERENCES,
        },
    ),
    "score_intervals": Table(
        "How the intervals of `scores` were found, a row for each of its rows.",
        {
            "protocol": _text("As in `scores`"),
            "label": _text("As in `scores`"),
            "method": _text("As in `scores`"),
            "model": _text("As in `scores`"),
            **HOW_SURE,
        },
    ),
    "variogram": Table(
        "Variogram of SMAP's monthly mean at the cells of `samples`, a row a class of distance.",
        {
            "lag_m": _number("Mean distance of the pairs", "m", 0),
            "semivariance": Column("Half of the mean squared difference", "(m³/m³)²", digits=4),
            "fitted": Column("The fitted curve there", "(m³/m³)²", digits=4),
            "pairs": _count("Pairs of cells"),
        },
    ),
    "predictions": Table(
        "The study's figure 4: what the study's model (method `absolute`) says of each 9 km cell, a row a cell.",
        {
            "observed": _moisture("SMAP"),
            "predicted": _moisture("The study's model, that of the “study's map”"),
            "split": _text("`train` or `test`"),
        },
    ),
    "model_search": Table(SEARCH.about.format("model of the map"), SEARCH.columns),
    "alternative_search": Table(SEARCH.about.format("other method's model (`alternative.skops`)"), SEARCH.columns),
    "field_points": Table(
        "Pixels with field points, and every map there, a row a pixel.",
        {
            **PIXEL,
            "fine": _moisture("The map, 1 km"),
            "coarse": _moisture("SMAP, 9 km"),
            **{
                key: _moisture(f"{LABELS[key][:1].upper()}{LABELS[key][1:]}")
                for key in OWN_MAPS
                if key not in ("fine", "coarse")
            },
            "{map}": _moisture("Map of the user of that name"),
            **POINTS,
        },
    ),
    "field_points_unused": Table(
        "Field points that were not used, a row a point.",
        {"id": _text("Field point"), "reason": _text("Why"), **PLACE},
    ),
    "field_differences": Table(
        "Differences between maps at the field points, a row a pair.",
        {
            "label": LABEL,
            "reference_label": REFERENCE_LABEL,
            "map": MAP["map"],
            "reference": _text("Key of the map that it is compared with"),
            "n": N,
            **DIFFERENCES,
        },
    ),
    "field_intervals": Table(
        "How the intervals of `field_validation` were found, a row a map.",
        {**MAP, **HOW_SURE},
    ),
    "field_within_cells": Table(
        "Maps against field points within 9 km cells: deviations from the other pixels of the cell, a row a map.",
        {
            **MAP,
            "cells": _count("Cells with two or more pixels with points"),
            "n": N,
            **_with_ends("r", SCORES["r"]),
            **_with_ends("skill", _number("1 − MSE / MSE of no deviation, which is what SMAP at 9 km says")),
            "observed_deviation": _moisture("Standard deviation of what was measured"),
            "map_deviation": _moisture("Standard deviation of the map"),
        },
    ),
    "field_coverage": Table(
        "Field points within the map's intervals, a row an interval.",
        {
            "interval": _text("`conditional`, `total`, or `probe`: with what a probe differs from its pixel"),
            "n": N,
            "nominal": _number("Share that the intervals promise to hold"),
            **_with_ends("coverage", _number("Share that they hold")),
            "width": _moisture("Mean width"),
        },
    ),
    "residual_weight": Table(
        "What SMAP says of a cell beyond the predictors, weighed by field points. One row.",
        {
            "weight": _number("Weight of SMAP's own part: 1, it is soil moisture; 0, it is error", decimals=3),
            "low": _number("Lower end of its 90 % interval", decimals=3),
            "high": _number("Upper end of its 90 % interval", decimals=3),
            "says": _text("What that means"),
            "pixels": _count("Pixels with points"),
            "cells": _count("Cells that they lie in"),
            "blocks": _number("Effective number of blocks that were drawn", decimals=1),
            "a": _moisture("Intercept"),
            "b": _number("Coefficient of what the study's model says of the cell", decimals=3),
            "w": _number("Coefficient of SMAP's own part", decimals=3),
        },
    ),
    "residual_points": Table(
        "The pixels behind `residual_weight`, a row a pixel.",
        {
            **PIXEL,
            "target": _moisture("SMAP in the pixel's cell"),
            "estimated": _moisture("What the study's model says of the cell, out of fold"),
            **POINTS,
        },
    ),
    "months": Table(
        "Every month estimated by models of the region's other months, a row a month and estimate.",
        {
            "month": _text("Month that was left out"),
            "label": LABEL,
            "method": _text("Method or null model that estimates"),
            "model": _text("Learner, or name of the null model"),
            "n": N,
            **SCORES_WITH_ENDS,
            **STUDY_SKILLS,
            "note": _text("What was learned from"),
        },
    ),
    "month_intervals": Table(
        "How the intervals of `months` were found, a row for each of its rows.",
        {
            "month": _text("As in `months`"),
            "label": _text("As in `months`"),
            "method": _text("As in `months`"),
            "model": _text("As in `months`"),
            **HOW_SURE,
        },
    ),
    "field_months": Table(
        "Maps against field points in time, a summary of each map, then a row a map and pixel.",
        {
            **MAP,
            "pixel": _text("Pixel, or `all`: the summary, medians over the points"),
            "id": _text("Field points in the pixel"),
            "n": _count("Months"),
            "r": _number("Correlation over the months"),
            "ubrmse": _moisture("Error over the months after the bias is taken away"),
            "bias": _moisture("Mean of map minus observed"),
            "points": _count("Points of the summary"),
            "r_25": _number("Lower quartile over the points"),
            "r_75": _number("Upper quartile over the points"),
            "ubrmse_25": _moisture("Lower quartile over the points"),
            "ubrmse_75": _moisture("Upper quartile over the points"),
            "bias_25": _moisture("Lower quartile over the points"),
            "bias_75": _moisture("Upper quartile over the points"),
            "anomaly_r": _number("Correlation of all deviations from the points' own means"),
            "anomaly_rmse": _moisture("RMSE of these deviations"),
        },
    ),
    "samples": Table(
        "The training table, a row a 9 km cell; Parquet alone.",
        {
            "row": _count("Row of the cell in the global 9 km grid"),
            "col": _count("Column of the cell"),
            "lon": _number("Longitude of its centre", "°", 5),
            "lat": _number("Latitude of its centre", "°", 5),
            "target": _moisture("Monthly mean of the target"),
            "split": _text("`train`, or `test`: the study's random share"),
            "valid_fraction": _number("Share of its pixels with all predictors"),
            "valid_fraction_{predictor}": _number("Share of its pixels with a predictor"),
            "{predictor}": Column("Mean of a predictor", "unit of the predictor", digits=6),
        },
    ),
    "zones": Table(
        "Means of the map over the user's zones (`exports/zones.csv`), weighted by the area of each pixel inside.",
        {
            "zone": _text("Name of the zone"),
            "area_km2": _number("Area of the zone", "km²", 1),
            "pixels": _number("Pixels with a value inside, by their shares", decimals=1),
            "covered": _number("Share of the zone's area where the map has a value"),
            "soil_moisture": _number("Map, 1 km", MOISTURE),
            "soil_moisture_9km": _number("SMAP, 9 km", MOISTURE),
            "lower_mean": _number("Mean of the pixels' lower ends: no interval of the zone's mean", MOISTURE),
            "upper_mean": _number("Mean of the pixels' upper ends: no interval of the zone's mean", MOISTURE),
            "share_{flag}": _number("Share of the area with a value that has a flag of quality.tif"),
        },
    ),
    "points": Table(
        "Values of a run at the user's places (`exports/points.csv`), a row a place.",
        {
            "id": _text("Name of the place, as given"),
            "longitude": _number("Longitude, as given", "°", 6),
            "latitude": _number("Latitude, as given", "°", 6),
            "soil_moisture": _number("Map, 1 km", MOISTURE),
            "soil_moisture_9km": _number("SMAP, 9 km", MOISTURE),
            "lower": _number("Lower end of its total interval", MOISTURE),
            "upper": _number("Upper end of its total interval", MOISTURE),
            "quality": _count("Number in quality.tif: the sum of its flags"),
            "flags": _text("Names of these flags"),
            "note": _text("Why there is no value"),
        },
    ),
}
EXPORTED = "zones", "points"
"""Tables that a run has when they are asked for."""


def rounded(name: str, table: "pd.DataFrame") -> "pd.DataFrame":
    """A table for people: its columns in the order of the dictionary, numbers with the digits that they mean."""
    known = TABLES[name]
    table = table[known.ordered(table.columns)].copy()
    for title in table.select_dtypes("floating"):
        key = known.column(title)
        if key is None:
            continue
        column, values = known.columns[key], table[title]
        if column.decimals is not None:
            table[title] = values.round(column.decimals) + 0.0  # no -0.0
        elif column.digits:
            table[title] = [float(f"{value:.{column.digits}g}") for value in values]
    return table


def columns_of(files: Iterable[str]) -> "pd.DataFrame":
    """The dictionary of the tables among a folder's files: a row a column, before them one of the table itself."""
    import pandas as pd

    names = {Path(file).stem for file in files}
    rows = [
        {"table": name, "column": title, "meaning": column.meaning, "unit": column.unit, "rounded_to": column.rounding}
        for name, table in TABLES.items()
        if name in names
        for title, column in {"(table)": _text(table.about), **table.columns}.items()
    ]
    return pd.DataFrame(rows)


def document() -> str:
    """Text of `docs/tables.md`."""
    parts = [INTRODUCTION]
    for name, table in TABLES.items():
        lines = ["| column | meaning | unit | rounded to |", "|---|---|---|---|"]
        lines += [
            f"| `{title}` | {column.meaning} | {column.unit} | {column.rounding} |"
            for title, column in table.columns.items()
        ]
        parts.append("\n".join([f"## `{name}`", "", table.about, "", *lines]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":  # python -m kilomoist.publishing.dictionary
    (Path(__file__).resolve().parents[4] / "docs/tables.md").write_text(document(), encoding="utf-8")
