"""The whole workflow with predictors beyond the study's: night, daily range, and a raster of elevation."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin
from workflow_runs import DEMO, SMALL, link, once, planned, rules, succeed, values

from kilomoist.grids import M01, geographic_from_ease
from kilomoist.rasters import mosaic

USE = ["ndvi", "evi", "lst_day", "lst_night", "lst_range", "elevation", "slope"]
CONFIG: dict[str, Any] = SMALL | {
    "predictors": {"use": USE, "layers": {"elevation": "dem.tif"}},
    "model": {"trees": 20, "min_leaf": 10},
}


def write_elevation(folder: Path, rise: float) -> None:
    """Elevation that rises to the north, in degrees at about 250 m."""
    rows, columns, side = 1120, 1520, 0.0025
    latitude = 48.9 - side * (np.arange(rows) + 0.5)[:, None]
    profile = {"driver": "GTiff", "height": rows, "width": columns, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(folder / "dem.tif", "w", transform=from_origin(97.6, 48.9, side, side), **profile) as file:
        file.write(np.broadcast_to(1000 + rise * (latitude - 46), (rows, columns)).astype(np.float32), 1)


@pytest.fixture(scope="module")
def run(demo: Path, shared: Path) -> Path:
    def make(folder: Path) -> None:
        link(demo / "resources", folder / "resources")
        write_elevation(folder, 500)
        made = (
            "predictors.tif",
            "tables/full/correlation.parquet",
            "tables/full/importance.parquet",
            "quality.tif",
            "provenance.json",
        )
        succeed(folder, "--", *(f"{DEMO}/{name}" for name in made), config=CONFIG, cores=2)

    return once(shared, "layers", make)


def test_predictors_are_measured_derived_and_given(run: Path) -> None:
    path = run / DEMO / "predictors.tif"
    with rasterio.open(path) as file:
        units = dict(zip(file.descriptions, file.units, strict=True))
    measured = USE[:5]
    assert list(units) == [*USE, *(f"{name}_days" for name in measured), "water", "snow"]
    assert [units[name] for name in USE] == ["1", "1", "K", "K", "K", "m", "degrees"]
    bands, window = mosaic([path], M01)
    _, latitude = geographic_from_ease(np.zeros(window.rows), M01.y_centres(window))
    inside = np.isfinite(bands["elevation"])
    expected = np.broadcast_to(1000 + 500 * (latitude - 46)[:, None], inside.shape)
    np.testing.assert_allclose(bands["elevation"][inside], expected[inside], atol=2)
    np.testing.assert_allclose(bands["slope"][inside], np.degrees(np.arctan(500 / 111_200)), atol=0.02)
    # Of the days that have both, as long as the day's and the night's own are the same.
    days = [bands[f"lst_{name}_days"] for name in ("day", "night", "range")]
    valid = np.isfinite(bands["lst_range"]) & np.isfinite(bands["lst_day"]) & np.isfinite(bands["lst_night"])
    assert (days[2][valid] <= np.minimum(days[0], days[1])[valid] + 1e-3).all()
    assert np.nanmin(bands["lst_range_days"]) >= 3 - 1e-5
    same = valid & (days[0] == days[2]) & (days[1] == days[2])
    np.testing.assert_allclose(bands["lst_range"][same], (bands["lst_day"] - bands["lst_night"])[same], atol=0.01)


def test_all_of_them_are_learned_from_and_looked_at(run: Path) -> None:
    samples = pd.read_parquet(run / DEMO / "samples.parquet")
    assert set(USE) <= set(samples.columns)
    assert np.isfinite(samples[USE]).all(axis=None)
    importance = pd.read_parquet(run / DEMO / "tables/full/importance.parquet")
    assert {*USE, "ndvi + evi", "lst_day + lst_night + lst_range", "elevation + slope"} == set(importance["predictor"])
    dependence = pd.read_parquet(run / DEMO / "tables/full/partial_dependence.parquet")
    assert dict(zip(dependence["predictor"], dependence["unit"], strict=True))["elevation"] == "m"
    correlation = pd.read_parquet(run / DEMO / "tables/full/correlation.parquet")
    assert set(USE) < {*correlation["first"], *correlation["second"]}
    assert np.isfinite(values(run / DEMO / "soil_moisture.tif")).mean() > 0.3


def test_few_observations_are_those_of_what_is_measured(run: Path) -> None:
    bands, _ = mosaic([run / DEMO / "predictors.tif"], M01)
    quality = values(run / DEMO / "quality.tif", "quality")
    few = np.any([bands[f"lst_{name}_days"] < 6 for name in ("day", "night", "range")], axis=0)
    few |= (bands["ndvi_days"] < 15.5) | (bands["evi_days"] < 15.5)
    mapped = quality & 128 == 0
    np.testing.assert_array_equal((quality & 4 > 0)[mapped], few[mapped])


def test_the_record_names_the_layer(run: Path) -> None:
    record = json.loads((run / DEMO / "provenance.json").read_text())
    assert record["files"]["dem.tif"] == sha256((run / "dem.tif").read_bytes()).hexdigest()
    assert record["configuration"]["predictors"]["layers"] == {
        "elevation": {"path": "dem.tif", "resampling": "average"}
        | dict.fromkeys(("variable", "band", "scale", "offset"))
    }


def test_another_raster_reruns_from_the_stack_on(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    link(run, folder)
    before = rules(planned(folder, CONFIG))
    assert "stack_block" not in before
    write_elevation(folder, 600)
    new = rules(planned(folder, CONFIG)) - before
    assert {"stack_block", "train_detail", "assemble_map", "record_provenance"} <= new
    assert not new & {"composite_tile", "average_target", "simulate_landscape"}
