"""Export a raster in another coordinate reference system."""

from kilomoist.errors import InputError
from kilomoist.exporting.warping import warp_raster
from kilomoist.jobs import rule_script


@rule_script
def export_raster(*, source: str, crs: str | None, resolution: float | None, warped: str) -> None:
    """Warp the raster `source` once; `resolution` is in the unit of the CRS, None about its own."""
    if crs is None:
        raise InputError(
            "`export.crs` is null: give the coordinate reference system to warp to, for example EPSG:32648."
        )
    warp_raster(source, warped, crs, resolution)
