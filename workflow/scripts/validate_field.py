"""Compare both maps with field points."""

import pandas as pd

from kilomoist.files import replaced
from kilomoist.jobs import LOGGER, job
from kilomoist.points import match_points, points_of_month, read_points
from kilomoist.scores import score


def validate_field(points_path: str, coarse: str, fine: str, month: str, table_path: str, matched_path: str) -> None:
    """Write the scores of the 9 km and the 1 km map at the points that have a value in both, and those points."""
    points = points_of_month(read_points(points_path), month, points_path)
    if points.empty:
        LOGGER.warning("No field point of %s is dated in %s: nothing is compared.", points_path, month)
    matched = match_points(points, coarse, fine, points_path)
    LOGGER.info("%d of %d points of %s have a value in both maps.", len(matched), len(points), month)
    rows = [
        {"map": name} | score(matched["observed"].to_numpy(), matched[column].to_numpy())
        for name, column in (("9 km", "coarse"), ("1 km", "fine"))
    ]
    for path, table in ((table_path, pd.DataFrame(rows)), (matched_path, matched)):
        with replaced(path) as partial:
            table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        validate_field(*snakemake.input, snakemake.wildcards.month, *snakemake.output)
