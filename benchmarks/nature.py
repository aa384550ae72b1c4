"""Intervals and predictors on what was measured: python benchmarks/nature.py [--folder …] [--fields FILE …].

Copernicus soil water index and surface soil moisture (one day, 1/112°; index × 0.45 / 100 for m³/m³): pixels are
restored from the means of 9 × 9 as the map is at α = 0 (bilinear, reconciled), with the interval that the library
calibrates on cells restored from 36 × 36. For the whole and both halves, each with its own Q: `quantile_`, the `ratio_`
of errors that the library takes, `true_ratio_` (root mean squares of both), `needed_ratio_85_`, `90_` and `95_` (which
hold so many percent of the pixels), `coverage_`, mean `width_` and interval `score_`; `error_<field>_<n>` is the root
mean square error of n × n pixels restored from 4n × 4n.

OzNet (probes in Yanco, Australia; monthly means): what a site's pixel tells of its deviation from the mean of the other
sites of its cluster. `skill_` is 1 − MSE / MSE of that mean, of sites that were left out, with the ends of its 95 %
interval over sites drawn with replacement; `r_` is the correlation of deviations. A test of predictors, not of the map.

`--fields` takes other NetCDF-4 files with `lat`, `lon` and variables in % instead.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from kilomoist.cells import aligned, coarsen, interpolate
from kilomoist.evaluation.coverage import interval_scores
from kilomoist.grids import CELL_SIDE, COARSE_SIDE, Window
from kilomoist.learning.details import detail, reconciled_detail
from kilomoist.mapping.calibration import MapSettings, calibrate_interpolation
from kilomoist.reconciliation import reconcile

NATURE = Path(__file__).resolve().parents[2] / "shared/nature"
SATURATED = 0.45
"""Soil moisture that stands for an index of 100 %, m³/m³."""
INTERVAL, MINIMUM_FRACTION = 0.9, 0.5
"""The defaults of map.interval and quality.minimum_valid_fraction."""
SCALES = (1, 2, 4, 9, 18, 36, 72)
SIDE = CELL_SIDE * COARSE_SIDE
"""Pixels along a coarse cell."""

MOISTURE = "insitu_sm"
PREDICTORS = {
    "ndvi": ["ndvi_500m"],
    "lst": ["lst_1km"],
    "albedo": ["albedo_500m"],
    "ndvi_lst": ["ndvi_500m", "lst_1km"],
    "ndvi_lst_albedo": ["ndvi_500m", "lst_1km", "albedo_500m"],
    "texture": ["clay", "silt", "sand"],
}
COLUMNS = [MOISTURE, *dict.fromkeys(column for columns in PREDICTORS.values() for column in columns)]
SEASONS = {"year": range(1, 13), "summer": (12, 1, 2, 3), "winter": (5, 6, 7, 8)}
"""Months of the southern hemisphere."""
CLUSTER_MONTH = ["cluster", "year", "month"]
LEARNERS: dict[str, Callable[[], Any]] = {
    "linear": LinearRegression,
    "forest": lambda: RandomForestRegressor(100, min_samples_leaf=30, random_state=0),
}
MIN_DAYS, MIN_SITES, DRAWS = 15, 7, 2000


def fields_of(path: Path) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Soil moisture by name of each variable in % but quality and noise, m³/m³, (rows, columns); NaN beyond 0–100 %."""
    with h5py.File(path) as file:
        for name, variable in file.items():
            unit = variable.attrs.get("units", b"")
            if (unit if isinstance(unit, str) else unit.decode()) != "%" or "noise" in name or "QFLAG" in name:
                continue
            stored = variable[...].reshape(variable.shape[-2:])
            percent = stored * float(np.ravel(variable.attrs.get("scale_factor", 1))[0])
            yield name, np.where(percent <= 100, percent, np.nan) * SATURATED / 100


def interval_on(truth: NDArray) -> dict[str, float]:
    """Interval of a field restored from its 9 × 9 means as the map is at α = 0, and ratios of errors between scales.

    `truth` is (rows, columns) in m³/m³, whole coarse cells. Only `errors`, their number, where there are too few.
    """
    cells = Window(0, 0, truth.shape[0] // CELL_SIDE, truth.shape[1] // CELL_SIDE)
    target, _ = coarsen(truth, cells.refined(CELL_SIDE), CELL_SIDE, MINIMUM_FRACTION)
    made = MapSettings(True, INTERVAL, MINIMUM_FRACTION)
    calibrated = calibrate_interpolation(target, cells, made)
    if calibrated.quantile is None:
        return {"errors": calibrated.errors}
    raw = np.where(np.isfinite(truth), interpolate(target, cells, cells.refined(CELL_SIDE), CELL_SIDE), np.nan)
    restored, _ = reconcile(raw, target, CELL_SIDE, cells, MINIMUM_FRACTION)
    half_width = calibrated.quantile * calibrated.error_scale_ratio
    lower, upper = restored - half_width, restored + half_width
    valid = np.isfinite(restored)
    error = np.abs(truth - restored)[valid]
    coarser = restoration_errors(target, cells)
    return {
        "errors": calibrated.errors,
        "quantile": calibrated.quantile,
        "ratio": calibrated.error_scale_ratio,
        "true_ratio": root_mean_square(error) / root_mean_square(coarser),
        **{f"needed_ratio_{n}": float(np.percentile(error, n)) / calibrated.quantile for n in (85, 90, 95)},
        "coverage": float(np.mean((lower <= truth)[valid] & (truth <= upper)[valid])),
        "width": float(np.mean((upper - lower)[valid])),
        "score": float(np.mean(interval_scores(truth[valid], lower[valid], upper[valid], INTERVAL))),
    }


def root_mean_square(values: NDArray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def restoration_errors(values: NDArray, window: Window) -> NDArray:
    """Errors of restoring values from the means of 4 × 4, bilinear and reconciled, where there are values."""
    error = reconciled_detail(detail(values, window, MINIMUM_FRACTION), window)
    return error[np.isfinite(error)]


def errors_by_scale(truth: NDArray) -> dict[int, float]:
    """Root mean square error of n × n pixels restored from 4n × 4n, m³/m³, by n, where 4n divide both sides."""
    found = {}
    for scale in SCALES:
        if any(side % (COARSE_SIDE * scale) for side in truth.shape):
            continue
        pixels = Window(0, 0, *truth.shape)
        values, window = coarsen(truth, pixels, scale, MINIMUM_FRACTION) if scale > 1 else aligned(truth, pixels, 1)
        found[scale] = root_mean_square(restoration_errors(values, window))
    return found


def parts_of(field: NDArray) -> dict[str, NDArray]:
    """The whole coarse cells of a field from its north-western corner, and their western and eastern halves."""
    rows, columns = (side // SIDE * SIDE for side in field.shape)
    middle = columns // SIDE // 2 * SIDE
    whole = field[:rows, :columns]
    return {"whole": whole, "west": whole[:, :middle], "east": whole[:, middle:]}


def monthly_means(folder: Path) -> pd.DataFrame:
    """Monthly means of OzNet's sites that lie in a cluster: site, cluster, year, month and `COLUMNS`.

    Of sites with `MIN_DAYS` days of soil moisture, in months with `MIN_SITES` sites of a cluster.
    """
    clusters = pd.read_csv(folder / "OzNet_study_sites.csv").dropna().set_index("sitename")["cluster"]
    tables = []
    for site, cluster in clusters.items():
        days = pd.read_csv(folder / f"OzNet_{site}_cleaned_data.csv", parse_dates=["time"])
        months = days.groupby([days["time"].dt.year.rename("year"), days["time"].dt.month.rename("month")])[COLUMNS]
        means = months.mean()[months.count()[MOISTURE] >= MIN_DAYS]
        tables.append(means.reset_index().assign(site=site, cluster=cluster))
    return with_enough_sites(pd.concat(tables, ignore_index=True))


def with_enough_sites(table: pd.DataFrame) -> pd.DataFrame:
    """Rows without gaps of the months with `MIN_SITES` sites of a cluster."""
    table = table.dropna()
    return table[table.groupby(CLUSTER_MONTH)["site"].transform("size") >= MIN_SITES].reset_index(drop=True)


def deviations(table: pd.DataFrame) -> pd.DataFrame:
    """Deviations of `COLUMNS` from the mean of the other sites of the cluster in the month; two sites at least."""
    months = table.groupby(CLUSTER_MONTH)[COLUMNS]
    number = months.transform("size").to_numpy()[:, None]
    others = (months.transform("sum") - table[COLUMNS]) / (number - 1)
    return table.assign(**(table[COLUMNS] - others))


def left_out(table: pd.DataFrame, columns: Sequence[str], learner: Callable[[], Any]) -> NDArray[np.float64]:
    """Deviations of soil moisture as learned without the site whose they are, m³/m³, (rows,)."""
    found, columns = np.empty(len(table)), list(columns)
    asked = deviations(table)
    for site in table["site"].unique():
        here = (table["site"] == site).to_numpy()
        rows = deviations(table[~here])
        found[here] = learner().fit(rows[columns], rows[MOISTURE]).predict(asked.loc[here, columns])
    return found


def history(table: pd.DataFrame) -> NDArray[np.float64]:
    """Mean deviation of soil moisture of the same site in the table's other years, m³/m³, (rows,); NaN without any."""
    own = deviations(table)
    site, year = own.groupby("site")[MOISTURE], own.groupby(["site", "year"])[MOISTURE]
    total, number = (site.transform(what) - year.transform(what) for what in ("sum", "size"))
    return (total / number.where(number > 0)).to_numpy()


def skill(table: pd.DataFrame, estimated: NDArray) -> tuple[float, float, float]:
    """Skill against the mean of the others and the ends of its 95 % interval, of sites drawn with replacement."""
    rows = deviations(table).assign(estimated=estimated)
    squares = pd.DataFrame(
        {"left": (rows[MOISTURE] - rows["estimated"]) ** 2, "all": rows[MOISTURE].where(np.isfinite(estimated)) ** 2}
    )
    sums = squares.groupby(rows["site"]).sum().to_numpy()
    times = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), DRAWS)
    drawn = times @ sums
    left, all_squares = sums.sum(axis=0)
    low, high = np.percentile(1 - drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    return float(1 - left / all_squares), float(low), float(high)


def print_intervals(path: Path) -> None:
    for name, field in fields_of(path):
        for part, truth in parts_of(field).items():
            for what, value in interval_on(truth).items():
                unit = " m3/m3" if what in ("quantile", "width", "score") else ""
                print(f"{what}_{name}_{part} {value:.5g}{unit}", flush=True)
        for scale, error in errors_by_scale(parts_of(field)["whole"]).items():
            print(f"error_{name}_{scale} {error:.5f} m3/m3", flush=True)


def print_predictors(folder: Path) -> None:
    table = monthly_means(folder)
    print(f"rows_oznet {len(table)}")
    print(f"cluster_months_oznet {table.groupby(CLUSTER_MONTH).ngroups}")
    months = table.groupby(CLUSTER_MONTH)[MOISTURE]
    print(f"deviation_oznet {(table[MOISTURE] - months.transform('mean')).std():.4f} m3/m3")
    for month, rows in deviations(table).groupby("month"):
        for name, (column, *more) in PREDICTORS.items():
            if not more:
                print(f"r_{name}_month{month} {rows[MOISTURE].corr(rows[column]):.2f}")
    for season, chosen in SEASONS.items():
        rows = table[table["month"].isin(chosen)].reset_index(drop=True)
        places = {"both": rows["site"].notna(), **{one: rows["cluster"] == one for one in sorted(set(rows["cluster"]))}}
        estimates = {
            f"{name}_{kind}": left_out(rows, columns, learner)
            for name, columns in PREDICTORS.items()
            for kind, learner in LEARNERS.items()
        } | {"history": history(rows)}
        for place, here in places.items():
            own = deviations(rows[here])
            for name, (column, *more) in PREDICTORS.items():
                if not more:
                    print(f"r_{name}_{season}_{place} {own[MOISTURE].corr(own[column]):.2f}")
            for name, estimated in estimates.items():
                value, low, high = skill(rows[here], estimated[here])
                print(f"skill_{name}_{season}_{place} {value:.3f} {low:.3f} to {high:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=NATURE)
    parser.add_argument("--fields", type=Path, nargs="+", default=[])
    asked = parser.parse_args()
    if not asked.fields and not asked.folder.is_dir():
        print(f"There is no folder {asked.folder}: nothing is measured. --fields takes fields of your own.")
        return
    for path in asked.fields or sorted(asked.folder.glob("cgls/*.nc")):
        print_intervals(path)
    if not asked.fields:
        print_predictors(asked.folder / "oznet")


if __name__ == "__main__":
    main()
