"""Assessments against direct calls of what they are made of."""

import numpy as np
import pandas as pd
import pytest
from random_fields import fields
from scipy.stats import pearsonr

from kilomoist.assessments import correlations
from kilomoist.inference import dutilleul

SIDE = 30
PLACES = np.argwhere(np.ones((SIDE, SIDE), bool)) * 0.08 + [100, 47]
"""(rows, 2): longitude and latitude of a square of cells."""


def test_correlations_of_every_pair() -> None:
    """p for independent rows as other libraries have it, and what rows are worth by a test of each pair by itself."""
    names = ["target", "ndvi", "lst_day"]
    stream = fields("exponential", SIDE, 8, 1)
    table = pd.DataFrame({name: next(stream).ravel() for name in names}).assign(lon=PLACES[:, 0], lat=PLACES[:, 1])
    table["lst_day"] -= table["ndvi"]
    table.loc[3, "ndvi"] = np.nan
    found = correlations(table, names)
    assert list(found) == ["first", "second", "r", "p", "n", "effective_n", "p_effective"]
    pairs = [("target", "ndvi"), ("target", "lst_day"), ("ndvi", "lst_day")]
    assert list(zip(found["first"], found["second"], strict=True)) == pairs
    assert found["n"].tolist() == [SIDE**2 - 1] * 3  # the same rows for all
    rows = table.dropna()
    for row in found.itertuples():
        x, y = rows[row.first].to_numpy(), rows[row.second].to_numpy()
        assert (row.r, row.p) == pytest.approx(tuple(pearsonr(x, y)))
        alone = dutilleul(x, y, rows[["lon", "lat"]].to_numpy(), geographic=True)
        assert (row.effective_n, row.p_effective) == pytest.approx((alone.effective_n, alone.p))
        assert row.effective_n < 200
        assert row.p_effective > row.p


def test_a_constant_has_no_correlations_and_takes_none_from_others() -> None:
    random = np.random.default_rng(2)
    table = pd.DataFrame(random.normal(size=(60, 2)), columns=["target", "ndvi"]).assign(evi=0.3)
    table[["lon", "lat"]] = PLACES[:60]
    found = correlations(table, ["target", "ndvi", "evi"])
    assert found["r"].isna().tolist() == found["effective_n"].isna().tolist() == [False, True, True]
