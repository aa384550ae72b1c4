"""The same map whatever the blocks and whatever happened in between. Cores: see test_sources.py."""

from pathlib import Path

import numpy as np
from workflow_runs import (
    DEMO,
    SMALL,
    WITHOUT_FIGURES,
    files,
    identical,
    kill_once,
    leave_half_a_file,
    link,
    snakemake,
    succeed,
    values,
)


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


def test_killed_run_continues_to_the_same_map(demo: Path, tmp_path: Path) -> None:
    """`kill -9` of Snakemake and its jobs while they composite; what Snakemake's message says; the run again."""
    folder = tmp_path / "killed"
    link(demo / "resources", folder / "resources")
    kill_once(lambda: list(folder.glob("results/logs/composite_tile/**/*.log")), folder, config=SMALL, cores=2)
    assert not (folder / DEMO / "soil_moisture.tif").exists()
    leave_half_a_file(folder / "results/composites/2021-08.tif")  # what a job was writing, if it was caught at that
    refused = snakemake(folder, config=SMALL)
    assert refused.code != 0
    assert "--unlock" in refused.output
    succeed(folder, "--unlock", config=SMALL)
    succeed(folder, *WITHOUT_FIGURES, config=SMALL, cores=2)
    assert not [path for path in files(folder, "results/logs") if "simulate_" in path]  # granules are taken as they are
    assert not list(folder.rglob(".partial-*"))
    assert identical(demo, folder) == []
    rasters = {path.name: path.read_bytes() for path in (demo / DEMO).glob("*.tif")}
    assert {"soil_moisture.tif", "quality.tif", "applicability.tif", "comparison.tif"} <= set(rasters)
    assert [name for name, content in rasters.items() if (folder / DEMO / name).read_bytes() != content] == []
