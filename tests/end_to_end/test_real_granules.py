"""The main job on files that NASA's processing systems wrote."""

import json
import shutil
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate
from witnesses import SHARED, with_witnesses
from workflow_runs import MONTH, block_mean, succeed, values

from kilomoist.files import sha256

REAL = SHARED / "real"
TEMPERATURE = "MOD11A1.A2021227.h11v05.061.2021228105320.hdf"
MOISTURE = "SMAP_L4_SM_aup_20200128T150000_Vv4030_001.h5"
REDATED = "SMAP_L4_SM_aup_20210815T150000_Vv4030_001.h5"
CONFIG = {
    "source": "archive",
    "archive": "granules",
    "regions": [{"name": "conus-east", "bbox": [-92, 33.5, -75, 40]}],
    "target": "SPL4SMAU.004",
    "predictors": {"use": ["lst_day"]},
    "quality": {"minimum_days": 1, "minimum_target_share": 0, "temperature": "fair"},
    "map": {"reconcile": True},
}


@with_witnesses
def test_real_granules_become_a_map(tmp_path: Path) -> None:
    """Real files flow through; the map has no skill.

    One day's temperature of August 2021, and soil moisture of 28 January 2020 that is made to say that it is of that
    day: their dates differ, because these are the files there are, and a file that is only renamed is refused. Of the
    ten tiles of the region one is there.
    """
    archive = tmp_path / "granules"
    archive.mkdir()
    shutil.copy(REAL / TEMPERATURE, archive)
    shutil.copyfile(REAL / MOISTURE, archive / REDATED)
    with h5py.File(archive / REDATED, "r+") as granule:
        granule.attrs["Filename"] = granule["Metadata/DatasetIdentification"].attrs["fileName"] = np.bytes_(REDATED)
        granule["time"][0] += (datetime(2021, 8, 15) - datetime(2020, 1, 28)).total_seconds()
    succeed(tmp_path, config=CONFIG, cores=2)
    run = tmp_path / f"results/conus-east/{MONTH}"
    moisture, target = values(run / "soil_moisture.tif"), values(run / "soil_moisture_9km.tif")
    valid, errors, _ = cog_validate(run / "soil_moisture.tif", quiet=True)
    assert valid, errors

    # Measured by a direct warp of the granule: 58,700 pixels of 1 km, 714 cells with at least half of theirs.
    temperature = values(run / "predictors.tif", "lst_day")
    assert np.isfinite(temperature).sum() == pytest.approx(58_700, rel=0.1)
    assert 270 < np.nanmin(temperature) < np.nanmax(temperature) < 330
    _, count = block_mean(temperature)
    assert (count >= 40.5).sum() == pytest.approx(714, rel=0.1)
    samples = pd.read_parquet(run / "samples.parquet")
    assert len(samples) == pytest.approx(714, rel=0.1)
    assert 0.12 <= samples["target"].min() < samples["target"].max() <= 0.65

    assert np.array_equal(np.isfinite(moisture), np.isfinite(temperature))
    assert 0 <= np.nanmin(moisture) < np.nanmax(moisture) <= 1
    mean, count = block_mean(moisture)
    covered = (count >= 40.5) & np.isfinite(target)
    assert np.abs(mean - target)[covered].max() < 1e-6

    with rasterio.open(run / "soil_moisture.tif") as file:
        assert (file.tags()["source"], file.tags()["target"]) == ("archive", "SPL4SMAU.004")
    inventories = json.loads((run / "provenance.json").read_text())["granules"]
    used = {granule["name"]: granule["sha256"] for inventory in inventories for granule in inventory["granules"]}
    sums = dict(reversed(line.split()) for line in (REAL / "SHA256SUMS").read_text().splitlines() if line.strip())
    assert used == {TEMPERATURE: sums[TEMPERATURE], REDATED: sha256(archive / REDATED)}
    table = pd.read_csv(run / "tables/granules.csv")
    assert table[table["tile"] != "global"]["found"].sum() == 1
    assert table.set_index("tile").loc["h11v05", ["expected", "found"]].tolist() == [31, 1]
    assert not (run / "tables/field_validation.csv").exists()  # an archive has no field points unless a user names some
