"""Count how often the intervals hold the truth: SMAP one scale up, and the simulated one at 1 km."""

import pandas as pd

from kilomoist.evaluation.coverage import (
    COLUMNS,
    PixelClasses,
    cell_intervals,
    coverage_rows,
    pixel_intervals,
    with_target_error,
)
from kilomoist.files import read_table, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.mapping.maps import cell_errors
from kilomoist.names import INTERVALS, MAP_SUPPORT, SCALE_UP_SUPPORT, TRUTH_SUPPORT


@rule_script
def measure_coverage(
    *,
    errors: str,
    intervals: str,
    cells: str,
    stacks: list[str],
    truth: list[str],
    vegetation: str | None,
    target_error: float,
    interval: float,
    coverage: str,
) -> None:
    """Write nominal and actual coverage, mean width and score of both intervals per fold and class of `vegetation`, a
    predictor; of the file's, where there is no truth, the width alone.
    """
    found, rows = read_table(errors), []
    if len(found):
        wide = with_target_error(found, cell_errors(cells, target_error), interval)
        for kind, ends in zip(INTERVALS, (wide, found), strict=True):
            rows += coverage_rows(SCALE_UP_SUPPORT, kind, [cell_intervals(ends, vegetation)], interval)
    known = truth[0] if truth else None
    for kind in INTERVALS:
        pixels = pixel_intervals(intervals, kind, known, cells, PixelClasses(stacks, vegetation))
        rows += coverage_rows(TRUTH_SUPPORT if known else MAP_SUPPORT, kind, pixels, interval)
    table = pd.DataFrame(rows, columns=COLUMNS)
    LOGGER.info("Coverage of the intervals:\n%s", table.to_string(index=False))
    write_table(coverage, table)
