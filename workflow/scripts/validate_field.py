"""Compare maps with field points."""

import pandas as pd
import rasterio

from kilomoist.evaluation.assessments import Scored, write_scores
from kilomoist.evaluation.ranges import read_range
from kilomoist.evaluation.relative_maps import MIN_PIXELS, linearly_matched, rank_scores, without_line
from kilomoist.evaluation.scores import score, skill
from kilomoist.files import write_json, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.names import MATCHED, OWN_MAPS, RANKED, map_names
from kilomoist.reporting.field_points import PointSettings, field_points
from kilomoist.reporting.matching import ComparedMap, match_points, point_counts

NULLS = {"coarse": "copied", "bilinear": "bilinear", "bilinear_reconciled": "bilinear_reconciled"}
"""Columns of own maps that are null models, with the models' names."""
REFERENCES = ("coarse", "bilinear_reconciled", "bilinear")
"""References that maps are tested against: SMAP as it is, and what it says at 1 km without any predictor."""


@rule_script
def validate_field(
    *,
    coarse: str,
    fine: str,
    comparison: str,
    autocorrelation_range: str,
    points: str,
    settings: dict,
    compare: list[dict],
    month: str,
    method: str,
    seed: int,
    scores: str,
    intervals: str,
    differences: str,
    matched: str,
    unused: str,
    counts: str,
) -> None:
    """Write the scores of all maps at the pixels where all of them have a value, how their intervals were found, the
    differences of each from `REFERENCES`, those pixels, the points that are not used, and how many. `compare` are
    the maps of the user; relative ones are scored by rank and linearly matched. `method` makes the map.
    """
    measured, unmeasured = field_points(points, month, PointSettings(**settings))
    if measured.empty:
        LOGGER.warning("No field point of %s was measured in %s: nothing is compared.", points, month)
    maps = {"coarse": ComparedMap(coarse), "fine": ComparedMap(fine)}
    with rasterio.open(comparison) as file:
        bands = {name: number for number, name in enumerate(file.descriptions, start=1)}
    maps |= {name: ComparedMap(comparison, bands[name]) for name in OWN_MAPS if name in bands}
    maps |= {raster["name"]: ComparedMap(**raster) for raster in compare}
    pixels, unmatched = match_points(measured, maps, points, method)
    LOGGER.info(
        "%d of %d points of %s, in %d pixels, have a value in every map.",
        *(pixels["points"].sum(), len(measured), month, len(pixels)),
    )
    relative = {column: pixels[column].to_numpy() for column, source in maps.items() if source.relative}
    estimates = {column: pixels[column].to_numpy() for column in maps if column not in relative}
    observed = pixels["observed"].to_numpy()
    if len(pixels) >= MIN_PIXELS:
        estimates |= {f"{column}{MATCHED}": linearly_matched(index, observed) for column, index in relative.items()}
    places = pixels[["longitude", "latitude"]].to_numpy()
    metres = read_range(autocorrelation_range)
    scored = Scored(observed, estimates, places, metres, seed)
    squares = scored.squares if len(pixels) else {}
    nulls = {null: squares[column] for column, null in NULLS.items() if column in squares}
    rows = [
        map_names(column, method)
        | score(observed, values)
        | (scored.confidence_intervals(column) | skill(squares[column], nulls) if len(pixels) else {})
        for column, values in estimates.items()
    ]
    rows += [map_names(f"{column}{RANKED}", method) | rank_scores(scored, index) for column, index in relative.items()]
    tests = [
        map_names(column, method) | map_names(reference, method, "reference") | scored.difference(column, reference)
        for reference in REFERENCES
        for column in estimates
        if column != reference and reference in maps and len(pixels)
    ]
    write_scores([without_line(row) for row in rows], scores, intervals)
    write_table(differences, pd.DataFrame([without_line(row) for row in tests]))
    write_table(matched, pixels.rename(columns={column: f"{column}{RANKED}" for column in relative}))
    write_table(unused, pd.concat([unmeasured, unmatched]))
    write_json(counts, point_counts(len(measured), len(unmeasured), pixels, unmatched))
