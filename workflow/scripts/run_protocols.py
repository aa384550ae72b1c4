"""Estimate the cells by every protocol that is asked for: by models that did not see them, or one level up."""

from pathlib import Path

import numpy as np
import pandas as pd

from kilomoist.evaluation.cross_validation import TooFewBlocksError, fold_estimates, folds_of
from kilomoist.evaluation.ranges import read_range
from kilomoist.evaluation.restoration import restored_estimates
from kilomoist.files import read_table, write_table
from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.learning.details import read_cells
from kilomoist.learning.tuning import chosen_settings, learner_of
from kilomoist.rasters import mosaic


@rule_script
def run_protocols(
    *,
    samples: str,
    cells: str,
    variogram: str,
    search: str,
    use: list[str],
    learner: dict,
    minimum_valid_fraction: float,
    threads: int,
    estimates: list[str],
) -> None:
    """Write the estimates of each protocol, which the file is called after, with what was done as the table's `note`.

    In folds `absolute` has the settings that the table `search` says were chosen; with a search, what is searched is
    chosen anew for each fold. Folds that are those of another protocol are not learned twice.
    """
    table, region = read_cells(samples, cells, use)
    mapped = mosaic([cells], M09, ["valid_fraction"])[0]["valid_fraction"] > 0
    settings, tuning = learner_of(learner, small=True)
    chosen = chosen_settings(settings, read_table(search))
    place = table, mapped, region.window, read_range(variogram), settings.seed
    learned: list[pd.DataFrame] = []
    for path in estimates:
        protocol = Path(path).stem
        try:
            if protocol == "degrade_restore":
                found, note = restored_estimates(region, use, settings, tuning, minimum_valid_fraction, threads)
            else:
                folds, note = folds_of(protocol, *place)
                same = (known for known in learned if np.array_equal(known["fold"], folds))
                found = next(same, None)
                if found is None:
                    nested = tuning if tuning.search else None
                    found = fold_estimates(table, use, chosen, folds, nested, threads)
                    learned.append(found)
        except TooFewBlocksError as error:
            found, note = pd.DataFrame(), str(error)
        if note:
            LOGGER.info("%s: %s", protocol, note)
        found.attrs["note"] = note
        write_table(path, found)
