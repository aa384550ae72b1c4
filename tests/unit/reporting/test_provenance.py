"""What provenance tells of each stage: what went in, what came out, what was masked and why."""

from typing import Any

import numpy as np
import pytest

from kilomoist.reporting.provenance import stage_counts

CELLS = {
    # No pixel inside; half of them; all; all; all, without a target.
    "region_fraction": np.array([[0, 40 / 81, 1, 1, 1]]),
    "valid_fraction": np.array([[0, 30 / 81, 1, 0.25, 1]]),
    "valid_fraction_ndvi": np.array([[0, 35 / 81, 1, 0.5, 1]]),
    "valid_fraction_lst_day": np.array([[0, 30 / 81, 1, 0.25, 1]]),
    "target": np.array([[np.nan, 0.1, 0.2, 0.3, np.nan]]),
}
OBSERVED = {"lst_day": {"in": 10, "out": 7, "masked": {"quality": 3}}}
INVENTORIES = [
    {"product": "MOD11A1.061", "tile": "h25v04", "counts": OBSERVED},
    {"product": "SPL4SMGP.008", "tile": None},
]


def counts(samples: int = 2, mapped: int = 30 + 81 + 20 + 81, **others: Any) -> dict[str, Any]:
    return stage_counts(INVENTORIES, CELLS | others, samples, mapped, 0.3)


def test_each_stage_tells_what_it_masked() -> None:
    found = counts()
    assert found["granules"] == {"MOD11A1.061 h25v04": OBSERVED}
    assert found["predictors"] == {
        "in": 40 + 3 * 81,
        "out": 30 + 81 + 20 + 81,
        "masked": {"a predictor is lacking": 71},
        "lacking": {"ndvi": 46, "lst_day": 71},
    }
    assert found["map"]["in"] == found["map"]["out"] == found["predictors"]["out"]
    few = "fewer pixels with all predictors than 30%"
    assert found["samples"] == {"in": 4, "out": 2, "masked": {"no target": 1, few: 1}}
    assert counts(mapped=200)["map"]["masked"] == {"the model has no value": 12}


@pytest.mark.parametrize(
    ("wrong", "stage"),
    [
        ({"samples": 3}, "samples: 4 went in, 3 came out"),
        ({"mapped": 300}, "map: 212 went in, 300 came out"),
        ({"valid_fraction_ndvi": np.zeros((1, 5))}, "predictors: 71 pixels lack one"),
    ],
)
def test_what_a_stage_lost_or_made_is_a_fault_of_the_program(wrong: dict[str, Any], stage: str) -> None:
    with pytest.raises(ValueError, match=stage):
        counts(**wrong)
