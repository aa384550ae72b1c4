"""Measure which share of each predictor's detail at 1 km repeats in composites of other observations."""

from kilomoist.files import write_table
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.predictors.half_months import reliability_table
from kilomoist.predictors.product_differences import read_differences
from kilomoist.predictors.stacks import tile_composites
from kilomoist.rasters import mosaic


@rule_script
def measure_reliability(
    *,
    composites: list[str],
    tiles: list[tuple[str, str]],
    differences: list[str],
    index: str | None,
    cells: str,
    use: list[str],
    minimum_days: int,
    minimum_valid_fraction: float,
    seed: int,
    reliability: str,
) -> None:
    """Write the table of reliability."""
    bands, window = mosaic([cells], M09, ["valid_fraction"])
    usable = bands["valid_fraction"] >= minimum_valid_fraction
    of_tiles = tile_composites(tiles, composites, read_differences(differences, index))
    table = reliability_table(of_tiles, use, usable, window, minimum_days, minimum_valid_fraction, seed)
    for row in table.itertuples():
        LOGGER.info("%s: %.3f of its detail repeats. %s", row.predictor, row.reliability, row.note)
    write_table(reliability, table)
