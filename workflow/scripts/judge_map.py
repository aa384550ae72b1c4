"""Judge the map: whether it is better than interpolated SMAP, by how much and how sure, in numbers and words."""

from kilomoist.files import read_table, write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.names import MAP_1KM
from kilomoist.rasters import read_tags
from kilomoist.reporting.verdicts import (
    NO_POINTS,
    POINTS,
    against_truth,
    at_points,
    not_compared,
    one_scale_up,
    predicted,
    verdict_table,
)


@rule_script
def judge_map(
    *, soil_moisture: str, scores: str, differences: str, gain: str, truth: list[str], field: list[str], verdict: str
) -> None:
    """Write a row for each comparison: one scale up, at field points, with a simulated truth, and as predicted.

    `field` are the scores at field points and their differences; it is empty without points, `truth` of real data.
    """
    rows = one_scale_up(read_table(scores), read_table(differences))
    if field:
        rows += at_points(*map(read_table, field))
    else:
        rows.append(not_compared(POINTS, MAP_1KM, NO_POINTS))
    for path in truth:
        rows += against_truth(read_table(path))
    rows.append(predicted(read_table(gain).iloc[0]))
    table = verdict_table(rows, read_tags(soil_moisture))
    LOGGER.info("%s", "\n".join(table["sentence"]))
    write_table(verdict, table)
