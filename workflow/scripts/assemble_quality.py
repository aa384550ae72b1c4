"""Put together what is said of each pixel beside its value: flags, applicability, covariate shift, intervals."""

import numpy as np

from kilomoist.files import write_table
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.mapping import flags
from kilomoist.mapping.maps import bounds_of, cell_errors, interval_block
from kilomoist.mapping.shifts import read_counts, shift_tables
from kilomoist.metadata import describe
from kilomoist.quality_flags import CLASSES, FLAGS
from kilomoist.rasters import Mosaic, chunks_of, mosaic, raster_chunks, read_tags

ENDS = "lower", "upper", "conditional_lower", "conditional_upper"


def write_interval(
    path: str, soil_moisture: str, offsets: list[str], cells: str, target_error: float, nominal: float
) -> None:
    """Write the total and the conditional interval of nominal coverage, around the finished map, as a COG.

    `target_error` is the standard error (m³/m³) of the product's cells; merged cells (`merged_cells.tif`) tell what is
    left of it after weighing.
    """
    tags = read_tags(soil_moisture)
    bounds, error = bounds_of(tags["target"]), cell_errors(cells, target_error)
    tags = describe(tags, "interval") | {"interval": f"{nominal:g}"}
    tags |= {"target_error": f"{target_error:g} m3 m-3", "target_error_left": f"{error.left:.4g} m3 m-3"}
    units, bounded = dict.fromkeys(ENDS, "m3 m-3"), False
    with (
        Mosaic([soil_moisture], M01) as mapped,
        Mosaic(offsets, M01) as sides,
        raster_chunks(path, M01, mapped.window, tags, units, cloud_optimized=True) as raster,
    ):
        for chunk in chunks_of(mapped.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            values = mapped.read(pixels)["soil_moisture"]
            ends = interval_block(values, sides.read(pixels), error, nominal, bounds)
            bounded |= bool(np.isfinite(ends["lower"]).any())
            raster.write(ends, pixels)
        if not bounded:
            raster.tags["interval"] = "none: the region is too small to count errors one scale up"


@rule_script
def assemble_quality(
    *,
    soil_moisture: str,
    cells: str,
    stacks: list[str],
    verdicts: list[str],
    shifts: list[str],
    offsets: list[str],
    correction: str,
    use: list[str],
    interval_settings: dict[str, float],
    few_days: dict[str, float],
    model_only_days: int,
    units: dict[str, str],
    origin: dict[str, list[str]],
    quality: str,
    quality_class: str,
    applicability: str,
    frequencies: str,
    shift: str,
    histograms: str,
    interval: list[str],
) -> None:
    """Write flags, their classes and the dissimilarity index as COGs, and the tables of flags and of the shift.

    `model_only_days` are those of the month on which the target is its model alone. Where `offsets` are given, also
    `interval`, by the `nominal` coverage and the `target_error` of `interval_settings` (`write_interval`).
    """
    solved, window = mosaic([correction], M09, ["reconciled"])
    reconciled, pixels = solved["reconciled"] > 0, window.refined(CELL_SIDE)
    is_anywhere = bool(reconciled.any())
    tags = read_tags(verdicts[0])  # the same in all blocks
    of_flags = {name: text for name, text in tags.items() if name not in ("threshold", "mean_distance", "weights")}
    of_flags |= flags.legend(use) | {"days_without_radiometer": str(model_only_days)}
    of_flags["reconciled"] = "yes" if is_anywhere else "no"
    colours, class_of = flags.colour_table(is_anywhere), flags.class_of_values(is_anywhere)
    of_classes = {name: text for name, text in of_flags.items() if not name.startswith("bit_")}
    of_classes |= {f"class_{value}": of.meaning for value, of in enumerate(CLASSES)}
    of_flags, of_index = describe(of_flags, "quality", **origin), describe(tags, "applicability", **origin)
    of_classes = describe(of_classes, "quality_class", **origin)
    class_colours = {value: of.rgb for value, of in enumerate(CLASSES)}
    units_of_index = {"dissimilarity": "1"}
    needed = [*(f"{name}_days" for name in few_days), "water", "snow", "lst_day"]
    numbers = np.zeros(256, np.int64)
    with (
        Mosaic([soil_moisture], M01) as mapped,
        Mosaic(stacks, M01) as predictors,
        Mosaic(verdicts, M01) as judged,
        raster_chunks(quality, M01, pixels, of_flags, cloud_optimized=True, colours=colours) as flag_raster,
        raster_chunks(
            quality_class, M01, pixels, of_classes, cloud_optimized=True, colours=class_colours
        ) as class_raster,
        raster_chunks(applicability, M01, pixels, of_index, units_of_index, cloud_optimized=True) as index_raster,
    ):
        for chunk in chunks_of(window):
            here = chunk.refined(CELL_SIDE)
            verdict, kept = judged.read(here), reconciled[chunk.within(window)]
            others = flags.verdict_flags(verdict, float(tags["threshold"]), model_only_days)
            values, stack = mapped.read(here)["soil_moisture"], predictors.read(here, needed)
            block = flags.flag_block(values, stack, few_days, kept, others)
            numbers += flags.count_values(block)
            flag_raster.write({"quality": block}, here)
            class_raster.write({"quality_class": class_of[block]}, here)
            index_raster.write({"dissimilarity": verdict["dissimilarity"]}, here)
        table = flags.flag_table(numbers)
        index_raster.tags["share_inside"] = f"{flags.share_without(table, 'outside_applicability'):.6f}"
    if model_only_days:
        LOGGER.warning(
            "%s had no radiometer on %d days of %s: it is its land model alone there, and bit %d of quality.tif is set "
            "everywhere.",
            *(tags["target"], model_only_days, tags["month"], FLAGS["without_radiometer"].bit),
        )
    LOGGER.info("Shares of the pixels that have a value:\n%s", table.to_string(index=False))
    summary, binned = shift_tables([read_counts(path) for path in shifts], units)
    for path, frame in ((frequencies, table), (shift, summary), (histograms, binned)):
        write_table(path, frame)
    for path in interval:
        write_interval(path, soil_moisture, offsets, cells, **interval_settings)
