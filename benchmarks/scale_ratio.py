"""What the ratio of errors between scales may be taken for: python benchmarks/scale_ratio.py.

Fields whose 1 km values are known, restored from their 9 km means without predictors (α = 0): bilinear, reconciled, by
the library's functions. Simulated landscapes: soil moisture, what plants follow, elevation. Where `../shared/nature`
is, Copernicus, in halves: a smoothed relative index of one day (× 0.45 / 100), not soil moisture. For each field its
`ratio` (root mean squares of the errors at 1 km and one scale up), and for each idea of the ratio its value, the
coverage of the 90 % interval, its width and interval score (Gneiting and Raftery 2007). Ideas: `continued` as between
72 and 9 km, as if alike on all scales; `equal`, 1; `delivered`; `largest` of all fields of another name.
"""

import math
from collections.abc import Iterator

import numpy as np
from nature import NATURE, SIDE, fields_of, parts_of, restoration_errors, root_mean_square
from numpy.typing import NDArray

from kilomoist.cells import Values, block_mean, interpolate
from kilomoist.configuration.types import SCENE_EXTENTS
from kilomoist.evaluation.coverage import interval_scores
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, Window
from kilomoist.learning.details import Cells, detail_rows
from kilomoist.mapping.calibration import Calibration, MapSettings, calibrate_interpolation
from kilomoist.reconciliation import reconcile
from kilomoist.simulation.landscapes import elevation_map, landscape, truth
from kilomoist.simulation.scenes import FINER, LANDSCAPES, make_scene

MADE = MapSettings(reconciled=True, interval=0.9, minimum_fraction=0.5)


def copernicus() -> Iterator[tuple[str, str, Values]]:
    """Indices of soil water and their halves, m³/m³ if 100 % were 0.45."""
    for path in sorted((NATURE / "cgls").glob("*.nc")):
        for name, field in fields_of(path):
            parts = parts_of(field)
            for part in ("west", "east") if name.startswith("SWI") else ("whole",):  # an eighth of SSM has values
                yield name, part, parts[part]


def simulated() -> Iterator[tuple[str, str, Values]]:
    """Fields of simulated landscapes at 1 km."""
    for kind in LANDSCAPES:
        fields = landscape(make_scene(SCENE_EXTENTS["full"], 2021, kind))
        yield f"simulated {kind}", "moisture", truth(fields, "2021-08").astype(float)
        if kind != "cloudy":  # which differs in clouds alone
            yield f"simulated {kind}", "plants", block_mean(fields["plants"], FINER)[0]
            yield f"simulated {kind}", "elevation", elevation_map(fields).astype(float)


def continued(cells: Cells) -> float:
    """Ratio of a field that is alike on all scales, with the exponent that it has between 72 and 9 km."""
    _, y = detail_rows(cells, 0.5)
    coarser = detail_rows(cells.coarsened(2, 0.5), 0.5)[1]
    exponent = max(math.log2(coarser.std() / y.std()), 0.05) if len(coarser) > 1 else 0.05
    left = (1 - CELL_SIDE ** (-2 * exponent)) / (1 - COARSE_SIDE ** (-2 * exponent))
    return float(COARSE_SIDE**-exponent * math.sqrt(left))


def restored(field: Values) -> tuple[Calibration, NDArray, float, float]:
    """Calibration, errors at 1 km, their ratio to those one scale up, and the continued ratio."""
    field = field[: field.shape[0] // SIDE * SIDE, : field.shape[1] // SIDE * SIDE]
    target, count = block_mean(field, CELL_SIDE)
    target[count < 0.5 * CELL_SIDE**2] = np.nan
    window = Window(0, 0, *target.shape)
    fine = interpolate(target, window, window.refined(CELL_SIDE), CELL_SIDE)
    values, _ = reconcile(np.where(np.isfinite(field), fine, np.nan), target, CELL_SIDE, window, 0.5)
    errors = (field - values)[np.isfinite(field)]
    ratio = root_mean_square(errors) / root_mean_square(restoration_errors(target, window))
    return calibrate_interpolation(target, window, MADE), errors, ratio, continued(Cells(target, target[None], window))


def main() -> None:
    found = [(name, part, *restored(field)) for fields in (copernicus, simulated) for name, part, field in fields()]
    for name, part, calibrated, errors, ratio, further in found:
        print(f"{name} {part}: ratio {ratio:.3f}")
        largest = max(other for label, _, _, _, other, _ in found if label != name)
        ideas = {"continued": further, "equal": 1.0, "delivered": calibrated.error_scale_ratio, "largest": largest}
        for idea, value in ideas.items():
            end = value * (calibrated.quantile or math.nan)
            score = interval_scores(errors, np.full_like(errors, -end), np.full_like(errors, end), MADE.interval).mean()
            held = np.mean(np.abs(errors) <= end)
            print(f"  {idea:9} {value:.3f}  coverage {held:.3f}  width {2 * end:.4f}  score {score:.4f}")


if __name__ == "__main__":
    main()
