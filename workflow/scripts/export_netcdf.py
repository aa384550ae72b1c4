"""Export a run as CF netCDF."""

from pathlib import Path

from kilomoist.exporting.datasets import write_netcdf
from kilomoist.jobs import rule_script


@rule_script
def export_netcdf(*, rasters: list[str], dataset: str) -> None:
    """Write the `rasters` of a run, which lie in its folder, as one `dataset`."""
    write_netcdf(dataset, Path(rasters[0]).parent)
