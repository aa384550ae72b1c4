"""Count how often the intervals hold the truth: SMAP one scale up, and the simulated one at 1 km."""

import pandas as pd

from kilomoist.evaluation.coverage import cell_intervals, coverage_rows, pixel_intervals
from kilomoist.files import replaced
from kilomoist.jobs import LOGGER, rule_script


@rule_script
def measure_coverage(
    *,
    errors: str,
    soil_moisture: str,
    stacks: list[str],
    truth: list[str],
    vegetation: str | None,
    interval: float,
    coverage: str,
) -> None:
    """Write nominal and actual coverage and mean width per fold and class of `vegetation`, a predictor."""
    cells, rows = pd.read_parquet(errors), []
    if len(cells):
        rows += coverage_rows("9 km, one scale up", [cell_intervals(cells, vegetation)], interval)
    for path in truth:
        pixels = pixel_intervals(soil_moisture, stacks, path, vegetation)
        rows += coverage_rows("1 km, simulated truth", pixels, interval)
    table = pd.DataFrame(rows, columns=["support", "group", "n", "nominal", "coverage", "width"])
    LOGGER.info("Coverage of the intervals:\n%s", table.to_string(index=False))
    with replaced(coverage) as partial:
        table.to_csv(partial, index=False, float_format="%.6f")
