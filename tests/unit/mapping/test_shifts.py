"""Counts of blocks add up to what the whole region's values tell."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kilomoist.mapping.shifts import BEYOND, BINS, ShiftCount, learned_range, shift_tables
from kilomoist.statistics import describe

RANDOM = np.random.default_rng(5)
ROWS = RANDOM.normal(0.4, 0.1, 500)
PIXELS = RANDOM.normal(0.45, 0.15, 30_000).astype(np.float32)


def count_shift(space: str, predictor: str, rows: np.ndarray, *parts: np.ndarray) -> dict[str, Any]:
    count = ShiftCount(learned_range(space, predictor, rows))
    for part in parts:
        count.add(part)
    return count.counts()


def tables(*parts: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Through JSON, as blocks hand them over."""
    blocks = [[count_shift("value", "ndvi", ROWS, part)] for part in parts]
    return shift_tables(json.loads(json.dumps(blocks, sort_keys=True)), {"ndvi": "1"})


def test_blocks_add_up_to_the_whole() -> None:
    table, bins = tables(PIXELS)
    many, bins_of_many = tables(PIXELS[:7000], PIXELS[:0], PIXELS[7000:])
    pd.testing.assert_frame_equal(table, many)
    pd.testing.assert_frame_equal(bins, bins_of_many)
    whole = count_shift("value", "ndvi", ROWS, PIXELS)
    assert count_shift("value", "ndvi", ROWS, PIXELS[:7000], PIXELS[:0], PIXELS[7000:]) == whole


def test_numbers_are_those_of_the_values() -> None:
    table, _ = tables(PIXELS)
    training, pixels = table.iloc[0], table.iloc[1]
    assert (training["support"], pixels["support"]) == ("9 km", "1 km")
    assert list(table)[:8] == ["space", "predictor", "unit", "support", "n", "minimum", "maximum", "p01"]
    rows, all_pixels = describe(ROWS), describe(PIXELS)
    for name in list(table)[4:-3]:
        assert training[name] == pytest.approx(rows[name]), name
        error = {"rel": 1e-6, "abs": 0} if name in ("n", "minimum", "maximum") else {"abs": np.ptp(ROWS) / BINS / 2}
        assert pixels[name] == pytest.approx(all_pixels[name], **({"rel": 0} | error)), name
    assert training[["below", "above", "outside"]].tolist() == [0, 0, 0]
    assert pixels["below"] == (ROWS.min() > PIXELS).mean() > 0
    assert pixels["above"] == (ROWS.max() < PIXELS).mean() > 0
    assert pixels["outside"] == pytest.approx(pixels["below"] + pixels["above"])


def test_bins_hold_everything_and_follow_the_training_rows() -> None:
    far = np.append(PIXELS, [-1000, 1000]).astype(np.float32)
    table, bins = tables(far)
    span = np.ptp(ROWS)
    assert len(bins) == (2 * BEYOND + 1) * BINS
    assert bins["lower"].iloc[0] == pytest.approx(ROWS.min() - BEYOND * span)
    assert bins["upper"].iloc[-1] == pytest.approx(ROWS.max() + BEYOND * span)
    assert bins["rows"].sum() == len(ROWS)
    assert bins["pixels"].sum() == len(far)
    assert bins["pixels"].iloc[0] >= 1 <= bins["pixels"].iloc[-1]
    within = (bins["upper"] > ROWS.min() + 1e-9) & (bins["lower"] < ROWS.max() - 1e-9)
    assert within.sum() == BINS
    # By rounding an end of the range may fall beyond the edge of the bin that begins or ends there.
    assert bins.loc[within, "rows"].sum() >= len(ROWS) - 2
    assert table.loc[1, ["minimum", "maximum"]].tolist() == [-1000, 1000]


def test_a_predictor_that_does_not_vary() -> None:
    counted = count_shift("value", "ndvi", np.full(60, 300.0), np.array([300.0, 300.0, 301.0]))
    table, bins = shift_tables([[counted]], {"ndvi": "K"})
    assert table["outside"].tolist() == [0, pytest.approx(1 / 3)]
    assert (np.diff(bins["lower"]) > 0).all()
    assert bins["pixels"].sum() == 3


def test_a_region_without_a_pixel_has_no_numbers() -> None:
    table, bins = tables(PIXELS[:0], PIXELS[:0])
    assert table.loc[1, "n"] == 0
    assert table.loc[1, ["minimum", "p50", "outside"]].isna().all()
    assert bins["pixels"].sum() == 0


def test_both_spaces_are_kept_apart() -> None:
    block = [count_shift(space, name, ROWS, PIXELS) for space in ("value", "deviation") for name in ("ndvi", "lst_day")]
    table, _ = shift_tables([block, block], {"ndvi": "1", "lst_day": "K"})
    assert table.loc[::2, "space"].tolist() == ["value", "value", "deviation", "deviation"]
    assert table.loc[::2, "unit"].tolist() == ["1", "K", "1", "K"]
    assert (table.loc[1::2, "n"] == 2 * len(PIXELS)).all()
