"""Provenance of a map: software, granules, revision of the code."""

import importlib.metadata
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilomoist.counts import balanced
from kilomoist.grids import CELL_SIDE
from kilomoist.rasters import Bands
from kilomoist.version import RELEASED, VERSION

_SHARE = "valid_fraction_"
"""Beginning of the names of bands that tell the share of a cell's pixels with a predictor."""

SOFTWARE = (
    "snakemake", "numpy", "scipy", "rasterio", "h5py", "pyproj", "shapely", "geopandas", "pandas",
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


def stage_counts(
    inventories: Sequence[dict[str, Any]], cells: Bands, samples: int, mapped: int, minimum_valid_fraction: float
) -> dict[str, Any]:
    """What went into each stage, came out and was masked, by reason (`counts.balanced`).

    `granules` by product and tile, over all pixels of the tile, as their inventories tell; `predictors`: the region's
    1 km pixels, with all predictors, and how many lack each; `map`: these, with a value; `samples`: the region's cells,
    in the training table. `cells` are bands of `cells.tif`, `samples` and `mapped` numbers of rows and of pixels with a
    value. Raises ValueError where a stage lost or made some.
    """
    region, share = cells["region_fraction"] > 0, cells["valid_fraction"]
    inside, complete = pixels_in(cells["region_fraction"]), pixels_in(share)
    known, enough = np.isfinite(cells["target"]), (share >= minimum_valid_fraction) & (share > 0)
    each = {name.removeprefix(_SHARE): inside - pixels_in(band) for name, band in cells.items() if _SHARE in name}
    if not max(each.values()) <= inside - complete <= sum(each.values()):
        raise ValueError(f"predictors: {inside - complete} pixels lack one, and each is lacking in {each}")
    few = f"fewer pixels with all predictors than {minimum_valid_fraction:.0%}"
    reasons = {"no target": int((region & ~known).sum()), few: int((region & known & ~enough).sum())}
    return {
        "granules": {
            f"{inventory['product']} {inventory['tile'] or 'global'}": inventory["counts"]
            for inventory in inventories
            if "counts" in inventory
        },
        "predictors": balanced("predictors", inside, complete, {"a predictor is lacking": inside - complete})
        | {"lacking": each},
        "map": balanced("map", complete, mapped, {"the model has no value": complete - mapped}),
        "samples": balanced("samples", int(region.sum()), samples, reasons),
    }


def pixels_in(shares: NDArray) -> int:
    """Pixels of 1 km in cells, by the shares of their pixels."""
    return int(np.rint(shares * CELL_SIDE**2).sum(dtype=float))
