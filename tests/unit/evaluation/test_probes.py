"""What a probe shows of its pixel: by hand, and on OzNet's real soil."""

import numpy as np
import pandas as pd
import pytest
from witnesses import SHARED, with_witnesses

from kilomoist.evaluation.probes import (
    REPRESENTATIVENESS,
    TEMPORAL,
    coverage_interval,
    field_coverage,
    probe_interval,
    representativeness_error,
    temporal_scatter,
)


def test_representativeness_is_of_near_pairs() -> None:
    """30 pairs 1 km apart that differ by 0.02, 0.1° from each other: √(0.02² / 2)."""
    longitude, latitude = np.tile(100 + np.arange(30) / 10, 2), np.repeat([47.0, 47.009], 30)
    values = np.repeat([0.2, 0.22], 30) + np.tile(np.arange(30) / 100, 2)
    assert representativeness_error(values, longitude, latitude) == (pytest.approx(0.02 / 2**0.5), 30)
    few = np.r_[:29, 30:60]
    found, pairs = representativeness_error(values[few], longitude[few], latitude[few])
    assert (np.isnan(found), pairs) == (True, 29)
    for rows in (0, 1):
        assert representativeness_error(values[:rows], longitude[:rows], latitude[:rows])[1] == 0


def visits(points: int) -> pd.DataFrame:
    """Of each point three days of August that differ by 0.03, one of them measured twice, and one day of September."""
    dates = pd.to_datetime(["2021-08-01 12", "2021-08-11 06", "2021-08-11 18", "2021-08-21 12", "2021-09-01 12"])
    one = pd.DataFrame({"date": dates, "soil_moisture": [0.17, 0.19, 0.21, 0.23, 0.5], "longitude": 100.0})
    return pd.concat([one.assign(id=f"{number}", latitude=47.0 + number) for number in range(points)])


def test_days_scatter_about_the_mean_of_their_month() -> None:
    """Days of 0.17, 0.20 and 0.23: Σ(z − mean)² / (3 − 1) = 0.03²."""
    assert temporal_scatter(visits(15)) == (pytest.approx(0.03), 30)
    for points in (0, 1, 14):
        deviation, degrees = temporal_scatter(visits(15)[: 5 * points])
        assert (np.isnan(deviation), degrees) == (True, 2 * points)


def test_a_probe_has_a_wider_interval() -> None:
    """z = 1.645 at 90 %: √(0.03² + (1.645 · 0.02432)²) = 0.05 below, √(0.0² + 0.04²) above."""
    value, deviation = np.array([0.2]), np.array([0.04 / 1.6448536])
    lower, upper = probe_interval(value, (value - 0.03, value), deviation, 0.9)
    assert (lower[0], upper[0]) == pytest.approx((0.15, 0.24))


def test_interval_of_coverage_by_hand() -> None:
    """9 of 10 in ten cells: Wilson's interval is 0.596 to 0.982; in one cell they are worth one, without any NaN."""
    inside = np.arange(10) > 0
    assert coverage_interval(inside, np.arange(10)) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    lower, upper = coverage_interval(inside, np.zeros(10))
    assert lower < 0.25
    assert upper > 0.98
    assert np.isnan(coverage_interval(inside[:0], np.zeros(0))).all()


def test_coverage_of_three_intervals_by_hand() -> None:
    """Ten pixels of 0.2 with total intervals of ±0.03 and conditional ones of ±0.01, off by 0, 0.01, … 0.09."""
    off = np.arange(10) / 100
    pixels = pd.DataFrame({"pixel": [f"r{9 * row}c0" for row in range(10)], "fine": 0.2, "observed": 0.2 + off - 1e-9})
    ends = {"lower": 0.17, "upper": 0.23, "conditional_lower": 0.19, "conditional_upper": 0.21}
    found = field_coverage(pixels.assign(**ends), np.full(10, 0.04 / 1.6448536), 0.9).set_index("interval")
    assert found["coverage"].tolist() == [0.2, 0.4, 0.6]  # the probe's reaches √(0.03² + 0.04²)
    assert found["width"].tolist() == pytest.approx([0.02, 0.06, 0.1])
    assert found["n"].tolist() == [10] * 3
    nothing = field_coverage(pixels.assign(**ends)[:0], np.zeros(0), 0.9)
    assert nothing["n"].tolist() == [0] * 3
    assert nothing["coverage"].isna().all()


@with_witnesses
def test_oznet_gives_the_values_of_the_sources() -> None:
    """Sites with 15 days; 4.7 % by degrees of freedom for 4.6 by n; pairs of all months together."""
    folder = SHARED / "nature/oznet"
    tables = [
        pd.read_csv(path, usecols=["time", "lon", "lat", "insitu_sm"], parse_dates=["time"]).assign(id=path.stem)
        for path in sorted(folder.glob("OzNet_*_cleaned_data.csv"))
    ]
    names = {"time": "date", "lon": "longitude", "lat": "latitude", "insitu_sm": "soil_moisture"}
    days = pd.concat(tables).dropna().rename(columns=names).reset_index(drop=True)
    of_month = days["date"].dt.to_period("M")
    days = days[days.groupby(["id", of_month])["date"].transform("size") >= 15]
    found, degrees = temporal_scatter(days)
    assert found * np.sqrt(degrees / len(days)) == pytest.approx(TEMPORAL, abs=5e-4)
    assert found == pytest.approx(TEMPORAL, abs=1e-3)
    place = ["id", "longitude", "latitude", of_month.rename("month")]
    means = days.groupby(place)["soil_moisture"].mean().reset_index()
    # Months stand degrees apart, so that only pairs of one month are near.
    means["longitude"] += means["month"].dt.year * 12 + means["month"].dt.month
    found, pairs = representativeness_error(*means[["soil_moisture", "longitude", "latitude"]].to_numpy(float).T)
    assert pairs == 302
    assert found == pytest.approx(REPRESENTATIVENESS, rel=0.02)
