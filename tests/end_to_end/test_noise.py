"""Scenes that are harder than the default: noise of single pixels, and a target that errs."""

from pathlib import Path

import pandas as pd
from workflow_runs import DEMO, SMALL, succeed


def errors_of(folder: Path, *tables: str, **scene: object) -> pd.DataFrame:
    """RMSE of every map against the simulated truth, by name."""
    config = SMALL | {"scene": SMALL["scene"] | scene}
    succeed(folder, "--", f"{DEMO}/tables/truth.csv", *tables, config=config)
    truth = pd.read_csv(folder / f"{DEMO}/tables/truth.csv")
    return truth[truth["support"] == "1 km"].set_index("map")


def test_noise_of_pixels_stays_out_of_the_map(tmp_path: Path) -> None:
    """White noise (NDVI 0.06, LST 1.8 K) that means of 9 km do not show: the map is no worse than interpolation."""
    found = errors_of(tmp_path, noise=True)
    assert found.loc["soil_moisture.tif", "rmse"] <= found.loc["bilinear_reconciled", "rmse"]
    agreement = pd.read_csv(tmp_path / f"{DEMO}/tables/agreement.csv").set_index("predictor")
    assert agreement.loc["ndvi", "reliability"] < 0.5
    assert agreement.loc["lst_day", "reliability"] < 0.8
