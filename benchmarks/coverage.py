"""How often 95 % intervals hold the true score: python benchmarks/coverage.py [--fields 1000].

Random fields whose population scores are known, of three covariances, in regions of several sizes and shapes. Prints
the coverage of the ordinary bootstrap (of single cells), the plain block bootstrap (percentiles, blocks of the same
side) and the corrected one, and how often a difference is found at 5 % where there is none. Last the coverage of what
`tables/scores.csv` holds, whose blocks are as long as variograms of the same data say (80 × 80 cells at the equator).
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from random_fields import COVARIANCES, POPULATION, estimate, fields

from kilomoist.evaluation.assessments import Scored
from kilomoist.evaluation.bootstrap import SCORES, ScoredRows, score_terms, square_blocks, summed_scores

REACH = 10.0
SINGLE = 0.5
"""The range whose blocks are single cells, which are drawn as if they were independent."""
DRAWS = 400
"""The standard deviation of draws is exact enough with so many, and draws of single cells are slow."""
DEGREES, METRES = 0.08, 111_320.0
"""Of a cell at the equator: its side, and the length of a degree."""
REGIONS = {
    "80 × 80 cells": np.ones((80, 80), bool),
    "60 × 80 cells": np.ones((60, 80), bool),
    "40 × 40 cells": np.ones((40, 40), bool),
    "disc, 92 across": np.hypot(*(np.indices((92, 92)) - 45.5)) < 46,
    "disc, a third missing": (np.hypot(*(np.indices((92, 92)) - 45.5)) < 46)
    & (np.random.default_rng(0).random((92, 92)) < 2 / 3),
}


def plain(y: NDArray, z: NDArray, places: NDArray, seed: int) -> dict[str, tuple[float, float]]:
    """Percentile intervals of draws of blocks, without any correction."""
    blocks = square_blocks(places.astype(float), REACH)
    sums = np.stack([np.bincount(blocks.index, column) for column in score_terms(y, z - y).T], axis=1)
    times = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), DRAWS)
    ends = np.percentile(summed_scores(times @ sums), [2.5, 97.5], axis=0).T
    return dict(zip(SCORES, map(tuple, ends), strict=True))


def measure(name: str, region: NDArray, number: int) -> tuple[dict[str, dict[str, float]], dict[str, float], float]:
    """Coverage in percent by kind of interval and score, rejections in percent by score, effective blocks."""
    stream = fields(name, max(region.shape), REACH, 1)
    places = np.argwhere(region)
    hits = {kind: dict.fromkeys(SCORES, 0) for kind in ("ordinary", "plain", "corrected")}
    rejected = {"rmse": 0, "r": 0, "skill": 0}
    for seed in range(number):
        y, other, another = (next(stream)[: region.shape[0], : region.shape[1]][region] for _ in range(3))
        first, second = estimate(y, other), estimate(y, another)
        simple = plain(y, first, places, seed)
        rows = ScoredRows(y, {"first": first, "second": second}, places, seed=seed, draws=DRAWS)
        for kind, length in (("ordinary", SINGLE), ("corrected", REACH)):
            intervals = rows.intervals("first", length)
            for score in SCORES:
                hits[kind][score] += intervals[score].lower <= POPULATION[score] <= intervals[score].upper
        for score, (lower, upper) in simple.items():
            hits["plain"][score] += lower <= POPULATION[score] <= upper
        for score, row in rows.difference("first", "second", REACH).items():
            rejected[score] += row.p < 0.05
    percent = {kind: {score: 100 * hit / number for score, hit in row.items()} for kind, row in hits.items()}
    return percent, {score: 100 * hit / number for score, hit in rejected.items()}, intervals["r"].blocks


def measure_tables(name: str, number: int) -> dict[str, float]:
    """Coverage in percent, by score, of intervals whose blocks follow from the data."""
    stream = fields(name, 80, REACH, 5)
    row, column = np.indices((80, 80)).reshape(2, -1)
    places = np.stack([column * DEGREES, (row - 40) * DEGREES], axis=1)
    hits = dict.fromkeys(SCORES, 0)
    for seed in range(number):
        y, other = (next(stream).ravel() for _ in range(2))
        scored = Scored(y, {"estimate": estimate(y, other)}, places, REACH * DEGREES * METRES, seed)
        found = scored.confidence_intervals("estimate")
        for score in hits:
            hits[score] += found[f"{score}_low"] <= POPULATION[score] <= found[f"{score}_high"]
    return {score: 100 * hit / number for score, hit in hits.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=1000)
    asked = parser.parse_args()
    print(f"{asked.fields} fields; standard error of a coverage of 95 %: {math.sqrt(95 * 5 / asked.fields):.1f} %")
    for title, region in REGIONS.items():
        for name in COVARIANCES:
            percent, rejected, blocks = measure(name, region, asked.fields)
            print(f"\n{title}, {name}, {blocks:.1f} effective blocks; difference found where there is none: {rejected}")
            for kind, row in percent.items():
                print(f"{kind:10}" + "".join(f"  {score} {value:5.1f}" for score, value in row.items()))
    for name in COVARIANCES:
        row = measure_tables(name, asked.fields // 10)
        print(f"\nranges from the data, {name}, {asked.fields // 10} fields")
        print("tables    " + "".join(f"  {score} {value:5.1f}" for score, value in row.items()))
