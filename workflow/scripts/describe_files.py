"""Write what a run's files are, what the columns of its tables are, and how QGIS and GDAL show its rasters."""

from pathlib import Path

from kilomoist.files import read_table, replaced, write_table
from kilomoist.jobs import rule_script
from kilomoist.publishing.categories import merged, read_categories, write_attribute_table
from kilomoist.publishing.dictionary import columns_of
from kilomoist.publishing.readme import run_readme
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
from kilomoist.rasters import read_header, read_run, read_statistics, read_tags
from kilomoist.texts import Language, speaking


@rule_script
def describe_files(
    *,
    rasters: list[str],
    ranges: str,
    granules: str,
    files: list[str],
    language: Language,
    readme: str,
    columns: str,
    styles: list[str],
    categories: str,
    classes: str,
) -> None:
    """Write README.txt and the data dictionary of the tables among the `files`, which are below the run's folder; a
    style for QGIS beside each raster, and GDAL's tables of what the values of flags mean.
    """
    named = {Path(raster).stem: raster for raster in rasters}
    run, tags = read_run(named["soil_moisture"]), read_tags(named["interval"]) if "interval" in named else None
    products = list(read_table(granules)["product"].unique())
    with speaking(language), replaced(readme) as partial:
        partial.write_text(run_readme(run, files, products, tags), encoding="utf-8")
    write_table(columns, columns_of(files))

    found = read_categories(named["quality"], read_header(named["quality"]).tags["reconciled"] != "no")
    of_flags = {"quality": (found, categories), "quality_class": (merged(found), classes)}
    moisture = moisture_scale(read_table(ranges))
    for (name, raster), style in zip(named.items(), styles, strict=True):
        header = read_header(raster)
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
