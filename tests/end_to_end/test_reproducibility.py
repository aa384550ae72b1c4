"""The same map whatever the blocks, the cores and the source of granules, and whatever happened in between."""

import subprocess
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
import rasterio
from workflow_runs import (
    DEMO,
    MONTH,
    SMALL,
    WITHOUT_FIGURES,
    copy_tree,
    files,
    identical,
    kill_in,
    kill_once,
    leave_half_a_file,
    link,
    once,
    snakemake,
    succeed,
    values,
)

from kilomoist.learning.learners import predict_mean
from kilomoist.learning.models import load

KILLED = "average_target", "train_detail", "predict_block", "assemble_quality", "describe_files"
"""Rules in whose jobs a run is killed, in the order of the flow; `benchmarks/faults.py` has all of them."""


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


def test_blocks_do_not_show(demo: Path, tmp_path: Path) -> None:
    """Four blocks that meet inside the region, and one: no difference in any value."""
    folder = tmp_path / "blocks"
    link(demo, folder)
    succeed(folder, *WITHOUT_FIGURES, config=SMALL | {"map": {"block": 17}}, cores=2)
    blocks = {path.parent.name for path in folder.glob(f"{DEMO}/blocks/*/raw_map.tif")}
    assert blocks == {"r000c000", "r000c001", "r001c000", "r001c001"}
    one, many = (values(run / DEMO / "soil_moisture.tif") for run in (demo, folder))
    np.testing.assert_allclose(many, one, atol=1e-6)
    assert identical(demo, folder) == []


def test_eight_cores_any_order_and_an_installation_that_cannot_be_written_to(demo: Path, tmp_path: Path) -> None:
    folder, tree = tmp_path / "run", copy_tree(tmp_path / "read only")
    mounted = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", mounted, str(tree)]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    link(demo / "resources", folder / "resources")
    made = sorted(path for path in files(demo, DEMO) if path.endswith(("tif", "parquet")) and "/exports/" not in path)
    first = Random(2026).sample(made, 12)
    before = files(tree, ".")
    options = {"config": SMALL, "cores": 8, "tree": tree, "prefix": prefix}
    succeed(folder, *WITHOUT_FIGURES, "--prioritize", *first, **options)
    assert identical(demo, folder) == []
    assert files(tree, ".") == before


def test_killed_run_continues_to_the_same_map(demo: Path, tmp_path: Path) -> None:
    """`kill -9` of Snakemake and its jobs at six places; what Snakemake's message says; the run again."""
    folder = tmp_path / "killed"
    link(demo / "resources", folder / "resources")
    kill_once(lambda: list(folder.glob("results/logs/composite_tile/**/*.log")), folder, config=SMALL, cores=2)
    assert not (folder / DEMO / "soil_moisture.tif").exists()
    leave_half_a_file(folder / "results/composites/2021-08.tif")  # what a job was writing, if it was caught at that
    refused = snakemake(folder, config=SMALL)
    assert refused.code != 0
    assert "--unlock" in refused.output
    succeed(folder, "--unlock", config=SMALL)
    random = Random(2026)
    for rule in KILLED:
        assert kill_in({rule}, folder, *WITHOUT_FIGURES, config=SMALL, delay=random.uniform(0, 0.5)) == rule
    succeed(folder, *WITHOUT_FIGURES, config=SMALL, cores=2)
    assert not [path for path in files(folder, "results/logs") if "simulate_" in path]  # granules are taken as they are
    assert not list(folder.rglob(".partial-*"))
    assert identical(demo, folder) == []
    rasters = {path.name: path.read_bytes() for kind in ("*.tif*", "*.qml") for path in (demo / DEMO).glob(kind)}
    assert {"soil_moisture.tif", "quality.tif", "quality.tif.aux.xml", "quality.qml", "comparison.tif"} <= set(rasters)
    assert [name for name, content in rasters.items() if (folder / DEMO / name).read_bytes() != content] == []
