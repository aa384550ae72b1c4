"""Compare maps with field points."""

import pandas as pd
import rasterio

from kilomoist.configuration.keys import Compared, Points
from kilomoist.evaluation.assessments import Scored
from kilomoist.evaluation.scores import score, skill
from kilomoist.files import read_json, replaced
from kilomoist.jobs import LOGGER, job
from kilomoist.names import OWN_MAPS
from kilomoist.reporting.field_points import field_points
from kilomoist.reporting.matching import MapSource, match_points, read_at

NULLS = {"coarse": "copied", "bilinear": "bilinear", "bilinear_reconciled": "bilinear_reconciled"}
"""Columns of own maps that are null models, with the models' names."""
REFERENCES = ("coarse", "bilinear_reconciled")
"""What maps are tested against: SMAP as it is, and what it says at 1 km without any predictor."""


def validate_field(
    points_path: str,
    settings: Points,
    own: dict[str, str],
    comparison: str,
    compared: list[Compared],
    range_path: str,
    month: str,
    seed: int,
    paths: dict[str, str],
) -> None:
    """Write the scores of all maps at the pixels where all of them have a value, how each differs from `REFERENCES`,
    and those pixels.

    `own` are the run's own maps, `coarse` (9 km) and `fine` (1 km); `comparison` has a band for each other one.
    """
    points = field_points(points_path, month, settings)
    if points.empty:
        LOGGER.warning("No field point of %s was measured in %s: nothing is compared.", points_path, month)
    maps: dict[str, MapSource] = dict(own)
    with rasterio.open(comparison) as file:
        bands = {name: number for number, name in enumerate(file.descriptions, start=1)}
    maps |= {name: read_at(comparison, points, bands[name]) for name in OWN_MAPS if name in bands}
    maps |= {raster.name: raster for raster in compared}
    matched = match_points(points, maps, points_path)
    LOGGER.info(
        "%d of %d points of %s, in %d pixels, have a value in every map.",
        matched["points"].sum(),
        len(points),
        month,
        len(matched),
    )
    autocorrelation_range = read_json(range_path)["autocorrelation_range"]
    estimates = {column: matched[column].to_numpy() for column in maps}
    places = matched[["longitude", "latitude"]].to_numpy()
    scored = Scored(matched["observed"].to_numpy(), estimates, places, autocorrelation_range, seed)
    squares = scored.squares if len(matched) else {}
    nulls = {null: squares[column] for column, null in NULLS.items() if column in squares}
    rows = [
        {"map": OWN_MAPS.get(column, column)}
        | score(scored.observed, values)
        | (scored.confidence_intervals(column) | skill(squares[column], nulls) if len(matched) else {})
        for column, values in estimates.items()
    ]
    differences = [
        {"map": OWN_MAPS.get(column, column), "reference": OWN_MAPS[reference]} | scored.difference(column, reference)
        for reference in REFERENCES
        for column in maps
        if column != reference and reference in maps and len(matched)
    ]
    tables = {"table": pd.DataFrame(rows), "differences": pd.DataFrame(differences), "matched": matched}
    for name, table in tables.items():
        with replaced(paths[name]) as partial:
            table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        validate_field(
            snakemake.params.points,
            Points.model_validate(snakemake.params.settings),
            {"coarse": snakemake.input.coarse, "fine": snakemake.input.fine},
            snakemake.input.comparison,
            [Compared.model_validate(raster) for raster in snakemake.params.compare],
            snakemake.input.range,
            snakemake.wildcards.month,
            snakemake.params.seed,
            dict(snakemake.output.items()),
        )
