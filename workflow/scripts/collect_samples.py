"""Collect the cells of all blocks: the region's 9 km maps and its training table."""

from kilomoist.grids import M09
from kilomoist.jobs import job
from kilomoist.predictors.samples import collect, split_randomly, write_samples
from kilomoist.rasters import mosaic, write_raster


def collect_samples(
    blocks: list[str],
    use: list[str],
    minimum_valid_fraction: float,
    test_fraction: float,
    seed: int,
    tags: dict[str, str],
    cells_path: str,
    target_path: str,
    samples_path: str,
) -> None:
    """Write all cells, the target's map and the samples with their random split."""
    cells, window = mosaic(blocks, M09)
    frame = collect(cells, window, use, minimum_valid_fraction)
    frame["split"] = split_randomly(len(frame), test_fraction, seed)
    write_raster(cells_path, cells, M09, window, tags)
    moisture = {"soil_moisture": cells["target"].astype("float32")}
    write_raster(target_path, moisture, M09, window, tags, {"soil_moisture": "m3 m-3"}, cloud_optimized=True)
    frame.attrs = tags  # kept in the file's metadata
    write_samples(samples_path, frame, use)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        collect_samples(
            list(snakemake.input.cells),
            *(snakemake.params[name] for name in ("use", "minimum_valid_fraction", "test_fraction", "seed", "tags")),
            *snakemake.output,
        )
