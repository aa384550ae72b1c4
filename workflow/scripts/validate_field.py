"""Compare maps with field points."""

import pandas as pd

from kilomoist.configuration import OWN_MAPS, Compared, Points
from kilomoist.files import replaced
from kilomoist.jobs import LOGGER, job
from kilomoist.points import Map, field_points, match_points
from kilomoist.scores import score


def validate_field(
    points_path: str, settings: Points, maps: dict[str, Map], month: str, table_path: str, matched_path: str
) -> None:
    """Write the scores of the maps at the pixels where all of them have a value, one row a map, and those pixels.

    `maps` is by column: `coarse` (9 km) and `fine` (1 km) are the run's own.
    """
    points = field_points(points_path, month, settings)
    if points.empty:
        LOGGER.warning("No field point of %s was measured in %s: nothing is compared.", points_path, month)
    matched = match_points(points, maps, points_path)
    LOGGER.info(
        "%d of %d points of %s, in %d pixels, have a value in every map.",
        matched["points"].sum(),
        len(points),
        month,
        len(matched),
    )
    rows = [
        {"map": OWN_MAPS.get(column, column)} | score(matched["observed"].to_numpy(), matched[column].to_numpy())
        for column in maps
    ]
    for path, table in ((table_path, pd.DataFrame(rows)), (matched_path, matched)):
        with replaced(path) as partial:
            table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        compared = [Compared.model_validate(raster) for raster in snakemake.params.compare]
        validate_field(
            snakemake.params.points,
            Points.model_validate(snakemake.params.settings),
            {"coarse": snakemake.input.coarse, "fine": snakemake.input.fine}
            | {raster.name: raster for raster in compared},
            snakemake.wildcards.month,
            *snakemake.output,
        )
