"""Compare maps with field points: everywhere, within cells of 9 km, and by the map's intervals."""

import pandas as pd
import rasterio

from kilomoist.evaluation.assessments import Scored, write_scores
from kilomoist.evaluation.field_pixels import read_pixels
from kilomoist.evaluation.probes import field_coverage
from kilomoist.evaluation.ranges import read_range
from kilomoist.evaluation.relative_maps import MIN_PIXELS, linearly_matched, rank_scores, without_line
from kilomoist.evaluation.scores import score, skill
from kilomoist.evaluation.within_cells import within_cells
from kilomoist.files import write_json, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.names import MATCHED, OWN_MAPS, RANKED, map_names
from kilomoist.reporting.field_points import PointSettings, field_points
from kilomoist.reporting.matching import ComparedMap, match_points, point_counts, with_bands
from kilomoist.reporting.probe_errors import day_deviation, pixel_deviation, place_deviation

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
    interval: list[str],
    points: str,
    settings: dict,
    compare: list[dict],
    probes: dict,
    month: str,
    method: str,
    seed: int,
    scores: str,
    intervals: str,
    differences: str,
    within: str,
    coverage: list[str],
    matched: str,
    unused: str,
    counts: str,
) -> None:
    """Write the scores of all maps at the pixels where all of them have a value, how their intervals were found, the
    differences of each from `REFERENCES`, scores of deviations within cells, those pixels, the points that are not
    used, and how many. `compare` are the maps of the user; relative ones are scored by rank and linearly matched.
    `method` makes the map. Where it has intervals (a raster, or none), write their `coverage`: of pattern, value and
    probe, by what is known of `probes`.
    """
    reading = PointSettings(**settings)
    measured, unmeasured = field_points(points, month, reading)
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

    pixels, names = read_pixels(matched)
    deviations = within_cells(pixels, names, seed)
    table = pd.DataFrame([map_names(name, method) | row for name, row in deviations.items()])
    write_table(within, table)
    LOGGER.info("%d pixels share %d cells of 9 km with others.", *table.loc[0, ["n", "cells"]])
    for raster, path in zip(interval, coverage, strict=True):
        day, place = probes["temporal"], probes["representativeness"]
        day = day_deviation(points, reading) if day is None else day
        place = place_deviation(measured, month, day) if place is None else place
        bounded = with_bands(pixels, raster)
        write_table(path, field_coverage(bounded, pixel_deviation(bounded, month, place, day), probes["nominal"]))
