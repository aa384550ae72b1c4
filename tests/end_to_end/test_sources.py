"""Granules from an archive: the same map as from the granules where they were simulated, and what may be missing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from granule_archives import INDEX, LST, TARGET, day, empty_archive, temperature, uniform_archive, vegetation
from workflow_runs import DEMO, MONTH, SMALL, WITHOUT_FIGURES, files, identical, link, once, planned, snakemake, succeed

from kilomoist.learning.learners import predict_mean
from kilomoist.learning.models import load
from kilomoist.simulation.file_names import granule_file_name

FEW = {
    "source": "archive",
    "archive": "granules",
    "regions": [{"name": "few", "bbox": [98.5, 47, 100, 48]}],
    "predictors": {"vegetation": "MOD13A2.061"},
    "quality": {"minimum_target_share": 0},
}
"""An archive in the folder of the run."""


@pytest.fixture(scope="session")
def from_archive(demo: Path, shared: Path) -> Path:
    """The run of `demo` again: its granules in an archive, its field points a user's own, one job at a time."""

    def make(folder: Path) -> None:
        link(demo / "resources/simulated/small-2021", folder / "disk/my granules")
        points = folder / "disk/my granules/truth" / MONTH / "field_points.csv"
        sources = {"source": "archive", "archive": "disk", "field_points": str(points), "target_error": 0}
        succeed(folder, *WITHOUT_FIGURES, config=SMALL | sources, cores=1)

    return once(shared, "from-archive", make)


def test_archive_gives_the_same_map(demo: Path, from_archive: Path) -> None:
    """Two cores or one, simulated or found: the same values of maps, samples, model and tables, bit for bit.

    The files of samples and model name their source, and so differ in that.
    """
    assert identical(demo, from_archive) == ["samples.parquet", "model.skops"]
    samples = [pd.read_parquet(folder / DEMO / "samples.parquet") for folder in (demo, from_archive)]
    pd.testing.assert_frame_equal(*samples, check_exact=True)
    assert [frame.attrs["source"] for frame in samples] == ["simulated", "archive of simulated granules"]
    models = [load(folder / DEMO / "model.skops") for folder in (demo, from_archive)]
    assert [model.source for model in models] == ["simulated", "archive of simulated granules"]
    x = samples[0][list(models[0].predictors)].to_numpy(np.float32)
    np.testing.assert_array_equal(*(predict_mean(model.estimator, x) for model in models))


def test_maps_say_that_their_granules_come_from_an_archive_and_are_simulated(from_archive: Path) -> None:
    for name in ("soil_moisture.tif", "quality.tif", "soil_moisture_9km.tif", "predictors.tif"):
        with rasterio.open(from_archive / DEMO / name) as file:
            assert file.tags()["source"] == "archive of simulated granules"
    assert not (from_archive / "results/composites/simulated").exists()
    assert not (from_archive / "resources").exists()


def test_missing_and_repeated_granules_are_counted(tmp_path: Path) -> None:
    archive = uniform_archive(tmp_path / "granules/deep/er")
    # An older production of a day that is there, unreadable: it must not even be opened.
    older = archive / granule_file_name(LST, day(2), "h24v04").replace(".2021234", ".2021100")
    assert older.name.count(".2021100") == 1
    older.write_text("not a granule")
    vegetation(archive, day(13), {"NDVI": 5000, "EVI": 3000, "VI Quality": 0, "pixel reliability": 0})
    succeed(tmp_path, f"results/few/{MONTH}/tables/granules.csv", config=FEW)
    table = pd.read_csv(tmp_path / f"results/few/{MONTH}/tables/granules.csv").set_index("product")
    assert list(table.loc[LST.name, ["expected", "found"]]) == [31, 3]
    assert table.loc[LST.name, "absent"].split() == [f"2021{number}" for number in range(216, 244)]
    assert list(table.loc[INDEX.name, ["expected", "found"]]) == [3, 1]
    assert table.loc[INDEX.name, "absent"].split() == ["2021209", "2021241"]
    assert list(table.loc[TARGET.name, ["expected", "found"]]) == [248, 1]


def test_a_tile_without_any_granule_is_counted_too(tmp_path: Path) -> None:
    """Two tiles, one of them absent from the archive: its composite is empty, and the run goes on."""
    temperature(tmp_path / "granules", 1, 300.0)
    empty_archive(tmp_path / "granules", {TARGET.name: [None]})
    config = FEW | {
        "regions": [{"name": "two-tiles", "bbox": [98, 49.5, 99, 50.5]}],
        "predictors": {"use": ["lst_day"]},
    }
    composites = [f"results/composites/archive/{LST.name}/{tile}/{MONTH}.tif" for tile in ("h24v03", "h24v04")]
    assert {file.path for file in planned(tmp_path, config) if file.path in composites} == set(composites)
    done = succeed(tmp_path, *composites, config=config)
    assert done.code == 0
    with rasterio.open(tmp_path / composites[0]) as file:
        assert not file.read(file.descriptions.index("lst_day_days") + 1).any()
    log = (tmp_path / composites[0].replace("composites", "logs/composite_tile")).with_suffix(".log").read_text()
    assert f"{LST.name} has no granule of {MONTH} on h24v03: its composite is empty." in log


@pytest.mark.parametrize("absent", [LST.name, INDEX.name, TARGET.name])
def test_no_granule_of_a_product_ends_before_any_job(tmp_path: Path, absent: str) -> None:
    products = {LST.name: ["h24v04"], INDEX.name: ["h24v04"], TARGET.name: [None]}
    empty_archive(tmp_path / "granules", {name: tiles for name, tiles in products.items() if name != absent})
    sentence = snakemake(tmp_path, config=FEW).sentence()
    assert f"holds no granule of {absent} for {MONTH}" in sentence
    assert "archive granules" in sentence
    if absent != TARGET.name:
        assert "on the tiles h24v04 of region few" in sentence
    assert files(tmp_path, "results") == set()
