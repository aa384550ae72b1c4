"""Collect the cells of all blocks: the region's 9 km maps and its training table."""

from kilomoist.grids import M09
from kilomoist.jobs import LOGGER, rule_script
from kilomoist.metadata import describe
from kilomoist.predictors.samples import collect, split_randomly, write_samples
from kilomoist.predictors.target_mean import few_passes
from kilomoist.rasters import mosaic, read_run, write_raster


@rule_script
def collect_samples(
    *,
    blocks: list[str],
    passes: list[str],
    use: list[str],
    minimum_valid_fraction: float,
    minimum_passes: int,
    test_fraction: float,
    seed: int,
    units: dict[str, str],
    origin: dict[str, list[str]],
    cells: str,
    target: str,
    samples: str,
) -> None:
    """Write all cells, the target's map and the samples with their random split.

    `passes` holds the target's mean where its fields have gaps.
    """
    bands, window = mosaic(blocks, M09)
    run = read_run(blocks[0])
    inside = bands["region_fraction"] > 0
    few = few_passes(passes[0], window, inside, minimum_passes) if passes else ""
    if few:
        LOGGER.warning("%s, %s: %s.", run["target"], run["month"], few)
    frame = collect(bands, window, use, minimum_valid_fraction, few)
    frame["split"] = split_randomly(len(frame), test_fraction, seed)
    write_raster(cells, bands, M09, window, run)
    moisture = {"soil_moisture": bands["target"].astype("float32")}
    tags = describe(run, "soil_moisture_9km", **origin)
    write_raster(target, moisture, M09, window, tags, {"soil_moisture": "m3 m-3"}, cloud_optimized=True)
    known = {"lon": "degrees_east", "lat": "degrees_north", "target": "m3 m-3"} | {name: units[name] for name in use}
    frame.attrs = describe(run, "samples", **origin) | {"units": known}  # kept in the file's metadata
    write_samples(samples, frame, use)
