"""Put the verdicts on the blocks together: quality flags, the area of applicability, the covariate shift."""

import numpy as np

from kilomoist.files import read_json, replaced
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import LOGGER, job
from kilomoist.maps import FLAGS, colour_table, flag_block, flag_table, legend
from kilomoist.rasters import mosaic, read_tags, write_raster
from kilomoist.shifts import shift_tables


def assemble_quality(
    blocks: dict[str, list[str]],
    correction_path: str,
    target: str,
    use: list[str],
    few: dict[str, float],
    model_only: int,
    units: dict[str, str],
    tags: dict[str, str],
    paths: dict[str, str],
) -> None:
    """Write flags and dissimilarity index as COGs, and the tables of flags and of the shift.

    `blocks` are the files of each block by name: raw (map), stacks, verdicts, shifts; `model_only` the days of the
    month on which the target is its model alone.
    """
    solved, cells = mosaic([correction_path], M09)
    pixels = cells.refined(CELL_SIDE)
    flags, index = np.zeros(pixels.shape, np.uint8), np.full(pixels.shape, np.nan, np.float32)
    found = read_tags(blocks["verdicts"][0])  # the same in all blocks
    threshold = float(found["threshold"])
    for raw_block, stack_path, verdict_path in zip(
        *(blocks[name] for name in ("raw", "stacks", "verdicts")), strict=True
    ):
        raw, window = mosaic([raw_block], M01)
        stack, _ = mosaic([stack_path], M01)
        verdict, _ = mosaic([verdict_path], M01)
        here = window.within(pixels)
        reconciled = solved["reconciled"][window.coarsened(CELL_SIDE).within(cells)] > 0
        index[here] = verdict["dissimilarity"]
        others = {
            "outside_range": verdict["outside_range"] > 0,
            "outside_applicability": verdict["dissimilarity"] > threshold,
            "without_radiometer": np.bool_(model_only > 0),
        }
        flags[here] = flag_block(raw["soil_moisture"], stack, few, reconciled, others)
    table = flag_table(flags)
    if model_only:
        LOGGER.warning(
            "%s had no radiometer on %d days of %s: it is its land model alone there, and bit %d of quality.tif is set "
            "everywhere.",
            *(target, model_only, tags["month"], FLAGS["without_radiometer"].bit),
        )
    LOGGER.info("Shares of the pixels that have a value:\n%s", table.to_string(index=False))
    own = {name: found[name] for name in ("method", "model", "alpha", "note") if name in found}
    write_raster(
        paths["quality"],
        {"quality": flags},
        M01,
        pixels,
        tags | own | legend(use) | {"days_without_radiometer": str(model_only)},
        cloud_optimized=True,
        colours=colour_table(),
    )
    inside = 1 - table.set_index("flag").loc[FLAGS["outside_applicability"].meaning, "share"]
    own |= {name: found[name] for name in ("threshold", "mean_distance", "weights") if name in found}
    index_tags = tags | own | {"share_inside": f"{inside:.6f}"}
    write_raster(paths["applicability"], {"dissimilarity": index}, M01, pixels, index_tags, cloud_optimized=True)
    summary, histograms = shift_tables([read_json(path) for path in blocks["shifts"]], units)
    for name, frame in (("flags", table), ("shift", summary), ("histograms", histograms)):
        with replaced(paths[name]) as partial:
            frame.to_csv(partial, index=False)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        assemble_quality(
            {name: list(snakemake.input[name]) for name in ("raw", "stacks", "verdicts", "shifts")},
            snakemake.input.correction,
            *(snakemake.params[name] for name in ("target", "use", "few", "model_only", "units", "tags")),
            dict(snakemake.output.items()),
        )
