"""Quality flags of the map."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kilomoist.cells import repeated
from kilomoist.grids import CELL_SIDE
from kilomoist.quality_flags import CLASSES, FLAGS, NO_FLAG, SEVERITY

_SET_IN = {name: (np.arange(256) >> flag.bit) & 1 == 1 for name, flag in FLAGS.items()}
"""Values of `quality.tif` that have each flag, (256,)."""
WATER_OR_SNOW_SHARE = 0.05
"""Share of a pixel that water, or snow, must cover to be flagged."""
FREEZING = 273.15
"""K: below this mean of LST (day) a pixel counts as frozen."""


def verdict_flags(
    verdict: Mapping[str, NDArray], threshold: float, model_only_days: int
) -> dict[str, NDArray[np.bool_]]:
    """Flags by a verdict (`applicability.verdict_on`), its threshold, and the days without radiometer."""
    return {
        "outside_range": verdict["outside_range"] > 0,
        "outside_applicability": verdict["dissimilarity"] > threshold,
        "without_radiometer": np.array(model_only_days > 0),
    }


def flag_block(
    values: NDArray,
    stack: Mapping[str, NDArray],
    few_days: Mapping[str, float],
    reconciled: NDArray[np.bool_],
    others: Mapping[str, NDArray[np.bool_]],
) -> NDArray[np.uint8]:
    """Flags of a block's pixels; those without a value only say so.

    `stack` is the block's predictors, `few_days` the days below which a predictor has few observations, `reconciled`
    the block's reconciled cells, `others` are flags that are known already, which can be broadcast to the pixels.
    """
    surface = [stack[name] > WATER_OR_SNOW_SHARE for name in ("water", "snow") if name in stack]
    raised = {
        "few_observations": np.any([stack[f"{name}_days"] < days for name, days in few_days.items()], axis=0),
        "water_or_snow": np.any(surface, axis=0),
        "not_reconciled": ~repeated(reconciled, CELL_SIDE),
        "frozen": stack["lst_day"] < FREEZING if "lst_day" in stack else np.False_,
        **others,
    }
    flags = np.zeros(values.shape, np.uint8)
    for name, where in raised.items():
        flags |= (np.broadcast_to(where, values.shape).astype(np.uint8) << FLAGS[name].bit).astype(np.uint8)
    return np.where(np.isfinite(values), flags, np.uint8(1 << FLAGS["no_value"].bit))


def legend(use: Collection[str]) -> dict[str, str]:
    """Meaning of each bit where the predictors `use` are used, as tags of `quality.tif`."""
    tags = {f"bit_{flag.bit}": flag.meaning for flag in FLAGS.values()}
    if "lst_day" not in use:
        tags[f"bit_{FLAGS['frozen'].bit}"] += " (never set: lst_day is not in use)"
    return tags


def most_severe(reconciled: bool = True) -> NDArray[np.uint8]:
    """Place in `SEVERITY` of the most severe flag of each value of `quality.tif`, (256,); its length without any.

    Of a map that is not `reconciled` anywhere, the flag that says so would hide others, and does not count.
    """
    places = np.full(256, len(SEVERITY), np.uint8)
    for place, name in reversed(list(enumerate(SEVERITY))):
        if reconciled or name != "not_reconciled":
            places[_SET_IN[name]] = place
    return places


def severity_colours() -> list[str]:
    """Colour of each flag in the order of `SEVERITY`, and of pixels without any."""
    return [of.colour for of in reversed(CLASSES)]


def class_of_values(reconciled: bool = True) -> NDArray[np.uint8]:
    """Value of `quality_class.tif` for each value of `quality.tif`, (256,); `reconciled` as in `most_severe`."""
    return np.uint8(len(SEVERITY)) - most_severe(reconciled)


def colour_table(reconciled: bool = True) -> dict[int, tuple[int, int, int]]:
    """Red, green and blue of each value of `quality.tif`, by its most severe flag."""
    return {value: CLASSES[number].rgb for value, number in enumerate(class_of_values(reconciled))}


def count_values(flags: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number of pixels with each value of `quality.tif`, (256,)."""
    return np.bincount(flags.ravel(), minlength=256)


def flag_table(numbers: NDArray[np.int64]) -> pd.DataFrame:
    """Frequency of each flag on a map: flag, bit, pixels and their share of the pixels that have a value.

    `numbers` are those of `count_values`. The last row counts the pixels with a value and `no flag`.
    """
    mapped = int(numbers[~_SET_IN["no_value"]].sum())
    named = [(flag, int(numbers[_SET_IN[name]].sum())) for name, flag in FLAGS.items() if name != "no_value"]
    rows = [(flag.meaning, flag.bit, pixels) for flag, pixels in named]
    table = pd.DataFrame([*rows, (NO_FLAG, None, int(numbers[0]))], columns=["flag", "bit", "pixels"])
    share = table["pixels"] / mapped if mapped else np.nan
    return table.astype({"bit": "Int64"}).assign(share=share)


def share_without(table: pd.DataFrame, flag: str) -> float:
    """Share of the pixels with a value on which a flag is not set, from `flag_table`."""
    return 1 - float(table.set_index("flag").loc[FLAGS[flag].meaning, "share"])
