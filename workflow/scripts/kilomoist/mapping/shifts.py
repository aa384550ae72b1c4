"""Covariate shift: predictors at 1 km, for which a model predicts, against those at 9 km that it learned.

Pixels are counted block by block in bins that the training rows alone decide, so that blocks can be added up.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.files import own_file, read_json
from kilomoist.statistics import PERCENTILES, describe

if TYPE_CHECKING:
    import pandas as pd

BINS = 50
"""Bins over the training rows' range."""
BEYOND = 2
"""Times that range which bins go on beyond it on either side; the outermost hold what lies farther away."""
_NAMES = ("minimum", "maximum", *(f"p{percent:02d}" for percent in PERCENTILES))
"""No mean: sums of blocks differ from the sum of the whole in their last bits."""
_OUTSIDE = ("below", "above", "outside")


def learned_range(space: str, predictor: str, rows: NDArray) -> dict[str, Any]:
    """Distribution of a predictor's training rows (n,) in the bins that pixels are counted in too, as plain data.

    `space` is `value`, or `deviation` for what a scale has beyond the next coarser scale.
    """
    rows = np.asarray(rows, float)
    lowest, highest = float(rows.min()), float(rows.max())
    span = highest - lowest or max(abs(lowest), 1.0)
    edges = np.linspace(lowest - BEYOND * span, highest + BEYOND * span, (2 * BEYOND + 1) * BINS + 1)
    found = {"space": space, "predictor": predictor, "training": describe(rows)}
    return found | {"edges": edges.tolist(), "rows": _counts(rows, edges).tolist()}


class ShiftCount:
    """Distribution of a block's pixels beside a predictor's training rows (`learned_range`), counted part by part."""

    def __init__(self, learned: Mapping[str, Any]) -> None:
        self._found, self._edges = dict(learned), np.array(learned["edges"])
        self._lowest, self._highest = learned["training"]["minimum"], learned["training"]["maximum"]
        self._pixels = np.zeros(len(self._edges) - 1, np.int64)
        self._ends, self._below, self._above = [np.inf, -np.inf], 0, 0

    def add(self, pixels: NDArray) -> None:
        """Count pixels (m,), all finite."""
        pixels = np.asarray(pixels, float)
        self._pixels += _counts(pixels, self._edges)
        self._below += int((pixels < self._lowest).sum())
        self._above += int((pixels > self._highest).sum())
        if pixels.size:
            self._ends = [min(self._ends[0], float(pixels.min())), max(self._ends[1], float(pixels.max()))]

    def counts(self) -> dict[str, Any]:
        """Counts as plain data."""
        minimum, maximum = self._ends if self._pixels.any() else (None, None)
        outside = {"below": self._below, "above": self._above}
        return self._found | {"pixels": self._pixels.tolist(), "minimum": minimum, "maximum": maximum} | outside


def count_pixels(counts: Sequence[ShiftCount], predictors: NDArray) -> None:
    """Count the pixels that have every predictor, (predictors, rows, columns), each predictor in its own count."""
    valid = np.isfinite(predictors).all(axis=0)
    for count, layer in zip(counts, predictors, strict=True):
        count.add(layer[valid])


def read_counts(path: str | Path) -> list[dict[str, Any]]:
    """Read the `ShiftCount.counts` of a block. Raises `InputError` for anything else."""
    with own_file(path, "counts of predictors"):
        found = read_json(path)
        for part in found:
            sizes = len(part["rows"]), len(part["pixels"]), len(part["edges"]) - 1
            counts = [*part["rows"], *part["pixels"], part["below"], part["above"], part["training"]["n"]]
            numbers = [*part["edges"], *(part["training"][name] for name in _NAMES)]
            numbers += [part[name] for name in ("minimum", "maximum") if part[name] is not None]
            counted = all(type(count) is int and 0 <= count < 2**53 for count in counts)
            measured = all(type(number) is float and math.isfinite(number) for number in numbers)
            if len(set(sizes)) > 1 or not counted or not measured:
                raise ValueError("its counts do not belong together")
        return found


def shift_tables(
    blocks: Sequence[Sequence[Mapping[str, Any]]], units: Mapping[str, str]
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Summary and histograms of a region, from the counts of every predictor in each block.

    The summary has two rows a space and predictor: support (`9 km`: training rows; `1 km`: pixels of the map), n,
    minimum, maximum, percentiles (of pixels interpolated within bins), and the shares of them that lie `below`, `above`
    and `outside` the range of the training rows. The histograms have a row a bin, `rows` at 9 km and `pixels` at 1 km.
    """
    import pandas as pd

    summaries, histograms = [], []
    for parts in zip(*blocks, strict=True):
        first = parts[0]
        name = {"space": first["space"], "predictor": first["predictor"], "unit": units[first["predictor"]]}
        pixels, edges = np.sum([part["pixels"] for part in parts], axis=0), np.array(first["edges"])
        summaries.append(name | {"support": "9 km"} | first["training"] | dict.fromkeys(_OUTSIDE, 0.0))
        summaries.append(name | {"support": "1 km"} | _describe_counts(parts, pixels, edges))
        bins = {"lower": edges[:-1], "upper": edges[1:], "rows": first["rows"], "pixels": pixels}
        histograms.append(pd.DataFrame(name | bins))
    columns = ["space", "predictor", "unit", "support", "n", *_NAMES, *_OUTSIDE]
    return pd.DataFrame(summaries, columns=columns).astype({"n": int}), pd.concat(histograms, ignore_index=True)


def _counts(values: NDArray, edges: NDArray) -> NDArray[np.int64]:
    """Values in each bin, those beyond the outermost edges in the outermost bins."""
    return np.histogram(np.clip(values, edges[0], edges[-1]), len(edges) - 1, (edges[0], edges[-1]))[0]


def _describe_counts(parts: Sequence[Mapping[str, Any]], pixels: NDArray, edges: NDArray) -> dict[str, float]:
    """Numbers of `statistics.describe`, without the mean, from the counts of blocks."""
    n = int(pixels.sum())
    if not n:
        return {"n": 0} | dict.fromkeys([*_NAMES, *_OUTSIDE], np.nan)
    filled = [part for part in parts if part["minimum"] is not None]
    lowest, highest = min(part["minimum"] for part in filled), max(part["maximum"] for part in filled)
    # The outermost bins end where the pixels do.
    ends = np.concatenate([[min(edges[0], lowest)], edges[1:-1], [max(edges[-1], highest)]])
    share = np.concatenate([[0], np.cumsum(pixels)]) / n
    quantiles = np.clip(np.interp(np.array(PERCENTILES) / 100, share, ends), lowest, highest)
    below, above = (sum(part[side] for part in parts) / n for side in ("below", "above"))
    found = dict(zip(_NAMES, [lowest, highest, *map(float, quantiles)], strict=True))
    return {"n": n} | found | {"below": below, "above": above, "outside": below + above}
