"""Score maps against field points in time."""

import pandas as pd

from kilomoist.evaluation.field_months import field_months
from kilomoist.evaluation.field_pixels import read_pixels
from kilomoist.files import write_table
from kilomoist.jobs import rule_script
from kilomoist.names import OWN_MAPS, map_label


@rule_script
def score_field_months(*, matched: list[str], method: str, months: str) -> None:
    """Write the scores of each map at each point over the months, after their summary."""
    tables = [read_pixels(path) for path in matched]
    table = field_months(pd.concat([pixels for pixels, _ in tables]), tables[0][1])
    table.insert(1, "label", [map_label(name, method) for name in table["map"]])
    write_table(months, table.assign(map=table["map"].replace(OWN_MAPS)))
