"""Count how often the intervals hold the truth: SMAP one scale up, and the simulated one at 1 km."""

import pandas as pd

from kilomoist.evaluation.coverage import COLUMNS, PixelClasses, cell_intervals, coverage_rows, pixel_intervals
from kilomoist.files import replaced
from kilomoist.jobs import LOGGER, rule_script


@rule_script
def measure_coverage(
    *,
    errors: str,
    intervals: str,
    cells: str,
    stacks: list[str],
    truth: list[str],
    vegetation: str | None,
    interval: float,
    coverage: str,
) -> None:
    """Write nominal and actual coverage, mean width and score per fold and class of `vegetation`, a predictor."""
    found, rows = pd.read_parquet(errors), []
    if len(found):
        rows += coverage_rows("9 km, one scale up", "conditional", [cell_intervals(found, vegetation)], interval)
    for path in truth:
        for kind in ("total", "conditional"):
            pixels = pixel_intervals(intervals, kind, path, cells, PixelClasses(stacks, vegetation))
            rows += coverage_rows("1 km, simulated truth", kind, pixels, interval)
    table = pd.DataFrame(rows, columns=COLUMNS)
    LOGGER.info("Coverage of the intervals:\n%s", table.to_string(index=False))
    with replaced(coverage) as partial:
        table.to_csv(partial, index=False, float_format="%.6f")
