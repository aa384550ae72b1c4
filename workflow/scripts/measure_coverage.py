"""Count how often the intervals hold the truth: SMAP one scale up, and the simulated one at 1 km."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kilomoist.evaluation.coverage import Intervals, coverage_rows, vegetation_classes
from kilomoist.files import replaced
from kilomoist.grids import CELL_SIDE, M01
from kilomoist.jobs import LOGGER, job
from kilomoist.rasters import Mosaic, chunks_of


def measure_coverage(
    errors_path: str,
    map_path: str,
    stacks: list[str],
    truth_path: str | None,
    vegetation: str | None,
    interval: float,
    path: str,
) -> None:
    """Write nominal and actual coverage and mean width per fold and class of `vegetation`, a predictor."""
    errors = pd.read_parquet(errors_path)
    rows: list[dict[str, object]] = []
    if len(errors):
        groups = {"all": np.ones(len(errors), bool)}
        groups |= {f"fold {fold}": (errors["fold"] == fold).to_numpy() for fold in sorted(errors["fold"].unique())}
        if vegetation:
            groups |= vegetation_classes(vegetation, errors[vegetation].to_numpy())
        values = (errors[name].to_numpy() for name in ("observed", "lower", "upper"))
        rows += coverage_rows("9 km, one scale up", [(groups, *values)], interval)
    if truth_path:
        parts = true_intervals(map_path, stacks, truth_path, vegetation)
        rows += coverage_rows("1 km, simulated truth", parts, interval)
    LOGGER.info("Coverage of the intervals:\n%s", pd.DataFrame(rows).to_string(index=False))
    with replaced(path) as partial:
        columns = ["support", "group", "n", "nominal", "coverage", "width"]
        pd.DataFrame(rows, columns=columns).to_csv(partial, index=False, float_format="%.6f")


def true_intervals(map_path: str, stacks: list[str], truth_path: str, vegetation: str | None) -> Iterator[Intervals]:
    """The simulated truth at 1 km and the map's intervals, chunk by chunk."""
    with Mosaic([map_path], M01) as mapped, Mosaic(stacks, M01) as stack, Mosaic([truth_path], M01) as truth:
        for chunk in chunks_of(mapped.window.coarsened(CELL_SIDE)):
            pixels = chunk.refined(CELL_SIDE)
            ends = mapped.read(pixels, ["lower", "upper"])
            found = [truth.read(pixels, ["soil_moisture"])["soil_moisture"], ends["lower"], ends["upper"]]
            plants = stack.read(pixels, [vegetation])[vegetation] if vegetation else found[0]
            valid = np.isfinite([*found, plants]).all(axis=0)
            groups = {"all": np.ones(int(valid.sum()), bool)}
            if vegetation:
                groups |= vegetation_classes(vegetation, plants[valid])
            yield groups, *(values[valid] for values in found)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        measure_coverage(
            *(snakemake.input[name] for name in ("errors", "soil_moisture")),
            list(snakemake.input.stacks),
            next(iter(snakemake.input.truth), None),
            *(snakemake.params[name] for name in ("vegetation", "interval")),
            snakemake.output.coverage,
        )
