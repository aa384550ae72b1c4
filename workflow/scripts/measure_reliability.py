"""Measure which share of each predictor's detail at 1 km repeats in composites of other observations."""

from pathlib import Path

from kilomoist.files import replaced
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, job
from kilomoist.predictors.half_months import reliability_table
from kilomoist.predictors.stacks import TileComposite, needed_days
from kilomoist.rasters import mosaic


def measure_reliability(
    composites: list[TileComposite],
    cells_path: str,
    use: list[str],
    minimum_days: int,
    minimum_fraction: float,
    seed: int,
    path: str,
) -> None:
    """Write the table of reliability."""
    bands, cells = mosaic([cells_path], M09, ["valid_fraction"])
    usable = bands["valid_fraction"] >= minimum_fraction
    days = needed_days(minimum_days)
    table = reliability_table(composites, use, usable, cells, days, minimum_fraction, seed)
    for row in table.itertuples():
        LOGGER.info("%s: %.3f of its detail repeats. %s", row.predictor, row.reliability, row.note)
    with replaced(path) as partial:
        table.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        measure_reliability(
            [
                TileComposite(*key, Path(path))
                for key, path in zip(snakemake.params.tiles, snakemake.input.composites, strict=True)
            ],
            snakemake.input.cells,
            *(snakemake.params[name] for name in ("use", "minimum_days", "minimum_valid_fraction", "seed")),
            snakemake.output.table,
        )
