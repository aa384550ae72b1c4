"""Numerics of the benchmark on measured fields and probes, and what is known of these."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from witnesses import SHARED, with_witnesses
from workflow_runs import ROOT

NATURE = SimpleNamespace(**runpy.run_path(str(ROOT / "benchmarks/nature.py")))


def table(moisture: dict[str, list[float]], ndvi: dict[str, list[float]] | None = None) -> pd.DataFrame:
    """A row a site and year, in one cluster and month: moisture, and NDVI; other columns are 0."""
    rows = [
        dict.fromkeys(NATURE.COLUMNS, 0.0)
        | {"site": site, "cluster": "A", "year": 2016 + year, "month": 1, "insitu_sm": value}
        | {"ndvi_500m": ndvi[site][year] if ndvi else 0.0}
        for site, values in moisture.items()
        for year, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_fields_are_the_variables_in_percent_without_flags(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "field.nc", "w") as file:
        for name in ("SWI_005", "QFLAG_005", "ssm_noise", "SSF"):
            variable = file.create_dataset(name, data=np.array([[[0, 100], [200, 241]]], np.uint8))
            variable.attrs["units"] = b"1" if name == "SSF" else b"%"
            variable.attrs["scale_factor"] = np.array([0.5], np.float32)
    ((name, field),) = NATURE.fields_of(tmp_path / "field.nc")
    assert name == "SWI_005"
    np.testing.assert_allclose(field, [[0, 0.225], [0.45, np.nan]])


def test_a_field_without_detail_has_no_errors_at_any_scale() -> None:
    assert NATURE.errors_by_scale(np.full((144, 144), 0.2)) == pytest.approx(dict.fromkeys((1, 2, 4, 9, 18, 36), 0.0))


def test_white_noise_errs_nine_times_as_much_at_a_pixel_as_in_its_means() -> None:
    found = NATURE.interval_on(0.2 + 0.02 * np.random.default_rng(0).standard_normal((360, 360)))
    assert found["true_ratio"] == pytest.approx(9, rel=0.05)
    assert found["needed_ratio_90"] == pytest.approx(9, rel=0.05)


def test_too_few_errors_give_no_interval() -> None:
    assert NATURE.interval_on(np.full((72, 72), 0.2)).keys() == {"errors"}


def test_a_deviation_is_from_the_mean_of_the_others() -> None:
    found = NATURE.deviations(table({"a": [0.1], "b": [0.2], "c": [0.3]}))
    np.testing.assert_allclose(found["insitu_sm"], [-0.15, 0, 0.15], atol=1e-12)


def test_a_history_is_of_other_years() -> None:
    found = NATURE.history(table({"a": [0.1, 0.2, 0.4], "b": [0.2, 0.2, 0.2]}))
    np.testing.assert_allclose(found, [0.1, 0.05, -0.05, -0.1, -0.05, 0.05], atol=1e-12)
    assert np.isnan(NATURE.history(table({"a": [0.1], "b": [0.2]}))).all()


def test_skill_of_the_truth_and_of_the_mean_of_the_others() -> None:
    rows = table({"a": [0.1, 0.3], "b": [0.2, 0.2], "c": [0.25, 0.3]})
    assert NATURE.skill(rows, NATURE.deviations(rows)["insitu_sm"].to_numpy()) == pytest.approx((1, 1, 1))
    assert NATURE.skill(rows, np.zeros(len(rows))) == pytest.approx((0, 0, 0))


def test_a_site_is_estimated_by_the_others() -> None:
    random = np.random.default_rng(0)
    ndvi = {site: list(random.random(5)) for site in "abcdefgh"}
    rows = table({site: [0.1 + 0.2 * value for value in values] for site, values in ndvi.items()}, ndvi)
    found = NATURE.left_out(rows, ["ndvi_500m"], LinearRegression)
    np.testing.assert_allclose(found, NATURE.deviations(rows)["insitu_sm"], atol=1e-9)


def test_says_that_there_is_nothing_to_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nature.py", "--folder", str(tmp_path / "none")])
    NATURE.main()
    assert "nothing is measured" in capsys.readouterr().out


@with_witnesses
def test_copernicus_fields_have_the_ratios_that_are_known() -> None:
    """Root mean squares over the whole, and of SWI_005 the ratios that hold 85 % in the west and 95 % in the east."""
    (path,) = (SHARED / "nature/cgls").glob("*SWI1km*.nc")
    parts = {name: NATURE.parts_of(field) for name, field in NATURE.fields_of(path)}
    true = {name: NATURE.interval_on(fields["whole"])["true_ratio"] for name, fields in parts.items()}
    assert true == pytest.approx({"SWI_005": 1.03, "SWI_040": 1.32}, abs=5e-3)
    west, east = (NATURE.interval_on(parts["SWI_005"][half]) for half in ("west", "east"))
    assert (west["needed_ratio_85"], east["needed_ratio_95"]) == pytest.approx((0.93, 1.05), abs=0.016)


@with_witnesses
def test_oznet_has_the_deviations_that_are_known() -> None:
    rows = NATURE.monthly_means(SHARED / "nature/oznet")
    months = rows.groupby(NATURE.CLUSTER_MONTH)["insitu_sm"]
    assert (len(rows), months.ngroups) == (1079, 102)
    assert (rows["insitu_sm"] - months.transform("mean")).std() == pytest.approx(0.052, abs=5e-4)
    assert NATURE.skill(rows, NATURE.history(rows))[0] == pytest.approx(0.21, abs=5e-3)
    january = NATURE.deviations(rows)[rows["month"] == 1]
    assert january["insitu_sm"].corr(january["lst_1km"]) == pytest.approx(-0.41, abs=5e-3)
