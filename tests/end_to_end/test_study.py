"""The study's own run, as far as it can be planned without NASA's granules."""

import subprocess
from collections import Counter
from pathlib import Path

from granule_archives import empty_archive
from workflow_runs import MONTH, ROOT, command, environment

TILES = ["h23v03", "h23v04", "h24v03", "h24v04", "h25v03", "h25v04", "h26v04"]
"""Of Mongolia's outline, and of its box, by which a country is planned."""


def test_mongolia_can_be_planned(tmp_path: Path) -> None:
    """Simulated granules' names are enough for a plan; the outline would be fetched by a job of the run.

    Tiles are those of the box, also when the outline is there.
    """
    empty_archive(tmp_path / "archive", {"MOD11A1.061": TILES, "MOD13A1.061": TILES, "SPL4SMGP.008": [None]})
    words = command(tmp_path, "--dry-run")
    words += [
        "--configfile",
        str(ROOT / "config/mongolia-2021-08.yaml"),
        "--config",
        "source=archive",
        "archive=archive",
    ]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    table = [line.split() for line in said.splitlines()]
    jobs = Counter({words[0]: int(words[1]) for words in table if len(words) == 2 and words[1].isdigit()})
    assert jobs["fetch_outline"] == 1
    assert jobs["average_target"] == 1
    assert jobs["composite_tile"] == 2 * len(TILES)
    for product in ("MOD11A1.061", "MOD13A1.061"):
        for tile in TILES:
            assert f"Composite {product} on {tile} over {MONTH}" in said
