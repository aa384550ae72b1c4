"""Write how QGIS and GDAL show the rasters of a run."""

from pathlib import Path

from kilomoist.files import read_table
from kilomoist.jobs import rule_script
from kilomoist.publishing.categories import merged, read_categories, write_attribute_table
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
def style_rasters(*, rasters: list[str], ranges: str, styles: list[str], categories: str, classes: str) -> None:
    """Write a style for QGIS beside each raster, and GDAL's tables of what the values of flags mean."""
    quality = next(raster for raster in rasters if Path(raster).stem == "quality")
    found = read_categories(quality, read_header(quality).tags["reconciled"] != "no")
    of_flags = {"quality": (found, categories), "quality_class": (merged(found), classes)}
    moisture = moisture_scale(read_table(ranges))
    for raster, style in zip(rasters, styles, strict=True):
        header, name = read_header(raster), Path(raster).stem
        notes = notes_of(header.tags)
        if name in of_flags:
            shown, table = of_flags[name]
            write_categories(style, shown, notes)
            write_attribute_table(table, shown)
        elif name == "applicability":
            write_steps(style, applicability_steps(float(header.tags["threshold"])), notes)
        elif name == "predictors":
            write_scale(style, band_scale(header, next(iter(header.units)), read_statistics(raster)), notes)
        elif name == "target_weight_9km":
            write_scale(style, Scale(0, 1, OTHER_COLOURS), notes)
        else:
            write_scale(style, moisture, notes)
