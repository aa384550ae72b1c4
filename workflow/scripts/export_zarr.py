"""Export the months of a region as one Zarr store."""

from pathlib import Path

from kilomoist.exporting.datasets import write_zarr
from kilomoist.jobs import rule_script


@rule_script
def export_zarr(*, rasters: list[str], store: str) -> None:
    """Write the `rasters` of all months, which lie in the folders of their runs, stacked along time."""
    write_zarr(store, sorted({Path(raster).parent for raster in rasters}))
