"""Write how QGIS and GDAL show the rasters of a run."""

from pathlib import Path

import pandas as pd

from kilomoist.jobs import rule_script
from kilomoist.publishing.categories import read_categories, write_attribute_table
from kilomoist.publishing.styles import (
    OTHER_COLOURS,
    Scale,
    applicability_steps,
    band_scale,
    moisture_scale,
    notes_of,
    write_categories,
    write_scale,
    write_steps,
)
from kilomoist.rasters import read_header, read_statistics


@rule_script
def style_rasters(*, rasters: list[str], ranges: str, styles: list[str], categories: str) -> None:
    """Write a style for QGIS beside each raster, and GDAL's table of what the values of `quality.tif` mean."""
    moisture = moisture_scale(pd.read_parquet(ranges))
    for raster, style in zip(rasters, styles, strict=True):
        header, name = read_header(raster), Path(raster).stem
        notes = notes_of(header.tags)
        if name == "quality":
            found = read_categories(raster, header.tags["reconciled"] != "no")
            write_categories(style, found, notes)
            write_attribute_table(categories, found)
        elif name == "applicability":
            write_steps(style, applicability_steps(float(header.tags["threshold"])), notes)
        elif name == "predictors":
            write_scale(style, band_scale(header, next(iter(header.units)), read_statistics(raster)), notes)
        elif name == "target_weight_9km":
            write_scale(style, Scale(0, 1, OTHER_COLOURS), notes)
        else:
            write_scale(style, moisture, notes)
