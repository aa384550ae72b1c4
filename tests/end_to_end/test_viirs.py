"""VIIRS where MODIS ends: the same surface gives the same map, and a series that crosses the change shows no step.

All of it simulated, by one generator of scenes: what VIIRS sees more than MODIS is what was put in.
"""

from pathlib import Path
from shutil import copytree

import numpy as np
import pandas as pd
import pytest
from workflow_runs import DEMO, MONTH, SCENES, SMALL, snakemake, succeed, take_scene, values

from kilomoist.rasters import read_raster

TILE = "h24v04"
VIIRS = {
    "vegetation": "VNP13A2.002",
    "temperature": ["VNP21A1D.002", "VNP21A1N.002"],
    "use": ["ndvi", "evi", "lst_day"],
}


def rmse(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean((one - other) ** 2)))


def predictors(folder: Path) -> dict[str, np.ndarray]:
    return read_raster(folder / DEMO / "blocks/r000c000/predictors.tif")[0]


def test_one_surface_by_modis_and_by_viirs_gives_one_map(demo: Path, tmp_path: Path) -> None:
    """The maps, each with clouds and errors of its sensor, differ by less than half of what either errs by.

    Their predictors differ by what clouds and errors do to each pixel, and hardly in the mean.
    """
    take_scene(demo, tmp_path, "small-2021")
    tables = [f"{DEMO}/tables/full/{name}.parquet" for name in ("truth", "granules")]
    succeed(tmp_path, "--", *tables, config=SMALL | {"predictors": VIIRS}, cores=2)
    errors = [
        pd.read_parquet(folder / DEMO / "tables/full/truth.parquet").set_index(["map", "support"])["rmse"][
            "soil_moisture.tif"
        ]
        for folder in (demo, tmp_path)
    ]
    difference = rmse(*(values(folder / DEMO / "soil_moisture.tif") for folder in (demo, tmp_path)))
    for found in errors:
        assert 0 < difference < 0.5 * found["1 km"]
    modis, viirs = (predictors(folder) for folder in (demo, tmp_path))
    for name, mean, scatter in (("ndvi", 0.004, 0.02), ("evi", 0.004, 0.02), ("lst_day", 0.3, 1.2)):
        step = viirs[name] - modis[name]
        assert abs(np.nanmean(step)) < mean, name
        assert 0 < np.nanstd(step) < scatter, name
    granules = pd.read_parquet(tmp_path / DEMO / "tables/full/granules.parquet").set_index("product")["found"]
    assert granules.to_dict() == {"VNP13A2.002": 6, "VNP21A1D.002": 31, "SPL4SMGP.008": 248}  # no night is read


@pytest.fixture(scope="module")
def archive(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Granules of July by both sensors, of August by VIIRS alone; it sees 0.05 (NDVI) and 3 K more on bare ground."""
    folder, scene = tmp_path_factory.mktemp("series"), "small-viirs_index0.05-viirs_temperature3-2021"
    take_scene(demo, folder, scene, "MOD13A1.061", "MOD11A1.061")
    more = {"viirs": {"index": 0.05, "temperature": 3.0}}
    config = SMALL | {"scene": SMALL["scene"] | more, "months": ["2021-07", MONTH]}
    of_viirs = SERIES | {"vegetation": INDICES[1], "temperature": DAYS[1]}
    for month, products in (("2021-07", SERIES), (MONTH, of_viirs)):
        made = [f"results/composites/simulated/{place}/{month}.tif" for place in (f"{DAYS[1]}/{TILE}", "SPL4SMGP.008")]
        succeed(folder, "--", *made, config=config | {"predictors": products}, cores=2)
    # Of August a period of MODIS is there that began in July, as where a sensor ends: less than half of the month.
    return Path(copytree(folder / SCENES / scene, folder / "archive"))


INDICES, DAYS = ("MOD13A2.061", "VNP13A2.002"), ("MOD11A1.061", "VNP21A1D.002")
PUT_IN = {"ndvi": lambda index: 0.05 * (1 - index), "lst_day": lambda index: 3 * (1 - index / 2)}
"""What VIIRS sees more in the archive, by NDVI."""
SERIES = {"vegetation": INDICES, "temperature": DAYS, "use": ["ndvi", "lst_day"]}


def run_series(archive: Path, **predictors: bool) -> dict[str, object]:
    config = SMALL | {"source": "archive", "archive": str(archive), "months": ["2021-07", MONTH]}
    return config | {"predictors": SERIES | predictors, "scene": {}, "target_error": 0}


def test_months_of_two_sensors_are_refused_without_a_bridge(archive: Path, tmp_path: Path) -> None:
    said = snakemake(tmp_path, "--", f"{DEMO}/predictors.tif", config=run_series(archive)).sentence()
    assert said.startswith("steppe, 2021-08 has no, or less than half of the, granules of MOD13A2.061, MOD11A1.061, ")


def test_a_bridge_leaves_no_step_between_sensors(demo: Path, archive: Path, tmp_path: Path) -> None:
    """August by VIIRS, bridged by July, is August by MODIS but for what clouds and errors do to both."""
    table = f"{DEMO}/tables/full/product_differences.parquet"
    config = run_series(archive, bridge=True)
    succeed(tmp_path, "--", f"{DEMO}/soil_moisture.tif", table, config=config, cores=2)
    found = pd.read_parquet(tmp_path / table).query("pixels > 0")
    assert set(found["months"]) == {"2021-07"}
    assert set(found["reference"]) == {INDICES[0], DAYS[0]}
    by_class = found.set_index(["quantity", "vegetation"])
    for quantity, put_in in (
        ("ndvi", lambda index: 0.05 * (1 - index)),
        ("lst_day", lambda index: 3 * (1 - index / 2)),
    ):
        for label, row in by_class.loc[quantity].iterrows():
            recovered = row["difference"] / put_in(row["index"])
            assert 0.75 < recovered < 1.25, (quantity, label, row["difference"])
            assert row["spread"] > 0

    bridged, modis = predictors(tmp_path), predictors(demo)
    ndvi = modis["ndvi"]
    for name, more in PUT_IN.items():
        step = bridged[name] - modis[name]
        for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 1)):
            here = (ndvi >= low) & (ndvi < high) & np.isfinite(step)
            assert here.sum() > 1000
            assert abs(step[here].mean()) < 0.25 * more(ndvi[here]).mean(), (name, low)
    error = pd.read_parquet(demo / DEMO / "tables/full/truth.parquet").set_index(["map", "support"])["rmse"]
    maps = [values(folder / DEMO / "soil_moisture.tif") for folder in (demo, tmp_path)]
    assert 0 < rmse(*maps) < 0.75 * error["soil_moisture.tif", "1 km"]
