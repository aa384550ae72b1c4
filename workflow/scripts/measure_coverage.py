"""Count how often the intervals hold the truth: SMAP one scale up, and the simulated one at 1 km."""

import numpy as np
import pandas as pd

from kilomoist.files import replaced
from kilomoist.grids import M01
from kilomoist.jobs import LOGGER, job
from kilomoist.rasters import mosaic, read_window
from kilomoist.uncertainty import coverage_rows, vegetation_classes


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
        rows += coverage_rows("9 km, one scale up", groups, *values, interval)
    if truth_path:
        rows += true_rows(map_path, stacks, truth_path, vegetation, interval)
    LOGGER.info("Coverage of the intervals:\n%s", pd.DataFrame(rows).to_string(index=False))
    with replaced(path) as partial:
        # Rounded: the last bits of means depend on how the map is divided into blocks.
        columns = ["support", "group", "n", "nominal", "coverage", "width"]
        pd.DataFrame(rows, columns=columns).to_csv(partial, index=False, float_format="%.6f")


def true_rows(
    map_path: str, stacks: list[str], truth_path: str, vegetation: str | None, interval: float
) -> list[dict[str, object]]:
    """Coverage of the simulated truth at 1 km, of the pixels of all blocks."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("observed", "lower", "upper", "vegetation")}
    for path in stacks:
        stack, pixels = mosaic([path], M01)
        found = {name: read_window(map_path, name, M01, pixels) for name in ("lower", "upper")}
        found["observed"] = read_window(truth_path, "soil_moisture", M01, pixels)
        found["vegetation"] = stack[vegetation] if vegetation else found["observed"]
        valid = np.all([np.isfinite(values) for values in found.values()], axis=0)
        for name, values in found.items():
            parts[name].append(values[valid])
    whole = {name: np.concatenate(values) for name, values in parts.items()}
    groups = {"all": np.ones(len(whole["observed"]), bool)}
    if vegetation:
        groups |= vegetation_classes(vegetation, whole["vegetation"])
    values = (whole[name] for name in ("observed", "lower", "upper"))
    return coverage_rows("1 km, simulated truth", groups, *values, interval)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        measure_coverage(
            *(snakemake.input[name] for name in ("errors", "soil_moisture")),
            list(snakemake.input.stacks),
            next(iter(snakemake.input.truth), None),
            *(snakemake.params[name] for name in ("vegetation", "interval")),
            snakemake.output.coverage,
        )
