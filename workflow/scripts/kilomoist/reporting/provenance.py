"""Provenance of a map: software, granules, revision of the code."""

import importlib.metadata
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kilomoist.version import RELEASED, VERSION

SOFTWARE = (
    "snakemake", "numpy", "scipy", "rasterio", "pyhdf", "h5py", "pyproj", "shapely", "geopandas", "pandas",
    "scikit-learn", "quantile-forest", "skops",
)  # fmt: skip
"""Packages whose version can change a result."""


def software() -> dict[str, str]:
    """Versions of this software, with the day of its release, of Python, GDAL and `SOFTWARE`."""
    import rasterio

    versions = {name: importlib.metadata.version(name) for name in SOFTWARE}
    own = {"kilomoist": VERSION, "kilomoist_released": RELEASED}
    return own | {"python": platform.python_version(), "gdal": rasterio.__gdal_version__, **versions}


def revision(folder: Path) -> str | None:
    """Git revision of the workflow, with `-dirty` where files differ from it; None outside a git checkout."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None


def granule_counts(inventories: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Granules expected, found and absent, by product and tile, as rows of a table."""
    return [
        {
            "product": inventory["product"],
            "tile": inventory["tile"] or "global",
            "expected": len(inventory["granules"]) + len(inventory["absent"]),
            "found": len(inventory["granules"]),
            "absent": " ".join(inventory["absent"]),
        }
        for inventory in inventories
    ]
