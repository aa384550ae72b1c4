"""What another Python makes of the same granules: python benchmarks/pythons.py PYTHON [PYTHON …].

Each PYTHON is the interpreter of an environment with `requirements.lock` (`make PYTHON=python3.13 install` in another
checkout makes one). This one simulates the granules of the tests' small scene and maps them; each of the others maps
the same granules. Prints the packages whose versions differ, and of each public raster the pixels that differ and the
largest difference (`differing_<band>`, `largest_<band>`), in the unit of the band.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from runs import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from workflow_runs import DEMO, SMALL, WITHOUT_FIGURES, link

from kilomoist.rasters import read_raster

RASTERS = "predictors", "soil_moisture_9km", "soil_moisture", "interval", "applicability", "quality"
VERSIONS = (
    "import importlib.metadata as m, json, rasterio, sys; "
    "print(json.dumps({d.name: d.version for d in m.distributions()} | "
    "{'Python': sys.version.split()[0], 'GDAL of rasterio': rasterio.__gdal_version__}))"
)


def versions(python: str) -> dict[str, str]:
    return json.loads(subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True).stdout)


def make_map(python: str, folder: Path) -> None:
    """Map the small scene with an interpreter."""
    (folder / "config.json").write_text(json.dumps(SMALL))
    command = [python, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--configfile", "config.json", *WITHOUT_FIGURES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\n{done.stderr}\nThe run of {python} failed.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", nargs="+")
    others = parser.parse_args().python
    own = versions(sys.executable)
    with tempfile.TemporaryDirectory() as name:
        first = Path(name, "first")
        first.mkdir()
        make_map(sys.executable, first)
        for number, python in enumerate(others):
            folder = Path(name, str(number))
            folder.mkdir()
            link(first / "resources", folder / "resources")
            make_map(python, folder)
            theirs = versions(python)
            print(f"# Python {own['Python']} and {theirs['Python']}; other versions:")
            for package in sorted(own.keys() & theirs.keys()):
                if own[package] != theirs[package]:
                    print(f"#   {package} {own[package]} {theirs[package]}")
            for raster in RASTERS:
                ours, others_ = (read_raster(run / DEMO / f"{raster}.tif")[0] for run in (first, folder))
                for band, values in ours.items():
                    apart = np.abs(values.astype(float) - others_[band].astype(float))
                    gaps = int((np.isnan(values) != np.isnan(others_[band])).sum()) if values.dtype.kind == "f" else 0
                    print(f"differing_{raster}_{band} {int((apart > 0).sum()) + gaps} of {values.size}")
                    print(f"largest_{raster}_{band} {np.nanmax(apart):.3g}", flush=True)


if __name__ == "__main__":
    main()
