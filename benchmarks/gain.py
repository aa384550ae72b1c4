"""Gains that runs predict before any truth is read, and gains realised: python benchmarks/gain.py [--figure PATH].

Simulated landscapes under a clear sky (an exact SMAP, one that errs by 0.02 to 0.06 m³/m³ independently of the
predictors, half or all of it with them; noisy predictors), and, with ../shared/real, a real SMAP L4 field one level up,
whose truth is SMAP's own finer pattern and not soil. For each case three maps: `detail` reconciled with SMAP
(`reconcile: true`), reconciled with the target merged at `target_error` 0.04 (`warranted`), and the study's. Constants
of `kilomoist.evaluation.gain` were chosen on the scenes of `CHOICE`; the others are tests. Prints a line for each:
`gain_<set>_<case>_<map> predicted low high realised verdict`, then how many verdicts are right, wrong and untold.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from kilomoist.cells import aligned, block_mean, coarsen, fill_nearest, interpolate
from kilomoist.evaluation.gain import UNTOLD, USE_MAP, Prediction, evidence, predicted_gain
from kilomoist.grids import CELL_SIDE, Window
from kilomoist.learning.absolute import fit_absolute
from kilomoist.learning.detail import fit_detail
from kilomoist.learning.details import Cells
from kilomoist.learning.learners import LearnerSettings
from kilomoist.learning.predictions import predict_map
from kilomoist.learning.tuning import TuningOptions
from kilomoist.mapping.merging import merged_target
from kilomoist.reconciliation import reconcile
from kilomoist.simulation.landscapes import landscape, middle_of, season, truth
from kilomoist.simulation.scenes import FINER, LANDSCAPES, Scene
from kilomoist.simulation.smap import target_mean

MONTH, WINDOW, FRACTION = "2021-08", Window(240, 2880, 40, 56), 0.5
USE = ["ndvi", "evi", "lst_day"]
FOREST, LEAF = LearnerSettings("random_forest", 30, 2021, quantiles=False), TuningOptions(10)
TARGET_ERROR, REACH = 0.04, 4
CHOICE = [("steppe", 1, False), ("mountains", 2, False), ("steppe", 13, True)]
TEST = [("steppe", 21, False), ("mountains", 22, False), ("steppe", 23, True)]
ERRORS = [(0.0, 0.0), (0.02, 0.0), (0.04, 0.0), (0.06, 0.0), (0.02, 0.5), (0.04, 0.5), (0.06, 0.5), (0.04, 1.0)]
"""Standard deviation (m³/m³) of SMAP's error, and the share of its variance that goes with vegetation and soil."""
REAL = {"north-west": (0, 0), "north-east": (0, 1), "south-west": (1, 0), "south-east": (1, 1)}
PREDICTORS = {"useful": ["surface_temp_analysis", "sm_profile_analysis"], "useless": ["surface_temp_analysis"]}
STUDY_R2 = 0.73
COLOURS = {"reconciled": "tab:blue", "warranted": "tab:orange", "study": "tab:green"}


@dataclass(frozen=True)
class Case:
    """What a map is made from, over a window of cells, and the truth of its `factor` times finer pixels."""

    cells: Cells
    pixels: NDArray
    """Predictors, (predictors, rows × factor, columns × factor)."""
    truth: NDArray
    use: list[str]
    factor: int


def standard(field: NDArray) -> NDArray:
    return np.nan_to_num((field - np.nanmean(field)) / np.nanstd(field))


def spherical(shape: tuple[int, int], random: np.random.Generator) -> NDArray:
    """A random field with a spherical covariance of range `REACH`."""
    rows, columns = (2 * REACH + side for side in shape)
    away = np.hypot(np.fft.fftfreq(rows, 1 / rows)[:, None], np.fft.fftfreq(columns, 1 / columns)[None]) / REACH
    power = np.fft.fft2(np.where(away < 1, 1 - 1.5 * away + 0.5 * away**3, 0)).real
    white = np.fft.fft2(random.standard_normal((rows, columns)))
    return standard(np.fft.ifft2(white * np.sqrt(np.maximum(power, 0))).real[: shape[0], : shape[1]])


def scene_cases(kind: str, seed: int, noisy: bool) -> Iterator[tuple[str, Case]]:
    """Cases of a simulated landscape, one for each error of SMAP."""
    scene = Scene(WINDOW, seed, LANDSCAPES[kind])
    fields, random = landscape(scene), np.random.default_rng(seed)
    land, of = fields["lake"] == 0, scene.kind

    def mean(values: NDArray) -> NDArray:
        return block_mean(np.where(land, values, np.nan), FINER)[0]

    true = truth(fields, MONTH).astype(float)
    green = fields["wetness"] + 0.62 * fields["plants"] + 1.1 * (season(middle_of(MONTH)) - 1)
    green = green - of.green_fall * ((fields["elevation"] - of.green_height) / 1000) ** 2
    warm = 2.6 * fields["albedo"] - 0.8 * fields["plants"] - of.lapse_day * (fields["elevation"] - 1500) / 1000
    warm = 310 + warm - 3 * (fields["wetness"] + 0.5 * fields["soil"])
    white = (
        random.standard_normal((3, *true.shape))
        * np.array([0.06 * noisy + 0.01, 0.006, 1.8 * noisy + 0.3])[:, None, None]
    )
    ndvi = mean(0.10 + 0.72 / (1 + np.exp(-1.15 * (green - 0.15)))) + white[0]
    evi = 0.02 + 0.62 * np.clip(ndvi, 0, 1) ** 1.15 * (1 + 0.1 * mean(fields["canopy"])) + white[1]
    pixels = np.stack([ndvi, evi, mean(warm) + white[2]])
    pixels[:, ~np.isfinite(true)] = np.nan
    true[~np.isfinite(pixels).all(axis=0)] = np.nan
    exact, (means, count) = target_mean(true), block_mean(pixels, CELL_SIDE)
    means = np.where(count >= FRACTION * CELL_SIDE**2, means, np.nan)
    side = FINER * CELL_SIDE
    told = standard(standard(block_mean(green, side)[0]) + 0.5 * standard(block_mean(fields["soil"], side)[0]))
    independent = spherical(WINDOW.shape, random)
    for deviation, share in ERRORS[:: 2 if noisy else 1]:
        error = deviation * (np.sqrt(1 - share) * independent + np.sqrt(share) * told)
        name = f"{kind}-seed{seed}{'-noise' * noisy}-error{deviation:g}-with_predictors{share:g}"
        yield name, Case(Cells(exact + error, means, WINDOW), pixels, true, USE, CELL_SIDE)


def real_cases(path: Path) -> Iterator[tuple[str, Case]]:
    """A real SMAP L4 field, quarter by quarter, taken from 9 to 36 km: its own 9 km values are the truth."""
    import h5py

    names = ("sm_surface_analysis", "surface_temp_analysis", "sm_profile_analysis")
    with h5py.File(path) as file:
        fields = {name: file["Analysis_Data"][name][()].astype(float) for name in names}
    warm = (fields["surface_temp_analysis"] > 275) & (fields[names[0]] != -9999)
    fields = {name: np.where(warm, values, np.nan) for name, values in fields.items()}
    for quarter, (down, right) in REAL.items():
        window = Window(40, 87, 252, 560)
        cut = slice(252 * down, 252 * (down + 1)), slice(561 * right, 561 * right + 560)
        for usefulness, use in PREDICTORS.items():
            layers = [aligned(fields[name][cut], window, 4) for name in (names[0], *use)]
            coarse = layers[0][1]
            means = [coarsen(fields[name][cut], window, 4, 0.999)[0] for name in (names[0], *use)]
            true, pixels = layers[0][0], np.stack([layer for layer, _ in layers[1:]])
            true[~np.isfinite(np.kron(means[0], np.ones((4, 4))))] = np.nan
            pixels[:, ~np.isfinite(true)] = np.nan
            if np.isfinite(means[0]).sum() > 400:
                yield (
                    f"real-SMAP-{quarter}-{usefulness}",
                    Case(Cells(means[0], np.stack(means[1:]), coarse), pixels, true, use, 4),
                )


def samples_of(case: Case) -> pd.DataFrame:
    row, column = np.nonzero(case.cells.complete())
    window = case.cells.window
    table = {"row": row + window.row, "col": column + window.column, "target": case.cells.target[row, column]}
    return pd.DataFrame(
        table | dict(zip(case.use, case.cells.predictors[:, row, column], strict=True)) | {"split": "train"}
    )


def judged(case: Case) -> Iterator[tuple[str, Prediction, float]]:
    """Prediction and realised gain of each map of a case."""
    cells, factor, samples = case.cells, case.factor, samples_of(case)
    window, pixels, filled = cells.window, cells.window.refined(factor), cells.filled()
    valid = np.isfinite(case.truth)

    def interpolated(values: NDArray) -> NDArray:
        return np.where(valid, interpolate(fill_nearest(values), window, pixels, factor), np.nan)

    def error(values: NDArray) -> float:
        return float(np.nanmean((values - case.truth) ** 2))

    detail, _ = fit_detail(cells, case.use, FOREST, LEAF, FRACTION)
    study, _ = fit_absolute(samples, case.use, FOREST, LEAF)
    merged = merged_target(cells, samples, case.use, FOREST, LEAF, TARGET_ERROR)
    bilinear = interpolated(cells.target)
    added = predict_map(detail, case.pixels, pixels, filled, factor) - bilinear
    known = evidence(cells, samples, detail, FOREST, cells.target, FRACTION)
    # What the forests tell is the same of all maps of a case.
    taken, square = float(np.nanmean((merged.analysis - cells.target) ** 2)), merged.difference**2
    maps = {
        "reconciled": (cells.target, known),
        "warranted": (merged.analysis, replace(known, taken=taken, dropped=1 - merged.weight)),
    }
    for name, (held_to, own) in maps.items():
        mapped = reconcile(interpolated(held_to) + added, held_to, factor, window, FRACTION)[0]
        yield name, predicted_gain(own), 1 - error(mapped) / error(bilinear)
    plain = replace(known, left=known.detail, taken=square, dropped=1.0, reconciled=False)
    mapped = predict_map(study, case.pixels, pixels, filled, factor)
    yield "study", predicted_gain(plain), 1 - error(mapped) / error(bilinear)


def draw(rows: pd.DataFrame, path: Path) -> None:
    """One dot a case: realised gain over predicted gain, with its interval; the study's R² on the same axes."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 6))
    for (name, real), part in rows.groupby(["map", rows["case"].str.startswith("real")]):
        ends = [part["predicted"] - part["low"], part["high"] - part["predicted"]]
        label = f"{name}{', real SMAP one level up' if real else ', simulated'}"
        style = {"fmt": "s" if real else "o", "mfc": "none" if real else None, "ms": 5, "lw": 0.7}
        axes.errorbar(part["predicted"], part["realised"], xerr=ends, color=COLOURS[name], label=label, **style)
    exact = rows[(rows["map"] == "study") & rows["case"].str.contains("steppe.*error0-")]
    axes.plot(
        STUDY_R2, exact["realised"].mean(), "k*", ms=14, label="study: its R² at 9 km, its gain (simulated, SMAP exact)"
    )
    axes.axhline(0, color="0.6", lw=0.8)
    axes.axvline(0, color="0.6", lw=0.8)
    axes.plot([-10, 1], [-10, 1], color="0.6", lw=0.8, ls="--")
    for set_scale in (axes.set_xscale, axes.set_yscale):
        set_scale("symlog", linthresh=0.5)
    axes.set(xlim=(-12, 1.1), ylim=(-12, 1.1), xlabel="gain that the run predicts, before any truth is read")
    axes.set_ylabel("gain realised: 1 − MSE / MSE of SMAP, bilinear")
    axes.legend(fontsize=7, loc="upper left")
    figure.savefig(path, dpi=120, bbox_inches="tight")


def summarise(rows: pd.DataFrame, name: str) -> None:
    """Print how many verdicts are right, wrong and untold, and how many advise a map that is worse by over 2 %."""
    told = rows[rows["verdict"] != UNTOLD]
    right = (told["verdict"] == USE_MAP) == (told["realised"] > 0)
    harmful = ((rows["verdict"] == USE_MAP) & (rows["realised"] < -0.02)).sum()
    inside = ((rows["low"] <= rows["realised"]) & (rows["realised"] <= rows["high"])).sum()
    print(
        f"verdicts_{name} {len(rows)} right {right.sum()} wrong {(~right).sum()} untold {len(rows) - len(told)}",
        end=" ",
    )
    print(f"harmful {harmful} inside_interval {inside}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", type=Path, default=ROOT / "docs/images/gain.png")
    parser.add_argument("--real", type=Path, default=ROOT.parent / "shared/real")
    parser.add_argument("--sets", nargs="+", default=["choice", "test", "real"])
    chosen = parser.parse_args()
    granules = sorted(chosen.real.glob("SMAP_L4_SM_aup*"))
    if not granules:
        print(f"no SMAP L4 granule in {chosen.real}: without the real field", file=sys.stderr)
    cases: Mapping[str, list[Iterator[tuple[str, Case]]]] = {
        "choice": [scene_cases(*scene) for scene in CHOICE],
        "test": [scene_cases(*scene) for scene in TEST],
        "real": [real_cases(path) for path in granules],
    }
    found = []
    for group in chosen.sets:
        for several in cases[group]:
            for case, made in several:
                for name, said, gain in judged(made):
                    row = {"set": group, "case": case, "map": name, "predicted": said.gain, "low": said.low}
                    found.append(row | {"high": said.high, "realised": gain, "verdict": said.verdict})
                    numbers = f"{said.gain:.3f} {said.low:.3f} {said.high:.3f} {gain:.3f}"
                    print(f"gain_{group}_{case}_{name} {numbers} {said.verdict}", flush=True)
    table = pd.DataFrame(found)
    for keys, rows in table.groupby(["set", "map"]):
        summarise(rows, "_".join(keys))
    for group, rows in table.groupby("set"):
        summarise(rows, str(group))
    summarise(table, "all")
    draw(table, chosen.figure)


if __name__ == "__main__":
    main()
