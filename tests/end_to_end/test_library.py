"""The library without the repository, as in a notebook: what docs/library.md shows runs as it stands there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
from workflow_runs import DEMO, MONTH, ROOT, environment, values

from kilomoist.rasters import read_raster

SHOWN = (ROOT / "docs/library.md").read_text(encoding="utf-8").partition("## As a module")[0]
KEEP = """
import kilomoist
print(kilomoist.__file__, kilomoist.__version__, hasattr(kilomoist, "no_such_name"))
np.savez("found.npz", kelvin=kelvin, moisture=moisture, **composite)
"""


def test_a_package_holds_the_library_alone(installed: Path) -> None:
    library = ROOT / "workflow/scripts/kilomoist"
    modules = {path.relative_to(library) for path in library.rglob("*.py")}
    assert {path.relative_to(installed / "kilomoist") for path in (installed / "kilomoist").rglob("*.py")} == modules
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"kilomoist"}


def test_what_is_shown_for_a_notebook_runs(demo: Path, installed: Path, tmp_path: Path) -> None:
    """On the granules and the map of a whole run, whose own values it comes to."""
    (tmp_path / "granules").symlink_to(demo / "resources/simulated/small-2021")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/khangai").symlink_to(demo / Path(DEMO).parent)
    blocks = re.findall(r"^```python\n(.*?)^```", SHOWN, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*blocks, KEEP])],
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert done.stdout.splitlines()[-1] == f"{installed / 'kilomoist/__init__.py'} {version} False"
    assert "31 granules, 0 absent" in done.stdout
    found = dict(np.load(tmp_path / "found.npz"))
    assert 200 < np.nanmin(found["kelvin"]) < np.nanmax(found["kelvin"]) < 350
    assert np.isnan(found["kelvin"]).any()  # clouds
    np.testing.assert_array_equal(found["moisture"], values(demo / DEMO / "soil_moisture.tif"))
    composite = read_raster(demo / f"results/composites/simulated/MOD11A1.061/h24v04/{MONTH}.tif")[0]
    for name, band in composite.items():
        np.testing.assert_array_equal(found[name], band)
