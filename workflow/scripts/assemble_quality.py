"""Put the verdicts on the blocks together: quality flags, the area of applicability, the covariate shift."""

import numpy as np

from kilomoist.files import read_json, replaced
from kilomoist.grids import CELL_SIDE, M01, M09
from kilomoist.jobs import LOGGER, job
from kilomoist.mapping.flags import FLAGS, colour_table, flag_block, flag_table, legend
from kilomoist.mapping.shifts import shift_tables
from kilomoist.rasters import Mosaic, chunks_of, mosaic, raster_chunks, read_tags


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
    solved, cells = mosaic([correction_path], M09, ["reconciled"])
    pixels = cells.refined(CELL_SIDE)
    found = read_tags(blocks["verdicts"][0])  # the same in all blocks
    threshold = float(found["threshold"])
    own = {name: found[name] for name in ("method", "model", "alpha", "note") if name in found}
    flag_tags = tags | own | legend(use) | {"days_without_radiometer": str(model_only)}
    reconciled = bool((solved["reconciled"] > 0).any())
    flag_tags["reconciled"] = "yes" if reconciled else "no"
    own |= {name: found[name] for name in ("threshold", "mean_distance", "weights") if name in found}
    colours = colour_table(reconciled)
    needed = [*(f"{name}_days" for name in few), "water", "snow", "lst_day"]
    numbers = np.zeros(256, np.int64)
    with (
        Mosaic(blocks["raw"], M01) as raw,
        Mosaic(blocks["stacks"], M01) as stacks,
        Mosaic(blocks["verdicts"], M01) as verdicts,
        raster_chunks(paths["quality"], M01, pixels, flag_tags, cloud_optimized=True, colours=colours) as quality,
        raster_chunks(paths["applicability"], M01, pixels, tags | own, cloud_optimized=True) as applicability,
    ):
        for chunk in chunks_of(cells):
            here = chunk.refined(CELL_SIDE)
            verdict = verdicts.read(here)
            others = {
                "outside_range": verdict["outside_range"] > 0,
                "outside_applicability": verdict["dissimilarity"] > threshold,
                "without_radiometer": np.bool_(model_only > 0),
            }
            kept = solved["reconciled"][chunk.within(cells)] > 0
            flags = flag_block(raw.read(here)["soil_moisture"], stacks.read(here, needed), few, kept, others)
            numbers += np.bincount(flags.ravel(), minlength=256)
            quality.write({"quality": flags}, here)
            applicability.write({"dissimilarity": verdict["dissimilarity"]}, here)
        table = flag_table(numbers)
        inside = 1 - table.set_index("flag").loc[FLAGS["outside_applicability"].meaning, "share"]
        applicability.tags["share_inside"] = f"{inside:.6f}"
    if model_only:
        LOGGER.warning(
            "%s had no radiometer on %d days of %s: it is its land model alone there, and bit %d of quality.tif is set "
            "everywhere.",
            *(target, model_only, tags["month"], FLAGS["without_radiometer"].bit),
        )
    LOGGER.info("Shares of the pixels that have a value:\n%s", table.to_string(index=False))
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
