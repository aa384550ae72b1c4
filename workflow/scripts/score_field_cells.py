"""Score what maps say within cells of 9 km at the field points."""

import pandas as pd

from kilomoist.evaluation.field_pixels import read_pixels
from kilomoist.evaluation.within_cells import within_cells
from kilomoist.files import write_table
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.names import map_names


@rule_script
def score_field_cells(*, matched: str, method: str, seed: int, within: str) -> None:
    """Write each map's scores of deviations from the mean of the other pixels in the cell."""
    pixels, maps = read_pixels(matched)
    scores = within_cells(pixels, maps, seed)
    table = pd.DataFrame([map_names(name, method) | row for name, row in scores.items()])
    write_table(within, table)
    LOGGER.info("%d pixels share %d cells of 9 km with others.", *table.loc[0, ["n", "cells"]])
